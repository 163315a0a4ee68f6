"""Which windows cover these regions?

Starts step from the region's start, ascending on both strands, and stop at the first window that
reaches the region's end: 10,000 bp, width 200, step 50 gives 197 windows. No window is ever longer
than `width`, and none leaves its region.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.clip import whole
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import assembly_of, columns_dataset, region_columns

__all__ = ["tile_regions"]


def tile_regions(
    regions: Any,
    width: int,
    step: int | None = None,
    partial: str = "pad",
    align: int | None = None,
) -> xr.Dataset:
    """Cut regions into windows of one width.

    Parameters
    ----------
    regions
        Table of regions (a list or file is read first, `ga.read_regions(regions, like=...)`); or
        an Assembly, or an object on a genome axis: every contig whole.
    width
        Width of a window in bp; a float such as 100.0 will do.
    step
        bp from one start to the next; None for `width`.
    partial
        What becomes of the last window where it would leave the region: "pad" keeps it with its
        true end (`ga.windows` fills the offsets past it), "drop" leaves it out.
    align
        Start at multiples of this many bp: the first start is moved up to one, and bases of the
        region before it are left out. `step` must be a multiple of it too.

    Returns
    -------
    xr.Dataset
        Table of regions, in the order of `regions`; strand and all other columns are those of the
        region that the window was cut from.

    Raises
    ------
    RegionError
        When width, step or align is below 1 or not whole, or `partial` is neither word.
    AssemblyError
        When `regions` is none of these.

    Examples
    --------
    >>> import genoarrays as ga
    >>> tiles = ga.tile_regions(ga.read_regions(["chr1:0-100"]), width=30, step=20)
    >>> tiles.region.values.tolist()
    ['chr1:0-30:.', 'chr1:20-50:.', 'chr1:40-70:.', 'chr1:60-90:.', 'chr1:80-100:.']
    """
    width = _bp("width", width)
    step = width if step is None else _bp("step", step)
    align = None if align is None else _bp("align", align)
    if partial not in ("pad", "drop"):
        raise RegionError(f'partial={partial!r} is not known; use "pad" or "drop"')
    if align is not None and step % align:
        raise RegionError(
            f"step={step} is no multiple of align={align}; starts would leave the grid"
        )
    table = _whole_contigs(regions) if not _is_table(regions) else regions
    columns = region_columns(table)
    first = columns.start if align is None else -(-columns.start // align) * align
    length = np.maximum(columns.end - first, 0)
    if partial == "pad":
        number = np.where(length > 0, np.maximum(-(-(length - width) // step), 0) + 1, 0)
        # a step past the width leaves gaps: the window that would reach the end may start past it
        number = np.minimum(number, -(-length // step))
    else:
        number = np.where(length >= width, (length - width) // step + 1, 0)
    row = np.repeat(np.arange(columns.size), number)
    within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    start = first[row] + within * step
    tiles = columns.take(row)._replace(start=start, end=np.minimum(start + width, columns.end[row]))
    fixed = ("contig", "start", "end", "strand")
    extra = {
        str(n): v.values[row]
        for n, v in table.data_vars.items()
        if v.dims == ("region",) and n not in fixed
    }
    out = columns_dataset(tiles, extra)
    out.attrs = {**table.attrs, "tile_width": width}
    return out


def _bp(name: str, value: Any) -> int:
    whole_float = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return whole(name, int(value) if whole_float else value, least=1)


def _is_table(regions: Any) -> bool:
    """Whether these are regions or windows, not a genome to be tiled."""
    return isinstance(regions, xr.Dataset) and bool({"region", "window"} & set(regions.dims))


def _whole_contigs(like: Any) -> xr.Dataset:
    assembly = assembly_of(like)
    size = len(assembly)
    return columns_dataset(
        Columns(
            assembly.names,
            np.arange(size, dtype=np.int32),
            np.zeros(size, dtype=np.int64),
            assembly.lengths.copy(),
            np.zeros(size, dtype=np.int8),
            assembly,
        )
    )
