"""Who is believed about scale and offset, and counts to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pondscan.model import INVALID
from pondscan.scenes.radiometry import MAX_COUNT, Claim, settle, to_counts


def test_the_first_source_that_speaks_is_believed() -> None:
    settled = settle([Claim("config"), Claim("flag", offset=0.0), Claim("xml", 1e-4, 0.0), Claim("gdal", 1e-4, 0.0)])
    assert (settled.scale, settled.offset, settled.conflicts) == (1e-4, 0.0, ())


def test_a_conflict_names_both_values_and_both_sources() -> None:
    settled = settle([Claim("flag", offset=0.0), Claim("item", 1e-4, -0.1), Claim("gdal", 2e-4, None)])
    assert (settled.scale, settled.offset) == (1e-4, 0.0)
    assert settled.conflicts == (
        "scale 0.0001 (item) is used, not 0.0002 (gdal)",
        "offset 0 (flag) is used, not -0.1 (item)",
    )


def test_nobody_speaks() -> None:
    assert settle([Claim("config"), Claim("xml")]).scale is None


def test_rounding_in_the_sources_is_no_conflict() -> None:
    assert settle([Claim("a", 1e-4, -0.1), Claim("b", 1e-4 * (1 + 1e-9), -0.1)]).conflicts == ()


@pytest.mark.parametrize(
    ("dn", "scale", "offset", "wanted"),
    [
        (1234, 1e-4, 0.0, 1234),
        (2234, 1e-4, -0.1, 1234),
        (500, 1e-4, -0.1, -500),
        (1000, 1e-4, 0.1, 2000),
        (65535, 1e-4, 0.0, MAX_COUNT),
        (65535, 1e-4, -0.1, MAX_COUNT),
        (33767, 1e-4, -0.1, 32767),
        (33766, 1e-4, -0.1, 32766),
        (10000, 2.75e-5, -0.2, 750),
        (7273, 2.75e-5, -0.2, 0),
        (6554, 1 / 65535, 0.0, 1000),
        (60000, 1e-4, 0.0, MAX_COUNT),
    ],
)
def test_counts_of_16_bit_numbers(dn: int, scale: float, offset: float, wanted: int) -> None:
    counts = to_counts(np.array([dn], np.uint16), scale=scale, offset=offset)
    assert counts.dtype == np.int16
    assert counts.tolist() == [wanted]


def test_no_data_is_invalid_in_every_type() -> None:
    assert to_counts(np.array([0, 5], np.uint16), scale=1e-4, offset=0.0, nodata=0).tolist() == [INVALID, 5]
    assert to_counts(np.array([0, 5], np.uint16), scale=1e-4, offset=-0.1, nodata=0).tolist() == [INVALID, -995]
    assert to_counts(np.array([-9999, 5], np.int16), scale=1e-4, offset=0.0, nodata=-9999.0).tolist() == [INVALID, 5]
    assert to_counts(np.array([255, 51], np.uint8), scale=1 / 255, offset=0.0, nodata=255).tolist() == [INVALID, 2000]
    floats = np.array([np.nan, 0.25, np.inf, -np.inf, -9999.0], np.float32)
    assert to_counts(floats, scale=1.0, offset=0.0, nodata=-9999.0).tolist() == [INVALID, 2500, 32767, -32767, INVALID]
    assert to_counts(floats[:2], scale=1.0, offset=0.0, nodata=float("nan")).tolist() == [INVALID, 2500]


def test_a_no_data_value_the_type_cannot_hold_marks_nothing() -> None:
    assert to_counts(np.array([0, 5], np.uint16), scale=1e-4, offset=0.0, nodata=-9999.0).tolist() == [0, 5]


def test_a_deep_negative_number_is_not_taken_for_no_data() -> None:
    assert to_counts(np.array([-1000.0], np.float32), scale=1.0, offset=0.0).tolist() == [-MAX_COUNT]


def test_the_argument_is_left_as_it_was() -> None:
    dn = np.array([0, 40000], np.uint16)
    to_counts(dn, scale=1e-4, offset=-0.1, nodata=0)
    assert dn.tolist() == [0, 40000]


@given(st.lists(st.integers(20, 20000), min_size=1), st.sampled_from([0, 1000, 2000]))
def test_an_offset_changes_no_count(surface: list[int], added: int) -> None:
    plain = to_counts(np.array(surface, np.uint16), scale=1e-4, offset=0.0, nodata=0)
    shifted = to_counts(np.array(surface, np.uint16) + np.uint16(added), scale=1e-4, offset=-added / 1e4, nodata=0)
    assert plain.tolist() == surface
    assert shifted.tolist() == surface


@given(st.integers(0, 65535), st.integers(-2000, 2000))
def test_fast_and_plain_arithmetic_agree(dn: int, shift: int) -> None:
    fast = to_counts(np.array([dn], np.uint16), scale=1e-4, offset=shift * 1e-4)
    plain = to_counts(np.array([dn], np.int32), scale=1e-4, offset=shift * 1e-4)
    assert fast.tolist() == plain.tolist() == [max(-MAX_COUNT, min(MAX_COUNT, dn + shift))]


def test_counts_may_take_the_place_of_the_numbers() -> None:
    dn = np.array([0, 5, 1200, 65535], np.uint16)
    apart = to_counts(dn.copy(), scale=1e-4, offset=-0.1, nodata=0)
    assert apart.tolist() == [INVALID, -995, 200, MAX_COUNT]
    assert to_counts(dn, scale=1e-4, offset=-0.1, nodata=0, out=dn.view(np.int16)).tolist() == apart.tolist()
    assert dn.view(np.int16).tolist() == apart.tolist()
