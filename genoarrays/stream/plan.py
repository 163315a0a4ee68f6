"""In which order are examples given out, and what is in memory meanwhile?

Examples are grouped to blocks of neighbors. When all that they need fits the budget, it is loaded
once and shuffled as a whole. Else blocks come in a random order and stay for some rounds: in each
round a block that is held gives a random share of its examples, which are shuffled with those of
the others, so each round mixes as many blocks as fit. The order of blocks is closed to a ring:
those that are held when the epoch begins come back at its end to give what they have not given, so
the first and the last batches are as well mixed as the others. With `passes`, each block comes
several times and gives another part of its examples each time: then more blocks are held at once.

Everything is drawn from generators made of (seed, epoch, number of the round or block), so neither
threads nor where one starts decide anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.options import show_bytes
from genoarrays.stream.feeds import Cutting, Feed, Rows
from genoarrays.stream.ragged import bucketed
from genoarrays.stream.sample import Sampler

__all__ = ["AHEAD", "Budget", "Entry", "Plan", "Report", "Round"]

Array = npt.NDArray[Any]
_ROUNDS = 4  # rounds for which a block stays, at least
_STAY = 16  # and at most: each slab is cut from so many blocks
_READ = 2**26  # bytes of one read, for each thread
_READERS = 2  # threads that are reckoned with: how many there are has no say in the order
_SLAB = 12 * 2**20  # bytes of a slab, where batches are smaller
_MOST = 2**28  # bytes of a block, at most
AHEAD = 3  # slabs that are made ahead of the consumer


class Budget(NamedTuple):
    """How the memory of a stream is spent, in bytes."""

    memory: int
    slab: int  # examples of a slab, whole batches
    slabs: int
    block: int  # of one block, at most
    held: int  # blocks held to be mixed


class Entry(NamedTuple):
    """A block, or the part of it that is given in one pass: rows to load, and places among them."""

    number: int
    rows: Array
    places: Array


@dataclass(frozen=True)
class Report:
    """What a stream holds, and how random its order is.

    Parameters
    ----------
    examples
        Given out in an epoch.
    bytes_selected, bytes_buffered
        Of all that the examples need, and of what is held to be mixed at once.
    blocks, held, passes
        Blocks, those mixed at once, and how often each is read in an epoch.
    locality
        How many times likelier than in a random permutation two neighbors meet in a batch.
    fits
        Whether everything is loaded once and shuffled as a whole.
    """

    examples: int
    bytes_selected: int
    bytes_buffered: int
    blocks: int
    held: int
    passes: int
    locality: float
    fits: bool

    def __str__(self) -> str:
        if self.fits:
            return (
                f"{self.examples:,} examples in {show_bytes(self.bytes_selected)}, all in memory: "
                "shuffled as a whole"
            )
        return (
            f"{self.examples:,} examples in {show_bytes(self.bytes_selected)}, of which "
            f"{show_bytes(self.bytes_buffered)} are mixed at once ({self.held} of {self.blocks} "
            f"blocks, {self.passes} pass{'es' if self.passes > 1 else ''}): neighbors meet in a "
            f"batch {self.locality:.3g} times as often as in a random permutation"
        )


class Round(NamedTuple):
    """Examples in the order in which they are given out."""

    entry: Array  # number of the entry
    place: Array  # place in the entry
    row: Array  # row of the Dataset


@dataclass(eq=False)
class Plan:
    """Blocks and order of a stream."""

    feeds: Sequence[Feed]
    size: int
    batch_size: int
    shuffle: bool
    memory: int
    passes: int
    seed: int
    threads: int
    share: tuple[int, int] = (0, 1)
    lengths: Array | None = None  # of ragged windows
    bucket: int = 1
    sampler: Sampler | None = None  # draws the rows of an epoch, where not all are given

    # ---- blocks

    @cached_property
    def edges(self) -> Array | None:
        """Ends of blocks that computed variables ask for."""
        found = [f.edges for f in self.feeds if isinstance(f, Rows) and f.edges is not None]
        return np.unique(np.concatenate(found)) if found else None

    @cached_property
    def order(self) -> Array:
        """Rows by place on the genome, or as they are."""
        if self.edges is not None or not (self.shuffle or self.fits):
            return np.arange(self.size)
        return self._by_place

    @cached_property
    def _by_place(self) -> Array:
        cutting = next((f for f in self.feeds if isinstance(f, Cutting)), None)
        if cutting is None:
            return np.arange(self.size)
        return np.lexsort((cutting.windows.start, cutting.windows.code))

    @cached_property
    def _added(self) -> Array:
        """Bytes that each row adds to those before it, by place."""
        added: Array = np.sum([feed.bytes_of(self._by_place) for feed in self.feeds], axis=0)
        return added

    @cached_property
    def bytes_selected(self) -> int:
        """Bytes of all that the examples need, once."""
        return int(self._added.sum())

    @cached_property
    def fits(self) -> bool:
        """Whether everything can be held."""
        budget = self.budget
        return self.bytes_selected + budget.slabs + _READERS * _READ <= self.memory

    @property
    def row_bytes(self) -> int:
        """Bytes of an example as it is given out."""
        return max(sum(feed.row_bytes for feed in self.feeds), 1)

    @cached_property
    def budget(self) -> Budget:
        """How the memory is spent.

        Raises
        ------
        GenomeError
            When it does not hold a block and the batches made ahead.
        """
        batch = self.row_bytes * min(self.batch_size, self.size)
        slab = min(_SLAB, self.memory // (4 * (AHEAD + 2))) // max(batch, 1)
        slab = 1 if self.lengths is not None else slab  # padded batch by batch
        slab = max(slab, 1) * self.batch_size
        slabs = (AHEAD + 2) * min(slab, self.size) * self.row_bytes
        reads = _READERS * min(_READ, self.memory // 16)
        rest = self.memory - slabs - reads
        block = min(rest // (_ROUNDS + 2), _MOST) if self.shuffle else min(rest // 4, _READ // 4)
        return Budget(self.memory, slab, slabs, max(block, 1), max(rest, 0))

    @cached_property
    def blocks(self) -> list[Array]:
        """Rows of each block.

        Raises
        ------
        GenomeError
            When a block that is given is larger than the budget.
        """
        budget = self.budget
        rows = self.order
        added = self._added
        if rows is not self._by_place:
            added = np.sum([feed.bytes_of(rows) for feed in self.feeds], axis=0)
        if self.edges is not None:
            edges = self.edges
            sizes = np.add.reduceat(added, edges[:-1])
            if not self.fits and sizes.max() * (3 if self.shuffle else 2) > budget.held:
                least = int(sizes.max()) * 4 + budget.slabs
                raise GenomeError(
                    f"memory={show_bytes(self.memory)} is too small: with blocks of "
                    f"{show_bytes(int(sizes.max()))} and this batch_size it takes "
                    f"{show_bytes(least)}; give more, or smaller blocks, as in "
                    "ga.windows(..., block='4 MiB')"
                )
        else:
            limit = budget.block * self._gain
            if self.fits:  # few blocks: a slab is cut from each of them
                limit = max(_MOST // 4, self.bytes_selected / 4)
            if not self.fits and added.max() * 2 > budget.held:
                raise GenomeError(
                    f"memory={show_bytes(self.memory)} is too small for one block: an example "
                    f"takes {show_bytes(int(added.max()))}, and batches made ahead "
                    f"{show_bytes(budget.slabs)}; give more, or a smaller batch_size"
                )
            number = (np.cumsum(added) - added) // max(int(limit), 1)
            edges = np.concatenate(
                [[0], np.flatnonzero(number[1:] != number[:-1]) + 1, [len(rows)]]
            )
        found = [np.sort(rows[a:b]) if self.edges is None else rows[a:b]
                 for a, b in pairwise(edges.tolist())]  # fmt: skip
        return self._shared(found)

    @cached_property
    def _gain(self) -> float:
        """How much larger a block may be when a pass takes a part of its examples only."""
        if self.passes == 1:
            return 1.0
        rows = self.order
        some = rows[np.random.default_rng(0).random(len(rows)) < 1 / self.passes]
        part = sum(float(feed.bytes_of(some).sum()) for feed in self.feeds)
        return max(0.9 * self.bytes_selected / max(part, 1.0), 1.0)

    def _shared(self, blocks: list[Array]) -> list[Array]:
        """Blocks of one reader: neither blocks nor examples are given to two."""
        rank, ranks = self.share
        if ranks == 1 or self.sampler is not None:
            return blocks
        total = sum(map(len, blocks))
        bounds = [total * k // ranks for k in (rank, rank + 1)]
        order = list(range(len(blocks)))
        if self.shuffle:
            order = np.random.default_rng([self.seed, 7]).permutation(len(blocks)).tolist()
        found, at = [], 0
        for number in order:
            size = len(blocks[number])
            low, high = max(bounds[0] - at, 0), min(bounds[1] - at, size)
            if low < high:
                found.append(blocks[number][low:high])
            at += size
        return found

    @cached_property
    def total(self) -> int:
        """Examples of an epoch."""
        if self.sampler is None:
            return sum(map(len, self.blocks))
        low, high = self._drawn
        return high - low

    @property
    def settings(self) -> dict[str, int]:
        """What decides the order, beside the epoch."""
        rank, ranks = self.share
        return {
            "examples": self.size, "batch_size": self.batch_size, "seed": self.seed,
            "shuffle": int(self.shuffle), "passes": self.passes, "bucket": self.bucket,
            "blocks": len(self.blocks), "rank": rank, "ranks": ranks,
        }  # fmt: skip

    @property
    def _drawn(self) -> tuple[int, int]:
        """Which of the drawn examples one of several readers gives."""
        assert self.sampler is not None
        rank, ranks = self.share
        return self.sampler.size * rank // ranks, self.sampler.size * (rank + 1) // ranks

    # ---- order

    @cached_property
    def held(self) -> int:
        """Entries that are mixed at once."""
        count = len(self.blocks) * (self.passes if self.shuffle else 1)
        if self.fits or not self.shuffle:
            return count if self.fits else 1
        if self.edges is None:
            fit = self.budget.held // self.budget.block - 2
            return min(max(fit, _ROUNDS), _STAY, count)
        largest = max(
            sum(int(feed.bytes_of(rows).sum()) for feed in self.feeds) for rows in self.blocks
        )
        return max(min(self.budget.held // max(largest, 1) - 2, count), 1)

    def entries(self, epoch: int) -> list[Entry]:
        """Blocks, or their parts, in the order in which they come."""
        times = np.ones(self.size, dtype=np.int64)
        if self.sampler is not None:
            low, high = self._drawn
            times = np.bincount(self.sampler(epoch)[low:high], minlength=self.size)
        if not self.shuffle or self.fits:
            return [
                Entry(number, rows, np.repeat(np.arange(len(rows)), times[rows]))
                for number, rows in enumerate(self.blocks)
            ]
        parts = []
        for number, rows in enumerate(self.blocks):
            given = np.repeat(rows, times[rows])
            if self.passes > 1:
                given = np.random.default_rng([self.seed, epoch, 1, number]).permutation(given)
            parts.append(np.array_split(given, self.passes))
        found: list[Entry] = []
        for number in range(self.passes):
            rng = np.random.default_rng([self.seed, epoch, 0, number])
            for block in rng.permutation(len(self.blocks)).tolist():
                if len(parts[block][number]):
                    rows, places = np.unique(parts[block][number], return_inverse=True)
                    found.append(Entry(len(found), rows, places))
        return found

    def rounds(self, epoch: int, entries: Sequence[Entry]) -> Iterator[tuple[list[int], Round]]:
        """Entries that each round needs, the new one first, and its examples."""
        count = len(entries)
        held = min(self.held, count)
        if self.fits:
            entry = np.repeat(np.arange(count), [len(e.places) for e in entries])
            place = np.concatenate([e.places for e in entries])
            row = np.concatenate([e.rows[e.places] for e in entries])
            if self.shuffle:
                mix = self._mixed([self.seed, epoch, 2], row)
            else:
                mix = np.argsort(row, kind="stable")
            yield list(range(count)), Round(entry[mix], place[mix], row[mix])
            return
        split: dict[int, list[Array]] = {}  # places of each entry by round
        for number in range(count):
            if not self.shuffle:
                rows, place = entries[number].rows, entries[number].places
                yield [number], Round(np.full(len(place), number), place, rows[place])
                continue
            now = [(number - back) % count for back in range(held)]
            parts = []
            for back, at in enumerate(now):
                if at not in split:
                    rng = np.random.default_rng([self.seed, epoch, 3, at])
                    split[at] = np.array_split(rng.permutation(entries[at].places), held)
                place = split[at][back]
                parts.append(Round(np.full(len(place), at), place, entries[at].rows[place]))
            if number + 1 >= held:  # those before come again at the end of the ring
                del split[now[-1]]
            joined = [np.concatenate(columns) for columns in zip(*parts, strict=True)]
            mix = self._mixed([self.seed, epoch, 2, number], joined[2])
            yield now, Round(*(column[mix] for column in joined))

    def _mixed(self, seed: list[int], row: Array) -> Array:
        """A random order of some rows; of ragged windows, of similar length batch by batch."""
        rng = np.random.default_rng(seed)
        mix = rng.permutation(len(row))
        if self.lengths is None or self.bucket == 1:
            return mix
        return mix[bucketed(self.lengths[row[mix]], self.batch_size, self.bucket, rng)]

    def report(self) -> Report:
        """How much is held, and how random the order is."""
        blocks = len(self.blocks)
        held = min(self.held, blocks)
        share = held / blocks
        selected = self.bytes_selected
        if self.fits:
            return Report(self.total, selected, selected, blocks, blocks, 1, 1.0, True)
        if not self.shuffle:
            share, held = 1 / blocks, 1
        buffered = int(selected * share / (self._gain if self.edges is None else self.passes))
        return Report(self.total, selected, buffered, blocks, held, self.passes, 1 / share, False)
