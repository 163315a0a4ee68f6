"""How fast are variants scored, beside the forward passes alone?

Run: python benchmarks/variants.py FOLDER [--variants 40000] [--repeat 5] [--batch-size 256]

FOLDER is that of windows.py. The network is that of JunD on 500 bp of DNA in windows of 200 bp. One
variant in ten is an insertion or a deletion, all lie scattered over the genome, in its order.
`model.predict` gets the windows of both alleles as one array that is in memory: the forward passes,
and nothing else. `variant_effects` reads the VCF, compares REF with the genome in the store, cuts
windows, changes them, predicts and compares; it gives a Dataset, or writes a zarr store and from
that a VCF. All in turn, each in a fresh process that did the same with a few variants before.
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
READY, EFFECTS, FILES = "model.predict, ready", "variant_effects", "variant_effects, zarr, VCF"
WAYS = (READY, EFFECTS, FILES)


def make_variants(folder: Path, count: int) -> Path:
    """A VCF of scattered variants, REF as the genome has it."""
    path = folder / f"variants{count}.vcf"
    if path.exists():
        return path
    dna = ga.open_fasta(folder / "genome.fa").dna
    assembly = ga.axis_of(dna).assembly
    rng = np.random.default_rng(0)
    lines = ["##fileformat=VCFv4.2"]
    lengths = dict(zip(assembly.names, assembly.lengths.tolist(), strict=True))
    lines += [f"##contig=<ID={name},length={length}>" for name, length in lengths.items()]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for name, length in lengths.items():
        codes = dna.sel(contig=name).values
        some = int(count * length / sum(lengths.values())) if length > 10_000 else 0
        for place in np.sort(500 + rng.choice(max(length - 1000, 1), some, False)).tolist():
            ref = "".join("ACGTN"[code] for code in codes[place : place + 8])
            if "N" in ref:
                continue
            other = "ACGT".replace(ref[0], "")[int(rng.integers(3))]
            pair = (ref[0], other)
            if rng.random() < 0.1:
                size = int(rng.integers(2, 8))
                pair = (ref[:size], ref[0]) if rng.random() < 0.5 else (ref[0], ref[0] + other * 3)
            lines.append(f"{name}\t{place + 1}\t.\t{pair[0]}\t{pair[1]}\t.\tPASS\t.")
    path.write_text("\n".join(lines) + "\n")
    return path


def network() -> Any:
    """The network, with random weights."""
    dna = (("window", "offset"), np.zeros((2, WIDTH + 2 * FLANK), "int8"), {"alphabet": "ACGT"})
    x = xr.Dataset({"dna": dna, "jund": ("window", np.zeros(2, "float32"))})
    return ga.models.jund_dna(x)


def job(name: str, folder: Path, out: Path, count: int, batch_size: int) -> Callable[[], int]:
    """Something to be timed; what it needs is there before."""
    ds, model = ga.open_zarr(folder / STORE, "1bp")[["dna"]], network()
    path = make_variants(folder, count)

    def examples(regions: Any) -> xr.Dataset:
        return ga.windows(ds, regions, WIDTH, flank=FLANK)

    if name == READY:
        table = ga.read_variants(path, ds)
        places = ga.resize(ga.read_regions(table.to_dataframe(), like=ds), WIDTH)
        ready = np.repeat(examples(places).dna.values, 2, axis=0)
        model.predict(ready[:1000], batch_size=batch_size, verbose=0)
        return lambda: len(model.predict(ready, batch_size=batch_size, verbose=0)) // 2

    def effects(source: Path, stem: Path) -> int:
        store = stem.with_suffix(".zarr") if name == FILES else None
        e = ga.variant_effects(
            model, source, examples, like=ds, width=WIDTH, batch_size=batch_size, out=store,
            overwrite=True, progress=False,
        )  # fmt: skip
        if name == FILES:
            ga.to_vcf(e, stem.with_suffix(".vcf.gz"), overwrite=True)
        return int(e.sizes["variant"])

    effects(make_variants(folder, 1000), out / "few")
    return lambda: effects(path, out / "all")


def run_one(given: argparse.Namespace) -> None:
    """Measure one way in this process; the result is the last line printed."""
    call = job(given.job, given.folder, given.out, given.variants, given.batch_size)
    found: list[int] = []
    used = measure(lambda: found.append(call()))
    shutil.rmtree(given.out / "all.zarr", ignore_errors=True)
    print(json.dumps({**used, "start": 0, "variants": found[0], "rate": found[0] / used["wall"]}))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast variants are scored.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--variants", type=int, default=40_000)
    parser.add_argument("--batch-size", type=int, default=256)
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
    shared = [f"--variants={given.variants}", f"--batch-size={given.batch_size}"]
    commands = {n: [sys.executable, __file__, str(given.folder), f"--job={n}", *shared]
                for n in given.only}  # fmt: skip
    runs = in_turn(commands, given.repeat, given.folder)
    print_runs(runs)
    for name, some in runs.items():
        rate = median(some, "rate")
        print(f"{name:28}{some[0]['variants']:12,} variants{rate:12,.0f} variants/s")
    if {READY, EFFECTS} <= runs.keys():
        rate = median(runs[EFFECTS], "rate")
        over = rate / median(runs[READY], "rate")
        print_targets([
            ("variants/s", rate, ">=", 1000), ("of the forward passes alone", over, ">=", 0.8),
        ])  # fmt: skip
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
