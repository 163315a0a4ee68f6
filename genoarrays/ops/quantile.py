"""Which value do a given share of the values not exceed, over a whole genome?

Exactly, in bounded memory, however many values there are: not the values are sorted but counts of
the first bits of each, then of the next bits of those that begin as the wanted ones do (see
`ranks.py`). Each pass looks at all values again: two of float32, four of float64.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.again import again
from genoarrays.ops.rows import Rows, block_rows, rows_of
from genoarrays.options import check_bytes, current

__all__ = ["quantile"]

Array = npt.NDArray[Any]
_FEW = 2**12  # values of a row that are sorted: a row of counts takes more
_HELD = 2**27  # bytes that are kept between passes rather than made again
_COUNTS = 2**26  # bytes of the counts of one block
_BITS = (16, 11, 8)  # of one pass: 2, 3 or 4 passes of float32


def quantile(
    array: xr.DataArray,
    q: float | Sequence[float] | npt.NDArray[np.floating[Any]],
    dim: Hashable | Sequence[Hashable] = "position",
) -> xr.DataArray:
    """Exact quantiles, with linear interpolation, in bounded memory.

    Parameters
    ----------
    array
        Numbers; NaN are missing, infinities are values. To leave out more, mask first:
        `array.where(valid)`.
    q
        Quantile, or several, from 0 to 1.
    dim
        Dimension, or several, to reduce.

    Returns
    -------
    xr.DataArray
        ([quantile,] rest) float64: what `np.nanquantile` gives of float64 values; NaN where there
        are none. Several `q` give the dimension `quantile` first, one the scalar coordinate. Lazy
        where `array` has dask chunks: its blocks are computed anew for each pass, two of float32
        and int32, four of 8 bytes, one of less (more where there are many rows or quantiles),
        unless all of them take up to 128 MiB. Else it is computed, block after block.

    Raises
    ------
    GenomeError
        For a dimension that `array` lacks, codes of letters, values that are no numbers, quantiles
        that are none or not from 0 to 1, and where counts or sorting would take more than the byte
        limit.

    References
    ----------
    Hyndman RJ, Fan Y (1996) Sample quantiles in statistical packages. The American Statistician
    50(4), 361-365: definition 7.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3, "chr2": 2}))
    >>> x = xr.DataArray([1.0, 2, 3, np.nan, 5], coords, ["position"])
    >>> ga.quantile(x, [0.5, 0.9]).values
    array([2.5, 4.4])
    """
    rows = rows_of(array, dim, "ranked")
    wanted = np.asarray(q, dtype=np.float64)
    if wanted.ndim > 1 or not wanted.size or not ((wanted >= 0) & (wanted <= 1)).all():
        raise GenomeError(f"q={q!r} is not possible; give one or several numbers from 0 to 1")
    shares = wanted.reshape(-1)
    found = (_by_sorting if rows.size <= _FEW else _by_counting)(rows, shares)
    labels = rows.labels.assign_coords(quantile=("quantile", shares))
    values = np.moveaxis(rows.finish(found), -1, 0)
    dims = ["quantile", *rows.rest]
    result = xr.DataArray(values, labels.coords, dims, array.name, array.attrs)
    return result if wanted.ndim else result.isel(quantile=0)


# ---- few values in each row


def _by_sorting(rows: Rows, q: Array) -> Any:
    """Quantiles (rest, quantile), of whole rows in memory."""
    import dask.array as da

    data, over, rest = rows.data, rows.over, rows.data.ndim - rows.over
    if max(data.numblocks[:over]) > 1:
        apart = int(np.prod(data.numblocks[over:], dtype=np.int64))
        check_bytes(
            data.nbytes // apart,
            "the blocks that hold values of one row",
            "cut the other dimensions into chunks, too: array.chunk(...)",
        )
    lengths: dict[int, Any] = dict.fromkeys(range(over), -1)
    if data.size:
        lengths |= dict.fromkeys(range(over, data.ndim), "auto")
    limit = max(current().chunk_bytes, data.itemsize * max(rows.size, 1))
    whole = data.rechunk(lengths, block_size_limit=limit)
    return da.map_blocks(
        _sorted, whole, over, q, drop_axis=list(range(over)), new_axis=rest, dtype=np.float64,
        chunks=(*whole.chunks[over:], (len(q),)), meta=np.empty((0,) * (rest + 1)),
    )  # fmt: skip


def _sorted(block: Array, over: int, q: Array) -> Array:
    from genoarrays.ops.ranks import row_quantiles

    values = block_rows(block, over)
    out = np.empty((values.shape[1], len(q)))
    row_quantiles(values, q, out)
    return out.reshape(*block.shape[over:], len(q))


# ---- many values in each row


def _by_counting(rows: Rows, q: Array) -> Any:
    """Quantiles (rest, quantile), by passes over all blocks."""
    import dask.array as da

    row = rows.most * 2 * len(q) * 8
    most = next((bits for bits in _BITS if row << bits <= _COUNTS), _BITS[-1])
    check_bytes(
        row << most,
        "the counts of these quantiles in one block",
        "ask for fewer at once, or cut the dimensions that stay into chunks: array.chunk(...)",
    )
    dtype = _counted(rows.data.dtype)
    data, state, left = rows.data, None, 8 * dtype.itemsize
    while left:
        bits = min(most, left)
        left -= bits
        state = _pass(data, rows.over, state, q, left, bits)
        if left and rows.data.nbytes > _HELD:
            data = again(rows.data, state)
    assert state is not None
    rest = state.ndim - 2
    return da.map_blocks(
        _found, state, q, dtype, drop_axis=rest, dtype=np.float64,
        chunks=(*state.chunks[:rest], (len(q),)), meta=np.empty((0,) * (rest + 1)),
    )  # fmt: skip


def _counted(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type that values of a type are counted in."""
    return block_rows(np.empty((0, 0), dtype), 1).dtype


