"""How well does each window's profile fit, and how is that made one number?

Profiles are compared window by window, over offsets, or track by track; what that gives for each
window is averaged, windows for which it is not defined left out. Lazy arrays are compared block by
block, and only one number for each window is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.evaluation.metrics import Metric, Values, metric_named

__all__ = ["PROFILES", "profiles"]

Array = npt.NDArray[Any]


def profiles(
    name: str, y_true: xr.DataArray, y_pred: xr.DataArray
) -> tuple[xr.DataArray, xr.DataArray, Metric]:
    """Arrays of which a metric of windows is made, and how.

    Parameters
    ----------
    name
        One of `PROFILES`.
    y_true, y_pred
        Labels and predictions with the same dims.

    Returns
    -------
    xr.DataArray, xr.DataArray
        What stands for labels and predictions, without the dimensions compared along.
    Metric
        The function of both that gives the metric.

    Raises
    ------
    GenomeError
        When the dimension that is compared along is not there.
    """
    along, compare = PROFILES[name]
    dims = [d for d in y_true.dims if str(d).startswith("offset")] if along == "offset" else [along]
    if not dims or any(dim not in y_true.dims for dim in dims):
        raise GenomeError(
            f"{name} compares along {along!r}, and labels have the dims {tuple(y_true.dims)}"
        )
    if name == "counts_pearson":
        known = y_true.notnull()
        total = y_true.sum(dims, skipna=True).where(known.any(dims))
        return total, y_pred.where(known).sum(dims, skipna=True), metric_named("pearson", 0.5)
    values = _by_rows(compare, y_true, y_pred, dims)
    return values, values, _mean


def _by_rows(
    compare: Callable[[Array, Array], Array],
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    dims: Sequence[Hashable],
) -> xr.DataArray:
    """What a function of (..., value) arrays makes of the dimensions compared along."""

    def flat(truth: Array, guess: Array) -> Array:
        shape = truth.shape[: truth.ndim - len(dims)]
        pair = (a.reshape(*shape, -1).astype(np.float64) for a in (truth, guess))
        return compare(*pair)

    whole = [a.chunk(dict.fromkeys(dims, -1)) if a.chunks else a for a in (y_true, y_pred)]
    found: xr.DataArray = xr.apply_ufunc(
        flat, *whole, input_core_dims=[list(dims)] * 2, dask="parallelized",
        output_dtypes=[np.float64], join="override",
    )  # fmt: skip
    return found


def _mean(values: Values, _: Values) -> float:
    return float(values.mean()) if values.size else float("nan")


def _row_pearson(truth: Array, guess: Array) -> Array:
    known = ~np.isnan(truth)
    number = np.maximum(known.sum(-1, keepdims=True), 1)
    rows = [np.where(known, a, 0) for a in (truth, guess)]
    a, b = (np.where(known, x - x.sum(-1, keepdims=True) / number, 0) for x in rows)
    flat = [_flat(x, known) for x in rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (a * b).sum(-1) / (np.sqrt((a * a).sum(-1)) * np.sqrt((b * b).sum(-1)))
    return np.asarray(np.where(flat[0] | flat[1], np.nan, np.clip(r, -1, 1)))


def _flat(values: Array, known: Array) -> Array:
    """Whether all known values of a row are the same."""
    high = np.where(known, values, -np.inf).max(-1, initial=-np.inf)
    return np.asarray(high <= np.where(known, values, np.inf).min(-1, initial=np.inf))


def _row_divergence(truth: Array, guess: Array) -> Array:
    """Jensen-Shannon distance of rows, natural logarithm, as scipy gives it.

    Missing where a row has nothing or something negative.
    """
    known = ~np.isnan(truth)
    rows = [np.where(known, a, 0) for a in (truth, guess)]
    usable = np.logical_and(*[(a >= 0).all(-1) & (a.sum(-1) > 0) for a in rows])
    distance = optional("scipy.spatial.distance", purpose="scoring profiles", extra="eval")
    out = np.full(usable.shape, np.nan)
    if usable.any():
        some = [a[usable] for a in rows]
        out[usable] = distance.jensenshannon(*some, axis=-1)
        missing = np.isnan(some[1]).any(-1)  # a prediction that is not there is told elsewhere
        out[usable] = np.where(missing, np.nan, out[usable])
    return out


PROFILES: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "profile_pearson": ("offset", _row_pearson),
    "jensen_shannon": ("offset", _row_divergence),
    "counts_pearson": ("offset", _row_pearson),
    "pearson_across_tracks": ("track", _row_pearson),
}
"""Metrics of windows: along which dimension rows are compared, and how."""
