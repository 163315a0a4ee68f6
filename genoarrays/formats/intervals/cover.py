"""Which bins do sorted intervals cover, and with what value?

The source of `open_intervals`. It keeps sorted int32 columns, 80 kB for 10,000 peaks (and as much
again where one interval lies within another), which travel with the graph: workers do not parse.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.formats.bins import add_bases, bin_widths, merge_blocks, total_bases
from genoarrays.formats.files import Stamp
from genoarrays.formats.text.spans import Rows

__all__ = ["IntervalSource", "Keep", "interval_source"]

Ints = npt.NDArray[np.int64]


class Keep(NamedTuple):
    """Options of `open_intervals` that decide the values."""

    mode: str
    bin_size: int
    min_overlap: float | None
    fill: float
    out_of_bounds: str


@dataclass(frozen=True, eq=False)
class IntervalSource:
    """Intervals of one file, sorted by contig (of the assembly) and start.

    `reach` is the farthest end up to each interval of a contig; `values` are those of the mode, or
    codes of categories; `categories` is their number, or 0 in other modes.
    """

    stamp: Stamp
    token: tuple[Any, ...]
    keep: Keep
    contigs: dict[str, slice]
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]
    reach: npt.NDArray[Any]
    values: npt.NDArray[Any] | None
    categories: int = 0

    kind = "intervals"

    @property
    def shape(self) -> tuple[int, ...]:
        """Categories, if any."""
        return (self.categories,) if self.keep.mode == "category" else ()

    @property
    def fill(self) -> float:
        """Background."""
        return self.keep.fill

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 where 1 and the background fit, else float32."""
        marks = self.keep.mode in ("presence", "summit", "category")
        return np.dtype(np.uint8 if marks and self.keep.fill in range(256) else np.float32)

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[Any]:
        """Labels of the bins of [start, end)."""
        bins = -(-(end - start) // self.keep.bin_size)
        out = np.full((bins, *self.shape), self.keep.fill, dtype=self.dtype)
        rows = self.contigs.get(contig)
        if rows is None:
            return out
        starts, ends = self.starts[rows], self.ends[rows]
        upto = int(np.searchsorted(starts, end, side="left"))
        first = int(np.searchsorted(self.reach[rows][:upto], start, side="right"))
        near = first + np.flatnonzero(ends[first:upto] > start)
        if near.size == 0:
            return out
        begin = np.maximum(starts[near].astype(np.int64), start) - start
        stop = np.minimum(ends[near].astype(np.int64), end) - start
        values = None if self.values is None else self.values[rows][near]
        if values is None or self.keep.mode != "category":
            self._label(out, begin, stop, values, end - start)
        else:
            for code in np.unique(values).tolist():
                some = values == code
                self._label(out[:, code], begin[some], stop[some], None, end - start)
        return out

    def _label(
        self, out: npt.NDArray[Any], begin: Ints, stop: Ints, values: Any, length: int
    ) -> None:
        """Set the bins that the intervals [begin, stop) of some bases cover."""
        mode, bin_size, min_overlap, fill, _ = self.keep
        low, high = begin // bin_size, (stop - 1) // bin_size + 1
        if values is None:
            _paint(out, *merge_blocks(low, high), None)
        else:
            # painted from the smallest value up, so that the largest stays on top
            order = np.argsort(values, kind="stable")
            _paint(out, low[order], high[order], values[order])
        # at 1 bp a bin is covered or not: no share is needed
        if bin_size == 1 or (mode != "fraction" and min_overlap is None):
            return
        share = _covered(begin, stop, bin_size, len(out)) / bin_widths(0, length, bin_size)
        if mode == "fraction":
            out[share > 0] = share[share > 0]
        elif min_overlap is not None:
            out[share < min_overlap - 1e-9] = fill


def _paint(out: npt.NDArray[Any], low: Ints, high: Ints, values: Any) -> None:
    """Set out[low:high] to a value each (None is 1), later ones on top of earlier ones."""
    count = high - low
    total = int(count.sum())
    if total > 48 * len(count):  # long runs: slices cost 0.6 us each, places 10 ns a bin
        steps = [1] * len(count) if values is None else values
        for a, b, value in zip(low.tolist(), high.tolist(), steps, strict=True):
            out[a:b] = value
        return
    at = np.repeat(low - np.cumsum(count) + count, count) + np.arange(total)
    out[at] = 1 if values is None else np.repeat(values, count)


def _covered(begin: Ints, stop: Ints, bin_size: int, bins: int) -> Ints:
    """Bases per bin under the union of blocks sorted by start."""
    partial, whole = np.zeros((2, 1, bins + 1), dtype=np.int64)
    add_bases(partial, whole, bin_size, *merge_blocks(begin, stop), 0)
    bases: Ints = total_bases(partial, whole)[0]
    return bases


def interval_source(
    stamp: Stamp,
    token: tuple[Any, ...],
    keep: Keep,
    rows: Rows,
    values: npt.NDArray[Any] | None,
    categories: int = 0,
) -> IntervalSource:
    """Source of rows that lie on the assembly, with a value each or none."""
    key = rows.code.astype(np.int64) * 2**40 + rows.start
    covers = rows.end > rows.start
    if (key[1:] < key[:-1]).any() or not covers.all():
        order = np.flatnonzero(covers)
        order = order[np.argsort(key[order], kind="stable")]
        rows = rows._replace(code=rows.code[order], start=rows.start[order], end=rows.end[order])
        values = None if values is None else values[order]
    edges = np.flatnonzero(np.diff(rows.code, prepend=-1, append=-1)).tolist()
    small = np.int32 if rows.end.max(initial=0) < 2**31 else np.int64
    starts, ends = rows.start.astype(small), rows.end.astype(small)
    contigs, reach = {}, np.empty_like(ends)
    for low, high in pairwise(edges):
        contigs[rows.names[rows.code[low]]] = slice(low, high)
        np.maximum.accumulate(ends[low:high], out=reach[low:high])
    reach = ends if np.array_equal(reach, ends) else reach
    return IntervalSource(stamp, token, keep, contigs, starts, ends, reach, values, categories)
