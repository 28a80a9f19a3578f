"""What every look says of every pond: seen, missed, could not tell; from it states, dates and confidence.

Matrices are ponds × looks, looks in canonical order. Absence of evidence is never evidence of absence: a look counts as
a miss only where it was clear at the pond and its pixels could have shown it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import pyproj
from numpy.typing import NDArray

from pondscan.follow.looks import Look, is_clear_at
from pondscan.follow.tracks import Tracks

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
States = NDArray[np.int8]

DETECTION_LIMIT_PX = 1.5
"""OWN: diameter in pixels that is found every other time, until measured detection curves replace it."""

GONE_MISSES = 3
GONE_DAYS = 30.0
"""A pond is gone after so many clear misses since it was last seen, the first and last so many days apart."""

COVERED_KINDS = ("sheeted",)
"""Kinds of a pond whose liquid is hidden; a mesh lets the liquid through and is not one of them."""

MISS_LOG_ODDS = -0.7
"""OWN: what one clear miss says, log 0.5: a real pond at the detection limit is missed every other time."""

MAX_FLANKS = 3
RESOLVED_PX = 3.0
"""A pond this wide is resolved: its look speaks with full weight."""


class State(IntEnum):
    """State of a pond at a look; the better known first."""

    PRESENT = 1
    COVERED = 2
    UNOBSERVED = 3
    GONE = 4
    NOT_YET = 9
    """Before its first sighting."""


STATUS = {state.value: state.name.lower() for state in State if state is not State.NOT_YET}
"""Name of each state in the products; there is none for `NOT_YET`."""


LETTERS = {State.PRESENT: "p", State.COVERED: "c", State.UNOBSERVED: "u", State.GONE: "g", State.NOT_YET: "-"}


def in_letters(pond_id: Iterable[str], state: States) -> dict[str, str]:
    """Write the states of ponds (n_ponds, n_looks) as a word each, a letter for each look."""
    letters = np.zeros(max(LETTERS) + 1, "S1")
    letters[list(LETTERS)] = list(LETTERS.values())
    table = letters[state]
    return {str(one): b"".join(row).decode() for one, row in zip(pond_id, table, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What each look (column) says of each pond (row)."""

    is_seen: Booleans
    is_covered: Booleans
    """Seen, but only as a cover."""
    is_clear: Booleans
    """The look saw the pond's place, and a pixel around it, clear."""
    is_missed: Booleans
    """Clear, not seen, and not too small for the look's pixels: evidence against a pond."""
    tells: Booleans
    """The look covers the place with pixels that could show the pond, or saw it; cloud may hide it."""

    @property
    def n_seen(self) -> Integers:
        """(n_ponds,) looks that saw it."""
        return _integers(self.is_seen.sum(axis=1))

    @property
    def n_clear(self) -> Integers:
        """(n_ponds,) looks that could have seen it."""
        return _integers((self.is_seen | self.is_missed).sum(axis=1))

    @property
    def first(self) -> Integers:
        """(n_ponds,) first look that saw it."""
        n_looks = self.is_seen.shape[1]
        return _integers(np.where(self.is_seen, np.arange(n_looks), n_looks).min(axis=1, initial=n_looks))

    @property
    def last(self) -> Integers:
        """(n_ponds,) last look that saw it."""
        return _integers(np.where(self.is_seen, np.arange(self.is_seen.shape[1]), -1).max(axis=1, initial=-1))

    def until(self, number: int) -> Evidence:
        """Evidence of the looks up to ``number``, itself included."""
        parts = (self.is_seen, self.is_covered, self.is_clear, self.is_missed, self.tells)
        return Evidence(*(part[:, : number + 1] for part in parts))

    def counted(self, which: Booleans) -> tuple[Integers, Integers, Integers]:
        """Count looks of ``which`` before the first sighting, between first and last, and after the last."""
        look = np.arange(which.shape[1])
        is_before, is_after = look < self.first[:, None], look > self.last[:, None]
        parts = (which & is_before, which & ~is_before & ~is_after, which & is_after)
        before, between, after = (part.sum(axis=1) for part in parts)
        return before, between, after


def detectable(diameter_m: Floats, gsd_m: float) -> Booleans:
    """Whether a look finds a pond of this size at least every other time.

    >>> detectable(np.array([8.0, 16.0]), 10.0).tolist()
    [False, True]
    """
    return np.asarray(diameter_m >= DETECTION_LIMIT_PX * gsd_m)


