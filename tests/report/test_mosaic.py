from __future__ import annotations

import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pyproj import Transformer
from report_examples import CRS, PS, S2, scene_row

from pondscan.report import Quicklook
from pondscan.report.mosaic import NO_IMAGE, Mosaic, best_first, joint_bounds, mosaic

RED, BLUE, BLACK = (200, 30, 30), (30, 30, 200), (0, 0, 0)
BOUNDS = (500_000.0, 2_800_000.0, 500_160.0, 2_800_160.0)


def picture(scene_id: str, left: tuple[int, int, int], right: tuple[int, int, int], **changed: object) -> Quicklook:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:, :8], pixels[:, 8:] = left, right
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    values: dict[str, object] = {"scene_id": scene_id, "png": buffer.getvalue(), "bounds": BOUNDS, "crs": CRS}
    return Quicklook(**(values | changed))  # type: ignore[arg-type]


def decoded(drawn: Mosaic | None) -> np.ndarray:
    assert drawn is not None
    data = base64.b64decode(drawn.uri.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"), int)


def is_about(pixel: np.ndarray, color: tuple[int, int, int]) -> bool:
    return bool((np.abs(pixel - np.array(color)) < 12).all())


def test_the_first_lies_on_top_and_its_gaps_are_filled_from_the_next() -> None:
    drawn = mosaic([picture("a", RED, BLACK), picture("b", BLUE, BLUE)], CRS, BOUNDS, 400)
    pixels = decoded(drawn)
    assert is_about(pixels[10, 4], RED)
    assert is_about(pixels[10, -4], BLUE)
    assert drawn is not None
    assert drawn.scene_ids == ("a", "b")
    assert not drawn.has_gaps


def test_ground_without_a_picture_is_grey_and_said() -> None:
    drawn = mosaic([picture("a", RED, BLACK)], CRS, BOUNDS, 400)
    assert is_about(decoded(drawn)[10, -4], NO_IMAGE)
    assert drawn is not None
    assert drawn.has_gaps


def test_a_covered_scene_is_not_credited() -> None:
    drawn = mosaic([picture("a", RED, RED), picture("b", BLUE, BLUE)], CRS, BOUNDS, 400)
    assert drawn is not None
    assert drawn.scene_ids == ("a",)


def test_nothing_in_reach_is_no_picture() -> None:
    far = (600_000.0, 2_800_000.0, 600_100.0, 2_800_100.0)
    assert mosaic([picture("a", RED, RED)], CRS, far, 400) is None
    assert mosaic([], CRS, BOUNDS, 400) is None
    assert joint_bounds([], CRS) is None


def test_a_picture_in_another_zone_lands_on_the_same_ground() -> None:
    other = "EPSG:32646"
    west, south, east, north = BOUNDS
    x, y = Transformer.from_crs(CRS, other, always_xy=True).transform((west + east) / 2, (south + north) / 2)
    moved = picture("z", RED, RED, bounds=(x - 2000, y - 2000, x + 2000, y + 2000), crs=other)
    pixels = decoded(mosaic([moved], CRS, BOUNDS, 64))
    assert is_about(pixels[len(pixels) // 2, len(pixels) // 2], RED)
    joint = joint_bounds([moved], CRS)
    assert joint is not None
    assert (joint[0] + joint[2]) / 2 == pytest.approx((west + east) / 2, abs=5)


def test_clear_then_fine_then_new_scenes_lie_on_top() -> None:
    scenes = pd.DataFrame([
        scene_row("clouded", "2024-05-01T04:00", PS, 0.3),
        scene_row("coarse", "2024-05-01T04:00", S2, 1.0),
        scene_row("fine, old", "2024-01-01T04:00", PS, 1.0),
        scene_row("fine, new", "2024-03-01T04:00", PS, 0.97),
        scene_row("undated", None, PS, 1.0),
    ])  # fmt: skip
    order = [
        look.scene_id for look in best_first([picture(scene_id, RED, RED) for scene_id in scenes["scene_id"]], scenes)
    ]
    assert order == ["fine, new", "fine, old", "undated", "coarse", "clouded"]
