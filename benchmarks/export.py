"""How fast are files of tracks written? Run: python benchmarks/export.py FOLDER [--repeat 5]

Two jobs, each in a fresh process that has done a small one before, in turn with the writers of
others: 2 million random values in bins of 50 bp (pyBigWig's addEntries: fixed steps, its fastest
way, and entries), and counts of reads at each base of the corpus' genome (FOLDER has the files of
corpus.py; figwig's BigWigWriter with its defaults, which leave zeros out, and with zeros kept,
which is what we write). The counts are read from a store chunk by chunk, by us and for figwig alike: reading is part
of it, and is timed alone as `reading`. pyBigWig and figwig are taken from this environment (`pip
install figwig`). `--long` adds the counts four times over, for the peak of memory.

What was written is read by pyBigWig and compared: sums, bases and ten stretches.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyBigWig
import xarray as xr
from measure import in_turn, measure, median, print_runs, print_targets

import genoarrays as ga

BINS, BIN = 2_000_000, 50
COUNTS = "counts.zarr"
LONG = 4
Job = Callable[[Path, str], None]


def random_bins() -> xr.DataArray:
    values = np.random.default_rng(0).random(BINS).astype(np.float32)
    coords = ga.genome_coords(ga.Assembly("one", {"chr1": BINS * BIN}), BIN)
    return xr.DataArray(values, coords, ["position"])


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
    for name, low, high in zip(axis.assembly.names, edges, edges[1:], strict=False):
        for at in range(low, high, 2**23):
            stop = min(at + 2**23, high)
            yield name, at - low, array[at:stop].values


def lengths_of(array: xr.DataArray) -> dict[str, int]:
    assembly = ga.axis_of(array).assembly
    return dict(zip(assembly.names, assembly.lengths.tolist(), strict=True))


def figwig(array: xr.DataArray, path: str, missing: float) -> None:
    from figwig.writer import BigWigWriter

    with BigWigWriter(path, lengths_of(array)) as file:
        for name, start, values in blocks(array):
            file.write(name, [start], values[None], missing=missing)


def pybigwig(path: str, values: Any, fixed: bool) -> None:
    file = pyBigWig.open(path, "w")
    file.addHeader([("chr1", BINS * BIN)])
    if fixed:
        file.addEntries("chr1", 0, values=values, span=BIN, step=BIN)
    else:
        starts = np.arange(BINS) * BIN
        file.addEntries(["chr1"] * BINS, starts, ends=starts + BIN, values=values)
    file.close()


def job(case: str, folder: Path, path: str) -> Callable[[], object]:
    """What is measured; the array is there, or opened, before."""
    if case.startswith("bins"):
        array = random_bins()
        values = array.values
        return {
            "bins": lambda: ga.to_bigwig(array, path),
            "bins, pyBigWig steps": lambda: pybigwig(path, values, True),
            "bins, pyBigWig entries": lambda: pybigwig(path, values, False),
        }[case]
    array = counts(folder, LONG if "long" in case else 1)
    return {
        "counts": lambda: ga.to_bigwig(array, path),
        "counts, long": lambda: ga.to_bigwig(array, path),
        "counts, reading": lambda: [None for _ in blocks(array)],
        "counts, bedGraph": lambda: ga.to_bedgraph(array, path),
        "counts, figwig": lambda: figwig(array, path, 0.0),
        "counts, figwig zeros": lambda: figwig(array, path, float("nan")),
    }[case]


def check(case: str, folder: Path, path: str) -> None:
    """Compare a file with its array."""
    array = (
        random_bins() if case.startswith("bins") else counts(folder, LONG if "long" in case else 1)
    )
    bin_size = ga.bin_size_of(array)
    with pyBigWig.open(path) as file:
        assert file.chroms() == lengths_of(array)
        total = float(array.sum(dtype=np.float64)) * bin_size
        assert abs(file.header()["sumData"] / total - 1) < 1e-6
        edges = dict(
            zip(lengths_of(array), np.cumsum([0, *lengths_of(array).values()]), strict=False)
        )
        for contig, length in list(lengths_of(array).items())[:10]:
            start = length // 3 // bin_size * bin_size
            at = (int(edges[contig]) + start) // bin_size
            want = np.repeat(array[at : at + 100].values, bin_size)
            got = np.nan_to_num(file.values(contig, start, start + len(want), numpy=True))
            np.testing.assert_array_equal(got, want.astype(np.float32))


def run(case: str, folder: Path, out: Path) -> dict[str, float]:
    out.mkdir(exist_ok=True)
    assembly = ga.Assembly("small", {"chr1": 100_000})
    small = xr.DataArray(
        np.random.default_rng(0).poisson(0.1, 100_000), ga.genome_coords(assembly), ["position"]
    )
    if "figwig" in case:
        figwig(small, str(out / "small.bw"), 0.0)
    else:
        ga.to_bigwig(small, out / "small.bw")
        ga.to_bedgraph(small, out / "small.bg")
    path = str(out / ("result.bg" if "bedGraph" in case else "result.bw"))
    measured = measure(job(case, folder, path))
    if "reading" in case:
        return {**measured, "start": 0, "size": 0}
    if "bedGraph" not in case:
        check(case, folder, path)
    return {**measured, "start": 0, "size": Path(path).stat().st_size / 1e6}


def make_counts(folder: Path) -> None:
    if not (folder / COUNTS).exists():
        reads = ga.open_bam(folder / "reads0.bam", like=folder / "genome.fa", stranded=False)
        ga.to_zarr(reads, folder / COUNTS)


CASES = (
    "bins", "bins, pyBigWig steps", "bins, pyBigWig entries",
    "counts", "counts, figwig", "counts, figwig zeros", "counts, reading", "counts, bedGraph",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[*CASES, "counts, long"])
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.case:
        print(json.dumps(run(asked.case, asked.folder, asked.out)))
        return
    make_counts(asked.folder)
    cases = list(asked.only or CASES) + ["counts, long"] * asked.long
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
