"""Scenes of invented places with known truth, for developing, testing and trying."""

from pondscan.simulate.census import TRUTH_COLUMNS, truth
from pondscan.simulate.place import Place, make_place
from pondscan.simulate.render import Rendered, render

__all__ = ["TRUTH_COLUMNS", "Place", "Rendered", "make_place", "render", "truth"]
