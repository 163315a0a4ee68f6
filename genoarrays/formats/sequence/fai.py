"""Where in a FASTA file is base `position` of `contig`?

The .fai beside the file tells, where there is one that fits; else the file is scanned once, as
`samtools faidx` would (`scan.py`), and the index stays in memory: nothing is written beside an
input.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from functools import cached_property, lru_cache

import numpy as np

from genoarrays.errors import InputError
from genoarrays.formats import bgzf
from genoarrays.formats.files import Stamp
from genoarrays.formats.sequence.scan import Contig, scan_text
from genoarrays.genome.assembly import Assembly

__all__ = ["FastaIndex", "fasta_index"]

_BLOCK = 2**24
_CHECKED = 256  # contigs of an index that are looked up in the file before it is believed
_HEAD = 2**16  # longest head of a contig that is understood
_BLANK = b" \t\r\n"


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

    def blocks(self) -> Iterator[bytes]:
        """The whole text, in parts."""
        at = 0
        while block := self.read(at, at + _BLOCK):
            yield block
            at += len(block)

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
        index.contigs = scan_text(index.blocks(), index.size, stamp.path)
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
