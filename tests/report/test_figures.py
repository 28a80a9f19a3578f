from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_examples import S2, time

from pondscan.report.figures import area_over_time, diameter_edges, size_distribution, sparkline, time_span
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


def test_the_same_looks_give_the_same_chart() -> None:
    assert chart(LOOKS) == chart(list(LOOKS))


def test_charts_do_not_depend_on_the_users_style() -> None:
    plain = chart(LOOKS)
    with mpl.rc_context({"font.size": 25, "axes.facecolor": "red", "svg.fonttype": "path", "lines.linewidth": 9}):
        assert chart(LOOKS) == plain


def test_a_chart_is_svg_without_date_metadata_or_fixed_size() -> None:
    svg = chart(LOOKS)
    root = ET.fromstring(svg)  # noqa: S314 (own output)
    assert set(root.attrib) == {"viewBox", "aria-hidden", "focusable"}
    assert "<metadata" not in svg
    assert "http" not in re.sub(r'xmlns(:\w+)?="[^"]+"', "", svg)
    assert ">m²<" in svg


def test_charts_of_one_page_share_no_ids() -> None:
    one, other = chart(LOOKS, "one"), chart(LOOKS, "other")
    ids = [set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other)]
    assert ids[0]
    assert not ids[0] & ids[1]
    for svg in (one, other):
        assert set(re.findall(r"url\(#([^)]+)\)", svg)) <= set(re.findall(r' id="([^"]+)"', svg))


def hatched_heights(svg: str) -> list[float]:
    """Heights of the hatched stripes, in points."""
    stripes = re.findall(r'<path d="([^"]+)"[^>]*style="fill: url\(#', svg)
    return [float(np.ptp([float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", path)])) for path in stripes]


def test_what_was_not_seen_is_hatched_by_its_share() -> None:
    unseen, half = hatched_heights(chart(LOOKS))
    assert half == pytest.approx(unseen / 2, rel=0.02)
    assert hatched_heights(chart([look(0), look(30)])) == []


def test_an_unseen_look_has_no_marker() -> None:
    seen = chart([look(0), look(30), look(60)])
    unseen = chart([look(0), look(30), look(60, None, 0.0)])
    assert seen.count("<use") == unseen.count("<use") + 1 + 0


def test_zero_is_drawn_and_the_axis_stays() -> None:
    svg = chart([look(0, 0.0), look(30, 0.0)])
    assert svg.count("<use") >= 2
    assert "nan" not in svg.lower()


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
