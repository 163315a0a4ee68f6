"""How well are binding sites told from shuffled sequence: REST, FOXA1, ATF3, and QKI in RNA?

ENCODE peaks of 101 bp; negatives are dinucleotide shuffles (seed 0) wherever a file has none. QKI
has negatives of its own. A tenth of the training sequences, each with its shuffle, ends a
training early. auROC of the test file, for each seed and in the median, beside the floor of a
logistic regression on 5-mers.

    python benchmarks/human_sequences.py shared/data --seeds 3
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import genoarrays as ga

FLOORS = {"REST": 0.973, "FOXA1": 0.951, "ATF3": 0.855, "QKI": 0.867}


def peaks(path: Path) -> xr.Dataset:
    """Sequences of a DeepBind file with `bound`; a shuffle of each where none is unbound."""
    table = pd.read_csv(path, sep="\t")
    x = ga.from_sequences(table.seq, table.EventID, bound=table.Bound.astype("float32"))
    x = x.assign_coords(source=("sequence", x.id.values))
    if (x.bound == 0).any():
        return x
    shuffled = x.assign(dna=ga.shuffle_sequences(x.dna, k=2, seed=0), bound=x.bound * 0)
    return together(x, shuffled)


def together(positive: xr.Dataset, negative: xr.Dataset) -> xr.Dataset:
    """Both in one Dataset of sequences; a shuffle keeps the `source` of what it was made of."""
    name = "dna" if "dna" in positive else "rna"
    parts = [positive, negative]
    codes = np.concatenate([part[name].values for part in parts])
    alphabet = np.array(list(positive[name].attrs["alphabet"] + "N"), dtype=object)
    joined = ga.from_sequences(
        ["".join(row) for row in alphabet[codes]],
        alphabet=name,
        bound=np.concatenate([part.bound.values for part in parts]),
    )
    source = np.concatenate([part.source.values for part in parts])
    return joined.assign_coords(source=("sequence", source))


def factor(folder: Path, name: str) -> tuple[xr.Dataset, xr.Dataset]:
    """(train, test) of an ENCODE factor."""
    found = [next(folder.glob(f"human_encode_tf_sequences/{name}_*_{part}.seq.gz"))
             for part in ("AC", "B")]  # fmt: skip
    return peaks(found[0]), peaks(found[1])


def qki(folder: Path) -> tuple[xr.Dataset, xr.Dataset]:
    """(train, test) of RNA with and without QKI."""
    parts = []
    for part in ("train", "test"):
        both = [
            ga.open_sequences(
                folder / f"rbp_qki_sequences/qki.{part}.{kind}.fasta.gz",
                alphabet="rna", length=200, ids="number",  # one site is there twice
            ).load()
            for kind in ("positive", "negative")
        ]  # fmt: skip
        labelled = [
            x.assign(bound=("sequence", np.full(x.sizes["sequence"], label, "float32")))
            .assign_coords(source=("sequence", [f"{label} {one}" for one in x.id.values]))
            for x, label in zip(both, (1, 0), strict=True)
        ]  # fmt: skip
        parts.append(together(*labelled))
    return parts[0], parts[1]


def train_and_score(train: xr.Dataset, test: xr.Dataset, seed: int, epochs: int) -> float:
    """auROC on the test file."""
    name = "dna" if "dna" in train else "rna"
    fitted, valid = ga.split_sequences(train, valid=0.1, by="source", seed=0)
    model = ga.models.classifier(fitted, name, "bound", filters=64, seed=seed)
    augment = ga.Augment(reverse_complement=name == "dna")
    ga.fit(
        model, fitted, validation=valid, inputs=name, targets="bound", batch_size=128,
        epochs=epochs, seed=seed, augment=augment, progress=False,
    )  # fmt: skip
    y = ga.predict(model, test, progress=False)
    return float(ga.score(test.bound, y, metrics=["auroc"]).auroc)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of all data sets")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=FLOORS, default=list(FLOORS))
    options = parser.parse_args()
    for name in options.only:
        train, test = qki(options.data) if name == "QKI" else factor(options.data, name)
        began = time.perf_counter()
        found = [train_and_score(train, test, seed, options.epochs)
                 for seed in range(options.seeds)]  # fmt: skip
        took = (time.perf_counter() - began) / options.seeds
        print(f"{name}: auROC {np.median(found):.3f} ({min(found):.3f} to {max(found):.3f}, "
              f"{options.seeds} seeds), 5-mers {FLOORS[name]}; {train.sizes['sequence']:,} "
              f"sequences, {took:.0f} s a training", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
