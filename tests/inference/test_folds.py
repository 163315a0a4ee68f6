import keras
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga

TOY = ga.Assembly("toy", {f"chr{number}": 400 for number in range(1, 5)})


@pytest.fixture(scope="module")
def genome():
    coords = ga.genome_coords(TOY)
    codes = np.random.default_rng(0).integers(0, 4, 1600).astype("int8")
    ds = xr.Dataset({"dna": ("position", codes, {"alphabet": "ACGT"})}, coords)
    return ds.assign(gc=("position", np.isin(codes, [1, 2]).astype("float32")))


def model(x):
    def features(given):
        return keras.layers.GlobalAveragePooling1D()(given["dna"])

    return ga.models.network(x, features, "dna", "gc", activations="linear")


def test_cross_validate__predicts_each_window_once_by_the_model_of_its_fold(genome, tmp_path):
    seen = []

    def examples(regions):
        seen.append(set(regions.contig.values))
        return ga.windows(genome, regions, 40, reduce={"gc": "mean"})

    tiles = ga.tile_regions(genome, 40)
    options = {"inputs": "dna", "targets": "gc", "folds": 3, "epochs": 2, "seed": 1}
    y, histories = ga.cross_validate(model, examples, tiles, out=tmp_path, **options)
    assert sorted(y.window.values.tolist()) == sorted(examples(tiles).window.values.tolist())
    assert [len(history.history["val_loss"]) for history in histories] == [2, 2, 2]
    for fold in range(3):
        train, valid, test = seen[3 * fold : 3 * fold + 3]
        assert not (train & valid) | (train & test) | (valid & test)
        mine = y.isel(window=np.flatnonzero(y.fold.values == fold))
        assert set(mine.contig.values) == test
        x = examples(tiles.isel(region=np.flatnonzero(np.isin(tiles.contig.values, list(test)))))
        alone = ga.predict(tmp_path / f"fold{fold}", x)
        np.testing.assert_allclose(mine, alone.sel(window=mine.window.values.tolist()), rtol=1e-5)
    scores = ga.score(examples(tiles).gc.sel(window=y.window.values.tolist()), y, ["mse"])
    assert np.isfinite(scores.mse)


def test_cross_validate__needs_contigs_for_its_folds(genome):
    tiles = ga.tile_regions(genome, 40)
    with pytest.raises(ga.RegionError, match="k=5 folds of whole contigs"):
        ga.cross_validate(model, lambda r: r, tiles, inputs="dna", targets="gc", folds=5)
