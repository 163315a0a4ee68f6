"""What does a model give, and which numbers are these for some windows?

Windows are streamed in order and in batches, so they may be larger than memory; answers are kept,
one row for each. An answer is an output, named as its target, or a hidden layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim
from genoarrays.models.objective import output_names
from genoarrays.models.signature import Signature, VariableSignature
from genoarrays.ops.orientation import flip
from genoarrays.options import check_bytes, track
from genoarrays.stream.batches import batches

__all__ = ["answers", "hidden", "outputs_of"]

Array = npt.NDArray[Any]
Arrays = dict[str, Array]
_BY_RANK = {0: (), 1: ("track",), 2: ("offset", "track")}


def outputs_of(model: Any, signature: Signature | None) -> dict[str, VariableSignature]:
    """What each output is; the names of the model's outputs where there is no signature.

    Raises
    ------
    GenomeError
        When there is no signature, and the shape of an output does not tell its dimensions, or
        when it tells of more outputs or fewer.
    """
    names = output_names(model)
    if signature is not None:
        targets = signature.targets
        if len(targets) != len(names):
            raise GenomeError(
                f"the model has {len(names)} outputs ({', '.join(names)}), and its signature "
                f"{len(targets)} targets ({', '.join(targets)}); train it with ga.fit"
            )
        return {n: targets[n] for n in names} if set(names) == set(targets) else targets
    found = {}
    for name, tensor in zip(names, model.outputs, strict=True):
        shape = tuple(tensor.shape[1:])
        shape = () if shape == (1,) else shape
        if len(shape) not in _BY_RANK or None in shape:
            raise GenomeError(
                f"output {name!r} has the shape {tuple(tensor.shape)}, and nothing says what its "
                f"dimensions are; train the model with ga.fit, which keeps its signature"
            )
        found[name] = VariableSignature(_BY_RANK[len(shape)], shape, "float32")
    return found


def hidden(model: Any, names: Sequence[str]) -> tuple[Any, dict[str, VariableSignature]]:
    """A model that gives hidden layers, and what these are.

    Parameters
    ----------
    model
        Functional or sequential model.
    names
        Of its layers.

    Returns
    -------
    keras.Model
        It shares weights with `model`.
    dict
        By layer: `unit` last, `place` before it, numbered; of several layers the dimensions bear
        the names of these too.

    Raises
    ------
    GenomeError
        For a name that is no layer, or a layer without one answer of a fixed shape.
    """
    known = {layer.name: layer for layer in model.layers}
    if unknown := [name for name in names if name not in known]:
        raise GenomeError(f"the model has no layer {unknown[0]!r}; it has {', '.join(known)}")
    tensors, found = [], {}
    for name in names:
        try:
            tensor = known[name].output
            shape = tuple(tensor.shape[1:])
        except (AttributeError, ValueError):
            shape = (None,)
        if None in shape:
            raise GenomeError(
                f"layer {name!r} has no single answer of a fixed shape; choose another one of "
                f"{', '.join(known)}"
            )
        places = ["place"] if len(shape) == 2 else [f"place{n + 1}" for n in range(len(shape) - 1)]
        own = "" if len(names) == 1 else f"_{name}"
        dims = tuple(f"{dim}{own}" for dim in [*places, "unit"][: len(shape)])
        labels: Any = {
            d: {"first": 0, "step": 1, "size": size} for d, size in zip(dims, shape, strict=True)
        }
        tensors.append(tensor)
        found[name] = VariableSignature(dims, shape, "float32", labels)
    return keras.Model(model.inputs, tensors), found


def answers(
    model: Any,
    x: xr.Dataset,
    inputs: Sequence[str],
    given: Mapping[str, VariableSignature],
    wanted: Sequence[str],
    batch_size: int,
    *,
    both_strands: str | None = None,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
    check: Callable[[str, int, Array], None] | None = None,
) -> Arrays:
    """Answers for all windows or sequences.

    Parameters
    ----------
    model
        Has `predict_on_batch`.
    x, inputs
        Examples, and the variables that the model takes, in order.
    given, wanted
        What the model gives, in its order, and the names of what is kept.
    batch_size, memory, progress
        As for `ga.predict`.
    both_strands
        "mean": averages with the answers for the reverse complement, turned back.
    check
        Called with name, number of the first row, and values of each batch.

    Returns
    -------
    dict
        By name, (example, ...) float32.

    Raises
    ------
    GenomeError
        For an input without a rule for the reverse complement, NaN in an input, or when answers do
        not fit the byte limit.
    """
    dim = example_dim(x)
    kept = {name: given[name] for name in wanted}
    number = sum(4 * int(np.prod(one.shape, dtype=np.int64)) for one in kept.values())
    check_bytes(
        number * x.sizes[dim], "these predictions",
        "predict fewer windows at once, or write them with ga.predict_genome(out=)",
    )  # fmt: skip
    results = {n: np.empty((x.sizes[dim], *one.shape), np.float32) for n, one in kept.items()}
    row = 0
    stream = batches(x, inputs=[*inputs], batch_size=batch_size, shuffle=False, memory=memory)
    for batch in track(stream, len(stream), "predicting", progress):
        answer = _answer(model, batch, given, kept)
        if both_strands == "mean":
            turned = {name: _turn(values, x[name], dim) for name, values in batch.items()}
            back = _answer(model, turned, given, kept)
            answer = {n: (answer[n] + _turn_back(back[n], kept[n], n, dim)) / 2 for n in answer}
        stop = row + len(next(iter(batch.values())))
        for name, values in answer.items():
            if check is not None:
                check(name, row, values)
            results[name][row:stop] = values
        row = stop
    return results


def _answer(
    model: Any,
    batch: Mapping[str, Array],
    given: Mapping[str, VariableSignature],
    kept: Mapping[str, VariableSignature],
) -> Arrays:
    """Answers for one batch by name, each in its own shape."""
    values = list(batch.values())
    answer = model.predict_on_batch(values[0] if len(values) == 1 else values)
    if not isinstance(answer, Mapping):
        listed = answer if isinstance(answer, list | tuple) else [answer]
        answer = dict(zip(given, listed, strict=True))
    rows = len(values[0])
    return {name: np.reshape(answer[name], (rows, *one.shape)) for name, one in kept.items()}


def _turn(values: Array, variable: xr.DataArray, dim: str) -> Array:
    dims = (dim, *(str(other) for other in variable.dims if other != dim))
    labels = {other: variable[other].values for other in dims[1:] if other in variable.coords}
    return flip(values, dims, variable.attrs, labels, variable.name)


def _turn_back(values: Array, target: VariableSignature, name: str, dim: str) -> Array:
    return flip(values, (dim, *target.dims), {}, target.labels, name)
