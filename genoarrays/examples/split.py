"""Which regions are for training, which for testing?

Whole contigs are held out: neighboring windows share sequence and signal, so a random split leaks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from genoarrays.errors import ContigError, RegionError
from genoarrays.genome.naming import did_you_mean
from genoarrays.genome.regions import region_columns

__all__ = ["split_regions"]


def split_regions(
    regions: xr.Dataset,
    *,
    valid: str | Sequence[str] = (),
    test: str | Sequence[str] = (),
) -> tuple[xr.Dataset, ...]:
    """Split a table of regions by contig.

    Parameters
    ----------
    regions
        Table of regions.
    valid, test
        Contigs to hold out for validation and for testing.

    Returns
    -------
    tuple of xr.Dataset
        (train, valid, test); only (train, valid) or (train, test) when the other is not asked for.

    Raises
    ------
    ContigError
        For a contig that the assembly, or without one the table, does not have.
    RegionError
        When a contig is in both lists, nothing is held out, or a part comes out empty.

    Examples
    --------
    >>> import genoarrays as ga
    >>> regions = ga.read_regions(["chr1:0-10", "chr2:0-10", "chr3:5-15"])
    >>> train, test = ga.split_regions(regions, test=["chr2"])
    >>> train.contig.values.tolist(), test.contig.values.tolist()
    (['chr1', 'chr3'], ['chr2'])
    """
    columns = region_columns(regions)
    wanted = {"valid": _names(valid), "test": _names(test)}
    if both := sorted(set(wanted["valid"]) & set(wanted["test"])):
        raise RegionError(f"contig {both[0]!r} is in valid and in test; name it in one of them")
    part = np.zeros(columns.size, dtype=np.int8)
    for number, (kind, names) in enumerate(wanted.items(), start=1):
        for name in names:
            if name not in columns.names:
                raise ContigError(
                    f"{kind}={name!r}: there is no such contig{did_you_mean(name, columns.names)}"
                )
            part[columns.code == columns.names.index(name)] = number
    kinds = [("train", 0), *((k, n) for n, k in enumerate(wanted, start=1) if wanted[k])]
    if len(kinds) == 1:
        raise RegionError("nothing is held out; name contigs in valid= or test=")
    for kind, number in kinds:
        if not (part == number).any():
            raise RegionError(f"no region is left for {kind}; choose other contigs to hold out")
    return tuple(regions.isel(region=np.flatnonzero(part == number)) for _, number in kinds)


def _names(contigs: str | Sequence[str]) -> list[str]:
    return [contigs] if isinstance(contigs, str) else list(contigs)
