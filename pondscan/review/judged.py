"""Verdicts on the units of a survey, from whatever came back: the GeoPackage, the page's file, a CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pondscan.appraisal.vectors import read_csv_words, refuse_first
from pondscan.detect import detection
from pondscan.errors import InputError
from pondscan.follow.verdicts import BELIEF, REDRAWN_IOU
from pondscan.overlap import common_m2, iou
from pondscan.review.sheet import Sheet
from pondscan.survey import allocation
from pondscan.survey.counts import chapman
from pondscan.survey.estimates import Recall, Sample, Strata
from pondscan.survey.stratified import Estimate

Floats = NDArray[np.float64]
WORDS = ("verdict", "n_ponds", "pond_area_m2", "note", "reviewer", "judged")
MOST_PONDS = 999
"""Ponds that one unit can hold: more is a slip of the keyboard."""


@dataclass(frozen=True, slots=True, eq=False)
class Interpreters:
    """What two who judged the same units independently of each other found."""

    names: tuple[str, str]
    n_units: int
    n_first: int
    n_second: int
    n_both: int
    agreement: float
    """Share of the units on which they say the same."""
    ponds: Estimate
    """Ponds there are in those units, by Chapman's estimator."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged survey, ready to be estimated from."""

    sample: Sample
    strata: Strata
    recall: Recall | None
    least_diameter_m: float
    """Diameter that the count by detection speaks of."""
    n_units: int
    n_unsure: int
    n_silent: int
    """Units that nobody judged."""
    n_guessed: int
    """Missed ponds whose area was not given: they count with the usual area."""
    interpreters: Interpreters | None


def read_judged(sheet: Sheet, others: Iterable[Path]) -> Judged:
    """Read what was said of a survey's units.

    Parameters
    ----------
    sheet
        The survey; verdicts in its own layers count too.
    others
        More files with verdicts: copies of the GeoPackage, files of the page, CSV. Of several verdicts on a unit the
        newest counts; one without a time is older than any other, and a later file is newer than an earlier one.

    Raises
    ------
    InputError
        When a file cannot be read, speaks of other units, or holds a value that makes no sense.
    """
    units = _units(sheet)
    said = pd.concat([_of_sheet(sheet, units), *(_of_file(path, units) for path in others)], ignore_index=True)
    said = said.assign(time=pd.to_datetime(said["judged"], utc=True, format="ISO8601"), row=np.arange(len(said)))
    said = said.sort_values(["time", "row"], na_position="first", ignore_index=True)
    newest = said.drop_duplicates("unit_id", keep="last").set_index("unit_id").reindex(units["unit_id"])
    is_known = newest["verdict"].isin(["accepted", "rejected"]).to_numpy(bool)
    n_unsure = int((newest["verdict"] == "unsure").sum())
    table = units[is_known].reset_index(drop=True)
    verdict = newest[is_known].reset_index(drop=True)
    sample, n_guessed = _sample(sheet, table, verdict)
    recall, least = _recall(sheet, table)
    return Judged(
        sample=sample,
        strata=_strata(sheet),
        recall=recall,
        least_diameter_m=least,
        n_units=len(units),
        n_unsure=n_unsure,
        n_silent=len(units) - int(is_known.sum()) - n_unsure,
        n_guessed=n_guessed,
        interpreters=_interpreters(said),
    )


def _units(sheet: Sheet) -> pd.DataFrame:
    """Every unit: `unit_id`, `stratum`, `is_pond`, and what was measured."""
    ponds = sheet.handed_out.rename(columns={"pond_id": "unit_id"}).assign(is_pond=True)
    squares = pd.DataFrame({"unit_id": sheet.squares["square_id"], "stratum": sheet.squares["stratum"]})
    known: pd.DataFrame = pd.concat([ponds, squares.assign(is_pond=False)], ignore_index=True)
    return known


