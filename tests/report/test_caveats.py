from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from report_examples import PS, S2, all_clouded, example, nothing_found, scene_row, undated

from pondscan.detect.detection import chance
from pondscan.report import ReportInput, limits, words
from pondscan.report.caveats import cautions, prevalence, reasons_for_nothing
from pondscan.report.headline import head_of, periods
from pondscan.report.limits import limit_sentence, scene_limits, size_limit


def titles(report_input: ReportInput) -> list[str]:
    head = head_of(periods(report_input.survey, report_input.scenes))
    return [caution.title for caution in cautions(report_input, head)]


def test_a_failed_input_comes_first() -> None:
    assert titles(example())[:2] == ["1 input could not be used", "17 % of the ground was not seen clear"]
    assert titles(example(failures=()))[0] == "17 % of the ground was not seen clear"


def test_raw_numbers_missing_masks_and_dates_are_told() -> None:
    assert titles(undated()) == [
        "The only scene has raw digital numbers",
        "The only scene has no cloud mask",
        "Neighbouring ponds blend together",
        "The scene has no date",
    ]


def test_a_screen_of_our_own_is_named_as_such() -> None:
    scenes = pd.DataFrame([
        scene_row("a", "2024-01-01T04:00", S2, 1.0, mask="screen"),
        scene_row("b", "2024-01-02T04:00", S2, 1.0, mask="product"),
    ])  # fmt: skip
    report_input = example(scenes=scenes, failures=())
    found = cautions(report_input, head_of(periods(report_input.survey, scenes)))
    (said,) = [caution for caution in found if "cloud mask" in caution.title]
    assert said.title == "1 of 2 scenes has no cloud mask of its own"
    assert said.sentence.startswith("Screened by pondscan's own cloud test")


def test_only_the_scenes_concerned_are_counted() -> None:
    scenes = pd.DataFrame([
        scene_row("a", "2024-01-01T04:00", S2, 1.0, calibrated="toa"),
        scene_row("b", "2024-01-02T04:00", S2, 1.0, calibrated="dn", mask=None),
        scene_row("c", "2024-01-03T04:00", S2, 1.0, calibrated="dn"),
    ])  # fmt: skip
    found = titles(example(scenes=scenes, failures=()))
    assert "1 of 3 scenes has top-of-atmosphere reflectance" in found
    assert "2 of 3 scenes have raw digital numbers" in found
    assert not any("cloud mask" in title for title in found)


def test_one_day_says_nothing_of_change() -> None:
    assert titles(nothing_found()) == ["One day only"]
    assert "The ground was not seen at all" in titles(all_clouded())


def test_natural_ponds_and_coarse_sensors_are_told() -> None:
    scenes = pd.DataFrame([scene_row("a", "2024-01-01T04:00", "landsat", 1.0, gsd_m=30.0)])
    found = titles(example(scenes=scenes, target="small_water"))
    assert "No sensor here resolves single ponds" in found
    assert "Natural ponds count" in found


def test_why_nothing_was_found() -> None:
    assert reasons_for_nothing(example()) == []
    reasons = reasons_for_nothing(nothing_found())
    assert reasons[0].startswith("97 % of the pixels of 1 scene were clear")
    assert reasons[1] == "38 objects stood out from the ground; none was believed enough to be listed."
    assert reasons[2] == "Rejected, touching ones divided first: 30 for “shadow”, 12 for “channel”."
    assert f"under about {words.metres(size_limit(10.0).often_missed_below_m)} m" in reasons[3]


def test_clouds_are_the_only_reason_when_nothing_was_clear() -> None:
    assert reasons_for_nothing(all_clouded()) == ["Not one pixel was clear: whether there are ponds is unknown."]


def test_without_a_scene_nothing_was_looked_at() -> None:
    none = replace(nothing_found(), scenes=nothing_found().scenes.iloc[:0])
    assert reasons_for_nothing(none) == ["No scene could be read, so nothing was looked at."]


def test_the_finest_sensor_comes_first_among_the_limits() -> None:
    assert [sensor for sensor, *_ in scene_limits(example().scenes)] == [PS, S2]
    assert not size_limit(30.0).tells_ponds_apart
    assert "not as a count of ponds" in limit_sentence("hls", 30.0, size_limit(30.0))


def test_limits_are_read_off_the_measured_curves() -> None:
    for gsd_m in (0.8, 3.0, 10.0):
        limit = size_limit(gsd_m)
        chances = chance([limit.often_missed_below_m, limit.reliable_from_m], gsd_m, "counted")
        assert chances == pytest.approx([0.5, 0.9], abs=0.005)
        even, sure = (words.metres(size) for size in (limit.often_missed_below_m, limit.reliable_from_m))
        told = limit_sentence("generic", gsd_m, limit)
        assert (
            f"lets every second open pond be counted that is {even} m across, nine in ten of {sure} m; fewer below"
            in told
        )


def test_a_size_that_is_never_reliable_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "diameter_of", lambda share, *_: 12.0 if share < 0.8 else math.inf)
    limit = size_limit(10.0)
    assert limit.reliable_from_m == math.inf
    assert "nine in ten" not in limit_sentence("generic", 10.0, limit)


def test_many_ponds_near_the_limit_are_a_caution() -> None:
    coarse = replace(example(), scenes=example().scenes[example().scenes["sensor"] == S2])
    small, large = (replace(coarse, ponds=coarse.ponds.assign(diameter_m=size)) for size in (5.0, 60.0))
    assert any(title.startswith("100 % of the ponds are under") for title in titles(small))
    assert not any("of the ponds are under" in title for title in titles(large))


def test_the_frequency_assumed_is_named() -> None:
    assert prevalence("leach_pond", 0.5) == "0.5 ponds per km², as set by expected_ponds_per_km2"
    assert prevalence("leach_pond", None).endswith("ponds per km² where nothing else is set (expected_ponds_per_km2)")
