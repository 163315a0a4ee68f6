"""How does a block of positions look to a compiled loop?

Row by row along the genome: a row is what is left when all other dimensions are fixed. Blocks of a
store lie in memory like that already, as they are on disk, and are handed over as they are. Others,
and types that have no loops of their own, are laid out anew piece by piece, so that what is copied
fits the caches and few variants of a loop are compiled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BlockRows", "kernel_dtype"]

Array = npt.NDArray[Any]
_TILE, _SHORT = 2**17, 2**11  # values laid out anew at once, and positions at least


def kernel_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which loops take values, which all of them fit."""
    if dtype.kind == "f":
        return np.dtype(np.float64 if dtype.itemsize > 4 else np.float32)
    return np.dtype(np.uint64 if dtype.kind == "u" and dtype.itemsize == 8 else np.int64)


class BlockRows:
    """Blocks that follow each other along the genome, row by row.

    Parameters
    ----------
    blocks
        (position, ...) arrays that agree in all other dimensions.
    """

    def __init__(self, blocks: Sequence[Array]) -> None:
        one = max(blocks, key=len)
        order = sorted(range(1, one.ndim), key=lambda dim: -abs(one.strides[dim]))
        self.shape = one.shape[1:]
        self._order = [dim - 1 for dim in order]
        self.number = int(np.prod(self.shape, dtype=np.int64))
        # a view wherever memory has no gaps
        self._parts = [b.transpose(*order, 0).reshape(self.number, len(b)) for b in blocks]
        self._edges = np.cumsum([0, *map(len, blocks)]).tolist()

    def __len__(self) -> int:
        return int(self._edges[-1])

    def tiles(self, dtype: np.dtype[Any]) -> Iterator[tuple[int, Array]]:
        """All positions in pieces: the first one, and (row, position) of this type."""
        step = max(_TILE // max(self.number, 1), _SHORT)
        for start in range(0, len(self), step):
            yield start, self.between(start, min(start + step, len(self)), dtype)

    def between(self, start: int, stop: int, dtype: np.dtype[Any]) -> Array:
        """(row, position) of the positions [start, stop) and this type, rows without gaps."""
        found = [
            part[:, max(start - low, 0) : stop - low]
            for low, part in zip(self._edges, self._parts, strict=False)
            if low < stop and start < low + part.shape[1]
        ]
        found = found or [self._parts[0][:, :0]]
        whole = found[0] if len(found) == 1 else np.concatenate(found, axis=1)
        return np.ascontiguousarray(whole, dtype)

    def shaped(self, rows: Array) -> Array:
        """(position, ...) of (row, position), a view."""
        lengths = [self.shape[dim] for dim in self._order]
        folded = rows.reshape(*lengths, rows.shape[-1])
        back = [self._order.index(dim) for dim in range(len(self.shape))]
        return folded.transpose(len(lengths), *back)
