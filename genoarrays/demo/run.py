"""Does the whole path work on this machine, and what does it look like?

From simulated files to a figure, through the public API only: ingest, windows, four trainings
(sequence letter by letter, sequence by triples of letters, coverage, both), predictions on a contig
that no model has seen, scores, bigWig, figure. Read it as an example of use.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import genoarrays as ga
from genoarrays.demo.simulate import Simulation, simulate

__all__ = ["run"]

WIDTH = 200
VALID, TEST = "chr3", "chr4"
MODELS: dict[str, dict[str, Any]] = {
    "sequence, order 1": {"inputs": "dna", "order": 1},
    "sequence, order 3": {"inputs": "dna", "order": 3},
    "coverage": {"inputs": "coverage"},
    "joint, order 3": {"inputs": ["dna", "coverage"], "order": 3},
}
"""Options of `ga.models.classifier` by the name of the run."""


def run(
    out: str | Path,
    *,
    seed: int = 0,
    size: int = 3_000_000,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
    progress: bool | None = None,
) -> xr.Dataset:
    """Run the demonstration.

    Parameters
    ----------
    out
        Folder for all files.
    seed
        Of the simulation and of the trainings.
    size
        Length of the simulated genome in bp, at least 50,000.
    overwrite
        Replace the files of an earlier run.
    say
        Called with a line of text at each step.
    progress
        Show progress bars; None: only on a terminal.

    Returns
    -------
    xr.Dataset
        Scores `(model,)` on the held-out contig: auroc, auprc, n, positives.

    Raises
    ------
    GenomeError
        When `out` holds files of an earlier run and `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> scores = run(tempfile.mkdtemp() + "/demo", size=50_000, say=lambda text: None)
    >>> scores.model.values.tolist()
    ['sequence, order 1', 'sequence, order 3', 'coverage', 'joint, order 3']
    """
    folder = Path(out)
    with _step(say, "simulate a genome: FASTA, BAM, bigWig, narrowPeak"):
        files = simulate(folder / "files", seed=seed, size=size, overwrite=overwrite)
    store = folder / "demo.zarr"
    with _step(say, f"ingest the files into {store}"):
        ingest(files, store, overwrite=overwrite, progress=progress)
    tree = ga.open_datatree(store)
    tiles = ga.tile_regions(tree["1bp"], width=WIDTH, partial="drop")
    train, valid, test = ga.split_regions(tiles, valid=VALID, test=TEST)
    train, valid = balanced(tree, train, seed), balanced(tree, valid, seed)
    x_test = examples(tree, test)
    predictions, scores = [], []
    for name, options in MODELS.items():
        with _step(say, f"train: {name}"):
            model = _trained(tree, train, valid, options, seed, progress)
        y: Any = ga.predict(model, x_test)
        predictions.append(y.rename("prediction"))
        scores.append(ga.score(x_test.bound, y, metrics=["auroc", "auprc"]))
    names = xr.Variable("model", np.array(list(MODELS), dtype=np.dtypes.StringDType()))
    result = xr.concat(scores, names)
    best = predictions[-1]
    with _step(say, "write the predictions of the joint model as bigWig, and the figure"):
        ga.to_bigwig(best, folder / "predicted.bw", overwrite=overwrite)
        draw(tree, ga.open_bigwig(folder / "predicted.bw", like=tree["1bp"]), best, folder)
    return result


def ingest(files: Simulation, store: Path, *, overwrite: bool, progress: bool | None) -> None:
    """Write one store of two resolutions: bases, label and signal at 1 bp, coverage at 50 bp."""
    dna = ga.open_fasta(files.genome)
    bound = ga.open_intervals(files.peaks, like=dna, name="bound")
    signal = ga.open_bigwig(files.signal, like=dna)
    coverage = ga.open_bam(files.reads, like=dna, name="coverage", bin_size=50, min_mapq=10)
    nodes = {"1bp": ga.merge(dna, bound, signal), "50bp": coverage}
    ga.to_zarr(nodes, store, overwrite=overwrite, progress=progress)


def examples(tree: xr.DataTree, regions: xr.Dataset) -> xr.Dataset:
    """Windows of 200 bp: DNA with 100 bp and coverage with 450 bp on both sides; the label."""
    x = ga.windows(
        tree,
        regions,
        width=WIDTH,
        flank={"dna": 100, "coverage": 450},
        reduce={"bound": "max", "signal": "mean"},
    )
    return x.assign(coverage=np.log1p(x.coverage))


def balanced(tree: xr.DataTree, regions: xr.Dataset, seed: int) -> xr.Dataset:
    """All bound windows and twice as many others, so that a training takes seconds."""
    bound = ga.windows(tree, regions, width=WIDTH, reduce={"bound": "max"}).bound.values > 0
    others = np.flatnonzero(~bound)
    drawn = np.random.default_rng(seed).choice(others, min(2 * bound.sum(), others.size), False)
    return regions.isel(region=np.sort([*np.flatnonzero(bound), *drawn]))


def _trained(
    tree: xr.DataTree,
    train: xr.Dataset,
    valid: xr.Dataset,
    options: dict[str, Any],
    seed: int,
    progress: bool | None,
) -> Any:
    x = examples(tree, train)
    inputs = options["inputs"]
    model = ga.models.classifier(
        x, targets="bound", filters=16, kernel_size=11, depth=1, dropout=0.0, seed=seed, **options
    )
    ga.fit(
        model,
        x,
        validation=examples(tree, valid),
        inputs=inputs,
        targets="bound",
        batch_size=64,
        epochs=12,
        patience=4,
        learning_rate=0.003,
        seed=seed,
        augment=ga.Augment(reverse_complement=True),
        progress=progress,
    )
    return model


def draw(tree: xr.DataTree, predicted: xr.Dataset, y: xr.DataArray, folder: Path) -> None:
    """Draw the held-out contig around the best prediction, and bases under it."""
    top = y.isel(window=int(y.argmax("window")))
    middle = int(top.start + top.end) // 2
    length = ga.axis_of(tree["1bp"].to_dataset()).assembly.length(TEST)
    wide = f"{TEST}:{max(middle - 6000, 0)}-{min(middle + 6000, length)}"
    narrow = f"{TEST}:{middle - 50}-{middle + 50}"
    fine, coarse = tree["1bp"].to_dataset(), tree["50bp"].to_dataset()
    tracks = [fine.bound, predicted.signal, coarse.coverage, fine.signal, fine.dna]
    names = ["bound (truth)", "predicted", "coverage", "signal", "sequence: GC"]
    figure = ga.plot_tracks(tracks, wide, names=names, title=f"held-out {TEST}")
    figure.savefig(folder / "tracks.png", dpi=150)
    bases = ga.plot_tracks([fine.dna, fine.bound], narrow, names=["sequence", "bound (truth)"])
    bases.savefig(folder / "sequence.png", dpi=150)


@contextmanager
def _step(say: Callable[[str], None], text: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    say(f"{time.perf_counter() - began:6.1f} s  {text}")
