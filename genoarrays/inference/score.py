"""How good are the predictions?

Reported numbers come from scikit-learn and scipy, in float64: the AUC that Keras keeps while it
trains has 200 thresholds and gave 0.898 where the truth was 0.9215. Labels and predictions must lie
on the same windows, in the same order; nothing is aligned silently.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import example_dim

__all__ = ["score"]

Values = npt.NDArray[np.float64]
Metric = Callable[[Values, Values], float]


def score(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    metrics: Sequence[str | Metric] = ("auroc", "auprc", "pearson"),
    by: str | None = None,
    valid: xr.DataArray | None = None,
) -> xr.Dataset:
    """Compare predictions with labels.

    Parameters
    ----------
    y_true
        (window or sequence[, offset...][, track, ...]) labels; NaN means "not known" and is left
        out. For "auroc" and "auprc" they are 0 and 1.
    y_pred
        Predictions with the same dims, windows and labels.
    metrics
        "auroc"; "auprc" (average precision: steps, not trapezoids); "pearson"; or functions of
        (labels, predictions), both float64 vectors, that give a number.
    by
        A coordinate along `window` or `sequence`, such as "contig": one result for each of its
        values, in order of appearance. "track" (or another dimension) only says what happens
        anyway.
    valid
        Mask of the same windows, by offset or not, such as `ga.windows` cuts from a `valid_mask`:
        where it is False, labels are left out.

    Returns
    -------
    xr.Dataset
        One float64 variable per metric, and int64 `n` (labels that are known) and `positives`
        (those above 0). Windows or sequences and `offset...` are pooled; the other dims, and `by`,
        stay. A metric that is not defined is NaN: one class only, or no variation for "pearson".

    Raises
    ------
    RegionError
        When dims, windows, sequences or labels differ.
    GenomeError
        For an unknown metric or `by`, a prediction of NaN, or labels other than 0 and 1 where the
        metric needs these.

    Examples
    --------
    >>> fold = ("window", [1, 2, 1, 2])
    >>> y = xr.DataArray([0.0, 0.0, 1.0, 1.0], dims="window", coords={"fold": fold})
    >>> p = y.copy(data=[0.1, 0.4, 0.35, 0.8])
    >>> score(y, p, metrics=["auroc", "auprc"]).auroc.item()
    0.75
    >>> score(y, p, by="fold").auroc.values
    array([1., 1.])
    """
    functions = dict(_named(metric) for metric in metrics)
    example = example_dim(y_true)
    _check_same_examples(y_true, y_pred, example)
    if valid is not None:
        if valid.dtype.kind != "b" or not set(valid.dims) <= set(y_true.dims):
            raise RegionError(
                f"valid= has dims {valid.dims} and dtype {valid.dtype}; give a mask of bool along "
                f"dimensions of the labels, {y_true.dims}"
            )
        y_true = y_true.where(valid)
    kept = [dim for dim in y_true.dims if dim != example and not str(dim).startswith("offset")]
    groups = _groups(y_true, y_pred, by, kept, example)
    pooled = [dim for dim in y_true.dims if dim not in kept]
    labels = y_true.transpose(*kept, *pooled).values.astype(np.float64)
    predictions = y_pred.transpose(*kept, *pooled).values.astype(np.float64)

    axis = len(kept) + pooled.index(example)
    shape = (len(groups), *labels.shape[: len(kept)])
    results = {name: np.full(shape, np.nan) for name in functions}
    counts = {name: np.zeros(shape, "int64") for name in ("n", "positives")}
    for row, rows in enumerate(groups.values()):
        here, there = labels.take(rows, axis=axis), predictions.take(rows, axis=axis)
        for cell in itertools.product(*map(range, shape[1:])):
            known = ~np.isnan(here[cell])
            truth, guess = here[cell][known], there[cell][known]
            if np.isnan(guess).any():
                raise GenomeError(
                    f"{int(np.isnan(guess).sum()):,} of {guess.size:,} predictions are NaN where "
                    f"the label is known; predict these windows, or set their labels to NaN"
                )
            counts["n"][row, *cell] = truth.size
            counts["positives"][row, *cell] = (truth > 0).sum()
            for name, function in functions.items():
                results[name][row, *cell] = function(truth, guess)

    coords = {dim: y_true[dim] for dim in kept if dim in y_true.coords}
    if by is None or by in kept:
        return xr.Dataset({k: (kept, v[0]) for k, v in {**results, **counts}.items()}, coords)
    holder = y_true if by in y_true.coords else y_pred
    coords[by] = xr.DataArray(np.array(list(groups), holder[by].dtype), dims=by)
    return xr.Dataset({k: ([by, *kept], v) for k, v in {**results, **counts}.items()}, coords)


def _check_same_examples(y_true: xr.DataArray, y_pred: xr.DataArray, example: str) -> None:
    if set(y_true.dims) != set(y_pred.dims):
        raise RegionError(
            f"labels have dims {y_true.dims}, predictions {y_pred.dims}; "
            f"both need {example!r} and the same other dims"
        )
    for dim in y_true.dims:
        if y_true.sizes[dim] != y_pred.sizes[dim]:
            raise RegionError(
                f"labels have {y_true.sizes[dim]:,} along {dim!r}, predictions "
                f"{y_pred.sizes[dim]:,}; score the same {dim}s: select them first"
            )
        coord = "id" if dim == "sequence" else dim
        indexes = [obj.xindexes.get(coord) for obj in (y_true, y_pred)]
        if None not in indexes and not indexes[0].equals(indexes[1]):  # type: ignore[union-attr]
            raise RegionError(
                f"labels and predictions lie on different {dim}s, or in another order; "
                f"take both from the same Dataset"
            )


def _groups(
    y_true: xr.DataArray, y_pred: xr.DataArray, by: str | None, kept: Sequence[Any], example: str
) -> dict[Any, npt.NDArray[np.intp]]:
    if by is None or by in kept:
        return {None: np.arange(y_true.sizes[example])}
    holder = y_true if by in y_true.coords else y_pred
    if by not in holder.coords or holder[by].dims != (example,):
        along = sorted(
            {str(n) for y in (y_true, y_pred) for n, c in y.coords.items() if c.ndim == 1}
        )
        raise GenomeError(f"by={by!r} is not a coordinate along {example!r}; there are {along}")
    values = holder[by].values.tolist()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    codes = np.array([numbers[value] for value in values], "int64")
    return {value: np.flatnonzero(codes == number) for value, number in numbers.items()}


def _named(metric: str | Metric) -> tuple[str, Metric]:
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric not in METRICS:
        raise GenomeError(f"metric {metric!r} is not known; choose from {sorted(METRICS)}")
    return metric, METRICS[metric]


def _auroc(labels: Values, predictions: Values) -> float:
    if _classes(labels, "auroc") < 2:
        return float("nan")
    return float(_sklearn().roc_auc_score(labels, predictions))


def _auprc(labels: Values, predictions: Values) -> float:
    if _classes(labels, "auprc") < 2:
        return float("nan")
    return float(_sklearn().average_precision_score(labels, predictions))


def _pearson(labels: Values, predictions: Values) -> float:
    if labels.size < 2 or np.ptp(labels) == 0 or np.ptp(predictions) == 0:
        return float("nan")
    stats = optional("scipy.stats", purpose="scoring predictions", extra="eval")
    return float(stats.pearsonr(labels, predictions).statistic)


def _classes(labels: Values, metric: str) -> int:
    strange = labels[(labels != 0) & (labels != 1)]
    if strange.size:
        raise GenomeError(
            f"{metric} needs labels of 0 and 1, and one is {strange[0]:g}; "
            f"score a threshold, as in (y_true > 0).astype(float), or metrics=['pearson']"
        )
    return int(np.unique(labels).size)


def _sklearn() -> Any:
    return optional("sklearn.metrics", purpose="scoring predictions", extra="eval")


METRICS: dict[str, Metric] = {"auroc": _auroc, "auprc": _auprc, "pearson": _pearson}
