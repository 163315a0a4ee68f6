"""Which windows is a model asked about, and which of its inputs and outputs?

Whoever explains a model takes windows as they are, or regions with the function that makes windows
of them; both end as one Dataset that was compared with what the model was made for.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.margin import without_margin
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.genome.example import EXAMPLES, example_dim
from genoarrays.genome.pyramid import without_levels
from genoarrays.inference.examples import Examples, examples_of
from genoarrays.inference.outputs import outputs_of
from genoarrays.models.saving import load_model
from genoarrays.models.signature import VariableSignature, names_of

__all__ = ["Asked", "asked", "input_shape"]


class Asked(NamedTuple):
    """A model, its windows or sequences along `dim`, and its inputs and outputs by name.

    `inputs` are names of variables, in the order of the model's inputs.
    """

    model: Any
    x: xr.Dataset
    dim: str
    inputs: list[str]
    targets: Mapping[str, VariableSignature]
    path: str | None

    def without_margin(self) -> Asked:
        """The same, of windows without the bases for jitter, which streams leave out."""
        return self._replace(x=without_margin(self.x))


def asked(
    model: Any,
    x: Any,
    examples: Examples | None = None,
    like: Any = None,
    *,
    inputs: str | Sequence[str] | None = None,
    check: bool = True,
) -> Asked:
    """The model and its windows, whatever they were given as.

    Parameters
    ----------
    model
        Keras model, or the path of one.
    x
        Dataset of windows or sequences; or regions, as `ga.read_regions` takes them: a region
        string, a list of them, a table, a file.
    examples, like
        For regions: the function that makes windows of them, or the genome that the model's
        signature cuts them from; see `examples_of`.
    inputs
        Names of the input variables; None: the names of the model's inputs.
    check
        Compare with what the model was made for.

    Raises
    ------
    RegionError
        When an input is missing, or the windows are not those that the model takes.
    AssemblyError
        When they lie on another assembly than in training.
    StoreError
        When `model` is a path without a model.
    GenomeError
        When regions are given, and nothing makes windows of them.
    """
    path = os.fspath(model) if isinstance(model, str | os.PathLike) else None
    if path is not None:
        model = load_model(path)
    windows = _windows(model, x, examples, like, check)
    signature = getattr(model, "signature", None)
    if signature is not None and check:
        signature.check(windows)
    names = [tensor.name for tensor in model.inputs] if inputs is None else names_of(inputs)
    if len(names) != len(model.inputs):
        raise GenomeError(
            f"inputs={names} are {len(names)}, and the model takes {len(model.inputs)}: "
            f"{', '.join(tensor.name for tensor in model.inputs)}"
        )
    dim = example_dim(windows)
    for name, tensor in zip(names, model.inputs, strict=True):
        there = input_shape(windows, name, dim)
        wanted = tuple(tensor.shape[1:])
        if len(there) != len(wanted) or any(
            size is not None and size != own for own, size in zip(there, wanted, strict=True)
        ):
            raise RegionError(
                f"input {name!r} has the shape {there} in a {dim}, and the model takes {wanted}; "
                "make the windows as those that it was trained on"
            )
    return Asked(model, windows, dim, names, outputs_of(model, signature), path)


def input_shape(x: xr.Dataset, name: str, dim: str) -> tuple[int, ...]:
    """Shape of an input in one window or sequence.

    Raises
    ------
    RegionError
        When there is no such variable.
    """
    if name not in x.data_vars:
        raise RegionError(
            f"there is no input {name!r} here, which the model takes; there are "
            f"{', '.join(map(str, x.data_vars))}"
        )
    own = without_margin(x[name])  # streams leave it out
    return tuple(size for other, size in own.sizes.items() if other != dim)


def _windows(model: Any, x: Any, examples: Examples | None, like: Any, check: bool) -> xr.Dataset:
    if isinstance(x, xr.DataArray):
        raise RegionError(
            f"x is a DataArray, {x.name!r}; give the Dataset that holds the model's inputs, as in "
            "x[['dna']]"
        )
    if isinstance(x, xr.Dataset) and set(EXAMPLES) & set(x.dims):
        if examples is not None or like is not None:
            raise GenomeError(
                "x holds windows already; examples= and like= make them of regions: leave them out"
            )
        return x
    make = examples_of(model, examples, like, check=check)
    if isinstance(x, str) and not os.path.exists(x):
        x = [x]
    genome = like
    if isinstance(like, xr.DataTree):
        genome = next((ds for ds in without_levels(like).values() if "position" in ds.dims), like)
    windows = make(read_regions(x, like=genome))
    example_dim(windows)
    return windows
