"""How are bins of the genome joined to coarser ones?

Bins start at base 0 of each contig and never hold two contigs. Each chunk of a lazy array is read
once and becomes sums or extremes of the coarse bins that it touches; a bin that lies in several
chunks is joined of these few numbers, so that memory depends on chunks alone, not on the genome.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of
from genoarrays.ops.along import along_axis, layered, others
from genoarrays.ops.by_row import BlockRows, kernel_dtype
from genoarrays.ops.runs import Runs, axis_runs

__all__ = ["coarse_dtype", "coarsen", "rebinned_axis", "worst"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
Array = npt.NDArray[Any]
State = tuple[Array, Array]
"""Sum or extreme, and weight: (row of a block, coarse bin)."""

_HOW = ("mean", "sum", "max", "min", "any")


def coarsen(obj: Xarray, bin_size: int, how: str = "mean") -> Xarray:
    """Bin a genome axis more coarsely, lazily.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis; variables without `position` stay.
    bin_size
        bp per bin of the result, a multiple of the present one. Bins start at base 0 of each
        contig; the last bin of a contig is shorter and holds what exists.
    how
        "mean", "sum", "max", "min", or "any" (of values that are not 0). NaN are skipped; a bin
        without any value is NaN (0 for "any"). Means weigh each value by the bp it stands for.

    Returns
    -------
    The same kind of object, chunked as before: float32 (float64 of float64) for means, the dtype
    of `obj` for max, min and sums of floats, int64 for sums of integers, bool for "any". Sums are
    taken in float64 or int64.

    Raises
    ------
    GenomeError
        For an unknown `how`, a bin size that is no multiple, codes of letters, or values that are
        no numbers.
    RegionError
        When two regions of the axis share a coarse bin, or its steps are not 1.
    AssemblyError
        When `obj` has no genome axis.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 5, "chr2": 3}))
    >>> x = xr.DataArray([1.0, 2, 3, 4, 9, 5, 6, 7], coords, ["position"])
    >>> ga.coarsen(x, 2).values
    array([1.5, 3.5, 9. , 5.5, 7. ])
    """
    axis = axis_of(obj)
    if how not in _HOW:
        raise GenomeError(f"how={how!r} is not known; use one of {', '.join(_HOW)}")
    if int(bin_size) != bin_size or bin_size < axis.bin_size or bin_size % axis.bin_size:
        raise GenomeError(
            f"bin_size={bin_size} is no multiple of the {axis.bin_size} bp that the bins have; "
            "ga.regrid takes any bin size"
        )
    runs, factor = axis_runs(axis, "coarsen"), int(bin_size) // axis.bin_size
    new = rebinned_axis(axis, bin_size)

    def change(data: Any) -> Any:
        if isinstance(data, np.ndarray):
            dtype = coarse_dtype(data.dtype, how)
            return _finished([_state(data, runs, factor, how)], 0, dtype, how)
        return _lazily(data, runs, factor, how)

    return along_axis(obj, new, change, "binned")


def rebinned_axis(axis: GenomeAxis, bin_size: int) -> GenomeAxis:
    """The axis of bins of another size that hold what this one does, coarser or finer.

    Raises
    ------
    GenomeError
        For a bin size below 1.
    RegionError
        When two regions of the axis share a bin.
    """
    if int(bin_size) != bin_size or bin_size < 1:
        raise GenomeError(f"bin_size={bin_size} is not possible; give a whole number of bp above 0")
    bin_size, lengths = int(bin_size), axis.assembly.lengths[axis.code]
    end = np.minimum((axis.first + axis.count) * axis.bin_size, lengths)
    low, high = axis.first * axis.bin_size // bin_size, (end - 1) // bin_size
    new = GenomeAxis(
        axis.assembly, bin_size, code=axis.code, first=low, count=high - low + 1,
        step=np.ones_like(low),
    )  # fmt: skip
    if not new.is_unique:
        raise RegionError(
            f"two regions of this axis share a bin of {bin_size} bp; take regions that start and "
            "end on multiples of it"
        )
    return new


def coarse_dtype(dtype: np.dtype[Any], how: str) -> np.dtype[Any]:
    """Type of the result for values of a type."""
    if how == "any":
        return np.dtype(bool)
    if how == "mean":
        return np.dtype(np.float64 if dtype.kind == "f" and dtype.itemsize > 4 else np.float32)
    return np.dtype(np.int64) if how == "sum" and dtype.kind != "f" else dtype.newbyteorder("=")


def _lazily(data: Any, runs: Runs, factor: int, how: str) -> Any:
    """One task per chunk gives its sums, another one what begins in it."""
    from dask.base import tokenize

    name = f"coarsen-{tokenize(data.name, runs, factor, how)}"
    dtype = coarse_dtype(data.dtype, how)
    edges = np.concatenate([[0], np.cumsum(data.chunks[0])]).tolist()
    chunks = [
        (n, runs.within(*ends)) for n, ends in enumerate(pairwise(edges)) if ends[0] < ends[1]
    ]
    number = [int(part.bins(factor).sum()) for _, part in chunks]
    # whether the first bin of a chunk has begun in one before
    goes_on = [bool(part.first[0] % factor) and edges[n] not in runs for n, part in chunks]
    tasks: dict[Any, Any] = {}
    lengths: list[int] = []
    for k in range(len(chunks)):
        if number[k] == goes_on[k]:
            continue
        last = k + 1
        while last < len(chunks) and goes_on[last] and (last == k + 1 or number[last - 1] == 1):
            last += 1
        for rest in others(data):
            states = [(f"{name}-part", chunks[j][0], *rest) for j in range(k, last)]
            tasks[(name, len(lengths), *rest)] = (_finished, states, int(goes_on[k]), dtype, how)
        lengths.append(number[k] - goes_on[k])
    for chunk, part in chunks:
        for rest in others(data):
            block = (data.name, chunk, *rest)
            tasks[(f"{name}-part", chunk, *rest)] = (_state, block, part, factor, how)
    return layered(name, data, tasks, (tuple(lengths), *data.chunks[1:]), dtype)


def _state(block: Array, runs: Runs, factor: int, how: str) -> State:
    """Sum or extreme of each coarse bin of a block, and the number of its values."""
    from genoarrays.ops.binning import add_extremes, add_sums

    rows, bins = BlockRows([block]), runs.bins(factor)
    kept, extreme = kernel_dtype(block.dtype), how in ("max", "min")
    if kept == np.uint64 and not extreme:
        kept = np.dtype(np.float64 if how == "mean" else np.int64)
    exact = np.int64 if how == "any" or kept.kind != "f" else np.float64
    begin: Any = worst(kept, how) if extreme else np.float64(0) if how == "mean" else exact(0)
    weight = np.zeros((rows.number, int(bins.sum())))
    value = np.full(weight.shape, begin)
    runs = runs if how == "mean" else runs.whole()
    for start, tile in rows.tiles(kept):
        some = runs.within(start, start + tile.shape[1])
        base = runs.bin_at(start, factor, bins)
        if extreme:
            add_extremes(
                tile, some.start, some.stop, some.first, factor, how == "max", base, value, weight
            )
            continue
        if how == "any":
            tile = ((tile != 0) & (tile == tile)).astype(np.int64)
        add_sums(
            tile, some.start, some.stop, some.first, some.share, factor, exact(0), base, value,
            weight,
        )  # fmt: skip
    return rows.shaped(value), rows.shaped(weight)


def worst(dtype: np.dtype[Any], how: str) -> Any:
    """A value that no other one loses against."""
    if dtype.kind == "f":
        return dtype.type(-np.inf if how == "max" else np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min if how == "max" else limits.max)


def _finished(states: Sequence[State], skip: int, dtype: np.dtype[Any], how: str) -> Array:
    """Results of the bins that begin in the first block, the last of which may go on in others."""
    value, weight = (array[skip:] for array in states[0])
    if len(states) > 1:
        value, weight = value.copy(order="K"), weight.copy(order="K")
    join = {"max": np.maximum, "min": np.minimum}.get(how, np.add)
    for more, number in states[1:]:
        value[-1] = join(value[-1], more[0])
        weight[-1] += number[0]
    if how == "any":
        return np.asarray(value > 0)
    if how == "mean":
        with np.errstate(invalid="ignore"):
            value = value / weight
    elif dtype.kind == "f":
        value = np.where(weight > 0, value, np.nan)
    return value.astype(dtype)
