"""Does a small model of Reb1 come back to the genome right: as a track, as motifs, as variants?

Trained on ChIP-exo positions of Reb1 (windows of 200 bp with flanks of 50 bp, five random ones for
each), stopped early by contigs II and XV; IV, VII and XII are held out.

(a) Predictions of all contigs every 50 bp go to a bigWig; auPRC on the 200-bp tiles of the held-out
contigs, and on sites and random windows, comes from that file itself, beside the model's own.
(b) Integrated gradients at held-out sites: do the top ten show TTACCCG, and which of the known
motifs (YeTFaSCo) is most like the one that they share?
(c) RM11-1A: does REF agree with the genome, and which variants within 100 bp of a site change most?
(d) The run of (a) on a cluster of two processes, killed in the middle and started again.

    python benchmarks/yeast_reb1.py shared/data/yeast_sacCer3 --out reb1
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from training import yeast_genome

import genoarrays as ga

TEST, VALID = ["IV", "VII", "XII"], ["II", "XV"]
WIDTH, FLANK, STEP, NAME = 200, 50, 50, "Reb1"
CORE = "TTACCCG", "CGGGTAA"
VCF = "variants/RM11-1A.vcf.gz"


def make_store(data: Path, out: Path) -> xr.Dataset:
    """DNA, and where Reb1 was found."""
    if not (out / "genome.zarr").exists():
        dna = yeast_genome(data, out)
        peaks = data / "chipexo_peaks" / f"{NAME}_CX.bed"
        found = ga.open_intervals(peaks, like=dna, name=NAME, rename_contigs="match")
        ga.to_zarr(ga.merge(dna, found), out / "genome.zarr")
    return ga.open_zarr(out / "genome.zarr")


def make_regions(data: Path, genome: xr.Dataset) -> tuple[xr.Dataset, ...]:
    """Sites and five random windows for each: train, valid, test."""
    sites = ga.read_regions(
        data / "chipexo_peaks" / f"{NAME}_CX.bed", like=genome, rename_contigs="match"
    )
    sites = ga.resize(sites, WIDTH)
    background = ga.sample_background(sites, genome, ratio=5, guard=WIDTH)
    parts = ga.concat_regions([sites, background])
    return tuple(ga.split_regions(parts, valid=VALID, test=TEST, guard=2 * FLANK))


def windows(genome: xr.Dataset, regions: xr.Dataset, jitter: Any = 0) -> xr.Dataset:
    return ga.windows(
        genome, regions, WIDTH, flank={"dna": FLANK}, reduce={NAME: "max"}, jitter=jitter
    )


def train(genome: xr.Dataset, parts: tuple[xr.Dataset, ...], out: Path, epochs: int) -> None:
    """Windows move by up to 100 bp, with their labels, so that the model learns where a site is."""
    began = time.perf_counter()
    x, valid = windows(genome, parts[0], (WIDTH // 2, 20)), windows(genome, parts[1])
    model = ga.models.classifier(windows(genome, parts[0]), "dna", NAME, depth=1, dropout=0.2)
    history = ga.fit(
        model, x.load(), validation=valid.load(), inputs="dna", targets=NAME, epochs=epochs,
        patience=4, learning_rate=0.003, out=out,
        augment=ga.Augment(reverse_complement=True, jitter=True),
    )  # fmt: skip
    took, epochs = time.perf_counter() - began, len(history.history["loss"])
    print(f"trained on {x.sizes['window']:,} windows, {epochs} epochs, "
          f"{model.count_params():,} weights, {took:.0f} s", flush=True)  # fmt: skip


class Noted:
    """Windows as the model's signature cuts them; each notes a digest of its letters in a file."""

    def __init__(self, store: Path, model: Path, notes: Path) -> None:
        self.store, self.model, self.notes = store, model, notes
        self._cut: Callable[[Any], xr.Dataset] | None = None

    def __call__(self, regions: Any) -> xr.Dataset:
        if self._cut is None:
            signature = ga.load_model(self.model).signature
            self._cut = signature.examples(ga.open_zarr(self.store), check=False)
        x = self._cut(regions).load()
        said = [hashlib.blake2b(row.tobytes(), digest_size=8).hexdigest() for row in x.dna.values]
        rows = zip(x.contig.values.tolist(), x.start.values.tolist(), said, strict=True)
        text = "".join(f"{contig}\t{start}\t{digest}\n" for contig, start, digest in rows)
        part = self.notes / f"{uuid.uuid4()}.part"
        part.write_text(text)
        part.rename(part.with_suffix(".tsv"))
        return x

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_cut": None}


