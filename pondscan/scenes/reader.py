"""Pixels and masks of a scene on its own grid, window by window, from any number of threads."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import INVALID, REQUIRED_ROLES, Band, Coverage, Mask, Scene, Window
from pondscan.scenes import masks
from pondscan.scenes.cloud_polygons import rasterize_clouds
from pondscan.scenes.georeference import placement
from pondscan.scenes.layers import Layer, RawWindow
from pondscan.scenes.radiometry import MAX_COUNT, to_counts
from pondscan.scenes.raster import probe, reading
from pondscan.scenes.screening import Screened, screened

Counts = NDArray[np.int16]

_TILED_ROLES = (*REQUIRED_ROLES, "swir16", "swir22")
"""Roles whose blocks the tiles follow; a 60 m band would make tiles too large for little."""
_FIRST_PASS = ("green", "nir")


def open_scene(scene: Scene, settings: Settings) -> SceneReader:
    """Open a scene for reading.

    Raises
    ------
    InputError
        If one of its files cannot be opened.
    """
    source = settings.mask.source(has_mask=bool(scene.masks))
    return SceneReader(
        scene, use_masks=source == "product", mask_classes=settings.mask.classes, screens=source == "screen"
    )


BLOCK_CACHE_BYTES = 64 * 2**20
"""GDAL's block cache while a scene is read: tiles follow the blocks, so hardly any is wanted twice; the default of a
twentieth of the machine's memory only made processes fat."""


