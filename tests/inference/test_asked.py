import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

from .attribution.test_gradients import REGIONS, deep, genome  # noqa: F401


def test_asked__leaves_the_margin_out_as_streams_do(genome):  # noqa: F811
    model = deep(0)
    plain = ga.windows(genome[["dna"]], REGIONS, width=30)
    wide = ga.windows(genome[["dna"]], REGIONS, width=30, jitter=5)
    for explain in (ga.input_x_gradient, ga.saturation_mutagenesis):
        xr.testing.assert_allclose(explain(model, wide), explain(model, plain), atol=1e-6)


def test_asked__takes_a_path_and_remembers_it(genome, tmp_path):  # noqa: F811
    model = deep(0)
    model.save(tmp_path / "model.keras")
    x = ga.windows(genome[["dna"]], REGIONS, width=30)
    a = ga.input_x_gradient(tmp_path, x)
    np.testing.assert_allclose(a, ga.input_x_gradient(model, x), atol=1e-6)
    assert a.attrs["model"] == str(tmp_path)
    with pytest.raises(ga.StoreError, match="no model at"):
        ga.input_x_gradient(tmp_path / "other", x)


def test_asked__refuses_windows_beside_what_makes_them(genome):  # noqa: F811
    x = ga.windows(genome[["dna"]], REGIONS, width=30)
    with pytest.raises(ga.GenomeError, match="x holds windows already"):
        ga.input_x_gradient(deep(0), x, like=genome)
    with pytest.raises(ga.GenomeError, match=r"inputs=\['dna', 'cuts'\] are 2, and the model"):
        ga.input_x_gradient(deep(0), x, inputs=["dna", "cuts"])


def test_asked__finds_the_one_hot_layer_only_where_it_can(genome):  # noqa: F811
    inner = deep(0)
    entry = keras.Input((30,), dtype="int8", name="dna")
    nested = keras.Model(entry, inner(entry))
    x = ga.windows(genome[["dna"]], REGIONS, width=30)
    with pytest.raises(ga.GenomeError, match="where they have no gradient"):
        ga.input_x_gradient(nested, x)
