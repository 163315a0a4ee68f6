"""How many values are there, and what are their mean, spread and range, over a whole genome?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.blocks import blocks_of, check_numbers, fields_of_block, fields_of_blocks

__all__ = ["NAMES", "results", "summarize"]

Array = npt.NDArray[Any]
NAMES = {
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
    check_numbers(array, "summarized")
    data, rest, lazy = blocks_of(array, dims)
    parts = _parts(data, len(dims))
    fields = parts if lazy else parts.compute()
    coords = {n: c for n, c in array.coords.items() if not set(c.dims) & set(dims)}
    found = xr.Dataset(coords=coords)
    for number, (name, text) in enumerate(NAMES.items()):
        values = fields[..., number]
        values = values.astype(np.int64) if name == "count" else values
        attrs = {"long_name": text}
        if "units" in array.attrs and name != "count":
            attrs["units"] = array.attrs["units"]
        found[name] = (rest, values, attrs)
    return found.assign_attrs(array.attrs)


def _parts(data: Any, over: int) -> Any:
    """Results for the first `over` dimensions: (rest, name)."""
    import dask.array as da

    fields = len(NAMES)
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
    size = int(np.prod(block.shape[:over], dtype=np.int64))
    fields = fields_of_block(block, over, np.zeros(1, np.int64), np.full(1, size))
    return fields.reshape((1,) * over + fields.shape[1:])


def _joined(parts: Array, over: int) -> Array:
    """Results of the fields of all blocks."""
    found = results(fields_of_blocks(parts, over))
    return np.stack([found[name] for name in NAMES], axis=-1)


def results(fields: Array) -> dict[str, Array]:
    """What fields (..., field) come to: (...,) float64 by name; NaN where there are no values."""
    count, total, squares, low, high = np.moveaxis(fields, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        sd = np.sqrt(np.where(count > 1, squares / (count - 1), np.nan))
    some = count > 0
    found = {"count": count, "mean": mean, "sd": sd, "sum": total, "min": low, "max": high}
    return {n: v if n in ("count", "mean") else np.where(some, v, np.nan) for n, v in found.items()}
