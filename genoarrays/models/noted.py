"""What is written down of a training, beside its settings?

Which examples it saw, how many lie on which contig, and what the network was made of; all of it
plain JSON, so that reports and comparisons need no TensorFlow.
"""

from __future__ import annotations

import os
from typing import Any

import keras
import xarray as xr

from genoarrays.genome.example import example_dim
from genoarrays.genome.windows import count_by_contig
from genoarrays.models.layers import OneHot

__all__ = ["contigs_of", "layers_of", "orders_of", "sizes_of", "validation_told"]

_ASKED = (
    "filters", "kernel_size", "dilation_rate", "pool_size", "units", "rate", "order", "merge",
    "activation",
)  # fmt: skip
_PLAIN = (str, int, float, list, tuple)


def validation_told(validation: Any) -> Any:
    """What was held out, as it was asked for; a Dataset is told by its size."""
    if validation is None or isinstance(validation, str | float | int):
        return validation
    if isinstance(validation, os.PathLike):
        return os.fspath(validation)
    if isinstance(validation, list | tuple):
        return [str(one) for one in validation]
    return f"{type(validation).__name__} of {dict(getattr(validation, 'sizes', {}))}"


def sizes_of(x: xr.Dataset, held: xr.Dataset | None) -> dict[str, int]:
    """Number of examples to train on, and held out."""
    counts = {"training": x.sizes[example_dim(x)]}
    return counts if held is None else {**counts, "validation": held.sizes[example_dim(held)]}


def contigs_of(x: xr.Dataset, held: xr.Dataset | None) -> dict[str, dict[str, int]]:
    """Windows by contig, of what is trained on and what is held out; sequences have none."""
    parts = {"training": x} if held is None else {"training": x, "validation": held}
    found = {name: count_by_contig(one) for name, one in parts.items()}
    return {name: counts for name, counts in found.items() if counts}


def orders_of(model: Any) -> list[int]:
    """Lengths of the k-mers that sequence is read in."""
    return sorted({int(layer.order) for layer in model.layers if isinstance(layer, OneHot)})


def layers_of(model: Any) -> list[dict[str, Any]]:
    """Each layer of a network: name, kind, shape of an example of its output, parameters.

    And of `filters`, `kernel_size` and the like what it has.
    """
    found = []
    for layer in model.layers:
        config = layer.get_config()
        output = getattr(layer, "output", None)  # a network that is no graph has none
        tensors = [] if output is None else keras.tree.flatten(output)
        shapes = [list(tensor.shape[1:]) for tensor in tensors]
        found.append(
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "shape": shapes[0] if len(shapes) == 1 else shapes,
                "parameters": int(layer.count_params()) if layer.built else 0,
                **{key: config[key] for key in _ASKED if isinstance(config.get(key), _PLAIN)},
            }
        )
    return found
