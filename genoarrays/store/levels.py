"""Which levels does a pyramid have, and how do they lie in the store?

A level is a node beside its own: mean, largest and smallest value of so many bins of each variable
that holds numbers. `signal` becomes `signal` (the mean, as xarray users expect of a coarser copy),
`signal_max` and `signal_min`. Means of labels are the covered share of each bin.

By default one bin of the first level stands for 256, and each level has a sixteenth of the bins of
the one before. Finer levels cost more than they save: a figure of 1,200 pixels of 256 bins each
reads 300,000 values, one or two chunks; and means do not pack as well as signal does. Of four
bigWigs of 100 Mb, 110 MB in the store, the default takes 14 MB, and levels of 8, 64, 512, ... bins
322 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError, RegionError, StoreError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.genome.pyramid import level_attrs, level_name, levels_in
from genoarrays.ops.coarse import coarse_dtype, rebinned_axis
from genoarrays.store.layout import CHUNK_BYTES, ONE_BY_ONE, PARTS, Layout, layout_of

__all__ = [
    "Key",
    "Ladder",
    "Pyramid",
    "Rung",
    "SUFFIX",
    "add_levels",
    "describe_levels",
    "factors_of",
    "ladders_in",
    "ladders_of",
]

Key = tuple[str, str]  # node and variable
Pyramid = bool | int | Sequence[int] | None
Ladder = tuple[int, ...]

SUFFIX = {"mean": "", "max": "_max", "min": "_min"}
_CELL_METHODS = {"mean": "mean", "max": "maximum", "min": "minimum"}  # as CF conventions call them
_FIRST, _STEP = 256, 16
_LEAST = 8192  # bins on the longest run of a level, below which it needs none coarser
_SHARD_BYTES = 2**24  # a part keeps 6 times as much in memory: sums, numbers, extremes


class Rung(NamedTuple):
    """What an array of a level is: of which array, which of the three, and at which factors."""

    of: Key
    how: str
    factor: int
    ladder: Ladder


def factors_of(pyramid: Pyramid, axis: GenomeAxis) -> Ladder:
    """Factors of the levels that are asked for.

    Parameters
    ----------
    pyramid
        True; a factor from each level to the next; or the factors of all levels.
    axis
        Of the node.

    Raises
    ------
    GenomeError
        For anything else, or factors of which one is no multiple of the one before.

    Examples
    --------
    >>> import genoarrays as ga
    >>> axis = GenomeAxis(ga.Assembly("toy", {"chr1": 20_000_000, "chr2": 500}))
    >>> factors_of(True, axis), factors_of(8, axis), factors_of([10, 100], axis)
    ((256, 4096), (8, 64, 512, 4096), (10, 100))
    """
    if not pyramid and not isinstance(pyramid, Sequence):
        return ()
    if isinstance(pyramid, (bool, int, np.integer)):
        step = _STEP if pyramid is True else int(pyramid)
        if step < 2:
            raise GenomeError(f"pyramid={pyramid!r} is not possible; a level is at least 2 to 1")
        longest = int(axis.count.max(initial=0))
        factor, above, found = _FIRST if pyramid is True else step, 1, []
        while longest > _LEAST * above:
            found.append(factor)
            factor, above = factor * step, factor
        return tuple(found)
    if isinstance(pyramid, str) or not isinstance(pyramid, Sequence):
        raise GenomeError(f"pyramid={pyramid!r} is not possible; say True, 8 or [10, 100]")
    for above, factor in pairwise([1, *pyramid]):
        if not isinstance(factor, (int, np.integer)) or factor <= above or factor % above:
            raise GenomeError(
                f"pyramid={list(pyramid)} is not possible; give whole numbers, each a multiple of "
                "the one before, such as [10, 100]"
            )
    return tuple(int(factor) for factor in pyramid)


def ladders_in(nodes: Mapping[str, Mapping[Any, Any]]) -> dict[str, Ladder]:
    """Factors of the levels that there are, by node; of the attributes by node."""
    found: dict[str, list[int]] = {}
    for of, factor in levels_in(nodes).values():
        found.setdefault(of, []).append(factor)
    return {node: tuple(sorted(factors)) for node, factors in found.items()}


def ladders_of(obj: Any, nodes: Mapping[str, xr.Dataset], pyramid: Pyramid) -> dict[str, Ladder]:
    """Factors of the levels to be written, by node: as asked, else (None) those of `obj`."""
    if pyramid is not None:
        asked = {node: factors_of(pyramid, axis_of(ds)) for node, ds in nodes.items()}
        return {node: factors for node, factors in asked.items() if factors}
    if isinstance(obj, xr.DataTree):
        return ladders_in({n.path.strip("/"): n.attrs for n in obj.subtree})
    if isinstance(obj, Mapping) and not isinstance(obj, xr.Dataset):
        return ladders_in({str(node): data.attrs for node, data in obj.items()})
    return {}


def add_levels(
    nodes: dict[str, xr.Dataset],
    layouts: dict[Key, Layout],
    ladders: Mapping[str, Ladder],
    chunk: int | None = None,
    shard: int | None = None,
) -> dict[Key, Rung]:
    """Add levels to nodes and layouts; each level's arrays stand in them as a shape.

    Layouts that are there already are kept: those of a store that is appended to.

    Parameters
    ----------
    nodes, layouts
        Of the store, without levels; grow.
    ladders
        Factors by node.
    chunk, shard
        bp of the node itself; those of a level are as many bins.

    Returns
    -------
    dict
        What each array of a level is.

    Raises
    ------
    StoreError
        When the store has a node or variable of a level's name already.
    RegionError
        When two regions share a bin of a level.
    """
    rungs: dict[Key, Rung] = {}
    for node, ladder in ladders.items():
        ds = nodes[node]
        names = [str(name) for name in ds.data_vars if _is_summarized(ds[name])]
        for factor in ladder if names and axis_of(ds).size else ():
            name = level_name(node, factor)
            if name in nodes:
                raise StoreError(f"{name!r} would be a level of {node!r} and is a node; rename it")
            level = nodes[name] = _level(ds, names, node, factor)
            for variable in names:
                of, mean = (node, variable), layouts.get((name, variable))
                mean = mean or _layout(level[variable], layouts[of], factor, chunk, shard)
                for how, suffix in SUFFIX.items():
                    layouts[name, variable + suffix] = mean
                    rungs[name, variable + suffix] = Rung(of, how, factor, ladder)
    return rungs


def _is_summarized(array: xr.DataArray) -> bool:
    """Whether bins of an array have a mean: it lies on the axis and holds numbers, no letters."""
    return "position" in array.dims and array.dtype.kind in "biuf" and "alphabet" not in array.attrs


def _level(ds: xr.Dataset, names: list[str], node: str, factor: int) -> xr.Dataset:
    """Dataset of one level, its values unknown yet."""
    try:
        axis = rebinned_axis(axis_of(ds), factor * axis_of(ds).bin_size)
    except RegionError as error:
        raise RegionError(f"{error}, or say pyramid=False") from None
    variables: dict[str, xr.Variable] = {}
    for name in names:
        array = ds[name].variable
        shape = tuple(axis.size if d == "position" else n for d, n in array.sizes.items())
        for how, suffix in SUFFIX.items():
            if name + suffix in variables or (suffix and name + suffix in names):
                raise StoreError(
                    f"{name + suffix!r} in a pyramid would be the {how} of {name!r}, and is a "
                    "variable of its own; rename it"
                )
            dtype = coarse_dtype(array.dtype, how)
            empty = da.zeros(shape, dtype=dtype, chunks=-1)
            variables[name + suffix] = xr.Variable(array.dims, empty, level_array_attrs(how, array))
    kept = ds.drop_vars(["position", "contig", "assembly"], errors="ignore")
    coords = {n: c.variable for n, c in kept.coords.items() if "position" not in c.dims}
    flat = xr.Dataset(variables, coords, level_attrs(node, factor))
    return flat.assign_coords(genome_coords(axis))


def level_array_attrs(how: str, array: Any) -> dict[str, Any]:
    """Attributes of a level's array: what was done, and where the values come from."""
    return {"cell_methods": f"position: {_CELL_METHODS[how]}", **array.attrs}


