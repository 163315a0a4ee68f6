"""Where do contigs and lines begin in a FASTA text?

One pass over blocks with numpy, as `samtools faidx` would: 1.5 to 4 s per GB. What breaks the
layout is named by its line. A block leaves behind the contig and the start of an unfinished line.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError

__all__ = ["Contig", "scan_text"]


class Contig(NamedTuple):
    """Row of a .fai: bases, offset of the first, bases and bytes per line."""

    length: int
    offset: int
    line_bases: int
    line_width: int

    def byte(self, position: int) -> int:
        """Offset of a base."""
        lines, rest = divmod(position, self.line_bases)
        return self.offset + lines * self.line_width + rest


class _Scan:
    """Rows of the index, found line by line; state that outlives a block."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows: dict[str, Contig] = {}
        self.line = 0  # lines that are done
        self.name: str | None = None
        self.offset = self.bases = self.line_bases = self.line_width = 0
        self.short = 0  # number of the line that is shorter than the others, so must be the last

    def error(self, line: int, problem: str, fix: str) -> InputError:
        return InputError(self.path, f"line {line}", problem, fix)

    def head(self, text: bytes, end: int) -> None:
        """A line that starts with '>'; the bases start at `end`."""
        self.finish()
        self.line += 1
        words = text[1:].split(None, 1)
        if not words or text[1:2].isspace():
            raise self.error(self.line, "'>' without a name", "name the contig: >chr1")
        try:
            self.name = words[0].decode()
        except UnicodeDecodeError:
            raise self.error(
                self.line, f"{words[0]!r} is no UTF-8 text", "use plain letters in contig names"
            ) from None
        if self.name in self.rows:
            raise self.error(self.line, f"contig {self.name!r} occurs twice", "keep one of them")
        self.offset, self.bases, self.line_bases, self.line_width, self.short = end, 0, 0, 0, 0

    def lines(self, bases: npt.NDArray[np.int64], width: npt.NDArray[np.int64]) -> None:
        """Lines of letters: their bases, and their bytes with the line end."""
        first, self.line = self.line + 1, self.line + len(bases)
        full = bases > 0
        if self.name is None:
            if full.any():
                raise self.error(
                    first + int(full.argmax()), "letters before the first '>'",
                    "a FASTA starts with '>' and a contig name",
                )  # fmt: skip
            return
        if not full.any():
            return
        if not self.line_bases:
            skip = int(full.argmax())
            self.offset += int(width[:skip].sum())
            self.line_bases, self.line_width = int(bases[skip]), int(width[skip])
            first, bases, width = first + skip, bases[skip:], width[skip:]
        odd = np.flatnonzero((bases != self.line_bases) | (width != self.line_width))
        after = odd[0] if len(odd) else len(bases)
        late = np.flatnonzero(bases[after + 1 :] > 0) + after + 1
        if len(late) or (self.short and (bases > 0).any()) or (bases > self.line_bases).any():
            wrong = self.short or first + int(after)
            raise self.error(
                wrong,
                f"the lines of {self.name!r} differ in length: it is not the last one, and not as "
                f"long as the first ({self.line_bases} letters)",
                "write lines of one length, for example with: seqkit seq -w 60",
            )
        if len(odd) and not self.short:
            self.short = first + int(after)
        self.bases += int(bases.sum())

    def finish(self) -> None:
        """The contig is over."""
        if self.name is not None:
            row = (self.bases, self.offset, self.line_bases or 1, self.line_width or 1)
            self.rows[self.name] = Contig(*row)


def scan_text(blocks: Iterable[bytes], size: int, path: str) -> dict[str, Contig]:
    """Index of a FASTA text.

    Parameters
    ----------
    blocks
        The text, in parts of any length.
    size
        Its length in bytes.
    path
        The file, for messages.

    Returns
    -------
    dict
        Rows of a .fai by contig, in order.

    Raises
    ------
    InputError
        For text that is no FASTA, or whose lines differ in length; names the line.
    """
    found = _Scan(path)
    at = 0  # offset of the block
    start, begun, last = 0, b"", b""  # of a line that began in an earlier block; its last byte
    for block in blocks:
        letters = np.frombuffer(block, dtype=np.uint8)
        ends = np.flatnonzero(letters == 10)
        if len(ends):
            starts = np.concatenate([[start - at], ends[:-1] + 1])
            before = np.where(ends > 0, letters[np.maximum(ends - 1, 0)], last[-1] if last else 0)
            width = ends + 1 - starts
            bases = width - 1 - ((before == 13) & (width > 1))
            heads = letters[np.maximum(starts, 0)] == ord(">")
            heads[0] = (begun or block)[:1] == b">"
            done = 0
            for place in np.flatnonzero(heads).tolist():
                found.lines(bases[done:place], width[done:place])
                text = block[max(int(starts[place]), 0) : int(ends[place])]
                found.head((begun if place == 0 else b"") + text, at + int(ends[place]) + 1)
                done = place + 1
            found.lines(bases[done:], width[done:])
            start, begun = at + int(ends[-1]) + 1, b""
        rest = block[max(start - at, 0) :]
        begun = begun + rest if (begun or rest)[:1] == b">" else (begun or rest[:1])
        last = block[-1:]
        at += len(block)
    if start < size:
        count = size - start
        if begun[:1] == b">":
            found.head(begun, size)
        else:
            found.lines(np.array([count - (last == b"\r")]), np.array([count + 1]))
    found.finish()
    if not found.rows:
        raise InputError(
            path, "line 1", "no '>' is there: it is no FASTA",
            "a FASTA starts with '>' and a contig name",
        )  # fmt: skip
    return found.rows
