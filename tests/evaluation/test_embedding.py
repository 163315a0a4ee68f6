import numpy as np
import pytest
import sklearn.decomposition
import xarray as xr

import genoarrays as ga
from genoarrays.evaluation.embedding import cluster_order


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], 20)
    values = rng.normal(size=(60, 5, 2)) + 8 * rng.normal(size=(3, 5, 2))[group]
    coords = {"group": ("window", group), "unit": np.arange(5)}
    return xr.DataArray(values, coords, ("window", "unit", "strand"))


def test_embed__pca_equals_scikit_learn_up_to_signs(features):
    found = ga.embed(features, components=3)
    pca = sklearn.decomposition.PCA(3, svd_solver="full")
    expected = pca.fit_transform(features.values.reshape(60, -1))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-9)
    np.testing.assert_allclose(found.explained, pca.explained_variance_ratio_)
    assert found.dims == ("window", "component")
    assert found.group.dims == ("window",)


def test_embed__signs_do_not_depend_on_the_order_of_rows(features):
    found = ga.embed(features)
    turned = ga.embed(features.isel(window=slice(None, None, -1)))
    np.testing.assert_allclose(found.values, turned.values[::-1], atol=1e-9)


def test_embed__rows_may_be_any_dimension(features):
    found = ga.embed(features.transpose("unit", "window", "strand"), "window")
    np.testing.assert_allclose(found.sum("window"), 0, atol=1e-9)
    assert found.sizes == {"window": 60, "component": 2}


@pytest.mark.slow  # threads of t-SNE wait for each other where others compute: 1 to 36 s
def test_embed__tsne_is_seeded_and_keeps_groups_apart(features):
    found = ga.embed(features, method="tsne", perplexity=10)
    np.testing.assert_array_equal(found, ga.embed(features, method="tsne", perplexity=10))
    centers = found.groupby("group").mean()
    within = np.abs(found.groupby("group") - centers).max()
    apart = np.hypot(*(centers.isel(group=0) - centers.isel(group=1)).values)
    assert apart > within


def test_embed__refuses_what_cannot_be_laid_out(features):
    with pytest.raises(ga.GenomeError, match="1 of 60 rows have features that are missing"):
        ga.embed(features.where(features["window"] != 3))
    with pytest.raises(ga.GenomeError, match="method='umap' is not known"):
        ga.embed(features, method="umap")
    with pytest.raises(ga.GenomeError, match="11 components of 60 rows and 10 features"):
        ga.embed(features, components=11)
    with pytest.raises(ga.GenomeError, match="perplexity=60 is not possible for 60 rows"):
        ga.embed(features, method="tsne", perplexity=60)
    with pytest.raises(ga.GenomeError, match="give dim=, that of the rows"):
        ga.embed(features, "track")


def test_cluster_order__keeps_like_rows_together():
    rng = np.random.default_rng(0)
    group = rng.permutation(np.repeat([0, 1, 2], 5))
    rows = rng.normal(size=(3, 20))[group] * 5 + rng.normal(size=(15, 20))
    _, order = cluster_order(rows)
    assert np.count_nonzero(np.diff(group[order])) == 2
    assert cluster_order(rows[:1])[1] == [0]
    rows[3] = 1.0  # without spread
    assert sorted(cluster_order(rows)[1]) == list(range(15))
