"""Which values does a normalizer look at, and what do they come to for each sample?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.clip import table_columns
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.genome.windows import WindowIndex
from genoarrays.ops.blocks import blocks_of, fields_over, joined_fields
from genoarrays.ops.libraries import library_sizes
from genoarrays.ops.mask import check_valid, covered
from genoarrays.ops.quantile import quantile
from genoarrays.ops.reduce import region_fields
from genoarrays.ops.stretches import common_runs, runs_on
from genoarrays.ops.summary import results

__all__ = ["Pool", "kilobases", "log1p", "pool_of"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_ALONG = ("position", "window", "region", "sequence")


@dataclass(frozen=True, eq=False)
class Pool:
    """The values that are fitted on.

    Parameters
    ----------
    array
        All of them; those that are not valid are missing.
    dims
        Dimensions whose values are pooled, the one that they are along first.
    runs
        Disjoint runs of positions that are looked at, rising; None for all.
    given
        The array as it was given, without a mask.
    """

    array: xr.DataArray
    dims: tuple[str, ...]
    runs: tuple[Ints, Ints] | None
    given: xr.DataArray

    @property
    def name(self) -> Hashable:
        """Of the variable."""
        return self.array.name

    @cached_property
    def kept(self) -> list[str]:
        """Dimensions that results have."""
        return [str(d) for d in self.array.dims if d not in self.dims]

    def moments(self) -> xr.Dataset:
        """Count, sum, mean and standard deviation (n - 1) by label, computed."""
        if self.runs is None:
            data, rest, _ = blocks_of(self.array, self.dims)
            fields = fields_over(data, len(self.dims)).compute()
        else:
            groups = np.zeros(len(self.runs[0]), dtype=np.int64)
            found = region_fields(self.array, *self.runs, groups).compute()[0]
            rest = [d for d in self.array.dims if d != "position"]
            more = [rest.index(d) for d in self.dims[1:]]
            fields = joined_fields(np.moveaxis(found, more, range(len(more))), len(more))
            rest = [d for d in rest if d not in self.dims]
        values = results(fields, ["count", "sum", "mean", "sd"])
        return xr.Dataset({n: (rest, v) for n, v in values.items()}, self._labels(rest))

    def total(self) -> xr.DataArray:
        """Sum by label."""
        return self.moments()["sum"].fillna(0)

    def quantiles(self, q: Array) -> xr.DataArray:
        """Quantiles, by linear interpolation: (quantile, label), computed."""
        array = self.array
        if self.runs is not None:
            chunks = array.chunksizes.get("position")
            array = array.where(covered(axis_of(array), self.runs, chunks))
        found = quantile(array, q, self.dims).compute()
        bad = found.isnull().any("quantile").values
        if bad.any():
            where = self.label(found.isel(quantile=0), bad)
            raise GenomeError(f"{self.name!r}{where} has no values here; fit on more regions")
        return found.drop_vars([n for n in found.coords if n not in (*self.kept, "quantile")])

    def logs(self) -> Pool:
        """The same of log(1 + x)."""
        return replace(self, array=log1p(self.array))

    def per_kilobase(self) -> Pool:
        """The same of values per kb."""
        return replace(self, array=self.array / kilobases(self.array))

    def whole(self) -> Pool:
        """All values of the axis, whatever was asked for.

        Raises
        ------
        GenomeError
            For windows, which are a part of the genome.
        """
        if self.dims[0] != "position":
            raise GenomeError(
                f"{self.name!r} is of {self.dims[0]}s, which do not tell the sum over the whole "
                "axis; fit on the variable of the store that they were cut from"
            )
        return replace(self, array=self.given, runs=None)

    def library_sizes(self) -> xr.DataArray:
        """Kept reads by label, or the sum over the axis."""
        told = library_sizes(self.given)
        return self.whole().total() if told is None else told

    def label(self, values: xr.DataArray, where: Array) -> str:
        """Names the first of some results, as in ` of sample 'a'`."""
        if not values.dims:
            return ""
        first = np.argwhere(where)[0]
        named = [
            f"{d} {values[d].values.tolist()[i] if d in values.coords else int(i)!r}"
            for d, i in zip(values.dims, first, strict=True)
        ]
        return " of " + ", ".join(named)

    def _labels(self, rest: Sequence[Hashable]) -> dict[Hashable, Any]:
        return {d: self.array[d] for d in rest if d in self.array.coords}


def pool_of(
    array: xr.DataArray,
    over: str | None,
    *,
    regions: xr.Dataset | None,
    contigs: str | Sequence[str] | None,
    valid: xr.DataArray | None,
) -> Pool:
    """The values that somebody asked for.

    Raises
    ------
    GenomeError
        When they are along nothing that is known, or regions, contigs or a mask are given for
        something else than positions.
    """
    along = next((d for d in _ALONG if d in array.dims), None) if over is None else over
    if along not in array.dims or along not in _ALONG:
        raise GenomeError(
            f"{array.name!r} with dims {array.dims} has no values along "
            f"{along or ', '.join(_ALONG)}; say over="
        )
    dims = [along, *(str(d) for d in array.dims if str(d).startswith("offset") or d == "strand")]
    if along != "position" and any(a is not None for a in (regions, contigs, valid)):
        raise GenomeError(
            f"regions=, contigs= and valid= choose positions, and {array.name!r} is of {along}s; "
            f"select those to fit on, as in x.isel({along}=...)"
        )
    runs = None
    if regions is not None or contigs is not None:
        runs = _runs(axis_of(array), regions, contigs)
    shown = array
    if valid is not None:
        check_valid(valid, axis_of(array))
        shown = array.where(valid)
    return Pool(shown, tuple(dims), runs, array)


def _runs(
    axis: GenomeAxis, regions: xr.Dataset | None, contigs: str | Sequence[str] | None
) -> tuple[Ints, Ints]:
    """Disjoint runs of positions to fit on."""
    runs = axis.edges[:-1], axis.edges[1:]
    if regions is not None:
        runs = runs_on(table_columns(regions), axis)
    if contigs is not None:
        names = [contigs] if isinstance(contigs, str) else list(contigs)
        code = np.array([axis.assembly.code(name) for name in names], dtype=np.int32)
        none = np.zeros(len(code), dtype=np.int64)
        whole = Columns(
            axis.assembly.names, code, none, axis.assembly.lengths[code], none.astype(np.int8)
        )
        runs = common_runs(runs, runs_on(whole, axis))
    if not len(runs[0]):
        raise GenomeError("there are no positions to fit on: regions= and contigs= leave none")
    return runs


def kilobases(array: xr.DataArray) -> xr.DataArray | float:
    """Length of each bin, window or region, in kb.

    Raises
    ------
    GenomeError
        For what has no length in bp.
    """
    if "position" in array.dims:
        return _of_bins(axis_of(array), array)
    offset = next((array[d] for d in array.dims if str(d).startswith("offset")), None)
    if offset is not None and "bin_size" in offset.attrs:
        return float(offset.attrs["bin_size"]) / 1000
    indexes = [i for i in array.xindexes.values() if isinstance(i, WindowIndex)]
    if offset is None and indexes:
        columns = indexes[0].columns
        return xr.DataArray((columns.end - columns.start) / 1000, dims=indexes[0].dim)
    raise GenomeError(f"{array.name!r} with dims {array.dims} does not tell how long its bins are")


def _of_bins(axis: GenomeAxis, array: xr.DataArray) -> xr.DataArray | float:
    """Length of each bin in kb; the last one of a contig may be shorter."""
    import dask.array as da

    size, lengths = axis.bin_size, axis.assembly.lengths[axis.code]
    highest = axis.first + np.maximum((axis.count - 1) * axis.step, 0)
    short = np.flatnonzero((highest + 1) * size > lengths)
    if not short.size:
        return size / 1000
    at = np.where(axis.step[short] > 0, axis.edges[short + 1] - 1, axis.edges[short])
    source = _Lengths(at, lengths[short] % size, axis)
    known = array.chunksizes.get("position")
    values = source[:] if known is None else da.from_array(source, chunks=(known,), name=False)
    return xr.DataArray(values, genome_coords(axis), ["position"]) / 1000


class _Lengths:
    """bp of each bin of an axis, made where it is looked at."""

    ndim, dtype = 1, np.dtype(np.float32)

    def __init__(self, at: Ints, length: Ints, axis: GenomeAxis) -> None:
        self.at, self.length, self.shape, self.size = at, length, (axis.size,), axis.bin_size

    def __getitem__(self, key: Any) -> Array:
        (part,) = key if isinstance(key, tuple) else (key,)
        low, high, _ = part.indices(self.shape[0])
        out = np.full(max(high - low, 0), self.size, dtype=np.float32)
        inside = (self.at >= low) & (self.at < high)
        out[self.at[inside] - low] = self.length[inside]
        return out


def log1p(array: xr.DataArray) -> xr.DataArray:
    """log(1 + x), lazily, in float32 (float64 of float64 and large integers).

    Raises
    ------
    GenomeError
        When computed, for values of -1 and below.
    """
    dtype = np.result_type(array.dtype, np.float32) if array.dtype.itemsize < 4 else array.dtype
    if dtype.kind != "f":
        dtype = np.dtype(np.float32 if array.dtype.itemsize <= 4 else np.float64)
    found: xr.DataArray = xr.apply_ufunc(
        _log1p, array, kwargs={"dtype": dtype, "name": array.name}, dask="parallelized",
        output_dtypes=[dtype], keep_attrs=True,
    )  # fmt: skip
    return found


def _log1p(values: Array, dtype: np.dtype[Any], name: Hashable) -> Array:
    try:
        with np.errstate(invalid="raise", divide="raise"):
            return np.asarray(np.log1p(values.astype(dtype, copy=False)))
    except FloatingPointError:
        low = np.nanmin(values)
        raise GenomeError(
            f"{name!r} has values down to {low:g}, and log(1 + x) is of values above -1; use "
            'method="zscore", or shift them first'
        ) from None
