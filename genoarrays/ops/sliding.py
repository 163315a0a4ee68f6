"""What do sums, extremes and weighted means of a window come to that slides along a row?

Windows are cut at multiples of their width. What lies before a cut is known from there backwards,
what lies behind it from there onwards, and a window is joined of the two: three steps for each
value, whatever the width [1]_ [2]_. Nothing is ever taken away again from a sum, so that large
values cost no digits beside small ones, and an infinite one spoils no window but its own. Cuts are
counted from the start of a contig: results do not depend, to the last bit, on where chunks end.

References
----------
.. [1] van Herk M (1992) A fast algorithm for local minimum and maximum filters on rectangular and
   octagonal kernels. Pattern Recognition Letters 13(7), 517-521.
.. [2] Gil J, Werman M (1993) Computing 2-D min, median, and max filters. IEEE Transactions on
   Pattern Analysis and Machine Intelligence 15(5), 504-507.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["LARGEST", "SMALLEST", "SUM", "slide", "weigh"]

SUM, LARGEST, SMALLEST = 0, 1, 2


@compiled
def _join(kind: Any, one: Any, other: Any) -> Any:
    if kind == SUM:
        return one + other
    if kind == LARGEST:
        return one if one > other else other
    return one if one < other else other


@compiled
def slide(
    values: Any, weights: Any, start: Any, stop: Any, first: Any, skip: Any, left: Any, width: Any,
    kind: Any, nothing: Any, value: Any, weight: Any,
) -> None:  # fmt: skip
    """Join `width` values from `left` before each position on, and add up their weights.

    Values and weights are (row, position), results (row, position from `skip` on). Run r is the
    positions [start[r], stop[r]) and begins in bin first[r]. `nothing` changes no value when
    joined to it.
    """
    before, number = np.empty(width, values.dtype), np.empty(width, weights.dtype)
    for r in range(len(start)):
        begin, end = start[r], stop[r]
        last = min(end, skip + value.shape[1])
        for k in range(values.shape[0]):
            row, heavy = values[k], weights[k]
            at = max(begin, skip)
            head, count, behind = nothing, heavy[0] - heavy[0], begin
            while at < last and at - left < begin:  # the run begins within the window
                while behind < min(at - left + width, end):
                    head, count = _join(kind, head, row[behind]), count + heavy[behind]
                    behind += 1
                value[k, at - skip], weight[k, at - skip] = head, count
                at += 1
            while at < last:  # windows that begin before the same cut
                low = at - left
                cut = min(low + width - (first[r] + low - begin) % width, end)
                head, count = nothing, heavy[0] - heavy[0]
                for j in range(cut - 1, low - 1, -1):
                    head, count = _join(kind, row[j], head), count + heavy[j]
                    before[j - low], number[j - low] = head, count
                head, count, behind = nothing, heavy[0] - heavy[0], cut
                while at < min(last, cut + left):
                    while behind < min(at - left + width, end):
                        head, count = _join(kind, head, row[behind]), count + heavy[behind]
                        behind += 1
                    value[k, at - skip] = _join(kind, before[at - left - low], head)
                    weight[k, at - skip] = number[at - left - low] + count
                    at += 1


@partial(compiled, reorder=True)
def _dot(values: Any, taps: Any) -> Any:
    total = 0.0
    for t in range(taps.size):
        total += taps[t] * values[t]
    return total


@compiled
def weigh(
    values: Any, weights: Any, start: Any, stop: Any, skip: Any, taps: Any, value: Any, weight: Any
) -> None:
    """Sums of values, and of weights, around each position, where the middle of `taps` lies.

    Arrays and runs as in `slide`; `values` are 0 where `weights` are.
    """
    most = taps.size // 2
    full = _dot(np.ones(taps.size), taps)
    for r in range(len(start)):
        begin, end = start[r], stop[r]
        reach = min(most, end - begin - 1)
        near = taps[most - reach : most + reach + 1]
        row, heavy = np.zeros(end - begin + 2 * reach), np.zeros(end - begin + 2 * reach)
        first, last = max(begin, skip), min(end, skip + value.shape[1])
        for k in range(values.shape[0]):
            row[reach : end - begin + reach] = values[k, begin:end]
            heavy[reach : end - begin + reach] = weights[k, begin:end]
            odd = -1 if reach == most else heavy.size  # where the last weight is that is not 1
            seen = first - begin
            for at in range(first - begin, last - begin):
                around = at + 2 * reach + 1
                for j in range(seen, around):
                    odd = odd if heavy[j] == 1 else max(odd, j)
                seen = around
                place = at + begin - skip
                value[k, place] = _dot(row[at:around], near)
                weight[k, place] = full if odd < at else _dot(heavy[at:around], near)
