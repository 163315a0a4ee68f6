"""Does every base keep its value, or its share of one, when bins get another size?"""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis


def bases_of(axis):
    """(contig code, bases) of each position."""
    code, bins = axis.at(np.arange(axis.size))
    low = bins * axis.bin_size
    high = np.minimum(low + axis.bin_size, axis.assembly.lengths[code])
    return [(c, range(a, b)) for c, a, b in zip(code.tolist(), low, high, strict=True)]


def brute(row, axis, new, how):
    """Base by base."""
    known = {}
    for value, (code, bases) in zip(row.astype(float), bases_of(axis), strict=True):
        known |= {(code, base): value if how == "mean" else value / len(bases) for base in bases}
    found = []
    for code, bases in bases_of(new):
        some = np.array([known.get((code, base), np.nan) for base in bases])
        there = some[~np.isnan(some)]
        act = np.mean if how == "mean" else np.sum
        found.append(act(there) if there.size else np.nan)
    return found


def rows_of(array):
    return array.values.reshape(len(array), -1 if array.size else 1).T


def some_regions(draw, ds):
    """The whole genome, or a few regions of it, in any order."""
    size = ds.sizes["position"]
    cuts = sorted(draw(st.lists(st.integers(0, size), max_size=6, unique=True)))
    runs = [np.arange(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]
    return ds.isel(position=np.concatenate(draw(st.permutations(runs)))) if runs else ds


contigs = st.lists(st.integers(1, 60), min_size=1, max_size=4).map(
    lambda lengths: {f"chr{i}": n for i, n in enumerate(lengths)}
)


@settings(max_examples=80)
@given(
    contigs, st.integers(1, 9), st.integers(1, 9), st.sampled_from(["mean", "sum"]),
    st.sampled_from(["signal", "reads"]), st.integers(0, 9),
)  # fmt: skip
def test_regrid__equals_brute_force(lengths, old, size, how, name, chunk):
    ds = ga.testing.random_genome(lengths, bin_size=old)
    axis, new = ga.axis_of(ds), GenomeAxis(ga.axis_of(ds).assembly, size)
    found = ga.regrid(ds[name].chunk(position=chunk) if chunk else ds[name], size, how)
    assert ga.axis_of(found) == new
    assert found.dims == ds[name].dims
    expected = [brute(row, axis, new, how) for row in rows_of(ds[name])]
    np.testing.assert_allclose(rows_of(found), expected, rtol=1e-5)
    if name == "reads" and how == "sum":
        assert found.dtype == ("i8" if size % old == 0 else "f8")
        np.testing.assert_allclose(found.sum("position"), ds.reads.sum("position"))
        by_contig = [
            x.sum("position") for x in (found.sel(contig="chr0"), ds.reads.sel(contig="chr0"))
        ]
        np.testing.assert_allclose(*by_contig)
    aligned = xr.Dataset({"b": ("position", np.zeros(new.size))}, ga.genome_coords(new))
    assert (found - aligned.b).sizes["position"] == new.size
    np.testing.assert_array_equal(found, ga.regrid(ds[name], how=how, like=aligned))


@settings(max_examples=80)
@given(
    contigs, st.integers(1, 7), st.integers(1, 7), st.sampled_from(["mean", "sum"]),
    st.integers(0, 9), st.data(),
)  # fmt: skip
def test_regrid__of_regions_to_others(lengths, old, size, how, chunk, data):
    ds = ga.testing.random_genome(lengths, bin_size=old)[["signal", "reads"]]
    ds = some_regions(data.draw, ds.astype(float))
    like = some_regions(data.draw, ga.testing.random_genome(lengths, bin_size=size)[["label"]])
    lazy = ds.chunk(position=chunk) if chunk else ds
    with ga.set_options(chunk_bytes=data.draw(st.integers(50, 1000))):
        found = ga.regrid(lazy, how=how, like=like)
    assert ga.axis_of(found) == ga.axis_of(like)
    for name in ("signal", "reads"):
        expected = [brute(row, ga.axis_of(ds), ga.axis_of(like), how) for row in rows_of(ds[name])]
        np.testing.assert_allclose(rows_of(found[name]), expected, rtol=1e-5)
    assert (found.signal * like.label).shape == found.signal.shape


def test_regrid__of_what_are_multiples_is_coarsen():
    ds = ga.testing.random_genome({"chr1": 1003, "chr2": 77}, bin_size=5)
    for how in ("mean", "sum"):
        for lazy in (ds, ds.chunk(position=17)):
            found, expected = ga.regrid(lazy, 20, how), ga.coarsen(ds, 20, how)
            xr.testing.assert_identical(found.compute(), expected)
    np.testing.assert_array_equal(ga.regrid(ds, 5, "sum").reads, ds.reads)


@pytest.mark.parametrize("how", ["mean", "sum"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u4", "i8", "u8", "?"])
def test_regrid__of_arrays_of_any_type(dtype, how):
    rng = np.random.default_rng(0)
    toy = ga.Assembly("toy", {"chr1": 999, "chr2": 70})
    coords = ga.genome_coords(toy, bin_size=5)
    values = rng.integers(0, 2 if dtype == "?" else 100, (214, 2, 3)).astype(dtype)
    array = xr.DataArray(values, coords, ["position", "strand", "track"])
    found = ga.regrid(array, 7, how)
    axis, new = GenomeAxis(toy, 5), GenomeAxis(toy, 7)
    expected = [brute(row, axis, new, how) for row in rows_of(array)]
    np.testing.assert_allclose(rows_of(found), expected, rtol=1e-3 if dtype == "f2" else 1e-6)
    if how == "mean":
        assert found.dtype == ("f8" if dtype == "f8" else "f4")
    else:
        assert found.dtype == (np.dtype(dtype[-2:]) if np.dtype(dtype).kind == "f" else "f8")
    turned = ga.regrid(array.transpose("track", "position", "strand").copy(), 7, how)
    assert turned.dims == ("track", "position", "strand")
    np.testing.assert_array_equal(turned.transpose(*array.dims), found)
    lazy = ga.regrid(array.chunk(position=40, track=2), 7, how)
    np.testing.assert_array_equal(lazy, found)
    assert lazy.dtype == found.dtype


def test_regrid__of_integers_to_other_regions_is_exact_or_refused():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 60}, bin_size=5)
    coarse = ga.testing.random_genome({"chr1": 100, "chr2": 60}, bin_size=10)
    like = coarse.sel(position=["chr2:10-40", "chr1:20-50"])
    large = ds.reads.astype("i8") + 2**60
    found = ga.regrid(large, how="sum", like=like)
    assert found.dtype == np.int64
    np.testing.assert_array_equal(
        found, ga.coarsen(large, 10, "sum").sel(position=["chr2:10-40", "chr1:20-50"])
    )
    part = ds.sel(position=["chr1:20-50", "chr2:20-60"])
    with pytest.raises(ga.RegionError, match=r"of which this object holds nothing.*float64"):
        ga.regrid(part.reads, how="sum", like=like)
    missing = ga.regrid(part.reads.astype(float), how="sum", like=like)
    assert np.isnan(missing).any("strand").values.tolist() == [True, False, False, *[False] * 3]
    expected = ga.coarsen(ds.reads, 10).sel(position=["chr2:20-40", "chr1:20-50"])
    np.testing.assert_array_equal(ga.regrid(part.reads, like=like)[1:], expected)


def test_regrid__infinity_and_missing_stay_where_they_are():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 12}), bin_size=3)
    x = xr.DataArray([1.0, np.inf, np.nan, 4], coords, ["position"])
    np.testing.assert_array_equal(ga.regrid(x, 2), [1, np.inf, np.inf, np.nan, 4, 4])
    assert ga.regrid(x, 4, "sum").values.tolist() == [np.inf, np.inf, 4]