def predict(out: Path, name: str, client: Any = None) -> xr.Dataset:
    """Predictions of the whole genome; digests of its windows lie beside."""
    notes = out / f"{name}.windows"
    notes.mkdir(exist_ok=True)
    like, model = out / "genome.zarr", out / "model"
    return ga.predict_genome(
        model, Noted(like, model, notes), like=ga.open_zarr(like)[["dna"]], width=WIDTH, step=STEP,
        overlap="mean", out=out / f"{name}.zarr", client=client,
    )  # fmt: skip


def predict_on_cluster(out: Path, name: str) -> None:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(2, processes=True, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        predict(out, name, client)


def noted(out: Path, name: str) -> pd.Series:
    """Digest of each window that was cut, by contig and start."""
    files = [pd.read_csv(path, sep="\t", names=["contig", "start", "digest"], dtype={"contig": str})
             for path in sorted((out / f"{name}.windows").glob("*.tsv"))]  # fmt: skip
    table = pd.concat(files).drop_duplicates()
    assert not table.duplicated(["contig", "start"]).any(), "one window, two contents"
    return table.set_index(["contig", "start"]).digest


def lines(out: Path, name: str) -> int:
    return sum(path.read_bytes().count(b"\n") for path in (out / f"{name}.windows").glob("*.tsv"))


def auprc(truth: xr.DataArray, said: Any) -> float:
    y = truth.astype("float32").copy(data=np.asarray(said, np.float32))
    return float(ga.score(truth, y, metrics=["auprc"]).auprc)


def as_track(genome: xr.Dataset, test: xr.Dataset, out: Path) -> None:
    """(a)."""
    began = time.perf_counter()
    y = predict(out, "threads")
    took = time.perf_counter() - began
    tiles = len(noted(out, "threads"))
    print(f"\n(a) {tiles:,} tiles of {WIDTH} bp every {STEP} bp, {took:.0f} s, "
          f"{lines(out, 'threads') / took:,.0f} windows/s")  # fmt: skip
    (path,) = ga.to_bigwig(y[NAME], out / "Reb1.bw", overwrite=True)
    written = ga.open_bigwig(path, like=genome, name="said")
    print(f"{Path(path).name}: {os.path.getsize(path) / 1e6:.1f} MB, "
          f"{len(ga.axis_of(written).assembly.names)} contigs")  # fmt: skip
    every = ga.tile_regions(genome, WIDTH)
    every = every.isel(region=np.flatnonzero(np.isin(every.contig.values, TEST)))
    for what, regions in {"200-bp tiles": every, "sites and 5 random windows each": test}.items():
        x = windows(genome, regions)
        truth = x[NAME].load()
        own = auprc(truth, ga.predict(ga.load_model(out / "model"), x).values)
        from_file = ga.windows(written, regions, WIDTH, reduce={"said": "mean"}).said
        print(f"{what} of {', '.join(TEST)}: {int(truth.sum())} of {truth.size:,} bound; auPRC "
              f"from the bigWig {auprc(truth, from_file.values):.3f}, of the model "
              f"{own:.3f}")  # fmt: skip
        scores = truth.astype("float32").copy(data=from_file.values.astype("float32"))
        by = ga.score(truth, scores, metrics=["auprc"], by="contig").auprc
        print("  from the bigWig: " + ", ".join(
            f"{c} {float(v):.3f}" for c, v in zip(by.contig.values, by.values, strict=True)
        ), flush=True)  # fmt: skip


def as_motifs(data: Path, genome: xr.Dataset, test: xr.Dataset, out: Path) -> None:
    """(b)."""
    began = time.perf_counter()
    model = ga.load_model(out / "model")
    x = windows(genome, test)
    x = x.isel(window=np.flatnonzero(x[NAME].values > 0)).load()
    y = ga.predict(model, x, both_strands="mean")
    order = np.argsort(-y.values, kind="stable")
    x, y = x.isel(window=order), y.isel(window=order)
    a = ga.integrated_gradients(model, x, logit=True, tolerance=0.01)
    print(f"\n(b) integrated gradients of {x.sizes['window']} held-out sites, "
          f"{time.perf_counter() - began:.0f} s")  # fmt: skip
    ten = apart(x, 10)
    best = ga.find_seqlets(a.isel(window=ten), x.dna.isel(window=ten), width=9, per_window=1)
    texts = best.sequence.values.tolist()
    found = [any(core in text for core in CORE) for text in texts]
    print(f"{' or '.join(CORE)} at the highest attribution: {sum(found)} of {len(found)} "
          f"({', '.join(texts)})")  # fmt: skip
    middle = a.isel(window=ten).sel({offset_of(a): slice(60, 140)})
    said = zip(x.window.values[ten], y.values[ten], strict=True)
    names = [f"{label}  {probability:.2f}" for label, probability in said]
    ga.plot_logo(middle, names=names, columns=2, height=0.8).savefig(out / "logos.png")
    motif = ga.align_seqlets(ga.find_seqlets(a, x.dna, width=9, per_window=1))
    known = ga.read_motifs(data / "motifs" / "yetfasco_all.meme", columns="ATGC")
    alike = ga.compare_motifs(motif, known).isel(query=0).sortby("motif_rank")
    title = [f"{m} {n}" for m, n in zip(alike.motif.values, alike.alternate.values, strict=True)]
    at = next(i for i, name in enumerate(title) if "REB1" in name.upper())
    print(f"motif {motif.consensus.values[0]} of {int(motif.sites[0])} sites; first of "
          f"{len(title):,} known motifs named REB1: rank {int(alike.motif_rank[at])}, {title[at]}, "
          f"E = {float(alike.e_value[at]):.1e}")  # fmt: skip
    print("  the first five: " + "; ".join(title[:5]), flush=True)


def apart(x: xr.Dataset, number: int) -> list[int]:
    """Rows of the first windows of which none overlaps another: some sites lie close together."""
    kept: list[int] = []
    contig, start = x.contig.values.tolist(), x.start.values.tolist()
    for row in range(x.sizes["window"]):
        if len(kept) < number and not any(
            contig[row] == contig[other] and abs(start[row] - start[other]) < WIDTH + 2 * FLANK
            for other in kept
        ):
            kept.append(row)
    return kept


def offset_of(array: xr.DataArray) -> str:
    return next(str(dim) for dim in array.dims if str(dim).startswith("offset"))


def as_variants(data: Path, genome: xr.Dataset, out: Path) -> None:
    """(c)."""
    began = time.perf_counter()
    v = ga.read_variants(data / VCF, like=genome, rename_contigs="match", ref_mismatch="flag")
    nuclear = v.contig.values != "Mito"
    agree = int(v.ref_matches.values[nuclear].sum())
    print(f"\n(c) RM11-1A: REF agrees with the genome in {agree:,} of {int(nuclear.sum()):,} "
          "nuclear variants")  # fmt: skip
    near = ga.rolling(genome[NAME], WIDTH + 1, "max").rename("near")
    v = ga.annotate_variants(v, near)
    v = v.isel(variant=np.flatnonzero((v.near.values > 0) & nuclear)).drop_vars("near")
    effects = ga.variant_effects(out / "model", v, like=genome, both_strands="mean")
    print(f"{effects.sizes['variant']} variants within {WIDTH // 2} bp of a site, "
          f"{time.perf_counter() - began:.0f} s: {effects.attrs['variants']}")  # fmt: skip
    ga.effects_to_tsv(effects, out / "effects.tsv", overwrite=True)
    ga.to_vcf(effects, out / "effects.vcf.gz", overwrite=True)
    order = np.argsort(-np.abs(effects.log_odds.values), kind="stable")
    top = effects.isel(variant=order[:12])
    columns = ["ref_score", "alt_score", "log_odds"]
    print(top[columns].to_dataframe()[columns].round(3).to_string(), flush=True)
    draw_alleles(out, genome, top.isel(variant=slice(4))).savefig(out / "variants.png")


def draw_alleles(out: Path, genome: xr.Dataset, top: xr.Dataset) -> Any:
    """Letters of both alleles of single-base variants, as high as what they add."""
    model = ga.load_model(out / "model")
    x = model.signature.examples(genome)(ga.resize(ga.read_regions(top, like=genome), WIDTH)).load()
    offset = offset_of(x.dna)
    rows, names = [], []
    for n in range(top.sizes["variant"]):
        start = int(top.start[n] - x.start[n])
        ref = x.isel(window=[n])
        alt = ref.copy(deep=True)
        at = int(np.flatnonzero(alt[offset].values == start)[0])
        alt.dna.values[0, at] = "ACGT".index(str(top.alt.values[n]))
        for allele, one in {"REF": ref, "ALT": alt}.items():
            a = ga.integrated_gradients(model, one, logit=True, tolerance=0.01)
            rows.append(a.isel(window=0, drop=True).sel({offset: slice(start - 15, start + 16)}))
            names.append(f"{top.variant.values[n]} {allele}")
    return ga.plot_logo(dict(zip(names, rows, strict=True)), columns=2, height=0.9)


def as_killed(data: Path, out: Path) -> None:
    """(d)."""
    name = "cluster"
    total = len(noted(out, "threads"))
    command = [sys.executable, __file__, str(data), "--out", str(out), "--job", name]
    child = subprocess.Popen(command, start_new_session=True)
    while lines(out, name) < total // 2:
        assert child.poll() is None, "it ended before it was killed"
        time.sleep(0.2)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    first = lines(out, name)
    print(f"\n(d) killed after {first:,} windows were cut; nothing at {name}.zarr: "
          f"{not (out / f'{name}.zarr').exists()}")  # fmt: skip
    began = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"resumed in {time.perf_counter() - began:.0f} s, {lines(out, name) - first:,} windows "
          f"of {total:,} cut again")  # fmt: skip
    a, b = noted(out, "threads").sort_index(), noted(out, name).sort_index()
    print(f"letters of all {len(a):,} windows are the same bytes: {a.equals(b)}")
    here, there = (ga.open_zarr(out / f"{n}.zarr")[NAME].values for n in ("threads", name))
    print(f"predictions: off the undisturbed run by {np.abs(here - there).max():.1e} at most, "
          f"same bytes: {here.tobytes() == there.tobytes()}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the yeast data")
    parser.add_argument("--out", type=Path, required=True, help="what is there already is kept")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--only", nargs="+", choices="abcd", default=list("abcd"))
    parser.add_argument("--job", help="the run of (d) under this name, in this process")
    given = parser.parse_args()
    given.out = given.out.resolve()
    given.out.mkdir(exist_ok=True)
    ga.set_options(progress=False)
    if given.job:
        return predict_on_cluster(given.out, given.job)
    genome = make_store(given.data, given.out)
    parts = make_regions(given.data, genome)
    if not (given.out / "model").exists():
        train(genome, parts, given.out / "model", given.epochs)
    if "a" in given.only:
        as_track(genome, parts[2], given.out)
    if "b" in given.only:
        as_motifs(given.data, genome, parts[2], given.out)
    if "c" in given.only:
        as_variants(given.data, genome, given.out)
    if "d" in given.only:
        as_killed(given.data, given.out)


if __name__ == "__main__":
    main()
