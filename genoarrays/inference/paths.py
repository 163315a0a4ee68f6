"""What do the gradients on the way from a baseline to an input add up to?

Gradients are taken at the middles of equal steps (midpoint rule). Their sum times the way is the
attribution, and must be f(input) - f(baseline): completeness. Kinks, as of ReLU and maxima, leave
an error of about 1 / steps; rows above the tolerance take three times as many steps, of which the
middle third is there already.

References: Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.inference.cut import Cut

__all__ = ["Path", "gradients_at", "integrate"]

Array = npt.NDArray[Any]
_FINER = 3  # times that the steps become three times as many, at most
_ROUNDING = 1e-5  # of a sum of float32 numbers, relative to the largest


class Path(NamedTuple):
    """What the ways from all baselines give, on average over these.

    Attributions by tensor, f(input) - f(baseline), by how much the sum of all attributions is off
    that, and the rows where that is more than was allowed.
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
        Error relative to the difference above which a row takes finer steps.
    rows
        Most rows that go through the model at once.
    hypothetical
        Of one-hot tensors give what each letter would add if it stood there.
    """
    before = np.mean([cut.values(bases).astype(np.float64) for bases in starts], axis=0)
    after = cut.values(ends).astype(np.float64)
    difference = after - before
    totals = [np.zeros(tensor.shape, np.float64) for tensor in ends]
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
                sums[number, going] += part.reshape(len(part), -1).sum(axis=1, dtype=np.float64)
                if hypothetical and entry.one_hot is not None:
                    part = slope - (tail * slope).sum(axis=-1, keepdims=True)
                totals[number][going] += part
        parts = sums[:, going] / (count * len(starts))
        error[going] = parts.sum(axis=0) - difference[going]
        size = np.abs([before[going], after[going], *parts]).max(axis=0)
        allowed = tolerance * np.abs(difference[going]) + _ROUNDING * size
        incomplete = going[np.abs(error[going]) > allowed]
        done = going if finer == _FINER else np.setdiff1d(going, incomplete)
        for total in totals:
            total[done] /= count * len(starts)
        going = incomplete
        if not len(going):
            break
    return Path(totals, difference, error, going)


def gradients_at(cut: Cut, tensors: list[Array], rows: int) -> list[Array]:
    """Gradients at inputs."""
    return _sums(cut, tensors, tensors, np.ones(1), rows)


def _sums(
    cut: Cut, bases: list[Array], ends: list[Array], middles: Array, rows: int
) -> list[Array]:
    """Sums of gradients over places between baselines and inputs."""
    steps = min(len(middles), rows)
    each = max(rows // steps, 1)
    found: list[list[Array]] = [[] for _ in ends]
    for low in range(0, len(ends[0]), each):
        part = slice(low, low + each)
        total: list[Any] = [0.0] * len(ends)
        for first in range(0, len(middles), steps):
            some = middles[first : first + steps].astype(np.float32)
            new = cut.gradients([b[part] for b in bases], [e[part] for e in ends], some)
            total = [t + n for t, n in zip(total, new, strict=True)]
        for one, parts in zip(total, found, strict=True):
            parts.append(one)
    return [np.concatenate(parts) for parts in found]
