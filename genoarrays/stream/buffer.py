"""How is an epoch shuffled that does not fit in memory?

A buffer holds the rows of many blocks. Each slab is drawn from it at random, and the gaps are
filled with the rows that come next, so that every row is given out exactly once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Rows", "drawn_from_buffer"]

Array = npt.NDArray[Any]


def drawn_from_buffer(
    incoming: Rows, capacity: int, slab: int, rng: np.random.Generator
) -> Iterator[dict[str, Array]]:
    """Slabs of rows in random order; all but the last one have `slab` rows.

    Parameters
    ----------
    incoming
        Rows in the order in which they are read.
    capacity
        Rows held at once, at least `slab` (or all there are).
    slab
        Rows given out at once.
    rng
        Decides the order.
    """
    buffer = incoming.take(capacity)
    held = len(next(iter(buffer.values())))
    while held:
        rows = rng.choice(held, min(slab, held), replace=False)
        drawn = {name: array[rows] for name, array in buffer.items()}
        fresh = incoming.take(len(rows))
        count = len(next(iter(fresh.values()))) if fresh else 0
        for name in fresh:
            buffer[name][rows[:count]] = fresh[name]
        if count < len(rows):  # nothing comes any more: close the gaps from the end
            gaps = np.sort(rows[count:])
            held -= len(gaps)
            movers = np.setdiff1d(np.arange(held, held + len(gaps)), gaps, assume_unique=True)
            for array in buffer.values():
                array[gaps[gaps < held]] = array[movers]
        yield drawn


class Rows:
    """Rows in the order in which blocks bring them; with a generator, each block is shuffled."""

    def __init__(self, blocks: Iterator[dict[str, Array]], rng: np.random.Generator | None) -> None:
        self._blocks = blocks
        self._rng = rng
        self._current: dict[str, Array] = {}
        self._order: Array = np.arange(0)

    def take(self, count: int) -> dict[str, Array]:
        """The next `count` rows, fewer at the end, {} past it."""
        parts: list[dict[str, Array]] = []
        while count:
            if not len(self._order):
                block = next(self._blocks, None)
                if block is None:
                    break
                self._current = block
                rows = len(next(iter(block.values())))
                self._order = np.arange(rows) if self._rng is None else self._rng.permutation(rows)
            rows_now, self._order = self._order[:count], self._order[count:]
            parts.append({name: array[rows_now] for name, array in self._current.items()})
            count -= len(rows_now)
        if len(parts) <= 1:
            return parts[0] if parts else {}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def close(self) -> None:
        """Stop the threads that compute blocks."""
        self._blocks.close()  # type: ignore[attr-defined]
        self._current = {}
