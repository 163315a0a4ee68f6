"""How do values of windows that overlap become one value per base?

The genome is gone through in blocks of equal units, the widest that all bins consist of: bases in
the worst case. The windows of a block are laid over each other, so memory does not depend on how
many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from genoarrays.formats.signal.runs import Ints, Runs

__all__ = ["OVERLAPS", "overlaid", "unit_of"]

OVERLAPS = ("mean", "max", "center")
_UNITS = 2**18  # of a block
Floats = npt.NDArray[np.float32]


def unit_of(runs: Runs, how: str) -> int:
    """Widest unit, in bp, that all bins begin and end at.

    For "center" it also divides what lies between the middles of any two centers, where the value
    changes from one window to the other.
    """
    if not runs.size:
        return 1
    origin = int(runs.low[0])
    unit = int(np.gcd.reduce([*np.unique(runs.low - origin), *np.unique(runs.width)]))
    if how == "center":
        middle = 2 * (runs.low - origin) + runs.lengths * runs.step  # twice the center
        halves = np.unique(np.concatenate([middle - middle[0], 2 * middle[:1]]))
        change = int(np.gcd.reduce(halves))  # four times the distance from a possible change
        unit = int(np.gcd(unit, change // 4)) if change % 4 == 0 else 1
    return max(unit, 1)


def overlaid(runs: Runs, stored: Callable[[], Floats], how: str) -> Iterator[tuple[Runs, Floats]]:
    """Values of windows as one value per unit, in genome order.

    Parameters
    ----------
    runs
        Where they are; bins follow each other in each run.
    stored
        Gives (place, track) float32 of all runs; called for each block.
    how
        One of `OVERLAPS`.

    Yields
    ------
    tuple
        One run of units, and its values, (unit, track) float32; NaN where there is none.
    """
    runs = runs.sorted()
    unit = unit_of(runs, how)
    edges = np.searchsorted(runs.code, np.arange(len(runs.assembly) + 1))
    for code in np.unique(runs.code).tolist():
        yield from _contig(runs, slice(*edges[code : code + 2]), stored, how, unit)


def _contig(
    runs: Runs, rows: slice, stored: Callable[[], Floats], how: str, unit: int
) -> Iterator[tuple[Runs, Floats]]:
    from genoarrays.formats.signal.overlay import lay_over

    low, step, number = runs.low[rows], runs.step[rows], runs.lengths[rows]
    high = low + number * step
    columns: tuple[Ints, ...] = (low, step, number, runs.place[rows], runs.way[rows])
    reach = np.maximum.accumulate(high)
    at = int(low[0])
    stop = min(int(runs.assembly.lengths[runs.code[rows.start]]), int(reach[-1]))
    while at < stop:
        first = int(np.searchsorted(reach, at, side="right"))
        at = max(at, int(low[first]))
        end = at + min(_UNITS, -(-(stop - at) // unit)) * unit
        last = int(np.searchsorted(low, end, side="left"))
        units = (end - at) // unit
        values = stored()
        out = np.empty((units, values.shape[1]), np.float32)
        best, seen = np.empty(units), np.empty(units, np.int64)
        some = tuple(column[first:last] for column in columns)
        for column in range(values.shape[1]):
            lay_over(values, column, some, at, unit, OVERLAPS.index(how), best, seen, out)
        one = runs.cut(0, 1)._replace(
            edges=np.array([0, units]),
            code=runs.code[rows][:1],
            low=np.array([at]),
            step=np.array([unit]),
            width=np.array([unit]),
            place=np.zeros(1, np.int64),
            way=np.ones(1, np.int64),
        )
        yield one, out
        at = end
