"""Into which bins do values fall?

These loops hold no GIL.
"""

from __future__ import annotations

from typing import Any

from genoarrays._compiled import compiled

__all__ = ["count_bins"]

_TILE = 2**14  # values of one row that are looked at before the next row


@compiled
def count_bins(values: Any, edges: Any, scale: Any, out: Any) -> None:
    """Count the values of each row in bins, by NumPy's rule: [low, high), the last one [low, high].

    Parameters
    ----------
    values
        (value, row) numbers.
    edges
        Rising, of the type in which values and edges are compared.
    scale
        Bins per unit, where all are as wide; else 0.
    out
        (row, bins + 3) int64, added to: below all bins, the bins, above them, NaN.
    """
    bins = len(edges) - 1
    lowest, highest = edges[0], edges[bins]
    for start in range(0, values.shape[0], _TILE):
        stop = min(start + _TILE, values.shape[0])
        for r in range(values.shape[1]):
            counts = out[r]
            for k in range(start, stop):
                value = values[k, r]
                if value != value:
                    counts[bins + 2] += 1
                elif value < lowest:
                    counts[0] += 1
                elif value > highest:
                    counts[bins + 1] += 1
                elif scale > 0:
                    # a guess, which the edges themselves correct
                    bin = min(int((value - lowest) * scale), bins - 1)
                    while bin > 0 and value < edges[bin]:
                        bin -= 1
                    while bin < bins - 1 and value >= edges[bin + 1]:
                        bin += 1
                    counts[bin + 1] += 1
                else:
                    low, high = 0, bins - 1
                    while low < high:
                        middle = (low + high + 1) // 2
                        if edges[middle] <= value:
                            low = middle
                        else:
                            high = middle - 1
                    counts[low + 1] += 1
