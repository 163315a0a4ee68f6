"""How are hundreds of chromatin features predicted from 1,000 bp of DNA at once?

`deepsea` (convolutions) and `danq` (a convolution and a recurrent layer), with the numbers of their
authors; as in Kopp et al., the first convolution may see both strands.

References
----------
Zhou and Troyanskaya, "Predicting effects of noncoding variants with deep learning-based sequence
model", Nature Methods 12, 2015. Quang and Xie, "DanQ: a hybrid convolutional and recurrent deep
neural network for quantifying the function of DNA sequences", Nucleic Acids Research 44:e107, 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    without_offsets,
)
from genoarrays.models.signature import Signature
from genoarrays.models.towers import join

__all__ = ["danq", "deepsea"]


def deepsea(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Convolutions of 320, 480 and 960 filters of 8, pools of 4, a dense layer of 925.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence (window, offset); by default all that `x` has. Other inputs, when named,
        join the dense layer.
    targets
        Names of labels (window[, track]); by default the variable without offsets.
    **options
        order (1): length of the k-mers; strands ("both"): or "forward", of the first convolution;
        scale (1): of the number of filters and units; dropout (0): share of the positions of
        one-hot sequence dropped while training, besides those of the model (.2, .2, .5);
        activation ("sigmoid"): of the outputs; start (): models to take weights over from; seed
        (0): of the first weights.

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
    >>> dna = ("window", "offset"), np.zeros((2, 1000), "int8"), {"alphabet": "ACGT"}
    >>> x = xr.Dataset({"dna": dna, "marks": (("window", "track"), np.zeros((2, 919), "bool"))})
    >>> model = deepsea(x, scale=0.1)
    >>> model.output_shape, model.get_layer("dna_motifs").filters
    ((None, 919), 32)
    """

    def tower(bases: Any, which: str, first: Callable[..., Any], scale: float) -> Any:
        room_for(bases, 8 + 4 * (8 + 4 * 8 - 1) - 1, which, "deepsea")
        found = layers.MaxPooling1D(4)(first(320, 8))
        found = layers.Dropout(0.2)(found)
        found = layers.Conv1D(fewer(480, scale), 8, activation="relu", name=f"{which}_2")(found)
        found = layers.Dropout(0.2)(layers.MaxPooling1D(4)(found))
        found = layers.Conv1D(fewer(960, scale), 8, activation="relu", name=f"{which}_3")(found)
        return layers.Dropout(0.5)(found)

    return _multi_task(x, inputs, targets, tower, "deepsea", **options)


def danq(x: xr.Dataset, inputs: Names = None, targets: Names = None, **options: Any) -> Any:
    """Convolution of 320 filters of 26, pool 13, recurrent layer of 320 both ways, dense of 925.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs, targets, **options
        As for `deepsea`; the dropouts of the model are .2 and .5.

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

    def tower(bases: Any, which: str, first: Callable[..., Any], scale: float) -> Any:
        room_for(bases, 26 + 13 - 1, which, "danq")
        found = layers.Dropout(0.2)(layers.MaxPooling1D(13)(first(320, 26)))
        both = layers.LSTM(fewer(320, scale), return_sequences=True)
        return layers.Dropout(0.5)(layers.Bidirectional(both, name=f"{which}_2")(found))

    return _multi_task(x, inputs, targets, tower, "danq", **options)


def _multi_task(
    x: xr.Dataset,
    inputs: Names,
    targets: Names,
    tower: Callable[..., Any],
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
    kinds = ["sequence"] if inputs is None else ["sequence", *_others(x, inputs)]
    inputs, targets, signature = chosen(x, inputs, targets, kinds, name)

    def features(given: dict[str, Any]) -> Any:
        found = []
        for which, variable in signature.inputs.items():
            if kind_of(variable) != "sequence":
                continue

            def first(filters: int, kernel: int, which: str = which, of: Any = variable) -> Any:
                return first_convolution(
                    given[which], of, fewer(filters, scale), kernel, strands, f"{which}_motifs"
                )

            found.append(layers.Flatten()(tower(given[which], which, first, scale)))
        joined = join([*found, *without_offsets(given, signature)])
        return layers.Dense(fewer(925, scale), activation="relu", name="dense")(joined)

    return network(
        x, features, inputs, targets, order=order, dropout=dropout, activations=activation,
        start=start, seed=seed, name=name,
    )  # fmt: skip


def _others(x: xr.Dataset, inputs: str | Sequence[str]) -> list[str]:
    """Kinds of the inputs besides sequence."""
    kinds = {kind_of(variable) for variable in Signature.of(x, inputs, []).inputs.values()}
    return sorted(kinds - {"sequence"})
