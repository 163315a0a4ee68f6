"""Where could a region of some width be put?

What is free is a list of disjoint stretches; a region of width w has length - w + 1 places in each
that is long enough. Stretches are sorted from long to short, so that those which are long enough
come first and their places are counted with two sums: a place is drawn among all of them, exactly,
for a million regions of a million widths at once (a binary search each), and never tried in vain.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genoarrays.genome.clip import FAR, Ints
from genoarrays.genome.columns import Columns

__all__ = ["Places"]


class Places:
    """Places in free stretches.

    Parameters
    ----------
    free
        Disjoint stretches.
    by_contig
        Each contig is a pool of places, numbered by its code; else all are pool 0.
    """

    def __init__(self, free: Columns, by_contig: bool = False) -> None:
        length = free.end - free.start
        pool = free.code.astype(np.int64) if by_contig else np.zeros(free.size, dtype=np.int64)
        self._keys = pool * FAR - length
        order = np.argsort(self._keys, kind="stable")
        self._keys = self._keys[order]
        self.code, self.start, self.length = free.code[order], free.start[order], length[order]
        self._sums = np.concatenate([[0], np.cumsum(self.length)])

    def _eligible(self, width: Ints, pool: Ints) -> tuple[Ints, Ints]:
        """Of each pool the first stretch, and the one past the last that is long enough."""
        low = np.searchsorted(self._keys, (pool - 1) * FAR, side="right")
        high = np.searchsorted(self._keys, pool * FAR - width, side="right")
        return low, np.maximum(low, high)

    def count(self, width: npt.ArrayLike, pool: npt.ArrayLike) -> Ints:
        """How many places there are for each width (bp, at least 1) in a pool."""
        widths, pools = np.asarray(width, dtype=np.int64), np.asarray(pool, dtype=np.int64)
        low, high = self._eligible(widths, pools)
        return np.asarray(self._sums[high] - self._sums[low] - (high - low) * (widths - 1))

    def draw(
        self, rng: np.random.Generator, width: Ints, pool: Ints
    ) -> tuple[npt.NDArray[np.int32], Ints]:
        """Contig code and start of one place for each width and pool, which must have some."""
        low, high = self._eligible(width, pool)
        base = self._sums[low] - low * (width - 1)
        number = base + rng.integers(0, self.count(width, pool))
        # the last stretch that begins at this place or before: sums[k] - k * (width - 1) rises
        while (high - low > 1).any():
            middle = (low + high) // 2
            under = self._sums[middle] - middle * (width - 1) <= number
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return self.code[low], self.start[low] + number - (self._sums[low] - low * (width - 1))

    def every(self, width: int, pool: int) -> tuple[npt.NDArray[np.int32], Ints]:
        """Contig code and start of all places of one width in a pool."""
        low, high = (int(n[0]) for n in self._eligible(np.array([width]), np.array([pool])))
        number = self.length[low:high] - width + 1
        row = np.repeat(np.arange(low, high), number)
        within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
        return self.code[row], self.start[row] + within
