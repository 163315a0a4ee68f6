"""Are values of regions what NumPy says of each region, however many there are?"""

import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga

LENGTHS = {"chr1": 41, "chr2": 23, "chr3": 6}
HOW = {
    "mean": np.mean, "sum": np.sum, "min": np.min, "max": np.max, "count": len,
    "sd": lambda v: v.std(ddof=1) if len(v) > 1 else np.nan,
}  # fmt: skip


def signal(bin_size=1, seed=0, dtype="f4"):
    array = ga.testing.random_genome(LENGTHS, bin_size=bin_size, seed=seed).signal
    array.values[5:9] = np.nan
    return array if dtype == "f4" else (array.fillna(0) * 10).astype(dtype)


def table(rows, assembly):
    contigs = list(assembly.names)
    names, starts, ends = zip(*((contigs[c], a, b) for c, a, b in rows), strict=True)
    return ga.read_regions([f"{n}:{a}-{b}" for n, a, b in zip(names, starts, ends, strict=True)],
                           like=assembly, out_of_bounds="pad")  # fmt: skip


def values_of(array, contig, start, end):
    """Values (bin, track) of the bins that overlap a region."""
    part = array.sel(contig=contig)
    low = part.position.values
    size = ga.bin_size_of(array)
    return part.values[(low < end) & (low + size > max(start, 0)) & (start < end)]


def brute(array, regions, how):
    rows = []
    for c, a, b in zip(regions.contig.values, regions.start.values, regions.end.values,
                       strict=True):  # fmt: skip
        columns = values_of(array, str(c), int(a), int(b)).astype("f8").T
        columns = [column[~np.isnan(column)] for column in columns]
        empty = 0 if how == "count" else np.nan
        rows.append([HOW[how](v) if len(v) else empty for v in columns])
    return np.array(rows)


def regions_strategy():
    place = st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 41))
    ordered = place.map(lambda p: (p[0], *sorted(p[1:]))).filter(
        lambda p: p[1] < p[2] and p[1] < list(LENGTHS.values())[p[0]]
    )
    return st.lists(ordered, min_size=1, max_size=9)


@settings(max_examples=60)
@given(
    rows=regions_strategy(), bin_size=st.sampled_from([1, 3]), chunk=st.sampled_from([None, 4, 19]),
    dtype=st.sampled_from(["f4", "f8", "i4", "u1"]), turned=st.booleans(),
)  # fmt: skip
def test_reduce_regions__equals_each_region_alone(rows, bin_size, chunk, dtype, turned):
    array = signal(bin_size, dtype=dtype)
    regions = table(rows, ga.axis_of(array).assembly)
    given_ = array.T if turned else array
    lazy = given_ if chunk is None else given_.chunk(position=chunk, track=1)
    found = ga.reduce_regions(lazy, regions, list(HOW)).compute(scheduler="synchronous")
    for how in HOW:
        expected = brute(array, regions, how)
        np.testing.assert_allclose(found[how].values, expected, rtol=1e-6, err_msg=how)
    assert found["count"].dtype == np.int64
    assert found.region.values.tolist() == regions.region.values.tolist()
    assert found.track.values.tolist() == ["a", "b"]


@settings(max_examples=40)
@given(rows=regions_strategy(), chunk=st.sampled_from([None, 4, 19]))
def test_reduce_regions__quantiles_and_coverage(rows, chunk):
    array = signal()
    regions = table(rows, ga.axis_of(array).assembly)
    lazy = array if chunk is None else array.chunk(position=chunk, track=1)
    q = [0, 0.25, 0.5, 1]
    found = ga.reduce_regions(lazy, regions, ["quantile", "coverage"], q=q)
    assert found["quantile"].dims == ("region", "track", "q")
    for row in range(regions.sizes["region"]):
        one = regions.isel(region=row)
        values = values_of(array, str(one.contig.item()), int(one.start), int(one.end))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = np.nanquantile(values.astype("f8"), q, axis=0).T
        np.testing.assert_allclose(found["quantile"][row].values, expected, rtol=1e-6)
        share = (~np.isnan(values)).sum(0) / (int(one.end) - int(one.start))
        np.testing.assert_allclose(found["coverage"][row].values, share)


@pytest.mark.parametrize("chunk", [None, 7])
def test_reduce_regions__pools_regions_of_one_label(chunk):
    array = signal()
    array = array if chunk is None else array.chunk(position=chunk)
    regions = ga.read_regions(["chr1:0-9", "chr2:3-9", "chr1:4-30", "chr3:1-2"], like=array)
    regions["state"] = ("region", ["b", "a", "b", None])
    found = ga.reduce_regions(array, regions, ["mean", "sd", "count", "max"], by="state")
    assert found["mean"].dims == ("state", "track")
    assert found.state.values.tolist() == ["b", "a"]
    pieces = {"b": ["chr1:0-9", "chr1:4-30"], "a": ["chr2:3-9"]}
    for state, some in pieces.items():
        values = np.concatenate([array.sel(position=p).values for p in some])
        row = found.sel(state=state)
        np.testing.assert_allclose(row["mean"], np.nanmean(values.astype("f8"), 0))
        np.testing.assert_allclose(row["sd"], np.nanstd(values.astype("f8"), 0, ddof=1))
        np.testing.assert_allclose(row["count"], (~np.isnan(values)).sum(0))
        np.testing.assert_allclose(row["max"], np.nanmax(values, 0))
    other = ga.reduce_regions(array, regions, "mean", by=["x", "y", "x", "x"])
    assert other.dims == ("group", "track")


