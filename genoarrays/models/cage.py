"""How did Kopp et al. predict the use of promoters (CAGE) from sequence and chromatin?

Regression of a normalized count per promoter: `cage_dna` on some 700 bp of DNA, `cage_chromatin` on
mean signals around the promoter, `cage_joint` on both. They trained it with `loss="mae"` for up to
100 epochs.

References
----------
Kopp et al., "Deep learning for genomics using Janggu", Nature Communications 11:3488, 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr
from keras import layers

from genoarrays.models.network import network
from genoarrays.models.parts import (
    Names,
    chosen,
    fewer,
    first_convolution,
    kind_of,
    room_for,
)
from genoarrays.models.towers import join, normalized

__all__ = ["cage_chromatin", "cage_dna", "cage_joint"]


def cage_dna(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Network on DNA: convolution 10 x 15, max pool 5, convolution 8 x 5, global maximum.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence (window, offset); by default all that `x` has. Each has its own layers.
    targets
        Names of variables (window[, track]); by default the only one without offsets.
    **options
        order (1): length of the k-mers; strands ("both"): or "forward", of the first convolution;
        scale (1): of the number of filters; dropout (0): share of the positions of one-hot sequence
        dropped while training; activation ("linear"): of the outputs; start (): models to take
        weights over from; seed (0): of the first weights.

    Returns
    -------
    keras.Model
        Inputs and outputs named as the variables.

    Raises
    ------
    GenomeError
        When an input is something else than the model takes.
    RegionError
        When a variable is missing, or windows are too short.

    Examples
    --------
    >>> import numpy as np
    >>> dna = ("window", "offset"), np.zeros((2, 700), "int8"), {"alphabet": "ACGT"}
    >>> x = xr.Dataset({"dna": dna, "cage": ("window", np.zeros(2, "float32"))})
    >>> cage_dna(x, scale=0.5).get_layer("dna_motifs").filters
    5
    """
    return _cage(x, inputs, targets, ["sequence"], "cage_dna", **options)


def cage_chromatin(
    x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any
) -> Any:
    """Linear model of values around the promoter, each brought to mean 0 and variance 1.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of values (window[, strand][, sample]), as `ga.windows(reduce="mean")` gives them;
        by default all without offsets but the targets.
    targets
        Names of variables (window[, track]); needed where `inputs` are not given.
    **options
        As for `cage_dna`.

    Returns
    -------
    keras.Model
        Inputs and outputs named as the variables.

    Raises
    ------
    GenomeError
        When an input is something else than the model takes.
    RegionError
        When a variable is missing.
    """
    return _cage(x, inputs, targets, ["values"], "cage_chromatin", **options)


def cage_joint(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Both networks, their last hidden layers side by side under a new output.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence and of values; by default all but the targets.
    targets
        Names of variables (window[, track]); needed where `inputs` are not given.
    **options
        As for `cage_dna`. `start=[dna_model, chromatin_model]` begins with the weights of these.

    Returns
    -------
    keras.Model
        Inputs and outputs named as the variables.

    Raises
    ------
    GenomeError
        When an input is something else than the model takes.
    RegionError
        When a variable is missing, or windows are too short.
    """
    return _cage(x, inputs, targets, ["sequence", "values"], "cage_joint", **options)


def _cage(
    x: xr.Dataset,
    inputs: Names,
    targets: Names,
    kinds: list[str],
    name: str,
    *,
    order: int = 1,
    strands: str = "both",
    scale: float = 1.0,
    dropout: float = 0.0,
    activation: str = "linear",
    start: Sequence[Any] = (),
    seed: int = 0,
) -> Any:
    inputs, targets, signature = chosen(x, inputs, targets, kinds, name)

    def features(given: dict[str, Any]) -> Any:
        found, values = [], []
        for which, variable in signature.inputs.items():
            if kind_of(variable) == "values":
                values.append(layers.Flatten()(given[which]))
                continue
            room_for(given[which], 15 + 5 * 5 - 1, which, name)
            tower = first_convolution(
                given[which], variable, fewer(10, scale), 15, strands, f"{which}_motifs"
            )
            tower = normalized(layers.MaxPooling1D(5)(tower), name=f"{which}_normal")
            tower = layers.Conv1D(fewer(8, scale), 5, activation="relu", name=f"{which}_hidden")(
                tower
            )
            found.append(normalized(layers.GlobalMaxPooling1D()(tower), name=f"{which}_last"))
        if values:
            found.append(normalized(join(values), name="chromatin_last"))
        return join(found)

    return network(
        x, features, inputs, targets, order=order, dropout=dropout, activations=activation,
        start=start, seed=seed, name=name,
    )  # fmt: skip
