"""How are the windows of one variable cut from what it reads?

A `Cutter` knows all that is the same for every window of a variable. It loads what some windows
need, a few long reads copied to one array without the bases between them, and cuts windows from
that, any number of times, in any order: `ga.windows` does both at once for each block, a stream
keeps what is loaded and cuts batches from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.examples.geometry import Cuts, cuts_of, plan_reads, shifted
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns
from genoarrays.ops.orientation import turning_orders

__all__ = ["REDUCE", "Cutter", "Loaded"]

Array = npt.NDArray[Any]
REDUCE = ("mean", "sum", "max", "min")
"""Functions that make one value of a bin; NaN are skipped."""

_LONGEST = 2**26  # bytes of one read


_DENSE = 0.75  # of the positions of a stretch that is read as it is, at least


class Loaded(NamedTuple):
    """What some windows need, in memory, and where they lie in it.

    Values are (outer, position, inner), or `as_stored` (outer, inner, position).
    """

    values: Array
    cuts: Cuts
    as_stored: bool = False


@dataclass(frozen=True, eq=False)
class Cutter:
    """One variable of windows.

    Parameters
    ----------
    name
        Of the variable.
    source
        Something that gives the values of the positions [start, stop), position first, when
        indexed by that slice.
    axis
        Of the source.
    dims
        Dimensions of the source, position first.
    sizes
        Lengths of all dimensions but position.
    dtype
        Of the source.
    width
        bp of a window; None: as long as each region.
    flank
        bp upstream and downstream.
    bins
        bp of a bin of the result; None: one value per window.
    how
        One of `REDUCE`, or None for the bins as they are.
    fill
        Where nothing exists.
    margin, step
        bp that windows may be moved to both sides, by multiples of `step`.
    letters, labels
        Attributes and labels that the reverse complement goes by.
    ragged
        Windows of all lengths are laid end to end.
    """

    name: str
    source: Any
    axis: GenomeAxis
    dims: tuple[str, ...]
    sizes: tuple[int, ...]
    dtype: np.dtype[Any]
    width: int | None
    flank: tuple[int, int]
    bins: int | None
    how: str | None
    fill: Any
    margin: int = 0
    step: int = 1
    letters: str | None = None
    labels: tuple[tuple[str, Any], ...] = ()
    ragged: bool = False

    # ---- what comes out

    @property
    def group(self) -> int:
        """Bins of the source in a bin of the result; 0: all of the window."""
        return 0 if self.bins is None else self.bins // self.axis.bin_size

    @property
    def reduces(self) -> bool:
        """Whether values are made of several bins of the source."""
        return self.how is not None and self.group != 1

    @property
    def moves(self) -> int:
        """How many places a reduced window may be moved to; the first dimension of its values."""
        return 2 * (self.margin // self.step) + 1

    @property
    def length(self) -> int:
        """Bins of a window of the result, without the margin."""
        if self.bins is None or self.width is None:
            return 1
        return -(-(self.width + sum(self.flank)) // self.bins)

    @property
    def cell_bytes(self) -> int:
        """Bytes of one position of the source."""
        return self.dtype.itemsize * int(np.prod(self.sizes, dtype=np.int64))

    @property
    def result(self) -> np.dtype[Any]:
        """Type of the result."""
        if self.how == "mean":
            return np.dtype(np.float64 if self.dtype == np.float64 else np.float32)
        if self.how == "sum" and self.dtype.kind in "iub":
            return np.dtype(np.uint64 if self.dtype == np.uint64 else np.int64)
        return self.dtype

    # ---- where

    def cuts(self, windows: Columns) -> Cuts:
        """Where windows with their margin lie on the axis.

        Raises
        ------
        RegionError
            As `cuts_of`.
        """
        width, size = self.width, self.axis.bin_size
        if self.bins is None and width is not None:  # one value: bins that reach over its end count
            width = -(-width // size) * size
        return cuts_of(
            windows,
            self.axis,
            width=width,
            flank=self.flank,
            margin=self.margin,
            label=self.name,
        )

    @property
    def longest(self) -> int:
        """Most positions of one read."""
        return max(_LONGEST // max(self.cell_bytes, 1), 1)

    @property
    def grain(self) -> int:
        """Positions that the source decodes at once."""
        return int(getattr(self.source, "inner", (1,))[0])

    # ---- loading and cutting

    def load(
        self,
        cuts: Cuts,
        order: tuple[str, ...] | None = None,
        read: Callable[[int, int], Array] | None = None,
        room: Callable[[tuple[int, ...], np.dtype[Any]], Array] = np.empty,
    ) -> Loaded:
        """Read what windows need.

        Parameters
        ----------
        cuts
            Windows on the axis.
        order
            Order of the source's dimensions in memory: those before position go outside.
        read
            Gives the values of [start, stop); by default they are read from the source.
        room
            Gives the array to load to, by shape and type.
        """
        plan, placed = plan_reads(cuts, self.longest, self.grain)
        order = self.dims if order is None else order
        lengths = {
            "position": max(plan.size, 1),
            **dict(zip(self.dims[1:], self.sizes, strict=True)),
        }
        values = room(tuple(lengths[dim] for dim in order), self.dtype)
        where = order.index("position")
        outer, inner = (int(np.prod(some, dtype=np.int64)) for some in (
            values.shape[:where], values.shape[where + 1 :]))  # fmt: skip
        spread = values.reshape(outer, lengths["position"], inner)
        axes = [self.dims.index(dim) for dim in order]
        first = 0
        for start, stop in plan.reads:
            part = self._read(start, stop, room) if read is None else read(start, stop)
            part = part.transpose(axes)
            while first < len(plan.start) and plan.stop[first] <= start:
                first += 1
            last = first + int(np.searchsorted(plan.start[first:], stop))
            low = np.maximum(plan.start[first:last], start)
            high = np.minimum(plan.stop[first:last], stop)
            to = plan.place[first:last] + low - plan.start[first:last]
            _lay_out(part, where, low - start, high - start, to, spread)
        return Loaded(spread, placed)

    def load_stretch(
        self,
        cuts: Cuts,
        order: tuple[str, ...],
        room: Callable[[tuple[int, ...], np.dtype[Any]], Array],
    ) -> Loaded | None:
        """Read what windows need as one stretch, in the order that the store has.

        That saves a copy, and makes cutting a little slower: for what is cut a few times only.

        Returns
        -------
        Loaded or None
            None where too much would lie between the windows, or the order is another one.
        """
        front = tuple(dim for dim in order if dim != "position")
        there = cuts.high > cuts.low
        stored = getattr(self.source, "stored_dims", ())
        if self.reduces or stored != (*front, "position") or not there.any():
            return None
        start, stop = int(cuts.at[there].min()), int((cuts.at + cuts.high - cuts.low)[there].max())
        plan, _ = plan_reads(cuts, self.longest, self.grain)
        if plan.size < _DENSE * (stop - start) or not self.source.dtype.isnative:
            return None
        part = self.source.read_into(start, stop, room)
        planes = part.transpose([self.dims.index(dim) for dim in (*front, "position")])
        sizes = dict(zip(self.dims[1:], self.sizes, strict=True))
        outer = int(np.prod([sizes[d] for d in order[: order.index("position")]], dtype=np.int64))
        placed = cuts._replace(at=np.where(there, cuts.at - start, 0))
        return Loaded(planes.reshape(outer, -1, stop - start), placed, as_stored=True)

    def _read(self, start: int, stop: int, room: Callable[..., Array]) -> Array:
        if hasattr(self.source, "read_into"):
            values: Array = self.source.read_into(start, stop, room)
            return values
        return np.asarray(self.source[start:stop])

    def cut(
        self,
        loaded: Loaded,
        out: Array,
        *,
        rows: Array | None = None,
        first: Array | None = None,
        turn: Array | None = None,
        move: Array | None = None,
        orders: tuple[Array, Array, Array] | None = None,
    ) -> None:
        """Cut windows from what was loaded, oriented.

        Parameters
        ----------
        loaded
            Of `load`, with the windows to cut.
        out
            (row, outer, bin, inner); with the type to convert to.
        rows, first
            Row, and first bin in it, where each window is written; by default row by row.
        turn
            Windows to give as the opposite strand sees them, besides those on the minus strand.
        move
            bp by which each window is moved in its own direction, within the margin; None: the
            whole margin is cut too.
        orders
            Of `turning`, for the order given to `load`.
        """
        from genoarrays.examples.kernels import copy_planes, copy_windows, reduce_windows

        cuts, size = loaded.cuts, self.axis.bin_size
        if move is not None:
            bins = np.where(cuts.turned, -move, move) // size + self.margin // size
            cuts = shifted(cuts, bins, cuts.count - 2 * (self.margin // size))
        rows = np.arange(cuts.size) if rows is None else rows
        turned = cuts.turned if turn is None else cuts.turned ^ turn
        outer, inner, table = self.turning(self.dims) if orders is None else orders
        fill = self.dtype.type(self.fill)
        shared = (cuts.at, cuts.low, cuts.high, cuts.gap_low, cuts.gap_high, cuts.count, turned)
        if self.reduces:
            whole = self.how == "mean" or self.dtype.kind == "f"
            zero = (
                np.float64(0) if whole else (np.uint64 if self.dtype == np.uint64 else np.int64)(0)
            )
            how = REDUCE.index(str(self.how))
            reduce_windows(
                loaded.values, *shared, outer, inner, self.group, how, zero, fill, rows, out
            )
            return
        first = np.zeros_like(rows) if first is None else first
        table = table.astype(out.dtype, copy=False)
        copy = copy_planes if loaded.as_stored else copy_windows
        copy(loaded.values, *shared, outer, inner, table, fill, rows, first, out)

    def turning(self, order: tuple[str, ...]) -> tuple[Array, Array, Array]:
        """Order of `outer` and of `inner`, and the letters, as the opposite strand has them."""
        where = order.index("position")
        sizes = dict(zip(self.dims[1:], self.sizes, strict=True))
        return turning_orders(
            order[:where], order[where + 1 :], sizes, self.letters, dict(self.labels), self.name
        )

    def windows(self, windows: Columns, read: Callable[[int, int], Array] | None = None) -> Array:
        """All that `ga.windows` gives of some windows: `(window, bins, ...)` with their margin."""
        cuts = self.cuts(windows)
        loaded = self.load(cuts, read=read)
        if self.ragged:
            out = np.empty((1, 1, int(cuts.count.sum()), loaded.values.shape[2]), self.result)
            first = np.cumsum(cuts.count) - cuts.count
            if out.size:
                self.cut(loaded, out, rows=np.zeros_like(first), first=first)
            return out.reshape(-1, *self.sizes)
        inner = loaded.values.shape[2]
        if self.reduces and self.margin:
            out = np.empty((self.moves, cuts.size, 1, self.length, inner), self.result)
            for number, part in enumerate(out):
                move = np.full(cuts.size, (number - self.moves // 2) * self.step)
                self.cut(loaded, part, move=move)
            out = np.moveaxis(out[:, :, 0], 0, -1)
            shape = (cuts.size, self.length, *self.sizes, self.moves)
        else:
            length = self.length + (0 if self.reduces else 2 * (self.margin // self.axis.bin_size))
            out = np.empty((cuts.size, 1, length, inner), self.result)
            self.cut(loaded, out)
            shape = (cuts.size, length, *self.sizes)
        out = out.reshape(shape)
        return out if self.bins is not None else out[:, 0]

    def without_source(self) -> Cutter:
        """The same without what it reads, for tasks that are given the values."""
        return replace(self, source=None)


def _lay_out(part: Array, where: int, low: Array, high: Array, to: Array, out: Array) -> None:
    """Copy stretches of what was read, whose dimension `where` is position, to `out`.

    Stores have the positions of each track side by side: NumPy copies 1 GB/s then, this 3 GB/s.
    """
    from genoarrays.examples.kernels import interleave

    outer, cells = out.shape[0], out.shape[2]
    planes = np.moveaxis(part, where, -1)
    if planes.flags.c_contiguous and part.dtype.isnative:
        interleave(planes.reshape(outer, cells, -1), low, high, to, out)
        return
    part = part.reshape(outer, -1, cells)
    for begin, end, place in zip(low.tolist(), high.tolist(), to.tolist(), strict=True):
        out[:, place : place + end - begin] = part[:, begin:end]
