import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import genoarrays as ga


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    coords = {"fold": ("window", np.arange(60) % 2)}
    y = xr.DataArray(rng.integers(0, 2, (60, 2)), coords, ("window", "track"))
    y = y.assign_coords(track=["a", "b"])
    return ga.score(y, y.copy(data=rng.random((60, 2))), ["auroc", "mse"], by="fold")


def test_frame__has_a_row_for_each_group_and_track(scores):
    table = ga.scores_to_frame(scores)
    assert list(table) == ["fold", "track", "auroc", "mse", "n", "positives"]
    assert table.fold.tolist() == [0, 0, 1, 1]
    row = table[(table.fold == 1) & (table.track == "b")].iloc[0]
    assert row.auroc == scores.auroc.sel(fold=1, track="b").item()


def test_frame__repeats_what_has_fewer_dimensions(scores):
    table = ga.scores_to_frame(scores.assign(across=("fold", [0.1, 0.2])))
    assert table.across.tolist() == [0.1, 0.1, 0.2, 0.2]


def test_json_and_tsv__hold_the_same(scores, tmp_path):
    scores["auroc"][0, 0] = np.nan
    ga.scores_to_json({"bound": scores}, tmp_path / "s.json")
    told = json.loads((tmp_path / "s.json").read_text())["bound"]
    assert told[0]["auroc"] is None
    assert [row["track"] for row in told] == ["a", "b", "a", "b"]
    ga.scores_to_tsv({"bound": scores}, tmp_path / "s.tsv")
    table = pd.read_csv(tmp_path / "s.tsv", sep="\t")
    assert list(table)[:3] == ["target", "fold", "track"]
    np.testing.assert_array_equal(table.mse, [row["mse"] for row in told])
    assert np.isnan(table.auroc[0])


def test_frame__refuses_curves():
    y = xr.DataArray([0, 1], dims="window")
    with pytest.raises(ga.GenomeError, match="these are curves, not scores"):
        ga.scores_to_frame(ga.curves(y, y))
