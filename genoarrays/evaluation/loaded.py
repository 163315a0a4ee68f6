"""What are the scores of labels and predictions that fit into memory?"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.evaluation.bootstrap import Bootstrap, drawn, intervals, units_of
from genoarrays.evaluation.metrics import Metric, Values
from genoarrays.evaluation.pooled import Pooled

__all__ = ["check_known", "known_values", "load_scores", "loaded"]


def load_scores(
    together: Pooled, functions: Mapping[str, Metric], draws: Bootstrap | None, counted: bool
) -> dict[str, npt.NDArray[Any]]:
    """Arrays (group, kept...) of metrics and their intervals, by name.

    Parameters
    ----------
    together
        Labels and predictions.
    functions
        Metrics by name.
    draws
        How to resample; None for no intervals.
    counted
        Whether to give `n` and `positives`, too.

    Raises
    ------
    GenomeError
        For a prediction that is missing, and what a metric refuses.
    """
    pairs = together.pairs()
    shape = (len(pairs), *(together.truth.sizes[dim] for dim in together.kept))
    ends = ("",) if draws is None else ("", "_low", "_high")
    found: dict[str, npt.NDArray[Any]] = {
        name + end: np.full(shape, np.nan) for name in functions for end in ends
    }
    if counted:
        found |= {name: np.zeros(shape, np.int64) for name in ("n", "positives")}
    for row, (truth, guess) in enumerate(pairs):
        one, other = loaded(truth, together), loaded(guess, together)
        units = None if draws is None else units_of(draws, truth, guess, together)
        for cell in itertools.product(*map(range, shape[1:])):
            here = known_values(one[cell], other[cell])
            if counted:
                found["n"][row, *cell] = here[0].size
                found["positives"][row, *cell] = (here[0] > 0).sum()
            for name, function in functions.items():
                found[name][row, *cell] = function(*here)
            if draws is None or units is None:
                continue
            picks = drawn(draws, units, ~np.isnan(one[cell]))
            ranges = intervals(draws, list(functions.values()), here, picks)
            for name, (low, high) in zip(functions, ranges, strict=True):
                found[name + "_low"][row, *cell] = low
                found[name + "_high"][row, *cell] = high
    return found


def loaded(array: xr.DataArray, together: Pooled) -> Values:
    """Values (kept..., pooled) as float64, what is pooled laid end to end."""
    values = array.transpose(*together.kept, *together.pooled).values
    kept, size = values.shape[: len(together.kept)], np.prod(values.shape[len(together.kept) :])
    return values.reshape(*kept, int(size)).astype(np.float64)


def known_values(truth: Values, guess: Values) -> tuple[Values, Values]:
    """Vectors of the labels that are known, and of their predictions.

    Raises
    ------
    GenomeError
        When such a prediction is missing.
    """
    known = ~np.isnan(truth)
    truth, guess = truth[known], guess[known]
    check_known(int((~np.isfinite(guess)).sum()), guess.size)
    return truth, guess


def check_known(missing: int, number: int) -> None:
    """Refuse predictions that are missing where the label is known.

    Raises
    ------
    GenomeError
        When some are.
    """
    if missing:
        raise GenomeError(
            f"{missing:,} of {number:,} predictions are NaN or infinite where the label is known; "
            f"predict these windows, or set their labels to NaN"
        )
