"""How do regions leave for pandas and PyRanges?

The way back is `ga.read_regions(frame)`. Frames do not know their assembly: give `like=` there.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import window_index

__all__ = ["to_frame", "to_pyranges"]

_FIXED = ("contig", "start", "end", "strand", "orientation")


def to_frame(regions: xr.Dataset | xr.DataArray) -> pd.DataFrame:
    """Make a pandas DataFrame of regions or windows, one row each.

    Parameters
    ----------
    regions
        Table of regions, or anything with one value per window, such as predictions.

    Returns
    -------
    pandas.DataFrame
        contig, start, end (bp, 0-based, half-open), strand ("+", "-", "."), then the other columns
        under their names; rows in order, numbered from 0. Text as Python strings.

    Raises
    ------
    RegionError
        When it is no table of regions, or holds more than one value per region.

    Examples
    --------
    >>> import genoarrays as ga
    >>> ga.to_frame(ga.read_regions(["chr1:10-20:-", "chr2:5-9"]))
      contig  start  end strand
    0   chr1     10   20      -
    1   chr2      5    9      .
    """
    table = regions
    if isinstance(table, xr.DataArray):
        table = table.to_dataset(name="value" if table.name is None else str(table.name))
    dim = window_index(table).dim
    columns = region_columns(table)
    frame: dict[str, Any] = {
        "contig": columns.contigs.astype(object),
        "start": columns.start,
        "end": columns.end,
        "strand": columns.strands.astype(object),
    }
    for name, variable in table.data_vars.items():
        if name in _FIXED:
            continue
        if variable.dims != (dim,):
            raise RegionError(
                f"{name!r} has dimensions ({', '.join(map(str, variable.dims))}), and a frame one "
                f"value per {dim}; select or reduce the others, or drop it: x.drop_vars({name!r})"
            )
        values = variable.values
        frame[str(name)] = values.astype(object) if values.dtype.kind == "T" else values
    return pd.DataFrame(frame)


def to_pyranges(regions: xr.Dataset | xr.DataArray) -> Any:
    """Make a PyRanges of regions or windows.

    Parameters
    ----------
    regions
        As in `ga.to_frame`.

    Returns
    -------
    pyranges.PyRanges
        Chromosome, Start, End, Strand and the other columns. PyRanges groups its rows by contig and
        strand, and takes them for unstranded when any strand is ".".

    Raises
    ------
    RegionError
        As `ga.to_frame`.

    Examples
    --------
    >>> import genoarrays as ga
    >>> ranges = ga.to_pyranges(ga.read_regions(["chr1:10-20:-", "chr1:15-30:-"]))
    >>> ranges.merge(strand=True).lengths().tolist()
    [20]
    """
    import pyranges

    names = {"contig": "Chromosome", "start": "Start", "end": "End", "strand": "Strand"}
    return pyranges.PyRanges(to_frame(regions).rename(columns=names))
