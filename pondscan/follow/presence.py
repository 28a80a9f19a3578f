"""Whether a pond is there, from all its looks together: a hidden Markov model of two states, there and not there.

Every look says how much likelier what it shows is with the pond than without; between looks a pond may come or go,
the likelier the longer they are apart. Forward–backward (Rabiner 1989) weighs all looks, the later ones too, so what is
said of a day is a pure function of the set of looks and may change when others are added. All ponds are taken at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHANGE_DAYS = 365.0
"""OWN: mean time between the changes of a pond (a year or more between pauses: domain notes A6). Between 200 and 700
the measures of benchmarks/series hardly move."""


def posterior(log_ratio: Floats, day: Floats) -> Floats:
    """Probability that each pond is there at each look, given all looks.

    Parameters
    ----------
    log_ratio : (n_ponds, n_looks)
        Log-likelihood of what the look shows with the pond there, less that without; 0 where it says nothing.
    day : (n_looks,)
        Time of each look in days, ascending; NaN where it is not known, and then nothing changes before it.

    Examples
    --------
    >>> posterior(np.array([[4.0, 0.0, 4.0]]), np.array([0.0, 30.0, 60.0])).round(2).tolist()
    [[0.98, 0.97, 0.98]]
    """
    n_ponds, n_looks = log_ratio.shape
    ratio = np.exp(np.clip(log_ratio, -50, 50))
    there = ratio / (1 + ratio)  # likelihoods, scaled to add up to one
    step = np.nan_to_num(np.diff(day), nan=0.0)
    changes = (1 - np.exp(-2 * np.maximum(step, 0) / CHANGE_DAYS)) / 2
    forward, backward = np.empty((n_ponds, n_looks)), np.full((n_ponds, n_looks), 0.5)
    before = np.full(n_ponds, 0.5)
    for look in range(n_looks):
        if look:
            before = _moved(forward[:, look - 1], changes[look - 1])
        forward[:, look] = _weighed(before, there[:, look])
    for look in range(n_looks - 2, -1, -1):
        backward[:, look] = _moved(_weighed(backward[:, look + 1], there[:, look + 1]), changes[look])
    return _weighed(forward, backward)


def _moved(there: Floats, change: float) -> Floats:
    """Let a pond come or go with probability ``change``."""
    return there * (1 - change) + (1 - there) * change


def _weighed(there: Floats, likelihood: Floats) -> Floats:
    """Bayes' rule for two states; of two certainties that contradict each other neither wins."""
    yes, no = there * likelihood, (1 - there) * (1 - likelihood)
    total = yes + no
    return np.where(total > 0, yes / np.where(total > 0, total, 1), 0.5)
