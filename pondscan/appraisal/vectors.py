"""Reading outlines from any vector file."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import pyogrio.errors
import shapely
from numpy.typing import NDArray

from pondscan.errors import InputError
from pondscan.evaluate.rows import counts_in_metres
from pondscan.follow.looks import NOWHERE_CRS

LONGEST_VALUE = 60
"""Characters of a wrong value that a sentence repeats."""

POND_LAYER = "ponds"
"""Layer that is read of a file with several."""


def read_vectors(path: Path, what: str) -> gpd.GeoDataFrame:
    """Read the features of a vector file, GeoParquet included; of several layers the one named ``POND_LAYER``.

    Parameters
    ----------
    path
        Any file that GDAL or geopandas reads.
    what
        What it should hold, for the sentence that refuses it.

    Raises
    ------
    InputError
        When it is not there, is no vector file, does not say its CRS, or has several layers and none of that name.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such file: give a vector file of {what}")
    try:
        frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path, layer=_layer(path))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException, ValueError) as error:
        if isinstance(error, InputError):
            raise
        message = f"{path}: this cannot be read as a vector file"
        raise InputError(f"{message}: give a GeoJSON, GeoPackage, GeoParquet or shapefile of {what}") from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError(f"{path}: there is no geometry in this file: give a vector file of {what}")
    if frame.crs is None:
        raise InputError(f"{path}: {what} without a CRS: save the file with one, or as GeoJSON in WGS84")
    return frame.reset_index(drop=True)


def in_metres(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Project to the UTM zone of the features, unless they are in metres already."""
    if counts_in_metres(frame.crs):
        return frame
    return frame.to_crs(NOWHERE_CRS if frame.empty else frame.estimate_utm_crs())


def with_outlines(frame: gpd.GeoDataFrame, outlines: NDArray[np.object_]) -> gpd.GeoDataFrame:
    """Give a frame other outlines in the same reference system."""
    return frame.assign(**{frame.geometry.name: gpd.GeoSeries(outlines, frame.index, crs=frame.crs)})


def with_valid_outlines(path: Path, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Mend outlines that cross themselves.

    Raises
    ------
    InputError
        Naming the first that has no area.
    """
    outlines = shapely.make_valid(frame.geometry.to_numpy(), method="structure", keep_collapsed=False)
    is_flat = ~(shapely.area(outlines) > 0)
    if is_flat.any():
        raise InputError(
            f"{path}: feature {int(is_flat.argmax()) + 1} is an outline without area: draw it or remove it"
        )
    return with_outlines(frame, outlines)


def refuse_shapeless(path: Path, frame: gpd.GeoDataFrame, types: tuple[str, ...], remedy: str) -> None:
    """Refuse features without geometry, or with one that is none of ``types``.

    Raises
    ------
    InputError
        Naming the first of them.
    """
    kinds = frame.geometry.geom_type.fillna("nothing").to_numpy(object)
    is_odd = ~np.isin(kinds, types) | shapely.is_empty(frame.geometry.to_numpy())
    if is_odd.any():
        first = int(is_odd.argmax())
        raise InputError(f"{path}: feature {first + 1} has an outline of type {kinds[first]}: {remedy}")


def read_csv_words(path: Path, remedy: str) -> pd.DataFrame:
    """Read a CSV with every cell as words.

    Raises
    ------
    InputError
        When it cannot be read; ``remedy`` says what to give.
    """
    try:
        return pd.read_csv(path, dtype="string", skipinitialspace=True)
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path}: this cannot be read as CSV: {remedy}") from error


def refuse_first(path: Path, is_wrong: pd.Series, name: str, values: pd.Series, why: str) -> None:
    """Refuse the first row that is wrong, naming it and its value, at most ``LONGEST_VALUE`` characters of it."""
    wrong = np.flatnonzero(is_wrong.to_numpy(bool))
    if len(wrong):
        value = values.iloc[wrong[0]]
        told = "empty" if pd.isna(value) else f"'{str(value)[:LONGEST_VALUE]}'"
        raise InputError(f"{path}: {name} of row {wrong[0] + 1} is {told}, which {why}")


def _layer(path: Path) -> str | None:
    """Layer to read: the only one, else that of the ponds."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if len(names) <= 1:
        return None
    if POND_LAYER not in names:
        message = f"{path}: this file has the layers {', '.join(names)}"
        raise InputError(f"{message}: save the one that is meant in a file of its own, or call it '{POND_LAYER}'")
    return POND_LAYER
