import numpy as np
import pytest
import xarray as xr

import genoarrays as ga


def png(figure):
    return figure._repr_png_()[:4] == b"\x89PNG"


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    y = xr.DataArray(rng.integers(0, 2, (300, 2)).astype("f4"), dims=("window", "track"))
    y = y.assign_coords(track=["a", "b"])
    return y, y.copy(data=np.clip(rng.random((300, 2)) * 0.7 + 0.3 * y, 0, 1))


def test_plot_curves__names_areas_and_leaves_out_what_is_not_there(pair):
    found = ga.curves(*pair)
    figure = ga.plot_curves(found, title="x")
    assert [a.get_xlabel() for a in figure.axes] == [
        "false positive rate", "recall", "mean prediction"
    ]  # fmt: skip
    texts = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert texts == [f"{n}  {v:.3f}" for n, v in zip("ab", found.auroc.values, strict=True)]
    lines = figure.axes[0].get_lines()[1:]
    np.testing.assert_array_equal(lines[1].get_xdata(), found.fpr[1])
    assert png(figure)
    y, p = pair
    assert len(ga.plot_curves(ga.curves(y[:, 0], 5 * p[:, 0])).axes) == 2
    with pytest.raises(ga.GenomeError, match="kind 'lift' is not known"):
        ga.plot_curves(found, ["lift"])
    with pytest.raises(ga.GenomeError, match="nothing to draw"):
        ga.plot_curves(found.drop_vars("fpr"), ["roc"])


def test_plot_curves__many_lines_bear_no_names(pair):
    found = ga.curves(*pair).isel(track=np.zeros(20, int))
    figure = ga.plot_curves(found.assign_coords(track=[f"t{n}" for n in range(20)]))
    assert figure.axes[0].get_legend() is None
    assert png(figure)


@pytest.mark.parametrize("windows", [100, 3000])
def test_plot_scatter__line_and_r_of_each_track(windows):
    rng = np.random.default_rng(0)
    y = xr.DataArray(rng.normal(size=(windows, 3)), dims=("window", "track"))
    y[::7, 1] = np.nan
    p = 2 * y.fillna(0) + 1 + rng.normal(size=(windows, 3))
    figure = ga.plot_scatter(y, p)
    assert [a.get_title(loc="left") for a in figure.axes] == ["track 0", "track 1", "track 2"]
    for n, axes in enumerate(figure.axes):
        known = ~np.isnan(y.values[:, n])
        a, b = y.values[known, n], p.values[known, n]
        fitted = axes.get_lines()[-1]
        slope = np.ptp(fitted.get_ydata()) / np.ptp(fitted.get_xdata())
        assert slope == pytest.approx(np.polyfit(a, b, 1)[0])
        r, number = axes.texts[0].get_text().splitlines()
        assert r == f"r = {np.corrcoef(a, b)[0, 1]:.3f}"
        assert number == f"n = {known.sum():,}"
    assert png(figure)


def test_plot_scatter__of_nothing_and_of_constants():
    y = xr.DataArray([[np.nan, 1.0], [np.nan, 1.0]], dims=("window", "track"))
    figure = ga.plot_scatter(y, y.fillna(0))
    assert figure.axes[0].texts[0].get_text() == "no data"
    assert figure.axes[1].texts[0].get_text().startswith("r = nan")
    assert png(figure)
    many = xr.DataArray(np.zeros((2, 25)), dims=("window", "track"))
    with pytest.raises(ga.GenomeError, match="25 panels are not drawn"):
        ga.plot_scatter(many, many)


def test_plot_scores__boxes_points_and_intervals(pair):
    rng = np.random.default_rng(0)
    data = {"auroc": (("repeat", "model"), rng.random((8, 2))), "n": ("model", [3, 3])}
    scores = xr.Dataset(data, {"model": ["a", "b"]})
    figure = ga.plot_scores(scores, by="model")
    (axes,) = figure.axes
    assert axes.get_ylabel() == "auROC"
    medians = [line.get_ydata()[0] for line in axes.get_lines() if len(line.get_ydata()) == 2
               and np.ptp(line.get_ydata()) == 0 and line.get_linewidth() == 1.8]  # fmt: skip
    np.testing.assert_allclose(medians, scores.auroc.median("repeat"))
    assert png(figure)
    intervals = ga.score(*pair, ["auroc", "mse"], bootstrap=20)
    figure = ga.plot_scores(intervals)
    assert len(figure.axes) == 2
    ends = figure.axes[0].collections[1].get_segments()[0][:, 1]
    np.testing.assert_allclose(ends, [intervals.auroc_low[1], intervals.auroc_high[1]])
    assert png(ga.plot_scores(ga.score(*pair).isel(track=0)))
    with pytest.raises(ga.GenomeError, match="by='fold' is no dimension"):
        ga.plot_scores(scores, by="fold")
    with pytest.raises(ga.GenomeError, match="metric 'f1' is not among these scores"):
        ga.plot_scores(scores, metrics=["f1"])


