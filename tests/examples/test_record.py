"""Does the record of windows tell what was asked for, and no more?"""

import json

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.examples.record import cut_of

DS = xr.Dataset(
    {
        "dna": ("position", np.zeros(60, "int8"), {"alphabet": "ACGT"}),
        "reads": (("position", "sample"), np.ones((60, 2), "uint16")),
        "signal": ("position", np.ones(60), {"normalizer": {"method": "log1p"}}),
    },
    ga.genome_coords(ga.Assembly("toy", {"chr1": 60})),
).assign_coords(sample=["a", "b"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"width": 20}, {"width": 20, "fill": 0}),
        ({}, {"width": 20, "fill": 0}),
        ({"flank": 5}, {"width": 20, "flank": [5, 5], "fill": 0}),
        ({"flank": {"reads": (0, 4)}}, {"width": 20, "flank": [0, 4], "fill": 0}),
        ({"flank": {"signal": 4}}, {"width": 20, "fill": 0}),
        ({"reduce": {"reads": "sum"}}, {"reduce": "sum", "fill": 0}),
        (
            {"reduce": {"reads": "sum"}, "bin_size": {"reads": 5}, "fill": {"reads": 7}},
            {"width": 20, "reduce": "sum", "bin_size": 5, "fill": 7},
        ),
        (
            {"anchor": "center", "snap": "down", "width": 10},
            {"width": 10, "fill": 0, "anchor": "center", "snap": "down"},
        ),
    ],
)
def test_cut_of__tells_what_was_asked_for(options, told):
    x = ga.windows(DS, ["chr1:0-20", "chr1:40-60"], **options)
    assert cut_of(x.reads) == {"of": "reads", **told}
    assert isinstance(x.reads.attrs["windows"], str)


def test_cut_of__tells_what_was_done_before():
    x = ga.windows(DS.sel(sample="b"), ["chr1:0-20"])
    assert cut_of(x.signal) == {
        "of": "signal", "width": 20, "chosen": {"sample": "b"}, "normalizer": {"method": "log1p"},
    }  # fmt: skip
    assert cut_of(x.dna)["chosen"] == {"sample": "b"}
    assert cut_of(ga.windows(DS, ["chr1:0-20"], ragged=True).reads)["ragged"] is True


def test_cut_of__is_none_elsewhere():
    assert cut_of(DS.reads) is None
    assert cut_of(DS.reads.assign_attrs(windows="of my own")) is None
    assert cut_of(DS.reads.assign_attrs(windows=json.loads('{"of": 1}'))) is None
