"""Reading writes nothing beside the inputs, whatever libraries like to leave there."""

import os
import pickle

import pysam
import pytest

import genoarrays as ga
from tests.formats.files import (
    LENGTHS,
    TOY,
    bgzip,
    random_bases,
    write_bigwig,
    write_fasta,
    write_text,
)
from tests.formats.reads.oracle import random_reads, write_reads
from tests.formats.sequence.test_twobit import write_twobit

BASES = {name: random_bases(1, length, "ACGT") for name, length in LENGTHS.items()}
VCF = (
    "##fileformat=VCFv4.2\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last base">\n'
    + "".join(f"##contig=<ID={name},length={length}>\n" for name, length in LENGTHS.items())
    + "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    + f"chr1\t5\t.\t{BASES['chr1'][4]}\t<DEL>,{'A' if BASES['chr1'][4] != 'A' else 'C'}\t.\t.\t.\n"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A file of every format; no indexes, except where one is named."""
    folder = tmp_path_factory.mktemp("made")
    fasta = write_fasta(folder / "g.fa", BASES)
    bgzip(fasta)
    write_twobit(folder / "g.2bit", BASES)
    write_text(folder / "g.chrom.sizes", *LENGTHS.items())
    reads = random_reads(0, 200)
    write_reads(folder / "r.bam", reads, index=None)
    pysam.faidx(str(fasta))
    write_reads(folder / "r.cram", reads, mode="wc", index=None, reference_filename=str(fasta))
    (folder / "g.fa.fai").unlink()
    write_bigwig(folder / "s.bw", [("chr1", 5, 9, 2.5)])
    row = ("chr1", 5, 50, "a", 7, "+")
    for name, more in {
        "x.bed": (),
        "x.narrowPeak": (1.5, 2, 3, 4),
        "x.broadPeak": (1.5, 2, 3),
    }.items():
        write_text(folder / name, (*row, *more))
    write_text(folder / "x.bedGraph", ("chr1", 5, 50, 1.5))
    write_text(folder / "x.gff3", ("chr1", "s", "gene", 6, 50, 7, "+", ".", "ID=a"))
    write_text(folder / "x.gtf", ("chr1", "s", "exon", 6, 50, 7, "+", ".", 'gene_id "a";'))
    bgzip(write_text(folder / "f.tsv", ("chr1", 5, 50, "AC-1", 2)))
    write_text(folder / "groups.tsv", ("AC-1", "one"))
    vcf = folder / "v.vcf"
    vcf.write_text(VCF)
    bgzip(vcf)
    with (
        pysam.VariantFile(str(vcf)) as source,
        pysam.VariantFile(str(folder / "v.bcf"), "wb", header=source.header) as sink,
    ):
        for record in source:
            sink.write(record)
    return folder


READERS = {
    "fasta": lambda f: ga.open_fasta(f / "g.fa", mask=True, digests=True),
    "bgzip": lambda f: ga.open_fasta(f / "g.fa.gz"),
    "2bit": lambda f: ga.open_twobit(f / "g.2bit"),
    "sequences": lambda f: ga.open_sequences([f / "g.fa"], length=50),
    "sequences.gz": lambda f: ga.open_sequences([f / "g.fa.gz"], length=50),
    "bam": lambda f: ga.open_bam(f / "r.bam", chunks=300),
    "bam pairs": lambda f: ga.open_bam(f / "r.bam", count="fragment", like=f / "g.fa"),
    "cram": lambda f: ga.open_bam(f / "r.cram", reference=f / "g.fa", chunks=300),
    "cram bgzip": lambda f: ga.open_bam(f / "r.cram", reference=f / "g.fa.gz"),
    "bigwig": lambda f: ga.open_bigwig(f / "s.bw", bin_size=10, like=f / "g.2bit"),
    "labels": lambda f: ga.open_intervals(f / "x.bed", like=f / "g.chrom.sizes", mode="score"),
    "category": lambda f: ga.open_intervals(f / "x.gtf", like=TOY, mode="category", by="gene_id"),
    "regions": lambda f: regions_of(f, ["x.bed", "x.narrowPeak", "x.broadPeak", "x.bedGraph"]),
    "annotation": lambda f: regions_of(f, ["x.gff3", "x.gtf"]),
    "fragments": lambda f: ga.open_fragments(f / "f.tsv.gz", like=TOY, groups=f / "groups.tsv"),
    "vcf": lambda f: ga.read_variants(f / "v.vcf", f / "g.fa"),
    "vcf.gz": lambda f: ga.read_variants(f / "v.vcf.gz", f / "g.fa.gz"),
    "bcf": lambda f: ga.read_variants(f / "v.bcf", f / "g.2bit"),
}


def regions_of(folder, names):
    tables = [ga.read_regions(folder / name, like=folder / "g.fa.gz") for name in names]
    assert [table.start.values.tolist() for table in tables] == [[5]] * len(names)
    return tables[0]


def listing(folder):
    """Names, sizes, times and contents."""
    return {
        path.name: (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.iterdir()
    }


@pytest.mark.parametrize("name", READERS)
def test_reading__writes_nothing_beside_the_inputs(made, tmp_path, monkeypatch, name):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "here"))  # where htslib keeps references
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    before = listing(made)
    ds = READERS[name](made)
    again = pickle.loads(pickle.dumps(ds)).load()
    assert all(again[variable].size for variable in again.data_vars)
    assert listing(made) == before
    assert os.listdir(tmp_path / "here") == []
