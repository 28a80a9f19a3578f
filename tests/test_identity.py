"""Identities hold whatever ponds do: they vanish and return, run together and come apart, and are seen twice a day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_scenes import Disc, circle, view

from pondscan.config import Settings
from pondscan.follow.matching import Objects
from pondscan.follow.products import build
from pondscan.follow.tracks import follow

Row = tuple[float, float, float]
FINE, COARSE = 3.0, 10.0


def tracks_of(*looks: tuple[float, list[Row]]):
    """Tracks of looks given as pixel size and discs (x, y, diameter); and the look of each sighting."""
    rows = [(*row, gsd) for gsd, discs in looks for row in discs]
    x, y, diameter, gsd = np.array(rows, dtype=float).reshape(-1, 4).T
    outline = np.array([circle(*row[:3]) for row in rows], dtype=object)
    look = np.repeat(np.arange(len(looks)), [len(discs) for _, discs in looks])
    return follow(Objects(x, y, diameter, gsd, outline), look)


def jittered(rng: np.random.Generator, rows: list[Row], most_m: float) -> list[Row]:
    return [(x + rng.uniform(-most_m, most_m), y + rng.uniform(-most_m, most_m), d) for x, y, d in rows]


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_ponds_that_vanish_and_return_keep_their_identity(seed):
    rng = np.random.default_rng(seed)
    ponds = [(25.0 * i, 30.0 * j, float(rng.uniform(8, 18))) for i in range(4) for j in range(3)]
    is_there = rng.random((6, len(ponds))) < 0.6
    rows = [[ponds[i] for i in np.flatnonzero(there)] for there in is_there]
    tracks = tracks_of(*((FINE, jittered(rng, row, 1.5)) for row in rows))
    pond_of = np.concatenate([np.flatnonzero(there) for there in is_there])
    assert tracks.n_tracks == is_there.any(axis=0).sum()
    for track in range(tracks.n_tracks):
        assert len(set(pond_of[tracks.sighting[tracks.track == track]])) == 1


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(2, 4))
def test_ponds_run_together_by_coarse_pixels_stay_themselves(seed, n_ponds):
    rng = np.random.default_rng(seed)
    apart = [(13.0 * i, 0.0, 11.0) for i in range(n_ponds)]
    middle = 13.0 * (n_ponds - 1) / 2
    blur = [(middle, 0.0, 13.0 * n_ponds)]
    tracks = tracks_of(
        (FINE, apart), (COARSE, jittered(rng, blur, 3.0)), (FINE, jittered(rng, apart, 1.0)), (COARSE, blur)
    )
    assert tracks.n_tracks == n_ponds
    # each pond was in both blurs, and neither stands for one of them alone
    is_blur = np.isin(tracks.sighting, (n_ponds, 2 * n_ponds + 1))
    assert is_blur.sum() == 2 * n_ponds
    assert not tracks.is_alone[is_blur].any()


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_lagoon_in_pieces_stays_one_pond(seed):
    rng = np.random.default_rng(seed)
    whole = [(0.0, 0.0, 50.0)]
    pieces = [(14.0 * np.cos(a), 14.0 * np.sin(a), float(rng.uniform(7, 13))) for a in (0.2, 2.3, 4.4)]
    looks = [(FINE, whole), *((FINE, pieces if rng.random() < 0.5 else jittered(rng, whole, 2.0)) for _ in range(4))]
    assert tracks_of(*looks).n_tracks == 1


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_two_scenes_of_one_pass_count_once(seed):
    rng = np.random.default_rng(seed)
    ponds = [Disc(500 + 22 * i, 500 + float(rng.uniform(-5, 5)), float(rng.uniform(9, 16))) for i in range(5)]
    seen = [ponds[i] for i in np.flatnonzero(rng.random(5) < 0.8)] or ponds
    shifted = [replace(disc, x=disc.x + float(rng.uniform(-1, 1)), confidence=0.8) for disc in seen]
    once = [view("2024-01-01", ponds), view("2024-02-01T04:00", seen)]
    twice = [*once, view("2024-02-01T04:12", shifted)]
    one, two = build(once, Settings()), build(twice, Settings())
    for name in ("n_ponds", "area_m2", "pond_equivalents", "status"):
        assert one.timeseries[name].tolist() == two.timeseries[name].tolist()
    assert one.ponds["pond_id"].tolist() == two.ponds["pond_id"].tolist()
    assert one.ponds[["n_seen", "n_clear"]].to_numpy().tolist() == two.ponds[["n_seen", "n_clear"]].to_numpy().tolist()
