"""What does a genome look like in zarr?

A root group holds one group per node ("1bp", "50bp"), and one for each level of a node's pyramid
("1bp_x256"); arrays lie as `(track or sample, [strand,] position)` with chunk length 1 along track
and sample: appending a sample writes new shards only, and reading was faster than with position
first (3.3 GB/s against 1.7). Inner chunks are <= 1 MiB, shards an eighth of the genome, but 16 to
128 MiB (1 to 16 MiB of levels), uncompressed, over all dimensions. Codes are packed with lz4 +
bitshuffle (3.93 of the possible 4 times), counts with lz4 + shuffle, signal with lz4; every inner
chunk ends in its crc32c, since of 300 flipped bits Blosc alone let 67 through silently.

`genoarrays.json` beside the root's metadata is the commit marker: a reader demands it. `plan.json`
says of what the store was made.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays.errors import StoreError
from genoarrays.genome.index import axis_of
from genoarrays.genome.pyramid import levels_in, plain_attrs

__all__ = [
    "CHUNK_BYTES",
    "MARKER",
    "ONE_BY_ONE",
    "PARTS",
    "PLAN",
    "Layout",
    "layout_of",
    "nodes_of",
]

MARKER, PLAN = "genoarrays.json", "plan.json"
VERSION = 2
ONE_BY_ONE = ("track", "sample", "category")  # chunk length 1
_ORDER = ("sample", "track", "category", "strand", "position")  # on disk
CHUNK_BYTES, _SHARD_BYTES, _LEAST_SHARD = 2**20, 2**27, 2**24
PARTS = 8
_CHUNK_POSITIONS = 2**18  # also for one byte per position: 256 KiB of codes decode fast enough


class Layout(NamedTuple):
    """How one array lies on disk: dimensions, shape, inner chunk and shard.

    Position comes last; along the other dimensions a shard is one chunk long.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    shard: tuple[int, ...]

    @property
    def inner(self) -> int:
        """Inner chunks per shard."""
        return self.shard[-1] // self.chunk[-1]

    @property
    def grid(self) -> tuple[int, ...]:
        """Number of shards along each dimension."""
        return tuple(-(-n // step) for n, step in zip(self.shape, self.shard, strict=True))


def layout_of(
    array: xr.DataArray,
    chunk: int | None = None,
    shard: int | None = None,
    track_chunk: int | None = None,
) -> Layout:
    """Layout of an array on the genome axis.

    Parameters
    ----------
    array
        With the dimension `position`.
    chunk, shard
        bp along the genome in one inner chunk and one shard; None for the sizes above.
    track_chunk
        Tracks, samples or categories in one chunk; None is 1.

    Raises
    ------
    StoreError
        When a size is below one bin, or the shard is smaller than the chunk.
    """
    bin_size = axis_of(array).bin_size
    if track_chunk is not None and track_chunk < 1:
        raise StoreError(f"track_chunk={track_chunk} is not possible; give at least 1")
    dims = tuple(
        sorted(map(str, array.dims), key=lambda d: (_ORDER.index(d) if d in _ORDER else -1, d))
    )
    shape = tuple(array.sizes[d] for d in dims)
    whole = {
        d: min(track_chunk or 1, array.sizes[d]) if d in ONE_BY_ONE else array.sizes[d]
        for d in dims
        if d != "position"
    }
    cell = array.dtype.itemsize * int(np.prod(list(whole.values()), dtype=np.int64))
    for name, size in (("chunk", chunk), ("shard", shard)):
        if size is not None and size < bin_size:
            raise StoreError(f"{name}={size} bp is less than one bin of {bin_size} bp")
    if chunk is not None:
        inner = -(-chunk // bin_size)
    else:
        inner = min(_CHUNK_POSITIONS, _power_of_two(CHUNK_BYTES // cell))
    inner = max(1, min(inner, array.sizes["position"]))
    if shard is not None:
        outer = -(-shard // bin_size)
        if outer < inner and chunk is not None:
            raise StoreError(f"shard={shard} bp is smaller than chunk={chunk} bp")
        inner = min(inner, outer)
    else:
        # small genomes too are written by several workers
        most = min(max(array.sizes["position"] * cell // PARTS, _LEAST_SHARD), _SHARD_BYTES)
        outer = min(most // cell, array.sizes["position"])
    outer = max(1, -(-outer // inner)) * inner
    if shard is None and outer * cell > _SHARD_BYTES and outer > inner:
        outer -= inner
    return Layout(
        dims,
        shape,
        tuple(inner if d == "position" else whole[d] for d in dims),
        tuple(outer if d == "position" else whole[d] for d in dims),
    )


def _power_of_two(number: int) -> int:
    return 1 << max(number.bit_length() - 1, 0)


def fill_value(array: xr.DataArray) -> Any:
    """Value of chunks that were never written: unknown base, missing signal, zero counts."""
    if "alphabet" in array.attrs and array.dtype.kind in "iu":
        return len(array.attrs["alphabet"])
    return np.nan if array.dtype.kind == "f" else 0


def nodes_of(obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset]) -> dict[str, xr.Dataset]:
    """Dataset by node name, of anything that `to_zarr` takes; levels of pyramids are left out.

    Raises
    ------
    StoreError
        When there is nothing to store, a name is not usable, or nodes lie inside each other.
    """
    if isinstance(obj, xr.DataArray):
        raise StoreError("a DataArray has no node to go to; use array.to_dataset(name=...)")
    if isinstance(obj, xr.Dataset):
        return {f"{axis_of(obj).bin_size}bp": _plain(obj)}
    if isinstance(obj, xr.DataTree):
        found = {n.path.strip("/"): n.to_dataset() for n in obj.subtree if n.has_data}
    else:
        found = {name: _as_dataset(name, data) for name, data in obj.items()}
    for name, data in found.items():
        if not name:
            raise StoreError(
                "the root of the tree holds arrays; put them into a node such as '1bp'"
            )
        if "/" in name or name.startswith((".", "_")) or name != name.strip():
            raise StoreError(
                f"{name!r} cannot be a node: nodes are siblings with plain names, such as '1bp'"
            )
        axis_of(data)
    if not found:
        raise StoreError("nothing to store: give at least one Dataset")
    levels = levels_in({name: data.attrs for name, data in found.items()})
    return {name: _plain(data) for name, data in found.items() if name not in levels}


def _plain(ds: xr.Dataset) -> xr.Dataset:
    """A node that is no level, whatever it was made of."""
    plain = ds.copy(deep=False)
    plain.attrs = plain_attrs(ds.attrs)
    return plain


def _as_dataset(name: Hashable, data: Any) -> xr.Dataset:
    if not isinstance(name, str) or not isinstance(data, (xr.Dataset, xr.DataArray)):
        raise StoreError(f"node {name!r} holds a {type(data).__name__}; give Datasets by node name")
    return data.to_dataset() if isinstance(data, xr.DataArray) else data


def regions_of_shards(layout: Layout) -> list[tuple[slice, ...]]:
    """Slices of every shard, in C order of the grid."""
    return [
        tuple(
            slice(i * step, min((i + 1) * step, size))
            for i, step, size in zip(place, layout.shard, layout.shape, strict=True)
        )
        for place in np.ndindex(layout.grid)
    ]
