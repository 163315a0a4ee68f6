"""What becomes of a table of regions when their bounds have changed?

Regions end where their contig ends; those left without a base are dropped. Both are counted in the
attributes `regions_clipped` and `regions_dropped`, of the latest operation. Every other column
follows its region; a summit that is no longer inside becomes -1, which means none.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.genome.windows import WindowIndex

__all__ = ["FAR", "Ints", "carry", "clip", "table_columns", "whole"]

Ints = npt.NDArray[np.int64]
FAR = 2**40  # bp: more than any contig has


def table_columns(regions: xr.Dataset) -> Columns:
    """Columns of a table of regions.

    Raises
    ------
    RegionError
        When it is something else.
    """
    if not isinstance(regions, xr.Dataset) or "region" not in regions.dims:
        raise RegionError(
            f"a {type(regions).__name__} without the dimension 'region' is no table of regions; "
            "make one with ga.read_regions(path, frame or list)"
        )
    return region_columns(regions)


def whole(name: str, value: int, least: int | None = None) -> int:
    """A number of bp that somebody gave.

    Raises
    ------
    RegionError
        When it is no whole number, or below `least`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise RegionError(f"{name}={value!r} is not possible; give whole bp")
    if abs(int(value)) > FAR or (least is not None and value < least):
        bound = f"at least {least}" if least is not None else "no more than a contig has"
        raise RegionError(f"{name}={value} is not possible; give whole bp, {bound}")
    return int(value)


def clip(columns: Columns) -> tuple[Columns, Ints, int]:
    """Regions within their contigs, their rows in `columns`, and how many of them were cut.

    Without an assembly only base 0 is a bound. Those that keep no base are left out.

    Raises
    ------
    RegionError
        For a region that ends where no contig has bases.
    """
    start: Ints = np.maximum(columns.start, 0)
    end = columns.end
    if columns.assembly is not None:
        end = np.minimum(end, columns.assembly.lengths[columns.code])
    elif (far := np.flatnonzero(end >= FAR)).size:
        label = columns.labels(far[:1]).tolist()[0]
        raise RegionError(f"region {label} ends past {FAR:,} bp, where no contig has bases")
    cut = (start != columns.start) | (end != columns.end)
    kept = np.flatnonzero(start < end)
    some = columns._replace(start=start, end=end).take(kept)
    return some, kept, int(np.count_nonzero(cut[kept]))


def carry(
    regions: xr.Dataset,
    columns: Columns,
    rows: Ints,
    clipped: int,
    summit: npt.NDArray[np.generic] | None = None,
) -> xr.Dataset:
    """Table of changed regions with the other columns of those they came from.

    Parameters
    ----------
    regions
        The table before.
    columns
        The regions now, within their contigs.
    rows
        The row of `regions` that each one came from, rising.
    clipped
        Regions that were cut at the end of a contig.
    summit
        Summits of `regions` where they have moved too; None leaves them in place.

    Returns
    -------
    xr.Dataset
        `tile_width` is no longer said of these regions.
    """
    table = columns_dataset(columns)
    same = np.array_equal(rows, np.arange(regions.sizes["region"]))
    labels = {name for name, i in regions.xindexes.items() if isinstance(i, WindowIndex)}
    for name, variable in regions.variables.items():
        if name in table.variables or name in labels:
            continue
        if name == "summit" and summit is not None:
            variable = variable.copy(data=summit)
        if "region" in variable.dims and not same:
            variable = variable.isel(region=rows)
        if name == "summit":
            inside = (variable.values >= columns.start) & (variable.values < columns.end)
            variable = variable.copy(data=np.where(inside, variable.values, -1))
        is_coord = name in regions.coords
        table = (
            table.assign_coords({name: variable}) if is_coord else table.assign({name: variable})
        )
    kept = {name: value for name, value in regions.attrs.items() if name != "tile_width"}
    used = np.count_nonzero(np.diff(rows)) + 1 if len(rows) else 0
    dropped = regions.sizes["region"] - int(used)
    table.attrs = {**kept, "regions_clipped": clipped, "regions_dropped": dropped}
    return table
