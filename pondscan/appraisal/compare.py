"""What is compared with what: the scenes of a workspace, or one file of ponds, against the truth of their day."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd

from pondscan import evaluate
from pondscan.appraisal.reviewed import as_shown, is_review, placements, read_reviewed
from pondscan.appraisal.truth import OUTLINES, nominal_gsd_m, read_truth, truth_for, truth_on
from pondscan.appraisal.vectors import in_metres, read_vectors, refuse_shapeless, with_valid_outlines
from pondscan.config import SiteSettings
from pondscan.errors import InputError, WorkspaceError
from pondscan.store import StoredScene, Workspace
from pondscan.store.observations import read_record

CLEAR_SHARE = 0.99
"""Share of a true pond that a scene must have seen clear for the pond to count."""

NOT_CLEAR = "not seen clear"
"""Status of a true pond under a mask or its margin, or outside the scene."""


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One scene, or one file, held against the truth."""

    name: str
    sensor: str
    day: date | None
    gsd_m: float
    """NaN where it is not known."""
    score: evaluate.Score
    found: gpd.GeoDataFrame
    """Rows as in ``score.found``, with their outlines, in metres."""
    true: gpd.GeoDataFrame
    """Rows as in ``score.true``, with their outlines."""
    picture: bytes | None = None
    """The scene's quicklook, PNG."""
    bounds: tuple[float, float, float, float] | None = None
    """West, south, east, north of the picture in the CRS of ``found``."""


@dataclass(frozen=True, slots=True, eq=False)
class Appraisal:
    """Everything that was compared."""

    parts: tuple[Compared, ...]
    skipped: tuple[tuple[str, str], ...]
    """Scenes the truth says nothing of, and why."""

    @property
    def whole(self) -> evaluate.Score:
        """All parts as one."""
        return evaluate.pool(part.score for part in self.parts)


def appraise(pred: Path, truth: Path, *, min_confidence: float = 0.5, day: date | None = None) -> Appraisal:
    """Hold a census against the truth.

    Parameters
    ----------
    pred
        A workspace: each of its scenes is held against the truth of its day and sensor. Or a vector file of ponds
        (``ponds.geojson``, a GeoPackage, the observations of a scene as Parquet), held against the truth of its day.
    truth
        A vector file or a CSV (see ``read_truth``); or a workspace that was reviewed (see ``read_reviewed``), which
        speaks only of what was judged.
    min_confidence
        Least confidence of what counts as found.
    day
        Only this day; without it, every day of a workspace, and the newest of the truth for a file.

    Raises
    ------
    InputError, WorkspaceError
        When a file cannot be read, or the truth speaks of nothing that was looked at.
    """
    known = _known(truth)
    if pred.is_dir():
        return _appraise_workspace(pred, known, min_confidence, day)
    return Appraisal((_appraise_file(pred, known, min_confidence, day),), ())


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """A truth, and how much of it there is."""

    rows: gpd.GeoDataFrame
    is_review: bool
    """What reviewers said: no more is known than what they judged, and it lies where the census lies."""

    @property
    def is_undated(self) -> bool:
        """Whether no row says of which day it is."""
        return bool(len(self.rows) and self.rows["day"].isna().all() and not self.is_review)


def _known(path: Path) -> _Known:
    return _Known(read_reviewed(path), True) if is_review(path) else _Known(read_truth(path), False)


def _appraise_workspace(path: Path, known: _Known, min_confidence: float, day: date | None) -> Appraisal:
    workspace, truth = Workspace.existing(path), known.rows
    settings = workspace.settings()
    rule = settings.sites if settings else SiteSettings()
    stored = [one for one in workspace.scenes() if day is None or _day_of(one) == day]
    if not stored:
        days = _told(_day_of(one) for one in workspace.scenes())
        raise InputError(f"{path}: this census has no scene of {day or 'any day'}: its scenes are of {days}")
    if known.is_undated and len({_day_of(one) for one in stored}) > 1:
        raise InputError(f"{path}: the truth has no dates and the scenes have several: say with --date which is meant")
    crs, placed = placements(workspace) if known.is_review else ("", {})
    parts, skipped = [], []
    for one in stored:
        rows = truth_for(truth, day=_day_of(one), sensor=one.scene.sensor, gsd_m=one.scene.gsd_m)
        if rows is None:
            day_told = _day_of(one) or "an unknown day"
            skipped.append((one.scene_id, f"the truth has no rows for {one.scene.sensor} on {day_told}"))
        else:
            rows = as_shown(rows, crs, placed[one.scene_id]) if one.scene_id in placed else rows
            compared = _compare_scene(workspace, one, rows, rule, min_confidence, knows_all=not known.is_review)
            parts.append(compared)
    if not parts:
        days, true_days = _told(_day_of(one) for one in stored), _told(truth["day"])
        raise InputError(
            f"{path}: the scenes are of {days} and the truth is of {true_days}: give that of the same days"
        )
    return Appraisal(tuple(parts), tuple(skipped))


