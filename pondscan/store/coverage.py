"""What a scene saw: ``coverage/<scene_id>.tif``, written tile by tile, and asked at places and polygons."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyproj
import rasterio
import rasterio.features
import rasterio.shutil
import shapely
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from rasterio.io import MemoryFile
from rasterio.windows import Window as RasterWindow

from pondscan.detect.tiles import count_codes
from pondscan.errors import WorkspaceError
from pondscan.grid import between
from pondscan.hashing import file_sha256
from pondscan.memory import Remember, forgetful
from pondscan.model import Coverage, Grid, Window
from pondscan.store import clear
from pondscan.store.atomic import storage_errors

if TYPE_CHECKING:
    import geopandas as gpd

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]

BLOCK_PX = clear.BLOCK_PX
"""Side of the file's blocks, pixels."""

SAMPLES_PER_POLYGON = 512
"""Points that ask for a polygon's clear share, which is then known to within 1 %."""

MOST_EMPTINESS = 100.0
"""Box area over polygon area up to which points are added to make up for those that miss a slender polygon."""

R2_STEP = (0.7548776662466927, 0.5698402909980532)
"""Powers -1 and -2 of the plastic number, the real root of t**3 = t + 1."""

POLYGONS_AT_ONCE = 2000
"""Polygons sampled together: bounds the memory to some tens of megabytes."""

COLOURS: Mapping[int, tuple[int, int, int, int]] = {
    Coverage.OUTSIDE: (0, 0, 0, 0),
    Coverage.CLEAR: (86, 160, 98, 255),
    Coverage.CLOUD: (235, 235, 235, 255),
    Coverage.CIRRUS: (200, 214, 229, 255),
    Coverage.HAZE: (222, 214, 196, 255),
    Coverage.SHADOW: (70, 70, 90, 255),
    Coverage.SNOW: (150, 220, 240, 255),
    Coverage.SATURATED: (240, 90, 60, 255),
    Coverage.MARGIN: (180, 180, 180, 255),
    Coverage.UNUSABLE: (120, 60, 120, 255),
}
"""Colour of each code in a GIS, RGBA."""


