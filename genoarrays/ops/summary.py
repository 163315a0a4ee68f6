"""How many values are there, and what are their mean, spread and range, over a whole genome?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["summarize"]

Array = npt.NDArray[Any]
_BLOCK = 2**22  # values of a block, of arrays that have no dask chunks
_TILE = 2**16  # values of one row that are laid side by side at once
_NAMES = {
    "count": "values that are not missing",
    "mean": "mean",
    "sd": "standard deviation (n - 1)",
    "min": "smallest value",
    "max": "largest value",
}


def summarize(array: xr.DataArray, dim: Hashable | Sequence[Hashable] = "position") -> xr.Dataset:
    """Count, mean, standard deviation, minimum and maximum, in one pass over the values.

    Parameters
    ----------
    array
        Numbers; NaN are missing. To leave out more, mask first: `array.where(valid)`.
    dim
        Dimension, or several, to summarize over.

    Returns
    -------
    xr.Dataset
        Variables count (int64), mean, sd, min and max (float64), with the other dimensions of
        `array`. Lazy where `array` has dask chunks: each is read once, and five numbers for each
        row of it are kept. Else blocks are read one after the other. The standard deviation
        divides by n - 1; it is NaN for fewer than two values, the others for none.

    Raises
    ------
    GenomeError
        For a dimension that `array` lacks, codes of letters, or values that are no numbers.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3, "chr2": 2}))
    >>> x = xr.DataArray([1.0, 2, 3, np.nan, 4], coords, ["position"])
    >>> found = ga.summarize(x)
    >>> int(found["count"]), float(found["mean"]), round(float(found.sd), 3), float(found["max"])
    (4, 2.5, 1.291, 4.0)
    """
    dims = [dim] if isinstance(dim, str) or not isinstance(dim, Sequence) else list(dim)
    for one in dims:
        if one not in array.dims:
            raise GenomeError(f"{array.name!r} has no dimension {one!r}, but {list(array.dims)}")
    if "alphabet" in array.attrs or array.dtype.kind not in "biuf":
        what = "codes of letters" if "alphabet" in array.attrs else str(array.dtype)
        raise GenomeError(f"{array.name!r} holds {what}, and only numbers are summarized")
    rest = [d for d in array.dims if d not in dims]
    flat = array.variable.transpose(*dims, *rest)
    lazy = flat.chunks is not None
    data = flat.data if lazy else _in_blocks(flat, dims)
    parts = _parts(data, len(dims))
    fields = parts if lazy else parts.compute()
    coords = {n: c for n, c in array.coords.items() if not set(c.dims) & set(dims)}
    found = xr.Dataset(coords=coords)
    for number, (name, text) in enumerate(_NAMES.items()):
        values = fields[..., number]
        values = values.astype(np.int64) if name == "count" else values
        attrs = {"long_name": text}
        if "units" in array.attrs and name != "count":
            attrs["units"] = array.attrs["units"]
        found[name] = (rest, values, attrs)
    return found.assign_attrs(array.attrs)


def _in_blocks(flat: xr.Variable, dims: list[Hashable]) -> Any:
    """The same as a dask array, for what is in memory or read without dask."""
    cells = max(int(np.prod(flat.shape[1:], dtype=np.int64)), 1)
    return flat.chunk({dims[0]: max(_BLOCK // cells, 1)}).data


def _parts(data: Any, over: int) -> Any:
    """Fields of the first `over` dimensions: (rest, field)."""
    import dask.array as da

    fields = len(_NAMES)
    blocks = tuple((1,) * number for number in data.numblocks[:over])
    of_blocks = da.map_blocks(
        _of_block, data, over=over, dtype=np.float64, new_axis=data.ndim,
        chunks=(*blocks, *data.chunks[over:], (fields,)), meta=np.empty((0,) * (data.ndim + 1)),
    )  # fmt: skip
    whole = of_blocks.rechunk(dict.fromkeys(range(over), -1))
    return da.map_blocks(
        _joined, whole, over=over, dtype=np.float64, drop_axis=list(range(over)),
        chunks=(*data.chunks[over:], (fields,)), meta=np.empty((0,) * (data.ndim + 1 - over)),
    )  # fmt: skip


def _of_block(block: Array, over: int) -> Array:
    """Fields of one block, its first dimensions of length 1."""
    from genoarrays.ops.moments import FIELDS, moments

    rest = block.shape[over:]
    if block.dtype.kind == "b" or block.dtype == np.float16 or not block.dtype.isnative:
        kept = np.float32 if block.dtype == np.float16 else block.dtype.newbyteorder("=")
        block = block.astype(np.uint8 if block.dtype.kind == "b" else kept)
    columns = np.moveaxis(block, range(over), range(-over, 0))
    rows = int(np.prod(rest, dtype=np.int64))
    out = np.empty((rows, len(FIELDS)))
    if columns.flags.c_contiguous:
        moments(columns.reshape(rows, -1), out)
    else:
        table = block.reshape(-1, rows)
        parts = np.empty((-(-len(table) // _TILE), rows, len(FIELDS)))
        for number, part in enumerate(parts):
            tile = table[number * _TILE : (number + 1) * _TILE]
            moments(np.ascontiguousarray(tile.T), part)
        out = _merged(parts)
    return out.reshape((1,) * over + rest + (len(FIELDS),))


def _joined(parts: Array, over: int) -> Array:
    """Results of the fields of all blocks."""
    fields = _merged(parts.reshape(-1, *parts.shape[over:]))
    count, mean, squares, low, high = np.moveaxis(fields, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.sqrt(np.where(count > 1, squares / (count - 1), np.nan))
    known = [np.where(count > 0, values, np.nan) for values in (mean, sd, low, high)]
    return np.stack([count, *known], axis=-1)


def _merged(parts: Array) -> Array:
    """Fields of all, of (part, ..., field)."""
    count, mean, squares, low, high = np.moveaxis(parts, -1, 0)
    number = count.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        center = np.where(count > 0, count * mean, 0).sum(0) / number
        away = np.where(count > 0, mean - center, 0)
        spread = (squares + count * away**2).sum(0)
    lowest = low.min(0, initial=np.inf)
    return np.stack([number, center, spread, lowest, high.max(0, initial=-np.inf)], axis=-1)
