import json

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.models.signature import Signature

TOY = ga.Assembly("toy", {"chr1": 1000})


def windows(flank=20, samples=("a", "b"), assembly=TOY, bins=10):
    coords = ga.genome_coords(assembly)
    size = coords["position"].size
    ds = xr.Dataset(
        {
            "dna": ("position", np.zeros(size, "int8"), {"alphabet": "ACGT"}),
            "cuts": (("position", "sample"), np.zeros((size, len(samples)), "float32")),
            "label": ("position", np.zeros(size, "float32")),
        },
        coords,
    ).assign_coords(sample=list(samples))
    return ga.windows(
        ds,
        ["chr1:100-200", "chr1:300-400"],
        flank={"dna": flank},
        bin_size={"cuts": bins} if bins else {},
        reduce={"label": "max", "cuts": "sum"},
    )


def test_of__holds_dims_sizes_labels_and_assembly():
    signature = Signature.of(windows(), ["dna", "cuts"], "label")
    dna, cuts = signature.inputs.values()
    assert (dna.dims, dna.shape, dna.dtype) == (("offset_dna",), (140,), "int8")
    assert dna.labels == {"offset_dna": {"first": -20, "step": 1, "size": 140}}
    assert dna.attrs["alphabet"] == "ACGT"
    assert cuts.labels["offset_cuts"] == {"first": 0, "step": 10, "size": 10}
    assert cuts.labels["sample"] == ["a", "b"]
    assert signature.targets["label"].shape == ()
    assert signature.assembly == {"name": "toy", "digest": TOY.digest}


def test_of__knows_the_bin_size_of_a_single_bin():
    x = windows().isel(offset_cuts=slice(3, 4))
    labels = Signature.of(x, "cuts", "label").inputs["cuts"].labels["offset_cuts"]
    assert labels == {"first": 30, "step": 10, "size": 1}


def test_to_json__is_undone_by_from_json():
    signature = Signature.of(windows(), ["dna", "cuts"], "label")
    assert Signature.from_json(json.loads(json.dumps(signature.to_json()))) == signature


def test_coords__are_the_labels_of_the_windows():
    x = windows()
    coords = Signature.of(x, "cuts", "label").inputs["cuts"].coords()
    np.testing.assert_array_equal(coords["offset_cuts"][1], x.offset_cuts)
    assert coords["sample"] == ("sample", ["a", "b"])


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"flank": 30}, "'dna' has 160 along 'offset_dna', not 140"),
        ({"flank": (10, 30)}, "from -10 in steps of 1 along 'offset_dna', not from -20"),
        ({"samples": ["b", "a"]}, r"\['b', 'a'\] along 'sample', not \['a', 'b'\]"),
        ({"bins": None}, r"'cuts' has the dims \('sample',\) of an example, not"),
    ],
)
def test_check__names_what_differs(other, message):
    signature = Signature.of(windows(), ["dna", "cuts"], "label")
    signature.check(windows())
    with pytest.raises(ga.RegionError, match=message):
        signature.check(windows(**other))


def test_check__compares_the_alphabet():
    x = windows()
    signature = Signature.of(x, "dna", "label")
    x.dna.attrs["alphabet"] = "ACGU"
    with pytest.raises(ga.RegionError, match="has the alphabet 'ACGU', not 'ACGT'"):
        signature.check(x)


def test_check__refuses_another_assembly_but_not_another_name():
    signature = Signature.of(windows(), "dna", "label")
    signature.check(windows(assembly=ga.Assembly("same", {"chr1": 1000})))
    with pytest.raises(ga.AssemblyError, match=r"'other' .* trained on 'toy'"):
        signature.check(windows(assembly=ga.Assembly("other", {"chr1": 1001})))


def test_of__refuses_what_is_not_in_the_windows():
    with pytest.raises(ga.RegionError, match=r"no variable 'rna'; they have \['dna', 'cuts'"):
        Signature.of(windows(), "rna", "label")
    with pytest.raises(ga.RegionError, match="none of which is 'window'"):
        Signature.of(xr.Dataset({"dna": ("offset", [0])}), "dna", [])


def test_check__offsets_may_bear_the_name_of_their_variable_or_not():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 400}))
    codes = np.tile(np.arange(4, dtype="int8"), 100)
    ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    ds["bound"] = "position", np.zeros(400, "float32")
    x = ga.windows(ds, ["chr1:0-200"], flank={"dna": 10}, reduce={"bound": "max"})
    trained = Signature.of(x, "dna", "bound")
    assert trained.inputs["dna"].dims == ("offset_dna",)
    trained.check(ga.windows(ds[["dna"]], ["chr1:0-200"], flank=10))
    with pytest.raises(ga.RegionError, match="has 218 along 'offset_dna', not 220"):
        trained.check(ga.windows(ds[["dna"]], ["chr1:0-200"], flank=9))
    with pytest.raises(ga.RegionError, match=r"labelled from 0 .* not from -10"):
        trained.check(ga.windows(ds[["dna"]], ["chr1:0-200"], flank=(0, 20)))
