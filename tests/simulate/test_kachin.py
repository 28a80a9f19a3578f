"""The replica of Kachin: what is reported is met, and the parts fit together."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest

from pondscan.errors import ConfigError, WorkspaceError
from pondscan.simulate import cycle, kachin
from pondscan.simulate.census import truth
from pondscan.simulate.series import overpass


@pytest.fixture(scope="module")
def whole():
    return kachin.make_kachin(1)


def present(place, day: date):
    table = truth(place, overpass("planetscope", day))
    return table[(table["status"] == "present") & table["site_id"].notna()]


def test_the_pass_of_march_2022_shows_the_ponds_that_were_counted(whole):
    seen = present(whole, kachin.PASS_DAY)
    assert len(seen) == pytest.approx(2700, rel=0.03)
    assert 250 <= (seen["site_id"].value_counts() >= 2).sum() <= 380


def test_mining_grows_from_a_handful_as_reported(whole):
    n_sites = {year: present(whole, date(year, 3, 12))["site_id"].nunique() for year in (2016, 2021, 2022, 2024)}
    assert n_sites[2016] <= 15
    assert n_sites[2022] > 2.5 * n_sites[2021]
    opened = kachin.opened_days(1600)
    mined = [
        (opened + kachin.LEAD_DAYS <= cycle.day_number(datetime(*day, tzinfo=UTC))).sum()
        for day in ((2022, 3, 12), (2024, 5, 22))
    ]
    assert mined == [1000, 1400]


def test_a_smaller_square_is_as_dense():
    seen = present(kachin.make_kachin(2, 9000.0), kachin.PASS_DAY)
    assert len(seen) == pytest.approx(81 * kachin.PONDS_PER_KM2, rel=0.15)


def test_strips_cover_the_place_and_overlap(whole):
    parts = list(kachin.strips_of(whole))
    assert [part.x_origin - whole.x_origin for part in parts] == [0, 7000, 14000, 21000]
    assert [part.width_m for part in parts] == [8000, 8000, 8000, 6000]
    assert all(part.height_m == whole.height_m for part in parts)


def test_a_square_without_room_for_a_mine_is_refused():
    with pytest.raises(ConfigError, match="at least 3000 m"):
        kachin.make_kachin(1, 600.0)


def test_scenes_and_truth_lie_in_two_folders(tmp_path):
    made = kachin.simulate_kachin(tmp_path, seed=3, side_m=3000.0, years=(2022,))
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")) == [
        "strips/planetscope_20220312_strip1.clear.tif",
        "strips/planetscope_20220312_strip1.tif",
        "strips/truth.geojson",
        "years/sentinel-2_20220215.clear.tif",
        "years/sentinel-2_20220215.tif",
        "years/truth.geojson",
    ]
    assert made.truths[0]["pond_id"].is_unique
    with pytest.raises(WorkspaceError, match="not empty"):
        kachin.simulate_kachin(tmp_path, side_m=3000.0, years=(2022,))


def test_a_pond_hidden_in_one_strip_and_seen_in_the_next_counts_as_seen():
    table = truth(kachin.make_kachin(2, 4000.0), overpass("planetscope", kachin.PASS_DAY))
    hidden = table.assign(status=np.where(table["status"] == "present", "clouded", table["status"]))
    merged = kachin._best_seen([hidden, table])
    assert (merged["status"] == "present").sum() == (table["status"] == "present").sum() > 0
    assert merged["pond_id"].is_unique
