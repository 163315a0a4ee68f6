"""How is a store opened as lazy labelled arrays?

dask chunks are whole inner chunks, some 16 MiB together, never the inner chunk itself (hg38 would
be 11,780 tasks of 2.4 ms). Metadata and labels are compared with the commit marker when they are
read; values when they are first used, see `stored.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import xarray as xr
import zarr

from genoarrays.errors import StoreError
from genoarrays.formats.lazy import as_variable
from genoarrays.genome.convention import decode
from genoarrays.store.marker import files_of, read_checked, read_marker, unchanged
from genoarrays.store.place import Place, place_of
from genoarrays.store.stored import PYTHON, StoredArray, using

__all__ = ["open_datatree", "open_node", "open_zarr"]


def open_zarr(
    path: str | os.PathLike[str],
    group: str | None = None,
    chunks: Any = "auto",
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Open one node of a store as a lazy Dataset on its genome axis.

    Parameters
    ----------
    path
        Store that `to_zarr` wrote: a directory, or a URL (see `to_zarr`); behind https:// too.
    group
        Node, such as "1bp"; may be left out when there is only one, besides levels of its pyramid
        such as "1bp_x256".
    chunks
        "auto": dask chunks of whole inner chunks, about `ga.set_options(chunk_bytes=)` each; a
        number: positions per chunk; None: lazy without dask, best for single look-ups.
    storage_options
        For a URL, as in `to_zarr`.

    Returns
    -------
    xr.Dataset
        `(position[, strand][, sample or track])` variables with the dtypes that were written.

    Raises
    ------
    StoreError
        When there is no store, it is unfinished, its metadata or labels are damaged, or it has
        several nodes and `group` names none. Reading raises it for values that are damaged, and
        once the store was replaced.

    Examples
    --------
    >>> import genoarrays as ga, tempfile, xarray as xr
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}), bin_size=2)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr(xr.Dataset({"x": ("position", [1, 2, 3])}, coords), f"{there}/toy.zarr")
    ...     ga.open_zarr(f"{there}/toy.zarr", group="2bp").x.values
    array([1, 2, 3])
    """
    place = place_of(path, storage_options)
    marker = read_marker(place)
    nodes, levels = marker["nodes"], marker.get("levels", {})
    own = [node for node in nodes if node not in levels]
    if group is None and len(own) > 1:
        raise StoreError(
            f"{path} has several nodes: {', '.join(own)}; name one, as in "
            f"ga.open_zarr(path, group={own[0]!r}), or take all with ga.open_datatree(path)"
        )
    group = own[0] if group is None else group.strip("/")
    if group not in nodes:
        raise StoreError(f"{path} has no node {group!r}; it has {', '.join(nodes)}")
    with unchanged(place, marker["commit"]):
        return open_node(place, group, marker, chunks)


def open_datatree(
    path: str | os.PathLike[str],
    chunks: Any = "auto",
    *,
    storage_options: Mapping[str, Any] | None = None,
) -> xr.DataTree:
    """Open all nodes of a store as one lazy DataTree.

    Parameters
    ----------
    path, chunks, storage_options
        As in `open_zarr`.

    Returns
    -------
    xr.DataTree
        One child per node, each a Dataset on its genome axis; levels of pyramids among them, which
        functions of genoarrays leave out when they are given the tree.

    Notes
    -----
    A tree is selected from by `position`, in all nodes at once: `tree.sel(position="chr2:0-1,000")`
    gives every bin that overlaps, at each resolution; `tree.sel(position="chr2")` whole contigs;
    `tree.sel(position=["chr1", "chr2:0-1,000"])` several regions, end to end; other labels go along
    (`track="a"`). `tree.sel(contig="chr2")` cannot work, since xarray wants names of dimensions
    there. `tree.isel(position=...)` counts the bins of each node, which are other places in each.

    Raises
    ------
    StoreError
        When there is no store, it is unfinished, or its metadata or labels are damaged. Reading
        raises it for values that are damaged, and once the store was replaced.

    Examples
    --------
    >>> import genoarrays as ga, tempfile, xarray as xr
    >>> toy = ga.Assembly("toy", {"chr1": 6})
    >>> fine = xr.Dataset({"x": ("position", range(6))}, ga.genome_coords(toy))
    >>> coarse = xr.Dataset({"y": ("position", range(3))}, ga.genome_coords(toy, bin_size=2))
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr({"1bp": fine, "2bp": coarse}, f"{there}/toy.zarr")
    ...     tree = ga.open_datatree(f"{there}/toy.zarr")
    ...     tree.sel(position="chr1:2-4")["2bp"].y.values
    array([1])
    """
    place = place_of(path, storage_options)
    marker = read_marker(place)
    with unchanged(place, marker["commit"]):
        return xr.DataTree.from_dict(
            {node: open_node(place, node, marker, chunks) for node in marker["nodes"]}
        )


def open_node(place: Place, node: str, marker: Mapping[str, Any], chunks: Any) -> xr.Dataset:
    """One node of a store, of which the commit marker is known."""
    commit = marker["commit"]
    levels = {name: factor for name, (of, factor) in marker.get("levels", {}).items() if of == node}
    read_checked(place, f"{node}/zarr.json", commit)  # holds the metadata of all its arrays
    with using(PYTHON):  # labels are small, and only this pipeline reads buckets
        group = zarr.open_group(place.zarr_store(read_only=True), path=node, mode="r")
        stored_arrays = dict(group.arrays())
    attrs = dict(group.attrs)
    coords = str(attrs.pop("coordinates", "")).split()
    arrays = {name: (_dims(stored), stored) for name, stored in stored_arrays.items()}
    small = {f"{node}/{name}/c" for name, (dims, _) in arrays.items() if "position" not in dims}
    for key in files_of(place, commit):
        if "/".join(key.split("/")[:3]) in small:
            read_checked(place, key, commit)
    variables: dict[str, xr.Variable] = {}
    for name, (dims, stored) in arrays.items():
        if "position" not in dims:
            variables[name] = xr.Variable(dims, stored[...], attrs=dict(stored.attrs))
            continue
        array = StoredArray(place, f"{node}/{name}", commit, stored, levels)
        variables[name] = as_variable(
            array,
            array.dims,
            chunks,
            name=array.name,
            grain=array.inner[1:],
            multiple=array.inner[0],
            attrs=array.attrs,
        )
    labels = {n: v for n, v in variables.items() if n in coords or v.dims == (n,)}
    data = {n: v for n, v in variables.items() if n not in labels}
    return decode(xr.Dataset(data, labels, attrs))


def _dims(stored: Any) -> list[str]:
    return [str(dim) for dim in stored.metadata.dimension_names or ()]
