"""How are the windows of one block cut from a few long reads?

This runs in the task that makes a block: read each stretch of the axis, cut its windows, fill what
lies off the contig, reduce bins, and turn the minus windows last.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.examples.geometry import Runs
from genoarrays.ops.orientation import flip

__all__ = ["REDUCE", "Cutter", "Piece", "cut", "exists_in"]

Array = npt.NDArray[Any]
REDUCE: dict[str, Callable[..., Any]] = {
    "mean": np.nanmean,
    "sum": np.nansum,
    "max": np.nanmax,
    "min": np.nanmin,
}
"""Functions that make one value of a bin, by name; NaN are skipped."""


class Piece(NamedTuple):
    """A stretch of an opened array, read where the task runs."""

    source: Any
    start: int
    stop: int

    def read(self) -> Array:
        """Values, position first."""
        return np.asarray(self.source[self.start : self.stop])


class Cutter(NamedTuple):
    """What is the same for all blocks of a track."""

    dims: tuple[str, ...]
    attrs: dict[str, Any]
    labels: dict[str, Any]
    name: Hashable
    fill: Any
    dtype: np.dtype[Any]
    result: np.dtype[Any]
    trailing: tuple[int, ...]
    how: str | None
    group: int | None


def cut(
    cutter: Cutter,
    pieces: list[Any],
    runs: Runs,
    count: int,
    orientation: npt.NDArray[np.int8],
    end: tuple[Array, Array] | None,
) -> Array:
    """Windows of one block, oriented and reduced."""
    out = np.empty((len(orientation), count, *cutter.trailing), dtype=cutter.dtype)
    exists = exists_in(runs, count, end)
    whole = exists.all(axis=1)
    out[~whole] = cutter.fill
    for piece, rows, start in zip(pieces, runs.rows, runs.start, strict=True):
        values = piece.read() if isinstance(piece, Piece) else np.asarray(piece)
        full = rows[(runs.high[rows] - runs.low[rows]) == count]
        if full.size:
            view = np.lib.stride_tricks.sliding_window_view(values, count, axis=0)
            out[full] = np.moveaxis(view[runs.at[full] - start], -1, 1)
        for row in rows[(runs.high[rows] - runs.low[rows]) < count].tolist():
            low, high, at = int(runs.low[row]), int(runs.high[row]), int(runs.at[row]) - start
            out[row, low:high] = values[at : at + high - low]
    if end is not None:
        out[~exists] = cutter.fill
    if cutter.how is not None and cutter.group != 1:
        out = _reduced(out, exists, cutter, count)
    minus = orientation < 0
    if minus.any():
        dims = cutter.dims if cutter.group is not None else (cutter.dims[0], *cutter.dims[2:])
        out[minus] = flip(out[minus], dims, cutter.attrs, cutter.labels, cutter.name)
    return out.astype(cutter.result, copy=False)


def exists_in(runs: Runs, count: int, end: tuple[Array, Array] | None) -> npt.NDArray[np.bool_]:
    """(window, bin): on the contig, and not past the true end of a short tile."""
    bins = np.arange(count)
    there = (bins >= runs.low[:, None]) & (bins < runs.high[:, None])
    if end is not None:
        there &= (bins < end[0][:, None]) | (bins >= end[1][:, None])
    return there


def _reduced(out: Array, exists: Array, cutter: Cutter, count: int) -> Array:
    """One value per group of bins (per window, for None), of the bins that exist."""
    group = count if cutter.group is None else cutter.group
    number = -(-count // group)
    exact = np.float64 if out.dtype.kind == "f" or cutter.how == "mean" else np.int64
    result = np.empty((len(out), number, *cutter.trailing), dtype=cutter.result)
    function = REDUCE[str(cutter.how)]
    padded = number * group - count
    plain = out.dtype.kind != "f" and padded == 0
    rows = exists.all(axis=1) if plain else np.zeros(len(out), dtype=bool)
    if rows.any():
        some = out[rows].reshape(-1, number, group, *cutter.trailing)
        name = str(cutter.how)
        dtype = {"dtype": exact} if name in ("mean", "sum") else {}
        result[rows] = getattr(some, name)(axis=2, **dtype)
    if not rows.all():
        some = np.full((int((~rows).sum()), number * group, *cutter.trailing), np.nan)
        some[:, :count] = out[~rows]
        some[:, :count][~exists[~rows]] = np.nan
        some = some.reshape(-1, number, group, *cutter.trailing)
        empty = np.isnan(some).all(axis=2)
        some[:, :, 0][empty] = 0  # keeps nanmean quiet; replaced by the fill below
        values = function(some, axis=2)
        result[~rows] = np.where(empty, np.float64(cutter.fill), values)
    return result if cutter.group is not None else result[:, 0]
