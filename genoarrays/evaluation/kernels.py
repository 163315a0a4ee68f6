"""What do labels and predictions add up to, looked at once?

Pieces that fit the caches are summed from a value near their means, and joined by the formula of
Chan, Golub and LeVeque [1]_, so that a large mean costs no digits.

References
----------
.. [1] Chan TF, Golub GH, LeVeque RJ (1983) Algorithms for computing the sample variance: analysis
   and recommendations. The American Statistician 37(3), 242-247.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["sum_pairs"]

_PIECE = 4096


@partial(compiled, reorder=True)
def _moments(truth: Any, guess: Any, y_shift: Any, p_shift: Any, out: Any) -> None:
    """Number of pairs, sums and sums of products from the shifts, and sum of absolute errors."""
    n, y, p, yy, pp, yp, ee, ye, away = 0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(truth.size):
        there = truth[k] == truth[k] and np.isfinite(guess[k])
        dy = np.float64(truth[k]) - y_shift if there else 0.0
        dp = np.float64(guess[k]) - p_shift if there else 0.0
        error = np.float64(guess[k]) - np.float64(truth[k]) if there else 0.0
        de = dp - dy
        n += there
        y += dy
        p += dp
        yy += dy * dy
        pp += dp * dp
        yp += dy * dp
        ee += de * de
        ye += dy * de
        away += abs(error)
    out[0], out[1], out[2], out[3], out[4] = n, y, p, yy, pp
    out[5], out[6], out[7], out[8] = yp, ee, ye, away


@compiled
def _join(fields: Any, n: Any, a: Any, b: Any, aa: Any, bb: Any, ab: Any) -> None:
    """Join number, means, squares and products of more pairs to those in `fields`."""
    before = fields[0]
    share = n / (before + n)
    far_a, far_b = a - fields[1], b - fields[2]
    if before == 0:
        far_a, far_b, fields[1], fields[2] = 0.0, 0.0, a, b
    fields[0] += n
    fields[1] += far_a * share
    fields[2] += far_b * share
    fields[3] += max(aa, 0.0) + far_a * far_a * before * share
    fields[4] += max(bb, 0.0) + far_b * far_b * before * share
    fields[5] += ab + far_a * far_b * before * share


@compiled
def _counts(truth: Any, guess: Any, threshold: Any, losses: Any, out: Any) -> None:
    """Add what is counted, and the losses of predictions as scikit-learn clips them."""
    tiny = 2.220446049250313e-16
    for k in range(truth.size):
        y, p = np.float64(truth[k]), np.float64(guess[k])
        if y != y:
            continue
        if not np.isfinite(p):
            out[1] += 1
            continue
        one, high = y > 0, p >= threshold
        out[0] += 1
        out[2] += one
        out[3] += one and high
        out[4] += high and not one
        out[5] += one and not high
        if losses:
            share = p if one else 1 - p
            out[7] -= np.log(min(max(share, tiny), 1 - tiny))
        if y not in (0.0, 1.0):
            out[8] = y
        out[9] = min(out[9], p)
        out[10] = max(out[10], p)


@compiled
def sum_pairs(truth: Any, guess: Any, threshold: Any, losses: Any, out: Any) -> None:
    """Write the fields `sums.SUMS` of labels and predictions (value, row) to `out` (row, field)."""
    moments = np.empty(9)
    for r in range(truth.shape[1]):
        found = out[r]
        found[:] = 0.0
        found[8], found[9], found[10] = np.nan, np.inf, -np.inf
        first, second = found[11:17], found[17:23]
        for start in range(0, truth.shape[0], _PIECE):
            y, p = truth[start : start + _PIECE, r], guess[start : start + _PIECE, r]
            y_shift, p_shift = first[1], first[2]
            if first[0] == 0:
                for k in range(y.size):
                    if y[k] == y[k] and np.isfinite(p[k]):
                        y_shift, p_shift = np.float64(y[k]), np.float64(p[k])
                        break
            _counts(y, p, threshold, losses, found)
            _moments(y, p, y_shift, p_shift, moments)
            n = moments[0]
            if n == 0:
                continue
            my, mp = moments[1] / n, moments[2] / n
            me = mp - my
            yy, pp = moments[3] - n * my * my, moments[4] - n * mp * mp
            ee = moments[6] - n * me * me
            _join(first, n, y_shift + my, p_shift + mp, yy, pp, moments[5] - n * my * mp)
            shift = p_shift - y_shift
            _join(second, n, y_shift + my, shift + me, yy, ee, moments[7] - n * my * me)
            found[6] += moments[8]
