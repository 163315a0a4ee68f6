import json

import numpy as np
import pytest
import xarray as xr
from hypothesis import given

import genoarrays as ga
from genoarrays.genome.index import axis_of

TOY = ga.Assembly("toy", {"chr1": 10, "chr2": 6}, sequence_digests={"chr1": "abc"})


@given(ga.testing.axes())
def test_encode__is_undone_by_decode(axis):
    ds = xr.Dataset({"x": ("position", np.arange(axis.size))}, ga.genome_coords(axis))
    attrs = ga.encode(ds).assembly.attrs
    stored = ga.encode(ds).assign_coords(assembly=xr.Variable((), 0, json.loads(json.dumps(attrs))))
    back = ga.decode(stored)
    xr.testing.assert_identical(back, ds)
    assert axis_of(back) == axis


def test_encode__keeps_digests_and_other_coordinates():
    ds = xr.Dataset({"x": (("position", "track"), np.zeros((16, 1)))}, ga.genome_coords(TOY))
    ds = ds.assign_coords(track=["a"])
    flat = ga.encode(ds)
    assert "position" not in flat.coords
    assert flat.xindexes.keys() == {"track"}
    assert axis_of(ga.decode(flat)).assembly.sequence_digests == {"chr1": "abc"}


def test_decode__refuses_what_it_cannot_trust():
    flat = ga.encode(xr.Dataset(coords=ga.genome_coords(TOY)))
    for change, message in [
        ({"version": 99}, "version 99 of the convention"),
        ({"lengths": [10, 7]}, "changed by hand"),
    ]:
        bad = flat.assign_coords(assembly=xr.Variable((), 0, {**flat.assembly.attrs, **change}))
        with pytest.raises(ga.AssemblyError, match=message):
            ga.decode(bad)
    with pytest.raises(ga.AssemblyError, match="no encoded genome axis"):
        ga.decode(xr.Dataset())
    with pytest.raises(ga.AssemblyError, match="has no genome axis"):
        ga.encode(xr.Dataset())


def test_rename_contigs__works_on_everything_that_has_contigs():
    ds = ga.testing.random_genome({"chr1": 20, "chr2": 10})
    names = {"chr1": "I", "chr2": "II", "chr9": "IX"}
    renamed = ga.rename_contigs(ds, names)
    assert renamed.sel(contig="II").reads.identical(renamed.reads[20:])
    assert renamed.reads.attrs["contigs_renamed"] == {"chr1": "I", "chr2": "II"}
    assert np.array_equal(renamed.reads.values, ds.reads.values)
    assert "contigs_renamed" not in ds.reads.attrs
    assert ga.rename_contigs(ds.reads, "ensembl").sel(position="2:1-3").sizes["position"] == 2
    tree = ga.rename_contigs(xr.DataTree.from_dict({"1bp": ds}), names)
    assert tree.sel(position="I:0-20")["1bp"].sizes["position"] == 20
    regions = ga.read_regions(["chr1:1-5:+", "chr2:0-3"], like=ds)
    moved = ga.rename_contigs(regions, names)
    assert moved.region.values.tolist() == ["I:1-5:+", "II:0-3:."]
    assert moved.attrs["contigs_renamed"] == {"chr1": "I", "chr2": "II"}
    x = ga.rename_contigs(ga.windows(ds, regions, width=3, anchor="start"), names)
    assert x.contig.values.tolist() == ["I", "II"]
    assert x.sel(window="I:1-4").label.values.tolist() == ds.label.values[1:4].tolist()
