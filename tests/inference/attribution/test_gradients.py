import warnings

import keras
import numpy as np
import pytest
import xarray as xr
from keras import layers, ops

import genoarrays as ga

TOY = ga.Assembly("toy", {"chr1": 600, "chr2": 400})
REGIONS = ["chr2:0-30:-", "chr1:120-150:+", "chr1:200-230", "chr1:570-600:-"]


@pytest.fixture(scope="module")
def genome():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 4, 1000).astype("int8")
    codes[[125, 210]] = 4
    ds = xr.Dataset(
        {
            "dna": ("position", codes, {"alphabet": "ACGT"}),
            "cuts": (("position", "strand"), rng.integers(0, 5, (1000, 2)).astype("int8")),
        },
        ga.genome_coords(TOY),
    )
    return ds.assign_coords(strand=["+", "-"])


@pytest.fixture(scope="module")
def x(genome):
    return ga.windows(genome[["dna"]], REGIONS, width=30)


def linear(order=1, seed=0):
    """Weights of k-mers at positions, and the model that adds those of a window up."""
    weights = np.random.default_rng(seed).normal(size=(31 - order, 4**order)).astype("float32")
    entry = keras.Input((30,), dtype="int8", name="dna")
    hot = ga.models.OneHot(order)(entry)
    return weights, keras.Model(entry, ops.sum(hot * weights, axis=(1, 2), keepdims=False)[:, None])


def deep(seed, order=1, activation="relu", last=None, tracks=1):
    keras.utils.set_random_seed(seed)
    entry = keras.Input((30,), dtype="int8", name="dna")
    # without biases a network of ReLU is linear along each ray from zero
    told = {"activation": activation, "bias_initializer": keras.initializers.RandomNormal(0, 0.3)}
    y = layers.Conv1D(8, 5, **told)(ga.models.OneHot(order)(entry))
    y = layers.MaxPooling1D(2)(y)
    y = layers.Flatten()(layers.Conv1D(6, 3, **told)(y))
    return keras.Model(entry, layers.Dense(tracks, activation=last, name="bound")(y))


def joint(x, **options):
    """Sequence and stranded signal, two outputs."""
    x = x.assign(
        bound=(("window", "track"), np.eye(4, 2, dtype="float32")),
        depth=("window", np.arange(4.0)),
    ).assign_coords(track=["reb1", "rap1"])
    return x, ga.models.classifier(x, ["dna", "cuts"], ["bound", "depth"], filters=4, **options)


def present(codes, weights):
    """Weight at the base that is there, 0 elsewhere: (offset, channel)."""
    out = np.zeros_like(weights)
    known = np.flatnonzero(codes < 4)
    out[known, codes[known]] = weights[known, codes[known]]
    return out


# ---- what it gives


@pytest.mark.parametrize("explain", [ga.integrated_gradients, ga.input_x_gradient])
def test_linear__attribution_is_the_weight_at_the_present_base(x, explain):  # case 117
    weights, model = linear()
    a = explain(model, x)
    for row, codes in zip(a.values, x.dna.values, strict=True):
        np.testing.assert_allclose(row, present(codes, weights), atol=1e-5)
    assert (a < 0).any()
    assert (a > 0).any()


@pytest.mark.parametrize(
    ("order", "activation", "baseline"),
    [(1, "relu", "zero"), (2, "tanh", "zero"), (3, "relu", "zero"), (1, "relu", "shuffled")],
)
def test_integrated_gradients__are_complete(x, order, activation, baseline):
    model = deep(order, order, activation, "sigmoid")
    a = ga.integrated_gradients(model, x, baseline=baseline, shuffles=2, seed=3)
    total = a.sum(["offset", "channel"])
    np.testing.assert_allclose(total - a.difference, a.completeness, atol=1e-6)
    if baseline == "zero":
        nothing = model(np.full((1, 30), 4, "int8")).numpy()[0, 0]
        np.testing.assert_allclose(
            a.difference, ga.predict(model, x).squeeze() - nothing, atol=1e-6
        )
        assert (abs(a.completeness) <= 1e-3 * abs(a.difference) + 3e-5).all()
    assert (abs(a.completeness) <= 1e-3).all()


