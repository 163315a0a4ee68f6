"""What do the values in each pixel come to?

Values are reduced group by group where they lie together, then groups of one pixel are merged: a
slab of the genome may end within a pixel, and segments of a sparse axis may share one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Groups", "edges_of", "reduce_groups"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


class Groups(NamedTuple):
    """Least and largest value, sum and number of known values of groups, (line, group) each."""

    low: Floats
    high: Floats
    total: Floats
    known: Ints

    @classmethod
    def empty(cls, lines: int, groups: int) -> Groups:
        """Room for the results of so many groups."""
        low, high, total = (np.empty((lines, groups)) for _ in range(3))
        return cls(low, high, total, np.empty((lines, groups), dtype=np.int64))

    def put(self, some: slice, other: Groups) -> None:
        """Take over the results of some groups."""
        for mine, theirs in zip(self, other, strict=True):
            mine[:, some] = theirs

    def merge(self, pixel: Ints) -> tuple[Ints, Floats, Floats, Floats]:
        """Pixels that hold anything, rising, and least, mean and largest value of each.

        Parameters
        ----------
        pixel
            Number of the pixel of each group.
        """
        order = np.argsort(pixel, kind="stable")
        filled, first = np.unique(pixel[order], return_index=True)
        low = np.fmin.reduceat(self.low[:, order], first, axis=-1)
        high = np.fmax.reduceat(self.high[:, order], first, axis=-1)
        known = np.add.reduceat(self.known[:, order], first, axis=-1)
        total = np.add.reduceat(self.total[:, order], first, axis=-1)
        mean = np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)
        return filled, low, mean, high


def reduce_groups(low: Floats, values: Floats, high: Floats, heads: Ints) -> Groups:
    """Reduce neighbors in arrays (line, value) from each of the heads to the next.

    Parameters
    ----------
    low, values, high
        Of each bin its least, mean and largest value; or three times the same.
    heads
        Where groups begin, rising from 0.
    """
    there = ~np.isnan(values)
    return Groups(
        np.fmin.reduceat(low, heads, axis=-1),
        np.fmax.reduceat(high, heads, axis=-1),
        np.add.reduceat(
            np.where(there, values, values.dtype.type(0)), heads, axis=-1, dtype=np.float64
        ),
        # as uint8 and uint32, 20 times faster than adding booleans as int64
        np.add.reduceat(there.view(np.uint8), heads, axis=-1, dtype=np.uint32).astype(np.int64),
    )


def edges_of(start: int, end: int, pixels: int) -> Ints:
    """Edges of so many pixels over a region, in bp."""
    return np.linspace(start, end, pixels + 1).astype(np.int64)
