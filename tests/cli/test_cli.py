import json

import click
import numpy as np
import pyBigWig
import pytest

import genoarrays as ga
from genoarrays.cli import cli, main
from genoarrays.cli.predicting import _check_placeholders
from genoarrays.demo.simulate import simulate


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("files"), size=200_000)


@pytest.fixture(scope="module")
def store(files, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "a.zarr"
    ok("ingest", files.genome, f"coverage={files.reads}", f"bound={files.peaks}", "--bin-size", 50,
       "--min-mapq", 10, "--out", path)  # fmt: skip
    return path


@pytest.fixture(scope="module")
def model(store, tmp_path_factory):
    pytest.importorskip("tensorflow")
    path = tmp_path_factory.mktemp("models") / "m"
    ok("train", store, "--inputs", "coverage", "--targets", "bound", "--width", 200, "--flank",
       "coverage=450", "--log1p", "coverage", "--valid", "chr3", "--test", "chr4", "--epochs", 2,
       "--filters", 8, "--out", path)  # fmt: skip
    return path


def ok(*arguments):
    main([str(a) for a in arguments])


def fails(capsys, *arguments):
    """The one line on standard error of a command that ends with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_ingest__equals_the_functions(files, store):
    dna = ga.open_fasta(files.genome)
    tree = ga.open_datatree(store)
    assert sorted(tree.children) == ["1bp", "50bp"]
    assert tree["1bp"].dna.equals(dna.dna)
    reads = ga.open_bam(files.reads, like=dna, bin_size=50, min_mapq=10)
    assert (tree["50bp"].coverage.values == reads.reads.values).all()
    assert int(tree["50bp"].coverage.sum()) == files.reads_by_reason["kept"]


def test_ingest__files_of_one_name_are_samples_and_tracks(files, tmp_path, capsys):
    twin = tmp_path / "twin.bam"
    twin.write_bytes(files.reads.read_bytes())
    (tmp_path / "twin.bam.bai").write_bytes((files.reads.parent / "reads.bam.bai").read_bytes())
    other = tmp_path / "other.bw"
    other.write_bytes(files.signal.read_bytes())
    peaks = tmp_path / "more.narrowPeak"
    peaks.write_bytes(files.peaks.read_bytes())
    ok("ingest", files.reads, twin, files.signal, other, files.peaks, peaks, "--unstranded",
       "--count", "coverage", "--like", files.genome, "--out", tmp_path / "a.zarr")  # fmt: skip
    tree = ga.open_datatree(tmp_path / "a.zarr")
    assert tree["1bp"].reads.sizes["sample"] == 2
    assert tree["1bp"]["sample"].values.tolist() == ["reads", "twin"]
    assert tree["1bp"].signal.dims == ("position", "track")
    assert tree["1bp_label"].label.track.values.tolist() == ["peaks", "more"]


def test_info__tells_nodes_and_sizes(store, capsys):
    ok("info", store)
    text = capsys.readouterr().out
    assert "50bp: " in text
    assert "coverage     uint32" in text
    ok("info", store, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["nodes"]["50bp"]["variables"]["coverage"]["dims"] == ["position", "strand"]
    assert told["nodes"]["1bp"]["positions"] == ga.axis_of(ga.open_zarr(store, "1bp")).size


def test_export_and_plot__write_files(store, tmp_path, capsys):
    ok(
        "export",
        store,
        "--name",
        "coverage",
        "--out",
        tmp_path / "c.{strand}.bw",
        "--region",
        "chr2",
    )
    with pyBigWig.open(str(tmp_path / "c.plus.bw")) as bw:
        expected = ga.open_zarr(store, "50bp").coverage.sel(position="chr2", strand="+")
        assert bw.values("chr2", 50, 51) == [float(expected[1])]
        assert bw.intervals("chr1") is None
    ok(
        "plot",
        store,
        "chr2:1,001-2,000",
        "--one-based",
        "--out",
        tmp_path / "p.png",
        "--title",
        "x",
    )
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"
    assert "p.png" in capsys.readouterr().out


def test_train_predict_score__go_together(store, model, tmp_path, capsys):
    ok("predict", model, store, "--contigs", "chr4", "--out", tmp_path / "y.bw")
    ok("predict", model, store, "--contigs", "chr4", "--out", tmp_path / "y.tsv", "--both-strands")
    rows = (tmp_path / "y.tsv").read_text().splitlines()
    assert rows[0].split("\t") == ["contig", "start", "end", "orientation", "bound"]
    tiles = 40_070 // 200
    assert len(rows) == 1 + tiles
    with pyBigWig.open(str(tmp_path / "y.bw")) as bw:
        assert len(bw.intervals("chr4")) == tiles + 1  # the last one is short
    ok("predict", model, store, "--contigs", "chr4", "--out", tmp_path / "y.zarr")
    assert f"bound: {tiles + 1} bins of 200 bp" in capsys.readouterr().out
    y = ga.open_zarr(tmp_path / "y.zarr").bound
    back = ga.open_bigwig(tmp_path / "y.bw", like=y, bin_size=200).signal
    assert (back.sel(contig="chr4").values == y.values).all()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["y.bw", "y.tsv", "y.zarr"]
    ok(
        "score",
        model,
        store,
        "--contigs",
        "chr3,chr4",
        "--by",
        "contig",
        "--out",
        tmp_path / "s.json",
    )
    told = json.loads((tmp_path / "s.json").read_text())["bound"]
    assert [row["contig"] for row in told] == ["chr3", "chr4"]
    assert all(0 <= row["auroc"] <= 1 for row in told)
    assert "auprc" in capsys.readouterr().out


def test_score__writes_tables_and_figures_and_compare_reads_them(
    store, model, files, tmp_path, capsys
):
    ok("score", model, store, "--contigs", "chr4", "--metrics", "auroc,spearman,mse", "--bootstrap",
       20, "--json", model / "scores.json", "--tsv", tmp_path / "s.tsv", "--figure",
       tmp_path / "s.png")  # fmt: skip
    rows = (tmp_path / "s.tsv").read_text().splitlines()
    assert rows[0].split("\t")[:4] == ["target", "auroc", "auroc_low", "auroc_high"]
    assert len(rows) == 2
    assert (tmp_path / "s.png").read_bytes()[:4] == b"\x89PNG"
    ok("score", model, store, "--contigs", "chr4", "--metrics", "mse", "--annotation", files.peaks,
       "--figure", tmp_path / "points.png")  # fmt: skip
    assert (tmp_path / "points.png").exists()
    told = json.loads((model / "scores.json").read_text())["bound"][0]
    capsys.readouterr()
    ok("compare", model, "--sort", "auroc", "--figure", tmp_path / "c.png", "--tsv",
       tmp_path / "c.tsv")  # fmt: skip
    assert f"{told['auroc']:.4g}" in capsys.readouterr().out
    assert "learning_rate" in (tmp_path / "c.tsv").read_text()
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"
    ok("compare", model, "--columns", "epochs,mse")
    assert capsys.readouterr().out.split() == ["epochs", "mse", "m", "2", f"{told['mse']:.4g}"]
    line = fails(capsys, "compare", model, "--columns", "speed")
    assert "--columns speed: runs have" in line
    line = fails(capsys, "compare", tmp_path / "none")
    assert "there is no run at" in line


def test_train__takes_a_file_of_options_and_published_models(store, tmp_path, capsys):
    pytest.importorskip("tensorflow")
    (tmp_path / "run.toml").write_text(
        'inputs = ["coverage"]\ntargets = ["bound"]\nwidth = 200\nflank = { coverage = 450 }\n'
        'log1p = ["coverage"]\nvalid = ["chr3"]\ntest = ["chr4"]\nmodel = "jund_dnase"\n'
        "epochs = 3\nclass-weights = { 0 = 1, 1 = 4 }\nrepeats = 2\n"
    )
    train = ("train", store, "--config", tmp_path / "run.toml", "--out", tmp_path / "m")
    ok(*train, "--epochs", 1, "--scale", 0.5)
    settings = json.loads((tmp_path / "m" / "fit.json").read_text())
    assert settings["epochs"] == 1
    assert settings["class_weights"] == {"0.0": 1.0, "1.0": 4.0}
    assert len(settings["losses_of_repeats"]) == 2
    ok("predict", tmp_path / "m", store, "--contigs", "chr4", "--out", tmp_path / "y.tsv")
    assert "takes no --filters" in fails(capsys, *train, "--filters", 4, "--overwrite")


def test_train__bpnet_learns_where_reads_fall_and_how_many(store, tmp_path, capsys):
    pytest.importorskip("tensorflow")
    train = ("train", store, "--inputs", "dna", "--targets", "coverage", "--width", 400, "--flank",
             "dna=100", "--valid", "chr3", "--test", "chr4", "--model", "bpnet", "--epochs", 1,
             "--scale", 0.1, "--batch-size", 32, "--out", tmp_path / "m")  # fmt: skip
    ok(*train, "--loss-weights", "coverage_total=5")
    settings = json.loads((tmp_path / "m" / "fit.json").read_text())
    assert settings["loss"] == {
        "coverage": "multinomial_nll", "coverage_total": "mean_squared_error"
    }  # fmt: skip
    assert settings["loss_weights"] == {"coverage_total": 5.0}
    signature = ga.load_model(tmp_path / "m").signature
    shapes = {name: target.shape for name, target in signature.targets.items()}
    assert shapes == {"coverage": (8, 2), "coverage_total": (2,)}
    # the signature makes the totals again, so that the model can be scored
    tree = ga.open_datatree(store)
    x = signature.examples(tree, targets=True)(["chr4:800-1200", "chr4:1200-1600"])
    np.testing.assert_allclose(x.coverage_total, np.log1p(x.coverage.sum("offset_coverage")))
    assert float(x.coverage.sum()) > 0
    ok("score", tmp_path / "m", store, "--contigs", "chr4", "--metrics", "pearson,mse", "--json",
       tmp_path / "s.json")  # fmt: skip
    told = json.loads((tmp_path / "s.json").read_text())
    assert sorted(told) == ["coverage", "coverage_total"]
    line = fails(capsys, *train, "--overwrite", "--loss-weights", "total=5")
    assert "loss_weights= has 'total', and the outputs are coverage, coverage_total" in line


def test_mistakes__are_one_line_and_exit_code_2(store, files, tmp_path, capsys):
    out = ("--out", tmp_path / "b.zarr")
    train = ("train", store, "--inputs", "dna", "--width", 200, "--valid", "chr3", "--test", "chr4",
             "--out", tmp_path / "m")  # fmt: skip
    for arguments, expected in [
        (("ingest", "x.txt", *out), "x.txt: there is no such file"),
        (("ingest", files.reads, *out), "no genome: give a FASTA among the files, or --like"),
        (("ingest", "no.bam", "--like", files.genome, *out), "no.bam: there is no such file"),
        (
            ("ingest", files.genome, "--out", store),
            "exists already and was made of something else: ",
        ),
        (("ingest", f"a={files.genome}", f"a={files.peaks}", *out), "names files of two kinds"),
        (("info", tmp_path / "no.zarr"), "there is no store"),
        (
            ("plot", store, "chr9:1-5", "--out", "x.png"),
            "contig 'chr9' is not in assembly 'genome'",
        ),
        (("plot", store, "chr1:5", "--out", "x.png"), "'chr1:5' is not a region"),
        (
            ("export", store, "--name", "x", "--out", "x.bw"),
            "the store has no variable 'x'; it has",
        ),
        (("export", store, "--name", "dna", "--out", "x.bw"), "'dna' holds codes of letters"),
        (("export", store, "--name", "coverage", "--out", files.signal), "exists already"),
        ((*train, "--targets", "bund"), "the store has no variable 'bund'"),
        ((*train, "--targets", "bound", "--flank", "dna:5"), "'dna:5' is not NAME=VALUE"),
        ((*train, "--targets", "bound", "--flank", "dna=x"), "a value of type int"),
        (("predict", tmp_path, store, "--out", "y.bw"), "has no signature.json with the width"),
        (("train", store), "Missing option '--inputs'"),
        (("wash",), "No such command 'wash'"),
    ]:
        line = fails(capsys, *arguments)
        assert line.startswith("Error: ")
        assert expected in line, line
    assert not (tmp_path / "b.zarr").exists()
    assert not (tmp_path / "m").exists()


def test_predict__checks_before_it_computes(store, model, tmp_path, capsys):
    predict = ("predict", model, store, "--out")
    assert "end it in .zarr, .bw or .tsv" in fails(capsys, *predict, "y.txt")
    for out in ("y.bw", "y.tsv", "y.zarr"):
        line = fails(capsys, *predict, tmp_path / out, "--contigs", "chrX")
        assert "chrX" in line
        assert "chr1, chr2" in line
    line = fails(capsys, *predict, tmp_path / "y.zarr", "--regions", "peaks.bed")
    assert "a .zarr holds whole contigs" in line
    line = fails(capsys, *predict, tmp_path / "y.tsv", "--targets", "open")
    assert "--targets open: the model has bound" in line
    assert list(tmp_path.iterdir()) == []


def test_predict__names_the_placeholders_that_are_missing():
    dims = {"cuts": ("offset", "strand"), "bound": ("track",)}
    with pytest.raises(click.UsageError, match=r"outputs cuts, bound: write \{name\}"):
        _check_placeholders("y.bw", dims)
    with pytest.raises(click.UsageError, match=r"bound has the dimension track"):
        _check_placeholders("{name}.bw", dims)
    _check_placeholders("{name}.{track}.bw", dims)
    _check_placeholders("y.bw", {"cuts": dims["cuts"]})


@pytest.mark.parametrize("name", list(cli.commands))
def test_help__is_there_for_every_option(name, capsys):
    ok(name, "--help")
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: genoarrays {name}")
    options = [p for p in cli.commands[name].params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []
