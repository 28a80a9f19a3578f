"""Registration: how far each scene lies off the first clear ones of the finest sensor, from chips of stable ground.

Chips of the same ground in two scenes are compared by phase correlation (Kuglin & Hines 1975), all at once; the peak is
placed between pixels by a parabola through the logarithms of its neighbours, exact for the Gaussian that the low pass
makes of it. A *tie* is such a displacement with a peak that stands out. The ties of a scene agree on one shift or the
scene is left where it is; around that shift they may differ from place to place, as they do in mountains.

Rasters are not resampled: shifts move outlines, and the places at which a scene is asked what it saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from pondscan.detect.ground import CELL_M, CHIP_PX, PIXEL_M, GroundChips, zone_crs
from pondscan.grid import between
from pondscan.memory import Remember, forgetful

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

SEARCH_PX = 5
"""A shift is sought up to so many chip pixels, 50 m."""

MIN_PEAK = 6.0
"""A tie's peak stands so many standard deviations of the surface around it above its mean."""

LOW_PASS_PX = 0.7
"""Standard deviation of the Gaussian that the correlation peak is made into, chip pixels; more for coarser scenes."""

SMALLEST_SHARE = 0.3
"""Chips are compared where both saw so much of the ground."""

N_REFERENCES = 3
REFERENCE_CLEAR = 0.7
"""The references are the earliest so many scenes of the finest sensor of which so much was clear."""

ALIKE = 1.5
"""Sensors are as fine as each other up to this ratio of their pixel sizes."""

MIN_TIES = 6
MIN_AGREEING = 0.5
"""A scene is moved when so many ties, and so large a share of them, agree with their neighbours."""

TOLERANCE_M = 4.0
"""Ties agree with the median of their neighbours up to this much; they scatter by about 1 m."""

N_NEIGHBOURS = 8
REACH_M = 1000.0
"""Standard deviation of the Gaussian with which ties speak for the ground around them."""

N_NEAREST = 24
SMALLEST_M = 1.0
SMALLEST_PX = 0.15
"""A scene that is not so many metres off, and pixels of its own, is left where it is; unevenness likewise."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneChips:
    """What registration needs of one scene."""

    chips: GroundChips
    gsd_m: float
    is_clear: bool
    """Whether it may be a reference."""


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Displacements of one scene against others, at places."""

    xy: Floats
    """(n, 2) where, in the working CRS."""
    apart: Floats
    """(n, 2) how far the one lies off the others, metres east and north."""

    def __len__(self) -> int:
        return len(self.xy)

    def take(self, which: Booleans) -> Ties:
        """Those ties alone."""
        return Ties(self.xy[which], self.apart[which])


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """How far one scene lies off the references."""

    outcome: str
    """`alone` (nothing to compare it with), `aligned`, `moved`, or `refused` (its ties do not agree)."""
    n_ties: int = 0
    n_agreeing: int = 0
    east_m: float = 0.0
    north_m: float = 0.0
    """Median shift of the scene, 0 where it is not moved."""
    spread_m: float = 0.0
    """Median distance of the agreeing ties from the shift at their place."""
    ties: Ties | None = None
    """The agreeing ties of a scene that is moved by more in one place than in another."""

    def shift_at(self, x: Floats, y: Floats) -> Floats:
        """(n, 2) metres east and north to be taken from what the scene shows at places in the working CRS.

        Nearby ties weighted by a Gaussian, with the median of all as one more; where none is near, the median.
        """
        middle = np.array([self.east_m, self.north_m])
        if self.ties is None or not len(x):
            return np.tile(middle, (len(x), 1))
        return _field(self.ties, np.stack([x, y], axis=1), middle)


ALONE = Placement("alone")


