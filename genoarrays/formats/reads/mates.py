"""Which bases of a read has its mate covered already?

Of two mates that overlap, the one that comes first in the file waits (its name and CIGAR) until the
other comes. Only reads whose mate starts before their own end wait, and those that were passed are
forgotten when the room is full: what waits is bounded by the depth at one place.

Mates are found by a hash of the name, and compared by name, by both positions and by being read 1
and read 2: nothing rests on the hash.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import int64, uint64

from genoarrays._compiled import compiled
from genoarrays.formats.reads.records import find_cigar

__all__ = ["Waiting", "make_room", "nobody", "take_mate", "wait_for_mate"]

_POS, _MATE, _FLAG, _NAME, _LENGTH, _CIGAR, _NUMBER, _KEY = range(8)


class Waiting(NamedTuple):
    """Reads that wait: a hash table of rows of `reads`, and their names and CIGARs."""

    table: Any  # (2**k,) int32: row, or -1
    reads: Any  # (most, 8) int64
    letters: Any  # (bytes,) uint8
    used: Any  # (2,) int64: rows, bytes


def nobody(most: int = 0, letters: int = 0) -> Waiting:
    """Room for `most` reads with so many bytes of names and CIGARs."""
    width = 1 << max(2 * most - 1, 1).bit_length()
    return Waiting(
        np.full(width, -1, np.int32), np.empty((most, 8), np.int64),
        np.empty(letters, np.uint8), np.zeros(2, np.int64),
    )  # fmt: skip


@compiled
def _hash(data: Any, first: Any, length: Any) -> Any:
    """FNV-1a of the name, as a table key; the upper half is mixed in."""
    key = uint64(14695981039346656037)
    for at in range(first, first + length):
        key = (key ^ uint64(data[at])) * uint64(1099511628211)
    return int64((key ^ (key >> uint64(32))) & uint64(0x7FFFFFFFFFFFFFFF))


@compiled
def wait_for_mate(waiting: Waiting, data: Any, at: Any, pos: Any, mate: Any, flag: Any) -> bool:
    """Let a read wait; False when there is no room."""
    rows, bytes_used = waiting.used
    length = int64(data[at + 12])
    cigar, number = find_cigar(data, at)
    if rows == len(waiting.reads) or bytes_used + length + 4 * number > len(waiting.letters):
        return False
    read, letters = waiting.reads[rows], waiting.letters
    read[_POS], read[_MATE], read[_FLAG] = pos, mate, flag
    read[_NAME], read[_LENGTH] = bytes_used, length
    read[_CIGAR], read[_NUMBER] = bytes_used + length, number
    read[_KEY] = _hash(data, at + 36, length)
    letters[bytes_used : bytes_used + length] = data[at + 36 : at + 36 + length]
    bytes_used += length
    letters[bytes_used : bytes_used + 4 * number] = data[cigar : cigar + 4 * number]
    waiting.used[0] = rows + 1
    waiting.used[1] = bytes_used + 4 * number
    _put(waiting.table, read[_KEY], rows)
    return True


@compiled
def _put(table: Any, key: Any, row: Any) -> None:
    slot = key & (len(table) - 1)
    while table[slot] >= 0:
        slot = (slot + 1) & (len(table) - 1)
    table[slot] = row


@compiled
def take_mate(waiting: Waiting, data: Any, at: Any, pos: Any, mate: Any, flag: Any) -> Any:
    """Start of the mate that waited, and first byte and number of its CIGAR; number -1: none."""
    length = int64(data[at + 12])
    key = _hash(data, at + 36, length)
    slot = key & (len(waiting.table) - 1)
    while waiting.table[slot] >= 0:
        read = waiting.reads[waiting.table[slot]]
        slot = (slot + 1) & (len(waiting.table) - 1)
        if read[_KEY] != key or read[_POS] != mate or read[_MATE] != pos:
            continue
        if read[_LENGTH] != length or (read[_FLAG] ^ flag) & 0xC0 != 0xC0:
            continue
        same = True
        for letter in range(length):
            same &= waiting.letters[read[_NAME] + letter] == data[at + 36 + letter]
        if same:
            read[_MATE] = -1  # gone
            return read[_POS], read[_CIGAR], read[_NUMBER]
    return int64(0), int64(0), int64(-1)


def make_room(waiting: Waiting, pos: int, needed: int) -> Waiting:
    """Forget reads whose mate should have come before `pos`; at least half is room then."""
    rows = int(waiting.used[0])
    stays = np.flatnonzero(waiting.reads[:rows, _MATE] >= pos)
    sizes = waiting.reads[stays, _LENGTH] + 4 * waiting.reads[stays, _NUMBER]
    room = nobody(max(2 * len(stays), 2**12), max(2 * int(sizes.sum()), 2**18) + needed)
    _move(waiting, room, stays)
    return room


@compiled
def _move(old: Waiting, new: Waiting, rows: Any) -> None:
    at = int64(0)
    for number in range(len(rows)):
        read = new.reads[number]
        read[:] = old.reads[rows[number]]
        size = read[_LENGTH] + 4 * read[_NUMBER]
        new.letters[at : at + size] = old.letters[read[_NAME] : read[_NAME] + size]
        read[_NAME], read[_CIGAR] = at, at + read[_LENGTH]
        at += size
        _put(new.table, read[_KEY], number)
    new.used[0], new.used[1] = len(rows), at
