"""Where in a BAM record is what?

Every field is read from the bytes and nothing is trusted: a record that does not fit its own
lengths, or an operation that does not exist, is told, never followed. CIGARs of more than 65,535
operations lie in the tag CG (section 4.2.2).

Specification: SAM/BAM format, section 4.2 (https://samtools.github.io/hts-specs/SAMv1.pdf).
"""

from __future__ import annotations

from typing import Any

from numpy import int64

from genoarrays._compiled import compiled

__all__ = ["BAD", "GOOD", "MORE", "aligned", "check_record", "find_cigar", "int32", "read_span"]

GOOD, MORE, BAD = 0, 1, 2
_MOST = 2**28  # bytes of a record: the longest reads known need a hundredth
_SOFT, _SKIP, _LAST = 4, 3, 8
_ON_REFERENCE = 0b110001101  # M D N = X
_ALIGNED = 0b110000001  # M = X


@compiled
def uint16(data: Any, at: Any) -> Any:
    """Two bytes."""
    return int64(data[at]) | int64(data[at + 1]) << 8


@compiled
def int32(data: Any, at: Any) -> Any:
    """Four bytes, signed."""
    low = int64(data[at]) | int64(data[at + 1]) << 8 | int64(data[at + 2]) << 16
    value = low | int64(data[at + 3]) << 24
    return value - ((value & 0x80000000) << 1)


@compiled
def check_record(data: Any, at: Any, size: Any) -> int:
    """Whether a whole record starts at a byte: GOOD, MORE (bytes are needed), or BAD."""
    if at + 36 > size:
        return MORE
    length = int32(data, at)
    name, letters = int64(data[at + 12]), int32(data, at + 20)
    needed = 32 + name + 4 * uint16(data, at + 16) + letters + (letters + 1) // 2
    if name < 1 or letters < 0 or length < needed or length > _MOST:
        return BAD
    if at + 4 + length > size:
        return MORE
    return GOOD if data[at + 35 + name] == 0 else BAD


@compiled
def find_cigar(data: Any, at: Any) -> Any:
    """Byte of the first operation, and how many there are, of a GOOD record."""
    number = uint16(data, at + 16)
    first = at + 36 + int64(data[at + 12])
    if number != 2:
        return first, number
    letters = int32(data, at + 20)
    if int32(data, first) != (letters << 4 | _SOFT) or int64(data[first + 4]) & 15 != _SKIP:
        return first, number
    tag, end = first + 8 + (letters + 1) // 2 + letters, at + 4 + int32(data, at)
    while tag + 8 <= end:
        kind = data[tag + 2]
        width, value = _width(kind), tag + 3
        if kind == 90 or kind == 72:  # Z H
            while value < end and data[value]:
                value += 1
            tag = value + 1
        elif kind == 66:  # B
            width, count = _width(data[tag + 3]), int32(data, tag + 4)
            if width == 0 or count < 0 or tag + 8 + width * count > end:
                break
            if data[tag] == 67 and data[tag + 1] == 71 and width == 4:  # CG
                return tag + 8, count
            tag += 8 + width * count
        elif width:
            tag = value + width
        else:
            break
    return first, number


@compiled
def _width(kind: Any) -> int:
    """Bytes of a tag's value: A c C, s S, i I f."""
    if kind == 65 or kind == 99 or kind == 67:
        return 1
    if kind == 115 or kind == 83:
        return 2
    if kind == 105 or kind == 73 or kind == 102:
        return 4
    return 0


@compiled
def read_span(data: Any, first: Any, number: Any) -> Any:
    """Bases of the reference under a CIGAR; -1 when it holds an operation that does not exist."""
    total = int64(0)
    for at in range(first, first + 4 * number, 4):
        kind = int64(data[at]) & 15
        if kind > _LAST:
            return int64(-1)
        if _ON_REFERENCE >> kind & 1:
            total += (int32(data, at) & 0xFFFFFFFF) >> 4
    return total


@compiled
def aligned(data: Any, at: Any) -> Any:
    """Of one operation: bases of the reference, and whether they are aligned (M = X)."""
    kind = int64(data[at]) & 15
    length = (int32(data, at) & 0xFFFFFFFF) >> 4
    return length if _ON_REFERENCE >> kind & 1 else int64(0), bool(_ALIGNED >> kind & 1)
