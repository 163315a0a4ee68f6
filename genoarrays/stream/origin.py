"""Which windows does a lazy variable hold, after some were selected, in another order?

dask names an array by what it was made of. So windows that nothing was done to but select and
transpose are found by doing the same to what `ga.windows` made: the index of the windows knows what
was selected. Where the names are equal so are the values, and windows are cut anew from their
bases, in any order at no cost. Where something was computed from windows in another order, each of
its blocks may need all blocks of windows: that is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.examples.blocks import Made, made_of
from genoarrays.genome.windows import WindowIndex

__all__ = ["check_order", "origin"]

Array = npt.NDArray[Any]
_TIMES = 4  # how often blocks of windows may be computed, all in all
_FEW = 64  # blocks that may be computed anyway


def origin(array: xr.DataArray) -> Made | None:
    """What windows are cut from, when nothing was done but to select some and reorder dimensions.

    Returns
    -------
    Made or None
        With the windows of the array, in its order.
    """
    import dask.array as da

    if array.chunks is None:
        return None
    data: Any = array.variable._data
    for name, made in _roots(data):
        if made.cutter.source is None or sorted(made.dims) != sorted(map(str, array.dims)):
            return None
        root = xr.Variable(
            made.dims, da.Array(data.dask, name, made.chunks, dtype=made.cutter.result)
        )
        if _same(root, array):
            return made
        for key in _chosen(array):
            root = root.isel({made.dims[0]: key})
        if _same(root, array) and made.windows is not None:
            return Made(made.cutter, made.dims, made.windows.take(_rows(array, made)))
        return None
    return None


def check_order(array: xr.DataArray, dim: str) -> None:
    """Refuse what was computed from windows in an order in which each block needs many others.

    Raises
    ------
    GenomeError
        With the cure.
    """
    if array.chunks is None or not _chosen(array):
        return
    for _, made in _roots(array.variable._data):
        if made.windows is None or made.cutter.ragged:
            return
        ends = np.cumsum(made.chunks[0])
        block = np.searchsorted(ends, _rows(array, made), side="right")
        edges = np.cumsum([0, *array.chunks[array.dims.index(dim)]]).tolist()
        needed = sum(len(np.unique(block[a:b])) for a, b in pairwise(edges))
        if needed > _TIMES * len(ends) + _FEW:
            raise GenomeError(
                f"{array.name!r} was computed from {dim}s in an order in which its blocks need "
                f"{needed:,} blocks of them, where there are {len(ends):,}; select {dim}s in "
                f"ascending order, as in x.isel({dim}=np.sort(rows)): the stream shuffles them"
            )
        return


def _roots(data: Any) -> Iterator[tuple[str, Made]]:
    """Arrays of windows that a dask array was made of."""
    for name in data.dask.layers:
        made = made_of(name)
        if made is not None:
            yield name, made


def _same(root: xr.Variable, array: xr.DataArray) -> bool:
    there: Any = root.transpose(*array.dims)._data
    mine: Any = array.variable._data
    return bool(there.name == mine.name)


def _chosen(array: xr.DataArray) -> tuple[Any, ...]:
    """Keys by which windows were selected, one after the other."""
    for index in array.xindexes.values():
        if isinstance(index, WindowIndex):
            return index.chosen
    return ()


def _rows(array: xr.DataArray, made: Made) -> Array:
    """Rows of what was made that an array has."""
    assert made.windows is not None
    rows = np.arange(made.windows.size)
    for key in _chosen(array):
        rows = rows[key]
    return rows
