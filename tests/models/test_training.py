import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models import saving, training


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
    return ga.models.classifier(x, "dna", "label", filters=4, kernel_size=7, depth=1, seed=seed)


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
    [
        ("sigmoid", ga.models.BinaryCrossentropy),
        ("softplus", ga.models.Poisson),
        ("linear", ga.models.MeanSquaredError),
    ],
)
def test_fit__takes_the_loss_from_the_activation(activation, loss):
    x = windows().rename(label="signal")
    x = x.assign(signal=x.dna.astype("float32").rename("signal"))
    model = ga.models.profile(x, "dna", "signal", activation=activation, filters=4, dilations=1)
    ga.fit(model, x, inputs="dna", targets="signal", epochs=1)
    assert type(model.loss) is loss


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
        ga.fit(small(x), data[0], validation=data[1], loss="hinge", **OPTIONS)


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
    assert settings["contigs"] == {"training": {"chr1": 96}, "validation": {"chr1": 96}}
    layers = settings["layers"]
    assert [one["name"] for one in layers] == [layer.name for layer in model.layers]
    assert sum(one["parameters"] for one in layers) == model.count_params()
    (first,) = [one for one in layers if one["kind"] == "BothStrandConv1D"]
    assert (first["shape"], first["filters"], first["kernel_size"]) == ([40, 4], 4, 7)
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

    monkeypatch.setattr(saving.json, "dumps", full)
    with pytest.raises(OSError, match="no space"):
        ga.fit(model, x, out=tmp_path / "model", **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_fit__leaves_out_missing_labels():
    """Labels that are NaN change nothing: the same as windows of weight 0."""
    x = windows()
    missing = np.arange(96) % 3 == 0
    weights = []
    for y in (
        x.assign(label=x.label.where(~missing)),
        x.assign(weight=("window", (~missing).astype("float32"))),
    ):
        model = small(x)
        ga.fit(model, y, weights="weight" if "weight" in y else None, **OPTIONS)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_fit__goes_on_through_batches_without_labels():
    x = windows()
    x = x.assign(label=x.label.where(np.arange(96) < 5))
    history = ga.fit(small(x), x, validation=x, **OPTIONS).history
    assert np.isfinite(history["loss"] + history["val_loss"]).all()


@pytest.mark.parametrize("loss", ["mae", "mean_squared_error", {"label": "poisson"}])
def test_fit__leaves_out_missing_labels_with_losses_by_name(loss):
    x = windows()
    x = x.assign(label=x.label.where(np.arange(96) < 50))
    assert np.isfinite(ga.fit(small(x), x, loss=loss, **OPTIONS).history["loss"]).all()


def both_contigs():
    return windows(contigs=["chr1", "chr2"])


def tracks(count=3):
    x = windows()
    return x.assign(label=(("window", "track"), np.stack([x.label] * count, 1)))


def test_fit__draws_tracks_for_each_batch():
    x = tracks()
    model = ga.models.classifier(x, "dna", "label", filters=4)
    before = model.get_weights()[-1]
    ga.fit(model, x, tracks=1, class_weights={0: 1, 1: 2}, **{**OPTIONS, "epochs": 1})
    assert model.output_shape == (None, 3)
    assert (model.get_weights()[-1] != before).any()


def test_fit__holds_contigs_out_and_weighs_classes(tmp_path):
    x = both_contigs()
    options = {**OPTIONS, "epochs": 1, "class_weights": {0: 1, 1: 3}}
    one = ga.fit(small(x), x, validation="chr2", out=tmp_path / "m", **options).history
    chr1, chr2 = (
        x.isel(window=np.flatnonzero(x.contig.values == c)).assign(
            w=lambda part: 1 + 2 * part.label
        )
        for c in ("chr1", "chr2")
    )
    options = {**OPTIONS, "epochs": 1, "weights": "w"}
    other = ga.fit(small(x), chr1, validation=chr2, **options).history
    for name, values in one.items():
        np.testing.assert_allclose(values, other[name], rtol=1e-4)
    settings = json.loads((tmp_path / "m" / "fit.json").read_text())
    assert settings["examples"] == {"training": 96, "validation": 96}
    assert settings["validation"] == "chr2"


def test_fit__passes_samples_and_passes_on():
    x = windows()
    options = {**OPTIONS, "epochs": 1}
    ga.fit(small(x), x, sample=ga.Sample(by="label", ratio=0.5), passes=2, **options)
    with pytest.raises(ga.GenomeError, match="passes=0"):
        ga.fit(small(x), x, passes=0, **options)


class Kill(keras.callbacks.Callback):
    """Ends a training as Ctrl-C would, in the middle of an epoch."""

    def __init__(self, epoch, batch=1):
        super().__init__()
        self.epoch, self.batch, self.now = epoch, batch, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.now == self.epoch and batch == self.batch:
            self.end()

    def end(self):
        raise KeyboardInterrupt


class KillForGood(Kill):
    """Ends the process at once: nothing is cleaned up."""

    def end(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Rates(keras.callbacks.Callback):
    """Learning rate of each epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(float(self.model.optimizer.learning_rate))


def test_fit__lets_the_learning_rate_fall(tmp_path):
    x = windows(count=8)
    options = {**OPTIONS, "epochs": 5, "schedule": "cosine", "learning_rate": 0.1}
    rates = Rates()
    ga.fit(small(x), x, callbacks=[rates], **options)
    half = (1 + np.cos(np.pi * np.arange(5) / 4)) / 2
    np.testing.assert_allclose(rates.seen, 0.1 * (0.02 + 0.98 * half), rtol=1e-5)
    place = {"out": tmp_path / "m"}
    with pytest.raises(KeyboardInterrupt):
        ga.fit(small(x), x, callbacks=[Kill(3, 0)], **place, **options)
    rest = Rates()
    ga.fit(small(x), x, callbacks=[rest], resume=True, **place, **options)
    assert rest.seen == rates.seen[3:]
    with pytest.raises(ga.GenomeError, match="schedule='cosine of 5 epochs', and now"):
        ga.fit(small(x), x, resume=True, **place, **{**options, "epochs": 6})
    with pytest.raises(ga.GenomeError, match="schedule='linear' is not known"):
        ga.fit(small(x), x, **{**options, "schedule": "linear"})


def train_anew(out, kill=None, resume=False):
    """A model and its history; dropout and augmentation draw random numbers in each step."""
    x = both_contigs()
    model = ga.models.classifier(x, "dna", "label", filters=4, depth=1, dropout=0.5, seed=1)
    history = ga.fit(
        model, x, out=out, resume=resume, callbacks=[] if kill is None else [kill], seed=5,
        augment=ga.Augment(reverse_complement=True), progress=False,
        **{**OPTIONS, "epochs": 4, "validation": "chr2", "learning_rate": 0.01},
    )  # fmt: skip
    return model, history


def stopped(out):
    with pytest.raises(KeyboardInterrupt):
        train_anew(out, Kill(2))


def killed(out):
    """A process of its own, that a SIGKILL ends in its third epoch."""
    code = (
        "import sys; from tests.models.test_training import KillForGood, train_anew; "
        "train_anew(sys.argv[1], KillForGood(2))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, out], cwd=root, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("end", [stopped, killed])
def test_fit__goes_on_as_if_it_had_not_been_killed(end, tmp_path):
    whole, expected = train_anew(tmp_path / "whole")
    end(tmp_path / "m")
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left == [".m.checkpoint.npz", "whole"]
    (tmp_path / ".m.checkpoint.npz.1.part").write_bytes(b"half")  # killed while it was written
    resumed, history = train_anew(tmp_path / "m", resume=True)
    assert len(history.history["loss"]) == 4
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-5)
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-6)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m", "whole"]
    loaded, again = train_anew(tmp_path / "m", resume=True)
    assert again.history == history.history
    np.testing.assert_array_equal(loaded.get_weights()[0], resumed.get_weights()[0])


def test_fit__goes_on_with_the_same_settings_only(tmp_path):
    x = windows()
    with pytest.raises(KeyboardInterrupt):
        ga.fit(small(x), x, out=tmp_path / "m", callbacks=[Kill(1)], **OPTIONS)
    with pytest.raises(ga.GenomeError, match="trained with batch_size=32, and now batch_size is 8"):
        ga.fit(small(x), x, out=tmp_path / "m", resume=True, **{**OPTIONS, "batch_size": 8})
    other = ga.models.classifier(x, "dna", "label", filters=6, depth=1)
    with pytest.raises(ga.GenomeError, match="is of another model"):
        ga.fit(other, x, out=tmp_path / "m", resume=True, **OPTIONS)
    with pytest.raises(ga.GenomeError, match="resume=True needs out="):
        ga.fit(small(x), x, resume=True, **OPTIONS)


def test_fit__repeats_from_other_random_weights(tmp_path):
    x = both_contigs()
    model = small(x)
    histories = ga.fit(
        model, x, validation="chr2", repeats=2, out=tmp_path / "m", **{**OPTIONS, "epochs": 1}
    )
    losses = [history.history["val_loss"][0] for history in histories]
    assert losses[0] != losses[1]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["m", "m.repeat0", "m.repeat1"]
    settings = json.loads((tmp_path / "m" / "fit.json").read_text())
    assert settings["losses_of_repeats"] == losses
    best = int(np.argmin(losses))
    assert settings["best_repeat"] == best
    twin = ga.load_model(tmp_path / f"m.repeat{best}")
    for path in ("model", tmp_path / "m"):
        y = ga.predict(model if path == "model" else path, x)
        xr.testing.assert_equal(y, ga.predict(twin, x))  # attrs tell the path
    with pytest.raises(ga.GenomeError, match="repeats=0"):
        ga.fit(model, x, repeats=0, **OPTIONS)


def test_fit__writes_logs_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboard", reason="needs tensorboard: the extra of this name")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    x = windows()
    history = ga.fit(small(x), x, validation=x, tensorboard=tmp_path / "logs", **OPTIONS).history
    for part, name in {"train": "loss", "validation": "val_loss"}.items():
        log = EventAccumulator(str(tmp_path / "logs" / part))
        log.Reload()
        told = [np.frombuffer(one.tensor_proto.tensor_content, "f4") for one in
                log.Tensors("epoch_loss")]  # fmt: skip
        np.testing.assert_allclose(np.concatenate(told), history[name], rtol=1e-6)


def test_fit__hands_tensorboard_its_folder(tmp_path, monkeypatch):
    made = []

    class Board(keras.callbacks.Callback):
        def __init__(self, log_dir):
            super().__init__()
            made.append(log_dir)

    x = windows()
    monkeypatch.setattr(training, "optional", lambda module, **_: module)
    monkeypatch.setattr(keras.callbacks, "TensorBoard", Board)
    ga.fit(small(x), x, tensorboard=tmp_path / "logs", **{**OPTIONS, "epochs": 1})
    assert made == [str(tmp_path / "logs")]


def test_fit__saves_normalizers_width_and_assembly(tmp_path):
    x = windows()
    depth = xr.DataArray(np.arange(96.0), dims="window", name="depth")
    stats = ga.fit_normalizer(depth, "zscore", over="window")
    x = x.assign(depth=ga.normalize(depth, stats))
    model = ga.models.classifier(x, ["dna", "depth"], "label", order=2, filters=4)
    ga.fit(model, x, out=tmp_path / "m", **{**OPTIONS, "inputs": ["dna", "depth"], "epochs": 1})
    told = json.loads((tmp_path / "m" / "signature.json").read_text())
    normalizer = told["inputs"]["depth"]["attrs"]["normalizer"]
    assert normalizer == {
        "method": "zscore",
        "mean": 47.5,
        "sd": pytest.approx(np.std(depth, ddof=1)),
    }
    assert told["width"] == 40
    assert told["assembly"]["digest"]
    assert ga.load_model(tmp_path / "m").signature == model.signature
    assert json.loads((tmp_path / "m" / "fit.json").read_text())["orders"] == [2]
