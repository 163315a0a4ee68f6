"""Which codes are in these rows of these files of sequences?

Rows that follow each other in a file are one read, however many, parsed some MB at a time so that
memory does not grow with what is cut off. Files are opened by path in the process that reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.bgzf import read_range
from genoarrays.formats.files import Stamp
from genoarrays.formats.strings.letters import Codes, letters_of, pad
from genoarrays.formats.strings.text import Ints, is_packed, parse

__all__ = ["SequenceFile", "SequenceRows"]

_STEP = 2**24  # bytes of text parsed at once


@dataclass(frozen=True, eq=False)
class SequenceFile:
    """Sequences of one file; all letters are in `codes` if it cannot be read in parts."""

    stamp: Stamp
    alphabet: str
    offsets: Ints
    lengths: Ints
    codes: Codes | None

    def read(self, first: int, last: int, out: npt.NDArray[Any]) -> None:
        """Write the sequences [first, last) into rows."""
        unknown = len(letters_of(self.alphabet).known)
        if self.codes is not None:
            start, stop = (int(self.lengths[:row].sum()) for row in (first, last))
            pad(self.codes[start:stop], self.lengths[first:last], out, unknown)
            return
        row = first
        while row < last:
            end = int(np.searchsorted(self.offsets, self.offsets[row] + _STEP)) - 1
            end = min(max(end, row + 1), last)
            part = parse(
                self._text(int(self.offsets[row]), int(self.offsets[end])),
                letters_of(self.alphabet),
            )
            if not np.array_equal(part.lengths[1:], self.lengths[row:end]):
                raise InputError(
                    self.stamp.path, f"byte {self.offsets[row]}",
                    "the sequences differ from those that were there", "open the file again",
                )  # fmt: skip
            pad(part.codes, part.lengths[1:], out[row - first : end - first], unknown)
            row = end

    def _text(self, start: int, end: int) -> bytes:
        if is_packed(self.stamp)[1]:
            return read_range(self.stamp, start, end)
        self.stamp.check()
        with open(self.stamp.path, "rb") as file:
            file.seek(start)
            return file.read(end - start)


@dataclass(frozen=True, eq=False)
class SequenceRows:
    """Sequences of all files as one array (sequence, offset)."""

    files: tuple[SequenceFile, ...]
    length: int
    unknown: int

    dtype = np.dtype(np.int8)
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """Sequences and letters."""
        return sum(len(file.lengths) for file in self.files), self.length

    def __getitem__(self, key: Any) -> npt.NDArray[np.int8]:
        """Codes at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        keys = key if isinstance(key, tuple) else (key,)
        where, columns = (*keys, slice(None))[:2]
        rows, back = np.unique(np.arange(self.shape[0])[where], return_inverse=True)
        out = np.empty((len(rows), self.length), dtype=np.int8)
        begins = np.cumsum([0, *(len(file.lengths) for file in self.files)])
        file = np.searchsorted(begins, rows, side="right") - 1
        cuts = np.flatnonzero((np.diff(rows) != 1) | (np.diff(file) != 0)) + 1
        edges = [0, *cuts.tolist(), len(rows)] if len(rows) else [0]
        for low, high in pairwise(edges):
            number = int(file[low])
            first = int(rows[low] - begins[number])
            self.files[number].read(first, first + high - low, out[low:high])
        chosen: npt.NDArray[np.int8] = out[back.reshape(np.shape(back))][..., columns]
        return chosen
