"""What does a window hold with the alternative allele in the place of the reference?

Codes are changed before anything is made of them, so k-mers, one-hot columns and reverse
complements follow by themselves. Windows keep their width: behind a deletion the bases that lie
further on move up, behind an insertion the last ones leave. Only the right side moves, as the plus
strand has it, in windows on the minus strand too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.ops.sequence import reverse_complement_codes

__all__ = ["Alleles", "Letters", "contradictions", "substitute"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


class Letters:
    """Codes of an alphabet, and those of the other strand.

    Parameters
    ----------
    alphabet
        Letters in the order of their codes, A, C, G and T among them.
    name
        Of the variable, for messages.

    Raises
    ------
    GenomeError
        When it is no alphabet of DNA.
    """

    def __init__(self, alphabet: str, name: str) -> None:
        if not set("ACGT") <= set(alphabet):
            raise GenomeError(
                f"input {name!r} has the letters {alphabet}, and variants are of A, C, G and T: "
                "it is no sequence of DNA"
            )
        self.unknown = len(alphabet)
        self._codes = np.full(256, self.unknown, np.int8)
        self._codes[list(alphabet.encode())] = range(len(alphabet))
        self._turned = np.full(256, self.unknown, np.int8)
        self._turned[: len(alphabet)] = reverse_complement_codes(1, alphabet)

    def encode(self, texts: Array) -> tuple[Array, Ints]:
        """Codes (text, letter), filled up with the unknown one, and lengths."""
        lengths = np.strings.str_len(texts).astype(np.int64)
        codes = np.full((len(texts), int(lengths.max(initial=1))), self.unknown, np.int8)
        letters = np.frombuffer("".join(texts.tolist()).encode("ascii"), np.uint8)
        codes[np.arange(codes.shape[1]) < lengths[:, None]] = self._codes[letters]
        return codes, lengths

    def turn(self, codes: Array) -> Array:
        """Reverse complement of (window, offset)."""
        return self._turned[codes[:, ::-1].view(np.uint8)]


class Alleles(NamedTuple):
    """Letters of REF and ALT as codes, and their lengths, of some variants."""

    ref: Array
    ref_length: Ints
    alt: Array
    alt_length: Ints

    @classmethod
    def of(cls, ref: Array, alt: Array, letters: Letters) -> Alleles:
        """Of texts."""
        return cls(*letters.encode(ref), *letters.encode(alt))

    @property
    def removed(self) -> Ints:
        """Bases that the alternative allele is shorter by; below 0 where it is longer."""
        return self.ref_length - self.alt_length


def substitute(codes: Array, beyond: Array, shift: Ints, at: Ints, alleles: Alleles) -> Array:
    """Windows on the plus strand with the alternative alleles.

    Parameters
    ----------
    codes
        (window, offset) as the genome has them.
    beyond
        The same further on, for windows whose `alleles.removed` is above 0.
    shift
        By how many bp they lie further on; at least as many as are removed, at most a window.
    at
        Where REF begins, for each window.
    alleles
        Of each window.

    Returns
    -------
    np.ndarray
        (window, offset), the same type. A REF that reaches over the end is cut off there.

    Examples
    --------
    >>> letters = Letters("ACGT", "dna")
    >>> snv = Alleles.of(np.array(["C"]), np.array(["T"]), letters)
    >>> zero = np.array([0])
    >>> substitute(np.int8([[0, 1, 2, 3]]), np.int8([[0, 0, 0, 0]]), zero, np.array([1]), snv)
    array([[0, 3, 2, 3]], dtype=int8)
    """
    changed = codes.copy()
    length = codes.shape[1]
    for letter in range(alleles.alt.shape[1]):
        rows = np.flatnonzero((alleles.alt_length > letter) & (at + letter < length))
        changed[rows, at[rows] + letter] = alleles.alt[rows, letter]
    moved = np.flatnonzero(alleles.removed)
    if moved.size:
        offset = np.arange(length)
        here, short = codes[moved], alleles.removed[moved, None]
        source = offset + short
        inside = np.take_along_axis(here, np.clip(source, 0, length - 1), 1)
        past = np.clip(source - shift[moved, None], 0, length - 1)
        tail = np.where(source < length, inside, np.take_along_axis(beyond[moved], past, 1))
        behind = offset >= (at + alleles.alt_length)[moved, None]
        changed[moved] = np.where(behind, tail, changed[moved])
    return changed


def contradictions(
    codes: Array, beyond: Array, shift: Ints, at: Ints, alleles: Alleles
) -> npt.NDArray[np.bool_]:
    """Whether windows on the plus strand have other bases than REF; arguments of `substitute`."""
    wrong = np.zeros(len(codes), bool)
    length = codes.shape[1]
    for letter in range(alleles.ref.shape[1]):
        place = at + letter
        due = alleles.ref_length > letter
        rows = np.flatnonzero(due & (place < length))
        wrong[rows] |= codes[rows, place[rows]] != alleles.ref[rows, letter]
        rows = np.flatnonzero(due & (place >= length) & (place - shift < length) & (shift > 0))
        wrong[rows] |= beyond[rows, (place - shift)[rows]] != alleles.ref[rows, letter]
    return wrong