def _compare_scene(
    workspace: Workspace,
    stored: StoredScene,
    truth: gpd.GeoDataFrame,
    rule: SiteSettings,
    min_confidence: float,
    *,
    knows_all: bool,
) -> Compared:
    """Hold the observations of one scene against what of the truth it saw clear."""
    scene, found = stored.scene, workspace.observations(stored.scene_id)
    true = truth.to_crs(found.crs).reset_index(drop=True)
    seen = workspace.coverage(stored.scene_id).clear_fraction(true.geometry, true.crs)
    status = true["status"].mask((true["status"] == "present") & (seen < CLEAR_SHARE), NOT_CLEAR)
    return _compared(
        found,
        true.assign(status=status),
        name=scene.scene_id,
        sensor=_sensor_of(truth, scene.sensor),
        day=_day_of(stored),
        gsd_m=scene.gsd_m,
        rule=rule,
        min_confidence=min_confidence,
        knows_all=knows_all,
        picture=workspace.quicklook(stored.scene_id),
        bounds=scene.grid.bounds,
    )


def _appraise_file(path: Path, known: _Known, min_confidence: float, day: date | None) -> Compared:
    """Hold a file of ponds against the truth of its day: its scene's, the one asked for, or the newest."""
    stored, truth = _record(path), known.rows
    if stored is not None and day not in (None, _day_of(stored)):
        raise InputError(f"{path}: these are observations of {_day_of(stored)}, not of {day}: leave out --date")
    found = read_vectors(path, "ponds")
    refuse_shapeless(path, found, OUTLINES, "found ponds are polygons")
    found = with_valid_outlines(path, found)
    named = sorted({str(name) for name in found["sensor"].dropna()}) if "sensor" in found.columns else []
    if stored is not None:
        sensor, gsd_m, day = stored.scene.sensor, stored.scene.gsd_m, _day_of(stored)
        true = truth_for(truth, day=day, sensor=sensor, gsd_m=gsd_m)
    else:
        sensor, gsd_m = ";".join(named), nominal_gsd_m(named[0]) if len(named) == 1 else math.nan
        day = day or max(truth["day"].dropna(), default=None)
        true = truth_on(truth, day)
    if true is None or (true.empty and len(truth)):
        raise InputError(f"{path}: the truth has no rows for {day}: give another --date, or the truth of that day")
    crs = in_metres(found if len(found) else true).crs
    return _compared(
        _present(found.to_crs(crs)),
        true.to_crs(crs).reset_index(drop=True),
        name=path.name,
        sensor=sensor,
        day=day,
        gsd_m=gsd_m,
        rule=SiteSettings(),
        min_confidence=min_confidence,
        knows_all=not known.is_review,
    )


def _compared(
    found: gpd.GeoDataFrame,
    true: gpd.GeoDataFrame,
    *,
    name: str,
    sensor: str,
    day: date | None,
    gsd_m: float,
    rule: SiteSettings,
    min_confidence: float,
    knows_all: bool,
    picture: bytes | None = None,
    bounds: tuple[float, float, float, float] | None = None,
) -> Compared:
    score = evaluate.score(
        found,
        true,
        gsd_m=gsd_m,
        min_confidence=min_confidence,
        site_distance_m=rule.distance_m,
        min_ponds=rule.min_ponds,
        knows_all=knows_all,
        scene=name,
        sensor=sensor,
    )
    return Compared(name, sensor, day, gsd_m, score, found, true, picture, bounds)


def _present(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Products keep ponds that are gone or were not seen lately: those are not claimed to be there."""
    if "status" not in found.columns:
        return found
    status = found["status"].astype("string").fillna("present")
    return found.assign(rejected=status.mask(status == "present", ""))


def _record(path: Path) -> StoredScene | None:
    """Record of the scene whose observations a Parquet file holds; None for any other file."""
    try:
        return read_record(path)[0] if path.suffix == ".parquet" else None
    except WorkspaceError:  # somebody else's GeoParquet; a damaged one is refused where its outlines are read
        return None


def _sensor_of(truth: gpd.GeoDataFrame, sensor: str) -> str:
    """Sensor by the name the truth gives it: a file of its own often does not know."""
    named = truth["sensor"].dropna().unique()
    return str(named[0]) if sensor == "generic" and len(named) == 1 else sensor


def _told(days: Iterable[date | None]) -> str:
    """Days in words, each once."""
    return ", ".join(sorted({str(day) for day in days if day is not None})) or "no day that is known"


def _day_of(stored: StoredScene) -> date | None:
    return stored.scene.datetime.date() if stored.scene.datetime else None
