"""Where does a window sit on its region?

Windows start on the plus strand. Where a region has another length than the window an anchor says
where it sits, and `snap` moves it to the grid of binned variables.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.examples.tracks import Options
from genoarrays.genome.columns import Columns
from genoarrays.genome.resize import summits

__all__ = ["window_places"]

_ANCHORS = ("center", "start", "five_prime", "summit")
_SNAPS = ("down", "nearest")


def window_places(
    columns: Columns,
    regions: xr.Dataset,
    width: int | None,
    options: Options,
    anchor: str | None,
    snap: str | None,
    grid: int,
) -> tuple[Columns, int | None, str]:
    """Windows at regions.

    Parameters
    ----------
    columns, regions
        The regions, as columns and as their table.
    width, options, anchor, snap
        As asked of `ga.windows`.
    grid
        bp between the places that suit all variables.

    Returns
    -------
    Columns
        One row per window; remainders of tiles keep their true end.
    int or None
        bp of a window, None where each is as long as its region.
    str
        What snapping moved, empty for nothing.

    Raises
    ------
    RegionError
        When lengths differ from the width and there is no anchor, it is unknown or lacks a
        summit, or a window is longer than its contig.
    """
    for name, value, known in (("anchor", anchor, _ANCHORS), ("snap", snap, _SNAPS)):
        if value is not None and value not in known:
            raise RegionError(f"{name}={value!r} is not known; use one of {', '.join(known)}")
    length = columns.end - columns.start
    if width is None and not options.ragged and len(np.unique(length)) == 1:
        width = int(length[0])
    if width is None:
        at = columns
    else:
        width = int(width)
        at = _anchored(columns, regions, width, anchor)
    _check_fits(at)
    return _snapped(at, snap, grid, width)


def _check_fits(at: Columns) -> None:
    if at.assembly is None:
        return
    longest = at.assembly.lengths[at.code]
    if (long := np.flatnonzero(at.end - at.start > longest)).size:
        row = int(long[0])
        raise RegionError(
            f"window {at.labels(long[:1]).tolist()[0]} has {at.end[row] - at.start[row]:,} bp, and "
            f"{at.names[at.code[row]]} only {longest[row]:,} ({long.size:,} of the windows are "
            "longer than their contig); leave these regions out, or take a smaller width"
        )


def _anchored(columns: Columns, regions: xr.Dataset, width: int, anchor: str | None) -> Columns:
    length = columns.end - columns.start
    odd = np.flatnonzero(length != width)
    tiled = regions.attrs.get("tile_width") == width
    if anchor is None:
        if not odd.size or (tiled and (length <= width).all()):
            return columns
        label = columns.labels(odd[:1]).tolist()[0]
        raise RegionError(
            f"region {label} has {length[odd[0]]:,} bp and width is {width:,}: where should the "
            'window sit? say anchor="center", "start", "five_prime" or "summit", or cut the '
            "regions with ga.tile_regions(regions, width)"
        )
    if anchor == "summit":
        start = summits(regions, columns) - width // 2
    elif not odd.size:
        return columns
    elif anchor == "center":
        start = (columns.start + columns.end) // 2 - width // 2
    elif anchor == "start":
        start = columns.start
    else:
        start = np.where(columns.orientation < 0, columns.end - width, columns.start)
    return columns._replace(start=start, end=start + width)


def _snapped(
    at: Columns, snap: str | None, grid: int, width: int | None
) -> tuple[Columns, int | None, str]:
    if snap is None or grid == 1:
        return at, width, ""
    start = (at.start + (grid // 2 if snap == "nearest" else 0)) // grid * grid
    by = start - at.start
    moved = int((by != 0).sum())
    if not moved:
        return at, width, ""
    text = f"{moved} of {at.size} windows moved {snap} to multiples of {grid} bp"
    return at._replace(start=start, end=at.end + by), width, text
