"""How does a function of features become a model of these windows?

A model is what lies between its inputs and outputs; both follow from a windows Dataset. So the
function is given the inputs by name and returns features; shapes, names and activations of the
outputs are those that the targets ask for. The published models in this folder are such functions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import xarray as xr
from keras import layers

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import example_dim
from genoarrays.models.layers import OneHot
from genoarrays.models.signature import Signature, VariableSignature, names_of
from genoarrays.models.towers import entries, finished, in_shape, is_sequence

__all__ = ["Features", "network"]

Features = Callable[[dict[str, Any]], Any]
_LOOKED_AT = 10_000  # examples of a target whose values decide its activation


def network(
    x: xr.Dataset,
    function: Features,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    *,
    order: int | Mapping[str, int | None] | None = 1,
    dropout: float = 0.0,
    activations: str | Mapping[str, str] | None = None,
    start: Sequence[Any] = (),
    seed: int = 0,
    name: str = "network",
) -> Any:
    """Model of a function from named inputs to features.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read, and values of targets whose
        activation nothing else tells.
    function
        Called with a dict of Keras tensors by name: sequence as (batch, length, k-mers) one-hot,
        anything else as (batch, ...) in the dims of the variable. Gives features: (batch, features)
        or, for targets with offsets, (batch, bins, features); or a dict of these by target.
    inputs, targets
        Names of variables.
    order
        Length of the k-mers that sequence is read in, for all or by variable; None gives the
        function the codes.
    dropout
        Share of the positions of one-hot sequence that are dropped while training.
    activations
        Of the outputs, for all or by target. Without it: sigmoid for booleans, presence and
        categories of intervals, and numbers that are 0 and 1 only; softplus for other integers
        that are not negative, such as counts; else linear.
    start
        Models whose weights are taken over, layer by layer, where name and shapes agree.
    seed
        Of the first weights; the global seeds of Python, NumPy and the backend are set.
    name
        Of the model.

    Returns
    -------
    keras.Model
        Inputs and outputs named as the variables; each output has the shape of its target. Several
        targets give a dict of outputs. `model.signature` says what they are.

    Raises
    ------
    RegionError
        When a variable is missing, or is input and target, or features do not fit a target.
    GenomeError
        When no activation follows from the values of a target, or nothing can be taken over.

    Examples
    --------
    >>> from keras import layers
    >>> dna = xr.DataArray(np.zeros((5, 200), "int8"), dims=("window", "offset"))
    >>> x = xr.Dataset({"dna": dna.assign_attrs(alphabet="ACGT")})
    >>> x["bound"] = ("window", "track"), np.zeros((5, 2), "bool")
    >>> def motifs(inputs):
    ...     return layers.GlobalMaxPooling1D()(layers.Conv1D(8, 11)(inputs["dna"]))
    >>> network(x, motifs, inputs="dna", targets="bound", order=2).output_shape
    (None, 2)
    """
    signature = Signature.of(x, inputs, targets)
    wanted = {
        target: _told(activations, target) or _activation(x[target]) for target in names_of(targets)
    }
    keras.utils.set_random_seed(seed)
    given = entries(signature)
    seen = {}
    for which, variable in signature.inputs.items():
        length = order.get(which, 1) if isinstance(order, Mapping) else order
        seen[which] = given[which]
        if is_sequence(variable) and length is not None:
            letters = variable.attrs["alphabet"]
            one_hot = OneHot(length, letters, dropout=dropout, name=f"{which}_one_hot")
            seen[which] = one_hot(given[which])
    features = function(seen)
    outputs = {}
    for target, variable in signature.targets.items():
        mine = features[target] if isinstance(features, Mapping) else features
        outputs[target] = head(mine, variable, wanted[target], target)
    model = finished(given, outputs, signature, name, targets)
    for other in start:
        _take_over(model, other)
    return model


def head(features: Any, target: VariableSignature, activation: str, name: str) -> Any:
    """Output of a target: a unit for each of its values, or for each in a bin.

    Raises
    ------
    RegionError
        When the features have no shape that the target could be read from.
    """
    if len(features.shape) == 2:
        units = math.prod(target.shape)
        if len(target.shape) <= 1:
            return layers.Dense(units, activation=activation, name=name)(features)
        values = layers.Reshape(target.shape)(layers.Dense(units)(features))
        return layers.Activation(activation, name=name)(values)
    bins = None if target.offset is None else target.shape[target.dims.index(target.offset)]
    if bins is None or len(features.shape) != 3 or features.shape[1] != bins:
        raise RegionError(
            f"target {name!r} has the dims {target.dims} and shape {target.shape} of an example, "
            f"and cannot be read from features {tuple(features.shape)}; give (batch, features)"
            + ("" if bins is None else f", or (batch, {bins}, features)")
        )
    signal = layers.Conv1D(math.prod(target.shape) // bins, 1)(features)
    return layers.Activation(activation, name=name)(in_shape(signal, target))


def _told(activations: str | Mapping[str, str] | None, target: str) -> str | None:
    return activations.get(target) if isinstance(activations, Mapping) else activations


def _activation(target: xr.DataArray) -> str:
    """What follows from type, attributes or values."""
    if target.dtype == bool or target.attrs.get("mode") in ("presence", "category"):
        return "sigmoid"
    some = np.asarray(target.isel({example_dim(target): slice(0, _LOOKED_AT)}).values, np.float64)
    some = some[np.isfinite(some)]
    whole = bool((some == np.floor(some)).all() and (some >= 0).all())
    if whole and (not some.size or len(np.unique(some)) == 1):
        raise GenomeError(
            f"target {target.name!r} has no two different values in its first {_LOOKED_AT:,} "
            f"examples, so nothing tells what it is; say activations={{{str(target.name)!r}: "
            '"sigmoid"} for labels of 0 and 1, "softplus" for counts, "linear" for any signal'
        )
    if not whole:
        return "linear"
    return "sigmoid" if some.max() <= 1 else "softplus"


def _take_over(model: Any, other: Any) -> None:
    """Weights of layers that have the same name and shapes in another model."""
    taken = 0
    for layer in model.layers:
        twin = next((one for one in other.layers if one.name == layer.name and one.weights), None)
        if twin is None or not layer.weights:
            continue
        weights = twin.get_weights()
        if [w.shape for w in weights] == [w.shape for w in layer.get_weights()]:
            layer.set_weights(weights)
            taken += 1
    if not taken:
        raise GenomeError(
            f"start= has a model {other.name!r} without a layer of the same name and shapes as in "
            f"{model.name!r}; they are {[one.name for one in model.layers if one.weights]}"
        )
