"""Do sliding windows hold what is around each position, on one contig, whatever the chunks?"""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis

CHOOSE = {"mean": np.average, "sum": np.sum, "min": np.min, "max": np.max}


def windows(axis, before, after):
    """Positions in the window of each position, and the share of a whole bin that each is."""
    code, bins = axis.at(np.arange(axis.size))
    share = np.minimum(axis.assembly.lengths[code] / axis.bin_size - bins, 1)
    segment = np.searchsorted(axis.edges, np.arange(axis.size), side="right") - 1
    for at in range(axis.size):
        near = np.arange(max(at - before, 0), min(at + after + 1, axis.size))
        near = near[segment[near] == segment[at]]
        yield at, near, share[near]


def brute_rolling(values, axis, bins, how, center, min_count):
    left = bins // 2 if center else bins - 1
    out = np.full(len(values), np.nan)
    for at, near, share in windows(axis, left, bins - 1 - left):
        some = values[near].astype(float)
        there = ~np.isnan(some)
        if there.sum() >= min_count:
            more = {"weights": share[there]} if how == "mean" else {}
            out[at] = CHOOSE[how](some[there], **more)
    return out


def brute_smooth(values, axis, sd, truncate):
    reach = int(truncate * sd / axis.bin_size + 0.5)
    out = np.full(len(values), np.nan)
    for at, near, share in windows(axis, reach, reach):
        weights = share * np.exp(-0.5 * ((near - at) * axis.bin_size / sd) ** 2)
        weights *= ~np.isnan(values[near])
        if (weights > 0).any():
            out[at] = np.average(np.nan_to_num(values[near]), weights=weights)
    return out


def rows_of(array):
    return array.values.reshape(len(array), -1 if array.size else 1).T


def regions_of(ds, data):
    """The whole genome, or a few regions of it."""
    size = ds.sizes["position"]
    cuts = data.draw(st.lists(st.integers(0, size), max_size=6))
    if len(cuts) < 2:
        return ds
    cuts = sorted(cuts)
    kept = np.concatenate([np.arange(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=False)])
    return ds.isel(position=kept)


@settings(max_examples=80)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 4), st.integers(1, 20),
    st.sampled_from(list(CHOOSE)), st.booleans(), st.integers(0, 9), st.data(),
)  # fmt: skip
def test_rolling__equals_brute_force(lengths, bin_size, bins, how, center, chunk, data):
    ds = ga.testing.random_genome({f"chr{i}": n for i, n in enumerate(lengths)}, bin_size=bin_size)
    ds = regions_of(ds[["signal", "reads", "label"]], data)
    axis = ga.axis_of(ds)
    lazy = ds.chunk(position=chunk) if chunk else ds
    name = data.draw(st.sampled_from(["signal", "reads", "label"]))
    whole = name != "signal" and how != "mean"
    few = 1 if whole else data.draw(st.integers(1, bins))
    found = ga.rolling(lazy[name], bins * bin_size, how, center=center, min_count=few)
    assert ga.axis_of(found) == axis
    assert found.dims == ds[name].dims
    columns = rows_of(ds[name])
    expected = [brute_rolling(row, axis, bins, how, center, few) for row in columns]
    np.testing.assert_allclose(rows_of(found), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        found, ga.rolling(ds[name], bins * bin_size, how, center=center, min_count=few)
    )  # to the last bit


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(1, 4), st.floats(0.1, 30),
    st.floats(0.1, 6), st.integers(0, 9), st.data(),
)  # fmt: skip
def test_smooth__equals_brute_force(lengths, bin_size, sd, truncate, chunk, data):
    ds = ga.testing.random_genome({f"chr{i}": n for i, n in enumerate(lengths)}, bin_size=bin_size)
    ds = regions_of(ds[["signal"]].astype(float), data)
    axis = ga.axis_of(ds)
    found = ga.smooth(ds.chunk(position=chunk) if chunk else ds, sd, truncate=truncate)
    expected = [brute_smooth(row, axis, sd, truncate) for row in rows_of(ds.signal)]
    np.testing.assert_allclose(rows_of(found.signal), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.signal, ga.smooth(ds.signal, sd, truncate=truncate))


