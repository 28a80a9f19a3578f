"""When sites began and when they ended: change points with 95 % intervals, from all looks together.

The ponds that a site is first seen with are taken to have come together. So the log-likelihoods of what each look shows
of them add up, and the model of two states (``presence``) says for every look how likely they are there already: the
distribution of the day they came, as far as looks tell it. Clear looks that bracket the onset (``first_seen``,
``not_seen_before``) are its ends where they leave no doubt. A look that may well have missed the ponds, being coarse
for them, leaves some, and the interval reaches back to one that leaves none. The same holds for the ponds that a site
is last seen with.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pondscan.follow import presence
from pondscan.follow.census import Census
from pondscan.follow.history import State, log_ratio
from pondscan.follow.looks import Look, days, start_times
from pondscan.follow.places import Places

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Times = NDArray[np.datetime64]

DOUBT = 0.025
"""Left on each side of an interval."""

NAMES = ("began_after", "began_by", "ended_after", "ended_by")


def change_points(places: Places, census: Census, looks: Sequence[Look]) -> dict[str, Times]:
    """Ends of the 95 % intervals in which each site began and ended.

    Returns
    -------
    dict of (n_sites,) arrays
        By ``NAMES``; NaT where no look is sure enough, and for the end of sites that are not gone.
    """
    start = start_times(looks)
    ratio = log_ratio(census.evidence)[places.is_published]
    first, last = (
        places.ponds[name].dt.tz_convert(None).to_numpy("datetime64[us]") for name in ("first_seen", "last_seen")
    )
    is_gone = places.state[: places.n_sites, -1] == State.GONE if len(looks) else np.zeros(places.n_sites, bool)
    openers, closers = _extreme(places, first, np.fmin), _extreme(places, last, np.fmax)
    began = _interval(_joint(places, ratio, openers, start), start, _at(places, first, openers))
    ended = _interval(_joint(places, ratio, closers, start)[:, ::-1], start[::-1], _at(places, last, closers))
    none = np.datetime64("NaT", "us")
    columns = (*began, np.where(is_gone, ended[1], none), np.where(is_gone, ended[0], none))
    return dict(zip(NAMES, columns, strict=True))


def _extreme(places: Places, when: Times, ufunc: np.ufunc) -> Booleans:
    """Which ponds at sites have the first, or the last, of their site's dates."""
    best = np.full(len(places), np.datetime64("NaT", "us"))
    ufunc.at(best, places.home, when)
    return np.asarray((when == best[places.home]) & (places.home < places.n_sites))


def _joint(places: Places, ratio: Floats, chosen: Booleans, start: Times) -> Floats:
    """Probability that the ponds chosen of each site are there, (n_sites, n_looks); undated looks say nothing."""
    joint = np.zeros((places.n_sites, ratio.shape[1]))
    np.add.at(joint, places.home[chosen], ratio[chosen])
    return presence.posterior(np.where(np.isnat(start), 0.0, joint), days(start))


def _at(places: Places, when: Times, chosen: Booleans) -> Times:
    """(n_sites,) date that the ponds chosen of each site have in common."""
    date = np.full(places.n_sites, np.datetime64("NaT", "us"))
    date[places.home[chosen]] = when[chosen]
    return date


def _interval(there: Floats, start: Times, seen: Times) -> tuple[Times, Times]:
    """Last look before the first sighting that is sure of nothing there, and first look that is sure of them.

    With looks in reverse order, *before* is after.
    """
    is_dated, index = ~np.isnat(start), np.arange(len(start))
    where = np.where(start == seen[:, None], index, len(start)).min(axis=1, initial=len(start))
    is_absent = (there <= DOUBT) & is_dated & (index < where[:, None]) & ~np.isnat(seen)[:, None]
    after = np.where(is_absent, index, -1).max(axis=1, initial=-1)
    is_there = (there >= 1 - DOUBT) & is_dated & (index > after[:, None])
    by = np.where(is_there, index, len(start)).min(axis=1, initial=len(start))
    padded = np.append(start, np.datetime64("NaT", "us"))
    return padded[after], padded[by]
