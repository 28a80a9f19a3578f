"""A rendered scene read straight from memory, as the scan reads one from files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pondscan.model import INVALID, REFLECTANCE_UNIT, Band, Coverage, Scene, Window
from pondscan.simulate import film
from pondscan.simulate.optics import optics
from pondscan.simulate.render import Rendered


class RenderedReader:
    """Reads windows of a rendered scene: counts of 1e-4 (of reflectance, or of raw numbers' 0 to 1), and its mask.

    Parameters
    ----------
    rendered : Rendered
    roles : sequence of str, optional
        Bands to offer; by default all.
    block_px : int
        Tile side to suggest.
    """

    def __init__(self, rendered: Rendered, *, roles: Sequence[str] | None = None, block_px: int = 512) -> None:
        self.block_px = block_px
        bands = {role: rendered.bands[role] for role in (roles or rendered.bands)}
        self._counts = {role: _counts(values) for role, values in bands.items()}
        self._clear = rendered.clear
        unit = film.UNIT if rendered.calibrated == "dn" else REFLECTANCE_UNIT
        self.scene = Scene(
            scene_id=f"{rendered.sensor}_{rendered.datetime:%Y%m%dT%H%M%S}",
            sensor=optics(rendered.sensor).family,
            platform=None,
            product="simulated",
            datetime=rendered.datetime,
            grid=rendered.grid,
            bands={
                role: Band(role, "", number, unit, 0.0, None, rendered.band_gsd_m[role], role)
                for number, role in enumerate(bands, start=1)
            },
            masks=(),
            calibrated=rendered.calibrated,
            source="simulated",
            files=(),
            sun_elevation_deg=rendered.sun_elevation_deg,
            sun_azimuth_deg=rendered.sun_azimuth_deg,
        )

    def read(self, roles: Sequence[str], window: Window) -> NDArray[np.int16]:
        """Counts of 1e-4 reflectance, (roles, h, w)."""
        return np.stack([self._counts[role][_slices(window)] for role in roles])

    def read_into(self, roles: Sequence[str], window: Window, out: Sequence[NDArray[np.int16]]) -> None:
        """Read the same into an array (h, w) for each role."""
        for place, counts in zip(out, self.read(roles, window), strict=True):
            place[...] = counts

    def read_mask(self, window: Window) -> NDArray[np.uint8]:
        """``model.Coverage`` codes: clear where the delivered mask says so, else unusable."""
        is_clear = self._clear[_slices(window)] > 0
        return np.where(is_clear, np.uint8(Coverage.CLEAR), np.uint8(Coverage.UNUSABLE))

    def together(self, role: str) -> tuple[str, ...]:
        """Nothing is decoded with a band: they are all in memory."""
        return (role,)


def _counts(reflectance: NDArray[np.float32]) -> NDArray[np.int16]:
    """Counts of 1e-4 reflectance; NaN is no data."""
    counts = np.clip(np.rint(reflectance / REFLECTANCE_UNIT), INVALID + 1, -INVALID - 1)
    whole: NDArray[np.int16] = np.nan_to_num(counts, nan=INVALID).astype(np.int16)
    return whole


def _slices(window: Window) -> tuple[slice, slice]:
    return slice(window.row_start, window.row_stop), slice(window.col_start, window.col_stop)
