"""How do new samples, tracks or variables join a store, without touching the rest?

A new store is planned that holds both. Shards that are there already are kept: hard links, nothing
is read or written. Only the new ones are computed. The new store then takes the place of the old
one as always, in one step; a store to which a sample was appended equals one that was written with
it, byte for byte.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from genoarrays.errors import StoreError
from genoarrays.genome.attrs import MAY_DIFFER, join_attrs
from genoarrays.genome.index import axis_of, with_axis
from genoarrays.genome.pyramid import levels_in
from genoarrays.store.document import Document, comparable, describe
from genoarrays.store.finish import VERSION_ATTR
from genoarrays.store.joined import JOINED, is_appended
from genoarrays.store.layout import Layout, layout_of, nodes_of, regions_of_shards
from genoarrays.store.levels import (
    Key,
    Ladder,
    Pyramid,
    add_levels,
    describe_levels,
    ladders_in,
    ladders_of,
)
from genoarrays.store.manifest import load
from genoarrays.store.open import open_zarr
from genoarrays.store.part import Part, Values, kept_part
from genoarrays.store.place import Place
from genoarrays.store.plan import Plan
from genoarrays.store.site import site_of

__all__ = ["append_plan"]


def append_plan(
    obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    chunk: int | None = None,
    shard: int | None = None,
    track_chunk: int | None = None,
    pyramid: Pyramid = None,
    fingerprint: str = "sampled",
    storage_options: Mapping[str, Any] | None = None,
) -> Plan:
    """Plan a store that holds what is at `path` and `obj`; pyramids grow with their nodes.

    Raises
    ------
    StoreError
        When there is no store, or `obj` does not fit it: another axis, labels that are there
        already, other options, a chunk of several tracks that is not full; another pyramid.
    """
    site, new = site_of(path, storage_options), nodes_of(obj)
    if not site.check():
        raise StoreError(f"{site.name}: there is no store to append to; write one without append")
    stored = Plan(site, {}, {}).stored()
    if stored is None:
        raise StoreError(f"{site.name}: it has no plan, so nothing can be appended; write it anew")
    ladders = _ladders(site.name, stored, obj, new, pyramid)
    if is_appended(
        obj, path, pyramid=False, fingerprint=fingerprint, storage_options=storage_options
    ):
        new = {}  # only a pyramid is missing
    nodes: dict[str, xr.Dataset] = {}
    layouts: dict[Key, Layout] = {}
    joins: dict[Key, _Join] = {}
    levels = levels_in({node: known["attrs"] for node, known in stored["nodes"].items()})
    for node, known in stored["nodes"].items():
        if node in levels:
            continue
        old = open_zarr(path, group=node, chunks=None, storage_options=storage_options)
        added = new.pop(node, None)
        if added is not None and axis_of(added) != axis_of(old):
            raise StoreError(
                f"{site.name}: node {node!r} lies on {axis_of(old)!r}, and what is appended on "
                f"{axis_of(added)!r}; open it with like= the store, and the same bin size"
            )
        here = _layouts(known)
        nodes[node] = old if added is None else _combined(site.name, node, old, added, here, joins)
        for name, array in nodes[node].data_vars.items():
            if name in here:
                layouts[node, str(name)] = here[str(name)]
            elif "position" in array.dims:
                layouts[node, str(name)] = layout_of(array, chunk, shard, track_chunk)
    for node, ds in new.items():
        nodes[node] = ds
        for name, array in ds.data_vars.items():
            layouts[node, str(name)] = layout_of(array, chunk, shard, track_chunk)
    for level, (node, _) in levels.items():
        for name, layout in _layouts(stored["nodes"][level]).items():
            if (node, name) in layouts:  # a mean; maximum and minimum lie alike
                shape = (*layouts[node, name].shape[:-1], layout.shape[-1])
                layouts[level, name] = layout._replace(shape=shape)
    rungs = add_levels(nodes, layouts, ladders, chunk, shard)
    return AppendPlan(site, nodes, layouts, fingerprint, rungs, joins=joins, before=stored)


def _layouts(known: Document) -> dict[str, Layout]:
    """Layouts of the arrays of a node that is stored."""
    return {
        name: Layout(*(tuple(array[part]) for part in Layout._fields))
        for name, array in known["arrays"].items()
    }


def _ladders(
    name: str, stored: Document, obj: Any, new: Mapping[str, xr.Dataset], pyramid: Pyramid
) -> dict[str, Ladder]:
    """Factors of the pyramids that there will be, by node: those that are there stay."""
    there = ladders_in({node: known["attrs"] for node, known in stored["nodes"].items()})
    asked = ladders_of(obj, new, pyramid)
    for node, ladder in there.items():
        if pyramid is not None and node in new and asked.get(node, ()) != ladder:
            raise StoreError(
                f"{name}: node {node!r} has a pyramid of {list(ladder)}, and "
                f"{list(asked.get(node, ()))} was asked; leave out pyramid=, or write it anew"
            )
    return {**asked, **there}


@dataclass(frozen=True)
class _Join:
    """New labels of a stored array: the dimension, how many there were, and the new values."""

    dim: str
    before: int
    array: xr.DataArray


def _combined(
    name: str,
    node: str,
    old: xr.Dataset,
    added: xr.Dataset,
    layouts: dict[str, Layout],
    joins: dict[Key, _Join],
) -> xr.Dataset:
    """Dataset of both; what is computed later stands in it as a shape."""
    axis = axis_of(old)
    fresh = [v for v in added.data_vars if v not in old.data_vars]
    again = [str(v) for v in added.data_vars if v in old.data_vars]
    dim = _joined_dim(name, old, added, again)
    if dim is not None and (missing := [v for v in old if dim in old[v].dims and v not in again]):
        raise StoreError(
            f"{name}: {missing[0]!r} has {dim}s too; append all variables of node {node!r} that "
            f"have the dimension {dim!r} together"
        )
    variables: dict[str, xr.Variable] = {}
    for variable in again:
        assert dim is not None
        before = old.sizes[dim]
        _check_fits(name, old[variable], added[variable], dim, layouts[variable])
        joins[node, variable] = _Join(dim, before, added[variable])
        sizes = {**old[variable].sizes, dim: before + added.sizes[dim]}
        layout = layouts[variable]
        layouts[variable] = layout._replace(shape=tuple(sizes[d] for d in layout.dims))
        attrs = _joined_attrs(
            name, variable, (old[variable].attrs, added[variable].attrs),
            (old[dim].values.tolist(), added[dim].values.tolist()),
        )  # fmt: skip
        empty = da.zeros(tuple(sizes.values()), dtype=old[variable].dtype, chunks=-1)
        variables[variable] = xr.Variable(old[variable].dims, empty, attrs)
    plain_old = old.drop_vars(["position", "contig", "assembly"], errors="ignore")
    coords: dict[Any, Any] = dict(plain_old.drop_vars(again).coords)
    if dim is not None:
        labels = np.concatenate([old[dim].values, added[dim].values])
        coords[dim] = xr.Variable(dim, labels, old[dim].attrs)
    ds = xr.Dataset({**plain_old.drop_vars(again).data_vars, **variables}, coords, old.attrs)
    for variable in map(str, fresh):
        array = added[variable]
        for d in set(array.dims) & set(ds.coords) - {"position"}:
            if array[d].values.tolist() != ds[d].values.tolist():
                raise StoreError(
                    f"{name}: {variable!r} has other labels along {d!r} than node {node!r}; give "
                    "it a node of its own, as in {'node name': dataset}"
                )
        own = {c: v.variable for c, v in array.coords.items() if set(v.dims) <= {c}}
        own = {c: v for c, v in own.items() if c not in ("position", "contig", "assembly")}
        ds = ds.assign_coords(own).assign({variable: array.variable})
    order = [*plain_old.data_vars, *fresh]
    return with_axis(ds[order], axis)


def _joined_dim(name: str, old: xr.Dataset, added: xr.Dataset, again: list[str]) -> str | None:
    """The dimension along which variables of both are joined, None when there are none."""
    if not again:
        return None
    dims = [d for d in JOINED if all(d in added[v].dims and d in old[v].dims for v in again)]
    for dim in dims:
        there, here = old[dim].values.tolist(), added[dim].values.tolist()
        if there == here and len(dims) > 1:
            continue
        if twice := sorted(set(there) & set(here)):
            raise StoreError(f"{name}: {dim} {twice[0]!r} is there already")
        return dim
    for dim in (d for d in JOINED if d in old[again[0]].dims and d not in added[again[0]].dims):
        raise StoreError(
            f"{name}: {again[0]!r} has the dimension {dim!r}, and what is appended has not; open a "
            "single file as a list, [path], or as a dict, {label: path}"
        )
    raise StoreError(
        f"{name}: {again[0]!r} is there already, and has no sample, track or category to join; "
        "append a variable of another name"
    )


def _check_fits(name: str, old: xr.DataArray, new: xr.DataArray, dim: str, layout: Layout) -> None:
    if set(old.dims) != set(new.dims) or old.dtype != new.dtype:
        raise StoreError(
            f"{name}: {old.name!r} is {old.dtype} {old.dims}, and what is appended {new.dtype} "
            f"{new.dims}; open it with the same options"
        )
    for d in old.dims:
        if d in (dim, "position"):
            continue
        if old[d].values.tolist() != new[d].values.tolist():
            raise StoreError(
                f"{name}: {old.name!r} has other labels along {d!r}; select them alike"
            )
    step, size = layout.chunk[layout.dims.index(dim)], old.sizes[dim]
    if size % step:
        raise StoreError(
            f"{name}: its {size} {dim}s are stored {step} to a chunk, and the last chunk is not "
            "full; write the store anew with all of them"
        )


def _joined_attrs(
    name: str,
    variable: str,
    parts: tuple[Mapping[str, Any], Mapping[str, Any]],
    labels: tuple[list[Any], list[Any]],
) -> dict[str, Any]:
    """Attributes of what is there and of what is appended, as if both had been opened at once."""
    old, new = parts
    for key in dict.fromkeys([*old, *new]):
        one, other = old.get(key), new.get(key)
        told = isinstance(one, Mapping) or isinstance(other, Mapping)
        if not told and key not in (*MAY_DIFFER, VERSION_ATTR) and one != other:
            raise StoreError(
                f"{name}: {variable!r} was made with {key}={one!r}, and what is appended with "
                f"{other!r}; open it with the same options, or under another name="
            )
    attrs = join_attrs(parts, labels, variable)
    version = {VERSION_ATTR: new.get(VERSION_ATTR, old.get(VERSION_ATTR))}
    return attrs | (version if VERSION_ATTR in attrs else {})


@dataclass(frozen=True, eq=False, repr=False)
class AppendPlan(Plan):
    """A plan of which most is there already.

    Attributes
    ----------
    joins
        Arrays that get new labels, by (node, variable).
    before
        Document of the store that is there.
    """

    joins: dict[Key, _Join] = field(default_factory=dict)
    before: Document = field(default_factory=dict)

    @cached_property
    def computed(self) -> dict[Key, xr.DataArray]:
        """Arrays that are read from sources: new ones, and new labels."""
        return {
            key: self.joins[key].array if key in self.joins else self.nodes[key[0]][key[1]]
            for key in self.layouts
            if key not in self.rungs and (key in self.joins or not self._is_stored(key))
        }

    def _is_stored(self, key: Key) -> bool:
        known = self.before["nodes"].get(key[0])
        return known is not None and key[1] in known["arrays"]

    def _own_parts(self) -> list[Part]:
        """One per shard; those that are there are kept."""
        found: list[Part] = []
        for key, layout in self.layouts.items():
            if key in self.rungs:
                continue
            values = Values.of(self.computed[key]) if key in self.computed else None
            join, name = self.joins.get(key), "/".join(key)
            for place, where in zip(
                np.ndindex(layout.grid), regions_of_shards(layout), strict=True
            ):
                number, kept = len(found), self._kept(key, place)
                if kept is not None:
                    found.append(kept_part(number, name, where, layout, *kept))
                    continue
                assert values is not None
                chosen = dict(zip(layout.dims, where, strict=True))
                if join is not None:
                    own = chosen[join.dim]
                    chosen[join.dim] = slice(own.start - join.before, own.stop - join.before)
                told = values.source is not None
                lazy = values.at(chosen)
                found.append(Part(number, name, where, layout, values.fill, lazy, told))
        return found

    def _kept(self, key: Key, place: tuple[int, ...]) -> tuple[Place, Any] | None:
        """Where a shard is already, and its row of the manifest."""
        grid, rows = self._stored_rows(key)
        if rows is None or any(i >= n for i, n in zip(place, grid, strict=True)):
            return None
        return self.site.target, rows[np.ravel_multi_index(place, grid)]

    def _stored_rows(self, key: Key) -> tuple[tuple[int, ...], Any]:
        """Grid and manifest of an array that is stored."""
        if not self._is_stored(key):
            return (), None
        if key not in self._manifests:
            shape = self.before["nodes"][key[0]]["arrays"][key[1]]["shape"]
            grid = self.layouts[key]._replace(shape=tuple(shape)).grid
            self._manifests[key] = (grid, load(self.site.target, "/".join(key)))
        return self._manifests[key]

    @cached_property
    def _manifests(self) -> dict[Key, tuple[tuple[int, ...], Any]]:
        return {}

    @cached_property
    def document(self) -> Document:
        """Document of the store as if all of it had been written at once."""
        document = copy.deepcopy(super().document)
        for node, name in self.layouts:
            if not self._is_stored((node, name)):
                continue
            array = document["nodes"][node]["arrays"][name]
            there = self.before["nodes"][node]["arrays"][name]
            array["values"], array["attrs"] = there["values"], there["attrs"]
            join = self.joins.get((node, name))
            if join is None:
                continue
            ds = join.array.to_dataset(name=name)
            new = comparable(describe(ds, {name: self.layouts[node, name]})["arrays"][name])
            array["values"] = _listed(there["values"]) + _listed(new["values"])
            labels = self.nodes[node][join.dim].values.tolist()
            array["attrs"] = _joined_attrs(
                "", name, (there["attrs"], new["attrs"]),
                (labels[: join.before], labels[join.before :]),
            )  # fmt: skip
        describe_levels(document["nodes"], self.rungs)
        document["sources"] = dict(
            sorted({**self.before["sources"], **document["sources"]}.items())
        )
        return document


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]