def _of_sheet(sheet: Sheet, units: pd.DataFrame) -> pd.DataFrame:
    """Verdicts in the layers of the GeoPackage itself: edits, deletions, ponds drawn into squares."""
    crs = sheet.squares.crs
    ponds = sheet.ponds.to_crs(crs)
    rows = _said(sheet.path, pd.DataFrame(ponds.drop(columns="geometry")), ponds["pond_id"])
    outline = np.asarray(ponds.geometry.array, object)
    handed_out = sheet.handed_out.set_index("pond_id")["outline"]
    is_old = ponds["pond_id"].isin(handed_out.index).to_numpy(bool)
    before = shapely.from_wkt(handed_out.reindex(ponds["pond_id"][is_old]).to_numpy())
    is_redrawn = np.zeros(len(ponds), bool)
    is_redrawn[is_old] = iou(outline[is_old], before) < REDRAWN_IOU
    area = pd.Series(np.where(is_redrawn, shapely.area(outline), np.nan))
    agreed = pd.Series(np.full(len(ponds), np.nan))
    agreed[is_old] = common_m2(outline[is_old], before)
    verdict = rows["verdict"].mask(rows["verdict"].isna() & is_redrawn, "accepted")
    rows = rows.assign(verdict=verdict, drawn_m2=area, agreed_m2=agreed.where(is_redrawn))
    gone = handed_out.index.difference(ponds["pond_id"].dropna())
    deleted = pd.DataFrame({"unit_id": gone, "verdict": "rejected"})
    squares = _said(sheet.path, pd.DataFrame(sheet.squares.drop(columns="geometry")), sheet.squares["square_id"])
    squares = _with_drawn(squares, sheet, outline[~is_old])
    table = pd.concat([rows[is_old], deleted, squares], ignore_index=True)
    is_said = table["verdict"].notna() & table["unit_id"].isin(units["unit_id"])
    return pd.DataFrame(table[is_said])


def _with_drawn(squares: pd.DataFrame, sheet: Sheet, drawn: NDArray[np.object_]) -> pd.DataFrame:
    """Count ponds that were drawn in a square whose verdict does not give their number itself."""
    within, pond = shapely.STRtree(shapely.centroid(drawn)).query(
        np.asarray(sheet.squares.geometry.array, object), predicate="contains"
    )
    number = np.bincount(within, minlength=len(squares))
    area = np.bincount(within, shapely.area(drawn[pond]), len(squares))
    is_drawn = number > 0
    return squares.assign(
        verdict=squares["verdict"].mask(squares["verdict"].isna() & is_drawn, "accepted"),
        n_ponds=squares["n_ponds"].mask(squares["n_ponds"].isna() & is_drawn, number.astype(float)),
        drawn_m2=squares["pond_area_m2"].mask(squares["pond_area_m2"].isna() & is_drawn, area),
    )


def _of_file(path: Path, units: pd.DataFrame) -> pd.DataFrame:
    """Verdicts of another file."""
    if path.suffix.lower() == ".gpkg":
        from pondscan.review.sheet import read_sheet

        return _of_sheet(read_sheet(path), units)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: give the file that a reviewer sent back")
    table = _csv(path) if path.suffix.lower() == ".csv" else _page(path)
    given = next((table[name] for name in ("unit_id", "pond_id", "square_id") if name in table.columns), None)
    if given is None or "verdict" not in table.columns:
        raise InputError(
            f"{path}: there are no columns unit_id and verdict in it: give the survey's own file, filled in"
        )
    for name in ("pond_id", "square_id"):
        given = given.fillna(table[name]) if name in table.columns else given
    is_strange = given.notna() & ~given.isin(units["unit_id"])
    refuse_first(path, is_strange, "unit_id", given, "is no unit of this survey: give the file of the same sample")
    rows = _said(path, table, given)
    return rows[rows["verdict"].notna() & rows["unit_id"].notna()]


def _csv(path: Path) -> pd.DataFrame:
    return read_csv_words(path, "give the CSV of `pondscan survey design`, filled in")


