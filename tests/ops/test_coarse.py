"""Do coarse bins hold what lies in them, of one contig, whatever the chunks and the memory?"""

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis

FUNCTIONS = {"mean": np.nanmean, "sum": np.nansum, "max": np.nanmax, "min": np.nanmin}


def brute(ds, name, bin_size, how):
    """Bin by bin."""
    axis = ga.axis_of(ds)
    code, bins = axis.at(np.arange(axis.size))
    coarse = list(zip(code.tolist(), (bins * axis.bin_size // bin_size).tolist(), strict=True))
    values = ds[name].values.astype(float)
    found = []
    for one in dict.fromkeys(coarse):
        inside = values[[other == one for other in coarse]]
        if how == "any":
            found.append((np.nan_to_num(inside) != 0).any(axis=0))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # all NaN
            value = FUNCTIONS[how](inside, axis=0)
        found.append(np.where(np.isnan(inside).all(axis=0), np.nan, value))
    return np.array(found)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=4), st.integers(1, 12),
    st.sampled_from(["mean", "sum", "max", "min", "any"]), st.integers(0, 9),
)  # fmt: skip
def test_coarsen__equals_brute_force(lengths, bin_size, how, chunk):
    ds = ga.testing.random_genome({f"chr{i}": n for i, n in enumerate(lengths)})
    ds = ds.drop_vars("dna")
    coarse = ga.coarsen(ds.chunk(position=chunk) if chunk else ds, bin_size, how)
    assert ga.axis_of(coarse) == GenomeAxis(ga.axis_of(ds).assembly, bin_size)
    for name in ("signal", "reads", "label"):
        np.testing.assert_allclose(coarse[name], brute(ds, name, bin_size, how), rtol=1e-6)
        one = ga.coarsen(ds[name], bin_size, how)
        np.testing.assert_allclose(one, coarse[name], rtol=1e-6)
        assert one.dtype == coarse[name].dtype


def test_coarsen__twice_is_coarsen_once():
    ds = ga.testing.random_genome({"chr1": 1003, "chr2": 77})[["reads"]].astype(float)
    for how in ("sum", "mean", "max"):
        twice = ga.coarsen(ga.coarsen(ds, 5, how), 20, how)
        np.testing.assert_allclose(twice.reads, ga.coarsen(ds, 20, how).reads)


def test_coarsen__is_lazy_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50}).drop_vars("dna").chunk(position=30)
    ds.reads.attrs["source"] = "a.bam"
    with ga.testing.count_computes() as computed:
        coarse = ga.coarsen(ds, 10, "sum")
    assert not computed
    assert coarse.reads.attrs == {"source": "a.bam"}
    assert coarse.strand.values.tolist() == ["+", "-"]
    assert coarse.reads.dims == ("position", "strand")
    assert coarse.reads.dtype == np.int64
    assert coarse.sel(position="chr2:0-10").reads.values.tolist() == [
        ds.reads.sel(position="chr2:0-10").sum("position").values.tolist()
    ]


def test_coarsen__of_regions_uses_what_they_hold():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50})[["label"]]
    part = ds.sel(position=["chr1:5-30", "chr2:40-50"])
    coarse = ga.coarsen(part, 10, "sum")
    assert coarse.position.values.tolist() == [0, 10, 20, 40]
    assert int(coarse.label[0]) == int(ds.label[5:10].sum())
    with pytest.raises(ga.RegionError, match="share a bin of 10 bp"):
        ga.coarsen(ds.sel(position=["chr1:5-12", "chr1:15-30"]), 10)
    with pytest.raises(ga.RegionError, match="reversed or thinned"):
        ga.coarsen(ds.isel(position=slice(None, None, -1)), 10)


def test_coarsen__refuses():
    ds = ga.testing.random_genome({"chr1": 100})
    with pytest.raises(ga.GenomeError, match="'dna' holds codes"):
        ga.coarsen(ds, 10)
    with pytest.raises(ga.GenomeError, match="only numbers are binned"):
        ga.coarsen(ds.reads.astype("M8[s]"), 10)
    with pytest.raises(ga.GenomeError, match="how='median'"):
        ga.coarsen(ds.reads, 10, "median")
    with pytest.raises(ga.GenomeError, match="no multiple of the 4 bp"):
        ga.coarsen(ga.testing.random_genome({"chr1": 100}, bin_size=4).reads, 10)
    with pytest.raises(ga.AssemblyError):
        ga.coarsen(xr.DataArray([1, 2], dims="position"), 2)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=3), st.integers(2, 5), st.integers(1, 8),
    st.integers(0, 9),
)  # fmt: skip
def test_coarsen__weighs_the_last_bin_by_its_bases(lengths, bin_size, factor, chunk):
    contigs = {f"chr{i}": n for i, n in enumerate(lengths)}
    fine = ga.testing.random_genome(contigs)[["signal"]].fillna(1).astype(float)
    middle = ga.coarsen(fine, bin_size)
    middle = middle.chunk(position=chunk) if chunk else middle
    for how in ("mean", "sum"):
        some = ga.coarsen(fine, bin_size, how) if how == "sum" else middle
        twice = ga.coarsen(some, bin_size * factor, how)
        once = ga.coarsen(fine, bin_size * factor, how)
        np.testing.assert_allclose(twice.signal, once.signal)


