"""What is each metric, of one vector of labels and one of predictions?

Numbers come from scikit-learn and scipy, in float64: the AUC that Keras keeps while it trains has
200 thresholds and gave 0.898 where the truth was 0.9215. A metric that is not defined is NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays._optional import optional
from genoarrays.errors import GenomeError

__all__ = [
    "BINARY",
    "Metric",
    "Values",
    "check_binary",
    "check_probabilities",
    "metric_named",
    "metric_names",
]

Values = npt.NDArray[np.float64]
Metric = Callable[[Values, Values], float]

BINARY = ("auroc", "auprc", "f1", "accuracy", "log_loss")
"""Metrics of labels that are 0 and 1."""


def metric_names() -> list[str]:
    """Names of the metrics of pooled values, sorted."""
    return sorted(_METRICS)


def metric_named(name: str, threshold: float) -> Metric:
    """Function of a name.

    Raises
    ------
    GenomeError
        For a name that is not known.
    """
    if name not in _METRICS:
        raise GenomeError(f"metric {name!r} is not known; choose from {metric_names()}")
    function = _METRICS[name]
    return partial(function, threshold=threshold) if name in ("f1", "accuracy") else function


def check_binary(strange: float | None, metric: str) -> None:
    """Refuse a label that is neither 0 nor 1.

    Raises
    ------
    GenomeError
        When there is one.
    """
    if strange is not None:
        raise GenomeError(
            f"{metric} needs labels of 0 and 1, and one is {strange:g}; "
            f"score a threshold, as in (y_true > 0).astype(float), or metrics=['pearson']"
        )


def _classes(labels: Values, metric: str) -> int:
    strange = labels[(labels != 0) & (labels != 1)]
    check_binary(float(strange[0]) if strange.size else None, metric)
    return int(np.unique(labels).size)


def _auroc(labels: Values, predictions: Values) -> float:
    if _classes(labels, "auroc") < 2:
        return float("nan")
    return float(_sklearn().roc_auc_score(labels, predictions))


def _auprc(labels: Values, predictions: Values) -> float:
    if _classes(labels, "auprc") < 2:
        return float("nan")
    return float(_sklearn().average_precision_score(labels, predictions))


def _f1(labels: Values, predictions: Values, threshold: float) -> float:
    if _classes(labels, "f1") < 2:
        return float("nan")
    return float(_sklearn().f1_score(labels, predictions >= threshold))


def _accuracy(labels: Values, predictions: Values, threshold: float) -> float:
    if not _classes(labels, "accuracy"):
        return float("nan")
    return float(_sklearn().accuracy_score(labels, predictions >= threshold))


def _log_loss(labels: Values, predictions: Values) -> float:
    if not _classes(labels, "log_loss"):
        return float("nan")
    check_probabilities(float(predictions.min()), float(predictions.max()))
    return float(_sklearn().log_loss(labels, predictions, labels=[0.0, 1.0]))


def check_probabilities(low: float, high: float) -> None:
    """Refuse predictions that are no probabilities.

    Raises
    ------
    GenomeError
        When the smallest or the largest one lies outside 0 to 1.
    """
    if low < 0 or high > 1:
        raise GenomeError(
            f"log_loss needs probabilities, and predictions go from {low:g} to {high:g}; "
            f"turn scores into these first, as in 1 / (1 + np.exp(-y_pred))"
        )


def _varies(values: Values) -> bool:
    return values.size > 1 and bool(np.ptp(values) > 0)


def _pearson(labels: Values, predictions: Values) -> float:
    if not (_varies(labels) and _varies(predictions)):
        return float("nan")
    return float(_scipy().pearsonr(labels, predictions).statistic)


def _spearman(labels: Values, predictions: Values) -> float:
    if not (_varies(labels) and _varies(predictions)):
        return float("nan")
    return float(_scipy().spearmanr(labels, predictions).statistic)


def _explained_variance(labels: Values, predictions: Values) -> float:
    if not _varies(labels):
        return float("nan")
    return float(_sklearn().explained_variance_score(labels, predictions))


def _mse(labels: Values, predictions: Values) -> float:
    if not labels.size:
        return float("nan")
    return float(_sklearn().mean_squared_error(labels, predictions))


def _mae(labels: Values, predictions: Values) -> float:
    if not labels.size:
        return float("nan")
    return float(_sklearn().mean_absolute_error(labels, predictions))


def _sklearn() -> Any:
    return optional("sklearn.metrics", purpose="scoring predictions", extra="eval")


def _scipy() -> Any:
    return optional("scipy.stats", purpose="scoring predictions", extra="eval")


_METRICS: dict[str, Callable[..., float]] = {
    "auroc": _auroc,
    "auprc": _auprc,
    "f1": _f1,
    "accuracy": _accuracy,
    "log_loss": _log_loss,
    "pearson": _pearson,
    "spearman": _spearman,
    "explained_variance": _explained_variance,
    "mse": _mse,
    "mae": _mae,
}
