"""What are the scores of labels and predictions that are larger than memory?

Blocks are read once for sums and a first count of scores. What depends on order is then known up to
the order within ranges of scores, which bounds the error; ranges that matter are split and counted
in another pass until that bound is below `_ERROR`. Ranks for Spearman take a pass of their own.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.evaluation.loaded import check_known
from genoarrays.evaluation.ordered import auprc, auroc, order_error, rank_correlation, ranks_of
from genoarrays.evaluation.stream import Stream
from genoarrays.evaluation.sums import check_sums, joined_sums, metric_of_sums
from genoarrays.evaluation.trees import Tree

__all__ = ["stream_counts", "stream_scores"]

Array = npt.NDArray[Any]
_ERROR = 1e-6
_PASSES = 8  # at most, to count scores


def stream_scores(
    truth: xr.DataArray,
    guess: xr.DataArray,
    pooled: Sequence[Hashable],
    names: Sequence[str],
    threshold: float,
) -> dict[str, Array]:
    """Metrics, `n` and `positives` by name: arrays of the dimensions that stay.

    Parameters
    ----------
    truth, guess
        Labels and predictions with the same dims, in the same order.
    pooled
        Dimensions that are pooled.
    names
        Metrics, of `metrics.metric_names`.
    threshold
        Predictions from here on count as 1.

    Raises
    ------
    GenomeError
        For a prediction that is missing, and what a metric refuses.

    Warns
    -----
    UserWarning
        When the error of a metric may be above 1e-6 all the same.
    """
    stream = Stream(truth, guess, pooled)
    if not stream.rows:
        kinds = {name: np.float64 for name in names} | {"n": np.int64, "positives": np.int64}
        return {name: np.empty(stream.rest, kind) for name, kind in kinds.items()}
    binary, ranked = [n for n in names if n in ("auroc", "auprc")], "spearman" in names
    trees = {}
    if binary or ranked:
        trees["guess"] = [Tree(stream.width("guess")) for _ in range(stream.rows)]
    if ranked:
        trees["truth"] = [Tree(stream.width("truth")) for _ in range(stream.rows)]
    sums = _sums_and_counts(stream, trees, threshold, "log_loss" in names)
    check_known(int(sums[:, 1].sum()), int(sums[:, :2].sum()))
    check_sums(sums, names)
    bounds = _grow(stream, trees, binary, ranked)
    if (worst := bounds.max(initial=0)) > _ERROR:
        warnings.warn(
            f"scores may be off by {worst:.1e}: predictions differ by so little, and are so many, "
            f"that {_PASSES} passes do not tell all apart",
            stacklevel=3,
        )
    found = {}
    for name in names:
        if name == "spearman":
            ranks = {of: [ranks_of(tree) for tree in some] for of, some in trees.items()}
            products = stream.products(trees, ranks)
            pairs = zip(trees["truth"], trees["guess"], products, strict=True)
            found[name] = np.array([rank_correlation(*pair) for pair in pairs])
        elif name in binary:
            function = auroc if name == "auroc" else auprc
            found[name] = np.array([function(tree) for tree in trees["guess"]])
        else:
            found[name] = metric_of_sums(sums, name)
    found["n"] = sums[:, 0].astype(np.int64)
    found["positives"] = sums[:, 2].astype(np.int64)
    return {name: values.reshape(stream.rest) for name, values in found.items()}


def stream_counts(
    truth: xr.DataArray, guess: xr.DataArray, pooled: Sequence[Hashable], bins: int
) -> tuple[list[Tree], Array]:
    """Trees of how often each score occurs among negatives and positives, for each row.

    And sums (row, bin, field) of `sums.bin_sums`.

    Raises
    ------
    GenomeError
        For a prediction that is missing, and labels other than 0 and 1.
    """
    stream = Stream(truth, guess, pooled)
    if not stream.rows:
        return [], np.empty((0, bins, 3))
    trees = {"guess": [Tree(stream.width("guess")) for _ in range(stream.rows)]}
    sums = _sums_and_counts(stream, trees, 0.5, False)
    check_known(int(sums[:, 1].sum()), int(sums[:, :2].sum()))
    check_sums(sums, ["auroc"])
    _grow(stream, trees, ["auroc", "auprc"], False)
    return trees["guess"], stream.bin_sums(bins)


def _sums_and_counts(
    stream: Stream, trees: dict[str, list[Tree]], threshold: float, losses: bool
) -> Array:
    """Sums (row, field), and the first counts of trees, in one pass."""
    import dask

    lazy = [stream.counts(some, of) for of, some in trees.items()]
    sums, *counts = dask.compute(stream.sums(threshold, losses), *lazy)
    _add(stream, trees, counts)
    return joined_sums(sums.reshape(-1, stream.rows, sums.shape[-1]))


def _add(stream: Stream, trees: dict[str, list[Tree]], counts: Sequence[Array]) -> None:
    for some, found in zip(trees.values(), counts, strict=True):
        for tree, row in zip(some, found.reshape(stream.rows, *found.shape[-2:]), strict=True):
            tree.add(row)


def _count(stream: Stream, trees: dict[str, list[Tree]]) -> None:
    """Count what is new in trees, in one pass."""
    import dask

    _add(stream, trees, dask.compute(*[stream.counts(t, of) for of, t in trees.items()]))


def _grow(
    stream: Stream, trees: dict[str, list[Tree]], binary: Sequence[str], ranked: bool
) -> npt.NDArray[np.float64]:
    """Split and count until errors are small; bounds of the errors that are left."""
    bounds = np.zeros(stream.rows)
    for number in range(_PASSES):
        bounds[:] = 0
        grown: dict[str, list[Tree]] = {}
        for of, some in trees.items():
            grew = False
            for row, tree in enumerate(some):
                tree.rest()
                names = [*(binary if of == "guess" else []), *(["spearman"] if ranked else [])]
                leaves, bound, weight = order_error(tree, names)
                bounds[row] = max(bounds[row], bound)
                if bound > _ERROR / 2 and number < _PASSES - 1:
                    grew |= tree.grow(leaves, weight)
            if grew:
                grown[of] = some
        if not grown:
            break
        _count(stream, grown)
    return bounds