def test_regrid__is_lazy_and_keeps_labels(tmp_path):
    ds = ga.testing.random_genome({"chr1": 5000, "chr2": 700}, bin_size=5)
    ds.reads.attrs["source"] = "a.bam"
    ga.to_zarr(ds, tmp_path / "x.zarr", chunk=500, shard=1000, progress=False)
    lazy = ga.open_zarr(tmp_path / "x.zarr", chunks=200)
    with ga.testing.count_computes() as computed:
        found = ga.regrid(lazy, 12)
        fine = ga.regrid(lazy, 2, "sum")
    assert not computed
    assert found.reads.attrs["source"] == "a.bam"
    assert found.strand.values.tolist() == ["+", "-"]
    assert len(found.reads.chunks[0]) == 6
    assert found.reads.data.name == ga.regrid(lazy, 12).reads.data.name
    assert found.reads.data.name != ga.regrid(lazy, 12, "sum").reads.data.name
    np.testing.assert_array_equal(found.signal, ga.regrid(ds, 12).signal)
    np.testing.assert_array_equal(fine.reads, ga.regrid(ds, 2, "sum").reads)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.reads, found.reads)
    with ga.set_options(chunk_bytes=4000):
        fine = ga.regrid(lazy, 1)
    assert max(fine.signal.chunks[0]) * 4 * 1 <= 4000
    ga.to_zarr(found, tmp_path / "y.zarr", progress=False)
    np.testing.assert_array_equal(ga.open_zarr(tmp_path / "y.zarr").signal, found.signal)


