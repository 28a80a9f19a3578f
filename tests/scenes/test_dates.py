"""When a scene was taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pondscan.errors import ConfigError, InputError
from pondscan.model import Grid, Scene
from pondscan.scenes.dates import date_in_header, date_in_name, date_scenes, parse_utc

DAY = datetime(2020, 1, 2, tzinfo=UTC)
NOON = datetime(2020, 1, 2, 12, tzinfo=UTC)


def scene(source: str, moment: datetime | None = None) -> Scene:
    return Scene(
        scene_id=source,
        sensor="generic",
        platform=None,
        product="GeoTIFF",
        datetime=moment,
        grid=Grid("EPSG:32647", 0, 0, 10, 1, 1),
        bands={},
        masks=(),
        calibrated="dn",
        source=source,
        files=(source,),
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("m_4709963_se_14_1_20090818", datetime(2009, 8, 18, tzinfo=UTC)),
        ("T33TWM_20230815T095031_B02", datetime(2023, 8, 15, 9, 50, 31, tzinfo=UTC)),
        ("20231399_20200102", DAY),
        ("scene_12020010299", None),
        ("B04_B03_B02", None),
        ("20200102T256161", None),
    ],
)
def test_date_in_a_name(text: str, wanted: datetime | None) -> None:
    assert date_in_name(text) == wanted


@pytest.mark.parametrize(
    "tags",
    [
        {"TIFFTAG_DATETIME": "2020:01:02 12:00:00"},
        {"TIFFTAG_DATETIME": "2020-01-02 12:00:00"},
        {"ACQUISITIONDATETIME": "2020-01-02T12:00:00Z", "TIFFTAG_DATETIME": "2024:01:01 00:00:00"},
        {"ACQUISITIONDATETIME": "2020-01-02T13:00:00+01:00"},
    ],
)
def test_date_in_a_header(tags: dict[str, str]) -> None:
    assert date_in_header(tags) == NOON


def test_a_header_that_is_no_date_is_no_date() -> None:
    assert date_in_header({"TIFFTAG_DATETIME": "yesterday"}) is None
    assert date_in_header({"TIFFTAG_DATETIME": "2020:13:45 99:00:00"}) is None


def test_times_without_zone_are_utc() -> None:
    assert parse_utc("2020-01-02T12:00:00") == NOON
    assert parse_utc("2023-08-15T09:57:57.2462Z").microsecond == 246_200


def test_a_scene_is_dated_by_its_metadata_before_its_name() -> None:
    (dated,) = date_scenes([scene("x_20190101.tif", NOON)], None)
    assert dated.datetime == NOON


def test_one_undated_scene_is_accepted() -> None:
    (dated,) = date_scenes([scene("x.tif")], None)
    assert dated.datetime is None


def test_several_undated_scenes_are_refused_with_the_remedy() -> None:
    with pytest.raises(InputError, match=r"2 scenes have no date \(a.tif, b.tif\).*YYYYMMDD.*--datetime"):
        date_scenes([scene("a.tif"), scene("b.tif"), scene("c_20200102.tif")], None)


def test_the_given_date_goes_to_the_one_silent_scene() -> None:
    dated = date_scenes([scene("a.tif"), scene("c_20200103.tif")], NOON)
    assert [one.datetime for one in dated] == [NOON, datetime(2020, 1, 3, tzinfo=UTC)]


def test_the_given_date_never_dates_several() -> None:
    with pytest.raises(ConfigError, match="--datetime dates one scene, but 2 have no date"):
        date_scenes([scene("a.tif"), scene("b.tif")], NOON)


def test_the_given_date_beats_the_name_and_says_so() -> None:
    (dated,) = date_scenes([scene("x_20190101.tif")], NOON)
    assert dated.datetime == NOON
    assert dated.warnings == ("date 2020-01-02 (--datetime) is used, not 2019-01-01 (file name)",)
    (refined,) = date_scenes([scene("x_20200102.tif")], NOON)
    assert refined.datetime == NOON
    assert refined.warnings == ()


def test_metadata_beat_the_given_date_and_say_so() -> None:
    (dated,) = date_scenes([scene("x.tif", DAY)], NOON)
    assert dated.datetime == DAY
    assert "2020-01-02T00:00:00Z (the product's metadata) is used" in dated.warnings[0]
