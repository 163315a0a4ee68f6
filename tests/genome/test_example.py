import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.example import example_dim, example_label


def test_example_dim__is_one_of_window_and_sequence():
    assert example_dim(xr.Dataset({"x": ("window", [1])})) == "window"
    assert example_dim(xr.DataArray([[1]], dims=("offset", "sequence"))) == "sequence"
    with pytest.raises(ga.RegionError, match=r"this Dataset has dims \('x',\), none of which is"):
        example_dim(xr.Dataset({"x": ("x", [1])}))
    both = xr.DataArray([[1]], dims=("window", "sequence"), name="odd")
    with pytest.raises(ga.RegionError, match=r"'odd' has dims .*, two of which are"):
        example_dim(both)


def test_example_label__is_the_label_of_a_window_or_the_id_of_a_sequence():
    ds = ga.testing.random_genome({"chr1": 20})
    assert example_label(ga.windows(ds, ["chr1:0-5", "chr1:5-10:-"]), 1) == "chr1:5-10:-"
    assert example_label(ga.from_sequences(["A", "C"], ids=["p", "q"]), 1) == "q"
    assert example_label(xr.Dataset({"x": ("sequence", [1])}), 0) == "without a label"
