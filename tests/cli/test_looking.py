"""Do `genoarrays plot` and `report` draw what is asked?"""

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.cli import main
from genoarrays.cli.looking import read_genes

pytest.importorskip("matplotlib")
TOY = ga.Assembly("toy", {"chr1": 3000, "chr2": 2000})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A store, a bigWig, peaks, genes and attributions."""
    place = tmp_path_factory.mktemp("looking")
    rng = np.random.default_rng(0)
    ds = xr.Dataset({
        "dna": ("position", rng.integers(0, 4, 5000, dtype=np.int8), {"alphabet": "ACGT"}),
        "signal": (("position", "track"), rng.gamma(1, 1, (5000, 3)).astype("f4")),
    }, {"track": ["a", "b", "c"]}).assign_coords(ga.genome_coords(TOY))  # fmt: skip
    ga.to_zarr(ds, place / "a.zarr", progress=False)
    ga.to_bigwig(ds.signal.sel(track="a"), place / "predicted.bw")
    (place / "peaks.bed").write_text("1\t100\t200\tone\n")
    row = '{}\tx\t{}\t101\t200\t.\t+\t.\tgene_id "g"; gene_name "GENE";{}\n'
    (place / "genes.gtf").write_text(
        row.format("chr1", "gene", "") + row.format("chr1", "exon", ' transcript_id "t";')
    )
    x = ga.windows(ds[["dna"]], ga.read_regions(["chr1:100-150", "chr1:120-170:-"], like=TOY))
    hot = ga.one_hot(x.dna).rename("attribution")
    hot.drop_vars("assembly").to_dataset().compute().to_zarr(
        place / "attr.zarr", consolidated=False
    )
    return place


@pytest.fixture
def drawn(monkeypatch):
    """Arguments of the call of ga.plot_tracks."""
    import genoarrays.plot.tracks as module

    calls, real = [], module.plot_tracks

    def plot(*args, **options):
        calls.append((args, options))
        return real(*args, **options)

    monkeypatch.setattr("genoarrays.plot.plot_tracks", plot)
    return calls


def ok(*arguments):
    main([str(a) for a in arguments])


def fails(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        ok(*arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_plot__draws_variables_and_files_top_to_bottom(folder, tmp_path, drawn):
    out = tmp_path / "figure.svg"
    ok("plot", folder / "a.zarr", "chr1:101-200", "--one-based", "--variables", "signal,dna",
       "--tracks", "b", "--bigwig", folder / "predicted.bw", "--attribution", folder / "attr.zarr",
       "--peaks", folder / "peaks.bed", "--genes", folder / "genes.gtf", "--highlight",
       "chr1:111-120", "--highlight", folder / "peaks.bed", "--overlap", "mean", "--share-y",
       "--colors", "signal=red", "--title", "a title", "--rename-contigs", "match",
       "--out", out)  # fmt: skip
    (tracks, place), options = drawn[0]
    assert list(tracks) == ["signal", "dna", "predicted", "attribution", "peaks", "genes"]
    assert str(place) == "chr1:100-200"
    assert tracks["signal"].track.item() == "b"
    assert options["highlight"].start.values.tolist() == [110, 100]
    assert options["colors"] == {"signal": "red"}
    text = out.read_text()
    for word in ("GENE", "one", "a title", "attribution"):
        assert f">{word}</text>" in text


def test_plot__draws_all_by_default(folder, tmp_path, drawn):
    ok("plot", folder / "a.zarr", "chr2", "--out", tmp_path / "figure.png", "--ylim", 0, 9)
    (tracks, _), options = drawn[0]
    assert sorted(tracks) == ["dna", "signal"]
    assert options["ylim"] == (0, 9)
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("options", "message"), [
    (["--out", "a.txt"], "end it in .png, .pdf or .svg"),
    (["--out", "a.png", "--variables", "nothing"], "no variable 'nothing'"),
    (["--out", "a.png", "--tracks", "z"], "'signal' has no track 'z'; it has a, b, c"),
    (["--out", "a.png", "--attribution", "a.zarr"], "and no attributions with letters"),
    (["--out", "a.png", "--attribution", "attr.zarr"], "say overlap='mean'"),
    (["--out", "a.png", "--peaks", "peaks.bed"], "--rename-contigs match"),
    (["--out", "a.png", "--kinds", "signal=pie"], "kind 'pie' is not known"),
])  # fmt: skip
def test_plot__refuses_bad_input(folder, options, message, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    if "a.zarr" in options:
        ga.open_datatree("a.zarr")["1bp"].to_dataset().drop_vars(["position", "contig"]).drop_vars(
            "assembly", errors="ignore").isel(position=slice(3)).drop_attrs().to_zarr(
            "plain.zarr", mode="w", consolidated=False)  # fmt: skip
        options = [*options[:-1], "plain.zarr"]
    assert message in fails(capsys, "plot", "a.zarr", "chr1:90-190", *options)
    assert not (folder / "a.png").exists()


def test_read_genes__asks_for_the_attributes_that_are_there(folder, tmp_path):
    options = {"like": TOY, "rename_contigs": None}
    found = read_genes(folder / "genes.gtf", options)
    assert {"gene_id", "gene_name", "transcript_id"} < set(found)
    bare = tmp_path / "bare.gff3"
    bare.write_text("chr1\tx\tthing\t1\t9\t.\t+\t.\tcolor=red\n")
    assert read_genes(bare, options).sizes["region"] == 1


def test_report__needs_a_store_for_what_is_in_one(folder, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "history.json").write_text('{"loss": [0.9, 0.7]}')
    out = tmp_path / "report.html"
    ok("report", tmp_path / "run", "--out", out, "--attribution", folder / "attr.zarr", "--title",
       "A page")  # fmt: skip
    page = out.read_text()
    assert "<h1>A page</h1>" in page
    assert "Letters that matter" in page
    assert "exists already" in fails(capsys, "report", tmp_path / "run", "--out", out)
    message = fails(capsys, "report", tmp_path / "run", "--out", out, "--contigs", "chr1")
    assert "--store is missing" in message
    message = fails(capsys, "report", tmp_path / "run", "--out", out, "--store", folder / "a.zarr")
    assert "that the training did not see" in message


def test_report__scores_held_out_contigs_and_draws_places(folder, tmp_path):
    pytest.importorskip("tensorflow")
    pytest.importorskip("sklearn")
    ok("train", folder / "a.zarr", "--inputs", "dna", "--targets", "signal", "--width", 100,
       "--reduce", "signal=mean", "--valid", "chr2", "--test", "chr2:1000-2000", "--epochs", 1,
       "--filters", 4, "--out", tmp_path / "m")  # fmt: skip
    ok("report", tmp_path / "m", "--store", folder / "a.zarr", "--contigs", "chr2", "--genes",
       folder / "genes.gtf", "--out", tmp_path / "r.html", "--no-progress")  # fmt: skip
    page = (tmp_path / "r.html").read_text()
    assert "Scores by contig" in page
    assert "Tracks at chr2:" in page
