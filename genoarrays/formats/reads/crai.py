"""Is an index (.crai) that of its CRAM file, and is the file whole?

A CRAM file is a chain of containers; each head tells how long the container is, what its slices
cover, and has a CRC. The heads alone are read: a file that was cut off has no last, empty container
at the end of the chain, and an index that is damaged, stale or of another file names other
containers or other ranges than the heads do. htslib checks neither: with such an index it finds no
reads, or a part of them, and says nothing.

Specification: CRAM format 3.1, sections 8 to 9 (https://samtools.github.io/hts-specs/CRAMv3.pdf).
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import defaultdict
from typing import NamedTuple

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp

__all__ = ["check_crai", "containers"]

_HEAD = 26  # bytes of the definition of the file, before the first container
_READ = 2**12  # at each container: room for some 800 slices, and files have 1
_EOF = 4_542_278  # where the last, empty container says it begins
_MANY = -2  # contig of a container whose slices hold several


class Container(NamedTuple):
    """Contig (its number; -1: none, -2: several), first base (from 1), bases and slices."""

    contig: int
    start: int
    span: int
    slices: int


def containers(stamp: Stamp) -> dict[int, Container]:
    """The containers of a CRAM file that hold reads, by the byte at which they begin.

    Raises
    ------
    InputError
        When the file is damaged, was cut off, or is of a version before 2.1.
    """
    found: dict[int, Container] = {}
    fix = "copy or make it again"
    with open(stamp.path, "rb") as file:
        version = tuple(file.read(_HEAD)[4:6])
        if not (2, 1) <= version < (4, 0):
            raise InputError(
                stamp.path, "byte 4", f"version {version} of CRAM is not read; 2.1 to 3 are",
                "convert it: samtools view -C -o new.cram",
            )  # fmt: skip
        at, ended = _HEAD, False
        while at < stamp.size:
            file.seek(at)
            raw = file.read(_READ)
            try:
                one, size, length = _head(raw, version[0])
            except (IndexError, ValueError) as error:
                raise InputError(
                    stamp.path, f"byte {at}", f"no container of CRAM is there ({error})", fix
                ) from None
            if at + size + length > stamp.size:
                break
            ended = one.contig == -1 and one.start == _EOF and not one.slices
            if at > _HEAD and one.slices:
                found[at] = one
            at += size + length
    if not ended or at != stamp.size:
        raise InputError(
            stamp.path, f"byte {stamp.size}", "the mark that ends a CRAM file is missing, the file "
            "was cut off", fix,
        )  # fmt: skip
    return found


def _head(raw: bytes, version: int) -> tuple[Container, int, int]:
    """The head of a container, its size, and the length of what follows."""
    length, at = int.from_bytes(raw[:4], "little", signed=True), 4
    contig, at = _itf8(raw, at)
    start, at = _itf8(raw, at)
    span, at = _itf8(raw, at)
    _, at = _itf8(raw, at)
    at += 1 + min(_ones(raw[at]), 4 if version == 2 else 8)  # records before it
    at += 1 + _ones(raw[at])  # bases
    _, at = _itf8(raw, at)
    slices, at = _itf8(raw, at)
    if length < 0 or slices < 0:
        raise ValueError("its length is negative")
    for _ in range(slices):
        _, at = _itf8(raw, at)
    if version == 2:  # which has no CRC
        return Container(contig, start, span, slices), at, length
    if zlib.crc32(raw[:at]) != int.from_bytes(raw[at : at + 4], "little"):
        raise ValueError("its CRC is wrong")
    return Container(contig, start, span, slices), at + 4, length


def _ones(byte: int) -> int:
    """Leading one bits."""
    return 8 - (byte ^ 0xFF).bit_length()


def _itf8(raw: bytes, at: int) -> tuple[int, int]:
    """A number of 1 to 5 bytes, and where the next begins."""
    more = min(_ones(raw[at]), 4)
    value = raw[at] & (0xFF >> (more + 1))
    for byte in raw[at + 1 : at + 1 + min(more, 3)]:
        value = value << 8 | byte
    if more == 4:
        value = (raw[at] & 15) << 28 | (value & 0xFFFFFF) << 4 | raw[at + 4] & 15
    return value - (value >> 31 << 32), at + 1 + more


def check_crai(stamp: Stamp, path: str) -> None:
    """Refuse an index that is not that of a CRAM file; the file must be whole.

    Raises
    ------
    InputError
        When the file was cut off, or the index is damaged, stale or of another file.
    """
    due = containers(stamp)
    name = os.path.basename(stamp.path)
    fix = f"delete it, or run: samtools index {name}"
    found: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    try:
        with open(path, "rb") as file:
            raw = file.read()
        text = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        for line in text.splitlines():
            contig, start, span, at, landmark, _ = map(int, line.split())
            found[at].append((contig, start, span, landmark))
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InputError(path, "", f"the index is damaged ({error})", fix) from error
    for at in sorted(due.keys() | found.keys()):
        if not (at in due and at in found and _same(due[at], found[at])):
            raise InputError(path, f"container at byte {at}", f"it is not the index of {name}", fix)


def _same(one: Container, rows: list[tuple[int, ...]]) -> bool:
    """Whether the rows of a container cover what its head says."""
    if len({row[3] for row in rows}) != one.slices:
        return False
    if one.contig < 0:
        return one.contig == _MANY or all(row[0] == -1 for row in rows)
    start = min(row[1] for row in rows)
    end = max(row[1] + row[2] for row in rows)
    return all(row[0] == one.contig for row in rows) and (start, end - start) == one[1:3]
