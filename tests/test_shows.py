"""Does what benchmarks show hold in small: orders, factors, signal, sequences?

Each is a training of seconds, by the functions of the benchmark where these are small enough, and
must beat chance, or what it is compared with, by a margin that no seed tried came near.
"""

import importlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.demo.landscape import KINDS, draw_landscape

pytest.importorskip("tensorflow")
pytest.importorskip("sklearn")

SEED = 0  # numbers in comments: the lowest of three seeds, of composition two
CONTIGS = {"chr1": 600_000, "chr2": 300_000}


@pytest.fixture
def show(monkeypatch):
    """Loads one by name; they import each other."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "benchmarks")
    return importlib.import_module


def sites():
    """(train, test) windows around paired sites and decoys of the demonstration's genome."""
    land = draw_landscape(CONTIGS, 0)
    codes = ("position", land.codes, {"alphabet": "ACGT"})
    genome = xr.Dataset({"dna": codes}, ga.genome_coords(ga.Assembly("toy", CONTIGS)))
    kind = np.array(KINDS)[land.kind]
    some = np.isin(kind, ["paired", "decoy"])
    middle = (land.start[some] + land.end[some]) // 2
    middle += np.random.default_rng(0).integers(-80, 81, some.sum())
    first = CONTIGS["chr1"]
    places = [
        (f"chr1:{m - 100}-{m + 100}" if m < first else f"chr2:{m - first - 100}-{m - first + 100}")
        for m in middle
    ]
    x = ga.windows(genome, places)
    x = x.assign(paired=("window", (kind[some] == "paired").astype("float32"))).load()
    return [x.isel(window=np.flatnonzero(x.contig.values == c)) for c in CONTIGS]


def test_orders__pairs_of_letters_tell_what_letters_do_not():
    train, test = sites()
    auprc = {}
    for order in (1, 2):
        model = ga.models.classifier(
            train,
            "dna",
            "paired",
            order=order,
            filters=8,
            kernel_size=11,
            depth=1,
            dropout=0.0,
            seed=SEED,
        )
        ga.fit(
            model, train, inputs="dna", targets="paired", epochs=10, batch_size=32, seed=SEED,
            learning_rate=0.005, augment=ga.Augment(reverse_complement=True), progress=False,
        )  # fmt: skip
        y = ga.predict(model, test, progress=False)
        auprc[order] = float(ga.score(test.paired, y, metrics=["auprc"]).auprc)
    assert 0.3 < float(test.paired.mean()) < 0.6
    assert auprc[2] > 0.9  # 0.98; order 1 at most 0.67
    assert auprc[2] > auprc[1] + 0.15


def test_factors__are_told_at_once(shared_data, show, tmp_path):
    module = show("yeast_factors")
    train, _, test = module.windows(shared_data / "yeast_sacCer3", tmp_path / "yeast.zarr", 3)
    train = ga.without_margin(train)
    bound = train.bound.any("track").values
    number = np.arange(bound.size)
    train = train.isel(window=np.flatnonzero(bound | (number % 24 == 0)))
    test = test.isel(window=np.flatnonzero(test.contig.values == "XII")[::2])
    for name in ("deepsea", "danq"):
        model = getattr(ga.models, name)(train, "dna", "bound", scale=0.05, seed=SEED)
        ga.fit(
            model, train, inputs="dna", targets="bound", epochs=3, batch_size=32, seed=SEED,
            learning_rate=0.003, augment=ga.Augment(reverse_complement=True), progress=False,
        )  # fmt: skip
        y = ga.predict(model, test, progress=False)
        found = ga.score(test.bound, y, metrics=["auroc"]).auroc
        assert found.median() > 0.6  # 0.68; chance is 0.5


