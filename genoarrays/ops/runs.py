"""Of which runs of neighboring bins does a block of positions consist?

What slides or bins along the genome stops at the ends of runs: at those of contigs, and at gaps
where an axis holds regions only. A few numbers for each run are all that is kept of the axis.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.errors import RegionError
from genoarrays.genome.axis import GenomeAxis

__all__ = ["Runs", "axis_runs"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Runs:
    """Runs of neighboring bins.

    Attributes
    ----------
    start, stop
        Positions.
    code
        Of the contig.
    first
        Bin at `start`, counted from the start of its contig.
    share
        Part of a whole bin that the last one is: below 1 where a contig ends within it.
    """

    start: Ints
    stop: Ints
    code: Ints
    first: Ints
    share: Floats

    def __contains__(self, position: int) -> bool:
        """Whether a run begins at a position."""
        return int(np.searchsorted(self.start, position)) < int(
            np.searchsorted(self.start, position, side="right")
        )

    def bins(self, factor: int) -> Ints:
        """Number of bins that are `factor` times as large and hold bins of each run."""
        last = self.first + self.stop - self.start - 1
        return last // factor - self.first // factor + 1

    def bin_at(self, position: int, factor: int, bins: Ints) -> int:
        """Number of the coarse bin that holds a position, counted from the first run's first."""
        run = int(np.searchsorted(self.stop, position, side="right"))
        begun = int(self.first[run]) + position - int(self.start[run])
        return int(bins[:run].sum()) + begun // factor - int(self.first[run]) // factor

    def around(self, start: int, stop: int, before: int, after: int) -> tuple[int, int]:
        """Positions [start, stop) with a margin that ends where the first and last run do."""
        first = int(np.searchsorted(self.stop, start, side="right"))
        last = int(np.searchsorted(self.start, stop, side="left")) - 1
        low, high = int(self.start[first]), int(self.stop[last])
        return max(start - before, low), min(stop + after, high)

    def within(self, start: int, stop: int) -> Runs:
        """The runs of the positions [start, stop), which are counted from `start` then."""
        some = slice(
            int(np.searchsorted(self.stop, start, side="right")),
            int(np.searchsorted(self.start, stop, side="left")) if start < stop else 0,
        )
        low, high = np.maximum(self.start[some], start), np.minimum(self.stop[some], stop)
        whole = high < self.stop[some]
        return Runs(
            low - start,
            high - start,
            self.code[some],
            self.first[some] + low - self.start[some],
            np.where(whole, 1.0, self.share[some]),
        )

    def whole(self) -> Runs:
        """The same with every bin taken for a whole one."""
        return replace(self, share=np.ones_like(self.share))

    def __dask_tokenize__(self) -> Any:
        return type(self).__name__, self.start, self.stop, self.code, self.first, self.share


def axis_runs(axis: GenomeAxis, doing: str) -> Runs:
    """Runs of an axis.

    Raises
    ------
    RegionError
        When bins do not follow each other; `doing` ends the message.
    """
    if (axis.step != 1).any():
        raise RegionError(f"this axis is reversed or thinned out; {doing} before that")
    lengths = axis.assembly.lengths[axis.code]
    end = (axis.first + axis.count) * axis.bin_size
    share = 1 - np.maximum(end - lengths, 0) / axis.bin_size
    return Runs(axis.edges[:-1], axis.edges[1:], axis.code, axis.first, share)
