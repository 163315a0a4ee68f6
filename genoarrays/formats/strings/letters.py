"""Which code does each letter of a sequence get?

The letters of an alphabet are 0, 1, 2, ... in either case; U reads as T in DNA, T as U in RNA.
Letters that stand for several (N, X, B, ...), for residues outside the alphabet (U, O), gaps and
stops get the next code, `unknown`, and are counted one by one. Anything else is an error.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.ops.sequence import ALPHABETS

__all__ = ["SKIP", "WRONG", "Codes", "Letters", "letters_of", "pad", "remedy"]

Codes = npt.NDArray[np.uint8]
SKIP = 254  # line ends and blanks
WRONG = 255
_NUCLEOTIDES = "NRYSWKMBDHVX-."
_UNKNOWN = {"dna": _NUCLEOTIDES, "rna": _NUCLEOTIDES, "protein": "XBZUOJ*-."}
_ALIAS = {"dna": ("T", "U"), "rna": ("U", "T")}


class Letters(NamedTuple):
    """An alphabet: its name, its letters, those that count as unknown, and the code by byte."""

    alphabet: str
    known: str
    unknown: str
    table: Codes

    def tally(self, codes: Codes) -> dict[str, int]:
        """How often each unknown letter occurs, and how many letters are known."""
        first = len(self.known)
        most = int(codes.max(initial=0))
        found = {
            letter: int(np.count_nonzero(codes == code))
            for code, letter in enumerate(self.unknown[: max(most - first + 1, 0)], first)
        }
        counts = {letter: number for letter, number in found.items() if number}
        return {"known": codes.size - sum(counts.values()), **counts}


@lru_cache
def letters_of(alphabet: str) -> Letters:
    """The letters of "dna", "rna" or "protein".

    Raises
    ------
    GenomeError
        For another alphabet.

    Examples
    --------
    >>> letters_of("dna").table[[ord(letter) for letter in "acGUN"]]
    array([0, 1, 2, 3, 4], dtype=uint8)
    """
    if alphabet not in ALPHABETS:
        raise GenomeError(f"alphabet={alphabet!r} is not known; choose from {list(ALPHABETS)}")
    known, unknown = ALPHABETS[alphabet], _UNKNOWN[alphabet]
    table = np.full(256, WRONG, dtype=np.uint8)
    for code, letter in enumerate(known + unknown):
        table[[ord(letter), ord(letter.lower())]] = code
    if alphabet in _ALIAS:
        letter, other = _ALIAS[alphabet]
        table[[ord(other), ord(other.lower())]] = table[ord(letter)]
    table[list(b"\n\r \t")] = SKIP
    table.flags.writeable = False
    return Letters(alphabet, known, unknown, table)


def remedy(letters: Letters, letter: str) -> tuple[str, str]:
    """What is wrong with a letter, and what to do."""
    name = {"dna": "DNA", "rna": "RNA"}.get(letters.alphabet, "a protein")
    fix = f"allowed are {' '.join(letters.known + letters.unknown)} in either case; correct it"
    if letters.alphabet != "protein" and letter.isascii() and letter.isalpha():
        fix = 'if these are proteins, say alphabet="protein"'
    elif letter == ";":
        fix = "comments are not read; remove the lines that start with ';'"
    return f"{letter!r} is no letter of {name}", fix


def pad(codes: Codes, lengths: npt.NDArray[np.int64], out: npt.NDArray[Any], unknown: int) -> None:
    """Write sequences that lie one after another into rows, cut or filled at the right end.

    Parameters
    ----------
    codes
        All letters; those above `unknown` become it.
    lengths
        Letters of each sequence.
    out
        (sequences, length), written in place.
    unknown
        Code of what is filled.
    """
    length = out.shape[1]
    kept = np.minimum(lengths, length)
    if (lengths > length).any():
        runs = np.stack([kept, lengths - kept], axis=1).ravel()
        codes = codes[np.repeat(np.tile([True, False], len(lengths)), runs)]
    codes = np.minimum(codes, unknown)
    if (kept == length).all():
        out[:] = codes.reshape(out.shape)
        return
    out[:] = unknown
    out[np.arange(length) < kept[:, None]] = codes
