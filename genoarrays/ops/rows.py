"""What is reduced, and what stays?

A reduction looks at an array as rows of values: the dimensions that go are laid end to end, and
each place of those that stay is a row.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.blocks import blocks_of, check_numbers, plain

__all__ = ["Rows", "block_rows", "rows_of"]

Array = npt.NDArray[Any]


class Rows(NamedTuple):
    """An array to reduce.

    `data`: dask array whose first `over` dimensions go; `rest`: names of the others; `labels`:
    Dataset of the coordinates that stay; `lazy`: whether the array had dask chunks before.
    """

    data: Any
    over: int
    rest: list[Hashable]
    labels: xr.Dataset
    lazy: bool

    @property
    def gone(self) -> tuple[int, ...]:
        """Axes that are reduced."""
        return tuple(range(self.over))

    @property
    def size(self) -> int:
        """Values of a row."""
        return int(np.prod(self.data.shape[: self.over], dtype=np.int64))

    @property
    def most(self) -> int:
        """Most rows of a block."""
        return int(np.prod(self.data.chunksize[self.over :], dtype=np.int64))

    def finish(self, found: Any) -> Any:
        """What was made of the dask array: computed where the array was in memory."""
        return found if self.lazy else found.compute()


def rows_of(array: xr.DataArray, dim: Hashable | Sequence[Hashable], doing: str) -> Rows:
    """Look at an array as rows.

    Parameters
    ----------
    array
        Numbers.
    dim
        Dimension, or several, to reduce.
    doing
        What is done to numbers, for messages: "ranked".

    Raises
    ------
    GenomeError
        For a dimension that `array` lacks, codes of letters, or values that are no numbers.
    """
    check_numbers(array, doing)
    dims = [dim] if isinstance(dim, str) or not isinstance(dim, Sequence) else list(dim)
    for one in dims:
        if one not in array.dims:
            raise GenomeError(f"{array.name!r} has no dimension {one!r}, but {list(array.dims)}")
    data, rest, lazy = blocks_of(array, dims)
    # as a Dataset, which keeps the indexes of the genome axis: coordinates one by one lose them
    labels = array.coords.to_dataset().drop_dims(dims, errors="ignore")
    return Rows(data, len(dims), rest, labels, lazy)


def block_rows(block: Array, over: int) -> Array:
    """A block as (value, row), of a type that compiled loops know."""
    rows = int(np.prod(block.shape[over:], dtype=np.int64))
    return plain(block).reshape(int(np.prod(block.shape[:over], dtype=np.int64)), rows)
