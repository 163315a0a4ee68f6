"""How fast do windows become batches? Run: python benchmarks/windows.py FOLDER [--repeat 5]

FOLDER has the files of corpus.py or gets them (see stored.py; 100 Mb take a minute and 0.5 GB).
Each case is a fresh process that has made some batches of the same kind before. Where everything
fits in memory the second epoch is timed (`wall`), and the first one, which loads, stands apart
(`load`); out of core it is the whole first epoch. `first s` is from the call of `ga.batches` to the
first batch, `peak MB` what is taken above imports and warm-up. Values of 256 windows are compared
with the store's once per process, and out of core each window must come exactly once.

`--only "1 kb" "131 kb"` picks cases, `--json FILE` writes every run. Whether we are faster than
GenVarLoader is asked by peers_windows.py.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from measure import in_turn, measure, median, print_targets
from stored import cut, make_store, windows_bed

import genoarrays as ga

FEW = 256  # windows of the warm-up
MIB = 2**20 / 1e6  # MB
Runs = Mapping[str, Sequence[Mapping[str, Any]]]
Target = tuple[str, float, str, float]


def as_they_are(x: xr.Dataset) -> xr.Dataset:
    return x


class Case(NamedTuple):
    """Windows, and how they are given out; `count` 0 means all of windows.bed."""

    width: int = 1_000
    batch: int = 128
    count: int = 0
    memory: str = "8 GiB"
    node: str | None = "1bp"
    target: str = "signal"
    mixed: bool = False
    windows: Mapping[str, Any] = {}
    augment: ga.Augment | None = None
    change: Callable[[xr.Dataset], xr.Dataset] = as_they_are
    computed: bool = False

    @property
    def out_of_core(self) -> bool:
        return self.memory != "8 GiB"

    def examples(self, folder: Path) -> xr.Dataset:
        """Windows, lazily."""
        bed = windows_bed(folder, self.width, self.count, mixed=self.mixed)
        return self.change(cut(folder, bed, self.node, **self.windows))

    def stream(self, x: xr.Dataset, **options: Any) -> Any:
        """Batches of them."""
        given = {"memory": self.memory, "augment": self.augment, **options}
        return ga.batches(x, inputs="dna", targets=self.target, batch_size=self.batch, **given)


LONG = Case(width=131_072, batch=8, count=4_000)
CASES = {
    "1 kb": Case(),
    "1 kb, 256 MiB": Case(memory="256 MiB"),
    "131 kb": LONG,
    "131 kb, bins stored": LONG._replace(
        node=None,
        target="signal128",
        windows={"snap": "down"},
        change=lambda x: x.drop_vars("signal"),
    ),
    "131 kb, 256 MiB": LONG._replace(memory="256 MiB"),
    "both strands": Case(mixed=True),
    "jitter": Case(windows={"jitter": 64}, augment=ga.Augment(jitter=True)),
    "reverse complement": Case(augment=ga.Augment(reverse_complement=True)),
    "log1p": Case(change=lambda x: x.assign(signal=np.log1p(x.signal))),
    "50-bp bins": Case(windows={"reduce": {"signal": "mean"}, "bin_size": {"signal": 50}}),
    "compute": Case(count=20_000, computed=True),
}


def drain(batches: Iterable[Any]) -> tuple[int, float, float]:
    """Windows of an epoch, seconds to the first batch, and to the end."""
    begin, first, count = time.perf_counter(), 0.0, 0
    for batch in batches:
        first = first or time.perf_counter() - begin
        count += len(batch[0] if isinstance(batch, tuple) else batch)
    return count, first, time.perf_counter() - begin


def rows_of(batches: Iterable[Any], seen: np.ndarray) -> Iterator[Any]:
    """The same batches, counting how often each row comes."""
    for batch in batches:
        np.add.at(seen, batch[-1], 1)
        yield batch


def run_in_memory(case: Case, x: xr.Dataset) -> dict[str, float]:
    begin = time.perf_counter()
    stream = case.stream(x)
    made = time.perf_counter() - begin
    _, first, load = drain(stream)
    count, _, wall = drain(stream)
    return {"windows": count, "first": made + first, "load": load, "wall": wall}


def run_out_of_core(case: Case, x: xr.Dataset) -> dict[str, float]:
    begin = time.perf_counter()
    stream = case.stream(x, index=True)
    made = time.perf_counter() - begin
    seen = np.zeros(x.sizes["window"], np.int64)
    count, first, wall = drain(rows_of(stream, seen))
    if (seen != 1).any():
        raise SystemExit(f"{(seen != 1).sum():,} windows did not come exactly once")
    return {"windows": count, "first": made + first, "wall": made + wall}


def run_compute(_: Case, x: xr.Dataset) -> dict[str, float]:
    begin = time.perf_counter()
    done = x.compute()
    return {"windows": done.sizes["window"], "wall": time.perf_counter() - begin}


def checked_sums(case: Case, x: xr.Dataset) -> list[float]:
    """Letters A and sum of the signal in the first windows, as streamed; also a warm-up."""
    few = x.isel(window=slice(FEW))
    for _ in range(2):
        drain(case.stream(few))
    parts = list(case.stream(few, shuffle=False, augment=None))
    sums = [sum(int((a == 0).sum()) for a, _ in parts), sum(b.sum(dtype="f8") for _, b in parts)]
    if not case.augment:
        values = few[["dna", case.target]].compute()
        truth = [(values.dna == 0).sum().item(), values[case.target].sum(dtype="f8").item()]
        np.testing.assert_allclose(sums, truth, rtol=1e-9)
    return [float(value) for value in sums]


def run_one(name: str, folder: Path) -> None:
    """Measure one case in this process; the result is the last line printed."""
    case = CASES[name]
    x = case.examples(folder)
    sums = checked_sums(case, x)
    run = run_compute if case.computed else run_out_of_core if case.out_of_core else run_in_memory
    found: dict[str, Any] = {}
    used = measure(lambda: found.update(run(case, x)))
    print(json.dumps({"sums": sums, **used, **found, "rate": found["windows"] / found["wall"]}))


def command(name: str, folder: Path) -> list[str]:
    """Command line that measures one case in a fresh process."""
    return [sys.executable, __file__, str(folder), f"--job={name}"]


def print_rates(runs: Runs, of: str = "windows/s") -> None:
    """One line for each name: examples a second, seconds to the first batch and to load, MB."""
    print(f"{'':30}{of:>12}{'min':>10}{'max':>10}{'first s':>9}{'load s':>8}{'peak MB':>9}")
    for name, some in runs.items():
        rate = [run["rate"] for run in some]
        times = "".join(
            f"{median(some, key):{width}.2f}" if key in some[0] else " " * width
            for key, width in (("first", 9), ("load", 8))
        )
        peak = max(run["peak"] for run in some)
        print(
            f"{name:30}{median(some, 'rate'):12,.0f}{min(rate):10,.0f}{max(rate):10,.0f}"
            f"{times}{peak:9,.0f}"
        )


def targets(runs: Runs) -> Iterator[Target]:
    """What can be said of the runs; what depends on peers is in peers_windows.py."""
    if some := runs.get("1 kb, 256 MiB"):
        yield "1 kb out of core, windows/s over an epoch", median(some, "rate"), ">=", 100_000
        yield "1 kb out of core, s to the first batch", median(some, "first"), "<=", 2
    for name, some in runs.items():
        if CASES[name].out_of_core:
            peak = max(run["peak"] for run in some)
            yield f"{name}: peak MB above imports", peak, "<=", 256 * MIB + 300


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast windows become batches.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES, metavar="CASE")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--windows", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=CASES, help="measure one case in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result; not used")
    given = parser.parse_args()
    if given.job:
        return run_one(given.job, given.folder)
    make_store(given.folder, given.mb, given.windows)
    for name in given.only:
        case = CASES[name]
        windows_bed(given.folder, case.width, case.count, mixed=case.mixed)
    runs = in_turn({n: command(n, given.folder) for n in given.only}, given.repeat, given.folder)
    print_rates(runs)
    print_targets(targets(runs))
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
