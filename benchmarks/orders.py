"""Do pairs and triples of letters tell bound sites better than letters one by one?

The genome of the demonstration has sites whose letters depend on their neighbors. One small network
per order and seed is trained on chr1 and chr2, stopped early by chr3, and scored on chr4; each seed
draws the training windows and first weights anew. The last lines are what to quote: auPRC by order
(median, lowest, highest), and the differences to order 1 seed by seed.

    python benchmarks/orders.py --seeds 5
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

import genoarrays as ga
from genoarrays.demo.run import TEST, VALID, WIDTH, balanced, examples, ingest
from genoarrays.demo.simulate import simulate

ORDERS = (1, 2, 3)


def auprc(order: int, seed: int, tree, train, valid, tested, strands: str) -> float:
    """Of one training on the held-out contig."""
    x = examples(tree, balanced(tree, train, seed))
    if strands == "both":
        model = ga.models.classifier(
            x, "dna", "bound", order=order, filters=16, kernel_size=11, depth=1, dropout=0.0,
            seed=seed,
        )  # fmt: skip
    else:
        model = ga.models.jund_dna(x, "dna", "bound", order=order, seed=seed, strands="forward")
    ga.fit(
        model, x, validation=examples(tree, balanced(tree, valid, seed)), inputs="dna",
        targets="bound", epochs=20, patience=5, learning_rate=0.003, seed=seed,
        augment=ga.Augment(reverse_complement=True), progress=False,
    )  # fmt: skip
    y = ga.predict(model, tested, progress=False)
    return float(ga.score(tested.bound, y, metrics=["auprc"]).auprc)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--size", type=int, default=3_000_000, help="bp of the genome")
    parser.add_argument("--strands", choices=["both", "forward"], default="both")
    parser.add_argument("--out", type=Path, help="JSON file of all numbers")
    options = parser.parse_args()
    found: dict[int, list[float]] = {order: [] for order in ORDERS}
    with tempfile.TemporaryDirectory() as folder:
        files = simulate(Path(folder) / "files", size=options.size)
        ingest(files, Path(folder) / "demo.zarr", overwrite=False, progress=False)
        tree = ga.open_datatree(Path(folder) / "demo.zarr")
        tiles = ga.tile_regions(tree["1bp"], width=WIDTH, partial="drop")
        train, valid, test = ga.split_regions(tiles, valid=VALID, test=TEST)
        tested = examples(tree, test).load()
        for seed in range(options.seeds):
            for order in ORDERS:
                began = time.perf_counter()
                found[order].append(auprc(order, seed, tree, train, valid, tested, options.strands))
                took = time.perf_counter() - began
                print(f"seed {seed} order {order}: auPRC {found[order][-1]:.3f}, {took:.0f} s",
                      flush=True)  # fmt: skip
    for order, values in found.items():
        line = f"order {order}: median {np.median(values):.3f} ({min(values):.3f} to "
        line += f"{max(values):.3f})"
        if order > 1:
            gain = np.subtract(values, found[1])
            line += (
                f"; more than order 1: median {np.median(gain):+.3f} "
                f"({gain.min():+.3f} to {gain.max():+.3f})"
            )
        print(line)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
