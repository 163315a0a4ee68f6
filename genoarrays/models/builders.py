"""Which network fits these windows?

Builders read every size from a windows Dataset, so that a model fits its data by construction: an
input per variable, named like it; an output per target, named like it. What the variables were is
kept as `model.signature`. Sequence (a variable with an `alphabet`) comes in as codes and is made
one-hot on the device; anything else comes in as it is, its dims but for the offset as channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import xarray as xr
from keras import layers

from genoarrays.errors import RegionError
from genoarrays.models.signature import Signature
from genoarrays.models.towers import (
    dilated,
    entries,
    finished,
    grid_of,
    in_shape,
    is_sequence,
    join,
    motifs,
    numbers,
    on_bins,
    views,
)

__all__ = ["classifier", "profile"]


def classifier(
    x: xr.Dataset,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    *,
    order: int = 1,
    filters: int = 64,
    kernel_size: int = 15,
    depth: int = 2,
    dropout: float = 0.3,
    seed: int = 0,
) -> Any:
    """Small convolutional network that tells windows or sequences apart.

    Sequence goes through `OneHot`, a convolution (of DNA on both strands) and others, other inputs
    through convolutions alike; what each of these found is averaged over the window and its maximum
    taken over the window and over its middle; all inputs are joined in front of the output.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of variables: sequence (window, offset) with the attribute `alphabet`, or numbers
        (window[, offset][, strand][, sample]...); `sequence` may stand for `window` everywhere.
    targets
        Names of variables (window,) or (window, track) with labels 0 and 1.
    order
        Length of the k-mers that sequence is read in.
    filters
        Kernels of the first convolution; the others have half.
    kernel_size
        Positions under a kernel of the first convolution over sequence.
    depth
        Convolutions per input. With one, a model knows motifs as such; with more, how they combine.
    dropout
        Share of the features dropped in front of the output while training.
    seed
        Of the first weights; the global seeds of Python, NumPy and the backend are set.

    Returns
    -------
    keras.Model
        Inputs named as the variables; per target one sigmoid unit, or one per track. Several
        targets give a dict of outputs.

    Raises
    ------
    RegionError
        When a variable is missing, or a target has other dimensions than window and track.

    Examples
    --------
    >>> import numpy as np
    >>> dna = xr.DataArray(np.zeros((5, 200), "int8"), dims=("window", "offset"))
    >>> x = xr.Dataset({"dna": dna.assign_attrs(alphabet="ACGT")})
    >>> x["bound"] = ("window", "track"), np.zeros((5, 2), "float32")
    >>> classifier(x, inputs="dna", targets="bound", order=2).output_shape
    (None, 2)
    """
    signature = Signature.of(x, inputs, targets)
    for name, target in signature.targets.items():
        if set(target.dims) - {"track"}:
            raise RegionError(
                f"target {name!r} has dims {('window', *target.dims)}, and a classifier gives one "
                f"value per window and track; make one with ga.windows(..., reduce={{{name!r}: "
                f"'max'}}), or use ga.models.profile"
            )
    keras.utils.set_random_seed(seed)
    given = entries(signature)
    found = []
    for name, variable in signature.inputs.items():
        if variable.offset is None:
            found.append(numbers(given[name], variable))
            continue
        if is_sequence(variable):
            tower = motifs(given[name], variable, order, filters, kernel_size, "max")
        else:
            tower = layers.Conv1D(filters, 5, padding="same", activation="relu")(
                numbers(given[name], variable)
            )
        found.append(views(tower))
        for _ in range(depth - 1):
            tower = layers.Dropout(0.2)(layers.MaxPooling1D(4, padding="same")(tower))
            tower = layers.Conv1D(filters // 2, 7, padding="same", activation="relu")(tower)
            found.append(views(tower))
    joined = layers.Dropout(dropout)(join(found))
    outputs = {
        name: layers.Dense(math.prod(target.shape), activation="sigmoid", name=name)(joined)
        for name, target in signature.targets.items()
    }
    return finished(given, outputs, signature, "classifier", targets)


def profile(
    x: xr.Dataset,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    *,
    order: int = 1,
    filters: int = 64,
    kernel_size: int = 21,
    dilations: int = 6,
    activation: str = "softplus",
    seed: int = 0,
) -> Any:
    """Dilated residual network that gives a signal along the window, in the manner of BPNet.

    Each input has its own tower at its own resolution: a convolution (on both strands for
    DNA), then `dilations` residual convolutions of width 3 with gaps of 2, 4, 8, ... The
    towers are cut to the target's offsets, averaged or repeated to its bins, joined, and read out
    bin by bin.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        As for `classifier`. The offsets must cover those of the targets; with a flank of half of
        the receptive field (`kernel_size` + 4 x 2**`dilations` bp) the ends see as much as the
        middle.
    targets
        Names of variables (window, offset...[, strand][, track]...).
    order
        Length of the k-mers that sequence is read in.
    filters
        Channels of each tower.
    kernel_size
        Positions under a kernel of the first convolution.
    dilations
        Number of residual convolutions.
    activation
        Of the output: "softplus" for counts and other signal that is not negative (Poisson loss in
        `ga.fit`), "linear" for any (mean squared error), "sigmoid" for 0 to 1 (binary
        cross-entropy).
    seed
        Of the first weights; the global seeds of Python, NumPy and the backend are set.

    Returns
    -------
    keras.Model
        Inputs named as the variables; each output has the shape of its target. Several targets
        give a dict of outputs.

    Raises
    ------
    RegionError
        When a variable is missing, a target has no offsets, an input does not cover them, or the
        bins of the two do not fit into each other.

    Examples
    --------
    >>> import numpy as np
    >>> dna = np.zeros((5, 300), "int8")
    >>> x = xr.Dataset(
    ...     {
    ...         "dna": (("window", "offset_dna"), dna, {"alphabet": "ACGT"}),
    ...         "cuts": (("window", "offset_cuts", "strand"), np.zeros((5, 10, 2), "float32")),
    ...     },
    ...     {"offset_dna": np.arange(-100, 200), "offset_cuts": np.arange(0, 100, 10)},
    ... )
    >>> profile(x, inputs="dna", targets="cuts", filters=8, dilations=2).output_shape
    (None, 10, 2)
    """
    signature = Signature.of(x, inputs, targets)
    keras.utils.set_random_seed(seed)
    given = entries(signature)
    towers = dilated(signature, given, order, filters, kernel_size, dilations)
    outputs = {}
    for name, target in signature.targets.items():
        grid = grid_of(name, target)
        joined = join([on_bins(*tower, grid, which, name) for which, tower in towers.items()])
        joined = layers.Conv1D(filters, 1, activation="relu")(joined)
        signal = in_shape(layers.Conv1D(math.prod(target.shape) // grid.size, 1)(joined), target)
        outputs[name] = layers.Activation(activation, name=name)(signal)
    return finished(given, outputs, signature, "profile", targets)
