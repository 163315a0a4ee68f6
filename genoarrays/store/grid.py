"""Which shard and inner chunk hold which positions, and which bases are these?

Position is the last dimension on disk, and inner chunks of a shard follow each other along it; the
other dimensions are chunked by 1 or not at all. A shard's number is its place in C order of the
shard grid; it is the row of the manifest.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.convention import decode
from genoarrays.genome.index import axis_of

__all__ = ["Grid", "axis_in", "region_text"]

Ints = npt.NDArray[np.intp]
_SHOWN = 3  # contigs named in a region's text


class Grid(NamedTuple):
    """Shards of one array: node/variable, its shape, lengths of a shard, positions per chunk."""

    array: str
    shape: tuple[int, ...]
    shard: tuple[int, ...]
    chunk: int

    @classmethod
    def of(cls, array: str, metadata: Mapping[str, Any]) -> Grid:
        """From the content of `zarr.json`.

        Examples
        --------
        >>> sharding = {"name": "sharding_indexed", "configuration": {"chunk_shape": [1, 100]}}
        >>> grid = Grid.of("1bp/x", {"shape": [2, 1000], "codecs": [sharding],
        ...     "chunk_grid": {"configuration": {"chunk_shape": [1, 300]}}})
        >>> grid.counts, grid.inner, grid.key(5), grid.positions(5, 1)
        ((2, 4), 3, '1bp/x/c/1/1', (400, 500))
        """
        shard = metadata["chunk_grid"]["configuration"]["chunk_shape"]
        chunk = metadata["codecs"][0]["configuration"]["chunk_shape"]
        return cls(array, tuple(metadata["shape"]), tuple(shard), chunk[-1])

    @property
    def counts(self) -> tuple[int, ...]:
        """Shards along each dimension."""
        return tuple(-(-size // step) for size, step in zip(self.shape, self.shard, strict=True))

    @property
    def inner(self) -> int:
        """Inner chunks per shard."""
        return self.shard[-1] // self.chunk

    def key(self, number: int) -> str:
        """Of a shard in the store."""
        where = np.unravel_index(number, self.counts)
        return "/".join([self.array, "c", *(str(int(i)) for i in where)])

    def positions(self, number: int, chunk: int | None = None) -> tuple[int, int]:
        """Positions [start, stop) of a shard, or of one inner chunk in it."""
        start = number % self.counts[-1] * self.shard[-1] + (chunk or 0) * self.chunk
        length = self.shard[-1] if chunk is None else self.chunk
        return min(start, self.shape[-1]), min(start + length, self.shape[-1])

    def touched(self, key: tuple[Any, ...]) -> Iterator[tuple[int, Ints]]:
        """Numbers of the shards that a key on disk reads, each with its inner chunks.

        Raises
        ------
        IndexError
            When the key is outside of the array.
        """
        *others, positions = [
            _blocks(k, size, step)
            for k, size, step in zip(key, self.shape, (*self.shard[:-1], self.chunk), strict=True)
        ]
        shards = positions // self.inner
        firsts = np.flatnonzero(np.diff(shards, prepend=-1))
        chunks = np.split(positions % self.inner, firsts[1:])
        for where in itertools.product(*(some.tolist() for some in others)):
            row = 0
            for i, count in zip(where, self.counts, strict=False):
                row = row * count + i
            for shard, some in zip(shards[firsts].tolist(), chunks, strict=False):
                yield row * self.counts[-1] + shard, some


def _blocks(key: Any, size: int, step: int) -> Ints:
    """Blocks of `step` that a key along one dimension reads, ascending."""
    if isinstance(key, slice):
        span = range(size)[key]
        if not span:
            return np.zeros(0, np.intp)
        if abs(span.step) <= step:
            low, high = sorted((span[0], span[-1]))
            return np.arange(low // step, high // step + 1)
        key = np.arange(span.start, span.stop, span.step)
    index = np.asarray(key)
    index = np.flatnonzero(index) if index.dtype == bool else index.reshape(-1)
    if ((index < -size) | (index >= size)).any():
        raise IndexError(f"a position is outside of the {size:,} of this dimension")
    read = np.zeros(-(-size // step), dtype=bool)
    read[np.where(index < 0, index + size, index) // step] = True
    return np.flatnonzero(read)


def axis_in(attrs: Mapping[str, Any]) -> GenomeAxis:
    """Genome axis from the attributes of a stored `assembly`."""
    return axis_of(decode(xr.Dataset(coords={"assembly": ((), np.int8(0), dict(attrs))})))


def region_text(axis: GenomeAxis | None, start: int, stop: int) -> str:
    """What lies at the positions [start, stop), for people.

    Examples
    --------
    >>> from genoarrays.genome.assembly import Assembly
    >>> axis = GenomeAxis(Assembly("toy", {"chr1": 5000, "chr2": 300}), bin_size=2)
    >>> region_text(axis, 1000, 2600)
    'chr1:2,000-5,000, chr2:0-200'
    >>> region_text(None, 1000, 2600)
    'positions 1,000-2,600'
    """
    if axis is None:
        return f"positions {start:,}-{stop:,}"
    pieces = axis.pieces(start, stop)
    shown = []
    for piece in itertools.islice(pieces, _SHOWN):
        last = piece.first + (piece.count - 1) * piece.step
        low, high = min(piece.first, last), max(piece.first, last) + 1
        end = min(high * axis.bin_size, axis.assembly.length(piece.contig))
        shown.append(f"{piece.contig}:{low * axis.bin_size:,}-{end:,}")
    if next(pieces, None) is not None:
        contig = axis.assembly.names[int(axis.at(stop - 1)[0])]
        shown.append(f"... to {contig}")
    return ", ".join(shown)