def test_integrated_gradients__equal_an_explicit_loop(x):
    import tensorflow as tf

    model = deep(2)
    after = keras.Model(model.layers[1].output, model.output)
    end = np.asarray(ga.one_hot(x.dna))
    expected = np.zeros(end.shape)
    for step in (np.arange(20) + 0.5) / 20:
        with tf.GradientTape() as tape:
            point = tf.Variable(step * end, dtype="float32")
            value = after(point)
        expected += end * tape.gradient(value, point).numpy() / 20
    a = ga.integrated_gradients(deep(2), x, steps=20, tolerance=np.inf)
    np.testing.assert_allclose(a, expected, atol=1e-5)
    assert np.abs(expected).max() > 0.1


def test_integrated_gradients__do_not_depend_on_batches(x):
    model = deep(0)
    for baseline in ("zero", "shuffled"):
        told = {"baseline": baseline, "shuffles": 3, "steps": 20, "tolerance": np.inf}
        a, b = (ga.integrated_gradients(model, x, batch_size=n, **told) for n in (7, 400))
        np.testing.assert_allclose(a, b, atol=1e-5)
        c = ga.integrated_gradients(model, x.isel(window=[0]), **told)
        np.testing.assert_allclose(c[0], a[0], atol=1e-5)


def test_integrated_gradients__take_finer_steps_where_kinks_need_them(x):
    model = deep(0)
    coarse = ga.integrated_gradients(model, x, steps=3, tolerance=np.inf)
    fine = ga.integrated_gradients(model, x, steps=3, tolerance=0.02)
    exact = ga.integrated_gradients(model, x, steps=81, tolerance=np.inf)
    error = abs(coarse.completeness / coarse.difference)
    assert error.max() > 0.02
    done = (error <= 0.02).values
    np.testing.assert_allclose(fine[done], coarse[done])
    assert (abs(fine - exact).sum() < abs(coarse - exact).sum()).all()
    assert (abs(fine.completeness) < 0.02 * abs(fine).max(["offset", "channel"]) + 1e-2).all()
    with pytest.warns(UserWarning, match="give more steps than 1"):
        ga.integrated_gradients(model, x, steps=1, tolerance=0)


def test_shuffled__averages_over_dinucleotide_shuffles_of_each_window(x):
    weights, model = linear()
    one = x.isel(window=[2])
    a = ga.integrated_gradients(model, one, baseline="shuffled", shuffles=200)
    # of a linear model: (present - share of the shuffles with the base there) * weight
    hot = np.asarray(ga.one_hot(one.dna))[0]
    share = hot - np.divide(a.values[0], weights)
    np.testing.assert_allclose(share.sum(axis=1), hot.sum(axis=1), atol=1e-4)
    np.testing.assert_allclose(share.sum(axis=0), hot.sum(axis=0), atol=1e-2)
    assert 0.02 < share[5:25].std() < 0.3
    again = ga.integrated_gradients(model, one, baseline="shuffled", shuffles=2, seed=1)
    other = ga.integrated_gradients(model, one, baseline="shuffled", shuffles=2, seed=2)
    assert not np.allclose(again, other)


def test_baseline__may_be_given_in_many_shapes(x):
    weights, model = linear()
    hot = np.asarray(ga.one_hot(x.dna))
    uniform = ga.integrated_gradients(model, x, baseline=np.full(4, 0.25))
    np.testing.assert_allclose(uniform, (hot - 0.25) * weights, atol=1e-5)
    shifted = np.roll(x.dna.values, 1, axis=0)
    expected = (hot - np.roll(hot, 1, axis=0)) * weights
    forms = [
        shifted,
        np.roll(hot, 1, axis=0),
        xr.DataArray(shifted, dims=("window", "offset")),
        x.dna.copy(data=shifted),
        x.dna.copy(data=shifted).transpose(),
        {"dna": shifted},
        xr.Dataset({"dna": x.dna.copy(data=shifted)}),
    ]
    for form in forms:
        a = ga.integrated_gradients(model, x, baseline=form)
        np.testing.assert_allclose(a, expected, atol=1e-5)
        assert a.baseline == "given"
    all_a = ga.integrated_gradients(model, x, baseline=np.zeros(30, "int8"))
    np.testing.assert_allclose(all_a, (hot - [1, 0, 0, 0]) * weights, atol=1e-5)
    other = x.isel(window=[1, 0, 2, 3])
    with pytest.raises(ga.RegionError, match="in another order"):
        ga.integrated_gradients(model, x, baseline=other.dna)


