"""Landsat 8 and 9 Collection 2 Level 2: surface reflectance, quality bits, MTL metadata; folder or tar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pondscan.model import Coverage, Grid
from pondscan.simulate.agency.delivery import iso_z, new_archive, new_product
from pondscan.simulate.agency.mgrs import utm_zone
from pondscan.simulate.agency.raster import write_geotiff
from pondscan.simulate.agency.stac import footprint
from pondscan.simulate.agency.surface import Surface, digital_numbers, earth_sun_distance_au

OLI_BANDS = {1: "coastal", 2: "blue", 3: "green", 4: "red", 5: "nir", 6: "swir16", 7: "swir22"}
"""Reflective bands of the Operational Land Imager; band 5 is the nir a surface must have."""

REFLECTANCE_MULT, REFLECTANCE_ADD = 2.75e-5, -0.2
SATURATED_DN = 65535

_FILL, _CIRRUS, _CLOUD, _SHADOW, _SNOW, _CLEAR, _WATER = (1 << bit for bit in (0, 2, 3, 4, 5, 6, 7))
_LOW, _HIGH = 0b01, 0b11
"""Confidences, two bits each: cloud from bit 8, shadow from 10, snow from 12, cirrus from 14."""


def _with_confidences(
    flags: int, *, cloud: int = _LOW, shadow: int = _LOW, snow: int = _LOW, cirrus: int = _LOW
) -> int:
    return flags | cloud << 8 | shadow << 10 | snow << 12 | cirrus << 14


QA_PIXEL_OF_COVERAGE = {
    Coverage.OUTSIDE: _FILL,
    Coverage.CLEAR: _with_confidences(_CLEAR),
    Coverage.SATURATED: _with_confidences(_CLEAR),  # said by QA_RADSAT
    Coverage.UNUSABLE: _with_confidences(_CLEAR),  # likewise
    Coverage.CLOUD: _with_confidences(_CLOUD, cloud=_HIGH),
    Coverage.CIRRUS: _with_confidences(_CIRRUS | _CLEAR, cirrus=_HIGH),
    Coverage.HAZE: _with_confidences(_CIRRUS | _CLEAR, cirrus=_HIGH),  # the bits know no haze
    # "clear" means neither cloud nor dilated cloud: shadow and snow keep it
    Coverage.SHADOW: _with_confidences(_SHADOW | _CLEAR, shadow=_HIGH),
    Coverage.SNOW: _with_confidences(_SNOW | _CLEAR, snow=_HIGH),
}
"""QA_PIXEL of land; clear water has bit 7 besides."""

RADSAT_ALL_BANDS = 0b111_1111
RADSAT_DROPPED = 1 << 9


class _Bare(str):
    """A metadata value without quotation marks in the ODL file: a number or a date."""

    __slots__ = ()


Groups = Mapping[str, Mapping[str, str]]


def write_landsat(
    surface: Surface,
    folder: Path,
    *,
    tar: bool = False,
    spacecraft: Literal[8, 9] = 8,
    path_row: tuple[int, int] = (132, 42),
    processed: datetime | None = None,
) -> Path:
    """Write a surface as Landsat Collection 2 Level 2 and return the folder, or the ``.tar``.

    Parameters
    ----------
    surface
        On a UTM grid whose pixels divide 30 m; it is averaged to 30 m.
    folder
        Where the product goes; made when missing.
    tar
        Pack the files as the archive delivers them.
    spacecraft, path_row, processed
        Parts of the name; ``processed`` is nine days after acquisition unless given.

    Raises
    ------
    InputError
        If the grid does not fit 30 m or is not UTM, or the product exists already.
    """
    coarse = surface.at_gsd(30, "Landsat")
    utm_zone(coarse.grid, "Landsat")
    made = processed or coarse.acquired_utc + timedelta(days=9)
    dates = f"{coarse.acquired_utc:%Y%m%d}_{made:%Y%m%d}"
    name = f"LC{spacecraft:02d}_L2SP_{path_row[0]:03d}{path_row[1]:03d}_{dates}_02_T1"
    bands = {number: role for number, role in OLI_BANDS.items() if role in coarse.reflectance}
    with _delivery(folder, name, made, is_tar=tar) as root:
        for number, role in bands.items():
            write_geotiff(root / f"{name}_SR_B{number}.TIF", oli_digital_numbers(coarse, role), coarse.grid, nodata=0)
        write_geotiff(root / f"{name}_QA_PIXEL.TIF", qa_pixel(coarse), coarse.grid, nodata=1)
        write_geotiff(root / f"{name}_QA_RADSAT.TIF", qa_radsat(coarse), coarse.grid)
        groups = _metadata(coarse, name, spacecraft, path_row, made, list(bands))
        text = json.dumps({"LANDSAT_METADATA_FILE": groups}, indent=2)
        (root / f"{name}_MTL.json").write_text(text + "\n", encoding="utf-8")
        (root / f"{name}_MTL.txt").write_text("\n".join(_odl(groups)) + "\n", encoding="utf-8")
    return folder / (f"{name}.tar" if tar else name)


def oli_digital_numbers(surface: Surface, role: str) -> NDArray[np.uint16]:
    """Return the numbers of a band: 0 outside, 65535 saturated."""
    numbers = digital_numbers(surface.reflectance[role], scale=REFLECTANCE_MULT, offset=REFLECTANCE_ADD)
    numbers = np.where(surface.coverage == Coverage.SATURATED, SATURATED_DN, np.clip(numbers, 1, SATURATED_DN - 1))
    return np.where(surface.is_inside, numbers, 0).astype(np.uint16)


def qa_pixel(surface: Surface) -> NDArray[np.uint16]:
    """Return the QA_PIXEL bits."""
    table = np.zeros(256, dtype=np.uint16)
    table[list(QA_PIXEL_OF_COVERAGE)] = list(QA_PIXEL_OF_COVERAGE.values())
    is_clear_water = (surface.coverage == Coverage.CLEAR) & (surface.reflectance["green"] > surface.reflectance["nir"])
    return table[surface.coverage] | np.where(is_clear_water, _WATER, 0).astype(np.uint16)


def qa_radsat(surface: Surface) -> NDArray[np.uint16]:
    """Return the QA_RADSAT bits: all seven bands where saturated, a dropped pixel where unusable."""
    return np.select(
        [surface.coverage == Coverage.SATURATED, surface.coverage == Coverage.UNUSABLE],
        [np.uint16(RADSAT_ALL_BANDS), np.uint16(RADSAT_DROPPED)],
        default=np.uint16(0),
    ).astype(np.uint16)


@contextmanager
def _delivery(folder: Path, name: str, when: datetime, *, is_tar: bool) -> Iterator[Path]:
    if is_tar:
        with new_archive(folder, f"{name}.tar", "", when) as root:
            yield root
    else:
        with new_product(folder, name) as root:
            yield root


def _metadata(
    surface: Surface, name: str, spacecraft: int, path_row: tuple[int, int], made: datetime, bands: list[int]
) -> Groups:
    per_band = {
        f"{key}_BAND_{number}": _Bare(value)
        for key, value in (
            ("QUANTIZE_CAL_MAX", "65535"),
            ("QUANTIZE_CAL_MIN", "1"),
            ("REFLECTANCE_MULT", f"{REFLECTANCE_MULT:g}"),
            ("REFLECTANCE_ADD", f"{REFLECTANCE_ADD:g}"),
        )
        for number in bands
    }
    return {
        "PRODUCT_CONTENTS": _contents(name, bands),
        "IMAGE_ATTRIBUTES": _image_attributes(surface, spacecraft, path_row),
        "PROJECTION_ATTRIBUTES": _projection(surface.grid),
        "LEVEL2_PROCESSING_RECORD": {
            "LANDSAT_PRODUCT_ID": name,
            "PROCESSING_LEVEL": "L2SP",
            "OUTPUT_FORMAT": "GEOTIFF",
            "DATE_PRODUCT_GENERATED": _Bare(iso_z(made, "seconds")),
            "ALGORITHM_SOURCE_SURFACE_REFLECTANCE": "LaSRC_1.5.0",
        },
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": per_band,
        # the level-1 record uses the same names for other numbers: 2e-5 and -0.1, which are not the ones to apply
        "LEVEL1_RADIOMETRIC_RESCALING": {
            f"REFLECTANCE_{key}_BAND_{number}": _Bare(value)
            for key, value in (("MULT", "2.0000E-05"), ("ADD", "-0.100000"))
            for number in bands
        },
    }


def _contents(name: str, bands: list[int]) -> dict[str, str]:
    return {
        "LANDSAT_PRODUCT_ID": name,
        "PROCESSING_LEVEL": "L2SP",
        "COLLECTION_NUMBER": _Bare("02"),
        "COLLECTION_CATEGORY": "T1",
        "OUTPUT_FORMAT": "GEOTIFF",
        **{f"FILE_NAME_BAND_{number}": f"{name}_SR_B{number}.TIF" for number in bands},
        "FILE_NAME_QUALITY_L1_PIXEL": f"{name}_QA_PIXEL.TIF",
        "FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION": f"{name}_QA_RADSAT.TIF",
        "FILE_NAME_METADATA_ODL": f"{name}_MTL.txt",
        **{f"DATA_TYPE_BAND_{number}": "UINT16" for number in bands},
        "DATA_TYPE_QUALITY_L1_PIXEL": "UINT16",
        "DATA_TYPE_QUALITY_L1_RADIOMETRIC_SATURATION": "UINT16",
    }


def _image_attributes(surface: Surface, spacecraft: int, path_row: tuple[int, int]) -> dict[str, str]:
    moment = surface.acquired_utc
    path, row = (str(number) for number in path_row)
    return {
        "SPACECRAFT_ID": f"LANDSAT_{spacecraft}",
        "SENSOR_ID": "OLI_TIRS",
        "WRS_TYPE": _Bare("2"),
        "WRS_PATH": _Bare(path),
        "WRS_ROW": _Bare(row),
        "NADIR_OFFNADIR": "NADIR",
        "DATE_ACQUIRED": _Bare(f"{moment:%Y-%m-%d}"),
        "SCENE_CENTER_TIME": f"{moment:%H:%M:%S}.{moment.microsecond:06d}0Z",
        "CLOUD_COVER": _Bare(f"{100 * float(np.mean(surface.coverage == Coverage.CLOUD)):.2f}"),
        "SUN_AZIMUTH": _Bare(f"{surface.sun_azimuth_deg:.8f}"),
        "SUN_ELEVATION": _Bare(f"{surface.sun_elevation_deg:.8f}"),
        "EARTH_SUN_DISTANCE": _Bare(f"{earth_sun_distance_au(moment):.7f}"),
    }


def _projection(grid: Grid) -> dict[str, str]:
    zone = utm_zone(grid, "Landsat")
    west, south, east, north = grid.bounds
    ring = footprint(grid)
    corners = {"UL": (ring[3], west, north), "UR": (ring[2], east, north)}
    corners |= {"LL": (ring[0], west, south), "LR": (ring[1], east, south)}
    half = grid.gsd_m / 2  # corners are those of pixel centres
    inwards = {"UL": (half, -half), "UR": (-half, -half), "LL": (half, half), "LR": (-half, half)}
    attributes: dict[str, str] = {
        "MAP_PROJECTION": "UTM",
        "DATUM": "WGS84",
        "ELLIPSOID": "WGS84",
        "UTM_ZONE": _Bare(str(zone.number)),
        "GRID_CELL_SIZE_REFLECTIVE": _Bare(f"{grid.gsd_m:.2f}"),
        "REFLECTIVE_LINES": _Bare(str(grid.height)),
        "REFLECTIVE_SAMPLES": _Bare(str(grid.width)),
        "ORIENTATION": "NORTH_UP",
    }
    for corner, ((longitude, latitude), x, y) in corners.items():
        dx, dy = inwards[corner]
        attributes[f"CORNER_{corner}_LAT_PRODUCT"] = _Bare(f"{latitude:.5f}")
        attributes[f"CORNER_{corner}_LON_PRODUCT"] = _Bare(f"{longitude:.5f}")
        attributes[f"CORNER_{corner}_PROJECTION_X_PRODUCT"] = _Bare(f"{x + dx:.3f}")
        attributes[f"CORNER_{corner}_PROJECTION_Y_PRODUCT"] = _Bare(f"{y + dy:.3f}")
    return attributes


def _odl(groups: Groups) -> Iterator[str]:
    """Lines of the metadata in the Object Description Language: groups of ``KEY = value``, strings quoted."""
    yield "GROUP = LANDSAT_METADATA_FILE"
    for group, values in groups.items():
        yield f"  GROUP = {group}"
        for key, value in values.items():
            yield f"    {key} = {value}" if isinstance(value, _Bare) else f'    {key} = "{value}"'
        yield f"  END_GROUP = {group}"
    yield "END_GROUP = LANDSAT_METADATA_FILE"
    yield "END"
