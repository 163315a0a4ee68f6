"""What do count, mean, variance, minimum and maximum of many values come to, in one pass?

A piece of values that fits the caches is looked at twice, memory is read once. Pieces and blocks
are joined by the formula of Chan, Golub and LeVeque [1]_, so that a large mean costs no digits.

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

__all__ = ["FIELDS", "moments"]

FIELDS = ("count", "mean", "squares", "min", "max")
"""What is known of values; squares: sum of squared distances from the mean."""

_PIECE = 8192


@partial(compiled, reorder=True)
def _sums(values: Any, shift: Any) -> Any:
    """Count, sum and sum of squares of what is no NaN, from `shift`."""
    count, total, squares = 0, 0.0, 0.0
    for k in range(values.size):
        there = values[k] == values[k]
        value = np.float64(values[k]) - shift if there else 0.0
        count += there
        total += value
        squares += value * value
    return count, total, squares


@partial(compiled, reorder=True)
def _extremes(values: Any) -> Any:
    """Smallest and largest of what is no NaN."""
    low, high = np.inf, -np.inf
    for k in range(values.size):
        low = values[k] if values[k] < low else low
        high = values[k] if values[k] > high else high
    return low, high


@compiled
def _shift(values: Any, mean: Any, count: Any) -> Any:
    """Where to measure from, near the values: sums of squares then keep their digits."""
    if count > 0 and np.isfinite(mean):
        return mean
    for k in range(values.size):
        if np.isfinite(values[k]):
            return np.float64(values[k])
    return 0.0


@compiled
def moments(rows: Any, out: Any) -> None:
    """Write the `FIELDS` of each row of (row, value) to `out[row]`; NaN are skipped."""
    for r in range(rows.shape[0]):
        count, mean, squares, low, high = 0.0, 0.0, 0.0, np.inf, -np.inf
        for first in range(0, rows.shape[1], _PIECE):
            piece = rows[r, first : first + _PIECE]
            shift = _shift(piece, mean, count)
            number, total, more = _sums(piece, shift)
            if number == 0:
                continue
            smallest, largest = _extremes(piece)
            low, high = min(low, smallest), max(high, largest)
            center = shift + total / number
            both = count + number
            if np.isfinite(mean) and np.isfinite(center):
                squares += more - total * total / number
                squares += (center - mean) ** 2 * count * number / both
                mean += (center - mean) * number / both
            else:
                squares, mean = np.nan, mean * (count / both) + center * (number / both)
            count = both
        out[r, 0], out[r, 1], out[r, 2], out[r, 3], out[r, 4] = count, mean, squares, low, high
