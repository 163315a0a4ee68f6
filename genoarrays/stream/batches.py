"""How do windows become shuffled batches, at bounded memory?

`batches` checks what was asked and makes a plan (`plan.py`): blocks, memory, order. Iterating reads
blocks and cuts slabs of some batches from them in a few threads (`pipeline.py`); a batch is a view
of a slab. What crosses to TensorFlow, Keras and PyTorch are the same slabs or batches.

Memory: blocks that are read and those that are mixed, slabs made ahead, and what reading needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import example_dim
from genoarrays.options import parse_bytes
from genoarrays.stream.augment import Augment, Draws, Rules
from genoarrays.stream.feeds import Feed, feed_of
from genoarrays.stream.making import INDEX, TRACKS, Maker, Names, listed
from genoarrays.stream.pipeline import Slab, slabs
from genoarrays.stream.plan import Plan, Report
from genoarrays.stream.ragged import Ragged, is_ragged, ragged_feed
from genoarrays.stream.room import Room
from genoarrays.stream.sample import Sample, Sampler

__all__ = ["Batches", "batches"]

Array = npt.NDArray[Any]
_THREADS = 2  # decoding and cutting hold no interpreter lock; more than two fill the memory bus


def batches(
    x: xr.Dataset,
    *,
    inputs: Names,
    targets: Names | None = None,
    weights: str | None = None,
    batch_size: int,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
    memory: int | str = "1 GiB",
    augment: Augment | None = None,
    drop_last: bool = False,
    passes: int = 1,
    index: bool = False,
    missing_targets: bool = False,
    sample: Sample | None = None,
    tracks: int | None = None,
    pad: int | None = None,
    bucket: int = 1,
    threads: int = _THREADS,
    client: Any = None,
) -> Batches:
    """Iterate over windows in batches of NumPy arrays.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does, whatever was
        computed from them since.
    inputs, targets
        Names of variables: a string gives an array, a list a dict of arrays by name.
    weights
        Name of a variable with one weight per window.
    batch_size
        Windows per batch.
    shuffle
        A new order for each epoch, the first one too; False for validation and prediction.
    seed, epoch
        Together they decide order and augmentation. Each iteration is one epoch; `epoch` is the
        first one's number, and `set_epoch` sets the next.
    memory
        Budget for what is held in memory, in bytes or as text. When all that the windows need fits,
        it is loaded once and shuffled as a whole; else a part of it is mixed at a time, see
        `Batches.report`.
    augment
        What to draw for each example.
    drop_last
        Leave out the last batch when it is smaller.
    passes
        How often each block is read in an epoch, to give a part of its windows each time: more
        reading, better mixing. Each window is still given once.
    index
        Give the numbers of the rows as the last element, so that `x.isel(window=rows)` labels a
        batch.
    missing_targets
        Let NaN in targets pass, for a loss that leaves them out.
    sample
        Draw the windows of each epoch: by weights, balanced by a label, or at a ratio.
    tracks
        Draw so many positions of the dimension `track` for each batch, the same for all variables;
        they are given as one more element, (batch, tracks) with equal rows, after the row numbers.
    pad
        Bins that ragged windows (`ga.windows(ragged=True)`) are padded to at their end, with the
        unknown letter or 0; None: to the longest of the batch.
    bucket
        Ragged windows: sort so many batches together by length, so that little is padded.
    threads
        Blocks and slabs made at once. Has no say in the order.
    client
        `distributed.Client` that reads and computes the blocks.

    Returns
    -------
    Batches
        Iterable any number of times; each item is inputs, (inputs, targets) or (inputs, targets,
        weights), with `index` the rows after them. Arrays are `(batch, ...)` in the variables' own
        order of dimensions: sequence codes as they are, everything else float32.

    Raises
    ------
    RegionError
        When `x` has neither windows nor sequences, or none of them.
    GenomeError
        For a name that is not in `x`, a variable without windows, a budget too small for a block,
        several variables with margins that differ, an augmentation that a variable has no rule for,
        windows whose blocks each need the whole genome; while iterating, for NaN in inputs (or in
        targets without weights or `missing_targets`), naming variable and window.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords)
    >>> x = ga.windows(ds, ["chr1:0-2", "chr1:2-4", "chr1:6-8"])
    >>> [b.tolist() for b in ga.batches(x, inputs="x", batch_size=2, shuffle=False)]
    [[[0.0, 1.0], [2.0, 3.0]], [[6.0, 7.0]]]
    """
    dim = example_dim(x)
    names = [*listed(inputs), *listed(targets), *listed(weights)]
    for name in names:
        if name not in x.data_vars:
            raise GenomeError(f"{name!r} is no variable of x; it has {', '.join(map(str, x))}")
        if dim not in x[name].dims and not is_ragged(x[name]):
            raise GenomeError(f"{name!r} has the dims {x[name].dims}; streams need `{dim}`")
    if x.sizes[dim] == 0:
        raise RegionError(f"there are no {dim}s to stream")
    if batch_size < 1:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 1")
    if tracks is not None and not 1 <= tracks <= x.sizes.get("track", 0):
        raise GenomeError(
            f"tracks={tracks} is not possible; x has {x.sizes.get('track', 0)} of them"
        )
    if sample is not None and not shuffle:
        raise GenomeError("sample= draws windows for training; it needs shuffle=True")
    for name, value in (("passes", passes), ("threads", threads), ("bucket", bucket)):
        if value < 1:
            raise GenomeError(f"{name}={value} is not possible; give at least 1")
    chosen = x.drop_vars([n for n in x.data_vars if n not in names]).transpose(dim, ...)
    plan = Batches(
        chosen, inputs, targets, weights, batch_size, shuffle, seed, augment or Augment(),
        drop_last, index, missing_targets, client, tracks, pad,
    )  # fmt: skip
    plan.set_epoch(epoch)
    sampler = None if sample is None else Sampler(x, sample, seed)
    plan.prepare(parse_bytes(memory), passes, threads, sampler, bucket)
    return plan


@dataclass(eq=False)
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
        self._maker = Maker(
            self.x, self.dim, self.feeds, listed(self.inputs), self.weights,
            self.missing_targets or self.weights is not None, self.augment, self.tracks,
            self.index, self.seed, self.batch_size, self._room,
        )  # fmt: skip
        if self.augment.reverse_complement:
            for name, v in self.x.data_vars.items():
                letters = {k: a for k, a in v.attrs.items() if k == "alphabet"}
                labels = {str(d): v[d].values for d in v.dims if d != self.dim and d in v.coords}
                dims = tuple("offset" if d.startswith("packed") else d for d in map(str, v.dims))
                Rules(str(name), dims, letters, labels).check()

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

    def prepare(
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
            When a sample is drawn.
        """
        plan = self.plan
        if plan.sampler is not None and ranks > 1:
            raise GenomeError("a sample is drawn by one reader; share the windows out without it")
        part = replace(self)
        part._epoch, part._skip = self._epoch, self._skip
        part.plan = replace(
            plan, feeds=part.feeds, memory=plan.memory // ranks, share=(rank, ranks)
        )
        part._room.limit = min(part.plan.memory, part._room.limit)
        part._limit = (plan.size // ranks // self.batch_size) if even else None
        return part

    _limit: int | None = None

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
        """Where the iteration stands: epoch, and batches given out in it."""
        return {"epoch": self._at[0], "batch": self._at[1]}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on where another stream stood; blocks that are not needed any more are not read.

        Raises
        ------
        GenomeError
            For a state that is none.
        """
        epoch, batch = int(state["epoch"]), int(state["batch"])
        if epoch < 0 or not 0 <= batch <= len(self):
            raise GenomeError(f"state {dict(state)} does not fit {len(self):,} batches an epoch")
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
