"""Which regions of this genome did somebody ask for?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.genome.assembly import Assembly, check_same_assembly
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import region_columns

__all__ = ["regions_on"]


def regions_on(regions: Any, assembly: Assembly) -> tuple[xr.Dataset, Columns]:
    """Table of regions, and its columns with codes into the contigs of an assembly.

    Parameters
    ----------
    regions
        Table of regions, or anything that `read_regions` takes.
    assembly
        What they must lie on.

    Raises
    ------
    AssemblyError, ContigError
        When they lie on another genome.
    RegionError
        When a region that was read without its genome ends past its contig.
    """
    if not isinstance(regions, xr.Dataset):
        try:
            regions = read_regions(regions, like=assembly)
        except GenomeError as error:
            error.add_note("options such as rename_contigs= belong to ga.read_regions: read first")
            raise
    columns = region_columns(regions)
    known = columns.assembly
    if known is not None:
        check_same_assembly(assembly, known, "cannot use these arrays, regions lie on")
    columns = _on(columns, assembly.names)._replace(assembly=assembly)
    if known is None:
        _check_ends(columns, assembly)
    return regions, columns


def _on(columns: Columns, names: tuple[str, ...]) -> Columns:
    """The same regions with codes into other names."""
    if columns.names == names:
        return columns
    lookup = {name: code for code, name in enumerate(names)}
    used = np.unique(columns.code)
    table = np.zeros(len(columns.names), dtype=np.int32)
    for code in used.tolist():
        if columns.names[code] not in lookup:
            raise RegionError(
                f"regions lie on contig {columns.names[code]!r}, which the arrays do not have; "
                "read them with like=, and rename contigs there if need be"
            )
        table[code] = lookup[columns.names[code]]
    return columns._replace(names=names, code=table[columns.code])


def _check_ends(columns: Columns, assembly: Assembly) -> None:
    """Regions that were read without an assembly may lie anywhere."""
    lengths = assembly.lengths
    past = np.flatnonzero(columns.end > lengths[columns.code])
    if past.size:
        label = columns.labels(past[:1])[0]
        raise RegionError(
            f"region {label} ends past its contig, which has {lengths[columns.code[past[0]]]:,} bp "
            f"({past.size:,} of the regions do); read them with like=, and out_of_bounds='pad' if "
            "you want what lies off the contig to be filled"
        )
