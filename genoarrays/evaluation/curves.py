"""Which curves do scores make: ROC, precision against recall, calibration?"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.evaluation.loaded import known_values, loaded
from genoarrays.evaluation.metrics import check_binary, metric_named
from genoarrays.evaluation.ordered import auprc, auroc
from genoarrays.evaluation.pooled import Pooled, is_large, pool
from genoarrays.evaluation.streamed import stream_counts
from genoarrays.evaluation.sums import bin_sums
from genoarrays.evaluation.trees import Tree

__all__ = ["curves"]

Array = npt.NDArray[Any]
_TEXTS = {
    "fpr": "false positive rate",
    "tpr": "true positive rate",
    "recall": "recall",
    "precision": "precision",
    "predicted": "mean prediction",
    "observed": "share of positives",
    "count": "labels that are known",
}


def curves(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    by: str | xr.Dataset | None = None,
    valid: xr.DataArray | None = None,
    dim: Hashable | Sequence[Hashable] | None = None,
    *,
    points: int = 500,
    bins: int = 10,
    in_memory: bool | None = None,
) -> xr.Dataset:
    """ROC and precision-recall curves, and calibration, as labelled arrays.

    Parameters
    ----------
    y_true, y_pred, by, valid, dim
        As of `ga.score`; labels are 0 and 1.
    points
        Most points of a curve, at least 2. Of a longer one those are kept that lie evenly along it,
        and both ends; a shorter one repeats its last point.
    bins
        Ranges of predictions, from 0 to 1 and all as wide, for the calibration.
    in_memory
        As of `ga.score`.

    Returns
    -------
    xr.Dataset
        (by, what is not pooled, point) float64: `fpr`, `tpr` and `roc_threshold` as
        `sklearn.metrics.roc_curve` gives them; `recall`, `precision` and `pr_threshold`, from the
        highest prediction to the lowest, to be drawn as steps. (..., bin): `predicted`, the mean
        prediction, and `observed`, the share of positives, NaN in empty ranges; `count` int64; with
        the coordinates `low` and `high`. These are there where all predictions lie from 0 to 1.
        And `auroc`, `auprc`, `n` and `positives`. NaN where there is one class only. Of lazy arrays
        that are large, points are the ends of ranges of predictions, see `ga.score`, and thresholds
        their lower ends.

    Raises
    ------
    RegionError, AssemblyError, GenomeError
        As of `ga.score`; and for `points` and `bins` that are too few.

    Examples
    --------
    >>> y = xr.DataArray([0.0, 0.0, 1.0, 1.0], dims="window")
    >>> found = curves(y, y.copy(data=[0.1, 0.4, 0.35, 0.8]), points=5)
    >>> found.tpr.values.tolist(), found.fpr.values.tolist()
    ([0.0, 0.5, 0.5, 1.0, 1.0], [0.0, 0.0, 0.5, 0.5, 1.0])
    """
    if points < 2 or bins < 1:
        raise GenomeError(f"points={points} and bins={bins} are too few; give 2 and 1 at least")
    together = pool(y_true, y_pred, by, valid, dim)
    lazily = is_large(together) if in_memory is None else not in_memory
    pairs = together.pairs()
    shape = tuple(together.truth.sizes[d] for d in together.kept)
    rows: list[dict[str, Array]] = []
    for truth, guess in pairs:
        if lazily:
            trees, sums = stream_counts(truth, guess, together.pooled, bins)
            rows += [
                _of_counts(*_of_tree(tree), points)
                | {"auroc": np.array(auroc(tree)), "auprc": np.array(auprc(tree))}
                | _calibration(some)
                for tree, some in zip(trees, sums, strict=True)
            ]
            continue
        one, other = loaded(truth, together), loaded(guess, together)
        for cell in itertools.product(*map(range, shape)):
            rows.append(_of_values(*known_values(one[cell], other[cell]), points, bins))
    found = {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
    if np.isnan(found.get("count", np.empty(0))).any():  # no probabilities
        found = {n: v for n, v in found.items() if n not in ("predicted", "observed", "count")}
    elif "count" in found:
        found["count"] = found["count"].astype(np.int64)
    return _labelled(together, found, (len(pairs), *shape), bins)


def _labelled(
    together: Pooled, found: dict[str, Array], shape: tuple[int, ...], bins: int
) -> xr.Dataset:
    result = together.labels
    dims = [together.by, *together.kept]
    for name, values in found.items():
        along = ["bin"] if name in ("predicted", "observed", "count") else ["point"]
        spread = values.reshape(*shape, *values.shape[1:])
        names = [*dims, *along[: values.ndim - 1]]
        attrs = {"long_name": _TEXTS[name]} if name in _TEXTS else {}
        if together.by is None:
            result[name] = (names[1:], spread[0], attrs)
        else:
            result[name] = (names, spread, attrs)
    if "count" in found:
        edges = np.linspace(0, 1, bins + 1)
        result = result.assign_coords(low=("bin", edges[:-1]), high=("bin", edges[1:]))
    return result


def _of_values(truth: Array, guess: Array, points: int, bins: int) -> dict[str, Array]:
    strange = truth[(truth != 0) & (truth != 1)]
    check_binary(float(strange[0]) if strange.size else None, "a curve")
    scores, place = np.unique(guess, return_inverse=True)
    positives = np.bincount(place, truth, len(scores))
    negatives = np.bincount(place, minlength=len(scores)) - positives
    found = _of_counts(scores, negatives, positives, points)
    found |= _calibration(bin_sums(truth, guess, bins))
    for name in ("auroc", "auprc"):
        found[name] = np.array(metric_named(name, 0.5)(truth, guess))
    return found


def _of_tree(tree: Tree) -> tuple[Array, Array, Array]:
    """Lowest score of each leaf, and its counts."""
    from genoarrays.ops.ranks import values_of_keys

    leaves = tree.leaves()
    kind = np.dtype(f"f{tree.width // 8}")
    counts = tree.counts[leaves].astype(np.float64)
    return values_of_keys(tree.low[leaves], kind).astype(np.float64), counts[:, 0], counts[:, 1]


def _of_counts(scores: Array, negatives: Array, positives: Array, points: int) -> dict[str, Array]:
    """Curves of counts by rising score."""
    n, p = negatives.sum(), positives.sum()
    falling = scores[::-1]
    wrong, hit = np.cumsum(negatives[::-1]), np.cumsum(positives[::-1])
    names = ("fpr", "tpr", "roc_threshold", "recall", "precision", "pr_threshold")
    found = {name: np.full(points, np.nan) for name in names}
    if n and p:
        x, y = np.append(0, wrong / n), np.append(0, hit / p)
        some = _even(x, y, points)
        above = np.append(np.inf, falling)
        found |= {"fpr": x[some], "tpr": y[some], "roc_threshold": above[some]}
        x, y = np.append(0, hit / p), np.append(1, hit / (hit + wrong))
        some = _even(x, y, points)
        found |= {"recall": x[some], "precision": y[some], "pr_threshold": above[some]}
    return found | {"n": np.asarray(np.int64(n + p)), "positives": np.asarray(np.int64(p))}


def _calibration(sums: Array) -> dict[str, Array]:
    """Calibration of sums (bin, field)."""
    count, positives, total = sums.T
    with np.errstate(invalid="ignore"):
        return {"predicted": total / count, "observed": positives / count, "count": count}


def _even(x: Array, y: Array, points: int) -> npt.NDArray[np.int64]:
    """Places along a curve, at even distances, both ends among them; the last is repeated."""
    if len(x) > points:
        along = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
        some = np.unique(np.searchsorted(along, np.linspace(0, along[-1], points)))
        some[0], some[-1] = 0, len(x) - 1
    else:
        some = np.arange(len(x))
    return np.append(some, np.full(points - len(some), len(x) - 1))
