"""How fast do files become a store? Run: python benchmarks/ingest.py FOLDER [--repeat 5]

FOLDER keeps the corpora (made by corpus.py on first use; 100 Mb take 3 minutes and 0.8 GB, the
400-Mb genome of `memory` 7 minutes and 1.4 GB). `--only` picks parts: speed, scaling, memory,
scaffolds; `--mb 2 --reads 100000 --beds 20` is a quick look; `--profile` tells where the time goes;
`--json FILE` writes every run. What a store holds is compared with the truth of the corpus once.
Targets are for 100 Mb on two free processors.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from corpus import LABEL_BIN, Options, make_corpus
from measure import in_turn, median, print_runs, print_targets, run_job
from sampling import sample

import genoarrays as ga

SMALL = Options(mb=0.2, reads=2_000, bams=1, tracks=1, beds=2, intervals=20, windows=20)
GENOMES = (25, 400)  # Mb, of which the memory is compared
Target = tuple[str, float, str, float]


def open_bam(folder: Path) -> xr.Dataset:
    return ga.open_bam(folder / "reads0.bam")


def open_depth(folder: Path) -> xr.Dataset:
    return ga.open_bam(folder / "reads0.bam", count="coverage", stranded=False)


def open_bigwig(folder: Path) -> xr.Dataset:
    return ga.open_bigwig(sorted(folder.glob("track*.bw")))


def open_fasta(folder: Path) -> xr.Dataset:
    return ga.open_fasta(folder / "genome.fa")


def open_beds(folder: Path) -> xr.Dataset:
    paths = sorted(folder.glob("intervals*.bed"))
    return ga.open_intervals(paths, like=folder / "genome.sizes", bin_size=LABEL_BIN)


def open_all(folder: Path) -> xr.Dataset:
    return ga.merge(open_fasta(folder), open_bam(folder), open_bigwig(folder))


KINDS: dict[str, Callable[[Path], xr.Dataset]] = {
    "bam": open_bam,
    "depth": open_depth,
    "bigwig": open_bigwig,
    "fasta": open_fasta,
    "beds": open_beds,
    "all": open_all,
}


def ingest(kind: str) -> Callable[[Path, Path, int], None]:
    """Job that makes a store."""
    return lambda folder, out, workers: ga.to_zarr(
        KINDS[kind](folder), out, workers=workers, progress=False
    )


def check(store: Path, truth: dict[str, Any]) -> None:
    """Compare what a store holds with what went into it."""
    ds = ga.open_zarr(store)
    found: dict[str, Any] = {}
    if "dna" in ds:
        found["letters"] = [int((ds.dna == code).sum()) for code in range(5)]
    if "reads" in ds and "strand" in ds.dims:
        found["reads"] = ds.reads.sum("position").values.tolist()
        truth["reads"] = truth["reads"][0]
    if "signal" in ds:
        found["covered"] = ds.signal.notnull().sum("position").values.tolist()
        found["signal"] = ds.signal.sum("position", dtype=np.float64).values.tolist()
    if "label" in ds:
        found["bins"] = (ds.label > 0).sum("position").values.tolist()
    for key, values in found.items():
        np.testing.assert_allclose(values, truth[key], rtol=1e-9, err_msg=f"{store}: {key}")


def run_one(kind: str, folder: Path, out: Path, workers: int) -> None:
    """Measure one job in this process; the result is the last line printed."""
    done = run_job(ingest(kind), folder.parent / "small", folder, out, workers)
    store = out / "result"
    done["files"] = sum(len(names) for _, _, names in os.walk(store))
    done["bytes"] = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    marker = folder / f".checked-{kind}"  # of this run of the benchmark, removed by `main`
    if not marker.exists():
        check(store, json.loads((folder / "truth.json").read_text()))
        marker.touch()
    print(json.dumps(done))


def command(kind: str, folder: Path, workers: int = 2) -> list[str]:
    """Command line that measures one job in a fresh process."""
    return [sys.executable, __file__, str(folder), f"--job={kind}", f"--workers={workers}"]


class Plan:
    """What is to be run, and what it is to show."""

    def __init__(self, root: Path, options: Options) -> None:
        self.root, self.options = root, options
        self.commands: dict[str, list[str]] = {}
        self.folders: set[Path] = set()

    def add(self, name: str, kind: str, options: Options, workers: int = 2) -> None:
        parts = (f"{key}{value:.15g}" for key, value in options._asdict().items() if value)
        folder = self.root / "-".join(parts)
        if folder not in self.folders:
            make_corpus(folder, options)
            for marker in folder.glob(".checked-*"):
                marker.unlink()
            self.folders.add(folder)
        self.commands[name] = command(kind, folder, workers)

    def speed(self) -> None:
        for kind in ("bam", "bigwig", "fasta", "beds"):
            self.add(kind, kind, self.options)

    def scaling(self) -> None:
        for kind in ("bam", "bigwig"):
            self.add(f"{kind}, 1 worker", kind, self.options, workers=1)
            self.add(kind, kind, self.options)

    def memory(self) -> None:
        for mb in GENOMES:
            options = Options(mb=mb, reads=mb * 50_000, bams=1, tracks=2)
            for kind in ("bam", "bigwig", "fasta"):
                self.add(f"{kind}, {mb} Mb", kind, options, workers=1)  # that of a worker

    def scaffolds(self) -> None:
        options = Options(scaffolds=100_000, reads=1_000_000, bams=1, tracks=1)
        self.add("100,000 scaffolds", "all", options)


def targets(runs: dict[str, list[dict[str, Any]]]) -> Iterator[Target]:
    """What can be said of the runs; what depends on peers is in peers.py."""
    for kind, seconds in (("fasta", 1.5), ("beds", 60)):
        if kind in runs:
            yield f"{kind}, s", median(runs[kind]), "<=", seconds
    for kind in ("bam", "bigwig"):
        if one := runs.get(f"{kind}, 1 worker"):
            yield f"{kind}, 2 workers to 1", median(one) / median(runs[kind]), ">=", 1.7
    for name, some in runs.items():
        yield f"{name}, peak MB", max(run["peak"] for run in some), "<=", 600
    for kind in ("bam", "bigwig", "fasta"):
        few, many = (runs.get(f"{kind}, {mb} Mb", []) for mb in GENOMES)
        if few and many:
            growth = median(many, "peak") / median(few, "peak")
            yield f"{kind}, peak of {GENOMES[1]} Mb to that of {GENOMES[0]} Mb", growth, "<=", 1.1
    if many := runs.get("100,000 scaffolds"):
        yield "100,000 scaffolds, s", median(many), "<=", 60
        yield "100,000 scaffolds, files", many[0]["files"], "<=", 2_000


def profile(kind: str, folder: Path) -> None:
    """Print seconds of the pieces of an ingest, each by itself; needs memory for all values."""
    out = folder.parent / f".output-profile-{kind}"
    out.mkdir(exist_ok=True)
    small = folder.parent / "small"
    ga.to_zarr(KINDS[kind](small), out / "small", overwrite=True, progress=False)

    def timed(name: str, call: Callable[[], Any]) -> Any:
        cpu, start = time.process_time(), time.perf_counter()
        result = call()
        wall, used = time.perf_counter() - start, time.process_time() - cpu
        print(f"{kind:8}{name:46}{wall:7.2f} s{used:7.2f} s CPU", flush=True)
        return result

    def store(what: Callable[[], xr.Dataset], workers: int) -> None:
        ga.to_zarr(what(), out / "store", workers=workers, overwrite=True, progress=False)

    def read(workers: int) -> None:
        blocks = (array.data.blocks[at] for at in np.ndindex(array.data.numblocks))
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(lambda block: block.compute(scheduler="synchronous").nbytes, blocks))

    ds = timed("open", lambda: KINDS[kind](folder))
    array = next(iter(ds.data_vars.values()))
    for workers in (1, 2):
        timed(f"read each chunk, {workers} threads", partial(read, workers))
    values = ds.compute()  # each track in one piece, as a reader has it
    values[array.name].data = np.asfortranarray(values[array.name].data)
    for workers in (1, 2):
        timed(f"values from memory, {workers} workers", partial(store, lambda: values, workers))
        timed(f"whole, {workers} workers", partial(store, lambda: KINDS[kind](folder), workers))
    sample(lambda: store(lambda: KINDS[kind](folder), 2))
    packed = [path.read_bytes() for path in (out / "store").rglob("*") if path.is_file()]

    def write() -> None:
        for number, content in enumerate(packed):
            with open(out / f"bytes{number}", "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    timed(f"write and sync its {sum(map(len, packed)) / 1e6:,.0f} MB", write)
    shutil.rmtree(out)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast files become a store.")
    parser.add_argument("folder", type=Path, help="where corpora are kept and stores are made")
    parts = ("speed", "scaling", "memory", "scaffolds")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--reads", type=int, default=5_000_000)
    parser.add_argument("--beds", type=int, default=919)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--job", choices=KINDS, help="measure one job in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result")
    parser.add_argument("--workers", type=int, default=2, help="of that job")
    given = parser.parse_args()
    if given.job:
        return run_one(given.job, given.folder, given.out, given.workers)
    make_corpus(given.folder / "small", SMALL)
    plan = Plan(given.folder, Options(given.mb, given.reads, beds=given.beds))
    if given.profile:
        plan.speed()
        for kind in ("fasta", "bam", "bigwig"):
            profile(kind, Path(plan.commands[kind][2]))
        return None
    for part in given.only:
        getattr(plan, part)()
    runs = in_turn(plan.commands, given.repeat, given.folder)
    print_runs(runs)
    print_targets(targets(runs))
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
