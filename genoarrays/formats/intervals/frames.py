"""How do regions leave for pandas and PyRanges?

The way back is `ga.read_regions(frame)`. Frames do not know their assembly: give `like=` there.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import WindowIndex, window_index

__all__ = ["to_pandas", "to_pyranges"]

_FIXED = ("contig", "start", "end", "strand", "orientation")


def to_pandas(regions: xr.Dataset | xr.DataArray) -> pd.DataFrame:
    """Make a pandas DataFrame of regions or windows, one row each.

    Parameters
    ----------
    regions
        Table of regions, or anything with one value per window or region, such as predictions, or
        one for each label of a further dimension, such as `track`.

    Returns
    -------
    pandas.DataFrame
        contig, start, end (bp, 0-based, half-open), strand ("+", "-", "."), then the other columns
        under their names; of several tracks, one column for each, by label (after the name of the
        variable, where there are several variables). Rows in order, numbered from 0. Text as
        Python strings.

    Raises
    ------
    RegionError
        When it is no table of regions, or has more dimensions, or one without labels.

    Examples
    --------
    >>> import genoarrays as ga
    >>> ga.to_pandas(ga.read_regions(["chr1:10-20:-", "chr2:5-9"]))
      contig  start  end strand
    0   chr1     10   20      -
    1   chr2      5    9      .
    """
    table = regions
    if isinstance(table, xr.DataArray):
        table = table.to_dataset(name="value" if table.name is None else str(table.name))
    if not any(isinstance(index, WindowIndex) for index in table.xindexes.values()):
        raise RegionError(
            f"what has dimensions ({', '.join(map(str, table.dims))}) has no regions or windows to "
            "make rows of; other labelled arrays have .to_dataframe()"
        )
    dim = window_index(table).dim
    columns = region_columns(table)
    frame: dict[str, Any] = {
        "contig": columns.contigs.astype(object),
        "start": columns.start,
        "end": columns.end,
        "strand": columns.strands.astype(object),
    }
    alone = isinstance(regions, xr.DataArray)
    for name, variable in table.data_vars.items():
        if name not in _FIXED:
            frame |= _columns(variable, dim, "" if alone else f"{name}_")
    return pd.DataFrame(frame)


def _columns(variable: xr.DataArray, dim: str, stem: str) -> dict[str, Any]:
    """Columns of a variable: one, or one for each label of its other dimension."""
    rest = [d for d in variable.dims if d != dim]
    if (
        dim not in variable.dims
        or len(rest) > 1
        or not all(_is_labelled(variable, d) for d in rest)
    ):
        raise RegionError(
            f"{variable.name!r} has dimensions ({', '.join(map(str, variable.dims))}), and a frame "
            f"one value per {dim}, or one for each label of another dimension; select or reduce "
            f"the others, or drop it: x.drop_vars({variable.name!r})"
        )
    values = variable.transpose(dim, ...).values
    values = values.astype(object) if values.dtype.kind == "T" else values
    if not rest:
        return {str(variable.name): values}
    labels = variable[rest[0]].values.tolist()
    return {f"{stem}{label}": values[:, n] for n, label in enumerate(labels)}


def _is_labelled(variable: xr.DataArray, dim: Any) -> bool:
    return dim in variable.coords and not str(dim).startswith("offset")


def to_pyranges(regions: xr.Dataset | xr.DataArray) -> Any:
    """Make a PyRanges of regions or windows.

    Parameters
    ----------
    regions
        As in `ga.to_pandas`.

    Returns
    -------
    pyranges.PyRanges
        Chromosome, Start, End, Strand and the other columns. PyRanges groups its rows by contig and
        strand, and takes them for unstranded when any strand is ".".

    Raises
    ------
    RegionError
        As `ga.to_pandas`.

    Examples
    --------
    >>> import genoarrays as ga
    >>> ranges = ga.to_pyranges(ga.read_regions(["chr1:10-20:-", "chr1:15-30:-"]))
    >>> ranges.merge(strand=True).lengths().tolist()
    [20]
    """
    import pyranges

    names = {"contig": "Chromosome", "start": "Start", "end": "End", "strand": "Strand"}
    return pyranges.PyRanges(to_pandas(regions).rename(columns=names))
