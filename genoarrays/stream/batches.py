"""How do windows become shuffled batches, at bounded memory?

Blocks of windows (the dask chunks of the Dataset) are computed by a few threads, in an order
shuffled for each epoch. When everything selected fits the budget it is loaded once and shuffled as
a whole; else a buffer of many blocks is kept: each slab of batches is drawn at random from the
buffer, and the gaps are filled with the windows that come next. Blocks arrive in a fixed order, so
batches depend on (seed, epoch) only, not on threads.

Memory: blocks in flight and three slabs (drawn, refilled, handed over) are set aside, the rest of
the budget is the buffer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import example_dim, example_label
from genoarrays.options import parse_bytes
from genoarrays.stream.augment import Augment, Rules
from genoarrays.stream.buffer import Rows, drawn_from_buffer

__all__ = ["Batches", "batches"]

Array = npt.NDArray[Any]
Names = str | Sequence[str]
_THREADS = 2  # blocks computed at once: decoding and gathering release the interpreter lock
_SLAB = 4096  # windows drawn at once, at most


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
        Budget for windows held in memory, in bytes or as text.
    augment
        What to draw for each example.
    drop_last
        Leave out the last batch when it is smaller.

    Returns
    -------
    Batches
        Iterable any number of times; each item is inputs, (inputs, targets) or (inputs, targets,
        weights). Arrays are `(batch, ...)` in the variables' own order of dimensions: sequence
        codes as they are, everything else float32.

    Raises
    ------
    RegionError
        When `x` has neither windows nor sequences, or none of them.
    GenomeError
        For a name that is not in `x`, a variable without windows, a budget too small for two
        blocks, an augmentation that a variable has no rule for; while iterating, for NaN in inputs
        (or in targets without weights), naming variable and window.

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
    names = [*_listed(inputs), *_listed(targets), *_listed(weights)]
    for name in names:
        if name not in x.data_vars:
            raise GenomeError(f"{name!r} is no variable of x; it has {', '.join(map(str, x))}")
        if dim not in x[name].dims:
            raise GenomeError(f"{name!r} has the dims {x[name].dims}; streams need `{dim}`")
    if x.sizes[dim] == 0:
        raise RegionError(f"there are no {dim}s to stream")
    if batch_size < 1:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 1")
    chosen = x[list(dict.fromkeys(names))].transpose(dim, ...)
    plan = Batches(
        chosen, inputs, targets, weights, batch_size, shuffle, seed, augment or Augment(), drop_last
    )
    plan.set_epoch(epoch)
    plan.set_memory(parse_bytes(memory))
    return plan


def _listed(names: Names | None) -> list[str]:
    return [] if names is None else [names] if isinstance(names, str) else list(names)


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

    def __post_init__(self) -> None:
        """Find the blocks; check that each variable can be augmented."""
        self.error: BaseException | None = None
        self.dim = example_dim(self.x)
        self._epoch = 0
        self._loaded: dict[str, Array] | None = None
        self.rules = [
            Rules(
                str(name),
                tuple(map(str, v.dims)),
                {k: a for k, a in v.attrs.items() if k == "alphabet"},
                {
                    str(d): v[d].values
                    for d in v.dims
                    if d in ("strand", "channel") and d in v.coords
                },
            )
            for name, v in self.x.data_vars.items()
        ]
        if self.augment.reverse_complement:
            for rule in self.rules:
                rule.check()

    # ---- sizes

    @property
    def size(self) -> int:
        """Number of windows."""
        return int(self.x.sizes[self.dim])

    def __len__(self) -> int:
        """Batches per epoch."""
        full, rest = divmod(self.size, self.batch_size)
        return full + (1 if rest and not self.drop_last else 0)

    def dtype(self, name: str) -> np.dtype[Any]:
        """Type that a variable has in the batches."""
        array = self.x[name]
        return array.dtype if "alphabet" in array.attrs else np.dtype(np.float32)

    @property
    def row_bytes(self) -> int:
        """Bytes of one window, all variables together."""
        return sum(
            int(np.prod(self.x[n].shape[1:], dtype=np.int64)) * self.dtype(n).itemsize
            for n in map(str, self.x)
        )

    def set_epoch(self, epoch: int) -> None:
        """Number of the next epoch."""
        if epoch < 0:
            raise GenomeError(f"epoch={epoch} is not possible; epochs count from 0")
        self._epoch = int(epoch)

    def set_memory(self, memory: int) -> None:
        """Plan blocks and buffer for a budget in bytes.

        Raises
        ------
        GenomeError
            When it does not even hold the blocks in flight and as many in the buffer.
        """
        self.edges = self._block_edges()
        longest = int(np.diff(self.edges).max()) * self.row_bytes
        self.fits = self.size * self.row_bytes <= memory // 2
        flying = (_THREADS + 1) * longest
        row = max(self.row_bytes, 1)
        batches = min(_SLAB, memory // 8 // row) // self.batch_size
        self.slab = max(batches, 1) * self.batch_size
        least = 2 * flying + 3 * min(self.batch_size, self.size) * row
        if not self.fits and self.shuffle and memory < least:
            raise GenomeError(
                f"memory={memory / 2**20:,.3g} MiB is too small: with blocks of "
                f"{longest / 2**20:,.3g} MiB and this batch_size it takes {least / 2**20:,.3g} "
                "MiB; give more, or smaller blocks, as in ga.windows(..., block='4 MiB')"
            )
        self.capacity = max((memory - flying) // row - 3 * self.slab, self.slab)

    def _block_edges(self) -> list[int]:
        """Starts of the blocks and the end: chunks of examples, or slices of arrays in memory."""
        chunked = [v.chunksizes[self.dim] for v in self.x.data_vars.values() if v.chunks]
        if chunked:
            cuts = {int(c) for chunks in chunked for c in np.cumsum(chunks)}
            return [0, *sorted(cuts)]
        step = max(2**25 // max(self.row_bytes, 1), 1)
        return [*range(0, self.size, step), self.size]

    # ---- iteration

    def __iter__(self) -> Iterator[Any]:
        """Batches of one epoch."""
        size = self.batch_size
        for slab in self.slabs():
            rows = len(next(iter(slab.values())))
            for start in range(0, rows, size):
                yield self.structure({n: a[start : start + size] for n, a in slab.items()})

    def structure(self, arrays: Mapping[str, Any]) -> Any:
        """Inputs, targets and weights as the user asked for them."""
        parts = [self._pick(arrays, self.inputs)]
        if self.targets is not None:
            parts.append(self._pick(arrays, self.targets))
        if self.weights is not None:
            parts.append(arrays[self.weights])
        return parts[0] if len(parts) == 1 else tuple(parts)

    @staticmethod
    def _pick(arrays: Mapping[str, Any], names: Names) -> Any:
        return arrays[names] if isinstance(names, str) else {name: arrays[name] for name in names}

    def slabs(self) -> Iterator[dict[str, Array]]:
        """Slabs of whole batches, thousands of windows each; the last one holds the rest."""
        rng = np.random.default_rng([self.seed, self._epoch])
        self._epoch += 1
        self.error = None
        try:
            for slab in self._drawn(rng) if self.shuffle else self._sequential():
                yield self._augmented(slab, rng)
        except Exception as error:
            self.error = error
            raise

    def _ends(self, rest: int) -> int:
        """Rows of the last slab that are given out."""
        return rest - rest % self.batch_size if self.drop_last else rest

    def _drawn(self, rng: np.random.Generator) -> Iterator[dict[str, Array]]:
        """Slabs in random order, from everything or from the buffer."""
        if self.fits:
            data = self._all()
            order = rng.permutation(self.size)
            for start in range(0, self._ends(self.size), self.slab):
                rows = order[start : min(start + self.slab, self._ends(self.size))]
                yield {name: array[rows] for name, array in data.items()}
            return
        yield from self._from_buffer(rng)

    def _from_buffer(self, rng: np.random.Generator) -> Iterator[dict[str, Array]]:
        order = rng.permutation(len(self.edges) - 1)
        incoming = Rows(self._blocks(order.tolist()), rng)
        try:
            for slab in drawn_from_buffer(incoming, min(self.capacity, self.size), self.slab, rng):
                rows = len(next(iter(slab.values())))
                if self._ends(rows):
                    yield {name: array[: self._ends(rows)] for name, array in slab.items()}
        finally:
            incoming.close()

    def _sequential(self) -> Iterator[dict[str, Array]]:
        if self._loaded is not None:
            for start in range(0, self._ends(self.size), self.slab):
                stop = min(start + self.slab, self._ends(self.size))
                yield {n: a[start:stop].copy() for n, a in self._loaded.items()}
            return
        incoming = Rows(self._blocks(list(range(len(self.edges) - 1))), None)
        try:
            while slab := incoming.take(self.slab):
                rows = self._ends(len(next(iter(slab.values()))))
                if rows:
                    yield {n: a[:rows] for n, a in slab.items()}
        finally:
            incoming.close()

    def _augmented(self, slab: dict[str, Array], rng: np.random.Generator) -> dict[str, Array]:
        if not self.augment.reverse_complement:
            return slab
        turned = rng.random(len(next(iter(slab.values())))) < 0.5
        return {rule.name: rule.turn(slab[rule.name], turned) for rule in self.rules}

    # ---- blocks

    def _all(self) -> dict[str, Array]:
        """Everything, loaded once."""
        if self._loaded is None:
            blocks = self._blocks(list(range(len(self.edges) - 1)))
            parts = list(blocks)
            self._loaded = {n: np.concatenate([p[n] for p in parts]) for n in map(str, self.x)}
        return self._loaded

    def _blocks(self, order: Sequence[int]) -> Iterator[dict[str, Array]]:
        """Blocks in the order given, computed ahead by a few threads."""
        waiting: deque[Future[dict[str, Array]]] = deque()
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="genoarrays-blocks") as pool:
            try:
                for number in order:
                    waiting.append(pool.submit(self._block, number))
                    if len(waiting) > _THREADS:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _block(self, number: int) -> dict[str, Array]:
        import dask

        rows = slice(self.edges[number], self.edges[number + 1])
        part = self.x.isel({self.dim: rows})
        values = dask.compute(*(v.data for v in part.data_vars.values()), scheduler="synchronous")
        block = {}
        for name, array in zip(map(str, part), values, strict=True):
            array = np.asarray(array).astype(self.dtype(name), copy=False)
            self._check_nan(name, array, rows.start)
            block[name] = array
        return block

    def _check_nan(self, name: str, array: Array, first: int) -> None:
        if array.dtype.kind != "f" or name == self.weights:
            return
        is_input = name in _listed(self.inputs)
        if not is_input and self.weights is not None:
            return
        bad = np.isnan(array.reshape(len(array), -1)).any(axis=1)
        if bad.any():
            row = first + int(np.flatnonzero(bad)[0])
            label = example_label(self.x, row)
            kind = "input" if is_input else "target"
            raise GenomeError(
                f"{kind} {name!r} is NaN in {self.dim} {label} (row {row:,}); fill it, as in "
                f"x.assign({name}=x.{name}.fillna(0)), or leave such windows out"
            )
