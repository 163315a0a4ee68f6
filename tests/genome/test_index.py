import pickle
import time
import tracemalloc

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from dask.base import tokenize
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import axis_of, bin_size_of

TOY = ga.Assembly("toy", {"chr1": 10, "chr2": 6, "chr3": 4})


def toy(bin_size=1):
    coords = ga.genome_coords(TOY, bin_size)
    size = coords.sizes["position"]
    return xr.Dataset({"x": ("position", np.arange(size))}, coords)


@pytest.fixture(scope="module")
def hg38():
    lengths = {f"chr{i}": 125_000_000 for i in range(1, 25)}
    lengths |= {f"chrUn_{i}": 200_000 for i in range(431)}
    return ga.Assembly("hg38", lengths)


@given(ga.testing.axes(), st.data())
def test_isel__keeps_labels_with_their_values(axis, data):
    x = xr.DataArray(np.arange(axis.size), ga.genome_coords(axis), dims="position")
    key = data.draw(ga.testing.slices(axis.size))
    part = x.isel(position=key)
    code, bins = axis.at(part.values)
    assert part.position.values.tolist() == (bins * axis.bin_size).tolist()
    assert part.contig.values.tolist() == [axis.assembly.names[c] for c in code.tolist()]
    assert axis_of(part) == axis[key]


@given(ga.testing.assemblies(), st.integers(1, 7), st.data())
def test_sel__of_regions_equals_brute_force(assembly, bin_size, data):
    axis = GenomeAxis(assembly, bin_size)
    x = xr.DataArray(np.arange(axis.size), ga.genome_coords(axis), dims="position")
    regions, expected = [], []
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(assembly.names))
        start = data.draw(st.integers(0, assembly.length(name) - 1))
        end = data.draw(st.integers(start + 1, assembly.length(name)))
        regions.append(f"{name}:{start}-{end}")
        expected += [
            i
            for i, (contig, at) in enumerate(zip(x.contig.values, x.position.values, strict=True))
            if contig == name and at < end and at + bin_size > start
        ]
    assert x.sel(position=regions).values.tolist() == expected
    assert x.sel(position=xr.DataArray(regions)).values.tolist() == expected
    assert x.sel(position=regions[0]).values.tolist() == x.sel(position=regions[:1]).values.tolist()


def test_sel__contig_then_slice():
    x = toy().x
    assert x.sel(contig="chr2").values.tolist() == list(range(10, 16))
    assert x.sel(contig="chr2").sel(position=slice(2, 4)).values.tolist() == [12, 13]
    assert x.sel(contig="chr2").sel(position=slice(None, 2)).values.tolist() == [10, 11]
    assert x.sel(contig="chr2").sel(position=3).item() == 13
    assert x.sel(contig=["chr3", "chr1"]).values.tolist() == [*range(16, 20), *range(10)]
    assert x.sel(position=ga.Region("chr2", 4)).values.tolist() == [14, 15]


def test_sel__of_neighbors_is_a_slice():
    index = toy().xindexes
    position, contig = index["position"], index["contig"]
    assert contig.sel({"contig": ["chr1", "chr2"]}).dim_indexers == {"position": slice(0, 16)}
    both = {"position": ["chr2:2-6", "chr3:0-3"]}
    assert position.sel(both).dim_indexers == {"position": slice(12, 19)}
    assert position.sel({"position": ["chr2"]}).dim_indexers == {"position": slice(10, 16)}
    assert position.sel({"position": []}).dim_indexers == {"position": slice(0, 0)}


@pytest.mark.parametrize("label", [{"contig": ["chr1", "chr3"]}, {"position": ["chr1", "chr3"]}])
def test_sel__of_a_list_costs_one_array_of_positions(label):
    genome = ga.Assembly("toy", {"chr1": 2_000_000, "chr2": 100, "chr3": 3_000_000})
    x = xr.DataArray(np.zeros(5_000_100, "i1"), ga.genome_coords(genome), dims="position")
    tracemalloc.start()
    part = x.sel(label)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert axis_of(part).code.tolist() == [0, 2]
    assert axis_of(part).count.tolist() == [2_000_000, 3_000_000]
    assert peak < 5_000_000 * 14  # 8 for a position, 1 for a value; blocks are the rest


def test_isel__of_a_mask_lists_no_labels():
    genome = ga.Assembly("toy", {"chr1": 2_000_000, "chr2": 3_000_000})
    x = xr.DataArray(np.zeros(5_000_000, "i1"), ga.genome_coords(genome), dims="position")
    part = x.isel(position=np.arange(5_000_000) % 1_000_000 < 900_000)
    assert len(axis_of(part).code) == 5
    assert part.sizes["position"] == 4_500_000


