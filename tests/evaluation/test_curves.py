import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics as sk
import xarray as xr

import genoarrays as ga


def pair(count=400, tracks=2, seed=0):
    rng = np.random.default_rng(seed)
    y = xr.DataArray(rng.integers(0, 2, (count, tracks)).astype("f4"), dims=("window", "track"))
    p = y.copy(data=np.clip(np.round(rng.random((count, tracks)) * 0.8 + 0.2 * y, 2), 0, 1))
    return y.assign_coords(track=list("abc"[:tracks])), p.assign_coords(track=list("abc"[:tracks]))


def test_curves__equal_scikit_learn_where_all_points_are_kept():
    y, p = pair()
    found = ga.curves(y, p, points=1000)
    assert found.fpr.dims == ("track", "point")
    for track in "ab":
        one = found.sel(track=track)
        truth = y.sel(track=track).values
        fpr, tpr, cut = sk.roc_curve(truth, p.sel(track=track), drop_intermediate=False)
        np.testing.assert_allclose(one.fpr[: len(fpr)], fpr)
        np.testing.assert_allclose(one.tpr[: len(fpr)], tpr)
        np.testing.assert_allclose(one.roc_threshold[: len(fpr)], cut)
        assert (one.fpr[len(fpr) :] == 1).all()
        precision, recall, _ = sk.precision_recall_curve(truth, p.sel(track=track))
        np.testing.assert_allclose(one.recall[: len(recall)], recall[::-1])
        np.testing.assert_allclose(one.precision[: len(recall)], precision[::-1])
        assert one.auroc == sk.roc_auc_score(truth, p.sel(track=track))
        assert (one.n, one.positives) == (400, truth.sum())


def test_curves__calibration_equals_scikit_learn():
    y, p = pair(tracks=1)
    found = ga.curves(y, p, bins=7).isel(track=0)
    share, mean = sklearn.calibration.calibration_curve(y.values[:, 0], p.values[:, 0], n_bins=7)
    there = (found["count"] > 0).values
    np.testing.assert_allclose(found.observed[there], share)
    np.testing.assert_allclose(found.predicted[there], mean)
    assert found["count"].sum() == 400
    np.testing.assert_allclose(found.high - found.low, 1 / 7)


def test_curves__of_scores_that_are_no_probabilities_have_no_calibration():
    y, p = pair()
    found = ga.curves(y, p * 10 - 3)
    assert "observed" not in found
    np.testing.assert_array_equal(found.auroc, ga.curves(y, p).auroc)


def test_curves__are_thinned_evenly_with_exact_ends():
    y, p = pair(3000, 1)
    p = p + xr.DataArray(np.linspace(0, 1e-3, 3000), dims="window")
    found = ga.curves(y, p, points=50).isel(track=0)
    assert found.sizes["point"] == 50
    assert (found.fpr[0], found.tpr[0], found.fpr[-1], found.tpr[-1]) == (0, 0, 1, 1)
    assert np.hypot(found.fpr.diff("point"), found.tpr.diff("point")).max() < 2.5 / 49
    assert (found.fpr.diff("point") >= 0).all()
    assert (found.recall[0], found.recall[-1]) == (0, 1)


def test_curves__of_one_class_or_nothing_are_nan():
    y, p = pair()
    for one in (y * 0, y * np.nan):
        found = ga.curves(one, p)
        assert found.fpr.isnull().all()
        assert found.auroc.isnull().all()
    assert ga.curves(y[:0], p[:0]).n.values.tolist() == [0, 0]


def test_curves__by_group_and_out_of_core():
    y, p = pair()
    group = ("window", np.arange(400) % 3)
    y, p = y.assign_coords(fold=group), p.assign_coords(fold=group)
    options = {"by": "fold", "points": 300}
    found = ga.curves(y, p, **options)
    assert found.fpr.dims == ("fold", "track", "point")
    lazy = ga.curves(y.chunk(window=90), p.chunk(window=150), **options, in_memory=False)
    for name in ("auroc", "auprc", "n", "positives", "predicted", "observed", "count"):
        np.testing.assert_allclose(lazy[name], found[name], rtol=1e-6, err_msg=name)
    for fold in range(3):
        exact, some = (x.isel(fold=fold, track=0) for x in (found, lazy))
        points = set(zip(exact.fpr.values.round(9), exact.tpr.values.round(9), strict=True))
        assert points >= set(zip(some.fpr.values.round(9), some.tpr.values.round(9), strict=True))
        cut = some.roc_threshold.values[5]
        here = y.fold.values == fold
        high = p.values[here, 0] >= cut
        assert some.tpr.values[5] == pytest.approx(high[y.values[here, 0] > 0].mean())


def test_curves__refuse_what_makes_none():
    y, p = pair()
    with pytest.raises(ga.GenomeError, match="a curve needs labels of 0 and 1"):
        ga.curves(y * 0.5, p)
    with pytest.raises(ga.GenomeError, match="points=1 and bins=10 are too few"):
        ga.curves(y, p, points=1)
