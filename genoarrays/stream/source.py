"""What is iterated over, epoch by epoch: `Batches`.

Knows where an epoch stands, gives batches as they were asked for, shares them out over readers, and
goes to other processes without what it holds in memory.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim
from genoarrays.ops.sequence import check_codes
from genoarrays.stream.augment import Augment, Draws, Rules
from genoarrays.stream.feeds import Feed, feed_of
from genoarrays.stream.making import INDEX, TRACKS, Maker, Names, listed
from genoarrays.stream.pipeline import Slab, slabs
from genoarrays.stream.plan import Plan, Report
from genoarrays.stream.ragged import Ragged, is_ragged, ragged_feed
from genoarrays.stream.room import Room
from genoarrays.stream.sample import Sampler

__all__ = ["Batches"]

Array = npt.NDArray[Any]


@dataclass(eq=False, repr=False)
class Batches:
    """Re-iterable over batches; made by `batches`."""

    x: xr.Dataset
    inputs: Names
    targets: Names | None
    weights: str | None
    batch_size: int
    shuffle: bool
    seed: int
    augment: Augment
    drop_last: bool
    index: bool = False
    missing_targets: bool = False
    client: Any = None
    tracks: int | None = None
    pad: int | None = None

    def __post_init__(self) -> None:
        """Find where values come from; check that each variable can be augmented."""
        self.error: BaseException | None = None
        self.dim = example_dim(self.x)
        self._epoch, self._skip = 0, 0
        self._at = (0, 0)  # epoch and batches given in it, for state_dict
        self._kept: dict[int, Any] = {}
        self._room = Room()
        self.feeds: list[Feed] = [
            ragged_feed(v, self.x, self.pad) if is_ragged(v) else feed_of(v, self.dim)
            for v in self.x.data_vars.values()
        ]
        self.margin = self._margin()
        self._maker = self._make_maker()
        if self.augment.reverse_complement:
            for name, v in self.x.data_vars.items():
                check_codes(v)
                letters = {k: a for k, a in v.attrs.items() if k == "alphabet"}
                labels = {str(d): v[d].values for d in v.dims if d != self.dim and d in v.coords}
                dims = tuple("offset" if d.startswith("packed") else d for d in map(str, v.dims))
                Rules(str(name), dims, letters, labels).check()

    def _make_maker(self) -> Maker:
        return Maker(
            self.x, self.dim, self.feeds, listed(self.inputs), self.weights,
            self.missing_targets or self.weights is not None, self.augment, self.tracks,
            self.index, self.seed, self.batch_size, self._room,
        )  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        """Without blocks in memory, and with windows rather than the graphs that made them."""
        import dask.array as da

        state = self.__dict__.copy()
        rows = np.arange(self.x.sizes[self.dim])
        state["feeds"] = [feed.only(rows) for feed in self.feeds]
        state["plan"] = copy.copy(self.plan)
        state["plan"].feeds = state["feeds"]
        empty = {
            name: (v.dims, da.zeros(v.shape, dtype=v.dtype, chunks=-1), v.attrs)
            for name, v in self.x.data_vars.items()
        }
        state["x"] = xr.Dataset(empty, self.x.coords)
        state |= {"_kept": {}, "_room": self._room.limit, "_maker": None, "error": None}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._room = Room(state["_room"])
        self._maker = self._make_maker()

    def _margin(self) -> tuple[int, int]:
        """How far examples may be moved, and in which steps; the same for all variables."""
        found = set()
        for v in self.x.data_vars.values():
            reach = {
                (int(v[d].attrs["jitter"]), int(v[d].attrs["jitter_step"]))
                for d in map(str, v.dims)
                if d in v.coords and v[d].attrs.get("jitter")
            }
            if "shift" in v.dims and "shift" in v.coords:
                shift = v["shift"].values
                reach.add((int(shift[-1]), int(shift[1] - shift[0])))
            found.add(min(reach) if len(reach) == 1 else (0, 1))
        wide = found - {(0, 1)}
        if self.augment.jitter and not wide:
            raise GenomeError(
                "Augment(jitter=True) needs a margin of real bases around the windows; make it, as "
                "in ga.windows(..., jitter=20)"
            )
        if len(wide) > 1:
            raise GenomeError(f"the variables have different margins: {sorted(wide)} (bp, step)")
        return wide.pop() if wide else (0, 1)

    def _prepare(
        self, memory: int, passes: int, threads: int, sampler: Sampler | None, bucket: int
    ) -> None:
        """Plan blocks and order for a budget in bytes.

        Raises
        ------
        GenomeError
            When it does not hold a block and the batches made ahead.
        """
        ragged = [feed for feed in self.feeds if isinstance(feed, Ragged)]
        self.plan = Plan(
            self.feeds, self.x.sizes[self.dim], self.batch_size, self.shuffle, memory, passes,
            self.seed, threads, lengths=ragged[0].lengths if ragged else None, bucket=bucket,
            sampler=sampler,
        )  # fmt: skip
        self._kept = {}
        self._room.limit = min(memory, self._room.limit)
        _ = self.plan.blocks

    def shard(self, rank: int, ranks: int, *, even: bool = False) -> Batches:
        """The share of one of several readers; together they give every example once.

        Parameters
        ----------
        rank, ranks
            Number of this reader, from 0, and how many there are.
        even
            Leave out up to `ranks` - 1 batches so that all give equally many.

        Raises
        ------
        GenomeError
            When there is no such reader.
        """
        plan = self.plan
        if not 0 <= rank < ranks:
            raise GenomeError(f"rank={rank} of ranks={ranks} is not possible; ranks count from 0")
        part = replace(self)
        part._epoch, part._skip = self._epoch, self._skip
        part.plan = replace(
            plan, feeds=part.feeds, memory=plan.memory // ranks, share=(rank, ranks)
        )
        part._room.limit = min(part.plan.memory, part._room.limit)
        part._limit = (plan.total // ranks // self.batch_size) if even else None
        return part

    _limit: int | None = None

    def __repr__(self) -> str:
        return f"<genoarrays.Batches: {len(self):,} batches of {self.batch_size}; {self.report()}>"

    @property
    def size(self) -> int:
        """Examples of an epoch."""
        return self.plan.total

    def __len__(self) -> int:
        """Batches of an epoch."""
        rest = 0 if self.drop_last else self.batch_size - 1
        count = (self.size + rest) // self.batch_size
        return count if self._limit is None else min(count, self._limit)

    @property
    def specs(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape of one example, and type, of each array of a slab."""
        return self._maker.specs

    def report(self) -> Report:
        """How much is held, and how random the order is."""
        return self.plan.report()

    # ---- where an epoch stands

    def set_epoch(self, epoch: int) -> None:
        """Number of the next epoch."""
        if epoch < 0:
            raise GenomeError(f"epoch={epoch} is not possible; epochs count from 0")
        self._epoch, self._skip = int(epoch), 0

    def state_dict(self) -> dict[str, int]:
        """Where the iteration stands: epoch, batches given in it, and all that decides order."""
        return {"epoch": self._at[0], "batch": self._at[1], **self.plan.settings}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where another stream stood; blocks that are not needed any more are not read.

        Raises
        ------
        GenomeError
            For a state that is none, or is of a stream whose order is another one.
        """
        mine = self.state_dict()
        if missing := mine.keys() - state.keys():
            raise GenomeError(f"{dict(state)} is no state of a stream: {min(missing)!r} is missing")
        for name, value in self.plan.settings.items():
            if state[name] != value:
                raise GenomeError(
                    f"the state is of a stream with {name}={state[name]:,}, and this one has "
                    f"{value:,}: its order is another one"
                )
        self.seek(int(state["epoch"]), int(state["batch"]))

    def seek(self, epoch: int, batch: int) -> None:
        """Go on with a batch of an epoch.

        Raises
        ------
        GenomeError
            When there is none of this number.
        """
        if epoch < 0 or not 0 <= batch <= len(self):
            raise GenomeError(f"there is no batch {batch:,} of epoch {epoch}: it has {len(self):,}")
        self._epoch, self._skip = epoch, batch
        if batch == len(self):
            self._epoch, self._skip = epoch + 1, 0
        self._at = (self._epoch, self._skip)

    # ---- iteration

    def __iter__(self) -> Iterator[Any]:
        """Batches of one epoch."""
        size = self.batch_size
        stream = self.slabs()
        epoch, given = self._epoch - 1, self._skipped
        for slab in stream:
            rows = len(next(iter(slab.values())))
            for start in range(0, rows, size):
                given += 1
                self._at = (epoch, given) if given < len(self) else (epoch + 1, 0)
                yield self.structure({n: a[start : start + size] for n, a in slab.items()})

    def structure(self, arrays: Mapping[str, Any]) -> Any:
        """Inputs, targets, weights and rows as the user asked for them."""
        parts = [self._pick(arrays, self.inputs)]
        if self.targets is not None:
            parts.append(self._pick(arrays, self.targets))
        if self.weights is not None:
            parts.append(arrays[self.weights])
        if self.index:
            parts.append(arrays[INDEX])
        if self.tracks is not None:
            parts.append(arrays[TRACKS])
        return parts[0] if len(parts) == 1 else tuple(parts)

    @staticmethod
    def _pick(arrays: Mapping[str, Any], names: Names) -> Any:
        return arrays[names] if isinstance(names, str) else {name: arrays[name] for name in names}

    def slabs(self) -> Iterator[dict[str, Array]]:
        """Slabs of whole batches; the last one holds the rest. Each call is a new epoch."""
        epoch, self._skipped = self._epoch, self._skip
        self._epoch, self._skip = epoch + 1, 0
        self.error = None
        return self._slabs(epoch, self._skipped)

    def _slabs(self, epoch: int, skipped: int) -> Iterator[dict[str, Array]]:
        def draw(number: int, count: int) -> Draws:
            return self.augment.draw((self.seed, epoch, 4, number), count, self.margin)

        def make(slab: Slab, parts: Mapping[int, Any]) -> dict[str, Array]:
            return self._maker(slab, parts, epoch)

        stop = min(len(self) * self.batch_size, self.size)
        kept = self._kept if self.plan.fits else None
        skip = skipped * self.batch_size
        try:
            yield from slabs(
                self.plan, epoch, skip, stop, draw, make, kept, self.client, self._room
            )  # fmt: skip
        except Exception as error:
            self.error = error
            raise
