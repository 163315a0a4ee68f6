"""What has to be written, in which parts, and is it begun or there already?

Plan, parts, finish: the plan goes into the build first; then the parts, in any order, by anyone,
repeatedly; at the end the store is completed and gets its name. `to_zarr` does all of it; the three
steps can also be spread over the jobs of a batch system by hand.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import StoreError
from genoarrays.genome.index import axis_of
from genoarrays.options import show_bytes
from genoarrays.store.document import (
    Document,
    changes,
    comparable,
    describe_all,
    digest_of,
    libraries,
    read_plan,
)
from genoarrays.store.fingerprint import fingerprint, sources_of
from genoarrays.store.finish import complete
from genoarrays.store.layout import PLAN, VERSION, Layout, layout_of, nodes_of
from genoarrays.store.level_plan import level_parts
from genoarrays.store.levels import Pyramid, Rung, add_levels, ladders_of
from genoarrays.store.listing import listing
from genoarrays.store.lock import Lock, check_unlocked
from genoarrays.store.manifest import is_whole
from genoarrays.store.part import Part, parts_of
from genoarrays.store.place import Place
from genoarrays.store.site import Site, site_of

__all__ = ["Plan", "plan"]


def plan(
    obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    chunk: int | None = None,
    shard: int | None = None,
    track_chunk: int | None = None,
    pyramid: Pyramid = None,
    fingerprint: str = "sampled",
    storage_options: Mapping[str, Any] | None = None,
) -> Plan:
    """Say what `to_zarr` would do, before it does.

    Nothing is written, and no source is read through. To spread the parts over jobs by hand, call
    `begin` once, `run` for each part wherever the store and the sources are seen, and `finish` at
    the end; each of them may be repeated.

    Parameters
    ----------
    obj, path, chunk, shard, track_chunk, pyramid, fingerprint, storage_options
        As in `to_zarr`.

    Returns
    -------
    Plan
        Prints as a table; `parts`, `done` (how many are finished), `nbytes` (uncompressed), `files`
        and `memory` (bytes that one worker needs above the imports) are its numbers.

    Raises
    ------
    StoreError
        When there is nothing that can be stored.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga, tempfile
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6000}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(6000.0))}, coords)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     job = ga.plan(ds, f"{there}/toy.zarr", chunk=1000, shard=2000)
    ...     job.begin()
    ...     for number in reversed(range(len(job.parts))):
    ...         job.run(number)
    ...     job.finish()
    ...     len(job.parts), float(ga.open_zarr(f"{there}/toy.zarr").x.mean())
    (3, 2999.5)
    """
    nodes = nodes_of(obj)
    layouts = {
        (node, str(name)): layout_of(array, chunk, shard, track_chunk)
        for node, ds in nodes.items()
        for name, array in ds.data_vars.items()
        if "position" in array.dims
    }
    rungs = add_levels(nodes, layouts, ladders_of(obj, nodes, pyramid), chunk, shard)
    return Plan(site_of(path, storage_options), nodes, layouts, fingerprint, rungs)


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """What has to be written, as `ga.plan` gives it.

    Attributes
    ----------
    site
        Where.
    nodes
        Dataset by node.
    layouts
        By (node, variable).
    kind
        Of fingerprints: "sampled" or "whole".
    rungs
        What each array of a pyramid is, by (node, variable).
    """

    site: Site
    nodes: dict[str, xr.Dataset]
    layouts: dict[tuple[str, str], Layout]
    kind: str = "sampled"
    rungs: dict[tuple[str, str], Rung] = field(default_factory=dict)

    @cached_property
    def computed(self) -> dict[tuple[str, str], xr.DataArray]:
        """Arrays that are read from sources, by (node, variable)."""
        return {(n, v): self.nodes[n][v] for n, v in self.layouts if (n, v) not in self.rungs}

    @cached_property
    def parts(self) -> list[Part]:
        """One per shard of the nodes; then those of pyramids, each of three shards."""
        own = self._own_parts()
        return own + level_parts(own, self.nodes, self.layouts, self.rungs, self._kept)

    def _own_parts(self) -> list[Part]:
        return parts_of(self.computed, self.layouts)

    def _kept(self, key: tuple[str, str], place: tuple[int, ...]) -> tuple[Place, Any] | None:
        """Where a shard of a pyramid is already, and its row of the manifest."""
        return None

    @property
    def done(self) -> int:
        """Number of parts that are finished in the build."""
        return sum(1 for _ in self.site.build.list("done"))

    @property
    def nbytes(self) -> int:
        """Bytes of all values, uncompressed."""
        arrays = [*self.computed.values(), *(self.nodes[n][v] for n, v in self.rungs)]
        return sum(array.nbytes for array in arrays)

    @property
    def files(self) -> int:
        """Most files the store will have: shards that hold nothing but the fill value get none."""
        small = sum(1 + 3 * len(ds.variables) for ds in self.nodes.values())
        shards = sum(len(part.arrays) for part in self.parts)
        return shards + len(self.layouts) + small + 3

    @property
    def memory(self) -> int:
        """Bytes that a worker needs above the imports, about: pieces in work, and one shard."""
        return max((part.memory for part in self.parts), default=0)

    @property
    def sources(self) -> dict[str, dict[str, Any]]:
        """Files and stores that are read, by path."""
        found: dict[str, dict[str, Any]] = {}
        for array in self.computed.values():
            found |= sources_of(array.variable)
        return dict(sorted(found.items()))

    @cached_property
    def document(self) -> Document:
        """All that decides the bytes of the store, fingerprints of the sources included."""
        earlier = self.begun() or self.stored() or {}
        before = earlier.get("sources", {})
        document: Document = comparable(
            {
                "version": VERSION,
                "nodes": describe_all(self.nodes, self.layouts, self.rungs),
                "sources": {
                    path: known or fingerprint(path, self.kind, before.get(path))
                    for path, known in self.sources.items()
                },
            }
        )
        return document

    def stored(self) -> Document | None:
        """Document of the store that is there."""
        return read_plan(self.site.target)

    def begun(self) -> Document | None:
        """Document of the build that is there."""
        return read_plan(self.site.build)

    def region(self, number: int) -> str:
        """Where on the genome a part lies."""
        part = self.parts[number]
        axis = axis_of(self.nodes[part.array.partition("/")[0]])
        bins, contigs = part.where[-1], axis.assembly.names
        code, first = axis.at(np.array([bins.start, bins.stop - 1]))
        low, high = (first * axis.bin_size).tolist()
        begin, end = (contigs[c] for c in code.tolist())
        high = min(high + axis.bin_size, axis.assembly.length(end))
        return f"{begin}:{low:,}-{'' if begin == end else f'{end}:'}{high:,}"

    # ---- the three steps

    def lock(self) -> Lock:
        """Lock of the build, to hold while writing."""
        return Lock(self.site.build, self.site.name)

    def is_due(self, overwrite: bool | str = False) -> bool:
        """Whether there is anything to do: not where the store is there and nothing changed.

        A store that lost its marker or shards is due; other damage shows in `ga.verify`.

        Parameters
        ----------
        overwrite
            As in `to_zarr`.

        Raises
        ------
        StoreError
            When a store of something else is there, and is not to be replaced; lists what changed.
        """
        if not self.site.check() or overwrite is True:
            return True
        found = changes(self.stored(), self.document)
        if not found:
            return not is_whole(self.site.target, list(self.layouts))
        if not overwrite:
            cure = 'give another path, or write it again with overwrite="changed" or overwrite=True'
            if {f"nodes: {node} is new" for node, _ in self.rungs} >= set(found):
                cure = "append=True adds them"
            raise StoreError(
                f"{self.site.name} exists already and was made of something else: "
                f"{'; '.join(found)}; {cure}"
            )
        return True

    def begin(self, overwrite: bool | str = False) -> None:
        """Write the plan into the build, or find that it was begun, or that the store is there.

        Parameters
        ----------
        overwrite
            As in `to_zarr`.

        Raises
        ------
        StoreError
            When a store of something else is there, or another plan was begun; lists what differs.
        """
        if self.is_due(overwrite):
            self.start(discard=overwrite is True)

    def start(self, *, discard: bool = False) -> None:
        """Begin; `discard` gives up another plan that was begun."""
        if self.begun() is not None:
            found = self._disagreement()
            if not found:
                return
            if not discard:
                raise self._other(found)
            self.site.discard()
        self.site.prepare()
        content = json.dumps({**self.document, "libraries": libraries()}, indent=1)
        self.site.build.write(PLAN, content.encode())

    def _disagreement(self) -> list[str]:
        """What differs between this plan and the one that was begun."""
        begun = self.begun() or {}
        known = begun.get("libraries", {})
        return changes(begun, self.document) + [
            f"{name} was {known.get(name)}, is {version}"
            for name, version in libraries().items()
            if known.get(name) != version
        ]

    def _other(self, found: list[str]) -> StoreError:
        return StoreError(
            f"{self.site.name}: an unfinished write of something else is there "
            f"({self.site.build.url}): {'; '.join(found)}; finish that one, or give it up with "
            "overwrite=True"
        )

    def _is_there(self) -> bool:
        """Whether nothing was begun, since the store is there."""
        stored = self.stored()
        return self.begun() is None and stored is not None and not changes(stored, self.document)

    @property
    def digest(self) -> str:
        """Digest of the plan that was begun.

        Raises
        ------
        StoreError
            When none was.
        """
        begun = self.begun()
        if begun is None:
            raise StoreError(f"{self.site.name}: no plan was begun; call begin() first")
        return digest_of(begun)

    def run(self, number: int) -> None:
        """Compute and write one part, unless that was done; first those that it is made of.

        Parameters
        ----------
        number
            0 <= number < len(parts).

        Raises
        ------
        StoreError
            When there is no such part, another plan or none was begun, or `to_zarr` is at work.
        GenomeError
            Whatever the sources raise.
        """
        if not 0 <= number < len(self.parts):
            raise StoreError(f"there is no part {number}; parts are 0 to {len(self.parts) - 1}")
        if self._is_there():
            return
        check_unlocked(self.site.build, self.site.name)
        digest = self.digest
        if found := self._disagreement():
            raise self._other(found)
        self._run(number, digest)

    def _run(self, number: int, digest: str) -> None:
        part, place = self.parts[number], (self.site.build, self.site.data, digest)
        if not part.is_done(*place):
            for needed in part.needs:
                self._run(needed, digest)
            part.run(*place)

    def finish(self) -> None:
        """Complete the store when all parts are done, and give it its name.

        Raises
        ------
        StoreError
            When parts are missing, sources changed, or reads were lost.
        """
        if self._is_there():
            return
        digest = self.digest
        if found := self._disagreement():
            raise self._other(found)
        with self.lock() as lock:
            self.complete(digest, lock)

    def complete(self, digest: str, lock: Lock) -> None:
        """Complete the store; the lock is held, and goes with the build."""
        changed = [
            line
            for path, known in self.sources.items()
            if not known
            for line in changes(
                {path: self.document["sources"][path]},
                {path: fingerprint(path, self.kind, self.document["sources"][path])},
            )
        ]
        if changed:
            raise StoreError(
                f"{self.site.name}: sources changed while they were read: {'; '.join(changed)}; "
                "write again with overwrite=True"
            )
        begun = self.begun() or {}
        complete(
            self.site, self.nodes, self.layouts, self.parts, begun, digest, self.computed,
            self.rungs,
        )  # fmt: skip
        lock.stop()
        self.site.clear()

    def __repr__(self) -> str:
        lines = [f"Plan for {self.site.name}"]
        lines += [f"  {line}" for line in listing(self.nodes, self.layouts, self.rungs)]
        lines += [f"  reads {path}" for path in self.sources]
        lines.append(
            f"  together {show_bytes(self.nbytes)} uncompressed, parts {len(self.parts):,}, "
            f"files <= {self.files:,}, memory per worker about {show_bytes(self.memory)}"
        )
        if self.begun() is not None:
            lines.append(f"  begun, {self.done:,} parts are done")
        return "\n".join(lines)