def gather(
    looks: Sequence[Look],
    tracks: Tracks,
    *,
    look: Integers,
    is_cover: Booleans,
    x: Floats,
    y: Floats,
    diameter_m: Floats,
    crs: str,
) -> Evidence:
    """Gather what every look says of every pond.

    Parameters
    ----------
    looks
        All looks.
    tracks
        Ponds and their sightings.
    look, is_cover : (n_sightings,)
        Look of each sighting, and whether it shows a cover instead of liquid.
    x, y, diameter_m : (n_ponds,)
        Where each pond is, in ``crs``, and how wide.
    """
    shape = (tracks.n_tracks, len(looks))
    is_seen, is_liquid = np.zeros(shape, bool), np.zeros(shape, bool)
    is_seen[tracks.track, look[tracks.sighting]] = True
    liquid = ~is_cover[tracks.sighting]
    is_liquid[tracks.track[liquid], look[tracks.sighting[liquid]]] = True
    is_clear, tells = np.zeros(shape, bool), is_seen.copy()
    for number, one_look in enumerate(looks):
        is_clear[:, number], is_inside = _looked_at(one_look, x, y, diameter_m, crs)
        tells[:, number] |= is_inside & detectable(diameter_m, one_look.gsd_m)
    return Evidence(is_seen, is_seen & ~is_liquid, is_clear, is_clear & tells & ~is_seen, tells)


def _looked_at(look: Look, x: Floats, y: Floats, diameter_m: Floats, crs: str) -> tuple[Booleans, Booleans]:
    """Whether one scene of the look was clear at a place and all around it; whether the place is within its edges."""
    is_clear, is_inside = np.zeros(len(x), bool), np.zeros(len(x), bool)
    away = diameter_m / 2 + look.gsd_m
    around_x = x + away * np.array([[0], [1], [-1], [0], [0]])
    around_y = y + away * np.array([[0], [0], [0], [1], [-1]])
    for view in look.views:
        codes = is_clear_at(view, around_x.ravel(), around_y.ravel(), crs)
        is_clear |= codes.reshape(around_x.shape).all(axis=0)
        to_scene = pyproj.Transformer.from_crs(crs, view.scene.grid.crs, always_xy=True)
        east_of, north_of = to_scene.transform(x, y)
        west, south, east, north = view.scene.grid.bounds
        is_inside |= (east_of >= west) & (east_of <= east) & (north_of >= south) & (north_of <= north)
    return is_clear, is_inside


def states(evidence: Evidence, day: Floats) -> States:
    """State of every pond at every look, each from that look and those before it.

    A pond seen is *present*, or *covered* where only a cover was seen. Not seen, it keeps that state until
    ``GONE_MISSES`` clear misses that span ``GONE_DAYS`` make it *gone*; a look that could show it but for cloud,
    shadow, gap or the scene's edge leaves it *unobserved*, a look too coarse for it changes nothing, and *gone* stays
    until it is seen again.

    Parameters
    ----------
    evidence
        As ``gather`` gives it.
    day : (n_looks,)
        Time of each look in days; NaN where it is not known.
    """
    n_ponds, n_looks = evidence.is_seen.shape
    state = np.empty((n_ponds, n_looks), np.int8)
    current = np.full(n_ponds, State.NOT_YET, np.int8)
    held = current.copy()
    n_misses, first_miss = np.zeros(n_ponds, np.int64), np.full(n_ponds, np.nan)
    for number in range(n_looks):
        is_seen, is_missed = evidence.is_seen[:, number], evidence.is_missed[:, number]
        n_misses = np.where(is_seen, 0, n_misses + is_missed)
        first_miss = np.where(is_missed & (n_misses == 1), day[number], first_miss)
        held = np.where(is_seen, np.where(evidence.is_covered[:, number], State.COVERED, State.PRESENT), held)
        is_gone = (n_misses >= GONE_MISSES) & (day[number] - first_miss >= GONE_DAYS) & is_missed
        is_hidden = evidence.tells[:, number] & ~is_missed & ~is_seen & (current != State.GONE)
        now = np.where(is_seen | (is_missed & (current != State.GONE)), held, current)
        now = np.where(is_hidden, State.UNOBSERVED, np.where(is_gone, State.GONE, now))
        current = np.where(held == State.NOT_YET, State.NOT_YET, now).astype(np.int8)
        state[:, number] = current
    return state


