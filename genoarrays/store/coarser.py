"""Which level of a store's pyramid stands for an array that was opened from the store?

An array as it was opened knows where it comes from, and so its node's pyramid; and so does one of
which tracks, samples or strands were selected. Once anything else was done to its values, nothing
stands for it: a level never shows other values than the array would. A store that was replaced
raises, as it does for the array itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays.formats.lazy import LazyArray, selection
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, genome_coords
from genoarrays.ops.coarse import rebinned_axis
from genoarrays.store.grid import axis_in
from genoarrays.store.levels import SUFFIX
from genoarrays.store.marker import read_checked, unchanged
from genoarrays.store.open import open_node
from genoarrays.store.stored import StoredArray

__all__ = ["Level", "level_for"]


class Level(NamedTuple):
    """Mean, largest and smallest value of coarser bins, lazy, with the dimensions of the array."""

    mean: xr.DataArray
    high: xr.DataArray
    low: xr.DataArray


def level_for(array: xr.DataArray, factor: float) -> Level | None:
    """The coarsest level of which a bin holds at most so many of the array's own.

    Parameters
    ----------
    array
        As `ga.open_zarr` or `ga.open_datatree` gave it (in this process, where it has dask chunks),
        or selected from that, once, along other dimensions than `position`.
    factor
        Bins of the array in one of the level, at most.

    Returns
    -------
    Level or None
        None where there is no such level, or the array is not as it was opened.

    Raises
    ------
    StoreError
        When the store was replaced, or what is read of it is damaged.
    """
    found = selection(array, partial(_keys, array))
    if found is None or not isinstance(found[0], StoredArray) or found[1][0] != slice(None):
        return None
    source, key = found[0], found[1]
    node, _, name = source.path.rpartition("/")
    fitting = [(own, level) for level, own in source.levels.items() if own <= factor]
    if not fitting or not _lies_as_stored(source, node, axis_of(array)):
        return None
    own, level = max(fitting)
    ds = _open(source, level)
    if name not in ds:
        return None
    axis = axis_of(array)
    coords = genome_coords(rebinned_axis(axis, axis.bin_size * own))
    chosen = (
        ds[name + suffix].variable.isel(dict(zip(source.dims, key, strict=True)))
        for suffix in SUFFIX.values()
    )
    return Level(*(xr.DataArray(v._replace(dims=array.dims), coords, name=name) for v in chosen))


def _open(source: StoredArray, node: str) -> xr.Dataset:
    with unchanged(source.place, source.commit):
        return open_node(source.place, node, {"commit": source.commit}, None)


def _keys(array: xr.DataArray, source: LazyArray) -> Iterator[tuple[Any, ...]]:
    """How an array may have been selected from what was opened, by the labels that are left."""
    if not isinstance(source, StoredArray):
        return
    labels = _open(source, source.path.rpartition("/")[0]).coords
    choices: list[list[Any]] = []
    for dim, size in zip(source.dims[1:], source.shape[1:], strict=True):
        known = labels[dim].values.tolist() if dim in labels else list(range(size))
        here = array.coords[dim].values.tolist() if dim in array.coords else None
        if dim not in array.dims:
            choices.append([n for n, label in enumerate(known) if here in (None, label)])
        elif here is None or here == known:
            choices.append([slice(None)])
        else:
            places = [known.index(label) for label in here if label in known]
            choices.append([np.array(places, dtype=np.int64), *_slices(places)])
    yield from ((slice(None), *some) for some in product(*choices))


def _slices(places: list[int]) -> Iterator[slice]:
    """Slices that give the same places."""
    steps = set(np.diff(places).tolist()) or {1}
    if places and len(steps) == 1 and (step := steps.pop()) > 0:
        last = places[-1] + 1
        yield from (slice(places[0], stop, step) for stop in (last, None))
        yield slice(None, last, step)


def _lies_as_stored(source: StoredArray, node: str, axis: GenomeAxis) -> bool:
    """Whether the array is still on the axis of its node; contigs may have other names."""
    metadata = read_checked(source.place, f"{node}/assembly/zarr.json", source.commit)
    stored = axis_in(json.loads(metadata)["attributes"])
    pairs = [(stored.assembly.lengths, axis.assembly.lengths)]
    pairs += [(getattr(stored, n), getattr(axis, n)) for n in ("code", "first", "count", "step")]
    return stored.bin_size == axis.bin_size and all(np.array_equal(*pair) for pair in pairs)
