"""Is a summary what NumPy says, on arrays of any kind, read once?"""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import genoarrays as ga

FLOATS = st.floats(-1e6, 1e6, width=32) | st.just(np.nan)


def brute(values, axis):
    count = (~np.isnan(values)).sum(axis)
    wide = values.astype("f8")
    with np.errstate(all="ignore"):
        total = np.nansum(wide, axis)
        mean = total / count
        away = np.nansum((wide - np.expand_dims(mean, axis)) ** 2, axis)
        sd = np.sqrt(np.where(count > 1, away / np.maximum(count - 1, 1), np.nan))
    low = np.nanmin(np.where(np.isnan(wide), np.inf, wide), axis, initial=np.inf)
    high = np.nanmax(np.where(np.isnan(wide), -np.inf, wide), axis, initial=-np.inf)
    none = count == 0
    return {
        "count": count, "mean": mean, "sd": sd,
        "min": np.where(none, np.nan, low), "max": np.where(none, np.nan, high),
    }  # fmt: skip


def check(found, expected, scale=1e6):
    for name, values in expected.items():
        np.testing.assert_allclose(
            found[name].values, values, rtol=1e-9, atol=1e-9 * scale, err_msg=name
        )


@settings(max_examples=60)
@given(
    values=hnp.arrays("f4", hnp.array_shapes(min_dims=1, max_dims=3, max_side=9), elements=FLOATS),
    data=st.data(),
)
def test_summarize__equals_numpy(values, data):
    names = ["position", "strand", "track"][: values.ndim]
    dims = data.draw(st.permutations(names))
    over = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    array = xr.DataArray(values, dims=dims)
    axis = tuple(dims.index(dim) for dim in over)
    found = ga.summarize(array, over)
    rest = tuple(dim for dim in dims if dim not in over)
    assert found["mean"].dims == rest
    check(found, brute(values, axis))
    chunks = {dim: data.draw(st.integers(1, 4)) for dim in dims}
    lazy = ga.summarize(array.chunk(chunks), over[0] if len(over) == 1 else over)
    check(lazy.compute(scheduler="synchronous"), brute(values, axis))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u1", "u4", "i8", "?"])
def test_summarize__of_long_arrays_of_any_type(dtype):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (70_001, 2)).astype(dtype)
    array = xr.DataArray(values, dims=("position", "track"))
    expected = brute(values.astype("f8"), 0)
    check(ga.summarize(array), expected)
    check(ga.summarize(array.chunk(position=9_973)).compute(), expected)
    check(ga.summarize(array.T.copy()), expected)


def test_summarize__a_large_mean_costs_no_digits():
    values = 1e9 + np.tile([0.0, 1.0], 50_000)
    found = ga.summarize(xr.DataArray(values, dims="position").chunk(position=777))
    np.testing.assert_allclose(found.sd, values.std(ddof=1), rtol=1e-9)


def test_summarize__infinity_stays():
    values = np.array([1.0, np.inf, 2.0])
    for array in (xr.DataArray(values, dims="x"), xr.DataArray(values, dims="x").chunk(x=1)):
        found = ga.summarize(array, "x")
        assert float(found["mean"]) == np.inf
        assert np.isnan(found.sd)
        assert (float(found["min"]), float(found["max"])) == (1, np.inf)
    both = ga.summarize(xr.DataArray([-np.inf, np.inf], dims="x"), "x")
    assert np.isnan(both["mean"])


def test_summarize__is_lazy_reads_once_and_keeps_labels(tmp_path):
    ds = ga.testing.random_genome({"chr1": 50_000, "chr2": 300})
    ds.signal.attrs |= {"units": "1", "source": "here"}
    ga.to_zarr(ds, tmp_path / "x.zarr", progress=False)
    store = ga.open_zarr(tmp_path / "x.zarr")
    with ga.testing.count_computes() as computed:
        found = ga.summarize(store.signal)
        assert found["mean"].chunks is not None
        assert not computed
        done = found.compute()
        assert len(computed) == 1
    check(done, brute(ds.signal.values, 0))
    assert done.track.values.tolist() == ["a", "b"]
    assert done["mean"].attrs["units"] == "1"
    assert done.attrs["source"] == "here"
    assert str(done.assembly.values) == str(ds.assembly.values)
    direct = ga.open_zarr(tmp_path / "x.zarr", chunks=None)
    check(ga.summarize(direct.signal), brute(ds.signal.values, 0))
    x = ga.windows(store, ["chr1:10-20", "chr1:15-25:-"])
    check(ga.summarize(x.reads, ["window", "offset"]), brute(x.reads.values.astype("f8"), (0, 1)))


def test_summarize__over_tracks_stays_on_the_genome():
    ds = ga.testing.random_genome({"chr1": 50, "chr2": 9})
    for array in (ds.signal, ds.signal.chunk(position=20)):
        found = ga.summarize(array, "track")
        assert ga.axis_of(found) == ga.axis_of(ds)
        check(found.sel(position="chr2:2-5"), brute(ds.signal.values[52:55], 1))


def test_summarize__refuses():
    ds = ga.testing.random_genome({"chr1": 50})
    with pytest.raises(ga.GenomeError, match="'signal' has no dimension 'x'"):
        ga.summarize(ds.signal, "x")
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.summarize(ds.dna)
    with pytest.raises(ga.GenomeError, match=r"as dna == 1, .*: \.drop_attrs"):
        ga.summarize(ds.dna == 1)
    assert int(ga.summarize((ds.dna == 1).drop_attrs(deep=False))["count"]) == 50
    with pytest.raises(ga.GenomeError, match="only numbers are summarized"):
        ga.summarize(xr.DataArray(np.array(["a"]), dims="position"))
