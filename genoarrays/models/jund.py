"""How did Kopp et al. predict JunD binding from sequence and accessibility?

Small networks on 200-bp bins, here with their numbers: `jund_dna` on 500 bp of DNA, `jund_dnase` on
1,100 bp of DNase in bins of 50 bp, `jund_joint` on both.

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
from genoarrays.models.parts import Names, chosen, fewer, first_convolution, kind_of, room_for
from genoarrays.models.towers import channels, join, normalized

__all__ = ["jund_dna", "jund_dnase", "jund_joint"]


def jund_dna(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Network on DNA: convolution 10 x 11, max pool 30, convolution 8 x 3, global maximum.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence (window, offset); by default all that `x` has. Each has its own layers.
    targets
        Names of labels (window[, track]); by default the variable without offsets.
    **options
        order (1): length of the k-mers; strands ("both"): or "forward", of the first convolution;
        scale (1): of the number of filters; dropout (0): share of the positions of one-hot sequence
        dropped while training; activation ("sigmoid"): of the outputs; start (): models to take
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
    >>> dna = ("window", "offset"), np.zeros((2, 500), "int8"), {"alphabet": "ACGT"}
    >>> x = xr.Dataset({"dna": dna, "jund": ("window", np.zeros(2, "float32"))})
    >>> [tuple(w.shape) for w in jund_dna(x, order=3).get_layer("dna_motifs").weights]
    [(11, 64, 10), (10,)]
    """
    return _jund(x, inputs, targets, ["sequence"], "jund_dna", **options)


def jund_dnase(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Network on accessibility: convolution 10 x 5, max pool 2, convolution 5 x 3, global maximum.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of signal (window, offset[, strand][, sample]); by default all that `x` has. Strands
        and samples are channels.
    targets, **options
        As for `jund_dna`.

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
    return _jund(x, inputs, targets, ["signal"], "jund_dnase", **options)


def jund_joint(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Both networks, their last hidden layers side by side under a new output.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence and of signal; by default all that `x` has.
    targets, **options
        As for `jund_dna`. `start=[dna_model, dnase_model]` begins with the weights of these.

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
    return _jund(x, inputs, targets, ["sequence", "signal"], "jund_joint", **options)


def _jund(
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
    activation: str = "sigmoid",
    start: Sequence[Any] = (),
    seed: int = 0,
) -> Any:
    inputs, targets, signature = chosen(x, inputs, targets, kinds, name)

    def features(given: dict[str, Any]) -> Any:
        found = []
        for which, variable in signature.inputs.items():
            tower = given[which]
            if kind_of(variable) == "sequence":
                room_for(tower, 11 + 3 * 30 - 1, which, name)
                tower = first_convolution(
                    tower, variable, fewer(10, scale), 11, strands, f"{which}_motifs"
                )
                tower = layers.MaxPooling1D(30)(tower)
                tower = normalized(tower, name=f"{which}_normal")
                filters, width = fewer(8, scale), 3
            else:
                tower = channels(tower, variable)
                room_for(tower, 5 + 2 * 3 - 1, which, name)
                tower = layers.Conv1D(
                    fewer(10, scale), 5, activation="relu", name=f"{which}_shapes"
                )(tower)
                tower = layers.MaxPooling1D(2)(tower)
                filters, width = fewer(5, scale), 3
            tower = layers.Conv1D(filters, width, activation="relu", name=f"{which}_hidden")(tower)
            found.append(normalized(layers.GlobalMaxPooling1D()(tower), name=f"{which}_last"))
        return join(found)

    return network(
        x, features, inputs, targets, order=order, dropout=dropout, activations=activation,
        start=start, seed=seed, name=name,
    )  # fmt: skip
