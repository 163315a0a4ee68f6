import json

import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

TOY = ga.Assembly("toy", {"chr1": 600, "chr2": 400})
REGIONS = ["chr2:0-40:-", "chr1:120-160:+", "chr1:100-140", "chr1:400-440", "chr2:300-340"]


def windows(regions=REGIONS, **options):
    rng = np.random.default_rng(0)
    coords = ga.genome_coords(TOY)
    ds = xr.Dataset(
        {
            "dna": ("position", rng.integers(0, 4, 1000).astype("int8"), {"alphabet": "ACGT"}),
            "cuts": (("position", "strand"), rng.integers(0, 5, (1000, 2)).astype("uint32")),
        },
        coords,
    ).assign_coords(strand=["+", "-"])
    x = ga.windows(ds, regions, **options)
    label = np.zeros((x.sizes["window"], 2), "float32")
    return x.assign(bound=(("window", "track"), label)).assign_coords(track=["reb1", "rap1"])


def counting_model(x):
    """Gives the number of A and of C in each window: an answer that can be listed."""
    entry = keras.Input((40,), dtype="int8", name="dna")
    channels = ga.models.OneHot()(entry)[..., :2]
    model = keras.Model(entry, keras.ops.sum(channels, axis=1))
    model.signature = None
    return model


@pytest.fixture
def signed():
    """A model made for these windows, with a signature."""
    x = windows()
    return x, ga.models.classifier(x, "dna", "bound", filters=4)


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_predict__gives_one_row_per_window_in_order(batch_size):
    x = windows(block=2)
    y = ga.predict(counting_model(x), x, batch_size)
    expected = [[(row == base).sum() for base in (0, 1)] for row in x.dna.values]
    assert y.dims == ("window", "track")
    assert y.dtype == np.float32
    assert y.values.tolist() == expected


def test_predict__carries_windows_and_labels(signed):
    x, model = signed
    y = ga.predict(model, x)
    assert y.name == "bound"
    assert y.xindexes["window"].equals(x.xindexes["window"])
    for name in ("contig", "start", "end", "orientation", "assembly", "track"):
        xr.testing.assert_identical(y[name].variable, x[name].variable)
    assert set(y.coords) == {*x.coords} - {"offset", "strand"}
    assert y.sel(window="chr1:100-140", track="rap1").ndim == 0


def test_predict__takes_dimensions_without_labels(signed):
    x, model = signed
    y = ga.predict(model, x.drop_vars("strand"))
    xr.testing.assert_equal(y, ga.predict(model, x))


def test_predict__can_be_subtracted_from_its_target_only(signed):
    x, model = signed
    y = ga.predict(model, x)
    assert (x.bound - y).sizes == {"window": 5, "track": 2}
    with pytest.raises((ValueError, ga.RegionError)):
        windows([*REGIONS[:-1], "chr2:10-50"]).bound - y


def test_predict__squeezes_the_unit_of_a_target_without_tracks():
    x = windows()
    x = x.assign(bound=x.bound.isel(track=0, drop=True))
    assert ga.predict(ga.models.classifier(x, "dna", "bound", filters=4), x).dims == ("window",)
    x = windows()[["dna", "bound"]].isel(track=[0])
    y = ga.predict(ga.models.classifier(x, "dna", "bound", filters=4), x)
    assert y.dims == ("window", "track")
    assert y.track.values.tolist() == ["reb1"]


def test_predict__keeps_the_dims_of_a_profile():
    x = windows().rename(cuts="signal")
    y = ga.predict(ga.models.profile(x, "dna", "signal", filters=4, dilations=1), x)
    assert y.dims == ("window", "offset", "strand")
    np.testing.assert_array_equal(y.offset, x.offset)
    assert y.strand.values.tolist() == ["+", "-"]


def test_predict__keeps_one_window_a_window(signed):
    x, model = signed
    assert ga.predict(model, x.isel(window=[3])).sizes == {"window": 1, "track": 2}