@pytest.mark.parametrize(
    ("baseline", "match"),
    [
        ("mean", "'zero', 'shuffled'"),
        (
            np.zeros(7),
            r"\(7,\), which does not fit; give codes \(30,\) or one-hot values \(30, 4\)",
        ),
        ({"rna": np.zeros(4)}, "names 'rna'; the inputs are dna"),
    ],
)
def test_baseline__that_does_not_fit_is_refused(x, baseline, match):
    with pytest.raises(ga.GenomeError, match=match):
        ga.integrated_gradients(linear()[1], x, baseline=baseline)


@pytest.mark.parametrize("order", [2, 3])
def test_kmers__are_kept_or_shared_over_their_bases(x, order):
    weights, model = linear(order)
    kept = ga.integrated_gradients(model, x, fold=False)
    hot = ga.one_hot(x.dna, order=order)
    np.testing.assert_allclose(kept, np.asarray(hot) * weights, atol=1e-5)
    np.testing.assert_array_equal(kept.channel, hot.channel)
    xr.testing.assert_identical(kept.offset.variable, hot.offset.variable)
    folded = ga.integrated_gradients(model, x)
    np.testing.assert_allclose(folded.sum(), kept.sum(), rtol=1e-5)
    expected = np.zeros(folded.shape)
    for row, place, kmer in zip(*np.nonzero(kept.values), strict=True):
        for base, letter in enumerate(str(kept.channel.values[kmer])):
            share = kept.values[row, place, kmer] / order
            expected[row, place + base, "ACGT".index(letter)] += share
    np.testing.assert_allclose(folded, expected, atol=1e-5)


def test_kmers__of_several_lengths_are_put_together(x):
    entry = keras.Input((30,), dtype="int8", name="dna")
    parts = [ga.models.OneHot(order)(entry) for order in (1, 2)]
    sums = [ops.sum(p * (2.0 + p.shape[-1]), axis=(1, 2)) for p in parts]
    model = keras.Model(entry, (sums[0] + sums[1])[:, None])
    a = ga.integrated_gradients(model, x)
    assert a.dims == ("window", "offset", "channel")
    np.testing.assert_allclose(a.sum(["offset", "channel"]), a.difference, rtol=1e-4)
    with pytest.raises(ga.GenomeError, match="k-mers of the lengths 1, 2; fold=True"):
        ga.integrated_gradients(model, x, fold=False)


def test_hypothetical__is_what_each_base_would_add(x):
    weights, model = linear()
    a = ga.integrated_gradients(model, x, hypothetical=True)
    np.testing.assert_allclose(a, np.broadcast_to(weights, a.shape), atol=1e-5)
    deeper = deep(0, activation="tanh")
    for baseline in ("zero", "shuffled"):
        told = {"baseline": baseline, "shuffles": 2, "tolerance": np.inf}
        h = ga.integrated_gradients(deeper, x, hypothetical=True, **told)
        a = ga.integrated_gradients(deeper, x, **told)
        hot = ga.one_hot(x.dna)
        # at each base: what is there adds what it adds
        np.testing.assert_allclose(
            (h * hot).sum("channel").where(x.dna < 4, 0), a.sum("channel").where(x.dna < 4, 0),
            atol=1e-5,
        )  # fmt: skip
    with pytest.raises(ga.GenomeError, match="k-mers of 2"):
        ga.integrated_gradients(linear(2)[1], x, hypothetical=True)


def test_logit__is_what_goes_into_the_sigmoid(x):
    plain, probability = deep(4), deep(4, last="sigmoid")
    for explain in (ga.integrated_gradients, ga.input_x_gradient, ga.saturation_mutagenesis):
        a, b = explain(plain, x), explain(probability, x, logit=True)
        np.testing.assert_allclose(a, b, atol=1e-6)
        assert (a.attrs["scale"], b.attrs["scale"]) == ("output", "logit")
        assert not np.allclose(a, explain(probability, x))
        with pytest.raises(ga.GenomeError, match="'bound' is a Dense with the activation linear"):
            explain(plain, x, logit=True)


def test_input_x_gradient__equals_finite_differences(x):
    model = deep(1, activation="tanh", tracks=3)
    after = keras.Model(model.layers[1].output, model.output)
    hot, small = np.asarray(ga.one_hot(x.dna))[1], 1e-2
    expected = np.zeros(hot.shape)
    for place, base in zip(*np.nonzero(hot), strict=True):
        tips = np.repeat(hot[None], 2, axis=0)
        tips[:, place, base] += [small, -small]
        high, low = after(tips).numpy()[:, 2]
        expected[place, base] = (high - low) / (2 * small)
    a = ga.input_x_gradient(model, x, track=2)
    np.testing.assert_allclose(a[1], expected, atol=2e-3)


