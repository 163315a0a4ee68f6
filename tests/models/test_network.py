import keras
import numpy as np
import pytest
import xarray as xr
from keras import layers

import genoarrays as ga

CODES = {"alphabet": "ACGT"}


@pytest.fixture
def x():
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "dna": (("window", "offset_dna"), rng.integers(0, 5, (12, 100)).astype("int8"), CODES),
            "cuts": (("window", "strand", "offset_cuts", "sample"), rng.random((12, 2, 12, 3))),
            "bound": (("window", "track"), rng.random((12, 3)) < 0.5),
            "reads": (("window", "offset_reads"), rng.poisson(2.0, (12, 10))),
            "level": ("window", rng.normal(size=12)),
            "pairs": (("window", "strand", "track"), rng.normal(size=(12, 2, 3))),
        },
        {
            "offset_dna": np.arange(-20, 80),
            "offset_cuts": np.arange(0, 60, 5),
            "offset_reads": np.arange(10),
            "strand": ["+", "-"],
            "sample": list("abc"),
            "track": list("ABC"),
        },
    )


def shapes(model):
    return {name: tensor.shape for name, tensor in model.output.items()}


def pooled(inputs):
    return layers.Concatenate()(
        [layers.GlobalMaxPooling1D()(inputs["dna"]), layers.Flatten()(inputs["cuts"])]
    )


def test_network__gives_the_function_what_it_names_and_reads_outputs_off_the_targets(x):
    seen = {}

    def function(inputs):
        seen.update({name: tensor.shape for name, tensor in inputs.items()})
        return pooled(inputs)

    targets = ["bound", "level", "pairs", "reads"]
    model = ga.models.network(x, function, ["dna", "cuts"], targets, order=2)
    assert seen == {"dna": (None, 99, 16), "cuts": (None, 2, 12, 3)}
    assert [tensor.name for tensor in model.inputs] == ["dna", "cuts"]
    assert {name: shape[1:] for name, shape in shapes(model).items()} == {
        "bound": (3,),
        "level": (1,),
        "pairs": (2, 3),
        "reads": (10,),
    }
    activations = {name: model.get_layer(name).activation.__name__ for name in targets}
    assert activations == {
        "bound": "sigmoid",
        "level": "linear",
        "pairs": "linear",
        "reads": "softplus",
    }
    ga.fit(model, x, inputs=["dna", "cuts"], targets=targets, epochs=1)
    assert ga.predict(model, x).pairs.dims == ("window", "strand", "track")


def test_network__takes_features_along_offsets_and_by_target(x):
    def function(inputs):
        along = layers.AveragePooling1D(10)(inputs["dna"])
        return {"reads": along, "level": layers.GlobalMaxPooling1D()(along)}

    model = ga.models.network(x, function, "dna", ["reads", "level"])
    assert {name: shape[1:] for name, shape in shapes(model).items()} == {
        "reads": (10,),
        "level": (1,),
    }


@pytest.mark.parametrize("order", [None, {"dna": None}])
def test_network__gives_codes_where_no_order_is_asked_for(order, x):
    def function(inputs):
        assert inputs["dna"].shape == (None, 100)
        return keras.ops.cast(inputs["dna"], "float32")

    assert ga.models.network(x, function, "dna", "level", order=order).output_shape == (None, 1)


@pytest.mark.parametrize(
    ("values", "attrs", "activation"),
    [
        (np.float32([0, 1, np.nan]), {}, "sigmoid"),
        (np.float32([0, 0, 0]), {"mode": "presence"}, "sigmoid"),
        (np.int32([0, 3, 5]), {}, "softplus"),
        (np.float32([0, 3, 5]), {}, "softplus"),
        (np.float32([0, -3, 5]), {}, "linear"),
        (np.float32([0, 0.5, 1]), {}, "linear"),
    ],
)
def test_network__infers_activations_from_labels(values, attrs, activation, x):
    x = x.isel(window=slice(0, 3)).assign(y=("window", values, attrs))
    model = ga.models.network(x, lambda given: layers.Flatten()(given["dna"]), "dna", "y")
    assert model.get_layer("y").activation.__name__ == activation


def test_network__asks_where_labels_tell_nothing(x):
    x = x.assign(y=("window", np.zeros(12, "float32")))
    with pytest.raises(ga.GenomeError, match=r"no two different values .* activations="):
        ga.models.network(x, lambda given: layers.Flatten()(given["dna"]), "dna", "y")
    model = ga.models.network(
        x, lambda given: layers.Flatten()(given["dna"]), "dna", "y", activations={"y": "softplus"}
    )
    assert model.get_layer("y").activation.__name__ == "softplus"


@pytest.mark.parametrize("target", ["level", "reads"])
def test_network__refuses_features_that_fit_no_target(target, x):
    with pytest.raises(ga.RegionError, match=f"target '{target}' .* cannot be read from features"):
        ga.models.network(x, lambda given: given["dna"], "dna", target)


def test_network__takes_weights_over_by_name_and_shape(x):
    def function(inputs):
        found = layers.Conv1D(4, 3, name="motifs")(inputs["dna"])
        return layers.GlobalMaxPooling1D()(found)

    one = ga.models.network(x, function, "dna", "level", seed=1)
    other = ga.models.network(x, function, "dna", "bound", seed=2, start=[one])
    for mine, theirs in zip(
        other.get_layer("motifs").weights, one.get_layer("motifs").weights, strict=True
    ):
        np.testing.assert_array_equal(mine, theirs)
    with pytest.raises(ga.GenomeError, match="without a layer of the same name"):
        ga.models.network(x, function, "dna", "pairs", order=2, start=[one])
