"""Are correlations those of pandas, of blocks read once?"""

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import genoarrays as ga
from genoarrays.ops import pairs
from tests.ops.counted import Counted

# few values, so that there are ties, and columns without spread where others have values
VALUES = st.sampled_from([0.0, 1.0, 2.0, -3.5, 7.25, np.nan, np.inf])
METHODS = st.sampled_from(["pearson", "spearman"])


def brute(values, method):
    """pandas, and the number of places that both have."""
    there = np.isfinite(values).astype(int)
    return pd.DataFrame(values).corr(method).to_numpy(), there.T @ there


def check(found, r, n):
    np.testing.assert_array_equal(found.n, n)
    np.testing.assert_allclose(found.r, r, rtol=1e-9, atol=1e-9)


@settings(max_examples=60)
@given(
    values=hnp.arrays(
        "f8", st.tuples(st.integers(0, 9), st.integers(1, 5)), elements=VALUES
    ),
    method=METHODS, split=st.integers(0, 5), chunks=st.tuples(*[st.integers(1, 4)] * 2),
    turned=st.booleans(),
)  # fmt: skip
def test_correlate__equals_pandas(values, method, split, chunks, turned):
    r, n = brute(values, method)
    array = xr.DataArray(values, dims=("position", "track"))
    array = array.T if turned else array
    split = min(split, values.shape[1])
    lazy = array.chunk(position=chunks[0], track=chunks[1])
    for one in (array, lazy):
        found = ga.correlate(one, method=method).compute(scheduler="synchronous")
        assert found.r.dims == ("track", "other")
        check(found, r, n)
        if 0 < split < values.shape[1]:
            b = array.isel(track=slice(split, None)).chunk(position=chunks[1])
            a = one.isel(track=slice(split))
            found = ga.correlate(a, b, method=method).compute(scheduler="synchronous")
            check(found, r[:split, split:], n[:split, split:])


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2", ">f4", "i4", "u1", "u8", "?"])
@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_correlate__of_long_arrays_of_any_type(dtype, method):
    rng = np.random.default_rng(0)
    base = rng.normal(size=(20_001, 1))
    values = np.abs(base + rng.normal(size=(20_001, 3)) + 9) * 10
    values = values.astype(dtype) if dtype != "?" else values > 90
    array = xr.DataArray(values, dims=("position", "track"))
    r, n = brute(values.astype("f8"), method)
    check(ga.correlate(array.chunk(position=7_000), method=method), r, n)


def test_correlate__over_several_dims_and_of_single_tracks():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 2, 3))
    array = xr.DataArray(values, dims=("window", "offset", "track"))
    r, n = brute(values.reshape(-1, 3), "pearson")
    check(ga.correlate(array.chunk(window=7, track=2), dim=["window", "offset"]), r, n)
    one, other = array.isel(track=0), array.isel(track=1)
    found = ga.correlate(one, other, ["offset", "window"])
    assert found.r.dims == ()
    check(found, r[0, 1], n[0, 1])
    found = ga.correlate(one, array, ["offset", "window"])
    assert found.r.dims == ("other",)
    check(found, r[0], n[0])
    found = ga.correlate(array, other, ["offset", "window"])
    assert found.r.dims == ("track",)
    check(found, r[:, 1], n[:, 1])


def test_correlate__a_large_mean_costs_no_digits():
    rng = np.random.default_rng(0)
    small = rng.normal(size=(30_000, 3)) @ rng.normal(size=(3, 3))
    small = np.round(small * 2**10) / 2**10  # so that a large number may be added exactly
    small[rng.random(small.shape) < 0.1] = np.nan
    r, n = brute(small, "pearson")
    array = xr.DataArray(small + np.array([2.0**33, -(2.0**30), 0]), dims=("position", "track"))
    check(ga.correlate(array.chunk(position=777)), r, n)
    # extreme where the others have no value
    far = np.vstack([small, [[1e12, np.nan, np.nan]]])
    r, n = brute(small, "pearson")
    found = ga.correlate(xr.DataArray(far, dims=("position", "track")))
    np.testing.assert_allclose(found.r[1:], r[1:], rtol=1e-9)


def test_correlate__equal_values_have_no_correlation():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5_000, 3))
    values[:, 0] = 0.1  # no sum of it is a multiple of it
    values[:2_500, 1] = np.nan
    values[2_500:, 2] = 0.7  # equal where the second has values
    for chunk in (333, 5_000):
        found = ga.correlate(xr.DataArray(values, dims=("position", "track")).chunk(position=chunk))
        expected = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=bool)
        assert (np.isfinite(found.r.values) == expected).all()


