"""Where pixels are worth keeping: segments that may yet be believed, before the whole scene has been judged."""

from __future__ import annotations

from collections.abc import Sequence

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
    features = {
        name: np.full(len(row), np.nan)
        if name in _OF_THE_WHOLE_SCENE
        else np.concatenate([frame[name].to_numpy(float) for frame in frames])
        for name in model["terms"]
    }
    most = sum(max(0.0, *model["terms"][name]["values"]) for name in _OF_THE_WHOLE_SCENE & model["terms"].keys())
    best = score.confidence(
        score.log_odds(features, model) + most + _ROUNDING,
        assumed_ponds_per_km2=model["assumed_ponds_per_km2"],
        expected_ponds_per_km2=expected_ponds_per_km2,
    )
    return row[best >= least], col[best >= least]


_OF_THE_WHOLE_SCENE = frozenset(("n_neighbours", "chain_m", "chain_elongation"))
"""Features that are known only when every segment has been measured."""

_ROUNDING = 1e-9
"""Sums of floats in another order differ by less."""


def places(judged: pd.DataFrame, least: float) -> tuple[Floats, Floats]:
    """Rows and columns of the segments that are at least so confident."""
    chosen = judged[judged["confidence"] >= least]
    return chosen["row"].to_numpy(), chosen["col"].to_numpy()
