"""Which scale, offset and no-data value each band of a scene gets, and how far the numbers can then be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pondscan import sensors
from pondscan.config import InputSettings
from pondscan.errors import InputError
from pondscan.model import BAND_ROLES, Calibration
from pondscan.scenes.parts import BandPart, Parts
from pondscan.scenes.radiometry import Claim, Radiometry, settle
from pondscan.scenes.raster import RasterInfo, shown
from pondscan.scenes.sampling import percentile_of_samples

_HIGH_PERCENTILE = 99.5
_HIGH_REFLECTANCE = 0.6
"""Raw numbers of unknown scale are stretched so that the brightest band's high percentile lands here."""
_FLOAT_REFLECTANCE_MAX = 2.0
"""Floating-point bands whose high percentile stays below this hold reflectance as it is."""

_DN_WARNING = (
    "digital numbers of unknown scale: thresholds are relative to this scene and areas less certain; give input.scale "
    "(and input.offset) if reflectance can be had"
)


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Scale, offset and no-data value by role, with the calibration class."""

    scale: dict[str, float]
    offset: dict[str, float]
    nodata: dict[str, float | None]
    calibrated: Calibration
    warnings: tuple[str, ...]


def calibrate(parts: Parts, infos: Mapping[str, RasterInfo], settings: InputSettings) -> Calibrated:
    """Settle every band's numbers.

    Parameters
    ----------
    parts
        What the product reader found.
    infos
        Header of every band's file, by path.
    settings
        What the user says; it wins over every file.

    Raises
    ------
    InputError
        If a source claims a scale of zero, or a file of unknown scale cannot be sampled.
    """
    nodata = {part.role: _nodata(part, parts, infos[part.path], settings) for part in parts.bands}
    stated = {part.role: _stated(part, parts, infos[part.path], settings) for part in parts.bands}
    unknown = [part for part in parts.bands if stated[part.role].scale is None]
    fallback, is_dn = _unstated_scale(unknown, parts.bands, infos, nodata)
    scale = {role: fallback if claim.scale is None else claim.scale for role, claim in stated.items()}
    offset = {role: claim.offset or 0.0 for role, claim in stated.items()}
    return Calibrated(
        scale=scale,
        offset=offset,
        nodata=nodata,
        calibrated=settings.calibrated or ("dn" if is_dn else parts.calibrated or "reflectance"),
        warnings=(*_conflicts(stated), *_assumed(parts, stated), *((_DN_WARNING,) if is_dn else ())),
    )


def _assumed(parts: Parts, stated: Mapping[str, Radiometry]) -> list[str]:
    """A sensor's convention is believed without a word only where the product is known to follow it."""
    roles = [role for role in sorted(stated, key=BAND_ROLES.index) if stated[role].is_convention]
    if not roles or parts.calibrated is not None:
        return []
    sensor = sensors.SENSORS[parts.sensor]
    usual = f"scale {sensor.scale:g} and offset {sensor.offset:g}, usual for {sensor.title}, are assumed"
    stated_none = "the file states none (input.scale and input.offset override)"
    return [f"{', '.join(roles)}: {usual}; {stated_none}" + (f"; {sensor.caution}" if sensor.caution else "")]


def _stated(part: BandPart, parts: Parts, info: RasterInfo, settings: InputSettings) -> Radiometry:
    """Scale and offset by precedence: configuration, the product, GDAL's own, the sensor's convention."""
    i = part.index - 1
    claims = [Claim("input.scale/offset", settings.scale, settings.offset), *part.claims]
    if (info.scales[i], info.offsets[i]) != (1.0, 0.0):
        claims.append(Claim("GDAL scale/offset", info.scales[i], info.offsets[i]))
    stated = settle(claims)
    if stated.scale == 0:
        raise InputError(f"{shown(part.path)} states a scale of 0 for its {part.role} band: set input.scale")
    sensor = sensors.SENSORS[parts.sensor]
    is_usual_type = info.dtypes[i] in {"uint16", "int16"}
    if stated.scale is None and parts.has_sensor_scale and sensor.scale is not None and is_usual_type:
        offset = sensor.offset if stated.offset is None else stated.offset
        return Radiometry(sensor.scale, offset, stated.conflicts, is_convention=stated.offset is None)
    return stated


def _nodata(part: BandPart, parts: Parts, info: RasterInfo, settings: InputSettings) -> float | None:
    for value in (settings.nodata, part.nodata, info.nodata[part.index - 1]):
        if value is not None:
            return value
    is_usual_type = info.dtypes[part.index - 1] in {"uint16", "int16"}
    return sensors.SENSORS[parts.sensor].nodata if is_usual_type and not info.has_own_mask else None


def _unstated_scale(
    unknown: Sequence[BandPart],
    bands: Sequence[BandPart],
    infos: Mapping[str, RasterInfo],
    nodata: Mapping[str, float | None],
) -> tuple[float, bool]:
    """One scale for all bands of which nobody states one (ratios between bands stay), and whether they are raw DN."""
    dtypes = {infos[part.path].dtypes[part.index - 1] for part in unknown}
    if not unknown:
        return 1.0, False
    if dtypes == {"uint8"}:
        return 1 / 255, True
    high = max(percentile_of_samples(infos[p.path], p.index, nodata[p.role], _HIGH_PERCENTILE) for p in bands)
    if all(dtype.startswith("float") for dtype in dtypes) and high <= _FLOAT_REFLECTANCE_MAX:
        return 1.0, False
    return (_HIGH_REFLECTANCE / high if high > 0 else 1.0), True


def _conflicts(stated: Mapping[str, Radiometry]) -> list[str]:
    """One sentence for each contradiction, naming the bands it concerns."""
    roles: dict[str, list[str]] = {}
    for role in sorted(stated, key=BAND_ROLES.index):
        for sentence in stated[role].conflicts:
            roles.setdefault(sentence, []).append(role)
    return [f"{', '.join(of)}: {sentence}" for sentence, of in roles.items()]
