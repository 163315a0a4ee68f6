"""How do tracks of different bin sizes come to lie on one axis?

Each value stands for the bases of its bin. A new bin takes the mean over its bases, or of each old
bin the share that lies in it. So any two bin sizes can be aligned, whether or not one is a multiple
of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of
from genoarrays.genome.segments import cut_runs, spread
from genoarrays.ops.along import along_axis, beside
from genoarrays.ops.by_row import BlockRows, kernel_dtype
from genoarrays.ops.coarse import coarse_dtype, coarsen, rebinned_axis
from genoarrays.ops.runs import Runs, axis_runs
from genoarrays.options import current

__all__ = ["regrid"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_FAR = np.int64(2) ** 40  # more bases than any contig has


def regrid(
    obj: Xarray,
    bin_size: int | None = None,
    how: str = "mean",
    *,
    like: xr.Dataset | xr.DataArray | None = None,
) -> Xarray:
    """Put tracks on bins of any other size, coarser or finer, lazily.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis; variables without `position` stay.
    bin_size
        bp per bin of the result; it need not be a multiple of the present one, nor a divisor. Bins
        start at base 0 of each contig.
    how
        "mean": over the bases of a bin, each with the value of the old bin that it lies in.
        "sum": the value of an old bin is spread evenly over its bases, and what lies in a new bin
        is added up; the sum over a contig stays what it is. Bases of bins that are NaN or not there
        are left out, and a bin without any is NaN. The last bin of a contig has fewer bases.
    like
        Object on the axis that the result shall have, instead of `bin_size`: then
        `regrid(a, like=b) - b` is aligned. It may hold other regions of the same assembly.

    Returns
    -------
    The same kind of object: float32 (float64 of float64) for means, the dtype of `obj` for sums of
    floats, float64 for sums of integers, but int64 where each old bin lies in one new bin. Chunks
    are about as long on the genome as before, and no larger than `ga.set_options(chunk_bytes=)`.

    Raises
    ------
    GenomeError
        For an unknown `how`, no bin size or one below 1, codes of letters, or values that are no
        numbers.
    RegionError
        When two regions would share a bin, either axis is reversed or thinned out, `obj` repeats
        positions, or `like` has bins of which `obj`, of integers to add up, holds nothing.
    AssemblyError
        When `obj` or `like` has no genome axis, or they lie on different assemblies.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 10, "chr2": 4}), bin_size=5)
    >>> x = xr.DataArray([4.0, 8, 6], coords, ["position"])
    >>> ga.regrid(x, 3).values.round(1)
    array([4. , 5.3, 8. , 8. , 6. , 6. ])
    >>> ga.regrid(x, 3, "sum").values.round(1)
    array([2.4, 3.2, 4.8, 1.6, 4.5, 1.5])
    """
    axis = axis_of(obj)
    if how not in ("mean", "sum"):
        raise GenomeError(f"how={how!r} is not known; use mean or sum")
    new = _axis_asked(axis, bin_size, like)
    whole = new.bin_size % axis.bin_size == 0
    if whole and (like is None or (axis.is_whole and new.is_whole)):
        return coarsen(obj, new.bin_size, how)
    grids = _Grids.of(axis, new)

    def change(data: Any) -> Any:
        dtype = coarse_dtype(data.dtype, how)
        if dtype.kind != "f" and whole:
            grids.check_covered(data.dtype)
        elif dtype.kind != "f":
            dtype = np.dtype(np.float64)
        return _regridded(data, grids, how, dtype)

    return along_axis(obj, new, change, "spread over other bins")


def _axis_asked(
    axis: GenomeAxis, bin_size: int | None, like: xr.Dataset | xr.DataArray | None
) -> GenomeAxis:
    if like is None:
        if bin_size is None:
            raise GenomeError("say how large the bins shall be: bin_size=, or like= an object")
        return rebinned_axis(axis, bin_size)
    new = axis_of(like)
    if (new.step != 1).any():
        raise RegionError("like= is reversed or thinned out; give it as it was before")
    check_same_assembly(axis.assembly, new.assembly, "cannot lay on one axis")
    if bin_size is not None and bin_size != new.bin_size:
        raise GenomeError(
            f"bin_size={bin_size}, and like= has bins of {new.bin_size} bp; give one of them"
        )
    return new


@dataclass(frozen=True)
class _Shares:
    """Runs of old bins that have bases in runs of new ones, see `add_shares`.

    Attributes
    ----------
    place, number, first
        Position of the first old bin, how many they are, and the bin on its contig.
    target, bins
        Position of the first new bin, and how many they are.
    low, high, length
        Bases in common, and those of the contig.
    size
        Number of all new positions.
    """

    place: Ints
    number: Ints
    first: Ints
    target: Ints
    bins: Ints
    low: Ints
    high: Ints
    length: Ints
    size: int


@dataclass(frozen=True)
class _Grids:
    """Two axes: runs of each, the old ones in the order of the genome, and where these begin."""

    old: Runs
    new: Runs
    low: Ints
    high: Ints
    lengths: Ints
    size: int
    new_size: int

    @classmethod
    def of(cls, axis: GenomeAxis, new: GenomeAxis) -> _Grids:
        """Grids of two axes; refuses those that have no answer."""
        if not axis.is_unique:
            raise RegionError(
                "this axis repeats positions; merge the regions first with ga.merge_regions"
            )
        old, lengths = axis_runs(axis, "regrid"), axis.assembly.lengths
        order = np.lexsort((old.first, old.code))
        old = Runs(*(getattr(old, f.name)[order] for f in fields(old)))
        low, high = _bases(old, axis.bin_size, lengths)
        far = old.code * _FAR
        return cls(
            old, axis_runs(new, "regrid"), far + low, far + high, lengths, axis.bin_size,
            new.bin_size,
        )  # fmt: skip

    def shares(self, start: int, stop: int) -> _Shares:
        """What the new positions [start, stop) are made of; targets are counted from `start`."""
        old, new = self.old, self.new.within(start, stop)
        low, high = _bases(new, self.new_size, self.lengths)
        far = new.code * _FAR
        begin = np.searchsorted(self.high, far + low, side="right")
        number = np.searchsorted(self.low, far + high, side="left") - begin
        here, there = spread(begin, np.maximum(number, 0))
        code = new.code[here]
        low = np.maximum(low[here], self.low[there] - code * _FAR)
        high = np.minimum(high[here], self.high[there] - code * _FAR)
        first, target = low // self.size, low // self.new_size
        return _Shares(
            place=old.start[there] + first - old.first[there],
            number=(high - 1) // self.size - first + 1,
            first=first,
            target=new.start[here] + target - new.first[here],
            bins=(high - 1) // self.new_size - target + 1,
            low=low,
            high=high,
            length=self.lengths[code],
            size=stop - start,
        )

    def check_covered(self, dtype: np.dtype[Any]) -> None:
        """Refuse new bins without a base, which only floating numbers can show."""
        number = int(self.new.stop.max(initial=0))
        found = self.shares(0, number)
        reached = np.maximum.accumulate(np.concatenate([[0], found.target + found.bins]))
        if (np.append(found.target, number) > reached).any():
            raise RegionError(
                f"like= has bins of which this object holds nothing, and the sum of {dtype} has no "
                'NaN to show it; use obj.astype("float64"), or select the same regions'
            )


def _bases(runs: Runs, size: int, lengths: Ints) -> tuple[Ints, Ints]:
    """First base of each run, and the one past its last."""
    end = (runs.first + runs.stop - runs.start) * size
    return runs.first * size, np.minimum(end, lengths[runs.code])


def _regridded(data: Any, grids: _Grids, how: str, dtype: np.dtype[Any]) -> Any:
    chunks = (np.diff([0, len(data)]),) if isinstance(data, np.ndarray) else data.chunks
    cell = dtype.itemsize * int(np.prod([max(n) for n in chunks[1:]], dtype=np.int64))
    most = max(current().chunk_bytes // max(cell, 1), 1)
    step = min(max(max(chunks[0]) * grids.size // grids.new_size, 1), most)
    size = int(grids.new.stop.max(initial=0))
    edges = np.cumsum([0, *chunks[0]])
    if not size:
        return np.empty((0, *data.shape[1:]), dtype)
    number = -(-size // step)
    cuts = [size * n // number for n in range(number + 1)]
    parts = [_gathered(grids.shares(*pair), edges) for pair in pairwise(cuts)]
    work = partial(_worked, grids.size, grids.new_size, how, dtype)
    return beside(
        data, [needs for needs, _ in parts], work, [shares for _, shares in parts],
        np.diff(cuts).tolist(), dtype, ("regrid", how, grids),
    )  # fmt: skip


def _gathered(shares: _Shares, edges: Ints) -> tuple[list[tuple[int, int]], _Shares]:
    """Ranges of old positions that are read, one of each chunk, and places counted within them."""
    if not shares.place.size:
        return [(0, 0)], shares
    of, begin, number = cut_runs(edges, shares.place, shares.place + shares.number)
    chunks, index = np.unique(of, return_inverse=True)
    low, high = edges[chunks + 1], edges[chunks]
    np.minimum.at(low, index, begin)
    np.maximum.at(high, index, begin + number)
    moved = np.cumsum(high - low) - high  # from the axis to what is read
    where = np.searchsorted(chunks, np.searchsorted(edges, shares.place, side="right") - 1)
    ranges = list(zip(low.tolist(), high.tolist(), strict=True))
    return ranges, replace(shares, place=shares.place + moved[where])


def _worked(
    size: int, new_size: int, how: str, dtype: np.dtype[Any], blocks: Sequence[Array],
    shares: _Shares,
) -> Array:  # fmt: skip
    """Results of a chunk."""
    from genoarrays.ops.spreading import add_shares

    rows = BlockRows(blocks)
    exact = np.dtype(np.float64 if dtype.kind == "f" else dtype)
    kept = kernel_dtype(blocks[0].dtype)
    values = rows.between(0, len(rows), kept if kept.kind == "f" else exact)
    total, weight = (
        np.zeros((rows.number, shares.size), exact),
        np.zeros((rows.number, shares.size)),
    )
    add_shares(
        values, shares.place, shares.number, shares.first, shares.target, shares.low, shares.high,
        shares.length, size, new_size, how == "mean", total, weight,
    )  # fmt: skip
    if how == "mean":
        with np.errstate(invalid="ignore"):
            total /= weight
    elif dtype.kind == "f":
        total[weight == 0] = np.nan
    return rows.shaped(total.astype(dtype, copy=False))