def _pass(data: Any, over: int, state: Any, q: Array, shift: int, bits: int) -> Any:
    """State (rest, rank, field) after the next bits: what keys begin with, how many smaller ones
    begin so, and the number of all values of the row.
    """  # noqa: D205
    import dask.array as da

    places, rest = tuple(range(data.ndim)), tuple(range(over, data.ndim))
    slot, rank, one, field = range(data.ndim, data.ndim + 4)  # one: of the next bits
    before = () if state is None else (state, (*rest, slot, field))
    of_blocks = da.blockwise(
        _count, (*places, slot, one), data, places, *before, over=over, shift=shift, bits=bits,
        new_axes={one: 2**bits} | ({slot: 1} if state is None else {}),
        adjust_chunks=dict.fromkeys(range(over), lambda _: 1), concatenate=True,
        align_arrays=False, dtype=np.uint32, meta=np.empty((0,) * (data.ndim + 2), np.uint32),
    )  # fmt: skip
    counts = of_blocks.sum(axis=tuple(range(over)), dtype=np.int64)
    before = () if state is None else (state, (*rest, rank, field))
    return da.blockwise(
        _follow, (*rest, rank, field), counts, (*rest, slot, one), *before, q=q, bits=bits,
        new_axes={rank: 2 * len(q), field: 3} if state is None else {}, concatenate=True,
        align_arrays=False, dtype=np.uint64, meta=np.empty((0,) * (len(rest) + 2), np.uint64),
    )  # fmt: skip


def _count(block: Array, state: Array | None = None, *, over: int, shift: int, bits: int) -> Array:
    from genoarrays.ops.ranks import count_keys

    values = block_rows(block, over)
    begins = np.zeros((values.shape[1], 1), dtype=np.uint64)
    if state is not None:
        begins = state[..., 0].reshape(values.shape[1], state.shape[-2])
    counts = count_keys(values, begins, shift, bits)
    return counts.reshape((1,) * over + block.shape[over:] + counts.shape[1:])


def _follow(counts: Array, state: Array | None = None, *, q: Array, bits: int) -> Array:
    from genoarrays.ops.ranks import follow

    flat = np.ascontiguousarray(counts).reshape(-1, *counts.shape[-2:])
    if state is None:
        number = flat[:, 0].sum(1)
        ranks = np.sort(np.hstack(_ranks(number, q)[:2]), axis=1)
        fields = [np.zeros_like(ranks), ranks, np.broadcast_to(number[:, None], ranks.shape)]
        state = np.stack(fields, axis=-1).reshape(*counts.shape[:-2], 2 * len(q), 3)
    begins, left, number = (state[..., n].reshape(len(flat), 2 * len(q)) for n in range(3))
    begins, left = begins.astype(np.uint64), left.astype(np.int64)
    follow(flat, begins, left, np.uint64(bits))
    after = np.stack([begins, left.astype(np.uint64), number.astype(np.uint64)], axis=-1)
    return after.reshape(state.shape)


def _ranks(number: Array, q: Array) -> tuple[Array, Array, Array]:
    """Ranks (row, quantile) of the values around each quantile, and where it lies in between.

    NaN where a row has no values.
    """
    place = (number[:, None] - 1) * q
    low = np.maximum(np.floor(place), 0)
    high = np.minimum(low + 1, np.maximum(number - 1, 0)[:, None])
    share = np.where(number[:, None] > 0, place - low, np.nan)
    return low.astype(np.int64), high.astype(np.int64), share


def _found(state: Array, q: Array, dtype: np.dtype[Any]) -> Array:
    """Quantiles of the keys at the ranks around them."""
    from genoarrays.ops.ranks import between, values_of_keys

    keys = state[..., 0].reshape(-1, state.shape[-2])
    low, high, share = _ranks(state[..., 0, 2].reshape(-1).astype(np.int64), q)
    # ranks were sorted; the place of each among them
    order = np.argsort(np.hstack([low, high]), axis=1, kind="stable")
    place = np.argsort(order, axis=1)
    values = np.take_along_axis(values_of_keys(keys, dtype).astype(np.float64), place, 1)
    found = np.empty(share.shape)
    between(values[:, : len(q)], values[:, len(q) :], share, found)
    return found.reshape(*state.shape[:-2], len(q))
