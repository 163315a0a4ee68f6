"""Which stretches of the genome, in what direction?

A table of regions is a Dataset with the dimension `region` and the variables contig, start, end and
strand, 0-based and half-open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import AssemblyError, RegionError
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.columns import Columns, make_columns
from genoarrays.genome.index import GenomeIndex, assembly_variable
from genoarrays.genome.windows import WindowIndex

__all__ = ["assembly_of", "columns_dataset", "region_columns", "regions_dataset"]


def regions_dataset(
    contig: npt.ArrayLike,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    strand: npt.ArrayLike | None = None,
    *,
    assembly: Assembly | None = None,
    extra: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.Dataset:
    """Make a table of regions from arrays.

    Parameters
    ----------
    contig, start, end
        Contig names; first base and end, 0-based, half-open, bp.
    strand
        "+", "-" or "." for each; None is "." for all.
    assembly
        The genome, if known; the contigs must be in it. Not checked: whether regions end within
        their contig.
    extra
        More columns, such as name and score.

    Returns
    -------
    xr.Dataset
        Dimension `region`; variables contig, start, end, strand and the extra ones.

    Raises
    ------
    RegionError, ContigError
        For a start past its end, an unknown strand or contig.

    Examples
    --------
    >>> regions_dataset(["chr1", "chr2"], [0, 5], [10, 9], ["+", "."]).region.values.tolist()
    ['chr1:0-10:+', 'chr2:5-9:.']
    """
    return columns_dataset(make_columns(contig, start, end, strand, assembly), extra)


def columns_dataset(
    columns: Columns, extra: Mapping[str, npt.ArrayLike] | None = None
) -> xr.Dataset:
    """Table of regions of columns that were checked before."""
    index = WindowIndex(columns, "region")
    coords = xr.Coordinates(index.create_variables(), indexes={"region": index})
    data = {
        "contig": columns.contigs,
        "start": columns.start,
        "end": columns.end,
        "strand": columns.strands,
        **(extra or {}),
    }
    table = xr.Dataset({name: ("region", np.asarray(a)) for name, a in data.items()}, coords)
    if columns.assembly is not None:
        table = table.assign_coords(assembly=assembly_variable(columns.assembly))
    return table


def region_columns(regions: xr.Dataset) -> Columns:
    """Columns of a table of regions; where it has such variables they rule, else its index does.

    Variables that say what the index says were checked with it, or made of it: such a table may
    hold regions that begin before their contig.

    Raises
    ------
    RegionError
        When it is no table of regions.
    """
    missing = [name for name in ("contig", "start", "end") if name not in regions.variables]
    known = next((i for i in regions.xindexes.values() if isinstance(i, WindowIndex)), None)
    if known is not None and len(missing) == 3:  # one value per region, without its columns
        return known.columns
    if missing:
        raise RegionError(
            f"this Dataset lacks {', '.join(missing)}: it is no table of regions; "
            "make one with ga.read_regions(path, frame or list)"
        )
    along = regions["contig"].dims  # `strand` may be the dimension of stranded tracks
    named = (n for n in ("strand", "orientation") if n in regions and regions[n].dims == along)
    strand = next((regions[n].values for n in named), None)
    contig, start, end = (regions[name].values for name in ("contig", "start", "end"))
    if known is not None and known.columns.assembly is not None:
        own = known.columns
        signs = own.strands if strand is None else np.asarray(strand)
        told = ((start, own.start), (end, own.end), (signs, own.strands), (contig, own.contigs))
        if all(np.array_equal(variable, column) for variable, column in told):
            return own
    return make_columns(contig, start, end, strand, known.columns.assembly if known else None)


def assembly_of(obj: Any) -> Assembly:
    """Assembly of an Assembly, a Dataset or DataArray on a genome axis, or regions or windows.

    Raises
    ------
    AssemblyError
        When it has none.
    """
    if isinstance(obj, Assembly):
        return obj
    what = kind = type(obj).__name__
    for index in getattr(obj, "xindexes", {}).values():
        if isinstance(index, WindowIndex):
            if index.columns.assembly is not None:
                return index.columns.assembly
            what = "table"
        elif isinstance(index, GenomeIndex):
            return index.axis.assembly
    cure = (
        f"read it with its genome: ga.read_regions({what}, like=...), where like is an "
        "Assembly, a Dataset on a genome axis or the path of a FASTA"
    )
    if what == kind and isinstance(obj, (xr.Dataset, xr.DataArray)):
        cure = "attach it: obj.assign_coords(ga.genome_coords(assembly, bin_size))"
    raise AssemblyError(f"this {kind} does not know its assembly; {cure}")