def _layout(
    mean: xr.DataArray, of: Layout, factor: int, chunk: int | None, shard: int | None
) -> Layout:
    """Layout of a level: along all dimensions but `position`, that of the array it is of."""
    tracks = [n for d, n in zip(of.dims, of.chunk, strict=True) if d in ONE_BY_ONE]
    cell = mean.dtype.itemsize * int(np.prod(of.chunk[:-1], dtype=np.int64))
    size = mean.sizes["position"]
    bins = min(max(size // PARTS, CHUNK_BYTES // cell, 1), max(_SHARD_BYTES // cell, 1), size)
    chunk = None if chunk is None else chunk * factor
    most = max(bins * axis_of(mean).bin_size, chunk or 0)
    own = layout_of(
        mean, chunk, most if shard is None else shard * factor, max(tracks, default=None)
    )
    return own._replace(
        chunk=(*of.chunk[:-1], own.chunk[-1]), shard=(*of.shard[:-1], own.shard[-1])
    )


def describe_levels(nodes: dict[str, Any], rungs: Mapping[Key, Rung]) -> None:
    """Complete the description of levels: all that decides them is what decides their nodes."""
    for (node, name), rung in rungs.items():
        below = nodes[rung.of[0]]["arrays"][rung.of[1]]
        array = nodes[node]["arrays"][name]
        array["values"] = f"{rung.how} of {rung.factor} bins of {'/'.join(rung.of)}"
        array["attrs"] = {"cell_methods": array["attrs"]["cell_methods"], **below["attrs"]}
