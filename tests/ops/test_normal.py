"""Is each normalizer what NumPy says, fitted on some positions and applied to others by label?"""

import json

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.ops.normalize import normalizer_of

LENGTHS = {"chr1": 41, "chr2": 23, "chr3": 6}
READS = {"a": {"kept": 1000, "duplicate": 3}, "b": {"kept": 250}}


def reads(bin_size=1, chunk=None, told=True):
    rng = np.random.default_rng(1)
    axis = ga.GenomeAxis(ga.Assembly("toy", LENGTHS), bin_size)
    values = rng.poisson(3, (axis.size, 2, 2)).astype("u4")
    attrs = {"count": "five_prime"} | ({"reads": READS} if told else {})
    array = xr.DataArray(
        values, ga.genome_coords(axis), ["position", "strand", "sample"], "reads", attrs
    ).assign_coords(strand=["+", "-"], sample=["a", "b"])
    return array if chunk is None else array.chunk(position=chunk, sample=1)


def signal(chunk=None):
    array = ga.testing.random_genome(LENGTHS).signal
    return array if chunk is None else array.chunk(position=chunk, track=1)


def places(array, *regions):
    """Whether positions are in some regions."""
    inside = np.zeros(array.sizes["position"], bool)
    for name, start, end in regions:
        low = array.position.values
        size = ga.bin_size_of(array)
        inside |= (array.contig.values == name) & (low < end) & (low + size > start)
    return inside


@pytest.mark.parametrize("chunk", [None, 9])
@pytest.mark.parametrize("method", ["zscore", "zscore_log"])
@pytest.mark.parametrize("where", ["all", "regions", "contigs", "both", "valid"])
def test_zscore__of_each_track_over_the_union_of_what_is_fitted_on(chunk, method, where):
    array = signal(chunk)
    plain = signal()
    table = ga.read_regions(["chr1:3-20", "chr1:10-30:-", "chr2:0-9"], like=array)
    in_regions = places(plain, ("chr1", 3, 30), ("chr2", 0, 9))
    valid = ga.valid_mask(array, exclude=table)
    options, inside = {
        "all": ({}, np.ones(70, bool)),
        "regions": ({"regions": table}, in_regions),
        "contigs": ({"contigs": ["chr2", "chr3"]}, places(plain, ("chr2", 0, 23), ("chr3", 0, 6))),
        "both": ({"regions": table, "contigs": "chr2"}, places(plain, ("chr2", 0, 9))),
        "valid": ({"valid": valid}, ~in_regions),
    }[where]
    stats = ga.fit_normalizer(array, method, **options)
    values = plain.values.astype("f8")
    values = np.log1p(values) if method == "zscore_log" else values
    mean, sd = np.nanmean(values[inside], 0), np.nanstd(values[inside], 0, ddof=1)
    np.testing.assert_allclose(stats["mean"], mean, rtol=1e-6)
    np.testing.assert_allclose(stats["sd"], sd, rtol=1e-6)
    assert stats.track.values.tolist() == ["a", "b"]
    with ga.testing.count_computes() as computed:
        found = ga.normalize(array.isel(track=[1, 0]), stats)
        assert not computed
    assert found.dtype == np.float32
    assert found.dims == array.dims
    assert (found.chunks is None) == (chunk is None)
    expected = ((values - mean) / sd)[:, [1, 0]]
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-5)
    assert found.attrs["normalizer"]["method"] == method
    json.dumps(found.attrs["normalizer"])
    assert ga.axis_of(found) == ga.axis_of(array)


