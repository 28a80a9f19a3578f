"""What every look says of every pond: seen, missed, could not tell; from it states, dates and confidence.

Matrices are ponds × looks, looks in canonical order. Absence of evidence is never evidence of absence: a look counts as
a miss only where it was clear at the pond and its pixels had at least an even chance to show it. Whether a pond is
there is said from all looks (``presence``): what is said of a day depends on the set of looks, the later ones too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from pondscan.detect import detection
from pondscan.follow import presence, stacking
from pondscan.follow.forced import SHEET_PX, Forced
from pondscan.follow.looks import Look, is_clear_at
from pondscan.follow.tracks import Tracks
from pondscan.grid import between

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
States = NDArray[np.int8]

GONE_MISSES = 3
GONE_DAYS = 30.0
"""A pond is gone after so many clear misses since it was last seen, the first and last so many days apart."""

UNLIKELY = 0.15
"""One pixel size or other overlooks a pond now and then, so a clear miss dates a pond first of all where all looks find
it there with less than this. Of 1, 0.3, 0.15, 0.08 and 0.04 the values about this one tell most events and onsets of
benchmarks/series right (training seeds): lower ones widen intervals that were right."""

COVERED_KINDS = ("sheeted",)
"""Kinds of a pond whose liquid is hidden; a mesh lets the liquid through and is not one of them."""

SURE = 0.95
"""No look's chance to show a pond is believed to be greater: mistakes of masks and of places are in no curve."""

COVER_LOG_ODDS = 2.0
"""OWN: what a sheet where a pond was says for the pond being there still."""

OWN_LOOKS = 4.0
"""How many looks of a pond weigh as much as the curve in saying how easily it is seen."""

MOST_FLASH = -2.1
"""A flash loses at most so much log-odds: three misses of a pond that every other look shows."""


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
    is_empty: Booleans
    """Clear, and nothing there, however faint."""
    is_missed: Booleans
    """Clear, not seen, and not too small for the look's pixels: evidence against a pond."""
    tells: Booleans
    """The look covers the place with pixels that could show the pond, or saw it; cloud may hide it."""
    chance: Floats
    """Probability that the look, if clear, shows the pond."""
    log_odds: Floats
    """That what the look saw is a pond, from that look alone; 0 where it saw nothing."""

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
        parts = {one.name: getattr(self, one.name)[:, : number + 1] for one in fields(self)}
        return Evidence(**parts)

    def against(self, day: Floats) -> tuple[Floats, Floats, Floats]:
        """Log-odds of the misses before the first sighting, between first and last, and after the last.

        Before and after they fade with the days (n_looks,) to the sighting: what was not there a year ago may well
        have come since.
        """
        n_looks = self.is_missed.shape[1]
        look = np.arange(n_looks)
        is_before, is_after = look < self.first[:, None], look > self.last[:, None]
        nearest = np.clip(np.where(is_before, self.first[:, None], self.last[:, None]), 0, max(n_looks - 1, 0))
        gap = np.where(is_before | is_after, np.abs(day[nearest] - day), 0.0) if n_looks else np.zeros_like(self.chance)
        fading = np.exp(-np.nan_to_num(gap) / presence.CHANGE_DAYS)
        odds = np.where(self.is_missed, fading * np.log(1 - np.clip(self.chance, detection.EVEN, SURE)), 0.0)
        before, between, after = (
            np.where(where, odds, 0.0).sum(axis=1) for where in (is_before, ~is_before & ~is_after, is_after)
        )
        return before, between, after


def detectable(diameter_m: Floats, gsd_m: Floats) -> Booleans:
    """Whether a look finds a pond of this size at least every other time.

    >>> detectable(np.array([5.0, 25.0]), np.array([10.0, 10.0])).tolist()
    [False, True]
    """
    return np.asarray(detection.chance(diameter_m, gsd_m) >= detection.EVEN)


