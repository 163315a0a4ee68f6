"""What do the rows of a BED, narrowPeak, broadPeak or bedGraph file say?

Own parsers: pyranges mislabels the columns of narrowPeak, and neither it nor pandas names the line
that is wrong. Rows are read in blocks and converted column by column; only when a block fails is it
searched for the line. Comments, `track` and `browser` lines may stand anywhere.

Columns 7 to 12 of BED (drawing, blocks) are not read.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
import pandas as pd

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.bgzf import is_gzip
from genoarrays.formats.files import Stamp
from genoarrays.formats.match import Header, Match

__all__ = ["FORMATS", "Rows", "fit_rows", "format_of", "parse_rows"]

FORMATS = {
    "bed": ("name", "score", "strand"),
    "narrowPeak": ("name", "score", "strand", "signal", "p_value", "q_value", "summit"),
    "broadPeak": ("name", "score", "strand", "signal", "p_value", "q_value"),
    "bedGraph": ("value",),
}
"""Columns after contig, start and end."""

_SUFFIXES = {".bdg": "bedGraph", ".bg": "bedGraph"} | {f".{f.lower()}": f for f in FORMATS}
_BLOCK = 2**17  # rows converted at once
_NONE = np.zeros(0, dtype=np.int64)
Ints = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """Intervals of one file or table, with the number of the line or row each stands in."""

    source: str
    unit: str
    names: tuple[str, ...]
    code: npt.NDArray[np.int32]
    start: Ints
    end: Ints
    number: Ints
    columns: dict[str, npt.NDArray[Any]]

    @property
    def header(self) -> Header:
        """Contigs that occur; their lengths are not told."""
        return Header(self.source, dict.fromkeys(self.names))

    def take(self, key: Any) -> Rows:
        """Some of the rows."""
        return self._replace(
            code=self.code[key],
            start=self.start[key],
            end=self.end[key],
            number=self.number[key],
            columns={name: column[key] for name, column in self.columns.items()},
        )

    def error(self, row: int, problem: str, fix: str) -> InputError:
        """Error that names the place of a row."""
        return InputError(self.source, f"{self.unit} {self.number[row]}", problem, fix)

    def check(self) -> Rows:
        """Refuse intervals that run backwards.

        Raises
        ------
        InputError
            Names the first one.
        """
        if (bad := np.flatnonzero(self.start > self.end)).size:
            row = int(bad[0])
            raise self.error(
                row,
                f"start {self.start[row]} lies past end {self.end[row]}",
                "swap or correct them",
            )
        return self

    def check_starts(self) -> Rows:
        """Refuse intervals that start before 0.

        Raises
        ------
        InputError
            Names the first one.
        """
        if (bad := np.flatnonzero(self.start < 0)).size:
            row = int(bad[0])
            raise self.error(
                row, f"start {self.start[row]} is below 0", "coordinates are 0-based; correct it"
            )
        return self


def format_of(path: str, asked: str | None = None) -> str:
    """Format that a suffix means; other suffixes are read as BED.

    Raises
    ------
    GenomeError
        For an unknown format.

    Examples
    --------
    >>> format_of("peaks.narrowPeak.gz"), format_of("peaks.txt")
    ('narrowPeak', 'bed')
    """
    if asked is not None:
        if asked not in FORMATS:
            raise GenomeError(f"format={asked!r} is not known; known are {', '.join(FORMATS)}")
        return asked
    lower = path.lower().removesuffix(".gz")
    return next((f for suffix, f in _SUFFIXES.items() if lower.endswith(suffix)), "bed")


def parse_rows(stamp: Stamp, format: str, wanted: Sequence[str] | None = None) -> Rows:
    """Read a file.

    Parameters
    ----------
    stamp
        The file; gzip of any kind is read too.
    format
        One of `FORMATS`.
    wanted
        Columns to read besides contig, start and end; None is all that the file has.

    Returns
    -------
    Rows
        `columns`: name and strand ("+", "-", ".") as StringDType, numbers as float64, summit as
        int64 bp of the contig (-1 where there is none).

    Raises
    ------
    InputError
        For the first line that is malformed, or a wanted column that is not there.
    """
    codes: dict[str, int] = {}
    parts: list[_Block] = []
    table = _Table(stamp.path, format, wanted)
    opener: Callable[..., Any] = gzip.open if is_gzip(stamp.path) else open
    done = 0
    try:
        with opener(stamp.path, "rb") as file:
            while lines := list(islice(file, _BLOCK)):
                part = table.convert(lines, done, codes)
                parts += [part] if len(part.start) else []
                done += len(lines)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            stamp.path,
            f"after line {done}",
            f"the gzip data are damaged ({error})",
            "copy it again",
        ) from error
    if not parts:
        columns = dict.fromkeys(wanted or (), _NONE)
        parts.append(_Block(_NONE.astype(np.int32), _NONE, _NONE, _NONE, columns))
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    code, start, end, number = (
        np.concatenate([part[place] for part in parts]) for place in range(4)
    )
    rows = Rows(stamp.path, "line", tuple(codes), code, start, end, number, columns).check()
    return _with_summits(rows) if "summit" in columns else rows


def _with_summits(rows: Rows) -> Rows:
    """Summits as bp of the contig; a file has them as bp from the start, or -1 for none."""
    offset = rows.columns["summit"]
    if (bad := np.flatnonzero(offset >= np.maximum(rows.end - rows.start, 1))).size:
        row = int(bad[0])
        raise rows.error(row, f"the summit {offset[row]} lies past the end", "correct column 10")
    summit = np.where(offset < 0, -1, rows.start + offset)
    return rows._replace(columns={**rows.columns, "summit": summit})


class _Block(NamedTuple):
    code: npt.NDArray[np.int32]
    start: Ints
    end: Ints
    number: Ints
    columns: dict[str, npt.NDArray[Any]]


class _Table:
    """Converts blocks of lines; the first row decides separator and number of columns."""

    def __init__(self, path: str, format: str, wanted: Sequence[str] | None) -> None:
        self.path = path
        self.format = format
        self.wanted = wanted
        self.tabs = True
        self.width = 0
        self.columns: dict[str, int] | None = None  # place by name

    def fail(self, number: int, problem: str, fix: str) -> NoReturn:
        raise InputError(self.path, f"line {number}", problem, fix)

    def convert(self, lines: list[bytes], done: int, codes: dict[str, int]) -> _Block:
        data = [(n, line) for n, line in enumerate(lines, done + 1) if not _is_heading(line)]
        if data and self.columns is None:
            self._first_row(*data[0])
        separator = b"\t" if self.tabs else None
        fields = [line.rstrip(b"\r\n").split(separator) for _, line in data]
        for (number, line), row in zip(data, fields, strict=True):
            if len(row) != self.width:
                self.fail(
                    number,
                    f"{len(row)} columns in {_show(line)}, where the rows before have {self.width}",
                    "complete the row or remove it",
                )
        numbers = np.array([number for number, _ in data], dtype=np.int64)
        by_place = list(zip(*fields, strict=True)) or [()] * max(self.width, 3)
        contigs = self._texts("contig", by_place[0], numbers).tolist()
        code = [codes.setdefault(name, len(codes)) for name in contigs]
        start, end = (
            self._numbers(int, by_place[place], numbers, name)
            for place, name in enumerate(("start", "end"), 1)
        )
        columns = {
            name: self._column(name, by_place[place], numbers)
            for name, place in (self.columns or {}).items()
        }
        return _Block(np.array(code, dtype=np.int32), start, end, numbers, columns)

    def _first_row(self, number: int, line: bytes) -> None:
        self.tabs = b"\t" in line
        width = len(line.rstrip(b"\r\n").split(b"\t" if self.tabs else None))
        known = FORMATS[self.format]
        least = 3 if self.format == "bed" else 3 + len(known)
        if width < least:
            self.fail(
                number,
                f"{width} columns in {_show(line)}, {self.format} has {least}",
                "separate the columns by tabs, or name another format=",
            )
        there = known[: width - 3]
        if missing := [name for name in self.wanted or () if name not in there]:
            raise InputError(
                self.path,
                f"line {number}",
                f"the {self.format} file has {width} columns, and none for {missing[0]}",
                "use mode='presence', or name another format=",
            )
        self.width = width
        names = there if self.wanted is None else self.wanted
        self.columns = {name: 3 + known.index(name) for name in names}

    def _column(self, name: str, texts: Sequence[bytes], numbers: Ints) -> npt.NDArray[Any]:
        if name in ("name", "strand"):
            return self._texts(name, texts, numbers)
        if name == "summit":
            return self._numbers(int, texts, numbers, name)
        dots = [b"nan" if text == b"." else text for text in texts] if name == "score" else texts
        values = self._numbers(float, dots, numbers, name)
        if name != "score" and not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            self.fail(int(numbers[at]), f"{name} is {texts[at].decode()}", "give a number")
        return values

    def _texts(self, name: str, texts: Sequence[bytes], numbers: Ints) -> npt.NDArray[Any]:
        codes, kinds = pd.factorize(np.array(texts, dtype=object))
        words = []
        for code, kind in enumerate(kinds):
            word = kind.decode("utf-8", "replace")
            if "\ufffd" in word or (name == "strand" and word not in ("+", "-", ".")):
                fix = "strands are '+', '-' and '.'" if name == "strand" else "use UTF-8 text"
                self.fail(int(numbers[np.argmax(codes == code)]), f"{name} is {word!r}", fix)
            words.append(word)
        return np.array(words, dtype=np.dtypes.StringDType())[codes]

    def _numbers(
        self, kind: type[int] | type[float], texts: Sequence[bytes], numbers: Ints, name: str
    ) -> npt.NDArray[Any]:
        dtype = np.int64 if kind is int else np.float64
        try:
            return np.array(list(map(kind, texts)), dtype=dtype)
        except (ValueError, OverflowError):
            for number, text in zip(numbers.tolist(), texts, strict=True):
                try:
                    dtype(kind(text))
                except (ValueError, OverflowError):
                    what = "whole number" if kind is int else "number"
                    self.fail(number, f"{name} is {_show(text)}, no {what}", "correct the row")
            raise


def _is_heading(line: bytes) -> bool:
    if line[:1] in b"#tb\r\n \t":
        words = line.split(None, 1)
        return not words or words[0][:1] == b"#" or words[0] in (b"track", b"browser")
    return False


def _show(text: bytes) -> str:
    return repr(text.rstrip(b"\r\n")[:60].decode("utf-8", "replace"))


def fit_rows(rows: Rows, match: Match, out_of_bounds: str) -> tuple[Rows, dict[str, int]]:
    """Lay rows on an assembly: its names and codes, and nothing past the end of a contig.

    Parameters
    ----------
    rows
        As a file has them.
    match
        How its contigs lie on the assembly.
    out_of_bounds
        What to do with a row that ends past its contig: "error"; "pad" leaves it, "clip" cuts it,
        "drop" leaves it out. Rows that start past the end are dropped by "clip" too.

    Returns
    -------
    Rows
        `code` counts the contigs of the assembly.
    dict
        `rows_dropped` and `rows_clipped`, where there are any.

    Raises
    ------
    InputError
        For a row past the end, when that is an error.
    GenomeError
        For another word than these.
    """
    if out_of_bounds not in ("error", "pad", "clip", "drop"):
        raise GenomeError(
            f"out_of_bounds={out_of_bounds!r} is not known; say 'error', 'pad', 'clip' or 'drop'"
        )
    attrs: dict[str, int] = {}
    assembly = match.assembly
    new = [match.renamed.get(name, name) for name in rows.names]
    codes = np.array(
        [assembly.code(n) if n in assembly else -1 for n in new] or [-1], dtype=np.int32
    )
    rows = rows._replace(names=assembly.names, code=codes[rows.code])
    kept = rows.code >= 0
    if not kept.all():
        attrs["rows_dropped"] = int((~kept).sum())
        rows = rows.take(kept)
    length = assembly.lengths[rows.code]
    past = rows.end > length
    if out_of_bounds in ("error", "pad"):
        if out_of_bounds == "error" and past.any():
            row = int(np.argmax(past))
            raise rows.error(
                row,
                f"end {rows.end[row]:,} lies past the end of {assembly.names[rows.code[row]]} "
                f"({length[row]:,} bp in assembly {assembly.name!r})",
                "correct it, or say out_of_bounds='clip' or 'drop'",
            )
        return rows.check_starts(), attrs
    past |= rows.start < 0
    gone = past if out_of_bounds == "drop" else (rows.start >= length) | (rows.end <= 0)
    attrs["rows_dropped"] = attrs.get("rows_dropped", 0) + int(gone.sum())
    if out_of_bounds == "clip":
        attrs["rows_clipped"] = int((past & ~gone).sum())
        start, end = np.maximum(rows.start, 0), np.minimum(rows.end, length)
        rows = rows._replace(start=start, end=end)
    return rows.take(~gone), attrs