def test_plot_clustermap__rows_and_columns_move_with_their_names():
    rng = np.random.default_rng(0)
    group = np.array([0, 1, 0, 1, 0, 1])
    values = 5 * rng.normal(size=(2, 4))[group] + rng.normal(size=(6, 4))
    x = xr.DataArray(values, {"track": list("abcdef"), "unit": list("wxyz")}, ("track", "unit"))
    figure = ga.plot_clustermap(x, title="t")
    axes = figure.axes[3]
    rows = [t.get_text() for t in axes.get_yticklabels()]
    columns = [t.get_text() for t in axes.get_xticklabels()]
    shown = axes.get_images()[0].get_array()
    np.testing.assert_allclose(shown, x.sel(track=rows, unit=columns))
    assert {frozenset(rows[:3]), frozenset(rows[3:])} == {frozenset("ace"), frozenset("bdf")}
    assert png(figure)
    assert png(ga.plot_clustermap(x[:1], metric="euclidean", scale=True))
    with pytest.raises(ga.GenomeError, match="are not clustered"):
        ga.plot_clustermap(xr.DataArray(np.zeros((6000, 2)), dims=("window", "unit")))


def test_plot_embedding__colors_groups_and_numbers():
    rng = np.random.default_rng(0)
    coords = {"kind": ("window", ["a", "b"] * 10), "depth": ("window", np.linspace(0, 1, 20))}
    found = ga.embed(xr.DataArray(rng.normal(size=(20, 5)), coords, ("window", "unit")))
    figure = ga.plot_embedding(found, "kind")
    assert [t.get_text() for t in figure.axes[0].get_legend().get_texts()] == ["a", "b"]
    np.testing.assert_allclose(figure.axes[0].collections[1].get_offsets(), found[1::2])
    assert png(figure)
    assert len(ga.plot_embedding(found, "depth").axes) == 2
    assert png(ga.plot_embedding(found, xr.DataArray(range(20), dims="window")))
    assert png(ga.plot_embedding(found))
    with pytest.raises(ga.GenomeError, match="color='x' is no coordinate"):
        ga.plot_embedding(found, "x")
    with pytest.raises(ga.GenomeError, match=r"of dims .* is not drawn"):
        ga.plot_embedding(found[:, 0])
    with pytest.raises(ga.GenomeError, match="has 3 values for 20 of 'window'"):
        ga.plot_embedding(found, xr.DataArray([1, 2, 3], dims="window"))


def test_plot_runs__marks_the_best_epoch():
    held_out = [[0.9, 0.5, 0.6], [0.8, np.nan, np.nan]]
    runs = xr.Dataset(
        {
            "history_loss": (("run", "epoch"), np.array(held_out) - 0.1),
            "history_val_loss": (("run", "epoch"), held_out),
            "auprc": ("run", [0.4, np.nan]),
        },
        {"run": ["a", "b"], "epoch": [1, 2, 3]},
    )
    figure = ga.plot_runs(runs)
    left, right = figure.axes
    dots = [
        tuple(np.ravel(line.get_data())) for line in left.get_lines() if len(line.get_xdata()) == 1
    ]
    assert dots == [(2, 0.5), (1, 0.8)]
    assert right.get_xlabel() == "auPRC"
    assert [t.get_text() for t in right.get_yticklabels()] == ["a", "b"]
    assert png(figure)
    assert png(ga.plot_runs(runs.drop_vars(["history_val_loss"])))
    with pytest.raises(ga.GenomeError, match=r"score='auroc' is no number of these runs; choose"):
        ga.plot_runs(runs, "auroc")
    with pytest.raises(ga.GenomeError, match="no history to draw"):
        ga.plot_runs(runs[["auprc"]])