def gather(
    looks: Sequence[Look],
    tracks: Tracks,
    *,
    look: Integers,
    is_cover: Booleans,
    is_grey: Booleans,
    log_odds: Floats,
    forced: Forced,
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
    look, is_cover, is_grey, log_odds : (n_sightings,)
        Look of each sighting, whether it shows a cover instead of liquid, whether it may, where its pixels are too
        coarse to tell, and how likely it is a pond by itself.
    forced
        What is at the ponds' places where no sighting is.
    x, y, diameter_m : (n_ponds,)
        Where each pond is, in ``crs``, and how wide.
    """
    shape = (tracks.n_tracks, len(looks))
    is_sighted, is_liquid, best = np.zeros(shape, bool), np.zeros(shape, bool), np.full(shape, -np.inf)
    is_sighted[tracks.track, look[tracks.sighting]] = True
    np.maximum.at(best, (tracks.track, look[tracks.sighting]), log_odds[tracks.sighting])
    liquid = ~is_cover[tracks.sighting]
    is_liquid[tracks.track[liquid], look[tracks.sighting[liquid]]] = True
    is_wet = np.zeros(shape, bool)
    wet = liquid & ~is_grey[tracks.sighting]
    is_wet[tracks.track[wet], look[tracks.sighting[wet]]] = True
    is_clear, is_inside = np.zeros(shape, bool), np.zeros(shape, bool)
    for number, one_look in enumerate(looks):
        is_clear[:, number], is_inside[:, number] = _looked_at(one_look, x, y, diameter_m, crs)
    is_seen = is_sighted | (forced.is_cover & is_clear)
    gsd_m = np.array([one_look.gsd_m for one_look in looks])
    is_coarse = diameter_m[:, None] < SHEET_PX * gsd_m
    is_told = is_seen & ~(is_coarse & is_liquid & ~is_wet)
    is_liquid &= is_told | ~_beside_cover(is_told, is_told & ~is_liquid)
    is_covered = is_seen & ~is_liquid
    chance = _own_chance(detection.chance(diameter_m[:, None], gsd_m), is_seen, is_clear, gsd_m)
    chance[_under_cover(is_seen, is_covered) & is_coarse] = 0
    tells = is_seen | (is_inside & (chance >= detection.EVEN))
    is_empty = is_clear & ~is_seen & ~forced.is_faint
    is_missed = is_empty & tells
    best = np.where(is_liquid, best, np.where(is_covered, COVER_LOG_ODDS, 0.0))
    return Evidence(is_seen, is_covered, is_clear, is_empty, is_missed, tells, chance, best)


def _own_chance(chance: Floats, is_seen: Booleans, is_clear: Booleans, gsd_m: Floats) -> Floats:
    """Chance to be seen, drawn from the curve towards how often looks of this pixel size saw the pond.

    Only clear looks between the first and the last that saw it are asked: the pond was there. A pond that shows every
    third time is not gone after three misses.
    """
    look = np.arange(is_seen.shape[1])
    first = np.where(is_seen, look, len(look)).min(axis=1, initial=len(look))[:, None]
    last = np.where(is_seen, look, -1).max(axis=1, initial=-1)[:, None]
    is_between = (look > first) & (look < last) & (is_clear | is_seen)
    own = chance.copy()
    for size in np.unique(gsd_m):
        alike = gsd_m == size
        n_looks, n_seen = is_between[:, alike].sum(axis=1), (is_between & is_seen)[:, alike].sum(axis=1)
        own[:, alike] = (OWN_LOOKS * chance[:, alike] + n_seen[:, None]) / (OWN_LOOKS + n_looks[:, None])
    return own


def _under_cover(is_seen: Booleans, is_covered: Booleans) -> Booleans:
    """Whether the latest look that saw the pond, up to each look, saw a cover."""
    latest = np.maximum.accumulate(np.where(is_seen, np.arange(is_seen.shape[1]), -1), axis=1)
    return (latest >= 0) & np.take_along_axis(is_covered, np.maximum(latest, 0), axis=1)


def _beside_cover(is_seen: Booleans, is_covered: Booleans) -> Booleans:
    """Whether the latest look that saw the pond, up to each look, or the next one, saw a cover."""
    after = _under_cover(is_seen[:, ::-1], is_covered[:, ::-1])[:, ::-1]
    return _under_cover(is_seen, is_covered) | after


def _looked_at(look: Look, x: Floats, y: Floats, diameter_m: Floats, crs: str) -> tuple[Booleans, Booleans]:
    """Whether one scene of the look was clear at a place and all around it; whether the place is within its edges."""
    is_clear, is_inside = np.zeros(len(x), bool), np.zeros(len(x), bool)
    away = diameter_m / 2 + look.gsd_m
    around_x = x + away * np.array([[0], [1], [-1], [0], [0]])
    around_y = y + away * np.array([[0], [0], [0], [1], [-1]])
    for view in look.views:
        codes = is_clear_at(view, around_x.ravel(), around_y.ravel(), crs)
        is_clear |= codes.reshape(around_x.shape).all(axis=0)
        to_scene = between(crs, view.scene.grid.crs)
        east_of, north_of = to_scene.transform(*view.shown_at(x, y))
        west, south, east, north = view.scene.grid.bounds
        is_inside |= (east_of >= west) & (east_of <= east) & (north_of >= south) & (north_of <= north)
    return is_clear, is_inside


def log_ratio(evidence: Evidence) -> Floats:
    """Log-likelihood of what each look shows with the pond there, less that without; 0 where it says nothing.

    A sighting speaks for a pond by its own log-odds, and never more than by the chance to see a pond against that of a
    false sighting; a clear miss speaks against it by the chance to miss it.
    """
    mistaken = detection.false_sighting()
    for_it = np.minimum(np.log(np.clip(evidence.chance, detection.EVEN, SURE) / mistaken), evidence.log_odds)
    against = np.log((1 - np.clip(evidence.chance, detection.EVEN, SURE)) / (1 - mistaken))
    return np.where(evidence.is_seen, for_it, np.where(evidence.is_missed, against, 0.0))


def there(evidence: Evidence, day: Floats) -> Floats:
    """Probability that each pond is there, liquid or covered, at each look, given all looks.

    Parameters
    ----------
    evidence
        As ``gather`` gives it.
    day : (n_looks,)
        Time of each look in days; NaN where it is not known.
    """
    return presence.posterior(log_ratio(evidence), day)


def lasting(evidence: Evidence, is_there: Booleans) -> Booleans:
    """Looks that saw each pond and that its other looks take for no mistake; all that saw it when none is left."""
    is_lasting = evidence.is_seen & is_there
    return np.where(is_lasting.any(axis=1, keepdims=True), is_lasting, evidence.is_seen)


def states(evidence: Evidence, is_there: Booleans, day: Floats) -> States:
    """State of every pond at every look.

    A pond seen is *present*, or *covered* where only a cover was seen. Not seen, it keeps that state until
    ``GONE_MISSES`` clear misses that span ``GONE_DAYS`` have passed and all looks together find it likelier gone
    (``there``): then it is *gone*. A look that could show it but for cloud, shadow, gap or the scene's edge leaves it
    *unobserved*, a look too coarse for it changes nothing, and *gone* stays until it is seen again for good. A look
    that shows a pond likely by itself says so, whatever the others say.

    Parameters
    ----------
    evidence, day
        As ``there`` takes them.
    is_there : (n_ponds, n_looks)
        Whether all looks together find the pond likelier there than not (``there``).
    """
    n_ponds, n_looks = evidence.is_seen.shape
    state = np.empty((n_ponds, n_looks), np.int8)
    current = np.full(n_ponds, State.NOT_YET, np.int8)
    held = current.copy()
    n_misses, first_miss = np.zeros(n_ponds, np.int64), np.full(n_ponds, np.nan)
    is_lasting = lasting(evidence, is_there)
    for number in range(n_looks):
        is_seen, is_missed = is_lasting[:, number], evidence.is_missed[:, number]
        n_misses = np.where(is_seen, 0, n_misses + is_missed)
        first_miss = np.where(is_missed & (n_misses == 1), day[number], first_miss)
        held = np.where(is_seen, np.where(evidence.is_covered[:, number], State.COVERED, State.PRESENT), held)
        is_gone = (n_misses >= GONE_MISSES) & (day[number] - first_miss >= GONE_DAYS) & is_missed
        is_gone &= ~is_there[:, number]
        is_told = evidence.is_clear[:, number] | evidence.is_seen[:, number]
        is_hidden = evidence.tells[:, number] & ~is_told & (current != State.GONE)
        is_held = evidence.tells[:, number] & is_told & (current != State.GONE)
        now = np.where(is_seen | is_held, held, current)
        now = np.where(is_hidden, State.UNOBSERVED, np.where(is_gone, State.GONE, now))
        current = np.where(held == State.NOT_YET, State.NOT_YET, now).astype(np.int8)
        state[:, number] = current
    shown = np.where(evidence.is_covered, State.COVERED, State.PRESENT)
    is_shown = evidence.is_seen & ((evidence.log_odds >= 0) | (state == State.NOT_YET))
    return np.where(is_shown, shown, state).astype(np.int8)


def joint_states(state: States, group: Integers, n_groups: int) -> States:
    """State of groups of ponds: the best known of any of their ponds, present before covered before unobserved."""
    joint = np.full((n_groups, state.shape[1]), State.NOT_YET, np.int8)
    np.minimum.at(joint, group, state)
    return joint


def dates(evidence: Evidence, there: Floats, start: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], ...]:
    """First seen, last clear miss before that, and last seen; NaT where there is none.

    Looks that saw the pond by mistake (not ``lasting``) and undated looks give no date: ``first_seen`` is then the
    first dated look that saw it for good. Nor does a look that may have missed it by mistake, the pond being there with
    ``UNLIKELY`` or more by all looks, unless no other missed it.

    Parameters
    ----------
    evidence
        As ``gather`` gives it.
    there : (n_ponds, n_looks)
        As ``there`` gives it.
    start : (n_looks,)
        Time of each look.
    """
    is_dated, is_lasting = ~np.isnat(start), lasting(evidence, there >= 0.5)
    seen, missed = is_lasting & is_dated, evidence.is_missed & is_dated
    n_looks, index = len(start), np.arange(len(start))
    first = np.where(seen, index, n_looks).min(axis=1, initial=n_looks)
    last = np.where(seen, index, -1).max(axis=1, initial=-1)
    earliest = np.where(is_lasting, index, n_looks).min(axis=1, initial=n_looks)
    missed &= index < earliest[:, None]
    is_sure = missed & (there < UNLIKELY)
    missed = np.where(is_sure.any(axis=1, keepdims=True), is_sure, missed)
    before = np.where(missed, index, -1).max(axis=1, initial=-1)
    padded = np.append(start, np.datetime64("NaT", "us"))
    return padded[first], padded[before], padded[last]


def confidence(
    evidence: Evidence,
    tracks: Tracks,
    *,
    look: Integers,
    probability: Floats,
    size_px: Floats,
    first_x: Floats,
    first_y: Floats,
    gsd_m: Floats,
    day: Floats,
    target: str,
) -> Floats:
    """Probability that each pond is real, as it stood after every look.

    Looks at one place are strongly correlated (the same ground, the same mistake), so their log-odds are averaged,
    not added: the prior counts once. A look speaks with the weight of how well it resolves the pond (diameter in pixels
    over ``stacking.RESOLVED_PX``, at most 1). Clear misses lower the average by the logarithm of their chance: those
    between the first and the last sighting, shared out over the sightings; and for a pond seen only once, those on both
    sides of it (a flash), down to ``MOST_FLASH``, the less the longer ago. Misses before or after alone are what
    building and closing a pond look like, and say nothing against it. What the looks say together, beyond that, is
    ``stacking``.

    Parameters
    ----------
    look, probability, size_px : (n_sightings,)
        Look, probability from that scene alone, and diameter in pixels, of each sighting.
    first_x, first_y : (n_ponds,)
        Where each pond was first seen, metres.
    gsd_m, day : (n_looks,)
        Pixel size of each look, and its time in days; NaN where it is not known.
    target
        As ``config.ConfidenceSettings`` has it.

    Returns
    -------
    (n_ponds, n_looks)
        From that look and those before it; NaN before the first sighting. The last column is from all looks.
    """
    mean = stacking.mean_log_odds(
        tracks, look=look, probability=probability, size_px=size_px, shape=evidence.is_seen.shape
    )
    neighbours, stood = stacking.near_pairs(first_x, first_y), np.empty_like(mean)
    for number in range(mean.shape[1]):
        so_far, days_so_far = evidence.until(number), day[: number + 1]
        log_odds = mean[:, number] + _misses(so_far, days_so_far)
        stack = stacking.stack(
            so_far.is_seen,
            so_far.is_empty,
            log_odds,
            neighbours=neighbours,
            gsd_m=gsd_m[: number + 1],
            day=days_so_far,
        )
        stood[:, number] = log_odds + stacking.supplement(stack, target)
    return np.asarray(1 / (1 + np.exp(-stood)))


def _misses(evidence: Evidence, day: Floats) -> Floats:
    """(n_ponds,) log-odds that misses take from a pond."""
    before, between, after = evidence.against(day)
    flanks = np.maximum(np.maximum(before, after), MOST_FLASH)
    is_flash = evidence.n_seen == 1
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
