from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import S2, time

from pondscan.report.figures import (
    area_over_time,
    count_over_time,
    diameter_edges,
    recall_limit,
    size_distribution,
    sparkline,
    time_span,
)
from pondscan.report.limits import chance_interval, scene_limits
from pondscan.report.looks import Look

FIRST = time("2024-01-01")


def look(day: int, area: float | None = 5000.0, observed: float = 1.0, sensor: str = S2) -> Look:
    spread = None if area is None else 0.1 * area
    ends = (None, None) if area is None or spread is None else (area - spread, area + spread)
    return Look(FIRST + timedelta(days=day), sensor, area, *ends, observed)


LOOKS = [look(0), look(30, 6000.0), look(60, None, 0.0), look(90, 2000.0, 0.5), look(120, 7000.0)]


def chart(looks: list[Look], name: str = "chart") -> str:
    span = time_span(looks)
    assert span is not None
    return area_over_time(name, looks, span)


def test_the_chance_to_be_counted_is_drawn_with_its_interval_and_its_limit() -> None:
    limits = scene_limits(pd.DataFrame({"sensor": ["planetscope", "sentinel-2"], "gsd_m": [3.0, 10.0]}))
    chance, lower, upper = chance_interval(np.array([2.0, 5.0, 10.0, 40.0]), 10.0)
    assert (lower >= 0).all()
    assert (lower < chance).all()
    assert (chance < upper).all()
    assert (upper <= 1).all()
    root = ET.fromstring(recall_limit("limit", limits, 40.0))  # noqa: S314
    lines = [one.get("points").split() for one in root.iter("polyline")]
    assert [len(line) for line in lines] == [240, 240]
    assert len(root.findall("polygon")) == 2
    marks = [
        float(re.search(r"translate\(([\d.]+)", one.get("transform"))[1])
        for one in root.iter("path")
        if one.get("transform")
    ]
    ends = {one.text: float(one.get("x")) for one in root.iter("text")}
    per_metre = (ends["40"] - ends["0"]) / 40
    assert [(mark - ends["0"]) / per_metre for mark in marks] == pytest.approx(
        [limit.often_missed_below_m for _, _, limit in reversed(limits)], abs=0.05
    )


def test_the_same_looks_give_the_same_chart() -> None:
    assert chart(LOOKS) == chart(list(LOOKS))


def test_a_chart_is_svg_without_fixed_size() -> None:
    svg = chart(LOOKS)
    root = ET.fromstring(svg)  # noqa: S314 (own output)
    assert set(root.attrib) == {"viewBox", "aria-hidden", "focusable"}
    assert "http" not in svg
    assert ">m²<" in svg
    assert {text.text for text in root.iter("text")} >= {"0", "2,500", "5,000", "7,500", "Jan", "2024"}


def test_charts_of_one_page_share_no_ids() -> None:
    one, other = chart(LOOKS, "one"), chart(LOOKS, "other")
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg in (one, other):
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(re.findall(r' id="([^"]+)"', svg))


def hatched_heights(svg: str) -> list[float]:
    """Heights of the hatched stripes."""
    return [float(height) for height in re.findall(r'class="hatch"[^>]* height="([\d.]+)"', svg)]


def heights(svg: str) -> list[float]:
    """Where the markers stand, from above."""
    return [float(y) for y in re.findall(r'class="look" transform="translate\([\d.]+ ([\d.]+)\)', svg)]


def test_what_was_not_seen_is_hatched_by_its_share() -> None:
    unseen, half = hatched_heights(chart(LOOKS))
    assert half == pytest.approx(unseen / 2, rel=0.02)
    assert hatched_heights(chart([look(0), look(30)])) == []


def test_an_unseen_look_has_no_marker() -> None:
    assert len(heights(chart([look(0), look(30), look(60)]))) == 3
    assert len(heights(chart([look(0), look(30), look(60, None, 0.0)]))) == 2


def test_markers_stand_at_their_areas() -> None:
    nothing, half, most = heights(chart([look(0, 0.0), look(30, 3000.0), look(60, 6000.0)]))
    assert half == pytest.approx((nothing + most) / 2, abs=0.11)
    assert nothing > most


def test_zero_is_drawn_and_the_axis_stays() -> None:
    svg = chart([look(0, 0.0), look(30, 0.0)])
    assert len(heights(svg)) == 2
    assert "nan" not in svg.lower()


def test_sensors_have_colours_and_open_markers_where_little_was_seen() -> None:
    svg = chart([look(0), look(10, sensor="planetscope"), look(20, 5000.0, 0.5)])
    assert re.findall(r'<g fill="([^"]+)" stroke="([^"]+)" stroke-width="2.4">', svg) == [
        ("#D55E00", "#D55E00"),
        ("#fff", "#0072B2"),
        ("#0072B2", "#0072B2"),
    ]


@given(st.floats(0.5, 500))
def test_size_classes_hold_every_pond(largest_m: float) -> None:
    edges = diameter_edges(largest_m)
    assert edges[0] == 0
    assert edges[-1] >= largest_m * (1 - 1e-9)
    assert len(edges) <= 33
    assert np.allclose(np.diff(edges), edges[1])


def test_size_distribution_hatches_what_is_often_missed() -> None:
    with_limit, without = (size_distribution("s", [8.0, 12.0, 13.0], limit) for limit in (6.0, None))
    assert "median 12 m" in with_limit
    assert with_limit.count("<pattern") == 1
    assert without.count("<pattern") == 0


def test_a_sparkline_marks_unseen_partial_and_whole_looks() -> None:
    span = time_span(LOOKS)
    assert span is not None
    svg = sparkline(LOOKS, span)
    ET.fromstring(svg)  # noqa: S314 (own output)
    assert svg.count("spark-unseen") == 1
    assert svg.count("<circle") == 4
    assert svg.count('fill="#fff"') == 1
    assert svg.count("<polyline") == 1


def test_one_look_has_room_around_it() -> None:
    span = time_span([look(10)])
    assert span == (FIRST + timedelta(days=6), FIRST + timedelta(days=14))
    assert time_span([]) is None


def test_ponds_are_counted_in_whole_numbers_over_the_same_time() -> None:
    looks = [look(0, 3.0), look(30, 4.0)]
    span = time_span(looks)
    assert span is not None
    root = ET.fromstring(count_over_time("count", looks, span, least_left=60.0))  # noqa: S314
    texts = [one.text for one in root.iter("text")]
    assert texts[0] == "ponds"
    assert {"0", "2", "4"} <= set(texts)
    assert not any("." in str(text) for text in texts)
