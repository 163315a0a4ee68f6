"""How does a bigWig file find contigs, and the blocks of a stretch of the genome?

By two trees of the same make: nodes of at most 256 items, the root first, then level by level. The
tree of contigs is in the order of the letters of their names, as readers search it that way; the
numbers it gives follow the assembly.

Format: Kent et al. 2010, Bioinformatics 26:2204, supplement, https://doi.org/10.1093/bioinformatics/btq351.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.genome.assembly import Assembly

__all__ = ["BLOCK", "block_tree", "contig_tree"]

_CONTIGS, _BLOCKS = 0x78CA8C91, 0x2468ACE0
_FAN = 256  # items of a node
_RANGE = [("contig", "<u4"), ("start", "<u4"), ("last", "<u4"), ("end", "<u4")]
BLOCK = np.dtype([*_RANGE, ("offset", "<u8"), ("size", "<u8")])
"""A block: from `start` of `contig` to `end` of contig `last`, and where it is in the file."""

_NODE = np.dtype([*_RANGE, ("child", "<u8")])


def contig_tree(assembly: Assembly, at: int) -> bytes:
    """The tree of contigs, as it stands at an offset of the file."""
    names = [name.encode() for name in assembly.names]
    wide = max(map(len, names))
    leaf = np.dtype([("name", f"S{wide}"), ("number", "<u4"), ("length", "<u4")])
    leaves = np.zeros(len(names), leaf)
    leaves["name"], leaves["number"] = names, np.arange(len(names))
    leaves["length"] = assembly.lengths
    leaves = leaves[np.argsort(leaves["name"], kind="stable")]
    node = np.dtype([("name", f"S{wide}"), ("child", "<u8")])
    head = struct.pack("<IIIIQQ", _CONTIGS, _FAN, wide, 8, len(names), 0)
    return head + _nodes(leaves, node, ["name"], [], at + len(head))


def block_tree(blocks: npt.NDArray[np.void], at: int, slot: int) -> bytes:
    """The tree of blocks (`BLOCK`, ascending, at least one), as it stands at an offset.

    `slot` is how many items a block holds at most.
    """
    first, last = blocks[0], blocks[-1]
    head = struct.pack(
        "<IIQIIIIQII", _BLOCKS, _FAN, len(blocks), first["contig"], first["start"], last["last"],
        last["end"], at, slot, 0,
    )  # fmt: skip
    return head + _nodes(blocks, _NODE, ["contig", "start"], ["last", "end"], at + len(head))


def _nodes(
    leaves: npt.NDArray[np.void],
    node: np.dtype[Any],
    firsts: Sequence[str],
    lasts: Sequence[str],
    at: int,
) -> bytes:
    """All nodes over leaves; a node's item takes some fields of its child's first or last item."""
    levels = [leaves]
    while len(levels[0]) > _FAN:
        below = levels[0]
        first = np.arange(0, len(below), _FAN)
        last = np.minimum(first + _FAN, len(below)) - 1
        items = np.zeros(len(first), node)
        for name in firsts:
            items[name] = below[name][first]
        for name in lasts:
            items[name] = below[name][last]
        levels.insert(0, items)
    for level, below in pairwise(levels):
        at += _bytes(level)
        level["child"] = at + np.arange(len(level)) * (4 + _FAN * below.itemsize)
    parts = []
    for level in levels:
        kind = int(level is leaves)
        for begin in range(0, len(level), _FAN):
            some = level[begin : begin + _FAN]
            parts += [struct.pack("<BBH", kind, 0, len(some)), some.tobytes()]
    return b"".join(parts)


def _bytes(level: npt.NDArray[np.void]) -> int:
    return -(-len(level) // _FAN) * 4 + level.nbytes
