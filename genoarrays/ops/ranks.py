"""Which values have given ranks among very many?

Values become whole numbers in the same order, their keys. One pass counts how often each beginning
of a key occurs, which tells how the keys at the ranks begin; the next pass counts how those that
begin so go on. Two passes of 16 bits find any float32 exactly, however many there are.

These loops hold no GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays._compiled import compiled

__all__ = ["between", "count_keys", "follow", "row_quantiles", "values_of_keys"]

Array = npt.NDArray[Any]
_TILE = 2**14  # values of one row that are looked at before the next row
_SHORT = 32  # values that are sorted by putting each in its place


def count_keys(values: Array, begins: Array, shift: int, bits: int) -> Array:
    """Count how the keys of values go on.

    Parameters
    ----------
    values
        (value, row) integers, or floats of 4 or 8 bytes; NaN are skipped.
    begins
        (row, slot) uint64, rising: what keys begin with, all bits above the next ones.
    shift, bits
        Bits that are left below the next ones, and the number of the next ones.

    Returns
    -------
    np.ndarray
        (row, slot, next bits) counts; where begins are equal, the first slot has the counts.
    """
    rows, slots = begins.shape
    out = np.zeros((rows, slots, 2**bits), np.uint32 if len(values) < 2**32 else np.int64)
    width = 8 * values.dtype.itemsize
    known = width - shift - bits  # bits of a beginning
    plain = values.view(f"u{values.dtype.itemsize}")
    high, below, number = (np.uint64(n) for n in (width - 1, shift, bits))
    if not known:
        _count_all(plain, *_signs(values.dtype), high, below, out)
        return out
    top = max(known - bits, 0)
    first = np.full((rows, 2 ** (known - top)), slots, dtype=np.uint32)
    for slot in range(slots - 1, -1, -1):
        first[np.arange(rows), begins[:, slot] >> np.uint64(top)] = slot
    signs = _signs(values.dtype)
    _count(plain, *signs, high, below, number, np.uint64(top), begins, first, out)
    return out


def values_of_keys(keys: Array, dtype: np.dtype[Any]) -> Array:
    """Values of uint64 keys, in their own type; zero is never negative."""
    sign, infinity = _signs(dtype)
    full = np.uint64(2 ** (8 * dtype.itemsize) - 1)
    bits = keys ^ sign
    if infinity:
        bits = np.where(keys & sign, bits, keys ^ full)
    return bits.astype(f"u{dtype.itemsize}").view(dtype)


def _signs(dtype: np.dtype[Any]) -> tuple[np.uint64, np.uint64]:
    """Bit of the sign, 0 for none; and the bits of infinity, 0 for integers."""
    width = dtype.itemsize
    sign = 0 if dtype.kind == "u" else 2 ** (8 * width - 1)
    infinity = np.array(np.inf, dtype).view(f"u{width}") if dtype.kind == "f" else 0
    return np.uint64(sign), np.uint64(infinity)


@compiled
def _key(number: Any, sign: Any, infinity: Any, high: Any) -> Any:
    """Key of the bits of a number."""
    if infinity == 0:
        return number ^ sign
    number = number if number != sign else np.uint64(0)  # -0 is 0
    # without a branch: the signs of numbers around 0 cannot be foreseen
    return number ^ ((sign - np.uint64(1)) * (number >> high) + sign)


@compiled
def _count_all(values: Any, sign: Any, infinity: Any, high: Any, shift: Any, out: Any) -> None:
    for start in range(0, values.shape[0], _TILE):
        stop = min(start + _TILE, values.shape[0])
        for r in range(values.shape[1]):
            counts = out[r, 0]
            for k in range(start, stop):
                number = np.uint64(values[k, r])
                if infinity == 0 or (number & ~sign) <= infinity:
                    counts[_key(number, sign, infinity, high) >> shift] += 1


@compiled
def _count(
    values: Any, sign: Any, infinity: Any, high: Any, shift: Any, bits: Any, top: Any, begins: Any,
    first: Any, out: Any,
) -> None:  # fmt: skip
    """`first[row, begin >> top]`: the first slot that begins so, or the number of slots."""
    mask, slots = (np.uint64(1) << bits) - np.uint64(1), np.uint64(begins.shape[1])
    for start in range(0, values.shape[0], _TILE):
        stop = min(start + _TILE, values.shape[0])
        for r in range(values.shape[1]):
            some, counts, begun = first[r], out[r], begins[r]
            for k in range(start, stop):
                number = np.uint64(values[k, r])
                if infinity and (number & ~sign) > infinity:
                    continue
                key = _key(number, sign, infinity, high) >> shift
                begin = key >> bits
                slot = np.uint64(some[begin >> top])
                while slot < slots and begun[slot] < begin:
                    slot += np.uint64(1)
                if slot < slots and begun[slot] == begin:
                    counts[slot, key & mask] += 1


@compiled
def follow(counts: Any, begins: Any, left: Any, bits: Any) -> None:
    """Go on to the next bits of the keys at ranks, in place.

    `begins` and `left` (row, rank), by rising rank: what the key begins with, and how many smaller
    ones begin so, too. `counts` are those of `count_keys` over all values, for one slot or for as
    many as there are ranks.
    """
    ranks, last = begins.shape[1], counts.shape[2] - 1
    for r in range(begins.shape[0]):
        k = 0
        while k < ranks:
            some = counts[r, k if counts.shape[1] > 1 else 0]
            begin, number, before = begins[r, k], 0, 0
            while k < ranks and begins[r, k] == begin:
                while number < last and before + some[number] <= left[r, k]:
                    before += some[number]
                    number += 1
                begins[r, k] = (begin << bits) | np.uint64(number)
                left[r, k] -= before
                k += 1


@compiled
def _between(a: Any, b: Any, share: Any) -> Any:
    """Number between two, rounded as NumPy does; next to infinity, too, where NumPy says NaN."""
    if a == b or share == 0:
        return a
    if np.isinf(a) or np.isinf(b) or np.isinf(b - a):
        return a * (1 - share) + b * share
    return a + (b - a) * share if share < 0.5 else b - (b - a) * (1 - share)


@compiled
def between(low: Any, high: Any, share: Any, out: Any) -> None:
    """Write what lies between the float64 values `low` and `high` (row, quantile) to `out`.

    NaN where the share is.
    """
    for r in range(out.shape[0]):
        for k in range(out.shape[1]):
            part = share[r, k]
            out[r, k] = _between(low[r, k], high[r, k], part) if part == part else np.nan


@compiled
def row_quantiles(values: Any, q: Any, out: Any) -> None:
    """Write quantiles of short rows (value, row) to `out` (row, quantile); NaN are skipped."""
    kept = np.empty(values.shape[0], values.dtype)
    short = values.shape[0] <= _SHORT
    for r in range(values.shape[1]):
        number = 0
        for k in range(values.shape[0]):
            value = values[k, r]
            if value != value:
                continue
            at = number
            while short and at > 0 and kept[at - 1] > value:
                kept[at] = kept[at - 1]
                at -= 1
            kept[at] = value
            number += 1
        if not short:
            kept[:number].sort()
        for k in range(len(q)):
            out[r, k] = np.nan
            if number > 0:
                place = (number - 1) * q[k]
                low = int(place)
                high = min(low + 1, number - 1)
                a, b = np.float64(kept[low]), np.float64(kept[high])
                out[r, k] = _between(a, b, place - low)
