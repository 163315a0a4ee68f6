"""What does the model say about each window or sequence?

The result carries the windows' index and coordinates and the labels of the target, so it can be
selected, compared and exported beside its input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays import __version__
from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_label
from genoarrays.inference.asked import Asked, asked
from genoarrays.inference.examples import Examples
from genoarrays.inference.outputs import answers, hidden
from genoarrays.models.digest import digest_of_model
from genoarrays.models.signature import names_of

__all__ = ["predict"]


def predict(
    model: Any,
    x: Any,
    batch_size: int = 128,
    *,
    examples: Examples | None = None,
    like: Any = None,
    inputs: str | Sequence[str] | None = None,
    targets: str | Sequence[str] | None = None,
    layers: str | Sequence[str] | None = None,
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
        Dataset of windows or sequences with the model's inputs; targets are not looked at. Or
        regions: a table, or anything that `ga.read_regions` takes.
    batch_size
        Windows per step. It does not change the result, beyond rounding.
    examples, like
        For regions: the function that makes windows of them; or, without one, the Dataset or
        DataTree that the model's signature cuts them from, as those of the training were.
    inputs
        Names of the input variables, in the order of the model's inputs; None: the names of these.
    targets
        Names of the outputs to keep; None for all.
    layers
        Names of hidden layers, whose answers are given instead of the outputs.
    both_strands
        "mean": the average of the prediction and that for the reverse complement, turned back.
    check
        Compare `x` with what the model was made for (`model.signature`, where it has one), and
        refuse predictions that are NaN.
    memory
        Budget of the stream, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    xr.DataArray or xr.Dataset
        (window or sequence, then the target's dims) float32, named as the target, with every
        coordinate that `x` has along that dimension; a Dataset of several outputs. Without a
        signature an output of several units gets the dimension `track`, or `offset` and `track`.
        Layers have the dimensions `unit`, and `place` before it; of several layers, a Dataset with
        dimensions for each, such as `unit_dense`. Attributes tell the model and its digest, and
        what the inputs were made of.

    Raises
    ------
    RegionError
        When an input is missing, or has other dims, sizes, labels or letters than in training, or
        another shape than the model takes.
    AssemblyError
        When the windows lie on another assembly than in training.
    StoreError
        When `model` is a path without a model.
    GenomeError
        For an output or layer that is not there, an unknown `both_strands`, an input without a rule
        for the reverse complement, NaN in an input or a prediction, which names the first window,
        or regions that nothing makes windows of.

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
    ask = asked(model, x, examples, like, inputs=inputs, check=check)
    network, given = ask.model, ask.targets
    if layers is not None:
        if targets is not None or both_strands is not None:
            raise GenomeError(
                "hidden layers are no targets, and have no rule for the reverse complement; leave "
                "out targets= and both_strands="
            )
        network, given = hidden(ask.model, names_of(layers))
    wanted = list(given) if targets is None else names_of(targets)
    if unknown := [name for name in wanted if name not in given]:
        raise GenomeError(
            f"the model has no output {unknown[0]!r}; it has {', '.join(map(repr, given))}"
        )

    def refuse_missing(name: str, first: int, values: npt.NDArray[Any]) -> None:
        bad = np.isnan(values.reshape(len(values), -1)).any(axis=1)
        if bad.any():
            raise GenomeError(_about_nan(ask, name, first + int(np.argmax(bad))))

    results = answers(
        network, ask.x, ask.inputs, given, wanted, batch_size, both_strands=both_strands,
        memory=memory, progress=progress, check=refuse_missing if check else None,
    )  # fmt: skip
    attrs = _told(ask, both_strands)
    labelled = ask.x.coords.to_dataset().drop_dims(
        [other for other in ask.x.dims if other != ask.dim], errors="ignore"
    )  # a dimension without labels has no coordinate
    for name, values in results.items():
        dims = (ask.dim, *given[name].dims)
        labelled[name] = xr.DataArray(values, given[name].coords(), dims, attrs=attrs)
    return labelled if len(wanted) > 1 else labelled[wanted[0]]


def _about_nan(ask: Asked, name: str, row: int) -> str:
    place = f"{ask.dim} {example_label(ask.x, row)}"
    lost = [w.path for w in ask.model.weights if np.isnan(np.asarray(w)).any()]
    if lost:
        return (
            f"the model predicts NaN for {name!r} in {place}: its weights {lost[0]} hold NaN, its "
            "training went astray; train it again with a lower learning_rate="
        )
    return (
        f"the model predicts NaN for {name!r} in {place}; look at its inputs there, which may be "
        "negative where it takes a logarithm or a root, or keep NaN with check=False"
    )


def _told(ask: Asked, both_strands: str | None) -> dict[str, Any]:
    """All that decides predictions, as attributes."""
    return {
        "model": ask.path or "not saved",
        "model_digest": digest_of_model(ask.model),
        "inputs": {name: _plain(ask.x[name].attrs) for name in ask.inputs},
        "both_strands": both_strands or "forward",
        "versions": {"genoarrays": __version__, "keras": keras.__version__},
    }


def _plain(value: Any) -> Any:
    """Attributes as JSON holds them."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
