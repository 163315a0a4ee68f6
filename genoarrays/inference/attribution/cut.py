"""How is a model cut where bases have become numbers?

Codes of bases have no gradient; their one-hot columns do. A copy of the model is made, so that the
user's own keeps its layers as they are, and its part after every `OneHot` becomes a model of its
own, which takes one-hot tensors and float inputs. TensorFlow gives the gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.inference.attribution.choosing import Chosen
from genoarrays.models.layers import OneHot

__all__ = ["Cut", "Entry", "answers"]

Array = npt.NDArray[Any]


class Entry(NamedTuple):
    """A tensor that has a gradient: an input of numbers, or the one-hot of an input of codes."""

    input: str
    one_hot: OneHot | None

    def shape(self, x: xr.Dataset, dim: str) -> tuple[int, ...]:
        """Shape of the tensor of one of the examples along `dim`."""
        own = tuple(size for other, size in x[self.input].sizes.items() if other != dim)
        if self.one_hot is None:
            return own
        made: tuple[Any, ...] = self.one_hot.compute_output_shape((None, *own))
        return made[1:]


class Cut:
    """The part of a model after its one-hot layers, down to one number.

    Parameters
    ----------
    model
        Functional or sequential Keras model.
    inputs
        Names of its inputs, in order.
    x
        Dataset of examples; only attributes are read.
    chosen
        The number.
    logit
        Take what goes into the sigmoid of that output.

    Raises
    ------
    GenomeError
        When codes go to another layer than `OneHot`, the letters are others, the model is of no
        kind that can be cut, or `logit` is asked of an output without a sigmoid.
    """

    def __init__(
        self, model: Any, inputs: Sequence[str], x: xr.Dataset, chosen: Chosen, logit: bool
    ) -> None:
        if keras.backend.backend() != "tensorflow":
            raise GenomeError(
                f"gradients need Keras on TensorFlow, and this is {keras.backend.backend()!r}; "
                "set KERAS_BACKEND=tensorflow, or take ga.saturation_mutagenesis, which predicts"
            )
        copy = _copy(model, inputs, x, chosen.number if logit else None)
        self.entries: list[Entry] = []
        tensors = []
        for name, tensor in zip(inputs, copy.inputs, strict=True):
            layers = _readers(copy, tensor)
            hot = [layer for layer, _ in layers if isinstance(layer, OneHot)]
            coded = bool(hot) or "alphabet" in x[name].attrs
            if not coded:
                self.entries.append(Entry(name, None))
                tensors.append(tensor)
                continue
            other = next((layer for layer, _ in layers if not isinstance(layer, OneHot)), None)
            if other is not None:
                raise GenomeError(
                    f"input {name!r} is codes of letters, which go to the layer {other.name!r} "
                    f"({type(other).__name__}), where they have no gradient; begin the model with "
                    "ga.models.OneHot, or take ga.saturation_mutagenesis, which only predicts"
                )
            for layer, output in layers:
                letters = str(x[name].attrs.get("alphabet", layer.alphabet))
                if letters.replace("U", "T") != layer.alphabet.replace("U", "T"):
                    raise GenomeError(
                        f"input {name!r} holds codes of {letters}, and the layer {layer.name!r} "
                        f"reads {layer.alphabet}"
                    )
                self.entries.append(Entry(name, layer))
                tensors.append(output)
        rest = keras.Model(tensors, copy.outputs[chosen.number])
        self.values, self.gradients, self.sums = _functions(rest, chosen)

    def encode(self, batch: Mapping[str, Array]) -> list[Array]:
        """Tensors of a batch of inputs, (batch, ...) float32 each."""
        return [self.encode_one(entry, batch[entry.input]) for entry in self.entries]

    @staticmethod
    def encode_one(entry: Entry, values: Array) -> Array:
        """An input as the tensor that has a gradient."""
        if entry.one_hot is None:
            return np.asarray(values, np.float32)
        return np.asarray(entry.one_hot(values), np.float32)


def answers(model: Any, chosen: Chosen, logit: bool, inputs: Sequence[str], x: xr.Dataset) -> Any:
    """Function of a list of inputs that gives the number for each row."""
    if logit:
        model = _copy(model, inputs, x, chosen.number)
    tf = optional("tensorflow", purpose="explaining a model", extra="tf")
    pick = _picked(chosen)

    def values(tensors: list[Any]) -> Any:
        given = model(_structured(model, tensors), training=False)
        return pick(keras.tree.flatten(given)[chosen.number])

    specs = [tf.TensorSpec([None, *one.shape[1:]], one.dtype) for one in model.inputs]
    return _traced(values, specs)


def _functions(rest: Any, chosen: Chosen) -> tuple[Any, Any, Any]:
    """Of tensors: the number, its gradients, and sums of these over the way from baselines."""
    tf = optional("tensorflow", purpose="gradients of a model", extra="tf")
    pick = _picked(chosen)

    def answer(tensors: list[Any]) -> Any:
        return pick(rest(tensors if len(tensors) > 1 else tensors[0], training=False))

    def gradients(tensors: list[Any]) -> list[Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            value = answer(tensors)
        slopes: list[Any] = tape.gradient(value, tensors, unconnected_gradients="zero")
        return slopes

    def sums(bases: list[Any], ends: list[Any], places: Any) -> list[Any]:
        points = []
        for base, end in zip(bases, ends, strict=True):
            along = tf.reshape(places, [1, -1, *[1] * (len(end.shape) - 1)])
            point = base[:, None] + along * (end - base)[:, None]
            points.append(tf.reshape(point, tf.concat([[-1], tf.shape(end)[1:]], 0)))
            points[-1] = tf.ensure_shape(points[-1], [None, *end.shape[1:]])
        shape = [-1, tf.shape(places)[0]]
        return [
            tf.reduce_sum(tf.reshape(slope, tf.concat([shape, tf.shape(slope)[1:]], 0)), 1)
            for slope in gradients(points)
        ]

    specs = [tf.TensorSpec([None, *one.shape[1:]], "float32") for one in rest.inputs]
    nodes = tf.TensorSpec([None], "float32")
    return _traced(answer, specs), _traced(gradients, specs), _traced(sums, specs, specs, nodes)


def _traced(function: Any, *specs: Any) -> Any:
    """A function of arrays, traced at its first call.

    As a concrete function: TensorFlow warns of functions that are made and traced again and again.
    """
    import tensorflow as tf

    made: list[Any] = []

    def on_arrays(*arrays: Any) -> Any:
        if not made:
            made.append(tf.function(function).get_concrete_function(*specs))
        given = keras.tree.map_structure(
            lambda array, spec: tf.cast(array, spec.dtype), list(arrays), list(specs)
        )
        return keras.tree.map_structure(np.asarray, made[0](*given))

    return on_arrays


def _picked(chosen: Chosen) -> Any:
    """From an output to the chosen number of each row."""
    ops = keras.ops

    def pick(given: Any) -> Any:
        flat = ops.reshape(given, (ops.shape(given)[0], -1))
        some = ops.cast(ops.take(flat, chosen.places, axis=1), "float32")
        return ops.sum(some * chosen.weights, axis=1)

    return pick


def _copy(model: Any, inputs: Sequence[str], x: xr.Dataset, linear: int | None) -> Any:
    """The model with layers of its own; numbers come as floats, one output without its sigmoid."""
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise GenomeError(
            f"{type(model).__name__} {model.name!r} is no functional or sequential Keras model, "
            "and cannot be cut; make it with keras.Model(inputs, outputs), as ga.models does"
        )
    last = None if linear is None else _sigmoid(model, linear)
    entries = [
        keras.Input(
            tensor.shape[1:], name=tensor.name,
            dtype=tensor.dtype if _coded(model, tensor, x[name]) else "float32",
        )
        for name, tensor in zip(inputs, model.inputs, strict=True)
    ]  # fmt: skip

    def again(layer: Any) -> Any:
        config = layer.get_config()
        if layer is last:
            config = {**config, "activation": "linear"}
        return type(layer).from_config(config)

    given = _structured(model, entries)
    copy = keras.models.clone_model(model, input_tensors=given, clone_function=again)
    copy.set_weights(model.get_weights())
    return copy


def _structured(model: Any, tensors: list[Any]) -> Any:
    """Inputs as the model takes them: one, a list or a dict."""
    if isinstance(model, keras.Sequential):
        return tensors[0]
    return keras.tree.pack_sequence_as(model.input, tensors)


def _coded(model: Any, tensor: Any, variable: xr.DataArray) -> bool:
    return "alphabet" in variable.attrs or any(
        isinstance(layer, OneHot) for layer, _ in _readers(model, tensor)
    )


def _readers(model: Any, tensor: Any) -> list[tuple[Any, Any]]:
    """Layers and operations that take a tensor, and what they make of it."""
    found: list[tuple[Any, Any]] = []
    network = getattr(model, "_functional", None) or model  # a Sequential holds one
    for operation in network.operations:
        for node in operation._inbound_nodes:
            if any(given is tensor for given in node.input_tensors):
                found.extend((operation, made) for made in node.output_tensors)
    return found


def _sigmoid(model: Any, number: int) -> Any:
    """The layer whose activation is the sigmoid of an output."""
    layer = model.outputs[number]._keras_history.operation
    activation = getattr(layer, "activation", None)
    if activation is not keras.activations.sigmoid or len(layer._inbound_nodes) != 1:
        kind = getattr(activation, "__name__", "none")
        raise GenomeError(
            f"logit=True takes what goes into a sigmoid, and output {layer.name!r} is a "
            f"{type(layer).__name__} with the activation {kind}; leave it out"
        )
    return layer
