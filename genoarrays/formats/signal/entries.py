"""Which bins do the entries of a bigWig block fall into?

Entries ascend, so each bin is finished before the next one begins: one running sum, no array of
bases. What lies between entries is filled on the way, so the result is written once. The state
between blocks is in two small arrays. 3.2 million entries over 100 million bases take 0.06 s of CPU
at 1 bp, 0.08 s in bins of 10; the GIL is not held.

An entry that is empty, begins before the one before it ends, begins past the contig's end, or lies
outside of the range that the index gives its block, stops the loop: its kind comes back, its number
is in `state`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from genoarrays._compiled import compiled

__all__ = ["close_bins", "fill_bases", "fill_bins"]

EMPTY, OVERLAP, PAST, OUTSIDE, INFINITE = range(1, 6)
AT, PREVIOUS, COVERED, ENTRY = range(4)  # places in `state`
_VECTOR = 16


@compiled
def _edges(words: Any, kind: int, k: int, at: int, step: int, span: int) -> Any:
    """Range of entry k: bedGraph, variable step, fixed step."""
    if kind == 1:
        return np.int64(words[3 * k]), np.int64(words[3 * k + 1])
    start = np.int64(words[2 * k]) if kind == 2 else at + k * step
    return start, start + span


@compiled
def _fault(start: int, end: int, previous: int, length: int, low: int, high: int) -> int:
    if end <= start:
        return EMPTY
    if start < previous:
        return OVERLAP
    if start >= length:
        return PAST
    if start < low or end > high:
        return OUTSIDE
    return 0


@njit(inline="always")  # type: ignore[untyped-decorator]
def _lay(out: Any, start: int, end: int, value: Any) -> None:
    """Put a value into [start, end); bases after may be spoiled, so write in ascending order."""
    # whole vectors, inlined by force: 0.06 s instead of 0.13 s for 100 million bases in runs of 25
    if end + _VECTOR <= len(out):
        while start < end:
            for lane in range(_VECTOR):
                out[start + lane] = value
            start += _VECTOR
    else:
        for place in range(start, end):
            out[place] = value


@compiled
def fill_bases(
    out: Any, first: int, words: Any, section: Any, bounds: Any, fill: Any, sign: Any, state: Any
) -> int:
    """Put entries into bases.

    Parameters
    ----------
    out
        (bases,) float32, of [first, first + bases); written up to `state[AT]`.
    words
        Body of the block, uint32.
    section
        kind, number of entries, start, step, span.
    bounds
        Length of the contig; range of the block by the index.
    fill
        Value without data, float32; also where an entry is NaN.
    sign
        1 or -1, float32.
    state
        (4,) int64: bases written, end of the previous entry, unused, number of the faulty entry.

    Returns
    -------
    int
        Kind of fault, or 0.
    """
    kind, count, at, step, span = section
    length, low, high = bounds
    values = words.view(np.float32)
    wide = 4 - kind
    done, previous, size = state[AT], state[PREVIOUS], len(out)
    for k in range(count):
        start, end = _edges(words, kind, k, at, step, span)
        fault = _fault(start, end, previous, length, low, high)
        if fault:
            state[ENTRY] = k
            return fault
        previous = end
        value = values[wide * k + wide - 1] * sign
        start, end = max(start - first, 0), min(end - first, size)
        if start < end and not math.isnan(value):
            _lay(out, done, start, fill)
            _lay(out, start, end, value)
            done = end
    state[AT], state[PREVIOUS] = done, previous
    return 0


@compiled
def _value(total: float, covered: int, how: int, width: int) -> float:
    if how == 0:
        return total / covered
    return total / width if how == 1 else total


@compiled
def close_bins(
    out: Any, state: Any, total: Any, how: int, size: int, bases: int, fill: Any
) -> None:
    """Write the bin that is under way, and `fill` into those after it.

    The parameters are those of `fill_bins`.
    """
    done = state[AT]
    if state[COVERED]:
        out[done] = _value(total[0], state[COVERED], how, min(size, bases - done * size))
        done += 1
    out[done:] = fill


@compiled
def fill_bins(
    out: Any,
    first: int,
    words: Any,
    section: Any,
    bounds: Any,
    fill: Any,
    sign: Any,
    state: Any,
    total: Any,
    how: int,
    size: int,
    bases: int,
) -> int:
    """Put entries into bins; the parameters are those of `fill_bases`, but for:

    Parameters
    ----------
    out
        (bins,) float32, of [first, first + bases).
    state
        (4,) int64: bin under way (all before are written), end of the previous entry, bases with
        data in the bin, number of the faulty entry.
    total
        (1,) float64: sum or extreme of the bin under way.
    how
        0 mean, 1 mean over all bases, 2 sum, 3 largest, 4 smallest.
    size
        bp per bin.
    bases
        bp of the result.

    Returns
    -------
    int
        Kind of fault, or 0.
    """
    kind, count, at, step, span = section
    length, low, high = bounds
    values = words.view(np.float32)
    wide = 4 - kind
    done, previous, covered, so_far = state[AT], state[PREVIOUS], state[COVERED], total[0]
    for k in range(count):
        start, end = _edges(words, kind, k, at, step, span)
        fault = _fault(start, end, previous, length, low, high)
        previous = end
        value = np.float64(values[wide * k + wide - 1] * sign)
        start, end = max(start - first, 0), min(end - first, bases)
        if not fault and start < end and how < 3 and math.isinf(value):
            fault = INFINITE
        if fault:
            state[ENTRY] = k
            return fault
        if start >= end or math.isnan(value):
            continue
        place = start // size
        while start < end:
            if place > done or not covered:
                if covered:  # so it is not the last bin, which alone may be cut
                    out[done] = _value(so_far, covered, how, size)
                    done += 1
                for between in range(done, place):
                    out[between] = fill
                done, covered = place, 0
                so_far = 0.0 if how < 3 else value
            stop = min(end, (place + 1) * size)
            if how < 3:
                so_far += value * (stop - start)
            elif how == 3:
                so_far = max(so_far, value)
            else:
                so_far = min(so_far, value)
            covered += stop - start
            start = stop
            place += 1
    state[AT], state[PREVIOUS], state[COVERED], total[0] = done, previous, covered, so_far
    return 0
