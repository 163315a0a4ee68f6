"""How does a lazy genome become a zarr store: in parallel, resumable, never half a one?

`to_zarr` plans, does the parts and finishes; see `plan.py` for the three steps, `part.py` for what
a part is, `schedule.py` for who does it. A store that was made of the same sources in the same way
is left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.options import track
from genoarrays.store.append import append_plan
from genoarrays.store.joined import is_appended
from genoarrays.store.levels import Pyramid
from genoarrays.store.plan import Plan, plan
from genoarrays.store.schedule import run_parts

__all__ = ["to_zarr"]


def to_zarr(
    obj: xr.Dataset | xr.DataTree | Mapping[str, xr.Dataset],
    path: str | os.PathLike[str],
    *,
    client: Any = None,
    scheduler: str | None = None,
    workers: int | None = None,
    overwrite: bool | str = False,
    append: bool = False,
    chunk: int | None = None,
    shard: int | None = None,
    track_chunk: int | None = None,
    pyramid: Pyramid = None,
    fingerprint: str = "sampled",
    progress: bool | None = None,
    storage_options: Mapping[str, Any] | None = None,
) -> None:
    """Write lazy arrays on a genome axis to a zarr store, shard by shard, in parallel.

    A store that is there already and was made of the same sources in the same way stays as it is:
    no source is read again. A write that was interrupted goes on where it was: whatever the number
    of workers and interruptions, the bytes are the same.

    Parameters
    ----------
    obj
        A Dataset (stored as the node `<bin>bp`), or several resolutions and modalities: a DataTree
        of siblings, or Datasets by node name.
    path
        Directory of the store, or a URL in a bucket: s3://, gs:// or az:// (extra `remote`).
        Endpoint and credentials come from the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID,
        AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ALLOW_HTTP; GOOGLE_...; AZURE_....
    client
        A `distributed.Client` that computes the parts; its workers must see `path` and the
        sources. None takes the current client, if there is one.
    scheduler
        Without a client: "threads" or "processes"; None takes dask's configured one, else threads.
    workers
        Number of local threads or processes; None for one per processor.
    overwrite
        What to do with a store at `path` that was made of something else: False refuses and lists
        what changed; "changed" replaces it; True replaces it in any case, and gives up a write of
        something else that was interrupted. The old store stays until the new one is complete;
        anything that is not a genoarrays store is never replaced.
    append
        Let `obj` join the store at `path`: new samples, tracks or categories of variables that it
        holds, and new variables or nodes. The rest is neither read nor written. What joined before,
        of the same sources, is left as it is.
    chunk, shard
        bp per inner chunk and per shard, for tests and small genomes; None gives chunks of at
        most 1 MiB in shards of 16 to 128 MiB, over all dimensions.
    track_chunk
        Tracks, samples or categories per chunk; None is 1. More make fewer, larger files of
        hundreds of short tracks, and windows over all of them faster.
    pyramid
        Coarser copies of each node, for browsing: mean, maximum and minimum of every variable that
        holds numbers, exactly as `ga.coarsen` gives them (of labels, the mean is the covered
        share). True: one bin for 256, 4,096, 65,536, ... until the longest contig has few thousand;
        8: for 8, 64, 512, ...; a list: those. They are the nodes `1bp_x256`, `1bp_x4096` of
        variables `signal`, `signal_max`, `signal_min`, made of what is written, not of the
        sources again. `ga.plot_tracks` takes them by itself; what walks over nodes leaves them
        out. None: as `obj` has them, or the store appended to; False: none. `append=True` gives
        one to a store that has none.
    fingerprint
        How the content of a source is known again, besides size and time: "sampled" (200 kB of it)
        or "whole", which reads all of it and then disregards the time.
    progress
        Show a progress bar; None: when standard error is a terminal.
    storage_options
        For a URL: what is not in the environment, by obstore's names, such as "endpoint",
        "region", "access_key_id", "secret_access_key", "allow_http", "timeout". They go to the
        workers with their parts, and are not written to the store.

    Raises
    ------
    StoreError
        When another store, another unfinished write, or something else is at `path`; when somebody
        is writing there; when there is nothing that can be stored, or reads were lost.
    RegionError
        When two regions of the axis share a bin of a pyramid.
    GenomeError
        For a pyramid that is not possible, and whatever the sources raise while they are read; a
        note names variable, region and part. Finished parts stay, and the same call goes on from
        there.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga, tempfile
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6, "chr2": 4}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(10.0))}, coords)
    >>> with tempfile.TemporaryDirectory() as there:
    ...     ga.to_zarr(ds, f"{there}/toy.zarr", pyramid=[4])
    ...     x = ga.open_zarr(f"{there}/toy.zarr").x.sel(position="chr2:1-3").load()
    ...     level = ga.open_zarr(f"{there}/toy.zarr", group="1bp_x4").load()
    >>> x.values, level.x.values, level.x_max.values
    (array([7., 8.]), array([1.5, 4.5, 7.5]), array([3., 5., 9.]))
    """
    if overwrite not in (True, False, "changed"):
        raise GenomeError(f"overwrite={overwrite!r} is not known; say True, False or 'changed'")
    if append and overwrite:
        raise GenomeError("append=True keeps what is there, overwrite= does not; say one of them")
    known: dict[str, Any] = {"fingerprint": fingerprint, "storage_options": storage_options}
    known |= {"pyramid": pyramid}
    if append and is_appended(obj, path, **known):
        return
    known |= {"chunk": chunk, "shard": shard, "track_chunk": track_chunk}
    make = append_plan if append else plan
    job = make(obj, path, **known)
    if not (append or job.is_due(overwrite)):
        return
    write(job, client, scheduler, workers, overwrite is True, progress)


def write(
    job: Plan,
    client: Any = None,
    scheduler: str | None = None,
    workers: int | None = None,
    discard: bool = False,
    progress: bool | None = None,
    text: str = "writing shards",
) -> None:
    """Do all of a plan, or what is left of it; `text` stands before the progress bar."""
    with job.lock() as lock:
        job.start(discard=discard)
        digest = job.digest
        done = run_parts(job, digest, client, scheduler, workers)
        try:
            for _ in track(done, len(job.parts), text, progress):
                pass
        except BaseException:
            if not any(job.site.build.list("done")):
                lock.stop()
                job.site.clear()
            raise
        job.complete(digest, lock)