def test_regrid__reads_only_what_it_needs(tmp_path, monkeypatch):
    from genoarrays.store.stored import StoredArray

    ds = ga.testing.random_genome({"chr1": 5000, "chr2": 700})[["label"]]
    ga.to_zarr(ds, tmp_path / "x.zarr", chunk=500, shard=1000, progress=False)
    read, real = [], StoredArray.__getitem__

    def reading(self, key):
        read.append((key[0].start, key[0].stop))
        return real(self, key)

    monkeypatch.setattr(StoredArray, "__getitem__", reading)
    lazy = ga.open_zarr(tmp_path / "x.zarr", chunks=1000).label
    like = ga.testing.random_genome({"chr1": 5000, "chr2": 700}, bin_size=7)
    with pytest.raises(ga.AssemblyError):
        ga.regrid(lazy, like=ga.testing.random_genome({"chr1": 500}))
    few = like.sel(position=["chr2:100-110", "chr1:2095-2103"])
    found = ga.regrid(lazy, how="sum", like=few)
    assert not read
    assert found.values.tolist() == [
        int(ds.label.sel(position=f"{a}:{b}-{b + 7}").sum())
        for a, b in (("chr2", 98), ("chr2", 105), ("chr1", 2093), ("chr1", 2100))
    ]
    assert sorted(read) == [(2093, 2107), (5098, 5112)]


def test_regrid__of_nothing():
    ds = ga.testing.random_genome({"chr1": 30}).drop_vars("dna")
    like = ga.testing.random_genome({"chr1": 30}, bin_size=7)
    nothing = ds.isel(position=slice(0))
    for obj in (nothing, nothing.chunk()):
        assert ga.regrid(obj, 7).signal.shape == (0, 2)
        assert np.isnan(ga.regrid(obj, like=like).signal).all()
        assert ga.regrid(obj, like=like).signal.shape == (5, 2)
    for obj in (ds, ds.chunk(position=10)):
        assert ga.regrid(obj, like=like.isel(position=slice(0))).signal.shape == (0, 2)
        assert ga.regrid(obj.isel(track=slice(0)), 7).signal.compute().shape == (5, 0)


def test_regrid__refuses():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50}, bin_size=4)
    with pytest.raises(ga.GenomeError, match="say how large the bins"):
        ga.regrid(ds)
    with pytest.raises(ga.GenomeError, match="how='max'"):
        ga.regrid(ds, 10, "max")
    for size in (0, -3, 1.5):
        with pytest.raises(ga.GenomeError, match=f"bin_size={size} is not possible"):
            ga.regrid(ds, size)
    with pytest.raises(ga.GenomeError, match="like= has bins of 4 bp"):
        ga.regrid(ds, 10, like=ds)
    with pytest.raises(ga.RegionError, match="share a bin of 15 bp"):
        ga.regrid(ds.sel(position=["chr1:4-8", "chr1:12-20"]), 15)
    with pytest.raises(ga.RegionError, match="repeats positions"):
        ga.regrid(ds.isel(position=[0, 1, 1]), like=ds)
    turned = ds.isel(position=slice(None, None, -1))
    with pytest.raises(ga.RegionError, match="reversed or thinned out"):
        ga.regrid(turned, 10)
    with pytest.raises(ga.RegionError, match="like= is reversed or thinned out"):
        ga.regrid(ds, like=turned)
    with pytest.raises(ga.GenomeError, match="'dna' holds codes"):
        ga.regrid(ga.testing.random_genome({"chr1": 100}), 10)
    with pytest.raises(ga.AssemblyError):
        ga.regrid(xr.DataArray([1, 2], dims="position"), 2)
