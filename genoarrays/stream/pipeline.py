"""Who reads blocks and cuts slabs while the consumer works?

A few threads do jobs in a fixed order: the blocks of the next round are read between the slabs of
this one. Readers and compiled loops hold no interpreter lock. Slabs come in their order whatever
the number of threads; blocks may be computed by a `distributed.Client` instead.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.stream.augment import Draws
from genoarrays.stream.feeds import Feed, Part
from genoarrays.stream.plan import AHEAD, Entry, Plan, Round
from genoarrays.stream.room import Room

__all__ = ["Slab", "slabs"]

Array = npt.NDArray[Any]
Slab = tuple[Round, Draws]
"""Examples of a slab, and what becomes of each."""


def _load(
    feeds: Sequence[Feed], rows: Array, room: Any = np.empty, *, often: bool = False
) -> list[Part]:
    """One block of all variables; `often`: it stays for all epochs."""
    return [feed.load(rows, room, often=often) for feed in feeds]


class Reader:
    """Blocks by number of the entry, read once and dropped when no round needs them."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        feeds: Sequence[Feed],
        client: Any,
        room: Room,
        kept: dict[int, Any] | None,
    ) -> None:
        self.pool, self.feeds, self.client, self.room = pool, feeds, client, room
        self.often = kept is not None
        self.held: dict[int, Any] = {} if kept is None else kept

    def want(self, number: int, entry: Entry) -> None:
        """Begin to read a block, unless it is there."""
        if number in self.held:
            return
        if self.client is None:
            self.held[number] = self.pool.submit(
                _load, self.feeds, entry.rows, self.room, often=self.often
            )
        else:
            feeds = [feed.only(entry.rows) for feed in self.feeds]
            rows = np.arange(len(entry.rows))
            self.held[number] = _Fetched(self.client.submit(_load, feeds, rows, pure=False))

    def parts(self, entries: Array) -> dict[int, Any]:
        """Blocks that some examples need."""
        return {e: self.held[e] for e in np.flatnonzero(np.bincount(entries)).tolist()}

    def keep(self, numbers: Sequence[int]) -> None:
        """Drop all others."""
        for number in self.held.keys() - set(numbers):
            del self.held[number]


class _Fetched:
    """What a worker computed, brought here once."""

    def __init__(self, future: Any) -> None:
        self._future, self._lock = future, threading.Lock()
        self._value: list[Part] | None = None

    def result(self) -> list[Part]:
        """Parts of all variables."""
        with self._lock:
            if self._value is None:
                self._value = self._future.result()
                self._future = None  # lets the worker forget it
            return self._value


def slabs(
    plan: Plan,
    epoch: int,
    skip: int,
    stop: int,
    draw: Callable[[int, int], Draws],
    make: Callable[[Slab, dict[int, Any]], Any],
    kept: dict[int, Any] | None,
    client: Any,
    room: Room,
) -> Iterator[Any]:
    """Slabs of one epoch, in their order.

    Parameters
    ----------
    plan, epoch
        What is given, in which order.
    skip, stop
        First example that is given, and the end.
    draw
        What becomes of the examples of a round, by its number and how many there are.
    make
        Makes a slab of blocks that are held, in one of the threads.
    kept
        Blocks of earlier epochs, which stay; None when they do not fit.
    client
        Computes blocks.
    room
        Gives arrays to load to.
    """
    entries = plan.entries(epoch)
    waiting: deque[Future[Any]] = deque()
    # while blocks come and go, one thread mostly waits for the decoder, which has its own
    threads = plan.threads + (kept is None)
    pool = ThreadPoolExecutor(threads, thread_name_prefix="genoarrays-stream")
    try:
        reader = Reader(pool, plan.feeds, client, room, kept)
        for job in _jobs(plan, entries, epoch, skip, stop, draw, reader, kept is not None):
            waiting.append(pool.submit(make, *job))
            while len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()
        pool.shutdown(wait=True, cancel_futures=True)


def _jobs(
    plan: Plan,
    entries: Sequence[Entry],
    epoch: int,
    skip: int,
    stop: int,
    draw: Callable[[int, int], Draws],
    reader: Reader,
    keep: bool,
) -> Iterator[tuple[Slab, dict[int, Any]]]:
    size, at = plan.budget.slab, 0
    left: list[Slab] = []
    rounds = plan.rounds(epoch, entries)
    for number, (needed, some) in enumerate(rounds):
        count = len(some.row)
        begin, at = at, at + count
        if at <= skip:
            continue
        if begin >= stop:
            return
        slab = (some, draw(number, count))
        part = slice(max(skip - begin, 0), min(stop - begin, count))
        slab = (Round(*(column[part] for column in slab[0])), slab[1].take(part))
        for entry in needed:
            reader.want(entry, entries[entry])
        left.append(slab)
        joined = left[0] if len(left) == 1 else _join(left)
        rows = len(joined[0].row)
        whole = rows - rows % size
        soon = [] if keep else [(needed[0] + ahead) % len(entries) for ahead in (1, 2)]
        for first in range(0, whole, size):
            key = slice(first, first + size)
            piece = (Round(*(c[key] for c in joined[0])), joined[1].take(key))
            yield piece, reader.parts(piece[0].entry)
            if at < stop:
                for entry in soon:
                    reader.want(entry, entries[entry])
        key = slice(whole, rows)
        left = [(Round(*(c[key] for c in joined[0])), joined[1].take(key))]
        if not keep:
            reader.keep([*needed, *reader.parts(left[0][0].entry), *soon])
    if left and len(left[0][0].row):
        yield left[0], reader.parts(left[0][0].entry)


def _join(slabs: Sequence[Slab]) -> Slab:
    first, second = slabs
    rounds = Round(*(np.concatenate(pair) for pair in zip(first[0], second[0], strict=True)))
    pairs = zip(first[1], second[1], strict=True)
    joined: list[Any] = [
        None if a is None or b is None else np.concatenate([a, b]) for a, b in pairs
    ]
    return rounds, Draws(*joined)
