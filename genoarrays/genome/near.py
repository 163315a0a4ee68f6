"""Which regions are near which?

Two regions are near each other when fewer than `guard` bp lie between them; with a guard of 0, when
they share a base. Counting needs no pairs: of all bounds on a contig two binary searches tell how
many regions start before this one's end and have not ended before its start.
"""

from __future__ import annotations

import numpy as np

from genoarrays.genome.clip import FAR, Ints
from genoarrays.genome.columns import Columns

__all__ = ["count_near"]


def count_near(a: Columns, b: Columns, guard: int = 0) -> Ints:
    """How many regions of `b` are near each region of `a`.

    Parameters
    ----------
    a, b
        Regions with the same contig codes. Strands do not matter.
    guard
        Regions with fewer bp than this between them are near each other, as those that share a
        base always are. Regions without a base share none.

    Returns
    -------
    np.ndarray
        (a.size,) int64.

    Examples
    --------
    >>> from genoarrays.genome.columns import make_columns
    >>> a = make_columns(["chr1", "chr1"], [0, 30], [10, 40])
    >>> b = make_columns(["chr1", "chr1"], [5, 12], [8, 20])
    >>> count_near(a, b), count_near(a, b, guard=3)
    (array([1, 0]), array([2, 0]))
    """
    if guard == 0:
        b = b.take(b.start < b.end)
    starts, ends = np.sort(_key(b, b.start)), np.sort(_key(b, b.end))
    begun = np.searchsorted(starts, _key(a, a.end + guard), side="left")
    ended = np.searchsorted(ends, _key(a, a.start - guard), side="right")
    number: Ints = begun - ended
    return number if guard else np.where(a.start < a.end, number, 0)


def _key(columns: Columns, position: Ints) -> Ints:
    """One number for contig and position, in their order, with room for a guard on both sides."""
    return (columns.code.astype(np.int64) * 4 + 1) * FAR + position
