"""Which contigs does a BAM file have, and where do its records lie?

The header is read from the file itself; the index beside it, or one made by one scan, is kept in
memory for all threads of the process, by the file's stamp. An index must know the first and the
last read of the file: that shows one that is older than its file, whatever the times say (copies
change those).
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Generic, TypeVar

from genoarrays.errors import InputError
from genoarrays.formats.bgzf import check_end
from genoarrays.formats.files import Stamp
from genoarrays.formats.inflate import NO_BLOCK, Content
from genoarrays.formats.match import Header
from genoarrays.formats.reads.bai import Index, find_index, foreign, read_index, scan_index

__all__ = ["Bam", "Shared", "check_names", "contig_digests", "open_alignments"]

Value = TypeVar("Value")
_MAGIC = b"\x1f\x8b\x08\x04"


class Shared(Generic[Value]):
    """What is known of files, by stamp: made once, for all threads of the process."""

    def __init__(self, make: Callable[[Stamp], Value], most: int = 64) -> None:
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._known: OrderedDict[Stamp, Value] = OrderedDict()

    def __call__(self, stamp: Stamp) -> Value:
        """What is known of a file, which must not have changed."""
        stamp.check()
        with self._lock:
            if stamp not in self._known:
                self._known[stamp] = self._make(stamp)
                if len(self._known) > self._most:
                    self._known.popitem(last=False)
            self._known.move_to_end(stamp)
            return self._known[stamp]


def contig_digests(path: str, text: str) -> dict[str, str]:
    """MD5 of contigs by name, of the @SQ lines of a header.

    Raises
    ------
    InputError
        When two lines name one contig.
    """
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("@SQ\t")]
    fields = [dict(field.split(":", 1) for field in line if ":" in field) for line in lines]
    check_names(path, [line.get("SN", "") for line in fields])
    return {line["SN"]: line["M5"].lower() for line in fields if {"SN", "M5"} <= line.keys()}


def check_names(path: str, names: list[str]) -> None:
    """Refuse a header that lists one contig twice.

    Raises
    ------
    InputError
        Naming the contig.
    """
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(
            path, "header", f"contig {twice!r} is listed twice",
            "write a header that lists it once: samtools reheader",
        )  # fmt: skip


class Bam:
    """Header and index of a BAM file; see `open_alignments`."""

    def __init__(self, stamp: Stamp) -> None:
        check_end(stamp)
        self.stamp = stamp
        self._lock = threading.Lock()
        name = os.path.basename(stamp.path)
        self.fix = (
            f"the file is damaged or its index is of another file; copy it again, then: "
            f"samtools index {name}"
        )
        try:
            text = self._read_header()
        except (InputError, UnicodeDecodeError) as error:
            problem = getattr(error, "problem", "it is no UTF-8 text")
            raise InputError(
                stamp.path, "", f"its header cannot be read ({problem})", "copy or make it again"
            ) from error
        check_names(stamp.path, self.names)
        self.number = {name: number for number, name in enumerate(self.names)}
        sizes = dict(zip(self.names, self.lengths, strict=True))
        self.header = Header(stamp.path, sizes, contig_digests(stamp.path, text))

    def _read_header(self) -> str:
        with Content(self.stamp, 0, None, self.fix, first=1) as content:
            at = 0

            def take(count: int) -> bytes:
                nonlocal at
                if count < 0:
                    raise self._no_header("a length is negative")
                while at + count > content.size:
                    if not content.more(at):
                        raise self._no_header("it ends within the header")
                    at = 0
                at += count
                return content.data[at - count : at].tobytes()

            def number() -> int:
                return int.from_bytes(take(4), "little", signed=True)

            if take(4) != b"BAM\1":
                raise self._no_header("it does not start with BAM")
            text = take(number()).decode()
            self.names, self.lengths = [], []
            for _ in range(number()):
                self.names.append(take(number()).rstrip(b"\0").decode())
                self.lengths.append(number())
            self.first = content.place(at)
        return text

    def _no_header(self, problem: str) -> InputError:
        return InputError(self.stamp.path, "", problem, self.fix)

    @cached_property
    def _index(self) -> Index:
        path = find_index(self.stamp.path)
        if path is None or path.endswith(".crai"):
            return scan_index(self.stamp, self.first, self.names, self.lengths)
        index = read_index(path, self.stamp, len(self.names))
        bounds = index.bounds()
        first, start = self._record(self.first)
        if bounds is None:
            if first not in (None, -1):
                raise foreign(path, self.stamp, "it knows no reads")
            return index
        try:
            known = self._record(bounds[0])
            behind = self._record(bounds[1])[0]
        except InputError as error:
            if error.problem != NO_BLOCK:
                raise
            raise foreign(path, self.stamp, f"there is no BGZF block at {error.where}") from None
        if known != (first, start):
            raise foreign(path, self.stamp, "the first read lies elsewhere")
        if behind not in (None, -1):
            raise foreign(path, self.stamp, "there are reads behind the last one that it knows")
        return index

    def _record(self, place: int) -> tuple[int | None, int]:
        """Contig (None at the end) of the record at a virtual offset, and its one true offset."""
        with Content(self.stamp, place, None, self.fix, first=1) as content:
            while content.size < 8 and content.more():
                pass
            if content.size < 8:
                return None, content.place(0)
            found = int.from_bytes(content.data[4:8].tobytes(), "little", signed=True)
            return found, content.place(0)

    @property
    def index(self) -> Index:
        """The index; the first use reads or makes it.

        Raises
        ------
        InputError
            When it is not of this file; without one, when the reads are not sorted.
        """
        with self._lock:
            return self._index

    @property
    def indexed(self) -> bool:
        """Whether there is a file with the index."""
        return (find_index(self.stamp.path) or ".crai").endswith((".bai", ".csi"))


@lru_cache(maxsize=256)
def _is_cram(stamp: Stamp) -> bool:
    with open(stamp.path, "rb") as file:
        magic = file.read(4)
    if magic not in (b"CRAM", _MAGIC):
        raise InputError(
            stamp.path,
            "byte 0",
            "it is no BAM file",
            "of SAM make one: samtools sort -o x.bam x.sam",
        )
    return magic == b"CRAM"


def open_alignments(stamp: Stamp) -> Bam | None:
    """Header and index of a BAM file, shared by all threads; None for CRAM.

    Raises
    ------
    InputError
        When it is neither, or its header is damaged.
    """
    return None if _is_cram(stamp) else _bams(stamp)


_bams = Shared(Bam)
