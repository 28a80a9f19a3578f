"""Parts that a product reader found → one ``Scene``: checks, grid, radiometry. The same for every product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pondscan.config import Settings
from pondscan.errors import InputError
from pondscan.model import BAND_ROLES, REQUIRED_ROLES, Band, Grid, Mask, Scene
from pondscan.scenes import georeference
from pondscan.scenes.calibrate import Calibrated, calibrate
from pondscan.scenes.identity import safe_id
from pondscan.scenes.parts import BandPart, MaskPart, Parts
from pondscan.scenes.raster import RasterInfo, probe, shown

_SITE_LEVEL_GSD_M = 20.0
_GML_GSD_M = 60.0
"""Grid the cloud polygons of older Sentinel-2 products were traced on."""


def assemble(parts: Parts, settings: Settings) -> Scene:
    """Open every file's header, settle grid and radiometry, and describe the scene.

    Raises
    ------
    InputError
        If a required band is missing, a file cannot be read, or the bands do not lie over each other.
    """
    require_roles((band.role for band in parts.bands), parts.source, found=_names(parts.bands))
    rasters: list[BandPart | MaskPart] = [*parts.bands, *(mask for mask in parts.masks if mask.is_raster)]
    infos = {path: probe(path) for path in dict.fromkeys(part.path for part in rasters)}
    for part in rasters:
        _check_band(part, infos[part.path])
    reference = _finest(infos[band.path] for band in parts.bands if band.role in {"green", "nir"})
    grid, is_warped = georeference.scene_grid(reference)
    for info in infos.values():
        _check_extent(info, grid)
    numbers = calibrate(parts, infos, settings.input)
    return Scene(
        scene_id=safe_id(parts.scene_id),
        sensor=parts.sensor,
        platform=parts.platform,
        product=parts.product,
        datetime=parts.datetime,
        grid=grid,
        bands=_bands(parts, infos, numbers, grid, is_warped=is_warped),
        masks=tuple(_mask(part, infos, grid, is_warped=is_warped) for part in parts.masks),
        calibrated=numbers.calibrated,
        source=parts.source,
        files=tuple(dict.fromkeys(parts.files)),
        sun_elevation_deg=parts.sun_elevation_deg,
        sun_azimuth_deg=parts.sun_azimuth_deg,
        processing=parts.processing,
        acquisition=parts.acquisition,
        warped=is_warped,
        warnings=(*parts.warnings, *numbers.warnings, *_cautions(reference, grid, is_warped=is_warped)),
    )


def require_roles(roles: Iterable[str], source: str, *, found: Sequence[str]) -> None:
    """Refuse a scene without the four bands nothing works without.

    Raises
    ------
    InputError
        Naming what is missing, what was found, and how to map it.
    """
    present = set(roles)
    missing = [role for role in REQUIRED_ROLES if role not in present]
    if missing:
        raise InputError(
            f"{shown(source)} has no {', '.join(missing)} band (found: {', '.join(found) or 'no named band'}): say "
            "which bands they are, in file order, with --bands blue,green,red,nir (- skips a band), or with "
            "input.band_files where each band is a file"
        )


def _names(bands: Iterable[BandPart]) -> list[str]:
    return [f"{band.name or band.index} = {band.role}" for band in bands]


def _finest(infos: Iterable[RasterInfo]) -> RasterInfo:
    return min(
        infos, key=lambda info: abs(info.transform[0] * info.transform[4] - info.transform[1] * info.transform[3])
    )


def _check_band(part: BandPart | MaskPart, info: RasterInfo) -> None:
    if not 1 <= part.index <= info.count:
        raise InputError(
            f"{shown(part.path)} has {info.count} bands, but {part.role} is expected in band {part.index}: "
            "the file is not the product its name says, fetch it again"
        )
    dtype = info.dtypes[part.index - 1]
    if dtype.startswith("complex") or (isinstance(part, MaskPart) and not dtype.startswith(("uint", "int"))):
        raise InputError(
            f"{shown(part.path)} holds {dtype} numbers, which cannot be {part.role}: give a file of reflectance or of "
            "mask classes"
        )


def _check_extent(info: RasterInfo, grid: Grid) -> None:
    if info.crs == grid.crs and not georeference.covers(info, grid):
        raise InputError(
            f"{shown(info.path)} ({info.width}×{info.height} px) does not cover the ground of the other bands "
            f"({grid.width}×{grid.height} px of {grid.gsd_m:g} m): all bands of a scene must show one place"
        )


def _bands(
    parts: Parts, infos: Mapping[str, RasterInfo], numbers: Calibrated, grid: Grid, *, is_warped: bool
) -> dict[str, Band]:
    return {
        part.role: Band(
            role=part.role,
            path=part.path,
            index=part.index,
            scale=numbers.scale[part.role],
            offset=numbers.offset[part.role],
            nodata=numbers.nodata[part.role],
            gsd_m=georeference.native_gsd_m(infos[part.path], grid, is_warped=is_warped),
            name=part.name,
        )
        for part in sorted(parts.bands, key=lambda part: BAND_ROLES.index(part.role))
    }


def _mask(part: MaskPart, infos: Mapping[str, RasterInfo], grid: Grid, *, is_warped: bool) -> Mask:
    if not part.is_raster:
        return Mask(part.role, part.path, part.index, _GML_GSD_M)
    gsd_m = georeference.native_gsd_m(infos[part.path], grid, is_warped=is_warped)
    return Mask(part.role, part.path, part.index, gsd_m)


def _cautions(reference: RasterInfo, grid: Grid, *, is_warped: bool) -> list[str]:
    cautions = []
    if is_warped:
        own = reference.crs if str(reference.crs).startswith("EPSG") else "the file's own CRS"
        cautions.append(
            f"pixels are resampled from {own} to {grid.crs} at {grid.gsd_m:g} m: the file's grid is not square, "
            "north-up and of equal area"
        )
    if grid.gsd_m >= _SITE_LEVEL_GSD_M:
        cautions.append(f"{grid.gsd_m:g} m pixels cannot separate single ponds: read the site figures, not the ponds")
    return cautions