def test_lists_of_lazy_arrays__are_joined_as_the_docstring_says():
    ds = toy().chunk(position=3)
    contigs, regions = ["chr3", "chr1"], ["chr2:2-6", "chr1:3-4"]
    joined = xr.concat([ds.sel(contig=one) for one in contigs], "position")
    assert joined.identical(ds.sel(contig=contigs))
    joined = xr.concat([ds.sel(position=one) for one in regions], "position")
    assert joined.identical(ds.sel(position=regions))


def test_sel__on_bins_gives_every_bin_that_overlaps():
    assert toy(4).x.sel(position="chr1:3-5").position.values.tolist() == [0, 4]
    assert toy(4).x.sel(position="chr1:4-8").position.values.tolist() == [4]
    assert toy(4).x.sel(position="chr1:9-10").position.values.tolist() == [8]


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ({"position": 5}, "position=5 is ambiguous: 3 contigs"),
        ({"position": xr.Dataset({"region": ["chr1:1-5"]})}, r"write sel\(position=table.region\)"),
        ({"position": slice(1, 2)}, "ambiguous"),
        ({"position": "chr2:5-9"}, "chr2:5-9 is not within chr2, which has 6 bp in 'toy'"),
        ({"position": "chr9:1-2"}, "contig 'chr9' is not in assembly 'toy'"),
        ({"position": 1.5}, "not a position"),
        ({"contig": "chrI"}, "contig 'chrI' is not in assembly 'toy'"),
        ({"contig": slice("chr1", "chr2")}, "not by a slice"),
    ],
)
def test_sel__refuses(label, message):
    with pytest.raises(ga.GenomeError, match=message):
        toy().sel(label)


def test_sel__of_bases_that_a_part_does_not_hold():
    part = toy().sel(position=["chr1:2-5", "chr2:0-3"])
    assert part.sel(position="chr1:3-9").x.values.tolist() == [3, 4]
    with pytest.raises(ga.RegionError, match="not among the regions that this object holds"):
        part.sel(position="chr1:7-9")
    with pytest.raises(ga.RegionError, match="not among"):
        part.sel(contig="chr3")


def test_sel__refuses_methods():
    with pytest.raises(ga.RegionError, match="mean nothing"):
        toy().sel(position="chr1:1-2", method="nearest")


def test_assignment__arithmetic_and_trees_work():
    ds = toy()
    ds["y"] = np.log1p(ds.x)
    ds = ds.assign(z=ds.x + ds.y)
    assert (ds.z - ds.y).values.tolist() == list(range(20))
    tree = xr.DataTree.from_dict({"1bp": ds, "2bp": toy(2)})
    tree["1bp"]["w"] = tree["1bp"].x * 2
    assert tree.sel(position="chr2:0-2")["1bp"].w.values.tolist() == [20, 22]
    assert tree.sel(position="chr2:0-2")["2bp"].x.values.tolist() == [5]
    for node in ("1bp", "2bp"):
        assert isinstance(tree[node].xindexes["position"], ga.PositionIndex)
        assert isinstance(tree[node].xindexes["contig"], ga.ContigIndex)


def test_arithmetic__between_contigs_is_empty():
    x = toy().x
    assert (x.sel(contig="chr1") + x.sel(contig="chr2")).size == 0


def test_align__inner_keeps_common_positions_and_exact_refuses():
    x = toy().x
    one, two = x.sel(position="chr1:2-8"), x.sel(position=["chr1:5-10", "chr3:0-2"])
    assert (one - two).position.values.tolist() == [5, 6, 7]
    left, right = xr.align(one, two, join="inner")
    assert left.values.tolist() == right.values.tolist() == [5, 6, 7]
    with pytest.raises(ValueError, match="exact"):
        xr.align(one, two, join="exact")
    with pytest.raises(ga.GenomeError, match="outer join of two genome axes is refused"):
        xr.align(one, two, join="outer")


def test_align__left_fills_what_is_missing():
    x = toy().x.astype(float)
    part, _ = xr.align(x.sel(position="chr1:5-9"), x.sel(position="chr1:2-7"), join="right")
    assert part.values.tolist()[3:] == [5, 6]
    assert np.isnan(part.values[:3]).all()


def test_two_assemblies__refuse_to_align():
    other = toy().pipe(ga.rename_contigs, {"chr3": "chrZ"})
    with pytest.raises(ga.AssemblyError, match=r"contigs differ \(chr3, chrZ\)"):
        toy().x + other.x
    with pytest.raises(ga.AssemblyError):
        ga.merge(toy(), other.rename(x="y"))
    with pytest.raises(ga.AssemblyError, match="cannot concatenate"):
        xr.concat([toy().x, other.x], "position", coords="minimal", compat="override")


def test_concat__along_the_genome_and_along_samples():
    ds = toy()
    parts = [ds.sel(contig=name) for name in ("chr1", "chr2", "chr3")]
    assert xr.concat(parts, "position").identical(ds)
    two = xr.concat([ds.x, ds.x], "sample", join="exact")
    assert two.sizes == {"sample": 2, "position": 20}
    assert axis_of(two).is_whole


