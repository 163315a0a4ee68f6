"""How well are 30 yeast factors told from 500 bp of sequence, all at once?

ChIP-exo positions of the 30 factors that have most of them,
on windows of 200 bp with flanks of 150 bp; contigs IV, VII and XII are
tested, II and XV tell which epoch is best. DeepSEA- and DanQ-like networks of orders 1 to 3 against
a logistic regression on canonical 5-mers of the same windows; auPRC per factor, median of factors.

    python benchmarks/yeast_factors.py shared/data/yeast_sacCer3 --minutes 7.5
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from training import Minutes, yeast_genome

import genoarrays as ga

TEST, VALID = ["IV", "VII", "XII"], ["II", "XV"]
WIDTH, FLANK, FACTORS = 200, 150, 30
RATES = {"deepsea": 0.003, "danq": 0.005}
BATCHES = {"deepsea": 64, "danq": 128}


def windows(data: Path, store: Path, factors: int):
    """(train, valid, test) of DNA and of labels (window, track)."""
    files = sorted((data / "chipexo_peaks").glob("*_CX.bed"))
    sites = {file: len(file.read_text().splitlines()) for file in files}
    most = sorted(files, key=lambda file: -sites[file])[:factors]
    dna = yeast_genome(data, store.parent)
    paths = {file.name.split("_")[0]: file for file in most}
    bound = ga.open_intervals(paths, like=dna, name="bound", rename_contigs="match")
    ga.to_zarr(ga.merge(dna, bound), store, progress=False)
    genome = ga.open_zarr(store)
    tiles = ga.tile_regions(genome, width=WIDTH, partial="drop")
    tiles = tiles.isel(region=np.flatnonzero(tiles.contig.values != "Mito"))
    parts = ga.split_regions(tiles, valid=VALID, test=TEST, guard=2 * FLANK)
    # training windows may move by up to 100 bp, with their labels
    jitters: list[Any] = [(WIDTH // 2, 20), 0, 0]
    return [
        ga.windows(
            genome, part, WIDTH, flank={"dna": FLANK}, reduce={"bound": "max"}, jitter=jitter
        ).load()
        for part, jitter in zip(parts, jitters, strict=True)
    ]


def five_mers(train, test) -> np.ndarray:
    """auPRC of a logistic regression for each factor."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score
    from sklearn.preprocessing import StandardScaler

    counts = [ga.kmer_counts(x.dna, 5, canonical=True).values for x in (train, test)]
    scaler = StandardScaler().fit(counts[0])
    x_train, x_test = map(scaler.transform, counts)
    found = []
    for track in range(train.sizes["track"]):
        fitted = LogisticRegression(C=0.01, max_iter=200)
        fitted.fit(x_train, train.bound.values[:, track] > 0)
        labels = test.bound.values[:, track] > 0
        found.append(average_precision_score(labels, fitted.decision_function(x_test)))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the yeast data")
    parser.add_argument("--scale", type=float, default=0.12, help="of the filters")
    parser.add_argument("--minutes", type=float, default=7.5, help="for each training")
    parser.add_argument("--factors", type=int, default=FACTORS)
    parser.add_argument("--models", nargs="+", default=["deepsea", "danq"])
    parser.add_argument("--orders", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--strands", choices=["both", "forward"], default="both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file of auPRC by factor")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train, valid, test = windows(options.data, Path(folder) / "yeast.zarr", options.factors)
    sizes = ", ".join(f"{part.sizes['window']:,}" for part in (train, valid, test))
    share = float(test.bound.mean())
    print(f"{options.factors} factors; windows {sizes}; share bound in test {share:.4f}")
    began = time.perf_counter()
    table = {"5-mers": five_mers(ga.without_margin(train), test)}
    floor = np.median(table["5-mers"])
    print(f"5-mers: median auPRC {floor:.3f}, {time.perf_counter() - began:.0f} s", flush=True)
    for name in options.models:
        for order in options.orders:
            began = time.perf_counter()
            model = getattr(ga.models, name)(
                train, "dna", "bound", order=order, scale=options.scale, strands=options.strands,
                seed=options.seed,
            )  # fmt: skip
            history = ga.fit(
                model, train, validation=valid, inputs="dna", targets="bound", epochs=1000,
                patience=1000, callbacks=[Minutes(options.minutes, RATES[name])],
                batch_size=BATCHES[name], seed=options.seed, progress=False,
                augment=ga.Augment(reverse_complement=True, jitter=True),
            )  # fmt: skip
            y = ga.predict(model, test, both_strands="mean", progress=False)
            scores = ga.score(test.bound, y, metrics=["auprc"], by="track").auprc.values
            table[f"{name}, order {order}"] = scores
            above = int((scores > table["5-mers"]).sum())
            print(f"{name}, order {order}: median auPRC {np.median(scores):.3f}, above 5-mers in "
                  f"{above} of {options.factors}, {len(history.history['loss'])} epochs, "
                  f"{time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    if options.out is not None:
        told = {name: values.tolist() for name, values in table.items()}
        options.out.write_text(json.dumps({"factors": test.track.values.tolist(), **told}) + "\n")


if __name__ == "__main__":
    main()
