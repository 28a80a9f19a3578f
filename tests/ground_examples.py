"""A texture fixed to the ground, and the chips that scenes of it keep."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pondscan.detect.ground import GroundChips, GroundSampler
from pondscan.model import Coverage, Grid, Window

GRID = Grid("EPSG:32647", 450_000.0, 2_832_000.0, 10.0, 220, 220)
"""2.2 km."""


def texture(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Brightness of the ground at places: waves of 22 to 400 m in all directions, the longer the higher."""
    rng = np.random.default_rng(5)
    length = np.exp(rng.uniform(np.log(22.0), np.log(400.0), 200))
    angle, phase = rng.uniform(0, 2 * np.pi, (2, 200))
    east, north = 2 * np.pi / length * np.array([np.cos(angle), np.sin(angle)])
    height = np.sqrt(length / 100.0)
    if x.shape[0] == 1 and y.shape[1] == 1:  # a grid: cos(a + b) as two products of matrices
        across, down = np.outer(east, x[0]) + phase[:, None], np.outer(y[:, 0], north)
        total = (np.cos(down) * height) @ np.cos(across) - (np.sin(down) * height) @ np.sin(across)
    else:
        waves = zip(east, north, phase, height, strict=True)
        total = sum(h * np.cos(e * x + n * y + p) for e, n, p, h in waves)
    return 0.2 + 0.005 * total


def tiles_of(
    grid: Grid,
    tile_px: int,
    *,
    shift_m: tuple[float, float] = (0.0, 0.0),
    codes: NDArray[np.uint8] | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> Iterator[tuple[Window, NDArray[np.int16], NDArray[np.uint8]]]:
    """Tiles of a scene that shows the texture so far east and north of its place."""
    x = grid.x_origin + (np.arange(grid.width) + 0.5) * grid.gsd_m - shift_m[0]
    y = grid.y_origin - (np.arange(grid.height) + 0.5) * grid.gsd_m - shift_m[1]
    seen = texture(x[None, :], y[:, None])
    seen = seen + noise * np.random.default_rng(seed).standard_normal(seen.shape)
    green = np.rint(seen * 1e4).astype(np.int16)
    clear = np.full(green.shape, Coverage.CLEAR, np.uint8) if codes is None else codes
    for row in range(0, grid.height, tile_px):
        for col in range(0, grid.width, tile_px):
            window = Window(row, min(row + tile_px, grid.height), col, min(col + tile_px, grid.width))
            part = slice(window.row_start, window.row_stop), slice(window.col_start, window.col_stop)
            yield window, green[part], clear[part]


def chips_of(grid: Grid, *, most: int = 2048, tile_px: int = 512, **scene: object) -> GroundChips:
    """Chips that a scene of the texture keeps."""
    sampler = GroundSampler(grid, most)
    for tile in tiles_of(grid, tile_px, **scene):
        sampler(*tile)
    return sampler.chips()
