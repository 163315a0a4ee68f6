"""How good are the predictions?

Labels and predictions that fit into memory are given to scikit-learn and scipy. Lazy ones of the
size of a genome are not loaded: sums and counts are made block by block, see `streamed.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.evaluation.bootstrap import Bootstrap
from genoarrays.evaluation.loaded import load_scores
from genoarrays.evaluation.metrics import Metric, metric_named, metric_names
from genoarrays.evaluation.pooled import is_large, pool
from genoarrays.evaluation.profiles import PROFILES, profiles
from genoarrays.evaluation.streamed import stream_scores

__all__ = ["score"]


def score(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    metrics: Sequence[str | Metric] = ("auroc", "auprc", "pearson"),
    by: str | xr.Dataset | None = None,
    valid: xr.DataArray | None = None,
    dim: Hashable | Sequence[Hashable] | None = None,
    *,
    threshold: float = 0.5,
    bootstrap: int = 0,
    resample: str | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    in_memory: bool | None = None,
) -> xr.Dataset:
    """Compare predictions with labels.

    Parameters
    ----------
    y_true
        (window, sequence or position[, offset...][, track, ...]) labels; NaN means "not known" and
        is left out. For "auroc", "auprc", "f1", "accuracy" and "log_loss" they are 0 and 1.
    y_pred
        Predictions with the same dims, places and labels.
    metrics
        Of all values that are pooled: "auroc"; "auprc" (average precision: steps, not trapezoids);
        "f1" and "accuracy" (of predictions of `threshold` and above); "log_loss"; "pearson";
        "spearman"; "explained_variance"; "mse"; "mae". Of each window over its offsets, then the
        mean over windows: "profile_pearson", and "jensen_shannon" (distance of the profiles, made
        to sum to 1; natural logarithm). "counts_pearson": of sums over offsets. Of each window (and
        offset) over `track`, then the mean: "pearson_across_tracks". Or functions of (labels,
        predictions), both float64 vectors, that give a number.
    by
        A coordinate along windows, such as "contig" or "fold": one result for each of its values,
        in order of appearance. Or a table of regions with a column label, name, state or category:
        one result for each label, of the windows or bins that overlap its regions, which may be in
        several. "track" (or another dimension that stays) only says what happens anyway.
    valid
        Mask of the same windows, by offset or not, such as `ga.windows` cuts from a `valid_mask`:
        where it is False, labels are left out.
    dim
        Dimensions that are pooled; None: window, sequence or position, and offset... .
    threshold
        Predictions from here on count as 1, for "f1" and "accuracy".
    bootstrap
        Number of resamples for an interval of each metric, 0 for none.
    resample
        What is drawn again, with replacement: a window (or sequence), which is None, or all that
        share a coordinate, such as "contig".
    confidence
        Share of the resamples within the interval.
    seed
        Of the resampling.
    in_memory
        True loads all values; False makes sums and counts block by block. None does that where
        arrays are lazy and all values would take more than 256 MiB.

    Returns
    -------
    xr.Dataset
        One float64 variable per metric, and int64 `n` (labels that are known) and `positives`
        (those above 0); `<metric>_low` and `<metric>_high` of a bootstrap (percentiles). What is
        not pooled stays, and `by`. A metric that is not defined is NaN: one class only, or no
        variation for "pearson", "spearman" and "explained_variance". In memory equal to
        scikit-learn and scipy; block by block within 1e-6, which a bound is kept of while scores
        are counted: each block is read once for sums and a first count of scores, and once for each
        finer count (one for "auroc" and "auprc" as a rule) and for the ranks of "spearman".

    Raises
    ------
    RegionError
        When dims, windows, sequences or labels differ.
    AssemblyError
        When labels and predictions lie on different genomes.
    GenomeError
        For an unknown metric, `by`, `dim` or `resample`, a prediction of NaN, labels other than 0
        and 1 or predictions outside 0 to 1 where the metric needs these, and for what cannot be
        done block by block: functions, and a bootstrap.

    Examples
    --------
    >>> fold = ("window", [1, 2, 1, 2])
    >>> y = xr.DataArray([0.0, 0.0, 1.0, 1.0], dims="window", coords={"fold": fold})
    >>> p = y.copy(data=[0.1, 0.4, 0.35, 0.8])
    >>> score(y, p, metrics=["auroc", "auprc"]).auroc.item()
    0.75
    >>> score(y, p, by="fold").auroc.values
    array([1., 1.])
    >>> found = score(y, p, metrics=["mse"], bootstrap=200)
    >>> bool(found.mse_low < found.mse < found.mse_high)
    True
    """
    functions = dict(_named(metric, threshold) for metric in metrics)
    plain = {name: function for name, function in functions.items() if function is not None}
    draws = Bootstrap(bootstrap, resample, confidence, seed) if bootstrap else None
    together = pool(y_true, y_pred, by, valid, dim)
    lazily = is_large(together) if in_memory is None else not in_memory
    if lazily:
        _check_streamed(metrics, draws)
        parts = [
            stream_scores(*pair, together.pooled, list(plain), threshold)
            for pair in together.pairs()
        ]
        found = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    else:
        found = load_scores(together, plain, draws, counted=True)
    result = together.dataset(found)
    truth = y_true if valid is None else y_true.where(valid)
    for name in [name for name in functions if name in PROFILES]:
        one, other, function = profiles(name, truth, y_pred)
        left = None if dim is None else [d for d in together.pooled if d in one.dims]
        rest = pool(one, other, by, None, left)
        values = rest.dataset(load_scores(rest, {name: function}, draws, counted=False))
        result = result.assign(values.data_vars)
    order = [n + end for n in functions for end in ("", "_low", "_high")] + ["n", "positives"]
    return result[[name for name in order if name in result]]


def _named(metric: str | Metric, threshold: float) -> tuple[str, Metric | None]:
    """Name and function of a metric; None for what is made of windows first."""
    if callable(metric):
        return getattr(metric, "__name__", type(metric).__name__), metric
    if metric in PROFILES:
        return metric, None
    if metric not in metric_names():
        raise GenomeError(
            f"metric {metric!r} is not known; choose from {sorted([*metric_names(), *PROFILES])}"
        )
    return metric, metric_named(metric, threshold)


def _check_streamed(metrics: Sequence[str | Metric], draws: Bootstrap | None) -> None:
    """Refuse what needs all values at once."""
    what = next((getattr(m, "__name__", "a function") for m in metrics if callable(m)), None)
    what = "a bootstrap" if draws is not None else what
    if what is not None:
        raise GenomeError(
            f"{what} needs all values in memory, and these are lazy and large; select some first, "
            f"as in y_true.sel(contig=...), or say in_memory=True"
        )
