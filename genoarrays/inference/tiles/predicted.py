"""How are predictions an array that is computed when it is looked at?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.inference.tiles.predictor import Predictor

__all__ = ["Predicted"]

Array = npt.NDArray[Any]


class Predicted:
    """One output along the genome, position first.

    Parameters
    ----------
    predictor
        Predicts it.
    output
        Its name.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, predictor: Predictor, output: str) -> None:
        self.predictor, self.output = predictor, output

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions, and sizes of the other dimensions."""
        tiling = self.predictor.tiling
        return (tiling.axes[self.output].size, *tiling.outputs[self.output].shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> Array:
        """Values at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        keys: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        keys += (slice(None),) * (self.ndim - len(keys))
        positions = np.arange(self.shape[0])[keys[0]]
        values = self._at(positions.reshape(-1)).reshape(*positions.shape, *self.shape[1:])
        for dim in reversed(range(1, self.ndim)):
            at = dim - 1 + positions.ndim
            values = values[(slice(None),) * at + (keys[dim],)]
        return values

    def _at(self, positions: Array) -> Array:
        """Values of positions: of all bins in their strides, which are few more."""
        tiling, name = self.predictor.tiling, self.output
        axis, strides = tiling.axes[name], tiling.strides
        if not positions.size:
            return np.empty((0, *self.shape[1:]), self.dtype)
        code, bins = axis.at(positions)
        wanted = np.unique(strides.locate(code, bins * axis.bin_size // strides.bin_size))
        found, places = [], []
        for start, count in zip(*_runs(wanted), strict=True):
            found.append(self.predictor.values(start, start + count)[name])
            first, end = tiling.place(name, [start, start + count]).tolist()
            places.append(np.arange(first, end))
        return np.concatenate(found)[np.searchsorted(np.concatenate(places), positions)]


def _runs(numbers: Array) -> tuple[list[int], list[int]]:
    """Starts and lengths of runs of consecutive numbers."""
    first = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 2) != 1)
    return numbers[first].tolist(), np.diff(first, append=len(numbers)).tolist()
