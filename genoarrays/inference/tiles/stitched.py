"""How do predictions become a store: each tile predicted once, in parallel, resumable?

Parts of the first kind predict some thousand tiles, all outputs and tracks at once, and leave the
finished values beside the plan, as plain float32. Parts of the second kind are the shards of the
store, each made of these, as soon as those that it needs are there. So a model with a hundred
tracks or outputs of several bin sizes is asked once, and the store lies as any other.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.inference.tiles.predictor import Predictor
from genoarrays.store.layout import Layout
from genoarrays.store.part import Part, parts_of
from genoarrays.store.place import Place
from genoarrays.store.plan import Plan

__all__ = ["PredictionPlan", "Stitched"]

Array = npt.NDArray[Any]
_PREDICTOR = "notes/predictor.pickle"
_FLOAT = np.dtype("<f4")
_TILES = "predictions"  # what stands in messages for the array of such a part


def _key(output: int, part: int) -> str:
    return f"notes/predictions/{output}.{part}"


class Stitched:
    """Predictions that were left by parts, position first: what shards are made of.

    Parameters
    ----------
    build
        Where the parts left them.
    output
        Number of the output.
    edges
        First position of each part, and the end.
    shape
        Sizes of the dimensions after position.
    """

    name = "predictions"  # all that decides the values stands in the attributes
    dtype = np.dtype(np.float32)

    def __init__(self, build: Place, output: int, edges: Array, shape: tuple[int, ...]) -> None:
        self.build, self.output, self.edges = build, output, edges
        self.shape = (int(edges[-1]), *shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    def parts(self, start: int, stop: int) -> range:
        """Parts that left the positions [start, stop)."""
        first = int(np.searchsorted(self.edges, start, side="right")) - 1
        return range(first, int(np.searchsorted(self.edges, stop, side="left")))

    def __getitem__(self, key: Any) -> Array:
        """Values at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        keys: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        keys += (slice(None),) * (self.ndim - len(keys))
        columns = np.arange(int(np.prod(self.shape[1:], dtype=np.int64))).reshape(self.shape[1:])
        for dim in reversed(range(1, self.ndim)):
            columns = columns[(slice(None),) * (dim - 1) + (keys[dim],)]
        positions = np.arange(self.shape[0])[keys[0]]
        low, high = (int(positions.min()), int(positions.max()) + 1) if positions.size else (0, 0)
        found = [self._read(part, low, high, columns.reshape(-1)) for part in self.parts(low, high)]
        values = np.concatenate([np.empty((columns.size, 0), _FLOAT), *found], axis=1)
        if not np.array_equal(positions, np.arange(low, high)):
            values = values[:, positions - low]
        return values.T.reshape(*positions.shape, *columns.shape)

    def _read(self, part: int, low: int, high: int, columns: Array) -> Array:
        begin, end = int(self.edges[part]), int(self.edges[part + 1])
        first, last = max(low, begin) - begin, min(high, end) - begin
        size, length = 4 * (last - first), end - begin
        ranges = [(4 * (column * length + first), size) for column in columns.tolist()]
        content = b"".join(self.build.read_ranges(_key(self.output, part), ranges))
        return np.frombuffer(content, _FLOAT).reshape(len(columns), -1)


