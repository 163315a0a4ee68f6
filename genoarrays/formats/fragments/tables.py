"""Which fragments lie in a region of a file?

A bgzipped file with its .tbi is read where the region is, in windows of 1 MiB, and takes no memory
to speak of. Any other file (plain text, plain gzip, no index, not sorted) is read once by each
process and kept as sorted columns, 8 to 16 bytes a fragment, up to the byte limit; above it the
error says how to make the index. Nothing is written beside an input.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.bgzf import check_end, is_whole_gzip
from genoarrays.formats.files import Stamp
from genoarrays.formats.fragments.rows import Block, RowError, RowParser
from genoarrays.formats.fragments.tabix import TabixIndex, tabix_index
from genoarrays.formats.text.words import Words
from genoarrays.options import check_bytes, current

__all__ = ["Reading", "Table", "open_table"]

_TEXT = 2**22  # bytes of text parsed at once
_ROWS = 2**20  # rows handed out at once
Array = npt.NDArray[Any]


class Reading(NamedTuple):
    """What is read of each row besides contig, start and end.

    `barcodes` is None or the barcodes that belong to samples, `groups` the number of each one's
    sample, `weighted` whether the fifth column counts; `digest` stands for all of them.
    """

    barcodes: tuple[bytes, ...] | None
    groups: npt.NDArray[np.int32] | None
    weighted: bool
    digest: str


class Table(Protocol):
    """Fragments of one file."""

    @property
    def contigs(self) -> list[str]:
        """Contigs that have rows."""
        ...

    def rows(self, contig: str) -> int | None:
        """Rows of a contig, where that is known without reading them."""
        ...

    def blocks(self, contig: str, low: int, high: int | None) -> Iterator[Block]:
        """Rows that overlap [low, high), and maybe others; without `high`, to the last row."""
        ...


def open_table(stamp: Stamp, index: Stamp | None, reading: Reading) -> Table:
    """Table of a file: by its .tbi where `index` is one, else in memory.

    Raises
    ------
    InputError
        When the file was changed, is cut off, or a row is malformed.
    GenomeError
        When it takes more memory than the byte limit.
    """
    stamp.check()
    if index is None:
        return _loaded(stamp, reading)
    found = tabix_index(stamp.path)
    if found is None or found.stamp != index:
        raise InputError(index.path, "", "the index was changed after it was opened", "open again")
    return _Indexed(stamp, found, reading)


def _parser(reading: Reading, contigs: Words) -> RowParser:
    barcodes = None if reading.barcodes is None else _words(reading)
    return RowParser(contigs, barcodes, reading.groups, reading.weighted)


_lock = threading.RLock()
_barcodes: OrderedDict[str, Words] = OrderedDict()


def _words(reading: Reading) -> Words:
    """Barcodes in a hash table: 0.8 s for a million, so it is kept."""
    with _lock:
        if reading.digest not in _barcodes:
            _barcodes[reading.digest] = Words(reading.barcodes or ())
            if len(_barcodes) > 4:
                _barcodes.popitem(last=False)
        return _barcodes[reading.digest]


class _Indexed:
    """Reads where a .tbi says."""

    def __init__(self, stamp: Stamp, index: TabixIndex, reading: Reading) -> None:
        check_end(stamp)
        self.stamp = stamp
        self.index = index
        self.reading = reading
        self.fix = f"make the index again: tabix -f -p bed {os.path.basename(stamp.path)}"

    @property
    def contigs(self) -> list[str]:
        return list(self.index.places)

    def rows(self, contig: str) -> int | None:
        place = self.index.places.get(contig)
        return 0 if place is None else place.rows

    def blocks(self, contig: str, low: int, high: int | None) -> Iterator[Block]:
        from genoarrays.formats.inflate import Content

        place = self.index.places.get(contig)
        begin = None if place is None else place.offset(low)
        if place is None or begin is None:
            return
        parser = _parser(self.reading, Words([contig.encode()]))
        seen = used = before = 0
        with Content(self.stamp, begin, place.end, self.fix) as text:
            while True:
                more = text.more(used)
                letters = text.data[: text.size]
                if not more:
                    if not text.size:
                        break
                    letters = np.append(letters, np.uint8(ord("\n")))
                try:
                    block, used = parser.parse(letters)
                except RowError as error:
                    raise self._error(text.place(error.at), error.problem, error.fix) from None
                if block.code.any():
                    raise self._error(
                        text.place(0), f"rows of other contigs stand among those of {contig}",
                        f"the .tbi is not the index of this file; {self.fix}",
                    )  # fmt: skip
                if len(block.start) and (np.diff(block.start, prepend=before) < 0).any():
                    raise self._error(
                        text.place(0), "the rows are not sorted by start",
                        "sort it: sort -k1,1 -k2,2n, then bgzip and tabix -p bed",
                    )  # fmt: skip
                seen += len(block.start)
                before = int(block.start[-1]) if len(block.start) else before
                if high is not None and before >= high:
                    yield block.take(slice(int(np.searchsorted(block.start, high))))
                    return
                yield block
                if not more:
                    break
        if low <= 0 and high is None and place.rows not in (None, seen):
            raise InputError(
                self.index.stamp.path, f"contig {contig!r}",
                f"{place.rows:,} rows by the index, and {seen:,} in the file", self.fix,
            )  # fmt: skip

    def _error(self, place: int, problem: str, fix: str) -> InputError:
        where = f"byte {place & 0xFFFF} of the BGZF block at byte {place >> 16}"
        return InputError(self.stamp.path, where, problem, fix)


class _Loaded:
    """Sorted columns of a whole file."""

    def __init__(self, columns: dict[str, Block]) -> None:
        self.columns = columns
        self.size = sum(column.nbytes for block in columns.values() for column in block)
        # ends are not sorted: rows that reach `low` start at most this far before it
        self.longest = {
            contig: int((block.end.astype(np.int64) - block.start).max())
            for contig, block in columns.items()
        }

    @property
    def contigs(self) -> list[str]:
        return list(self.columns)

    def rows(self, contig: str) -> int | None:
        return len(self.columns[contig].start) if contig in self.columns else 0

    def blocks(self, contig: str, low: int, high: int | None) -> Iterator[Block]:
        if contig not in self.columns:
            return
        block = self.columns[contig]
        reach = np.uint32(max(low - self.longest[contig], 0))
        first = int(np.searchsorted(block.start, reach, side="left"))
        past = len(block.start)
        if high is not None:
            past = int(
                np.searchsorted(block.start, np.uint32(min(max(high, 0), 2**32 - 1)), side="left")
            )
        for at in range(first, past, _ROWS):
            some = block.take(slice(at, min(at + _ROWS, past)))
            yield some._replace(
                start=some.start.astype(np.int64),
                end=some.end.astype(np.int64),
                weight=some.weight.astype(np.int64),
            )


_tables: OrderedDict[tuple[Stamp, str], _Loaded] = OrderedDict()


def _loaded(stamp: Stamp, reading: Reading) -> _Loaded:
    """The file in memory; those read longest ago make room for it."""
    key = (stamp, reading.digest)
    with _lock:
        if key not in _tables:
            _tables[key] = _load(stamp, reading)
        _tables.move_to_end(key)
        while len(_tables) > 1 and sum(t.size for t in _tables.values()) > current().byte_limit:
            _tables.popitem(last=False)
        return _tables[key]


def _load(stamp: Stamp, reading: Reading) -> _Loaded:
    name = os.path.basename(stamp.path)
    cure = f"sort it, then: bgzip {name.removesuffix('.gz')} && tabix -p bed, and it is not loaded"
    parser = _parser(reading, Words())
    parts: list[list[Block]] = []  # by contig
    row_bytes = 8 + 4 * (reading.barcodes is not None) + 4 * reading.weighted
    lines = total = 0
    rest = b""
    try:
        for text in _texts(stamp):
            rest += text
            try:
                # writable, as windows of an indexed file are: else numba compiles all twice
                block, used = parser.parse(np.frombuffer(bytearray(rest), dtype=np.uint8))
            except RowError as error:
                line = lines + rest.count(b"\n", 0, error.at) + 1
                raise InputError(stamp.path, f"line {line}", error.problem, error.fix) from None
            lines += rest.count(b"\n", 0, used)
            rest = rest[used:]
            total += len(block.start)
            check_bytes(total * row_bytes, f"{stamp.path} without an index (.tbi)", cure)
            parts += [[] for _ in range(parser.contigs.size - len(parts))]
            for code, some in _by_contig(block):
                parts[code].append(some)
    except (EOFError, OSError, zlib.error) as error:
        raise InputError(
            stamp.path, f"after line {lines}", f"the gzip data are damaged ({error})",
            "copy it again",
        ) from error  # fmt: skip
    names = [word.decode() for word in parser.contigs.words()]
    columns = {}
    for code, name in enumerate(names):
        if parts[code]:
            columns[name] = _sorted(parts[code])
            parts[code] = []
    return _Loaded(columns)


def _texts(stamp: Stamp) -> Iterator[bytes]:
    """The whole text in parts; it ends with a line end."""
    opener: Callable[..., Any] = open
    if is_whole_gzip(stamp):
        from isal import igzip

        opener = igzip.open
    last = b"\n"
    with opener(stamp.path, "rb") as file:
        while text := file.read(_TEXT):
            last = text[-1:]
            yield text
    if last != b"\n":
        yield b"\n"


def _by_contig(block: Block) -> Iterator[tuple[int, Block]]:
    """Runs of rows of one contig, in the types that are kept."""
    edges = np.flatnonzero(np.diff(block.code)) + 1
    if len(edges) > 10_000:  # not sorted at all
        block = block.take(np.argsort(block.code, kind="stable"))
        edges = np.flatnonzero(np.diff(block.code)) + 1
    bounds = [0, *edges.tolist(), len(block.code)] if len(block.code) else []
    for first, past in pairwise(bounds):
        some = block.take(slice(first, past))
        kept = Block(
            np.zeros(0, np.int32), some.start.astype(np.uint32), some.end.astype(np.uint32),
            some.group.copy(), some.weight.astype(np.uint32),
        )  # fmt: skip
        yield int(block.code[first]), kept


def _sorted(parts: list[Block]) -> Block:
    block = Block(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    if (block.start[1:] >= block.start[:-1]).all():
        return block
    return block.take(np.argsort(block.start, kind="stable"))
