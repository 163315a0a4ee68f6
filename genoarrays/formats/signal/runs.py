"""At which bases do the values of an array stand, in the order of the genome?

Values of an array lie in runs of equally spaced bins: a segment of the axis is one, and so is a
window, from its lowest base up, whatever its strand. A run knows the place of its first value in
the array, and whether the next ones stand after or before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import AssemblyError, GenomeError, RegionError
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of
from genoarrays.genome.windows import window_index

__all__ = ["Runs", "runs_of", "window_bins"]

Ints = npt.NDArray[np.int64]


class Runs(NamedTuple):
    """Runs of bins.

    Value k of a run is the bin [low + k step, + width) of contig `code`, and stands at `place` +
    k `way` of the flattened array; `edges` counts the values of all runs before. `per_row` values
    make a row of the array, which is never cut.
    """

    assembly: Assembly
    per_row: int
    edges: Ints
    code: Ints
    low: Ints
    step: Ints
    width: Ints
    place: Ints
    way: Ints

    @property
    def size(self) -> int:
        """Number of values."""
        return int(self.edges[-1])

    @property
    def lengths(self) -> Ints:
        """Values of each run."""
        return np.diff(self.edges)

    @property
    def in_array_order(self) -> bool:
        """Whether the genome is met in order when the array is read row by row."""
        key = self.code * 2**40 + self.low
        forward = bool((self.way > 0).all()) or self.per_row > 1
        return forward and bool((np.diff(key) > 0).all())

    def block(self, size: int) -> int:
        """Some `size` values, as whole rows."""
        return max(size // self.per_row, 1) * self.per_row

    def sorted(self) -> Runs:
        """The runs in genome order."""
        return self._take(np.lexsort((self.low, self.code)))

    def _take(self, key: Any, count: Ints | None = None) -> Runs:
        fields = {name: getattr(self, name)[key] for name in self._fields[3:]}
        count = self.lengths[key] if count is None else count
        return self._replace(edges=np.concatenate([[0], np.cumsum(count)]), **fields)

    def cut(self, start: int, stop: int) -> Runs:
        """The values [start, stop) of all runs end to end."""
        first = int(np.searchsorted(self.edges, start, side="right")) - 1
        last = int(np.searchsorted(self.edges, stop, side="left"))
        low, high = self.edges[first:last], self.edges[first + 1 : last + 1]
        skip: Ints = np.maximum(start - low, 0)
        some = self._take(slice(first, last), np.minimum(high, stop) - low - skip)
        return some._replace(low=some.low + skip * some.step, place=some.place + skip * some.way)

    def bins(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Place in the array, contig code, start and end of every value; bins end with contigs."""
        count = self.lengths
        run = np.repeat(np.arange(len(count)), count)
        k = np.arange(self.size) - self.edges[run]
        start, code = self.low[run] + k * self.step[run], self.code[run]
        end = np.minimum(start + self.width[run], self.assembly.lengths[code])
        return self.place[run] + k * self.way[run], code, np.maximum(start, 0), end

    def overlapping(self) -> tuple[int, int] | None:
        """Two runs that overlap or interleave, where there are such."""
        order = np.lexsort((self.low, self.code))
        code, low = self.code[order], self.low[order]
        high = low + (self.lengths[order] - 1) * self.step[order] + self.width[order]
        bad = np.flatnonzero((code[1:] == code[:-1]) & (low[1:] < high[:-1]))
        return (int(order[bad[0]]), int(order[bad[0] + 1])) if bad.size else None

    def check(self, labels: Any) -> Runs:
        """Refuse runs that overlap or interleave; `labels` gives their names.

        Raises
        ------
        RegionError
            Names two of them.
        """
        bad = self.overlapping()
        if bad:
            one, other = (labels(row) for row in bad)
            raise RegionError(
                f"{one} and {other} overlap, and a file holds one value per base; give "
                'overlap="mean", "max" or "center", or export regions that do not overlap, such as '
                "tiles with step = width"
            )
        return self


def runs_of(array: xr.DataArray, *, check: bool = True) -> tuple[Runs, list[str]]:
    """Runs of an array, and its dimensions along the genome in order.

    Parameters
    ----------
    array
        On positions or windows.
    check
        Refuse those that overlap.

    Raises
    ------
    GenomeError
        When it has neither positions nor windows.
    RegionError
        When windows overlap or do not divide into bins.
    AssemblyError
        When it does not know its genome.
    """
    if "position" in array.dims:
        return _runs_of_axis(array, check), ["position"]
    if any(str(dim).startswith("packed") for dim in array.dims):
        raise GenomeError(
            "windows laid end to end (ragged=True) do not tell where each value lies; give what "
            "they were cut from, of these regions: ds.signal.sel(position=regions.region)"
        )
    if "window" not in array.dims:
        raise GenomeError(
            f"this array ({', '.join(map(str, array.dims))}) has neither a dimension 'position' "
            "nor 'window'; open it with ga.open_*, or make it with ga.windows"
        )
    offsets = [str(dim) for dim in array.dims if str(dim).startswith("offset")]
    if len(offsets) > 1:
        raise GenomeError(f"this array has two dimensions of offsets, {offsets}; select one first")
    return _runs_of_windows(array, offsets, check), ["window", *offsets]