# ---- which output, which inputs


def test_output__and_track_choose_what_is_explained(genome):
    x, model = joint(ga.windows(genome, REGIONS, width=30))
    y = ga.predict(model, x)
    nothing = xr.zeros_like(x[["dna", "cuts"]]).assign(dna=x.dna * 0 + 4)
    nothing.dna.attrs = x.dna.attrs
    zero = ga.predict(model, nothing, check=False)
    for track in ("reb1", "rap1"):
        a = ga.integrated_gradients(model, x, target="bound", track=track)
        expected = (y.bound - zero.bound).sel(track=track)
        np.testing.assert_allclose(a.difference, expected, atol=1e-5)
        total = a.dna.sum(["offset", "channel"]) + a.cuts.sum(["offset", "strand"])
        np.testing.assert_allclose(total, expected, rtol=2e-3, atol=1e-4)
    both = ga.integrated_gradients(model, x, target="bound", track=["reb1", "rap1"])
    np.testing.assert_allclose(
        both.difference, (y.bound - zero.bound).sum("track"), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    ("wanted", "match"),
    [
        ({}, "has 2 outputs; say target=, one of bound, depth"),
        ({"target": "binds"}, "no output 'binds'; it has bound, depth"),
        ({"target": "bound"}, "2 along 'track'; choose one: track= one of reb1, rap1"),
        ({"target": "bound", "track": "gal4"}, "no track 'gal4'; it has reb1, rap1"),
        ({"target": "depth", "track": "reb1"}, "'depth' has no tracks; its dimensions are none"),
        ({"target": "depth", "at": {"offset": 3}}, "names 'offset'"),
        ({"target": "depth", "of": "rna"}, "names 'rna'; the inputs are dna, cuts"),
    ],
)
def test_output__that_is_not_there_lists_those_that_are(genome, wanted, match):
    x, model = joint(ga.windows(genome, REGIONS, width=30))
    for explain in (ga.integrated_gradients, ga.input_x_gradient):
        with pytest.raises(ga.GenomeError, match=match):
            explain(model, x, **wanted)


def test_profile__is_summed_averaged_or_cut(genome):
    x = ga.windows(genome, REGIONS, width=30).rename(cuts="signal")
    model = ga.models.profile(x, "dna", "signal", filters=4, dilations=1)
    y = ga.predict(model, x)
    nothing = ga.predict(model, x.assign(dna=(x.dna * 0 + 4).assign_attrs(x.dna.attrs)))
    way = y - nothing
    for at, expected in [
        (None, way.sum(["offset", "strand"])),
        ({"strand": "-"}, way.sel(strand="-").sum("offset")),
        ({"offset": "mean"}, way.mean("offset").sum("strand")),
        (
            {"offset": slice(5, 9), "strand": "+"},
            way.isel(offset=slice(5, 9), strand=0).sum("offset"),
        ),
        ({"offset": [3, 4]}, way.sel(offset=[3, 4]).sum(["offset", "strand"])),
        ({"offset": 7, "strand": "mean"}, way.sel(offset=7).mean("strand")),
    ]:
        a = ga.integrated_gradients(model, x, at=at, tolerance=np.inf, steps=2)
        np.testing.assert_allclose(a.difference, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ga.GenomeError, match="leaves nothing along 'offset'"):
        ga.integrated_gradients(model, x, at={"offset": slice(30, 40)})
    with pytest.raises(ga.GenomeError, match=r"no strand '\.'; it has"):
        ga.integrated_gradients(model, x, at={"strand": "."})


def test_several_inputs__give_a_variable_each(genome):
    x, model = joint(ga.windows(genome, REGIONS, width=30, flank={"dna": 0, "cuts": 0}))
    a = ga.integrated_gradients(model, x, target="depth")
    assert {n: v.dims for n, v in a.data_vars.items()} == {
        "dna": ("window", "offset_dna", "channel"),
        "cuts": ("window", "offset_cuts", "strand"),
    }
    assert a.strand.values.tolist() == ["+", "-"]
    assert np.abs(a.cuts).max() > 0  # int8 counts have a gradient too
    grad = ga.input_x_gradient(model, x, target="depth")
    assert np.abs(grad.cuts).max() > 0
    assert (grad.cuts.where(x.cuts == 0, 0) == 0).all()


