"""Figures as they are handed on: looked at by eye when they were made, held to their frame here."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFont
from report_examples import EVENTS, SERIES, STUDY, all_clouded, example, nothing_found, undated

from pondscan.context.sources import Context
from pondscan.errors import WorkspaceError
from pondscan.report import prints
from pondscan.report.plate import CAPTION, MARGIN, WIDTH, Key, Plate, png_of, svg_of

SVG = "{http://www.w3.org/2000/svg}"
DRAWING = '<svg viewBox="0 0 200 100"><rect width="200" height="100" fill="#0b5f6b"/></svg>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    told = prints.export(example(context=Context(EVENTS, SERIES), study=STUDY), folder)
    assert told == ("no figure turnover: no pond is known to be new or lost between two seasons",)
    return folder


def test_every_figure_is_there_twice_and_is_well_formed(folder):
    svgs = sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.svg"))
    assert svgs == sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.png"))
    assert {"map", "area", "sizes"} < set(svgs)
    assert any(name.startswith("sites/") for name in svgs)
    for path in folder.rglob("*.svg"):
        root = ET.parse(path).getroot()  # noqa: S314
        assert root.get("width") == "180mm"
        ids = [one.get("id") for one in root.iter() if one.get("id")]
        assert len(ids) == len(set(ids))
        assert not [
            one for one in root.iter() if "href" in "".join(one.attrib) and "data:" not in "".join(one.attrib.values())
        ]


def test_a_png_has_300_dots_an_inch(folder):
    with Image.open(folder / "area.png") as picture:
        assert picture.width == 2126  # 180 mm
        assert picture.mode in {"RGB", "RGBA"}


def words_of(path: Path) -> str:
    return " ".join("".join(one.itertext()) for one in ET.parse(path).getroot().iter(f"{SVG}text"))  # noqa: S314


def test_area_and_ponds_stand_over_what_is_known_from_elsewhere_on_one_time_axis(folder):
    words = words_of(folder / "area.svg")
    for told in ("m²", "ponds", "Change of liquid area around each event", "imports, t, by month"):
        assert told in words
    assert "3 <taken> & kept (2024-10)" in " ".join(words.split()), "events are named in the caption by their numbers"
    text = (folder / "area.svg").read_text("utf-8")
    assert text.count('class="event"') == 1
    assert text.count('class="effect"') == 1
    axes = [one for one in ET.fromstring(text).iter(f"{SVG}svg") if one.get("y") is not None]  # noqa: S314
    assert len(axes) >= 4
    feet = {re.search(r"M([\d.]+) ", one.find(f"{SVG}path").get("d"))[1] for one in axes[1:]}
    assert len(feet) == 1, "the plots begin at one place"


def test_sizes_stand_over_the_chance_to_be_counted(folder):
    words = words_of(folder / "sizes.svg")
    assert "median" in words
    assert "chance to be counted at a clear look" in words
    assert "every second pond of" in words


def test_new_and_lost_ponds_are_drawn_by_season(tmp_path):
    looks = ("S2A_20240114", "S2A_20241201")
    ponds = example().ponds
    dated = ponds.assign(
        first_seen=pd.Timestamp("2024-12-01T04:01", tz="UTC"),
        not_seen_before=pd.Timestamp("2024-01-14T04:01", tz="UTC"),
    )
    told = prints.export(example(ponds=dated, looks=looks), tmp_path)
    assert told == ()
    assert "ponds: new above the line, lost below" in words_of(tmp_path / "turnover.svg")


def width_of(text: str, size: float) -> float:
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(fonts / "DejaVuSans.ttf", 100).getlength(text) * size / 100


def test_letters_stay_on_the_plate_and_off_each_other(folder):
    """DejaVu Sans, which the PNG is written in, is wider than what most screens have."""
    for path in folder.rglob("*.svg"):
        texts = [one for one in ET.parse(path).getroot() if one.tag == f"{SVG}text"]  # noqa: S314
        boxes = []
        for one in texts:
            x, y, size = (float(one.get(name)) for name in ("x", "y", "font-size"))
            boxes.append((x, y, x + width_of(one.text, size), size))
        assert max(right for _, _, right, _ in boxes) < WIDTH - MARGIN / 2, path
        for number, (x, y, _, _) in enumerate(boxes):
            before = [right for left, other, right, _ in boxes[:number] if other == y and left < x]
            assert all(right < x for right in before), path
        lines = sorted({y for _, y, _, _ in boxes})
        assert min(np.diff(lines)) > CAPTION


def test_the_map_names_its_scenes_dates_scale_and_north(folder):
    root = ET.parse(folder / "map.svg").getroot()  # noqa: S314
    words = words_of(folder / "map.svg")
    scenes = example().scenes
    named = [scene for scene in scenes["scene_id"] if scene in words]
    assert named
    assert any(f"{when:%Y-%m-%d}" in words for when in scenes["datetime"])
    assert " N " in words
    assert " 1 km " in words
    assert "WGS 84" in words
    titles = [one.text for one in root.iter(f"{SVG}title")]
    assert sum(str(title).startswith("Pond ") for title in titles) > 0


def test_the_same_input_gives_the_same_pictures(folder, tmp_path):
    turned = example(context=Context(EVENTS, SERIES), study=STUDY)
    prints.export(replace(turned, ponds=turned.ponds.iloc[::-1], scenes=turned.scenes.iloc[::-1]), tmp_path)
    for path in folder.rglob("*.*g"):
        assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes(), path.name


def test_letters_are_painted_whatever_fonts_a_machine_has():
    def dark(title: str) -> int:
        png = png_of(svg_of(Plate(title, DRAWING, 2.0)))
        with Image.open(io.BytesIO(png)) as picture:
            return int((np.asarray(picture.convert("L"))[:110] < 100).sum())

    assert dark("") == 0
    assert dark("Liquid area, m²") > 2 * dark("Liqu") > 0


def test_what_is_written_is_escaped():
    svg = svg_of(Plate("A & <B>", DRAWING, 2.0, [Key("<k>", "<g/>")], ["a < b"]))
    assert ET.fromstring(svg).find(f"{SVG}title").text == "A & <B>"  # noqa: S314


def test_what_there_is_nothing_to_draw_of_is_said(tmp_path):
    full = example()
    gone = replace(full, ponds=full.ponds.assign(status="gone"))
    assert prints.export(gone, tmp_path) == (
        "no figure turnover: no pond is known to be new or lost between two seasons",
    )
    assert "median" not in words_of(tmp_path / "sizes.svg"), "what the sensors can count is drawn all the same"


def test_nothing_at_all_is_refused(tmp_path):
    full = example()
    bare = replace(
        full,
        scenes=full.scenes.iloc[:0],
        quicklooks=(),
        **{name: getattr(full, name).iloc[:0] for name in ("ponds", "sites", "timeseries", "survey")},
    )
    bare = replace(
        bare, ponds=bare.ponds.set_crs(None, allow_override=True), sites=bare.sites.set_crs(None, allow_override=True)
    )
    with pytest.raises(WorkspaceError, match="there is nothing to draw"):
        prints.export(bare, tmp_path)


@pytest.mark.parametrize("odd", [nothing_found, undated, all_clouded])
def test_a_census_of_almost_nothing_still_has_a_map(odd, tmp_path):
    prints.export(odd(), tmp_path)
    assert (tmp_path / "map.png").stat().st_size > 1000
    assert not (tmp_path / "area.svg").exists()