def _runs_of_axis(array: xr.DataArray, check: bool) -> Runs:
    axis = axis_of(array)
    last = (axis.count - 1) * axis.step
    back = axis.step < 0
    runs = Runs(
        axis.assembly,
        1,
        axis.edges,
        axis.code,
        (axis.first + np.where(back, last, 0)) * axis.bin_size,
        np.abs(axis.step) * axis.bin_size,
        np.full(len(axis.code), axis.bin_size),
        axis.edges[:-1] + np.where(back, axis.count - 1, 0),
        np.where(back, -1, 1),
    )
    if not check:
        return runs
    names = axis.assembly.names
    return runs.check(lambda i: f"the bins from {names[runs.code[i]]}:{runs.low[i]:,}")


def _runs_of_windows(array: xr.DataArray, offsets: Sequence[str], check: bool) -> Runs:
    columns = window_index(array).columns
    if columns.assembly is None:
        raise AssemblyError(
            "these windows do not know their assembly; make the regions with "
            "ga.read_regions(..., like=dna)"
        )
    bins = array.sizes[offsets[0]] if offsets else 1
    offset = array.coords[offsets[0]] if offsets and offsets[0] in array.coords else None
    low, width, _ = window_bins(columns, bins, offset)
    back = columns.orientation < 0
    codes = np.array([columns.assembly.code(name) for name in columns.names], dtype=np.int64)
    edges = np.arange(columns.size + 1, dtype=np.int64) * bins
    runs = Runs(
        columns.assembly,
        bins,
        edges,
        codes[columns.code],
        low,
        width,
        width,
        edges[:-1] + np.where(back, bins - 1, 0),
        np.where(back, -1, 1),
    )
    if not check:
        return runs
    return runs.check(lambda i: f"window {columns.labels(slice(i, i + 1))[0]}")


def window_bins(
    columns: Columns, bins: int, offset: xr.DataArray | None
) -> tuple[Ints, Ints, int | None]:
    """Where the values of windows lie.

    Parameters
    ----------
    columns
        The windows.
    bins
        Values of each.
    offset
        Their coordinate, bp from the window's 5' end, with `width` (of a whole window) in its
        attrs where known; None where bins divide the window.

    Returns
    -------
    tuple
        Lowest base and bp per value of each window, whatever its strand; and the width of a whole
        window, None without offsets. A last tile that is shorter still has all values, the first
        of them, from the lowest base on, within it.

    Raises
    ------
    RegionError
        When bins do not divide a window, or offsets are not evenly spaced.
    """
    size = columns.end - columns.start
    if offset is None:
        width = size // max(bins, 1)
        if (odd := np.flatnonzero(width * bins != size)).size:
            raise RegionError(
                f"window {columns.labels(odd[:1])[0]} has {size[odd[0]]} bp, which {bins} bins do "
                f"not divide; give the array a coordinate 'offset', bp from the 5' end"
            )
        return columns.start, width, None
    whole = int(offset.attrs.get("width", size.max(initial=1)))
    spacing = _spacing(offset.values, size)
    begin = int(offset.values[0]) if bins else 0
    # a whole window ends so many bp before the last value; bins that do not divide it start at its
    # lowest base, and the last one is cut
    past = (bins * spacing + begin - whole) // spacing * spacing
    low = columns.start + np.where(columns.orientation < 0, -past, begin)
    return low, np.full(columns.size, spacing), whole


def _spacing(offset: npt.NDArray[Any], size: Ints) -> int:
    """Bin size of evenly spaced offsets; a single one spans the window."""
    if len(offset) < 2:
        if len(set(size.tolist())) > 1:
            raise RegionError(
                "windows of several lengths have one offset; select it: isel(offset=0)"
            )
        return int(size[0]) if len(size) else 1
    spaces = np.diff(offset)
    if (spaces != spaces[0]).any() or spaces[0] < 1:
        raise RegionError(
            "the offsets are not evenly spaced and rising; export all of them, or select one"
        )
    return int(spaces[0])
