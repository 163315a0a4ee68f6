"""Where in a bigWig file are the data of `contig`?

Three structures tell: the header, a B+ tree of contigs, and an R-tree of blocks, each of which
holds entries of one contig. The R-tree is read whole, on the first read of a file, and kept as five
columns (40 bytes a block of some thousand entries). None of it has a checksum, so what it says
twice is compared: ranges of a node and of its children, number of blocks, order along a contig;
each block read is compared with its row. So a pass over a contig finds any block that is not where
the index says. Both byte orders are read.

Format: Kent et al. 2010, Bioinformatics 26:2204, supplement, https://doi.org/10.1093/bioinformatics/btq351.
"""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp

__all__ = ["Blocks", "Head", "Summary", "bigwig_blocks", "bigwig_head", "damaged"]

_BIGWIG, _BIGBED, _CONTIGS, _BLOCKS = 0x888FFC26, 0x8789F2EB, 0x78CA8C91, 0x2468ACE0
Ints = npt.NDArray[np.int64]


class Summary(NamedTuple):
    """Of a whole file: bases with data, smallest and largest value."""

    covered: int
    low: float
    high: float


class Head(NamedTuple):
    """What a file tells before its data.

    `order` is "<" or ">"; `contigs` holds number and length by name, in the order of the numbers;
    `most` is the largest size of an inflated block, 0 where blocks are not compressed; `root` is
    the offset of the R-tree, 0 without data.
    """

    order: str
    contigs: dict[str, tuple[int, int]]
    most: int
    root: int
    summary: Summary | None

    @property
    def lengths(self) -> dict[str, int]:
        """Lengths by contig, in bp."""
        return {name: length for name, (_, length) in self.contigs.items()}


class Blocks(NamedTuple):
    """Blocks of a contig, ascending: range in bp, offset and bytes in the file.

    `reach` is the furthest end so far: a range may reach into the next one (pyBigWig, fixed steps).
    """

    start: Ints
    end: Ints
    offset: Ints
    size: Ints
    reach: Ints

    def over(self, start: int, end: int) -> Blocks:
        """Those that may hold data of [start, end)."""
        first = np.searchsorted(self.reach, start, side="right")
        last = max(first, np.searchsorted(self.start, end, side="left"))
        return Blocks(*(column[first:last] for column in self))


