"""How does a lazy genome become a zarr store, in parallel, and never half a one?

Plan, parts, finalize: the metadata of every array are written first, then the parts, then the
commit marker; all of it in a hidden directory beside the target, which is renamed into place at
the end. A part is one whole shard, and one task writes it: eight threads that wrote inner chunks
of one shard lost 16 of 20, silently. Parts run on a `distributed.Client` when there is one, else
on local threads or processes.

Memory: each worker holds one shard (<= 128 MiB), its encoded bytes and the source chunks it reads.
Writing uses zarr-python's own codec pipeline: it gave identical bytes for 1, 2 and 7 threads, where
`zarrs` gave other bytes each time.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import uuid
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
import numpy as np
import xarray as xr
import zarr

from genoarrays.errors import StoreError
from genoarrays.genome.convention import encode
from genoarrays.options import track
from genoarrays.store.layout import (
    MARKER,
    VERSION,
    Layout,
    compressors,
    fill_value,
    layout_of,
    nodes_of,
    regions_of_shards,
)

__all__ = ["to_zarr"]

_PIPELINE = {"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"}


@dataclass(frozen=True)
class Part:
    """One shard to compute and to write; knows all it needs, so that any process can do it."""

    store: str
    array: str  # node/variable
    where: tuple[slice, ...]  # in the order on disk
    data: xr.Variable  # of this shard only, lazy, in the order on disk

    def run(self) -> None:
        """Compute and write."""
        try:
            values = np.asarray(self.data.compute(scheduler="synchronous").values)
            with zarr.config.set(_PIPELINE):
                target = zarr.open_array(self.store, path=self.array, mode="r+")
                target[self.where] = values
        except Exception as error:
            bins = self.where[-1]
            error.add_note(f"while writing {self.array}, positions {bins.start:,}-{bins.stop:,}")
            raise


def _run(part: Part) -> None:
    part.run()


def to_zarr(
    obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    client: Any = None,
    scheduler: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    chunk: int | None = None,
    shard: int | None = None,
    progress: bool | None = None,
) -> None:
    """Write lazy arrays on a genome axis to a zarr store, shard by shard, in parallel.

    Parameters
    ----------
    obj
        A Dataset (stored as the node `<bin>bp`), or several resolutions and modalities: a DataTree
        of siblings, or Datasets by node name.
    path
        Directory of the new store.
    client
        A `distributed.Client` that computes the parts; its workers must see `path` and the
        sources. None takes the current client, if there is one.
    scheduler
        Without a client: "threads" (default) or "processes"; None takes dask's configured one.
        Processes pay for sources that hold the interpreter lock, such as bigWig.
    workers
        Number of local threads or processes; None for one per processor.
    overwrite
        Replace a genoarrays store at `path`. The old one stays until the new one is complete;
        anything that is not a genoarrays store is never replaced.
    chunk, shard
        bp per inner chunk and per shard, for tests and small genomes; None gives chunks of at
        most 1 MiB in shards of at most 128 MiB.
    progress
        Show a progress bar; None: when standard error is a terminal.

    Raises
    ------
    StoreError
        When `path` exists, its parent does not, or there is nothing that can be stored.
    GenomeError
        Whatever the sources raise while they are read; nothing is left behind at `path` then.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga, tempfile
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6, "chr2": 4}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(10.0))}, coords)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr(ds, f"{there}/toy.zarr")
    ...     ga.open_zarr(f"{there}/toy.zarr").x.sel(position="chr2:1-3").values
    array([7., 8.])
    """
    target = Path(path)
    nodes = nodes_of(obj)
    _check_target(target, overwrite)
    layouts = {
        (node, str(name)): layout_of(array, chunk, shard)
        for node, ds in nodes.items()
        for name, array in ds.data_vars.items()
        if "position" in array.dims
    }
    build = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".build", dir=target.parent))
    try:
        _write_metadata(nodes, layouts, build)
        parts = [p for key, layout in layouts.items() for p in _parts(nodes, key, layout, build)]
        done = _results(parts, client or _current_client(), scheduler, workers)
        for _ in track(done, len(parts), "writing shards", progress):
            pass
        _finalize(nodes, build, target)
    finally:
        shutil.rmtree(build, ignore_errors=True)


def _check_target(target: Path, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise StoreError(f"{target}: the directory {target.parent} does not exist; create it first")
    if not target.exists():
        return
    if not (target / MARKER).is_file():
        raise StoreError(
            f"{target} exists, is no complete genoarrays store, and is not replaced; give another "
            "path, or remove it by hand"
        )
    if not overwrite:
        raise StoreError(f"{target} exists already; give another path, or overwrite=True")


def _write_metadata(
    nodes: Mapping[str, xr.Dataset], layouts: Mapping[tuple[str, str], Layout], build: Path
) -> None:
    """Write groups, labels and small arrays, and the empty arrays that the parts will fill."""
    with zarr.config.set(_PIPELINE):
        root = zarr.create_group(str(build), overwrite=True, zarr_format=3)
        for node, ds in nodes.items():
            flat = encode(ds)
            others = [str(c) for c in flat.coords if c not in flat.dims]
            attrs = {**flat.attrs, "coordinates": " ".join(others)}
            group = root.create_group(node, attributes=_plain(attrs))
            for name, array in flat.variables.items():
                layout = layouts.get((node, str(name)))
                if layout is None:
                    _write_small(group, str(name), array)
                    continue
                group.create_array(
                    str(name),
                    shape=layout.shape,
                    dtype=array.dtype,
                    chunks=layout.chunk,
                    shards=layout.shard,
                    compressors=compressors(array.dtype),
                    fill_value=fill_value(ds[name]),
                    dimension_names=list(layout.dims),
                    attributes=_plain(array.attrs),
                )


def _write_small(group: Any, name: str, array: xr.Variable) -> None:
    values = np.asarray(array.values)
    if values.dtype.kind in "OUT":
        values = values.astype(np.dtypes.StringDType())
    stored = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        dimension_names=[str(d) for d in array.dims],
        attributes=_plain(array.attrs),
    )
    stored[...] = values


def _plain(value: Any) -> Any:
    """Attributes as JSON knows them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def _parts(
    nodes: Mapping[str, xr.Dataset], key: tuple[str, str], layout: Layout, build: Path
) -> Iterator[Part]:
    node, name = key
    lazy = nodes[node].variables[name].transpose(*layout.dims)
    for where in regions_of_shards(layout):
        data = lazy.isel(dict(zip(layout.dims, where, strict=True)))
        yield Part(str(build), f"{node}/{name}", where, data)


