"""How is an array read back that has shards already, and is in no store yet?

Levels of a pyramid are made of the shards of their node while the store is built. There is no
metadata and no manifest then, but the marker of each finished part, which vouches for every inner
chunk: what is not what was written is never used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.errors import StoreError
from genoarrays.store.layout import Layout
from genoarrays.store.manifest import chunks_in, fits, index_bytes
from genoarrays.store.part import read_part_marker
from genoarrays.store.place import Place

__all__ = ["Written"]

_AT_ONCE = 16  # inner chunks read by one call: buckets answer slowly


@dataclass(frozen=True)
class Written:
    """A row of shards along the genome: one place along all other dimensions.

    Attributes
    ----------
    array
        node/variable.
    place
        Of the shards, along all dimensions but position.
    first
        Number of the first shard along position.
    parts
        Numbers of the parts that write them, in order.
    layout, dtype, fill
        Of the array.
    """

    array: str
    place: tuple[int, ...]
    first: int
    parts: range
    layout: Layout
    dtype: np.dtype[Any]
    fill: Any

    def chunks(
        self, build: Place, data: Place, plan: str, start: int, stop: int
    ) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Where each inner chunk begins, and its values (row, position), for [start, stop).

        Values are in memory that the next chunk takes.

        Raises
        ------
        StoreError
            When a shard is not done, or is not the one that was written.
        """
        from numcodecs import blosc

        blosc.use_threads = False  # they would be threads within threads
        shape, step = self.layout.chunk, self.layout.chunk[-1]
        room = np.empty(shape, self.dtype.newbyteorder("<"))
        there = room[self._there]
        for number, part in enumerate(self.parts, start=self.first):
            begin = number * self.layout.shard[-1]
            low = max(start - begin, 0) // step
            high = -(-min(stop - begin, self.layout.shard[-1]) // step)
            packed = self._packed(build, data, plan, number, part, low, high)
            for chunk, content in zip(range(low, high), packed, strict=True):
                if content is None:
                    room[...] = self.fill
                else:
                    blosc.decompress(content, room)
                at = begin + chunk * step
                some = slice(max(start - at, 0), min(stop - at, step))
                values = there[..., some].reshape(-1, some.stop - some.start)
                yield at + some.start, values.astype(self.dtype.newbyteorder("="), copy=False)

    @property
    def _there(self) -> tuple[slice, ...]:
        """The part of a chunk that is not beyond the last track or sample."""
        cells = zip(self.place, self.layout.chunk[:-1], self.layout.shape[:-1], strict=True)
        return tuple(slice(min(size - i * step, step)) for i, step, size in cells)

    def _packed(
        self, build: Place, data: Place, plan: str, number: int, part: int, low: int, high: int
    ) -> Iterator[bytes | None]:
        """Packed inner chunks [low, high) of a shard, checked; None where nothing is stored."""
        key = "/".join([self.array, "c", *map(str, self.place), str(number)])
        marker = read_part_marker(build, part)
        if marker is None or marker["plan"] != plan:
            raise StoreError(f"{data.url}/{key}: it is not written yet; run part {part} first")
        record = marker["shards"][0]
        if record["length"] < 0:
            yield from [None] * (high - low)
            return
        length = index_bytes(self.layout.inner)
        tail = data.read_range(key, -length, length)
        if len(tail) != length or not fits(tail, record["index"]):
            raise self._damaged(data, key, "its index")
        stored = chunks_in(tail)
        for begin in range(low, high, _AT_ONCE):
            some = range(begin, min(begin + _AT_ONCE, high))
            there = [chunk for chunk in some if chunk in stored]
            ranges = data.read_ranges(key, [stored[chunk] for chunk in there])
            packed = dict(zip(there, ranges, strict=True))
            for chunk in some:
                content = packed.get(chunk)
                if content is not None and not fits(content, record["chunks"][chunk]):
                    raise self._damaged(data, key, f"inner chunk {chunk}")
                yield content and content[:-4]

    def _damaged(self, data: Place, key: str, what: str) -> StoreError:
        return StoreError(
            f"{data.url}/{key}: {what} is not what was written; delete this file, and write again: "
            "its part is redone"
        )
