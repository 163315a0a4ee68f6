"""How is an array of a store read, and never anything else than what was written?

A stored array knows place and name, never a handle: each process opens the zarr array, once. Arrays
are given with position first, `(position, strand, sample or track)`, whatever the order on disk.

Before an inner chunk is used for the first time in a process, its shard's size and index and its
own crc32c are compared with the manifest. After each read the commit marker and the shards' files
must be those that were checked: what was read from a store that was replaced or lost files
meanwhile, which zarr would fill with fill values, is never given out.

Folders are read with the `zarrs` codec pipeline where it is installed: it decodes at 2 to 3 GB/s,
where zarr-python does 1 or less. It skips the crc32c of inner chunks unless a whole shard is read
(of 82 flipped bits, 74 gave wrong numbers), so their bytes are checked here, at 12 GB/s.
zarr-python compares bytes and crc32c each time: there it is enough to look at the crc32c alone,
four bytes that cost little in a bucket as well. What lies in few inner chunks is read without zarr,
see `few.py`.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.buffer import cpu

from genoarrays.errors import GenomeError, StoreError
from genoarrays.store.few import Few
from genoarrays.store.grid import Grid, Ints, axis_in, region_text
from genoarrays.store.manifest import MANIFEST, Fault, faults, parse
from genoarrays.store.marker import check_current, read_checked, unchanged
from genoarrays.store.place import Folder, Place

__all__ = ["PYTHON", "StoredArray", "using"]

_PRESENTED = ("position", "strand", "sample", "track", "category")
_ATTEMPTS = 3
_opening = threading.Lock()
PYTHON = {"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}


class StoredArray:
    """One array of a store, position first; picklable, opened where it is read.

    Parameters
    ----------
    place, path
        The store, and the array in it.
    commit
        Identity of the store when it was opened; a replaced one is refused.
    stored
        The zarr array, whose metadata are taken over.
    levels
        Nodes that are a pyramid of its own node, and the factor of each.
    """

    def __init__(
        self, place: Place, path: str, commit: str, stored: Any, levels: Mapping[str, int]
    ) -> None:
        self.place, self.path, self.commit = place, path, commit
        self.levels = dict(levels)
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
    def stored_dims(self) -> tuple[str, ...]:
        """Dimensions in the order on disk."""
        return tuple(self.dims[axis] for axis in self._disk)

    @property
    def name(self) -> str:
        """Deterministic name of these values; equal stores in two places have two."""
        from dask.base import tokenize

        where = tokenize(self.place.url)[:8]
        return f"{self.commit}-{where}-{self.path.replace('/', '-')}"

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        key = key if isinstance(key, tuple) else (key,)
        key = (*key, *(slice(None),) * (self.ndim - len(key)))
        values = _reader(self).read(tuple(key[axis] for axis in self._disk))
        kept = [axis for axis in self._disk if not isinstance(key[axis], (int, np.integer))]
        return values.transpose(np.argsort(kept)) if len(kept) > 1 else values

    def read_into(self, start: int, stop: int, room: Callable[..., Any]) -> npt.NDArray[Any]:
        """Values of the positions [start, stop), in memory that `room` gives by shape and type."""
        key = [slice(None)] * self.ndim
        key[0] = slice(start, stop)
        on_disk = tuple(key[axis] for axis in self._disk)
        lengths = (stop - start, *self.shape[1:])
        out = room(tuple(lengths[axis] for axis in self._disk), self.dtype)
        return _reader(self).read(on_disk, out).transpose(np.argsort(self._disk))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoredArray) and self._id == other._id

    def __hash__(self) -> int:
        return hash(self._id)

    @property
    def _id(self) -> tuple[str, str, str]:
        return self.place.url, self.path, self.commit

    def __repr__(self) -> str:
        return f"StoredArray({self.place.url}/{self.path}, {self.shape}, {self.dtype})"


@lru_cache(maxsize=1024)
def _reader(array: StoredArray) -> _Reader:
    """What this process knows of an array; kept, since opening takes a millisecond."""
    return _Reader(array)


@lru_cache(maxsize=32)
def _manifest(array: StoredArray) -> npt.NDArray[np.void]:
    return parse(read_checked(array.place, f"{array.path}/{MANIFEST}", array.commit))


class _Reader:
    """An array opened by this process, and the shards that it has checked.

    Threads share it. Two that touch the same shard at once both check it, which does no harm.
    """

    def __init__(self, array: StoredArray) -> None:
        self.array = array
        self.place, self.path, self.commit = array.place, array.path, array.commit
        metadata = read_checked(self.place, f"{self.path}/zarr.json", self.commit)
        parsed = json.loads(metadata)
        self.grid = Grid.of(self.path, parsed)
        store = self.place.zarr_store(read_only=True)
        pipeline = reading_pipeline() if isinstance(self.place, Folder) else PYTHON
        self.by_tail = pipeline == PYTHON
        with unchanged(self.place, self.commit), using(pipeline):
            self.zarr: Any = zarr.open_array(store, path=self.path, mode="r")
        known = isinstance(self.place, Folder) and Few.can_read(parsed)
        few = Few(self.place, self.grid, self.zarr, lambda: _manifest(array))
        self.few = few if known else None
        self.seen: dict[int, tuple[Any, npt.NDArray[np.bool_]]] = {}  # stamp, chunks checked

    def read(self, key: tuple[Any, ...], out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Values at a key on disk, written to an array where one is given."""
        touched = list(self.grid.touched(key))
        if out is None and self.few and (few := self.few.read(key, touched)) is not None:
            check_current(self.place, self.commit)
            return few
        for _ in range(_ATTEMPTS):
            stamps = {number: self._check(number, chunks) for number, chunks in touched}
            try:
                values = self._values(key, out)
            except (IndexError, MemoryError):
                raise
            except Exception as error:
                self._explain(touched, error)
                raise
            check_current(self.place, self.commit)
            changed = [n for n, s in stamps.items() if self.place.stamp(self.grid.key(n)) != s]
            if not changed:
                return values
            for number in changed:
                self.seen.pop(number, None)
        raise StoreError(
            f"{self.place.url}/{self.path}: its files change while they are read; wait until "
            "nothing writes there"
        )

    def _values(self, key: tuple[Any, ...], out: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
        if out is None:
            return np.asarray(self.zarr.oindex[key])
        self.zarr.get_orthogonal_selection(key, out=cpu.NDBuffer.from_numpy_array(out))
        return out

    def _check(self, number: int, chunks: Ints) -> Any:
        """Compare a shard with the manifest, as far as it was not done for these chunks.

        Returns
        -------
        Any
            Stamp of the file that was compared.
        """
        seen = self.seen.get(number)
        if seen is not None and seen[1][chunks].all():
            return seen[0]
        key = self.grid.key(number)
        stamp = self.place.stamp(key)
        done = np.zeros(self.grid.inner, bool)
        if seen is not None and seen[0] == stamp:
            done |= seen[1]
        new = chunks[~done[chunks]].tolist()
        record = _manifest(self.array)[number]
        for fault in faults(self.place, key, record, new, by_tail=self.by_tail):
            raise self._error(number, fault)
        done[chunks] = True
        self.seen[number] = (stamp, done)
        return stamp

    def _explain(self, touched: list[tuple[int, Ints]], error: Exception) -> None:
        """Raise for the damage that made reading fail, if there is any."""
        check_current(self.place, self.commit)
        for number, chunks in touched:
            key, record = self.grid.key(number), _manifest(self.array)[number]
            for fault in faults(self.place, key, record, chunks.tolist()):
                raise self._error(number, fault) from error

    def _error(self, number: int, fault: Fault) -> StoreError:
        check_current(self.place, self.commit)
        axis = None
        node = self.path.rpartition("/")[0]
        with suppress(GenomeError, ValueError, KeyError):
            metadata = read_checked(self.place, f"{node}/assembly/zarr.json", self.commit)
            axis = axis_in(json.loads(metadata)["attributes"])
        where = region_text(axis, *self.grid.positions(number, fault.chunk))
        return StoreError(
            f"{self.place.url}: {self.path} is damaged at {where} (shard {self.grid.key(number)}): "
            f"{fault.problem}; list all damage with ga.verify({self.place.url!r}), and write the "
            "store again"
        )


@contextmanager
def using(pipeline: dict[str, str]) -> Iterator[None]:
    """Open zarr arrays with a codec pipeline; they keep it.

    zarr's configuration is that of the whole process: without a lock, threads that set and restore
    it in turn leave what one of them set.
    """
    with _opening, zarr.config.set(pipeline):
        yield


@lru_cache(maxsize=1)
def reading_pipeline() -> dict[str, str]:
    """The fastest codec pipeline there is, as zarr's configuration."""
    if importlib.util.find_spec("zarrs") is None:
        return PYTHON
    importlib.import_module("zarrs")  # registers its pipeline
    return {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}
