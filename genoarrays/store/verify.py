"""Is every byte of a store the one that was written?

Everything is read: metadata, labels and manifests are compared with the commit marker, shards with
the manifests. Threads take a shard each and read it in pieces of some 8 MiB.

What is damaged does not hide the rest: an array whose own metadata are damaged is read by the copy
in its node; shards without a manifest are compared with their own checksums; where the genome axis
cannot be read, regions are positions.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError, StoreError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.options import track
from genoarrays.store.grid import Grid, axis_in, region_text
from genoarrays.store.layout import MARKER
from genoarrays.store.manifest import MANIFEST, faults, parse
from genoarrays.store.marker import check_current, file_problem, read_marker
from genoarrays.store.place import Place, place_of

__all__ = ["Damage", "verify"]

_METADATA = "zarr.json"


class Damage(NamedTuple):
    """Something in a store that is not what was written.

    Attributes
    ----------
    array
        node/variable; "" for files that belong to none.
    file
        The damaged file, relative to the store: a shard, metadata, labels or a manifest.
    region
        What cannot be trusted, 0-based and half-open, such as "chr1:0-262,144"; "" where it is
        no part of the genome. All tracks, samples or strands that the file holds are meant.
    problem
        What was found.
    """

    array: str
    file: str
    region: str
    problem: str

    def __str__(self) -> str:
        return ": ".join(filter(None, [self.file, self.region, self.problem]))


def verify(
    path: str | os.PathLike[str],
    *,
    group: str | None = None,
    workers: int | None = None,
    progress: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> list[Damage]:
    """Read all of a store, and list what is not as it was written.

    Finds flipped bits, deleted, truncated and swapped files, and files that were put there. Damage
    to a store is cured by writing it again, or by copying back the files that are listed.

    Parameters
    ----------
    path
        Store that `to_zarr` wrote: a directory, or a URL (see `to_zarr`).
    group
        Only this node, such as "1bp"; None for the entire store.
    workers
        Threads; None for one per processor. Each holds some 8 MiB, or one inner chunk if that is
        larger.
    progress
        Show a progress bar; None: when standard error is a terminal.
    storage_options
        For a URL, as in `to_zarr`.

    Returns
    -------
    list of Damage
        Empty for a store that is whole. One entry for each damaged inner chunk, or for a shard
        that is damaged as a whole (missing, of another length, swapped, its index damaged), or for
        another file; in the order of the files' names.

    Raises
    ------
    StoreError
        When there is no store, it is unfinished, its commit marker is damaged, it was replaced
        meanwhile, or has no node `group`.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga, tempfile, pathlib
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 60, "chr2": 40}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(100))}, coords)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr(ds, f"{there}/toy.zarr", chunk=25, shard=50)
    ...     whole = ga.verify(f"{there}/toy.zarr")
    ...     pathlib.Path(there, "toy.zarr/1bp/x/c/1").unlink()
    ...     damage = ga.verify(f"{there}/toy.zarr")
    >>> whole
    []
    >>> damage[0].region
    'chr1:50-60, chr2:0-40'
    """
    place = place_of(path, storage_options)
    marker = read_marker(place)
    if group is not None and group not in marker["nodes"]:
        raise StoreError(f"{path} has no node {group!r}; it has {', '.join(marker['nodes'])}")
    files = {
        key: (int(size), int(crc))
        for key, (size, crc) in marker["files"].items()
        if group is None or key.startswith(f"{group}/")
    }
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            found, whole = _verify_files(pool, place, files, progress)
            arrays = [_Array(place, key.removesuffix(f"/{MANIFEST}"), whole)
                      for key in files if key.endswith(f"/{MANIFEST}")]  # fmt: skip
            found += _verify_shards(pool, arrays, progress)
        finally:
            pool.shutdown(cancel_futures=True)
    known = {array.grid.key(n) for array in arrays if array.grid for n in array.numbers}
    blind = tuple(f"{array.path}/c/" for array in arrays if not array.grid)
    found += _strangers(place, group, known | set(marker["files"]), blind)
    check_current(place, marker["commit"])
    return sorted(found, key=lambda damage: _natural(damage.file))


def _verify_files(
    pool: Executor, place: Place, files: dict[str, tuple[int, int]], progress: bool | None
) -> tuple[list[Damage], dict[str, bytes]]:
    """Damage of metadata, labels and manifests; and the metadata and manifests that are whole."""
    found, whole = [], {}
    checks = {pool.submit(file_problem, place, key, due): key for key, due in files.items()}
    for check in track(as_completed(checks), len(checks), "verifying files", progress):
        key = checks.pop(check)
        problem, content = check.result()
        if problem:
            found.append(Damage(_array_of(key), key, "", problem))
        elif key.split("/")[-1] in (_METADATA, MANIFEST):
            whole[key] = content
    return found, whole


def _verify_shards(pool: Executor, arrays: list[_Array], progress: bool | None) -> list[Damage]:
    found: list[Damage] = []
    shards = []
    for array in arrays:
        if array.grid is None:
            problem = "its metadata are damaged, in all copies: its shards cannot be verified"
            found.append(Damage(array.path, f"{array.path}/{_METADATA}", "", problem))
        shards += [pool.submit(array.damage, number) for number in array.numbers]
    for shard in track(as_completed(shards), len(shards), "verifying shards", progress):
        found += shard.result()
    return found


class _Array:
    """A sharded array, as far as its metadata and manifest can be trusted."""

    def __init__(self, place: Place, path: str, whole: dict[str, bytes]) -> None:
        self.place, self.path = place, path
        node, _, name = path.rpartition("/")
        metadata = _metadata(whole, node, name)
        self.grid = Grid.of(path, metadata) if metadata else None
        self.axis: GenomeAxis | None = None
        assembly = _metadata(whole, node, "assembly")
        if assembly:
            with suppress(GenomeError, KeyError):
                self.axis = axis_in(assembly["attributes"])
        manifest = whole.get(f"{path}/{MANIFEST}")
        self.records: npt.NDArray[np.void] | None = None if manifest is None else parse(manifest)

    @property
    def numbers(self) -> range:
        """Of the shards; none where the metadata are lost."""
        return range(math.prod(self.grid.counts) if self.grid else 0)

    def damage(self, number: int) -> list[Damage]:
        """What is wrong with one shard."""
        assert self.grid is not None
        key = self.grid.key(number)
        record = None if self.records is None else self.records[number]
        return [
            Damage(
                self.path,
                key,
                region_text(self.axis, *self.grid.positions(number, fault.chunk)),
                fault.problem,
            )
            for fault in faults(self.place, key, record, inner=self.grid.inner)
        ]


def _metadata(whole: dict[str, bytes], node: str, name: str) -> dict[str, Any] | None:
    """Metadata of an array: its own, else the copies that its node and the root hold."""
    for key, inside in (
        (f"{node}/{name}/{_METADATA}", None),
        (f"{node}/{_METADATA}", name),
        (_METADATA, f"{node}/{name}"),
    ):
        if key not in whole:
            continue
        metadata: dict[str, Any] = json.loads(whole[key])
        if inside is not None:
            metadata = (metadata.get("consolidated_metadata") or {}).get("metadata", {})
            metadata = metadata.get(inside, {})
        if metadata:
            return metadata
    return None


def _strangers(
    place: Place, group: str | None, known: set[str], blind: tuple[str, ...]
) -> Iterator[Damage]:
    """Files that nobody wrote, where a reader would find them; `blind`: nothing is known there."""
    for key in place.list(group or ""):
        if key in known or key == MARKER or key.startswith(blind):
            continue
        if key.endswith((_METADATA, MANIFEST)) or re.search(r"/c(/\d+)*$", key):
            yield Damage(_array_of(key), key, "", "the file is none of those that were written")


def _array_of(key: str) -> str:
    """node/variable that a file belongs to."""
    node, _, rest = key.partition("/")
    name, _, inside = rest.partition("/")
    return f"{node}/{name}" if inside else ""


def _natural(text: str) -> list[tuple[int, str]]:
    """Sort key that puts shard 10 after shard 9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
