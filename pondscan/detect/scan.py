"""One scene, from its pixels to its observations, while it streams past from north to south.

Tiles that follow the files' blocks are decoded once, in threads: green and near infrared first, the other bands only
where candidates turn up. Rows stay in memory as long as an object or the chip around one may need them. What comes out
depends on the scene and the settings alone: not on tile size, workers, or the order in which tiles arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi

from pondscan import sensors
from pondscan.config import Settings
from pondscan.detect import measure, objects, ponds, prospects, score, segment, terrain, tiles
from pondscan.detect.calibrate import Adjustment, adjustment
from pondscan.detect.crops import Crops, CropSampler
from pondscan.detect.ground import GroundSink
from pondscan.detect.reader import SceneReader
from pondscan.model import INVALID, REFLECTANCE_UNIT, Coverage, Window
from pondscan.relief import LitRelief

if TYPE_CHECKING:
    import pandas as pd
    from geopandas.geodataframe import GeoDataFrame

CoverageSink = Callable[[Window, NDArray[np.uint8]], None]
Progress = Callable[[float], None]

KEPT_CONFIDENCE = 0.1
"""Candidates below this confidence are not stored."""

CHIP_SIDES = (14, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Sides of the chips, pixels; an object gets the smallest that holds it and the ground around it."""

CHIP_BATCH_PX = 1 << 17
"""Pixels of a stack of chips that are worked on at once; larger ones are no faster, and keep other threads waiting."""

GRADED_CELLS = 4
"""Rows of cells that are graded together: they and what is made of them stay in the processor's cache."""

RING_M = 24.0
"""Width of the ring of ground around an object; ponds stand on cleared ground some tens of metres wide."""

SMOOTHING_M = 1.0
"""Smoothing before peaks are sought: rims of 2 to 5 m stay visible, noise at metre pixels does not."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scene yielded."""

    observations: GeoDataFrame
    """Columns of ``tables.OBSERVATIONS`` and the outline, in the scene's CRS."""
    counts: dict[str, int]
    """Pixels by coverage, candidates, and large objects by reason."""
    warnings: tuple[str, ...]
    evidence: pd.DataFrame
    """Everything measured, however unlikely: columns of ``tables.EVIDENCE``."""
    crops: Crops | None = None
    """Pixels around what was found; None where the settings ask for none."""


def ignore(*_: object) -> None:
    """Take what nobody asked for."""


def scan_scene(
    reader: SceneReader,
    settings: Settings,
    *,
    executor: Executor,
    ground: LitRelief | None = None,
    coverage_sink: CoverageSink = ignore,
    ground_sink: GroundSink = ignore,
    progress: Progress = ignore,
) -> ScanResult:
    """Find and measure everything in a scene that may be a pond.

    Parameters
    ----------
    reader : SceneReader
    settings : Settings
    ground : LitRelief, optional
        The lie of the land, in the scene's reference system: its shadows and slopes hold no ponds.
    coverage_sink, ground_sink : callable
        Receive every row's final coverage codes, north to south; every tile's green band and mask, from any thread.
    executor, progress
        Threads serve best, since decoding releases the interpreter's lock; told the share of rows done.
    """
    scan = _Scan(reader, settings, executor, ground)
    scan.ground_sink = ground_sink
    judged = scan.judged(coverage_sink, progress)
    kept = ponds.keep(judged, min_confidence=KEPT_CONFIDENCE, keep_rejected=settings.products.keep_rejected)
    scene = reader.scene
    observed = ponds.observations(kept, scene.grid, scene.scene_id)
    evidence = ponds.evidence(judged, scene.grid)
    crops = scan.crops.around(*prospects.places(kept.frame, KEPT_CONFIDENCE)) if scan.crops else None
    return ScanResult(observed, scan.counts, scan.warnings, evidence, crops)


def judge_scene(
    reader: SceneReader, settings: Settings, *, executor: Executor
) -> tuple[ponds.Measured, dict[str, int], tuple[str, ...]]:
    """Measure and judge every segment of a scene, the rejected ones included (what the confidence fit learns from).

    Parameters as in `scan_scene`; returns the judged segments, the counts and the warnings.
    """
    scan = _Scan(reader, settings, executor, None)
    return scan.judged(ignore, ignore), scan.counts, scan.warnings


