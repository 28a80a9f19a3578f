"""Measured segments of one scene → its table of observations: features, judgement, outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import affinity

from pondscan import indices, tables
from pondscan.detect import company, outline, score, shore, terrain
from pondscan.detect.detection import RESOLVING_GSD_M
from pondscan.detect.measure import Segments
from pondscan.model import Grid
from pondscan.relief import LitRelief

if TYPE_CHECKING:
    from geopandas.geodataframe import GeoDataFrame

Floats = NDArray[np.float64]

LEAST_AREA_M2 = 0.01
"""Area of a rejected segment without liquid: the last decimal kept, so that its outline stays a polygon."""

USUAL_DIAMETER_M = 12.0
"""Pond diameter assumed where a scene shows too few single ponds (unsourced)."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What is kept of a stack of chips once it is measured."""

    frame: pd.DataFrame
    """Numbers, a row each segment."""
    rays: Floats
    """(m, N_RAYS) radial outlines, pixels."""
    shores: NDArray[np.object_]
    """(m,) traced outlines in pixels of the scene, None where the radial one will do."""

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Measured:
        """Return the segments at ``index``, numbered afresh."""
        frame = self.frame.loc[index] if index.dtype == bool else self.frame.iloc[index]
        return Measured(frame.reset_index(drop=True), self.rays[index], self.shores[index])


def tabulate(segments: Segments, roles: tuple[str, ...], *, gsd_m: float, blur_px: float) -> Measured:
    """Turn the segments of a stack of chips into physical features.

    Parameters
    ----------
    segments : Segments
    roles : tuple of str
        Bands of ``segments.liquid``.
    gsd_m : float
        Ground sample distance.
    blur_px : float
        Standard deviation of the point spread in pixels, taken off the second moments.
    """
    band = {role: i for i, role in enumerate(roles)}
    visible = [band[role] for role in ("blue", "green", "red")]
    green, nir = band["green"], band["nir"]
    wet, ground = segments.wettest, segments.ground
    ndwi_peak = indices.ndwi(wet[:, green], wet[:, nir])
    ndwi_ground = indices.ndwi(ground[:, green], ground[:, nir])
    area_px = np.maximum(segments.area_px, LEAST_AREA_M2 / gsd_m**2)
    elongation, compactness = _shape(segments, blur_px)
    frame = pd.DataFrame(
        {
            "row": segments.row,
            "col": segments.col,
            "area_m2": area_px * gsd_m**2,
            "area_sigma_m2": segments.area_sigma_px * gsd_m**2,
            "shared_sigma_m2": segments.shared_sigma_px * gsd_m**2,
            "diameter_m": 2 * np.sqrt(area_px / np.pi) * gsd_m,
            "diameter_px": 2 * np.sqrt(area_px / np.pi),
            "n_pixels": np.maximum(np.round(segments.n_pixels), 1).astype(np.int64),
            "peak_fraction": segments.peak_fraction,
            "peak_ratio": segments.peak_fraction / _disc_peak(area_px, blur_px),
            "snr": segments.snr,
            "ndwi_peak": ndwi_peak,
            "ndwi_contrast": ndwi_peak - ndwi_ground,
            "visible": segments.liquid[:, visible].mean(axis=1),
            "cyan": indices.turquoise(*(segments.liquid[:, i] for i in visible)),
            "liquid_blue_green": segments.liquid[:, visible[0]] / np.maximum(segments.liquid[:, visible[1]], 0.01),
            "liquid_red_green": segments.liquid[:, visible[2]] / np.maximum(segments.liquid[:, visible[1]], 0.01),
            "nir_wettest": wet[:, nir],
            "elongation": elongation,
            "solidity": compactness,
            "bareness": _bareness(ground[:, band["red"]], ground[:, nir]),
            "ground_visible": ground[:, visible].mean(axis=1),
            "swir_drop": _swir_drop(wet, ground, band),
            "masked_fraction": segments.masked_fraction,
            "ring_masked_fraction": segments.ring_masked_fraction,
            "kind": score.kind(segments.liquid[:, [*visible, nir]]),
            "is_cut": segments.is_cut,
        }
    )
    radius = _rays(segments)
    return Measured(frame, radius, _shores(segments, radius))


