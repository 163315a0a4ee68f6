"""How are the arrays of a plan listed?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import xarray as xr

from genoarrays.options import show_bytes
from genoarrays.store.layout import Layout
from genoarrays.store.levels import SUFFIX, Key, Rung

__all__ = ["listing"]


def listing(
    nodes: Mapping[str, xr.Dataset], layouts: Mapping[Key, Layout], rungs: Mapping[Key, Rung]
) -> Iterator[str]:
    """A line for each array: name, sizes, bytes, parts; one for the three of a level."""
    for (node, name), layout in layouts.items():
        names, also = [name], ""
        if (node, name) in rungs:
            if rungs[node, name].how != "mean":
                continue
            names = [name + suffix for suffix in SUFFIX.values()]
            also = ", " + ", ".join(filter(None, SUFFIX.values()))
        shape = ", ".join(f"{d}: {n:,}" for d, n in zip(layout.dims, layout.shape, strict=True))
        size, parts = sum(nodes[node][one].nbytes for one in names), math.prod(layout.grid)
        yield f"{node}/{name}{also}  ({shape})  {show_bytes(size)}, parts {parts:,}"
