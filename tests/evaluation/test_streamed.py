import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.evaluation import streamed, trees
from tests.ops.counted import Counted

ALL = ["auroc", "auprc", "f1", "accuracy", "log_loss", "pearson", "spearman", "mse", "mae",
       "explained_variance"]  # fmt: skip


def genome(shape, rng, kind="float32", unknown=0.1):
    """Labels and predictions on three contigs, for some tracks."""
    size = shape[0]
    toy = ga.Assembly(
        "toy", {"chr1": size // 2, "chr2": size // 3, "chr3": size - size // 2 - size // 3}
    )
    coords = ga.genome_coords(toy)
    y = (rng.random(shape) < 0.1).astype("f4")
    p = 1 / (1 + np.exp(-(rng.normal(size=shape) + 1.5 * y - 2)))
    if kind == "narrow":
        p = 0.5 + 1e-9 * p
    elif kind == "ties":
        p = np.round(p, 1)
    elif kind == "skewed":
        p = p**20
    elif kind == "float32":
        p = p.astype("f4")
    y[rng.random(shape) < unknown] = np.nan
    dims = ("position", "track")[: len(shape)]
    return xr.DataArray(y, coords, dims), xr.DataArray(p, coords, dims)


def agree(found, expected, within=1e-6):
    assert set(found) == set(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=within, err_msg=name)


@pytest.mark.parametrize("kind", ["float32", "narrow", "ties", "skewed"])
def test_stream__equals_scikit_learn(kind):
    y, p = genome((20_000, 2), np.random.default_rng(0), kind)
    expected = ga.score(y, p, ALL)
    found = ga.score(y.chunk(position=3000, track=1), p.chunk(position=7000), ALL, in_memory=False)
    agree(found, expected)
    assert found.auroc.dims == ("track",)


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_stream__equals_scikit_learn_of_few_values(data):
    number = data.draw(st.integers(0, 12))
    labels = st.sampled_from([0.0, 1.0, np.nan])
    values = st.sampled_from([0.0, -0.0, 0.1, 0.1 + 1e-12, 0.5, 1.0])
    y = xr.DataArray(np.array(data.draw(st.lists(labels, min_size=number, max_size=number)), float),
                     dims="window")  # fmt: skip
    p = y.copy(data=np.array(data.draw(st.lists(values, min_size=number, max_size=number)), float))
    names = [*ALL[:5], "mse", "mae", "pearson", "spearman"]
    found = ga.score(y, p, names, in_memory=False)
    agree(found, ga.score(y, p, names))


def test_stream__refines_until_the_bound_is_small(monkeypatch):
    """With hundreds of ranges instead of a million, more passes are needed, and the bound holds."""
    monkeypatch.setattr(trees, "_GROWTH", 2**10)
    monkeypatch.setattr(trees, "_LEAST", 2**10)
    y, p = genome((50_000,), np.random.default_rng(1), "narrow")
    expected = ga.score(y, p, ["auroc", "auprc", "spearman"])
    monkeypatch.setattr(streamed, "_PASSES", 5)
    with pytest.warns(UserWarning, match="scores may be off by ") as told:
        found = ga.score(y, p, ["auroc", "auprc", "spearman"], in_memory=False)
    bound = float(str(told[0].message).split("off by ")[1].split(":")[0])
    assert 1e-6 < bound < 0.1
    agree(found, expected, within=bound)


def test_stream__is_chosen_for_lazy_arrays_that_are_large(monkeypatch):
    y, p = genome((3000,), np.random.default_rng(2))
    expected = ga.score(y, p)
    calls = []
    monkeypatch.setattr("genoarrays.evaluation.pooled._LARGE", 1000)
    real = ga.evaluation.score.stream_scores
    monkeypatch.setattr(
        "genoarrays.evaluation.score.stream_scores", lambda *a: calls.append(1) or real(*a)
    )
    agree(ga.score(y, p), expected)
    assert not calls
    agree(ga.score(y.chunk(position=1000), p), expected)
    assert calls == [1]
    with pytest.raises(ga.GenomeError, match="<lambda> needs all values in memory"):
        ga.score(y.chunk(position=1000), p, [lambda a, b: 0.0])
    with pytest.raises(ga.GenomeError, match="a bootstrap needs all values in memory"):
        ga.score(y.chunk(position=1000), p, bootstrap=10)


def test_stream__reads_each_block_once_a_pass():
    y, p = genome((8000,), np.random.default_rng(3))
    counted = [Counted(a.values) for a in (y, p)]
    lazy = [
        a.copy(data=da.from_array(c, chunks=1000)) for a, c in zip((y, p), counted, strict=True)
    ]
    ga.score(*lazy, ["pearson", "mse", "mae", "log_loss", "f1"], in_memory=False)
    assert [len(c.reads) for c in counted] == [8, 8]
    ga.score(*lazy, ["auroc", "auprc", "pearson"], in_memory=False)
    more = [len(c.reads) - 8 for c in counted]
    assert more in ([16, 16], [24, 24])


def test_stream__refuses_what_the_other_way_refuses():
    y, p = genome((300,), np.random.default_rng(4), unknown=0)
    lazy = {"in_memory": False}
    with pytest.raises(ga.GenomeError, match="1 of 300 predictions are NaN"):
        ga.score(y, p.where(np.arange(300) != 7), **lazy)
    with pytest.raises(ga.GenomeError, match=r"auroc needs labels of 0 and 1, and one is 0\.5"):
        ga.score(y.where(np.arange(300) != 7, 0.5), p, **lazy)
    ga.score(y.where(np.arange(300) != 7, 0.5), p, ["spearman"], **lazy)


def test_stream__honors_valid_and_contigs():
    y, p = genome((3000, 2), np.random.default_rng(5))
    valid = xr.DataArray(np.random.default_rng(6).random(3000) < 0.5, y.coords, ("position",))
    options = {"valid": valid, "by": "contig"}
    found = ga.score(y.chunk(position=700), p.chunk(position=700), **options, in_memory=False)
    agree(found, ga.score(y, p, **options))


def test_stream__of_no_rows_and_no_values():
    y, p = genome((300, 2), np.random.default_rng(7))
    for some in ({"track": []}, {"position": slice(0, 0)}):
        one, other = y.isel(some), p.isel(some)
        agree(ga.score(one, other, ALL, in_memory=False), ga.score(one, other, ALL))


def test_stream__a_large_mean_costs_no_digits():
    rng = np.random.default_rng(8)
    y = xr.DataArray(1e7 + rng.normal(size=9000), dims="window")
    y[:40] = 1e7
    p = y + rng.normal(size=9000)
    names = ["pearson", "explained_variance", "mse", "mae", "spearman"]
    agree(ga.score(y, p, names, in_memory=False), ga.score(y, p, names), within=1e-9)
    flat = ga.score(y * 0 + 0.1, p, names, in_memory=False)
    assert flat[["pearson", "explained_variance", "spearman"]].to_array().isnull().all()
