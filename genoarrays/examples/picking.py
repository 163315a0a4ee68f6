"""Which of many candidates are taken, one after the other?

Candidates come in their order; each is taken when its group still wants one and no region taken
before is in its way. Regions taken are kept by cells of the genome, so that a look at few of them
tells; the loop holds no GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["pick"]


@compiled
def pick(
    start: Any, end: Any, group: Any, wanted: Any, before: Any, apart: Any, cell: Any, cells: Any,
    most: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Which candidates are taken, and how many of each group a region taken before has kept out.

    Candidates lie at [start, end) of the genome laid end to end; the first `before` of them are
    taken as they are. Group g wants `wanted[g]`; -1 is no group. With `apart` regions may not
    overlap, else they may not be the same. There are `cells` cells of `cell` bp, and entries for
    `most` regions in cells.
    """
    head = np.full(cells, -1, dtype=np.int64)
    following = np.empty(most, dtype=np.int64)
    entry = np.empty(most, dtype=np.int64)
    hindered = np.zeros(len(wanted), dtype=np.int64)
    used = 0
    taken = np.zeros(len(start), dtype=np.bool_)
    for i in range(len(start)):
        if i >= before and (group[i] < 0 or wanted[group[i]] == 0):
            continue
        first = start[i] // cell
        last = (end[i] - 1) // cell if apart else first
        clear = True
        if i >= before:
            for c in range(first, last + 1):
                k = head[c]
                while k >= 0 and clear:
                    j = entry[k]
                    if apart:
                        clear = end[j] <= start[i] or end[i] <= start[j]
                    else:
                        clear = start[j] != start[i] or end[j] != end[i]
                    k = following[k]
                if not clear:
                    break
        if not clear:
            hindered[group[i]] += 1
            continue
        taken[i] = True
        if i >= before:
            wanted[group[i]] -= 1
        for c in range(first, last + 1):
            entry[used] = i
            following[used] = head[c]
            head[c] = used
            used += 1
    return taken, hindered
