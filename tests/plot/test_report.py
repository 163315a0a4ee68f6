"""Does the page of a run hold all there is to know, and nothing from elsewhere?"""

import json
import re

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.regions import region_columns, regions_dataset
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
            "contigs": {"training": {"chr3": 900, "chrX": 100}, "validation": {"chr5": 50}},
            "layers": [
                {"name": "dna", "kind": "InputLayer", "shape": [500], "parameters": 0},
                {"name": "dna_motifs", "kind": "BothStrandConv1D", "shape": [490, 10],
                 "parameters": 1770, "filters": 10, "kernel_size": 11, "merge": "max"},
                {"name": "bound", "kind": "Dense", "shape": [1], "parameters": 11, "units": 1},
            ],
        },
        "signature": {
            "inputs": {"dna": {
                "dims": ["offset"], "shape": [500], "dtype": "int8",
                "attrs": {"source": "g.fa", "alphabet": "ACGT", "normalizer": {"method": "log1p"}},
                "windows": {"of": "dna", "width": 500, "flank": [150, 150]},
            }},
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
    heads = re.findall("<h2>(.*?)</h2>", page)
    assert heads == ["Result", "Data", "Splits", "Model", "Training", "How it learned", "Scores",
                     "Scores by contig", "Curves", "One more", "Provenance"]  # fmt: skip
    assert page.count("data:image/png;base64,") == 3
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    for text in ("reb1 &lt;b&gt;.model", "a &lt;&amp;&gt; b.bed", "1,000", "toy (abc)", "auprc",
                 "Scores by contig", "chr2", "labels: source", "predictions: source", "One more",
                 "version of keras", "input dna: source</th><td>g.fa",
                 "(offset: 500) int8; flank: 150, 150, normalized: log1p",
                 "1,000 windows on chr3: 900, chrX: 100",
                 "60 windows on chr1: 30, chr2: 30", "3 layers, 1,781 parameters",
                 "<td>BothStrandConv1D</td><td>490 x 10</td>",
                 "filters: 10, kernel_size: 11, merge: max"):  # fmt: skip
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


# ---- what the model looks at, and places in the genome


TOY = ga.Assembly("toy", {"chr1": 5000, "chr2": 4000})


def attribution(n=14):
    """Windows of 100 bp, more and more important, with 10 letters that matter at 30 to 40."""
    regions = ga.read_regions([f"chr1:{200 * i}-{200 * i + 100}:{'+-'[i % 2]}" for i in range(n)],
                              like=TOY)  # fmt: skip
    values = np.zeros((n, 100, 4), np.float32)
    values[:, 30:40, 2] = np.arange(1, n + 1)[:, None]
    coords = window_coords(region_columns(regions))
    a = xr.DataArray(values, coords, ["window", "offset", "channel"], "attribution")
    return a.assign_coords(channel=list("ACGT"), offset=np.arange(100))


def test_logos_of__shows_the_highest_windows_where_they_matter():
    from genoarrays.plot.explained import logos_of

    a = attribution()
    titles = [axes.get_title("left") for axes in logos_of(a).axes]
    assert len(titles) == 10
    # the last window is on the minus strand: offsets 0-60 are its upper end
    assert titles[0] == "chr1:2,640-2,700 (\N{MINUS SIGN})"
    assert titles[1] == "chr1:2,400-2,460 (+)"
    ranked = a.assign_coords(prediction=("window", 9 - np.arange(14.0)))
    titles = [axes.get_title("left") for axes in logos_of(ranked.isel(window=slice(3))).axes]
    assert titles[0] == "chr1:0-60 (+), prediction 9"
    kept = ranked.drop_indexes("window").drop_vars("window")  # as a plain store gives it back
    assert [axes.get_title("left") for axes in logos_of(kept.isel(window=slice(3))).axes] == titles
    with pytest.raises(ga.GenomeError, match="give \\(window, offset, channel\\)"):
        logos_of(a.sum("channel"))


def test_places_of__are_apart_and_on_their_contigs():
    from genoarrays.plot.explained import places_of

    starts = [0, 100, 1200, 3900, 0, 3900]
    contigs = ["chr1"] * 4 + ["chr2"] * 2
    table = regions_dataset(contigs, starts, np.array(starts) + 100, assembly=TOY)
    y = xr.DataArray([9.0, 8, 7, 1, np.nan, 2], window_coords(region_columns(table)), ["window"])
    assert places_of(None, y) == [
        ("chr1:0-1,050", "chr1:0-100"), ("chr1:250-2,250", "chr1:1,200-1,300"),
        ("chr2:2,950-4,000", "chr2:3,900-4,000"),
    ]  # fmt: skip
    assert places_of("chr1:0-10", None) == [("chr1:0-10", None)]
    with pytest.raises(ga.GenomeError, match="say regions="):
        places_of(None, None)


def test_write_report__shows_letters_and_tracks(run, tmp_path):
    track = xr.DataArray(np.arange(9000.0), ga.genome_coords(TOY), ["position"], "signal")
    path = tmp_path / "report.html"
    several = xr.Dataset({"dna": attribution(), "dnase": attribution().sum("channel") / 3})
    ga.write_report(run, path, attribution=several.assign_attrs(method="some"), tracks=[track],
                    regions=["chr1:0-500", "chr2:10-90"])  # fmt: skip
    page = path.read_text()
    assert page.count("data:image/png;base64,") == 4
    for text in ("share of dna", "75.0 %", "Letters that matter", "Tracks at chr1:0-500",
                 "Tracks at chr2:10-90"):  # fmt: skip
        assert text in page, text
    y, y_pred = predictions()
    two = xr.Dataset({"a": y, "b": y}), xr.Dataset({"a": y_pred, "b": y_pred})
    ga.write_report(run, path, *two, overwrite=True)
    assert "Scores: a" in path.read_text()
    assert "Curves: b" in path.read_text()


@pytest.mark.parametrize(("options", "message"), [
    ({"regions": ["chr1:0-9"]}, "give tracks= too"),
    ({"tracks": []}, "say regions="),
    ({"y_true": predictions()[0]}, "give y_true= and y_pred="),
    ({"y_true": predictions()[0], "y_pred": xr.Dataset()}, "give two of one kind"),
    ({"y_true": xr.Dataset(), "y_pred": xr.Dataset({"a": predictions()[1]})}, "predictions of 'a'"),
])  # fmt: skip
def test_write_report__refuses_halves_and_writes_nothing(run, tmp_path, options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.write_report(run, tmp_path / "report.html", **options)
    assert list(tmp_path.glob("*.html")) == []
