"""How many bases of each bin are covered?

Every block [start, end) adds its bases to the bins it touches. Two scatters and one cumulative sum
do it for any bin size: a start adds what is left of its own bin and all of each later one, an end
takes the same away. The cost is that of blocks + bins, never that of bases.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["add_bases", "bin_widths", "merge_blocks", "total_bases"]

Ints = npt.NDArray[np.int64]


def add_bases(partial: Ints, whole: Ints, bin_size: int, start: Ints, end: Ints, row: Any) -> None:
    """Scatter blocks into the two arrays that `total_bases` sums up.

    Parameters
    ----------
    partial, whole
        (rows, bins + 1) int64; changed in place.
    bin_size
        bp per bin.
    start, end
        Blocks, in bp from the start of the first bin; 0 <= start <= end <= bins * bin_size.
    row
        Row of each block, or one row for all.
    """
    for edge, sign in ((start, 1), (end, -1)):
        index = edge // bin_size
        np.add.at(partial, (row, index), sign * (bin_size - edge + index * bin_size))
        np.add.at(whole, (row, np.minimum(index + 1, whole.shape[1] - 1)), sign * bin_size)


def total_bases(partial: Ints, whole: Ints) -> Ints:
    """Bases per bin: (rows, bins)."""
    bases: Ints = (partial + np.cumsum(whole, axis=1))[:, :-1]
    return bases


def merge_blocks(start: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Union of blocks sorted by start, as blocks that do not touch.

    Examples
    --------
    >>> [a.tolist() for a in merge_blocks(np.array([0, 2, 9]), np.array([5, 4, 12]))]
    [[0, 9], [5, 12]]
    """
    if len(start) == 0:
        return start, end
    top = np.maximum.accumulate(end)
    heads = np.flatnonzero(np.concatenate([[True], start[1:] > top[:-1]]))
    tails = np.concatenate([heads[1:] - 1, [len(start) - 1]])
    return start[heads], top[tails]


def bin_widths(start: int, end: int, bin_size: int) -> Ints:
    """Bases of each bin of [start, end): the last one may be cut.

    Examples
    --------
    >>> bin_widths(0, 25, 10).tolist()
    [10, 10, 5]
    """
    bins = -(-(end - start) // bin_size)
    widths = np.full(bins, bin_size, dtype=np.int64)
    if bins:
        widths[-1] = end - start - (bins - 1) * bin_size
    return widths