def joint_states(state: States, group: Integers, n_groups: int) -> States:
    """State of groups of ponds: the best known of any of their ponds, present before covered before unobserved."""
    joint = np.full((n_groups, state.shape[1]), State.NOT_YET, np.int8)
    np.minimum.at(joint, group, state)
    return joint


def dates(evidence: Evidence, start: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], ...]:
    """First seen, last clear miss before that, and last seen; NaT where there is none.

    Undated looks give no date: ``first_seen`` is then the first dated look that saw the pond.
    """
    is_dated = ~np.isnat(start)
    seen, missed = evidence.is_seen & is_dated, evidence.is_missed & is_dated
    n_looks, index = len(start), np.arange(len(start))
    first = np.where(seen, index, n_looks).min(axis=1, initial=n_looks)
    last = np.where(seen, index, -1).max(axis=1, initial=-1)
    before = np.where(missed & (index < evidence.first[:, None]), index, -1).max(axis=1, initial=-1)
    padded = np.append(start, np.datetime64("NaT", "us"))
    return padded[first], padded[before], padded[last]


def confidence(evidence: Evidence, tracks: Tracks, *, look: Integers, probability: Floats, size_px: Floats) -> Floats:
    """Probability that each pond is real, as it stood after every look.

    Looks at one place are strongly correlated (the same ground, the same mistake), so their log-odds are averaged,
    not added: the prior counts once and ten looks are no surer than one. A look speaks with the weight of how well
    it resolves the pond (diameter in pixels over ``RESOLVED_PX``, at most 1). Clear misses lower the average by
    ``MISS_LOG_ODDS`` each: those between the first and the last sighting, shared out over the sightings; and for a
    pond seen only once, those on both sides of it (a flash), at most ``MAX_FLANKS``. Misses before or after alone are
    what building and closing a pond look like, and say nothing against it.

    Parameters
    ----------
    look, probability, size_px : (n_sightings,)
        Look, probability from that scene alone, and diameter in pixels, of each sighting.

    Returns
    -------
    (n_ponds, n_looks)
        From that look and those before it; NaN before the first sighting. The last column is from all looks.
    """
    log_odds, weight = np.full(evidence.is_seen.shape, -np.inf), np.zeros(evidence.is_seen.shape)
    bounded = np.clip(probability, 0.001, 0.999)
    cell = (tracks.track, look[tracks.sighting])
    np.maximum.at(log_odds, cell, np.log(bounded / (1 - bounded))[tracks.sighting])
    np.maximum.at(weight, cell, np.clip(size_px / RESOLVED_PX, 0.1, 1)[tracks.sighting])
    total = np.where(evidence.is_seen, weight * np.where(evidence.is_seen, log_odds, 0), 0).cumsum(axis=1)
    mean = total / np.maximum(weight.cumsum(axis=1), np.finfo(float).tiny)
    misses = np.zeros(evidence.is_seen.shape)
    for number in range(evidence.is_seen.shape[1]):
        misses[:, number] = _weight_of_misses(evidence.until(number))
    stood = 1 / (1 + np.exp(-(mean + MISS_LOG_ODDS * misses)))
    return np.where(evidence.is_seen.cumsum(axis=1) > 0, stood, np.nan)


def _weight_of_misses(evidence: Evidence) -> Floats:
    """(n_ponds,) misses that speak against a pond, in whole misses."""
    before, between, after = evidence.counted(evidence.is_missed)
    is_flash = evidence.n_seen == 1
    flanks = np.minimum(np.minimum(before, after), MAX_FLANKS)
    return np.asarray(between / np.maximum(evidence.n_seen, 1) + is_flash * flanks, dtype=np.float64)


def sources(evidence: Evidence, tracks: Tracks, *, look: Integers, area_m2: Floats) -> Integers:
    """Sighting that gives each pond its outline, area and kind: of the pond alone, clear, and then the latest.

    Returns
    -------
    (n_ponds,) int64
        Row of the table of sightings; of two in one look, the larger.
    """
    at = look[tracks.sighting]
    is_clear = evidence.is_clear[tracks.track, at]
    rank = np.lexsort((tracks.sighting, area_m2[tracks.sighting], at, is_clear, tracks.is_alone, tracks.track))
    is_last = np.r_[np.diff(tracks.track[rank]) > 0, True] if len(rank) else np.empty(0, bool)
    return tracks.sighting[rank][is_last]


def _integers(values: object) -> Integers:
    return np.asarray(values, dtype=np.int64)
