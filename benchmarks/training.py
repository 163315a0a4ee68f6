"""What do trainings in benchmarks share: the yeast genome, and an end by the clock."""

from __future__ import annotations

import gzip
import math
import time
from pathlib import Path

import keras
import xarray as xr

import genoarrays as ga

GENOME = "sacCer3.R64-1-1.ensembl_names.fa"


def yeast_genome(data: Path, folder: Path) -> xr.Dataset:
    """DNA of the yeast data; its gzip file cannot be read in parts, so a plain copy is made."""
    plain = folder / "genome.fa"
    plain.write_bytes(gzip.decompress((data / f"{GENOME}.gz").read_bytes()))
    return ga.open_fasta(plain)


class Minutes(keras.callbacks.Callback):
    """Trains for so many minutes: half of the rate in the first epoch, then it falls to the end.

    The rate falls along a cosine of the time that is over, to a fiftieth; a last epoch that has
    begun is finished. `ga.fit` keeps the best weights.
    """

    def __init__(self, minutes: float, rate: float) -> None:
        super().__init__()
        self.seconds, self.rate, self.start = 60 * minutes, rate, time.monotonic()

    def on_epoch_begin(self, epoch, logs=None) -> None:
        done = min(1, (time.monotonic() - self.start) / self.seconds)
        share = 0.5 if epoch == 0 else 0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2
        self.model.optimizer.learning_rate = self.rate * share

    def on_epoch_end(self, epoch, logs=None) -> None:
        self.model.stop_training |= time.monotonic() > self.start + self.seconds
