"""Where do the values of a variable come from, block by block, and how are examples cut from them?

Windows that were not computed on keep the bases of a block, each once however many windows hold it,
and are cut when a batch wants them. Anything else is computed block by block, through its own dask
chunks, and keeps one row for each example; arrays in memory are used where they are. All three look
the same to a stream: `load` some rows, `write` examples of what was loaded into a batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.examples.cut import Cutter, Loaded
from genoarrays.examples.geometry import Cuts, shifted
from genoarrays.genome.columns import Columns
from genoarrays.ops.orientation import turning_orders
from genoarrays.stream.origin import check_order, origin

__all__ = ["Feed", "Part", "feed_of"]

Array = npt.NDArray[Any]


class Part(NamedTuple):
    """What some rows need, in memory; `missing`: examples may hold NaN."""

    loaded: Loaded
    missing: bool

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self.loaded.values.nbytes)


@dataclass(frozen=True, eq=False)
class Feed(ABC):
    """One variable of a stream.

    Parameters
    ----------
    name, dims
        Of the variable; the first dimension is that of the examples.
    shape
        Of one example as it is given out, without a margin.
    dtype
        As it is given out.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def row_bytes(self) -> int:
        """Bytes of one example as it is given out."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @abstractmethod
    def only(self, rows: Array) -> Feed:
        """Of some examples, to be sent to another process."""

    @abstractmethod
    def load(self, rows: Array, room: Any = np.empty, *, often: bool = True) -> Part:
        """Read what examples need, into arrays of `room`; `often`: for all epochs."""

    @abstractmethod
    def bytes_of(self, rows: Array) -> Array:
        """Bytes that each of some rows adds to those before it, when they are loaded together."""

    @abstractmethod
    def write(
        self, part: Part, some: Array, out: Array, rows: Array, turn: Array | None, move: Array
    ) -> None:
        """Write examples `some` of a part to `out[rows]`, turned and moved."""

    def room(self, rows: Array, lend: Any) -> Array:
        """Array for some examples, of memory that `lend` gives."""
        out: Array = lend((len(rows), *self.shape), self.dtype)
        return out

    def spread(self, out: Array) -> Array:
        """The same memory as (row, outer, bin, inner)."""
        return out.reshape(len(out), *self._spread)

    @cached_property
    def _spread(self) -> tuple[int, int, int]:
        where = next((i for i, d in enumerate(self.dims[1:]) if d.startswith("offset")), None)
        if where is None:
            return 1, 1, int(np.prod(self.shape, dtype=np.int64))
        outer, inner = self.shape[:where], self.shape[where + 1 :]
        sizes = (int(np.prod(some, dtype=np.int64)) for some in (outer, inner))
        return next(sizes), self.shape[where], next(sizes)


_NONE = np.zeros(0, dtype=np.int64)
_KEPT = (_NONE, _NONE, _NONE)  # nothing is turned


class _Some(NamedTuple):
    cutter: Cutter
    windows: Columns


@dataclass(frozen=True, eq=False)
class Cutting(Feed):
    """Windows that are cut from their bases when they are wanted."""

    made: Any  # has a cutter and the windows

    @property
    def cutter(self) -> Cutter:
        """Cuts them."""
        cutter: Cutter = self.made.cutter
        return cutter

    @property
    def windows(self) -> Columns:
        """All windows."""
        windows: Columns = self.made.windows
        return windows

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Order of the dimensions in memory."""
        given = tuple(d for d in self.dims[1:] if d != "shift")
        if self.cutter.bins is None:
            return ("position", *given)
        return tuple("position" if d.startswith("offset") else d for d in given)

    @cached_property
    def _writer(self) -> Cutter:
        return replace(self.cutter, how=None) if self.keeps_rows else self.cutter

    @property
    def keeps_rows(self) -> bool:
        """Whether windows are reduced when they are loaded."""
        return self.cutter.reduces and not self.cutter.margin

    def load(self, rows: Array, room: Any = np.empty, *, often: bool = True) -> Part:
        cuts = self.cutter.cuts(self.windows.take(rows))
        stretch = None if often else self.cutter.load_stretch(cuts, self.order, room)
        loaded = stretch or self.cutter.load(cuts, self.order, room=room)
        if self.keeps_rows:
            outer, _, inner = loaded.values.shape
            out = np.empty((len(rows), outer, self.cutter.length, inner), self.dtype)
            self.cutter.cut(loaded, out, orders=self._orders if loaded.cuts.turned.any() else _KEPT)
            values = np.ascontiguousarray(out.swapaxes(0, 1)).reshape(outer, -1, inner)
            loaded = Loaded(values, row_cuts(len(rows), self.cutter.length))
        empty = self.cutter.fill != self.cutter.fill and not loaded.cuts.are_whole.all()
        return Part(loaded, bool(empty) or _has_nan(loaded.values))

    def only(self, rows: Array) -> Feed:
        return replace(self, made=_Some(self.cutter, self.windows.take(rows)))

    def bytes_of(self, rows: Array) -> Array:
        if self.keeps_rows:
            return np.full(len(rows), self.row_bytes)
        cuts = self.cutter.cuts(self.windows.take(rows))
        begin, end = cuts.at, cuts.at + cuts.high - cuts.low
        reach = np.maximum.accumulate(end)
        before = np.concatenate([[0], reach[:-1]])
        added: Array = np.maximum(end - np.maximum(begin, before), 0) * self.cutter.cell_bytes
        return added

    def write(
        self, part: Part, some: Array, out: Array, rows: Array, turn: Array | None, move: Array
    ) -> None:
        loaded = part.loaded._replace(cuts=part.loaded.cuts.take(some))
        cutter = self._writer
        moved = move if self.cutter.margin and not self.keeps_rows else None
        orders = self._orders if turn is not None or loaded.cuts.turned.any() else _KEPT
        cutter.cut(loaded, self.spread(out), rows=rows, turn=turn, move=moved, orders=orders)

    @cached_property
    def _orders(self) -> tuple[Array, Array, Array]:
        outer, inner, table = self.cutter.turning(self.order)
        return outer, inner, table.astype(self.dtype)


