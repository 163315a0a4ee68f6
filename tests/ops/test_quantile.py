"""Are quantiles those of NumPy, to the last bit, at bounded memory?"""

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import genoarrays as ga
import genoarrays.ops.quantile as module
from tests.ops.counted import Counted

FLOATS = st.floats(width=32, allow_infinity=False) | st.just(np.nan) | st.sampled_from([0.0, -0.0])
SHARES = st.lists(st.floats(0, 1), min_size=1, max_size=4)


def brute(values, q, axis):
    """NumPy, row by row, in float64."""
    flat = np.moveaxis(values.astype("f8"), axis, range(len(axis)))
    rest = flat.shape[len(axis) :]
    rows = flat.reshape(-1, int(np.prod(rest))).T
    found = [
        np.quantile(row[~np.isnan(row)], q) if (~np.isnan(row)).any() else np.full(len(q), np.nan)
        for row in rows
    ]
    return np.array(found).T.reshape(len(q), *rest)


@pytest.fixture
def passes(monkeypatch):
    """Few values are counted, too, in as many passes as very many rows need, each read again."""

    def choose(bits):
        monkeypatch.setattr(module, "_FEW", 0)
        monkeypatch.setattr(module, "_HELD", 0)
        monkeypatch.setattr(module, "_BITS", (bits,))

    return choose


@pytest.mark.parametrize("bits", [None, 16, 11, 8])
def test_quantile__equals_numpy(bits, passes):
    if bits:
        passes(bits)

    @settings(max_examples=15)
    @given(
        values=hnp.arrays("f4", hnp.array_shapes(max_dims=3, max_side=7), elements=FLOATS),
        q=SHARES, data=st.data(),
    )  # fmt: skip
    def check(values, q, data):
        names = ["position", "strand", "track"][: values.ndim]
        dims = data.draw(st.permutations(names))
        over = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
        array = xr.DataArray(values, dims=dims)
        expected = brute(values, q, [dims.index(dim) for dim in over])
        chunks = {dim: data.draw(st.integers(1, 4)) for dim in dims}
        for one in (array, array.chunk(chunks)):
            found = ga.quantile(one, q, over[0] if len(over) == 1 else over)
            assert found.dims == ("quantile", *(dim for dim in dims if dim not in over))
            np.testing.assert_array_equal(found.compute(scheduler="synchronous"), expected)

    check()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", ">f8", "i1", "u1", "i2", "u2", "i4",
                                   "u4", "i8", "u8", "?"])  # fmt: skip
@pytest.mark.parametrize("bits", [16, 11, 8])
def test_quantile__of_numbers_of_any_type(dtype, bits, passes):
    passes(bits)
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1000, (5_001, 2)).round(1)
    values = values.astype(dtype) if dtype != "?" else values > 300
    array = xr.DataArray(values, dims=("position", "track"))
    q = [1, 0.9, 0, 0.5, 0.25, 0.9]
    np.testing.assert_array_equal(ga.quantile(array, q), brute(values, q, [0]))


def test_quantile__ends_of_integers_are_exact(passes):
    passes(16)
    for dtype in ("i8", "u8", "i4", "u4"):
        limits = np.iinfo(dtype)
        values = np.array([limits.min, limits.max, limits.max, limits.min + 1], dtype)
        found = ga.quantile(xr.DataArray(values, dims="position"), [0, 1])
        assert found.values.tolist() == [float(limits.min), float(limits.max)]


@pytest.mark.parametrize("few", [True, False])
def test_quantile__infinities_are_values(few, passes):
    if not few:
        passes(16)
    values = np.array([np.inf, 1, np.nan, -np.inf, 2, np.inf])
    array = xr.DataArray(values, dims="position").chunk(position=2)
    # in order: -inf 1 2 inf inf; NumPy gives NaN between 2 and inf, and at inf
    expected = [-np.inf, -np.inf, -np.inf, 1, 2, np.inf, np.inf, np.inf]
    assert ga.quantile(array, [0, 0.1, 0.2, 0.25, 0.5, 0.6, 0.75, 1]).values.tolist() == expected
    both = xr.DataArray([-np.inf, np.inf], dims="position")
    found = ga.quantile(both, [0, 0.4, 0.5, 0.6, 1]).values
    np.testing.assert_array_equal(found, [-np.inf, np.nan, np.nan, np.nan, np.inf])
    nothing = xr.DataArray([np.nan, np.nan], dims="position")
    assert np.isnan(ga.quantile(nothing, 0.5))
    empty = xr.DataArray(np.zeros((0, 2)), dims=("position", "track"))
    assert np.isnan(ga.quantile(empty, [0.5, 1])).all()
    assert ga.quantile(empty, [0.5, 1], "track").shape == (2, 0)


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_quantile__has_the_form_that_xarray_gives():
    ds = ga.testing.random_genome({"chr1": 300, "chr2": 20})
    ds.signal.attrs["units"] = "1"
    for q, dim in ((0.5, "position"), ([0.1, 0.9], ["position", "track"]), ([0.3], "track")):
        found = ga.quantile(ds.signal.astype(float), q, dim)
        expected = ds.signal.astype(float).quantile(q, dim, keep_attrs=True)
        xr.testing.assert_allclose(found.drop_vars("assembly"), expected)
        assert found.attrs == {"units": "1"}
        assert found.name == "signal"
    found = ga.quantile(ds.signal, 0.5, "track")
    assert ga.axis_of(found) == ga.axis_of(ds)
    assert found.sel(position="chr2:3-5").sizes == {"position": 2}
    assert ga.quantile(ds.signal, [0.5]).track.values.tolist() == ["a", "b"]