def test_of__holds_the_other_inputs_at_their_values(genome):
    x, model = joint(ga.windows(genome, REGIONS, width=30))
    y = ga.predict(model, x).depth
    a = ga.integrated_gradients(model, x, target="depth", of="cuts")
    assert a.name == "attribution"
    assert a.dims == ("window", "offset", "strand")
    without = ga.predict(model, x.assign(cuts=x.cuts * 0)).depth
    np.testing.assert_allclose(a.difference, y - without, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(a.sum(["offset", "strand"]), y - without, rtol=2e-3, atol=1e-4)


def test_numbers__given_as_integers_have_a_gradient(genome):
    x = ga.windows(genome[["cuts"]], REGIONS, width=30)
    entry = keras.Input((30, 2), dtype="int8", name="cuts")
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(ops.cast(entry, "float32"))))
    a = ga.integrated_gradients(model, x)
    weights = model.layers[-1].get_weights()[0].reshape(30, 2)
    np.testing.assert_allclose(a, x.cuts.values * weights, atol=1e-5)


# ---- labels, places


def test_result__is_labelled_as_the_windows(x):
    a = ga.integrated_gradients(deep(0), x)
    assert a.name == "attribution"
    assert a.dims == ("window", "offset", "channel")
    assert a.dtype == np.float32
    assert a.xindexes["window"].equals(x.xindexes["window"])
    assert a.channel.values.tolist() == list("ACGT")
    for name in ("contig", "start", "end", "orientation", "assembly", "offset"):
        xr.testing.assert_identical(a[name].variable, x[name].variable)
    assert a.attrs["method"] == "integrated gradients"
    assert "alphabet" not in a.attrs
    assert a.sel(window="chr1:120-150:+", channel="A").dims == ("offset",)
    assert (a.where(x.dna == 4, 0) == 0).all()
    x.assign(contribution=a.sum("channel"))  # aligns with the windows


def test_result__goes_to_a_bigwig_at_its_true_place(x, genome, tmp_path):
    a = ga.integrated_gradients(deep(0), x)
    ga.to_bigwig(a.sum("channel"), tmp_path / "a.bw")
    back = ga.open_bigwig(tmp_path / "a.bw", like=genome).signal
    for row, label in enumerate(REGIONS):
        region = ga.region(label)
        there = back.sel(position=f"{region.contig}:{region.start}-{region.end}").values
        mine = a.sum("channel").values[row]
        np.testing.assert_allclose(there, mine[::-1] if region.strand == "-" else mine, rtol=1e-6)
    assert int(np.isfinite(back).sum()) == 120


def test_minus_strand__reads_in_the_direction_of_the_window(x, genome):
    model = deep(0)
    forward = ga.windows(genome[["dna"]], ["chr2:0-30:+"], width=30)
    turned = ga.integrated_gradients(model, ga.reverse_complement(forward))
    minus = ga.integrated_gradients(model, x.isel(window=[0]))
    np.testing.assert_allclose(turned, minus, atol=1e-6)


def test_windows__past_a_contig_end_give_nothing_there(genome):
    x = ga.windows(genome[["dna"]], ["chr1:590-600"], width=10, flank=10)
    a = ga.integrated_gradients(deep(0), x)
    assert (a.sel(offset=slice(10, 19)) == 0).all()
    assert np.abs(a.sel(offset=slice(-10, 9))).sum() > 0


def test_sequences__keep_their_ids():
    x = ga.from_sequences(["ACGT" * 7 + "AC", "GATTACAGATTACAGATTACAGATTACAGA"], ids=["a", "b"])
    a = ga.integrated_gradients(deep(0), x)
    assert a.dims == ("sequence", "offset", "channel")
    assert a.id.values.tolist() == ["a", "b"]


def test_windows__may_be_lazy_none_or_one(x, genome):
    model = deep(0)
    a = ga.integrated_gradients(model, x)
    lazy = ga.windows(genome[["dna"]].chunk(), REGIONS, width=30, block=2)
    np.testing.assert_allclose(ga.integrated_gradients(model, lazy), a, atol=1e-6)
    for explain in (ga.integrated_gradients, ga.input_x_gradient, ga.saturation_mutagenesis):
        assert explain(model, x.isel(window=slice(0))).sizes == {
            "window": 0,
            "offset": 30,
            "channel": 4,
        }
        assert explain(model, x.isel(window=[1])).sizes["window"] == 1


