"""What does a model say about a stretch of the genome, in whatever process it is asked?

A `Predictor` knows all it takes: the model (by path where it has one), the function that makes
examples, the tiling. It travels to other processes; each loads the model once. Several threads may
share it: one predicts at a time, while others cut windows. Two at a time on two cores were 4 to 8 %
faster with a small network, and need twice the memory with a large one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import columns_dataset
from genoarrays.genome.windows import window_index
from genoarrays.inference.examples import Examples
from genoarrays.inference.outputs import answers, outputs_of
from genoarrays.inference.tiles.tiling import Tiling
from genoarrays.models.digest import digest_of_model
from genoarrays.models.saving import load_model

__all__ = ["Predictor", "Shared", "shared_model"]

Array = npt.NDArray[Any]


class Shared:
    """A model that several threads may ask; batches are padded to one size.

    So nothing is compiled twice, and a row hardly depends on the batch that it comes in.
    """

    def __init__(self, model: Any, batch_size: int) -> None:
        self.model, self._size = model, batch_size
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def predict_on_batch(self, batch: Any) -> Any:
        """Predictions of up to `batch_size` rows."""
        rows = len(batch[0] if isinstance(batch, list) else batch)
        if rows < self._size:
            batch = keras.tree.map_structure(lambda given: _padded(given, self._size), batch)
        with self._lock:
            answer = self.model.predict_on_batch(batch)
        return keras.tree.map_structure(lambda values: values[:rows], answer)


def _padded(values: Array, size: int) -> Array:
    return np.concatenate([values, np.repeat(values[-1:], size - len(values), axis=0)])


_shared: dict[tuple[str, str, int], Shared] = {}
_loading = threading.Lock()


def shared_model(path: str, digest: str, batch_size: int, model: Any = None) -> Shared:
    """The model at a path, loaded once in this process; `model` is it, where it was loaded before.

    Raises
    ------
    GenomeError
        When it is not the one of that digest any more.
    StoreError
        When there is none.
    """
    key = (path, digest, batch_size)
    with _loading:
        if key not in _shared:
            model = load_model(path) if model is None else model
            if (found := digest_of_model(model)) != digest:
                raise GenomeError(
                    f"the model at {path} was changed while it predicts: its digest is {found}, "
                    f"and was {digest}; predict again with overwrite=True"
                )
            _shared.clear()  # one at a time is enough
            _shared[key] = Shared(model, batch_size)
        return _shared[key]


class Predictor:
    """Predicts stretches of a genome.

    Parameters
    ----------
    model
        Keras model.
    path
        Where it is saved; None: it travels itself.
    examples
        Windows at a table of regions.
    tiling
        Tiles, and how the outputs are laid on the genome; outputs that it lacks are left out.
    inputs
        Names of variables, in the order of the model's inputs.
    batch_size
        Windows per step.
    both_strands, memory
        As for `ga.predict`.
    """

    def __init__(
        self,
        model: Any,
        path: str | os.PathLike[str] | None,
        examples: Examples,
        tiling: Tiling,
        inputs: Sequence[str],
        batch_size: int,
        both_strands: str | None,
        memory: int | str,
    ) -> None:
        self.path = None if path is None else os.fspath(Path(path).absolute())
        self.digest = digest_of_model(model)
        self.examples, self.tiling, self.inputs = examples, tiling, list(inputs)
        self.batch_size, self.both_strands, self.memory = batch_size, both_strands, memory
        self.signature = getattr(model, "signature", None)
        if self.path is None:
            self._shared = Shared(model, batch_size)
        else:
            shared_model(self.path, self.digest, batch_size, model)

    def __getstate__(self) -> dict[str, Any]:
        import cloudpickle

        state = {**self.__dict__, "examples": cloudpickle.dumps(self.examples)}
        if self.path is None:
            state["_shared"] = cloudpickle.dumps(self._shared.model)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        import cloudpickle

        self.__dict__.update(state)
        self.examples = cloudpickle.loads(state["examples"])
        if self.path is None:
            model = cloudpickle.loads(state["_shared"])
            model.signature = self.signature  # which is no part of a Keras model
            self._shared = Shared(model, self.batch_size)

    @property
    def model(self) -> Shared:
        """The model, in this process."""
        if self.path is None:
            return self._shared
        return shared_model(self.path, self.digest, self.batch_size)

    def windows(self, tiles: Columns) -> xr.Dataset:
        """Examples at tiles.

        Raises
        ------
        RegionError
            When they are not those that were asked for.
        """
        table = columns_dataset(tiles)
        table.attrs["tile_width"] = self.tiling.width
        x = self.examples(table)
        made = window_index(x).columns
        if made.size != tiles.size:
            raise RegionError(
                f"examples() gave {made.size:,} windows for {tiles.size:,} regions; it must give "
                "one for each, in their order"
            )
        moved = np.flatnonzero((made.start != tiles.start) | (made.contigs != tiles.contigs))
        if moved.size:
            row = moved[:1]
            length = self.tiling.strides.assembly.lengths[tiles.code[row[0]]]
            raise RegionError(
                f"examples() gave the window {made.labels(row)[0]} for the region "
                f"{tiles.labels(row)[0]}; it must give one for each region, in their order and "
                f"place{_cure(length, self.tiling.width)}"
            )
        return x

    def values(self, start: int, stop: int) -> dict[str, Array]:
        """Predictions of the strides [start, stop): (bins, ...) float32 by output.

        Raises
        ------
        GenomeError
            When one is NaN; names the first, and whatever the examples raise.
        """
        tiling = self.tiling
        stretch = tiling.stretch(start, stop)
        y = answers(
            self.model, self.windows(stretch.tiles), self.inputs,
            outputs_of(self.model, self.signature), list(tiling.outputs), self.batch_size,
            both_strands=self.both_strands, memory=self.memory, progress=False,
        )  # fmt: skip
        found = {}
        for name, values in y.items():
            self._check(name, stretch.tiles, values)
            found[name] = tiling.assemble(name, stretch, values)
        return found

    def _check(self, name: str, tiles: Columns, values: Array) -> None:
        bad = np.isnan(values.reshape(len(values), -1)).any(axis=1)
        if bad.any():
            row = int(np.argmax(bad))
            raise GenomeError(
                f"the model predicts NaN for {name!r} in the window {tiles.labels([row])[0]} "
                f"({int(bad.sum()):,} of {tiles.size:,} windows there); look at its inputs: "
                "examples(regions) at that window, and at its weights"
            )


def _cure(length: int, width: int) -> str:
    if length >= width:
        return ""
    return (
        f": the contig has {length:,} bp, less than the width of {width:,} bp; leave it out with "
        "contigs=, or leave anchor= out of ga.windows, which pads such a tile"
    )
