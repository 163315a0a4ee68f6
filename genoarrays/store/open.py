"""How is a store opened, lazily, in whatever process reads it?

A stored array knows path, node and name, never a handle: each process opens the zarr array by
path, once. Arrays are given with position first, `(position, strand, sample or track)`, whatever
the order on disk. dask chunks are whole inner chunks, some 32 MiB together, never the inner chunk
itself (hg38 would be 11,780 tasks of 2.4 ms).

Reading uses the `zarrs` codec pipeline where it is installed: it decodes at 2 to 3 GB/s, where
zarr-python does 1 or less.
"""

from __future__ import annotations

import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

from genoarrays.errors import StoreError
from genoarrays.formats.base import as_variable
from genoarrays.genome.convention import decode
from genoarrays.store.layout import MARKER, VERSION

__all__ = ["open_datatree", "open_zarr"]

_PRESENTED = ("position", "strand", "sample", "track", "category")


class StoredArray:
    """One array of a store, position first; picklable, opened by path where it is read.

    Parameters
    ----------
    store, path
        Path of the store, and of the array in it.
    commit
        Identity of the store when it was opened; a replaced one is refused.
    """

    def __init__(self, store: str, path: str, commit: str) -> None:
        self.store, self.path, self.commit = store, path, commit
        stored = self._stored
        names = tuple(str(d) for d in stored.metadata.dimension_names)
        self.dims = tuple(d for d in _PRESENTED if d in names) + tuple(
            d for d in names if d not in _PRESENTED
        )
        self._disk = tuple(self.dims.index(d) for d in names)
        self.shape = tuple(stored.shape[names.index(d)] for d in self.dims)
        self.inner = tuple(stored.chunks[names.index(d)] for d in self.dims)
        self.dtype = stored.dtype
        self.attrs = dict(stored.attrs)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def name(self) -> str:
        """Deterministic name of these values."""
        return f"{self.commit}-{self.path.replace('/', '-')}"

    @property
    def _stored(self) -> Any:
        # at each read: a cached handle would give the numbers of whatever lies there now
        if read_marker(self.store)["commit"] != self.commit:
            raise StoreError(f"{self.store}: the store was replaced since it was opened; reopen it")
        return _open_array(self.store, self.path, self.commit)

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        key = key if isinstance(key, tuple) else (key,)
        key = (*key, *(slice(None),) * (self.ndim - len(key)))
        values = self._stored.oindex[tuple(key[axis] for axis in self._disk)]
        kept = [axis for axis in self._disk if not isinstance(key[axis], (int, np.integer))]
        order = np.argsort(kept)
        return np.asarray(values).transpose(order) if len(kept) > 1 else np.asarray(values)

    def __repr__(self) -> str:
        return f"StoredArray({self.store}/{self.path}, {self.shape}, {self.dtype})"


@lru_cache(maxsize=1024)
def _open_array(store: str, path: str, commit: str) -> Any:
    """Open an array once per process, with the fastest codec pipeline there is."""
    with zarr.config.set(_reading_pipeline()):
        return zarr.open_array(store, path=path, mode="r")


@lru_cache(maxsize=1)
def _reading_pipeline() -> dict[str, str]:
    if importlib.util.find_spec("zarrs") is None:
        return {}
    importlib.import_module("zarrs")  # registers its pipeline
    return {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}


def read_marker(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Commit marker of a store.

    Raises
    ------
    StoreError
        When there is no store, or it is unfinished, or a later version wrote it.
    """
    try:
        marker: dict[str, Any] = json.loads(Path(path, MARKER).read_text())
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.exists(path):
            raise StoreError(f"{path}: there is no store; write one with ga.to_zarr") from None
        raise StoreError(
            f"{path}: not a complete genoarrays store ({MARKER} is missing): it is unfinished, or "
            "something else; remove it and write it again with ga.to_zarr"
        ) from None
    except json.JSONDecodeError as error:
        raise StoreError(
            f"{path}/{MARKER}: {error}; the store is damaged, write it again"
        ) from None
    if marker["version"] > VERSION:
        raise StoreError(
            f"{path} was written in version {marker['version']} of the layout, and this genoarrays "
            f"knows versions up to {VERSION}; update genoarrays"
        )
    return marker


def open_zarr(
    path: str | os.PathLike[str], group: str | None = None, chunks: Any = "auto"
) -> xr.Dataset:
    """Open one node of a store as a lazy Dataset on its genome axis.

    Parameters
    ----------
    path
        Store that `to_zarr` wrote.
    group
        Node, such as "1bp"; may be left out when there is only one.
    chunks
        "auto": dask chunks of whole inner chunks, about `ga.set_options(chunk_bytes=)` each; a
        number: positions per chunk; None: lazy without dask, best for single look-ups.

    Returns
    -------
    xr.Dataset
        `(position[, strand][, sample or track])` variables with the dtypes that were written.

    Raises
    ------
    StoreError
        When there is no store, it is unfinished, or has several nodes and `group` names none.

    Examples
    --------
    >>> import genoarrays as ga, tempfile, xarray as xr
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}), bin_size=2)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr(xr.Dataset({"x": ("position", [1, 2, 3])}, coords), f"{there}/toy.zarr")
    ...     ga.open_zarr(f"{there}/toy.zarr", group="2bp").x.values
    array([1, 2, 3])
    """
    marker = read_marker(path)
    nodes = marker["nodes"]
    if group is None and len(nodes) > 1:
        raise StoreError(
            f"{path} has several nodes: {', '.join(nodes)}; name one, as in "
            f"ga.open_zarr(path, group={nodes[0]!r}), or take all with ga.open_datatree(path)"
        )
    group = nodes[0] if group is None else group.strip("/")
    if group not in nodes:
        raise StoreError(f"{path} has no node {group!r}; it has {', '.join(nodes)}")
    return _open_node(os.path.abspath(path), group, marker["commit"], chunks)


def open_datatree(path: str | os.PathLike[str], chunks: Any = "auto") -> xr.DataTree:
    """Open all nodes of a store as one lazy DataTree.

    Parameters
    ----------
    path
        Store that `to_zarr` wrote.
    chunks
        As in `open_zarr`.

    Returns
    -------
    xr.DataTree
        One child per node, each a Dataset on its genome axis. `tree.sel(position="chr2:0-1000")`
        selects in all of them.

    Raises
    ------
    StoreError
        When there is no store, or it is unfinished.

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
    marker = read_marker(path)
    where = os.path.abspath(path)
    return xr.DataTree.from_dict(
        {node: _open_node(where, node, marker["commit"], chunks) for node in marker["nodes"]}
    )


def _open_node(path: str, node: str, commit: str, chunks: Any) -> xr.Dataset:
    group = zarr.open_group(path, path=node, mode="r")
    attrs = dict(group.attrs)
    coords = str(attrs.pop("coordinates", "")).split()
    variables: dict[str, xr.Variable] = {}
    for name, stored in group.arrays():
        dims = [str(d) for d in stored.metadata.dimension_names or ()]  # type: ignore[union-attr]  # v3 only
        if "position" in dims:
            array = StoredArray(path, f"{node}/{name}", commit)
            variables[name] = as_variable(
                array,
                array.dims,
                chunks,
                name=array.name,
                grain=array.inner[1:],
                multiple=array.inner[0],
                attrs=array.attrs,
            )
        else:
            variables[name] = xr.Variable(dims, stored[...], attrs=dict(stored.attrs))
    labels = {n: v for n, v in variables.items() if n in coords or v.dims == (n,)}
    data = {n: v for n, v in variables.items() if n not in labels}
    return decode(xr.Dataset(data, labels, attrs))
