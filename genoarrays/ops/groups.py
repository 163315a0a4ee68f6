"""Which bins of an axis does each bin of a coarser one hold, and what do they come to?

A coarse bin holds a run of neighbors, so that where each run starts says it all. It is computed for
the bins that are asked about: the 390 million bins of hg38 at 8 bp are never listed.

What a run comes to is kept as `Fields`, which are joined without loss: runs may be read in pieces,
and coarser runs are made of finer ones.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.genome.axis import GenomeAxis
from genoarrays.ops.runs import Runs, axis_runs

__all__ = ["Fields", "Groups"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Groups(NamedTuple):
    """Runs of fine bins that are one coarse bin each.

    Attributes
    ----------
    runs
        Of the fine axis, or some of them.
    factor
        Fine bins in a whole coarse one.
    heads
        Where the runs begin on the coarse axis, and where the last one ends.
    """

    runs: Runs
    factor: int
    heads: Ints

    @classmethod
    def of(cls, axis: GenomeAxis, factor: int) -> Groups:
        """Groups of all bins of an axis that has a coarser one."""
        runs = axis_runs(axis, "coarsen")
        return cls(runs, factor, np.concatenate([[0], np.cumsum(runs.bins(factor))]))

    def within(self, low: int, high: int) -> Groups:
        """The same for the coarse positions [low, high) only: little to send to a worker."""
        begin = int(np.searchsorted(self.heads, low, side="right")) - 1
        end = int(np.searchsorted(self.heads, high, side="left"))
        runs = Runs(*(getattr(self.runs, one.name)[begin:end] for one in fields(Runs)))
        return Groups(runs, self.factor, self.heads[begin : end + 1])

    def starts(self, low: int, high: int) -> Ints:
        """First fine position of each coarse position in [low, high)."""
        coarse = np.arange(low, high)
        run = np.searchsorted(self.heads, coarse, side="right") - 1
        first = self.runs.first[run]
        bins = (first // self.factor + coarse - self.heads[run]) * self.factor
        starts: Ints = self.runs.start[run] + np.maximum(bins - first, 0)
        return starts

    def span(self, low: int, high: int) -> tuple[int, int]:
        """Fine positions that the coarse positions [low, high) hold, high > low."""
        begin = int(self.starts(low, low + 1)[0])
        if high < self.heads[-1]:
            return begin, int(self.starts(high, high + 1)[0])
        return begin, int(self.runs.stop[-1])

    def covering(self, begin: int, end: int) -> tuple[int, int]:
        """Coarse positions that hold any of the fine positions [begin, end), end > begin."""
        fine = np.array([begin, end - 1])
        run = np.searchsorted(self.runs.start, fine, side="right") - 1
        first = self.runs.first[run]
        bins = (first + fine - self.runs.start[run]) // self.factor
        low, high = (bins - first // self.factor + self.heads[run]).tolist()
        return low, high + 1

    def cut(self, begin: int, end: int) -> tuple[int, int, Ints]:
        """Coarse positions that hold any of [begin, end), and where each starts there."""
        low, high = self.covering(begin, end)
        return low, high, np.maximum(self.starts(low, high), begin) - begin


class Fields(NamedTuple):
    """What groups of values come to: (row, group), to be joined with more of the same groups.

    Attributes
    ----------
    total, known
        Sum of the values that are no NaN, and how many they are; float64. A bin that is cut short
        counts as its share in both.
    high, low
        Largest and smallest value, of the values' type; NaN where all are NaN.
    """

    total: Floats
    known: Floats
    high: Array
    low: Array

    @classmethod
    def none(cls, rows: int, number: int, dtype: np.dtype[Any]) -> Fields:
        """Fields of no values."""
        floating = dtype.kind == "f"
        least = np.nan if floating else np.iinfo(dtype).min
        most = np.nan if floating else np.iinfo(dtype).max
        shape = (rows, number)
        return cls(
            np.zeros(shape), np.zeros(shape), np.full(shape, least, dtype),
            np.full(shape, most, dtype),
        )  # fmt: skip

    @classmethod
    def of(cls, values: Array, begin: int, groups: Groups) -> tuple[slice, Fields]:
        """Fields of values (row, position) that lie at `begin`, and the groups that they are of."""
        from genoarrays.ops.sums import sums

        end = begin + values.shape[1]
        low, high, starts = groups.cut(begin, end)
        shape = (len(values), high - low)
        found = cls(
            np.empty(shape), np.empty(shape), np.empty(shape, values.dtype),
            np.empty(shape, values.dtype),
        )  # fmt: skip
        sums(values, starts, *found)
        runs = groups.runs.within(begin, end)
        for run in np.flatnonzero(runs.share < 1):
            position, share = int(runs.stop[run]) - 1, float(runs.share[run])
            group = int(np.searchsorted(starts, position, side="right")) - 1
            whole = values[:, starts[group] : position].astype(np.float64)
            last = values[:, position].astype(np.float64)
            missing = np.isnan(last)
            found.total[:, group] = np.nansum(whole, axis=1) + np.where(missing, 0, share * last)
            found.known[:, group] -= (1 - share) * ~missing
        return slice(low, high), found

    def add(self, other: Fields, where: slice) -> None:
        """Join the fields of more values of the groups `where`."""
        self.total[:, where] += other.total
        self.known[:, where] += other.known
        np.fmax(self.high[:, where], other.high, out=self.high[:, where])
        np.fmin(self.low[:, where], other.low, out=self.low[:, where])

    def reduce(self, starts: Ints) -> Fields:
        """Fields of runs of groups."""
        return Fields(
            np.add.reduceat(self.total, starts, axis=1),
            np.add.reduceat(self.known, starts, axis=1),
            np.fmax.reduceat(self.high, starts, axis=1),
            np.fmin.reduceat(self.low, starts, axis=1),
        )

    @property
    def mean(self) -> Floats:
        """Mean of each group; NaN where no value is known."""
        out = np.full(self.total.shape, np.nan)
        mean: Floats = np.divide(self.total, self.known, out=out, where=self.known > 0)
        return mean
