"""How are blocks of labels and predictions looked at side by side?"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.evaluation.sums import SUMS, bin_sums, sums_of
from genoarrays.evaluation.trees import Tree
from genoarrays.ops.rows import block_rows, rows_of

__all__ = ["Stream"]

Array = npt.NDArray[Any]


class Stream:
    """Dask arrays of labels and predictions with the same blocks, what is pooled first.

    Each place of the dimensions that stay, `rest`, is a row.
    """

    def __init__(
        self, truth: xr.DataArray, guess: xr.DataArray, pooled: Sequence[Hashable]
    ) -> None:
        import dask.array as da

        both = [rows_of(array.drop_attrs(deep=False), pooled, "scored") for array in (truth, guess)]
        axes = tuple(range(both[0].data.ndim))
        pairs = [part for rows in both for part in (rows.data, axes)]
        _, (self.truth, self.guess) = da.core.unify_chunks(*pairs)
        self.over = both[0].over
        self.rest = self.truth.shape[self.over :]
        self.rows = int(np.prod(self.rest, dtype=np.int64))

    def width(self, of: str) -> int:
        """Bits of the keys of "truth" or "guess"."""
        return 8 * _float((self.truth if of == "truth" else self.guess).dtype).itemsize

    def sums(self, threshold: float, losses: bool) -> Any:
        """Sums (block..., rest..., field), lazily."""
        options: dict[str, Any] = {"threshold": threshold, "losses": losses}
        return self._blocks(_sums, [], (len(SUMS),), np.float64, **options)

    def bin_sums(self, bins: int) -> Array:
        """Sums (row, bin, field) of `sums.bin_sums`, in one pass."""
        found = self._blocks(_bin_sums, [], (bins, 3), np.float64, bins=bins)
        total = found.sum(axis=tuple(range(self.over))).compute()
        return np.asarray(total.reshape(self.rows, bins, 3))

    def counts(self, trees: Sequence[Tree], of: str) -> Any:
        """Counts (rest..., node, kind) of what is new in trees of "truth" or "guess", lazily."""
        size = max(max(len(tree.table) - tree.since for tree in trees), 1)
        since = np.array([[tree.since] for tree in trees])
        given = [_stacked([tree.table for tree in trees]), since]
        found = self._blocks(_counts, given, (size, 2), np.uint32, size=size, of=of)
        return found.sum(axis=tuple(range(self.over)), dtype=np.int64)

    def products(
        self, trees: Mapping[str, Sequence[Tree]], ranks: Mapping[str, Sequence[Array]]
    ) -> Array:
        """Sums (row,) of the products of ranks by node, in one pass."""
        sides = ("truth", "guess")
        given = [_stacked([tree.table for tree in trees[of]]) for of in sides]
        given += [_stacked(ranks[of]) for of in sides]
        found = self._blocks(_products, given, (1,), np.float64)
        return np.asarray(found.sum(axis=tuple(range(self.over))).compute().reshape(-1))

    def _blocks(
        self, function: Any, given: list[Array], shape: tuple[int, ...], dtype: Any, **options: Any
    ) -> Any:
        """What a function makes of blocks and arrays (row, ...): (block..., rest..., *shape)."""
        import dask.array as da

        ndim = self.truth.ndim
        axes, rest, free = tuple(range(ndim)), tuple(range(self.over, ndim)), ndim
        arguments: list[Any] = [self.truth, axes, self.guess, axes]
        for array in given:
            spread = array.reshape(*self.rest, *array.shape[1:])
            chunks = (*self.truth.chunks[self.over :], *((n,) for n in array.shape[1:]))
            names = (*rest, *range(free, free + array.ndim - 1))
            arguments += [_given(spread, chunks), names]
            free += array.ndim - 1
        new = tuple(range(free, free + len(shape)))
        return da.blockwise(
            function, (*axes, *new), *arguments, over=self.over, concatenate=True,
            new_axes=dict(zip(new, shape, strict=True)), align_arrays=False, dtype=dtype,
            adjust_chunks=dict.fromkeys(range(self.over), lambda _: 1),
            meta=np.empty((0,) * (ndim + len(shape)), dtype), **options,
        )  # fmt: skip


def _given(array: Array, chunks: tuple[tuple[int, ...], ...]) -> Any:
    """A dask array of an array; a cluster gets it once, not with each graph."""
    import dask
    import dask.array as da

    client = getattr(dask.base.get_scheduler(), "__self__", None)
    if client is None or not hasattr(client, "scatter"):
        return da.from_array(array, chunks=chunks)
    there = dask.delayed(client.scatter(array, hash=False))
    return da.from_delayed(there, array.shape, array.dtype).rechunk(chunks)


def _stacked(arrays: Sequence[Array]) -> Array:
    """Arrays of different lengths as one (row, longest, ...), filled with zeros."""
    longest = max(len(array) for array in arrays)
    out = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), arrays[0].dtype)
    for row, array in zip(out, arrays, strict=True):
        row[: len(array)] = array
    return out


def _float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Float type that holds all values of a type."""
    return np.dtype(np.float32 if np.can_cast(dtype, np.float32) else np.float64)


