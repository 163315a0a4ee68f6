"""What do the rows of a fragments file say?

Bytes become columns in one compiled loop that holds no GIL: contig, start, end, and where they are
wanted the sample of the barcode and the count. 0.6 GB/s of text on one core without barcodes,
0.26 with barcodes and counts (45 bytes a row, 8,000 barcodes).

A row that is not as it must be stops the kernel, which says why; callers name the place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays._compiled import compiled
from genoarrays.formats.text.words import Words, find

__all__ = ["Block", "RowError", "RowParser", "add_bases", "add_sites"]

Array = npt.NDArray[Any]
_DONE, _CONTIG, _WIDTH, _NARROW, _START, _END, _COUNT, _ORDER, _LONE = range(9)
_FARTHEST = 2**32 - 1  # coordinates are kept as uint32


@compiled
def _number(text: Array, start: int, end: int) -> Any:
    """Digits as a number; -1 for anything else, and past 2^32 - 1."""
    if start >= end or end - start > 10:
        return -1
    value: Any = 0
    for at in range(start, end):
        digit = np.int64(text[at]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value if value <= _FARTHEST else -1


@compiled
def _is_heading(text: Array, start: int, end: int) -> bool:
    """Whether a line is empty, a comment, or starts with the word track or browser."""
    if start == end or text[start] == 35:
        return True
    for word in (b"track", b"browser"):
        stop = start + len(word)
        if stop <= end and (stop == end or text[stop] == 32 or text[stop] == 9):
            same = True
            for at in range(len(word)):
                same = same and text[start + at] == word[at]
            if same:
                return True
    return False


@compiled
def _parse(
    text: Array,
    at: int,
    need: int,
    width: int,
    contigs: tuple[Array, Array, Array],
    barcodes: tuple[Array, Array, Array],
    groups: Array,
    rows: tuple[Array, ...],
) -> tuple[int, int, int, int]:
    """Rows from byte `at` on: how many, where the next line starts, its problem, and the width."""
    code, begin, stop, group, weight = rows
    tabs = np.zeros(6, dtype=np.int64)
    last, last_start, last_end = -1, 0, 0
    number = 0
    while number < len(code):
        end, columns = at, 1
        while end < len(text) and text[end] != 10:
            if text[end] == 9:
                if columns < 6:
                    tabs[columns - 1] = end
                columns += 1
            elif text[end] == 13 and end + 1 < len(text) and text[end + 1] != 10:
                return number, at, _LONE, width
            end += 1
        if end == len(text):
            break
        stripped = end - 1 if end > at and text[end - 1] == 13 else end
        if _is_heading(text, at, stripped):
            at = end + 1
            continue
        if width == 0:
            width = columns
        if columns < need:
            return number, at, _NARROW, width
        if columns != width:
            return number, at, _WIDTH, width
        if columns < 6:
            tabs[columns - 1] = stripped
        same = last >= 0 and last_end - last_start == tabs[0] - at
        place = 0
        while same and place < tabs[0] - at:
            same = text[at + place] == text[last_start + place]
            place += 1
        if not same:
            last = find(text, at, tabs[0], contigs[0], contigs[1], contigs[2])
            if last < 0:
                return number, at, _CONTIG, width
            last_start, last_end = at, tabs[0]
        first, past = _number(text, tabs[0] + 1, tabs[1]), _number(text, tabs[1] + 1, tabs[2])
        if first < 0 or past < 0:
            return number, at, _START if first < 0 else _END, width
        if first >= past:
            return number, at, _ORDER, width
        code[number], begin[number], stop[number] = last, first, past
        if need >= 4 and len(group):
            found = find(text, tabs[2] + 1, tabs[3], barcodes[0], barcodes[1], barcodes[2])
            group[number] = groups[found] if found >= 0 else -1
        if need >= 5:
            count = _number(text, tabs[3] + 1, tabs[4])
            if count < 0:
                return number, at, _COUNT, width
            weight[number] = count
        number += 1
        at = end + 1
    return number, at, _DONE, width


@compiled
def add_sites(
    counts: Array, place: Array, weight: Array, low: int, high: int, bin_size: int
) -> None:
    """Add the weights of places in [low, high) to their bins."""
    for row in range(len(place)):
        if low <= place[row] < high:
            times = weight[row] if len(weight) else 1
            counts[(place[row] - low) // bin_size] += times


@compiled
def add_bases(
    edges: Array, start: Array, end: Array, weight: Array, low: int, high: int, bin_size: int
) -> None:
    """Add the bases of [low, high) under fragments to two arrays, (2, bins + 1).

    The bases of a bin are edges[0] and the running sum of edges[1]; see `bins.py`.
    """
    last = edges.shape[1] - 1
    for row in range(len(start)):
        first, past = max(start[row], low) - low, min(end[row], high) - low
        if first < past:
            times = weight[row] if len(weight) else 1
            for edge, sign in ((first, times), (past, -times)):
                place = edge // bin_size
                edges[0, place] += sign * (bin_size - edge + place * bin_size)
                edges[1, min(place + 1, last)] += sign * bin_size


class Block(NamedTuple):
    """Some rows: contig code, start, end; sample (-1: unlisted) and count, or empty."""

    code: Array
    start: Array
    end: Array
    group: Array
    weight: Array

    def take(self, key: Any) -> Block:
        """Some of the rows."""
        return Block(*(column[key] if len(column) else column for column in self))


class RowError(Exception):
    """A row that cannot be read: bytes before it, the problem, and the cure."""

    def __init__(self, at: int, problem: str, fix: str) -> None:
        super().__init__(problem)
        self.at, self.problem, self.fix = at, problem, fix


class RowParser:
    """Parses text in pieces; the first row decides the number of columns.

    Parameters
    ----------
    contigs
        Known contigs; others are added as they are met.
    barcodes, groups
        Barcodes, and the sample of each; None reads no barcodes.
    weighted
        Whether to read the fifth column.
    """

    def __init__(
        self, contigs: Words, barcodes: Words | None, groups: Array | None, weighted: bool
    ) -> None:
        self.contigs = contigs
        self.barcodes = barcodes
        self.groups = np.zeros(0, dtype=np.int32) if groups is None else groups
        self.weighted = weighted
        self.need = 5 if weighted else 3 if barcodes is None else 4
        self.width = 0

    def parse(self, letters: npt.NDArray[np.uint8]) -> tuple[Block, int]:
        """Rows of the whole lines of a text, and the bytes that they take.

        Raises
        ------
        RowError
            For the first malformed row.
        """
        most = int(np.count_nonzero(letters == ord("\n")))
        rows: tuple[Array, ...] = (
            np.empty(most, dtype=np.int32),
            np.empty(most, dtype=np.int64),
            np.empty(most, dtype=np.int64),
            np.empty(0 if self.barcodes is None else most, dtype=np.int32),
            np.empty(most if self.weighted else 0, dtype=np.int64),
        )
        barcodes = (self.barcodes or Words()).arrays
        done = at = 0
        while True:
            rest: tuple[Array, ...] = tuple(column[done:] for column in rows)
            number, at, problem, self.width = _parse(
                letters, at, self.need, self.width, self.contigs.arrays, barcodes, self.groups, rest
            )
            done += number
            if problem == _DONE:
                return Block(*rows).take(slice(done)), at
            end = at + int(np.argmax(letters[at:] == ord("\n")))
            line = letters[at:end].tobytes().rstrip(b"\r")
            fields = line.split(b"\t")
            if problem != _CONTIG:
                raise RowError(at, *self._problem(problem, line, fields))
            try:
                fields[0].decode()
            except UnicodeDecodeError:
                raise RowError(at, f"contig {fields[0]!r} is no UTF-8", "use UTF-8 text") from None
            if not fields[0]:
                raise RowError(at, "there is no contig", "complete the row or remove it")
            self.contigs.extend([fields[0]])

    def _problem(self, problem: int, line: bytes, fields: list[bytes]) -> tuple[str, str]:
        shown = repr(line[:60].decode("utf-8", "replace"))
        if problem == _LONE:
            return (
                "a carriage return stands within the line: the line ends are not those of text",
                "convert them: tr '\\r' '\\n'",
            )
        if problem == _NARROW:
            names = ("contig", "start", "end", "barcode", "count")[: self.need]
            return (
                f"{len(fields)} columns in {shown}, and {', '.join(names)} are needed",
                "separate the columns by tabs, or ask for less (groups=None, weight='rows')",
            )
        if problem == _WIDTH:
            return (
                f"{len(fields)} columns in {shown}, where the rows before have {self.width}",
                "complete the row or remove it",
            )
        if problem == _ORDER:
            return f"start {fields[1].decode()} is not below end {fields[2].decode()}", "correct it"
        name, place = {_START: ("start", 1), _END: ("end", 2), _COUNT: ("count", 4)}[problem]
        value = fields[place][:60].decode("utf-8", "replace")
        return f"{name} is {value!r}, no whole number from 0 to 2^32 - 1", "correct the row"