def _disc_peak(area_px: Floats, blur_px: float) -> Floats:
    """Peak fraction to expect of a disc of this area: its blur at the centre, averaged over sub-pixel phase.

    A roof that is taken for half a pond in every one of its pixels is broader than its peak allows.
    """
    peak: Floats = np.maximum(1 - np.exp(-area_px / (2 * np.pi * (blur_px**2 + 1 / 12))), 0.02)
    return peak


def _shape(segments: Segments, blur_px: float) -> tuple[Floats, Floats]:
    """Axis ratio with the blur taken off, and how well the half-peak area fills the ellipse of the moments."""
    rr, rc, cc = segments.moments.T
    middle, half = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    floor = 0.08
    major = np.maximum(middle + half - blur_px**2, floor)
    minor = np.maximum(middle - half - blur_px**2, floor)
    spread = np.sqrt(np.maximum((middle + half) * (middle - half), 1e-6))
    return np.sqrt(major / minor), np.clip(segments.half_area_px / (4 * np.pi * spread), 0, 1.5)


def _bareness(red: Floats, nir: Floats) -> Floats:
    """Bareness of the ground from its NDVI: 1 below 0.2, 0 above 0.7."""
    return np.clip((0.7 - np.asarray(indices.ndvi(red, nir))) / 0.5, 0, 1)


def _swir_drop(wet: Floats, ground: Floats, band: dict[str, int]) -> Floats:
    """Share of the ground's short-wave infrared that is missing at the wettest pixel; NaN without such a band."""
    role = next((name for name in ("swir16", "swir22") if name in band), None)
    if role is None:
        return np.full(len(wet), np.nan)
    return 1 - wet[:, band[role]] / np.maximum(ground[:, band[role]], 0.02)


def _rays(segments: Segments) -> Floats:
    """Half-peak outline of every segment in scene pixels."""
    if not len(segments):
        return np.zeros((0, outline.N_RAYS))
    factor = segments.factor
    row = (segments.row - segments.chip_row) * factor
    col = (segments.col - segments.chip_col) * factor
    return outline.rays(segments.fraction, segments.label, segments.chip, row, col, segments.surface_peak) / factor


def _shores(segments: Segments, radius: Floats) -> NDArray[np.object_]:
    """Traced outlines of the segments that their rays would cut short, in pixels of the scene."""
    traced = np.full(len(segments), None, object)
    chosen = np.flatnonzero(shore.is_ragged(outline.area(radius), segments.half_area_px))
    for number in chosen:  # lakes and reaches of rivers: few in any scene
        chip = segments.chip[number]
        is_own = segments.label[chip] == number + 1
        n_subpixels = segments.area_px[number] * segments.factor**2
        contour = shore.trace(segments.fraction[chip], is_own, n_subpixels, segments.factor)
        if not shapely.is_empty(contour):  # else its rays must do
            corner = (float(segments.chip_col[number]), float(segments.chip_row[number]))
            traced[number] = affinity.translate(contour, *corner)
    return traced


