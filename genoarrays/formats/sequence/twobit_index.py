"""Where in a 2bit file are the bases of `contig`?

A table at the start names the contigs; each has a record: length, ranges of N, ranges of lower
case, then the bases, four to a byte. The table is read when the file is opened, the ranges when a
contig is first read. Both byte orders, versions 0 (offsets of 32 bits) and 1 (64 bits).

Format: https://genome.ucsc.edu/FAQ/FAQformat.html#format7
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.genome.assembly import Assembly

__all__ = ["Record", "TwobitIndex", "twobit_contigs", "twobit_index", "twobit_ranges"]

_MAGIC = 0x1A412743
Ints = npt.NDArray[np.int64]


class Record(NamedTuple):
    """Length of a contig, number and offset of its ranges of N and lower case, offset of bases."""

    length: int
    unknown: tuple[int, int]
    masked: tuple[int, int]
    bases: int


class TwobitIndex(NamedTuple):
    """Contigs of a 2bit file; `order` is "<" or ">"."""

    stamp: Stamp
    order: str
    contigs: dict[str, Record]

    def assembly(self) -> Assembly:
        """The genome in the file.

        Raises
        ------
        AssemblyError
            When a contig has no bases.
        """
        name = os.path.splitext(os.path.basename(self.stamp.path))[0]
        lengths = {contig: record.length for contig, record in self.contigs.items()}
        return Assembly(name or self.stamp.path, lengths)


class _Parts:
    """Numbers of a file that must not end before them."""

    def __init__(self, stamp: Stamp, file: BinaryIO) -> None:
        self.stamp = stamp
        self.file = file
        self.order = "<"

    def read(self, at: int, size: int, what: str) -> bytes:
        if at + size > self.stamp.size:
            raise InputError(
                self.stamp.path,
                f"byte {self.stamp.size}",
                f"the file was cut off, or is damaged: {what} would end at byte {at + size}",
                "copy or make it again",
            )
        self.file.seek(at)
        return self.file.read(size)

    def unpack(self, at: int, fields: str, what: str) -> tuple[int, ...]:
        fields = self.order + fields
        return struct.unpack(fields, self.read(at, struct.calcsize(fields), what))


@lru_cache(maxsize=8)
def twobit_contigs(stamp: Stamp) -> TwobitIndex:
    """Index of a 2bit file by its stamp; as `twobit_index`."""
    stamp.check()
    with open(stamp.path, "rb") as file:
        parts = _Parts(stamp, file)
        magic = parts.read(0, min(4, stamp.size), "the head")
        for order in "<>":
            if int.from_bytes(magic, "little" if order == "<" else "big") == _MAGIC:
                parts.order = order
                break
        else:
            raise InputError(
                stamp.path, "byte 0", "it is no 2bit file", "FASTA is opened with ga.open_fasta"
            )
        version, count, _ = parts.unpack(4, "III", "the head")
        if version > 1:
            raise InputError(
                stamp.path, "byte 4", f"version {version} of the format is not known",
                "make it again with: faToTwoBit",
            )  # fmt: skip
        contigs = {
            name: _record(parts, name, offset) for name, offset in _table(parts, version, count)
        }
    if not contigs:
        raise InputError(stamp.path, "byte 8", "it lists no contigs", "copy or make it again")
    return TwobitIndex(stamp, parts.order, contigs)


def twobit_index(path: str | os.PathLike[str]) -> TwobitIndex:
    """Index of a 2bit file.

    Raises
    ------
    InputError
        When the file is missing, empty, no 2bit, cut off, or contradicts itself.
    """
    return twobit_contigs(Stamp.of(path))


def _table(parts: _Parts, version: int, count: int) -> list[tuple[str, int]]:
    at, width = 16, 8 if version else 4
    found: dict[str, int] = {}
    for number in range(count):
        what = f"the table of {count:,} contigs"
        (size,) = parts.unpack(at, "B", what)
        raw = parts.read(at + 1, size, what)
        where = f"byte {at}"
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            raise _damaged(parts.stamp, where, f"{raw!r} is no UTF-8 text") from None
        if not name or name in found:
            problem = f"contig {name!r} occurs twice" if name else f"contig {number} has no name"
            raise _damaged(parts.stamp, where, problem)
        (found[name],) = parts.unpack(at + 1 + size, "Q" if version else "I", what)
        at += 1 + size + width
    return list(found.items())


def _record(parts: _Parts, name: str, offset: int) -> Record:
    what = f"contig {name!r}"
    length, unknown = parts.unpack(offset, "II", what)
    if not length:
        raise InputError(parts.stamp.path, what, "it has no bases", "remove it or add its bases")
    at = offset + 8 + 8 * unknown
    (masked,) = parts.unpack(at, "I", what)
    bases = at + 4 + 8 * masked + 4
    end = bases + -(-length // 4)
    if unknown > length or masked > length or end > parts.stamp.size:
        raise InputError(
            parts.stamp.path,
            what,
            f"{length:,} bases, {unknown:,} ranges of N and {masked:,} of lower case would end at "
            f"byte {end}, the file has {parts.stamp.size}",
            "the file was cut off or is damaged: copy or make it again",
        )
    return Record(length, (unknown, offset + 8), (masked, at + 4), bases)


@lru_cache(maxsize=8)
def twobit_ranges(stamp: Stamp, order: str, contig: str, what: str, record: Record) -> Ints:
    """Ranges of N (`what="dna"`) or of lower case ("mask") of a contig.

    Returns
    -------
    array
        (2 ranges,) ascending: start, end, start, end, ...

    Raises
    ------
    InputError
        When they are not in order, overlap, or leave the contig.
    """
    count, offset = record.unknown if what == "dna" else record.masked
    with open(stamp.path, "rb") as file:
        raw = _Parts(stamp, file).read(offset, 8 * count, f"contig {contig!r}")
    start, size = np.frombuffer(raw, f"{order}u4").astype(np.int64).reshape(2, count)
    edges = np.stack([start, start + size], axis=1).reshape(-1)
    if count and ((np.diff(edges) < 0).any() or edges[-1] > record.length):
        which = "N" if what == "dna" else "lower case"
        raise _damaged(
            stamp, f"contig {contig!r}",
            f"its ranges of {which} are not in order, or leave its {record.length:,} bp",
        )  # fmt: skip
    return edges


def _damaged(stamp: Stamp, where: str, problem: str) -> InputError:
    return InputError(stamp.path, where, problem, "the file is damaged: copy or make it again")
