"""How fast are files of tracks written? Run: python benchmarks/export.py FOLDER [--repeat 5]

Two jobs, each in a fresh process that has done a small one before, in turn with the writers of
others: 2 million random values in bins of 50 bp (pyBigWig's addEntries: fixed steps, its fastest
way, and entries), and counts of reads at each base of the corpus' genome (FOLDER has the files of
corpus.py; figwig's BigWigWriter with its defaults, which leave zeros out, and with zeros kept,
which is what we write, by zlib or, as we do, by isal at level 1). The counts are read from a store
chunk by chunk, by us and for figwig alike: reading is part of it, and is timed alone as `reading`.
pyBigWig and figwig are taken from this environment (pip install figwig). `--long` adds the counts
four times over, for the peak of memory.

What was written is read by pyBigWig and compared: sums, bases and ten stretches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import xarray as xr
from measure import in_turn, median, print_runs, print_targets, run_job

import genoarrays as ga

BINS, BIN = 2_000_000, 50
COUNTS = "counts.zarr"
LONG = 4
SMALL = Path("small")  # stands for a small array


@cache
def array_of(case: str, folder: Path) -> xr.DataArray:
    """What is written; something small where there is no folder."""
    if folder == SMALL:
        assembly = ga.Assembly("small", {"chr1": 100_000})
        values = np.random.default_rng(0).poisson(0.1, 100_000).astype(np.float32)
        return xr.DataArray(values, ga.genome_coords(assembly), ["position"])
    if case.startswith("bins"):
        values = np.random.default_rng(0).random(BINS).astype(np.float32)
        coords = ga.genome_coords(ga.Assembly("one", {"chr1": BINS * BIN}), BIN)
        return xr.DataArray(values, coords, ["position"])
    return counts(folder, LONG if "long" in case else 1)


def counts(folder: Path, times: int = 1) -> xr.DataArray:
    """Reads at each base, lazily; of a genome that is some times as long."""
    one = ga.open_zarr(folder / COUNTS).reads
    if times == 1:
        return one
    known = ga.axis_of(one).assembly
    lengths = {
        f"{name}.{n}": int(length)
        for n in range(times)
        for name, length in zip(known.names, known.lengths, strict=True)
    }
    data = xr.concat([one.drop_vars(list(one.coords))] * times, "position")
    return data.assign_coords(ga.genome_coords(ga.Assembly("long", lengths)))


def blocks(array: xr.DataArray) -> Iterator[tuple[str, int, Any]]:
    """Contig, start and values of each chunk."""
    axis = ga.axis_of(array)
    edges = np.cumsum([0, *axis.assembly.lengths]).tolist()
    for name, (low, high) in zip(axis.assembly.names, pairwise(edges), strict=True):
        for at in range(low, high, 2**23):
            stop = min(at + 2**23, high)
            yield name, at - low, array[at:stop].values


def lengths_of(array: xr.DataArray) -> dict[str, int]:
    assembly = ga.axis_of(array).assembly
    return dict(zip(assembly.names, assembly.lengths.tolist(), strict=True))


def figwig(array: xr.DataArray, path: str, missing: float, **options: Any) -> None:
    from figwig.writer import BigWigWriter

    with BigWigWriter(path, lengths_of(array), **options) as file:
        for name, start, values in blocks(array):
            file.write(name, [start], values[None], missing=missing)


def pybigwig(array: xr.DataArray, path: str, fixed: bool) -> None:
    (contig, _), size, span = *lengths_of(array).items(), array.size, ga.bin_size_of(array)
    with pyBigWig.open(path, "w") as file:
        file.addHeader(list(lengths_of(array).items()))
        if fixed:
            file.addEntries(contig, 0, values=array.values, span=span, step=span)
        else:
            starts = np.arange(size) * span
            file.addEntries([contig] * size, starts, ends=starts + span, values=array.values)


WRITERS: dict[str, Callable[[xr.DataArray, str], object]] = {
    "bins": ga.to_bigwig,
    "bins, pyBigWig steps": lambda array, path: pybigwig(array, path, True),
    "bins, pyBigWig entries": lambda array, path: pybigwig(array, path, False),
    "counts": ga.to_bigwig,
    "counts, figwig": lambda array, path: figwig(array, path, 0.0),
    "counts, figwig zeros": lambda array, path: figwig(array, path, float("nan")),
    "counts, figwig isal": lambda array, path: figwig(
        array, path, float("nan"), engine="isal", level=1
    ),
    "counts, reading": lambda array, path: [None for _ in blocks(array)],
    "counts, bedGraph": ga.to_bedgraph,
    "counts, long": ga.to_bigwig,
}


def check(array: xr.DataArray, path: str) -> None:
    """Compare a file with its array."""
    lengths, bin_size = lengths_of(array), ga.bin_size_of(array)
    edges = np.cumsum([0, *lengths.values()]).tolist()
    with pyBigWig.open(path) as file:
        assert file.chroms() == lengths
        total = float(array.sum(dtype=np.float64)) * bin_size
        assert abs(file.header()["sumData"] / total - 1) < 1e-6
        for low, (contig, length) in zip(edges, lengths.items(), strict=False):
            start = length // 3 // bin_size * bin_size
            at = (low + start) // bin_size
            want = np.repeat(array[at : at + 100].values, bin_size)
            got = np.nan_to_num(file.values(contig, start, start + len(want), numpy=True))
            np.testing.assert_array_equal(got, want.astype(np.float32))


def run(case: str, folder: Path, out: Path) -> dict[str, float]:
    """Measure one case, and check what it wrote."""
    array = array_of(case, folder)  # made, or opened, before

    def job(folder: Path, path: Path, workers: int) -> None:
        WRITERS[case](array_of(case, folder), str(path))

    measured = run_job(job, SMALL, folder, out, 0)
    path = out / "result"
    if case not in ("counts, reading", "counts, bedGraph"):
        check(array, str(path))
    return {**measured, "size": path.stat().st_size / 1e6 if path.exists() else 0}


def make_counts(folder: Path) -> None:
    if not (folder / COUNTS).exists():
        reads = ga.open_bam(folder / "reads0.bam", like=folder / "genome.fa", stranded=False)
        ga.to_zarr(reads, folder / COUNTS)


CASES = [case for case in WRITERS if "long" not in case]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(WRITERS))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(run(asked.case, asked.folder, asked.out)))
        return
    make_counts(asked.folder)
    cases = (asked.only or CASES) + ["counts, long"] * asked.long
    commands = {
        case: [sys.executable, __file__, str(asked.folder), f"--case={case}"] for case in cases
    }
    runs = in_turn(commands, asked.repeat, asked.folder)
    print_runs(runs)
    for name, some in runs.items():
        print(f"{name:24}{median(some, 'size'):9.1f} MB written")
    targets = []
    for ours, theirs, most in (
        ("bins", "bins, pyBigWig steps", 1.2),
        ("counts", "counts, figwig", 1.5),
        ("counts", "counts, figwig zeros", 1.5),
        ("counts", "counts, figwig isal", 1.5),
    ):
        if ours in runs and theirs in runs:
            ratio = median(runs[ours]) / median(runs[theirs])
            targets.append((f"{ours} over{theirs.partition(',')[2]}", ratio, "<=", most))
    targets += [
        (f"{name}, MB above what was held", max(one["peak"] for one in runs[name]), "<=", 600)
        for name in ("counts", "counts, long")
        if name in runs
    ]
    print_targets(targets)
    if asked.json:
        asked.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
