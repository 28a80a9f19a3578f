from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from pondscan.export.csv import csv_bytes
from pondscan.export.values import decimals_of, iso_utc, plain_rows, prepared
from pondscan.tables import Column

TABLE = (
    Column("id", "string", ""),
    Column("n", "integer", ""),
    Column("area_m2", "number", ""),
    Column("when", "datetime", ""),
    Column("is_dry", "boolean", ""),
)


def test_times_are_utc_with_the_decimals_they_have():
    assert iso_utc(datetime(2024, 2, 17, 4, 12, tzinfo=UTC)) == "2024-02-17T04:12:00Z"
    assert iso_utc(datetime(2024, 2, 17, 4, 12, 0, 25_000, tzinfo=UTC)) == "2024-02-17T04:12:00.025Z"
    assert iso_utc(datetime(2024, 2, 17, 6, 12, tzinfo=timezone(timedelta(hours=8)))) == "2024-02-16T22:12:00Z"


@pytest.mark.parametrize(
    ("name", "decimals"),
    [
        ("area_m2", 2),
        ("diameter_m", 2),
        ("trend_m2_per_year", 2),
        ("x", 2),
        ("lat", 7),
        ("solidity", 4),
        ("confidence", 4),
        ("observed_fraction", 4),
    ],
)
def test_a_number_has_the_decimals_its_unit_deserves(name, decimals):
    assert decimals_of(name) == decimals


def test_csv_is_written_the_one_way():
    frame = pd.DataFrame(
        {
            "unwanted": [1, 2, 3],
            "when": pd.to_datetime(["2024-02-17T04:12:00Z", None, "2024-02-18T00:00:00Z"], format="ISO8601"),
            "id": ["a", 'with "quote", comma', None],
            "n": [1.0, np.nan, 0.0],
            "area_m2": [12.0, np.nan, -0.001],
            "is_dry": [True, None, False],
        }
    )
    assert csv_bytes(frame, TABLE) == (
        b"id,n,area_m2,when,is_dry\n"
        b"a,1,12.0,2024-02-17T04:12:00Z,true\n"
        b'"with ""quote"", comma",,,,\n'
        b",0,0.0,2024-02-18T00:00:00Z,false\n"
    )


def test_zero_and_null_are_different():
    frame = pd.DataFrame({"id": ["a", "b"], "n": [0, None], "area_m2": [0.0, None], "when": None, "is_dry": None})
    assert plain_rows(prepared(frame, TABLE), TABLE) == [("a", 0, 0.0, None, None), ("b", None, None, None, None)]


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="lacks the columns area_m2, when, is_dry"):
        prepared(pd.DataFrame({"id": ["a"], "n": [1]}), TABLE)


def test_half_a_pond_is_no_integer():
    frame = pd.DataFrame({"id": ["a"], "n": [0.5], "area_m2": [1.0], "when": [None], "is_dry": [None]})
    with pytest.raises(TypeError):
        prepared(frame, TABLE)
