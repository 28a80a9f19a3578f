"""Where pixels are worth keeping: segments that may yet be believed, before the whole scene has been judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pondscan.detect import score
from pondscan.model import Scene

Floats = NDArray[np.float64]


def hopeful(
    frames: Sequence[pd.DataFrame], scene: Scene, target: str, expected_ponds_per_km2: float | None, least: float
) -> tuple[Floats, Floats]:
    """Rows and columns of the segments that may yet be judged ``least`` confident, whatever lies around them.

    What only the whole scene tells is given its most favourable value; the model is a sum, so this is a strict bound.
    """
    name = score.model_name(target=target, gsd_m=scene.gsd_m, has_swir=scene.has_swir, calibrated=scene.calibrated)
    model = score.models()["models"][name]
    row, col = (np.concatenate([frame[name].to_numpy() for frame in frames]) for name in ("row", "col"))
    best = score.confidence(
        _most(frames, model) + _ROUNDING,
        assumed_ponds_per_km2=model["assumed_ponds_per_km2"],
        expected_ponds_per_km2=expected_ponds_per_km2,
    )
    return row[best >= least], col[best >= least]


def _most(frames: Sequence[pd.DataFrame], model: Mapping[str, Any]) -> Floats:
    """Greatest log-odds that segments may reach; what the first step of two may reach, the second takes for known."""
    unknown = _OF_THE_WHOLE_SCENE & model["terms"].keys()
    n_segments = sum(len(frame) for frame in frames)
    features = {name: np.full(n_segments, np.nan) for name in unknown}
    for name in model["terms"].keys() - unknown:
        features[name] = (
            _most(frames, model["first"])
            if name == "alone"
            else np.concatenate([frame[name].to_numpy(float) for frame in frames])
        )
    most = float(sum(max(0.0, *model["terms"][name]["values"]) for name in unknown))
    return score.log_odds(features, model) + most


_OF_THE_WHOLE_SCENE = frozenset(("n_neighbours", "chain_m", "chain_elongation", "company"))
"""Features that are known only when every segment has been measured."""

_ROUNDING = 1e-9
"""Sums of floats in another order differ by less."""


def places(judged: pd.DataFrame, least: float) -> tuple[Floats, Floats]:
    """Rows and columns of the segments that are at least so confident."""
    chosen = judged[judged["confidence"] >= least]
    return chosen["row"].to_numpy(), chosen["col"].to_numpy()