def place(scenes: Sequence[SceneChips], crs: str, remember: Remember = forgetful) -> list[Placement]:
    """Say of every scene how far it lies off the first clear scenes of the finest sensor.

    The references of a scene are the first `N_REFERENCES` clear ones, of the finest sensor that shares ground with it;
    the place they share is the mean of theirs.

    Parameters
    ----------
    scenes
        In canonical order.
    crs
        Working CRS, metres.
    remember
        Where the ties of two scenes are looked up first: each pair is compared once, whatever comes later.
    """
    partners = _references(scenes)
    contents = [_content(scene.chips) for scene in scenes]
    pairs = {
        (number, other): _remembered_ties(remember, (number, other), scenes, contents, crs)
        for number, others in enumerate(partners)
        for other in others
        if other != number
    }
    frames = {number: _frame(number, others, pairs) for number, others in enumerate(partners)}
    return [_placed(scenes[number], number, others, pairs, frames) for number, others in enumerate(partners)]


Pairs = dict[tuple[int, int], Ties]


def _references(scenes: Sequence[SceneChips]) -> list[list[int]]:
    """Numbers of the scenes that each scene is compared with; itself, when it is one of them."""
    shared = _shared_points(scenes)
    gsd_m = np.array([scene.gsd_m for scene in scenes])
    may_be = np.array([scene.is_clear for scene in scenes], bool)
    chosen = []
    for n_common in shared:
        shares = np.flatnonzero((n_common >= MIN_TIES) & may_be)
        finest = gsd_m[shares] <= ALIKE * gsd_m[shares].min(initial=np.inf)
        chosen.append(shares[finest][:N_REFERENCES].tolist())
    return chosen


def _shared_points(scenes: Sequence[SceneChips]) -> Integers:
    """(n, n) points of the lattice that scenes have in common."""
    keys = [_keys(scene.chips.points) for scene in scenes]
    _, column = np.unique(np.concatenate([np.empty(0, np.int64), *keys]), return_inverse=True)
    row = np.repeat(np.arange(len(scenes)), [len(key) for key in keys])
    shape = (len(scenes), int(column.max(initial=-1)) + 1)
    seen = csr_array((np.ones(len(row), np.int64), (row, column)), shape=shape)
    return np.asarray((seen @ seen.T).todense(), dtype=np.int64)


def _frame(number: int, others: Sequence[int], pairs: Pairs) -> Floats:
    """How far a reference lies off the mean of its references, itself among them: (2,) metres."""
    if number not in others:
        return np.zeros(2)
    compared = [pairs[number, other] for other in others if other != number]
    offs = [np.median(ties.apart[kept], axis=0) for ties in compared if (kept := agreeing(ties)).any()]
    return np.asarray(np.mean([np.zeros(2), *offs], axis=0))


def _placed(
    scene: SceneChips, number: int, others: Sequence[int], pairs: Pairs, frames: dict[int, Floats]
) -> Placement:
    compared = [other for other in others if other != number and len(pairs[number, other])]
    if not compared:
        return ALONE
    ties = Ties(
        np.concatenate([pairs[number, other].xy for other in compared]),
        np.concatenate([pairs[number, other].apart + frames[other] for other in compared]),
    )
    kept = agreeing(ties)
    if not kept.any():
        return Placement("refused", n_ties=len(ties))
    good = ties.take(kept)
    middle = np.median(good.apart, axis=0)
    field = _field(good, good.xy, middle)
    spread = float(np.median(np.hypot(*(good.apart - field).T)))
    found = Placement("aligned", n_ties=len(ties), n_agreeing=len(good), spread_m=spread)
    least = max(SMALLEST_M, SMALLEST_PX * scene.gsd_m)
    is_off = np.hypot(*middle) >= least
    # Ties scatter, and so does any field drawn through them: what is no larger than that is no relief.
    is_uneven = np.percentile(np.hypot(*(field - middle).T), 90) >= max(least, spread)
    if not (is_off or is_uneven):
        return found
    east, north = middle.tolist()
    return replace(found, outcome="moved", east_m=east, north_m=north, ties=good if is_uneven else None)


