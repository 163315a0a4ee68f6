import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

import genoarrays as ga
from genoarrays.cli import main
from tests.formats.files import TOY, write_bam, write_bigwig, write_fasta, write_text


def ok(*arguments):
    main([str(a) for a in arguments])


def ends(code, *arguments):
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    assert ended.value.code == code


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(Path(path).rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    there = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(3)
    bases = {
        c: "".join(rng.choice(list("ACGTn"), n))
        for c, n in zip(TOY.names, TOY.lengths, strict=True)
    }
    pairs = zip(rng.integers(0, 900, 60), rng.choice([0, 16], 60), strict=True)
    reads = [
        {"contig": "chr1", "start": int(s), "flag": int(f), "mapq": int(s) % 60} for s, f in pairs
    ]
    write_fasta(there / "toy.fa", bases)
    write_bam(there / "a.bam", reads)
    write_bam(there / "b.bam", reads[:20])
    write_bigwig(there / "x.bw", [("chr1", 5, 900, 1.5), ("chr2", 0, 30, 2)])
    write_text(there / "genes.gtf", *[
        ("chr1", "hand", kind, 101, 300, ".", "-", ".", f'gene_type "{what}";')
        for kind, what in (("gene", "coding"), ("exon", "coding"), ("gene", "pseudo"))
    ])  # fmt: skip
    write_text(there / "cells.tsv", ("chr1", 10, 60, "AAA-1", 2), ("chr2", 100, 200, "CCC-1", 1))
    return there


def test_ingest__options_reach_the_readers(files, tmp_path):
    out = tmp_path / "a.zarr"
    ok("ingest", files / "toy.fa", files / "a.bam", files / "x.bw", files / "genes.gtf",
       files / "cells.tsv", "--out", out, "--mask", "--count", "cut_site", "--shift", "4,-4",
       "--min-mapq", 10, "--exclude-flags", "0x704", "--feature", "gene", "--where",
       "gene_type=coding", "--chunk", 100, "--shard", 300)  # fmt: skip
    ds = ga.open_zarr(out)
    dna = ga.open_fasta(files / "toy.fa", mask=True)
    assert ds.dna.equals(dna.dna)
    assert ds["mask"].equals(dna["mask"])
    reads = ga.open_bam(
        files / "a.bam", count="cut_site", shift=(4, -4), min_mapq=10, exclude_flags=0x704, like=dna
    )
    np.testing.assert_array_equal(ds.reads, reads.reads)
    assert int(ds.label.sum()) == 200
    fragments = ga.open_fragments(
        files / "cells.tsv", count="cut_site", shift=(4, -4), like=dna
    ).fragments
    np.testing.assert_array_equal(ds.fragments, fragments)


def test_ingest__again_does_nothing_and_changes_are_named(files, tmp_path, capsys):
    out = tmp_path / "a.zarr"
    ok("ingest", files / "a.bam", "--like", files / "toy.fa", "--out", out)
    before = {file: os.stat(file).st_mtime_ns for file in out.rglob("*")}
    ok("ingest", files / "a.bam", "--like", files / "toy.fa", "--out", out)
    assert {file: os.stat(file).st_mtime_ns for file in out.rglob("*")} == before
    capsys.readouterr()
    again = ("ingest", files / "a.bam", "--like", files / "toy.fa", "--out", out, "--min-mapq", 9)
    ends(2, *again)
    assert "min_mapq was 0, is 9" in capsys.readouterr().err
    ok(*again, "--overwrite-changed")
    assert ga.open_zarr(out).reads.attrs["min_mapq"] == 9


def test_ingest__by_parts_equals_at_once(files, tmp_path, capsys):
    call = ("ingest", files / "toy.fa", files / "x.bw", "--chunk", 100, "--shard", 300)
    ok(*call, "--out", tmp_path / "once.zarr")
    out = ("--out", tmp_path / "parts.zarr")
    capsys.readouterr()
    ok("plan", *call[1:], *out)
    assert "parts 12" in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path)) == ["once.zarr"]
    ends(2, *call, *out, "--part", 0)
    assert "no plan was begun" in capsys.readouterr().err
    ok(*call, *out, "--plan-only")
    assert "do the parts 0 to 11" in capsys.readouterr().out
    ok(*call, *out, "--part", 5)
    assert "part 5 of 12: 1bp/dna, chr2:463-chr3:91 is done" in capsys.readouterr().out
    ends(2, *call, *out, "--finalize")
    assert "11 of 12 parts are not done" in capsys.readouterr().err
    for part in ("0/2", "1/2"):
        ok(*call, *out, "--part", part)
    ok(*call, *out, "--finalize")
    assert digests(tmp_path / "once.zarr") == digests(tmp_path / "parts.zarr")
    for arguments in (("--part", "x"), ("--part", "3/2"), ("--part", 0, "--finalize")):
        ends(2, *call, *out, *arguments)