def _sums(truth: Array, guess: Array, *, over: int, threshold: float, losses: bool) -> Array:
    found = sums_of(block_rows(truth, over), block_rows(guess, over), threshold, losses)
    return found.reshape((1,) * over + truth.shape[over:] + found.shape[1:])


def _bin_sums(truth: Array, guess: Array, *, over: int, bins: int) -> Array:
    labels, scores = block_rows(truth, over), block_rows(guess, over)
    pairs = zip(labels.T, scores.T, strict=True)
    found = np.array([bin_sums(*pair, bins) for pair in pairs]).reshape(-1, bins, 3)
    return found.reshape((1,) * over + truth.shape[over:] + (bins, 3))


def _keys(block: Array, over: int) -> Array:
    from genoarrays.ops.leaves import keys_of

    return keys_of(block_rows(block, over).astype(_float(block.dtype)))


def _kinds(truth: Array, guess: Array, over: int) -> Array:
    """Kind (value, row) int8: positive or not; -1 where one is missing."""
    labels, scores = block_rows(truth, over), block_rows(guess, over)
    return np.where(np.isnan(labels) | np.isnan(scores), np.int8(-1), (labels > 0).view(np.int8))


def _counts(
    truth: Array, guess: Array, tables: Array, since: Array, *, over: int, size: int, of: str
) -> Array:
    from genoarrays.ops.leaves import count_leaves

    keys, kinds = _keys(truth if of == "truth" else guess, over), _kinds(truth, guess, over)
    rows = keys.shape[1]
    out = np.zeros((rows, size, 2), np.uint32)
    width = np.uint64(8 * keys.dtype.itemsize)
    count_leaves(keys, kinds, width, tables.reshape(rows, -1, 2), since.reshape(rows), out)
    return out.reshape((1,) * over + truth.shape[over:] + out.shape[1:])


def _products(
    truth: Array, guess: Array, tables_a: Array, tables_b: Array, ranks_a: Array, ranks_b: Array,
    *, over: int,
) -> Array:  # fmt: skip
    from genoarrays.ops.leaves import join_ranks

    a, b, kinds = _keys(truth, over), _keys(guess, over), _kinds(truth, guess, over)
    rows = a.shape[1]
    out = np.zeros(rows)
    first, second = (table.reshape(rows, -1, 2) for table in (tables_a, tables_b))
    one, other = (some.reshape(rows, -1) for some in (ranks_a, ranks_b))
    width_a, width_b = (np.uint64(8 * keys.dtype.itemsize) for keys in (a, b))
    join_ranks(a, b, kinds, width_a, width_b, first, second, one, other, out)
    return out.reshape((1,) * over + truth.shape[over:] + (1,))
