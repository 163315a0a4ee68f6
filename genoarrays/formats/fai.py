"""Where in a FASTA file is base `position` of `contig`?

The .fai beside the file tells, where there is one that fits; else the file is scanned once, as
`samtools faidx` would, and the index stays in memory: nothing is written beside an input. The scan
goes over blocks with numpy, 1.5 to 4 s per GB of plain FASTA, and names the line that breaks the
layout.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats import bgzf
from genoarrays.formats.files import Stamp
from genoarrays.genome.assembly import Assembly

__all__ = ["FastaIndex", "fasta_index"]

_BLOCK = 2**24
_CHECKED = 256  # contigs of an index that are looked up in the file before it is believed
_HEAD = 2**16  # longest head of a contig that is understood
_BLANK = b" \t\r\n"


class Contig(NamedTuple):
    """Row of a .fai: bases, offset of the first, bases and bytes per line."""

    length: int
    offset: int
    line_bases: int
    line_width: int

    def byte(self, position: int) -> int:
        """Offset of a base."""
        lines, rest = divmod(position, self.line_bases)
        return self.offset + lines * self.line_width + rest


class FastaIndex:
    """Contigs of a FASTA file, and how to read bytes of it."""

    def __init__(self, stamp: Stamp, zipped: bool, contigs: dict[str, Contig]) -> None:
        self.stamp = stamp
        self.zipped = zipped
        self.contigs = contigs

    def assembly(self) -> Assembly:
        """The genome in the file.

        Raises
        ------
        AssemblyError
            When a contig has no bases.
        """
        name = os.path.basename(self.stamp.path).removesuffix(".gz")
        lengths = {name: row.length for name, row in self.contigs.items()}
        return Assembly(os.path.splitext(name)[0] or name, lengths)

    @cached_property
    def size(self) -> int:
        """Bytes of text."""
        return bgzf.members(self.stamp).size if self.zipped else self.stamp.size

    def read(self, start: int, end: int) -> bytes:
        """Bytes [start, end) of the text.

        Raises
        ------
        InputError
            When the file was changed or is damaged.
        """
        if self.zipped:
            return bgzf.read_range(self.stamp, start, end)
        self.stamp.check()
        with open(self.stamp.path, "rb", buffering=0) as file:
            file.seek(start)
            return file.read(max(end - start, 0))

    def letters(self, contig: str, start: int, end: int, table: bytes | None = None) -> bytes:
        """Letters [start, end) of a contig without line ends, replaced by their entries of `table`.

        Raises
        ------
        InputError
            When the lines are not as the index says.
        """
        row = self.contigs[contig]
        if start >= end:
            return b""
        raw = self.read(row.byte(start), row.byte(end - 1) + 1)
        found = raw.translate(table, b"\r\n")
        if len(found) != end - start:
            raise InputError(
                self.stamp.path,
                f"{contig}:{start}-{end}",
                f"{len(found):,} letters are there, {end - start:,} by the index",
                _rebuild(self.stamp.path),
            )
        return found

    @cached_property
    def digests(self) -> dict[str, str]:
        """MD5 of the upper-case letters of each contig, as in SAM headers; reads the whole file."""
        found = {}
        for contig, row in self.contigs.items():
            md5 = hashlib.md5(usedforsecurity=False)
            for start in range(0, row.length, _BLOCK):
                md5.update(self.letters(contig, start, min(start + _BLOCK, row.length)).upper())
            found[contig] = md5.hexdigest()
        return found

    def __reduce__(self) -> tuple[object, ...]:
        return FastaIndex, (self.stamp, self.zipped, self.contigs)


def fasta_index(path: str | os.PathLike[str]) -> FastaIndex:
    """Index of a FASTA file, plain or bgzip: its .fai, else a scan.

    Raises
    ------
    InputError
        When the file is missing, empty, no FASTA, gzip other than bgzip, or irregular; or when the
        .fai beside it is of another file.
    """
    stamp = Stamp.of(path)
    beside = stamp.path + ".fai"
    return _index(stamp, Stamp.of(beside) if os.path.exists(beside) else None)


@lru_cache(maxsize=8)
def _index(stamp: Stamp, fai: Stamp | None) -> FastaIndex:
    index = FastaIndex(stamp, bgzf.is_gzip(stamp.path), {})
    if fai is None:
        index.contigs = _scan(index)
    else:
        index.contigs = _read_fai(fai.path)
        _check(index, fai.path)
    for contig, row in index.contigs.items():
        if row.length == 0:
            raise InputError(
                stamp.path, f"contig {contig!r}", "it has no bases", "remove it or add its bases"
            )
    return index


def _rebuild(path: str) -> str:
    return f"make the index again: samtools faidx {os.path.basename(path)}, or delete the .fai"


def _read_fai(path: str) -> dict[str, Contig]:
    contigs: dict[str, Contig] = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines, 1):
            fields = line.rstrip("\r\n").split("\t")
            numbers = fields[1:5]
            if len(numbers) < 4 or not all(text.isdigit() for text in numbers):
                raise InputError(
                    path, f"line {number}", f"{line.strip()!r} is no row of a .fai",
                    _rebuild(path.removesuffix(".fai")),
                )  # fmt: skip
            if fields[0] in contigs:
                raise InputError(
                    path, f"line {number}", f"contig {fields[0]!r} is listed twice",
                    _rebuild(path.removesuffix(".fai")),
                )  # fmt: skip
            contigs[fields[0]] = Contig(*map(int, numbers))
    return contigs


def _check(index: FastaIndex, fai: str) -> None:
    """Refuse a .fai that does not fit: heads and ends of contigs must be where it says."""
    names = list(index.contigs)
    order = sorted(names, key=lambda name: index.contigs[name].offset)
    some = np.unique(np.linspace(0, len(order) - 1, min(_CHECKED, len(order))).astype(int))
    for place in some.tolist():
        name, row = order[place], index.contigs[order[place]]
        head = f">{name}".encode()
        before = index.read(max(row.offset - len(head) - _HEAD, 0), row.offset)
        line = before[before.rfind(b"\n>", 0, -1) + 1 :]
        end = row.byte(row.length - 1) + 1 if row.length and row.line_bases else row.offset
        last = place == len(order) - 1
        stop = index.size if last else index.contigs[order[place + 1]].offset
        after = index.read(end, min(stop, end + _HEAD))
        good = (
            line.endswith(b"\n")
            and line[1:].split(None, 1)[:1] == [name.encode()]
            and line[:1] == b">"
            and end <= index.size
            and (not after.strip(_BLANK) if last else after.lstrip(_BLANK)[:1] == b">")
        )
        if not good:
            raise InputError(
                fai, f"contig {name!r}", f"it is not the index of {index.stamp.path}",
                _rebuild(index.stamp.path),
            )  # fmt: skip


def _blocks(index: FastaIndex) -> Iterator[tuple[int, bytes]]:
    at = 0
    while block := index.read(at, at + _BLOCK):
        yield at, block
        at += len(block)


class _Scan:
    """Rows of the index, found line by line; state that outlives a block."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows: dict[str, Contig] = {}
        self.line = 0  # lines that are done
        self.name: str | None = None
        self.offset = self.bases = self.line_bases = self.line_width = 0
        self.short = 0  # number of the line that is shorter than the others, so must be the last

    def error(self, line: int, problem: str, fix: str) -> InputError:
        return InputError(self.path, f"line {line}", problem, fix)

    def head(self, text: bytes, end: int) -> None:
        """A line that starts with '>'; the bases start at `end`."""
        self.finish()
        self.line += 1
        words = text[1:].split(None, 1)
        if not words or text[1:2].isspace():
            raise self.error(self.line, "'>' without a name", "name the contig: >chr1")
        try:
            self.name = words[0].decode()
        except UnicodeDecodeError:
            raise self.error(
                self.line, f"{words[0]!r} is no UTF-8 text", "use plain letters in contig names"
            ) from None
        if self.name in self.rows:
            raise self.error(self.line, f"contig {self.name!r} occurs twice", "keep one of them")
        self.offset, self.bases, self.line_bases, self.line_width, self.short = end, 0, 0, 0, 0

    def lines(self, bases: npt.NDArray[np.int64], width: npt.NDArray[np.int64]) -> None:
        """Lines of letters: their bases, and their bytes with the line end."""
        first, self.line = self.line + 1, self.line + len(bases)
        full = bases > 0
        if self.name is None:
            if full.any():
                raise self.error(
                    first + int(full.argmax()), "letters before the first '>'",
                    "a FASTA starts with '>' and a contig name",
                )  # fmt: skip
            return
        if not full.any():
            return
        if not self.line_bases:
            skip = int(full.argmax())
            self.offset += int(width[:skip].sum())
            self.line_bases, self.line_width = int(bases[skip]), int(width[skip])
            first, bases, width = first + skip, bases[skip:], width[skip:]
        odd = np.flatnonzero((bases != self.line_bases) | (width != self.line_width))
        after = odd[0] if len(odd) else len(bases)
        late = np.flatnonzero(bases[after + 1 :] > 0) + after + 1
        if len(late) or (self.short and (bases > 0).any()) or (bases > self.line_bases).any():
            wrong = self.short or first + int(after)
            raise self.error(
                wrong,
                f"the lines of {self.name!r} differ in length: it is not the last one, and not as "
                f"long as the first ({self.line_bases} letters)",
                "write lines of one length, for example with: seqkit seq -w 60",
            )
        if len(odd) and not self.short:
            self.short = first + int(after)
        self.bases += int(bases.sum())

    def finish(self) -> None:
        """The contig is over."""
        if self.name is not None:
            row = (self.bases, self.offset, self.line_bases or 1, self.line_width or 1)
            self.rows[self.name] = Contig(*row)


