"""Scenes of invented places with known truth, for developing, testing and trying."""

from pondscan.simulate.census import TRUTH_COLUMNS, truth
from pondscan.simulate.into import Implanted, simulate_into
from pondscan.simulate.place import Place, bare_place, make_place
from pondscan.simulate.render import Rendered, render
from pondscan.simulate.series import Series, overpass, simulate_series
from pondscan.simulate.write import write_geotiff, write_truth

__all__ = [
    "TRUTH_COLUMNS",
    "Implanted",
    "Place",
    "Rendered",
    "Series",
    "bare_place",
    "make_place",
    "overpass",
    "render",
    "simulate_into",
    "simulate_series",
    "truth",
    "write_geotiff",
    "write_truth",
]