def test_model__stays_as_it_is(x):
    model = deep(0, last="sigmoid")
    before = [w.copy() for w in model.get_weights()]
    for explain in (ga.integrated_gradients, ga.input_x_gradient, ga.saturation_mutagenesis):
        explain(model, x, logit=True)
    assert all(len(layer._inbound_nodes) == 1 for layer in model.layers)
    assert model.layers[-1].activation is keras.activations.sigmoid
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_model__may_be_sequential_or_take_a_dict(x):
    keras.utils.set_random_seed(0)
    tower = [ga.models.OneHot(), layers.Conv1D(4, 3, activation="tanh"), layers.Flatten()]
    model = keras.Sequential(
        [keras.Input((30,), dtype="int8", name="dna"), *tower, layers.Dense(1)]
    )
    a = ga.integrated_gradients(model, x)
    np.testing.assert_allclose(a.sum(["offset", "channel"]), a.difference, rtol=2e-3)
    entry = keras.Input((30,), dtype="int8", name="dna")
    weights = np.arange(4, dtype="float32")
    value = ops.sum(ga.models.OneHot()(entry) * weights, axis=(1, 2))[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for explain in (ga.integrated_gradients, ga.saturation_mutagenesis):
            explain(keras.Model({"dna": entry}, {"y": value}), x)


# ---- regions


def test_regions__are_made_into_windows(genome, tmp_path):
    def examples(regions):
        return ga.windows(genome[["dna"]], regions, width=30)

    x = examples(ga.read_regions(REGIONS, like=genome))
    model = deep(0)
    a = ga.integrated_gradients(model, x)
    for asked in (REGIONS, ga.read_regions(REGIONS, like=genome)):
        xr.testing.assert_allclose(
            ga.integrated_gradients(model, asked, examples=examples, like=genome), a, atol=1e-6
        )
    one = ga.integrated_gradients(model, "chr1:120-150:+", examples=examples)
    np.testing.assert_allclose(one[0], a[1], atol=1e-6)
    model.signature = None
    with pytest.raises(ga.GenomeError, match="no signature to make windows from; give examples="):
        ga.integrated_gradients(model, "chr1:120-150", like=genome)
    with pytest.raises(
        ga.RegionError, match=r"shape \(20,\) in a window, and the model takes \(30,\)"
    ):
        ga.input_x_gradient(
            model, "chr1:120-140", examples=lambda r: ga.windows(genome[["dna"]], r, width=20)
        )


# ---- what cannot be done


def test_codes__without_one_hot_have_no_gradient(x):
    entry = keras.Input((30,), dtype="int8", name="dna")
    embedded = layers.Embedding(5, 3, name="bases")(entry)
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(embedded)))
    with pytest.raises(ga.GenomeError, match=r"'bases' \(Embedding\), where they have no gradient"):
        ga.integrated_gradients(model, x)
    s = ga.saturation_mutagenesis(model, x)
    assert np.abs(s).max() > 0


def test_input__that_is_missing_or_wrong_is_named(x):
    model = deep(0)
    with pytest.raises(ga.RegionError, match=r"no input 'dna' here.*there are seq"):
        ga.integrated_gradients(model, x.rename(dna="seq"))
    renamed = ga.integrated_gradients(model, x.rename(dna="seq"), inputs="seq")
    assert renamed.sizes == {"window": 4, "offset": 30, "channel": 4}
    with pytest.raises(ga.RegionError, match="x is a DataArray, 'dna'"):
        ga.integrated_gradients(model, x.dna)
    protein = x.assign(dna=x.dna.assign_attrs(alphabet="TGCA"))
    with pytest.raises(ga.GenomeError, match=r"codes of TGCA, and the layer 'one_hot.*reads ACGT"):
        ga.integrated_gradients(model, protein)
    with pytest.raises(ga.GenomeError, match="steps=0"):
        ga.integrated_gradients(model, x, steps=0)
    with ga.set_options(byte_limit=1000), pytest.raises(ga.GenomeError, match=r"x\.isel"):
        ga.integrated_gradients(model, x)


def test_arrays__for_other_tools_are_window_channel_offset(x):
    a = ga.integrated_gradients(linear()[1], x)
    contributions = a.transpose("window", "channel", "offset").values
    bases = ga.one_hot(x.dna).transpose("window", "channel", "offset").values
    assert contributions.shape == bases.shape == (4, 4, 30)
    assert ((contributions != 0) <= (bases != 0)).all()
