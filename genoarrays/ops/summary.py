"""How many values are there, and what are their mean, spread and range, over a whole genome?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.ops.blocks import fields_over
from genoarrays.ops.rows import rows_of

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
    rows = rows_of(array, dim, "summarized")
    found = results(rows.finish(fields_over(rows.data, rows.over)), NAMES)
    result = rows.labels
    for name, text in NAMES.items():
        attrs = {"long_name": text}
        if "units" in array.attrs and name != "count":
            attrs["units"] = array.attrs["units"]
        result[name] = (rows.rest, found[name], attrs)
    return result.assign_attrs(array.attrs)


def results(fields: Any, names: Iterable[str]) -> dict[str, Any]:
    """What fields (..., field), NumPy or dask, come to: (...,) float64 (counts int64) by name.

    NaN where there are no values.
    """
    if isinstance(fields, np.ndarray):
        return {name: _result(fields, name) for name in names}
    last = fields.ndim - 1
    return {
        name: fields.map_blocks(
            _result, name, drop_axis=last, dtype=np.int64 if name == "count" else np.float64
        )
        for name in names
    }


def _result(fields: Array, name: str) -> Array:
    count, total, squares, low, high = np.moveaxis(fields, -1, 0)
    if name == "count":
        return np.asarray(count, dtype=np.int64)
    with np.errstate(invalid="ignore", divide="ignore"):
        if name == "mean":
            return np.asarray(total / count)
        if name == "sd":
            return np.asarray(np.sqrt(np.where(count > 1, squares / (count - 1), np.nan)))
    return np.asarray(np.where(count > 0, {"sum": total, "min": low, "max": high}[name], np.nan))
