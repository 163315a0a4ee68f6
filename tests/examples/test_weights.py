import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

RNG = np.random.default_rng(0)


def windows(values, dims="window", **coords):
    return xr.DataArray(np.asarray(values), coords, dims, name="label")


@pytest.mark.parametrize(
    "values",
    [
        RNG.choice(3, 50, p=[0.7, 0.2, 0.1]),
        RNG.random(50) < 0.2,
        RNG.choice([0.0, 1.0], 50),
        RNG.choice(["chr1", "chr10", "chrX"], 50),
        np.array(["b", "a", "b"], np.dtypes.StringDType()),
    ],
)
def test_class_weights__equal_those_of_scikit_learn(values):
    reference = pytest.importorskip("sklearn.utils.class_weight")
    plain = np.array(values.tolist())
    classes = np.unique(plain)
    want = reference.compute_class_weight("balanced", classes=classes, y=plain)
    weights = ga.class_weights(windows(values))
    assert weights["class"].values.tolist() == classes.tolist()
    np.testing.assert_allclose(weights, want)
    each = ga.balance_weights(windows(values), windows(values))
    assert (each.dtype, each.dims) == (np.float32, ("window",))
    np.testing.assert_allclose(each, reference.compute_sample_weight("balanced", plain), rtol=1e-6)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("dims", [("window", "track"), ("track", "window")])
def test_balance_weights__each_track_by_itself(lazy, dims):
    values = (RNG.random((40, 3)) < [0.1, 0.5, 0.8]).astype(float)
    values[RNG.random((40, 3)) < 0.2] = np.nan
    values[:, 2] = np.where(np.isnan(values[:, 2]), np.nan, 1)
    label = windows(values, ("window", "track"), track=["a", "b", "c"]).transpose(*dims)
    if lazy:
        label = label.chunk(window=7, track=2)
    with ga.testing.count_computes() as computed:
        each = ga.balance_weights(label.to_dataset(), "label")
    assert each.chunks == label.chunks
    assert len(computed) == (6 if lazy else 0)
    assert each.dims == dims
    assert each.track.values.tolist() == ["a", "b", "c"]
    for track in "abc":
        one, mine = label.sel(track=track).values, each.sel(track=track).values
        assert (mine[np.isnan(one)] == 0).all()
        assert mine[~np.isnan(one)].mean() == pytest.approx(1)
        totals = [mine[one == kind].sum() for kind in (0, 1) if (one == kind).any()]
        assert np.allclose(totals, totals[0])
    weights = ga.class_weights(label)
    assert weights.dims == ("track", "class")
    assert weights.sel(track="c").values.tolist() == [0, 1]


def test_balance_weights__by_contig_of_windows():
    ds = ga.testing.random_genome({"chr1": 60, "chr2": 20})
    tiles = ga.tile_regions(ga.read_regions(["chr1:0-60", "chr2:0-20"], like=ds), 10)
    x = ga.windows(ds[["label"]], tiles)
    weight = ga.balance_weights(x, "contig")
    assert weight.values.tolist() == pytest.approx([8 / 12] * 6 + [2] * 2)
    y = x.assign(weight=weight)
    assert y.weight.dims == ("window",)
    batches = ga.batches(
        y, inputs="label", targets="label", weights="weight", batch_size=8, shuffle=False
    )
    batch = next(iter(batches))
    assert batch[2].shape == (8,)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (windows([np.nan, np.nan]), "has no label"),
        (windows(np.arange(2000)), "more than 1,000 different values"),
        (windows([1, 2]).rename(window="position"), "neither|window"),
    ],
)
def test_weights__refuse(label, message):
    for act in (ga.class_weights, lambda one: ga.balance_weights(one, one)):
        with pytest.raises(ga.GenomeError, match=message):
            act(label)


def test_balance_weights__names_what_there_is():
    with pytest.raises(ga.GenomeError, match="by='family' is not among"):
        ga.balance_weights(ga.from_sequences(["ACGT"]), "family")
