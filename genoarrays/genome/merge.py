"""How do several tracks become one Dataset?

`xr.merge` alone would warn and take the first assembly's attributes; here all must be the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence

import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of

__all__ = ["check_one_axis", "compare_shifts", "merge"]


def merge(*datasets: xr.Dataset | xr.DataArray) -> xr.Dataset:
    """Put the variables of several objects on one genome axis into one Dataset.

    Parameters
    ----------
    *datasets
        Datasets or named DataArrays that share assembly, bin size and regions.

    Returns
    -------
    xr.Dataset
        All variables; nothing is aligned, copied or computed.

    Raises
    ------
    AssemblyError, GenomeError
        When assemblies, bin sizes or regions differ, two variables bear one name, or have other
        labels along one dimension.

    Warns
    -----
    UserWarning
        When cut sites with different `attrs["shift"]` come together.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3}))
    >>> a = xr.Dataset({"a": ("position", np.zeros(3))}, coords)
    >>> b = xr.Dataset({"b": ("position", np.ones(3))}, coords)
    >>> list(ga.merge(a, b))
    ['a', 'b']
    """
    if not datasets:
        raise GenomeError("nothing to merge; give at least one Dataset")
    seen: set[Hashable] = set()
    for number, data in enumerate(datasets):
        if isinstance(data, xr.DataArray) and data.name is None:
            raise GenomeError(f"object {number} has no name; use array.rename('name')")
        names = {data.name} if isinstance(data, xr.DataArray) else set(data.data_vars)
        if twice := seen & names:
            raise GenomeError(
                f"two variables are named {sorted(map(str, twice))[0]!r}; rename one, or open it "
                "with another name="
            )
        seen |= names
    check_one_axis(datasets, "cannot merge")
    _check_labels(datasets)
    compare_shifts(datasets)
    return xr.merge(list(datasets), join="exact", compat="override", combine_attrs="drop_conflicts")


def check_one_axis(objects: Sequence[xr.Dataset | xr.DataArray], doing: str) -> GenomeAxis:
    """The axis that all objects share; `doing` starts the message when they do not.

    Raises
    ------
    AssemblyError, GenomeError
        When assemblies, bin sizes or regions differ, or one has no genome axis.
    """
    first = axis_of(objects[0])
    for other in objects[1:]:
        axis = axis_of(other)
        first.check_compatible(axis, doing)
        if axis != first:
            raise GenomeError(
                f"{doing} {first!r} and {axis!r}: they hold other regions; "
                "select the same ones, or use xr.align(..., join='inner') first"
            )
    return first


def compare_shifts(objects: Sequence[xr.Dataset | xr.DataArray]) -> None:
    """Warn when cut sites were moved by different numbers of bp: they do not lie on one base."""
    shifts: dict[str, Hashable] = {}
    for data in objects:
        for one in [data] if isinstance(data, xr.DataArray) else data.data_vars.values():
            told = one.attrs.get("shift", [])
            for shift in told.values() if isinstance(told, Mapping) else [told] if told else []:
                shifts[str(tuple(shift))] = one.name
    if len(shifts) > 1:
        listing = ", ".join(f"{name!r} by {shift}" for shift, name in shifts.items())
        warnings.warn(
            f"cut sites are shifted differently ({listing}), so one cut lies on several bases; "
            "open all with the same shift=, counted from the reads as they were aligned",
            stacklevel=3,
        )


def _check_labels(datasets: tuple[xr.Dataset | xr.DataArray, ...]) -> None:
    """Refuse two objects whose tracks or samples are not the same: a Dataset has one of each."""
    seen: dict[Hashable, list[object]] = {}
    for data in datasets:
        for dim in data.dims:
            if dim == "position" or dim not in data.coords:
                continue
            labels = data[dim].values.tolist()
            if seen.setdefault(dim, labels) != labels:
                raise GenomeError(
                    f"cannot merge {dim}s {seen[dim][:3]} and {labels[:3]}: one Dataset has one "
                    f"set of {dim}s; keep them as two nodes of a tree, as in "
                    "ga.to_zarr({'peaks': peaks, 'signal': signal}, path), or rename the dimension"
                )
