import numpy as np
import pyBigWig
import pytest
import xarray as xr

import genoarrays as ga
from tests.cli.test_cli import fails, ok
from tests.formats.files import LENGTHS, TOY, read_bigwig


@pytest.fixture(scope="module")
def values():
    size = ga.GenomeAxis(TOY, 10).size
    values = np.random.default_rng(0).poisson(0.3, (size, 2, 2)).astype(np.float32)
    values[5:9] = np.nan
    return values


@pytest.fixture(scope="module")
def store(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("stores") / "a.zarr"
    coords = {"strand": ["+", "-"], "sample": ["liver", "brain"]}
    x = xr.DataArray(values, dims=("position", "strand", "sample"), coords=coords, name="dnase")
    ds = x.assign_coords(ga.genome_coords(TOY, 10)).to_dataset()
    ds["bound"] = "position", values[:, 0, 0]
    ga.to_zarr(ds, path, progress=False)
    return path


def bases(values):
    parts, at = [], 0
    for length in LENGTHS.values():
        bins = -(-length // 10)
        parts.append(np.repeat(values[at : at + bins], 10, axis=0)[:length])
        at += bins
    return np.concatenate(parts)


def test_export__writes_a_file_for_each_sample(store, values, tmp_path, capsys):
    ok("export", store, "--variable", "dnase", "--out", tmp_path / "{sample}.bw")
    assert capsys.readouterr().out.split() == [
        str(tmp_path / name) for name in ("liver.bw", "brain.bw")
    ]
    want = bases(values.sum(axis=1))
    np.testing.assert_array_equal(read_bigwig(tmp_path / "liver.bw"), want[:, 0])
    np.testing.assert_array_equal(read_bigwig(tmp_path / "brain.bw"), want[:, 1])


@pytest.mark.parametrize("end", ["bw", "bedgraph", "bedgraph.gz"])
def test_export__takes_one_track_and_some_places(store, values, tmp_path, end):
    out = tmp_path / f"{{sample}}.{{strand}}.{end}"
    ok("export", store, "--variable", "dnase", "--track", "brain", "--region", "chr1:101-125",
       "--region", "chr1:121-123", "--one-based", "--contigs", "chr3", "--out", out)  # fmt: skip
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        f"brain.minus.{end}", f"brain.plus.{end}",
    ]  # fmt: skip
    path = tmp_path / f"brain.minus.{end}"
    want = bases(values)[:, 1, 1].copy()
    want[130:1537] = np.nan
    want[:100] = np.nan
    if end == "bw":
        np.testing.assert_array_equal(read_bigwig(path), want)  # and all contigs are listed
    else:
        got = ga.open_intervals(path, like=TOY, mode="value").label.values
        np.testing.assert_array_equal(got, np.nan_to_num(want))


def test_export__writes_sites_as_bed(store, values, tmp_path):
    ok("export", store, "--variable", "bound", "--out", tmp_path / "x.bed", "--at-least", 2)
    sites = ga.read_regions(tmp_path / "x.bed", like=TOY)
    own = values[:, 0, 0]
    ds = ga.open_zarr(store)
    want = ga.regions_where(ds.bound >= 2)
    assert sites.region.values.tolist() == want.region.values.tolist()
    assert sites.score.values.min() == 2
    assert sites.score.values.max() == np.nanmax(own)
    ok("export", store, "--variable", "dnase", "--track", "liver", "--out", tmp_path / "y.bed.gz")
    sites = ga.read_regions(tmp_path / "y.bed.gz", like=TOY)
    covered = (sites.end - sites.start).values.sum()
    assert covered == (bases(values.sum(axis=1))[:, 0] > 0).sum()


def test_export__explains_mistakes(store, tmp_path, capsys):
    export = ("export", store, "--variable")
    out = ("--out", tmp_path / "x.bw")
    for arguments, expected in [
        ((*export, "dnase", "--out", tmp_path / "x.tsv"), "end it in .bw, .bedgraph or .bed"),
        ((*export, "dnase", "--out", tmp_path / "x.bw.gz"), "end it in .bw, .bedgraph or .bed"),
        ((*export, "dnase", *out), "the array has a dimension 'sample', and a bigWig holds one"),
        ((*export, "dnase", "--track", "lung", *out), "--track lung: 'dnase' has liver, brain"),
        ((*export, "bound", "--track", "a", *out), "'bound' has no tracks or samples"),
        ((*export, "bound", "--at-least", 1, *out), "--at-least is for --out ending in .bed"),
        ((*export, "bound", "--contigs", "chrX", *out), "contig 'chrX' is not in assembly 'toy'"),
        ((*export, "bound", "--region", "chr3:1-1000", *out), "chr3 has 91 bp"),
        ((*export, "dnase", "--out", tmp_path / "x.bed"), "has several along sample; say --track"),
        ((*export, "bound", "--out", tmp_path / "none" / "x.bw"), "there is no folder"),
    ]:
        line = fails(capsys, *arguments)
        assert expected in line, line
    assert list(tmp_path.iterdir()) == []


def test_export__replaces_files_only_when_asked(store, tmp_path, capsys):
    path = tmp_path / "x.bw"
    path.write_text("mine")
    export = ("export", store, "--name", "bound", "--out", path)
    assert "exists already; give another path, or --overwrite" in fails(capsys, *export)
    assert path.read_text() == "mine"
    ok(*export, "--overwrite", "--progress")
    assert "writing bigWig" in capsys.readouterr().err
    with pyBigWig.open(str(path)) as file:
        assert file.chroms() == LENGTHS
