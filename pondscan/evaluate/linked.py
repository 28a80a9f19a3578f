"""Sites held against the truth: found ponds and true ponds, linked by the same rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely

from pondscan.evaluate.match import Booleans, Floats, Integers, Overlaps
from pondscan.follow.sites import ALONE, link


def site_outcomes(
    touches: Overlaps,
    *,
    found_xy: Floats,
    true_xy: Floats,
    is_believed: Booleans,
    is_counted: Booleans,
    is_refuted: Booleans,
    is_judged: Booleans,
    is_other_water: Booleans,
    is_detectable: Booleans,
    distance_m: float,
    min_ponds: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Link found and true ponds into sites, and say which of them meet.

    Parameters
    ----------
    touches
        Overlaps of found with true outlines.
    found_xy, true_xy : (n, 2), (m, 2)
        Centroids, metres.
    is_believed : (n,)
        Found objects that count as ponds.
    is_judged : (n,)
        Found objects whose place the truth speaks of.
    is_counted, is_refuted, is_other_water, is_detectable : (m,)
        True ponds that count; places without a pond; water that is no leach pond; ponds above the detection limit.
    distance_m, min_ponds
        As ``sites.link`` takes them.

    Returns
    -------
    found_sites, true_sites : DataFrame
        Columns ``n_ponds`` and ``outcome``. A true site is made of ponds that count and are above the detection limit;
        it is a ``hit`` when an object of a found site touches one of its ponds, else ``missed``. A found site is a
        ``hit`` when it touches a pond that counts of a place where the truth has ``min_ponds`` ponds of any size and
        state, ``neutral`` when it touches only what counts neither way or some of it was not judged, else ``false``.
    """

    def linked(xy: Floats, is_member: Booleans) -> Integers:
        """Site of each pond; ``ALONE`` for isolated ponds and for those that are no members."""
        site = np.full(len(xy), ALONE, np.int64)
        site[is_member] = link(xy[is_member], distance_m=distance_m, min_ponds=min_ponds)
        return site

    found_site = linked(found_xy, is_believed)
    true_site = linked(true_xy, is_counted & is_detectable)
    has_company = linked(true_xy, ~is_other_water & ~is_refuted) != ALONE
    site, pond = found_site[touches.found], touches.true
    is_met = np.isin(np.arange(len(true_xy)), pond[site != ALONE])
    n_found_sites, n_true_sites = int(found_site.max(initial=ALONE)) + 1, int(true_site.max(initial=ALONE)) + 1
    is_right = np.isin(np.arange(n_found_sites), site[(is_counted & has_company)[pond]])
    speaks = is_counted | is_refuted
    touches_neutral = np.isin(np.arange(n_found_sites), site[~speaks[pond]])
    touches_counted = np.isin(np.arange(n_found_sites), site[speaks[pond]])
    is_open = np.isin(np.arange(n_found_sites), found_site[~is_judged])
    is_neutral = (touches_neutral & ~touches_counted) | is_open
    found_outcome = np.select([is_right, is_neutral], ["hit", "neutral"], "false")
    true_outcome = np.where(np.isin(np.arange(n_true_sites), true_site[is_met]), "hit", "missed")
    return _table(found_site, n_found_sites, found_outcome), _table(true_site, n_true_sites, true_outcome)


def centroids(polygons: np.ndarray) -> Floats:
    """(n, 2) centroids."""
    return np.asarray(shapely.get_coordinates(shapely.centroid(polygons)), np.float64).reshape(-1, 2)


def _table(site: Integers, n_sites: int, outcome: np.ndarray) -> pd.DataFrame:
    n_ponds = np.bincount(site[site != ALONE], minlength=n_sites)
    return pd.DataFrame({"n_ponds": n_ponds.astype(np.int64), "outcome": outcome.astype(object)})
