"""What the report is made from: the tables of a workspace, pictures of its scenes, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from pondscan.context.sources import Context
from pondscan.errors import WorkspaceError
from pondscan.model import Coverage
from pondscan.tables import PONDS, SITES, SURVEY, TIMESERIES, Column, names

if TYPE_CHECKING:
    from pondscan.context.layers import Objects
    from pondscan.context.study import Effect

COVERAGE_COLUMNS = tuple(code.name.lower() for code in Coverage)
"""One column of pixel counts for each way a pixel can be covered, in the order of the codes."""

SCENES = (
    Column("scene_id", "string", "identity of the scene"),
    Column("datetime", "datetime", "time of acquisition, null for a single undated scene"),
    Column("sensor", "string", "a key of `sensors.SENSORS`"),
    Column("product", "string", "what was recognised, in words"),
    Column("gsd_m", "number", "side of a pixel, metres"),
    Column("calibrated", "string", "reflectance, toa or dn"),
    *(Column(name, "integer", f"pixels that are {name}") for name in COVERAGE_COLUMNS),
    Column("warnings", "string", "list of sentences"),
)
"""A stored scene. Further columns are shown when they are there (see ``OPTIONAL_SCENE_COLUMNS``)."""

OPTIONAL_SCENE_COLUMNS = (
    Column("n_candidates", "integer", "objects that differed from the ground around them the way liquid does"),
    Column("n_ponds", "integer", "of these, objects believed with at least the least confidence"),
    Column("rejected", "string", "dict: reason → number of candidates that are no pond for it"),
    Column("mask", "string", "where the mask of cloud and shadow comes from: product, screen (pondscan's own) or none"),
)


@dataclass(frozen=True, slots=True)
class Quicklook:
    """A small natural-colour picture of one scene."""

    scene_id: str
    png: bytes
    """RGB or RGBA; pixels that are pure black count as outside the scene."""
    bounds: tuple[float, float, float, float]
    """West, south, east, north of the picture's outer edges, in ``crs``."""
    crs: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A pond's outline on a picture."""

    pond_id: str
    state: str
    """Present, covered, unobserved or gone, at that look."""
    confidence: float
    is_measured: bool
    """Whether the outline is of that look; else it is the pond's latest one."""
    points: tuple[tuple[int, int], ...]
    """Corners in thousandths of the picture's side, right and down from its upper left corner."""


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """What a look shows of a site."""

    look: int
    """Place of the look in ``ReportInput.looks``."""
    scene_id: str
    when: datetime | None
    sensor: str
    gsd_m: float
    picture: NDArray[np.uint8]
    """(h, w, 3), a square of the scene's own pixels; north is up, but for the grid's convergence."""
    side_m: float
    kept: float
    """Share of it at the scene's own resolution; the rest is of the picture of the whole scene."""
    preview_m: float
    """Side of the pixels of that picture."""
    observed: float
    """Share of the site's footprint that the look saw clear."""
    hidden_by: str
    """What hid most of the rest, a lower-case name of ``model.Coverage``; empty where next to nothing was hidden."""
    rings: tuple[Ring, ...]


@dataclass(frozen=True)
class ReportInput:
    """Everything ``render`` may use: the report is a pure function of it.

    ``ponds`` and ``sites`` share one projected CRS; columns as in ``pondscan.tables``.
    """

    title: str
    ponds: GeoDataFrame
    sites: GeoDataFrame
    timeseries: pd.DataFrame
    survey: pd.DataFrame
    scenes: pd.DataFrame
    """Columns ``SCENES``, one row for each stored scene."""
    quicklooks: tuple[Quicklook, ...] = ()
    failures: tuple[tuple[str, str], ...] = ()
    """Source, and the sentence that says why it could not be used."""
    looks: tuple[str, ...] = ()
    """Scenes of every look, joined by ``;``, in order of time."""
    states: Mapping[str, str] = field(default_factory=dict)
    """Pond id → a letter for each look: ``p`` present, ``c`` covered, ``u`` unobserved, ``g`` gone, ``-`` not yet."""
    strips: Mapping[str, tuple[Chip, ...]] = field(default_factory=dict)
    """By site_id: pictures of it over dates, in order of time."""
    ignored: tuple[str, ...] = ()
    """Files met while walking folders that were not recognised."""
    settings_toml: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    target: str = "leach_pond"
    notes: tuple[str, ...] = ()
    """Sentences of the run that belong in the report: why nothing was found, what was superseded …"""
    context: Context = field(default_factory=Context)
    """What is known from elsewhere."""
    layers: tuple[Objects, ...] = ()
    """Objects of vector layers from elsewhere near the sites, in the CRS of the tables."""
    study: tuple[Effect, ...] = ()
    """What changed around each event of it."""
    estimate: Mapping[str, Any] | None = None
    """What a survey estimated from verdicts, as ``store.estimate`` keeps it."""


def in_order(report_input: ReportInput) -> ReportInput:
    """Return the same input with rows, pictures and sentences in one order, whatever order they came in."""
    return replace(
        report_input,
        ponds=report_input.ponds.sort_values("pond_id", ignore_index=True),
        sites=report_input.sites.sort_values("site_id", ignore_index=True),
        scenes=report_input.scenes.sort_values("scene_id", ignore_index=True),
        quicklooks=tuple(sorted(report_input.quicklooks, key=lambda look: look.scene_id)),
        failures=tuple(sorted(report_input.failures)),
        ignored=tuple(sorted(report_input.ignored)),
    )


def check_columns(report_input: ReportInput) -> None:
    """Refuse tables without the columns the report speaks of.

    Raises
    ------
    WorkspaceError
        Naming the table and every missing column.
    """
    wanted: tuple[tuple[str, Iterable[str], tuple[Column, ...]], ...] = (
        ("ponds", report_input.ponds.columns, PONDS),
        ("sites", report_input.sites.columns, SITES),
        ("timeseries", report_input.timeseries.columns, TIMESERIES),
        ("survey", report_input.survey.columns, SURVEY),
        ("scenes", report_input.scenes.columns, SCENES),
    )
    for table, present, columns in wanted:
        missing = [name for name in names(columns) if name not in set(present)]
        if missing:
            listed = ", ".join(missing)
            message = f"The {table} table lacks the columns {listed} that report.html speaks of; run pondscan again."
            raise WorkspaceError(message)
