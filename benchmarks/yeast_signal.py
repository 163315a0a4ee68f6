"""How much of the signal in 400-bp bins of the yeast genome does sequence explain?

MNase, PolII and Scc1 at once: log1p of the mean over the covered bases of bins with at least half
of them covered. Trained on XVI and most of IV (bins every 100 bp), the best epoch told by the end
of IV, tested on II (bins side by side); Spearman, for each seed and in the median. The network sees
the bin alone (--width 400) or up to 2 kb around it.

    python benchmarks/yeast_signal.py shared/data/yeast_sacCer3 --seeds 3
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from keras import layers
from training import Minutes, yeast_genome

import genoarrays as ga

TRACKS = ("MNase", "PolII", "Scc1")
BIN = 400
PARTS = {
    "train": (["XVI:0-948066", "IV:0-1300000"], 100),
    "valid": (["IV:1302000-1531933"], BIN),
    "test": (["II:0-813184"], BIN),
}


def windows(data: Path, folder: Path, width: int) -> list[xr.Dataset]:
    """(train, valid, test) of DNA and of the signal, standardized by its training bins."""
    dna = yeast_genome(data, folder).load()
    paths = {name: data / f"bigwig/{name}.chrII_IV_XVI.bw" for name in TRACKS}
    genome = ga.merge(dna, ga.open_bigwig(paths, like=dna, name="signal").load())
    parts = []
    for regions, step in PARTS.values():
        roi = ga.read_regions(regions, like=dna)
        tiles = ga.tile_regions(roi, width=BIN, step=step, partial="drop")
        flank = {"dna": (width - BIN) // 2}
        x = ga.windows(genome, tiles, BIN, flank=flank, reduce={"signal": "mean"}).load()
        covered = ga.reduce_regions(genome.signal, tiles, ["coverage"]).coverage
        kept = (covered >= 0.5).transpose("region", "track").values
        parts.append(x.assign(signal=np.log1p(x.signal.transpose("window", "track")).where(kept)))
    mean, sd = (getattr(parts[0].signal, how)("window") for how in ("mean", "std"))
    return [x.assign(signal=((x.signal - mean) / sd).astype("float32")) for x in parts]


def network(x: xr.Dataset, filters: int, seed: int):
    """Motifs of both strands, three dilated convolutions; averages and maxima over the window."""

    def features(given):
        found = ga.models.BothStrandConv1D(filters, 12, 1, "concat", activation="gelu")(
            given["dna"]
        )
        found = layers.BatchNormalization(momentum=0.95)(found)
        found = layers.Dropout(0.1)(layers.AveragePooling1D(4)(found))
        seen = [layers.GlobalAveragePooling1D()(found)]
        for rate in (1, 2, 4):
            more = layers.Conv1D(filters, 7, padding="same", dilation_rate=rate, activation="gelu")
            more = layers.BatchNormalization(momentum=0.95)(more(found))
            found = layers.Add()([found, layers.Conv1D(2 * filters, 1)(more)])
        seen += [layers.GlobalAveragePooling1D()(found), layers.GlobalMaxPooling1D()(found)]
        # averages over hundreds of bases differ little from window to window: without this,
        # nothing was learned
        joined = layers.BatchNormalization(momentum=0.95)(layers.Concatenate()(seen))
        joined = layers.Dense(64, activation="gelu")(layers.Dropout(0.3)(joined))
        return layers.Dropout(0.3)(joined)

    return ga.models.network(x, features, "dna", "signal", activations="linear", seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the yeast data")
    parser.add_argument("--width", type=int, default=BIN, help="bp of DNA around a bin's center")
    parser.add_argument("--filters", type=int, default=48)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=5, help="for each training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        train, valid, test = windows(options.data, Path(folder), options.width)
    sizes = ", ".join(f"{x.sizes['window']:,}" for x in (train, valid, test))
    print(f"{options.width} bp of DNA; windows {sizes}", flush=True)
    found = []
    for seed in range(options.seeds):
        began = time.perf_counter()
        model = network(train, options.filters, seed)
        history = ga.fit(
            model, train, validation=valid, inputs="dna", targets="signal", epochs=1000,
            patience=1000, callbacks=[Minutes(options.minutes, 0.003)], seed=seed,
            augment=ga.Augment(reverse_complement=True), progress=False,
        )  # fmt: skip
        y = ga.predict(model, test, both_strands="mean", progress=False)
        found.append(ga.score(test.signal, y, metrics=["spearman"], by="track").spearman.values)
        told = ", ".join(f"{n} {v:.3f}" for n, v in zip(TRACKS, found[-1], strict=True))
        print(f"seed {seed}: {told}; {len(history.history['loss'])} epochs, "
              f"{time.perf_counter() - began:.0f} s", flush=True)  # fmt: skip
    for name, values in zip(TRACKS, np.transpose(found), strict=True):
        print(f"{name}: Spearman {np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    main()
