"""Is the browser told where files are, and what they hold?"""

import sys
from types import SimpleNamespace

import pytest

import genoarrays as ga
from genoarrays.plot.browse import browse


@pytest.fixture
def folder(tmp_path):
    for name in ("g.fa", "g.fa.fai", "a.bw", "b.narrowPeak", "c.vcf.gz", "c.vcf.gz.tbi", "d.bam",
                 "e.xyz"):  # fmt: skip
        (tmp_path / name).write_text("")
    return tmp_path


def test_browse__tells_paths_kinds_and_indexes(folder):
    files = [folder / "a.bw", folder / "b.narrowPeak", folder / "c.vcf.gz"]
    config = browse(folder / "g.fa", files, "chr2:1,000-2,000", colors={"a": "red"}, show=False)
    assert config["reference"]["fastaPath"] == str(folder / "g.fa")
    assert config["reference"]["indexPath"] == str(folder / "g.fa.fai")
    assert config["loadDefaultGenomes"] is False
    assert config["locus"] == "chr2:1001-2000"
    one, two, three = config["tracks"]
    assert (one["type"], one["format"], one["color"]) == ("wig", "bigwig", "red")
    assert (two["type"], two["format"], two["indexed"]) == ("annotation", "narrowPeak", False)
    assert (three["format"], three["indexPath"]) == ("vcf", str(folder / "c.vcf.gz.tbi"))
    assert browse(folder / "g.fa", {}, "chr2", show=False)["locus"] == "chr2"


def test_browse__gives_urls_where_files_are_served(folder, tmp_path_factory):
    files = {"signal": folder / "a.bw"}
    config = browse(folder / "g.fa", files, served=folder.parent, show=False)
    assert config["reference"]["fastaURL"] == f"/{folder.name}/g.fa"
    assert config["tracks"][0]["url"] == f"/{folder.name}/a.bw"
    assert "locus" not in config
    with pytest.raises(ga.GenomeError, match=r"is not below .*, which Jupyter serves"):
        browse(folder / "g.fa", files, served=tmp_path_factory.mktemp("other"), show=False)


def test_browse__hands_the_configuration_to_igv(folder, monkeypatch):
    told = []
    igv = SimpleNamespace(init=lambda: told.append("init"), Browser=lambda config: config)
    monkeypatch.setitem(sys.modules, "igv_notebook", igv)
    assert browse(folder / "g.fa", [folder / "a.bw"])["tracks"][0]["name"] == "a"
    assert told == ["init"]


@pytest.mark.parametrize(("genome", "files", "message"), [
    ("no.fa", [], "there is no file .*no.fa"),
    ("a.bw", [], "make it with: samtools faidx"),
    ("g.fa", ["e.xyz"], "of no kind that the browser knows"),
    ("g.fa", ["d.bam"], "make it with: samtools index"),
    ("g.fa", ["a.bw", "a.bw"], "two files have one name"),
])  # fmt: skip
def test_browse__refuses_what_it_cannot_show(folder, genome, files, message):
    with pytest.raises(ga.GenomeError, match=message):
        browse(folder / genome, [folder / file for file in files], show=False)
