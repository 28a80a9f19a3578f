"""Small scenes for the command line to work on, and the command line itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner, Result
from rasterio.transform import Affine

from pondscan.cli.entry import cli
from pondscan.simulate.series import simulate_series

Pondscan = Callable[..., Result]


@pytest.fixture(scope="session")
def pondscan() -> Pondscan:
    """The command line, in this process."""

    def call(*arguments: str | Path) -> Result:
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="pondscan")

    return call


@pytest.fixture(scope="session")
def invented(tmp_path_factory) -> Path:
    """Two scenes of an invented place with one site, at 3 m, and their truth; not to be changed."""
    from datetime import date

    folder = tmp_path_factory.mktemp("invented")
    simulate_series(
        folder,
        seed=3,
        sensors=["planetscope"],
        dates=[date(2022, 3, 12), date(2023, 2, 5)],
        width_m=1200.0,
        height_m=1200.0,
        n_sites=1,
    )
    return folder


@pytest.fixture
def bare_tif(tmp_path) -> Path:
    """A four-band GeoTIFF, 16-bit reflectance, that names neither bands nor date."""
    path = tmp_path / "bare.tif"
    values = np.full((4, 64, 64), 1200, np.uint16)
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 4, "dtype": "uint16", "crs": "EPSG:32647"}
    with rasterio.open(path, "w", **profile, transform=Affine(10, 0, 500_000, 0, -10, 2_800_000)) as file:
        file.write(values)
    return path