def test_ingest__appends(files, tmp_path):
    out, like = tmp_path / "a.zarr", ("--like", files / "toy.fa")
    one = tmp_path / "one.bam"
    one.write_bytes((files / "a.bam").read_bytes())
    ok("ingest", f"reads={files}/*.bam", *like, "--out", out)
    ok("ingest", files / "x.bw", *like, "--out", out, "--append")
    for _ in range(2):  # the second does nothing
        ok("ingest", one, "--like", out, "--out", out, "--append")
    assert sorted(ga.open_zarr(out).data_vars) == ["reads", "signal"]
    assert ga.open_zarr(out).sample.values.tolist() == ["a", "b", "one"]


def test_ingest__strands_fragments_and_idle_options(files, tmp_path, capsys):
    out, like = tmp_path / "a.zarr", ("--like", files / "toy.fa")
    bed = write_text(tmp_path / "atac.bed", ("chr1", 10, 60), ("chr1", 990, 1100))
    call = ("ingest", f"rna+={files / 'x.bw'}", f"rna-={files / 'x.bw'}", f"fragments={bed}")
    ends(2, *call, *like, "--out", out)
    assert "--out-of-bounds" in capsys.readouterr().err
    ends(2, *call, *like, "--out", out, "--out-of-bounds", "drop")  # finished parts stay
    assert "give it up with --overwrite" in capsys.readouterr().err
    ok(*call, *like, "--out", out, "--out-of-bounds", "drop", "--overwrite")
    ds = ga.open_zarr(out)
    assert ds.rna.dims == ("position", "strand")
    assert int(ds.fragments.sum()) == 2
    for arguments, message in [
        ((files / "a.bam", "--how", "max"), "--how is for signal, and no such file is given"),
        ((f"rna-={files / 'x.bw'}",), "rna- is a strand without rna+"),
        ((files / "b*.bw",), "there is no such file"),
        ((files / "a.bam.bai",), "the suffix tells no format; known are .fa"),
        ((files / "a.bam", "--rename-contigs", "arabic"), "unknown style 'arabic'"),
    ]:
        ends(2, "ingest", *arguments, *like, "--out", tmp_path / "b.zarr")
        assert message in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_ingest__on_a_dask_scheduler(files, tmp_path):
    from distributed import LocalCluster

    call = ("ingest", files / "toy.fa", "--chunk", 100, "--shard", 300)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        ok(*call, "--out", tmp_path / "a.zarr", "--scheduler", cluster.scheduler_address)
    ok(*call, "--out", tmp_path / "b.zarr")
    assert digests(tmp_path / "a.zarr") == digests(tmp_path / "b.zarr")


def test_verify__lists_damage_and_fails(files, tmp_path, capsys):
    out = tmp_path / "a.zarr"
    ok("ingest", files / "toy.fa", "--out", out, "--chunk", 100, "--shard", 300)
    capsys.readouterr()
    ok("verify", out)
    assert "every byte is as it was written" in capsys.readouterr().out
    shard = out / "1bp/dna/c/1"
    raw = bytearray(shard.read_bytes())
    raw[5] ^= 1
    shard.write_bytes(raw)
    ends(1, "verify", out)
    told = capsys.readouterr()
    assert told.out.startswith("1bp/dna/c/1: chr1:300-400: ")
    assert "1 place is damaged" in told.err
