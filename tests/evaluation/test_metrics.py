import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats
import sklearn.metrics as sk
import xarray as xr

import genoarrays as ga
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import window_coords

EXACT = {
    "auroc": sk.roc_auc_score,
    "auprc": sk.average_precision_score,
    "f1": lambda y, p: sk.f1_score(y, p >= 0.5),
    "accuracy": lambda y, p: sk.accuracy_score(y, p >= 0.5),
    "log_loss": sk.log_loss,
    "pearson": lambda y, p: scipy.stats.pearsonr(y, p).statistic,
    "spearman": lambda y, p: scipy.stats.spearmanr(y, p).statistic,
    "explained_variance": sk.explained_variance_score,
    "mse": sk.mean_squared_error,
    "mae": sk.mean_absolute_error,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def profile(rng, windows=12, offsets=9, tracks=3, unknown=0.0):
    dims = ("window", "offset", "track")
    label = rng.poisson(3.0, (windows, offsets, tracks)).astype("f8")
    label[rng.random(label.shape) < unknown] = np.nan
    guess = rng.gamma(2.0, 1.5, label.shape)
    return xr.DataArray(label, dims=dims), xr.DataArray(guess, dims=dims)


def test_score__every_metric_equals_scikit_learn_and_scipy(rng):
    y = xr.DataArray(rng.integers(0, 2, 200).astype("f4"), dims="window")
    p = xr.DataArray(np.round(rng.random(200), 2).astype("f4"), dims="window")
    found = ga.score(y, p, list(EXACT))
    for name, function in EXACT.items():
        assert found[name].item() == function(y.values.astype(float), p.values.astype(float))
    assert list(found) == [*EXACT, "n", "positives"]


def test_score__threshold_of_f1_and_accuracy(rng):
    y = xr.DataArray(rng.integers(0, 2, 50), dims="window")
    p = xr.DataArray(rng.normal(size=50), dims="window")
    found = ga.score(y, p, ["f1", "accuracy"], threshold=-0.3)
    assert found.f1.item() == sk.f1_score(y, p >= -0.3)
    assert found.accuracy.item() == sk.accuracy_score(y, p >= -0.3)


@pytest.mark.parametrize("label", [0.0, 1.0, np.nan])
@pytest.mark.parametrize("in_memory", [True, False])
def test_score__what_is_not_defined_is_nan(label, in_memory):
    y, p = (xr.DataArray(np.full(5, v), dims="window") for v in (label, 0.25))
    found = ga.score(y, p, list(EXACT), in_memory=in_memory)
    defined = [] if np.isnan(label) else ["accuracy", "log_loss", "mse", "mae"]
    assert [name for name in EXACT if found[name].notnull()] == defined
    assert found.n == (0 if np.isnan(label) else 5)


def test_score__log_loss_refuses_what_is_no_probability(rng):
    y, p = (xr.DataArray([0.0, 1], dims="window"), xr.DataArray([0.0, 1.5], dims="window"))
    for in_memory in (True, False):
        with pytest.raises(
            ga.GenomeError, match=r"probabilities, and predictions go from 0 to 1.5"
        ):
            ga.score(y, p, ["log_loss"], in_memory=in_memory)


def test_score__profiles_are_compared_window_by_window(rng):
    y, p = profile(rng)
    found = ga.score(y, p, ["profile_pearson", "jensen_shannon", "counts_pearson"])
    for track in range(3):
        pairs = [(y.values[w, :, track], p.values[w, :, track]) for w in range(12)]
        r = np.mean([scipy.stats.pearsonr(a, b).statistic for a, b in pairs])
        assert found.profile_pearson.values[track] == pytest.approx(r, abs=1e-12)
        d = np.mean([scipy.spatial.distance.jensenshannon(a, b) for a, b in pairs])
        assert found.jensen_shannon.values[track] == pytest.approx(d, abs=1e-7)
        sums = y.values[..., track].sum(1), p.values[..., track].sum(1)
        counts = scipy.stats.pearsonr(*sums).statistic
        assert found.counts_pearson.values[track] == pytest.approx(counts, abs=1e-6)


def test_score__profiles_leave_out_what_is_unknown_and_flat(rng):
    y, p = profile(rng, tracks=1, unknown=0.3)
    y[0] = 2.0  # no variation
    y[1] = np.nan
    y[2] = 0.0  # nothing to make a share of
    found = ga.score(y, p, ["profile_pearson", "jensen_shannon", "counts_pearson"])
    rs, ds, sums = [], [], []
    for w in range(12):
        known = ~np.isnan(y.values[w, :, 0])
        a, b = y.values[w, known, 0].astype(float), p.values[w, known, 0].astype(float)
        if a.size and np.ptp(a):
            rs.append(scipy.stats.pearsonr(a, b).statistic)
        if a.sum() > 0:
            ds.append(scipy.spatial.distance.jensenshannon(a, b))
        if a.size:
            sums.append((a.sum(), b.sum()))
    assert found.profile_pearson.item() == pytest.approx(np.mean(rs), abs=1e-12)
    assert found.jensen_shannon.item() == pytest.approx(np.mean(ds), abs=1e-7)
    expected = scipy.stats.pearsonr(*np.transpose(sums)).statistic
    assert found.counts_pearson.item() == pytest.approx(expected, abs=1e-6)


def test_score__profiles_of_lazy_windows_are_the_same(rng):
    y, p = profile(rng, unknown=0.2)
    names = ["profile_pearson", "jensen_shannon", "counts_pearson", "pearson_across_tracks", "mse"]
    found = ga.score(y.chunk(window=5, offset=4), p.chunk(window=7), names, in_memory=False)
    xr.testing.assert_allclose(found, ga.score(y, p, names), rtol=1e-6)


def test_score__pearson_across_tracks(rng):
    y, p = profile(rng, offsets=2, tracks=5)
    found = ga.score(y, p, ["pearson_across_tracks", "pearson"])
    rs = [
        scipy.stats.pearsonr(y.values[w, o], p.values[w, o]).statistic
        for w in range(12)
        for o in range(2)
    ]
    assert found.pearson_across_tracks.dims == ()
    assert found.pearson_across_tracks.item() == pytest.approx(np.mean(rs), abs=1e-12)
    each = ga.score(y, p, ["pearson"], dim="track")
    assert each.pearson.dims == ("window", "offset")
    np.testing.assert_allclose(each.pearson.values.reshape(-1), rs)
    with pytest.raises(ga.GenomeError, match="compares along 'track', and labels have the dims"):
        ga.score(y.isel(track=0), p.isel(track=0), ["pearson_across_tracks"])


def test_score__dim_names_what_is_pooled(rng):
    y, p = profile(rng)
    found = ga.score(y, p, ["mse"], dim=["window", "track"])
    assert found.mse.dims == ("offset",)
    expected = ((y.astype(float) - p.astype(float)) ** 2).mean(["window", "track"])
    np.testing.assert_allclose(found.mse, expected)
    with pytest.raises(ga.GenomeError, match="dim='strand' is no dimension of the labels"):
        ga.score(y, p, ["mse"], dim="strand")
    with pytest.raises(ga.GenomeError, match="by= makes groups along 'window', which dim="):
        ga.score(y, p, ["mse"], dim="track", by="fold")


def on_windows(values, regions):
    coords = window_coords(region_columns(ga.read_regions(regions)))
    return xr.DataArray(np.asarray(values, float), coords, dims="window")


def test_score__by_annotation_of_windows():
    regions = ["chr1:0-10", "chr1:10-20", "chr1:20-30", "chr2:0-10"]
    y, p = on_windows([0, 1, 1, 0], regions), on_windows([0.1, 0.7, 0.3, 0.2], regions)
    table = ga.read_regions(["chr1:5-15", "chr2:0-3", "chr1:8-12", "chr2:50-60"])
    table["label"] = "region", ["promoter", "promoter", "exon", "intron"]
    found = ga.score(y, p, ["mae"], by=table)
    assert found.label.values.tolist() == ["promoter", "exon", "intron"]
    assert found.n.values.tolist() == [3, 2, 0]
    np.testing.assert_allclose(found.mae[:2], [0.6 / 3, 0.2])
    with pytest.raises(ga.GenomeError, match="table without labels"):
        ga.score(y, p, ["mae"], by=table.drop_vars("label").drop_vars("name", errors="ignore"))


@pytest.mark.parametrize("in_memory", [True, False])
def test_score__by_contig_and_annotation_of_positions(rng, in_memory):
    toy = ga.Assembly("toy", {"chr1": 30, "chr2": 20, "chr3": 5})
    coords = ga.genome_coords(toy)
    y = xr.DataArray(rng.integers(0, 2, (55, 2)) * 1.0, coords, ("position", "track"))
    p = y.copy(data=rng.random((55, 2))).chunk(position=13)
    found = ga.score(y, p, ["auroc", "mse"], by="contig", in_memory=in_memory)
    assert found.contig.values.tolist() == ["chr1", "chr2", "chr3"]
    for contig in ("chr1", "chr2", "chr3"):
        one = ga.score(y.sel(contig=contig), p.sel(contig=contig), ["auroc", "mse"])
        xr.testing.assert_allclose(found.sel(contig=contig, drop=True), one)
    table = ga.read_regions(["chr1:25-30", "chr2:0-4", "chr2:2-9"], like=y)
    table["state"] = "region", ["a", "a", "b"]
    found = ga.score(y, p, ["mse"], by=table, in_memory=in_memory)
    assert found.n.sel(state="a").values.tolist() == [9, 9]
    rows = [*range(25, 34)]
    expected = ((y[rows] - p[rows]) ** 2).mean("position")
    np.testing.assert_allclose(found.mse.sel(state="a"), expected)


def test_score__of_positions_refuses_other_genomes():
    one, other = (ga.Assembly("toy", {"chr1": n}) for n in (5, 6))
    y = xr.DataArray(np.zeros(5), ga.genome_coords(one), ("position",))
    p = xr.DataArray(np.zeros(6), ga.genome_coords(other), ("position",))
    with pytest.raises(ga.AssemblyError):
        ga.score(y, p, ["mse"])


def test_score__bootstrap_is_seeded_and_holds_the_score(rng):
    y = xr.DataArray(rng.integers(0, 2, (200, 2)).astype("f4"), dims=("window", "track"))
    p = (0.3 * y + rng.random((200, 2))).astype("f4")
    found = ga.score(y, p, ["auroc", "mse"], bootstrap=100, seed=3)
    assert list(found)[:3] == ["auroc", "auroc_low", "auroc_high"]
    assert (found.auroc_low < found.auroc).all()
    assert (found.auroc < found.auroc_high).all()
    xr.testing.assert_identical(found, ga.score(y, p, ["auroc", "mse"], bootstrap=100, seed=3))
    assert not found.equals(ga.score(y, p, ["auroc", "mse"], bootstrap=100, seed=4))
    narrow = ga.score(y, p, ["auroc"], bootstrap=100, seed=3, confidence=0.5)
    assert (narrow.auroc_low > found.auroc_low).all()


def test_score__bootstrap_equals_resampling_by_hand(rng):
    y = xr.DataArray(rng.normal(size=(20, 3)), dims=("window", "offset"))
    y[3, 1] = np.nan
    p = y.copy(data=rng.normal(size=(20, 3)))
    found = ga.score(y, p, ["mae"], bootstrap=50, seed=1)
    random = np.random.default_rng(1)
    errors = np.abs(y - p).values
    maes = [np.nanmean(errors[random.integers(0, 20, 20)]) for _ in range(50)]
    np.testing.assert_allclose(found.mae_low, np.quantile(maes, 0.025))
    np.testing.assert_allclose(found.mae_high, np.quantile(maes, 0.975))


def test_score__bootstrap_by_contig(rng):
    contig = np.repeat(["a", "b", "c"], [3, 5, 2])
    y = xr.DataArray(rng.normal(size=10), dims="window", coords={"contig": ("window", contig)})
    p = y.copy(data=rng.normal(size=10))
    found = ga.score(y, p, ["mae"], bootstrap=50, resample="contig")
    random = np.random.default_rng(0)
    errors = [np.abs(y - p).values[contig == name] for name in "abc"]
    maes = [np.concatenate([errors[n] for n in random.integers(0, 3, 3)]).mean() for _ in range(50)]
    np.testing.assert_allclose(found.mae_low, np.quantile(maes, 0.025))
    with pytest.raises(ga.GenomeError, match="have the same contig"):
        ga.score(y[:3], p[:3], ["mae"], bootstrap=5, resample="contig")
    with pytest.raises(ga.GenomeError, match="resample='fold' is not a coordinate"):
        ga.score(y, p, ["mae"], bootstrap=5, resample="fold")
    with pytest.raises(ga.GenomeError, match="is not possible; give a number of draws"):
        ga.score(y, p, ["mae"], bootstrap=5, confidence=1.0)
