"""How is an array looked at block by block?

Reductions over the genome work on dask blocks. An array without dask chunks, in memory or read when
it is indexed, is cut into blocks first, so that one way serves all.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["blocks_of", "check_numbers", "fields_of_block", "fields_over", "joined_fields", "plain"]

Array = npt.NDArray[Any]
_BLOCK = 2**22  # values of a block, of arrays that have no dask chunks
_TILE = 2**16  # values of one row that are laid side by side at once


def check_numbers(array: xr.DataArray, doing: str) -> None:
    """Refuse what has no mean.

    Raises
    ------
    GenomeError
        For codes of letters, values that are no numbers, or something else than one variable.
    """
    if not isinstance(array, xr.DataArray):
        raise GenomeError(
            f"a {type(array).__name__} is no single variable; give one, as in ds.signal"
        )
    if array.dtype.kind not in "biuf":
        raise GenomeError(f"{array.name!r} holds {array.dtype}, and only numbers are {doing}")
    if "alphabet" in array.attrs:
        raise GenomeError(
            f"{array.name!r} holds codes of letters, and only numbers are {doing}; what was made "
            "of codes and is numbers, as dna == 1, bears their attributes: .drop_attrs(deep=False)"
        )


def blocks_of(array: xr.DataArray, dims: Sequence[Hashable]) -> tuple[Any, list[Hashable], bool]:
    """Dask array with some dimensions first, the other dimensions, and whether it was lazy."""
    rest = [d for d in array.dims if d not in dims]
    flat = array.variable.transpose(*dims, *rest)
    lazy = flat.chunks is not None
    if not lazy:
        cells = max(int(np.prod(flat.shape[1:], dtype=np.int64)), 1)
        flat = flat.chunk({dims[0]: max(_BLOCK // cells, 1)})
    return flat.data, rest, lazy


def plain(block: Array) -> Array:
    """The same numbers in a type that compiled loops know."""
    if block.dtype.kind == "b":
        return block.view(np.uint8)
    if block.dtype.kind == "f" and block.dtype.itemsize not in (4, 8):
        return block.astype(np.float32 if block.dtype.itemsize < 4 else np.float64)
    return block if block.dtype.isnative else block.astype(block.dtype.newbyteorder("="))


def fields_of_block(block: Array, over: int, start: Array, stop: Array) -> Array:
    """Fields (stretch, rest, field) of stretches of a block whose first `over` dimensions go.

    Parameters
    ----------
    block
        (over, rest) numbers.
    over
        Dimensions that are laid end to end.
    start, stop
        Stretches of them.
    """
    from genoarrays.ops.moments import FIELDS, moments, over_ranges

    rest = block.shape[over:]
    block = plain(block)
    rows = int(np.prod(rest, dtype=np.int64))
    out = np.empty((len(start), rows, len(FIELDS)))
    columns = np.moveaxis(block, range(over), range(-over, 0))
    if columns.flags.c_contiguous:
        moments(columns.reshape(rows, -1), start, stop, out)
        return out.reshape(len(start), *rest, len(FIELDS))
    # rows are laid side by side tile by tile, which cuts stretches once more
    table = block.reshape(-1, rows)
    edges = [*range(0, len(table), _TILE), len(table)]
    cut = np.unique(np.concatenate([start, stop, edges]))
    parts = np.empty((len(cut) - 1, rows, len(FIELDS)))
    for first, last in pairwise(edges):
        a, b = np.searchsorted(cut, [first, last])
        tile = np.ascontiguousarray(table[first:last].T)
        moments(tile, cut[a:b] - first, cut[a + 1 : b + 1] - first, parts[a:b])
    low, high = np.searchsorted(cut, start), np.searchsorted(cut, stop)
    over_ranges(parts, low, high, out)
    return out.reshape(len(start), *rest, len(FIELDS))


def fields_over(data: Any, over: int) -> Any:
    """Fields (rest, field) of a dask array whose first `over` dimensions go."""
    import dask.array as da

    blocks = tuple((1,) * number for number in data.numblocks[:over])
    of_blocks = da.map_blocks(
        _of_block, data, over=over, dtype=np.float64, new_axis=data.ndim,
        chunks=(*blocks, *data.chunks[over:], (5,)), meta=np.empty((0,) * (data.ndim + 1)),
    )  # fmt: skip
    return da.map_blocks(
        joined_fields, of_blocks.rechunk(dict.fromkeys(range(over), -1)), over=over,
        dtype=np.float64, drop_axis=list(range(over)), chunks=(*data.chunks[over:], (5,)),
        meta=np.empty((0,) * (data.ndim + 1 - over)),
    )  # fmt: skip


def _of_block(block: Array, over: int) -> Array:
    """Fields of all of a block, its first dimensions of length 1."""
    size = int(np.prod(block.shape[:over], dtype=np.int64))
    fields = fields_of_block(block, over, np.zeros(1, np.int64), np.full(1, size))
    return fields.reshape((1,) * over + fields.shape[1:])


def joined_fields(parts: Array, over: int) -> Array:
    """Fields (rest, field) of (over, rest, field)."""
    from genoarrays.ops.moments import over_ranges

    rest, number = parts.shape[over:-1], int(np.prod(parts.shape[:over], dtype=np.int64))
    rows = int(np.prod(rest, dtype=np.int64))
    out = np.empty((1, rows, parts.shape[-1]))
    flat = np.ascontiguousarray(parts).reshape(number, rows, -1)
    over_ranges(flat, np.zeros(1, np.int64), np.full(1, number), out)
    return out.reshape(*rest, parts.shape[-1])
