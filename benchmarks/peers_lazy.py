"""How much faster than pbzarr is lazy maths? Run: python benchmarks/peers_lazy.py DIR [--repeat 5]

DIR is that of lazy.py. pbzarr imports the same bigWigs there once (not counted), and lives in a
virtual environment of its own that is made on first use (`--venv`). Both take turns, each in a
fresh process, two threads each, and are timed over the same work after the same on a small genome.
What they give must agree.

A track of pbzarr is opened as it chooses, with dask, and for single reads with `chunks=None` too;
the faster counts. Larger chunks gained nothing, and with `chunks=None` a mean takes the whole
genome into memory. It has no fused statistics: its mean alone is compared with `ga.summarize`. It
refuses regions that overlap: those of `regions apart` do not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from measure import in_turn, median, print_runs, print_targets, run_job
from peers import interpreter

PACKAGES = ("pbzarr==0.7.*",)
STORE = "tracks.pbz"
SAMPLE = 200  # as in lazy.py, which is not in pbzarr's environment
WAYS: dict[str, dict[str, Any]] = {"dask": {}, "no dask": {"chunks": None}}
# lazy.py's case, pbzarr's, how many times faster we are to be
PAIRS = (
    ("summarize", "mean", 2.0),
    ("mean", "mean", 1.0),
    ("regions apart", "regions apart", 3.0),
    ("reads", "reads", 5.0),
)


# A case gets ready, yields, does what is measured, yields, and gives the values to compare.


def mean(ds: Any, folder: Path) -> Iterator[Any]:
    yield
    found = ds["values"].mean("position").compute()
    yield
    yield found.values


def regions_apart(ds: Any, folder: Path) -> Iterator[Any]:
    import numpy as np

    places = columns(folder / "apart.bed")
    yield
    found = ds.pbz.reduce_regions(places, "mean").compute()
    yield
    values = found["values"].transpose("region", "track").values
    values = values[np.argsort(found.region_input_index.values)]
    yield values[np.random.default_rng(0).choice(len(values), SAMPLE)]


def reads(ds: Any, folder: Path) -> Iterator[Any]:
    places = list(zip(*(some.tolist() for some in columns(folder / "reads.bed")), strict=True))
    yield
    found = [ds.pbz.region(place).values for place in places]
    yield
    yield means_of(found)


Case = Callable[[Any, Path], Iterator[Any]]
CASES: dict[str, tuple[Case, tuple[str, ...]]] = {
    "mean": (mean, ("dask",)),
    "regions apart": (regions_apart, ("dask",)),
    "reads": (reads, ("dask", "no dask")),
}


def columns(bed: Path) -> tuple[Any, Any, Any]:
    """Contigs, starts and ends of a BED file."""
    import numpy as np

    table = np.loadtxt(bed, dtype=str, delimiter="\t", usecols=(0, 1, 2))
    return table[:, 0], table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)


def means_of(parts: Sequence[Any]) -> Any:
    """Means of arrays (position, track) over the values that are not missing: (part, track)."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # 0 / 0 where there are none
        known = [~np.isnan(part) for part in parts]
        pairs = zip(parts, known, strict=True)
        return np.stack([p.sum(0, np.float64, where=k) / k.sum(0) for p, k in pairs])


def write(folder: Path) -> None:
    """Import the bigWigs of a corpus."""
    import pbzarr

    pbzarr.create_store(folder / STORE)
    paths = sorted(folder.glob("track*.bw"))
    pbzarr.import_bigwig(folder / STORE, "signal", paths, column_dim="track", workers=2)


def run_one(name: str, way: str, folder: Path, out: Path) -> None:
    """Measure pbzarr in this process; the result is the last line printed."""
    import dask
    import pbzarr

    dask.config.set(scheduler="threads", num_workers=2)
    small = folder / "small"
    steps = {}
    for place in (small, folder):
        ds = pbzarr.open(place / STORE / "signal", **WAYS[way])
        steps[place] = CASES[name][0](ds, place)
        next(steps[place])
    used = run_job(lambda place, *_: next(steps[place]), small, folder, out, 2)
    print(json.dumps({**used, "values": next(steps[folder]).ravel().tolist()}))


def commands(folder: Path, python: str, only: Container[str]) -> dict[str, list[str]]:
    """Command lines of ours and theirs, each in a fresh process."""
    import lazy  # not in pbzarr's environment

    ours = {name: lazy.command(name, folder) for name, theirs, _ in PAIRS if theirs in only}
    theirs = {
        f"pbzarr {name}, {way}": [python, __file__, str(folder), f"--job={name}/{way}"]
        for name, (_, ways) in CASES.items()
        for way in ways
        if name in only
    }
    return {**ours, **theirs}


def compare(given: argparse.Namespace) -> None:
    """Run all in turn, and print how many times faster we are than the fastest way."""
    import lazy

    python = interpreter(given.venv, PACKAGES)
    lazy.prepare(given.folder, given.mb)
    for place in (given.folder, given.folder / "small"):
        if not (place / STORE).exists():
            subprocess.run([python, __file__, str(place), "--job=write"], check=True)
    runs = in_turn(commands(given.folder, python, given.only), given.repeat, given.folder)
    print_runs(runs)
    for ours, name, asked in PAIRS:
        if name not in given.only:
            continue
        them = {way: runs[f"pbzarr {name}, {way}"] for way in CASES[name][1]}
        fastest = min(them, key=lambda way: median(them[way]))
        times = median(them[fastest]) / median(runs[ours])
        what = f"{ours}, times faster than pbzarr's {name} ({fastest})"
        print_targets([(what, times, ">=", asked)])
        check_same(runs[ours][0]["values"], them[fastest][0]["values"], what)
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


def check_same(ours: list[float], theirs: list[float], what: str) -> None:
    """Refuse results that differ by more than sums of float32 do; NaN is missing in both."""
    for a, b in zip(ours, theirs, strict=True):
        if (a == a) != (b == b) or abs(a - b) > 1e-4 * abs(a):
            raise SystemExit(f"not the same values, {a} here, {b} there: {what}")


def main() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description="Measure pbzarr at the jobs of lazy.py.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--venv", type=Path, default=cache / "genoarrays" / "peers-lazy")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, metavar="CASE")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", help="CASE/WAY: measure in this process; write: make the store")
    parser.add_argument("--out", type=Path, help="empty folder for its result; not used")
    given = parser.parse_args()
    if not given.job:
        return compare(given)
    if given.job == "write":
        return write(given.folder)
    return run_one(*given.job.split("/"), given.folder, given.out)


if __name__ == "__main__":
    main()
