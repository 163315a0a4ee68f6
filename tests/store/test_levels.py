import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.pyramid import level_attrs
from genoarrays.store.layout import layout_of
from genoarrays.store.levels import Rung, add_levels, factors_of, ladders_in, ladders_of

TOY = ga.Assembly("toy", {"chr1": 100_000, "chr2": 100})


def dataset(bin_size=1, **variables):
    axis = GenomeAxis(TOY, bin_size)
    variables = variables or {"x": np.float32}
    data = {name: ("position", np.zeros(axis.size, dtype)) for name, dtype in variables.items()}
    return xr.Dataset(data, ga.genome_coords(axis))


def added(ds, ladder, node="1bp", **sizes):
    nodes = {node: ds}
    layouts = {(node, name): layout_of(ds[name], **sizes) for name in ds.data_vars}
    rungs = add_levels(nodes, layouts, {node: ladder}, sizes.get("chunk"), sizes.get("shard"))
    return nodes, layouts, rungs


@pytest.mark.parametrize(
    ("asked", "length", "wanted"),
    [
        (True, 8192, ()), (True, 8193, (256,)), (True, 250_000_000, (256, 4096, 65536)),
        (8, 250_000_000, (8, 64, 512, 4096, 32768)), (2, 8193, (2,)), (2, 8192, ()),
        ([4], 10, (4,)), ((10, 100), 10, (10, 100)), (False, 10**8, ()), (None, 10**8, ()),
        ([], 10**8, ()), (np.int64(10), 10**5, (10, 100)),
    ],
)  # fmt: skip
def test_factors_of__go_on_until_few_bins_are_left(asked, length, wanted):
    axis = GenomeAxis(ga.Assembly("toy", {"a": 5, "chr1": length}))
    assert factors_of(asked, axis) == wanted


def test_factors_of__looks_at_the_longest_run_of_bins():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 10**8}))[np.r_[0:9000, 10**6 : 10**6 + 500]]
    assert factors_of(True, axis) == (256,)
    assert factors_of(True, axis[:0]) == ()


@pytest.mark.parametrize("asked", [1, 0.5, -3, "8", [3, 4], [4, 4], [8, 2], [1, 2], [2.0], ["2"],
                                   {8, 64}])  # fmt: skip
def test_factors_of__refuses_what_is_no_pyramid(asked):
    with pytest.raises(ga.GenomeError, match="is not possible"):
        factors_of(asked, GenomeAxis(TOY))


def test_ladders_of__none_means_those_of_the_object():
    ds = dataset()
    level = ga.coarsen(ds, 8).assign_attrs(level_attrs("1bp", 8))
    nodes = {"1bp": ds}
    for obj in ({"1bp": ds, "1bp_x8": level}, xr.DataTree.from_dict({"1bp": ds, "1bp_x8": level})):
        assert ladders_of(obj, nodes, None) == {"1bp": (8,)}
        assert ladders_of(obj, nodes, False) == {}
        assert ladders_of(obj, nodes, [10]) == {"1bp": (10,)}
    assert ladders_of(ds, nodes, None) == {}
    assert ladders_of(level, nodes, None) == {}
    attrs = {"1bp": {}, **{f"1bp_x{n}": level_attrs("1bp", n) for n in (64, 8)}}
    assert ladders_in(attrs) == {"1bp": (8, 64)}


def test_add_levels__names_types_and_attributes():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 7})
    ds["mask"] = ds.label > 0
    ds["exact"] = ds.label.astype(np.float64)
    ds["name"] = ("track", ["a", "b"])
    ds.signal.attrs = {"units": "x", "cell_methods": "position: sum"}
    nodes, _, rungs = added(ds[["dna", "signal", "reads", "label", "mask", "exact"]], (4, 8))
    assert list(nodes) == ["1bp", "1bp_x4", "1bp_x8"]
    level = nodes["1bp_x8"]
    assert level.attrs == {"pyramid_of": "1bp", "pyramid_factor": 8}
    assert ga.axis_of(level) == GenomeAxis(ga.axis_of(ds).assembly, 8)
    types = {name: str(array.dtype) for name, array in level.data_vars.items()}
    assert types == {
        "signal": "float32", "signal_max": "float32", "signal_min": "float32",
        "reads": "float32", "reads_max": "uint32", "reads_min": "uint32",
        "label": "float32", "label_max": "uint8", "label_min": "uint8",
        "mask": "float32", "mask_max": "bool", "mask_min": "bool",
        "exact": "float64", "exact_max": "float64", "exact_min": "float64",
    }  # fmt: skip
    assert level.signal_max.dims == ("position", "track")
    assert level.signal.attrs == {"cell_methods": "position: sum", "units": "x"}
    assert level.reads_min.attrs["cell_methods"] == "position: minimum"
    assert level.track.values.tolist() == ["a", "b"]
    assert rungs["1bp_x8", "reads_max"] == Rung(("1bp", "reads"), "max", 8, (4, 8))


def test_add_levels__lie_alike_and_keep_parts_small():
    layouts = added(dataset(x=np.float64), (4,), chunk=1000, shard=2000)[1]
    assert layouts["1bp_x4", "x"].chunk == (1000,)
    assert layouts["1bp_x4", "x"].shard == (2000,)
    wide = ga.Assembly("wide", {"chr1": 200_000_000})
    big = xr.Dataset(
        {"x": (("position", "track"), np.broadcast_to(np.float32(0), (200_000_000, 3)))},
        ga.genome_coords(wide),
    )
    layouts = added(big, (8, 64), track_chunk=2)[1]
    for how in ("x", "x_max", "x_min"):
        layout = layouts["1bp_x8", how]
        assert layout.chunk == (2, 2**17)
        assert layout.shard == (2, 2**21)  # 16 MiB of means
        assert layouts["1bp_x64", how].grid == (2, 8)  # for several workers
    little = added(dataset(bin_size=50), (4,), "50bp")[1]["50bp_x4", "x"]
    assert little.shard == little.shape  # no room for bins that are not there


def test_add_levels__refuses_names_that_are_taken():
    with pytest.raises(ga.StoreError, match=r"'x_max' in a pyramid would be the max of 'x'"):
        added(dataset(x="f4", x_max="f4"), (4,))
    nodes = {"1bp": dataset(), "1bp_x4": dataset(4)}
    with pytest.raises(ga.StoreError, match=r"'1bp_x4' would be a level of '1bp' and is a node"):
        add_levels(nodes, {}, {"1bp": (4,)})


def test_add_levels__regions_must_not_share_a_bin():
    apart = dataset().sel(position=["chr1:0-8", "chr1:16-30"])
    assert ga.axis_of(added(apart, (8,))[0]["1bp_x8"]).size == 3
    with pytest.raises(ga.RegionError, match="two regions of this axis share a bin of 32 bp"):
        added(apart, (8, 32))


def test_add_levels__nothing_where_nothing_holds_numbers():
    ds = dataset(x=np.int8)
    ds.x.attrs["alphabet"] = "ACGT"
    assert list(added(ds, (4,))[0]) == ["1bp"]
    assert list(added(dataset().isel(position=slice(0)), (4,))[0]) == ["1bp"]
