"""Commands on stores with a pyramid."""

import json

import numpy as np
import pyBigWig
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.cli.learning import _only, _windows
from genoarrays.cli.tiles import tiles_of
from tests.cli.test_ingest import digests, ends, files, ok  # noqa: F401 - a fixture

FILES = ("toy.fa", "a.bam", "x.bw")
OPTIONS = ("--bin-size", 5, "--chunk", 100, "--shard", 300)


@pytest.fixture(scope="module")
def stores(files, tmp_path_factory):  # noqa: F811
    """The same store with a pyramid and without."""
    there = tmp_path_factory.mktemp("stores")
    sources = [files / name for name in FILES]
    ok("ingest", *sources, *OPTIONS, "--pyramid", "4,8", "--out", there / "with.zarr")
    ok("ingest", *sources, *OPTIONS, "--out", there / "without.zarr")
    return there


def test_ingest__writes_a_pyramid(stores):
    tree = ga.open_datatree(stores / "with.zarr")
    assert list(tree.children) == ["1bp", "5bp", "5bp_x4", "5bp_x8"]
    fine = ga.coarsen(tree["5bp"].to_dataset()[["reads", "signal"]], 40, "max")
    np.testing.assert_array_equal(tree["5bp_x8"].reads_max, fine.reads)
    np.testing.assert_array_equal(tree["5bp_x8"].signal_max, fine.signal)


def test_ingest__unchanged_appended_and_in_steps(stores, files, tmp_path, capsys):  # noqa: F811
    sources = [files / name for name in FILES]
    ok("ingest", *sources, *OPTIONS, "--pyramid=4,8", "--out", stores / "with.zarr")
    assert "nothing changed since it was written" in capsys.readouterr().out
    ends(2, "ingest", *sources, *OPTIONS, "--pyramid=4,", "--out", stores / "with.zarr")
    assert "5bp_x8 is gone" in capsys.readouterr().err
    ends(2, "ingest", *sources, *OPTIONS, "--pyramid=4,", "--out", stores / "without.zarr")
    assert "5bp_x4 is new; --append adds them" in capsys.readouterr().err
    out = tmp_path / "steps.zarr"
    for step in ("--plan-only", "--part=1/2", "--part=0/2", "--finalize"):
        ok("ingest", *sources, *OPTIONS, "--pyramid=4,8", step, "--out", out)
    assert digests(out) == digests(stores / "with.zarr")
    more = ("ingest", files / "b.bam", "--like", files / "toy.fa", *OPTIONS)
    out = tmp_path / "grown.zarr"
    ok(*more, f"reads={files / 'a.bam'}", "--out", out, "--pyramid=4,")
    assert ga.open_zarr(out, "5bp_x4").sample.values.tolist() == ["b", "a"]
    ok("ingest", f"more={files / 'x.bw'}", "--like", out, *OPTIONS, "--append", "--out", out)
    assert "more_min" in ga.open_zarr(out, "5bp_x4")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("--pyramid",), []), (("--pyramid", "auto"), []), (("--pyramid=200",), []),
        (("--pyramid=2,4",), ["1bp_x2", "1bp_x4"]), ((), []),
    ],
)  # fmt: skip
def test_plan__tells_levels(files, tmp_path, capsys, given, wanted):  # noqa: F811
    ok("plan", files / "x.bw", "--like", files / "toy.fa", "--out", tmp_path / "a.zarr", *given)
    told = capsys.readouterr().out
    assert [f"1bp_x{n}" for n in (2, 4) if f"1bp_x{n}/signal, _max, _min" in told] == wanted


def test_ingest__a_pyramid_that_is_none_is_a_mistake(files, tmp_path, capsys):  # noqa: F811
    out = ("--out", tmp_path / "a.zarr")
    ends(2, "ingest", files / "x.bw", "--pyramid", files / "toy.fa", *out)
    assert "put files before --pyramid" in capsys.readouterr().err
    ends(2, "ingest", files / "toy.fa", files / "x.bw", "--pyramid=1", *out)
    assert "pyramid=1 is not possible" in capsys.readouterr().err


def test_info__tells_the_pyramid_with_its_node(stores, capsys):
    told = {}
    for name in ("with.zarr", "without.zarr"):
        ok("info", stores / name, "--json")
        told[name] = json.loads(capsys.readouterr().out)["nodes"]
    assert told["with.zarr"]["5bp"].pop("pyramid") == [4, 8]
    assert told["without.zarr"]["5bp"].pop("pyramid") == []
    assert told["with.zarr"] == told["without.zarr"]
    ok("info", stores / "with.zarr")
    assert "  pyramid      mean, max and min of 4, 8 bins" in capsys.readouterr().out


def test_export__takes_the_node_unless_a_level_is_named(stores, tmp_path):
    for name, run in (("signal", (5, 900)), ("5bp_x8/signal_max", (0, 920))):
        ok("export", stores / "with.zarr", "--name", name, "--out", tmp_path / "x.bw",
           "--overwrite")  # fmt: skip
        with pyBigWig.open(str(tmp_path / "x.bw")) as bw:
            assert bw.intervals("chr1")[0][:2] == run
    ends(2, "export", stores / "with.zarr", "--name", "signal_max", "--out", tmp_path / "y.bw")


def test_plot__draws_nodes_or_levels(stores, tmp_path, capsys):
    ok("plot", stores / "with.zarr", "chr1", "--out", tmp_path / "all.png")
    ok("plot", stores / "without.zarr", "chr1", "--out", tmp_path / "same.png")
    assert (tmp_path / "all.png").read_bytes() == (tmp_path / "same.png").read_bytes()
    ok("plot", stores / "with.zarr", "chr1", "--names", "5bp_x8/signal_max,dna", "--out",
       tmp_path / "some.png")  # fmt: skip
    assert capsys.readouterr().out.count(".png") == 3


def test_train__windows_are_those_of_the_nodes(stores):
    both = []
    for name in ("with.zarr", "without.zarr"):
        tree = ga.open_datatree(stores / name)
        tiles = tiles_of(tree, None, 40, None)
        cut = {"width": 40, "reduce": {"signal": "max"}}
        x = _windows(_only(tree, ["dna", "reads", "signal"]), tiles, ["reads"], cut)
        both.append(x.compute())
    xr.testing.assert_identical(*both)
    with pytest.raises(ga.GenomeError, match="no variable 'signal_max'; it has dna, reads, signal"):
        _only(tree, ["signal_max"])
