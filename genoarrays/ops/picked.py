"""How are scattered places picked from a long array, by few reads?

A task reads its chunk from the first to the last place in it, once, whatever order they are asked
for in.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.options import check_bytes

__all__ = ["picked"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_BLOCK = 2**22  # values of a piece, of arrays that are read without dask


def picked(flat: xr.Variable, place: Ints, dtype: np.dtype[Any], fill: Any) -> Any:
    """Values (place, rest) of a variable (position, rest).

    Parameters
    ----------
    flat
        In memory, dask, or read when it is indexed.
    place
        Positions, in any order, several times or not at all; -1 for none.
    dtype, fill
        Type of the result, and what stands where there is no position.

    Returns
    -------
    np.ndarray or dask.array.Array
        The first where `flat` is in memory.

    Raises
    ------
    GenomeError
        When places in no order, put together in one block, take more than the byte limit.
    """
    held = flat._data
    if isinstance(held, np.ndarray):
        return _take(held, place, dtype, fill)
    if flat.chunks is None:
        cells = max(int(np.prod(flat.shape[1:], dtype=np.int64)), 1)
        flat = flat.chunk({flat.dims[0]: max(_BLOCK // cells, 1)})
    there = np.flatnonzero(place >= 0)
    some = place[there]
    if (some[1:] >= some[:-1]).all():
        return _in_order(flat.data, place, dtype, fill)
    order = np.argsort(some, kind="stable")
    where = np.full(len(place), -1)
    where[there[order]] = np.arange(len(order))
    return _put_together(_in_order(flat.data, some[order], dtype, fill), where, dtype, fill)


def _in_order(data: Any, place: Ints, dtype: np.dtype[Any], fill: Any) -> Any:
    """Places that rise, apart from those that are none: one task for each chunk that has some."""
    import dask.array as da

    there = np.flatnonzero(place >= 0)
    edges = np.concatenate([[0], np.cumsum(data.chunks[0])])
    of = np.searchsorted(edges, place[there], side="right")
    # one stretch of each: of several dask would read the whole chunk, since they share it
    new = np.diff(of) > 0
    # those that are none go with the ones before them
    cuts = [0, *there[1:][new].tolist(), len(place)]
    parts = []
    for low, high in pairwise(cuts):
        rows = place[low:high]
        known = rows[rows >= 0]
        first, last = (int(known[0]), int(known[-1]) + 1) if known.size else (0, 0)
        piece = data[first:last].rechunk({0: -1})
        part = da.map_blocks(
            _take, piece, np.where(rows < 0, -1, rows - first), dtype, fill, dtype=dtype,
            chunks=((high - low,), *piece.chunks[1:]), meta=np.empty((0,) * data.ndim, dtype),
        )  # fmt: skip
        parts.append(part)
    return da.concatenate(parts) if len(parts) > 1 else parts[0]


def _put_together(found: Any, where: Ints, dtype: np.dtype[Any], fill: Any) -> Any:
    import dask.array as da

    cells = int(np.prod(found.chunksize[1:], dtype=np.int64))
    check_bytes(
        len(where) * cells * dtype.itemsize,
        "what variants in no order have, in one block",
        "sort them first, or cut other dimensions into chunks: array.chunk(track=1)",
    )
    whole = found.rechunk({0: -1})
    return da.map_blocks(
        _take, whole, where, dtype, fill, dtype=dtype, chunks=((len(where),), *whole.chunks[1:]),
        meta=np.empty((0,) * found.ndim, dtype),
    )  # fmt: skip


def _take(values: Array, rows: Ints, dtype: np.dtype[Any], fill: Any) -> Array:
    """Rows of values, -1 for none."""
    there = rows >= 0
    if there.all():
        return values[rows].astype(dtype, copy=False)
    out = np.full((len(rows), *values.shape[1:]), fill, dtype)
    out[there] = values[rows[there]]
    return out
