"""What do sums and extremes of the values in each coarse bin come to?

One loop over the values of a row, several at once where rows have no gaps. Results are added to
what is there, so that a bin may be cut anywhere.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from genoarrays._compiled import compiled

__all__ = ["add_extremes", "add_sums"]


@partial(compiled, reorder=True)
def _sum(values: Any, zero: Any) -> Any:
    """Count and sum of what is no NaN."""
    count, total = 0, zero
    for k in range(values.size):
        there = values[k] == values[k]
        count += there
        total += values[k] if there else zero
    return count, total


@partial(compiled, reorder=True)
def _largest(values: Any, best: Any) -> Any:
    """Count and largest of what is no NaN."""
    count = 0
    for k in range(values.size):
        count += values[k] == values[k]
        best = values[k] if values[k] > best else best
    return count, best


@partial(compiled, reorder=True)
def _smallest(values: Any, best: Any) -> Any:
    """Count and smallest of what is no NaN."""
    count = 0
    for k in range(values.size):
        count += values[k] == values[k]
        best = values[k] if values[k] < best else best
    return count, best


@compiled
def add_sums(
    rows: Any, start: Any, stop: Any, first: Any, share: Any, factor: Any, zero: Any, base: Any,
    total: Any, weight: Any,
) -> None:  # fmt: skip
    """Add values of (row, position) to `total`, and their number to `weight`: (row, coarse bin).

    Run r is the positions [start[r], stop[r]), and begins in bin first[r] of a contig. Its last
    value counts `share[r]`. Each run begins another coarse bin, of `factor` bins, from bin `base`.
    """
    bin_ = base
    for r in range(len(start)):
        low = start[r]
        high = low + factor - first[r] % factor
        while low < stop[r]:
            high = min(high, stop[r])
            cut = high == stop[r] and share[r] != 1
            for k in range(rows.shape[0]):
                count, more = _sum(rows[k, low : high - cut], zero)
                total[k, bin_] += more
                weight[k, bin_] += count
                if cut and rows[k, high - 1] == rows[k, high - 1]:
                    total[k, bin_] += share[r] * rows[k, high - 1]
                    weight[k, bin_] += share[r]
            low, high = high, high + factor
            bin_ += 1


@compiled
def add_extremes(
    rows: Any, start: Any, stop: Any, first: Any, factor: Any, largest: Any, base: Any, best: Any,
    weight: Any,
) -> None:  # fmt: skip
    """Join values of (row, position) to `best`, and add their number to `weight`, as `add_sums`."""
    bin_ = base
    for r in range(len(start)):
        low = start[r]
        high = low + factor - first[r] % factor
        while low < stop[r]:
            high = min(high, stop[r])
            for k in range(rows.shape[0]):
                if largest:
                    count, best[k, bin_] = _largest(rows[k, low:high], best[k, bin_])
                else:
                    count, best[k, bin_] = _smallest(rows[k, low:high], best[k, bin_])
                weight[k, bin_] += count
            low, high = high, high + factor
            bin_ += 1
