"""Tracks: which observations, over all looks, are one pond.

Looks are taken in canonical order, so the tracks are a pure function of the set of scenes. At every look a shift that
its objects have in common is taken out, and the ponds known so far are matched one-to-one to the objects seen
(``matching``). What is left over is judged by pixel size, because ponds that blur together at 10 m are apart at 3 m,
and the finer sensor is to be believed:

- *joint*: an object over the centre of further known ponds is a sighting of all of them, unless its look is clearly
  finer than theirs. It starts no pond and gives none its outline: the ponds keep their finer identities.
- *fringe*: a left-over object of a clearly coarser look that overlaps a known pond is a part of it, not a new one.
- *piece*: so is one half within a known pond's outline, in a look as fine whose pixels show rims: a lagoon of uneven
  colour comes in pieces on some days. A pond that is divided for good stays one pond of several sightings.
- *absorbed*: a left-over pond known only from a clearly coarser look, over whose centre a finer look sees another pond,
  was a piece of that pond: the two become one track, under the older identity.

Everything else that is left over is a new pond. A pond's *reference* (where the next look searches for it) is its
latest sighting on its own by the finest sensor so far.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.detect.detection import RESOLVING_GSD_M
from pondscan.follow.matching import FINER, Objects, Pairs, assign, best_per, feasible_pairs, shift_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

HALF = 0.5
"""An object with this share of its outline within another lies in it."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """Which pond each sighting is of: parallel arrays of memberships, sorted by track and sighting."""

    track: Integers
    """Number of the pond, 0 to ``n_tracks`` - 1 in the order of first sightings."""
    sighting: Integers
    """Row of the table of sightings; one row may belong to several ponds (a joint sighting)."""
    is_alone: Booleans
    """Whether the sighting is of this pond alone and the pond's only one in that look."""
    is_partner: Booleans
    """Whether the sighting was matched to the pond or began it: had earlier looks been missing, it would name it."""
    reference: Integers
    """(n_tracks,) the sighting that says best where the pond is."""
    shift_m: Floats
    """(n_looks, 2) how far each look lies off the earlier ones, east and north; taken out for matching only."""

    @property
    def n_tracks(self) -> int:
        """Number of ponds."""
        return len(self.reference)

    @property
    def first(self) -> Integers:
        """(n_tracks,) the first sighting of each pond."""
        return self.sighting[np.flatnonzero(np.r_[True, np.diff(self.track) > 0])] if len(self.track) else self.track


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """What one look says of the known ponds; ``known`` and ``seen`` count within the look."""

    known: Integers
    seen: Integers
    is_partner: Booleans
    absorbed: Integers
    absorbing: Integers
    new: Integers
    """Objects that are no known pond."""


def follow(objects: Objects, look: Integers) -> Tracks:
    """Follow ponds through the looks.

    Parameters
    ----------
    objects
        Everything seen, in canonical order.
    look : (n,) int64
        Look of each object, ascending.
    """
    book = _Book()
    shift = np.zeros((int(look.max(initial=-1)) + 1, 2))
    x, y, outline = objects.x.copy(), objects.y.copy(), objects.outline.copy()
    aligned = Objects(x, y, objects.diameter_m, objects.gsd_m, outline)
    for sightings in np.split(np.arange(len(look)), np.flatnonzero(np.diff(look)) + 1):
        known, seen = aligned.take(book.reference), aligned.take(sightings)
        dx, dy = shift_of(known, seen)
        if (dx, dy) != (0, 0):
            seen = seen.moved(-dx, -dy)
            x[sightings], y[sightings], outline[sightings] = seen.x, seen.y, seen.outline
            shift[look[sightings[0]]] = dx, dy
        links = _link(feasible_pairs(known, seen), n_known=len(known), shows_rims=seen.gsd_m < RESOLVING_GSD_M)
        book.enter(links, sightings, is_better=known.gsd_m * FINER >= seen.gsd_m.max(initial=0))
    return book.close(shift)


