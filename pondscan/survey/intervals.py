"""Shares with their 95 % intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z_95 = 1.959963984540054
"""Quantile of the normal distribution that leaves 2.5 % above."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval; all three null where nothing was counted."""

    value: float | None
    lower: float | None
    upper: float | None


NOTHING_COUNTED = Share(None, None, None)


def wilson(n_hits: int, n: int) -> Share:
    """Share of hits with Wilson's score interval.

    Notes
    -----
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of the American
    Statistical Association 22(158), 1927, 209-212: the shares p whose own standard error puts the observed one within z
    of them. Unlike p ± z·s it stays within 0 and 1, and keeps its width where all or nothing was hit.

    Examples
    --------
    >>> [round(end, 4) for end in (wilson(8, 10).lower, wilson(8, 10).upper)]
    [0.4902, 0.9433]
    """
    if n == 0:
        return NOTHING_COUNTED
    share, z2 = n_hits / n, Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return Share(share, max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half)))


def f1(n_hits: int, n_found: int, n_true: int) -> Share:
    """F1 = 2·hits / (found + true), with the Wilson interval of the Jaccard index it is a function of.

    Notes
    -----
    J = hits / (hits + false + missed) is a plain share, and F1 = 2·J / (1 + J) grows with it, so the ends of its
    interval are those of J, transformed: the "Wilson indirect" interval of K. F. Y. Lam, V. Gopal and J. Qian,
    Confidence intervals for the F1 score: a comparison of four methods, 2023, arXiv:2309.14621.

    Examples
    --------
    >>> f1(6, 8, 10).value  # precision 0.75, recall 0.6
    0.6666666666666666
    """
    jaccard = wilson(n_hits, n_found + n_true - n_hits)
    if jaccard.value is None or jaccard.lower is None or jaccard.upper is None:
        return NOTHING_COUNTED
    value = 2 * n_hits / (n_found + n_true)
    return Share(value, *(2 * end / (1 + end) for end in (jaccard.lower, jaccard.upper)))
