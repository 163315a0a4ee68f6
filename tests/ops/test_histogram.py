"""Are counts those of np.histogram, and is nothing lost that is in no bin?"""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import genoarrays as ga
from tests.ops.counted import Counted

FLOATS = st.floats(-5, 5, width=32) | st.sampled_from([np.nan, np.inf, -np.inf, 0.1, 0.7, 2.0])
EDGES = st.lists(st.sampled_from([-3, -0.5, 0, 0.1, 0.7, 2, 2.5]), min_size=2, max_size=5).map(
    sorted
)
EVEN = st.tuples(st.integers(1, 7), st.sampled_from([(0.1, 0.7), (-3, 2), (2, 2), (-1, 1e-3)]))


def brute(values, bins, range, axis):
    """NumPy, row by row."""
    flat = np.moveaxis(values, axis, np.arange(len(axis)))
    rest = flat.shape[len(axis) :]
    rows = flat.reshape(-1, int(np.prod(rest))).T
    count = np.array([np.histogram(row[~np.isnan(row)], bins, range)[0] for row in rows])
    return count.T.reshape(-1, *rest)


@settings(max_examples=40)
@given(
    values=hnp.arrays("f4", hnp.array_shapes(max_dims=3, max_side=6), elements=FLOATS),
    bins=st.one_of(EVEN, st.tuples(EDGES, st.none())),
    data=st.data(),
)
def test_histogram__equals_numpy(values, bins, data):
    names = ["position", "strand", "track"][: values.ndim]
    dims = data.draw(st.permutations(names))
    over = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    array = xr.DataArray(values, dims=dims)
    axis = [dims.index(dim) for dim in over]
    chunks = {dim: data.draw(st.integers(1, 4)) for dim in dims}
    for one in (array, array.chunk(chunks)):
        found = ga.histogram(one, *bins, over[0] if len(over) == 1 else over)
        found = found.compute(scheduler="synchronous")
        rest = tuple(dim for dim in dims if dim not in over)
        assert found["count"].dims == ("bin", *rest)
        np.testing.assert_array_equal(found["count"], brute(values, *bins, axis))
        number = np.prod([values.shape[a] for a in axis])
        told = found["count"].sum("bin") + found.below + found.above + found.missing
        assert (told == number).all()
        np.testing.assert_array_equal(found.missing, np.isnan(values).sum(tuple(axis)))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i1", "u1", "u4", "i8", "u8", "?"])
@pytest.mark.parametrize("bins", [(10, None), (7, (0.1, 60.7)), ([0, 1, 5.5, 40], None),
                                  ([0, 3, 3, 20], None)])  # fmt: skip
def test_histogram__of_numbers_of_any_type(dtype, bins):
    values = np.random.default_rng(0).integers(0, 100, 40_001).astype(dtype)
    array = xr.DataArray(values, dims="position")
    plain = values.astype("u1") if dtype == "?" else values
    count, edges = np.histogram(plain, *bins)
    for one in (array, array.chunk(position=9_973)):
        found = ga.histogram(one, *bins)
        assert found["count"].values.tolist() == count.tolist()
        assert found.low.values.tolist() == edges[:-1].astype(float).tolist()
        assert found.high.values.tolist() == edges[1:].astype(float).tolist()


def test_histogram__looks_for_the_range_of_all_values():
    values = np.array([[1.0, 5], [np.nan, 2], [3, 9]])
    array = xr.DataArray(values, dims=("position", "track"), attrs={"units": "bp"})
    with ga.testing.count_computes() as computed:
        found = ga.histogram(array.chunk(position=2), 4)
        assert len(computed) == 1
    assert found.low.values.tolist() == [1, 3, 5, 7]
    assert found.bin.values.tolist() == [2, 4, 6, 8]
    assert found["count"].values.tolist() == [[1, 1], [1, 0], [0, 1], [0, 1]]
    assert found.high.attrs["units"] == "bp"
    nothing = ga.histogram(xr.DataArray([np.nan], dims="position"), 2)
    assert nothing["count"].values.tolist() == [0, 0]
    assert ga.histogram(xr.DataArray(np.empty(0, "i4"), dims="position"), 1).below == 0
    big = np.array([2**63 - 2, 0, 2**63 - 1], dtype="i8")
    assert ga.histogram(xr.DataArray(big, dims="position"), 2)["count"].values.tolist() == [1, 2]


def test_histogram__bounds_may_be_infinite():
    array = xr.DataArray([-np.inf, 0.0, np.inf, 5, np.nan], dims="position")
    found = ga.histogram(array, [-np.inf, 0, np.inf])
    assert found["count"].values.tolist() == [1, 3]
    assert (int(found.above), int(found.missing)) == (0, 1)
    wide = np.array([-1e308, 0, 1e308])
    found = ga.histogram(xr.DataArray(wide, dims="position"), [-1e308, 0, 1e308])
    assert found["count"].values.tolist() == [1, 2]


def test_histogram__is_lazy_reads_once_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 5_000, "chr2": 300})
    ds.signal.attrs["source"] = "here"
    source = Counted(ds.signal.values)
    lazy = ds.signal.copy(data=da.from_array(source, chunks=(1_000, 1)))
    with ga.testing.count_computes() as computed:
        found = ga.histogram(lazy, 5, (0, 6))
        assert not computed
        assert found["count"].chunks is not None
        done = found.compute()
        assert len(computed) == 1
    assert len(source.reads) == 12
    np.testing.assert_array_equal(done["count"], brute(ds.signal.values, 5, (0, 6), [0]))
    assert done.track.values.tolist() == ["a", "b"]
    assert done.attrs["source"] == "here"
    along = ga.histogram(ds.signal, [0, 1, 9], dim="track")
    assert ga.axis_of(along) == ga.axis_of(ds)


def test_histogram__refuses():
    ds = ga.testing.random_genome({"chr1": 50})
    with pytest.raises(ga.GenomeError, match=r"bins=\[1, 0\] are no edges"):
        ga.histogram(ds.signal, [1, 0])
    with pytest.raises(ga.GenomeError, match="are no edges"):
        ga.histogram(ds.signal, [1])
    with pytest.raises(ga.GenomeError, match="are no edges"):
        ga.histogram(ds.signal, [0, np.nan, 1])
    for bins in (0, 2.5, "auto"):
        with pytest.raises(ga.GenomeError, match="give their number, or their edges"):
            ga.histogram(ds.signal, bins)
    with pytest.raises(ga.GenomeError, match="leave it out"):
        ga.histogram(ds.signal, [0, 1], (0, 1))
    for odd in ((1, 0), (0, np.inf), (0,), "ab"):
        with pytest.raises(ga.GenomeError, match="are not possible"):
            ga.histogram(ds.signal, 3, odd)
    with pytest.raises(ga.GenomeError, match="'x' holds infinite values; say which range="):
        ga.histogram(xr.DataArray([1, np.inf], dims="position", name="x"))
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.histogram(ds.dna)
    with ga.set_options(byte_limit=100), pytest.raises(ga.GenomeError, match="take fewer bins"):
        ga.histogram(ds.signal, 50, (0, 1))
