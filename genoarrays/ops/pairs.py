"""What do sums over pairs of columns come to, block by block?

Products of matrices make the sums of all pairs at once. A column whose mean is far from 0, measured
by its spread, is shifted there first, so that a large mean costs no digits; sums of blocks are
joined by the formula of Chan, Golub and LeVeque [1]_. Where digits are lost all the same, because
one column lacks a value where the other is extreme, a pair is done by itself.

References
----------
.. [1] Chan TF, Golub GH, LeVeque RJ (1983) Algorithms for computing the sample variance: analysis
   and recommendations. The American Statistician 37(3), 242-247.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["FIELDS", "correlation", "fields_of_pair", "fields_of_pairs", "joined_pairs"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
FIELDS = ("number", "mean of a", "mean of b", "squares of a", "squares of b", "products")
"""What is known of a pair of columns, where both have a value; the last three from the means."""

_TILE = 2**18  # numbers of a tile: 2 MB as float64
_FAR = 8  # standard deviations of a mean from 0, from which on values are shifted
_LOST = 1e-6  # of a sum of squares: when less is left, six digits are lost


def fields_of_pairs(x: Array, y: Array | None = None) -> Floats:
    """Fields (a, b, field) of all pairs of columns of (place, a) and (place, b).

    Without `y` of the pairs among those of `x`. What is not finite is missing.
    """
    columns = x.shape[1] + (0 if y is None else y.shape[1])
    rows = max(_TILE // max(columns, 1), 4 * columns, 1)
    found = None
    for start in range(0, max(len(x), 1), rows):
        some = slice(start, start + rows)
        a = _columns(x[some])
        part = _fields(a, a if y is None else _columns(y[some]))
        found = part if found is None else joined_pairs(np.stack([found, part]))
    assert found is not None
    return found


class _Columns(NamedTuple):
    """Columns as they are multiplied: `shifted` is `values` less `shift`, 0 where nothing is."""

    values: Floats
    shifted: Floats
    shift: Floats
    there: Floats | None  # 1 where a value is; None for everywhere
    number: Floats  # of values
    total: Floats  # of what is shifted
    squares: Floats


def _columns(values: Array) -> _Columns:
    values = values.astype(np.float64)
    ones = np.ones(len(values))  # a product: NumPy sums few columns five times slower
    total, shifted, there = ones @ values, values, None
    number = np.full(len(total), float(len(values)))
    if not np.isfinite(total).all():
        known = np.isfinite(values)
        if not known.all():
            shifted, there = np.where(known, values, 0.0), known.astype(np.float64)
            total, number = ones @ shifted, ones @ there
    squares = np.einsum("ij,ij->j", shifted, shifted)
    mean = total / np.maximum(number, 1)
    spread = squares / np.maximum(number, 1) - mean**2
    shift = np.zeros(len(total))
    far = np.flatnonzero(mean**2 > _FAR**2 * spread)
    shifted = shifted.copy() if far.size and shifted is values else shifted
    for column in far.tolist():
        rows = slice(None) if there is None else np.flatnonzero(there[:, column])
        some = shifted[rows, column]
        # from one of them: nothing is left of equal values, whatever a mean is rounded to
        shift[column] = some[0] + (some - some[0]).mean()
        shifted[rows, column] = some = some - shift[column]
        total[column], squares[column] = some.sum(), some @ some
    return _Columns(values, shifted, shift, there, number, total, squares)


def _fields(a: _Columns, b: _Columns) -> Floats:
    number, total_a, square_a = (_sums(a, power, b) for power in range(3))
    total_b, square_b = (total_a.T, square_a.T) if a is b else (_sums(b, 1, a).T, _sums(b, 2, a).T)
    some = np.maximum(number, 1)
    mean_a, mean_b = total_a / some, total_b / some
    left_a, left_b = square_a - total_a * mean_a, square_b - total_b * mean_b
    product = a.shifted.T @ b.shifted - total_a * mean_b
    means = a.shift[:, None] + mean_a, b.shift + mean_b
    found = np.stack([number, *means, left_a, left_b, product], axis=-1)
    lost = (left_a < _LOST * square_a) | (left_b < _LOST * square_b)
    for i, j in np.argwhere(lost).tolist():
        found[i, j] = fields_of_pair(a.values[:, i], b.values[:, j])
    return found


def _sums(own: _Columns, power: int, other: _Columns) -> Floats:
    """Sums (own, other) of powers of what is shifted, where the other column has a value."""
    if other.there is None:
        sums = (own.number, own.total, own.squares)[power]
        return np.broadcast_to(sums[:, None], (len(sums), len(other.shift)))
    if power == 0:
        values = np.ones_like(own.shifted) if own.there is None else own.there
    else:
        values = own.shifted if power == 1 else own.shifted**2
    return values.T @ other.there


def fields_of_pair(x: Array, y: Array) -> Floats:
    """Fields of two columns, in three passes over both."""
    both = np.isfinite(x) & np.isfinite(y)
    number = int(np.count_nonzero(both))
    if not number:
        return np.zeros(len(FIELDS))
    x, y = x[both], y[both]
    # from a value: nothing is left of equal ones, whatever a mean is rounded to
    a, b = x - x[0], y - y[0]
    means = x[0] + a.mean(), y[0] + b.mean()
    a, b = a - a.mean(), b - b.mean()
    return np.array([number, *means, a @ a, b @ b, a @ b])


def joined_pairs(parts: Floats) -> Floats:
    """Fields of all, of those of parts (part, a, b, field)."""
    number = parts[..., 0]
    total = number.sum(0)
    some = number > 0
    first = np.argmax(some, axis=0)[None]
    means, away = [], []
    for mean in (parts[..., 1], parts[..., 2]):
        # from the mean of a part: equal means are no distance apart, whatever is rounded
        start = np.take_along_axis(mean, first, 0)[0]
        distance = np.where(some, mean - start, 0)
        center = (number * distance).sum(0) / np.maximum(total, 1)
        means.append(start + center)
        away.append(np.where(some, distance - center, 0))
    a, b = away
    left = [
        (parts[..., 3 + k] + number * one * other).sum(0)
        for k, (one, other) in enumerate(((a, a), (b, b), (a, b)))
    ]
    return np.stack([total, *means, *left], axis=-1)


def correlation(fields: Floats) -> Floats:
    """Pearson correlation (a, b) of fields, NaN where nothing is left of one column."""
    a, b, both = np.moveaxis(fields[..., 3:], -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = both / (np.sqrt(a) * np.sqrt(b))
        return np.where((a > 0) & (b > 0), np.clip(r, -1, 1), np.nan)
