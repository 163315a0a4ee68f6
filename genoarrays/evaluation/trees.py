"""Which scores occur how often among positives and negatives, where all do not fit into memory?

A tree (see `ops/leaves.py`) starts with ranges of the first 16 bits of a score, and grows where the
order of the values within a range could change the result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.ops.leaves import ROOT

__all__ = ["Tree"]

Array = npt.NDArray[Any]
_GROWTH = 2**20  # nodes that are added at once, at most twice as many
_LEAST = 2**16  # also where there are few values: those that begin alike are told apart soon
_STEP = 18  # most bits that a leaf is split by


class Tree:
    """Tree over keys of `width` bits, with counts (node, kind).

    `table` (node, 2) int32: first child, and bits that choose; `low` (node,) uint64: smallest key;
    `left` (node,): bits below the node; `since`: first node that was not counted yet.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.table = np.zeros((1, 2), np.int32)
        self.low = np.zeros(1, np.uint64)
        self.left = np.full(1, width, np.int64)
        self.counts = np.zeros((1, 2), np.int64)
        self.since = 1
        self._split(np.zeros(1, np.int64), np.full(1, ROOT))

    def _split(self, nodes: Array, bits: Array) -> None:
        """Give nodes 2 ** bits children each."""
        number = 2**bits
        first = len(self.table) + np.cumsum(number) - number
        self.since = len(self.table)
        self.table[nodes, 0], self.table[nodes, 1] = first, bits
        parent = np.repeat(np.arange(len(nodes)), number)
        digit = np.arange(len(parent)) - (first - self.since)[parent]
        left = (self.left[nodes] - bits)[parent]
        low = self.low[nodes][parent] + (digit.astype(np.uint64) << left.astype(np.uint64))
        self.low, self.left = np.append(self.low, low), np.append(self.left, left)
        self.table = np.concatenate([self.table, np.zeros((len(parent), 2), np.int32)])
        self.counts = np.concatenate([self.counts, np.zeros((len(parent), 2), np.int64)])

    def add(self, counts: Array) -> None:
        """Take over the counts of the nodes that were added last."""
        self.counts[self.since :] = counts[: len(self.counts) - self.since]

    def rest(self) -> None:
        """Nothing is new: what is there was counted."""
        self.since = len(self.table)

    def leaves(self) -> Array:
        """Nodes that hold something, from the smallest key to the largest."""
        some = np.flatnonzero((self.table[:, 1] == 0) & (self.counts.sum(1) > 0))
        return some[np.argsort(self.low[some], kind="stable")]

    def grow(self, leaves: Array, weight: Array) -> bool:
        """Split leaves, the finer the more weight they bear; False if there is none to split."""
        total = weight.sum()
        left = self.left[leaves]
        number = self.counts[leaves].sum(1)
        can = (left > 0) & (number > 1) & (weight > 0)
        if not can.any() or not total > 0:
            return False
        growth = int(np.clip(4 * number.sum(), _LEAST, _GROWTH))
        order = np.argsort(-weight[can], kind="stable")[:growth]
        nodes, share = leaves[can][order], weight[can][order] / total
        bits = np.ceil(np.log2(np.maximum(share * growth, 2))).astype(np.int64)
        bits = np.minimum(bits, np.minimum(self.left[nodes], _STEP))
        kept = np.cumsum(2**bits) <= 2 * growth
        self._split(nodes[kept], bits[kept])
        return True