def _page(path: Path) -> pd.DataFrame:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
        return pd.DataFrame([dict(feature["properties"]) for feature in features], dtype=object)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"{path}: this cannot be read as the file of a review page"
        raise InputError(f"{message}: give a GeoPackage, a CSV, or what `pondscan review serve` wrote") from error


def _said(path: Path, table: pd.DataFrame, unit: pd.Series) -> pd.DataFrame:
    """Take what was said, checked: `unit_id`, ``WORDS``, `drawn_m2`, `agreed_m2`."""
    if "judged" in table.columns and pd.api.types.is_datetime64_any_dtype(table["judged"]):
        table = table.assign(judged=table["judged"].map(pd.Timestamp.isoformat, na_action="ignore"))
    words = {
        name: table[name].astype("string").str.strip() if name in table.columns else pd.Series(pd.NA, table.index)
        for name in WORDS
    }
    rows = pd.DataFrame({name: one.astype("string").mask(one == "") for name, one in words.items()})
    rows = rows.assign(unit_id=unit.astype("string"), verdict=rows["verdict"].str.lower()).reset_index(drop=True)
    is_odd = rows["verdict"].notna() & ~rows["verdict"].isin(BELIEF)
    refuse_first(path, is_odd, "verdict", rows["verdict"], f"is none of {', '.join(BELIEF)}")
    time = pd.to_datetime(rows["judged"], utc=True, format="ISO8601", errors="coerce")
    refuse_first(
        path, rows["judged"].notna() & time.isna(), "judged", rows["judged"], "is no time: 2024-02-17T04:12:00Z"
    )
    for name, most in (("n_ponds", MOST_PONDS), ("pond_area_m2", 1e7)):
        number = pd.to_numeric(rows[name], errors="coerce").astype(float)
        is_wrong = rows[name].notna() & ~number.between(0, most)
        refuse_first(path, is_wrong, name, rows[name], f"is no number from 0 to {most:g}")
        rows[name] = number
    is_whole = rows["n_ponds"].isna() | (rows["n_ponds"] % 1 == 0)
    refuse_first(path, ~is_whole, "n_ponds", rows["n_ponds"].astype("string"), "is no whole number")
    counted = np.where(rows["n_ponds"] > 0, "accepted", "rejected")
    verdict = rows["verdict"].mask(rows["verdict"].isna() & rows["n_ponds"].notna(), pd.Series(counted, rows.index))
    return rows.assign(verdict=verdict, drawn_m2=rows["pond_area_m2"], agreed_m2=np.nan)


def _sample(sheet: Sheet, units: pd.DataFrame, said: pd.DataFrame) -> tuple[Sample, int]:
    """Numbers of the units that were judged; with it the missed ponds whose area was guessed."""
    is_pond, is_real = units["is_pond"].to_numpy(bool), (said["verdict"] == "accepted").to_numpy(bool)
    number = np.where(is_real, np.maximum(said["n_ponds"].fillna(1.0).to_numpy(float), 1.0), 0.0)
    measured = units["area_m2"].fillna(0.0).to_numpy(float)
    drawn = said["drawn_m2"].to_numpy(float)
    is_measured = is_pond & ~np.isfinite(drawn)
    usual = np.median(measured[is_pond & is_real]) if (is_pond & is_real).any() else np.pi / 4 * 12.0**2
    guessed = np.where(is_pond, measured, number * usual)
    area = np.where(is_real, np.where(np.isfinite(drawn), drawn, guessed), 0.0)
    sort = dict(zip(sheet.strata["stratum"], sheet.strata["sort"], strict=True))
    is_mapped = (units["stratum"].map(sort) == "mapped").to_numpy(bool)
    common = np.where(is_measured, measured, said["agreed_m2"].fillna(measured.max(initial=0.0)).to_numpy(float))
    agreed = np.where(is_mapped & is_real, np.minimum(np.minimum(common, measured), area), 0.0)
    shared = np.where(is_measured & is_real, units["shared_sigma_m2"].fillna(0.0).to_numpy(float), 0.0)
    whole = np.where(is_measured & is_real, units["area_sigma_m2"].fillna(0.0).to_numpy(float), 0.0)
    site = units["site_id"].astype("string").fillna("unit " + units["unit_id"].astype("string"))
    order = {name: index for index, name in enumerate(sheet.strata["stratum"])}
    sample = Sample(
        stratum=units["stratum"].map(order).to_numpy(np.int64),
        n_ponds=number,
        area_m2=area,
        agreed_m2=agreed,
        site=pd.factorize(site)[0].astype(np.int64),
        shared_sigma_m2=shared,
        own_sigma_m2=np.sqrt(np.maximum(whole**2 - shared**2, 0.0)),
    )
    return sample, int(number[~is_pond & is_real & ~np.isfinite(drawn)].sum())


