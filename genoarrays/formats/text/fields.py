"""What do the fields of a block of text say: whole numbers, numbers, words?

A column is converted at once by arithmetic on its digits. There is one semantic: what that cannot
do exactly goes through `int` and `float`, field by field, and means the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.formats.text.lines import Bytes, Fields, Ints, Malformed, shown

__all__ = ["integers", "numbers", "texts"]

_POWERS = 10.0 ** np.arange(23)  # exact
_EXACT = 15  # digits that float64 always holds
_INTEGER = re.compile(rb"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(
    rb"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf(inity)?)|nan", re.IGNORECASE
)
_WIDE = 2**26  # bytes of padded text compared at once


def integers(fields: Fields, column: int, name: str) -> Ints:
    """Whole numbers of a column: digits, with a sign or not; no blanks, no `1e3`, no `1,000`.

    Raises
    ------
    Malformed
        For the first field that is something else, or has more than 18 digits.
    """
    digit, inside = _characters(fields, column)
    good = ((digit <= 9) | ~inside).all(axis=1) & inside[:, -1]
    good &= fields.end[:, column] - fields.start[:, column] <= _EXACT
    values: Ints = (np.where(inside, digit, 0) @ _POWERS[digit.shape[1] - 1 :: -1]).astype(np.int64)
    for row in np.flatnonzero(~good).tolist():
        text = fields.at(row, column)
        if not _INTEGER.fullmatch(text):
            raise Malformed(row, f"{name} is {shown(text)}, no whole number")
        values[row] = int(text)
    return values


def numbers(fields: Fields, column: int, name: str, missing: bool = False) -> npt.NDArray[Any]:
    """Numbers of a column as float64, equal to Python's `float`.

    Parameters
    ----------
    fields, column
        Where they stand.
    name
        What they are called in errors.
    missing
        Whether "." and "nan" mean that there is none (NaN), or are errors.

    Raises
    ------
    Malformed
        For the first field that is no number, or is infinite.
    """
    character, inside = _characters(fields, column)
    places = np.arange(character.shape[1])
    begin = np.argmax(inside, axis=1)
    minus = (character == 253) & inside & (places == begin[:, None])  # "-" less "0"
    dot = (character == 254) & inside
    dots = dot.sum(axis=1)
    digit = inside & ~minus & ~dot
    count = digit.sum(axis=1)
    # digits and one point: both the digits and the power of ten are exact, so that one division
    # rounds as `float` does
    good = ((character <= 9) | ~digit).all(axis=1) & (dots <= 1) & (count > 0) & (count <= _EXACT)
    good &= fields.end[:, column] - fields.start[:, column] <= len(places)
    point = np.where(dots > 0, np.argmax(dot, axis=1), -1)[:, None]
    power = len(places) - 1 - places - (places < point)
    whole = (np.where(digit & good[:, None], character, 0) * _POWERS[np.clip(power, 0, 22)]).sum(1)
    decimals = np.where(dots > 0, len(places) - 1 - point[:, 0], 0)
    values: npt.NDArray[Any] = whole / _POWERS[np.clip(decimals, 0, 22)]
    values = np.where(minus.any(axis=1), -values, values)
    known: dict[bytes, float] = {b".": np.nan} if missing else {}
    for row in np.flatnonzero(~good).tolist():
        text = fields.at(row, column)
        if text not in known:
            if not _NUMBER.fullmatch(text):
                raise Malformed(row, f"{name} is {shown(text)}, no number")
            known[text] = float(text)
            if not np.isfinite(known[text]) and not (missing and np.isnan(known[text])):
                raise Malformed(row, f"{name} is {text.decode()}", "give a number")
        values[row] = known[text]
    return values


def _characters(fields: Fields, column: int) -> tuple[Bytes, npt.NDArray[np.bool_]]:
    """The last bytes of each field less "0", right-aligned, and which of them are the field's."""
    start, end = fields.start[:, column], fields.end[:, column]
    width = int(np.clip((end - start).max(initial=1), 1, _EXACT + 2))
    at = end[:, None] - np.arange(width, 0, -1)
    inside = at >= start[:, None]
    return fields.text[np.maximum(at, 0)] - np.uint8(48), inside


def texts(
    fields: Fields, column: int, name: str, codes: dict[str, int], allowed: Sequence[str] = ()
) -> npt.NDArray[np.int32]:
    """Text of a column, as codes.

    Parameters
    ----------
    fields, column
        Where it stands.
    name
        What it is called in errors.
    codes
        Code by text, in the order of appearance; new ones are added.
    allowed
        The only texts that are possible, if any.

    Raises
    ------
    Malformed
        For the first text that is not UTF-8, or not allowed.
    """
    start, end = fields.start[:, column], fields.end[:, column]
    width = int((end - start).max(initial=0)) // 8 * 8 + 8
    heads = np.arange(len(fields))
    if len(fields) * width <= _WIDE:
        # only where a field differs from the one before is it looked up: once for each contig
        at = start[:, None] + np.arange(width)
        padded = fields.text[np.minimum(at, len(fields.text) - 1)]
        padded[at >= end[:, None]] = 0
        words = padded.view(np.uint64)
        heads = np.flatnonzero(np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(heads)])
    found = np.empty(len(heads), dtype=np.int32)
    known: dict[bytes, int] = {}
    for place, row in enumerate(heads.tolist()):
        text = fields.at(row, column)
        code = known.get(text)
        if code is None:
            try:
                word = text.decode()
            except UnicodeDecodeError:
                raise Malformed(row, f"{name} is {shown(text)}", "use UTF-8 text") from None
            if allowed and word not in allowed:
                fix = f"{name}s are {', '.join(map(repr, allowed))}"
                raise Malformed(row, f"{name} is {word!r}", fix)
            code = known[text] = codes.setdefault(word, len(codes))
        found[place] = code
    return np.repeat(found, np.diff(np.append(heads, len(fields))))
