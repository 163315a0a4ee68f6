"""How is one shard computed and written?

A part is one whole shard: it knows all it needs, so that any process can do it, and doing it twice
gives the same bytes. Its values are computed in pieces of whole inner chunks. When the shard is
written, a marker says so: length and checksums of the shard, and what became of the reads on the
way. A part whose marker is there is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from genoarrays.formats.base import FileArray
from genoarrays.formats.lazy import LazyArray, as_variable, origin
from genoarrays.formats.tally import collect
from genoarrays.options import current
from genoarrays.store.layout import Layout, fill_value, regions_of_shards
from genoarrays.store.place import Place
from genoarrays.store.shard import ShardEncoder

__all__ = ["KeptPart", "Part", "Values", "kept_part", "parts_of", "read_part_marker", "write_shard"]

_PIECE = 2**23


@dataclass(frozen=True)
class Values:
    """An array as parts take it: lazy, and whether all counts that its sources tell are right.

    A source that nothing was done to is read as it stands, in pieces of any length, without dask.
    """

    array: xr.DataArray
    source: LazyArray | None

    @classmethod
    def of(cls, array: xr.DataArray) -> Values:
        """Values of an array."""
        return cls(array, origin(array))

    @property
    def fill(self) -> Any:
        """Value of what is not stored."""
        return fill_value(self.array)

    def at(self, place: Mapping[str, slice]) -> xr.Variable:
        """The values of one shard."""
        if self.source is None:
            return self.array.variable.isel(place)
        source, dims = self.source, [str(d) for d in self.array.dims]
        rest = dict(place)
        if isinstance(source, FileArray) and source.file_axis is not None:
            # the intervals of hundreds of files must not travel with each part
            source = source.of_files(rest.pop(dims[source.file_axis]))
        return as_variable(source, dims, None, name="").isel(rest)


@dataclass(frozen=True)
class Part:
    """One shard to compute and to write.

    Attributes
    ----------
    number
        Of the part in the plan.
    array
        node/variable.
    where
        The shard, in the order on disk.
    layout, fill
        Of the array.
    data
        The values of this shard, lazy. Transposed when they are there: xarray's lazy indexing
        would ask a transposed source for every position by number, at 20 times the cost.
    tallied
        Whether what the sources tell is complete and told once: they are read as they stand.
    """

    number: int
    array: str
    where: tuple[slice, ...]
    layout: Layout
    fill: Any
    data: xr.Variable = field(repr=False)
    tallied: bool

    @property
    def arrays(self) -> tuple[str, ...]:
        """Arrays that get a shard each."""
        return (self.array,)

    @property
    def needs(self) -> Sequence[int]:
        """Parts that must be done before."""
        return ()

    @property
    def keys(self) -> list[str]:
        """Of the shards in the store."""
        grid = [w.start // step for w, step in zip(self.where, self.layout.shard, strict=True)]
        return ["/".join([array, "c", *map(str, grid)]) for array in self.arrays]

    @property
    def marker(self) -> str:
        """Of the part in the build."""
        return marker_key(self.number)

    @property
    def piece(self) -> int:
        """Positions computed at once: whole inner chunks.

        Of a source 8 MiB, which stay in memory that was touched before; else as much as a chunk of
        dask, so that none is computed twice.
        """
        inner = self.layout.chunk[-1]
        cell = self.data.dtype.itemsize * int(np.prod(self.layout.chunk[:-1], dtype=np.int64))
        most = min(_PIECE, current().chunk_bytes) if self.tallied else current().chunk_bytes
        return int(max(most // (cell * inner), 1) * inner)

    @property
    def memory(self) -> int:
        """Bytes needed to do it, about: three pieces (read, laid out, encoded)."""
        size = max(self.data.sizes["position"], 1)
        return 3 * min(self.piece, size) * self.data.nbytes // size

    def pieces(self) -> Iterator[xr.Variable]:
        """The values, piece by piece, lazy."""
        for start in range(0, self.data.sizes["position"], self.piece):
            yield self.data.isel(position=slice(start, start + self.piece))

    def lean(self) -> Part:
        """The same with no more of a dask graph than it needs, to travel to another process."""
        lazy = self.data._data
        if not isinstance(lazy, da.Array):
            return self
        return replace(self, data=xr.Variable(self.data.dims, dask.optimize(lazy)[0]))

    def run(self, build: Place, data: Place, plan: str) -> None:
        """Compute and write, unless that was done; `plan` is the digest of the plan."""
        if not self.is_done(build, data, plan):
            self._write(build, data, plan)

    def _write(self, build: Place, data: Place, plan: str) -> None:
        encoder = ShardEncoder(self.data.dtype, self.layout.chunk, self.layout.inner, self.fill)
        with collect() as tallies:
            write_shard(data, self.keys[0], encoder, self._computed())
        told = [[*key, dict(counts)] for key, counts in tallies.items()] if self.tallied else []
        self._mark(build, plan, [encoder.record], told)

    def _computed(self) -> Iterator[Any]:
        for piece in self.pieces():
            computed = piece.compute(scheduler="synchronous")
            yield np.asarray(computed.transpose(*self.layout.dims).values)

    def _mark(self, build: Place, plan: str, records: list[Any], told: list[Any]) -> None:
        shards = [
            {
                "length": int(record["length"]),
                "crc": int(record["crc"]),
                "index": int(record["index"]),
                "chunks": record["chunks"].reshape(-1).tolist(),
            }
            for record in records
        ]
        marker = {"plan": plan, "shards": shards, "tallies": told}
        build.write(self.marker, json.dumps(marker).encode())

    def is_done(self, build: Place, data: Place, plan: str) -> bool:
        """Whether the part was finished for this plan, and its shards are still there."""
        marker = self.read_marker(build)
        if marker is None or marker["plan"] != plan:
            return False
        sizes = (data.size(key) for key in self.keys)
        lengths = [-1 if size is None else size for size in sizes]
        return lengths == [record["length"] for record in marker["shards"]]

    def read_marker(self, build: Place) -> dict[str, Any] | None:
        """What the finished part left; None before."""
        return read_part_marker(build, self.number)


def marker_key(number: int) -> str:
    """Of the marker of a part in the build."""
    return f"done/{number}.json"


def read_part_marker(build: Place, number: int) -> dict[str, Any] | None:
    """What a finished part left; None before."""
    try:
        marker: dict[str, Any] = json.loads(build.read(marker_key(number)))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return marker if "shards" in marker else None  # else of an earlier version


def write_shard(data: Place, key: str, encoder: ShardEncoder, pieces: Iterable[Any]) -> None:
    """Write values that come in order, unless all of them are what is not stored."""
    packed = (chunk for values in pieces for chunk in encoder.add(values))
    content = chain(packed, encoder.end())
    first = next(content, None)
    if first is None:
        data.delete(key)
    else:
        data.write(key, chain([first], content))


def parts_of(
    computed: Mapping[tuple[str, str], xr.DataArray], layouts: Mapping[tuple[str, str], Layout]
) -> list[Part]:
    """One part per shard of arrays that are read from sources, by (node, variable)."""
    found: list[Part] = []
    for (node, name), array in computed.items():
        values, layout = Values.of(array), layouts[node, name]
        for where in regions_of_shards(layout):
            lazy = values.at(dict(zip(layout.dims, where, strict=True)))
            told = values.source is not None
            found.append(Part(len(found), f"{node}/{name}", where, layout, values.fill, lazy, told))
    return found


@dataclass(frozen=True)
class KeptPart(Part):
    """A shard of the store that is there already: it is kept, not read.

    Attributes
    ----------
    old
        Where it is.
    record
        Its row of the manifest.
    """

    old: Place | None = None
    record: Any = field(default=None, repr=False)

    @property
    def memory(self) -> int:
        """None to speak of."""
        return 0

    def _write(self, build: Place, data: Place, plan: str) -> None:
        assert self.old is not None
        if self.record["length"] >= 0:
            data.adopt(self.keys[0], self.old)
        self._mark(build, plan, [self.record], [])


def kept_part(
    number: int, array: str, where: tuple[slice, ...], layout: Layout, old: Place, record: Any
) -> KeptPart:
    """Part of a shard that is kept."""
    nothing = xr.Variable((), np.int8(0))
    return KeptPart(number, array, where, layout, 0, nothing, False, old, record)