def test_groupby_and_rename__keep_the_index():
    ds = toy().rename(position="bp")
    assert ds.sel(bp="chr2:1-3").x.values.tolist() == [11, 12]
    assert toy().swap_dims().isel(position=slice(2, 4)).sel(position="chr1:2-3").x.item() == 2


def test_to_dataframe__is_indexed_by_position():
    frame = toy().sel(position="chr2:1-3").to_dataframe()
    assert frame.x.to_dict() == {1: 11, 2: 12}


def test_merge__checks_everything():
    ds = toy()
    both = ga.merge(ds, (ds.x * 2).rename("y"))
    assert list(both) == ["x", "y"]
    for bad, message in [
        ((ds, toy(2).rename(x="y")), "bins of 1 bp and of 2 bp"),
        ((ds, ds.isel(position=slice(5)).rename(x="y")), "they hold other regions"),
        ((ds, ds), "two variables are named 'x'"),
        ((ds, ds.x.rename(None)), "has no name"),
        ((), "nothing to merge"),
        ((xr.Dataset({"a": 1}),), "has no genome axis"),
        ((_tracks("a", ["x", "y"]), _tracks("b", ["x", "z"])), "keep them as two nodes of a tree"),
    ]:
        with pytest.raises(ga.GenomeError, match=message):
            ga.merge(*bad)


def _tracks(name, labels):
    values = np.zeros((20, len(labels)))
    ds = xr.Dataset({name: (("position", "track"), values)}, ga.genome_coords(TOY))
    return ds.assign_coords(track=labels)


def test_byte_limit__labels_are_never_listed_by_accident(hg38):
    lazy = da.zeros(hg38.size, chunks=2**26, dtype="f4")
    ds = xr.Dataset({"x": ("position", lazy)}, ga.genome_coords(hg38))
    for touch in (
        lambda: ds.position.values,
        lambda: ds.contig.to_numpy(),
        lambda: ds.position[:].values,
        lambda: ds.sel(contig=["chr1", "chr9", "chr20"]),
        lambda: xr.align(ds.x[::2], ds.x[1:], join="inner"),
    ):
        with pytest.raises(ga.GenomeError, match="above the limit"):
            touch()


def test_computing_chunking_and_comparing__list_no_labels(hg38):
    lazy = da.zeros(hg38.size // 1000 + 455, chunks=10**6, dtype="i1")
    coords = ga.genome_coords(GenomeAxis(hg38, 1000))
    ds = xr.Dataset({"x": ("position", lazy[: coords.sizes["position"]])}, coords)
    with ga.set_options(byte_limit="1 MB"):  # its labels are 72 MB
        loaded = ds.compute()
        again = loaded.chunk(position=10**5)
        assert again.equals(ds)
        assert (ds + 0).identical(again)
        assert ds.persist().x.sum().compute() == 0
        assert not ds.equals(ds.isel(position=slice(None, None, -1)))
    assert loaded.x.position.values[-1] == 199_000


def test_hg38__is_light(hg38):
    lazy = da.zeros(hg38.size, chunks=2**26, dtype="f4")
    ds = xr.Dataset({"x": ("position", lazy)}, ga.genome_coords(hg38))
    assert len(pickle.dumps(ds.drop_vars("x"))) < 100_000
    assert pickle.loads(pickle.dumps(ds.drop_vars("x"))).sizes == {"position": hg38.size}
    assert "PositionIndex" in repr(ds)
    assert ds.sel(position="chr2:1,000-2,000").x.sum().compute() == 0
    assert (ds.x + ds.x).sizes["position"] == hg38.size
    assert ds.sel(contig="chr2").sizes["position"] == 125_000_000
    two = xr.concat([ds, ds], "sample")
    assert two.sizes == {"sample": 2, "position": hg38.size}
    assert ds.reindex_like(two).sizes == ds.sizes
    assert tokenize(ds) == tokenize(ds.copy())
    assert tokenize(ds) != tokenize(ds.isel(position=slice(1, None)))


def test_100_000_contigs__work():
    many = ga.Assembly("many", {f"scaffold{i}": 1000 + i for i in range(100_000)})
    coords = ga.genome_coords(many)
    ds = xr.Dataset({"x": ("position", da.zeros(many.size, chunks=2**26, dtype="i1"))}, coords)
    began = time.perf_counter()
    assert ds.sel(position="scaffold99999:7-9").position.values.tolist() == [7, 8]
    assert "scaffold" in repr(ds)
    assert time.perf_counter() - began < 5  # a guard against listing labels, no measurement


def test_axis_of__names_the_cure():
    with pytest.raises(ga.AssemblyError, match=r"ga\.genome_coords"):
        axis_of(xr.Dataset())
    assert bin_size_of(toy(3)) == 3
