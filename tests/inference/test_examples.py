"""Does everybody who takes examples= get the windows of the training, or an error by name?"""

import json

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.inference.examples import examples_of

TOY = ga.Assembly("toy", {"chr1": 600, "chr2": 400})
DS = xr.Dataset(
    {
        "dna": (
            "position",
            np.random.default_rng(0).integers(0, 4, 1000).astype("int8"),
            {"alphabet": "ACGT"},
        ),
        "reads": ("position", np.random.default_rng(1).integers(0, 9, 1000)),
    },
    ga.genome_coords(TOY),
).assign(bound=lambda ds: ds.reads > 7)


def windows(regions):
    x = ga.windows(DS, regions, 20, flank={"dna": 5}, reduce={"bound": "max"})
    return x.assign(reads=ga.normalize(x.reads, ga.fit_normalizer(x.reads, "log1p")))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A trained model that was loaded again."""
    place = tmp_path_factory.mktemp("model") / "m"
    x = windows(ga.tile_regions(DS, 20))
    made = ga.models.classifier(x, ["dna", "reads"], "bound", order=2, filters=4)
    ga.fit(made, x, inputs=["dna", "reads"], targets="bound", epochs=1, out=place, progress=False)
    return ga.load_model(place)


def test_fit__keeps_what_makes_the_windows_again(model):
    signature = model.signature
    assert signature.orders == [2]
    assert signature.width == 20
    assert [set(one["values"]) for one in signature.probe] == [{"dna", "reads", "bound"}] * 4
    assert signature.inputs["dna"].windows == {"of": "dna", "width": 20, "flank": [5, 5]}
    assert signature.inputs["reads"].attrs["normalizer"] == {"method": "log1p"}
    assert signature.targets["bound"].windows["reduce"] == "max"
    assert len(json.dumps(signature.to_json())) < 10_000


def test_examples_of__without_a_function_asks_the_signature(model):
    regions = ["chr2:380-400:-", "chr1:0-20:+"]
    x = examples_of(model, None, DS, targets=True)(regions)
    xr.testing.assert_identical(x.compute(), windows(regions).compute())
    assert "bound" not in examples_of(model, None, DS[["dna", "reads"]])(regions)


def test_examples_of__compares_what_a_function_gives(model):
    regions = ["chr1:100-120"]
    xr.testing.assert_identical(examples_of(model, windows, None)(regions), windows(regions))
    with pytest.raises(ga.RegionError, match="input 'dna' has 20 along"):
        examples_of(model, lambda some: ga.windows(DS, some, flank={"reads": 5}), None)(regions)
    with pytest.raises(ga.GenomeError, match=r"examples\(\) gave a DataArray"):
        examples_of(model, lambda some: windows(some).dna, None)(regions)
    plain = examples_of(model, lambda some: 5, None, check=False)
    assert plain(regions) == 5


def test_examples_of__says_what_is_missing(model):
    with pytest.raises(ga.GenomeError, match="nothing to cut windows from; give like="):
        examples_of(model, None, None)
    with pytest.raises(ga.GenomeError, match="examples= is a Dataset; give a function"):
        examples_of(model, windows(["chr1:0-20"]), None)
    with pytest.raises(ga.GenomeError, match="has no signature to make windows from"):
        examples_of(object(), None, DS)


def test_examples_of__refuses_windows_that_were_changed_before_training():
    x = windows(ga.tile_regions(DS, 20))
    x = x.assign(reads=np.sqrt(x.reads))
    model = ga.models.classifier(x, ["dna", "reads"], "bound", filters=4)
    ga.fit(model, x, inputs=["dna", "reads"], targets="bound", epochs=1, progress=False)
    with pytest.raises(ga.GenomeError, match=r"'reads' at chr\d:\d+-\d+:. is .* on average here"):
        ga.predict(model, ["chr1:0-20"], like=DS)
    assert ga.predict(model, ["chr1:0-20"], like=DS, check=False).size == 1
    y = ga.predict(
        model, ["chr1:0-20"],
        examples=lambda some: windows(some).assign(reads=lambda x: np.sqrt(x.reads)),
    )  # fmt: skip
    np.testing.assert_allclose(y, ga.predict(model, x).sel(window="chr1:0-20"), rtol=1e-5)


def test_load_model__takes_signatures_of_before(model, tmp_path):
    ga.fit(
        ga.models.classifier(x := windows(ga.tile_regions(DS, 20)), "dna", "bound", filters=4),
        x, inputs="dna", targets="bound", epochs=1, out=tmp_path / "m", progress=False,
    )  # fmt: skip
    file = tmp_path / "m" / "signature.json"
    told = json.loads(file.read_text())
    for name in ("orders", "probe"):
        del told[name]
    for one in (*told["inputs"].values(), *told["targets"].values()):
        del one["windows"], one["chosen"]
    file.write_text(json.dumps(told))
    old = ga.load_model(tmp_path / "m")
    assert ga.predict(old, x).sizes == {"window": 50}
    with pytest.raises(ga.GenomeError, match="cannot make 'dna' again"):
        examples_of(old, None, DS)
