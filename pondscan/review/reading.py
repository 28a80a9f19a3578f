"""Verdicts out of whatever a reviewer sends back: the GeoPackage edited in QGIS, the page's file, a CSV.

Every row is held against the census first; a file that does not fit it is refused whole, in one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from pondscan.appraisal.vectors import read_csv_words, read_vectors, refuse_first, refuse_shapeless, with_valid_outlines
from pondscan.errors import InputError
from pondscan.follow.products import Products
from pondscan.follow.verdicts import BELIEF, REDRAWN_IOU
from pondscan.overlap import iou
from pondscan.review.package import HANDED_OUT
from pondscan.tables import VERDICTS, conform

MOST_BYTES = 256 * 2**20
LONGEST_NOTE = 2000
LONGEST_NAME = 120
LEAST_DRAWN_M2 = 1.0
"""A drawn pond smaller than this is a slip of the hand."""

Polygons = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class Returned:
    """What came back, row by row: columns verdict, pond_id, note, reviewer, judged, all of them words or null."""

    path: Path
    rows: pd.DataFrame
    outlines: Polygons | None
    """In the CRS of the census; None where the file has none."""
    handed_out: dict[str, shapely.Geometry] | None
    """Outlines by pond_id as they were handed out; None where the file does not say."""


def read_verdicts(path: Path, census: Products, *, reviewer: str, now: datetime) -> GeoDataFrame:
    """Read the verdicts of a file.

    Parameters
    ----------
    path
        A GeoPackage or any vector file with the columns `pond_id` and `verdict`, or a CSV with them; `note`,
        `reviewer` and `judged` may be there too.
    census
        Every candidate of the workspace (``selection.candidates``).
    reviewer, now
        Who and when, where the file does not say it.

    Returns
    -------
    GeoDataFrame
        Columns ``tables.VERDICTS``, outlines in WGS84. A row without pond_id is an added pond; a pond whose outline
        differs from the one handed out was redrawn; one that was handed out and is missing was rejected.

    Raises
    ------
    InputError
        When the file cannot be read, is not of this census, or holds a value that makes no sense.
    """
    returned = _read(path, census)
    rows = _with_known_ids(returned, census)
    is_added = rows["pond_id"].isna().to_numpy(bool)
    is_drawn = is_added | _is_redrawn(returned, rows, census)
    verdict = rows["verdict"].mask(rows["verdict"].isna() & is_drawn, "accepted")
    rows = rows.assign(verdict=verdict, is_drawn=is_drawn)
    outlines = _outlines(returned, rows, census)
    said = rows.assign(geometry=outlines)[rows["verdict"].notna()]
    said = pd.concat([said, _deleted(returned, rows, census)], ignore_index=True)
    said = said.assign(
        reviewer=said["reviewer"].fillna(reviewer),
        judged=pd.to_datetime(said["judged"].fillna(pd.Timestamp(now).isoformat()), utc=True, format="ISO8601"),
        scene_id=said["pond_id"].map(dict(zip(census.ponds["pond_id"], census.ponds["scene_id"], strict=True))),
    )
    frame = gpd.GeoDataFrame(said, geometry="geometry", crs=census.crs)
    return conform(frame, VERDICTS).to_crs("OGC:CRS84")


def _read(path: Path, census: Products) -> Returned:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: give the file that a reviewer sent back")
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path}: {path.stat().st_size / 2**20:.0f} MiB is more than any review: give its own file")
    if path.suffix.lower() == ".csv":
        return Returned(path, _words(path, read_csv_words(path, "give a header line pond_id,verdict,note")), None, None)
    frame = read_vectors(path, "ponds with a verdict")
    if "square_id" in frame.columns:  # squares of a survey: ground, and no ponds of the census
        frame = frame[frame["square_id"].isna()].reset_index(drop=True)
    refuse_shapeless(path, frame, ("Polygon", "MultiPolygon"), "draw ponds as polygons")
    frame = with_valid_outlines(path, frame).to_crs(census.crs)
    outlines = np.asarray(frame.geometry.array, dtype=object)
    if not np.isfinite(shapely.bounds(outlines)).all():
        raise InputError(f"{path}: an outline cannot be put on the map of this census: check the file's CRS")
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return Returned(path, _words(path, table), outlines, _handed_out(path))


def _handed_out(path: Path) -> dict[str, shapely.Geometry] | None:
    names = [str(name) for name, _ in pyogrio.list_layers(path)] if path.suffix.lower() == ".gpkg" else []
    if HANDED_OUT not in names:
        return None
    table = pyogrio.read_dataframe(path, layer=HANDED_OUT)
    try:
        return dict(zip(table["pond_id"].astype(str), shapely.from_wkt(table["outline"].to_numpy()), strict=True))
    except (KeyError, TypeError, shapely.errors.GEOSException) as error:
        raise InputError(f"{path}: its table {HANDED_OUT} is damaged: export the review anew") from error


def _words(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Take the columns that count, as words without space around them; an empty one is null."""
    for name in ("pond_id", "verdict"):
        if name not in table.columns:
            raise InputError(f"{path}: there is no column {name} in it: give a file of `pondscan review export`")
    if "judged" in table.columns and pd.api.types.is_datetime64_any_dtype(table["judged"]):
        table = table.assign(judged=table["judged"].map(pd.Timestamp.isoformat, na_action="ignore"))
    columns = {}
    for name in ("pond_id", "verdict", "note", "reviewer", "judged"):
        words = table[name].astype("string").str.strip() if name in table.columns else pd.Series(pd.NA, table.index)
        columns[name] = words.astype("string").mask(words == "")
    rows = pd.DataFrame(columns).reset_index(drop=True)
    rows["verdict"] = rows["verdict"].str.lower()
    is_odd = rows["verdict"].notna() & ~rows["verdict"].isin(BELIEF)
    refuse_first(path, is_odd, "verdict", rows["verdict"], f"is none of {', '.join(BELIEF)}")
    times = pd.to_datetime(rows["judged"], utc=True, format="ISO8601", errors="coerce")
    is_odd = rows["judged"].notna() & times.isna()
    refuse_first(path, is_odd, "judged", rows["judged"], "is no time: write it as 2024-02-17T04:12:00Z")
    for name, longest in (("note", LONGEST_NOTE), ("reviewer", LONGEST_NAME)):
        is_long = rows[name].str.len().fillna(0) > longest
        refuse_first(path, is_long, name, rows[name], f"is longer than {longest} characters")
        rows[name] = rows[name].str.replace(r"[\x00-\x1f\x7f]+", " ", regex=True)
    return rows


