"""How fast is a genome predicted, beside the model alone?

Run: python benchmarks/predict.py FOLDER [--contigs chr1 chr2] [--repeat 5] [--batch-size 128]

FOLDER is that of windows.py. The network is that of JunD on 500 bp of DNA, in tiles of 200 bp: one
value each. `model.predict` gets all windows as one array that is in memory; `predict_genome` reads
the store, cuts them, predicts, and writes a store. Both in turn, each in a fresh process that did
the same on a few windows before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from measure import in_turn, measure, median, print_runs, print_targets
from stored import STORE, make_store

import genoarrays as ga

WIDTH, FLANK = 200, 150
READY, GENOME, MEAN = "model.predict, ready", "predict_genome", "predict_genome, mean of 2"
WAYS = (READY, GENOME, MEAN)


def genome(folder: Path, contigs: list[str]) -> xr.Dataset:
    """DNA of some contigs."""
    ds = ga.open_zarr(folder / STORE, "1bp")[["dna"]]
    return ds.sel(contig=contigs) if contigs else ds


def network() -> Any:
    """The network, with random weights."""
    dna = (("window", "offset"), np.zeros((2, WIDTH + 2 * FLANK), "int8"), {"alphabet": "ACGT"})
    x = xr.Dataset({"dna": dna, "jund": ("window", np.zeros(2, "float32"))})
    return ga.models.jund_dna(x)


def job(
    name: str, folder: Path, out: Path, contigs: list[str], batch_size: int
) -> Callable[[], Any]:
    """Something to be timed; what it needs is there before."""
    ds, model = genome(folder, contigs), network()

    def examples(regions: Any) -> xr.Dataset:
        return ga.windows(ga.open_zarr(folder / STORE, "1bp")[["dna"]], regions, WIDTH, flank=FLANK)

    if name == READY:
        tiles = ga.tile_regions(
            ga.read_regions(contigs or list(ga.axis_of(ds).contigs), like=ds), WIDTH
        )
        ready = examples(tiles).dna.values
        model.predict(ready[:1000], batch_size=batch_size, verbose=0)
        return lambda: len(model.predict(ready, batch_size=batch_size, verbose=0))

    def predict(some: xr.Dataset, path: Path) -> int:
        y = ga.predict_genome(
            model, examples, like=some, width=WIDTH, batch_size=batch_size, out=path,
            step=WIDTH // 2 if name == MEAN else None, overlap="mean", progress=False,
        )  # fmt: skip
        return int(y.sizes["position"])

    small = ds.isel(position=slice(0, 200_000))
    predict(small, out / "small.zarr")
    return lambda: predict(ds, out / "y.zarr")


def run_one(given: argparse.Namespace) -> None:
    """Measure one way in this process; the result is the last line printed."""
    call = job(given.job, given.folder, given.out, given.contigs, given.batch_size)
    found: list[int] = []
    used = measure(lambda: found.append(call()))
    shutil.rmtree(given.out / "y.zarr", ignore_errors=True)
    print(json.dumps({**used, "start": 0, "windows": found[0], "rate": found[0] / used["wall"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast a genome is predicted.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--contigs", nargs="*", default=[])
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=WAYS, help="measure one way in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result")
    given = parser.parse_args()
    if given.job:
        return run_one(given)
    make_store(given.folder, given.mb)
    shared = ["--contigs", *given.contigs, f"--batch-size={given.batch_size}"]
    commands = {n: [sys.executable, __file__, str(given.folder), f"--job={n}", *shared]
                for n in given.only}  # fmt: skip
    runs = in_turn(commands, given.repeat, given.folder)
    print_runs(runs)
    for name, some in runs.items():
        print(f"{name:28}{some[0]['windows']:12,} windows{median(some, 'rate'):12,.0f} windows/s")
    if {READY, GENOME} <= runs.keys():
        rate = median(runs[GENOME], "rate") / median(runs[READY], "rate")
        print_targets([("predict_genome over model.predict, windows/s", rate, ">=", 0.9)])
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
