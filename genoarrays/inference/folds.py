"""What does a model say about each window when it was trained without the window's contig?

One model per fold of contigs: trained on some, stopped early by others, asked about the rest. So
every window is predicted once, by a model that has seen nothing near it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import xarray as xr

from genoarrays.examples.folds import fold_regions
from genoarrays.inference.predict import predict
from genoarrays.models.training import fit

__all__ = ["CrossValidation", "cross_validate"]


class CrossValidation(NamedTuple):
    """Predictions of every held-out window, and how each fold was trained.

    `predictions` has the coordinate `fold` along the windows; `histories` has one entry per fold.
    """

    predictions: xr.DataArray | xr.Dataset
    histories: list[Any]


def cross_validate(
    make_model: Callable[[xr.Dataset], Any],
    examples: Callable[[xr.Dataset], xr.Dataset],
    regions: xr.Dataset,
    *,
    inputs: Any,
    targets: Any,
    folds: int = 5,
    by: str = "contig",
    guard: int = 0,
    seed: int = 0,
    out: Any = None,
    **options: Any,
) -> CrossValidation:
    """Train a model per fold, and predict each fold by the model that has not seen it.

    Parameters
    ----------
    make_model
        Called with the training windows of a fold; gives a Keras model, such as
        `lambda x: ga.models.jund_dna(x)`. The global seeds are set to `seed` + fold before.
    examples
        Called with a table of regions; gives windows, as `ga.windows` does. It is called for
        training, validation and test of each fold, so it may fit a normalizer to what it is given
        only if that is meant.
    regions
        Table of regions.
    inputs, targets
        Names of variables, as for `ga.fit`.
    folds
        Number of folds, at least 3: the next fold stops each one early.
    by, guard
        As for `ga.fold_regions`: whole contigs or stretches, and bp between parts.
    seed
        Of folds, weights and order.
    out
        Directory for the models, saved as `fold0`, `fold1`, ...
    **options
        Of `ga.fit`.

    Returns
    -------
    CrossValidation
        (predictions, histories). Predictions are as `ga.predict` gives them, fold after fold.

    Raises
    ------
    RegionError
        For folds that are not possible, see `ga.fold_regions`.
    GenomeError, StoreError
        As `ga.fit` and `ga.predict`.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 200, "chr2": 200, "chr3": 200}))
    >>> codes = np.random.default_rng(0).integers(0, 4, 600).astype("int8")
    >>> ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    >>> ds["gc"] = "position", np.isin(codes, [1, 2])
    >>> def examples(regions):
    ...     return ga.windows(ds, regions, 40, reduce={"gc": "mean"})
    >>> def model(x):
    ...     return ga.models.network(x, lambda given: given["dna"][:, 0], "dna", "gc")
    >>> tiles = ga.tile_regions(ds, 40)
    >>> y, histories = cross_validate(
    ...     model, examples, tiles, folds=3, inputs="dna", targets="gc", epochs=1
    ... )
    >>> y.sizes["window"], sorted(set(y.fold.values.tolist())), len(histories)
    (15, [0, 1, 2], 3)
    """
    parts: list[Any] = []
    histories: list[Any] = []
    for fold, (train, valid, test) in enumerate(
        fold_regions(regions, folds, valid=True, by=by, guard=guard, seed=seed)
    ):
        x = examples(train)
        keras.utils.set_random_seed(seed + fold)
        model = make_model(x)
        place = None if out is None else Path(out) / f"fold{fold}"
        told = {"inputs": inputs, "targets": targets, "seed": seed + fold, "out": place}
        histories.append(fit(model, x, validation=examples(valid), **told, **options))
        tested = examples(test)
        y: Any = predict(
            model, tested, inputs=inputs, progress=options.get("progress"),
            memory=options.get("memory", "1 GiB"),
        )  # fmt: skip
        parts.append(y.assign_coords(fold=("window", np.full(y.sizes["window"], fold))))
    predictions: Any = xr.concat(
        parts, "window", coords="minimal", compat="override", join="exact",
        combine_attrs="drop_conflicts",
    )  # fmt: skip
    return CrossValidation(predictions, histories)
