"""How is something done along the genome to every variable of an object, or beside its chunks?

`along_axis` takes objects apart and puts them together again on another axis; `layered` makes the
dask array of tasks that need more than one chunk, such as the neighbors of each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.chunked import chunked
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.ops.blocks import check_numbers

__all__ = ["along_axis", "beside", "layered", "others"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
Array = npt.NDArray[Any]
_AXIS = ("position", "contig", "assembly")


def along_axis(obj: Xarray, axis: GenomeAxis, function: Callable[[Any], Any], doing: str) -> Xarray:
    """Put what a function makes of each variable on an axis.

    Parameters
    ----------
    obj
        Dataset or DataArray with the dimension `position`.
    axis
        Of the results.
    function
        Takes numbers (position, ...), a dask array where `obj` is lazy, and gives as many
        positions as `axis` has.
    doing
        Ends the message when there are no numbers.

    Returns
    -------
    The same kind of object: variables without `position`, labels and attributes stay. Other
    coordinates along `position` stay where the axis does; else they are left out, for they belong
    to the bins of before.

    Raises
    ------
    GenomeError
        For codes of letters, or values that are no numbers.
    """
    stays = axis == axis_of(obj)
    gone = [
        name
        for name, coord in obj.coords.items()
        if name in _AXIS or ("position" in coord.dims and not stays)
    ]
    coords, attached = obj.drop_vars(gone).coords, genome_coords(axis)
    if isinstance(obj, xr.DataArray):
        changed = _changed(obj, function, doing)
        return xr.DataArray(changed, coords, name=obj.name).assign_coords(attached)
    data = {
        name: _changed(array, function, doing) if "position" in array.dims else array.variable
        for name, array in obj.data_vars.items()
    }
    return xr.Dataset(data, coords, obj.attrs).assign_coords(attached)


def _changed(array: xr.DataArray, function: Callable[[Any], Any], doing: str) -> xr.Variable:
    check_numbers(array, doing)
    flat = chunked(array.variable).transpose("position", ...)
    data = function(flat.data if flat.sizes["position"] else np.empty(flat.shape, flat.dtype))
    changed = xr.Variable(flat.dims, data, array.attrs).transpose(*array.dims)
    return changed.chunk() if flat.chunks is not None and changed.chunks is None else changed


def layered(name: str, data: Any, tasks: Mapping[Any, Any], chunks: Any, dtype: Any) -> Any:
    """Dask array of tasks that take chunks of another one.

    Parameters
    ----------
    name
        Of the result; tasks have keys (name, i, j, ...), others are steps on the way.
    data
        Dask array whose keys the tasks name.
    tasks
        By key.
    chunks, dtype
        Of the result.
    """
    import dask.array as da
    from dask.highlevelgraph import HighLevelGraph

    graph = HighLevelGraph.from_collections(name, tasks, dependencies=[data])
    meta = np.empty((0,) * len(chunks), dtype)
    return da.Array(graph, name, chunks, meta=meta)


def others(data: Any) -> Iterator[tuple[int, ...]]:
    """Chunk numbers of all dimensions but the first."""
    return product(*map(range, data.numblocks[1:]))


def beside(
    data: Any, needs: Sequence[Sequence[tuple[int, int]]], work: Callable[..., Array],
    given: Sequence[Any], lengths: Sequence[int], dtype: Any, name: tuple[Any, ...],
) -> Any:  # fmt: skip
    """Array whose chunks are made of any positions of another one.

    What is not a whole chunk is sliced by a task of its own, which dask joins to the reading of a
    chunk that nobody else wants: a piece of the result reads little more than it is made of.

    Parameters
    ----------
    data
        (position, ...) array of dask or NumPy.
    needs
        Ranges of positions, ascending, that each chunk of the result is made of.
    work
        Takes the arrays that hold these positions, end to end, and one of `given`.
    given
        What else each chunk is made of.
    lengths
        Of the chunks of the result.
    dtype
        Of the result.
    name
        A word, and what decides the result beside the data.
    """
    if isinstance(data, np.ndarray):
        parts = [[data[a:b] for a, b in some] for some in needs]
        made = [work(*pair) for pair in zip(parts, given, strict=True)]
        return made[0] if len(made) == 1 else np.concatenate(made)
    from dask.array.chunk import getitem
    from dask.base import tokenize

    token = f"{name[0]}-{tokenize(data.name, dtype, lengths, *name)}"
    edges = np.concatenate([[0], np.cumsum(data.chunks[0])])
    whole = (slice(None),) * (data.ndim - 1)
    tasks: dict[Any, Any] = {}
    for number, (some, more) in enumerate(zip(needs, given, strict=True)):
        pieces = [piece for one in some for piece in _pieces(edges, *one)]
        for rest in others(data):
            keys: list[Any] = []
            for chunk, start, stop in pieces:
                key: Any = (data.name, chunk, *rest)
                if (start, stop) != (0, data.chunks[0][chunk]):
                    part = (f"{token}-part", number, len(keys), *rest)
                    tasks[part] = (getitem, key, (slice(start, stop), *whole))
                    key = part
                keys.append(key)
            tasks[(token, number, *rest)] = (work, keys, more)
    return layered(token, data, tasks, (tuple(lengths), *data.chunks[1:]), dtype)


def _pieces(edges: Array, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Chunks that hold the positions [start, stop), and what to take of each; one at least."""
    first = int(np.searchsorted(edges[1:-1], start, side="right"))
    last = int(np.searchsorted(edges[1:-1], stop, side="left"))
    for chunk in range(first, max(last, first) + 1):
        low, high = int(edges[chunk]), int(edges[chunk + 1])
        yield chunk, max(start - low, 0), min(stop, high) - low
