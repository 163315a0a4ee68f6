"""Did something join a store before?

Then appending it again does nothing. What counts is what decides the values, label by label, and
whether the sources are still what they were.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import xarray as xr

from genoarrays.formats.lazy import origin
from genoarrays.store.document import Document
from genoarrays.store.fingerprint import fingerprint as of_file
from genoarrays.store.fingerprint import recipe_of, same_file, sources_of
from genoarrays.store.layout import nodes_of
from genoarrays.store.levels import Ladder, Pyramid, ladders_in, ladders_of
from genoarrays.store.marker import read_marker
from genoarrays.store.open import open_zarr
from genoarrays.store.plan import Plan
from genoarrays.store.site import Site, site_of
from genoarrays.store.stored import StoredArray

__all__ = ["JOINED", "is_appended"]

JOINED = ("sample", "track", "category")  # dimensions along which a store grows


def is_appended(
    obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    pyramid: Pyramid = None,
    fingerprint: str = "sampled",
    storage_options: Mapping[str, Any] | None = None,
) -> bool:
    """Whether all of `obj` joined the store at `path` before, of the same sources; or is in it."""
    site, new = site_of(path, storage_options), nodes_of(obj)
    stored = Plan(site, {}, {}).stored()
    if stored is None:
        return False
    if not _has_levels(stored, ladders_of(obj, new, pyramid), pyramid):
        return False
    sources: dict[str, dict[str, Any]] = {}
    for node, ds in new.items():
        known = stored["nodes"].get(node, {"arrays": {}})["arrays"]
        for name, array in ds.data_vars.items():
            if _is_in(site, node, array):
                continue
            if name not in known:
                return False
            old = open_zarr(path, node, None, storage_options=storage_options)[name]
            there, here = (_by_label(*pair) for pair in (
                (old, known[name]["values"]), (array, recipe_of(array.variable))
            ))  # fmt: skip
            if any(there.get(label) != recipe for label, recipe in here.items()):
                return False
            sources |= sources_of(array.variable)
    before = stored["sources"]
    return all(
        path in before
        and same_file(before[path], known or of_file(path, fingerprint, before[path]))
        for path, known in sources.items()
    )


def _has_levels(stored: Document, asked: Mapping[str, Ladder], pyramid: Pyramid) -> bool:
    """Whether a store has the levels that are asked for; what `obj` has by chance, in any way."""
    there = ladders_in({node: known["attrs"] for node, known in stored["nodes"].items()})
    if pyramid is None:
        return asked.keys() <= there.keys()
    return all(there.get(node) == ladder for node, ladder in asked.items())


def _is_in(site: Site, node: str, array: xr.DataArray) -> bool:
    """Whether an array was opened from the store itself, and nothing was done to it."""
    source = origin(array)
    return (
        isinstance(source, StoredArray)
        and (source.place.url, source.path) == (site.target.url, f"{node}/{array.name}")
        and source.commit == read_marker(site.target)["commit"]
    )


def _by_label(array: xr.DataArray, recipe: str | list[str]) -> dict[Any, str]:
    """What decides the values of each label of an array, or of all of it."""
    dims = [d for d in JOINED if d in array.dims]
    dim = next((d for d in dims if array.sizes[d] == len(recipe)), None)
    if isinstance(recipe, str) or dim is None:
        return {str([array[d].values.tolist() for d in dims]): str(recipe)}
    return dict(zip(array[dim].values.tolist(), recipe, strict=True))
