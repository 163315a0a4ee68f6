"""Which positions count?

Blacklists, gaps, unknown bases and positions without data become one boolean array on the genome
axis, which normalizers, samplers and metrics take as `valid=`. It is made block by block, of the
runs of the axis that regions cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.clip import table_columns
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.genome.regions import columns_dataset
from genoarrays.genome.segments import cut_runs, runs_of
from genoarrays.ops.coarse import coarsen
from genoarrays.ops.content import sequence_of
from genoarrays.ops.stretches import runs_on

__all__ = ["check_valid", "covered", "regions_where", "valid_mask"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_BLOCK = 2**24  # positions of a block, where nothing else says it


def valid_mask(
    like: xr.Dataset | xr.DataArray,
    *,
    exclude: xr.Dataset | Sequence[xr.Dataset] = (),
    include: xr.Dataset | None = None,
    dna: xr.DataArray | xr.Dataset | None = None,
    data: xr.DataArray | Sequence[xr.DataArray] = (),
) -> xr.DataArray:
    """Mask of the positions that count, lazily.

    Parameters
    ----------
    like
        What the mask is for: its axis, bins and chunks are taken, of a Dataset the smallest ones.
    exclude
        Tables of regions that do not count, such as a blacklist or the gaps of the assembly; bins
        that overlap one do not.
    include
        Regions outside of which nothing counts; bins that overlap one may.
    dna
        Sequence, or a Dataset with the variable `dna`, on the same axis at 1 bp, or finer than the
        bins of `like`: unknown bases do not count, nor do bins with one.
    data
        Signal on the same axis: where a value of any track is missing (NaN), nothing counts.

    Returns
    -------
    xr.DataArray
        `valid` (position,) bool.

    Raises
    ------
    AssemblyError, ContigError
        When something lies on another assembly.
    GenomeError
        When `dna` or `data` lie on another axis.

    See Also
    --------
    regions_where : The regions where a mask holds.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    >>> x = xr.DataArray([1.0, 2, np.nan, 4, 5, 6], coords, ["position"])
    >>> blacklist = ga.read_regions(["chr1:4-5"], like=x)
    >>> ga.valid_mask(x, exclude=blacklist, data=x).values
    array([ True,  True, False,  True, False,  True])
    """
    axis = axis_of(like)
    chunks = _chunks(like, axis.size)
    tables = [exclude] if isinstance(exclude, xr.Dataset) else list(exclude)
    masks = [~_where(axis, table, chunks) for table in tables]
    if include is not None:
        masks.append(_where(axis, include, chunks))
    if dna is not None:
        masks.append(_known(dna, axis).chunk({"position": chunks}).data)
    for one in [data] if isinstance(data, xr.DataArray) else data:
        if axis_of(one) != axis:
            raise GenomeError(
                f"{one.name!r} lies on {axis_of(one)!r}, and the mask on {axis!r}; bring it there "
                "with ga.coarsen, ga.regrid or sel first"
            )
        there = one.notnull().all([d for d in one.dims if d != "position"])
        masks.append(there.chunk({"position": chunks}).data)
    if not masks:
        masks = [_everything(axis.size, chunks)]
    valid = masks[0]
    for mask in masks[1:]:
        valid = valid & mask
    attrs = {"long_name": "positions that count"}
    return xr.DataArray(valid, genome_coords(axis), ["position"], "valid", attrs)


def covered(axis: GenomeAxis, runs: tuple[Ints, Ints], chunks: Any = None) -> xr.DataArray:
    """Where positions are in disjoint runs, rising: (position,) bool, lazily."""
    import dask.array as da

    source = _Runs(*runs, axis.size)
    data = da.from_array(source, chunks=(chunks or _lengths(axis.size),), name=False)
    return xr.DataArray(data, genome_coords(axis), ["position"], "covered")


def regions_where(mask: xr.DataArray) -> xr.Dataset:
    """Regions in which a mask holds, read block by block.

    Parameters
    ----------
    mask
        (position,) bool on a genome axis.

    Returns
    -------
    xr.Dataset
        Table of disjoint regions without a strand, by place on the axis. Neighboring bins are
        one region; ends are those of the bins, at most that of the contig.

    Raises
    ------
    GenomeError
        For something else than a mask.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 5, "chr2": 3}), bin_size=2)
    >>> mask = xr.DataArray([True, True, False, True, True], coords, ["position"])
    >>> ga.regions_where(mask).region.values.tolist()
    ['chr1:0-4:.', 'chr2:0-3:.']
    """
    check_valid(mask, axis := axis_of(mask))
    starts, stops = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    ends = np.cumsum(mask.chunks[0] if mask.chunks is not None else _lengths(axis.size)).tolist()
    begin = 0
    for end in ends:
        start, stop = runs_of(np.flatnonzero(mask.variable[begin:end].values) + begin)
        starts.append(start)
        stops.append(stop)
        begin = end
    return columns_dataset(_columns(axis, *_joined(starts, stops)))


def _joined(starts: list[Ints], stops: list[Ints]) -> tuple[Ints, Ints]:
    """Runs that end where a block does, and go on in the next, as one."""
    start, stop = np.concatenate(starts), np.concatenate(stops)
    new = np.ones(len(start), dtype=bool)
    new[1:] = start[1:] != stop[:-1]
    heads = np.flatnonzero(new)
    return start[heads], stop[np.append(heads[1:], len(start)) - 1] if len(heads) else stop


def _columns(axis: GenomeAxis, start: Ints, stop: Ints) -> Columns:
    """Regions of runs of positions, cut where segments of the axis end."""
    if (axis.step != 1).any():
        raise GenomeError("the axis is reversed or thinned out; take regions before that")
    segment, first, count = cut_runs(axis.edges, start, stop)
    low = axis.first[segment] + first - axis.edges[segment]
    code = axis.code[segment]
    size = axis.bin_size
    end = np.minimum((low + count) * size, axis.assembly.lengths[code])
    none = np.zeros(len(code), dtype=np.int8)
    return Columns(axis.assembly.names, code.astype(np.int32), low * size, end, none, axis.assembly)


def check_valid(valid: xr.DataArray, axis: GenomeAxis) -> None:
    """Refuse what is no mask of an axis.

    Raises
    ------
    GenomeError
        When it has other dimensions, is not boolean, or lies on another axis.
    """
    if valid.dims != ("position",) or valid.dtype.kind != "b":
        raise GenomeError(
            f"valid= has dims {valid.dims} and dtype {valid.dtype}; give a mask (position,) of "
            "bool, as ga.valid_mask makes it"
        )
    if axis_of(valid) != axis:
        raise GenomeError(
            f"valid= lies on {axis_of(valid)!r}, and the values on {axis!r}; make it with "
            "ga.valid_mask(values, ...)"
        )


def _known(dna: xr.DataArray | xr.Dataset, axis: GenomeAxis) -> xr.DataArray:
    """Whether all bases of each bin are known."""
    dna = sequence_of(dna)
    letters = len(str(dna.attrs.get("alphabet", "ACGT")))
    known = (dna >= 0) & (dna < letters)
    known.attrs = {}
    if axis.bin_size > 1:
        known = coarsen(known, axis.bin_size, "min")
    if axis_of(known) != axis:
        check_same_assembly(axis.assembly, axis_of(known).assembly, "cannot mask bases of")
        raise GenomeError(
            f"dna lies on {axis_of(dna)!r}, and the mask on {axis!r}; select the same regions"
        )
    return known


def _chunks(like: xr.Dataset | xr.DataArray, size: int) -> tuple[int, ...]:
    arrays = like.data_vars.values() if isinstance(like, xr.Dataset) else [like]
    known = [tuple(array.chunksizes.get("position", ())) for array in arrays]
    return max(known, key=len, default=()) or _lengths(size)


def _lengths(size: int) -> tuple[int, ...]:
    return tuple(np.diff([*range(0, max(size, 1), _BLOCK), size]).tolist())


class _Runs:
    """A mask that is True in [start, stop), rising runs, made where it is looked at."""

    ndim, dtype = 1, np.dtype(bool)

    def __init__(self, start: Ints, stop: Ints, size: int) -> None:
        self.start, self.stop, self.shape = start, stop, (size,)

    def __getitem__(self, key: Any) -> Array:
        (part,) = key if isinstance(key, tuple) else (key,)
        low, high, _ = part.indices(self.shape[0])
        out = np.zeros(max(high - low, 0) + 1, dtype=np.int8)
        a = np.searchsorted(self.stop, low, side="right")
        b = np.searchsorted(self.start, high, side="left")
        if b > a:
            out[np.maximum(self.start[a:b] - low, 0)] += 1
            out[np.minimum(self.stop[a:b], high) - low] -= 1
        return np.cumsum(out[:-1], dtype=np.int8).astype(bool)


def _where(axis: GenomeAxis, table: xr.Dataset, chunks: tuple[int, ...]) -> Any:
    return covered(axis, runs_on(table_columns(table), axis), chunks).data


def _everything(size: int, chunks: tuple[int, ...]) -> Any:
    import dask.array as da

    return da.ones(size, dtype=bool, chunks=(chunks,))
