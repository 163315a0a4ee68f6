"""Which values does a panel show, and where do they lie?

Every track becomes lines of bins with start, end, least, mean and largest value. Where there are
more bins than pixels, bins are reduced to one per pixel, slab by slab, so that a whole contig never
lies in memory: 250 Mb of one track are fifteen slabs. A bin counts in the pixel where it starts.

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

from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of
from genoarrays.genome.region import Region
from genoarrays.plot.pixels import Groups, edges_of, reduce_groups
from genoarrays.plot.windows import mean_of_overlaps, pixels_of_windows, windows_in
from genoarrays.store.coarser import level_for

__all__ = ["Bins", "PIXELS", "bins_of"]

PIXELS = 1200  # bins drawn per panel; more are reduced
SLAB = 2**24  # values computed at once
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


def bins_of(
    track: xr.DataArray,
    place: Region,
    name: str,
    pixels: int = PIXELS,
    *,
    overlap: str | None = None,
) -> Bins:
    """Values in a region, one line per element of the dimensions other than the genome's.

    Parameters
    ----------
    track
        Dimension `position`, or `window` and `offset` or none, and any others.
    place
        Region with its end.
    name
        The track's name, for messages.
    pixels
        Most bins in one run; more are reduced.
    overlap
        "mean": windows may overlap, and are averaged.

    Raises
    ------
    TypeError
        When the track has neither dimension.
    RegionError
        When it holds nothing of the region, or windows there overlap and may not.
    """
    dim = next((d for d in ("position", "window") if d in track.dims), None)
    if dim is None:
        raise TypeError(
            f"{name!r} has dimensions {track.dims}, neither position nor window; "
            "give an array on the genome axis"
        )
    main = [dim, *(d for d in track.dims if dim == "window" and str(d).startswith("offset"))]
    others = [str(d) for d in track.dims if d not in main]
    opened, track = track, track.transpose(*others, *main)
    names, strands = _lines(track, others)
    if dim == "window":
        return Bins(names, strands, *_windows(track, place, name, pixels, overlap))
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
    group is a run of bins that are neighbors in the array and start in one pixel.
    """
    axis = axis_of(shown[0])
    edges = edges_of(place.start, place.end or 0, pixels)
    head, pixel = _groups(axis, edges)
    tail = np.append(head[1:], axis.size)
    lines = shown[0].size // axis.size
    groups = Groups.empty(lines, len(head))
    begin = 0
    while begin < len(head):
        stop = int(np.searchsorted(tail, head[begin] + SLAB // lines, side="right"))
        some = slice(begin, max(stop, begin + 1))
        run = slice(head[begin], tail[some][-1])
        rows = [_rows(array.isel(position=run)) for array in shown]
        groups.put(
            some, reduce_groups(rows[0], rows[len(rows) // 2], rows[-1], head[some] - head[begin])
        )
        begin = some.stop
    filled, low, mean, high = groups.merge(pixel)
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


def _windows(
    track: xr.DataArray, place: Region, name: str, pixels: int, overlap: str | None
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Start, end, least, mean and largest value of the bins of windows, left to right."""
    found = windows_in(track, place, name, overlap)
    if found.start.size > pixels:
        return pixels_of_windows(found, place, pixels)
    values = found.values().reshape(found.start.size, -1).T
    start, end, values = mean_of_overlaps(
        found.start.reshape(-1), found.end.reshape(-1), values, place, name
    )
    return start, end, values, values, values


def _rows(run: xr.DataArray) -> Floats:
    """(line, bin) numbers; float32 stays, to halve the memory of a slab."""
    values = np.asarray(run.values)
    values = values if values.dtype == np.float32 else values.astype(np.float64)
    return values.reshape(-1, values.shape[-1])
