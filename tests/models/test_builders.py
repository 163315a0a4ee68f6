import json

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

CODES = {"alphabet": "ACGT"}


def windows(rng, count=12, tracks=0, **more):
    """Windows of 60 bp with 20 bp of flank in the DNA, and counts in bins of 5 bp."""
    label = rng.integers(0, 2, (count, tracks) if tracks else count).astype("float32")
    variables = {
        "dna": (("window", "offset_dna"), rng.integers(0, 5, (count, 100)).astype("int8"), CODES),
        "cuts": (("window", "strand", "offset_cuts", "sample"), rng.random((count, 2, 12, 3))),
        "depth": (("window", "sample"), rng.random((count, 3))),
        "label": (("window", "track") if tracks else "window", label),
        **more,
    }
    coords = {"offset_dna": np.arange(-20, 80), "offset_cuts": np.arange(0, 60, 5)}
    return xr.Dataset(variables, coords)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def run(model, x):
    names = [tensor.name for tensor in model.inputs]
    return model.predict_on_batch([x[name].values for name in names])


@pytest.mark.parametrize("inputs", ["dna", ["cuts"], ["depth"], ["dna", "cuts", "depth"]])
@pytest.mark.parametrize("tracks", [0, 1, 3])
def test_classifier__reads_its_sizes_from_the_windows(inputs, tracks, rng):
    x = windows(rng, tracks=tracks)
    model = ga.models.classifier(x, inputs, "label", filters=4)
    assert [tensor.name for tensor in model.inputs] == ([inputs] if inputs == "dna" else inputs)
    y = run(model, x)
    assert y.shape == (12, max(tracks, 1))
    assert ((y > 0) & (y < 1)).all()


def test_classifier__gives_a_dict_for_several_targets(rng):
    x = windows(rng, tracks=2, other=("window", np.zeros(12, "float32")))
    model = ga.models.classifier(x, "dna", ["label", "other"], filters=4)
    assert {name: y.shape for name, y in run(model, x).items()} == {
        "label": (12, 2),
        "other": (12, 1),
    }


def test_classifier__is_the_same_for_the_same_seed(rng):
    x = windows(rng)
    one, same, other = (
        run(ga.models.classifier(x, "dna", "label", filters=4, seed=seed), x) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_classifier__has_a_kernel_over_all_kmers(order, rng):
    model = ga.models.classifier(windows(rng), "dna", "label", order=order, filters=4)
    shapes = [layer.kernel.shape for layer in model.layers if hasattr(layer, "merge")]
    assert shapes == [(15, 4**order, 4)]


def test_classifier__works_on_very_short_windows(rng):
    x = windows(rng).isel(offset_dna=slice(0, 1), offset_cuts=slice(0, 1))
    assert run(ga.models.classifier(x, ["dna", "cuts"], "label", filters=4), x).shape == (12, 1)


def test_classifier__refuses_targets_along_offsets(rng):
    with pytest.raises(ga.RegionError, match=r"'cuts' has dims .* or use ga.models.profile"):
        ga.models.classifier(windows(rng), "dna", "cuts")


def test_builders__keep_the_signature(rng):
    x = windows(rng)
    for model in (
        ga.models.classifier(x, "dna", "label", filters=4),
        ga.models.profile(x, "dna", "cuts", filters=4),
    ):
        assert model.signature.inputs["dna"].shape == (100,)
        assert json.dumps(model.signature.to_json())


@pytest.mark.parametrize("inputs", ["dna", ["cuts"], ["dna", "cuts", "depth"]])
@pytest.mark.parametrize("order", [1, 3])
def test_profile__gives_the_shape_of_its_target(inputs, order, rng):
    x = windows(rng, signal=(("window", "offset_signal"), np.zeros((12, 6), "float32")))
    x = x.assign(wanted=x.cuts).assign_coords(offset_signal=np.arange(0, 60, 10))
    model = ga.models.profile(x, inputs, ["wanted", "signal"], order=order, filters=4, dilations=2)
    y = run(model, x)
    assert {name: values.shape for name, values in y.items()} == {
        "wanted": (12, 2, 12, 3),
        "signal": (12, 6),
    }
    assert (y["wanted"] > 0).all()


def test_profile__puts_channels_where_the_dims_of_the_target_say(rng):
    """Strand and sample may stand before or after the offset; the numbers are the same."""
    x = windows(rng).assign(
        before=(("window", "sample", "offset_cuts"), np.zeros((12, 3, 12), "float32")),
        after=(("window", "offset_cuts", "sample"), np.zeros((12, 12, 3), "float32")),
    )
    before, after = (
        run(ga.models.profile(x, "dna", name, filters=4, dilations=1), x)
        for name in ("before", "after")
    )
    np.testing.assert_array_equal(before, after.transpose(0, 2, 1))


def test_builders__refuse_a_variable_that_is_input_and_target(rng):
    with pytest.raises(ga.RegionError, match="'cuts' is input and target"):
        ga.models.profile(windows(rng), ["dna", "cuts"], "cuts", filters=4)


def test_profile__looks_at_the_bases_under_each_bin(rng):
    """With a receptive field of one base, each bin answers to the bases of its own offsets only."""
    x = windows(rng, count=1, bins=(("window", "offset_bins"), np.zeros((1, 4), "float32")))
    x = x.assign_coords(offset_bins=np.arange(10, 50, 10))
    model = ga.models.profile(x, "dna", "bins", kernel_size=1, dilations=0, filters=4)
    before = run(model, x)[0]
    answers = set()
    for base in range(100):
        codes = x.dna.values.copy()
        codes[0, base] = (codes[0, base] + 2) % 4
        changed = np.flatnonzero(run(model, x.assign(dna=x.dna.copy(data=codes)))[0] != before)
        offset = int(x.offset_dna[base])
        inside = 10 <= offset < 50
        assert set(changed) <= ({(offset - 10) // 10} if inside else set())
        answers |= set(changed)
    assert answers == {0, 1, 2, 3}


def test_profile__repeats_coarse_inputs_to_fine_bins(rng):
    x = windows(rng, fine=(("window", "offset_fine"), np.zeros((12, 50), "float32")))
    x = x.assign_coords(offset_fine=np.arange(3, 53))
    model = ga.models.profile(x, "cuts", "fine", kernel_size=1, dilations=0, filters=4)
    y = run(model, x)
    assert y.shape == (12, 50)
    assert (y[:, 0] == y[:, 1]).all()  # offsets 3 and 4 lie in the bin of 0 to 5
    assert (y[:, 2] == y[:, 6]).all()  # 5 to 9
    assert (y[:, 1] != y[:, 2]).any()


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        (np.arange(-30, 30, 10), "spans offsets -30 to 30, input 'dna' only -20 to 80"),
        (np.arange(30, 90, 10), "spans offsets 30 to 90, input 'dna' only -20 to 80"),
        (np.arange(0, 42, 7), "bins of 7 bp from 0 on of target 'out' do not fit those of 5 bp"),
        (np.array([0, 1, 2, 4, 5, 6]), "no evenly spaced offsets"),
    ],
)
def test_profile__refuses_offsets_that_do_not_fit(offsets, message, rng):
    x = windows(rng, out=(("window", "offset_out"), np.zeros((12, 6), "float32")))
    x = x.assign_coords(offset_out=offsets)
    with pytest.raises(ga.RegionError, match=message):
        ga.models.profile(x, ["dna", "cuts"], "out", filters=4)


def test_profile__refuses_targets_without_offsets(rng):
    with pytest.raises(ga.RegionError, match="'label' has dims"):
        ga.models.profile(windows(rng), "dna", "label")