def planted(count, seed):
    """Windows of 400 random bases whose share of G and C is a signal, with noise, in two tracks."""
    rng = np.random.default_rng(seed)
    gc = np.clip(rng.normal(0.4, 0.06, (count, 1)), 0.1, 0.9)
    draw, strong = rng.random((count, 400)) < 0.5, rng.random((count, 400)) < gc
    codes = np.where(strong, np.where(draw, 1, 2), np.where(draw, 0, 3)).astype("int8")
    share = strong.mean(1, keepdims=True)
    signal = (share - 0.4) / 0.06 + rng.normal(0, 0.5, (count, 2))
    signal[::7, 1] = np.nan  # bins without coverage
    return xr.Dataset(
        {
            "dna": (("window", "offset"), codes, {"alphabet": "ACGT"}),
            "signal": (("window", "track"), signal.astype("float32")),
        }
    )


def test_signal__follows_composition(show):
    module = show("yeast_signal")
    train, test = planted(1200, 0), planted(400, 1)
    model = module.network(train, 8, SEED)
    ga.fit(
        model, train, inputs="dna", targets="signal", epochs=4, batch_size=32, seed=SEED,
        learning_rate=0.003, augment=ga.Augment(reverse_complement=True), progress=False,
    )  # fmt: skip
    y = ga.predict(model, test, progress=False)
    found = ga.score(test.signal, y, metrics=["spearman"]).spearman
    assert (found > 0.7).all()  # 0.86; the noise leaves some 0.9


@pytest.mark.parametrize("name", ["classifier", "cage_dna", "profile", "bpnet"])
def test_networks__follow_composition(name):
    """Averages over hundreds of bases differ little, and must be learned from all the same."""
    parts = []
    for x in (planted(1200, 0), planted(400, 1)):
        share = x.dna.isin([1, 2])  # G or C
        bins = share.coarsen(offset=100).mean().rename(offset="offset_bins").astype("float32")
        x = x.assign(share=share.mean("offset").astype("float32"), bins=bins)
        x = x.assign_coords(offset=np.arange(400), offset_bins=np.arange(0, 400, 100))
        parts.append(x.assign(level=(x.share - 0.4) / 0.06))
    target = {"classifier": "share", "profile": "bins"}.get(name, "level")
    few = {
        "classifier": {"filters": 16},
        "profile": {"filters": 16, "dilations": 2, "activation": "sigmoid"},
        "bpnet": {"scale": 0.25, "dilations": 2},
    }
    train, test = parts
    model = getattr(ga.models, name)(train, "dna", target, seed=SEED, **few.get(name, {}))
    ga.fit(
        model, train, inputs="dna", targets=target, epochs=5, batch_size=32, seed=SEED,
        learning_rate=0.003, progress=False,
    )  # fmt: skip
    y = ga.predict(model, test, progress=False)
    found = ga.score(test[target], y, metrics=["pearson"]).pearson
    assert found > 0.75  # 0.89 cage_dna, 0.96 the others


def with_motif(count, letters, motif, seed):
    """Random sequences of 101 letters, a motif somewhere in each."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 4, (count, 101))
    for row, start in zip(codes, rng.integers(10, 80, count), strict=True):
        row[start : start + len(motif)] = [letters.index(letter) for letter in motif]
    return ["".join(row) for row in np.array(list(letters))[codes]]


@pytest.mark.parametrize(("name", "motif"), [("dna", "TGACGTCATG"), ("rna", "ACUAACAUCG")])
def test_sequences__are_told_from_shuffles(name, motif, show):
    module = show("human_sequences")
    parts = []
    for count, seed in ((400, 0), (200, 1)):
        letters = "ACGT" if name == "dna" else "ACGU"
        texts = with_motif(count, letters, motif, seed)
        ids = [f"s{n}" for n in range(count)]
        x = ga.from_sequences(texts, ids, alphabet=name, bound=np.ones(count, "float32"))
        x = x.assign_coords(source=("sequence", x.id.values))
        shuffled = x.assign(
            {name: ga.shuffle_sequences(x[name], k=2, seed=0), "bound": x.bound * 0}
        )
        parts.append(module.together(x, shuffled))
    auroc = module.train_and_score(*parts, seed=SEED, epochs=8)
    assert auroc > 0.8  # 0.91
