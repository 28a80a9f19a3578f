"""How well a workspace tells a simulated history: every measure counts right ones and all, so that seeds add up.

A sighting is of the true pond it is paired with at its own look (`evaluate.match`), a track of the true pond most of
its sightings are of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from series_scenes import History

from pondscan.config import Settings
from pondscan.evaluate.match import match
from pondscan.follow import products
from pondscan.follow.census import Census
from pondscan.follow.history import State
from pondscan.follow.looks import in_order, working_crs
from pondscan.store import Workspace
from pondscan.store.views import scene_views

ABLE_PX = 1.5
"""A pond is taken to show from this diameter in pixels on."""

Counts = Counter[tuple[str, str]]
"""(measure, "right" or "all") to how many."""


@dataclass(frozen=True)
class Told:
    """What a workspace says, beside what was."""

    census: Census
    tables: products.Products
    true: pd.DataFrame
    """A row for each true pond and look: `pond`, `site`, `look`, `day`, `is_liquid`, `is_sheeted`, `is_clear`,
    `is_clouded`, `diameter_m`, `area_m2`, `is_able` (its look's pixels can show it)."""
    pond_of: np.ndarray
    """(n_sightings,) the true pond each is of, empty for none."""
    true_of: np.ndarray
    """(n_tracks,) likewise."""
    is_published: np.ndarray
    day: np.ndarray
    """(n_looks,)"""
    life: pd.DataFrame
    """By true pond: `site`, `filled`, `dried`, days since 2000."""


def read(folder: Path, history: History) -> Told:
    """Read a workspace and set the truth beside it."""
    workspace = Workspace(folder)
    views = scene_views(workspace)
    settings = workspace.settings() or Settings()
    counted, _ = products.take_census(views, working_crs(in_order(views), None))
    tables = products.build(views, settings)
    shots = {shot.path.stem: shot for shot in history.shots}
    stem = {view.scene_id: _stem(view.scene.source, shots) for view in views}
    look_of = {stem[view.scene_id]: number for number, look in enumerate(counted.looks) for view in look.views}
    day = np.array([_day(look.start) for look in counted.looks])
    gsd_m = np.array([look.gsd_m for look in counted.looks])
    pond_of = _pond_of(counted, history, stem, shots)
    true = _by_look(history.truth[history.truth["scene"].isin(list(look_of))], look_of, day, gsd_m)
    published = counted.ponds["confidence"].to_numpy(float) >= settings.confidence.min_confidence
    return Told(counted, tables, true, pond_of, _true_of(counted, pond_of), published, day, _life(history))


def measure(told: Told) -> Counts:
    """Every measure of one workspace."""
    counts: Counts = Counter()
    for part in (identity, under_cloud, sheets, closures, events, onsets, areas):
        for name, n_right, n_all in part(told):
            counts[name, "right"] += int(n_right)
            counts[name, "all"] += int(n_all)
    return counts


def identity(told: Told) -> Iterator[tuple[str, int, int]]:
    """Of pairs of sightings: those of one track that are of one pond, and those of one pond that are in one track."""
    tracks = told.census.tracks
    kept = tracks.is_alone & told.is_published[tracks.track] & (told.pond_of[tracks.sighting] != "")
    rows = pd.DataFrame({"track": tracks.track[kept], "pond": told.pond_of[tracks.sighting[kept]]})
    both = _pairs(rows.groupby(["track", "pond"]).size())
    yield "identity precision", both, _pairs(rows.groupby("track").size())
    yield "identity recall", both, _pairs(rows.groupby("pond").size())


def under_cloud(told: Told) -> Iterator[tuple[str, int, int]]:
    """Ponds with liquid under cloud, and how many of them are not called gone."""
    at = told.true[told.true["is_clouded"] & (told.true["is_liquid"] | told.true["is_sheeted"])]
    row = _rows_of(told, at["pond"])
    known = row >= 0
    called = told.census.state[row[known], at["look"].to_numpy()[known]]
    followed = called != State.NOT_YET
    yield "not gone under cloud", int((called[followed] != State.GONE).sum()), int(followed.sum())


def sheets(told: Told) -> Iterator[tuple[str, int, int]]:
    """Sheeted ponds seen clear, at the first such look and at all, and how many of them are not called gone."""
    at = told.true[told.true["is_sheeted"] & told.true["is_clear"]].sort_values("look")
    for name, rows in (("sheeted, not gone at once", at.drop_duplicates("pond")), ("sheeted, not gone", at)):
        row = _rows_of(told, rows["pond"])
        called = told.census.state[row[row >= 0], rows["look"].to_numpy()[row >= 0]]
        followed = called != State.NOT_YET
        yield name, int((called[followed] != State.GONE).sum()), int(followed.sum())
        if name == "sheeted, not gone":
            yield "sheeted, called covered", int((called[followed] == State.COVERED).sum()), int(followed.sum())


def closures(told: Told) -> Iterator[tuple[str, int, int]]:
    """Ponds that ran dry and were then looked at clear three times over thirty days: how many are gone at the end.

    And of the ponds called gone at the end, how many are dry.
    """
    row = pd.Series(_rows_of(told, told.life.index), told.life.index)
    is_gone = told.census.state[:, -1] == State.GONE
    n_right = n_all = 0
    for pond in _provable_closures(told):
        n_all += row[pond] >= 0
        n_right += row[pond] >= 0 and is_gone[row[pond]]
    yield "closures found", n_right, n_all
    called = [pond for pond in told.life.index if row[pond] >= 0 and is_gone[row[pond]]]
    yield "closures right", sum(told.life.loc[pond, "dried"] < told.day[-1] for pond in called), len(called)


def events(told: Told) -> Iterator[tuple[str, int, int]]:
    """Ponds new and lost within the series: precision and recall over both, dates right.

    A new pond is a published one with a clear look before it that did not show it, a lost one is gone at the end. An
    event can be told when the pond was looked at clear on both sides of it by pixels that show it (three times over
    thirty days after a loss). An event is right when the day it happened lies in the interval told.
    """
    census = told.census
    said = {name: census.ponds[name].dt.tz_localize(None) for name in ("first_seen", "not_seen_before", "last_seen")}
    first, before, last = (_days(said[name]) for name in ("first_seen", "not_seen_before", "last_seen"))
    is_new = told.is_published & np.isfinite(before)
    is_lost = told.is_published & (census.state[:, -1] == State.GONE)
    since = np.where(is_lost, told.day[np.argmax(census.state == State.GONE, axis=1)], np.nan)
    life = told.life.reindex(told.true_of)
    filled, dried = life["filled"].to_numpy(), life["dried"].to_numpy()
    new_right = is_new & (before < filled) & (filled <= first)
    lost_right = is_lost & (last < dried) & (dried <= since)
    n_right = len({(told.true_of[i], "new") for i in np.flatnonzero(new_right)})
    n_right += len({(told.true_of[i], "lost") for i in np.flatnonzero(lost_right)})
    yield "events precision", n_right, int(is_new.sum() + is_lost.sum())
    true = {(pond, "new") for pond in _provable_openings(told)} | {(pond, "lost") for pond in _provable_closures(told)}
    got = {(told.true_of[i], "new") for i in np.flatnonzero(new_right)}
    got |= {(told.true_of[i], "lost") for i in np.flatnonzero(lost_right)}
    yield "events recall", len(true & got), len(true)


def onsets(told: Told) -> Iterator[tuple[str, int, int]]:
    """Onsets of sites: interval equal to that of the bracketing clear looks, and holding the true day."""
    site_of = _site_of(told)
    able = told.true[told.true["is_clear"] & told.true["is_able"]]
    sites = told.tables.sites.set_index("site_id")
    n_equal = n_holds = n_opened = n_opened_equal = n_changed = n_same = 0
    for site, names in _true_sites(site_of).items():
        ponds = told.life.index[told.life["site"].isin(names)]
        seen = able[able["pond"].isin(ponds) & able["is_liquid"]]
        if seen.empty:
            continue
        look = int(seen["look"].min())
        openers = seen.loc[seen["look"] == look, "pond"]
        empty = able[able["pond"].isin(openers) & (able["look"] < look)]
        expected = (told.day[look], empty["day"].max() if len(empty) else np.nan)
        told_first = _day(sites.loc[site, "first_seen"])
        told_before = _day(sites.loc[site, "not_seen_before"])
        is_equal = _same(told_first, expected[0]) and _same(told_before, expected[1])
        onset = told.life.loc[ponds, "filled"].min()
        n_equal += is_equal
        n_holds += onset <= told_first and not told_before >= onset
        after, by = (_day(sites.loc[site, name]) for name in ("began_after", "began_by"))
        n_changed += not by < onset and not after >= onset
        n_same += _same(after, told_before) and _same(by, told_first)
        n_opened += onset > told.day[0]
        n_opened_equal += onset > told.day[0] and is_equal
    n_sites = len(_true_sites(site_of))
    yield "onset interval as expected", n_equal, n_sites
    yield "onset interval as expected, opened within", n_opened_equal, n_opened
    yield "onset interval holds the day", n_holds, n_sites
    yield "onset change point holds the day", n_changed, n_sites
    yield "onset change point as bracketed", n_same, n_sites


def areas(told: Told) -> Iterator[tuple[str, int, int]]:
    """Site areas by date within two sigma of the liquid in sight, where no pond is partly hidden or in the margin."""
    sites = _true_sites(_site_of(told))
    number = {look.scene_id: i for i, look in enumerate(told.census.looks)}
    series = told.tables.timeseries
    series = series[series["area_m2"].notna()]
    n_right: Counter[str] = Counter()
    n_all: Counter[str] = Counter()
    for row in series.itertuples():
        at = told.true[told.true["site"].isin(sites.get(row.site_id, ())) & (told.true["look"] == number[row.scene_id])]
        at = at[at["is_liquid"]]
        if row.site_id not in sites or (~at["is_clear"] & ~at["is_clouded"]).any():
            continue
        true = at.loc[at["is_clear"], "area_m2"].sum()
        is_right = abs(row.area_m2 - true) <= 2.0 * row.area_sigma_m2 + 1e-9
        for name in ("", f", {row.sensor}"):
            n_all[name] += 1
            n_right[name] += is_right
    for name in sorted(n_all):
        yield f"site area within 2 sigma{name}", n_right[name], n_all[name]


def _stem(source: str, shots: dict[str, object]) -> str:
    stem = Path(source).stem.removeprefix("again_")
    if stem not in shots:
        message = f"{source} is no scene of this history"
        raise KeyError(message)
    return stem


def _pond_of(census: Census, history: History, stem: dict[str, str], shots: dict[str, object]) -> np.ndarray:
    """True pond of every sighting: paired scene by scene, the truth moved to where the census has it."""
    pond = np.full(len(census.seen), "", object)
    truth = gpd.GeoDataFrame(history.truth)
    off = {stem[view.scene_id]: view.placement for look in census.looks for view in look.views}
    scene = census.seen["scene_id"].map(stem).to_numpy()
    for name in np.unique(scene):
        rows = np.flatnonzero(scene == name)
        true = truth[(truth["scene"] == name) & (truth["status"] != "gone")]
        by = np.array(shots[name].shift_m) - [off[name].east_m, off[name].north_m]
        moved = shapely.transform(true.geometry.to_numpy(), lambda xy, by=by: xy + by)
        pairs = match(census.seen.geometry.to_numpy()[rows], moved)
        pond[rows[pairs.found]] = true["pond_id"].to_numpy()[pairs.true]
    return pond


def _true_of(census: Census, pond_of: np.ndarray) -> np.ndarray:
    tracks = census.tracks
    kept = tracks.is_alone & (pond_of[tracks.sighting] != "")
    rows = pd.DataFrame({"track": tracks.track[kept], "pond": pond_of[tracks.sighting[kept]]})
    most = rows.groupby("track")["pond"].agg(lambda names: names.value_counts().index[0])
    return most.reindex(range(tracks.n_tracks)).fillna("").to_numpy(object)


def _rows_of(told: Told, ponds: object) -> np.ndarray:
    """Published track of each true pond, the one with the most sightings; -1 for none."""
    n_seen = told.census.ponds["n_seen"].to_numpy()
    rows = pd.DataFrame({"pond": told.true_of, "n": n_seen, "track": np.arange(len(n_seen))})
    rows = rows[told.is_published & (rows["pond"] != "")].sort_values("n", ascending=False).drop_duplicates("pond")
    best = rows.set_index("pond")["track"]
    return best.reindex(np.asarray(ponds)).fillna(-1).to_numpy(int)


def _by_look(truth: pd.DataFrame, look_of: dict[str, int], day: np.ndarray, gsd_m: np.ndarray) -> pd.DataFrame:
    """One row for each pond and look; clear where one scene of the look is."""
    rows = pd.DataFrame(truth.drop(columns="geometry")).assign(look=truth["scene"].map(look_of))
    rows = rows.groupby(["pond_id", "look"], as_index=False).agg(
        site=("site_id", "first"),
        status=("status", "first"),
        is_clear=("is_clear", "max"),
        is_clouded=("is_clouded", "min"),
        diameter_m=("diameter_m", "first"),
        area_m2=("area_m2", "first"),
    )
    return rows.assign(
        pond=rows["pond_id"],
        day=day[rows["look"]],
        is_liquid=rows["status"] == "present",
        is_sheeted=rows["status"] == "covered",
        is_able=rows["diameter_m"] >= ABLE_PX * gsd_m[rows["look"]],
    )


def _life(history: History) -> pd.DataFrame:
    mines = history.place.mines
    pond = [f"p{site:03d}-{number:02d}" for site, number in zip(mines.site, mines.number, strict=True)]
    site = [f"s{site:03d}" for site in mines.site]
    return pd.DataFrame({"site": site, "filled": mines.filled, "dried": mines.dried}, index=pond)


def _provable_openings(told: Told) -> list[str]:
    """Followed ponds filled within the series that able pixels saw clear before, and with liquid after."""
    able = told.true[told.true["is_clear"] & told.true["is_able"]]
    after, before = (set(able.loc[able["is_liquid"] == is_liquid, "pond"]) for is_liquid in (True, False))
    is_within = told.life["filled"] > told.day[0]
    dry_first = {pond for pond in before if _dry_before(able, pond, told.life.loc[pond, "filled"])}
    return [pond for pond in told.life.index[is_within] if pond in after & dry_first]


def _dry_before(able: pd.DataFrame, pond: str, filled: float) -> bool:
    return bool((able.loc[able["pond"] == pond, "day"] < filled).any())


def _provable_closures(told: Told) -> list[str]:
    """Followed ponds that ran dry and were looked at clear by able pixels three times over thirty days after."""
    able = told.true[told.true["is_clear"] & told.true["is_able"]]
    found = []
    for pond in told.life.index[told.life["dried"] < told.day[-1]]:
        after = able.loc[(able["pond"] == pond) & (able["day"] >= told.life.loc[pond, "dried"]), "day"]
        if len(after) >= 3 and after.max() - after.min() >= 30:
            found.append(pond)
    return found


def _site_of(told: Told) -> pd.Series:
    """Product site of each true site: that of most of its published ponds."""
    ponds = told.tables.ponds[["pond_id", "site_id"]].set_index("pond_id")["site_id"]
    of_track = told.census.ponds["pond_id"].map(ponds)
    site = pd.Series(told.true_of).map(told.life["site"])
    rows = pd.DataFrame({"true": site, "told": of_track.to_numpy()}).dropna()
    return rows.groupby("true")["told"].agg(lambda names: names.value_counts().index[0])


def _true_sites(site_of: pd.Series) -> dict[str, list[str]]:
    """True sites of each product site."""
    return {str(site): list(names.index) for site, names in site_of.groupby(site_of)}


def _pairs(sizes: pd.Series) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def _day(when: object) -> float:
    """Days since 2000-01-01 UTC, NaN for none."""
    stamp = pd.Timestamp(when)
    return np.nan if pd.isna(stamp) else (stamp - pd.Timestamp("2000-01-01", tz="UTC")) / pd.Timedelta(days=1)


def _days(when: pd.Series) -> np.ndarray:
    return ((when - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)).to_numpy(float)


def _same(one: float, other: float) -> bool:
    return bool((np.isnan(one) and np.isnan(other)) or abs(one - other) < 0.05)