def test_predict__gives_inputs_by_name_not_by_order(signed):
    x, _ = signed
    model = ga.models.classifier(x, ["cuts", "dna"], "bound", filters=4)
    given = [x.cuts.values.astype("float32"), x.dna.values]
    turned = xr.Dataset({name: x[name] for name in ("bound", "dna", "cuts")})
    np.testing.assert_allclose(
        ga.predict(model, turned), model.predict_on_batch(given), rtol=1e-5, atol=1e-7
    )


def test_predict__of_several_targets_is_a_dataset(signed):
    x, _ = signed
    x = x.assign(open=("window", np.zeros(5)))
    y = ga.predict(ga.models.classifier(x, "dna", ["bound", "open"], filters=4), x)
    assert {name: v.dims for name, v in y.data_vars.items()} == {
        "bound": ("window", "track"),
        "open": ("window",),
    }


def test_predict__on_both_strands_does_not_depend_on_the_strand():
    x = windows().rename(cuts="signal")
    model = ga.models.profile(x, "dna", "signal", filters=4, dilations=1)
    turned = ga.reverse_complement(x)
    once, back = (ga.predict(model, w) for w in (x, turned))
    y, y_back = (ga.predict(model, w, both_strands="mean", check=False) for w in (x, turned))
    flipped = back.values[:, ::-1, ::-1]
    np.testing.assert_allclose(y, (once.values + flipped) / 2, rtol=1e-5)
    np.testing.assert_allclose(y, y_back.values[:, ::-1, ::-1], rtol=1e-5)
    assert not np.allclose(once, flipped)


def test_predict__refuses_unknown_words_for_both_strands(signed):
    x, model = signed
    with pytest.raises(ga.GenomeError, match="both_strands='max'"):
        ga.predict(model, x, both_strands="max")


def test_predict__refuses_windows_it_was_not_made_for(signed):
    x, model = signed
    with pytest.raises(ga.RegionError, match="'dna' has 60 along 'offset', not 40"):
        ga.predict(model, windows(flank=10))
    with pytest.raises(ga.RegionError, match="no variable 'dna'"):
        ga.predict(model, x[["cuts"]])


def test_predict__names_dims_only_where_it_can():
    entry = keras.Input((40,), dtype="int8", name="dna")
    model = keras.Model(entry, keras.layers.Reshape((4, 1, 1))(ga.models.OneHot()(entry)[:, 0]))
    with pytest.raises(ga.GenomeError, match="nothing says what its dimensions are"):
        ga.predict(model, windows())


def test_predict__loads_a_model_by_path(signed, tmp_path):
    x, model = signed
    ga.fit(model, x, inputs="dna", targets="bound", epochs=1, out=tmp_path / "model")
    loaded, y = ga.predict(tmp_path / "model", x), ga.predict(model, x)
    xr.testing.assert_equal(loaded, y)
    assert loaded.attrs.pop("model") == str(tmp_path / "model")
    assert y.attrs.pop("model") == "not saved"
    assert loaded.attrs == y.attrs


def test_predict__takes_regions_and_what_their_windows_are_cut_from(signed):
    x, model = signed
    y = ga.predict(model, REGIONS, examples=windows)
    xr.testing.assert_equal(y, ga.predict(model, x))
    with pytest.raises(ga.GenomeError, match="give like="):
        ga.predict(model, REGIONS)


def test_predict__gives_hidden_layers_by_name(signed):
    x, model = signed
    names = [layer.name for layer in model.layers]
    wide = next(one for one in model.layers if len(one.output.shape) == 3 and one.name != "dna")
    flat = next(one for one in model.layers if len(one.output.shape) == 2 and one.name != "dna")
    y = ga.predict(model, x, 2, layers=flat.name)
    assert (y.name, y.dims, y.dtype) == (flat.name, ("window", "unit"), np.float32)
    assert y.unit.values.tolist() == list(range(flat.output.shape[1]))
    assert y.xindexes["window"].equals(x.xindexes["window"])
    direct = keras.Model(model.inputs, flat.output).predict_on_batch(x.dna.values)
    np.testing.assert_allclose(y, direct, rtol=1e-5, atol=1e-6)
    both = ga.predict(model, x, layers=[flat.name, wide.name])
    assert both[flat.name].dims == ("window", f"unit_{flat.name}")
    assert both[wide.name].dims == ("window", f"place_{wide.name}", f"unit_{wide.name}")
    np.testing.assert_allclose(both[flat.name], y, rtol=1e-5, atol=1e-6)
    assert ga.embed(y).sizes == {"window": 5, "component": 2}
    with pytest.raises(ga.GenomeError, match=f"no layer 'dens'; it has {names[0]}, {names[1]}"):
        ga.predict(model, x, layers="dens")
    with pytest.raises(ga.GenomeError, match="leave out targets= and both_strands="):
        ga.predict(model, x, layers=flat.name, both_strands="mean")