def test_reduce_regions__what_is_far_off_costs_no_digits():
    values = np.full(1000, 1e-3)
    values[:100] = 1e15
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1000}))
    array = xr.DataArray(values, coords, ["position"]).chunk(position=333)
    regions = [f"chr1:{a}-{a + 300}" for a in range(200, 700, 7)]
    found = ga.reduce_regions(array, regions, ["mean", "sd", "sum"])
    np.testing.assert_allclose(found["mean"], 1e-3, rtol=1e-12)
    np.testing.assert_allclose(found["sum"], 0.3, rtol=1e-12)
    np.testing.assert_allclose(found["sd"], 0, atol=1e-15)
    far = values.copy()
    far[50] = np.inf
    found = ga.reduce_regions(array.copy(data=far), regions, "mean")
    np.testing.assert_allclose(found, 1e-3, rtol=1e-12)


def test_reduce_regions__reads_each_block_once_and_only_where_regions_are():
    seen = []

    def note(block):
        seen.append(block.shape)
        return block

    array = signal().chunk(position=10, track=2)
    array = array.copy(data=array.data.map_blocks(note, dtype="f4", meta=array.data._meta))
    regions = ["chr1:0-5", "chr1:2-8", "chr1:31-33"]
    with ga.testing.count_computes() as computed:
        lazy = ga.reduce_regions(array, regions, ["mean", "max"])
        assert not computed
        lazy["mean"].compute(scheduler="synchronous")
    assert len(seen) == 2
    seen.clear()
    lazy.compute(scheduler="synchronous")
    assert len(seen) == 2


def test_reduce_regions__keeps_sums_of_counts_exact_and_strands_apart():
    reads = ga.testing.random_genome(LENGTHS).reads
    found = ga.reduce_regions(reads, ["chr1:0-41", "chr2:0-23", "chr3:0-6"], "sum")
    assert found.dims == ("region", "strand")
    expected = [reads.sel(contig=c).sum("position").values for c in LENGTHS]
    np.testing.assert_array_equal(found.values, expected)


def test_reduce_regions__of_few_or_no_regions():
    array = signal().chunk(position=16)
    none = ga.read_regions(["chr1:0-5"], like=array).isel(region=slice(0))
    assert ga.reduce_regions(array, none, "mean").compute().shape == (0, 2)
    assert ga.reduce_regions(array, none, "quantile", q=0.5).compute().shape == (0, 2)
    off = ga.read_regions(["chr1:45-50"], like=array, out_of_bounds="pad")
    found = ga.reduce_regions(array, off, ["mean", "count", "coverage"]).compute()
    assert np.isnan(found["mean"]).all()
    assert not found["count"].any()
    assert not found["coverage"].any()


def test_reduce_regions__on_an_axis_of_regions():
    array = signal()
    part = array.sel(position=["chr1:10-30", "chr2:0-9"])
    found = ga.reduce_regions(part, ["chr2:2-8", "chr1:12-30"], "mean")
    np.testing.assert_allclose(found, ga.reduce_regions(array, ["chr2:2-8", "chr1:12-30"], "mean"))
    with pytest.raises(ga.RegionError, match="does not hold all of chr1:5-15"):
        ga.reduce_regions(part, ["chr1:5-15"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"how": "median"}, "how='median' is not known"),
        ({"how": "quantile"}, "needs q="),
        ({"how": "quantile", "q": 1.5}, "from 0 to 1"),
        ({"q": 0.5}, "q= is for"),
        ({"how": "quantile", "q": 0.5, "by": [1, 2]}, "pooled"),
        ({"by": "state"}, "is no column"),
        ({"by": [1]}, "one for each"),
    ],
)
def test_reduce_regions__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.reduce_regions(signal(), ["chr1:0-5", "chr1:3-9"], **options)


def test_reduce_regions__refuses_letters_datasets_and_other_genomes():
    ds = ga.testing.random_genome(LENGTHS)
    with pytest.raises(ga.GenomeError, match="codes of letters"):
        ga.reduce_regions(ds.dna, ["chr1:0-5"])
    with pytest.raises(ga.GenomeError, match="no single variable"):
        ga.reduce_regions(ds, ["chr1:0-5"])
    other = ga.read_regions(["chr1:0-5"], like=ga.Assembly("b", {"chr1": 99}))
    with pytest.raises(ga.AssemblyError, match="different assemblies"):
        ga.reduce_regions(ds.signal, other)
    with pytest.raises(ga.RegionError, match="past its contig"):
        ga.reduce_regions(ds.signal, ga.read_regions(["chr1:0-500"]))


def test_reduce_regions__gives_quantiles_beside_the_rest_and_labels_named_as_dimensions():
    reads = ga.testing.random_genome(LENGTHS).reads
    regions = ga.read_regions(["chr1:0-9:+", "chr1:4-30:-", "chr2:3-9:-"], like=reads)
    found = ga.reduce_regions(reads, regions, ["mean", "quantile"], q=0.5)
    assert set(found.data_vars) == {"mean", "quantile"}
    assert float(found.q) == 0.5
    frame = ga.to_pandas(found.isel(strand=0))
    np.testing.assert_array_equal(frame["quantile"], found["quantile"][:, 0])
    pooled = ga.reduce_regions(reads, regions, by="strand")
    assert pooled.dims == ("region_strand", "strand")
    profile = ga.metagene(reads, regions, upstream=2, downstream=2, by="strand")
    assert profile["mean"].dims == ("region_strand", "offset", "strand")
    with pytest.raises(ga.GenomeError, match=r"q=0\.5"):
        ga.reduce_regions(reads, regions, "median")