def _strata(sheet: Sheet) -> Strata:
    table = sheet.strata
    is_ground = (table["sort"] == "ground").to_numpy(bool)
    spread = table["spread"].to_numpy(float)
    return Strata(
        name=tuple(table["stratum"].astype(str)),
        is_mapped=(table["sort"] == "mapped").to_numpy(bool),
        is_ground=is_ground,
        size=table["n_units"].to_numpy(np.int64),
        mapped_m2=table["mapped_m2"].to_numpy(float),
        ground_m2=float(sheet.facts["ground_m2"]),
        expected_missed=np.where(is_ground, allocation.expected_missed(spread), 0.0),
        expected_wrong=np.where(is_ground, 0.0, allocation.expected_wrong(spread)),
    )


def _recall(sheet: Sheet, units: pd.DataFrame) -> tuple[Recall | None, float]:
    """Chance of every unit to be counted, and the diameter that reaches an even one with the coarsest pixel.

    Where neighbours blur into one outline it has no chance of its own, and nothing is said.
    """
    gsd = units["gsd_m"].to_numpy(float)
    coarsest_m = np.max(gsd, initial=0.0, where=np.isfinite(gsd))
    if sheet.facts.get("target") != "leach_pond" or not 0 < coarsest_m <= detection.RESOLVING_GSD_M:
        return None, float("nan")
    least = detection.diameter_of(detection.EVEN, float(coarsest_m), "counted")
    diameter = units["diameter_m"].fillna(0.0).to_numpy(float)
    known = detection.known_chance(np.maximum(diameter, least), np.nan_to_num(gsd, nan=coarsest_m), "counted")
    return Recall(known.chance, known.gradient, known.covariance, known.scene_spread, diameter >= least), least


def _interpreters(said: pd.DataFrame) -> Interpreters | None:
    """Compare the two who judged most units in common; None where nobody judged what another did."""
    known = said[said["verdict"].isin(["accepted", "rejected"]) & said["reviewer"].notna()]
    known = known.assign(n=np.where(known["verdict"] == "accepted", known["n_ponds"].fillna(1.0).clip(lower=1.0), 0.0))
    known = known.drop_duplicates(["unit_id", "reviewer"], keep="last")
    wide = known.pivot(index="unit_id", columns="reviewer", values="n").sort_index(axis=1)
    pairs = [(int(wide[[a, b]].notna().all(axis=1).sum()), a, b) for a, b in _pairs(list(wide.columns))]
    n_units, first, second = max(pairs, key=lambda pair: pair[0], default=(0, "", ""))
    if not n_units:
        return None
    both = wide[[first, second]].dropna().to_numpy(float)
    one, other, common = (int(part.sum()) for part in (both[:, 0], both[:, 1], both.min(axis=1)))
    agreement = float(((both[:, 0] > 0) == (both[:, 1] > 0)).mean())
    return Interpreters((first, second), n_units, one, other, common, agreement, chapman(one, other, common))


def _pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