def test_fields__of_tiles_are_those_of_all(monkeypatch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(3, 1, (1000, 2)), rng.normal(100, 1, (1000, 3))
    y[::7, 1] = np.nan
    whole = pairs.fields_of_pairs(x, y)
    monkeypatch.setattr(pairs, "_TILE", 50)
    np.testing.assert_allclose(pairs.fields_of_pairs(x, y), whole, rtol=1e-12)
    for i, j in np.ndindex(2, 3):
        one = pairs.fields_of_pair(x[:, i], y[:, j])
        np.testing.assert_allclose(whole[i, j], one, rtol=1e-9)


def test_correlate__is_lazy_reads_once_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 5_000, "chr2": 300})
    source = Counted(ds.signal.values)
    lazy = ds.signal.copy(data=da.from_array(source, chunks=(1_000, 1)))
    for method in ("pearson", "spearman"):
        source.reads.clear()
        with ga.testing.count_computes() as computed:
            found = ga.correlate(lazy, ds.reads.astype("f4"), method=method)
            assert not computed
            assert found.r.chunks is not None
            done = found.compute()
            assert len(computed) == 1
        assert len(source.reads) == 12
        both = np.hstack([ds.signal.values, ds.reads.values])
        r, n = brute(both, method)
        check(done, r[:2, 2:], n[:2, 2:])
        assert done.r.sel(track="b", other="-").size == 1
        assert done.track.values.tolist() == ["a", "b"]
        assert done.other.values.tolist() == ["+", "-"]
        assert str(done.assembly.values) == str(ds.assembly.values)
    direct = ga.correlate(ds.signal)
    assert direct.r.chunks is None
    assert direct.r.sel(track="a", other="a") == 1


def test_correlate__refuses():
    ds = ga.testing.random_genome({"chr1": 50, "chr2": 30})
    with pytest.raises(ga.GenomeError, match="method='kendall' is not known"):
        ga.correlate(ds.signal, method="kendall")
    with pytest.raises(ga.GenomeError, match="which is one track; give another one, b"):
        ga.correlate(ds.label)
    with pytest.raises(ga.GenomeError, match=r"'a' and 'b' besides 'x'.*array.isel\(b=0\)"):
        ga.correlate(xr.DataArray(np.zeros((2, 2, 2)), dims=("x", "a", "b"), name="y"), dim="x")
    with pytest.raises(ga.GenomeError, match=r"array.rename\(other='track'\)"):
        ga.correlate(ds.signal.rename(track="other"))
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.correlate(ds.dna, ds.label)
    with pytest.raises(ga.GenomeError, match="they hold other regions"):
        ga.correlate(ds.signal, ds.label.sel(contig="chr1"))
    other = ga.testing.random_genome({"chr1": 80})
    with pytest.raises(ga.AssemblyError, match="cannot correlate arrays on"):
        ga.correlate(ds.signal, other.label)
    with pytest.raises(ga.AssemblyError, match="has no genome axis"):
        ga.correlate(ds.signal, xr.DataArray(np.zeros(80), dims="position"))
    with pytest.raises(ga.GenomeError, match=r"bins of 1 bp, the other of 5 bp; .*ga.regrid\("):
        ga.correlate(ds.signal, ga.coarsen(ds.label, 5))
    x = ga.windows(ds, ["chr1:0-5", "chr1:7-12"])
    y = ga.windows(ds, ["chr1:0-5", "chr1:8-13"])
    with pytest.raises(ga.RegionError, match="two different sets of windows"):
        ga.correlate(x.signal, y.label, ["window", "offset"])
    with pytest.raises(ga.GenomeError, match="labels along 'offset' differ"):
        ga.correlate(x.signal, x.label.assign_coords(offset=x.offset + 1), ["window", "offset"])
    with pytest.raises(ga.GenomeError, match="there are 5 and 4 places along 'x'"):
        ga.correlate(xr.DataArray(np.zeros(5), dims="x"), xr.DataArray(np.zeros(4), dims="x"), "x")
    with ga.set_options(byte_limit=1000), pytest.raises(ga.GenomeError, match=r"ga\.coarsen\("):
        ga.correlate(ds.signal, method="spearman")
    with ga.set_options(byte_limit=100), pytest.raises(ga.GenomeError, match="fewer at once"):
        ga.correlate(ds.signal)