@pytest.mark.parametrize("how", ["mean", "sum", "max", "min", "any"])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u4", "i8", "u8", "?"])
def test_coarsen__of_long_arrays_of_any_type(dtype, how):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2 if dtype == "?" else 3, (150_001, 2, 3)).astype(dtype)
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 90_000, "chr2": 60_001}))
    array = xr.DataArray(values, coords, ["position", "strand", "track"])
    found = ga.coarsen(array, 1000, how)
    edges = [*range(0, 90_001, 1000), *range(91_000, 150_001, 1000), 150_001]
    act = {**FUNCTIONS, "any": np.any}[how]
    wide = values.astype("f8")
    expected = [act(wide[a:b], axis=0) for a, b in pairwise(edges)]
    np.testing.assert_allclose(found.astype("f8"), expected, rtol=1e-3 if dtype == "f2" else 1e-6)
    kind = np.dtype(dtype).kind
    of_sum = np.dtype("i8") if kind != "f" else np.dtype(dtype.strip(">"))
    of_mean = np.dtype("f8" if dtype == "f8" else "f4")
    assert found.dtype == {"any": bool, "mean": of_mean, "sum": of_sum}.get(
        how, np.dtype(dtype.strip(">"))
    )
    turned = ga.coarsen(array.transpose("track", "position", "strand").copy(), 1000, how)
    assert turned.dims == ("track", "position", "strand")
    np.testing.assert_array_equal(turned.transpose(*array.dims), found)
    lazy = ga.coarsen(array.chunk(position=40_007, track=2), 1000, how)
    assert lazy.dtype == found.dtype
    np.testing.assert_allclose(lazy.astype("f8"), found.astype("f8"), rtol=1e-6)


def test_coarsen__large_values_keep_their_digits():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    exact = xr.DataArray(np.full(6, 2**60 + 1), coords, ["position"])
    assert ga.coarsen(exact, 3, "sum").values.tolist() == [3 * 2**60 + 3] * 2
    most = xr.DataArray(np.full(6, 2**64 - 1, dtype="u8"), coords, ["position"])
    assert ga.coarsen(most, 3, "max").values.tolist() == [2**64 - 1] * 2
    assert ga.coarsen(most, 3).values.tolist() == [2.0**64] * 2
    x = xr.DataArray([np.inf, 1, np.nan, -np.inf, -np.inf, np.nan], coords, ["position"])
    assert ga.coarsen(x, 3).values.tolist() == [np.inf, -np.inf]
    assert ga.coarsen(x, 3, "max").values.tolist() == [np.inf, -np.inf]
    assert ga.coarsen(x, 3, "any").values.tolist() == [True, True]


def test_coarsen__a_bin_may_lie_in_any_number_of_chunks():
    ds = ga.testing.random_genome({"chr1": 1000, "chr2": 70})[["signal", "reads"]]
    for chunks in (13, (1, 998, 1, 69, 1), (0, 500, 0, 570), 1070):
        lazy = ds.chunk(position=chunks)
        for size in (7, 100, 5000):
            for how in ("mean", "max"):
                found, expected = ga.coarsen(lazy, size, how), ga.coarsen(ds, size, how)
                np.testing.assert_allclose(found.signal, expected.signal, rtol=1e-6)
                np.testing.assert_array_equal(found.reads, expected.reads)
                assert found.signal.shape == found.signal.compute().shape


def test_coarsen__reads_each_chunk_once_and_only_where_asked(tmp_path, monkeypatch):
    from genoarrays.store.stored import StoredArray

    ds = ga.testing.random_genome({"chr1": 5000, "chr2": 700})[["signal"]]
    ga.to_zarr(ds, tmp_path / "x.zarr", chunk=500, shard=1000, progress=False)
    read, real = [], StoredArray.__getitem__

    def reading(self, key):
        read.append((key[0].start, key[1].start))
        return real(self, key)

    monkeypatch.setattr(StoredArray, "__getitem__", reading)
    lazy = ga.open_zarr(tmp_path / "x.zarr", chunks=1000)
    found = ga.coarsen(lazy, 128)
    assert not read
    np.testing.assert_array_equal(found.signal, ga.coarsen(ds, 128).signal)
    assert sorted(read) == [(n, track) for n in range(0, 5700, 1000) for track in (0, 1)]
    read.clear()
    found.signal.sel(position="chr1:0-500").isel(track=0).compute()
    assert sorted(read) == [(0, 0), (1000, 0)]  # the last bin that begins in a chunk goes on
    read.clear()
    without = ga.coarsen(ga.open_zarr(tmp_path / "x.zarr", chunks=None), 128)
    assert not read
    np.testing.assert_array_equal(found.signal, without.signal)


def test_coarsen__travels_and_has_one_name_for_one_result():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50})[["reads"]].chunk(position=30)
    one, same = ga.coarsen(ds, 10), ga.coarsen(ds, 10)
    assert one.reads.data.name == same.reads.data.name
    names = {
        ga.coarsen(ds, size, how).reads.data.name for size in (10, 5) for how in ("mean", "sum")
    }
    assert len(names) == 4
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.reads, ga.coarsen(ds.compute(), 10).reads)


def test_coarsen__keeps_what_has_no_positions():
    ds = ga.testing.random_genome({"chr1": 100})[["signal"]].assign_attrs(made="here")
    ds = ds.assign(number=7).assign_coords(valid=("position", np.ones(100, dtype=bool)), who="me")
    found = ga.coarsen(ds, 10)
    assert int(found.number) == 7
    assert found.attrs == {"made": "here"}
    assert set(found.coords) == {"position", "contig", "assembly", "track", "who"}
    assert set(ga.coarsen(ds.signal, 10).coords) == set(found.coords)
    nothing = ga.coarsen(ds.isel(position=slice(0)).chunk(), 10)
    assert nothing.signal.shape == nothing.signal.compute().shape == (0, 2)