class CoverageWriter:
    """Collects the tiles of one scene, in any order and from any thread; the finished file does not depend on it.

    Until it is finished it is kept compressed in memory, a few megabytes for a full Sentinel-2 scene: GDAL does not
    always say so when it could not write to a disk, Python does. PackBits takes half the time of Deflate.

    Parameters
    ----------
    grid
        Grid of the scene.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._lock = threading.Lock()
        self._counts = np.zeros(len(Coverage), dtype=np.int64)
        self._scratch = MemoryFile()
        self._dataset = self._scratch.open(
            driver="GTiff",
            dtype="uint8",
            count=1,
            width=grid.width,
            height=grid.height,
            crs=grid.crs,
            transform=Affine(*grid.transform),
            nodata=int(Coverage.OUTSIDE),
            tiled=True,
            blockxsize=BLOCK_PX,
            blockysize=BLOCK_PX,
            compress="PACKBITS",
        )
        self._dataset.write_colormap(1, dict(COLOURS))

    @property
    def counts(self) -> dict[str, int]:
        """Pixels by coverage; what no tile has told of is outside."""
        counts = {code.name.lower(): int(self._counts[code]) for code in Coverage}
        counts["outside"] += self._grid.width * self._grid.height - int(self._counts.sum())
        return counts

    def write(self, window: Window, codes: Codes) -> bool:
        """Write the codes of one tile, ``uint8 (window.height, window.width)``; True when it was the last missing."""
        if codes.shape != (window.height, window.width) or codes.dtype != np.uint8:
            message = f"coverage of a {window.height} × {window.width} tile came as {codes.dtype} {codes.shape}"
            raise ValueError(message)
        counts = count_codes(codes)
        place = RasterWindow(window.col_start, window.row_start, window.width, window.height)
        with self._lock:
            self._dataset.write(codes, 1, window=place)
            self._counts += counts
            return int(self._counts.sum()) == self._grid.width * self._grid.height

    def finish(self, path: Path) -> None:
        """Write the whole as a compressed, tiled GeoTIFF with a colour table; nearly empty, it needs no overviews."""
        self._dataset.close()
        with MemoryFile() as finished:
            rasterio.shutil.copy(
                self._scratch.name,
                finished.name,
                driver="COG",
                compress="DEFLATE",
                blocksize=BLOCK_PX,
                resampling="NEAREST",
                overviews="NONE",
            )
            with storage_errors(path):
                path.write_bytes(finished.read())

    def close(self) -> None:
        """Give the memory back."""
        self._dataset.close()
        self._scratch.close()


@dataclass(frozen=True)
class CoverageMap:
    """The coverage of one stored scene; pixels are read when they are asked for, block by block."""

    path: Path
    remember: Remember = forgetful
    """Where what was seen clear is looked up before the file is read for it."""
    known_grid: Grid | None = None
    """Grid of the scene, where it is known without the file."""

    @cached_property
    def grid(self) -> Grid:
        """Grid of the scene.

        Raises
        ------
        WorkspaceError
            When the file is missing or damaged.
        """
        if self.known_grid is not None:
            return self.known_grid
        with self._open() as dataset:
            transform = dataset.transform
            authority = dataset.crs.to_authority()
            crs = ":".join(authority) if authority else dataset.crs.to_wkt()
            return Grid(crs, transform.c, transform.f, transform.a, dataset.width, dataset.height)

    def codes_at(self, x: ArrayLike, y: ArrayLike, crs: object) -> Codes:
        """Return the coverage codes at places; off the grid they are ``OUTSIDE``.

        Parameters
        ----------
        x, y
            Coordinates in ``crs`` (longitude, latitude for a geographic one), of any one shape.
        crs
            Anything pyproj understands.
        """
        row, col, is_inside = self._pixels(x, y, crs)
        codes = np.full(is_inside.shape, Coverage.OUTSIDE, dtype=np.uint8)
        codes[is_inside] = self._codes(row, col)
        return codes

    def is_clear_at(self, x: ArrayLike, y: ArrayLike, crs: object) -> NDArray[np.bool_]:
        """Whether places were seen clear, coordinates as ``codes_at`` takes them; off the grid they were not."""
        row, col, is_inside = self._pixels(x, y, crs)
        is_clear = np.zeros(is_inside.shape, bool)
        is_clear[is_inside] = clear.unpacked(self._clear, self.grid.width, self.grid.height).at(row, col)
        return is_clear

    @cached_property
    def _clear(self) -> Codes:
        """What was seen clear, packed."""
        with self._storage_errors():
            key = ("clear", file_sha256(self.path))
        return self.remember(key, self._read_clear)

    def _read_clear(self) -> Codes:
        with self._open() as dataset:
            blocks = [window for _, window in dataset.block_windows(1)]
            return clear.packed(dataset.read(1, window=window) == Coverage.CLEAR for window in blocks)

    def _pixels(
        self, x: ArrayLike, y: ArrayLike, crs: object
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Row and column of the places inside the grid, and which of them are."""
        grid = self.grid
        there = between(crs if isinstance(crs, str) else pyproj.CRS.from_user_input(crs).to_wkt(), grid.crs)
        x_grid, y_grid = there.transform(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
        col = np.floor((np.asarray(x_grid) - grid.x_origin) / grid.gsd_m)
        row = np.floor((grid.y_origin - np.asarray(y_grid)) / grid.gsd_m)
        is_inside = (col >= 0) & (col < grid.width) & (row >= 0) & (row < grid.height)
        return row[is_inside].astype(np.int64), col[is_inside].astype(np.int64), is_inside

    def clear_fraction(self, polygons: ArrayLike | gpd.GeoSeries, crs: object) -> Floats:
        """Share of each polygon's area that was seen clear, 0 to 1; NaN for an empty polygon.

        Each polygon is asked at about ``SAMPLES_PER_POLYGON`` points inside it, whatever the pixel's size; polygons
        may overlap.

        Parameters
        ----------
        polygons
            Polygons or multipolygons in ``crs``.
        crs
            Anything pyproj understands.
        """
        import geopandas as gpd

        given = np.asarray(polygons, dtype=object)
        shapes = np.asarray(gpd.GeoSeries(given, crs=pyproj.CRS.from_user_input(crs)).to_crs(self.grid.crs))
        parts = [
            self._clear_fraction(shapes[start : start + POLYGONS_AT_ONCE])
            for start in range(0, len(shapes), POLYGONS_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def observed_fraction(self, aoi: shapely.Geometry | None = None, crs: object = None) -> float:
        """Share of an area that was seen clear: of ``aoi`` (in ``crs``), else of the scene's own data.

        NaN when there is no area to see.
        """
        import geopandas as gpd

        if aoi is None:
            counts = self.counts()
            seen = sum(counts.values()) - counts["outside"]
            return counts["clear"] / seen if seen else float("nan")
        place = gpd.GeoSeries([aoi], crs=pyproj.CRS.from_user_input(crs)).to_crs(self.grid.crs).iloc[0]
        if not place.area:
            return float("nan")
        n_clear = sum(int(np.count_nonzero(codes == Coverage.CLEAR)) for codes in self._codes_within(place))
        return min(1.0, n_clear * self.grid.pixel_area_m2 / float(place.area))

    def counts(self) -> dict[str, int]:
        """Pixels by coverage, named in lower case as in ``model.Coverage``."""
        totals = np.zeros(len(Coverage), dtype=np.int64)
        with self._open() as dataset:
            for _, window in dataset.block_windows(1):
                totals += count_codes(dataset.read(1, window=window))
        return {code.name.lower(): int(totals[code]) for code in Coverage}

    def _open(self) -> rasterio.DatasetReader:
        with self._storage_errors():
            dataset: rasterio.DatasetReader = rasterio.open(self.path)
            return dataset

    @contextmanager
    def _storage_errors(self) -> Iterator[None]:
        try:
            yield
        except (rasterio.errors.RasterioIOError, OSError) as error:
            message = f"{self.path}: the coverage of this scene is missing or damaged"
            raise WorkspaceError(f"{message}: forget the scene and run it again") from error

    def _codes(self, row: NDArray[np.int64], col: NDArray[np.int64]) -> Codes:
        """Codes at pixels of the grid; each block of the file is read once."""
        codes = np.empty(row.shape, dtype=np.uint8)
        n_across = -(-self.grid.width // BLOCK_PX)
        block = (row // BLOCK_PX) * n_across + col // BLOCK_PX
        order = np.argsort(block, kind="stable")
        starts = np.flatnonzero(np.diff(block[order], prepend=-1))
        with self._open() as dataset:
            for members in np.split(order, starts[1:]) if len(order) else ():
                down, across = divmod(int(block[members[0]]), n_across)
                there = RasterWindow(across * BLOCK_PX, down * BLOCK_PX, BLOCK_PX, BLOCK_PX)
                pixels = dataset.read(1, window=there)
                codes[members] = pixels[row[members] - down * BLOCK_PX, col[members] - across * BLOCK_PX]
        return codes

    def _clear_fraction(self, shapes: NDArray[np.object_]) -> Floats:
        owner, x, y = sample_points(shapes, SAMPLES_PER_POLYGON)
        is_clear = self.is_clear_at(x, y, self.grid.crs)
        n_points = np.bincount(owner, minlength=len(shapes))
        n_clear = np.bincount(owner, weights=is_clear, minlength=len(shapes))
        share: Floats = np.divide(n_clear, n_points, out=np.full(len(shapes), np.nan), where=n_points > 0)
        return share

    def _codes_within(self, place: shapely.Geometry) -> Iterator[Codes]:
        """Codes of the pixels whose centre is in ``place`` (in the grid's CRS), block by block."""
        with self._open() as dataset:
            for _, window in dataset.block_windows(1):
                west = self.grid.x_origin + window.col_off * self.grid.gsd_m
                north = self.grid.y_origin - window.row_off * self.grid.gsd_m
                east, south = west + window.width * self.grid.gsd_m, north - window.height * self.grid.gsd_m
                if shapely.intersects(place, shapely.box(west, south, east, north)):
                    codes = dataset.read(1, window=window)
                    transform = Affine(self.grid.gsd_m, 0.0, west, 0.0, -self.grid.gsd_m, north)
                    yield codes[rasterio.features.geometry_mask([place], codes.shape, transform, invert=True)]


def sample_points(shapes: NDArray[np.object_], n_inside: int) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Spread points evenly over each polygon, about ``n_inside`` of them inside, and return those.

    The points are Roberts' R2 sequence over the polygon's box: as even as a lattice, but never in step with the
    pixels. A polygon too thin to be hit is asked at one point of its own; an empty one has none.

    Returns
    -------
    owner, x, y
        Index of the polygon each point is in, and the point.
    """
    west, south, east, north = np.nan_to_num(shapely.bounds(shapes).reshape(-1, 4)).T
    area = shapely.area(shapes)
    box_area = (east - west) * (north - south)
    emptiness = np.divide(box_area, area, out=np.zeros(len(shapes)), where=area > 0)
    n_points = np.ceil(n_inside * np.minimum(emptiness, MOST_EMPTINESS)).astype(np.int64)
    owner = np.repeat(np.arange(len(shapes)), n_points)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(n_points) - n_points, n_points)
    x = west[owner] + (east - west)[owner] * ((0.5 + number * R2_STEP[0]) % 1.0)
    y = south[owner] + (north - south)[owner] * ((0.5 + number * R2_STEP[1]) % 1.0)
    shapely.prepare(shapes)
    is_in = shapely.contains_xy(shapes[owner], x, y)
    owner, x, y = owner[is_in], x[is_in], y[is_in]
    missed = np.setdiff1d(np.flatnonzero(~shapely.is_empty(shapes) & ~shapely.is_missing(shapes)), owner)
    inner = shapely.point_on_surface(shapes[missed])
    return (
        np.concatenate([owner, missed]),
        np.concatenate([x, shapely.get_x(inner)]),
        np.concatenate([y, shapely.get_y(inner)]),
    )
