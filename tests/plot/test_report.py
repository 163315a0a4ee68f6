"""Does the page of a run hold all there is to know, and nothing from elsewhere?"""

import json
import re

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset
from genoarrays.genome.windows import window_coords

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture
def run(tmp_path):
    place = tmp_path / "reb1 <b>.model"
    place.mkdir()
    records = {
        "history": {"loss": [0.9, 0.7, 0.6], "val_loss": [0.8, 0.75, 0.77]},
        "fit": {
            "batch_size": 64, "seed": 3, "loss": "binary_crossentropy", "class_weights": None,
            "examples": {"training": 1000, "validation": 50}, "versions": {"keras": "3.1"},
        },
        "signature": {
            "inputs": {"dna": {"dims": ["offset"], "shape": [500], "dtype": "int8"}},
            "targets": {"bound": {"dims": [], "shape": [], "dtype": "uint8"}},
            "assembly": {"name": "toy", "digest": "abc"}, "width": 500,
        },
    }  # fmt: skip
    for name, record in records.items():
        (place / f"{name}.json").write_text(json.dumps(record))
    return place


def predictions(binary=True):
    rng = np.random.default_rng(0)
    n = 60
    contigs = np.repeat(["chr1", "chr2"], n // 2)
    starts = np.tile(np.arange(n // 2) * 10, 2)
    from genoarrays.genome.regions import region_columns

    columns = region_columns(regions_dataset(contigs, starts, starts + 10))
    labels = rng.integers(0, 2, n) if binary else rng.normal(size=n)
    coords = window_coords(columns)
    y = xr.DataArray(labels.astype("f4"), coords, ["window"], "bound", {"source": "a <&> b.bed"})
    return y, y.copy(data=np.clip(labels * 0.3 + rng.random(n) * 0.6, 0, 1))


def test_write_report__holds_settings_scores_and_pictures_in_one_file(run, tmp_path):
    path = tmp_path / "report.html"
    figure = ga.plot_curves(ga.curves(*predictions()), ["roc"])
    ga.write_report(run, path, *predictions(), figures={"One more": figure})
    page = path.read_text()
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    for text in ("reb1 &lt;b&gt;.model", "a &lt;&amp;&gt; b.bed", "1,000", "toy (abc)", "auprc",
                 "Scores by contig", "chr2", "labels: source", "predictions: source", "One more",
                 "version of keras"):  # fmt: skip
        assert text in page, text
    assert "class_weights" not in page  # was not set
    found = ga.score(*predictions(), metrics=["auroc"]).auroc.item()
    assert f"{found:.4g}" in page


def test_write_report__of_other_labels_than_0_and_1(run, tmp_path):
    ga.write_report(run, tmp_path / "report.html", *predictions(binary=False), by=None)
    page = (tmp_path / "report.html").read_text()
    assert "spearman" in page
    assert "Predictions and labels" in page
    assert "by contig" not in page


def test_write_report__leaves_what_is_there(run, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(ga.StoreError, match="overwrite=True"):
        ga.write_report(run, path)
    assert path.read_text() == "mine"
    ga.write_report(run, path, overwrite=True, title="A title")
    assert "<h1>A title</h1>" in path.read_text()
    with pytest.raises(ga.StoreError):
        ga.write_report(tmp_path / "nothing", tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()
