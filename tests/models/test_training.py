import json

import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models import training


def windows(count=96, seed=0, contigs=("chr1",), motif="GATTACA"):
    """Windows of 40 random bases; half hold the motif."""
    rng = np.random.default_rng(seed)
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 40 * count, "chr2": 40 * count}))
    codes = rng.integers(0, 4, coords["position"].size).astype("int8")
    label = np.arange(2 * count) % 2
    for window in np.flatnonzero(label):
        start = 40 * window + rng.integers(0, 40 - len(motif))
        codes[start : start + len(motif)] = ["ACGT".index(letter) for letter in motif]
    ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    regions = [f"{c}:{s}-{s + 40}" for c in contigs for s in range(0, 40 * count, 40)]
    x = ga.windows(ds, regions)
    return x.assign(label=("window", np.resize(label, len(regions)).astype("float32")))


def small(x, seed=0):
    return ga.models.classifier(x, "dna", "label", filters=8, kernel_size=7, seed=seed)


OPTIONS = {"inputs": "dna", "targets": "label", "epochs": 2, "batch_size": 32}


def test_fit__learns_a_motif():
    x, held_out = windows(384), windows(384, contigs=["chr2"])
    model = ga.models.classifier(x, "dna", "label", filters=16, kernel_size=9)
    options = {**OPTIONS, "epochs": 10, "learning_rate": 0.01}
    history = ga.fit(model, x, validation=held_out, **options)
    assert set(history.history) == {"loss", "val_loss"}
    assert ga.score(held_out.label, ga.predict(model, held_out)).auroc > 0.95


def test_fit__keeps_the_weights_of_the_best_epoch():
    x, held_out = windows(), windows(seed=1)
    held_out = held_out.assign(label=1 - held_out.label)  # what is learned makes it worse
    model = small(x)
    options = {**OPTIONS, "epochs": 20, "patience": 2, "learning_rate": 0.01}
    losses = ga.fit(model, x, validation=held_out, **options).history["val_loss"]
    assert len(losses) == np.argmin(losses) + 1 + 2 < 20
    loss = model.evaluate(held_out.dna.values, held_out.label.values, verbose=0)
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_fit__gives_the_same_weights_for_the_same_seed():
    x = windows()
    weights = []
    for seed in (3, 3, 4):
        model = small(x)
        ga.fit(model, x, seed=seed, augment=ga.Augment(reverse_complement=True), **OPTIONS)
        weights.append(np.concatenate([w.reshape(-1) for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert not np.allclose(weights[0], weights[2])


def test_fit__weighs_windows():
    """Windows of weight 0 have no say: their labels may be anything."""
    x = windows()
    weight = (np.arange(x.sizes["window"]) % 3 > 0).astype("float32")
    nonsense = np.where(weight > 0, x.label, 1 - x.label)
    weights = []
    for label in (x.label.values, nonsense):
        model = small(x)
        y = x.assign(label=("window", label), weight=("window", weight))
        ga.fit(model, y, weights="weight", **OPTIONS)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_fit__takes_lists_of_inputs_and_targets():
    x = windows().assign(depth=("window", np.ones(96)), other=("window", np.zeros(96)))
    model = ga.models.classifier(x, ["dna", "depth"], ["label", "other"], filters=4)
    ga.fit(model, x, inputs=["dna", "depth"], targets=["label", "other"], epochs=1)
    assert set(ga.predict(model, x).data_vars) == {"label", "other"}


@pytest.mark.parametrize(
    ("activation", "loss"),
    [("sigmoid", "binary_crossentropy"), ("softplus", "poisson"), ("linear", "mean_squared_error")],
)
def test_fit__takes_the_loss_from_the_activation(activation, loss):
    x = windows().rename(label="signal")
    x = x.assign(signal=x.dna.astype("float32").rename("signal"))
    model = ga.models.profile(x, "dna", "signal", activation=activation, filters=4, dilations=1)
    ga.fit(model, x, inputs="dna", targets="signal", epochs=1)
    assert model.loss == loss


def test_fit__needs_a_loss_for_other_models():
    x = windows()
    model = keras.Sequential([keras.Input((40,), name="dna"), keras.layers.Dense(1, "tanh")])
    with pytest.raises(ga.GenomeError, match="whose activation is tanh; give loss="):
        ga.fit(model, x, **OPTIONS)
    ga.fit(model, x, loss="hinge", **OPTIONS)
    assert model.signature.targets["label"].shape == ()


def test_fit__refuses_validation_with_other_sizes():
    x = windows()
    with pytest.raises(ga.RegionError, match="'dna' has 30 along 'offset', not 40"):
        ga.fit(small(x), x, validation=x.isel(offset=slice(0, 30)), **OPTIONS)


@pytest.mark.parametrize("where", ["training", "validation"])
def test_fit__raises_what_went_wrong_in_the_stream(where):
    x = windows()
    bad = x.assign(label=x.label.where(np.arange(96) != 5))
    data = {"training": (bad, x), "validation": (x, bad)}[where]
    with pytest.raises(ga.GenomeError, match="target 'label' is NaN in window chr1:200-240"):
        ga.fit(small(x), data[0], validation=data[1], **OPTIONS)


def test_fit__saves_what_load_model_gives_back(tmp_path):
    x = windows()
    model = small(x)
    out = tmp_path / "runs" / "first"
    history = ga.fit(model, x, validation=x, out=out, **OPTIONS)
    assert sorted(file.name for file in out.iterdir()) == [
        "fit.json",
        "history.json",
        "model.keras",
        "signature.json",
    ]
    assert [file.name for file in out.parent.iterdir()] == ["first"]
    assert json.loads((out / "history.json").read_text()) == history.history
    settings = json.loads((out / "fit.json").read_text())
    assert settings["targets"] == "label"
    assert settings["loss"] == "binary_crossentropy"
    for path in (out, out / "model.keras"):
        loaded = ga.load_model(path)
        assert loaded.signature == model.signature
        xr.testing.assert_identical(ga.predict(loaded, x), ga.predict(model, x))
    ga.fit(loaded, x, **OPTIONS)  # goes on


def test_load_model__takes_a_keras_file_without_a_signature(tmp_path):
    model = small(windows())
    model.save(tmp_path / "bare.keras")
    assert ga.load_model(tmp_path / "bare.keras").signature is None


def test_load_model__says_where_there_is_none(tmp_path):
    with pytest.raises(ga.StoreError, match=r"there is no model at .*nowhere"):
        ga.load_model(tmp_path / "nowhere")


def test_fit__does_not_touch_what_is_in_the_way(tmp_path):
    x = windows()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    model = small(x)
    before = model.get_weights()
    with pytest.raises(ga.StoreError, match=r"model exists; .* overwrite=True"):
        ga.fit(model, x, out=tmp_path / "model", **OPTIONS)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    ga.fit(model, x, out=tmp_path / "model", overwrite=True, **OPTIONS)
    assert not (tmp_path / "model" / "notes.txt").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_fit__leaves_nothing_half_written(tmp_path, monkeypatch):
    x = windows()
    model = small(x)

    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(training.json, "dumps", full)
    with pytest.raises(OSError, match="no space"):
        ga.fit(model, x, out=tmp_path / "model", **OPTIONS)
    assert list(tmp_path.iterdir()) == []