@pytest.mark.parametrize("chunk", [None, 5])
@pytest.mark.parametrize("bin_size", [1, 4])
@pytest.mark.parametrize("method", ["cpm", "rpkm", "bpm", "tpm", "rpgc", "per_length", "scale"])
def test_factors__pool_strands_and_know_the_length_of_bins(method, bin_size, chunk):
    array = reads(bin_size, chunk)
    x = reads(bin_size).values.astype("f8")
    axis = ga.axis_of(array)
    width = np.concatenate([
        np.minimum(bin_size, n - np.arange(0, n, bin_size)) for n in LENGTHS.values()
    ])[:, None, None] / 1000  # fmt: skip
    kept = np.array([1000, 250.0])
    options = {
        "rpgc": {"effective_genome_size": 60, "fragment_length": 3},
        "scale": {"scale": {"a": 2, "b": 0.5}},
    }.get(method, {})
    expected = {
        "cpm": lambda: x * 1e6 / kept,
        "rpkm": lambda: x * 1e6 / (kept * width),
        "bpm": lambda: x * 1e6 / x.sum((0, 1)),
        "tpm": lambda: x / width * 1e6 / (x / width).sum((0, 1)),
        "rpgc": lambda: x * 60 / (kept * 3),
        "per_length": lambda: x / width,
        "scale": lambda: x * [2, 0.5],
    }[method]()
    stats = ga.fit_normalizer(array, method, **options)
    found = ga.normalize(array, stats)
    np.testing.assert_allclose(found.values, expected, rtol=1e-5)
    if method == "tpm":
        np.testing.assert_allclose(found.sum(("position", "strand")), 1e6, rtol=1e-5)
    one = ga.normalize(array.isel(sample=1), stats)
    np.testing.assert_allclose(one.values, expected[..., 1], rtol=1e-5)
    assert ga.axis_of(one) == axis


def test_library_sizes__come_from_the_reads_or_are_refused():
    with pytest.raises(ga.GenomeError, match="do not tell how many reads were kept"):
        ga.fit_normalizer(reads(told=False), "cpm")
    array = reads()
    array.attrs["reads"] = {"a": {"kept": 5}}
    with pytest.raises(ga.GenomeError, match="sample 'b'"):
        ga.fit_normalizer(array, "cpm")
    track = signal(7)
    found = ga.fit_normalizer(track, "cpm", contigs="chr3")
    np.testing.assert_allclose(found.factor, 1e6 / np.nansum(track.values.astype("f8"), 0))


def test_tpm__of_windows_of_any_length():
    array = reads()
    x = ga.windows(array, ["chr1:0-10", "chr1:5-40", "chr2:0-3"], reduce="sum").reads
    stats = ga.fit_normalizer(x, "tpm")
    found = ga.normalize(x, stats)
    np.testing.assert_allclose(found.sum(("window", "strand")), 1e6, rtol=1e-6)
    rate = x.values / np.array([0.010, 0.035, 0.003])[:, None, None]
    np.testing.assert_allclose(found.values, rate / rate.sum((0, 1)) * 1e6, rtol=1e-5)
    bins = ga.windows(array, ["chr1:0-10", "chr1:5-15"], 10, reduce="sum", bin_size=5).reads
    found = ga.normalize(bins, ga.fit_normalizer(bins, "per_length"))
    np.testing.assert_allclose(found.values, bins.values / 0.005, rtol=1e-6)
    regions = ga.reduce_regions(array, ["chr1:0-10", "chr2:0-20"], "sum")
    found = ga.normalize(regions, ga.fit_normalizer(regions, "per_length"))
    np.testing.assert_allclose(found.values, regions.values / np.reshape([0.01, 0.02], (2, 1, 1)))


def test_zscore__of_windows_pools_windows_offsets_and_strands():
    x = ga.windows(reads(chunk=9), ["chr1:0-10", "chr1:5-15:-", "chr2:0-10"], 10).reads
    stats = ga.fit_normalizer(x, "zscore")
    assert stats["mean"].dims == ("sample",)
    values = x.values.astype("f8")
    np.testing.assert_allclose(stats["mean"], values.mean((0, 1, 2)))
    np.testing.assert_allclose(stats.sd, values.std((0, 1, 2), ddof=1))
    with pytest.raises(ga.GenomeError, match="select those to fit on"):
        ga.fit_normalizer(x, "zscore", contigs="chr1")
    with pytest.raises(ga.GenomeError, match="do not tell the sum"):
        ga.fit_normalizer(x, "bpm")


@pytest.mark.parametrize("chunk", [None, 9])
def test_clip__at_exact_quantiles_of_each_track(chunk):
    array = signal(chunk)
    table = ga.read_regions(["chr1:3-20"], like=array)
    plain = signal().values.astype("f8")
    for options, inside in (({}, slice(None)), ({"regions": table}, slice(3, 20))):
        high = ga.fit_normalizer(array, "clip", q=0.9, **options)
        expected = np.nanquantile(plain[inside], 0.9, axis=0)
        np.testing.assert_allclose(high.high, expected)
        found = ga.normalize(array, high)
        np.testing.assert_allclose(found.values, np.minimum(plain, expected), rtol=1e-6)
    both = ga.fit_normalizer(array, "clip", q=(0.1, 0.9))
    limits = np.nanquantile(plain, [0.1, 0.9], axis=0)
    np.testing.assert_allclose(ga.normalize(array, both).values, np.clip(plain, *limits), rtol=1e-6)