def judge(
    parts: list[Measured],
    grid: Grid,
    *,
    min_diameter_m: float,
    max_diameter_m: float,
    max_elongation: float,
    target: str,
    has_swir: bool,
    calibrated: str,
    expected_ponds_per_km2: float | None,
    ground: LitRelief | None = None,
) -> Measured:
    """Judge all segments of a scene together: neighbours, rejection, confidence, pond-equivalents.

    Returns
    -------
    Measured
        Sorted by row and column of the centroids; the frame has gained ``rejected``, ``n_neighbours``,
        ``confidence``, ``pond_equivalents`` and ``object_id``.
    """
    measured = _together(parts)
    measured = measured.take(np.lexsort((measured.frame["col"], measured.frame["row"])))
    frame = measured.frame
    column = {name: frame[name].to_numpy(float) for name in _JUDGED}
    name = score.model_name(target=target, gsd_m=grid.gsd_m, has_swir=has_swir, calibrated=calibrated)
    frame["rejected"] = score.rejection(
        **column,
        min_diameter_m=min_diameter_m,
        max_diameter_m=max_diameter_m,
        max_elongation=max_elongation,
        min_visible=score.least_visible(name),
    )
    if ground is not None:
        frame["rejected"] = _rejected_by_terrain(frame, grid, ground)
    frame["n_neighbours"] = company.neighbours(frame, grid.gsd_m)
    frame["chain_m"], frame["chain_elongation"] = company.chains(frame, grid.gsd_m)
    model = score.models()["models"][name]
    frame["confidence"] = score.confidence(
        company.log_odds(frame, model, grid.gsd_m),
        assumed_ponds_per_km2=model["assumed_ponds_per_km2"],
        expected_ponds_per_km2=expected_ponds_per_km2,
    )
    frame.loc[frame["rejected"] != "", "confidence"] = 0.0
    frame["object_id"] = np.arange(1, len(frame) + 1)
    frame["pond_equivalents"] = _pond_equivalents(frame, grid.gsd_m) if target == "leach_pond" else 1.0
    return measured


def _together(parts: list[Measured]) -> Measured:
    """Join the segments of all stacks."""
    if not parts:
        return Measured(_no_segments(), np.zeros((0, outline.N_RAYS)), np.zeros(0, object))
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return Measured(frame, *(np.concatenate([getattr(part, name) for part in parts]) for name in ("rays", "shores")))


def _rejected_by_terrain(frame: pd.DataFrame, grid: Grid, ground: LitRelief) -> pd.Series:
    """Reasons of rejection, that of the lie of the land where there is no other."""
    x = grid.x_origin + frame["col"].to_numpy() * grid.gsd_m
    y = grid.y_origin - frame["row"].to_numpy() * grid.gsd_m
    reason = terrain.rejection(ground, x, y, frame["visible"].to_numpy(float))
    return frame["rejected"].mask(frame["rejected"] == "", reason)


def _no_segments() -> pd.DataFrame:
    """Return the frame of a scene without candidates: all columns, no rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _FRAME.items()})


_NUMBERS = (
    *(
        "row",
        "col",
        "area_m2",
        "area_sigma_m2",
        "shared_sigma_m2",
        "diameter_m",
        "diameter_px",
        "peak_fraction",
        "peak_ratio",
        "snr",
    ),
    *(
        "ndwi_peak",
        "ndwi_contrast",
        "visible",
        "cyan",
        "liquid_blue_green",
        "liquid_red_green",
        "nir_wettest",
        "elongation",
        "solidity",
    ),
    *("bareness", "ground_visible", "swir_drop", "masked_fraction", "ring_masked_fraction"),
)

_FRAME = dict.fromkeys(_NUMBERS, "float64") | {"n_pixels": "int64", "kind": "object", "is_cut": "bool"}

_JUDGED = (
    "diameter_m",
    "elongation",
    "peak_fraction",
    "snr",
    "visible",
    "ndwi_contrast",
    "masked_fraction",
    "ring_masked_fraction",
)


def _pond_equivalents(frame: pd.DataFrame, gsd_m: float) -> Floats:
    """How many ponds of the scene's usual size each object amounts to; 1 where ponds can be told apart.

    Asked of leach ponds alone: the ponds of a site are of one size, small waters in general are not.

    The usual size is the median area of the confident, round, single objects; with fewer than five of them,
    a disc of ``USUAL_DIAMETER_M``.
    """
    if gsd_m < RESOLVING_GSD_M:
        return np.ones(len(frame))
    is_single = (frame["confidence"] >= 0.5) & (frame["elongation"] < 1.4)
    areas = frame.loc[is_single, "area_m2"]
    usual = float(areas.median()) if len(areas) >= 5 else np.pi * USUAL_DIAMETER_M**2 / 4
    return np.maximum(frame["area_m2"].to_numpy() / usual, 1.0).round(2)


def keep(judged: Measured, *, min_confidence: float, keep_rejected: bool) -> Measured:
    """Select the segments worth storing."""
    is_kept = (judged.frame["confidence"] >= min_confidence).to_numpy()
    if keep_rejected:
        is_kept = is_kept | (judged.frame["rejected"] != "").to_numpy()
    return judged.take(is_kept)


def observations(kept: Measured, grid: Grid, scene_id: str) -> GeoDataFrame:
    """Table of observations with outlines, columns as in ``tables.OBSERVATIONS``."""
    import geopandas as gpd
    from pyproj import Transformer

    frame = kept.frame.copy()
    frame["scene_id"] = scene_id
    frame["x"] = (grid.x_origin + frame["col"] * grid.gsd_m).round(2)
    frame["y"] = (grid.y_origin - frame["row"] * grid.gsd_m).round(2)
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    lon, lat = to_degrees.transform(frame["x"].to_numpy(), frame["y"].to_numpy())
    frame["lon"], frame["lat"] = np.round(lon, 7), np.round(lat, 7)
    frame["flags"] = _flags(frame)
    for name, decimals in _DECIMALS.items():
        frame[name] = frame[name].astype(float).round(decimals)
    x, y, area_m2 = (frame[name].to_numpy() for name in ("x", "y", "area_m2"))
    geometry = outline.draw(kept.rays, x, y, area_m2, on_the_ground(kept.shores, grid))
    return gpd.GeoDataFrame(frame[tables.names(tables.OBSERVATIONS)], geometry=geometry, crs=grid.crs)


def on_the_ground(shores: NDArray[np.object_], grid: Grid) -> NDArray[np.object_]:
    """Traced outlines in the scene's reference system."""
    origin = np.array([grid.x_origin, grid.y_origin])
    placed = shapely.transform(shores, lambda pixels: origin + pixels * [grid.gsd_m, -grid.gsd_m])
    return np.asarray(placed, object)


