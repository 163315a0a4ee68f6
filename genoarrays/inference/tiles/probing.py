"""Can the examples be made at all, and are they still what they were?

Before anything is predicted, inputs are made at both ends of every contig and at some places
between. There they are padded; a contig that cannot be predicted shows. A digest of them stands in
the plan: a prediction that goes on, or is there already, is of the same inputs. As with files, what
differs elsewhere only is not seen.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.inference.tiles.predictor import Predictor
from genoarrays.stream.batches import batches

__all__ = ["check_inputs", "digest_of_inputs", "input_bytes"]

_PLACES = 64


def check_inputs(model: Any, x: xr.Dataset, names: list[str], check: bool) -> None:
    """Refuse windows that the model does not take.

    Raises
    ------
    RegionError
        When an input is missing, or has other dims, sizes, labels or letters.
    AssemblyError
        When the windows lie on another assembly than in training.
    """
    signature = getattr(model, "signature", None)
    if signature is not None and check:
        signature.check(x)
    for name, tensor in zip(names, model.inputs, strict=True):
        if name not in x.data_vars:
            raise RegionError(
                f"examples() gives no variable {name!r}, which the model takes; it gives "
                f"{', '.join(map(str, x.data_vars))}"
            )
        there = tuple(n for dim, n in x[name].sizes.items() if dim != "window")
        wanted = tuple(tensor.shape[1:])
        fits = len(there) == len(wanted) and all(
            n is None or n == own for own, n in zip(there, wanted, strict=True)
        )
        if not fits:
            raise RegionError(
                f"input {name!r} has the shape {there} in a window, and the model takes {wanted}; "
                "make the windows as those that it was trained on"
            )


def input_bytes(x: xr.Dataset, names: list[str]) -> int:
    """Bytes of the inputs of a window."""
    size = x.sizes["window"]
    return sum(x[name].size // size * (1 if "alphabet" in x[name].attrs else 4) for name in names)


def digest_of_inputs(predictor: Predictor) -> str:
    """Digest of the inputs at both ends of all contigs and at 64 places between.

    Raises
    ------
    GenomeError
        Whatever making them raises; a note names the places.
    """
    tiles = predictor.tiling.sample(_PLACES)
    digest = hashlib.blake2b(digest_size=16)
    try:
        stream = batches(
            predictor.windows(tiles), inputs=predictor.inputs, shuffle=False,
            batch_size=predictor.batch_size, memory=predictor.memory,
        )  # fmt: skip
        for batch in stream:
            for values in batch.values():
                digest.update(np.ascontiguousarray(values).tobytes())
    except GenomeError as error:
        error.add_note(
            "while making the inputs at both ends of each contig, before anything is predicted; "
            "contigs= leaves some out"
        )
        raise
    return digest.hexdigest()