def _scan(index: FastaIndex) -> dict[str, Contig]:
    scan = _Scan(index.stamp.path)
    start, begun, last = 0, b"", b""  # of a line that began in an earlier block; its last byte
    for at, block in _blocks(index):
        letters = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(letters == 10)
        if len(ends):
            starts = np.concatenate([[start - at], ends[:-1] + 1])
            before = np.where(ends > 0, letters[np.maximum(ends - 1, 0)], last[-1] if last else 0)
            width = ends + 1 - starts
            bases = width - 1 - ((before == 13) & (width > 1))
            heads = letters[np.maximum(starts, 0)] == ord(">")
            heads[0] = (begun or block)[:1] == b">"
            done = 0
            for place in np.flatnonzero(heads).tolist():
                scan.lines(bases[done:place], width[done:place])
                text = block[max(int(starts[place]), 0) : int(ends[place])]
                scan.head((begun if place == 0 else b"") + text, at + int(ends[place]) + 1)
                done = place + 1
            scan.lines(bases[done:], width[done:])
            start, begun = at + int(ends[-1]) + 1, b""
        rest = block[max(start - at, 0) :]
        begun = begun + rest if (begun or rest)[:1] == b">" else (begun or rest[:1])
        last = block[-1:]
    if start < index.size:
        count = index.size - start
        if begun[:1] == b">":
            scan.head(begun, index.size)
        else:
            scan.lines(np.array([count - (last == b"\r")]), np.array([count + 1]))
    scan.finish()
    if not scan.rows:
        raise InputError(
            index.stamp.path, "line 1", "no '>' is there: it is no FASTA",
            "a FASTA starts with '>' and a contig name",
        )  # fmt: skip
    return scan.rows
