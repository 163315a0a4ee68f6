"""Where in a FASTA text is each sequence, and which letters does it hold?

One pass over blocks of whole lines finds headers, lengths and letters that do not belong there.
Unlike in a genome, lines may be of any length: a sequence is found by the offset of its header and
parsed again by the same function when it is read.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.bgzf import check_end, packed_size
from genoarrays.formats.files import Stamp
from genoarrays.formats.strings.letters import SKIP, WRONG, Codes, Letters, remedy
from genoarrays.formats.text.lines import MARK, shown, text_blocks
from genoarrays.options import check_bytes

__all__ = ["Found", "Ints", "is_packed", "parse", "scan_sequences"]

Ints = npt.NDArray[np.int64]


class Parsed(NamedTuple):
    """Letters of a text, one after another; headers at [heads, ends) without the line end.

    `lengths` counts the letters before the first header, then those after each.
    """

    codes: Codes
    heads: Ints
    ends: Ints
    lengths: Ints


class Found(NamedTuple):
    """What a file holds: by sequence its id, line and length, and offsets of headers and the end.

    `codes` are all letters, of a file that cannot be read in parts.
    """

    ids: list[str]
    lines: Ints
    offsets: Ints
    lengths: Ints
    letters: Counter[str]
    codes: Codes | None


def parse(text: bytes, letters: Letters) -> Parsed:
    """Letters and headers of some whole lines."""
    data = np.frombuffer(text, dtype=np.uint8)
    breaks = np.flatnonzero(data == 10)
    starts = np.concatenate([[0], breaks + 1])
    starts = starts[starts < len(data)]
    heads = starts[data[starts] == ord(">")]
    ends = np.append(breaks, len(data))[np.searchsorted(breaks, heads)]
    codes = letters.table[data]
    for start, end in zip(heads.tolist(), ends.tolist(), strict=True):
        codes[start:end] = SKIP
    kept = codes != SKIP
    edges = np.concatenate([[0], heads])
    # Before a header at offset 0 reduceat sees the '>' instead of nothing, which is no letter.
    lengths = np.add.reduceat(kept, edges, dtype=np.int64)
    return Parsed(codes[kept], heads, ends, lengths)


def is_packed(stamp: Stamp) -> tuple[bool, bool]:
    """Whether a file is gzip, and whether it is gzip that can be read in parts (bgzip)."""
    stamp.check()
    with open(stamp.path, "rb") as file:
        head = file.read(300)
    return head[:2] == b"\x1f\x8b", packed_size(head) is not None


def scan_sequences(stamp: Stamp, letters: Letters, ids: str) -> Found:
    """Find the sequences of a FASTA file.

    Parameters
    ----------
    stamp
        The file; plain, bgzip, or other gzip, whose letters are then kept.
    letters
        The alphabet.
    ids
        What is the id: "name" is the first word of the header, "header" all of it, "number" its
        number in the file, from 0.

    Raises
    ------
    InputError
        For a file that is no FASTA, a header without name or sequence or that is no UTF-8, a
        letter outside the alphabet, and damaged gzip data.
    GenomeError
        When letters to keep would exceed the byte limit.
    """
    gzipped, in_parts = is_packed(stamp)
    hold = gzipped and not in_parts
    if in_parts:
        check_end(stamp)
    names: list[str] = []
    lines, offsets, lengths = ([np.zeros(0, np.int64)] for _ in range(3))
    codes: list[Codes] = []
    counts: Counter[str] = Counter()
    at = done = total = 0
    for block in text_blocks(stamp):
        text = block if at else block.removeprefix(MARK)
        at += len(block) - len(text)
        part = parse(text, letters)
        if part.lengths[0]:
            if not names:
                blank = len(text) - len(text.lstrip())
                raise _error(
                    stamp, done + 1 + text.count(b"\n", 0, blank),
                    f"{shown(text[blank:].split(None, 1)[0])} stands before the first '>'",
                    "a FASTA starts with '>' and a name",
                )  # fmt: skip
            lengths[-1][-1] += part.lengths[0]
        breaks = np.flatnonzero(np.frombuffer(text, np.uint8) == 10)
        lines.append(np.searchsorted(breaks, part.heads) + done + 1)
        first = len(names)
        names += _names(stamp, text, part, lines[-1], ids, first)
        if part.codes.max(initial=0) == WRONG:
            before = int(lengths[-1][-1] - part.lengths[0]) if first else 0
            _refuse(stamp, text, part, letters, names[max(first - 1, 0) :], before, bool(first))
        offsets.append(part.heads + at)
        if len(part.heads):
            lengths.append(part.lengths[1:])
        counts.update(letters.tally(part.codes))
        if hold:
            total += part.codes.size
            check_bytes(
                total, f"the letters of {stamp.path}, which is gzip that cannot be read in parts,",
                "recompress it with bgzip, which is read lazily",
            )  # fmt: skip
            codes.append(part.codes)
        at += len(text)
        done += len(breaks)
    if not names:
        raise _error(stamp, 1, "no '>' is there: it is no FASTA",
                     "a FASTA starts with '>' and a name")  # fmt: skip
    where, letters_each = np.concatenate(lines), np.concatenate(lengths)
    if (empty := np.flatnonzero(letters_each == 0)).size:
        bare = int(empty[0])
        raise _error(stamp, int(where[bare]), f"{names[bare]!r} has no sequence",
                     "remove the header, or complete the file")  # fmt: skip
    kept = np.concatenate(codes) if hold else None
    return Found(names, where, np.append(np.concatenate(offsets), at), letters_each, counts, kept)


def _names(stamp: Stamp, text: bytes, part: Parsed, lines: Ints, ids: str, first: int) -> list[str]:
    if ids == "number":
        return [str(number) for number in range(first, first + len(part.heads))]
    names = []
    spans = zip(part.heads.tolist(), part.ends.tolist(), strict=True)
    for number, (start, end) in enumerate(spans):
        header = text[start + 1 : end].strip()
        if not header:
            raise _error(stamp, int(lines[number]), "'>' without a name", "name the sequence")
        try:
            names.append((header.split(None, 1)[0] if ids == "name" else header).decode())
        except UnicodeDecodeError:
            raise _error(
                stamp, int(lines[number]), f"{shown(header)} is no UTF-8 text",
                "write headers in UTF-8",
            ) from None  # fmt: skip
    return names


def _refuse(
    stamp: Stamp,
    text: bytes,
    part: Parsed,
    letters: Letters,
    names: list[str],
    before: int,
    begun: bool,
) -> NoReturn:
    """Raise for the first letter outside the alphabet.

    `names` are those of the block, with the one in front that had `before` letters if it was
    `begun` earlier.
    """
    place = int(np.argmax(part.codes == WRONG))
    bounds = np.cumsum(part.lengths)
    row = int(np.searchsorted(bounds, place, side="right"))
    position = place - int(bounds[row] - part.lengths[row]) + (0 if row else before)
    name = names[row if begun else row - 1]
    codes = letters.table[np.frombuffer(text, np.uint8)]
    for start, end in zip(part.heads.tolist(), part.ends.tolist(), strict=True):
        codes[start:end] = SKIP
    letter = chr(text[int(np.argmax(codes == WRONG))])
    raise InputError(stamp.path, f"{name!r}, position {position}", *remedy(letters, letter))


def _error(stamp: Stamp, line: int, problem: str, fix: str) -> InputError:
    return InputError(stamp.path, f"line {line}", problem, fix)