class SceneReader:
    """Reads a scene; a context manager, safe to use from several threads.

    Every thread opens its own datasets, once; all are closed on leaving.

    Parameters
    ----------
    scene
        What to read.
    use_masks
        Whether cloud and other masks are read at all.
    mask_classes
        Reasons that mask a pixel (lower-case ``Coverage`` names); the others read as clear.
    screens
        Whether the scene is screened for cloud, in place of a mask, when its mask is first read.
    """

    def __init__(
        self, scene: Scene, *, use_masks: bool = True, mask_classes: Iterable[str] = (), screens: bool = False
    ) -> None:
        self.scene = scene
        self._masks = scene.masks if use_masks else ()
        self._classes = tuple(mask_classes)
        self._layers = self._plan()
        self._local = threading.local()
        self._open: list[Any] = []
        self._lock = threading.Lock()
        self._env = rasterio.Env(GDAL_CACHEMAX=BLOCK_CACHE_BYTES)
        self._polygons = {
            mask.path: rasterize_clouds(mask.path, scene.grid, mask.gsd_m) for mask in self._masks if _is_vector(mask)
        }
        self._screens = screens
        self._screen: Screened | None = None
        self._screening = threading.Lock()

    def __enter__(self) -> Self:
        self._env.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        self._env.__exit__(kind, error, trace)

    def close(self) -> None:
        """Close every thread's datasets; no thread may be reading."""
        with self._lock:
            for dataset in reversed(self._open):
                dataset.close()
            self._open.clear()
            self._local = threading.local()

    @property
    def block_px(self) -> int:
        """Side of the square tile, in grid pixels, that follows the blocks of the coarsest band on the ground."""
        return max(self._layers[_key(b)].tile_px for role, b in self.scene.bands.items() if role in _TILED_ROLES)

    def together(self, role: str) -> tuple[str, ...]:
        """Roles that are decoded whenever ``role`` is, itself included, because they share its blocks."""
        band = self.scene.bands[role]
        if not self._layers[_key(band)].info.is_pixel_interleaved:
            return (role,)
        return tuple(other for other, b in self.scene.bands.items() if b.path == band.path)

    def read(self, roles: Sequence[str], window: Window) -> Counts:
        """Counts of 1e-4 reflectance.

        Parameters
        ----------
        roles
            Bands to read, in the order wanted.
        window
            Pixels of the scene's grid.

        Returns
        -------
        numpy.ndarray
            ``int16`` of shape (roles, height, width), ``model.INVALID`` where there is no data.

        Raises
        ------
        InputError
            If the scene has no such band, or a file is damaged there.
        """
        counts = np.empty((len(roles), window.height, window.width), np.int16)
        self.read_into(roles, window, counts)
        if all(role in roles for role in _FIRST_PASS):
            self._local.kept = (window, [counts[roles.index(role)].copy() for role in _FIRST_PASS])
        return counts

    def read_into(self, roles: Sequence[str], window: Window, out: Sequence[Counts] | Counts) -> None:
        """Read counts as ``read`` does, each band into an array (h, w) of ``out``.

        ``read_mask`` of the same window may look at them there: they are to stay as they are until it has.
        """
        self._read_bands(self._bands(roles), window, out)
        if all(role in roles for role in _FIRST_PASS):
            self._local.kept = (window, [out[roles.index(role)] for role in _FIRST_PASS])

    def read_mask(self, window: Window) -> NDArray[np.uint8]:
        """``model.Coverage`` codes before dilation.

        ``OUTSIDE`` where green and near infrared have no data (the other bands are not decoded to ask them too),
        ``UNUSABLE`` where one of the two is missing, ``SATURATED`` where one is at the top of its range, else what the
        masks say.

        Returns
        -------
        numpy.ndarray
            ``uint8`` of shape (height, width).
        """
        green, nir = self._first_bands(window)
        codes = np.full(green.shape, Coverage.CLEAR, np.uint8)
        is_whole = min(green.min(), nir.min()) != INVALID and max(green.max(), nir.max()) != MAX_COUNT
        if is_whole and not self._masks:
            return masks.keep_classes(self.screen.window(window), self._classes) if self._screens else codes
        codes[(green == MAX_COUNT) | (nir == MAX_COUNT)] = Coverage.SATURATED
        codes[(green == INVALID) | (nir == INVALID)] = Coverage.UNUSABLE
        layers = [codes, *(masks.DECODERS[mask.role](self._mask_values(mask, window)) for mask in self._masks)]
        if self._screens:
            layers.append(self.screen.window(window))
        codes = masks.keep_classes(masks.combine(layers), self._classes)
        codes[(green == INVALID) & (nir == INVALID)] = Coverage.OUTSIDE
        return codes

    def quicklook(self, max_px: int) -> NDArray[np.uint8]:
        """Natural colours, reduced so that neither side exceeds ``max_px``, read from overviews where there are any.

        Returns
        -------
        numpy.ndarray
            ``uint8`` of shape (height, width, 3), black where there is no data.
        """
        grid = self.scene.grid
        step = max(1.0, max(grid.width, grid.height) / max_px)
        shape = max(1, int(grid.height / step)), max(1, int(grid.width / step))
        return _stretch(np.moveaxis(self.reduced(("red", "green", "blue"), shape), 0, -1))

    def reduced(self, roles: Sequence[str], shape: tuple[int, int]) -> Counts:
        """Whole bands averaged to ``shape``, from overviews where there are any: (roles, *shape), as ``read`` gives."""
        bands = self._bands(roles)
        counts = np.empty((len(bands), *shape), np.int16)
        for key, numbers in _by_file(bands).items():
            with reading(key[0]):
                indices = [bands[number].index for number in numbers]
                values, is_valid = self._layers[key].read_reduced(self._dataset(key), indices, shape)
            for number, dn in zip(numbers, values, strict=True):
                band = bands[number]
                counts[number] = to_counts(dn, scale=band.scale, offset=band.offset, nodata=band.nodata)
                counts[number][~is_valid] = INVALID
        return counts

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where the mask comes from if it is not the product's, and what a screen saw and did not mask."""
        if self._screens:
            return ("no cloud mask of its own: screened by pondscan's own cloud test", *self.screen.warnings)
        return () if self._masks else ("no cloud mask is used: every pixel with data counts as clear",)

    @property
    def screen(self) -> Screened:
        """The scene screened for cloud; a thread that asks while another is at it waits."""
        with self._screening:
            if self._screen is None:
                self._screen = screened(self)
            return self._screen

    def _plan(self) -> dict[tuple[str, bool], Layer]:
        """One layer for each raster file and use, opened once here so that a damaged file is refused early."""
        parts: list[Band | Mask] = [*self.scene.bands.values(), *(mask for mask in self._masks if not _is_vector(mask))]
        infos = {path: probe(path) for path in dict.fromkeys(part.path for part in parts)}
        return {
            _key(part): Layer(
                info=infos[part.path],
                grid=self.scene.grid,
                placement=None if self.scene.warped else placement(infos[part.path], self.scene.grid),
                is_mask=isinstance(part, Mask),
                gsd_m=part.gsd_m,
                nodata=part.nodata if isinstance(part, Band) else None,
            )
            for part in parts
        }

    def _first_bands(self, window: Window) -> Sequence[Counts]:
        """Green and near infrared; those of the thread's last window are kept, for ``read_mask`` follows ``read``."""
        kept_window, kept = getattr(self._local, "kept", (None, ()))
        return kept if kept_window == window else list(self.read(_FIRST_PASS, window))

    def _bands(self, roles: Sequence[str]) -> list[Band]:
        unknown = [role for role in roles if role not in self.scene.bands]
        if unknown:
            raise InputError(
                f"{self.scene.source} has no {', '.join(unknown)} band: it has {', '.join(self.scene.bands)}"
            )
        return [self.scene.bands[role] for role in roles]

    def _read_bands(self, bands: Sequence[Band], window: Window, counts: Sequence[Counts] | Counts) -> None:
        """Decode bands into ``counts`` (height, width) each, those of one file in one call."""
        for key, numbers in _by_file(bands).items():
            # Most files hold 16-bit numbers on the grid: those are decoded, and turned into counts, where they stay.
            place = _in_one(counts, numbers)
            raw = self._raw(key, [bands[number].index for number in numbers], window, place)
            for number, dn in zip(numbers, raw.values, strict=True):
                band = bands[number]
                out = counts[number] if raw.is_on_grid else None
                native = to_counts(dn, scale=band.scale, offset=band.offset, nodata=band.nodata, out=out)
                if raw.is_valid is not None:
                    native[~raw.is_valid] = INVALID
                if out is None:
                    counts[number][...] = raw.expand(native, INVALID)

    def _mask_values(self, mask: Mask, window: Window) -> NDArray[Any]:
        """What the mask's decoder takes: one band, or all bands of a mask that has a class in each."""
        if _is_vector(mask):
            return self._polygons[mask.path].window(window)
        is_multiband = mask.role in masks.MULTIBAND_ROLES
        n_bands = self._layers[_key(mask)].info.count
        raw = self._raw(_key(mask), list(range(1, n_bands + 1)) if is_multiband else [mask.index], window)
        bands = [raw.expand(band, 0) for band in raw.values]
        return np.stack(bands) if is_multiband else bands[0]

    def _raw(
        self, key: tuple[str, bool], indices: list[int], window: Window, out: NDArray[np.uint16] | None = None
    ) -> RawWindow:
        with reading(key[0]):
            return self._layers[key].read(self._dataset(key), indices, window, out)

    def _dataset(self, key: tuple[str, bool]) -> Any:
        """Dataset of a layer for the calling thread, opened at its first use."""
        mine: dict[tuple[str, bool], Any] = self._local.__dict__.setdefault("datasets", {})
        if key not in mine:
            opened = self._layers[key].open()
            with self._lock:
                self._open.extend(opened)
            mine[key] = opened[-1]
        return mine[key]


