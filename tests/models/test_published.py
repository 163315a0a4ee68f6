"""The published models: their numbers, what they take, and that they train and save."""

import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models import BothStrandConv1D

CODES = {"alphabet": "ACGT"}


def windows(count=8, dna=500, tracks=0, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random((count, tracks) if tracks else count) < 0.5).astype("float32")
    reads = rng.poisson(1.0, (count, 100, 2)).astype("float32")
    codes = rng.integers(0, 5, (count, dna)).astype("int8")
    opened = rng.random((count, 22, 2, 2))
    return xr.Dataset(
        {
            "dna": (("window", "offset_dna"), codes, CODES),
            "dnase": (("window", "offset_dnase", "strand", "sample"), opened),
            "label": (("window", "track") if tracks else "window", label),
        },
        {"offset_dna": np.arange(-150, dna - 150), "offset_dnase": np.arange(-450, 650, 50)},
    ).assign(
        reads=(("window", "offset_reads", "strand"), reads),
        total=("window", np.log1p(reads.sum((1, 2)))),
        mark=("window", rng.random(count)),
    ).assign_coords(
        offset_reads=np.arange(100), strand=["+", "-"], sample=["a", "b"]
    )  # fmt: skip


def layers_of(model):
    """(filters or units, kernel or pool) of each layer that has them, in order."""
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            found.append(("both ways", layer.forward_layer.units))
        elif hasattr(layer, "kernel_size"):
            size = layer.kernel_size
            found.append((layer.filters, size if isinstance(size, int) else size[0]))
        elif hasattr(layer, "pool_size"):
            found.append(("pool", layer.pool_size[0]))
        elif isinstance(layer, keras.layers.Dropout):
            found.append(("drop", layer.rate))
        elif hasattr(layer, "units"):
            found.append(("dense", layer.units))
        elif isinstance(layer, keras.layers.BatchNormalization):
            found.append("normal")
        elif isinstance(layer, keras.layers.GlobalMaxPooling1D):
            found.append("maximum")
    return found


DNA = ["dna", "label"]
JUND_DNA = [(10, 11), ("pool", 30), "normal", (8, 3), "maximum", "normal", ("dense", 1)]
JUND_DNASE = [(10, 5), ("pool", 2), (5, 3), "maximum", "normal", ("dense", 1)]
CAGE_DNA = [(10, 15), ("pool", 5), "normal", (8, 5), "maximum", "normal", ("dense", 1)]
DEEPSEA = [
    (320, 8), ("pool", 4), ("drop", 0.2), (480, 8), ("pool", 4), ("drop", 0.2), (960, 8),
    ("drop", 0.5), ("dense", 925), ("dense", 3),
]  # fmt: skip
DANQ = [
    (320, 26), ("pool", 13), ("drop", 0.2), ("both ways", 320), ("drop", 0.5), ("dense", 925),
    ("dense", 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "names", "expected", "activation"),
    [
        ("jund_dna", DNA, JUND_DNA, "sigmoid"),
        ("jund_dnase", ["dnase", "label"], JUND_DNASE, "sigmoid"),
        ("cage_dna", DNA, CAGE_DNA, "linear"),
        ("cage_chromatin", ["mark", "label"], ["normal", ("dense", 1)], "linear"),
        ("deepsea", DNA, DEEPSEA, "sigmoid"),
        ("danq", DNA, DANQ, "sigmoid"),
    ],
)
def test_published__have_the_numbers_of_their_authors(name, names, expected, activation):
    x = windows(count=2, tracks=3 if name in ("deepsea", "danq") else 0)[names]
    targets = "label" if name == "cage_chromatin" else None
    model = getattr(ga.models, name)(x, targets=targets)
    assert layers_of(model) == expected
    assert model.get_layer("label").activation.__name__ == activation
    assert model.name == name


@pytest.mark.parametrize(("name", "others"), [("jund_joint", ["dnase"]), ("cage_joint", ["mark"])])
def test_joint__is_both_networks_under_a_new_output(name, others):
    x = windows(count=2)[["dna", *others, "label"]]
    family = name.split("_")[0]
    parts = {"jund": "jund_dnase", "cage": "cage_chromatin"}[family]
    dna = getattr(ga.models, f"{family}_dna")(x[DNA], seed=1)
    other = getattr(ga.models, parts)(x[[*others, "label"]], targets="label", seed=2)
    joint = getattr(ga.models, name)(x, ["dna", *others], "label", start=[dna, other])
    last = joint.get_layer("label").input
    assert last.shape[-1] == sum(m.get_layer("label").input.shape[-1] for m in (dna, other))
    np.testing.assert_array_equal(
        joint.get_layer("dna_motifs").kernel, dna.get_layer("dna_motifs").kernel
    )
    batch = {n: x[n].values for n in ("dna", *others)}
    hidden = keras.Model(joint.inputs, last).predict_on_batch(batch)
    alone = keras.Model(dna.inputs, dna.get_layer("label").input).predict_on_batch(batch["dna"])
    np.testing.assert_allclose(hidden[:, : alone.shape[1]], alone, rtol=1e-5)


