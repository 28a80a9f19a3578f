"""A scene, its coverage and its observations, made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pondscan.model import Band, Coverage, Grid, Mask, Scene, Window
from pondscan.store import InputFile, StoredScene, Workspace
from pondscan.tables import OBSERVATIONS

GRID = Grid("EPSG:32647", 600_000.0, 2_830_000.0, 10.0, 60, 40)
WHEN = datetime(2024, 2, 17, 4, 12, tzinfo=UTC)
PIXELS = InputFile("/somewhere/a.tif", 12, "ab" * 32)


def scene_named(scene_id: str = "a", **changes: object) -> Scene:
    bands = {
        role: Band(role, "/somewhere/a.tif", number, 1e-4, -0.1, 0.0, 10.0, f"B{number}")
        for number, role in enumerate(("blue", "green", "red", "nir"), start=1)
    }
    scene = Scene(
        scene_id=scene_id,
        sensor="sentinel-2",
        platform="Sentinel-2A",
        product="GeoTIFF",
        datetime=WHEN,
        grid=GRID,
        bands=bands,
        masks=(Mask("scl", "/somewhere/scl.tif", 1, 20.0),),
        calibrated="reflectance",
        source="/somewhere/a.tif",
        files=("/somewhere/a.tif",),
        warnings=("no cloud mask",),
    )
    return replace(scene, **changes)


def observations_of(scene_id: str, n: int) -> gpd.GeoDataFrame:
    """``n`` discs in a row, as a scan hands them over: in no particular order, plain types, no nulls missing."""
    plain = {"string": "", "integer": 1, "number": 0.5}
    x = GRID.x_origin + 100.0 + 40.0 * np.arange(n)
    y = np.full(n, GRID.y_origin - 200.0)
    columns = {column.name: [plain[column.kind]] * n for column in OBSERVATIONS}
    columns |= {"scene_id": [scene_id] * n, "object_id": list(range(n, 0, -1)), "x": x, "y": y}
    return gpd.GeoDataFrame(pd.DataFrame(columns), geometry=shapely.buffer(shapely.points(x, y), 8.0), crs=GRID.crs)


def codes_with_cloud() -> np.ndarray:
    """Clear, but for cloud on the western 20 columns and nothing at all on the southern 10 rows."""
    codes = np.full((GRID.height, GRID.width), Coverage.CLEAR, dtype=np.uint8)
    codes[:, :20] = Coverage.CLOUD
    codes[30:, :] = Coverage.OUTSIDE
    return codes


def tiles_of(codes: np.ndarray, side: int) -> list[tuple[Window, np.ndarray]]:
    height, width = codes.shape
    return [
        (Window(row, min(row + side, height), col, min(col + side, width)), codes[row : row + side, col : col + side])
        for row in range(0, height, side)
        for col in range(0, width, side)
    ]


def store(workspace: Workspace, scene: Scene, *, n: int = 2, scan_hash: str = "h1") -> StoredScene:
    """Put a scene into a workspace whose lock is held."""
    with workspace.new_scene(scene, (PIXELS,), scan_hash) as draft:
        for window, codes in tiles_of(codes_with_cloud(), 16):
            draft.write_coverage(window, codes)
        draft.write_quicklook(np.zeros((4, 6, 3), np.uint8))
        return draft.save(observations_of(scene.scene_id, n), {"candidates": n})


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
