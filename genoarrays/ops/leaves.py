"""How many values lie in each of very many ranges, fine where it matters?

Ranges are the leaves of a tree over the bits of a value's key (see `ranks.py`): a node is looked up
by the next bits. A tree begins with the first 16 bits; a pass counts what falls into each leaf,
then the leaves that matter most are split, and the next pass counts what falls into the new ones
only. A leaf of which no bits are left holds equal values.

These loops hold no GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays._compiled import compiled

__all__ = ["ROOT", "count_leaves", "join_ranks", "keys_of"]

Array = npt.NDArray[Any]
ROOT = 16
"""Bits that the first node looks at."""


def keys_of(values: Array) -> Array:
    """Unsigned numbers in the order of float values, as `ranks.values_of_keys` turns them back."""
    width = values.dtype.itemsize
    plain = np.where(values == 0, values.dtype.type(0), values).view(f"u{width}")  # -0 is 0
    sign = plain.dtype.type(2 ** (8 * width - 1))
    return np.where(plain & sign, ~plain, plain | sign)


@compiled
def _leaf(key: Any, width: Any, tree: Any) -> Any:
    """Node without children that a key leads to."""
    node, left = np.int64(0), width
    while tree[node, 1] > 0:
        bits = np.uint64(tree[node, 1])
        left -= bits
        digit = (key >> left) & ((np.uint64(1) << bits) - np.uint64(1))
        node = np.int64(tree[node, 0]) + np.int64(digit)
    return node


@compiled
def count_leaves(keys: Any, kinds: Any, width: Any, trees: Any, since: Any, out: Any) -> None:
    """Count keys (value, row) by row, leaf and kind.

    Parameters
    ----------
    keys
        (value, row) unsigned.
    kinds
        (value, row) int8: 0 or 1; less than 0 is left out.
    width
        Bits of a key, uint64.
    trees
        (row, node, 2) int32: first child, and how many bits choose among the children.
    since
        (row,) int64: nodes before this one are not counted.
    out
        (row, node - since, kind), to which is added.
    """
    for r in range(keys.shape[1]):
        tree, counts, first = trees[r], out[r], since[r]
        for k in range(keys.shape[0]):
            kind = kinds[k, r]
            if kind < 0:
                continue
            node = _leaf(np.uint64(keys[k, r]), width, tree) - first
            if node >= 0:
                counts[node, kind] += 1


@compiled
def join_ranks(
    a: Any, b: Any, there: Any, width_a: Any, width_b: Any, trees_a: Any, trees_b: Any,
    ranks_a: Any, ranks_b: Any, out: Any,
) -> None:  # fmt: skip
    """Add up products of the ranks (row, node) of two keys (value, row), measured from the mean."""
    for r in range(a.shape[1]):
        total = 0.0
        for k in range(a.shape[0]):
            if there[k, r] < 0:
                continue
            one = ranks_a[r, _leaf(np.uint64(a[k, r]), width_a, trees_a[r])]
            total += one * ranks_b[r, _leaf(np.uint64(b[k, r]), width_b, trees_b[r])]
        out[r] += total