def test_soft_clip__of_a_value_or_a_quantile():
    array = signal()
    x = array.values.astype("f8")
    found = ga.normalize(array, ga.fit_normalizer(array, "soft_clip", c=2.0))
    with np.errstate(invalid="ignore"):
        expected = np.where(x > 2, 1 + np.sqrt(x - 1), x)
    np.testing.assert_allclose(found.values, expected, rtol=1e-6)
    stats = ga.fit_normalizer(array, "soft_clip", q=0.5)
    np.testing.assert_allclose(stats.c, np.nanquantile(x, 0.5, axis=0))
    by_track = ga.fit_normalizer(array, "soft_clip", c={"b": 1, "a": 2})
    assert by_track.c.values.tolist() == [2, 1]


@pytest.mark.parametrize("chunk", [None, 400])
def test_quantile__gives_all_samples_one_distribution(chunk):
    rng = np.random.default_rng(0)
    values = np.stack([rng.gamma(2, 1, 3000), rng.gamma(2, 5, 3000) + 3], 1).astype("f4")
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3000}))
    array = xr.DataArray(values, coords, ["position", "track"]).assign_coords(track=["a", "b"])
    array[5, 0] = np.nan
    given = array if chunk is None else array.chunk(position=chunk, track=1).T
    stats = ga.fit_normalizer(given, "quantile")
    found = ga.normalize(given, stats).transpose("position", "track").values
    assert np.isnan(found).sum() == 1
    levels = np.linspace(0, 1, 21)
    a, b = np.nanquantile(found, levels, axis=0).T
    np.testing.assert_allclose(a, b, rtol=0.02)
    mean = np.nanquantile(array.values, levels, axis=0).mean(1)
    np.testing.assert_allclose(a, mean, rtol=0.02)
    order = np.argsort(array.values[:, 1])
    assert (np.diff(found[order, 1]) >= 0).all()


def test_quantile__what_many_bins_have_stays_one_value():
    values = np.array([[0, 0, 0, 0, 0, 0, 1, 9], [2, 2, 2, 3, 4, 5, 6, 7]], "f8").T
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    array = xr.DataArray(values, coords, ["position", "track"]).assign_coords(track=["a", "b"])
    found = ga.normalize(array, ga.fit_normalizer(array, "quantile")).values
    assert len(np.unique(found[:6, 0])) == 1
    assert len(np.unique(found[:3, 1])) == 1


def test_normalizer__is_saved_and_loaded(tmp_path):
    array = reads()
    for method in ("zscore", "cpm", "quantile"):
        stats = ga.fit_normalizer(array, method)
        stats.to_zarr(tmp_path / f"{method}.zarr", consolidated=False)
        loaded = xr.open_zarr(tmp_path / f"{method}.zarr", consolidated=False).load()
        again = xr.Dataset.from_dict(json.loads(json.dumps(stats.to_dict())))
        for other in (loaded, again):
            xr.testing.assert_equal(ga.normalize(array, stats), ga.normalize(array, other))


