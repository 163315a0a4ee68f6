"""How are the parts of a split kept apart?

Each region belongs to one part, by number; where two parts come too near each other, the lower
number gives way: training (0) to validation (1) to testing (2). What is held out keeps its distance
as a stretch of the genome too, whether or not a region lies at its edge.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from genoarrays.errors import ContigError, RegionError
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.genome.clip import FAR
from genoarrays.genome.columns import Columns, concat_columns
from genoarrays.genome.naming import did_you_mean
from genoarrays.genome.near import count_near
from genoarrays.genome.overlap import on_contigs_of
from genoarrays.genome.region import Region, region
from genoarrays.genome.regions import columns_dataset
from genoarrays.genome.windows import window_index

__all__ = ["HeldOut", "held_apart", "held_out", "solid", "table_of"]


class HeldOut(NamedTuple):
    """Names of whole contigs, and all stretches, with the contig codes of the regions to split."""

    contigs: list[str]
    columns: Columns


def held_out(kind: str, some: Any, columns: Columns) -> HeldOut:
    """What contig names, region strings or a source of regions hold out of some regions.

    Parameters
    ----------
    kind
        Name of the part, for messages.
    some
        As given to `split_regions`.
    columns
        The regions to split.

    Raises
    ------
    ContigError
        For a text that is no contig, region string or file, or when no contig is in common.
    AssemblyError
        When the stretches lie on another assembly.
    InputError, RegionError
        When the source cannot be read.
    """
    contigs: list[str] = []
    some = [some] if isinstance(some, Region) else some
    if _is_plain(some):
        items = [some] if isinstance(some, str) else list(some)
        contigs = [one for one in items if isinstance(one, str) and one in columns.names]
        some = [one for one in items if not (isinstance(one, str) and one in columns.names)]
        for one in some:
            if isinstance(one, str) and not (_is_region(one) or os.path.exists(one)):
                raise ContigError(
                    f"{kind}={one!r}: there is no such contig{did_you_mean(one, columns.names)}"
                )
        if len(items) == 1 and isinstance(items[0], str) and some and not _is_region(items[0]):
            some = items[0]  # a path
    codes = np.array([columns.names.index(name) for name in contigs], dtype=np.int32)
    nil = np.zeros(len(codes), dtype=np.int64)
    whole = Columns(columns.names, codes, nil, nil + FAR, nil.astype(np.int8), columns.assembly)
    if isinstance(some, list) and not some:
        return HeldOut(contigs, whole)
    found, _, _ = on_contigs_of(columns, table_of(some), f"cannot split by {kind}=: regions of")
    return HeldOut(contigs, concat_columns([whole, found]))


def table_of(regions: Any) -> xr.Dataset:
    """A table of regions as it is; windows, and anything else that `read_regions` takes, as one."""
    if isinstance(regions, xr.Dataset) and "region" in regions.dims:
        return regions
    if isinstance(regions, xr.Dataset) and "window" in regions.dims:
        columns = window_index(regions).columns
        return columns_dataset(columns._replace(start=np.maximum(columns.start, 0)))
    return read_regions(regions)


def solid(columns: Columns) -> Columns:
    """Regions of at least one base, so that those without one belong to the stretch they lie in."""
    return columns._replace(end=np.maximum(columns.end, columns.start + 1))


def held_apart(
    regions: xr.Dataset,
    columns: Columns,
    part: npt.NDArray[np.int8],
    kinds: Sequence[str],
    guard: int,
    stretches: Sequence[Columns] = (),
) -> tuple[xr.Dataset, ...]:
    """Tables of the parts, without the regions that are too near a part of higher number.

    Parameters
    ----------
    regions, columns
        The regions, as their table and as columns.
    part
        Number of the part of each region; -1 for none.
    kinds
        Names of the parts.
    guard
        bp between parts, at least.
    stretches
        Stretches of the genome that each part holds, beside its regions.

    Raises
    ------
    RegionError
        When a part comes out empty.
    """
    tables = []
    for number, kind in enumerate(kinds):
        mine = np.flatnonzero(part == number)
        zone = concat_columns([columns.take(part > number), *stretches[number + 1 :]])
        near = count_near(solid(columns.take(mine)), solid(zone), guard) > 0
        kept = mine[~near]
        if not kept.size:
            raise RegionError(
                f"no region is left for {kind}; "
                + (
                    f"its {mine.size:,} lie within {guard:,} bp of what is held out; take a "
                    "smaller guard, or other stretches"
                    if mine.size
                    else "choose other contigs or regions to hold out"
                )
            )
        noted = {"guard": guard, "regions_dropped": int(mine.size - kept.size)}
        tables.append(regions.isel(region=kept).assign_attrs(noted))
    return tuple(tables)


def _is_plain(some: Any) -> bool:
    """Whether these are texts, or a list of something."""
    if isinstance(some, (os.PathLike, xr.Dataset, pd.DataFrame)) or not isinstance(some, Iterable):
        return False
    return type(some).__module__.split(".")[0] != "pyranges"


def _is_region(text: str) -> bool:
    try:
        return region(text).end is not None
    except RegionError:
        return False
