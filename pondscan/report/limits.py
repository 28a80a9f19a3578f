"""Which ponds a sensor can see: modelled limits, stated wherever the report counts ponds.

Modelled for a disc of turquoise liquid on bare ground, through the sensor's point spread (for example, a 10 m pond
fills 31 % of the best Sentinel-2 pixel): guidance on what a count leaves out, not a measurement on these scenes.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from pondscan.report import words
from pondscan.sensors import SENSORS


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """Diameters at which ponds begin to be seen, metres."""

    often_missed_below_m: float
    reliable_from_m: float
    tells_ponds_apart: bool = True
    """False where neighbours blur together and only the water of a site can be told."""


_BY_SENSOR = {
    "sentinel-2": SizeLimit(12.0, 15.0),
    "planetscope": SizeLimit(6.0, 8.0),
    "skysat": SizeLimit(2.0, 4.0),
    "landsat": SizeLimit(40.0, 60.0, tells_ponds_apart=False),
    "hls": SizeLimit(40.0, 60.0, tells_ponds_apart=False),
}


def size_limit(sensor: str, gsd_m: float) -> SizeLimit:
    """Limit of a sensor; on a grid coarser than its own, and for sensors not modelled, 1.5 and 2.5 pixels across."""
    known = _BY_SENSOR.get(sensor)
    if known is not None and gsd_m < 1.5 * SENSORS[sensor].gsd_m["green"]:
        return known
    return SizeLimit(1.5 * gsd_m, 2.5 * gsd_m, tells_ponds_apart=gsd_m < 20)


def scene_limits(scenes: pd.DataFrame) -> list[tuple[str, float, SizeLimit]]:
    """(sensor, gsd_m, limit) of every sensor and pixel size among the scenes, finest first."""
    pairs = {(str(row["sensor"]), float(row["gsd_m"])) for row in scenes.to_dict("records")}
    return sorted(
        ((sensor, gsd_m, size_limit(sensor, gsd_m)) for sensor, gsd_m in pairs),
        key=lambda item: (item[2].often_missed_below_m, item[0], item[1]),
    )


def limit_sentence(sensor: str, gsd_m: float, limit: SizeLimit) -> str:
    """What can and cannot be seen, in words."""
    name = words.sensor(sensor)
    who = f"{name[0].upper()}{name[1:]} at {gsd_m:.3g} m"
    if not limit.tells_ponds_apart:
        return (
            f"{who}: single ponds under about {limit.often_missed_below_m:.0f} m across are not resolved and "
            "neighbours blur together; read it as the water of a site, not as a count of ponds."
        )
    return (
        f"{who}: ponds under about {words.metres(limit.often_missed_below_m)} m across are often missed; "
        f"from about {words.metres(limit.reliable_from_m)} m an open pond is usually seen."
    )