@pytest.mark.parametrize("how", list(CHOOSE))
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u4", "i8", "u8", "?"])
def test_rolling__of_long_arrays_of_any_type(dtype, how):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (150_001, 2, 3)).astype(dtype)
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 90_000, "chr2": 60_001}))
    array = xr.DataArray(values, coords, ["position", "strand", "track"])
    found = ga.rolling(array, 101, how)
    kind = np.dtype(dtype).kind
    if how == "mean":
        assert found.dtype == ("f8" if dtype == "f8" else "f4")
    elif how == "sum" and kind != "f":
        assert found.dtype == "i8"
    else:
        assert found.dtype == dtype.strip(">")
    for at in (0, 30, 50, 65_500, 89_949, 89_999, 90_000, 90_051, 131_072, 150_000):
        low, high = (0, 90_000) if at < 90_000 else (90_000, 150_001)
        inside = values[max(at - 50, low) : min(at + 51, high)].astype("f8")
        expected = CHOOSE[how](inside, axis=0)
        np.testing.assert_allclose(
            found[at].astype("f8"), expected, rtol=1e-3 if dtype == "f2" else 1e-6
        )
    turned = ga.rolling(array.transpose("track", "position", "strand").copy(), 101, how)
    assert turned.dims == ("track", "position", "strand")
    np.testing.assert_array_equal(turned.transpose(*array.dims), found)
    np.testing.assert_array_equal(
        ga.rolling(array.chunk(position=40_000, track=2), 101, how), found
    )


def test_rolling__large_values_cost_no_digits():
    values = np.ones(1000)
    values[100] = 1e17
    values[300] = np.inf
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1000}))
    found = ga.rolling(xr.DataArray(values, coords, ["position"]), 7, "sum").values
    assert found[[96, 104, 296, 304]].tolist() == [7, 7, 7, 7]
    assert np.isinf(found[297:304]).all()
    wide = ga.rolling(xr.DataArray(np.ones(1000), coords, ["position"]), 10**12, "sum")
    assert wide.values.tolist() == [1000] * 1000
    exact = np.full(50, 2**60, dtype="i8") + np.arange(50)
    sums = ga.rolling(
        xr.DataArray(exact, ga.genome_coords(ga.Assembly("toy", {"chr1": 50})), ["position"]),
        3,
        "sum",
    )
    assert sums.dtype == np.int64
    assert int(sums[10]) == int(exact[9]) + int(exact[10]) + int(exact[11])


def test_rolling__knows_windows_as_xarray_does():
    ds = ga.testing.random_genome({"chr1": 60})
    x = ds.signal.drop_vars(["position", "contig"])
    for bins in (1, 2, 5, 6):
        for center in (True, False):
            for few in (1, bins):
                theirs = x.rolling(position=bins, center=center, min_periods=few)
                for how in CHOOSE:
                    ours = ga.rolling(ds.signal, bins, how, center=center, min_count=few)
                    np.testing.assert_allclose(ours, getattr(theirs, how)(), rtol=1e-5)


@pytest.mark.parametrize("lazy", [False, True])
def test_rolling__missing_fills_up_or_stays(lazy):
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 7}), bin_size=1)
    x = xr.DataArray([1.0, np.nan, np.nan, np.nan, 5, np.inf, 7], coords, ["position"])
    x = x.chunk(position=2) if lazy else x
    assert np.isnan(ga.rolling(x, 3)).values.tolist() == [False, False, True, *[False] * 4]
    assert np.isnan(ga.rolling(x, 3, min_count=2)).values.tolist() == [*[True] * 4, *[False] * 3]
    assert ga.rolling(x, 3, "max").values[3:].tolist() == [5, np.inf, np.inf, np.inf]
    assert np.isinf(ga.smooth(x, 0.5, truncate=2).values).tolist() == [*[False] * 4, *[True] * 3]


def test_smooth__keeps_constants_and_the_sum_within():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1000, "chr2": 10}), bin_size=3)
    x = xr.DataArray(np.full(338, 0.1, dtype="f4"), coords, ["position"])
    np.testing.assert_allclose(ga.smooth(x, 25), x, rtol=1e-7)
    x[:] = 0
    x[150] = 1
    bell = ga.smooth(x.astype(float), 12)
    np.testing.assert_allclose(bell.sum(), 1)
    np.testing.assert_allclose(bell[154] / bell[150], np.exp(-0.5))
    assert float(ga.smooth(x, 0.01)[150]) == 1


def test_rolling__is_lazy_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50}).drop_vars("dna").chunk(position=30)
    ds.reads.attrs["source"] = "a.bam"
    ds = ds.assign(number=5).assign_coords(open=("position", np.arange(150)), who="me")
    with ga.testing.count_computes() as computed:
        found = ga.rolling(ds, 10, "sum")
        bell = ga.smooth(ds, 10)
    assert not computed
    assert found.reads.attrs == {"source": "a.bam"}
    assert found.reads.chunks == ds.reads.chunks
    assert found.strand.values.tolist() == ["+", "-"]
    assert (int(found.number), int(bell.number)) == (5, 5)
    assert set(found.coords) == set(bell.coords) == set(ds.coords)
    assert found.identical(ga.rolling(ds, 10, "sum"))
    assert found.reads.data.name == ga.rolling(ds, 10, "sum").reads.data.name
    assert found.reads.data.name != ga.rolling(ds, 10, "sum", center=False).reads.data.name
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(again.reads, found.reads)


