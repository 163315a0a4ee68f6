"""What do the values of bins come to in bins of another size?"""

from __future__ import annotations

from typing import Any

from genoarrays._compiled import compiled

__all__ = ["add_shares"]


@compiled
def add_shares(
    values: Any, place: Any, number: Any, first: Any, target: Any, low: Any, high: Any, length: Any,
    size: Any, new_size: Any, mean: Any, total: Any, weight: Any,
) -> None:  # fmt: skip
    """Add values of (row, position) to what they hold of the new bins: (row, new position).

    Pair p is `number[p]` bins from position `place[p]` and bin `first[p]` of a contig on, of `size`
    bp, and the new bins from position `target[p]` on, of `new_size` bp; they have the bases
    [low[p], high[p]) in common. The contig has `length[p]` bp. A value counts as often as it has
    bases in a new bin for a mean, else by its share of bases there; bases are added to `weight`.
    """
    for p in range(len(place)):
        for j in range(number[p]):
            begin = (first[p] + j) * size
            end = min(begin + size, length[p])
            base, stop = max(begin, low[p]), min(end, high[p])
            while base < stop:
                bin_ = base // new_size
                cut = min(stop, (bin_ + 1) * new_size)
                at = target[p] + bin_ - low[p] // new_size
                for k in range(values.shape[0]):
                    value = values[k, place[p] + j]
                    if value != value:
                        continue
                    weight[k, at] += cut - base
                    if mean:
                        total[k, at] += value * (cut - base)
                    elif cut - base == end - begin:  # integers stay exact
                        total[k, at] += value
                    else:
                        total[k, at] += value * ((cut - base) / (end - begin))
                base = cut
