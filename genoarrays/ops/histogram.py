"""How often does each range of values occur, over a whole genome?"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.rows import block_rows, rows_of
from genoarrays.ops.summary import summarize
from genoarrays.options import check_bytes

__all__ = ["histogram"]

Array = npt.NDArray[Any]
_OUTSIDE = {
    "below": "values below all bins",
    "above": "values above all bins",
    "missing": "values that are NaN",
}


def histogram(
    array: xr.DataArray,
    bins: int | Sequence[float] | npt.NDArray[Any] = 10,
    range: tuple[float, float] | None = None,
    dim: Hashable | Sequence[Hashable] = "position",
) -> xr.Dataset:
    """Count values by ranges, in one pass, with the bins of `np.histogram`.

    Parameters
    ----------
    array
        Numbers; NaN are missing. To leave out more, mask first: `array.where(valid)`.
    bins
        Number of bins, all as wide; or their edges, rising.
    range
        Lowest and highest edge of so many bins. None takes the smallest and the largest of all
        values, which are looked for at once, in a pass of its own.
    dim
        Dimension, or several, to count over.

    Returns
    -------
    xr.Dataset
        Variable `count` (bin, rest) int64, with the coordinates `bin` (center), `low` and `high`:
        a value v is in a bin where low <= v < high, in the last one also where v == high. And the
        number of values that are in none: `below`, `above` and `missing` (NaN), (rest) int64.
        Lazy where `array` has dask chunks: each is read once.

    Raises
    ------
    GenomeError
        For a dimension that `array` lacks, codes of letters, values that are no numbers, bins and
        ranges that are not possible, infinite values without a range, and counts of one block that
        take more than the byte limit.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3, "chr2": 3}))
    >>> x = xr.DataArray([1.0, 2, 9, np.nan, 4, 3], coords, ["position"])
    >>> found = ga.histogram(x, bins=2, range=(0, 4))
    >>> found["count"].values.tolist(), found.bin.values.tolist(), int(found.above)
    ([1, 3], [1.0, 3.0], 1)
    """
    import dask.array as da

    rows = rows_of(array, dim, "counted")
    edges, even = _edges(array, rows.data, bins, range)
    kinds = len(edges) + 2
    check_bytes(
        rows.most * kinds * 8,
        "the counts of one block",
        "take fewer bins, or cut the dimensions that stay into chunks: array.chunk(...)",
    )
    apart = [(1,) * number for number in rows.data.numblocks[: rows.over]]
    of_blocks = da.map_blocks(
        _count, rows.data, rows.over, edges, even, new_axis=rows.data.ndim, dtype=np.int64,
        chunks=(*apart, *rows.data.chunks[rows.over :], (kinds,)),
        meta=np.empty((0,) * (rows.data.ndim + 1), np.int64),
    )  # fmt: skip
    summed = rows.finish(of_blocks.sum(axis=rows.gone))
    units = {"units": array.attrs["units"]} if "units" in array.attrs else {}
    low, high = edges[:-1].astype(np.float64), edges[1:].astype(np.float64)
    with np.errstate(invalid="ignore"):
        center = low + (high - low) / 2
    places = {
        "bin": (center, "center of the bin"),
        "low": (low, "lower edge of the bin"),
        "high": (high, "upper edge of the bin"),
    }
    labels = {n: ("bin", v, {"long_name": text, **units}) for n, (v, text) in places.items()}
    data: dict[str, Any] = {
        "count": (
            ["bin", *rows.rest],
            np.moveaxis(summed[..., 1:-2], -1, 0),
            {"long_name": "values"},
        )
    }
    for name, number in (("below", 0), ("above", -2), ("missing", -1)):
        data[name] = (rows.rest, summed[..., number], {"long_name": _OUTSIDE[name]})
    return xr.Dataset(data, rows.labels.assign_coords(labels).coords, array.attrs)


def _edges(
    array: xr.DataArray, data: Any, bins: Any, range: tuple[float, float] | None
) -> tuple[Array, bool]:
    """Edges of the bins, and whether all are as wide."""
    if np.ndim(bins):
        edges = np.asarray(bins)
        fine = edges.ndim == 1 and len(edges) > 1 and edges.dtype.kind in "iuf"
        if not fine or not (edges[:-1] <= edges[1:]).all():
            raise GenomeError(f"bins={bins!r} are no edges; give rising numbers, two at least")
        if range is not None:
            raise GenomeError(f"range={range!r} says nothing where bins are edges; leave it out")
        return edges, False
    try:
        number = operator.index(bins)
    except TypeError:
        number = 0
    if number < 1:
        raise GenomeError(f"bins={bins!r} is not possible; give their number, or their edges")
    values = np.empty(0, np.uint8 if array.dtype.kind == "b" else array.dtype)
    if range is None:
        values = _ends(array, data).astype(values.dtype)
        if not np.isfinite(values).all():
            raise GenomeError(f"{array.name!r} holds infinite values; say which range= to count in")
    try:
        return np.histogram_bin_edges(values, number, range), True
    except (ValueError, TypeError) as error:
        raise GenomeError(f"range={range!r} and {number} bins are not possible: {error}") from None


def _ends(array: xr.DataArray, data: Any) -> Array:
    """Smallest and largest value, or nothing where there are none."""
    import dask

    if not array.size:
        return np.empty(0)
    if array.dtype.kind != "f":
        return np.array(dask.compute(data.min(), data.max()))
    found = summarize(array, array.dims)[["min", "max"]].compute()
    ends = np.array([float(found["min"]), float(found["max"])])
    return ends if not np.isnan(ends).any() else np.empty(0)


def _count(block: Array, over: int, edges: Array, even: bool) -> Array:
    from genoarrays.ops.bin_counts import count_bins

    values = block_rows(block, over)
    compared = edges.astype(np.result_type(values.dtype, edges.dtype))
    width = float(edges[-1]) - float(edges[0])
    scale = (len(edges) - 1) / width if even and np.isfinite(width) else 0.0
    out = np.zeros((values.shape[1], len(edges) + 2), dtype=np.int64)
    count_bins(values, compared, scale if np.isfinite(scale) else 0.0, out)
    return out.reshape((1,) * over + block.shape[over:] + out.shape[1:])
