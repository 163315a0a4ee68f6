"""Every real file kept beside the repository, against an independent reader of its format."""

import gzip
from collections import Counter

import numpy as np
import pyBigWig
import pysam
import pytest

import genoarrays as ga

BAMS = [
    "yeast_sacCer3/rnaseq/yeast_rnaseq_excerpt.R64.bam",
    "janggu_samples/sample.bam",
    "janggu_samples/sample2.bam",
]
ATAC = "human_hg19_chr1_atac_bam/ATAC_GL1.chr1.hg19.bam"
DEPTH = {"count": "coverage", "stranded": False, "exclude_flags": 1796}
INTERVALS = [".bed", ".narrowPeak", ".broadPeak", ".bedgraph", ".gff", ".gtf", ".gff3", ".bedpe"]


# ---- reads


def contigs_of(path):
    """Lengths of the contigs that hold reads."""
    with pysam.AlignmentFile(str(path)) as file:
        lengths = dict(zip(file.references, file.lengths, strict=True))
        return {s.contig: lengths[s.contig] for s in file.get_index_statistics() if s.total}


def assert_holds(x, contig, want, length, step=20_000_000):
    """The array holds the counts, {base: number}, of this contig and zeros elsewhere."""
    bases = np.array(sorted(want), np.int64)
    numbers = np.array([want[base] for base in bases.tolist()], np.int64)
    for start in range(0, length, step):
        end = min(start + step, length)
        found = x.sel(position=ga.Region(contig, start, end)).values
        some = slice(*np.searchsorted(bases, [start, end]))
        at = np.flatnonzero(found)
        np.testing.assert_array_equal(at + start, bases[some])
        np.testing.assert_array_equal(found[at], numbers[some])


def of_samtools(path):
    """Depth of each base as `samtools depth` prints it: mates are counted twice."""
    depth = {}
    for line in pysam.depth(str(path)).splitlines():
        contig, position, number = line.split("\t")
        if number != "0":  # as in a deletion
            depth.setdefault(contig, {})[int(position) - 1] = int(number)
    return depth


def of_mosdepth(path):
    """Depth of each base as mosdepth defines it: once where the mates of a proper pair overlap."""
    covered, depth = {}, {}
    with pysam.AlignmentFile(str(path)) as file:
        for number, read in enumerate(file.fetch(until_eof=True)):
            if not read.flag & 1796:
                name = read.query_name if read.is_proper_pair else number
                bases = covered.setdefault((read.reference_name, name), set())
                bases.update(base for start, end in aligned(read) for base in range(start, end))
    for (contig, _), bases in covered.items():
        depth.setdefault(contig, Counter()).update(bases)
    return depth


def aligned(read):
    at = read.reference_start
    for operation, length in read.cigartuples or ():
        if operation in (0, 7, 8):
            yield at, at + length
        if operation in (0, 2, 3, 7, 8):
            at += length


