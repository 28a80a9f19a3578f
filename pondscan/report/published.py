"""Published products → what figures and dossiers are made from: no scene is read and nothing is measured again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from geopandas import GeoDataFrame

from pondscan.report.inputs import COVERAGE_COLUMNS, Quicklook, ReportInput


def input_of(
    document: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    layers: Mapping[str, GeoDataFrame],
    *,
    title: str,
    quicklook: Callable[[str], bytes | None],
) -> ReportInput:
    """Gather the published tables, what ``run.json`` knows of the scenes, and their pictures.

    Parameters
    ----------
    document
        ``run.json``.
    tables, layers
        ``timeseries`` and ``survey``; ``ponds`` and ``sites``.
    title
        What the census is called.
    quicklook
        Gives the picture of a scene, PNG over its grid, None where there is none.
    """
    scenes = [scene for scene in document["scenes"] if scene["outcome"] == "done"]
    pictures = [
        Quicklook(scene["scene_id"], png, tuple(scene["grid"]["bounds"]), scene["grid"]["crs"])
        for scene in scenes
        if "bounds" in scene["grid"] and (png := quicklook(scene["scene_id"])) is not None
    ]
    return ReportInput(
        title=title,
        ponds=layers["ponds"],
        sites=layers["sites"],
        timeseries=tables["timeseries"],
        survey=tables["survey"],
        scenes=_scene_table(scenes),
        quicklooks=tuple(pictures),
        versions=dict(document["versions"]),
        target=document["settings"]["confidence"]["target"],
    )


def _scene_table(scenes: list[dict[str, Any]]) -> pd.DataFrame:
    """Columns ``inputs.SCENES``, one row for each scene."""
    plain = ("scene_id", "sensor", "product", "calibrated")
    columns: dict[str, list[Any]] = {name: [scene[name] for scene in scenes] for name in plain}
    columns["gsd_m"] = [scene["grid"]["gsd_m"] for scene in scenes]
    columns |= {name: [scene["coverage_px"].get(name, 0) for scene in scenes] for name in COVERAGE_COLUMNS}
    columns["warnings"] = [list(scene["warnings"]) for scene in scenes]
    dates = pd.to_datetime(pd.Series([scene["datetime"] for scene in scenes], dtype=object), utc=True)
    return pd.DataFrame(columns).assign(datetime=dates)