def test_quantile__is_lazy_and_reads_once_for_each_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_HELD", 1000)
    ds = ga.testing.random_genome({"chr1": 50_000, "chr2": 300})
    source = Counted(ds.signal.values)
    lazy, reads = ds.signal.copy(data=da.from_array(source, chunks=(10_000, 1))), source.reads
    # whatever was done to it: blocks of the first pass are not kept for the second
    for changed in (lazy, np.log1p(lazy), lazy.isel(position=slice(5, 50_200)),
                    lazy.chunk(position=25_000, track=2)):  # fmt: skip
        changed.compute()
        once = len(reads)
        reads.clear()
        assert once > 0
        with ga.testing.count_computes() as computed:
            found = ga.quantile(changed, [0.1, 0.5])
            assert found.chunks is not None
            assert not computed
            assert not reads
            values = found.values
            assert len(computed) == 1
        assert len(reads) == 2 * once
        reads.clear()
        np.testing.assert_array_equal(values, brute(changed.values, [0.1, 0.5], [0]))
        reads.clear()
    monkeypatch.setattr(module, "_HELD", 2**20)  # all blocks fit: they are kept, and read once
    ga.quantile(lazy, 0.5).compute()
    assert len(reads) == 12
    ga.to_zarr(ds, tmp_path / "x.zarr", progress=False)
    direct = ga.open_zarr(tmp_path / "x.zarr", chunks=None)
    assert ga.quantile(direct.signal, [0.5]).chunks is None
    np.testing.assert_array_equal(
        ga.quantile(direct.signal, [0.5]), brute(ds.signal.values, [0.5], [0])
    )


def test_quantile__of_windows():
    ds = ga.testing.random_genome({"chr1": 300, "chr2": 200}).chunk(position=100)
    x = ga.windows(ds, ["chr1:10-20", "chr2:15-25:-", "chr1:5-15"])
    found = ga.quantile(x.signal, [0.5, 0.75], ["window", "offset"])
    np.testing.assert_array_equal(found, brute(x.signal.values, [0.5, 0.75], [0, 1]))
    assert ga.quantile(x.signal, 0.5, "window").offset.values.tolist() == x.offset.values.tolist()
    assert "window" in ga.quantile(x.signal, 0.5, "offset").xindexes


def test_quantile__on_a_cluster(monkeypatch):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(module, "_HELD", 0)
    ds = ga.testing.random_genome({"chr1": 20_000})
    options = dict(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0")
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
        lazy = ds.signal.chunk(position=3000)
        expected = brute(ds.signal.values, [0.2, 0.5], [0])
        np.testing.assert_array_equal(ga.quantile(lazy, [0.2, 0.5]), expected)
        held = lazy.persist()  # on the workers
        np.testing.assert_array_equal(ga.quantile(held, [0.2, 0.5]), expected)
        np.testing.assert_array_equal(ga.quantile(held + 0, [0.2, 0.5]), expected)


def test_quantile__refuses():
    ds = ga.testing.random_genome({"chr1": 50})
    for q in (1.5, -0.1, [], [0.5, np.nan], [[0.5]]):
        with pytest.raises(ga.GenomeError, match=r"is not possible; give one or several numbers"):
            ga.quantile(ds.signal, q)
    with pytest.raises(ga.GenomeError, match="'signal' has no dimension 'x'"):
        ga.quantile(ds.signal, 0.5, "x")
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.quantile(ds.dna, 0.5)
    wide = xr.DataArray(da.zeros((10_000, 40_000), chunks=(100, -1)), dims=("position", "track"))
    with pytest.raises(ga.GenomeError, match=r"counts of these quantiles in one block.*chunk"):
        ga.quantile(wide, np.linspace(0, 1, 11))
    tall = xr.DataArray(da.zeros((1000, 400_000), chunks=(1, -1)), dims=("position", "track"))
    with pytest.raises(ga.GenomeError, match=r"blocks that hold values of one row.*chunk"):
        ga.quantile(tall, 0.5)
