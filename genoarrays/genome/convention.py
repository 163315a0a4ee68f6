"""How is a genome axis written to disk, and read back?

The indexes are not in the file. `encode` replaces them by attributes of the scalar coordinate
`assembly`: names, lengths, bin size, segments, sequence digests and the version of this convention.
`decode` builds the indexes from these. The two are inverse to each other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import AssemblyError
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, genome_coords

__all__ = ["decode", "encode", "is_encoded"]

VERSION = 1


def encode(ds: xr.Dataset) -> xr.Dataset:
    """Replace the genome axis' indexes by attributes that any file format can hold.

    Parameters
    ----------
    ds
        Dataset on a genome axis.

    Returns
    -------
    xr.Dataset
        Without the coordinates position and contig; the scalar coordinate `assembly` (int8) holds
        in its attrs: version, name, digest, contigs, lengths, bin_size; segments (contig code,
        first bin, count, step) when it is not the whole genome; sequence_digests where known.

    Raises
    ------
    AssemblyError
        When `ds` has no genome axis.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6, "chr2": 4}), bin_size=2)
    >>> ga.encode(xr.Dataset(coords=coords)).assembly.attrs["lengths"]
    [6, 4]
    """
    axis = axis_of(ds)
    attrs: dict[str, Any] = {
        "version": VERSION,
        "name": axis.assembly.name,
        "digest": axis.assembly.digest,
        "contigs": list(axis.assembly.names),
        "lengths": axis.assembly.lengths.tolist(),
        "bin_size": axis.bin_size,
    }
    if not axis.is_whole:
        attrs["segments"] = {
            name: getattr(axis, name).tolist() for name in ("code", "first", "count", "step")
        }
    if axis.assembly.sequence_digests:
        attrs["sequence_digests"] = dict(axis.assembly.sequence_digests)
    flat = ds.drop_vars(["position", "contig", "assembly"], errors="ignore")
    return flat.assign_coords(assembly=xr.Variable((), np.int8(0), attrs=attrs))


def is_encoded(ds: xr.Dataset) -> bool:
    """Whether `decode` can restore a genome axis."""
    return "assembly" in ds.coords and "lengths" in ds.coords["assembly"].attrs


def decode(ds: xr.Dataset) -> xr.Dataset:
    """Attach the genome axis that `encode` wrote.

    Parameters
    ----------
    ds
        Dataset as `encode` gave it, or as any reader gives it back.

    Returns
    -------
    xr.Dataset
        With the lazy coordinates position and contig, their indexes, and `assembly`.

    Raises
    ------
    AssemblyError
        When there is nothing to decode, it was written by a later version, or the digest does not
        fit names and lengths.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6, "chr2": 4}), bin_size=2)
    >>> ds = xr.Dataset({"x": ("position", np.arange(5))}, coords)
    >>> ga.decode(ga.encode(ds)).identical(ds)
    True
    """
    if not is_encoded(ds):
        raise AssemblyError(
            "this Dataset holds no encoded genome axis (a coordinate 'assembly' with lengths); "
            "attach one with ds.assign_coords(ga.genome_coords(assembly, bin_size))"
        )
    attrs = ds.coords["assembly"].attrs
    if attrs["version"] > VERSION:
        raise AssemblyError(
            f"this genome axis was written in version {attrs['version']} of the convention, and "
            f"this genoarrays knows versions up to {VERSION}; update genoarrays"
        )
    lengths = dict(zip(attrs["contigs"], (int(n) for n in attrs["lengths"]), strict=True))
    assembly = Assembly(attrs["name"], lengths, sequence_digests=attrs.get("sequence_digests"))
    if assembly.digest != attrs["digest"]:
        raise AssemblyError(
            f"the digest of assembly {attrs['name']!r} is {attrs['digest']}, but its names and "
            f"lengths give {assembly.digest}: the metadata were changed by hand"
        )
    axis = GenomeAxis(assembly, int(attrs["bin_size"]), **attrs.get("segments", {}))
    return ds.drop_vars("assembly").assign_coords(genome_coords(axis))
