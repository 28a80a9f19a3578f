"""Dark-object subtraction: the little that can be said of the air in a top-of-atmosphere scene alone.

Chavez, P. S. (1988), An improved dark-object subtraction technique for atmospheric scattering correction of
multispectral data, Remote Sensing of Environment 24(3).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DARK_PERCENTILE = 0.1
_DARK_REFLECTANCE = 0.01
"""Few surfaces are perfectly black: the darkest is taken to reflect one per cent."""
_MAX_HAZE = {
    "coastal": 0.18,
    "blue": 0.14,
    "green": 0.09,
    "red": 0.06,
    "rededge": 0.05,
    "nir": 0.04,
    "nir08": 0.04,
    "swir16": 0.02,
    "swir22": 0.02,
}
"""Most that clear to hazy air adds (OWN): in a scene without a dark object no more is taken off."""


def haze_reflectance(reflectance: NDArray[np.floating], role: str) -> float:
    """Reflectance that the atmosphere adds to a band.

    Parameters
    ----------
    reflectance
        Valid top-of-atmosphere reflectances sampled over the scene, any shape.
    role
        Band role; bounds how much haze is believed.

    Returns
    -------
    float
        Not negative; 0 for an empty sample.
    """
    if reflectance.size == 0:
        return 0.0
    darkest = float(np.percentile(reflectance, _DARK_PERCENTILE))
    return min(max(0.0, darkest - _DARK_REFLECTANCE), _MAX_HAZE[role])
