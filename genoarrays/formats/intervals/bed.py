"""What do the columns of a BED, narrowPeak, broadPeak or bedGraph file say?

Own parsers: pyranges mislabels the columns of narrowPeak, and neither it nor pandas names the line
that is wrong. The first row decides the separator and the number of columns.

Columns 7 to 12 of BED (drawing, blocks) are read as such when the first row fits them: files of
8, 9, or 12 and more columns, with whole numbers, and blocks that lie within the interval. Others,
such as BED6+4 or a narrowPeak that is called .bed, keep them as text: column_7, column_8, ... Text
is never guessed to be something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.text.fields import integers, numbers, texts
from genoarrays.formats.text.lines import Fields, Lines, Malformed, convert_blocks, shown
from genoarrays.formats.text.spans import Rows

__all__ = ["BED_FORMATS", "parse_bed", "split_blocks"]

_NAMED = ("name", "score", "strand")
_DRAWN = ("thick_start", "thick_end", "item_rgb", "block_count", "block_sizes", "block_starts")
BED_FORMATS = {
    "bed": (*_NAMED, *_DRAWN),
    "narrowPeak": (*_NAMED, "signal", "p_value", "q_value", "summit"),
    "broadPeak": (*_NAMED, "signal", "p_value", "q_value"),
    "bedGraph": ("value",),
}
"""Columns after contig, start and end."""

_INTEGERS = ("thick_start", "thick_end", "block_count", "summit")
_NUMBERS = ("score", "value", "signal", "p_value", "q_value")
_COLOR = re.compile(rb"\.|[0-9]+(,[0-9]+,[0-9]+)?")
_LIST = re.compile(rb"[0-9]{1,18}(,[0-9]{1,18})*,?")

Ints = npt.NDArray[np.int64]


class _Part(NamedTuple):
    code: npt.NDArray[np.int32]
    start: Ints
    end: Ints
    number: Ints
    columns: dict[str, npt.NDArray[Any]]


def parse_bed(stamp: Stamp, format: str, wanted: Sequence[str] | None = None) -> Rows:
    """Read a file.

    Parameters
    ----------
    stamp
        The file; gzip of any kind is read too.
    format
        One of `BED_FORMATS`.
    wanted
        Columns to read besides contig, start and end; None is all that the file has.

    Returns
    -------
    Rows
        `columns`: text as StringDType (strand is "+", "-" or "."), numbers as float64,
        thick_start, thick_end and block_count as int64, summit as int64 bp of the contig (-1 where
        there is none).

    Raises
    ------
    InputError
        For the first line that is malformed, or a wanted column that is not there.
    """
    table = _Table(stamp.path, format, wanted)
    parts = convert_blocks(stamp, table.convert)
    none = np.zeros(0, dtype=np.int64)
    if not parts:
        parts = [_Part(none.astype(np.int32), none, none, none, dict.fromkeys(wanted or (), none))]
    code, start, end, number = (
        _joined([getattr(part, name) for part in parts]) for name in _Part._fields[:4]
    )
    columns = {}
    for name in parts[0].columns:
        column = _joined([part.columns[name] for part in parts])
        if (words := table.words.get(name)) is not None:
            column = np.array([*words, ""], dtype=np.dtypes.StringDType())[column]
        columns[name] = column
    return Rows(stamp.path, "line", tuple(table.contigs), code, start, end, number, columns)


def _joined(parts: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


class _Table:
    """Converts blocks of lines."""

    def __init__(self, path: str, format: str, wanted: Sequence[str] | None) -> None:
        self.path = path
        self.format = format
        self.wanted = wanted
        self.contigs: dict[str, int] = {}
        self.words: dict[str, dict[str, int]] = {}
        self.tabs = True
        self.width = 0
        self.places: dict[str, int] = {}

    def convert(self, lines: Lines) -> _Part:
        if not self.width:
            self._first_row(lines)
        fields = lines.split(self.tabs, self.width)
        code = texts(fields, 0, "contig", self.contigs)
        if "" in self.contigs and (code == self.contigs[""]).any():
            row = int(np.argmax(code == self.contigs[""]))
            raise Malformed(row, "there is no contig", "name the contig in the first column")
        start, end = integers(fields, 1, "start"), integers(fields, 2, "end")
        if (bad := np.flatnonzero(start > end)).size:
            row = int(bad[0])
            raise Malformed(
                row, f"start {start[row]} lies past end {end[row]}", "swap or correct them"
            )
        columns = {name: self._column(fields, name, at) for name, at in self.places.items()}
        if "summit" in columns:
            columns["summit"] = _summits(columns["summit"], start, end)
        if "block_sizes" in columns:
            for row in range(len(fields)):
                if problem := _blocks_problem(fields, row, int(end[row] - start[row])):
                    raise Malformed(row, problem)
        return _Part(code, start, end, lines.number, columns)

    def _first_row(self, lines: Lines) -> None:
        line = lines.line(0)
        tabs = b"\t" in line
        width = len(line.split(b"\t" if tabs else None))
        known = BED_FORMATS[self.format]
        least = 3 if self.format == "bed" else 3 + len(known)
        if width < least:
            raise Malformed(
                0,
                f"{width} columns in {shown(line)}, {self.format} has {least}",
                "separate the columns by tabs, or name another format=",
            )
        if self.format == "bed" and not _is_drawn(lines.first(1).split(tabs, width)):
            known = _NAMED
        names = (*known, *(f"column_{n}" for n in range(4 + len(known), width + 1)))[: width - 3]
        if missing := [name for name in self.wanted or () if name not in names]:
            raise InputError(
                self.path,
                f"line {lines.number[0]}",
                f"the {self.format} file has {width} columns, and none for {missing[0]}",
                "use mode='presence', or name another format=",
            )
        self.tabs, self.width = tabs, width
        wanted = names if self.wanted is None else self.wanted
        self.places = {name: 3 + names.index(name) for name in wanted}

    def _column(self, fields: Fields, name: str, place: int) -> npt.NDArray[Any]:
        if name in _INTEGERS:
            return integers(fields, place, name)
        if name in _NUMBERS:
            return numbers(fields, place, name, missing=name == "score")
        allowed = ("+", "-", ".") if name == "strand" else ()
        return texts(fields, place, name, self.words.setdefault(name, {}), allowed)


def _summits(offset: Ints, start: Ints, end: Ints) -> Ints:
    """Summits as bp of the contig; a file has them as bp from the start, or -1 for none."""
    if (bad := np.flatnonzero(offset >= np.maximum(end - start, 1))).size:
        row = int(bad[0])
        raise Malformed(row, f"the summit {offset[row]} lies past the end", "correct column 10")
    return np.where(offset < 0, -1, start + offset)


def _is_drawn(fields: Fields) -> bool:
    """Whether a first row fits columns 7 to 9, or to 12, of BED."""
    if fields.width < 12 and fields.width not in (8, 9):
        return False
    try:
        start, end, low, high = (int(integers(fields, at, "")[0]) for at in (1, 2, 6, 7))
    except Malformed:
        return False
    if not (start <= low <= high <= end or low == high == 0):
        return False
    if fields.width > 8 and not _COLOR.fullmatch(fields.at(0, 8)):
        return False
    return fields.width < 12 or not _blocks_problem(fields, 0, end - start)


def _blocks_problem(fields: Fields, row: int, length: int) -> str:
    """What is wrong with the blocks of a row, if anything."""
    count, sizes, starts = (fields.at(row, place) for place in (9, 10, 11))
    for name, text in (("block_sizes", sizes), ("block_starts", starts)):
        if not _LIST.fullmatch(text):
            return f"{name} is {shown(text)}, no list of whole numbers"
        if not count.isdigit() or len(text.rstrip(b",").split(b",")) != int(count):
            return f"{name} is {shown(text)}, and block_count {shown(count)}"
    ends = [
        int(a) + int(b)
        for a, b in zip(
            sizes.rstrip(b",").split(b","), starts.rstrip(b",").split(b","), strict=True
        )
    ]
    if max(ends) > length:
        return f"a block ends {max(ends)} bp after the start of an interval of {length} bp"
    return ""


def split_blocks(rows: Rows) -> Rows:
    """Blocks (exons) of intervals, as intervals of their own; `rows` has the columns of blocks."""
    sizes, starts = (
        [[int(n) for n in text.rstrip(",").split(",")] for text in rows.columns[name].tolist()]
        for name in ("block_sizes", "block_starts")
    )
    counts = [len(some) for some in sizes]
    blocks = rows.take(np.repeat(np.arange(len(counts)), counts))
    flat_sizes, flat_starts = (
        np.array([n for some in lists for n in some], dtype=np.int64) for lists in (sizes, starts)
    )
    start = blocks.start + flat_starts
    return blocks._replace(start=start, end=start + flat_sizes)