def agreeing(ties: Ties) -> Booleans:
    """Which ties agree with those around them; none of them where too few do."""
    if len(ties) < MIN_TIES:
        return np.zeros(len(ties), bool)
    _, near = cKDTree(ties.xy).query(ties.xy, k=min(N_NEIGHBOURS, len(ties)))
    off = np.hypot(*(ties.apart - np.median(ties.apart[near], axis=1)).T)
    is_kept = off <= TOLERANCE_M
    is_enough = is_kept.sum() >= max(MIN_TIES, MIN_AGREEING * len(ties))
    return np.asarray(is_kept & is_enough)


def _field(ties: Ties, xy: Floats, middle: Floats) -> Floats:
    """Shift at places: see ``Placement.shift_at``."""
    distance, near = cKDTree(ties.xy).query(xy, k=min(N_NEAREST, len(ties)))
    weight = np.exp(-0.5 * (distance / REACH_M) ** 2)[..., None]
    return np.asarray(((weight * ties.apart[near]).sum(axis=1) + middle) / (weight.sum(axis=1) + 1.0))


def _remembered_ties(
    remember: Remember, pair: tuple[int, int], scenes: Sequence[SceneChips], contents: Sequence[str], crs: str
) -> Ties:
    one, other = (scenes[number] for number in pair)
    key = ("ties", *(contents[number] for number in pair), repr(one.gsd_m), repr(other.gsd_m), crs)

    def work_out() -> Floats:
        ties = _ties(one, other, crs)
        return np.concatenate([ties.xy, ties.apart], axis=1)

    columns = remember(key, work_out)
    return Ties(columns[:, :2], columns[:, 2:])


def _content(chips: GroundChips) -> str:
    """Stand for the chips of a scene, pixel by pixel."""
    return hashlib.sha256(chips.points.tobytes() + chips.levels.tobytes()).hexdigest()


def _ties(one: SceneChips, other: SceneChips, crs: str) -> Ties:
    """Displacements of one scene against another where the chips of both show the same."""
    first, second = common(one.chips, other.chips)
    blur_px = max(LOW_PASS_PX, 0.5 * max(one.gsd_m, other.gsd_m) / PIXEL_M)
    apart, peak = displacements(one.chips.levels[first], other.chips.levels[second], blur_px)
    is_tie = peak >= MIN_PEAK
    return _in_metres(one.chips.points[first[is_tie]], apart[is_tie] * np.array([PIXEL_M, -PIXEL_M]), crs)


def _in_metres(points: NDArray[np.int32], apart: Floats, crs: str) -> Ties:
    """Places and displacements of lattice points in the working CRS."""
    xy, moved = np.empty((len(points), 2)), np.empty((len(points), 2))
    for zone in np.unique(points[:, 0]):
        of_zone = points[:, 0] == zone
        to_working = between(zone_crs(int(zone)), crs)
        at = points[of_zone, 1:] * CELL_M
        xy[of_zone] = np.stack(to_working.transform(*at.T), axis=1)
        moved[of_zone] = np.stack(to_working.transform(*(at + apart[of_zone]).T), axis=1)
    return Ties(xy, moved - xy)


def common(one: GroundChips, other: GroundChips) -> tuple[Integers, Integers]:
    """Indices of the chips of the same ground in two scenes."""
    keys, others = _keys(one.points), _keys(other.points)
    _, first, second = np.intersect1d(keys, others, assume_unique=True, return_indices=True)
    return first.astype(np.int64), second.astype(np.int64)


def _keys(points: NDArray[np.int32]) -> Integers:
    zone, i, j = points.astype(np.int64).T
    return np.asarray((zone << 44) + ((i + (1 << 20)) << 22) + (j + (1 << 20)), np.int64)