class _File:
    """Reads of a file that must not end before they do."""

    def __init__(self, stamp: Stamp, order: str = "<") -> None:
        self.stamp = stamp
        self.order = order
        self.fd = os.open(stamp.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def read(self, at: int, size: int) -> bytes:
        """Bytes [at, at + size)."""
        if at + size > self.stamp.size:
            raise InputError(
                self.stamp.path,
                f"byte {self.stamp.size}",
                f"the file was cut off, or is damaged: {size:,} bytes are due at {at:,}",
                "copy or make it again",
            )
        return os.pread(self.fd, size, at)

    def unpack(self, at: int, fields: str) -> tuple[int, ...]:
        """Numbers at an offset."""
        return struct.unpack(
            self.order + fields, self.read(at, struct.calcsize(self.order + fields))
        )


def damaged(stamp: Stamp, where: str, problem: str) -> InputError:
    """What a reader says of a file that contradicts itself."""
    return InputError(stamp.path, where, problem, "the file is damaged: copy or make it again")


@lru_cache(maxsize=2048)
def bigwig_head(stamp: Stamp) -> Head:
    """Header and contigs of a bigWig file.

    Raises
    ------
    InputError
        When it is no bigWig, was cut off, or lists no sensible contigs.
    """
    stamp.check()
    with _File(stamp) as file:
        magic = file.read(0, min(4, stamp.size))
        for order in "<>":
            number = int.from_bytes(magic, "little" if order == "<" else "big")
            if number == _BIGBED:
                fix = "convert it: bigBedToBed x.bb x.bed, and open that with ga.open_intervals"
                raise InputError(stamp.path, "byte 0", "it is a bigBed, no bigWig file", fix)
            if number == _BIGWIG:
                file.order = order
                break
        else:
            fix = "is it a wig or bedGraph? those are opened with ga.open_intervals"
            raise InputError(stamp.path, "byte 0", "it is no bigWig file", fix)
        _, _, tree, data, index, _, _, _, summary, most, _ = file.unpack(4, "HHQQQHHQQIQ")
        contigs = _contigs(file, tree)
        file.read(data, 8)
        if index:
            file.read(index, 48 + 4)
        elif file.read(stamp.size - 4, 4) != magic:
            # without entries there is no index, but then the closing magic is there
            raise damaged(stamp, "byte 24", "the header names no index of the data")
        told = Summary(*file.unpack(summary, "Qdd")) if summary else None
    return Head(file.order, contigs, most, index, told)


def _contigs(file: _File, tree: int) -> dict[str, tuple[int, int]]:
    stamp = file.stamp
    magic, _, wide, value, items, _ = file.unpack(tree, "IIIIQQ")
    if magic != _CONTIGS or value != 8 or not 0 < wide <= stamp.size:
        raise damaged(stamp, f"byte {tree}", "no table of contigs is there")
    fields = {
        1: [("name", f"S{wide}"), ("number", f"{file.order}u4"), ("length", f"{file.order}u4")],
        0: [("name", f"S{wide}"), ("child", f"{file.order}u8")],
    }
    rows: list[tuple[int, str, int]] = []
    todo, seen = [tree + 32], set[int]()
    while todo:
        at = todo.pop()
        kind, _, count = file.unpack(at, "BBH")
        if at in seen or kind not in fields or len(rows) > items:
            raise damaged(stamp, f"byte {at}", "the table of contigs contradicts itself")
        seen.add(at)
        dtype = np.dtype(fields[kind])
        node = np.frombuffer(file.read(at + 4, count * dtype.itemsize), dtype=dtype)
        if not kind:
            todo += node["child"][::-1].tolist()
            continue
        for name, number, length in node.tolist():
            try:
                rows.append((number, name.decode(), length))
            except UnicodeDecodeError:
                raise damaged(
                    stamp, f"byte {at}", f"the name of a contig, {name!r}, is no UTF-8 text"
                ) from None
    contigs = {name: (number, length) for number, name, length in sorted(rows)}
    numbers = {number for number, _ in contigs.values()}
    if not len(rows) == len(contigs) == len(numbers) == items:
        raise damaged(
            stamp, f"byte {tree}",
            f"{items:,} contigs are due, and {len(contigs):,} names with {len(numbers):,} numbers "
            f"are in {len(rows):,} rows",
        )  # fmt: skip
    for name, (_, length) in contigs.items():
        if not length or not name or "\0" in name:
            raise damaged(stamp, f"byte {tree}", f"contig {name!r} has a length of {length} bp")
    return contigs


@lru_cache(maxsize=16)
def bigwig_blocks(stamp: Stamp) -> dict[int, Blocks]:
    """Blocks of each contig that has data, by its number.

    Raises
    ------
    InputError
        When the index was cut off or contradicts itself.
    """
    head = bigwig_head(stamp)
    if not head.root:
        return {}
    stamp.check()
    with _File(stamp, head.order) as file:
        rows = _rows(file, head.root)
    where = f"byte {head.root}"
    if (rows["offset"] > stamp.size).any() or (rows["size"] > stamp.size - rows["offset"]).any():
        problem = "the file was cut off, or is damaged: data lie past its end by its index"
        raise damaged(stamp, f"byte {stamp.size}", problem)
    contig, start, end, offset, size = (
        rows[name].astype(np.int64) for name in ("contig", "start", "end", "offset", "size")
    )
    if (rows["last"] != contig).any() or (end <= start).any():
        raise damaged(stamp, where, "the index names an empty range, or one over two contigs")
    unknown = np.setdiff1d(contig, [number for number, _ in head.contigs.values()])
    if unknown.size:
        raise damaged(stamp, where, f"the index names contig {unknown[0]}, which is not listed")
    fresh = np.diff(contig, prepend=-1) != 0  # a contig begins
    firsts = np.flatnonzero(fresh).tolist()
    numbers = contig[fresh].tolist()
    if len(set(numbers)) < len(numbers) or ((np.diff(start) < 0) & ~fresh[1:]).any():
        raise damaged(stamp, where, "the blocks of a contig are not in order in the index")
    run = np.cumsum(fresh) << 32
    reach = np.maximum.accumulate(run + end) - run
    columns = start, end, offset, size, reach
    return {
        number: Blocks(*(column[first:last] for column in columns))
        for number, first, last in zip(numbers, firsts, [*firsts[1:], len(rows)], strict=True)
    }


def _rows(file: _File, index: int) -> npt.NDArray[np.void]:
    """Leaves of the R-tree, in its order."""
    stamp, order = file.stamp, file.order
    magic, _, due = file.unpack(index, "IIQ")
    if magic != _BLOCKS:
        raise damaged(stamp, f"byte {index}", "no index of the data is there")
    edges = [(name, f"{order}u4") for name in ("contig", "start", "last", "end")]
    dtypes = {
        1: np.dtype([*edges, ("offset", f"{order}u8"), ("size", f"{order}u8")]),
        0: np.dtype([*edges, ("child", f"{order}u8")]),
    }
    leaves, count = [np.empty(0, dtypes[1])], 0
    todo, seen = [(index + 48, 0, 2**64)], set[int]()
    while todo:
        at, low, high = todo.pop()
        kind, _, number = file.unpack(at, "BBH")
        if at in seen or kind not in dtypes:
            raise damaged(stamp, f"byte {at}", "no node of the index is there")
        seen.add(at)
        node = np.frombuffer(file.read(at + 4, number * dtypes[kind].itemsize), dtypes[kind])
        lows = node["contig"].astype(np.uint64) << np.uint64(32) | node["start"]
        highs = node["last"].astype(np.uint64) << np.uint64(32) | node["end"]
        if number and (int(lows.min()) < low or int(highs.max()) > high):
            raise damaged(stamp, f"byte {at}", "the index has a block outside of its node's range")
        if kind:
            leaves.append(node)
            count += number
            if count > due:
                break
        else:
            nodes = zip(node["child"].tolist(), lows.tolist(), highs.tolist(), strict=True)
            todo += list(nodes)[::-1]
    if count != due:
        raise damaged(stamp, f"byte {index}", f"{due:,} blocks are due, the index has {count:,}")
    return np.concatenate(leaves)
