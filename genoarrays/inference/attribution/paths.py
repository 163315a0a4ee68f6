"""What do the gradients on the way from a baseline to an input add up to?

Their mean times the way is the attribution, and must sum to f(input) - f(baseline): completeness.
It is taken at the middles of equal steps. Kinks, as of ReLU and maxima, leave an error of about 1 /
steps; rows above the tolerance take three times as many steps, of which a third is there already.

Measured against 4,000 steps, on convolutions of 200 bp with maxima, 50 middles miss 0.2 to 2 % of
the attributions' absolute sum; the trapezoidal rule missed as much or up to ten times more.
Gradients weighed so that each step gives its own difference of f sum up better (1.3 to 2.4 times),
but miss single bases by more (1.2 to 1.5 times): not done.

Reference: Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.inference.attribution.cut import Cut

__all__ = ["Path", "gradients_at", "integrate"]

Array = npt.NDArray[Any]
_FINER = 3  # times that the steps become three times as many, at most
_ROUNDING = 1e-5  # of a sum of float32 numbers, relative to the largest


class Path(NamedTuple):
    """What the ways from all baselines give, on average over these.

    Attributions by tensor, f(input) - f(baseline), by how much the sum of all attributions is off
    that, and the rows where that is more than the tolerance times their absolute sum.
    """

    attributions: list[Array]
    difference: Array
    error: Array
    incomplete: Array


def integrate(
    cut: Cut,
    starts: list[list[Array]],
    ends: list[Array],
    steps: int,
    tolerance: float,
    rows: int,
    hypothetical: bool = False,
) -> Path:
    """Attributions of some rows, from one or several baselines each.

    Parameters
    ----------
    cut
        The model.
    starts
        Tensors by baseline, each of the shapes of `ends`.
    ends
        Tensors of the inputs, (rows, ...).
    steps
        Steps of the way, at first.
    tolerance
        Error above which a row takes finer steps, relative to the difference, or to the largest
        attribution where that is more.
    rows
        Most rows that go through the model at once.
    hypothetical
        Of one-hot tensors give what each letter would add if it stood there.
    """
    before = np.mean([cut.values(bases).astype(np.float64) for bases in starts], axis=0)
    after = cut.values(ends).astype(np.float64)
    difference = after - before
    totals = [np.zeros(tensor.shape) for tensor in ends]
    sums = np.zeros((len(ends), len(difference)))
    error = np.zeros(len(difference))
    going = np.arange(len(difference))
    for finer in range(_FINER + 1):
        count = steps * 3**finer
        middles = (np.arange(count) + 0.5) / count
        if finer:
            middles = np.delete(middles, np.arange(1, count, 3))
        tips = [tensor[going] for tensor in ends]
        for bases in starts:
            tails = [tensor[going] for tensor in bases]
            slopes = _sums(cut, tails, tips, middles, rows)
            for number, (entry, tail, tip, slope) in enumerate(
                zip(cut.entries, tails, tips, slopes, strict=True)
            ):
                part = (tip - tail) * slope
                sums[number, going] += part.reshape(len(part), -1).sum(axis=1)
                if hypothetical and entry.one_hot is not None:
                    part = slope - (tail * slope).sum(axis=-1, keepdims=True)
                totals[number][going] += part
        points = count * len(starts)
        parts = sums[:, going] / points
        error[going] = parts.sum(axis=0) - difference[going]
        size = np.abs([before[going], after[going], *parts]).max(axis=0)
        flat = [np.abs(t[going]).reshape(len(going), -1).max(axis=1, initial=0) for t in totals]
        scale = np.max([np.abs(difference[going]), *(one / points for one in flat)], axis=0)
        off = np.abs(error[going]) > tolerance * scale + _ROUNDING * size
        done = going if finer == _FINER else going[~off]
        for total in totals:
            total[done] /= points
        going = going[off]
        if not len(going):
            break
    whole = np.sum([np.abs(t).reshape(len(t), -1).sum(axis=1) for t in totals], axis=0)
    return Path(totals, difference, error, going[np.abs(error[going]) > tolerance * whole[going]])


def gradients_at(cut: Cut, tensors: list[Array], rows: int) -> list[Array]:
    """Gradients at inputs."""
    parts = [
        cut.gradients([tensor[low : low + rows] for tensor in tensors])
        for low in range(0, len(tensors[0]), rows)
    ]
    return [np.concatenate(some) for some in zip(*parts, strict=True)]


def _sums(cut: Cut, bases: list[Array], ends: list[Array], places: Array, rows: int) -> list[Array]:
    """Sums of gradients over places between baselines and inputs, float64."""
    steps = min(len(places), rows)
    each = max(rows // steps, 1)
    sums = [np.zeros(tensor.shape) for tensor in ends]
    for low in range(0, len(ends[0]), each):
        part = slice(low, low + each)
        for first in range(0, len(places), steps):
            some = places[first : first + steps].astype(np.float32)
            new = cut.sums([b[part] for b in bases], [e[part] for e in ends], some)
            for total, one in zip(sums, new, strict=True):
                total[part] += one
    return sums
