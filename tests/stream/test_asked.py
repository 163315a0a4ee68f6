"""Are streams that are not possible refused before anything is read, with the cure?"""

import numpy as np
import pytest

import genoarrays as ga
from tests.stream.test_plan import some


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": []}, "inputs= names no variable; x has x, y, dna"),
        ({"inputs": "z"}, "'z' is no variable of x; it has x, y, dna"),
        ({"inputs": "x", "weights": "y"}, "weights='y' needs targets="),
        ({"inputs": "name"}, "'name' holds .*, and streams give numbers; number its values"),
        ({"inputs": "x", "batch_size": 0}, "batch_size=0 is not possible; give at least 1"),
        ({"inputs": "x", "passes": 0}, "passes=0 is not possible; give at least 1"),
        ({"inputs": "x", "bucket": 0}, "bucket=0 is not possible; give at least 1"),
        ({"inputs": "x", "tracks": 3}, "tracks=3 is not possible; x has 2 of them"),
    ],
)
def test_batches__refuses(options, message):
    x = some(20)
    if options["inputs"] == "name":
        x = x.assign(name=("window", np.array(["a"] * 20)))
    with ga.testing.count_computes() as computed, pytest.raises(ga.GenomeError, match=message):
        ga.batches(x, **{"batch_size": 4, **options})
    assert not computed


def test_batches__refuses_what_is_no_dataset():
    with pytest.raises(ga.GenomeError, match=r"not DataArray; give x as x.to_dataset\(\)"):
        ga.batches(some(20).x, inputs="x", batch_size=4)
    with pytest.raises(ga.GenomeError, match="not list"):
        ga.batches([1], inputs="x", batch_size=4)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "weight 'w' is NaN"), (-1, "below 0")])
def test_batches__refuses_weights_that_are_none(value, message):
    x = some(20).assign(w=("window", np.full(20, value, "f4")))
    with pytest.raises(ga.GenomeError, match=message):
        list(ga.batches(x, inputs="x", targets="y", weights="w", batch_size=4))


@pytest.mark.parametrize("options", [{"scale": -0.1}, {"scale": 5}, {"mask": 1}, {"mask": -1}])
def test_augment__refuses(options):
    (name,) = options
    with pytest.raises(ga.GenomeError, match=f"^{name}="):
        ga.Augment(**options)