def evidence(judged: Measured, grid: Grid) -> pd.DataFrame:
    """Table of everything measured, the rejected and the unlikely too: columns as in ``tables.EVIDENCE``.

    It is what later looks ask at a pond that this scene did not show well enough to be stored as an observation.
    """
    frame = judged.frame
    odds = np.clip(frame["confidence"].to_numpy(float), _LEAST_CONFIDENCE, 1 - _LEAST_CONFIDENCE)
    table = pd.DataFrame(
        {
            "x": (grid.x_origin + frame["col"] * grid.gsd_m).round(1),
            "y": (grid.y_origin - frame["row"] * grid.gsd_m).round(1),
            "area_m2": frame["area_m2"].round(1),
            "area_sigma_m2": frame["area_sigma_m2"].round(1),
            "log_odds": pd.Series(np.log(odds / (1 - odds)), frame.index).round(2).where(frame["rejected"] == ""),
            "ndwi_peak": frame["ndwi_peak"].round(3),
            "visible": frame["visible"].round(3),
        }
    )
    return tables.conform(table, tables.EVIDENCE)


_LEAST_CONFIDENCE = 1e-4
"""Nearer to impossible or certain than this no model of one scene is believed."""

_DECIMALS = {
    "area_m2": 2,
    "area_sigma_m2": 2,
    "shared_sigma_m2": 2,
    "diameter_m": 2,
    "confidence": 4,
    "peak_fraction": 4,
    "snr": 2,
    "ndwi_peak": 4,
    "ndwi_contrast": 4,
    "visible": 4,
    "elongation": 3,
    "solidity": 3,
    "bareness": 3,
    "masked_fraction": 3,
}
"""Digits worth keeping; rounding also makes the stored table the same to the byte on every machine."""


def _flags(frame: pd.DataFrame) -> NDArray[np.object_]:
    cloud = np.where(frame["masked_fraction"] > 0.5, "cloud_flag;", "").astype(object)
    edge = np.where(frame["is_cut"], "edge;", "").astype(object)
    joined: NDArray[np.object_] = np.char.rstrip((cloud + edge).astype(str), ";").astype(object)
    return joined
