"""How is a look-up of some bases answered at once?

zarr hands each read to its event loop, that to a pool, and zarrs to a pool of its own: 256 reads of
1 kb from four tracks took 0.8 s in a new process, of which the four inner chunks of each took 0.3
to unpack. Few chunks are therefore read, compared with the manifest and unpacked by the thread that
asks: 0.4 s. More of them are left to zarr, which unpacks on all processors.

All bytes are compared, each time. Whatever is not as it was written is no matter of this module:
None sends the reader the other way, where it is explained; see `stored.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.store.grid import Grid, Ints
from genoarrays.store.manifest import chunks_in, fits, index_bytes
from genoarrays.store.place import Place

__all__ = ["Few"]

Array = npt.NDArray[Any]
_MOST = 8  # inner chunks; two processors unpack more of them faster than one
_CODECS = ["bytes", "blosc", "crc32c"]


class Few:
    """Reads few inner chunks of an array.

    Parameters
    ----------
    place, grid
        The store, a folder, and the shards of the array in it.
    stored
        The zarr array.
    records
        Gives the manifest.
    """

    def __init__(self, place: Place, grid: Grid, stored: Any, records: Callable[[], Any]) -> None:
        self.place, self.grid, self.records = place, grid, records
        self.dtype, self.fill = stored.dtype, stored.fill_value
        self.chunk = (*grid.shard[:-1], grid.chunk)
        self._indexes: dict[int, dict[int, tuple[int, int]]] = {}

    @staticmethod
    def can_read(metadata: Mapping[str, Any]) -> bool:
        """Whether inner chunks are packed in the way that is known here, by `zarr.json`."""
        codecs = metadata["codecs"][0]["configuration"]["codecs"]
        order = codecs[0].get("configuration", {}).get("endian", "little")
        return [codec["name"] for codec in codecs] == _CODECS and order == "little"

    def read(self, key: tuple[Any, ...], touched: list[tuple[int, Ints]]) -> Array | None:
        """Values at a key on disk; None where this is not the way to read them.

        Parameters
        ----------
        key
            One index for each dimension on disk.
        touched
            Shards and inner chunks that it reads.

        Returns
        -------
        np.ndarray or None
            None for indexes other than integers and slices of step 1, for many chunks, and when
            anything is not what the manifest says.
        """
        if sum(len(chunks) for _, chunks in touched) > _MOST:
            return None
        spans = [_span(one, size) for one, size in zip(key, self.grid.shape, strict=True)]
        out = np.empty([stop - start for start, stop in filter(None, spans)], self.dtype)
        if out.ndim != len(key):
            return None
        for number, chunks in touched:
            packed = self._packed(number, chunks.tolist())
            if packed is None:
                return None
            *others, shard = (int(i) for i in np.unravel_index(number, self.grid.counts))
            for chunk, content in packed.items():
                place = (*others, shard * self.grid.inner + chunk)
                source, target = self._overlap(place, spans)
                out[target] = self.fill if content is None else self._unpacked(content)[source]
        whole = slice(None)
        values: Array = out[tuple(whole if isinstance(one, slice) else 0 for one in key)]
        return values

    def _packed(self, number: int, chunks: list[int]) -> dict[int, bytes | None] | None:
        """Packed inner chunks of a shard, None for one that is fill values; None for damage."""
        record, key = self.records()[number], self.grid.key(number)
        if record["length"] == -1:
            return None if self.place.size(key) is not None else dict.fromkeys(chunks)
        try:
            if number not in self._indexes:
                length = index_bytes(self.grid.inner)
                tail = self.place.read_range(key, -length, length)
                if not fits(tail, record["index"]):
                    return None
                self._indexes[number] = chunks_in(tail)
            index = self._indexes[number]
            there = [chunk for chunk in chunks if chunk in index]
            contents = self.place.read_ranges(key, [index[chunk] for chunk in there])
        except OSError:
            return None
        found: dict[int, bytes | None] = dict.fromkeys(chunks)
        for chunk, content in zip(there, contents, strict=True):
            if not fits(content, record["chunks"][chunk]):
                return None
            found[chunk] = content[:-4]
        return found

    def _unpacked(self, content: bytes) -> Array:
        from numcodecs import blosc

        blosc.use_threads = False  # they would be threads within threads
        return np.frombuffer(blosc.decompress(content), self.dtype.newbyteorder("<")).reshape(
            self.chunk
        )

    def _overlap(
        self, place: tuple[int, ...], spans: list[Any]
    ) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """What is asked of an inner chunk: in the chunk, and in the result."""
        source, target = [], []
        for number, length, (start, stop) in zip(place, self.chunk, spans, strict=True):
            corner = number * length
            low, high = max(start, corner), min(stop, corner + length)
            source.append(slice(low - corner, high - corner))
            target.append(slice(low - start, high - start))
        return tuple(source), tuple(target)


def _span(key: Any, size: int) -> tuple[int, int] | None:
    """Begin and end of an integer or a slice of step 1; None for anything else."""
    if isinstance(key, (int, np.integer)):
        return int(key) % size, int(key) % size + 1
    if not isinstance(key, slice) or key.step not in (None, 1):
        return None
    start, stop, _ = key.indices(size)
    return start, max(start, stop)
