"""How does a bigWig file come about, from one end of the genome to the other?

Values become entries, entries blocks and, at the same time, summaries for all zoom levels
(`packing.py`); isal compresses blocks in threads. Blocks go to the file as they are ready, those of
zoom levels to a temporary one, as their place is behind all data. So memory does not grow with the
genome, but for 32 bytes of index for each block of some thousand entries.

100 million counts at 1 bp take 0.8 s of CPU, 2 million bins of 50 bp 0.1 s (figwig 1.4
for the counts with isal, 4 with zlib, as it comes; libBigWig 0.7 for the bins). Bytes do not depend
on the number of threads, nor on how values are cut in pieces.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.formats.signal.runs import Runs
from genoarrays.formats.signal.trees import BLOCK, block_tree, contig_tree
from genoarrays.genome.assembly import Assembly

__all__ = ["BigwigWriter", "Entries"]

_MAGIC = 0x888FFC26
_HEADER, _ZOOM, _SUMMARY = 64, 24, 40  # bytes
_LEVELS = 10
_ROWS = 12  # blocks of entries that are packed at once
_LEVEL = 1  # of isal: counts 3.6 to 1 at 410 MB/s; zlib 3.8 at 94 (level 1), 4.2 at 18 (level 6)
_FINEST = 256, 64  # bp, bins: the smallest summary, 32 bytes; what has fewer is read itself
_AHEAD = 32  # batches, some 0.5 MB each, that wait for being compressed or written, of all files
Floats = npt.NDArray[np.float32]


class Entries:
    """Entries of one track, in a room that is used again and again.

    Parameters
    ----------
    assembly
        The genome.
    room
        How many there are at most.
    where
        Said in errors, such as "cannot write x.bw".
    """

    def __init__(self, assembly: Assembly, room: int, where: str) -> None:
        ints = np.zeros((3, room), np.int64)
        self.columns = (*ints, np.zeros(room, np.float32))
        self.count = 0
        self.assembly = assembly
        self.where = where
        self._state = np.zeros(3, np.int64)

    def fill(self, runs: Runs, values: Floats, base: int, column: int) -> bool:
        """Append bins that follow those before; False when the room is full before all are in.

        Call it again with the same arguments after `take`. Raises GenomeError for an infinite
        value.
        """
        from genoarrays.formats.signal.packing import FAULT, RUN, fill_entries

        fields = (runs.edges, runs.code, runs.low, runs.step, runs.width, runs.place, runs.way)
        self.count = fill_entries(
            values, column, base, fields, self.assembly.lengths, self.columns, self.count,
            self._state,
        )  # fmt: skip
        if self._state[FAULT]:
            run, k = self._state[:2].tolist()
            base_pair = max(int(runs.low[run] + k * runs.step[run]), 0)
            raise GenomeError(
                f"{self.where}: the value at {self.assembly.names[runs.code[run]]}:{base_pair} is "
                "infinite, or too large for float32; replace it first, for example "
                "array.where(np.isfinite(array))"
            )
        if self._state[RUN] < len(runs.code):
            return False
        self._state[:] = 0
        return True

    def take(self, count: int) -> tuple[Any, ...]:
        """The first entries, copied; they are no longer here."""
        taken = tuple(column[:count].copy() for column in self.columns)
        left = self.count - count
        for column in self.columns:
            column[:left] = column[count : self.count].copy()
        self.count = left
        return taken


class _Zoom(NamedTuple):
    """Blocks of a level in the temporary file, and the number of summaries in them."""

    rows: list[npt.NDArray[np.void]]
    records: list[int]


class BigwigWriter:
    """A bigWig file that is being written; on leaving the context it is complete.

    Parameters
    ----------
    path
        File to make.
    assembly
        Its contigs, all of which it lists.
    unit
        bp of a bin: the greatest that all of them are multiples of.
    pool
        Threads that compress.
    name
        What errors call the file.
    files
        How many are written at once, which share what memory there is for waiting blocks.

    Raises
    ------
    GenomeError
        For a contig of 2**32 bp or more.
    """

    def __init__(
        self,
        path: str,
        assembly: Assembly,
        unit: int,
        pool: ThreadPoolExecutor,
        name: str,
        files: int = 1,
    ) -> None:
        from genoarrays.formats.signal.packing import ENTRIES, RECORDS

        self.path = path
        self.assembly = assembly
        self._unit = max(unit, 1)
        self._pool = pool
        self._ahead = max(_AHEAD // files, 1)
        self._batch = ENTRIES * _ROWS
        self._entries = Entries(assembly, self._batch + 1, f"cannot write {name}")
        longest = int(assembly.lengths.max())
        if longest >= 2**32:
            contig = assembly.names[int(np.argmax(assembly.lengths))]
            raise GenomeError(
                f"cannot write {name}: {contig} has {longest:,} bp, and a bigWig holds 2**32 - 1"
            )
        self._finest = min(max(_FINEST[0], _FINEST[1] * self._unit), longest)
        levels = 1
        while levels < _LEVELS and self._finest * 4**levels <= longest:
            levels += 1
        self._whole = np.array([0, np.inf, -np.inf, 0, 0])
        self._open = np.zeros((levels, 3), np.int64), np.zeros((levels, 4))
        self._records = np.zeros((levels, RECORDS, 8), np.uint32)
        self._filled = np.zeros(levels, np.int64)
        self._zooms = [_Zoom([], []) for _ in range(levels)]
        self._blocks: list[npt.NDArray[np.void]] = []
        self._waiting: deque[tuple[_Zoom | None, Future[Any]]] = deque()

    def __enter__(self) -> BigwigWriter:
        folder = os.path.dirname(os.path.abspath(self.path))
        self._file = open(self.path, "wb")
        # small ones stay in memory
        self._spill = tempfile.SpooledTemporaryFile(max_size=2**20, dir=folder)
        self._tree = _HEADER + _LEVELS * _ZOOM + _SUMMARY
        tree = contig_tree(self.assembly, self._tree)
        self._data = self._tree + len(tree)
        self._file.write(bytes(self._tree) + tree + bytes(8))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            for _, future in self._waiting:
                future.cancel()
            self._file.close()
            self._spill.close()

    def add(self, runs: Runs, values: Floats, base: int, column: int) -> None:
        """Write bins that follow those written before; NaN is left out.

        Parameters
        ----------
        runs
            Where they are.
        values
            (place, track) float32, from place `base` on.
        column
            The track.

        Raises
        ------
        GenomeError
            For an infinite value.
        """
        while not self._entries.fill(runs, values, base, column):
            self._pack(self._batch)

    def _pack(self, count: int) -> None:
        from genoarrays.formats.signal.packing import pack_entries, sum_entries

        entries = self._entries.take(count)
        words = np.empty(9 * count, np.uint32)
        table = np.empty((count, 5), np.int64)
        blocks = pack_entries(entries, count, self._unit, words, table)
        self._submit(None, words, table[:blocks].copy())
        state = np.array([0, -1])
        levels = (*self._open, self._records, self._filled, state)
        while not sum_entries(
            entries, count, self.assembly.lengths, self._finest, self._whole, *levels
        ):
            self._drain()

    def _drain(self, least: int | None = None) -> None:
        """Take records of levels that are full, or have at least so many."""
        width = self._records.shape[1:]
        for level in np.flatnonzero(self._filled >= (least or width[0])).tolist():
            count = int(self._filled[level])
            records = self._records[level, :count].copy()
            first, last = records[0], records[-1]
            row = np.array([[first[0], first[1], last[2], 0, 8 * count]], np.int64)
            zoom = self._zooms[level]
            zoom.records.append(count)
            self._submit(zoom, records.reshape(-1), row, int(last[0]))
            self._filled[level] = 0

    def _submit(
        self, zoom: _Zoom | None, words: npt.NDArray[np.uint32], table: Any, last: int | None = None
    ) -> None:
        while len(self._waiting) > self._ahead:
            self._write(*self._waiting.popleft())
        self._waiting.append((zoom, self._pool.submit(_compressed, words, table, last)))

    def _write(self, zoom: _Zoom | None, future: Future[Any]) -> None:
        rows, parts = future.result()
        file: Any = self._file if zoom is None else self._spill
        rows["offset"] += file.tell()
        file.writelines(parts)
        (self._blocks if zoom is None else zoom.rows).append(rows)

    def _finish(self) -> None:
        from genoarrays.formats.signal.packing import close_sums

        if self._entries.count:
            self._pack(self._entries.count)
        sums = (*self._open, self._records, self._filled)
        while not close_sums(self.assembly.lengths, self._finest, *sums):
            self._drain()
        self._drain(1)
        while self._waiting:
            self._write(*self._waiting.popleft())
        file = self._file
        index, zooms = 0, b""
        blocks = sum(map(len, self._blocks))
        if blocks:
            index = file.tell()
            file.write(block_tree(np.concatenate(self._blocks), index, 1))
            zooms = b"".join(self._write_zooms())
        file.write(struct.pack("<I", _MAGIC))
        bases, *told = self._whole.tolist()
        if not blocks:
            told = [0.0] * 4
        file.seek(0)
        head = (_MAGIC, 4, len(zooms) // _ZOOM, self._tree, self._data, index, 0, 0, 0)
        file.write(struct.pack("<IHHQQQHHQQIQ", *head, self._tree - _SUMMARY, 2**15, 0))
        file.write(zooms)
        file.seek(self._tree - _SUMMARY)
        file.write(struct.pack("<Qdddd", int(bases), *told))
        file.seek(self._data)
        file.write(struct.pack("<Q", blocks))

    def _write_zooms(self) -> list[bytes]:
        """Append the levels that are worth it; gives what the header says of each."""
        file, told = self._file, []
        fewest = None
        for level, zoom in enumerate(self._zooms):
            number = sum(zoom.records)
            if fewest is not None and number >= fewest:
                continue  # on contigs that are all shorter than its summaries
            fewest = number
            data = file.tell()
            file.write(struct.pack("<I", number))
            rows = np.concatenate(zoom.rows)
            for row in rows:
                self._spill.seek(row["offset"])
                row["offset"] = file.tell()
                file.write(self._spill.read(row["size"]))
            index = file.tell()
            file.write(block_tree(rows, index, self._records.shape[1]))
            told.append(struct.pack("<IIQQ", self._finest * 4**level, 0, data, index))
        return told


def _compressed(
    words: npt.NDArray[np.uint32], table: npt.NDArray[np.int64], last: int | None
) -> tuple[npt.NDArray[np.void], list[bytes]]:
    """Blocks of words; rows of the index with offsets from the first one, and their bytes."""
    from isal import isal_zlib

    text = words.astype("<u4", copy=False).data.cast("B")
    parts = [
        isal_zlib.compress(text[4 * first : 4 * (first + many)], _LEVEL)
        for first, many in table[:, 3:].tolist()
    ]
    rows = np.zeros(len(table), BLOCK)
    rows["contig"], rows["start"], rows["end"] = table[:, :3].T
    rows["last"] = rows["contig"] if last is None else last
    rows["size"] = [len(part) for part in parts]
    rows["offset"] = np.cumsum(rows["size"]) - rows["size"]
    return rows, parts
