"""Where in a sorted, bgzipped table do the rows of a region begin?

A .tbi tells for each 16,384 bp of a contig the first row that reaches into them (its linear index):
all that is needed, since rows are then read in order until one starts past the region. Bins only
give where a contig's rows begin and end, and how many rows there are, so that none gets lost.

Specification: The Tabix index file format (https://samtools.github.io/hts-specs/tabix.pdf); the
pseudo-bin with the number of rows: SAM/BAM format, section 5.2.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp

__all__ = ["BED", "VCF", "Place", "TabixIndex", "csi_edges", "tabix_index"]

_WINDOW = 14  # log2 of the bp of a window
_PSEUDO = 37450  # bin that holds numbers instead of rows
BED = ("bed", 0x10000, 1, 2, 3)  # 0-based; columns of contig, start, end
VCF = ("vcf", 0, 1, 2, 0)


class Place(NamedTuple):
    """Virtual offsets of a contig's rows, and of the first row that reaches into each window.

    `rows` is their number, or None where the index does not tell.
    """

    begin: int
    end: int
    windows: npt.NDArray[np.int64]
    rows: int | None

    def offset(self, start: int) -> int | None:
        """Where to begin for rows that end past `start`; None when no row does."""
        window = max(start, 0) >> _WINDOW
        if window >= len(self.windows):
            return None
        return max(int(self.windows[window]), self.begin)


class TabixIndex(NamedTuple):
    """Places by contig, in the order of the index."""

    stamp: Stamp
    places: dict[str, Place]


def tabix_index(path: str, kind: tuple[str, int, int, int, int] = BED) -> TabixIndex | None:
    """Index beside a BED-like file (or VCF), or None where there is none.

    Raises
    ------
    InputError
        When it is no .tbi, is cut off, or indexes other columns than those of its kind.
    """
    beside = path + ".tbi"
    return _read(Stamp.of(beside), os.path.basename(path), kind) if os.path.exists(beside) else None


@lru_cache(maxsize=16)
def _read(stamp: Stamp, name: str, kind: tuple[str, int, int, int, int]) -> TabixIndex:
    fix = f"make the index again: tabix -f -p {kind[0]} {name}"
    try:
        with gzip.open(stamp.path, "rb") as file:
            raw = file.read()
        if raw[:4] != b"TBI\1":
            raise InputError(stamp.path, "byte 0", "it is no .tbi index", fix)
        contigs, preset, *columns = struct.unpack_from("<5i", raw, 4)
        if (preset & 0x10000, *columns) != kind[1:]:
            raise InputError(
                stamp.path, "", f"it indexes other columns than those of a {kind[0]} file", fix
            )
        (size,) = struct.unpack_from("<i", raw, 32)
        names = raw[36 : 36 + size].split(b"\0")[:-1]
        if len(names) != contigs:
            raise ValueError("the names of its contigs are cut off")
        places, at = {}, 36 + size
        for contig in names:
            place, at = _read_contig(raw, at)
            if place is not None:
                places[contig.decode()] = place
    except (OSError, EOFError, zlib.error, struct.error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(stamp.path, "", f"the index is damaged ({error})", fix) from error
    return TabixIndex(stamp, places)


def _read_contig(raw: bytes, at: int) -> tuple[Place | None, int]:
    """One contig of an index; None when it has no rows."""
    (bins,) = struct.unpack_from("<i", raw, at)
    at += 4
    begin, end, rows = None, 0, None
    for _ in range(bins):
        number, chunks = struct.unpack_from("<Ii", raw, at)
        at += 8
        if number == _PSEUDO:
            rows = struct.unpack_from("<4Q", raw, at)[2]
        elif chunks:
            edges = struct.unpack_from(f"<{2 * chunks}Q", raw, at)
            begin = min(edges) if begin is None else min(begin, *edges)
            end = max(end, *edges)
        at += 16 * chunks
    (count,) = struct.unpack_from("<i", raw, at)
    if count < 0 or at + 4 + 8 * count > len(raw):
        raise ValueError("it is cut off")
    windows = np.frombuffer(raw, dtype="<u8", count=count, offset=at + 4).astype(np.int64)
    place = None if begin is None else Place(begin, end, windows, rows)
    return place, at + 4 + 8 * count


def csi_edges(path: str, fix: str) -> dict[int | str, tuple[int, int]]:
    """Where the rows of each contig begin and end, by a .csi: virtual offsets.

    By the contig's name in the index of a table, and by its number in that of a BCF.

    Raises
    ------
    InputError
        When it is no .csi, or is cut off.
    """
    stamp = Stamp.of(path)
    edges: dict[int | str, tuple[int, int]] = {}
    try:
        with gzip.open(path, "rb") as file:
            raw = file.read()
        magic, _, depth, extra = struct.unpack_from("<4siii", raw)
        if magic != b"CSI\1":
            raise ValueError("it is no .csi index")
        names = raw[16 + 28 : 16 + extra].split(b"\0")[:-1]
        pseudo, at = ((1 << 3 * (depth + 1)) - 1) // 7 + 1, 16 + extra + 4
        for number in range(*struct.unpack_from("<i", raw, 16 + extra)):
            found: list[int] = []
            (bins,) = struct.unpack_from("<i", raw, at)
            at += 4
            for _ in range(bins):
                one, _, chunks = struct.unpack_from("<IQi", raw, at)
                if one != pseudo:
                    found += struct.unpack_from(f"<{2 * chunks}Q", raw, at + 16)
                at += 16 + 16 * chunks
            if found:
                edges[names[number].decode() if names else number] = (min(found), max(found))
    except (OSError, EOFError, zlib.error, struct.error, ValueError, IndexError) as error:
        raise InputError(stamp.path, "", f"the index is damaged ({error})", fix) from error
    return edges