class _Scan:
    """The moving state of one scan."""

    def __init__(self, reader: SceneReader, settings: Settings, executor: Executor, ground: LitRelief | None) -> None:
        self.reader, self.settings, self.executor = reader, settings, executor
        self.ground_sink: GroundSink = ignore
        self.ground = ground
        self.shading = ground if settings.mask.use == "auto" and "shadow" in settings.mask.classes else None
        self.grid = reader.scene.grid
        swir = [role for role in ("swir16", "swir22") if role in reader.scene.bands]
        self.roles = (*measure.OPTICAL, *swir[:1])
        self.tile_px = settings.tiles.size_px or reader.block_px
        self.adjust: Adjustment = adjustment(reader)
        self.warnings = self.adjust.warnings
        self.counts = {**{code.name.lower(): 0 for code in Coverage}, "candidates": 0, "too large": 0}
        gsd_m = self.grid.gsd_m
        self.radius_cells = max(2, round(settings.detect.background_radius_m / gsd_m / segment.CELL_PX))
        self.dilation_px = round(settings.mask.dilation_m / gsd_m)
        self.margin_px = measure.ring_pixels(RING_M, gsd_m) + 2
        cell = segment.CELL_PX
        self.lag = cell * max(self.radius_cells + 1, -(-self.dilation_px // cell) + 1)
        self.max_side = self._max_side()
        self.model = score.model_name(
            target=settings.confidence.target,
            gsd_m=gsd_m,
            has_swir=reader.scene.has_swir,
            calibrated=reader.scene.calibrated,
        )
        room_px = self.lag + self.margin_px - 1
        self.crops = CropSampler(self.grid, self.roles, room_px=room_px) if settings.chips.imagery else None
        self.rows = tiles.RollingRows(self.grid.width, self._rows_held())
        for role in (*self._decoded_with(("green", "nir")), "mask", "coverage", "candidate"):
            self.rows.plane(role)
        self.cells = segment.no_ground(self.grid.height, self.grid.width)
        self.assembler = objects.Assembler(self.grid.width)
        self.pending: list[objects.Objects] = []
        self.measuring: list[Future[ponds.Measured]] = []
        self.parts: list[ponds.Measured] = []
        self.loaded: set[tuple[str, int, int]] = set()
        self.rows_read = self.rows_graded = 0

    def _max_side(self) -> int:
        """Longest box side of an object that is still worth measuring: a row of ponds, not a river."""
        longest = 4 * self.settings.pond.max_diameter_m / self.grid.gsd_m
        return int(np.clip(longest, 32, CHIP_SIDES[-1] - 2 * self.margin_px))

    def _rows_held(self) -> int:
        """Rows that must stay in memory: a strip and the next, what waits for its surroundings, and those above it."""
        tallest = next(side for side in CHIP_SIDES if side >= self.max_side + 2 * self.margin_px)
        above = max(tallest + (self.crops.reach_px if self.crops else 0), self.dilation_px)
        wanted = 2 * self.tile_px + self.lag + above + segment.CELL_PX
        return min(self.grid.height, -(-wanted // segment.CELL_PX) * segment.CELL_PX)  # no cell is cut by their end

    def judged(self, coverage_sink: CoverageSink, progress: Progress) -> ponds.Measured:
        """Measure everything and judge it together."""
        for rows_done in self.stream(coverage_sink):
            progress(rows_done / self.grid.height)
        scene, pond, believe = self.reader.scene, self.settings.pond, self.settings.confidence
        judged = ponds.judge(
            self.parts,
            scene.grid,
            min_diameter_m=pond.min_diameter_m,
            max_diameter_m=pond.max_diameter_m,
            max_elongation=pond.max_elongation,
            target=believe.target,
            has_swir=scene.has_swir,
            calibrated=scene.calibrated,
            expected_ponds_per_km2=believe.expected_ponds_per_km2,
            ground=self.ground,
        )
        self.count_rejected(judged.frame)
        return judged

    def stream(self, coverage_sink: CoverageSink) -> Iterator[int]:
        """Read strip after strip, grade the rows whose surroundings are known, gather and measure objects.

        A strip is read while the one before is graded and its objects are measured: threads idle a fifth of the time
        otherwise. Its pixels take the place of rows that only objects of an earlier strip need.
        """
        height = self.grid.height
        reading = self._read_strip(0)
        while self.rows_graded < height:
            for tile in reading:
                tile.result()
            self.rows_read = min(self.rows_read + self.tile_px, height)
            self._finish_measuring()
            reading = self._read_strip(self.rows_read)
            is_last = self.rows_read == height
            ready = height if is_last else max(self.rows_read - self.lag, 0) // segment.CELL_PX * segment.CELL_PX
            if ready > self.rows_graded:
                self._cover(self.rows_graded, ready, coverage_sink)
                found = self._grade(self.rows_graded, ready)
                self.pending.append(self._keep_pond_sized(self.assembler.add(found, ready, is_last=is_last)))
                self.rows_graded = ready
            self._measure_closed()
            yield self.rows_graded
        self._finish_measuring()

    def _read_strip(self, row: int) -> list[Future[None]]:
        """Have the tiles read of the strip that begins at a row, none where the scene has ended."""
        rows = (row, min(row + self.tile_px, self.grid.height))
        windows = tiles.tiles_of_strip(rows, self.grid.width, self.tile_px) if row < rows[1] else []
        return [self.executor.submit(self._read_first_bands, window) for window in windows]

    def _finish_measuring(self) -> None:
        """Gather what was measured, and the pixels around what of it may be believed while they are in memory."""
        parts, self.measuring = [batch.result() for batch in self.measuring], []
        self.parts += parts
        if self.crops and parts:
            scene, believe = self.reader.scene, self.settings.confidence
            hopeful = prospects.hopeful(
                [part.frame for part in parts], scene, believe.target, believe.expected_ponds_per_km2, KEPT_CONFIDENCE
            )
            self.crops.take(*hopeful, self.rows.gather, self._load_other_bands)

    def _read_first_bands(self, window: Window) -> None:
        """Decode green and near infrared of a tile (and what comes with them), its mask, and sum its cells."""
        roles = self._decoded_with(("green", "nir"))
        self.loaded.update((role, window.row_start // self.tile_px, window.col_start // self.tile_px) for role in roles)
        for part in self.rows.parts(window):
            counts = self._read_into_rows(roles, part)
            green, nir = counts["green"], counts["nir"]
            codes = self._masked(self.reader.read_mask(part))
            self.rows.put("mask", part, codes)
            self.ground_sink(part, green, codes)
            self.cells.put(part, segment.cell_sums(green, nir, codes != Coverage.CLEAR))

    def _decoded_with(self, roles: tuple[str, ...]) -> list[str]:
        wanted = [role for first in roles for role in (first, *self.reader.together(first))]
        return [role for role in dict.fromkeys(wanted) if role in self.reader.scene.bands]

    def _read_into_rows(self, roles: Sequence[str], part: Window) -> dict[str, NDArray[np.int16]]:
        """Decode bands where their rows are held, and return them by role."""
        slots = {role: self.rows.slot(role, part) for role in roles}
        if self.adjust.gain:
            for slot, counts in zip(
                slots.values(), self.adjust.apply(roles, self.reader.read(roles, part)), strict=True
            ):
                slot[...] = counts
        else:
            self.reader.read_into(roles, part, list(slots.values()))
        return slots

    def _masked(self, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Coverage codes with the reasons that the settings do not mask taken for clear."""
        if codes.max() <= Coverage.CLEAR:
            return codes
        if self.settings.mask.use == "off":
            return np.where(codes == Coverage.OUTSIDE, codes, np.uint8(Coverage.CLEAR))
        kept = np.full(256, Coverage.CLEAR, np.uint8)
        for code in Coverage:
            if code.name.lower() in self.settings.mask.classes or code in (Coverage.OUTSIDE, Coverage.MARGIN):
                kept[code] = code
        return kept[codes]

    def _cover(self, row_start: int, row_stop: int, sink: CoverageSink) -> None:
        """Widen the mask by its margin, count and hand on the final coverage of these rows."""
        first = max(row_start - self.dilation_px, 0)
        last = min(row_stop + self.dilation_px, self.rows_read)
        codes = self.rows.rows("mask", first, last)
        if self.dilation_px and codes.max() > Coverage.CLEAR:
            is_masked = (codes != Coverage.CLEAR) & (codes != Coverage.OUTSIDE)
            size = 2 * self.dilation_px + 1
            is_near = ndi.maximum_filter(is_masked.view(np.uint8), size=size, mode="constant").view(np.bool_)
            codes = np.where(is_near & (codes == Coverage.CLEAR), np.uint8(Coverage.MARGIN), codes)
        codes = codes[row_start - first : row_stop - first]
        window = Window(row_start, row_stop, 0, self.grid.width)
        self.rows.put("coverage", window, codes)
        if self.shading is not None:  # what is seen there all the same is measured and judged as anywhere
            codes = terrain.with_shade(codes, self.shading, self.grid, window)
        for code, count in zip(Coverage, tiles.count_codes(codes), strict=True):
            self.counts[code.name.lower()] += int(count)
        sink(window, codes)

    def _grade(self, row_start: int, row_stop: int) -> segment.Runs:
        """Grade rows whose background is known; returns their candidate runs."""
        cell = segment.CELL_PX
        first = max(row_start // cell - self.radius_cells, 0)
        ground = segment.background(self.cells.rows(first, -(-row_stop // cell) + self.radius_cells), self.radius_cells)
        bands = range(row_start, row_stop, GRADED_CELLS * cell)

        def grade(row: int) -> segment.Runs:
            rows = slice(row // cell - first, row // cell - first + GRADED_CELLS)
            stop = min(row + GRADED_CELLS * cell, row_stop)
            return self._grade_rows(row, stop, segment.Background(ground.green[rows], ground.nir[rows]))

        return segment.concatenate([grade(row) for row in bands])

    def _grade_rows(self, row: int, stop: int, ground: segment.Background) -> segment.Runs:
        """Candidate runs of a few rows of the scene."""
        detect = self.settings.detect
        found = segment.graded(
            self.rows.rows("green", row, stop),
            self.rows.rows("nir", row, stop),
            ground,
            min_fraction=detect.min_fraction,
            min_snr=detect.min_snr,
            absolute_ndwi=detect.absolute_ndwi if self.reader.scene.calibrated != "dn" else 2.0,
            black_share=score.black_share(self.model),
        )
        is_candidate = np.zeros((stop - row, self.grid.width), np.uint8)
        is_candidate.ravel()[found.place] = 1
        self.rows.put("candidate", Window(row, stop, 0, self.grid.width), is_candidate)
        return segment.runs(found, row, 0)

    def _keep_pond_sized(self, closed: objects.Objects) -> objects.Objects:
        """Drop what is too large to be a row of ponds (counted)."""
        side = np.maximum(closed.row_stop - closed.row_start, closed.col_stop - closed.col_start)
        is_large = side > self.max_side
        self.counts["too large"] += int(is_large.sum())
        self.counts["candidates"] += len(closed)
        return closed.take(~is_large)

    def count_rejected(self, frame: pd.DataFrame) -> None:
        """Add the rejected segments to the counts, by reason."""
        for reason, count in frame.loc[frame["rejected"] != "", "rejected"].value_counts().sort_index().items():
            self.counts[str(reason)] = self.counts.get(str(reason), 0) + int(count)

    def _measure_closed(self) -> None:
        """Have the closed objects measured whose surroundings have been read."""
        waiting, self.pending = self.pending, []
        is_end = self.rows_graded == self.grid.height
        for found in waiting:
            side = self._chip_side(found)
            is_ready = (found.row_start + found.row_stop + side) // 2 + 1 <= self.rows_graded
            is_ready |= is_end
            if not is_ready.all():
                self.pending.append(found.take(~is_ready))
            ready = found.take(is_ready)
            if len(ready):
                batches = self._batches(ready, side[is_ready])
                self.measuring += [self.executor.submit(self._measure_batch, *batch) for batch in batches]

    def _chip_side(self, found: objects.Objects) -> NDArray[np.int64]:
        longest = np.maximum(found.row_stop - found.row_start, found.col_stop - found.col_start)
        sides = np.array(CHIP_SIDES)
        chosen: NDArray[np.int64] = sides[np.searchsorted(sides, longest + 2 * self.margin_px)]
        return chosen

    def _batches(self, found: objects.Objects, side: NDArray[np.int64]) -> Iterator[tuple[objects.Objects, int]]:
        """Objects of one chip side, a stack at a time; their tiles' other bands are decoded on the way."""
        top, left = (found.row_start + found.row_stop - side) // 2, (found.col_start + found.col_stop - side) // 2
        self._load_other_bands(top, top + side, left, left + side)
        for one_side in np.unique(side):
            number = np.flatnonzero(side == one_side)
            size = max(1, CHIP_BATCH_PX // int(one_side) ** 2)
            for first in range(0, len(number), size):
                is_taken = np.zeros(len(found), bool)
                is_taken[number[first : first + size]] = True
                yield found.take(is_taken), int(one_side)

    def _load_other_bands(
        self, top: NDArray[np.int64], bottom: NDArray[np.int64], left: NDArray[np.int64], right: NDArray[np.int64]
    ) -> None:
        """Decode the remaining bands of the tiles that chips touch."""
        shape = (self.grid.height, self.grid.width)
        touched = tiles.tiles_touched(top, bottom, left, right, shape=shape, tile_px=self.tile_px)
        jobs = []
        for row, col in touched:
            missing = [role for role in self.roles if (role, row, col) not in self.loaded]
            if missing and row * self.tile_px < self.rows_read:
                self.loaded.update((role, row, col) for role in missing)
                jobs.append((row, col, missing))

        def load(job: tuple[int, int, list[str]]) -> None:
            row, col, missing = job
            rows = (row * self.tile_px, min((row + 1) * self.tile_px, self.grid.height))
            window = Window(*rows, col * self.tile_px, min((col + 1) * self.tile_px, self.grid.width))
            for part in self.rows.parts(window):
                self._read_into_rows(missing, part)

        for role in self.roles:
            self.rows.plane(role)
        list(self.executor.map(load, jobs))

    def _measure_batch(self, found: objects.Objects, side: int) -> ponds.Measured:
        chips = self._chips(found, side)
        gsd_m = self.grid.gsd_m
        scene = self.reader.scene
        noise = sensors.noise(scene.sensor, "nir", scene.calibrated)
        segments = measure.measure(
            chips,
            gsd_m=gsd_m,
            smoothing_m=SMOOTHING_M,
            ring_m=RING_M,
            noise=noise,
            nir_band=sensors.SENSORS[scene.sensor].nir_band,
        )
        blur_px = sensors.psf_sigma_m(scene.sensor, "green", gsd_m) / gsd_m
        return ponds.tabulate(segments, chips.roles, gsd_m=gsd_m, blur_px=blur_px)

    def _chips(self, found: objects.Objects, side: int) -> measure.Chips:
        """Cut the windows around objects out of the rows in memory."""
        top = (found.row_start + found.row_stop - side) // 2
        left = (found.col_start + found.col_stop - side) // 2
        row = top[:, None] + np.arange(side)
        row = np.where((row >= 0) & (row < self.grid.height), row, -1)[:, :, None]
        col = (left[:, None] + np.arange(side))[:, None, :]
        counts = np.stack([self.rows.gather(role, row, col, INVALID) for role in self.roles], axis=1)
        reflectance = counts * np.float32(REFLECTANCE_UNIT)
        reflectance[counts == INVALID] = np.nan
        is_object = np.zeros((len(found), side, side), bool)
        runs, length = found.runs, found.runs.stop - found.runs.start
        chip = np.repeat(found.label, length)
        step = np.arange(length.sum()) - np.repeat(length.cumsum() - length, length)
        is_object[chip, np.repeat(runs.row, length) - top[chip], np.repeat(runs.start, length) + step - left[chip]] = (
            True
        )
        return measure.Chips(
            roles=self.roles,
            reflectance=reflectance,
            is_object=is_object,
            is_candidate=self.rows.gather("candidate", row, col, 0) > 0,
            coverage=self.rows.gather("coverage", row, col, Coverage.OUTSIDE),
            row_start=top,
            col_start=left,
        )
