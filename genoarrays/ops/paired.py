"""Do two arrays lie on the same places, value beside value?"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.index import GenomeIndex, axis_of

__all__ = ["check_paired"]


def check_paired(a: xr.DataArray, b: xr.DataArray, dims: Iterable[Hashable], doing: str) -> None:
    """Refuse two arrays whose places along some dimensions differ.

    Parameters
    ----------
    a, b
        Arrays that both have the dimensions.
    dims
        Dimensions to compare; without labels in one of them, by length.
    doing
        What was asked, as the start of the message: "cannot correlate".

    Raises
    ------
    AssemblyError
        When they lie on different assemblies, or one of them on none.
    GenomeError
        When bins, regions, windows or other labels differ.
    """
    for dim in dims:
        one, other = _index(a, dim), _index(b, dim)
        if isinstance(one, GenomeIndex) or isinstance(other, GenomeIndex):
            _check_axes(a, b, doing)
        elif one is not None and other is not None and not one.equals(other):
            if type(one) is type(other) and type(one).join is not xr.indexes.PandasIndex.join:
                one.join(other)  # windows and sequences tell what differs
            raise GenomeError(
                f"{doing} {a.name!r} and {b.name!r}: their labels along {dim!r} differ; select the "
                f"same ones first, as in b.sel({dim}=a.{dim})"
            )
        elif a.sizes[dim] != b.sizes[dim]:
            raise GenomeError(
                f"{doing} {a.name!r} and {b.name!r}: there are {a.sizes[dim]:,} and "
                f"{b.sizes[dim]:,} places along {dim!r}; select the same ones first"
            )


def _index(array: xr.DataArray, dim: Hashable) -> xr.Index | None:
    """Index of the labels along a dimension, by whatever name they have."""
    return next((i for n, i in array.xindexes.items() if array[n].dims == (dim,)), None)


def _check_axes(a: xr.DataArray, b: xr.DataArray, doing: str) -> None:
    one, other = axis_of(a), axis_of(b)
    check_same_assembly(one.assembly, other.assembly, f"{doing} arrays on")
    if one.bin_size != other.bin_size:
        size = max(one.bin_size, other.bin_size)
        raise GenomeError(
            f"{doing} {a.name!r} and {b.name!r}: one has bins of {one.bin_size} bp, the other of "
            f"{other.bin_size} bp; give both the same: ga.regrid(array, {size}), or bin_size={size}"
            " where they are opened"
        )
    if one != other:
        raise GenomeError(
            f"{doing} {one!r} and {other!r}: they hold other regions; select the same ones first"
        )
