"""Which sums of labels and predictions give metrics, and how are those of blocks joined?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.evaluation.metrics import BINARY, check_binary, check_probabilities
from genoarrays.ops.pairs import correlation, joined_pairs

__all__ = ["SUMS", "bin_sums", "check_sums", "joined_sums", "metric_of_sums", "sums_of"]

Array = npt.NDArray[Any]
_PLAIN = (
    "n", "missing", "positives", "true positives", "false positives", "false negatives",
    "absolute errors", "log losses",
)  # fmt: skip
_PAIR = ("number", "mean of a", "mean of b", "squares of a", "squares of b", "products")
_EXTREMES = ("strange label", "least", "largest")
SUMS = (*_PLAIN, *_EXTREMES, *(f"{p}, {n}" for p in ("prediction", "error") for n in _PAIR))
"""Fields: plain sums; a label other than 0 and 1 (NaN for none) and the range of predictions; and
what is known of the pairs (label, prediction) and (label, prediction - label), see `ops/pairs.py`.
"""

_AT = {name: number for number, name in enumerate(SUMS)}
_FIRST = len(_PLAIN)
_PAIRS = (_FIRST + len(_EXTREMES), _FIRST + len(_EXTREMES) + len(_PAIR))


def sums_of(truth: Array, guess: Array, threshold: float, losses: bool) -> Array:
    """Sums (row, field) of labels and predictions (value, row); log losses where asked."""
    from genoarrays.evaluation.kernels import sum_pairs

    out = np.empty((truth.shape[1], len(SUMS)))
    sum_pairs(truth, guess, threshold, losses, out)
    return out


def bin_sums(truth: Array, guess: Array, bins: int) -> Array:
    """Number of values, positives and sum of predictions (bin, 3), by prediction from 0 to 1.

    NaN where a prediction lies outside.
    """
    known = ~np.isnan(truth) & np.isfinite(guess)
    y, p = truth[known] > 0, guess[known].astype(np.float64)
    if p.size and (p.min() < 0 or p.max() > 1):
        return np.full((bins, 3), np.nan)
    at = np.minimum((p * bins).astype(np.int64), bins - 1)
    return np.stack([np.bincount(at, weight, bins) for weight in (None, y, p)], axis=1)


def joined_sums(parts: Array) -> Array:
    """Sums (row, field) of all, of those of parts (part, row, field)."""
    out = np.empty(parts.shape[1:])
    out[:, :_FIRST] = parts[..., :_FIRST].sum(0)
    strange, least, largest = np.moveaxis(parts[..., _FIRST : _PAIRS[0]], -1, 0)
    out[:, _FIRST] = np.fmax.reduce(strange, axis=0)
    out[:, _FIRST + 1], out[:, _FIRST + 2] = least.min(0), largest.max(0)
    for begin in _PAIRS:
        fields = parts[:, None, :, begin : begin + len(_PAIR)]
        out[:, begin : begin + len(_PAIR)] = joined_pairs(fields)[0]
    return out


def check_sums(sums: Array, names: Sequence[str]) -> None:
    """Refuse labels and predictions that a metric does not take.

    Raises
    ------
    GenomeError
        For labels other than 0 and 1, or predictions outside 0 to 1.
    """
    strange = sums[:, _FIRST][~np.isnan(sums[:, _FIRST])]
    for name in names:
        if name in BINARY:
            check_binary(float(strange[0]) if strange.size else None, name)
        if name == "log_loss":
            check_probabilities(float(sums[:, _FIRST + 1].min()), float(sums[:, _FIRST + 2].max()))


def metric_of_sums(sums: Array, name: str) -> npt.NDArray[np.float64]:
    """A metric (row,) of sums; NaN where it is not defined."""

    def field(name: str) -> Array:
        return sums[:, _AT[name]]

    n, positives = field("n"), field("positives")
    mixed = (positives > 0) & (positives < n)
    with np.errstate(invalid="ignore", divide="ignore"):
        if name == "f1":
            hit = field("true positives")
            wrong = field("false positives") + field("false negatives")
            return np.where(mixed, 2 * hit / (2 * hit + wrong), np.nan)
        if name == "accuracy":
            return np.asarray(1 - (field("false positives") + field("false negatives")) / n)
        if name == "log_loss":
            return np.asarray(field("log losses") / n)
        if name == "mae":
            return np.asarray(field("absolute errors") / n)
        if name == "mse":
            return np.asarray(field("error, squares of b") / n + field("error, mean of b") ** 2)
        spread = field("prediction, squares of a")
        if name == "pearson":
            return correlation(sums[:, _PAIRS[0] : _PAIRS[1]])
        gone = field("error, squares of b") / spread  # explained_variance
        return np.where((n > 1) & (spread > 0), 1 - gone, np.nan)
