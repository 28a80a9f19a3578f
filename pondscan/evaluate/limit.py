"""The smallest pond that is found: recall as a function of diameter."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from pondscan.evaluate.score import Score
from pondscan.evaluate.sizes import diameter

RIDGE = 0.01
"""Weight of the squared coefficients (of the standardised log diameter) against the log-likelihood."""


@dataclass(frozen=True, slots=True)
class DetectionCurve:
    """Probability that a pond is found: ``1 / (1 + exp(-(intercept + slope · ln(diameter))))``."""

    intercept: float
    slope: float
    smallest: float
    largest: float
    """Diameters of the ponds it was fitted to: beyond them it says nothing."""

    def diameter(self, probability: float) -> float | None:
        """Diameter found with this probability; None where no pond fitted to was so small or so large.

        >>> DetectionCurve(-4.0, 2.0, 1.0, 20.0).diameter(0.5)  # exp(4 / 2)
        7.38905609893065
        """
        if self.slope <= 0:
            return None
        found = math.exp((math.log(probability / (1 - probability)) - self.intercept) / self.slope)
        return found if self.smallest <= found <= self.largest else None


def detection_curve(score: Score, *, in_pixels: bool = False) -> DetectionCurve | None:
    """Fit the probability of being found to the diameters of the true ponds that count.

    Parameters
    ----------
    score
        Of scenes of one sensor, unless ``in_pixels``.
    in_pixels
        Diameters in pixels of each scene instead of metres.

    Returns
    -------
    DetectionCurve or None
        None where all ponds were found, or none: there is no limit to be seen.

    Notes
    -----
    Logistic regression on ln(diameter) by maximum likelihood; ``RIDGE`` keeps the slope of a clean step finite.
    """
    true = score.counted_true
    size = diameter(true, in_pixels=in_pixels)
    is_hit = (true["outcome"] == "hit").to_numpy(np.float64)[np.isfinite(size)]
    size = size[np.isfinite(size)]
    if not len(size) or is_hit.min() == is_hit.max():
        return None
    log_size = np.log(size)
    middle, spread = log_size.mean(), max(float(log_size.std()), 1e-9)
    z = (log_size - middle) / spread

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        logit = beta[0] + beta[1] * z
        residual = 1 / (1 + np.exp(-logit)) - is_hit
        value = np.logaddexp(0, logit).sum() - is_hit @ logit + RIDGE * (beta @ beta)
        return float(value), np.array([residual.sum(), residual @ z]) + 2 * RIDGE * beta

    beta = minimize(loss, np.zeros(2), jac=True, method="L-BFGS-B").x
    slope = float(beta[1] / spread)
    return DetectionCurve(float(beta[0] - slope * middle), slope, float(size.min()), float(size.max()))
