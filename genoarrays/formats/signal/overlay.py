"""What value has a base that several windows cover?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["CENTER", "MAX", "MEAN", "lay_over"]

MEAN, MAX, CENTER = range(3)


@compiled
def lay_over(
    values: Any, column: int, runs: Any, begin: int, unit: int, how: int, best: Any, seen: Any,
    out: Any,
) -> None:  # fmt: skip
    """Put the bins of runs, which may overlap, into one row of equal units.

    Parameters
    ----------
    values
        (place, column) float32; NaN does not count. A unit with an infinite value is infinite.
    column
        The one to take, and the one of `out` to write.
    runs
        low, step, number of bins, place of the first value, and way, int64, in genome order.
    begin
        First base of the row.
    unit
        bp of a unit; bins begin and end at whole units from `begin`.
    how
        `MEAN`, `MAX`, or `CENTER`: of the run whose center is nearest, the first of several.
    best
        (units,) float64, to work in.
    seen
        (units,) int64, to work in.
    out
        (units, columns) float32; NaN where there is no value.
    """
    lows, steps, numbers, places, ways = runs
    units = len(best)
    seen[:] = 0
    best[:] = 0
    out[:, column] = np.nan
    for run in range(len(lows)):
        low, step, number = lows[run], steps[run], numbers[run]
        middle = 2 * low + number * step
        for k in range(number):
            start = low + k * step - begin
            first, last = max(start // unit, 0), min((start + step) // unit, units)
            if first >= last:
                continue
            value = values[places[run] + k * ways[run], column]
            if math.isnan(value):
                continue
            for at in range(first, last):
                if math.isinf(value) or seen[at] < 0:
                    seen[at] = -1
                    out[at, column] = np.inf
                elif how == MEAN:
                    best[at] += value
                    seen[at] += 1
                    out[at, column] = best[at] / seen[at]
                elif how == MAX:
                    if not seen[at] or value > out[at, column]:
                        out[at, column] = value
                    seen[at] = 1
                else:
                    away = abs(2 * begin + (2 * at + 1) * unit - middle)
                    if not seen[at] or away < best[at]:
                        best[at] = away
                        out[at, column] = value
                    seen[at] = 1