@dataclass(frozen=True, eq=False)
class Rows(Feed):
    """Examples that are computed, or lie in memory."""

    data: Any  # dask array or array, example first
    full: tuple[int, ...]  # shape of one example as computed
    full_dims: tuple[str, ...]
    margin: int  # bins that each example may be moved to both sides
    bin_size: int
    letters: str | None
    labels: dict[str, Any]
    fill: Any

    @property
    def edges(self) -> Array | None:
        """Starts of the dask chunks, and the end."""
        chunks = getattr(self.data, "chunks", None)
        return None if chunks is None else np.concatenate([[0], np.cumsum(chunks[0])])

    def load(self, rows: Array, room: Any = np.empty, *, often: bool = True) -> Part:
        import dask

        if self.edges is None:
            values = np.asarray(self.data)[rows]
        else:
            first, stop = int(rows.min()), int(rows.max()) + 1
            (whole,) = dask.compute(self.data[first:stop], scheduler="synchronous")
            values = np.asarray(whole)
            if stop - first != len(rows) or (np.diff(rows) != 1).any():
                values = values[rows - first]
        length, outer, inner = self._sizes
        front = ["window", *self.full_dims]
        wanted = [*self._outer, *(["shift"] if "shift" in front else []), "window", *self._after]
        values = values.transpose([front.index(d) for d in wanted])
        values = np.ascontiguousarray(values).reshape(outer, -1, inner)
        return Part(Loaded(values, row_cuts(len(rows), length)), _has_nan(values))

    def only(self, rows: Array) -> Feed:
        import dask

        (data,) = dask.optimize(self.data[rows]) if self.edges is not None else (self.data[rows],)
        return replace(self, data=data)

    def bytes_of(self, rows: Array) -> Array:
        size = int(np.prod(self.full, dtype=np.int64)) * self.data.dtype.itemsize
        return np.full(len(rows), size)

    @cached_property
    def _outer(self) -> list[str]:
        at = next((i for i, d in enumerate(self.full_dims) if d.startswith("offset")), 0)
        return [d for d in self.full_dims[:at] if d != "shift"]

    @cached_property
    def _after(self) -> list[str]:
        return [d for d in self.full_dims if d not in self._outer and d != "shift"]

    @cached_property
    def _sizes(self) -> tuple[int, int, int]:
        """Bins of an example as computed, and lengths of outer and inner."""
        sizes = dict(zip(self.full_dims, self.full, strict=True))
        length = next((n for d, n in sizes.items() if d.startswith("offset")), 1)
        outer = int(np.prod([sizes[d] for d in self._outer], dtype=np.int64))
        rest = [sizes[d] for d in self._after if not d.startswith("offset")]
        return length, outer, int(np.prod(rest, dtype=np.int64))

    @cached_property
    def _turning(self) -> tuple[Array, Array, Array]:
        sizes = dict(zip(self.full_dims, self.full, strict=True))
        after = [d for d in self._after if not d.startswith("offset")]
        return turning_orders(self._outer, after, sizes, self.letters, self.labels, self.name)

    def write(
        self, part: Part, some: Array, out: Array, rows: Array, turn: Array | None, move: Array
    ) -> None:
        from genoarrays.examples.kernels import copy_windows

        length, _, _ = self._sizes
        cuts = part.loaded.cuts.take(some)
        if "shift" in self.full_dims:
            count = part.loaded.cuts.size
            places = self.full[self.full_dims.index("shift")] // 2 + move // self.bin_size
            cuts = cuts._replace(at=cuts.at + places * count * length)
        elif self.margin:
            skip = self.margin + move // self.bin_size
            cuts = shifted(cuts, skip, length - 2 * self.margin)
        turned = cuts.turned if turn is None else turn
        by = _KEPT if turn is None else self._turning
        outer, inner, table = by[0], by[1], by[2].astype(out.dtype, copy=False)
        fill = part.loaded.values.dtype.type(0)
        copy_windows(
            part.loaded.values, cuts.at, cuts.low, cuts.high, cuts.gap_low, cuts.gap_high,
            cuts.count, turned, outer, inner, table, fill, rows, np.zeros_like(rows),
            self.spread(out),
        )  # fmt: skip


