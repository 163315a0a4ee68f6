"""How does a variable that is lazy without dask become one that is lazy with it?"""

from __future__ import annotations

import xarray as xr

from genoarrays.options import current

__all__ = ["chunked"]


def chunked(variable: xr.Variable) -> xr.Variable:
    """A variable in memory or with dask chunks as it is, any other one with chunks.

    What is opened with `chunks=None` is read by any function of NumPy; with dask it is read when
    it is computed, `ga.set_options(chunk_bytes=)` at a time.
    """
    if variable.chunks is not None or variable._in_memory:
        return variable
    cell = max(variable.nbytes // max(variable.sizes["position"], 1), 1)
    return variable.chunk(position=max(current().chunk_bytes // cell, 1))
