import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import xarray as xr

import genoarrays as ga
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import window_coords

METRICS = {
    "auroc": sklearn.metrics.roc_auc_score,
    "auprc": sklearn.metrics.average_precision_score,
    "pearson": lambda y, p: scipy.stats.pearsonr(y, p).statistic,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pair(rng, tracks=0, count=300, unknown=0.0):
    """Labels and predictions with ties, on two contigs."""
    shape = (count, tracks) if tracks else (count,)
    label = rng.integers(0, 2, shape).astype("float32")
    label[rng.random(shape) < unknown] = np.nan
    guess = np.round(rng.random(shape) + 0.3 * np.nan_to_num(label), 1).astype("float32")
    contig = np.where(np.arange(count) % 3 == 0, "chr2", "chr10")
    coords = {"contig": ("window", contig.astype(np.dtypes.StringDType()))}
    if tracks:
        coords["track"] = list("abcdef"[:tracks])
    dims = ("window", "track")[: len(shape)]
    return xr.DataArray(label, coords, dims), xr.DataArray(guess, coords, dims)


def test_score__equals_scikit_learn_and_scipy(rng):
    y, p = pair(rng)
    found = ga.score(y, p, metrics=list(METRICS))
    for name, function in METRICS.items():
        assert found[name].item() == function(y.values.astype(float), p.values.astype(float))
    assert found.n.item() == 300
    assert found.positives.item() == y.values.sum()


def test_score__leaves_unknown_labels_out(rng):
    y, p = pair(rng, unknown=0.2)
    known = ~np.isnan(y.values)
    found = ga.score(y, p)
    assert found.n.item() == known.sum() < 300
    expected = ga.score(y[known], p[known])
    xr.testing.assert_identical(found, expected)


def test_score__is_per_track(rng):
    y, p = pair(rng, tracks=3, unknown=0.1)
    found = ga.score(y, p)
    assert found.auroc.dims == ("track",)
    for track in y.track.values:
        alone = ga.score(y.sel(track=track, drop=True), p.sel(track=track, drop=True))
        xr.testing.assert_identical(found.sel(track=track, drop=True), alone)
    xr.testing.assert_identical(ga.score(y, p, by="track"), found)


def test_score__is_per_value_of_a_coordinate_in_order_of_appearance(rng):
    y, p = pair(rng, tracks=2)
    found = ga.score(y, p, by="contig")
    assert found.auroc.dims == ("contig", "track")
    assert found.contig.values.tolist() == ["chr2", "chr10"]
    for contig in found.contig.values:
        here = (y.contig == contig).values
        alone = ga.score(y[here], p[here])
        xr.testing.assert_identical(found.sel(contig=contig, drop=True), alone)


def test_score__pools_offsets(rng):
    label, guess = rng.integers(0, 2, (20, 30, 2)), rng.random((20, 30, 2))
    dims = ("window", "offset_cuts", "strand")
    y, p = xr.DataArray(label, dims=dims), xr.DataArray(guess, dims=dims)
    found = ga.score(y, p.transpose("strand", "offset_cuts", "window"))
    assert found.auroc.dims == ("strand",)
    for strand in range(2):
        expected = METRICS["auroc"](label[..., strand].ravel(), guess[..., strand].ravel())
        assert found.auroc.values[strand] == expected


@pytest.mark.parametrize("only", [0.0, 1.0])
def test_score__of_one_class_only_is_nan(only, rng):
    y, p = pair(rng)
    found = ga.score(xr.full_like(y, only), p)
    assert np.isnan([found[name].item() for name in METRICS]).all()
    assert (found.n.item(), found.positives.item()) == (300, 300 * only)


def test_score__of_constant_or_no_predictions_is_nan(rng):
    y, p = pair(rng)
    assert np.isnan(ga.score(y, xr.zeros_like(p)).pearson)
    assert ga.score(y, xr.zeros_like(p)).auroc == 0.5
    assert np.isnan(ga.score(y[:0], p[:0]).auroc)


def test_score__takes_functions(rng):
    def largest_error(labels, predictions):
        return np.abs(labels - predictions).max()

    y, p = pair(rng)
    found = ga.score(y, p, metrics=[largest_error, "auroc"])
    assert found.largest_error.item() == pytest.approx(np.abs(y.values - p.values).max())


def on_windows(values, regions):
    coords = window_coords(region_columns(ga.read_regions(regions)))
    return xr.DataArray(np.asarray(values, float), coords, dims="window")


def test_score__refuses_other_windows():
    regions = ["chr1:0-10", "chr1:10-20", "chr2:0-10"]
    y, p = on_windows([0, 1, 1], regions), on_windows([0.1, 0.7, 0.3], regions)
    assert ga.score(y, p).auroc.item() == 1
    assert ga.score(y, p, by="contig").n.values.tolist() == [2, 1]
    with pytest.raises(ga.RegionError, match="different windows, or in another order"):
        ga.score(y, p.isel(window=[0, 2, 1]))
    with pytest.raises(ga.RegionError, match="have 3 along 'window', predictions 2"):
        ga.score(y, p[:2])


def test_score__refuses_other_tracks(rng):
    y, p = pair(rng, tracks=2)
    with pytest.raises(ga.RegionError, match="different tracks"):
        ga.score(y, p.assign_coords(track=["b", "a"]))
    with pytest.raises(ga.RegionError, match="both need 'window' and the same other dims"):
        ga.score(y, p.isel(track=0))


def test_score__refuses_what_it_cannot_measure(rng):
    y, p = pair(rng)
    with pytest.raises(ga.GenomeError, match=r"auroc needs labels of 0 and 1, and one is 0\.5"):
        ga.score(y.where(y == 1, 0.5), p)
    assert ga.score(y.where(y == 1, 0.5), p, metrics=["pearson"]).pearson.notnull()
    with pytest.raises(ga.GenomeError, match=r"1 of 300 predictions are NaN"):
        ga.score(y, p.where(np.arange(300) != 7))
    with pytest.raises(ga.GenomeError, match="metric 'auc' is not known; choose from"):
        ga.score(y, p, metrics=["auc"])
    with pytest.raises(ga.GenomeError, match=r"by='fold' is not .*; there are \['contig'\]"):
        ga.score(y, p, by="fold")


def test_score__leaves_out_what_is_not_valid():
    rng = np.random.default_rng(0)
    y = xr.DataArray(rng.integers(0, 2, (50, 3)).astype("f4"), dims=("window", "offset"))
    p = y.copy(data=rng.random((50, 3)))
    valid = y.copy(data=rng.random((50, 3)) < 0.5).astype(bool)
    found = ga.score(y, p, ["auroc"], valid=valid)
    expected = ga.score(y.where(valid), p, ["auroc"])
    assert found.auroc.item() == expected.auroc.item()
    assert found.n.item() == valid.sum().item()
    by_window = valid.isel(offset=0)
    assert ga.score(y, p, ["auroc"], valid=by_window).n.item() == by_window.sum().item() * 3
    with pytest.raises(ga.RegionError, match="give a mask of bool"):
        ga.score(y, p, ["auroc"], valid=y)
