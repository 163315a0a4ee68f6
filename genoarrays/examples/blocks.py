"""How do the windows of a variable become a lazy array, one task for each block?

Arrays that were opened and not changed since are read directly, by position; others (computed,
selected, in memory) through their own chunks. `made_of` leads from the lazy array back to what it
was cut from, for streams, which keep the bases of many blocks rather than their windows.
"""

from __future__ import annotations

import uuid
from dataclasses import fields
from itertools import starmap
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.examples.cut import Cutter
from genoarrays.examples.geometry import plan_reads
from genoarrays.examples.tracks import Track
from genoarrays.genome.columns import Columns

__all__ = ["Made", "lazy_windows", "made_of"]

Array = npt.NDArray[Any]
_ROW = np.dtype([("code", "i4"), ("start", "i8"), ("end", "i8"), ("orientation", "i1")])


class Made:
    """What a lazy array of windows was made of; in another process only how to cut them.

    Parameters
    ----------
    cutter
        Cuts them.
    dims
        Dimensions of the array.
    windows
        All windows, in the order of the array.
    """

    def __init__(self, cutter: Cutter, dims: tuple[str, ...], windows: Columns | None) -> None:
        self.cutter, self.dims, self.windows = cutter, dims, windows
        self.chunks: Any = None

    def __reduce__(self) -> Any:
        source = self.cutter.source
        cutter = self.cutter.without_source() if isinstance(source, np.ndarray) else self.cutter
        return Made, (cutter, self.dims, None)

    def block(self, rows: Array) -> Array:
        """Windows of one block, read from the source."""
        code, start, end, orientation = (
            np.ascontiguousarray(rows[name]) for name in _ROW.names or ()
        )
        names = self.cutter.axis.assembly.names
        return self.cutter.windows(Columns(names, code, start, end, orientation))

    def block_of(self, columns: Columns, reads: list[tuple[int, int]], parts: list[Any]) -> Array:
        """Windows of one block, from the values of its reads."""
        values = dict(zip(reads, parts, strict=True))
        return self.cutter.windows(columns, lambda *read: np.asarray(values[read]))


_made: WeakValueDictionary[str, Made] = WeakValueDictionary()


def made_of(name: Any) -> Made | None:
    """What the dask array of a name was made of, if that was in this process and is still used."""
    return _made.get(name) if isinstance(name, str) else None


def lazy_windows(track: Track, at: Columns, step: int) -> Any:
    """Dask array of all windows of a track, one task for `step` windows each.

    Raises
    ------
    RegionError
        When windows are off the grid, or not all there.
    GenomeError
        When there are windows on the minus strand, and the variable has no rule for them.
    """
    cutter = track.cutter
    cuts = cutter.cuts(at)
    if cuts.turned.any():
        cutter.turning(cutter.dims)
    made = Made(cutter, track.dims, at)
    shape = _shape(track, at, cuts.count)
    edges = [*range(0, at.size, step), at.size]
    if cutter.source is None or isinstance(cutter.source, np.ndarray):
        lazy = _from_pieces(track.array, made, edges, shape, cuts)
    else:
        lazy = _from_source(track.array, made, edges, shape, cuts)
    _made.setdefault(lazy.name, made).chunks = lazy.chunks
    return lazy


def _shape(track: Track, at: Columns, count: Array) -> tuple[int, ...]:
    cutter = track.cutter
    first: tuple[int, ...] = (at.size,)
    if cutter.ragged:
        first = (int(count.sum()),)
    elif cutter.bins is not None:
        margin = 0 if cutter.reduces else 2 * (cutter.margin // cutter.axis.bin_size)
        first = (at.size, cutter.length + margin)
    return (*first, *cutter.sizes, *((cutter.moves,) if "shift" in track.dims else ()))


def _chunks(cutter: Cutter, edges: list[int], count: Array) -> tuple[int, ...]:
    """Lengths of the blocks along the first dimension."""
    if not cutter.ragged:
        return tuple(np.diff(edges).tolist())
    ends = np.concatenate([[0], np.cumsum(count)])[edges]
    return tuple(np.diff(ends).tolist())


def _from_source(
    array: xr.DataArray, made: Made, edges: list[int], shape: tuple[int, ...], cuts: Any
) -> Any:
    import dask.array as da
    from dask.base import tokenize

    at = made.windows
    assert at is not None
    rows = np.empty(at.size, dtype=_ROW)
    rows["code"], rows["start"], rows["end"] = at.code, at.start, at.end
    rows["orientation"] = at.orientation
    cutter, axis = made.cutter, made.cutter.axis
    name = getattr(cutter.source, "name", None) or uuid.uuid4().hex
    options = {f.name: getattr(cutter, f.name) for f in fields(cutter)}
    options |= {"source": name, "axis": None, "fill": repr(cutter.fill)}
    places = (axis.assembly.digest, axis.bin_size, axis.code, axis.first, axis.count, axis.step)
    token = tokenize(rows, edges, options, places, made.dims)
    # equal windows share what they are made of: it is known as long as any of them is used
    made = _made.setdefault(f"windows-{token}", made)
    table = da.from_array(
        rows, chunks=(tuple(np.diff(edges)),), name=f"regions-{tokenize(rows, edges)}"
    )
    chunks = (_chunks(cutter, edges, cuts.count), *((n,) for n in shape[1:]))
    return da.map_blocks(
        _block,
        table,
        made=made,
        dtype=cutter.result,
        chunks=chunks,
        new_axis=list(range(1, len(shape))) or None,
        meta=np.empty((0,) * len(shape), dtype=cutter.result),
        name=f"windows-{token}",
    )


def _block(rows: Array, made: Made) -> Array:
    return made.block(rows)


def _from_pieces(
    array: xr.DataArray, made: Made, edges: list[int], shape: tuple[int, ...], cuts: Any
) -> Any:
    import dask
    import dask.array as da

    cutter, at = made.cutter, made.windows
    assert at is not None
    data = array.variable.transpose(*cutter.dims)
    task = dask.delayed(Made.block_of, pure=False)
    blocks = []
    lengths = _chunks(cutter, edges, cuts.count)
    for first, stop, length in zip(edges[:-1], edges[1:], lengths, strict=True):
        some = slice(first, stop)
        plan, _ = plan_reads(cuts.take(some), cutter.longest)
        parts = list(starmap(lambda *read: _piece(data, *read), plan.reads))
        columns = at.take(some)._replace(assembly=None)
        lazy = task(made, columns, plan.reads, parts)
        blocks.append(da.from_delayed(lazy, (length, *shape[1:]), cutter.result))
    return da.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _piece(data: xr.Variable, start: int, stop: int) -> Any:
    part = data.isel(position=slice(start, stop))
    return part.data if part.chunks is not None else part