def test_normalize__fits_on_training_windows_and_streams():
    array = reads(chunk=16)
    x = ga.windows(array, ["chr1:0-10", "chr2:5-15", "chr1:20-30:-"], 10)
    stats = ga.fit_normalizer(array, "zscore_log", contigs="chr1")
    y = x.assign(reads=ga.normalize(x.reads, stats))
    batch = next(iter(ga.batches(y, inputs="reads", batch_size=3, shuffle=False)))
    logs = np.log1p(x.reads.values.astype("f8"))
    expected = (logs - stats["mean"].values) / stats.sd.values
    np.testing.assert_allclose(batch, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("z", {}, "method='z' is not known"),
        ("cpm", {"q": 0.5}, "takes no options"),
        ("clip", {"c": 1}, "which takes q"),
        ("clip", {"q": 99}, "q=99 is not possible"),
        ("clip", {"q": (0.9, 0.1)}, "is not possible"),
        ("soft_clip", {}, "needs c="),
        ("scale", {}, "needs scale="),
        ("scale", {"scale": {"a": 1}}, "no number for sample 'b'"),
        ("scale", {"scale": np.nan}, "missing or infinite"),
        ("rpgc", {"fragment_length": 3}, "needs effective_genome_size="),
        ("zscore", {"over": "window"}, "no values along window"),
        ("zscore", {"contigs": []}, "no positions to fit on"),
    ],
)
def test_fit_normalizer__refuses(method, options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.fit_normalizer(reads(), method, **options)


def test_fit_normalizer__refuses_what_has_no_spread_sum_or_logarithm():
    array = signal() * 0
    with pytest.raises(ga.GenomeError, match="of track 'a' has no spread"):
        ga.fit_normalizer(array, "zscore")
    with pytest.raises(ga.GenomeError, match="of track 'a' has a sum of 0"):
        ga.fit_normalizer(array, "bpm")
    with pytest.raises(ga.GenomeError, match="no values here"):
        ga.fit_normalizer(array.where(array > 5), "clip")
    with pytest.raises(ga.GenomeError, match="values down to -1"):
        ga.fit_normalizer(array - 1, "zscore_log")
    with pytest.raises(ga.GenomeError, match="codes of letters"):
        ga.fit_normalizer(ga.testing.random_genome(LENGTHS).dna, "zscore")
    with pytest.raises(ga.GenomeError, match="give a mask"):
        ga.fit_normalizer(array, "zscore", valid=array)
    other = ga.valid_mask(ga.testing.random_genome({"chr1": 5}))
    with pytest.raises(ga.GenomeError, match="valid= lies on"):
        ga.fit_normalizer(array, "zscore", valid=other)


def test_normalize__refuses_labels_that_were_not_fitted():
    array = reads()
    stats = ga.fit_normalizer(array.isel(sample=[0]), "zscore")
    with pytest.raises(ga.GenomeError, match="not fitted on sample 'b'; it knows 'a'"):
        ga.normalize(array, stats)
    with pytest.raises(ga.GenomeError, match="no label 'sample'"):
        ga.normalize(array.isel(sample=0, drop=True), stats)
    with pytest.raises(ga.GenomeError, match="no normalizer"):
        ga.normalize(array, xr.Dataset())
    bare = ga.fit_normalizer(array.drop_vars("sample").assign_attrs(reads={"kept": 1}), "zscore")
    with pytest.raises(ga.GenomeError, match="without labels"):
        ga.normalize(array.isel(sample=[0]), bare)
    assert ga.normalize(array, bare).shape == array.shape


@pytest.mark.parametrize("method", ["log1p", "zscore", "zscore_log", "clip", "soft_clip"])
@pytest.mark.parametrize("labels", [["a", "b"], [3, 1]])
def test_normalizer_of__is_undone_by_json(method, labels):
    rng = np.random.default_rng(0)
    x = xr.DataArray(rng.random((30, 2, 4)), dims=("window", "sample", "track"), name="x")
    x = x.assign_coords(sample=labels, track=list("wxyz"))
    options = {"soft_clip": {"q": 0.5}, "clip": {"q": (0.1, 0.8)}}.get(method, {})
    done = ga.normalize(x, ga.fit_normalizer(x, method, over="window", **options))
    told = json.loads(json.dumps(done.attrs["normalizer"]))
    turned = x.isel(sample=[1, 0], track=[2, 0])
    again = ga.normalize(turned, normalizer_of(told))
    xr.testing.assert_identical(
        again.drop_attrs(), done.isel(sample=[1, 0], track=[2, 0]).drop_attrs()
    )
    assert normalizer_of(told).attrs == {"method": method}


def test_normalize__tells_of_all_normalizers():
    x = xr.DataArray([1.0, 3.0], dims="window")
    first = ga.normalize(x, ga.fit_normalizer(x, "zscore", over="window"))
    second = ga.normalize(first, ga.fit_normalizer(first, "log1p", over="window"))
    third = ga.normalize(second, ga.fit_normalizer(second, "scale", over="window", scale=2.0))
    assert [told["method"] for told in third.attrs["normalizer"]] == ["zscore", "log1p", "scale"]
    assert first.attrs["normalizer"]["method"] == "zscore"


def test_normalizer_of__refuses_what_does_not_tell():
    for told in ({"method": "quantile"}, {"method": "mine"}, {}):
        with pytest.raises(ga.GenomeError, match="does not hold the numbers"):
            normalizer_of(told)
