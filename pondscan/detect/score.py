"""From measured features to a judgement: what is plainly no pond and why, what colour it is, how sure one may be.

The confidence model is additive and stored as text (``confidence.json``): for every feature a broken line through a few
knots, whose values add up to the log-odds. Anyone can read off what each feature does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pondscan import indices

Floats = NDArray[np.float64]

DARKEST = 0.012
"""Liquid reflectance below which a candidate is shade, mean of the visible; no leach pond is so dark."""

BLACK_SHARE = 0.85
"""Share of the way from the ground to liquid, in the near infrared, at which darkness alone tells natural water in raw
numbers. On simulated lakes (seeds 1900 to 1909, pixels of 3 to 10 m) it adds 2 to 9 in 100 pixels of water and none in
10,000 of land, from 0.95 down to 0.8 alike."""

REASONS = ("too faint", "too small", "too large", "channel", "too dark", "not water", "under cloud")
"""Why a candidate is rejected outright, the first that holds."""


def kind(liquid: Floats) -> NDArray[np.object_]:
    """Colour class of liquids from their blue, green, red and near-infrared reflectance (m, 4).

    Notes
    -----
    Thresholds stand midway between modelled endmembers (domain notes B1, C2): unsourced by measurement.
    """
    blue, green, red = liquid[:, 0], liquid[:, 1], liquid[:, 2]
    visible = liquid[:, :3].mean(axis=1)
    cyan = np.asarray(indices.turquoise(blue, green, red), np.float64)
    conditions = [
        (visible > 0.28) & (cyan < 0.05),
        (visible > 0.28) & (cyan < 0.28),
        visible < 0.032,
        (green > 2.0 * blue) & (green > 2.0 * red),
        red >= 0.98 * green,
        (blue < 0.72 * green) & (red < green),
        cyan > 0.10,
    ]
    names = ["white", "milky", "dark", "algal", "brown", "yellow_green", "turquoise"]
    return np.select(conditions, names, "unknown").astype(object)


def rejection(
    *,
    diameter_m: Floats,
    elongation: Floats,
    peak_fraction: Floats,
    snr: Floats,
    visible: Floats,
    ndwi_contrast: Floats,
    masked_fraction: Floats,
    ring_masked_fraction: Floats,
    min_diameter_m: float,
    max_diameter_m: float,
    max_elongation: float,
    min_visible: float,
) -> NDArray[np.object_]:
    """Reason why each segment is no pond, empty where it may be one."""
    conditions = [
        (peak_fraction < 0.15) | (snr < 2.0) | ~np.isfinite(snr),
        diameter_m < min_diameter_m,
        diameter_m > max_diameter_m,
        elongation > max_elongation,
        visible < min_visible,
        ndwi_contrast < 0.08,
        (masked_fraction > 0.5) & (ring_masked_fraction > 0.35),
    ]
    names = ["too faint", "too small", "too large", "channel", "too dark", "not water", "under cloud"]
    return np.select(conditions, names, "").astype(object)


def least_visible(model: str) -> float:
    """Liquid reflectance below which a candidate is too dark.

    Natural water may be black, and in raw numbers black is whatever is darkest in the scene: there, nothing is.
    """
    return 0.0 if model in _OF_BLACK_WATER else DARKEST


def black_share(model: str) -> float:
    """``BLACK_SHARE`` where a model that was fitted on black water will judge, else infinite."""
    return BLACK_SHARE if model in _OF_BLACK_WATER else np.inf


_OF_BLACK_WATER = ("small_water/1m_dn", "small_water/3m_dn", "small_water/10m_dn")


@lru_cache(maxsize=1)
def models() -> dict[str, Any]:
    """Fitted confidence models by name, as stored in ``confidence.json``."""
    text = resources.files("pondscan.detect").joinpath("confidence.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@lru_cache(maxsize=1)
def models_sha256() -> str:
    """What the models are, as one number: observations judged by others are not to be mixed with them."""
    return hashlib.sha256(json.dumps(models(), sort_keys=True).encode()).hexdigest()


def model_name(*, target: str, gsd_m: float, has_swir: bool, calibrated: str) -> str:
    """Name of the model for a scene: target, pixel size class, bands and calibration."""
    size = "1m" if gsd_m < 1.8 else "3m" if gsd_m < 6.5 else "10m"
    # The colours of raw numbers are relative, and their zero is where the scene is darkest.
    if calibrated == "dn" and f"{target}/{size}_dn" in models()["models"]:
        return f"{target}/{size}_dn"
    bands = "_swir" if has_swir and size == "10m" and calibrated != "dn" else ""
    return f"{target}/{size}{bands}"


def log_odds(features: Mapping[str, Floats], model: Mapping[str, Any]) -> Floats:
    """Log-odds that each object is the target: the sum of the model's broken lines.

    Parameters
    ----------
    features : mapping of name to (m,) array
        At least the model's features; NaN counts as the feature's neutral value (no evidence).
    model : mapping
        ``{"intercept": number, "terms": {feature: {"knots": [...], "values": [...]}}}``.
    """
    total = np.full(len(next(iter(features.values()))), float(model["intercept"]))
    for name, term in model["terms"].items():
        value = np.interp(features[name], term["knots"], term["values"])
        total += np.where(np.isfinite(features[name]), value, 0.0)
    return total


def confidence(logit: Floats, *, assumed_ponds_per_km2: float, expected_ponds_per_km2: float | None) -> Floats:
    """Probability from log-odds, re-weighted to another prevalence where one is expected (Bayes' rule)."""
    if expected_ponds_per_km2 is not None:
        logit = logit + np.log(expected_ponds_per_km2 / assumed_ponds_per_km2)
    return 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