def displacements(one: NDArray[np.uint8], other: NDArray[np.uint8], low_pass_px: float) -> tuple[Floats, Floats]:
    """Displacement of each chip against its counterpart, chip pixels, and how far its peak stands out.

    Parameters
    ----------
    one, other : uint8 (n, CHIP_PX, CHIP_PX)
        Grey levels of the same ground.
    low_pass_px : float
        Standard deviation of the Gaussian that the peak is made into.

    Returns
    -------
    apart : (n, 2)
        Columns to the right and rows down, from the other to the one.
    peak : (n,)
        Height in standard deviations; 0 where chips cannot be compared or the peak is at the edge of the search.
    """
    is_seen = (one > 0) & (other > 0)
    spectra = [fft.rfft2(_windowed(chip, is_seen), workers=1) for chip in (one, other)]
    cross = spectra[0] * np.conj(spectra[1])
    magnitude = np.abs(cross)
    whitened = cross / np.maximum(magnitude, 1e-6 * magnitude.max(axis=(1, 2), keepdims=True) + 1e-12)
    surface = fft.irfft2(whitened * _low_pass(low_pass_px), s=(CHIP_PX, CHIP_PX), workers=1)
    reach = SEARCH_PX + 1
    around = np.roll(surface, (reach, reach), axis=(1, 2))[:, : 2 * reach + 1, : 2 * reach + 1]
    apart, peak = _peak_of(around)
    return apart, np.where(is_seen.mean(axis=(1, 2)) >= SMALLEST_SHARE, peak, 0.0)


def _windowed(chip: NDArray[np.uint8], is_seen: Booleans) -> NDArray[np.float32]:
    """Chips about their mean, faded out towards the edges."""
    values = np.where(is_seen, chip, 0).astype(np.float32)
    n_seen = np.maximum(is_seen.sum(axis=(1, 2), keepdims=True), 1)
    centred = np.where(is_seen, values - values.sum(axis=(1, 2), keepdims=True) / n_seen, 0)
    fade = np.hanning(CHIP_PX + 2)[1:-1]
    return np.asarray(centred * np.outer(fade, fade), np.float32)


def _low_pass(sigma_px: float) -> NDArray[np.float32]:
    """Transfer of a Gaussian on the frequencies of ``rfft2``."""
    row, col = fft.fftfreq(CHIP_PX)[:, None], fft.rfftfreq(CHIP_PX)[None, :]
    return np.asarray(np.exp(-2 * (np.pi * sigma_px) ** 2 * (row**2 + col**2)), np.float32)


def _peak_of(surface: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Place of the highest point of each surface between its pixels, from its middle, and how far it stands out."""
    around = surface.astype(np.float64)
    n, side, _ = around.shape
    every, reach = np.arange(n), side // 2
    inner = around[:, 1:-1, 1:-1].reshape(n, -1)
    row, col = np.divmod(inner.argmax(axis=1), side - 2)
    row, col = row + 1, col + 1
    is_edge = (np.abs(row - reach) >= reach - 1) | (np.abs(col - reach) >= reach - 1)
    away_row, away_col = np.abs(np.arange(side) - row[:, None]), np.abs(np.arange(side) - col[:, None])
    is_far = (away_row[:, :, None] > 2) | (away_col[:, None, :] > 2)
    count = is_far.sum(axis=(1, 2))
    mean = around.sum(axis=(1, 2), where=is_far) / count
    spread = np.sqrt(((around - mean[:, None, None]) ** 2).sum(axis=(1, 2), where=is_far) / count)
    height = around[every, row, col]
    peak = np.where(is_edge, 0.0, (height - mean) / np.maximum(spread, 1e-12))
    sub_row = _top_between(around[every, row - 1, col], height, around[every, row + 1, col])
    sub_col = _top_between(around[every, row, col - 1], height, around[every, row, col + 1])
    return np.stack([col - reach + sub_col, row - reach + sub_row], axis=1), np.asarray(peak, np.float64)


def _top_between(before: Floats, at: Floats, after: Floats) -> Floats:
    """Place of the top of a Gaussian through three neighbours, from the middle one, at most half a pixel."""
    floor = np.maximum(at, 1e-9) * 1e-3
    low, middle, high = (np.log(np.maximum(value, floor)) for value in (before, at, after))
    bend = low - 2 * middle + high
    return np.clip(np.where(bend < 0, 0.5 * (low - high) / np.minimum(bend, -1e-9), 0.0), -0.5, 0.5)