def _key(part: Band | Mask) -> tuple[str, bool]:
    """A file can hold bands and a mask, which are resampled differently: they are two layers."""
    return part.path, isinstance(part, Mask)


def _by_file(bands: Sequence[Band]) -> dict[tuple[str, bool], list[int]]:
    """Numbers of the bands that one file holds, by the key of its layer."""
    by_file: dict[tuple[str, bool], list[int]] = {}
    for number, band in enumerate(bands):
        by_file.setdefault(_key(band), []).append(number)
    return by_file


def _in_one(counts: Sequence[Counts] | Counts, numbers: list[int]) -> NDArray[np.uint16] | None:
    """Arrays of the given numbers as one (numbers, height, width), if that is what they are already."""
    first, last = numbers[0], numbers[-1] + 1
    if isinstance(counts, np.ndarray) and last - first == len(numbers):
        return counts[first:last].view(np.uint16)
    return counts[first].view(np.uint16)[None] if len(numbers) == 1 else None


def _is_vector(mask: Mask) -> bool:
    """Whether a mask is polygons rather than pixels."""
    return mask.path.lower().endswith(".gml")


def _stretch(counts: Counts) -> NDArray[np.uint8]:
    """Counts → 1 to 255 between the 2nd and 98th percentile of all three bands together, 0 without data."""
    is_valid = (counts != INVALID).all(axis=-1)
    if not is_valid.any():
        return np.zeros(counts.shape, np.uint8)
    low, high = np.percentile(counts[is_valid], (2, 98))
    every = np.arange(1 << 16, dtype=np.uint16).view(np.int16)  # a picture has more pixels than there are counts
    scaled = (every.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 1.0))
    picture = (1 + 254 * np.clip(scaled, 0, 1)).astype(np.uint8)[counts.view(np.uint16)]
    picture[~is_valid] = 0
    return np.asarray(picture)
