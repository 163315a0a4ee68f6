"""Who cuts random windows faster, GenVarLoader or we? Run: python benchmarks/peers_windows.py DIR

DIR is that of windows.py. GenVarLoader writes its datasets there once, from the same FASTA,
bigWigs and rows of BED (not counted; minutes for 200,000 windows), and lives in a virtual
environment of its own that is made on first use (`--venv`). Both take turns, each in a fresh
process, give random batches as NumPy arrays (DNA and four tracks at 1 bp), and are timed over an
epoch after everything has been touched once. Sums over the first windows must agree.

GenVarLoader's dataset keeps the runs of a bigWig window by window and expands them when indexed.
Its fastest ways without PyTorch are run, and the fastest counts:
`batch`    dataset[rows of a batch], as its DataLoader does;
`16`       dataset[rows of 16 batches], cut into batches, as its `buffered` loader does;
`threads`  dataset[rows of 4 batches] with `parallel=False` in two threads of ours.
Four tracks of one sample; as one track of four samples it is as fast. Its reference is in memory,
its intervals in the page cache: `peak MB` counts the pages it has touched after opening. Other
settings (`parallel=True`, one thread, other numbers of batches at once) were not faster.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import in_turn, measure, median, print_targets
from peers import interpreter

PACKAGES = ("genvarloader==0.43.*",)
FEW = 256  # windows whose sums are compared
# windows.py's case, width, windows, batch
SETS = {"1 kb": (1_000, 0, 128), "131 kb": (131_072, 4_000, 8)}
# ours, theirs, how many times faster we are to be
PAIRS = (("1 kb", "1 kb", 1.0), ("131 kb", "131 kb", 1.5), ("131 kb, bins stored", "131 kb", 5.0))
Fetch = Callable[[Any], Any]


def dataset_path(folder: Path, kind: str) -> Path:
    return folder / f"{kind.replace(' ', '')}.gvl"


def write(folder: Path, kind: str, bed: Path) -> None:
    """Write GenVarLoader's dataset of the windows of a BED file."""
    import genvarloader as gvl
    import polars as pl

    names = ["chrom", "chromStart", "chromEnd"]
    table = pl.read_csv(bed, separator="\t", has_header=False, columns=[0, 1, 2], new_columns=names)
    tracks = [gvl.BigWigs(p.stem, {"one": str(p)}) for p in sorted(folder.glob("track*.bw"))]
    gvl.write(dataset_path(folder, kind), table, tracks=tracks, max_jitter=0, overwrite=True)


def one_by_one(fetch: Fetch, order: Any, batch: int) -> Iterator[Any]:
    for start in range(0, len(order), batch):
        yield fetch(order[start : start + batch])


def sixteen(fetch: Fetch, order: Any, batch: int) -> Iterator[Any]:
    for part in one_by_one(fetch, order, 16 * batch):
        yield from _cut(part, batch)


def threads(fetch: Fetch, order: Any, batch: int) -> Iterator[Any]:
    with ThreadPoolExecutor(2) as pool:
        ahead: deque[Future[Any]] = deque()
        for start in range(0, len(order), 4 * batch):
            ahead.append(pool.submit(fetch, order[start : start + 4 * batch]))
            if len(ahead) > 3:
                yield from _cut(ahead.popleft().result(), batch)
        while ahead:
            yield from _cut(ahead.popleft().result(), batch)


def _cut(part: Any, batch: int) -> Iterator[Any]:
    for start in range(0, len(part[0]), batch):
        yield tuple(array[start : start + batch] for array in part)


WAYS = {"batch": one_by_one, "16": sixteen, "threads": threads}


def run_one(kind: str, way: str, folder: Path) -> None:
    """Measure GenVarLoader in this process; the result is the last line printed."""
    import genvarloader as gvl
    import numpy as np

    width, _, batch = SETS[kind]
    dataset = gvl.Dataset.open(dataset_path(folder, kind), folder / "genome.fa")
    dataset = dataset.with_seqs("reference").with_tracks().with_len(width)
    if way == "threads":
        dataset = dataset.with_settings(parallel=False)

    def fetch(rows: Any) -> Any:
        return dataset[rows, 0]

    sequence, signal = fetch(np.arange(FEW))
    sums = [float(np.isin(sequence, [b"A", b"a"]).sum()), float(signal.sum(dtype="f8"))]
    order = np.random.default_rng(0).permutation(len(dataset))
    found: dict[str, Any] = {}

    def epochs() -> None:
        for key in ("load", "wall"):
            begin = time.perf_counter()
            found["windows"] = sum(len(part[0]) for part in WAYS[way](fetch, order, batch))
            found[key] = time.perf_counter() - begin

    used = measure(epochs)
    print(json.dumps({"sums": sums, **used, **found, "rate": found["windows"] / found["wall"]}))


def commands(folder: Path, python: str) -> dict[str, list[str]]:
    """Command lines of ours and theirs, each in a fresh process."""
    import windows  # not in the peers' environment

    ours = {name: windows.command(name, folder) for name, _, _ in PAIRS}
    theirs = {
        f"GenVarLoader {kind}, {way}": [python, __file__, str(folder), f"--job={kind}/{way}"]
        for kind in SETS
        for way in WAYS
    }
    return {**ours, **theirs}


def prepare(given: argparse.Namespace, python: str) -> None:
    """Files, our store and their datasets, where they are not there."""
    import stored  # not in the peers' environment

    stored.make_store(given.folder, given.mb, given.windows)
    for kind, (width, count, _) in SETS.items():
        bed = stored.windows_bed(given.folder, width, count)
        if not dataset_path(given.folder, kind).exists():
            command = [python, __file__, str(given.folder), f"--job={kind}/{bed.name}"]
            subprocess.run(command, check=True)


def compare(given: argparse.Namespace) -> None:
    """Run all in turn, and print how many times faster we are than the fastest way."""
    from windows import print_rates

    python = interpreter(given.venv, PACKAGES)
    prepare(given, python)
    runs = in_turn(commands(given.folder, python), given.repeat, given.folder)
    print_rates(runs)
    for ours, kind, asked in PAIRS:
        them = {way: runs[f"GenVarLoader {kind}, {way}"] for way in WAYS}
        fastest = max(them, key=lambda way: median(them[way], "rate"))
        times = median(runs[ours], "rate") / median(them[fastest], "rate")
        print_targets([(f"{ours}, times faster than GenVarLoader ({fastest})", times, ">=", asked)])
        if ours == kind:
            same_sums(runs[ours][0]["sums"], them[fastest][0]["sums"])
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


def same_sums(ours: list[float], theirs: list[float]) -> None:
    """Letters and signal of the same windows."""
    if any(abs(a - b) > 1e-6 * abs(a) for a, b in zip(ours, theirs, strict=True)):
        raise SystemExit(f"not the same windows: sums {ours} here, {theirs} by GenVarLoader")


def main() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description="Measure GenVarLoader at the jobs of windows.py.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--venv", type=Path, default=cache / "genoarrays" / "peers-windows")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--windows", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--job", help="KIND/WAY: measure in this process; KIND/BED: write a dataset"
    )
    parser.add_argument("--out", type=Path, help="empty folder for its result; not used")
    given = parser.parse_args()
    if not given.job:
        return compare(given)
    kind, way = given.job.split("/")
    if way in WAYS:
        return run_one(kind, way, given.folder)
    return write(given.folder, kind, given.folder / way)


if __name__ == "__main__":
    main()