def row_cuts(count: int, length: int) -> Cuts:
    """Examples of one length laid end to end."""
    zero = np.zeros(count, dtype=np.int64)
    whole = np.full(count, length, dtype=np.int64)
    return Cuts(np.arange(count) * length, zero, whole, zero, zero, whole, zero.astype(bool))


def _has_nan(values: Array) -> bool:
    if values.dtype.kind != "f":
        return False
    from genoarrays.examples.kernels import any_nan

    return bool(any_nan(values.reshape(-1)))


def feed_of(array: xr.DataArray, dim: str) -> Feed:
    """Where the values of a variable with examples along its first dimension come from.

    Raises
    ------
    GenomeError
        When computing its blocks would read most windows many times.
    """
    name, dims = str(array.name), tuple(map(str, array.dims))
    dtype = array.dtype if "alphabet" in array.attrs else np.dtype(np.float32)
    made = origin(array)
    if made is not None:
        cutter = made.cutter
        sizes = dict(array.sizes)
        if not cutter.reduces and cutter.margin:
            sizes[_offset(dims)] -= 2 * (cutter.margin // cutter.axis.bin_size)
        given = tuple(d for d in dims if d != "shift")
        return Cutting(name, given, tuple(sizes[d] for d in given[1:]), dtype, made)
    attrs = array[_offset(dims)].attrs if _offset(dims) in array.coords else {}
    bin_size = int(attrs.get("bin_size", 1) or 1)
    margin = int(attrs.get("jitter", 0)) // bin_size
    if "shift" in dims and "shift" in array.coords and array.sizes["shift"] > 1:
        bin_size = int(array["shift"].values[1] - array["shift"].values[0])
    sizes = dict(array.sizes)
    if margin:
        sizes[_offset(dims)] -= 2 * margin
    given = tuple(d for d in dims if d != "shift")
    labels = {d: array[d].values for d in dims if d in ("strand", "channel") and d in array.coords}
    check_order(array, dim)
    data = array.variable._data if array.chunks is not None else array.values
    front = tuple("window" if d == dim else d for d in dims)
    return Rows(
        name, given, tuple(sizes[d] for d in given[1:]), dtype, data, tuple(array.shape[1:]),
        front[1:], margin, bin_size, array.attrs.get("alphabet"), labels, np.nan,
    )  # fmt: skip


def _offset(dims: tuple[str, ...]) -> str:
    return next((d for d in dims if d.startswith("offset")), "")