@dataclass(frozen=True)
class TilesPart(Part):
    """Some strides to predict.

    Attributes
    ----------
    sizes
        Bytes that it leaves, by output.
    predictor
        Where it stays in this process; else it is read from the build.
    """

    sizes: tuple[int, ...] = ()
    predictor: Predictor | None = field(default=None, repr=False, compare=False)

    @property
    def arrays(self) -> tuple[str, ...]:
        """None gets a shard."""
        return ()

    @property
    def keys(self) -> list[str]:
        """None either."""
        return []

    @property
    def memory(self) -> int:
        """Bytes of what it predicts and of what it leaves, about."""
        return 3 * sum(self.sizes)

    def lean(self) -> TilesPart:
        """Without the predictor, which other processes read once."""
        return replace(self, predictor=None)

    def is_done(self, build: Place, data: Place, plan: str) -> bool:
        """Whether it was finished for this plan, and what it left is still there."""
        left = (build.size(_key(n, self.number)) for n in range(len(self.sizes)))
        return super().is_done(build, data, plan) and list(left) == list(self.sizes)

    def _write(self, build: Place, data: Place, plan: str) -> None:
        predictor = self.predictor or _predictor(build, plan)
        found = predictor.values(self.where[0].start, self.where[0].stop)
        for number, values in enumerate(found.values()):
            laid = np.ascontiguousarray(np.moveaxis(values, 0, -1), dtype=_FLOAT)
            build.write(_key(number, self.number), laid.tobytes())
        self._mark(build, plan, [], [])


_opened: dict[tuple[str, str], Predictor] = {}
_opening = threading.Lock()


def _predictor(build: Place, plan: str) -> Predictor:
    """What the plan predicts with, read once in this process."""
    key = (build.url, plan)
    with _opening:
        if key not in _opened:
            _opened.clear()
            _opened[key] = pickle.loads(build.read(_PREDICTOR))
        return _opened[key]


@dataclass(frozen=True)
class StitchedPart(Part):
    """A shard that is made of what other parts left."""

    made_of: tuple[int, ...] = ()

    @property
    def needs(self) -> Sequence[int]:
        """Parts that must be done before."""
        return self.made_of


@dataclass(frozen=True, eq=False, repr=False)
class PredictionPlan(Plan):
    """Predictions that have to be written.

    Attributes
    ----------
    predictor
        Predicts them.
    edges
        First stride of each part that predicts, and the end.
    travels
        Whether other processes do parts.
    """

    predictor: Predictor | None = None
    edges: tuple[int, ...] = ()
    travels: bool = False

    def start(self, *, discard: bool = False) -> None:
        """Begin; leave the predictor in the build where other processes need it."""
        content = pickle.dumps(self.predictor) if self.travels else b""
        super().start(discard=discard)
        if content:
            self.site.build.write(_PREDICTOR, content)

    def _own_parts(self) -> list[Part]:
        assert self.predictor is not None
        tiling, nothing = self.predictor.tiling, xr.Variable((), np.int8(0))
        places = {name: tiling.place(name, self.edges) for name in tiling.outputs}
        cells = {n: int(np.prod(o.shape, dtype=np.int64)) for n, o in tiling.outputs.items()}
        left = np.stack(
            [4 * cells[name] * np.diff(place) for name, place in places.items()], axis=1
        )
        found: list[Part] = []
        for number, (start, stop) in enumerate(pairwise(self.edges)):
            sizes = tuple(left[number].tolist())
            where, layout = (slice(start, stop),), Layout((), (), (), ())
            known = (number, _TILES, where, layout, 0, nothing, False)
            found.append(TilesPart(*known, sizes, self.predictor))
        for part in parts_of(self.computed, self.layouts):
            name = part.array.partition("/")[2]
            own = part.where[-1]
            first, last = np.searchsorted(places[name], [own.start, own.stop - 1], side="right") - 1
            shard = {f.name: getattr(part, f.name) for f in fields(part)}
            shard |= {"number": len(found), "made_of": tuple(range(int(first), int(last) + 1))}
            found.append(StitchedPart(**shard))
        return found

    def region(self, number: int) -> str:
        """Where on the genome a part lies."""
        part = self.parts[number]
        if not isinstance(part, TilesPart):
            return super().region(number)
        assert self.predictor is not None
        pieces = list(self.predictor.tiling.strides.pieces(part.where[0].start, part.where[0].stop))
        step, assembly = self.predictor.tiling.step, self.predictor.tiling.strides.assembly
        first, last = pieces[0], pieces[-1]
        end = min((last.first + last.count) * step, assembly.length(last.contig))
        same = "" if first.contig == last.contig else f"{last.contig}:"
        return f"{first.contig}:{first.first * step:,}-{same}{end:,}"
