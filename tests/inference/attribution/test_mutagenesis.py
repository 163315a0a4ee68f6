import keras
import numpy as np
import pytest
import xarray as xr
from keras import layers

import genoarrays as ga

from .test_gradients import REGIONS, deep, genome, joint, linear, x  # noqa: F401


def by_hand(model, codes):
    """Predictions of every mutated sequence less that of the sequence, base by base."""
    out = np.zeros((len(codes), codes.shape[1], 4))
    for row, sequence in enumerate(codes):
        others = []
        for place in range(len(sequence)):
            for base in range(4):
                other = sequence.copy()
                other[place] = base
                others.append(other)
        given = model.predict_on_batch(np.stack([*others, sequence]))[:, 0]
        out[row] = (given[:-1] - given[-1]).reshape(-1, 4)
    return out


@pytest.mark.parametrize("order", [1, 2])
def test_saturation_mutagenesis__equals_mutating_by_hand(x, order):  # noqa: F811
    model = deep(0, order)
    s = ga.saturation_mutagenesis(model, x.isel(window=[0, 2]), batch_size=13)
    np.testing.assert_allclose(s, by_hand(model, x.dna.values[[0, 2]]), atol=1e-5)
    assert s.dims == ("window", "offset", "channel")
    np.testing.assert_allclose(s.prediction, ga.predict(model, x)[[0, 2]].squeeze(), atol=1e-6)
    there = s.where(ga.one_hot(x.dna.isel(window=[0, 2])) == 1, 0)
    assert (there == 0).all()
    assert s.xindexes["window"].equals(x.isel(window=[0, 2]).xindexes["window"])


def test_saturation_mutagenesis__of_some_offsets_leaves_the_others(x):  # noqa: F811
    model = deep(0)
    whole = ga.saturation_mutagenesis(model, x)
    some = ga.saturation_mutagenesis(model, x, offsets=slice(5, 8))
    np.testing.assert_allclose(some[:, 5:8], whole[:, 5:8], atol=1e-6)
    assert (some.isel(offset=[*range(5), *range(8, 30)]) == 0).all()
    with pytest.raises(ga.RegionError, match="holds no offset of 'dna': 0 to 29"):
        ga.saturation_mutagenesis(model, x, offsets=slice(40, 50))
    with pytest.raises(ga.GenomeError, match="is no slice of bp"):
        ga.saturation_mutagenesis(model, x, offsets=3)


def test_saturation_mutagenesis__leaves_other_inputs_as_they_are(genome):  # noqa: F811
    windows, model = joint(ga.windows(genome, REGIONS, width=30))
    s = ga.saturation_mutagenesis(model, windows, target="depth")
    place, base = 11, "G"
    mutated = windows.dna.copy()
    mutated[:, place] = "ACGT".index(base)
    y = [ga.predict(model, w).depth for w in (windows.assign(dna=mutated), windows)]
    np.testing.assert_allclose(s.sel(channel=base).isel(offset=place), y[0] - y[1], atol=1e-5)
    with pytest.raises(ga.GenomeError, match=r"of='cuts' is no sequence of the model.*one of dna"):
        ga.saturation_mutagenesis(model, windows, target="depth", of="cuts")


def test_saturation_mutagenesis__needs_a_sequence(genome):  # noqa: F811
    windows = ga.windows(genome[["cuts"]], REGIONS, width=30)
    entry = keras.Input((30, 2), name="cuts")
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(entry)))
    with pytest.raises(ga.GenomeError, match="no sequence among its inputs cuts"):
        ga.saturation_mutagenesis(model, windows)


def test_saturation_mutagenesis__of_proteins_has_their_letters():
    protein = ga.from_sequences(["MAFSAEDVLK"], ids=["p"], alphabet="protein")
    entry = keras.Input((10,), dtype="int8", name="protein")
    hot = ga.models.OneHot(alphabet="ACDEFGHIKLMNPQRSTVWY")(entry)
    model = keras.Model(entry, layers.Dense(1)(layers.Flatten()(hot)))
    s = ga.saturation_mutagenesis(model, protein)
    assert s.dims == ("sequence", "offset", "channel")
    assert "".join(s.channel.values) == "ACDEFGHIKLMNPQRSTVWY"
    g = ga.input_x_gradient(model, protein)
    assert g.channel.size == 20
    # of a linear model: the weight of the letter less that of the one that is there
    weights = model.layers[-1].get_weights()[0].reshape(10, 20)
    np.testing.assert_allclose(
        s[0] + g[0].sum("channel"), xr.DataArray(weights, dims=("offset", "channel")), atol=1e-5
    )


def test_saturation_mutagenesis__of_a_linear_model_is_a_difference_of_weights(x):  # noqa: F811
    weights, model = linear()
    s = ga.saturation_mutagenesis(model, x)
    a = ga.input_x_gradient(model, x).sum("channel")
    np.testing.assert_allclose(s, weights - np.asarray(a)[..., None], atol=1e-5)
