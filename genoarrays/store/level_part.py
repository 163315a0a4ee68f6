"""How is a shard of a pyramid's level made: mean, largest and smallest value at once?

The finest level is made of the node's own shards as soon as they are written: sources are read
once, and values are unpacked once. On the way, what the bins of the next level come to is noted
beside the markers; all coarser levels are made of these notes, in which sums are float64. So every
level is what `ga.coarsen` of the node gives, and not means of means.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.errors import StoreError
from genoarrays.ops.groups import Fields, Groups
from genoarrays.store.levels import SUFFIX
from genoarrays.store.part import Part, write_shard
from genoarrays.store.place import Place
from genoarrays.store.shard import ShardEncoder
from genoarrays.store.written import Written

__all__ = ["LevelPart"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LevelPart(Part):
    """The same place of mean, max and min of one level.

    Attributes
    ----------
    dtypes, fills
        Of the three.
    below
        The node's shards, of which the finest level is made.
    groups
        Of their bins, or of the bins of the notes.
    notes
        Parts that left the notes of which a coarser level is made.
    upper
        Groups of this level's bins that are noted for the levels above it; None without any.
    """

    dtypes: tuple[np.dtype[Any], ...] = ()
    fills: tuple[Any, ...] = ()
    groups: Groups | None = field(default=None, repr=False)
    below: Written | None = None
    notes: tuple[int, ...] = ()
    upper: Groups | None = field(default=None, repr=False)

    @property
    def arrays(self) -> tuple[str, ...]:
        """Arrays that get a shard each."""
        return tuple(self.array + suffix for suffix in SUFFIX.values())

    @property
    def needs(self) -> Sequence[int]:
        """Parts that must be done before."""
        return self.notes if self.below is None else self.below.parts

    @property
    def memory(self) -> int:
        """Bytes needed to do it, about: the sums of all its bins, and the results."""
        bins: int = math.prod(w.stop - w.start for w in self.where)
        return bins * (16 + 2 * sum(dtype.itemsize for dtype in self.dtypes))

    def is_done(self, build: Place, data: Place, plan: str) -> bool:
        """Whether the part was finished for this plan, and all it wrote is still there."""
        noted = self.upper is None or build.size(_note_key(self.number)) is not None
        return noted and super().is_done(build, data, plan)

    def _write(self, build: Place, data: Place, plan: str) -> None:
        fields = self._fields(build, data, plan)
        shape = tuple(w.stop - w.start for w in self.where)
        records = []
        for key, dtype, fill, values in zip(
            self.keys, self.dtypes, self.fills, (fields.mean, fields.high, fields.low), strict=True
        ):
            encoder = ShardEncoder(dtype, self.layout.chunk, self.layout.inner, fill)
            own = values.astype(dtype, copy=False).reshape(shape)
            write_shard(data, key, encoder, [own])
            records.append(encoder.record)
        if self.upper is not None:
            _note(build, self.number, fields, self.where[-1], self.upper)
        self._mark(build, plan, records, [])

    def _fields(self, build: Place, data: Place, plan: str) -> Fields:
        """What the bins of this part come to."""
        own = self.where[-1]
        rows = math.prod(w.stop - w.start for w in self.where[:-1])
        fields = Fields.none(rows, own.stop - own.start, _counted_as(self.dtypes[1]))
        pieces = self._noted(build) if self.below is None else self._read(build, data, plan)
        for where, piece in pieces:
            fields.add(piece, slice(where.start - own.start, where.stop - own.start))
        return fields

    def _read(self, build: Place, data: Place, plan: str) -> Iterator[tuple[slice, Fields]]:
        """What the node's values come to, an inner chunk at a time."""
        assert self.below is not None
        assert self.groups is not None
        start, stop = self.groups.span(self.where[-1].start, self.where[-1].stop)
        kind = _counted_as(self.below.dtype)
        for begin, values in self.below.chunks(build, data, plan, start, stop):
            numbers = (
                values.view(kind) if values.dtype.kind == "b" else values.astype(kind, copy=False)
            )
            yield Fields.of(np.ascontiguousarray(numbers), begin, self.groups)

    def _noted(self, build: Place) -> Iterator[tuple[slice, Fields]]:
        """What was noted by the parts of the finest level."""
        assert self.groups is not None
        start, stop = self.groups.span(self.where[-1].start, self.where[-1].stop)
        for number in self.notes:
            begin, fields = _noted(build, number)
            skip = max(start - begin, 0)
            some = Fields(*(a[:, skip : stop - begin] for a in fields))
            low, high, starts = self.groups.cut(begin + skip, begin + skip + some.total.shape[1])
            yield slice(low, high), some.reduce(starts)


def _counted_as(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Type in which values are compared and added."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    return np.dtype(np.float32) if dtype == np.float16 else dtype.newbyteorder("=")


def _note_key(number: int) -> str:
    return f"notes/{number}.npz"


def _note(build: Place, number: int, fields: Fields, own: slice, upper: Groups) -> None:
    """Note what the next level's bins come to, as far as this part goes."""
    low, _, starts = upper.cut(own.start, own.stop)
    file = io.BytesIO()
    np.savez(file, begin=low, **fields.reduce(starts)._asdict())
    build.write(_note_key(number), file.getvalue())


def _noted(build: Place, number: int) -> tuple[int, Fields]:
    """Where a note begins, and its fields; the file's own checksums are compared."""
    try:
        with np.load(io.BytesIO(build.read(_note_key(number)))) as file:
            return int(file["begin"]), Fields(*(file[name] for name in Fields._fields))
    except FileNotFoundError:
        raise StoreError(
            f"{build.url}/{_note_key(number)}: it is not written yet; run part {number} first"
        ) from None
