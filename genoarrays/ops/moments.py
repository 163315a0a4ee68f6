"""What do count, sum, variance, minimum and maximum of many values come to, in one pass?

A piece of values that fits the caches is looked at twice, memory is read once. Pieces, blocks and
stretches are joined by the formula of Chan, Golub and LeVeque [1]_, so that a large mean costs no
digits.

References
----------
.. [1] Chan TF, Golub GH, LeVeque RJ (1983) Algorithms for computing the sample variance: analysis
   and recommendations. The American Statistician 37(3), 242-247.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["FIELDS", "moments", "over_ranges"]

FIELDS = ("count", "sum", "squares", "min", "max")
"""What is known of values; squares: sum of squared distances from the mean."""

_PIECE = 8192


@partial(compiled, reorder=True)
def _sums(values: Any, shift: Any) -> Any:
    """Count and sum of what is no NaN; its sum and sum of squares from `shift`."""
    count, total, away, squares = 0, 0.0, 0.0, 0.0
    for k in range(values.size):
        there = values[k] == values[k]
        value = np.float64(values[k]) if there else 0.0
        moved = value - shift if there else 0.0
        count += there
        total += value
        away += moved
        squares += moved * moved
    return count, total, away, squares


@partial(compiled, reorder=True)
def _extremes(values: Any) -> Any:
    """Smallest and largest of what is no NaN."""
    low, high = np.inf, -np.inf
    for k in range(values.size):
        low = values[k] if values[k] < low else low
        high = values[k] if values[k] > high else high
    return low, high


@compiled
def _shift(values: Any, mean: Any, count: Any) -> Any:
    """Where to measure from, near the values: sums of squares then keep their digits."""
    if count > 0 and np.isfinite(mean):
        return mean
    for k in range(values.size):
        if np.isfinite(values[k]):
            return np.float64(values[k])
    return 0.0


@compiled
def _add(out: Any, count: Any, total: Any, squares: Any, low: Any, high: Any) -> None:
    """Join the fields of more values to those in `out`."""
    if count == 0:
        return
    if out[0] == 0:
        out[2] = squares
    else:
        away = total / count - out[1] / out[0]
        more = squares + away * away * count * out[0] / (count + out[0])
        out[2] = out[2] + more if np.isfinite(away) else np.nan
    out[0] += count
    out[1] += total
    out[3] = min(out[3], low)
    out[4] = max(out[4], high)


@compiled
def _clear(out: Any) -> None:
    """Fields of no values."""
    out[0], out[1], out[2], out[3], out[4] = 0.0, 0.0, 0.0, np.inf, -np.inf


@compiled
def moments(rows: Any, start: Any, stop: Any, out: Any) -> None:
    """Write the `FIELDS` of [start[s], stop[s]) of row r to `out[s, r]`; NaN are skipped."""
    for r in range(rows.shape[0]):
        for s in range(len(start)):
            found = out[s, r]
            _clear(found)
            for first in range(start[s], stop[s], _PIECE):
                piece = rows[r, first : min(first + _PIECE, stop[s])]
                mean = found[1] / found[0] if found[0] else 0.0
                shift = _shift(piece, mean, found[0])
                count, total, away, squares = _sums(piece, shift)
                if count == 0:
                    continue
                low, high = _extremes(piece)
                squares -= away * away / count
                if squares < 0:
                    squares = 0.0
                _add(found, count, total, squares if np.isfinite(away) else np.nan, low, high)


@compiled
def over_ranges(parts: Any, low: Any, high: Any, out: Any) -> None:
    """Join the fields of parts [low[g], high[g]) of (part, row, field) to `out[g, row]`.

    Parts are joined to a tree of pairs first, so that a long range takes few steps; what is joined
    is never taken apart again, which would cost digits where values differ much.
    """
    size = parts.shape[0]
    tree = np.empty((2 * size, parts.shape[2]))
    for r in range(parts.shape[1]):
        for k in range(size):
            tree[size + k] = parts[k, r]
        for k in range(size - 1, 0, -1):
            tree[k] = tree[2 * k]
            more = tree[2 * k + 1]
            _add(tree[k], more[0], more[1], more[2], more[3], more[4])
        for g in range(len(low)):
            found = out[g, r]
            _clear(found)
            a, b = low[g] + size, high[g] + size
            while a < b:
                if a & 1:
                    more = tree[a]
                    _add(found, more[0], more[1], more[2], more[3], more[4])
                    a += 1
                if b & 1:
                    b -= 1
                    more = tree[b]
                    _add(found, more[0], more[1], more[2], more[3], more[4])
                a >>= 1
                b >>= 1


@compiled
def quantiles(rows: Any, start: Any, stop: Any, q: Any, out: Any) -> None:
    """Write quantiles `q` of [start[s], stop[s]) of row r to `out[s, r]`; NaN are skipped."""
    for r in range(rows.shape[0]):
        for s in range(len(start)):
            values = rows[r, start[s] : stop[s]]
            kept = np.sort(values[values == values])
            for n in range(len(q)):
                if kept.size == 0:
                    out[s, r, n] = np.nan
                    continue
                at = q[n] * (kept.size - 1)
                low = np.int64(np.floor(at))
                high = low + 1 if low + 1 < kept.size else low
                a, b = kept[low], kept[high]
                part = at - low
                out[s, r, n] = a if part == 0 or a == b else a + (b - a) * part
