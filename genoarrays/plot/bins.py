"""Which values does a panel show, and where do they lie?

Every track becomes lines of bins with start, end, least, mean and largest value. Where there are
more bins than pixels, bins are reduced to one per pixel, slab by slab, so that a whole contig never
lies in memory: 250 Mb of one track are eight slabs. A bin counts in the pixel where it starts.

Of a track that was opened from a store with a pyramid, and is still as it was opened, the coarsest
level is read that has four bins per pixel: the edges of peaks are off by a quarter of a pixel at
most, least and largest value are the same, and so is the mean but for bins that are missing in
part, which count as one bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of
from genoarrays.genome.region import Region
from genoarrays.store.coarser import level_for

__all__ = ["Bins", "PIXELS", "bins_of"]

PIXELS = 1200  # bins drawn per panel; more are reduced
SLAB = 2**25  # values computed at once
FINE = 4  # bins of a level in one pixel, at least

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


class Bins(NamedTuple):
    """Values (line, bin) and where the bins lie (bin,), in bp, left to right."""

    names: list[str]
    strands: list[str]  # of each line; "." where the track has none
    start: Ints
    end: Ints
    low: Floats
    mean: Floats
    high: Floats


def bins_of(track: xr.DataArray, place: Region, name: str, pixels: int = PIXELS) -> Bins:
    """Values in a region, one line per element of the dimensions other than the genome's.

    Parameters
    ----------
    track
        Dimension `position` or `window`, and any others.
    place
        Region with its end.
    name
        The track's name, for messages.
    pixels
        Most bins in one run; more are reduced.

    Raises
    ------
    TypeError
        When the track has neither dimension.
    RegionError
        When it holds nothing of the region, or windows there overlap.
    """
    dim = next((d for d in ("position", "window") if d in track.dims), None)
    if dim is None:
        raise TypeError(
            f"{name!r} has dimensions {track.dims}, neither position nor window; "
            "give an array on the genome axis"
        )
    others = [str(d) for d in track.dims if d != dim]
    opened, track = track, track.transpose(*others, dim)
    names, strands = _lines(track, others)
    if dim == "window":
        start, end, values = _windows(track, place, name)
        return Bins(names, strands, start, end, values, values, values)
    track = track.sel(position=place)
    axis = axis_of(track)
    if axis.size > pixels:
        level = level_for(opened, axis.size / (FINE * pixels))
        shown = (
            [track]
            if level is None
            else [
                a.transpose(*others, dim).sel(position=place)
                for a in (level.low, level.mean, level.high)
            ]
        )
        return Bins(names, strands, *_reduce(shown, place, pixels))
    start = axis.at(np.arange(axis.size))[1] * axis.bin_size
    order = np.argsort(start, kind="stable")
    start, values = start[order], _rows(track)[:, order]
    end = np.minimum(start + axis.bin_size, axis.assembly.length(place.contig))
    return Bins(names, strands, start, end, values, values, values)


def _lines(track: xr.DataArray, others: list[str]) -> tuple[list[str], list[str]]:
    """Name and strand of each line; where `strand` has labels they are not part of the name."""
    labels = [
        [str(label) for label in track[dim].values.tolist()]  # 0, 1, ... without a coordinate
        for dim in others
    ]
    ways = [dim == "strand" and dim in track.coords for dim in others]
    cells = list(np.ndindex(*(len(some) for some in labels)))
    texts = [[some[i] for some, i in zip(labels, cell, strict=True)] for cell in cells]
    names = [", ".join(t for t, way in zip(text, ways, strict=True) if not way) for text in texts]
    strands = [next((t for t, way in zip(text, ways, strict=True) if way), ".") for text in texts]
    return names, strands


def _reduce(
    shown: Sequence[xr.DataArray], place: Region, pixels: int
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Reduce to one value per pixel: start, end, least, mean and largest value.

    What is shown are least, mean and largest value of each bin, or one array that is all three. A
    group is a run of bins that are neighbors in the array and start in one pixel. Groups are
    reduced slab by slab, then merged by pixel: segments of a sparse axis may share one.
    """
    axis = axis_of(shown[0])
    edges = np.linspace(place.start, place.end or 0, pixels + 1).astype(np.int64)
    head, pixel = _groups(axis, edges)
    tail = np.append(head[1:], axis.size)
    lines = shown[0].size // axis.size
    low, high, total = (np.empty((lines, len(head))) for _ in range(3))
    known = np.empty((lines, len(head)), dtype=np.int64)
    begin = 0
    while begin < len(head):
        stop = int(np.searchsorted(tail, head[begin] + SLAB // lines, side="right"))
        some = slice(begin, max(stop, begin + 1))
        run = slice(head[begin], tail[some][-1])
        rows = [_rows(array.isel(position=run)) for array in shown]
        here = head[some] - head[begin]
        low[:, some] = np.fmin.reduceat(rows[0], here, axis=-1)
        high[:, some] = np.fmax.reduceat(rows[-1], here, axis=-1)
        values = rows[len(rows) // 2]
        there = ~np.isnan(values)
        # as uint8 and uint32, 20 times faster than adding booleans as int64
        known[:, some] = np.add.reduceat(there.view(np.uint8), here, axis=-1, dtype=np.uint32)
        values = np.where(there, values, values.dtype.type(0))
        total[:, some] = np.add.reduceat(values, here, axis=-1, dtype=np.float64)
        begin = some.stop

    order = np.argsort(pixel, kind="stable")
    filled, first = np.unique(pixel[order], return_index=True)
    low = np.fmin.reduceat(low[:, order], first, axis=-1)
    high = np.fmax.reduceat(high[:, order], first, axis=-1)
    known = np.add.reduceat(known[:, order], first, axis=-1)
    total = np.add.reduceat(total[:, order], first, axis=-1)
    mean = np.divide(total, known, out=np.full(total.shape, np.nan), where=known > 0)
    return edges[filled], edges[filled + 1], low, mean, high


def _groups(axis: GenomeAxis, edges: Ints) -> tuple[Ints, Ints]:
    """First position on the axis and pixel of each group, in the order of the axis."""
    heads, pixels = [], []
    for piece in axis.pieces():
        lowest = min(piece.first, piece.first + (piece.count - 1) * piece.step) * axis.bin_size
        bound = -(-(edges - lowest) // (abs(piece.step) * axis.bin_size))
        bound = np.clip(bound, 0, piece.count)
        bound[0] = 0  # the first bin may start before the region
        filled = np.flatnonzero(np.diff(bound))
        if piece.step > 0:
            heads.append(piece.offset + bound[filled])
            pixels.append(filled)
        else:
            heads.append(piece.offset + piece.count - bound[filled + 1][::-1])
            pixels.append(filled[::-1])
    return np.concatenate(heads), np.concatenate(pixels)


def _windows(track: xr.DataArray, place: Region, name: str) -> tuple[Ints, Ints, Floats]:
    """Start, end and values of the windows that overlap the region, left to right."""
    start, end = track["start"].values, track["end"].values
    here = (start < (place.end or 0)) & (end > place.start)
    chosen = np.flatnonzero(here & (track["contig"].values == place.contig))
    if not len(chosen):
        raise RegionError(f"{name!r} holds no window that overlaps {place}")
    order = np.argsort(start[chosen], kind="stable")
    starts, ends = start[chosen][order], end[chosen][order]
    if (starts[1:] < ends[:-1]).any():
        raise RegionError(
            f"windows of {name!r} overlap in {place}; "
            "keep some of them, as in x.isel(window=slice(None, None, 2))"
        )
    return starts, ends, _rows(track.isel(window=chosen))[:, order]


def _rows(run: xr.DataArray) -> Floats:
    """(line, bin) numbers; float32 stays, to halve the memory of a slab."""
    values = np.asarray(run.values)
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    return values.reshape(-1, values.shape[-1])
