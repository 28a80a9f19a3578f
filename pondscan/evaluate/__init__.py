"""What was found, held against the truth.

>>> whole = pool([score(found_a, true_a, gsd_m=10.0), score(found_b, true_b, gsd_m=3.0)])  # doctest: +SKIP
>>> measures(whole).overall.f1.value  # doctest: +SKIP
"""

from pondscan.evaluate.limit import DetectionCurve, detection_curve
from pondscan.evaluate.match import Pairs, match
from pondscan.evaluate.measures import Measures, count_error, detection, measures, sites
from pondscan.evaluate.score import CALIBRATED_FROM, Score, pool, score

__all__ = [
    "CALIBRATED_FROM",
    "DetectionCurve",
    "Measures",
    "Pairs",
    "Score",
    "count_error",
    "detection",
    "detection_curve",
    "match",
    "measures",
    "pool",
    "score",
    "sites",
]
