"""In what order do regions lie on the genome?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from genoarrays.genome.clip import Ints, table_columns
from genoarrays.genome.columns import Columns

__all__ = ["genome_order", "sort_regions"]


def sort_regions(regions: xr.Dataset) -> xr.Dataset:
    """Put regions in the order of the genome.

    Parameters
    ----------
    regions
        Table of regions.

    Returns
    -------
    xr.Dataset
        The same regions with all columns, by contig (in the order of the assembly where it is
        known, else of appearance), start and end; equal ones stay in their order.

    Raises
    ------
    RegionError
        For a Dataset that is no table of regions.

    Examples
    --------
    >>> import genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr2": 100, "chr10": 100})
    >>> peaks = ga.read_regions(["chr10:5-9", "chr2:30-40", "chr2:30-35"], like=toy)
    >>> ga.sort_regions(peaks).region.values.tolist()
    ['chr2:30-35:.', 'chr2:30-40:.', 'chr10:5-9:.']
    """
    return regions.isel(region=genome_order(table_columns(regions)))


def genome_order(columns: Columns) -> Ints:
    """Rows by contig code, start and end."""
    return np.lexsort((columns.end, columns.start, columns.code))
