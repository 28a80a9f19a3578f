from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pondscan.follow import ids

SYMBOLS = "0123456789bcdefghjkmnpqrstuvwxyz"


def decode(code: str) -> tuple[float, float, float, float]:
    """West, south, east, north of a geohash cell, by halving intervals."""
    bounds = [[-180.0, 180.0], [-90.0, 90.0]]
    bits = "".join(f"{SYMBOLS.index(symbol):05b}" for symbol in code)
    for number, bit in enumerate(bits):
        interval = bounds[number % 2]
        middle = sum(interval) / 2
        interval[0 if bit == "1" else 1] = middle
    return bounds[0][0], bounds[1][0], bounds[0][1], bounds[1][1]


def test_published_example():
    # The example that geohash.org gives for the north tip of Denmark.
    assert ids.place_codes(np.array([10.40744]), np.array([57.64911])).tolist() == ["u4pruydqq"]


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_code_names_the_cell_that_holds_the_place(lon, lat):
    code = str(ids.place_codes(np.array([lon]), np.array([lat]))[0])
    west, south, east, north = decode(code)
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


def test_no_places_no_codes():
    assert ids.place_codes(np.empty(0), np.empty(0)).tolist() == []
    assert ids.tell_apart(np.empty(0, np.str_)).tolist() == []


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12))
def test_told_apart_codes_are_unique_and_the_first_owner_keeps_it(codes):
    told = ids.tell_apart(np.array(codes, dtype=np.str_)).tolist()
    assert len(set(told)) == len(told)
    assert all(told[codes.index(code)] == code for code in set(codes))


def test_live_ids_and_later_claims_are_no_aliases():
    claims = pd.DataFrame(
        {"old_id": ["Pb", "Pa", "Pb", "Pc"], "new_id": ["P1", "P1", "P2", "P2"], "reason": ["r", "r", "r", "r"]}
    )
    table = ids.aliases(claims, live=np.array(["Pc", "P1", "P2"]))
    assert table.to_numpy().tolist() == [["Pa", "P1", "r"], ["Pb", "P1", "r"]]