def test_predict__keeps_some_outputs(signed):
    x = signed[0].assign(open=("window", np.zeros(5)))
    model = ga.models.classifier(x, "dna", ["bound", "open"], filters=4)
    y = ga.predict(model, x)
    for both in (None, "mean"):
        whole = ga.predict(model, x, both_strands=both)
        xr.testing.assert_equal(ga.predict(model, x, targets="open", both_strands=both), whole.open)
        xr.testing.assert_equal(
            ga.predict(model, x, targets=["open"], both_strands=both), whole.open
        )
    assert list(ga.predict(model, x, targets=["open", "bound"])) == ["open", "bound"]
    assert list(y) == ["bound", "open"]
    with pytest.raises(ga.GenomeError, match="no output 'opn'; it has 'bound', 'open'"):
        ga.predict(model, x, targets="opn")


def test_predict__compares_shapes_without_a_signature(signed):
    model = counting_model(signed[0])
    with pytest.raises(ga.RegionError, match=r"input 'dna' has the shape \(60,\) .* takes \(40,\)"):
        ga.predict(model, windows(flank=10))
    entry = keras.Input((40, 3), name="cuts")
    channels = keras.Model(entry, keras.layers.Dense(1)(keras.layers.Flatten()(entry)))
    with pytest.raises(ga.RegionError, match=r"'cuts' has the shape \(40, 2\) .* takes \(40, 3\)"):
        ga.predict(channels, signed[0])
    with pytest.raises(ga.GenomeError, match="are 2, and the model takes 1: dna"):
        ga.predict(model, signed[0], inputs=["dna", "cuts"])
    xr.testing.assert_equal(ga.predict(model, windows(jitter=3)), ga.predict(model, windows()))


def test_predict__names_the_first_window_that_is_nan(signed):
    x = windows(block=2)
    entry = keras.Input((40,), dtype="int8", name="dna")
    answer = keras.ops.log(keras.ops.sum(ga.models.OneHot()(entry)[..., :1], axis=1) - 11.5)
    model = keras.Model(entry, answer)
    number = (x.dna.values == 0).sum(1)
    row = int(np.argmax(number < 12))
    label = x.window.values[row]
    with pytest.raises(
        ga.GenomeError, match="predicts NaN .* in window " + label.replace("+", r"\+")
    ):
        ga.predict(model, x, 2)
    assert np.isnan(ga.predict(model, x, check=False)).values.tolist() == (number < 12).tolist()
    x, model = signed
    model.layers[-1].set_weights([np.full_like(w, np.nan) for w in model.layers[-1].get_weights()])
    with pytest.raises(ga.GenomeError, match=r"its weights .*kernel hold NaN.* learning_rate="):
        ga.predict(model, x)


def test_predict__tells_what_it_was_made_of(signed):
    x, model = signed
    y = ga.predict(model, x.assign(dna=x.dna.assign_attrs(source="toy.fa")), both_strands="mean")
    told = y.attrs
    assert told["inputs"]["dna"]["source"] == "toy.fa"
    assert told["both_strands"] == "mean"
    assert told["model_digest"] == ga.predict(model, x).attrs["model_digest"]
    other = ga.models.classifier(x, "dna", "bound", filters=4, seed=9)
    assert told["model_digest"] != ga.predict(other, x).attrs["model_digest"]
    json.dumps(told)
