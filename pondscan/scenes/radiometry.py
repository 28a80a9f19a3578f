"""From digital numbers to counts of reflectance: who is believed about scale and offset, and exact arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, REFLECTANCE_UNIT

MAX_COUNT = 32767
"""The highest count; a pixel that reaches it (reflectance 3.2767) is saturated."""

_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Claim:
    """What one source says of a band: reflectance = DN * scale + offset; None where it is silent."""

    source: str
    scale: float | None = None
    offset: float | None = None


@dataclass(frozen=True, slots=True)
class Radiometry:
    """What is believed of a band, and the sentences about sources that disagree."""

    scale: float | None
    offset: float | None
    conflicts: tuple[str, ...] = ()
    is_convention: bool = False
    """True where no source speaks and the sensor's usual numbers are taken."""


def settle(claims: Iterable[Claim]) -> Radiometry:
    """Believe the first source that speaks, for scale and offset each, and name those that contradict it.

    Parameters
    ----------
    claims
        In order of precedence, the most trusted first.

    Examples
    --------
    >>> settle([Claim("flag", offset=0.0), Claim("item", 1e-4, -0.1)])
    Radiometry(scale=0.0001, offset=0.0, conflicts=('offset 0 (flag) is used, not -0.1 (item)',), is_convention=False)
    """
    ranked = list(claims)
    scale, scale_conflicts = _first("scale", [(c.source, c.scale) for c in ranked])
    offset, offset_conflicts = _first("offset", [(c.source, c.offset) for c in ranked])
    return Radiometry(scale, offset, (*scale_conflicts, *offset_conflicts))


def _first(what: str, spoken: Sequence[tuple[str, float | None]]) -> tuple[float | None, list[str]]:
    values = [(source, value) for source, value in spoken if value is not None]
    if not values:
        return None, []
    winner, believed = values[0]
    conflicts = [
        f"{what} {believed:g} ({winner}) is used, not {value:g} ({source})"
        for source, value in values[1:]
        if abs(value - believed) > _TOLERANCE * max(abs(value), abs(believed))
    ]
    return believed, conflicts


def to_counts(
    dn: NDArray[np.generic],
    *,
    scale: float,
    offset: float,
    nodata: float | None = None,
    out: NDArray[np.int16] | None = None,
) -> NDArray[np.int16]:
    """Counts of 1e-4 reflectance from digital numbers.

    Where ``offset / scale`` is a whole number the offset is added to the digital number itself, so one surface stored
    with and without an offset gives the same counts to the bit.

    Parameters
    ----------
    dn
        Digital numbers, any shape and real type.
    scale, offset
        Reflectance = DN * scale + offset.
    nodata
        Digital number without data; not-a-number never has data.
    out
        Where to put the counts, of the shape of ``dn``, whose own memory it may be; a new array if None.

    Returns
    -------
    numpy.ndarray
        ``int16``, ``model.INVALID`` where there is no data, limited to ±``MAX_COUNT``.
    """
    counts = np.empty(dn.shape, np.int16) if out is None else out
    is_fill = _equal(dn, nodata) if nodata is not None else None
    shift = offset / scale
    whole_shift = round(shift)
    is_whole = abs(shift - whole_shift) < _TOLERANCE * max(1.0, abs(shift))
    ratio = scale / REFLECTANCE_UNIT
    if dn.dtype == np.uint16 and is_whole and abs(ratio - 1) < _TOLERANCE and abs(whole_shift) < MAX_COUNT:
        _shift(dn.astype(np.uint16, copy=False), whole_shift, counts)
    else:
        values = (dn.astype(np.float64) + (whole_shift if is_whole else shift)) * ratio
        np.nan_to_num(values, copy=False, nan=INVALID, posinf=MAX_COUNT, neginf=-MAX_COUNT)
        counts[...] = np.clip(np.rint(values), INVALID, MAX_COUNT).astype(np.int16)
        is_number = np.isfinite(dn) if dn.dtype.kind == "f" else np.True_
        np.maximum(counts, -MAX_COUNT, out=counts, where=is_number)
    if is_fill is not None:
        np.copyto(counts, INVALID, where=is_fill)
    return counts


def _equal(dn: NDArray[np.generic], nodata: float) -> NDArray[np.bool_] | None:
    """Where digital numbers are the one without data; None where none is, which their range often tells at once."""
    if np.isnan(nodata) or not dn.size:
        return None
    if dn.dtype.kind in "iu":
        if not float(nodata).is_integer() or not dn.min() <= nodata <= dn.max():
            return None
        nodata = int(nodata)
    is_equal: NDArray[np.bool_] = dn == nodata
    return is_equal


def _shift(dn: NDArray[np.uint16], shift: int, out: NDArray[np.int16]) -> None:
    """Put ``dn + shift`` into ``out``: modular 16-bit addition is exact once the top is cut, and four times as fast."""
    limit = min(MAX_COUNT - shift, 65535)
    counts = out.view(np.uint16)
    if dn.size and dn.max() > limit:
        np.minimum(dn, np.uint16(limit), out=counts)
    elif not np.may_share_memory(dn, counts):
        counts[...] = dn
    if shift:
        counts += np.uint16(shift % 65536)
