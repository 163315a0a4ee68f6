"""Is this shard the one that was written?

Codecs cannot tell: zarr reads a missing shard as fill values, and a swapped one passes every
checksum, since the last bytes of a shard are the crc32c of its index, equal for equal layouts. So
`<node>/<array>/manifest.npy` holds one record per shard, in C order of the shard grid:

    length   bytes of the file, -1 where there is none: every value is the fill value
    crc      crc32c of the file
    index    crc32c of the shard's index, as stored in the file's last four bytes
    chunks   crc32c of each inner chunk, as stored in its last four bytes; 0 where there is none

`faults` compares a shard with its record: size, index and the inner chunks that are about to be
used, or all of it for `ga.verify`.

Format of a shard: https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import StoreError
from genoarrays.store.layout import MARKER
from genoarrays.store.place import Place, place_of

__all__ = ["MANIFEST", "Fault", "faults", "fits", "is_whole", "load", "manifest_dtype"]

MANIFEST = "manifest.npy"
_ABSENT = 2**64 - 1
_BLOCK = 2**23  # bytes read at once
_FOREIGN = "whole, but not what was written"


class Fault(NamedTuple):
    """What is wrong with a shard: in one inner chunk, or (None) in all of it."""

    chunk: int | None
    problem: str


def manifest_dtype(inner: int) -> np.dtype[Any]:
    """Record of one shard of so many inner chunks.

    Examples
    --------
    >>> manifest_dtype(128).itemsize
    528
    """
    return np.dtype(
        [("length", "<i8"), ("crc", "<u4"), ("index", "<u4"), ("chunks", "<u4", (inner,))]
    )


def load(place: Place | str | os.PathLike[str], array: str) -> npt.NDArray[np.void]:
    """Manifest of an array: one record per shard, in C order of the shard grid.

    Raises
    ------
    StoreError
        When it is missing or damaged.
    """
    place = place_of(place)
    key = f"{array}/{MANIFEST}"
    try:
        return parse(place.read(key))
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{place.url}/{key}: {error}; list all damage with ga.verify({place.url!r}), and write "
            "the store again"
        ) from None


def is_whole(place: Place, arrays: Sequence[tuple[str, str]]) -> bool:
    """Whether marker and shards are there with their lengths; their bytes are not read."""
    if place.size(MARKER) is None:
        return False
    try:
        for node, name in arrays:
            array = f"{node}/{name}"
            grid = json.loads(place.read(f"{array}/zarr.json"))
            shards = grid["chunk_grid"]["configuration"]["chunk_shape"]
            counts = [-(-n // step) for n, step in zip(grid["shape"], shards, strict=True)]
            rows = load(place, array)["length"].tolist()
            for index, length in zip(np.ndindex(*counts), rows, strict=True):
                size = place.size("/".join([array, "c", *map(str, index)]))
                if (-1 if size is None else size) != length:
                    return False
    except (OSError, ValueError, KeyError):
        return False
    return True


def parse(content: bytes) -> npt.NDArray[np.void]:
    """Manifest from the bytes of its file; ValueError when they are not one."""
    try:
        records: npt.NDArray[np.void] = np.load(io.BytesIO(content), allow_pickle=False)
        (inner,) = records.dtype["chunks"].shape
        if records.ndim != 1 or records.dtype != manifest_dtype(inner):
            raise ValueError(f"records of {records.dtype}")
    except Exception as error:  # np.load fails in many ways on bytes that it does not know
        raise ValueError(f"this is no manifest ({error})") from None
    return records


def faults(
    place: Place,
    key: str,
    record: Any,
    chunks: Sequence[int] | None = None,
    *,
    by_tail: bool = False,
    inner: int = 0,
) -> Iterator[Fault]:
    """What differs between a shard and its record.

    Parameters
    ----------
    place, key
        The store, and the shard in it.
    record
        One record of the manifest. None when there is no manifest to trust: then the shard is
        compared with its own checksums.
    chunks
        Inner chunks to look at, ascending; None is everything.
    by_tail
        Read only the stored checksums of these chunks, not their bytes: for a reader that compares
        the two each time it decodes.
    inner
        Inner chunks per shard, where there is no record.

    Yields
    ------
    Fault
        Of the shard as a whole, and then nothing more; or of each damaged inner chunk.
    """
    try:
        yield from _faults(place, key, record, chunks, by_tail, inner)
    except OSError as error:
        yield Fault(None, f"the file cannot be read ({error.strerror or error})")


def _faults(
    place: Place, key: str, record: Any, chunks: Sequence[int] | None, by_tail: bool, inner: int
) -> Iterator[Fault]:
    size = place.size(key)
    length = size if record is None else int(record["length"])
    if size is None or size != length:
        if size is None and length not in (None, -1):
            yield Fault(None, f"the file is missing, of {length:,} bytes")
        elif length == -1 and size is not None:
            yield Fault(None, "there is a file where none was written")
        elif size is not None:
            yield Fault(None, f"the file has {size:,} bytes, and had {length:,}")
        return
    inner = inner if record is None else len(record["chunks"])
    tail = place.read_range(key, -index_bytes(inner), index_bytes(inner))
    problem = index_problem(tail, inner)
    if problem is None and record is not None and _last4(tail) != record["index"]:
        problem = "the index is not the one that was written: this is another shard"
    if problem:
        yield Fault(None, problem)
        return
    stored = chunks_in(tail)
    if chunks is None:
        yield from _all_faults(place, key, record, stored, size)
        return
    there = {number: stored[number] for number in chunks if number in stored}
    if not by_tail:
        for run in _runs(there):
            yield from _chunk_faults(*_read_run(place, key, there, run), there, run, record)
        return
    ends = [(start + count - 4, 4) for start, count in there.values()]
    for number, end in zip(there, place.read_ranges(key, ends), strict=True):
        if _last4(end) != record["chunks"][number]:
            yield Fault(number, "its checksum is not the one that was written")


def _all_faults(
    place: Place, key: str, record: Any, stored: dict[int, tuple[int, int]], size: int
) -> Iterator[Fault]:
    """Faults of all inner chunks, of what lies between them, or of the shard if all are foreign."""
    from google_crc32c import extend

    damaged: list[Fault] = []
    whole, at = 0, 0
    for run in _runs(stored):
        start, content = _read_run(place, key, stored, run)
        whole = extend(whole, place.read_range(key, at, start - at))
        whole = extend(whole, content)
        at = start + len(content)
        damaged += _chunk_faults(start, content, stored, run, record)
    whole = extend(whole, place.read_range(key, at, size - at))
    if 1 < len(damaged) == len(stored) and {fault.problem for fault in damaged} == {_FOREIGN}:
        yield Fault(None, f"{_FOREIGN}: this is another shard")
    elif damaged:
        yield from sorted(damaged)
    elif record is not None and whole != record["crc"]:
        yield Fault(None, "bytes between the inner chunks are not those that were written")


def _chunk_faults(
    at: int, content: bytes, stored: dict[int, tuple[int, int]], run: list[int], record: Any
) -> Iterator[Fault]:
    from google_crc32c import value as crc32c

    for number in run:
        start, count = stored[number]
        packed = content[start - at : start - at + count]
        crc = _last4(packed)
        if crc32c(packed[:-4]) != crc:
            yield Fault(number, "its bytes do not fit their checksum")
        elif record is not None and crc != record["chunks"][number]:
            yield Fault(number, _FOREIGN)


def _read_run(
    place: Place, key: str, stored: dict[int, tuple[int, int]], run: list[int]
) -> tuple[int, bytes]:
    start = stored[run[0]][0]
    return start, place.read_range(key, start, sum(stored[run[-1]]) - start)


def _runs(stored: dict[int, tuple[int, int]]) -> Iterator[list[int]]:
    """Inner chunks that follow each other in the file, up to some 8 MiB together."""
    run: list[int] = []
    for number in sorted(stored, key=stored.__getitem__):
        start, size = stored[number]
        if run and (start != sum(stored[run[-1]]) or start + size - stored[run[0]][0] > _BLOCK):
            yield run
            run = []
        run.append(number)
    if run:
        yield run


def fits(content: bytes, due: int) -> bool:
    """Whether an inner chunk, or an index, ends in this crc32c, and has it."""
    from google_crc32c import value as crc32c

    return _last4(content) == due and bool(crc32c(content[:-4]) == due)


def index_bytes(inner: int) -> int:
    """Length of the index at the end of a shard."""
    return 16 * inner + 4


def index_problem(tail: bytes, inner: int) -> str | None:
    """What is wrong with the index of a shard, by its own checksum."""
    from google_crc32c import value as crc32c

    if len(tail) != index_bytes(inner):
        return f"the file is too short for an index of {inner} inner chunks"
    if crc32c(tail[:-4]) != _last4(tail):
        return "the index does not fit its checksum"
    return None


def chunks_in(tail: bytes) -> dict[int, tuple[int, int]]:
    """Start and size of each inner chunk that is stored, by its number."""
    index = np.frombuffer(tail, "<u8", count=(len(tail) - 4) // 8).reshape(-1, 2)
    there = np.flatnonzero(index[:, 1] != _ABSENT)
    return {int(n): (int(index[n, 0]), int(index[n, 1])) for n in there}


def _last4(content: bytes) -> int:
    return int.from_bytes(content[-4:], "little")