def _link(pairs: Pairs, *, n_known: int, shows_rims: Booleans) -> _Links:
    """Match, then judge what is left over by the rules at the top of this module; ``shows_rims`` is of every object."""
    n_seen = len(shows_rims)
    partner = assign(pairs, n_known=n_known, n_seen=n_seen)
    owner = np.full(n_seen, -1, np.int64)
    owner[partner[partner >= 0]] = np.flatnonzero(partner >= 0)

    is_free_known = partner[pairs.known] < 0
    joint = _best(pairs, is_free_known & pairs.is_covered & ~pairs.is_finer, pairs.known)
    gone_into = _best(pairs, is_free_known & pairs.is_covered & pairs.is_finer & (owner[pairs.seen] >= 0), pairs.known)
    gone_into = gone_into[~np.isin(pairs.known[gone_into], pairs.known[joint])]

    is_taken = owner >= 0
    is_taken[pairs.seen[joint]] = True
    is_piece = shows_rims[pairs.seen] & ~pairs.is_finer & (pairs.share_of_seen >= HALF)
    is_fringe = pairs.is_coarser & (pairs.overlap_m2 > 0)
    fringe = _best(pairs, ~is_taken[pairs.seen] & (is_fringe | is_piece), pairs.seen)
    is_taken[pairs.seen[fringe]] = True

    matched = np.flatnonzero(partner >= 0)
    further = np.concatenate([joint, fringe])
    return _Links(
        known=np.concatenate([matched, pairs.known[further]]),
        seen=np.concatenate([partner[matched], pairs.seen[further]]),
        is_partner=np.arange(len(matched) + len(further)) < len(matched),
        absorbed=pairs.known[gone_into],
        absorbing=owner[pairs.seen[gone_into]],
        new=np.flatnonzero(~is_taken),
    )


def _best(pairs: Pairs, is_candidate: Booleans, group: Integers) -> Integers:
    """Of the candidate pairs, the one of the greatest overlap in each group."""
    candidates = np.flatnonzero(is_candidate)
    return candidates[best_per(group[candidates], pairs.overlap_m2[candidates])]


class _Book:
    """Memberships as they are entered, look by look."""

    def __init__(self) -> None:
        self._track = [np.empty(0, np.int64)]
        self._sighting = [np.empty(0, np.int64)]
        self._is_alone = [np.empty(0, bool)]
        self._is_partner = [np.empty(0, bool)]
        self._reference = np.empty(0, np.int64)
        self._parent = np.empty(0, np.int64)
        self._active = np.empty(0, np.int64)

    @property
    def reference(self) -> Integers:
        """Reference sightings of the ponds that no other has absorbed."""
        return self._reference[self._active]

    def enter(self, links: _Links, sightings: Integers, *, is_better: Booleans) -> None:
        """Enter one look; ``is_better`` says for which active ponds it may move the reference."""
        n_of_known = np.bincount(links.known, minlength=len(self._active))
        n_of_seen = np.bincount(links.seen, minlength=len(sightings))
        is_alone = (n_of_known[links.known] == 1) & (n_of_seen[links.seen] == 1)
        moves = is_alone & is_better[links.known]
        self._reference[self._active[links.known[moves]]] = sightings[links.seen[moves]]
        self._append(self._active[links.known], sightings[links.seen], is_alone, links.is_partner)
        absorbing, absorbed = self._active[links.absorbing], self._active[links.absorbed]
        new = len(self._parent) + np.arange(len(links.new))
        everyone = np.ones(len(new), bool)
        self._append(new, sightings[links.new], everyone, everyone)
        self._reference = np.concatenate([self._reference, sightings[links.new]])
        self._parent = np.concatenate([self._parent, new])
        self._parent[absorbed] = absorbing
        self._active = np.flatnonzero(self._parent == np.arange(len(self._parent)))

    def _append(self, track: Integers, sighting: Integers, is_alone: Booleans, is_partner: Booleans) -> None:
        self._track.append(track)
        self._sighting.append(sighting)
        self._is_alone.append(is_alone)
        self._is_partner.append(is_partner)

    def close(self, shift_m: Floats) -> Tracks:
        """Memberships under final identities, ponds numbered by their first sightings."""
        root = self._parent.copy()
        while (root != self._parent[root]).any():
            root = self._parent[root]
        track, sighting = root[np.concatenate(self._track)], np.concatenate(self._sighting)
        first = np.full(len(root), np.iinfo(np.int64).max)
        np.minimum.at(first, track, sighting)
        by_first = np.argsort(first, kind="stable")[: len(self._active)]
        number = np.empty(len(root), np.int64)
        number[by_first] = np.arange(len(by_first))
        order = np.lexsort((sighting, number[track]))
        return Tracks(
            track=number[track][order],
            sighting=sighting[order],
            is_alone=np.concatenate(self._is_alone)[order],
            is_partner=np.concatenate(self._is_partner)[order],
            reference=self._reference[by_first],
            shift_m=shift_m,
        )