@pytest.mark.parametrize("name", [*BAMS, pytest.param(ATAC, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("mates", "oracle"), [("count", of_samtools), ("once", of_mosdepth)])
def test_depth__is_that_of_samtools_and_of_mosdepth(shared_data, name, mates, oracle):
    lengths = contigs_of(shared_data / name)
    like = ga.Assembly("with reads", lengths)
    x = ga.open_bam(shared_data / name, like=like, overlap_mates=mates, **DEPTH).reads
    depth = oracle(shared_data / name)
    assert set(depth) <= set(lengths)
    for contig, length in lengths.items():
        assert_holds(x, contig, depth.get(contig, {}), length)


@pytest.mark.parametrize("name", [*BAMS, pytest.param(ATAC, marks=pytest.mark.slow)])
@pytest.mark.parametrize("count", ["five_prime", "three_prime", "coverage"])
def test_counts__are_those_of_pysam_read_by_read(shared_data, name, count):
    lengths = contigs_of(shared_data / name)
    like = ga.Assembly("with reads", lengths)
    x = ga.open_bam(shared_data / name, like=like, count=count).reads
    want = {(contig, strand): Counter() for contig in lengths for strand in "+-"}
    with pysam.AlignmentFile(str(shared_data / name)) as file:
        for read in file.fetch(until_eof=True):
            if read.flag & 0xF04:
                continue
            mine = want[read.reference_name, "-" if read.is_reverse else "+"]
            if count == "coverage":
                mine.update(base for start, end in aligned(read) for base in range(start, end))
            else:
                first = (count == "five_prime") != read.is_reverse
                mine[read.reference_start if first else read.reference_end - 1] += 1
    for (contig, strand), counts in want.items():
        assert_holds(x.sel(strand=strand), contig, counts, lengths[contig])


# ---- signal


@pytest.mark.parametrize("folder", [
    "yeast_sacCer3/bigwig", "janggu_samples",
    pytest.param("mouse_mm9_cage_bigwig", marks=pytest.mark.slow),
])  # fmt: skip
def test_bigwigs__hold_what_pybigwig_reads(shared_data, folder):
    paths = sorted((shared_data / folder).glob("*.bw"))
    assert paths
    for path in paths:
        x = ga.open_bigwig(path).signal
        with pyBigWig.open(str(path)) as file:
            for contig, length in file.chroms().items():
                found = x.sel(contig=contig).values
                assert found.dtype == np.float32
                assert len(found) == length
                covered = np.zeros(length, bool)
                for start, end, value in file.intervals(contig) or ():
                    assert (found[start:end] == np.float32(value)).all()
                    covered[start:end] = True
                assert np.isnan(found[~covered]).all()


# ---- intervals


def rows_of(path):
    """(contig, start, end, strand) of each line, read in the plainest way."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else open(path) as lines:
        for line in lines:
            if line.startswith(("#", "track", "browser")) or not line.strip():
                continue
            row = line.rstrip("\n").split("\t")
            if any(part in path.name for part in (".gff", ".gtf")):
                strand = row[6] if row[6] in "+-" else "."
                yield row[0], int(row[3]) - 1, int(row[4]), strand
            else:
                strand = row[5] if len(row) > 5 and row[5] in ("+", "-") else "."
                yield row[0], int(row[1]), int(row[2]), strand


def test_intervals__are_the_lines_of_each_file(shared_data):
    paths = [
        path
        for path in sorted(shared_data.rglob("*"))
        if {*path.suffixes} & {*INTERVALS} and not {*path.suffixes} & {".fa", ".sizes"}
    ]
    assert len(paths) > 340
    for path in paths:
        # one has six columns although its name says narrowPeak; fragments have three
        six = "SMC3" in path.name or ".bedpe" in path.suffixes
        regions = ga.read_regions(path, format="bed" if six else None)
        found = zip(
            *(regions[name].values.tolist() for name in ("contig", "start", "end", "strand")),
            strict=True,
        )
        assert list(found) == list(rows_of(path)), path.name


# ---- sequence


def test_sequence__is_that_of_pysam(shared_data, tmp_path):
    yeast = tmp_path / "yeast.fa"
    source = shared_data / "yeast_sacCer3/sacCer3.R64-1-1.ensembl_names.fa.gz"
    yeast.write_bytes(gzip.decompress(source.read_bytes()))
    small = tmp_path / "sample.fa"
    small.symlink_to(shared_data / "janggu_samples/sample_genome.fa")
    table = np.full(256, 4, np.int8)
    for code, letter in enumerate(b"ACGT"):
        table[[letter, letter + 32]] = code
    for path in (yeast, small):
        x = ga.open_fasta(path).dna
        with pysam.FastaFile(str(path)) as file:
            assert x.sizes["position"] == sum(file.lengths)
            for contig in file.references:
                letters = np.frombuffer(file.fetch(contig).encode(), np.uint8)
                np.testing.assert_array_equal(x.sel(contig=contig).values, table[letters])
