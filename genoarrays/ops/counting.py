"""How many letters of some kind lie between sorted bounds?

One loop over the codes, without the GIL: 100 million codes take 0.12 s.
"""

from __future__ import annotations

from typing import Any

from genoarrays._compiled import compiled

__all__ = ["count_between"]


@compiled
def count_between(
    codes: Any, offset: Any, bounds: Any, wanted: Any, first: Any, second: Any, letters: Any,
    chosen: Any, known: Any,
) -> None:  # fmt: skip
    """Count in stretch k, from `bounds[k]` to `bounds[k + 1]`, where `wanted[k]`.

    `codes` begin at `offset` on the axis of the bounds; what lies off them is not counted. Adds
    letters `first` and `second` to `chosen[k]`, and letters 0 to `letters` - 1 to `known[k]`.
    """
    for k in range(len(bounds) - 1):
        if not wanted[k]:
            continue
        low, high = max(bounds[k] - offset, 0), min(bounds[k + 1] - offset, len(codes))
        a, b = 0, 0
        for i in range(low, high):
            code = codes[i]
            a += (code == first) | (code == second)
            b += (code >= 0) & (code < letters)
        chosen[k] += a
        known[k] += b
