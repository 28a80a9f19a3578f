"""A folder of scenes of one place, by several sensors on several days, with their truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from pondscan.errors import ConfigError, WorkspaceError
from pondscan.simulate.census import truth
from pondscan.simulate.optics import optics
from pondscan.simulate.place import Place, make_place
from pondscan.simulate.render import Rendered, render
from pondscan.simulate.write import write_geotiff, write_truth

if TYPE_CHECKING:
    import geopandas

TRUTH_FILE = "truth.geojson"


@dataclass(frozen=True)
class Series:
    """What `simulate_series` wrote."""

    place: Place
    scenes: tuple[Path, ...]
    truth_path: Path
    truth: geopandas.GeoDataFrame
    """Rows of all scenes, in the place's reference system."""


def simulate_series(
    out_dir: Path,
    *,
    seed: int = 1,
    sensors: Sequence[str] = ("sentinel-2",),
    dates: Sequence[date] = (date(2022, 3, 12),),
    preset: str = "mixed",
    width_m: float = 5000.0,
    height_m: float = 5000.0,
    n_sites: int | None = None,
    cloud_fractions: Sequence[float] = (0.0,),
    product: str | None = None,
    on_scene: Callable[[Path], None] | None = None,
) -> Series:
    """Invent a place and write what each sensor sees of it on each day.

    Files are named ``SENSOR_YYYYMMDD.tif`` with ``SENSOR_YYYYMMDD.clear.tif`` beside them; ``truth.geojson`` holds a
    row per pond, sensor and day. Every sensor passes at its usual time of day.

    Parameters
    ----------
    out_dir : Path
        Made if missing; must not hold files of these names.
    seed : int
        Same arguments, same bytes.
    sensors : sequence of str
        Keys of `optics.OPTICS`.
    dates : sequence of date
    preset, width_m, height_m, n_sites
        As for `make_place`.
    cloud_fractions : sequence of float
        Share of cloud, one number for all scenes or one per date.
    product : str, optional
        Key of `agency.PRODUCTS`: scenes come in that agency's layout and under its names instead of as GeoTIFFs.
    on_scene : callable, optional
        Told of every scene that is done.

    Raises
    ------
    ConfigError
        For settings no scene can be made from.
    WorkspaceError
        When a file is in the way.
    """
    clouds = _per_date(dates, cloud_fractions)
    planned = [(sensor, day, cloud) for sensor in sensors for day, cloud in zip(dates, clouds, strict=True)]
    paths = [out_dir / f"{sensor}_{day:%Y%m%d}.tif" for sensor, day, _ in planned]
    for sensor in sensors:
        optics(sensor)
        _check_product(product, sensor)
    _refuse_collisions(out_dir, paths)
    place = make_place(seed, preset=preset, width_m=width_m, height_m=height_m, n_sites=n_sites)
    out_dir.mkdir(parents=True, exist_ok=True)
    tables, written = [], []
    for (sensor, day, cloud), path in zip(planned, paths, strict=True):
        when = overpass(sensor, day)
        scene = render(place, sensor, when, seed=seed, cloud_fraction=cloud)
        written.append(_write_scene(scene, path, product))
        tables.append(truth(place, when, scene))
        if on_scene is not None:
            on_scene(written[-1])
    table = _joined(tables)
    write_truth(table, out_dir / TRUTH_FILE)
    return Series(place, tuple(written), out_dir / TRUTH_FILE, table)


def overpass(sensor: str, day: date) -> datetime:
    """Return the time at which a sensor passes over the default place on a day, UTC."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return midnight + timedelta(minutes=round(60.0 * optics(sensor).pass_hour_utc))


def _check_product(product: str | None, sensor: str) -> None:
    if product is not None:
        from pondscan.simulate.agency import product_for

        product_for(product, sensor)


def _write_scene(scene: Rendered, path: Path, product: str | None) -> Path:
    if product is None:
        write_geotiff(scene, path)
        return path
    from pondscan.simulate.agency import write_product

    return write_product(product, scene, path.parent)


def _per_date(dates: Sequence[date], cloud_fractions: Sequence[float]) -> list[float]:
    if not dates:
        raise ConfigError("no date to simulate; give at least one, for instance 2022-03-12")
    if len(set(dates)) < len(dates):
        raise ConfigError("a date is given twice; each scene of a sensor needs a day of its own")
    if len(cloud_fractions) not in {1, len(dates)}:
        raise ConfigError(
            f"{len(cloud_fractions)} cloud fractions for {len(dates)} dates; give one for all, or one per date"
        )
    return list(cloud_fractions) * (len(dates) // len(cloud_fractions))


def _refuse_collisions(out_dir: Path, paths: Sequence[Path]) -> None:
    if len(set(paths)) < len(paths):
        raise ConfigError("a sensor is given twice; name each once")
    for path in (*paths, out_dir / TRUTH_FILE):
        if path.exists():
            raise WorkspaceError(f"{path} exists already; choose another folder or remove it")


def _joined(tables: list[geopandas.GeoDataFrame]) -> geopandas.GeoDataFrame:
    import geopandas
    import pandas

    joined: geopandas.GeoDataFrame = pandas.concat(tables, ignore_index=True)
    return geopandas.GeoDataFrame(
        joined.sort_values(["sensor", "date", "pond_id"], ignore_index=True), crs=tables[0].crs
    )
