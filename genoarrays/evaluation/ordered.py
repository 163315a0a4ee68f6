"""What do metrics of order come to when scores are known by range only, and how wrong can they be?

Counts of negatives and positives by range, from the lowest scores to the highest. Values within a
range are taken as equal, or as evenly mixed; the bounds are those of the worst order within each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.evaluation.trees import Tree

__all__ = ["auprc", "auroc", "order_error", "rank_correlation", "ranks_of"]

Array = npt.NDArray[Any]


def auroc(tree: Tree) -> float:
    """Area under the ROC curve of counts; NaN for one class only."""
    negatives, positives = _counts(tree, tree.leaves())
    below = np.cumsum(negatives) - negatives
    pairs = negatives.sum() * positives.sum()
    return float(positives @ (below + negatives / 2) / pairs) if pairs else float("nan")


def auprc(tree: Tree) -> float:
    """Average precision of counts; NaN for one class only."""
    leaves = tree.leaves()
    negatives, positives = _counts(tree, leaves)
    if not (negatives.sum() and positives.sum()):
        return float("nan")
    _, middle, _ = _precisions(negatives, positives)
    precision = np.where(tree.left[leaves] > 0, middle, _at_once(negatives, positives))
    return float(positives @ precision / positives.sum())


def _counts(tree: Tree, leaves: Array) -> tuple[Array, Array]:
    counts = tree.counts[leaves].astype(np.float64)
    return counts[:, 0], counts[:, 1]


def _above(counts: Array) -> Array:
    """Counts of higher leaves."""
    return np.asarray(np.cumsum(counts[::-1])[::-1] - counts)


def _at_once(negatives: Array, positives: Array) -> Array:
    """Precision at the end of leaves whose values are equal."""
    hit = _above(positives) + positives
    return np.asarray(hit / np.maximum(hit + _above(negatives) + negatives, 1))


def _precisions(negatives: Array, positives: Array) -> tuple[Array, Array, Array]:
    """Mean precision of the positives of leaves: least, if evenly mixed, and most."""
    hit, wrong = _above(positives), _above(negatives)
    low = (hit + 1) / (hit + 1 + wrong + negatives)
    high = (hit + positives) / np.maximum(hit + positives + wrong, 1)
    half = hit + (positives + 1) / 2
    middle = np.clip(half / (half + wrong + negatives / 2), np.minimum(low, high), high)
    return low, middle, high


def order_error(tree: Tree, names: Sequence[str]) -> tuple[Array, float, Array]:
    """Leaves; the largest error of metrics because of the order within them; the part of each."""
    leaves = tree.leaves()
    negatives, positives = _counts(tree, leaves)
    open_ = (tree.left[leaves] > 0) & (negatives + positives > 1)
    p, n = positives.sum(), negatives.sum()
    weight, bound = np.zeros(len(leaves)), 0.0
    if "auroc" in names and p and n:
        parts = np.where(open_, negatives * positives / (2 * p * n), 0)
        weight, bound = weight + _share(parts), max(bound, float(parts.sum()))
    if "auprc" in names and p and n:
        low, _, high = _precisions(negatives, positives)
        parts = np.where(open_ & (positives > 0), positives / p * (high - low), 0)
        weight, bound = weight + _share(parts), max(bound, float(parts.sum()))
    if "spearman" in names and p + n > 1:
        # ranks are off by at most half of a leaf, their squares by a twelfth on the mean
        number = negatives + positives
        squares = np.where(open_, number * (number**2 - 1) / 12, 0)
        total = _squares(number) + squares.sum()
        share = float(np.sqrt(squares.sum() / total)) if total else 0.0
        bound = max(bound, 2 * share)
        if squares.sum() > 0:
            weight = weight + share * squares ** (1 / 3) / (squares ** (1 / 3)).sum()
    return leaves, bound, weight


def _share(parts: Array) -> Array:
    """Weight of leaves that are wrong by so much: halves of a leaf are half as wrong together."""
    roots = np.sqrt(parts)
    return np.asarray(roots * (parts.sum() / max(roots.sum(), np.finfo(np.float64).tiny)))


def _squares(number: Array) -> float:
    """Sum of squared ranks, from their mean, where values of a leaf are equal."""
    total = number.sum()
    return float((total**3 - (number**3).sum()) / 12)


def ranks_of(tree: Tree) -> Array:
    """Rank (node,) of the values of each leaf, as a share of all, from the mean."""
    leaves = tree.leaves()
    number = tree.counts[leaves].sum(1).astype(np.float64)
    out = np.zeros(len(tree.table))
    total = number.sum()
    out[leaves] = (np.cumsum(number) - (number - 1) / 2 - (total + 1) / 2) / max(total, 1)
    return out


def rank_correlation(truth: Tree, guess: Tree, product: float) -> float:
    """Spearman correlation of the sum of products of `ranks_of`; NaN without spread."""
    sizes = [tree.counts[tree.leaves()].sum(1).astype(np.float64) for tree in (truth, guess)]
    a, b = (_squares(number) / max(number.sum(), 1) ** 2 for number in sizes)
    return float(np.clip(product / np.sqrt(a * b), -1, 1)) if a > 0 and b > 0 else float("nan")
