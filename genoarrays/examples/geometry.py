"""Which bases does each window want, and where do they lie on the axis?

Geometry is genomic: windows have a start on the plus strand, and flanks are swapped for minus
windows. Orientation comes last, when the values are there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns

__all__ = ["ANCHORS", "Extent", "Runs", "on_contig", "place", "plan_runs", "window_starts"]

Ints = npt.NDArray[np.int64]
ANCHORS = ("center", "start", "five_prime")


def window_starts(columns: Columns, width: int, anchor: str | None, tiled: bool) -> Columns:
    """Windows of one width at regions.

    Parameters
    ----------
    columns
        The regions.
    width
        bp.
    anchor
        Where the window sits when a region has another length: "center" ((start + end) // 2 is
        the window's base width // 2), "start", "five_prime" (the region's first base in its own
        direction is the window's first); None where all lengths agree.
    tiled
        Shorter regions are remainders of tiles: they keep their start and their true end.

    Raises
    ------
    RegionError
        When lengths differ from the width and there is no anchor, or it is unknown.
    """
    if anchor is not None and anchor not in ANCHORS:
        raise RegionError(f"anchor={anchor!r} is not known; use one of {', '.join(ANCHORS)}")
    length = columns.end - columns.start
    odd = np.flatnonzero(length != width)
    if not odd.size or (tiled and anchor is None and (length <= width).all()):
        return columns
    if anchor is None:
        label = columns.labels(odd[:1]).tolist()[0]
        raise RegionError(
            f"region {label} has {length[odd[0]]:,} bp and width is {width:,}: where should the "
            'window sit? say anchor="center", "start" or "five_prime", or cut the regions with '
            "ga.tile_regions(regions, width)"
        )
    if anchor == "center":
        start = (columns.start + columns.end) // 2 - width // 2
    elif anchor == "start":
        start = columns.start
    else:
        start = np.where(columns.orientation < 0, columns.end - width, columns.start)
    return columns._replace(start=start, end=start + width)


class Extent(NamedTuple):
    """What a variable wants of each window: bins [first, first + count) of its contig."""

    code: npt.NDArray[np.int32]
    first: Ints
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here


def place(
    windows: Columns, axis: GenomeAxis, width: int, flank: tuple[int, int], name: str
) -> Extent:
    """Bins that windows with flanks cover on a node; they must lie on its grid.

    Raises
    ------
    RegionError
        When starts, width or flanks are off the grid of a binned node.
    """
    upstream, downstream = flank
    minus = windows.orientation < 0
    start = windows.start - np.where(minus, downstream, upstream)
    size = axis.bin_size
    for what, values in (("width", width), ("flank", upstream), ("flank", downstream)):
        if values % size:
            raise RegionError(
                f"{name!r} has bins of {size} bp, and {what}={values} is no multiple of that; "
                "change it, or store the variable at 1 bp"
            )
    if (off := np.flatnonzero(start % size)).size:
        raise RegionError(
            f"{name!r} has bins of {size} bp, and window {windows.labels(off[:1]).tolist()[0]} "
            f"does not start on that grid; cut the regions with ga.tile_regions(..., align={size})"
            ", or store the variable at 1 bp"
        )
    code = windows.code
    if windows.names != axis.assembly.names:
        codes = np.array([axis.assembly.code(n) for n in windows.names], dtype=np.int32)
        code = codes[windows.code]
    return Extent(code, start // size, (width + upstream + downstream) // size)


class Runs(NamedTuple):
    """Stretches of the axis to read, and the windows cut from each.

    Windows with their `low` to `high` bins on the contig (the rest is filled) start at position
    `at` of the axis; run r is `[start[r], stop[r])` and serves the windows `rows[r]`.
    """

    low: Ints
    high: Ints
    at: Ints
    rows: list[Ints]
    start: list[int]
    stop: list[int]


def on_contig(extent: Extent, axis: GenomeAxis) -> tuple[Ints, Ints]:
    """First and end of each window's bins that lie on its contig, counted within the window."""
    bins = -(-axis.assembly.lengths[extent.code] // axis.bin_size)
    low = np.clip(-extent.first, 0, extent.count)
    return low, np.clip(bins - extent.first, low, extent.count)


def plan_runs(extent: Extent, axis: GenomeAxis, gap: int, longest: int, label: str) -> Runs:
    """Where the windows lie on the axis, joined to few long reads.

    Parameters
    ----------
    extent
        Bins that each window wants.
    axis
        Axis of the variable.
    gap
        Windows at most this many positions apart are read together.
    longest
        A run ends once it has this many positions.
    label
        Names the variable, for messages.

    Raises
    ------
    RegionError
        When a region-only axis lacks bins that lie on the contig.
    """
    low, high = on_contig(extent, axis)
    at = axis.locate(extent.code, extent.first + low)
    last = axis.locate(extent.code, extent.first + high - 1)
    wanted = high > low
    lost = np.flatnonzero(wanted & ((at < 0) | (last - at != high - low - 1)))
    if lost.size:
        row = int(lost[0])
        contig = axis.assembly.names[extent.code[row]]
        start = int(extent.first[row] + low[row]) * axis.bin_size
        stop = min(int(extent.first[row] + high[row]) * axis.bin_size, axis.assembly.length(contig))
        raise RegionError(
            f"{label!r} does not hold all of {contig}:{start:,}-{stop:,}, which {lost.size:,} "
            "of the windows need (with their flanks); use the whole genome, or other regions"
        )
    order = np.flatnonzero(wanted)
    order = order[np.argsort(at[order], kind="stable")]
    rows, starts, stops = [], [], []
    if order.size:
        begin, end = at[order], last[order] + 1
        reach = np.maximum.accumulate(end)
        head = np.concatenate([[True], begin[1:] > reach[:-1] + gap])
        # cut long runs: a window starts a new one where the run's length passes a multiple
        run_start = begin[np.maximum.accumulate(np.where(head, np.arange(len(head)), 0))]
        part = (begin - run_start) // longest
        head[1:] |= part[1:] != part[:-1]
        edges = [*np.flatnonzero(head).tolist(), len(order)]
        for a, b in pairwise(edges):
            rows.append(order[a:b])
            starts.append(int(begin[a]))
            stops.append(int(end[a:b].max()))
    return Runs(low, high, at, rows, starts, stops)
