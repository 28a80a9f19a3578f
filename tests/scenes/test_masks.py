"""What the agencies' masks say, literal by literal."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from pondscan.model import MASK_ROLES, Coverage
from pondscan.scenes import masks

C = Coverage


def codes(*names: Coverage) -> list[int]:
    return [int(name) for name in names]


def test_every_mask_role_has_a_decoder() -> None:
    assert set(masks.DECODERS) == set(MASK_ROLES)


def test_scene_classification() -> None:
    classes = np.arange(13, dtype=np.uint8)
    assert masks.from_scl(classes).tolist() == codes(
        C.OUTSIDE,
        C.SATURATED,
        C.CLEAR,
        C.SHADOW,
        C.CLEAR,
        C.CLEAR,
        C.CLEAR,
        C.CLEAR,
        C.CLOUD,
        C.CLOUD,
        C.CIRRUS,
        C.SNOW,
        C.UNUSABLE,
    )


def test_landsat_quality_bits() -> None:
    # 21824: clear with low confidence of everything; the others are the handbook's own examples
    bits = np.array([1, 21824, 22280, 23888, 21952, 30048, 54596, 21762], np.uint16)
    assert masks.from_qa_pixel(bits).tolist() == codes(
        C.OUTSIDE, C.CLEAR, C.CLOUD, C.SHADOW, C.CLEAR, C.SNOW, C.CIRRUS, C.MARGIN
    )


def test_landsat_saturation() -> None:
    bits = np.array([0, 1 << 0, 1 << 6, 1 << 8, 1 << 9, 1 << 11, (1 << 11) | 1], np.uint16)
    assert masks.from_qa_radsat(bits).tolist() == codes(
        C.CLEAR, C.SATURATED, C.SATURATED, C.CLEAR, C.UNUSABLE, C.UNUSABLE, C.SATURATED
    )


def test_harmonised_bits() -> None:
    bits = np.array([0, 0b10, 0b100, 0b1000, 0b10000, 0b100000, 0b11000000, 0b110, 255], np.uint8)
    assert masks.from_fmask(bits).tolist() == codes(
        C.CLEAR, C.CLOUD, C.MARGIN, C.SHADOW, C.SNOW, C.CLEAR, C.CLEAR, C.CLOUD, C.OUTSIDE
    )


def udm2(**classes: int) -> np.ndarray:
    order = ("clear", "snow", "shadow", "light_haze", "heavy_haze", "cloud", "confidence", "udm1")
    return np.array([[[classes.get(name, 0)]] for name in order], np.uint8)


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        ({"clear": 1, "confidence": 90}, C.CLEAR),
        ({"snow": 1}, C.SNOW),
        ({"shadow": 1}, C.SHADOW),
        ({"light_haze": 1}, C.HAZE),
        ({"heavy_haze": 1}, C.HAZE),
        ({"cloud": 1}, C.CLOUD),
        ({}, C.UNUSABLE),
        ({"udm1": 1}, C.OUTSIDE),
        ({"clear": 1, "udm1": 0b100}, C.UNUSABLE),
        ({"clear": 1, "udm1": 0b10}, C.CLEAR),
        ({"cloud": 1, "udm1": 0b100}, C.CLOUD),
    ],
)
def test_planet_classes(classes: dict[str, int], wanted: Coverage) -> None:
    assert masks.from_udm2(udm2(**classes)).tolist() == [[int(wanted)]]


def test_planet_masks_with_fewer_bands() -> None:
    assert masks.from_udm2(udm2(clear=1)[:1]).tolist() == [[int(C.CLEAR)]]
    assert masks.from_udm2(udm2(cloud=1)[:1]).tolist() == [[int(C.UNUSABLE)]]
    assert masks.from_udm2(udm2(cloud=1)[:6]).tolist() == [[int(C.CLOUD)]]


def test_l1c_clouds_raster_and_polygons() -> None:
    bands = np.array([[[1, 1, 0, 0, 0]], [[0, 1, 1, 0, 0]], [[0, 0, 1, 1, 0]]], np.uint8)
    assert masks.from_l1c_clouds(bands).tolist() == [codes(C.CLOUD, C.CLOUD, C.CIRRUS, C.SNOW, C.CLEAR)]
    assert masks.from_l1c_clouds(bands[:2]).tolist() == [codes(C.CLOUD, C.CLOUD, C.CIRRUS, C.CLEAR, C.CLEAR)]


def test_sidecar() -> None:
    assert masks.from_clear(np.array([0, 1, 2, 255], np.uint8)).tolist() == codes(
        C.UNUSABLE, C.CLEAR, C.UNUSABLE, C.UNUSABLE
    )


def test_the_strongest_reason_is_kept_in_any_order() -> None:
    layers = [np.array([code], np.uint8) for code in codes(C.MARGIN, C.CLOUD, C.UNUSABLE, C.CLEAR)]
    assert {masks.combine(order).item() for order in permutations(layers)} == {int(C.CLOUD)}
    assert masks.combine([layers[2], layers[3]]).item() == C.UNUSABLE
    assert masks.combine([layers[0], layers[2]]).item() == C.MARGIN


def test_classes_that_are_not_wanted_read_as_clear() -> None:
    every = np.arange(len(Coverage), dtype=np.uint8)
    kept = masks.keep_classes(every, ("cloud", "snow"))
    assert set(kept.tolist()) == set(codes(C.OUTSIDE, C.CLEAR, C.CLOUD, C.SNOW, C.MARGIN))
    assert masks.keep_classes(every, ("snow",))[C.MARGIN] == C.CLEAR
    assert masks.keep_classes(every, ())[C.OUTSIDE] == C.OUTSIDE