def _with_known_ids(returned: Returned, census: Products) -> pd.DataFrame:
    """Rows under the ids the census has now; of several rows of one pond all but the likest are added ponds."""
    now = dict(zip(census.aliases["old_id"], census.aliases["new_id"], strict=True))
    live = set(census.ponds["pond_id"])
    given = returned.rows["pond_id"]
    known = given.map(lambda one: one if one in live else now.get(one), na_action="ignore").astype("string")
    is_lost = given.notna() & (known.isna() | ~known.isin(live))
    remedy = "is no pond of this census, now or before: the file is of another census or is older than it; export anew"
    refuse_first(returned.path, is_lost, "pond_id", given, remedy)
    rows = returned.rows.assign(pond_id=known)
    is_repeated = given.notna() & given.duplicated(keep=False)
    if is_repeated.any() and returned.outlines is None:
        refuse_first(returned.path, is_repeated, "pond_id", given, "is there more than once: give each one verdict")
    elif is_repeated.any() and returned.outlines is not None:
        is_extra = _all_but_the_likest(rows[is_repeated], returned.outlines[is_repeated], census)
        rows.loc[is_extra.index[is_extra], "pond_id"] = pd.NA
    return rows


def _all_but_the_likest(rows: pd.DataFrame, outlines: Polygons, census: Products) -> pd.Series:
    """Of rows that share a pond_id (a pond that was cut in two, say), all but the one most like the pond."""
    overlap = iou(outlines, _measured(rows, census))
    return rows.assign(overlap=overlap).sort_values("overlap", ascending=False)["pond_id"].duplicated()


def _is_redrawn(returned: Returned, rows: pd.DataFrame, census: Products) -> NDArray[np.bool_]:
    """Whether each row's outline is another than it was when handed out, or than the census has it."""
    is_redrawn = np.zeros(len(rows), bool)
    where = np.flatnonzero(rows["pond_id"].notna())
    if returned.outlines is None or not len(where):
        return is_redrawn
    before = _measured(rows.iloc[where], census)
    if returned.handed_out is not None:
        given = returned.rows["pond_id"].iloc[where]
        before = np.array([returned.handed_out.get(one, now) for one, now in zip(given, before, strict=True)], object)
    is_redrawn[where] = iou(returned.outlines[where], before) < REDRAWN_IOU
    return is_redrawn


def _outlines(returned: Returned, rows: pd.DataFrame, census: Products) -> Polygons:
    """Outline of every row: the drawn one, else the one of the census."""
    if returned.outlines is None:
        is_nameless = rows["pond_id"].isna()
        refuse_first(
            returned.path, is_nameless, "pond_id", rows["pond_id"], "a CSV must say: add ponds in a vector file"
        )
        return _measured(rows, census)
    outlines = returned.outlines.copy()
    is_tiny = rows["is_drawn"].to_numpy(bool) & (shapely.area(outlines) < LEAST_DRAWN_M2)
    if is_tiny.any():
        row = int(is_tiny.argmax()) + 1
        raise InputError(f"{returned.path}: the outline of row {row} is smaller than a square metre: draw it again")
    is_measured = ~rows["is_drawn"].to_numpy(bool)
    outlines[is_measured] = _measured(rows[is_measured], census)
    return outlines


def _deleted(returned: Returned, rows: pd.DataFrame, census: Products) -> pd.DataFrame:
    """Rejections of the ponds that were handed out and did not come back."""
    handed_out = list(returned.handed_out or ())
    back = set(returned.rows["pond_id"].dropna())
    gone = [one for one in handed_out if one not in back]
    nothing = pd.Series(pd.NA, range(len(gone)), dtype="string")
    lost = Returned(
        returned.path,
        pd.DataFrame(dict.fromkeys(("verdict", "note", "reviewer", "judged"), nothing)).assign(
            pond_id=pd.Series(gone, dtype="string")
        ),
        None,
        None,
    )
    known = _with_known_ids(lost, census)
    is_new = ~known["pond_id"].isin(rows["pond_id"].dropna()).to_numpy(bool)
    known = known[is_new].assign(verdict="rejected", is_drawn=False, note="deleted from the file")
    return known.assign(geometry=_measured(known, census))


def _measured(rows: pd.DataFrame, census: Products) -> Polygons:
    by_id = dict(zip(census.ponds["pond_id"], census.ponds.geometry, strict=True))
    return np.array([by_id[one] for one in rows["pond_id"]], dtype=object)
