"""What do windows look like without the margin that they may be moved in?"""

from __future__ import annotations

from typing import TypeVar

import xarray as xr

__all__ = ["without_margin"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)


def without_margin(x: Xarray) -> Xarray:
    """Windows at their own places, as `ga.windows` gives them without `jitter`, lazily.

    Parameters
    ----------
    x
        Windows, or one of their variables.

    Returns
    -------
    The same kind of object; its offsets have lost the margin, and `shift` is gone.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8))}, coords)
    >>> wide = ga.windows(ds, ["chr1:2-5"], jitter=1)
    >>> wide.x.values, without_margin(wide).x.values
    (array([[1, 2, 3, 4, 5]]), array([[2, 3, 4]]))
    """
    for dim in [str(d) for d in x.dims]:
        attrs = x[dim].attrs if dim in x.coords else {}
        if dim == "shift":
            x = x.isel(shift=x.sizes["shift"] // 2, drop=True)
        elif attrs.get("jitter"):
            margin = int(attrs["jitter"]) // int(attrs["bin_size"])
            x = x.isel({dim: slice(margin, x.sizes[dim] - margin)})
            kept = {k: v for k, v in attrs.items() if k not in ("jitter", "jitter_step")}
            x = x.assign_coords({dim: (dim, x[dim].values, kept)})
    return x
