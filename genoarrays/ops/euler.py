"""How is a sequence shuffled so that its k-mers stay what they are?

The (k-1)-mers are the nodes of a graph and the k-mers its edges: the sequence is a path that uses
each edge once, and so is every sequence with the same k-mers and the same first (k-1)-mer. A random
one of those paths: draw a random tree of last edges towards the last node, by Wilson's walks with
their loops erased; shuffle the other edges of each node; walk. Every path is equally likely.

Altschul and Erickson, Mol. Biol. Evol. 2, 526 (1985); Jiang et al. (uShuffle), BMC Bioinformatics
9, 192 (2008); Wilson, STOC (1996). Random numbers are splitmix64, of a seed and the row's number,
so that rows do not depend on each other. These loops hold no GIL.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = ["shuffle_rows"]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


@compiled
def _mixed(z: Any) -> Any:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@compiled
def _below(state: Any, limit: Any) -> Any:
    """Whole number from 0 to limit - 1 (limit below 2**32)."""
    state[0] += _STEP
    return np.int64(((_mixed(state[0]) >> _HALF) * np.uint64(limit)) >> _HALF)


@compiled
def _shuffle(edges: Any, first: Any, stop: Any, state: Any) -> None:
    for i in range(stop - 1, first, -1):
        j = first + _below(state, i - first + 1)
        edges[i], edges[j] = edges[j], edges[i]


@compiled
def shuffle_rows(codes: Any, numbers: Any, k: Any, letters: Any, seed: Any, out: Any) -> None:
    """Shuffle each run of known letters of each row of `codes` into `out`.

    `numbers` are the rows' own, which their random numbers depend on; `seed` is an uint64.
    """
    nodes = letters ** (k - 1)
    length = codes.shape[1]
    degree = np.zeros(nodes, dtype=np.int64)
    first = np.zeros(nodes, dtype=np.int64)
    used = np.zeros(nodes, dtype=np.int64)
    last = np.zeros(nodes, dtype=np.int64)
    in_tree = np.zeros(nodes, dtype=np.bool_)
    seen = np.zeros(length + 1, dtype=np.int64)
    edges = np.zeros(length, dtype=codes.dtype)
    state = np.zeros(1, dtype=np.uint64)
    for row in range(len(codes)):
        state[0] = _mixed(_mixed(seed + _STEP) + np.uint64(numbers[row]))
        line, result = codes[row], out[row]
        result[:] = line
        low = 0
        while low < length:
            high = low
            while high < length and 0 <= line[high] < letters:
                high += 1
            count = high - low - k + 1  # edges
            if count < 2:
                low = high + 1
                continue
            start = 0
            for i in range(low, low + k - 1):
                start = start * letters + np.int64(line[i])
            # out-edges of each node, and where they begin
            node, different = start, 0
            for i in range(low + k - 1, high):
                if degree[node] == 0:
                    seen[different] = node
                    different += 1
                degree[node] += 1
                node = (node * letters + np.int64(line[i])) % nodes
            root, place = node, 0
            for n in range(different):
                first[seen[n]] = place
                place += degree[seen[n]]
            node = start
            for i in range(low + k - 1, high):
                edges[first[node] + used[node]] = line[i]
                used[node] += 1
                node = (node * letters + np.int64(line[i])) % nodes
            # the edge by which each node is left for the last time
            in_tree[root] = True
            for n in range(different):
                node = seen[n]
                while not in_tree[node]:
                    last[node] = first[node] + _below(state, degree[node])
                    node = (node * letters + np.int64(edges[last[node]])) % nodes
                node = seen[n]
                while not in_tree[node]:
                    in_tree[node] = True
                    node = (node * letters + np.int64(edges[last[node]])) % nodes
            for n in range(different):
                node = seen[n]
                end = first[node] + degree[node]
                if node != root:
                    end -= 1
                    edges[last[node]], edges[end] = edges[end], edges[last[node]]
                _shuffle(edges, first[node], end, state)
                used[node] = 0
            node = start
            for i in range(low + k - 1, high):
                letter = edges[first[node] + used[node]]
                used[node] += 1
                result[i] = letter
                node = (node * letters + np.int64(letter)) % nodes
            for n in range(different):
                degree[seen[n]], used[seen[n]], in_tree[seen[n]] = 0, 0, False
            in_tree[root] = False
            low = high + 1
