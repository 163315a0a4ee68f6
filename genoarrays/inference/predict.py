"""What does the model say about each window or sequence?

Windows are streamed in order and in batches, so they may be larger than memory; predictions are
kept, one row per window. The result carries the windows' index and coordinates and the labels of
the target, so it can be selected, compared and exported beside its input.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim
from genoarrays.models.signature import Signature, VariableSignature, names_of
from genoarrays.models.training import load_model, output_names
from genoarrays.ops.orientation import flip
from genoarrays.options import track
from genoarrays.stream.batches import batches

__all__ = ["predict"]

Arrays = dict[str, npt.NDArray[Any]]


def predict(
    model: Any,
    x: xr.Dataset,
    batch_size: int = 128,
    *,
    inputs: str | Sequence[str] | None = None,
    both_strands: str | None = None,
    check: bool = True,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> xr.DataArray | xr.Dataset:
    """Predict every window or sequence.

    Parameters
    ----------
    model
        Keras model, or the path of one, as `ga.load_model` takes it.
    x
        Dataset of windows or sequences with the model's inputs; targets are not looked at.
    batch_size
        Windows per step. It does not change the result, beyond rounding.
    inputs
        Names of the input variables, in the order of the model's inputs; None: the names of these.
    both_strands
        "mean": the average of the prediction and that for the reverse complement, turned back.
    check
        Compare `x` with what the model was made for (`model.signature`, where it has one).
    memory
        Budget of the stream, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    xr.DataArray or xr.Dataset
        (window or sequence, then the target's dims) float32, named as the target, with every
        coordinate that `x` has along that dimension; a Dataset when the model has several outputs.
        Without a signature an output of several units gets the dimension `track`, or `offset` and
        `track`.

    Raises
    ------
    RegionError
        When an input is missing, or has other dims, sizes, labels or letters than in training.
    AssemblyError
        When the windows lie on another assembly than in training.
    StoreError
        When `model` is a path without a model.
    GenomeError
        For an unknown `both_strands`, or an input without a rule for the reverse complement.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 400}))
    >>> bases = ("position", np.tile(np.arange(4, dtype="int8"), 100), {"alphabet": "ACGT"})
    >>> x = ga.windows(xr.Dataset({"dna": bases}, coords), ["chr1:0-200", "chr1:100-300"])
    >>> x["label"] = "window", np.float32([0, 1])
    >>> model = ga.models.classifier(x, "dna", "label")
    >>> y = ga.predict(model, x)
    >>> y.name, y.dims, y.start.values
    ('label', ('window',), array([  0, 100]))
    """
    if both_strands not in (None, "mean"):
        raise GenomeError(f"both_strands={both_strands!r} is not known; say 'mean' or None")
    if isinstance(model, str | os.PathLike):
        model = load_model(model)
    signature: Signature | None = getattr(model, "signature", None)
    if signature is not None and check:
        signature.check(x)
    dim = example_dim(x)
    names = [tensor.name for tensor in model.inputs] if inputs is None else names_of(inputs)
    targets = _targets(model, signature)
    results = {
        name: np.empty((x.sizes[dim], *target.shape), np.float32)
        for name, target in targets.items()
    }
    row = 0
    stream = batches(x, inputs=names, batch_size=batch_size, shuffle=False, memory=memory)
    for batch in track(stream, len(stream), "predicting", progress):
        answer = _answer(model, batch, targets)
        if both_strands == "mean":
            turned = {name: _turn(values, x[name], dim) for name, values in batch.items()}
            back = _answer(model, turned, targets)
            answer = {n: (answer[n] + _turn_back(back[n], targets[n], n, dim)) / 2 for n in answer}
        stop = row + len(next(iter(batch.values())))
        for name, values in answer.items():
            results[name][row:stop] = values
        row = stop
    labelled = x.coords.to_dataset().drop_dims(
        [other for other in x.dims if other != dim], errors="ignore"
    )  # a dimension without labels has no coordinate
    for name, target in targets.items():
        labelled[name] = xr.DataArray(results[name], target.coords(), (dim, *target.dims))
    return labelled if len(targets) > 1 else labelled[next(iter(targets))]


def _targets(model: Any, signature: Signature | None) -> dict[str, VariableSignature]:
    """What each output is; the names of the model's outputs where there is no signature."""
    if signature is not None:
        return signature.targets
    found = {}
    for name, tensor in zip(output_names(model), model.outputs, strict=True):
        shape = tuple(tensor.shape[1:])
        shape = () if shape == (1,) else shape
        known = {0: (), 1: ("track",), 2: ("offset", "track")}
        if len(shape) not in known or None in shape:
            raise GenomeError(
                f"output {name!r} has the shape {tuple(tensor.shape)}, and nothing says what its "
                f"dimensions are; train the model with ga.fit, which keeps its signature"
            )
        found[name] = VariableSignature(known[len(shape)], shape, "float32")
    return found


def _answer(
    model: Any, batch: Mapping[str, npt.NDArray[Any]], targets: Mapping[str, VariableSignature]
) -> Arrays:
    """Predictions of one batch by target, in the target's own shape."""
    given = list(batch.values())
    answer = model.predict_on_batch(given[0] if len(given) == 1 else given)
    if not isinstance(answer, Mapping):
        listed = answer if isinstance(answer, list | tuple) else [answer]
        answer = dict(zip(targets, listed, strict=True))
    rows = len(given[0])
    return {name: np.reshape(answer[name], (rows, *t.shape)) for name, t in targets.items()}


def _turn(values: npt.NDArray[Any], variable: xr.DataArray, dim: str) -> npt.NDArray[Any]:
    dims = (dim, *(str(other) for other in variable.dims if other != dim))
    labels = {other: variable[other].values for other in dims[1:] if other in variable.coords}
    return flip(values, dims, variable.attrs, labels, variable.name)


def _turn_back(
    values: npt.NDArray[Any], target: VariableSignature, name: str, dim: str
) -> npt.NDArray[Any]:
    return flip(values, (dim, *target.dims), {}, target.labels, name)
