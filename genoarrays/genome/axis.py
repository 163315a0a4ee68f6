"""Where is base pair `position` of `contig` on the array axis, and back?

An axis is segments of contigs laid end to end. Only the segments are kept (four small arrays),
never the labels: hg38 has 3.1e9 of them, 25 GB. Both directions are a binary search over the
segments. A whole genome and a few regions of it are the same thing with other segments.

Position i of segment s is bin `first[s] + i * step[s]` of contig `code[s]`; bin b covers the bases
[b * bin_size, (b + 1) * bin_size), cut at the end of the contig.

Not here: files, chunks, xarray. See `index.py` for the xarray indexes built on this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.assembly import Assembly, check_same_assembly
from genoarrays.genome.segments import (
    contig_names,
    cut_runs,
    join_runs,
    merge_runs,
    runs_of,
    spread,
)
from genoarrays.options import check_bytes

__all__ = ["GenomeAxis", "Piece"]

Ints = npt.NDArray[np.int64]
_FAR = np.int64(2) ** 40  # more bins than any contig has; contig code * _FAR + bin sorts the genome


class Piece(NamedTuple):
    """A run of one segment: `count` bins of a contig that lie at `offset` on the axis."""

    offset: int
    contig: str
    first: int
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here
    step: int


class GenomeAxis:
    """Segments of contigs laid end to end.

    Parameters
    ----------
    assembly
        The genome.
    bin_size
        bp per position.
    code, first, count, step
        Per segment: contig code, first bin, number of bins, distance between bins; all together
        None for the whole genome.

    Raises
    ------
    GenomeError
        For a bin size below 1.

    Examples
    --------
    >>> axis = GenomeAxis(Assembly("toy", {"chr1": 5, "chr2": 3}), bin_size=2)
    >>> axis
    GenomeAxis(5 bins of 2 bp, whole assembly 'toy')
    >>> [(str(contig), int(start)) for contig, start in zip(*axis.labels(), strict=True)]
    [('chr1', 0), ('chr1', 2), ('chr1', 4), ('chr2', 0), ('chr2', 2)]
    """

    def __init__(
        self,
        assembly: Assembly,
        bin_size: int = 1,
        *,
        code: npt.ArrayLike | None = None,
        first: npt.ArrayLike | None = None,
        count: npt.ArrayLike | None = None,
        step: npt.ArrayLike | None = None,
    ) -> None:
        if int(bin_size) != bin_size or bin_size < 1:
            raise GenomeError(f"bin_size is {bin_size!r}; give a whole number of bp, at least 1")
        self.assembly = assembly
        self.bin_size = int(bin_size)
        if code is None or first is None or count is None or step is None:
            code, count = np.arange(len(assembly)), -(-assembly.lengths // self.bin_size)
            first, step = np.zeros_like(count), np.ones_like(count)
        self.code, self.first, self.count, self.step = merge_runs(
            *(np.array(a, dtype=np.int64).reshape(-1) for a in (code, first, count, step))
        )
        self.edges: Ints = np.concatenate([[0], np.cumsum(self.count)])

    @property
    def size(self) -> int:
        """Number of positions."""
        return int(self.edges[-1])

    @cached_property
    def is_whole(self) -> bool:
        """Whether this is every bin of every contig, in order."""
        whole = -(-self.assembly.lengths // self.bin_size)
        return (
            np.array_equal(self.code, np.arange(len(self.assembly)))
            and np.array_equal(self.count, whole)
            and not self.first.any()
            and bool((self.step == 1).all())
        )

    @property
    def contigs(self) -> list[str]:
        """Names of the contigs that have a position here, in order of appearance."""
        return [self.assembly.names[code] for code in dict.fromkeys(self.code.tolist())]

    # ---- position on the axis -> label

    def at(self, positions: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Contig code and bin of positions on the axis (any shape, 0 <= position < size)."""
        position = np.asarray(positions, dtype=np.int64)
        segment = np.searchsorted(self.edges, position, side="right") - 1
        bins = self.first[segment] + (position - self.edges[segment]) * self.step[segment]
        return self.code[segment], bins

    def labels(self) -> tuple[npt.NDArray[np.generic], Ints]:
        """Contig name and first base of every position; refused above the byte limit."""
        check_bytes(self.size * 24, "the labels of this axis", "select a region first")
        code, bins = self.at(np.arange(self.size))
        return contig_names(self.assembly)[code], bins * self.bin_size

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[Piece]:
        """Runs of bins that make up the positions [start, stop)."""
        stop = self.size if stop is None else min(stop, self.size)
        segment = int(np.searchsorted(self.edges, start, side="right")) - 1
        while start < stop:
            skip = start - int(self.edges[segment])
            count = min(int(self.edges[segment + 1]), stop) - start
            if count:
                step = int(self.step[segment])
                contig = self.assembly.names[self.code[segment]]
                yield Piece(start, contig, int(self.first[segment]) + skip * step, count, step)
            start += count
            segment += 1

    # ---- label -> position on the axis

    @cached_property
    def _sorted(self) -> tuple[Ints, Ints, Ints] | None:
        """Segments by genome order, and the key of each one's lowest and highest bin.

        None when segments overlap or interleave, so that a bin's segment is not a binary search.
        """
        last = self.first + (self.count - 1) * self.step
        low = self.code * _FAR + np.minimum(self.first, last)
        high = self.code * _FAR + np.maximum(self.first, last)
        order = np.argsort(low, kind="stable")
        low, high = low[order], high[order]
        return None if (low[1:] <= high[:-1]).any() else (order, low, high)

    def locate(self, code: npt.ArrayLike, bins: npt.ArrayLike) -> Ints:
        """Position of each bin (its first one, where the axis repeats bins), or -1."""
        key = np.asarray(code, dtype=np.int64) * _FAR + np.asarray(bins, dtype=np.int64)
        if self.size == 0:
            return np.full(key.shape, -1)
        if self._sorted is None:
            return self._locate_by_sorting(key)
        order, low, high = self._sorted
        place = np.maximum(np.searchsorted(low, key, side="right") - 1, 0)
        segment = order[place]
        away = key - (self.code[segment] * _FAR + self.first[segment])
        steps, rest = np.divmod(away, self.step[segment])
        there = (key >= low[place]) & (key <= high[place]) & (rest == 0)
        return np.where(there, self.edges[segment] + steps, -1)

    def _locate_by_sorting(self, key: Ints) -> Ints:
        check_bytes(
            self.size * 16, "the labels of an axis with overlaps", "sort and merge it first"
        )
        code, bins = self.at(np.arange(self.size))
        mine = code * _FAR + bins
        order = np.argsort(mine, kind="stable")
        place = np.searchsorted(mine, key, sorter=order)
        found = order[np.minimum(place, self.size - 1)]
        return np.where(mine[found] == key, found, -1)

    def find(self, contig: str, start: int = 0, end: int | None = None) -> list[slice]:
        """Positions of every bin that overlaps [start, end) of a contig, one slice per segment.

        Raises
        ------
        ContigError
            For a contig that the assembly does not have.
        RegionError
            When the region is empty or leaves the contig.
        """
        code = self.assembly.code(contig)
        length = int(self.assembly.lengths[code])
        end = length if end is None else end
        if not 0 <= start < end <= length:
            raise RegionError(
                f"{contig}:{start:,}-{end:,} is not within {contig}, which has {length:,} bp in "
                f"{self.assembly.name!r} (0-based, half-open)"
            )
        low, high = start // self.bin_size, -(-end // self.bin_size)
        found = (self._overlap(int(s), low, high) for s in np.flatnonzero(self.code == code))
        return [run for run in found if run.start < run.stop]

    def of_contigs(self, contigs: Sequence[str]) -> slice | Ints:
        """Positions of whole contigs, in the order given."""
        found = []
        for contig in contigs:
            segments = np.flatnonzero(self.code == self.assembly.code(contig))
            found += [slice(int(self.edges[s]), int(self.edges[s + 1])) for s in segments]
        return join_runs(found)

    def _overlap(self, segment: int, low: int, high: int) -> slice:
        """Positions of a segment's bins b with low <= b < high."""
        first, step = int(self.first[segment]), int(self.step[segment])
        if step < 0:  # mirrored: -high < -b <= -low
            first, step, low, high = -first, -step, 1 - high, 1 - low
        count, offset = int(self.count[segment]), int(self.edges[segment])
        start, stop = -(-(low - first) // step), -(-(high - first) // step)
        return slice(offset + min(max(start, 0), count), offset + min(max(stop, 0), count))

    # ---- other axes

    def __getitem__(self, key: slice | npt.ArrayLike) -> GenomeAxis:
        """The axis of some positions: a slice, or an array of positions or of booleans."""
        if isinstance(key, slice):
            start, stop, step = key.indices(self.size)
            count = len(range(start, stop, step))
            step = max(min(step, self.size), -self.size)  # a larger one does not fit int64
            if step < 0:
                return self._reversed()._sliced(self.size - 1 - start, count, -step)
            return self._sliced(start, count, step)
        positions = np.asarray(key)
        positions = np.flatnonzero(positions) if positions.dtype == bool else positions
        if positions.size:
            low, high = int(positions.min()), int(positions.max())
            if low < -self.size or high >= self.size:
                raise IndexError(
                    f"position {high if high >= self.size else low:,} is not on this axis, which "
                    f"has {self.size:,}; give 0 to {self.size - 1:,}, or count from the end with -1"
                )
            if low < 0:
                positions = np.where(positions < 0, positions + self.size, positions)
        segment, begin, number = cut_runs(self.edges, *runs_of(positions))
        first = self.first[segment] + (begin - self.edges[segment]) * self.step[segment]
        return self._with(self.code[segment], first, number, self.step[segment])

    def _with(self, code: Ints, first: Ints, count: Ints, step: Ints) -> GenomeAxis:
        return GenomeAxis(
            self.assembly, self.bin_size, code=code, first=first, count=count, step=step
        )

    def _reversed(self) -> GenomeAxis:
        last = self.first + (self.count - 1) * self.step
        return self._with(self.code[::-1], last[::-1], self.count[::-1], -self.step[::-1])

    def _sliced(self, start: int, count: int, step: int) -> GenomeAxis:
        """Every `step`-th position from `start` on, `count` of them."""
        skipped = np.maximum(self.edges[:-1] - start, 0)
        begin = start + -(-skipped // step) * step  # first one kept in or after each segment
        stop = np.minimum(self.edges[1:], start + (count - 1) * step + 1)
        number = np.maximum(-(-(stop - begin) // step), 0)
        first = self.first + (begin - self.edges[:-1]) * self.step
        return self._with(self.code, first, number, self.step * step)

    @classmethod
    def concat(cls, axes: Sequence[GenomeAxis]) -> GenomeAxis:
        """Axes laid end to end.

        Raises
        ------
        AssemblyError
            When they lie on different assemblies.
        GenomeError
            When their bin sizes differ.
        """
        one = axes[0]
        for other in axes[1:]:
            one.check_compatible(other, "cannot concatenate")
        code, first, count, step = (
            np.concatenate([getattr(axis, name) for axis in axes])
            for name in ("code", "first", "count", "step")
        )
        return one._with(code, first, count, step)

    def intersect(self, other: GenomeAxis) -> GenomeAxis:
        """The positions that both have, in this axis' order.

        Raises
        ------
        AssemblyError, GenomeError
            As `concat`; also when either repeats a bin.
        """
        self.check_compatible(other, "cannot align")
        if not (self.is_unique and other.is_unique):
            raise RegionError(
                "cannot align a genome axis that repeats positions; merge the regions first "
                "with ga.merge_regions"
            )
        if other.is_whole:
            return self
        mine, theirs = self._sorted, other._sorted
        if mine is None or theirs is None or (self.step != 1).any() or (other.step != 1).any():
            check_bytes(self.size * 24, "this alignment", "align contig by contig")
            code, bins = self.at(np.arange(self.size))
            return self[np.flatnonzero(other.locate(code, bins) >= 0)]
        (order, low, high), (_, other_low, other_high) = mine, theirs
        begin = np.searchsorted(other_high, low, side="left")
        number = np.maximum(np.searchsorted(other_low, high, side="right") - begin, 0)
        here, there = spread(begin, number)
        start = np.maximum(low[here], other_low[there])
        stop = np.minimum(high[here], other_high[there]) + 1
        back = np.argsort(self.edges[order[here]] + start - low[here])  # genome order -> own order
        code, first = np.divmod(start[back], _FAR)
        return self._with(code, first, (stop - start)[back], np.ones_like(code))

    @cached_property
    def is_unique(self) -> bool:
        """Whether no bin occurs twice."""
        if self._sorted is not None:
            return True
        check_bytes(
            self.size * 16, "the labels of an axis with overlaps", "merge the regions first"
        )
        code, bins = self.at(np.arange(self.size))
        return bool(np.unique(code * _FAR + bins).size == self.size)

    def check_compatible(self, other: GenomeAxis, doing: str) -> None:
        """Refuse two axes of different assemblies or bin sizes; `doing` starts the message.

        Raises
        ------
        AssemblyError
            When the assemblies differ.
        GenomeError
            When the bin sizes differ.
        """
        check_same_assembly(self.assembly, other.assembly, doing)
        if self.bin_size != other.bin_size:
            raise GenomeError(
                f"{doing} bins of {self.bin_size} bp and of {other.bin_size} bp; "
                "keep them as nodes of one tree, lay one on the bins of the other with "
                "ga.regrid(a, like=b), or open both with the same bin_size"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, GenomeAxis):
            return NotImplemented
        if self is other:
            return True
        if self.size != other.size or self.bin_size != other.bin_size:
            return False
        if self.assembly != other.assembly:
            return False
        names = ("code", "first", "count", "step")
        if all(np.array_equal(getattr(self, n), getattr(other, n)) for n in names):
            return True
        return self._same_labels(other)

    def _same_labels(self, other: GenomeAxis, block: int = 2**20) -> bool:
        # two ways to write one axis, such as every second bin as a slice and as an array
        for start in range(0, self.size, block):
            positions = np.arange(start, min(start + block, self.size))
            mine, theirs = self.at(positions), other.at(positions)
            if not all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True)):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[object, ...]:
        if self.is_whole:
            return GenomeAxis, (self.assembly, self.bin_size)
        arrays = (self.code, self.first, self.count, self.step)
        return _rebuild, (self.assembly, self.bin_size, arrays)

    def __repr__(self) -> str:
        bins = f"{self.size:,} bin{'s' if self.size != 1 else ''} of {self.bin_size} bp"
        if self.is_whole:
            return f"GenomeAxis({bins}, whole assembly {self.assembly.name!r})"
        segments = f"{len(self.code):,} segment{'s' if len(self.code) != 1 else ''}"
        return f"GenomeAxis({bins}, {segments} of assembly {self.assembly.name!r})"


def _rebuild(
    assembly: Assembly, bin_size: int, arrays: tuple[Ints, Ints, Ints, Ints]
) -> GenomeAxis:
    code, first, count, step = arrays
    return GenomeAxis(assembly, bin_size, code=code, first=first, count=count, step=step)
