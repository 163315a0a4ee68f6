"""How is something done along the genome without leaking over contig ends?

`rolling`, `shift`, `diff` and `coarsen` of xarray know nothing of contigs: the last bases of one
would mix with the first of the next. `map_contigs` applies any of them stretch by stretch;
`coarsen` bins the whole axis at once, with groups that never cross the end of a stretch (one call
of numpy per block, so that 100,000 scaffolds cost what one contig does).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, genome_coords

__all__ = ["coarsen", "map_contigs"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_HOW = ("mean", "sum", "max", "min", "any")


def map_contigs(obj: Xarray, function: Callable[[Any], Any]) -> Xarray:
    """Apply a function to each contig apart, and lay the results end to end.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis.
    function
        Takes one stretch of one contig and gives an object of the same kind; may be lazy. Where
        the axis holds regions only, each run of neighboring bins is a stretch of its own.

    Returns
    -------
    The same kind of object; positions are those that `function` returned.

    Raises
    ------
    AssemblyError
        When `obj` or a result has no genome axis.
    RegionError
        When `obj` has no positions, or a result has lost the dimension.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3, "chr2": 2}))
    >>> x = xr.DataArray([1.0, 2, 3, 4, 5], coords, ["position"])
    >>> ga.map_contigs(x, lambda part: part.shift(position=1, fill_value=0)).values
    array([0., 1., 2., 0., 4.])
    """
    axis = axis_of(obj)
    if not axis.size:
        raise RegionError("there are no positions to map")
    edges = axis.edges.tolist()
    parts = [function(obj.isel(position=slice(start, stop))) for start, stop in pairwise(edges)]
    for part in parts:
        if "position" not in part.dims:
            raise RegionError(
                "the function lost the dimension `position`; to reduce contigs to one value each "
                'use obj.sel(contig=...) or ga.windows(..., reduce="sum") on whole contigs'
            )
        axis_of(part)
    if isinstance(obj, xr.DataArray):
        joined = xr.concat(parts, "position", coords="minimal", compat="override", join="exact")
    else:
        joined = xr.concat(
            parts, "position", data_vars="minimal", coords="minimal", compat="override",
            join="exact",
        )  # fmt: skip
    result: Xarray = joined
    return result


class _Groups(NamedTuple):
    """Which positions fall into one coarse bin: `starts` of the groups on the axis."""

    axis: GenomeAxis
    starts: Ints
    weights: npt.NDArray[np.float32] | None  # share of a whole bin; None where all are whole


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
    of `obj` for max, min and sums of floats, int64 for sums of integers, bool for "any".

    Raises
    ------
    GenomeError
        For an unknown `how`, a bin size that is no multiple, or codes of letters.
    RegionError
        When two regions of the axis share a coarse bin, or its steps are not 1.

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
    if bin_size < axis.bin_size or bin_size % axis.bin_size:
        raise GenomeError(
            f"bin_size={bin_size} is no multiple of the {axis.bin_size} bp that the bins have"
        )
    groups = _groups(axis, bin_size)
    if isinstance(obj, xr.DataArray):
        return _coarse(obj, groups, how).assign_coords(genome_coords(groups.axis))
    kept = obj.drop_vars(["position", "contig", "assembly"], errors="ignore")
    data = {
        n: _coarse(v, groups, how) if "position" in v.dims else v for n, v in obj.data_vars.items()
    }
    flat = xr.Dataset(data, kept.drop_dims("position").coords, obj.attrs)
    return flat.assign_coords(genome_coords(groups.axis))


def _groups(axis: GenomeAxis, bin_size: int) -> _Groups:
    factor = bin_size // axis.bin_size
    if (axis.step != 1).any():
        raise RegionError("this axis is reversed or thinned out; coarsen before that")
    low, high = axis.first // factor, (axis.first + axis.count - 1) // factor
    new = GenomeAxis(
        axis.assembly,
        bin_size,
        code=axis.code,
        first=low,
        count=high - low + 1,
        step=np.ones_like(low),
    )
    if not new.is_unique:
        raise RegionError(
            f"two regions of this axis share a bin of {bin_size} bp; take regions that start and "
            "end on multiples of it"
        )
    number = high - low + 1
    segment = np.repeat(np.arange(len(number)), number)
    within = np.arange(len(segment)) - np.repeat(np.cumsum(number) - number, number)
    bins = np.maximum((low[segment] + within) * factor, axis.first[segment])
    starts = axis.edges[segment] + bins - axis.first[segment]
    rest = axis.assembly.lengths[axis.code] % axis.bin_size
    last = axis.first + axis.count == -(-axis.assembly.lengths[axis.code] // axis.bin_size)
    partial = np.flatnonzero(last & (rest > 0))
    weights = None
    if partial.size and factor > 1:
        weights = np.ones(axis.size, dtype=np.float32)
        weights[axis.edges[partial + 1] - 1] = rest[partial] / axis.bin_size
    return _Groups(new, starts, weights)


def _coarse(array: xr.DataArray, groups: _Groups, how: str) -> xr.DataArray:
    if "alphabet" in array.attrs:
        raise GenomeError(
            f"{array.name!r} holds codes of letters, which have no {how}; use ga.one_hot first, or "
            "leave it out"
        )
    flat = array.variable.transpose("position", ...)
    data = flat.data
    if flat.chunks is None:
        out = _reduce(np.asarray(flat.values), groups.starts, groups.weights, how)
    else:
        out = _lazily(data, groups, how)
    extra = [d for d in array.coords if d not in ("position", "contig", "assembly")]
    coords = {d: array.coords[d] for d in extra if "position" not in array.coords[d].dims}
    coarse = xr.DataArray(out, coords, flat.dims, array.name, array.attrs)
    return coarse.transpose(*array.dims)


def _lazily(data: Any, groups: _Groups, how: str) -> Any:
    """One task per chunk, whose ends are moved to the starts of groups."""
    import dask.array as da

    size, number = data.shape[0], len(groups.starts)
    cuts = np.searchsorted(groups.starts, np.cumsum(data.chunks[0])[:-1])
    cuts = np.unique([0, *cuts.tolist(), number])
    edges = np.append(groups.starts, size)[cuts]
    data = data.rechunk({0: tuple(np.diff(edges).tolist())})

    def reduce_block(block: Array, block_info: Any = None) -> Array:
        place = block_info[0]["chunk-location"][0]
        first, last = int(edges[place]), int(edges[place + 1])
        starts = groups.starts[cuts[place] : cuts[place + 1]] - first
        weights = None if groups.weights is None else groups.weights[first:last]
        return _reduce(block, starts, weights, how)

    probe = _reduce(np.ones((1,) * data.ndim, data.dtype), np.array([0]), None, how)
    chunks = (tuple(np.diff(cuts).tolist()), *data.chunks[1:])
    return da.map_blocks(reduce_block, data, chunks=chunks, dtype=probe.dtype, meta=probe[:0])


def _reduce(values: Array, starts: Ints, weights: Array | None, how: str) -> Array:
    """Reduce groups of rows; NaN are skipped."""
    floating = values.dtype.kind == "f"
    if how == "any":
        return np.asarray(np.logical_or.reduceat(np.nan_to_num(values) != 0, starts, axis=0))
    if how in ("max", "min"):
        function = {"max": np.fmax, "min": np.fmin}[how]
        return np.asarray(function.reduceat(values, starts, axis=0), dtype=values.dtype)
    there = ~np.isnan(values) if floating else np.ones(values.shape, dtype=bool)
    exact = np.float64 if floating or how == "mean" else np.int64
    numbers = np.where(there, values, 0).astype(exact)
    if how == "sum":
        total = np.add.reduceat(numbers, starts, axis=0)
        if floating:
            total[~np.logical_or.reduceat(there, starts, axis=0)] = np.nan
        return total.astype(values.dtype if floating else np.int64)
    share = there if weights is None else there * weights.reshape(-1, *(1,) * (values.ndim - 1))
    total = np.add.reduceat(numbers * share, starts, axis=0)
    bases = np.add.reduceat(share, starts, axis=0, dtype=np.float64)
    mean: Array = np.divide(total, bases, out=np.full(total.shape, np.nan), where=bases > 0)
    dtype = np.float64 if values.dtype == np.float64 else np.float32
    return np.asarray(mean, dtype=dtype)
