"""How fast is lazy maths over a whole genome? Run: python benchmarks/lazy.py FOLDER [--repeat 5]

FOLDER has the files of corpus.py or gets them; beside them come, once, `tracks.zarr` (all bigWigs
at 1 bp, missing as NaN) and BED files of regions and genes. Each case is a fresh process that has
done the same on a small genome before. What is timed begins with the lazy arrays: the graph is part
of it. What comes out is compared with libBigWig's own numbers, once per process.

`decoding` has zarr's zarrs pipeline unpack all values, in two threads, 8 MiB at a time into the
same memory again: no reduction of a store can be much faster. `regions` overlap each other;
`regions apart` are the same without those that begin in another, which pbzarr refuses.

`--only summarize mean` picks cases, `--long FOLDER` takes each once over a genome of four times the
length as well, for the peak of memory; `--json FILE` writes every run. Whether we are faster than
pbzarr is asked by peers_lazy.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import dask
import numpy as np
import pyBigWig
import xarray as xr
from measure import in_turn, median, print_runs, print_targets, run_job
from peers_lazy import columns, means_of
from stored import TRACKS, make_tracks, scattered_bed

import genoarrays as ga

SMALL_MB = 1
LONG = ", long"  # ends the names of cases over a genome of four times the length
SAMPLE = 200  # regions and bins that are compared
COARSE = 128  # bp
PIECE = 2**21  # values decoded at once; 2**18 took twice as long, and 2**23 a third longer
REGIONS, APART, GENES, READS = "regions.bed", "apart.bed", "genes.bed", "reads.bed"
# rows, shortest and longest, of the BED files
BEDS = {
    REGIONS: (200_000, 200, 20_000),
    APART: (200_000, 200, 20_000),
    GENES: (20_000, 1_000, 50_000),
    READS: (256, 1_000, 1_000),
}
Case = Callable[[Path, Path], Iterator[Any]]
Runs = Mapping[str, Sequence[Mapping[str, Any]]]
Target = tuple[str, float, str, float]


def signal_of(folder: Path, chunks: str | None = "auto") -> xr.DataArray:
    return ga.open_zarr(folder / TRACKS, chunks=chunks).signal


def regions_of(folder: Path, bed: str) -> xr.Dataset:
    return ga.read_regions(folder / bed, like=signal_of(folder))


# A case gets ready, yields, does what is measured, yields, and gives (values, values due) or None.


def summarize(folder: Path, out: Path) -> Iterator[Any]:
    signal = signal_of(folder)
    yield
    found = ga.summarize(signal).compute()
    yield
    yield found["mean"].values, means_due(folder)


def mean(folder: Path, out: Path) -> Iterator[Any]:
    signal = signal_of(folder)
    yield
    found = signal.mean("position").compute()
    yield
    yield found.values, means_due(folder)


def decoding(folder: Path, out: Path) -> Iterator[Any]:
    import zarr
    import zarrs  # noqa: F401  # registers its pipeline
    from zarr.buffer import cpu

    with zarr.config.set({"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"}):
        stored = zarr.open_array(folder / TRACKS / "1bp" / "signal", mode="r")
    tracks, bases = stored.shape
    room = threading.local()

    def read(at: tuple[int, int]) -> None:
        if not hasattr(room, "values"):
            room.values = np.empty((1, PIECE), stored.dtype)
        (track, start), stop = at, min(at[1] + PIECE, bases)
        lent = cpu.NDBuffer.from_numpy_array(room.values[:, : stop - start])
        key = slice(track, track + 1), slice(start, stop)
        stored.get_orthogonal_selection(key, out=lent)

    yield
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(read, product(range(tracks), range(0, bases, PIECE))))
    yield
    yield None


def zscore_log(folder: Path, out: Path) -> Iterator[Any]:
    signal = signal_of(folder)
    yield
    ga.fit_normalizer(signal, "zscore_log").compute()
    yield
    yield None


def reduce_regions(bed: str) -> Case:
    def case(folder: Path, out: Path) -> Iterator[Any]:
        signal, regions = signal_of(folder), regions_of(folder, bed)
        yield
        found = ga.reduce_regions(signal, regions, "mean").compute()
        yield
        some = np.random.default_rng(0).choice(regions.sizes["region"], SAMPLE)
        places = [column[some] for column in columns(folder / bed)]
        yield found.transpose("region", "track").values[some], stats_due(folder, *places)

    return case


def reads(chunks: str | None) -> Case:
    def case(folder: Path, out: Path) -> Iterator[Any]:
        signal = signal_of(folder, chunks)
        places = zip(*columns(folder / READS), strict=True)
        texts = [f"{contig}:{start}-{end}" for contig, start, end in places]
        yield
        found = [signal.sel(position=text).values for text in texts]
        yield
        yield means_of(found), stats_due(folder, *columns(folder / READS))

    return case


def coarsen(folder: Path, out: Path) -> Iterator[Any]:
    signal = signal_of(folder)
    yield
    ga.to_zarr(ga.coarsen(signal, COARSE).to_dataset(), out, progress=False)
    yield
    coarse = ga.open_zarr(out).signal
    some = np.sort(np.random.default_rng(0).choice(coarse.sizes["position"], SAMPLE))
    few = coarse.isel(position=some)
    sizes = [ga.axis_of(signal).assembly.length(contig) for contig in few.contig.values]
    starts = few.position.values
    ends = np.minimum(starts + COARSE, sizes)
    yield few.values, stats_due(folder, few.contig.values, starts, ends)


def profile(folder: Path, out: Path) -> Iterator[Any]:
    signal, genes = signal_of(folder), regions_of(folder, GENES)
    yield
    ga.metagene(signal, genes, upstream=5_000, downstream=5_000, bin_size=50).compute()
    yield
    yield None


CASES: dict[str, Case] = {
    "summarize": summarize,
    "decoding": decoding,
    "mean": mean,
    "zscore_log": zscore_log,
    "regions": reduce_regions(REGIONS),
    "regions apart": reduce_regions(APART),
    "reads": reads(None),
    "reads, dask": reads("auto"),
    "coarsen": coarsen,
    "profile": profile,
}


def means_due(folder: Path) -> np.ndarray:
    """Mean of the bases with a value, by track, as libBigWig counted when it wrote."""
    due = []
    for path in sorted(folder.glob("track*.bw")):
        with pyBigWig.open(str(path)) as file:
            header = file.header()
            due.append(header["sumData"] / header["nBasesCovered"])
    return np.array(due)


def stats_due(folder: Path, contigs: Any, starts: Any, ends: Any) -> np.ndarray:
    """Means of regions over the bases with a value: (region, track)."""
    places = [(str(c), int(s), int(e)) for c, s, e in zip(contigs, starts, ends, strict=True)]
    due = []
    for path in sorted(folder.glob("track*.bw")):
        with pyBigWig.open(str(path)) as file:
            due.append([file.stats(*place, type="mean", exact=True)[0] for place in places])
    return np.array(due, dtype=float).T  # None is NaN


def prepare(folder: Path, mb: float) -> None:
    """Files and store in `folder`, and the same of a small genome below it."""
    make_places(folder, mb)
    make_places(folder / "small", SMALL_MB)


def make_places(folder: Path, mb: float) -> None:
    """Files, store and BED files of one genome, unless they are there."""
    make_tracks(folder, mb)
    for name, (count, low, high) in BEDS.items():
        scattered_bed(folder, name, count, low, high, apart=name == APART)


def run_one(name: str, folder: Path, out: Path) -> None:
    """Measure one case in this process; the result is the last line printed."""
    dask.config.set(scheduler="threads", num_workers=2)
    small = folder / "small"
    steps = {place: CASES[name](place, out / place.name) for place in (small, folder)}
    for case in steps.values():
        next(case)
    used = run_job(lambda place, *_: next(steps[place]), small, folder, out, 2)
    for case in steps.values():
        if (found := next(case)) is not None:
            np.testing.assert_allclose(*found, rtol=1e-4, err_msg=name)
    print(json.dumps({**used, "values": None if found is None else found[0].ravel().tolist()}))


def command(name: str, folder: Path) -> list[str]:
    """Command line that measures one case in a fresh process."""
    return [sys.executable, __file__, str(folder), f"--job={name}"]


def targets(runs: Runs) -> Iterator[Target]:
    """What can be said of the runs; what depends on pbzarr is in peers_lazy.py."""
    for name, limit in (("regions", 2.5), ("coarsen", 4.0), ("profile", 3.0)):
        if name in runs:
            yield f"{name}, s", median(runs[name]), "<=", limit
    if "zscore_log" in runs and "summarize" in runs:
        times = median(runs["zscore_log"]) / median(runs["summarize"])
        yield "zscore_log, times summarize", times, "<=", 2
    peak = {name: max(run["peak"] for run in some) for name, some in runs.items()}
    for name, most in peak.items():
        yield f"{name}: peak MB above imports", most, "<=", 1_000
        if name + LONG in peak:
            yield f"{name}: MB more for four times the genome", peak[name + LONG] - most, "<=", 100


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure lazy maths over a whole genome.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, metavar="CASE")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--long", type=Path, help="folder of a corpus of 4 times the length")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=CASES, help="measure one case in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result")
    given = parser.parse_args()
    if given.job:
        return run_one(given.job, given.folder, given.out)
    prepare(given.folder, given.mb)
    runs = in_turn({n: command(n, given.folder) for n in given.only}, given.repeat, given.folder)
    if given.long:
        prepare(given.long, 4 * given.mb)
        further = {n + LONG: command(n, given.long) for n in given.only}
        runs |= in_turn(further, 1, given.long)
    print_runs(runs)
    if "summarize" in runs and "decoding" in runs:
        times = median(runs["summarize"]) / median(runs["decoding"])
        print(f"       summarize, times decoding alone: {times:.2f}")
    print_targets(targets(runs))
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