def test_rolling__of_nothing_and_of_no_tracks():
    ds = ga.testing.random_genome({"chr1": 30}).drop_vars("dna")
    for some in (
        ds.isel(position=slice(0)),
        ds.isel(track=slice(0)),
        ds.isel(position=slice(5, 6)),
    ):
        for obj in (some, some.chunk()):
            for found in (ga.rolling(obj, 5), ga.smooth(obj, 5), ga.coarsen(obj, 5)):
                assert found.signal.shape == found.signal.compute().shape
                assert found.signal.sizes["track"] == some.sizes["track"]
                assert found.sizes["position"] == (
                    some.sizes["position"] if found.position.size != 6 else 6
                )


def test_rolling__reads_each_chunk_once_and_margins_beside_a_piece(tmp_path, monkeypatch):
    from genoarrays.store.stored import StoredArray

    ds = ga.testing.random_genome({"chr1": 5000, "chr2": 700})[["label"]]
    ga.to_zarr(ds, tmp_path / "x.zarr", chunk=500, shard=1000, progress=False)
    read, real = [], StoredArray.__getitem__

    def reading(self, key):
        read.append((key[0].start, key[0].stop))
        return real(self, key)

    monkeypatch.setattr(StoredArray, "__getitem__", reading)
    lazy = ga.open_zarr(tmp_path / "x.zarr", chunks=1000).label
    found = ga.rolling(lazy, 21).compute(scheduler="synchronous")
    np.testing.assert_array_equal(found, ga.rolling(ds.label, 21))
    assert sorted(read) == [(n, min(n + 1000, 5700)) for n in range(0, 5700, 1000)]
    read.clear()
    ga.rolling(lazy, 21)[1000:2000].compute(scheduler="synchronous")
    assert sorted(read) == [(990, 1000), (1000, 2000), (2000, 2010)]
    read.clear()
    without = ga.open_zarr(tmp_path / "x.zarr", chunks=None).label
    with ga.set_options(chunk_bytes=1000):
        lazy = ga.rolling(without, 21)
    assert not read
    np.testing.assert_array_equal(lazy, ga.rolling(ds.label, 21))


def test_rolling__refuses():
    ds = ga.testing.random_genome({"chr1": 100}, bin_size=4)
    for width in (0, -4, 3, 6, 8.5):
        with pytest.raises(ga.GenomeError, match="is no multiple of the bins, which have 4 bp"):
            ga.rolling(ds, width)
    with pytest.raises(ga.GenomeError, match="how='median'"):
        ga.rolling(ds, 8, "median")
    for few in (0, 3):
        with pytest.raises(ga.GenomeError, match=f"min_count={few} is not possible"):
            ga.rolling(ds, 8, min_count=few)
    with pytest.raises(ga.GenomeError, match=r"min_count=2 makes NaN .*astype"):
        ga.rolling(ds.reads, 8, "sum", min_count=2)
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.rolling(ga.testing.random_genome({"chr1": 100}), 8)
    for act in (lambda x: ga.rolling(x, 8), lambda x: ga.smooth(x, 8)):
        with pytest.raises(ga.RegionError, match="reversed or thinned out"):
            act(ds.isel(position=slice(None, None, -1)))
        with pytest.raises(ga.AssemblyError):
            act(xr.DataArray([1, 2], dims="position"))
    for sd in (0, -1, np.nan, np.inf):
        with pytest.raises(ga.GenomeError, match="give a number above 0"):
            ga.smooth(ds.reads, sd)
    with pytest.raises(ga.GenomeError, match="truncate=0"):
        ga.smooth(ds.reads, 1, truncate=0)


def test_rolling__keeps_to_the_regions_of_an_axis_that_repeats_some():
    ds = ga.testing.random_genome({"chr1": 100})[["signal"]]
    twice = ds.sel(position=["chr1:0-20", "chr1:10-30"])
    found = ga.rolling(twice.chunk(position=7), 9).signal
    assert isinstance(ga.axis_of(found), GenomeAxis)
    np.testing.assert_array_equal(found[:20], ga.rolling(ds.signal[:20], 9))
    np.testing.assert_array_equal(found[20:], ga.rolling(ds.signal[10:30], 9))
