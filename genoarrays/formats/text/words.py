"""Which number does a word have?

A hash table of byte strings for compiled loops (FNV-1a, open addressing): words are looked up where
they stand in a text and compared letter by letter, so that none becomes a Python object.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays._compiled import compiled

__all__ = ["Words", "find"]

Array = npt.NDArray[Any]


class Words:
    """A set of byte strings, numbered in order, that the kernel can look up."""

    def __init__(self, words: Iterable[bytes] = ()) -> None:
        self.size = 0
        self.edges = np.zeros(8, dtype=np.int64)
        self.letters = np.zeros(64, dtype=np.uint8)
        self.slots = np.full(16, -1, dtype=np.int64)
        self.extend(list(words))

    def extend(self, words: list[bytes]) -> None:
        """Number more words; none of them may be here already."""
        first, size = self.size, self.size + len(words)
        ends = self.edges[first] + np.cumsum([len(word) for word in words], dtype=np.int64)
        if size >= len(self.edges):
            self.edges = _grown(self.edges, size + 1)
        self.edges[first + 1 : size + 1] = ends
        if self.edges[size] > len(self.letters):
            self.letters = _grown(self.letters, int(self.edges[size]))
        text = np.frombuffer(b"".join(words), dtype=np.uint8)
        self.letters[self.edges[first] : self.edges[size]] = text
        self.size = size
        if 2 * size > len(self.slots):
            self.slots = np.full(4 * size, -1, dtype=np.int64)
            first = 0
        _fill(self.letters, self.edges, self.slots, first, size)

    def words(self) -> list[bytes]:
        """The words, in order."""
        edges = self.edges.tolist()
        letters = self.letters.tobytes()
        return [letters[edges[i] : edges[i + 1]] for i in range(self.size)]

    @property
    def arrays(self) -> tuple[Array, Array, Array]:
        """What the kernel needs."""
        return self.letters, self.edges, self.slots


def _grown(array: Array, least: int) -> Array:
    new = np.zeros(2 * least, dtype=array.dtype)
    new[: len(array)] = array
    return new


@compiled
def _slot(text: Array, start: int, end: int, slots: int) -> Any:
    """FNV-1a hash, as a slot."""
    found = np.uint64(14695981039346656037)
    for at in range(start, end):
        found = (found ^ np.uint64(text[at])) * np.uint64(1099511628211)
    return np.int64(found % np.uint64(slots))


@compiled
def _fill(letters: Array, edges: Array, slots: Array, first: int, size: int) -> None:
    for word in range(first, size):
        slot = _slot(letters, edges[word], edges[word + 1], len(slots))
        while slots[slot] >= 0:
            slot = (slot + 1) % len(slots)
        slots[slot] = word


@compiled
def find(text: Array, start: int, end: int, letters: Array, edges: Array, slots: Array) -> Any:
    """Number of the word text[start:end], or -1."""
    slot = _slot(text, start, end, len(slots))
    while slots[slot] >= 0:
        word = slots[slot]
        same = edges[word + 1] - edges[word] == end - start
        at = 0
        while same and at < end - start:
            same = text[start + at] == letters[edges[word] + at]
            at += 1
        if same:
            return word
        slot = (slot + 1) % len(slots)
    return -1
