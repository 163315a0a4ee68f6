"""What do the values in each of many regions come to, in one pass over what the regions cover?

Each stretch between two bounds of regions is looked at once, in the block that holds it, and comes
to five numbers; a region is a range of stretches. Quantiles need the values themselves: there a
task holds the blocks that its regions reach.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.ops.blocks import blocks_of, fields_of_block
from genoarrays.ops.stretches import stretches_of

__all__ = ["region_fields", "region_quantiles"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_PLACE = np.dtype([("start", "i8"), ("stop", "i8")])
_AT_ONCE = 2**20  # regions of one task


def region_fields(array: xr.DataArray, first: Ints, stop: Ints, groups: Ints | None = None) -> Any:
    """Fields of the values of each region, as `ops.moments` has them.

    Parameters
    ----------
    array
        Numbers with the dimension `position`.
    first, stop
        Positions of each region, as `positions_of` gives them.
    groups
        Number of the group of each region, from 0, to pool them; -1 is none.

    Returns
    -------
    dask.array.Array
        (region or group, rest, field) float64; rest are the other dimensions of `array`.
    """
    import dask.array as da

    data, _, _ = blocks_of(array, ["position"])
    edges = np.concatenate([[0], np.cumsum(data.chunks[0])])
    found = stretches_of(first, stop, edges)
    of = np.searchsorted(edges, found.start, side="right") - 1
    used, number = np.unique(of, return_counts=True)
    if not used.size:  # none has a position: of a block without stretches
        used, number = np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    places = np.empty(len(of), dtype=_PLACE)
    places["start"], places["stop"] = found.start - edges[of], found.stop - edges[of]
    lengths = tuple(number.tolist())
    kept = data if len(used) == data.numblocks[0] else da.concatenate(
        [data.blocks[n] for n in used.tolist()]
    )  # fmt: skip
    rest = tuple(range(1, data.ndim))
    parts = da.blockwise(
        _fields, (0, *rest, data.ndim), kept, (0, *rest), _listed(places, lengths), (0,),
        new_axes={data.ndim: 5}, adjust_chunks={0: lengths}, align_arrays=False,
        dtype=np.float64, meta=np.empty((0,) * (data.ndim + 1)),
    )  # fmt: skip
    ranges = np.empty(len(first), dtype=_PLACE)
    ranges["start"], ranges["stop"] = found.low, found.high
    step = max(len(first), 1) if groups is not None else _AT_ONCE
    cuts = tuple(np.diff([*range(0, max(len(first), 1), step), len(first)]).tolist())
    count = len(first) if groups is None else int(groups.max(initial=-1)) + 1
    region, stretch = data.ndim + 1, 0
    return da.blockwise(
        _joined, (region, *rest, data.ndim), parts.rechunk({0: -1}), (stretch, *rest, data.ndim),
        _listed(ranges, cuts), (region,), groups=groups, concatenate=True, align_arrays=False,
        adjust_chunks={region: cuts if groups is None else (count,)},
        dtype=np.float64, meta=np.empty((0,) * (data.ndim + 1)),
    )  # fmt: skip


def _listed(rows: Array, lengths: tuple[int, ...]) -> Any:
    import dask.array as da

    return da.from_array(rows, chunks=(lengths,))


def _fields(block: Array, places: Array) -> Array:
    start, stop = (np.ascontiguousarray(places[name]) for name in ("start", "stop"))
    return fields_of_block(block, 1, start, stop)


def _joined(parts: Array, ranges: Array, groups: Ints | None) -> Array:
    from genoarrays.ops.moments import over_ranges

    rest, rows = parts.shape[1:-1], int(np.prod(parts.shape[1:-1], dtype=np.int64))
    flat = np.ascontiguousarray(parts).reshape(len(parts), rows, parts.shape[-1])
    low, high = (np.ascontiguousarray(ranges[name]) for name in ("start", "stop"))
    out = np.empty((len(low), rows, parts.shape[-1]))
    over_ranges(flat, low, high, out)
    if groups is not None:
        order = np.argsort(groups, kind="stable")
        bounds = np.searchsorted(groups[order], np.arange(int(groups.max(initial=-1)) + 2))
        pooled = np.empty((len(bounds) - 1, rows, parts.shape[-1]))
        over_ranges(out[order], bounds[:-1], bounds[1:], pooled)
        out = pooled
    return out.reshape(len(out), *rest, parts.shape[-1])


def region_quantiles(array: xr.DataArray, first: Ints, stop: Ints, q: Array) -> Any:
    """Quantiles of the values of each region, by linear interpolation; NaN are skipped.

    Parameters
    ----------
    array
        Numbers with the dimension `position`.
    first, stop
        Positions of each region, as `positions_of` gives them.
    q
        (quantile,) from 0 to 1.

    Returns
    -------
    dask.array.Array
        (region, rest, quantile) float64; NaN for a region without values.
    """
    import dask.array as da

    data, _, _ = blocks_of(array, ["position"])
    edges = np.concatenate([[0], np.cumsum(data.chunks[0])])
    order = np.argsort(first, kind="stable")
    of = np.searchsorted(edges, first[order], side="right") - 1
    heads = np.unique([0, *(np.flatnonzero(np.diff(of)) + 1), len(of)]).tolist()
    tables: list[Any] = []
    for a, b in pairwise(heads):
        rows = order[a:b]
        begin = int(first[rows].min())
        end = max(int(stop[rows].max()), begin + 1)
        piece = data[begin:end].rechunk({0: -1})
        table = da.map_blocks(
            _quantiles, piece, start=first[rows] - begin, stop=stop[rows] - begin, q=q,
            chunks=((len(rows),), *piece.chunks[1:], (len(q),)), new_axis=data.ndim,
            dtype=np.float64, meta=np.empty((0,) * (data.ndim + 1)),
        )  # fmt: skip
        tables.append(table)
    if not tables:
        return da.empty((0, *data.shape[1:], len(q)))
    return da.concatenate(tables)[np.argsort(order, kind="stable")].rechunk({0: _AT_ONCE})


def _quantiles(piece: Array, start: Ints, stop: Ints, q: Array) -> Array:
    from genoarrays.ops.moments import quantiles

    rest = piece.shape[1:]
    rows = np.ascontiguousarray(np.moveaxis(piece, 0, -1), dtype=np.float64)
    out = np.empty((len(start), int(np.prod(rest, dtype=np.int64)), len(q)))
    quantiles(rows.reshape(out.shape[1], -1), start, stop, q, out)
    return out.reshape(len(start), *rest, len(q))