def _results(
    parts: list[Part], client: Any, scheduler: str | None, workers: int | None
) -> Iterator[None]:
    """Run the parts; one item for each that is done. The first failure ends it."""
    if client is not None:
        yield from _on_cluster(parts, client)
        return
    with _pool(scheduler, workers) as pool:
        futures = [pool.submit(_run, part) for part in parts]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _on_cluster(parts: list[Part], client: Any) -> Iterator[None]:
    import distributed

    # own keys: dask would hash every part, and part 7 of two stores is not the same
    job = uuid.uuid4().hex[:8]
    keys = [f"write-{job}-{part.array}-{number}" for number, part in enumerate(parts)]
    futures = client.map(_run, parts, key=keys, pure=False, retries=0)
    try:
        for future in distributed.as_completed(futures):
            yield future.result()
    finally:
        client.cancel(futures)


def _pool(scheduler: str | None, workers: int | None) -> Executor:
    scheduler = scheduler or dask.config.get("scheduler", None) or "threads"
    if scheduler in ("threads", "threading"):
        return ThreadPoolExecutor(workers or os.cpu_count())
    if scheduler in ("synchronous", "sync", "single-threaded"):
        return ThreadPoolExecutor(1)
    if scheduler in ("processes", "multiprocessing"):
        import multiprocessing

        context = multiprocessing.get_context("spawn")  # handles and locks do not survive a fork
        return ProcessPoolExecutor(workers or os.cpu_count(), mp_context=context)
    raise ValueError(f"scheduler={scheduler!r} is not known; use 'threads' or 'processes'")


def _current_client() -> Any:
    if "distributed" not in sys.modules:
        return None
    import distributed

    try:
        return distributed.Client.current()
    except ValueError:
        return None


def _finalize(nodes: Mapping[str, xr.Dataset], build: Path, target: Path) -> None:
    """Consolidate, write the commit marker last, rename into place."""
    with warnings.catch_warnings():
        # consolidated metadata are not in the zarr v3 specification yet; xarray asks for them
        warnings.simplefilter("ignore")
        for node in nodes:
            zarr.consolidate_metadata(str(build), path=node)
        zarr.consolidate_metadata(str(build))
    marker = {"version": VERSION, "commit": uuid.uuid4().hex, "nodes": list(nodes)}
    with open(build / MARKER, "w") as file:
        json.dump(marker, file)
        file.flush()
        os.fsync(file.fileno())
    build.chmod(0o777 & ~_umask())
    if not target.exists():
        build.rename(target)
        return
    aside = build.with_suffix(".old")
    target.rename(aside)
    try:
        build.rename(target)
    except OSError:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