@pytest.mark.parametrize("name", ["jund_dna", "cage_dna", "deepsea", "danq"])
@pytest.mark.parametrize("strands", ["both", "forward"])
def test_published__see_both_strands_or_one(name, strands):
    x = windows(count=2)[DNA]
    model = getattr(ga.models, name)(x, order=2, strands=strands, scale=0.05)
    first = model.get_layer("dna_motifs")
    assert isinstance(first, BothStrandConv1D) == (strands == "both")
    assert first.kernel.shape[1] == 16
    assert first.filters == max(round({"j": 10, "c": 10, "d": 320}[name[0]] * 0.05), 1)


@pytest.mark.parametrize(
    "name",
    ["jund_dna", "jund_dnase", "jund_joint", "cage_dna", "cage_chromatin", "cage_joint", "deepsea",
     "danq", "bpnet"],
)  # fmt: skip
def test_published__train_save_and_predict(name, tmp_path):
    x = windows()
    inputs = {
        "jund_dnase": "dnase",
        "jund_joint": ["dna", "dnase"],
        "cage_chromatin": ["mark"],
        "cage_joint": ["dna", "mark"],
    }.get(name, "dna")
    targets = ["reads", "total"] if name == "bpnet" else "label"
    more = {"dilations": 2} if name == "bpnet" else {}
    model = getattr(ga.models, name)(x, inputs, targets, order=2, scale=0.05, **more)
    ga.fit(model, x, inputs=inputs, targets=targets, epochs=1, out=tmp_path / "m")
    xr.testing.assert_equal(ga.predict(tmp_path / "m", x), ga.predict(model, x))


def test_published__take_several_targets_and_inputs():
    x = windows(tracks=3)
    inputs, targets = ["dna", "dnase", "mark"], ["label", "total"]
    model = ga.models.deepsea(x, inputs, targets, scale=0.02, activation="linear")
    shapes = {name: tensor.shape for name, tensor in model.output.items()}
    assert shapes == {"label": (None, 3), "total": (None, 1)}
    ga.fit(model, x, inputs=inputs, targets=targets, epochs=1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: ga.models.jund_dna(x, "dnase", "label"), "takes sequence, and input 'dnase'"),
        (lambda x: ga.models.jund_joint(x, "dna", "label"), "needs signal among its inputs"),
        (lambda x: ga.models.jund_dna(x), r"could be \['label', 'total', 'mark'\]; say targets="),
        (lambda x: ga.models.cage_chromatin(x, targets="label", inputs="dna"), "takes values"),
        (lambda x: ga.models.deepsea(x, "dna", "label", scale=0), "scale=0 is not possible"),
        (lambda x: ga.models.danq(x, "dna", "label", strands="minus"), "strands='minus'"),
        (
            lambda x: ga.models.jund_dna(x.isel(offset_dna=slice(0, 90)), "dna", "label"),
            "'dna' is too short for jund_dna: 90 positions where it needs 100",
        ),
        (lambda x: ga.models.bpnet(x, "dna", "reads", strands="x"), "strands='x'"),
    ],
)
def test_published__say_what_does_not_fit(call, message):
    with pytest.raises(ga.GenomeError, match=message):
        call(windows())


def test_published__want_one_strand_of_rna():
    x = windows()
    x.dna.attrs["alphabet"] = "ACGU"
    with pytest.raises(ga.GenomeError, match='has one strand; say strands="forward"'):
        ga.models.jund_dna(x, "dna", "label")
    ga.models.jund_dna(x, "dna", "label", strands="forward")


def test_bpnet__profiles_are_shares_learned_by_the_multinomial():
    x = windows()
    model = ga.models.bpnet(x, "dna", ["reads", "total"], scale=0.1, dilations=2)
    y = ga.predict(model, x)
    np.testing.assert_allclose(y.reads.sum("offset_reads"), 1, rtol=1e-5)
    history = ga.fit(
        model, x, inputs="dna", targets=["reads", "total"], epochs=1, loss_weights={"total": 10.0}
    )
    assert {type(loss).__name__ for loss in model.loss.values()} == {
        "MultinomialNLL",
        "MeanSquaredError",
    }
    assert model.loss["reads"].axis == 1
    assert np.isfinite(history.history["loss"]).all()


def test_bpnet__has_dilated_layers_of_its_own_size():
    model = ga.models.bpnet(windows(), "dna", "reads")
    rates = [layer.dilation_rate[0] for layer in model.layers if hasattr(layer, "dilation_rate")]
    assert [rate for rate in rates if rate > 1] == [2**power for power in range(1, 10)]
    assert max(size for _, size in layers_of(model)) == 75
