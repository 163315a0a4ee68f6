"""How are windows copied, or reduced to bins, out of an array in memory?

An array is `(outer, position, inner)`: `inner` are the values of one position that follow each
other in a window, `outer` those that each make a stretch of their own. A window's bins are counted
on the plus strand: bins [low, high) exist and start at position `at`, bins [gap_low, gap_high) lie
past the true end of a short tile. A window that is turned is written back to front, with `outer`
and `inner` reordered (strands swapped) and values looked up in `table` (letters complemented) where
there is one.

These loops hold no GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["any_nan", "copy_planes", "copy_windows", "interleave", "reduce_windows"]

_TILE = 1024  # positions of some tracks that fit the caches


@compiled
def _copy(source: Any, out: Any) -> None:
    """Copy a contiguous stretch; numba compiles `out[:] = source` to a loop five times slower."""
    for k in range(out.size):
        out[k] = source[k]


@compiled
def any_nan(values: Any) -> Any:
    """Whether some of the values, in one dimension, are NaN."""
    found = False
    for k in range(values.size):
        found |= values[k] != values[k]
    return found


@compiled
def interleave(planes: Any, low: Any, high: Any, to: Any, out: Any) -> None:
    """Copy stretches [low, high) of `(outer, inner, position)` to `(outer, position, inner)`."""
    cells = planes.shape[1]
    flat_out = out.reshape(out.shape[0], -1)
    for s in range(len(low)):
        for o in range(planes.shape[0]):
            line = flat_out[o, to[s] * cells : (to[s] + high[s] - low[s]) * cells]
            if cells == 1:
                _copy(planes[o, 0, low[s] : high[s]], line)
                continue
            for first in range(low[s], high[s], _TILE):
                last, begin = min(first + _TILE, high[s]), (first - low[s]) * cells
                for i in range(cells):
                    plane = planes[o, i, first:last]
                    for k in range(plane.size):
                        line[begin + k * cells + i] = plane[k]


@compiled
def copy_windows(
    source: Any, at: Any, low: Any, high: Any, gap_low: Any, gap_high: Any, count: Any,
    turned: Any, outer: Any, inner: Any, table: Any, fill: Any, rows: Any, first: Any, out: Any,
) -> None:  # fmt: skip
    """Copy window w to `out[rows[w], :, first[w] : first[w] + count[w]]`."""
    cells = source.shape[2]
    flat = source.reshape(source.shape[0], -1)
    flat_out = out.reshape(out.shape[0], out.shape[1], -1)
    for w in range(len(at)):
        lo, hi, begin, row = low[w], high[w], first[w], rows[w]
        end = begin + count[w]
        for o in range(source.shape[0]):
            line = flat_out[row, o]
            if not turned[w]:
                there = at[w] * cells
                size = (hi - lo) * cells
                a = (begin + lo) * cells
                line[begin * cells : a] = fill
                _copy(flat[o, there : there + size], line[a : a + size])
                line[a + size : end * cells] = fill
                if gap_high[w] > gap_low[w]:
                    line[(begin + gap_low[w]) * cells : (begin + gap_high[w]) * cells] = fill
                continue
            a = end - hi
            line[begin * cells : a * cells] = fill
            line[(end - lo) * cells : end * cells] = fill
            last = at[w] + hi - lo - 1
            if table.size:
                for j in range(hi - lo):
                    for i in range(cells):
                        value = source[outer[o], last - j, inner[i]]
                        out[row, o, a + j, i] = table[np.int64(value) & 255]
            else:
                for j in range(hi - lo):
                    for i in range(cells):
                        out[row, o, a + j, i] = source[outer[o], last - j, inner[i]]
            if gap_high[w] > gap_low[w]:
                line[(end - gap_high[w]) * cells : (end - gap_low[w]) * cells] = fill


@compiled
def _weave(planes: Any, first: Any, line: Any) -> None:
    """Fill a line with the values of each position side by side, from `first` on."""
    cells = planes.shape[0]
    size = line.size // cells
    if cells == 1:
        _copy(planes[0, first : first + size], line)
    elif cells == 4:  # the processor writes them at once
        a, b = planes[0, first : first + size], planes[1, first : first + size]
        c, d = planes[2, first : first + size], planes[3, first : first + size]
        for k in range(size):
            line[4 * k] = a[k]
            line[4 * k + 1] = b[k]
            line[4 * k + 2] = c[k]
            line[4 * k + 3] = d[k]
    else:
        for start in range(0, size, _TILE):
            stop = min(start + _TILE, size)
            for i in range(cells):
                plane = planes[i, first + start : first + stop]
                for k in range(plane.size):
                    line[(start + k) * cells + i] = plane[k]


@compiled
def copy_planes(
    source: Any, at: Any, low: Any, high: Any, gap_low: Any, gap_high: Any, count: Any,
    turned: Any, outer: Any, inner: Any, table: Any, fill: Any, rows: Any, first: Any, out: Any,
) -> None:  # fmt: skip
    """Do as `copy_windows`, from an array that is `(outer, inner, position)`."""
    cells = source.shape[1]
    flat_out = out.reshape(out.shape[0], out.shape[1], -1)
    for w in range(len(at)):
        lo, hi, begin = low[w], high[w], first[w]
        end, size = begin + count[w], hi - lo
        a = end - hi if turned[w] else begin + lo
        gap = end - gap_high[w] if turned[w] else begin + gap_low[w]
        for o in range(source.shape[0]):
            line = flat_out[rows[w], o]
            line[begin * cells : a * cells] = fill
            line[(a + size) * cells : end * cells] = fill
            if not turned[w]:
                _weave(source[o], at[w], line[a * cells : (a + size) * cells])
            else:
                last = at[w] + size - 1
                for i in range(cells):
                    plane = source[outer[o], inner[i]]
                    for j in range(size):
                        value = plane[last - j]
                        if table.size:
                            value = table[np.int64(value) & 255]
                        line[(a + j) * cells + i] = value
            if gap_high[w] > gap_low[w]:
                line[gap * cells : (gap + gap_high[w] - gap_low[w]) * cells] = fill


@compiled
def reduce_windows(
    source: Any, at: Any, low: Any, high: Any, gap_low: Any, gap_high: Any, count: Any,
    turned: Any, outer: Any, inner: Any, group: Any, how: Any, zero: Any, fill: Any, rows: Any,
    out: Any,
) -> None:  # fmt: skip
    """Make one value of each `group` bins (0: of all bins) that exist; NaN are skipped.

    `how` is a position in `REDUCE`; `zero` has the type to count in; `fill` where nothing exists.
    """
    for w in range(len(at)):
        size = group if group else max(count[w], 1)
        bins = max(-(-count[w] // size), 1)
        for b in range(bins):
            begin, end = max(b * size, low[w]), min((b + 1) * size, high[w])
            middle, after = min(end, gap_low[w]), max(begin, gap_high[w])
            if gap_high[w] <= gap_low[w]:
                middle, after = end, end
            target = bins - 1 - b if turned[w] else b
            for o in range(source.shape[0]):
                for i in range(source.shape[2]):
                    from_o = outer[o] if turned[w] else o
                    from_i = inner[i] if turned[w] else i
                    number, total = 0, zero
                    for part in range(2):
                        start = begin if part == 0 else after
                        stop = middle if part == 0 else end
                        shift = at[w] - low[w]
                        for j in range(start, stop):
                            value = source[from_o, shift + j, from_i]
                            if value != value:
                                continue
                            if how < 2:
                                total += value
                            elif number == 0 or (value > total if how == 2 else value < total):
                                total = zero + value
                            number += 1
                    if number == 0:
                        out[rows[w], o, target, i] = fill
                    elif how == 0:
                        out[rows[w], o, target, i] = total / number
                    else:
                        out[rows[w], o, target, i] = total
