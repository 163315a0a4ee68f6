"""How is something done along the genome without leaking over contig ends?

`rolling`, `shift`, `diff` and the like of xarray know nothing of contigs: the last bases of one
would mix with the first of the next. `map_contigs` applies any of them stretch by stretch; what is
wanted often goes along the whole axis at once, see `coarse.py`, `rolling.py` and `regrid.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeVar

import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.index import axis_of

__all__ = ["map_contigs"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)


def map_contigs(obj: Xarray, function: Callable[[Any], Any]) -> Xarray:
    """Apply a function to each contig apart, and lay the results end to end.

    To xarray the genome is one sequence: `obj.shift(position=1)`, `rolling`, `diff`, `ffill`,
    `cumsum` and `roll` carry values from one contig to the next. Applied like this they do not. The
    function is called for each contig, and a lazy variable costs some milliseconds then: windows,
    bins and smoothing of 100,000 scaffolds are done at once by `ga.rolling`, `ga.smooth`,
    `ga.coarsen` and `ga.regrid`.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis.
    function
        Takes one stretch of one contig and gives an object of the same kind; may be lazy. Where
        the axis holds regions only, each run of neighboring bins is a stretch of its own.

    Returns
    -------
    The same kind of object; positions are those that `function` returned.

    Raises
    ------
    AssemblyError
        When `obj` or a result has no genome axis.
    RegionError
        When `obj` has no positions, or a result has lost the dimension.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3, "chr2": 2}))
    >>> x = xr.DataArray([1.0, 2, 3, 4, 5], coords, ["position"])
    >>> ga.map_contigs(x, lambda part: part.shift(position=1, fill_value=0)).values
    array([0., 1., 2., 0., 4.])
    """
    axis = axis_of(obj)
    if not axis.size:
        raise RegionError("there are no positions to map")
    edges = axis.edges.tolist()
    parts = [function(obj.isel(position=slice(start, stop))) for start, stop in pairwise(edges)]
    for part in parts:
        if "position" not in part.dims:
            raise RegionError(
                "the function lost the dimension `position`; to reduce contigs to one value each "
                'use obj.sel(contig=...) or ga.windows(..., reduce="sum") on whole contigs'
            )
        axis_of(part)
    if isinstance(obj, xr.DataArray):
        joined = xr.concat(parts, "position", coords="minimal", compat="override", join="exact")
    else:
        joined = xr.concat(
            parts, "position", data_vars="minimal", coords="minimal", compat="override",
            join="exact",
        )  # fmt: skip
    result: Xarray = joined
    return result
