"""What do the motifs of a MEME file look like, as labelled matrices?

Minimal MEME format: an ALPHABET line, then for each motif a MOTIF line and a letter-probability
matrix with a row per position. Motifs of different lengths stand in one array, padded with NaN.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.text.lines import text_blocks
from genoarrays.ops.sequence import ALPHABETS

__all__ = ["read_motifs"]

_OFF = 0.02  # that a row may be off 1: files are rounded to 2 digits at least
_STRINGS = np.dtypes.StringDType()


class _Motif(NamedTuple):
    name: str
    other: str
    line: int
    rows: list[list[float]]
    sites: float
    e_value: float


def read_motifs(path: str | os.PathLike[str], columns: str | None = None) -> xr.Dataset:
    r"""Read the motifs of a MEME file.

    Parameters
    ----------
    path
        File in MEME format (minimal or full text output), gzipped or not.
    columns
        Letters of the columns, where they stand in another order than the ALPHABET line says, or
        where there is none. YeTFaSCo in one file (`yetfasco_all.meme`) needs "ATGC".

    Returns
    -------
    xr.Dataset
        `probability` (motif, offset, channel) float32, NaN past the end of a motif; `length`,
        `sites` (NaN where not told) and `e_value` (motif); coordinates `motif`, the identifier, and
        `alternate`, the other name, "" where there is none. `channel` is in the order of the codes
        (A C G T). The attribute `background` holds the letter frequencies of the file, if any.

    Raises
    ------
    InputError
        For a missing file, one without an alphabet or motifs, a row that does not sum to 1 or has
        other than the right number of values: with its line.
    GenomeError
        When `columns` are other letters than those of the file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "toy.meme")
    >>> text = "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF m1 TAC\nletter-probability matrix: w= 3\n"
    >>> _ = path.write_text(text + "0 0 0 1\n1 0 0 0\n0 .9 .1 0\n")
    >>> motifs = read_motifs(path)
    >>> motifs.probability.sel(motif="m1", channel="C").values
    array([0. , 0. , 0.9], dtype=float32)
    >>> motifs.alternate.values.tolist(), motifs.length.values.tolist()
    (['TAC'], [3])
    """
    stamp = Stamp.of(path)
    told, background, motifs = _parse(stamp, columns)
    letters = _letters(stamp.path, told, columns)
    known = next((a for a in ALPHABETS.values() if set(a) == set(letters)), letters)
    order = [letters.index(letter) for letter in known]
    longest = max(len(motif.rows) for motif in motifs)
    values = np.full((len(motifs), longest, len(letters)), np.nan, np.float32)
    for number, motif in enumerate(motifs):
        values[number, : len(motif.rows)] = np.array(motif.rows)[:, order]
    attrs: dict[str, Any] = {"source": stamp.path, "columns": letters}
    if background:
        attrs["background"] = [background.get(letter, np.nan) for letter in known]
    return xr.Dataset(
        {
            "probability": (("motif", "offset", "channel"), values),
            "length": ("motif", np.array([len(motif.rows) for motif in motifs])),
            "sites": ("motif", np.array([motif.sites for motif in motifs])),
            "e_value": ("motif", np.array([motif.e_value for motif in motifs])),
        },
        {
            "motif": np.array([motif.name for motif in motifs], dtype=_STRINGS),
            "alternate": ("motif", np.array([motif.other for motif in motifs], dtype=_STRINGS)),
            "offset": np.arange(longest),
            "channel": np.array(list(known), dtype=_STRINGS),
        },
        attrs,
    )


def _letters(path: str, told: str | None, columns: str | None) -> str:
    if columns is None:
        assert told is not None
        return told
    if told is not None and sorted(columns.upper()) != sorted(told):
        raise GenomeError(
            f"columns={columns!r} are other letters than {told!r}, the alphabet of {path}"
        )
    return columns.upper()


def _lines(stamp: Stamp) -> Iterator[tuple[int, str]]:
    number = 0
    for block in text_blocks(stamp):
        try:
            lines = block.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InputError(
                stamp.path, f"after line {number}", "it is no UTF-8 text", "give a MEME text file"
            ) from error
        for line in lines:
            number += 1
            yield number, line.strip()


def _parse(stamp: Stamp, columns: str | None) -> tuple[str | None, dict[str, float], list[_Motif]]:
    """Alphabet, background and motifs."""
    alphabet, background, motifs = None, dict[str, float](), list[_Motif]()
    frequencies, open_, left = False, None, 0
    name, line_of, number = None, 0, 0
    for number, line in _lines(stamp):
        if left != 0 and open_ is not None:
            if re.match(r"[-+.\d]", line):
                open_.rows.append(_row(stamp.path, number, line, len(columns or alphabet or "")))
                left -= 1
                continue
            if left > 0 and line:
                raise InputError(
                    stamp.path, f"line {number}",
                    f"motif {open_.name!r} ends after {len(open_.rows)} of "
                    f"{left + len(open_.rows)} rows",
                    "correct the number w= of its matrix, or add the rows",
                )  # fmt: skip
            if left > 0 or not open_.rows:
                continue
            left = 0
        if line.upper().startswith("ALPHABET"):
            alphabet = _alphabet(stamp.path, number, line)
        elif line.startswith("Background letter frequencies"):
            frequencies = True
        elif line.startswith("MOTIF"):
            words = line.split()[1:]
            if not words:
                raise InputError(
                    stamp.path, f"line {number}", "this motif has no name",
                    "write: MOTIF identifier name",
                )  # fmt: skip
            name, line_of = (words[0], " ".join(words[1:])), number
            frequencies = False
        elif line.startswith("letter-probability matrix"):
            if alphabet is None and columns is None:
                raise InputError(
                    stamp.path, f"line {number}", "no ALPHABET line stands before this matrix",
                    'add "ALPHABET= ACGT", or give columns="ACGT"',
                )  # fmt: skip
            if name is None:
                raise InputError(
                    stamp.path, f"line {number}", "no MOTIF line stands before this matrix",
                    "add one with its name",
                )  # fmt: skip
            fields = dict(re.findall(r"(\w+)\s*=\s*(\S+)", line))
            width = _number(stamp.path, number, fields, "w", -1)
            open_ = _Motif(
                *name, line_of, [], _number(stamp.path, number, fields, "nsites", np.nan),
                _number(stamp.path, number, fields, "E", np.nan),
            )  # fmt: skip
            motifs.append(open_)
            left, name = int(width), None
        elif frequencies and line:
            words = line.split()
            for letter, value in zip(words[::2], words[1::2], strict=False):
                try:
                    background[letter.upper()] = float(value)
                except ValueError:
                    frequencies = False
    if not motifs:
        raise InputError(
            stamp.path, "", "there is no letter-probability matrix in it",
            "give a file in MEME format; other formats are converted by the tools of MEME",
        )  # fmt: skip
    for motif in motifs:
        short = motif is motifs[-1] and left > 0
        if short or not motif.rows:
            raise InputError(
                stamp.path, f"line {motif.line}",
                f"motif {motif.name!r} has {len(motif.rows)} rows, fewer than its w= says",
                "the file may be cut off: copy it again",
            )  # fmt: skip
    return alphabet, background, motifs


def _alphabet(path: str, number: int, line: str) -> str:
    letters = line.partition("=")[2].strip().upper()
    if not re.fullmatch(r"[A-Z]{2,}", letters):
        raise InputError(
            path, f"line {number}", f"{line!r} lists no letters",
            "write them in one line, as in: ALPHABET= ACGT",
        )  # fmt: skip
    return letters


def _row(path: str, number: int, line: str, letters: int) -> list[float]:
    try:
        values = [float(word) for word in line.split()]
    except ValueError:
        raise InputError(
            path, f"line {number}", f"{line!r} is no row of numbers", "correct it"
        ) from None
    if len(values) != letters:
        raise InputError(
            path, f"line {number}", f"this row has {len(values)} values for {letters} letters",
            "correct the row, or the ALPHABET line",
        )  # fmt: skip
    if not abs(sum(values) - 1) <= _OFF or min(values) < 0:
        raise InputError(
            path, f"line {number}", f"the row {line!r} sums to {sum(values):.3g}, and not to 1",
            "give probabilities: divide counts by their sum",
        )  # fmt: skip
    return values


def _number(path: str, line: int, fields: dict[str, str], name: str, otherwise: float) -> float:
    try:
        return float(fields.get(name, otherwise))
    except ValueError:
        raise InputError(
            path, f"line {line}", f"{name}= {fields[name]} is no number", "correct it"
        ) from None
