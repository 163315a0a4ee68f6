"""How are the numbers of a normalizer applied to other values?

By label, lazily: a value needs only the numbers of its own sample or track.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.blocks import check_numbers
from genoarrays.ops.normal import METHODS
from genoarrays.ops.pool import kilobases, log1p

__all__ = ["normalize", "normalizer_of"]

Array = npt.NDArray[Any]
_PER_LENGTH = ("rpkm", "tpm", "per_length")


def normalize(array: xr.DataArray, stats: xr.Dataset) -> xr.DataArray:
    """Apply a normalizer, by label and lazily.

    Parameters
    ----------
    array
        Numbers on positions, windows, regions or sequences.
    stats
        What `fit_normalizer` found, on this array or another one; samples and tracks are matched
        by label, whatever their order.

    Returns
    -------
    xr.DataArray
        Of the same dims, labels and chunks; float32, float64 of float64. NaN stay. The attribute
        `normalizer` holds method and numbers; a list of these where `array` was normalized before.

    Raises
    ------
    GenomeError
        For a Dataset that is no normalizer, labels that it does not know, or a dimension that
        `array` has lost without a label to say which one it is.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3}))
    >>> x = xr.DataArray([0.0, 2, 8], coords, ["position"])
    >>> ga.normalize(x, ga.fit_normalizer(x, "bpm")).values
    array([     0., 200000., 800000.])
    >>> ga.normalize(x, ga.fit_normalizer(x, "soft_clip", c=4.0)).values.round(3)
    array([0.   , 2.   , 5.236])
    """
    method = stats.attrs.get("method") if isinstance(stats, xr.Dataset) else None
    if method not in METHODS:
        raise GenomeError("this is no normalizer; make one with ga.fit_normalizer(array, method)")
    check_numbers(array, "normalized")
    dtype = np.dtype(np.float64 if array.dtype == np.float64 else np.float32)
    own = {str(n): _matched(array, v).astype(dtype) for n, v in stats.data_vars.items()}
    x = array if array.dtype == dtype else array.astype(dtype)
    if method in _PER_LENGTH:
        x = x / kilobases(array)
    if method in ("log1p", "zscore_log"):
        x = log1p(x)
    if method in ("zscore", "zscore_log"):
        x = (x - own["mean"]) / own["sd"]
    elif "factor" in own:
        x = x * own["factor"]
    elif method == "clip":
        x = x.clip(own.get("low"), own["high"])
    elif method == "soft_clip":
        x = xr.apply_ufunc(_softly, x, own["c"], dask="parallelized", output_dtypes=[dtype])
    elif method == "quantile":
        labels = [d for d in own["level"].dims if d != "quantile"]
        x = xr.apply_ufunc(
            _at_reference, x.transpose(..., *labels), own["level"], own["reference"],
            dask="parallelized", input_core_dims=[[], ["quantile"], ["quantile"]],
            output_dtypes=[dtype],
        )  # fmt: skip
    result = array.copy(data=x.transpose(*array.dims).astype(dtype).data)
    before = array.attrs.get("normalizer")
    told: Any = _told(stats)
    if before is not None:
        told = [*(before if isinstance(before, list) else [before]), told]
    return result.assign_attrs(normalizer=told)


def _matched(array: xr.DataArray, numbers: xr.DataArray) -> xr.DataArray:
    """Numbers in the order of the array's labels."""
    for dim in [d for d in numbers.dims if d != "quantile"]:
        if dim not in numbers.coords:
            if array.sizes.get(dim) != numbers.sizes[dim]:
                raise GenomeError(
                    f"the normalizer has {numbers.sizes[dim]} numbers along {dim}, without labels, "
                    f"and {array.name!r} {array.sizes.get(dim, 'no')} of them; label them"
                )
            continue
        if dim not in array.coords:
            raise GenomeError(
                f"{array.name!r} has no label {dim!r} to say which numbers of the normalizer it "
                "takes; keep that coordinate"
            )
        known = numbers[dim].values.tolist()
        wanted = np.atleast_1d(array[dim].values).tolist()
        if lacking := [label for label in wanted if label not in known]:
            raise GenomeError(
                f"the normalizer was not fitted on {dim} {lacking[0]!r}; it knows "
                f"{', '.join(map(repr, known[:5]))}{' ...' if len(known) > 5 else ''}"
            )
        rows = [known.index(label) for label in wanted]
        numbers = numbers.isel({dim: rows if dim in array.dims else rows[0]})
    keep = [n for n in numbers.coords if n in numbers.dims and n in array.dims]
    numbers = numbers.drop_vars([n for n in numbers.coords if n not in keep])
    return numbers.assign_coords({n: array[n] for n in keep})


def _softly(x: Array, c: Array) -> Array:
    over = np.maximum(x - c, 0)
    return np.where(x > c, c - 1 + np.sqrt(over + 1), x)


def _at_reference(x: Array, level: Array, reference: Array) -> Array:
    """The reference at the quantile that each value has among the levels of its sample."""
    out = np.empty(x.shape, dtype=x.dtype)
    table = np.broadcast_to(level, (*x.shape[x.ndim - level.ndim + 1 :], level.shape[-1]))
    for cell in np.ndindex(table.shape[:-1]):
        levels = table[cell]
        # of values that many bins have, the middle of the quantiles that are theirs
        known, first, count = np.unique(levels, return_index=True, return_counts=True)
        target = np.interp(first + (count - 1) / 2, np.arange(len(levels)), reference)
        part = (..., *cell) if cell else ...
        values = x[part]
        out[part] = np.where(np.isnan(values), np.nan, np.interp(values, known, target))
    return out


def _told(stats: xr.Dataset) -> dict[str, Any]:
    """Method and numbers, for attributes; without the distributions of "quantile", which are long.

    `dims` says along what numbers lie that are not one for all.
    """
    told: dict[str, Any] = {"method": stats.attrs["method"]}
    for name, numbers in stats.data_vars.items():
        if "quantile" in numbers.dims:
            continue
        for dim in map(str, numbers.dims):
            if dim in numbers.coords:
                told[dim] = [_plain(label) for label in numbers[dim].values.tolist()]
            told["dims"] = list(map(str, numbers.dims))
        told[str(name)] = numbers.values.tolist()
    return told


def _plain(label: Any) -> Any:
    return label if isinstance(label, str | int | float | bool) else str(label)


def normalizer_of(told: Mapping[str, Any]) -> xr.Dataset:
    """The normalizer that the attribute `normalizer` tells of, to apply it again.

    Raises
    ------
    GenomeError
        When the attribute does not tell enough.

    Examples
    --------
    >>> x = xr.DataArray([1.0, 3.0], dims="window", attrs={})
    >>> import genoarrays as ga
    >>> done = ga.normalize(x, ga.fit_normalizer(x, "zscore"))
    >>> bool((ga.normalize(x, normalizer_of(done.attrs["normalizer"])) == done).all())
    True
    """
    method = told.get("method")
    if method not in METHODS or method == "quantile":
        raise GenomeError(
            f"the attribute `normalizer` does not hold the numbers of method={method!r}; keep what "
            "ga.fit_normalizer gave, and apply it again"
        )
    dims = told.get("dims", [])
    numbers = {k: v for k, v in told.items() if k not in ("method", "dims", *dims)}
    found = {k: (dims if isinstance(v, list) else (), np.asarray(v)) for k, v in numbers.items()}
    coords = {dim: told[dim] for dim in dims if dim in told}
    return xr.Dataset(found, coords, {"method": method})
