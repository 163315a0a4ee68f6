import pickle
from collections import Counter

import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.bam import BamSource
from genoarrays.formats.reads.counting import EXCLUDED, Counting
from tests.formats.files import LENGTHS, TOY, write_bam

CIGARS = ["20M", "5S10M3S", "8M4D9M", "6M200N6M", "3M2I7M1D4M", "10=2X8=", "2H30M"]


def random_reads(seed, number=400):
    rng = np.random.default_rng(seed)
    reads = []
    for _ in range(number):
        contig = str(rng.choice(["chr1", "chr2"]))
        cigar = str(rng.choice(CIGARS))
        flag = int(rng.choice([0, 16], p=[0.5, 0.5]))
        flag |= int(rng.choice([0, 0x100, 0x200, 0x400, 0x800, 0x4, 0x1], p=[0.7, *[0.05] * 6]))
        start = int(rng.integers(0, LENGTHS[contig] - 215))
        if rng.random() < 0.1:  # right up to the end of the contig
            cigar, start = "20M", LENGTHS[contig] - 20
        reads.append({"contig": contig, "start": start, "cigar": cigar, "flag": flag,
                      "mapq": int(rng.integers(0, 60))})  # fmt: skip
    return reads


def brute(path, count, *, min_mapq=0, require=0, exclude=EXCLUDED, lengths=LENGTHS):
    """Counts at 1 bp, (position, strand), read by read over the whole file."""
    offset = dict(zip(lengths, np.cumsum([0, *lengths.values()]), strict=False))
    out = np.zeros((sum(lengths.values()), 2), dtype=np.int64)
    kept = 0
    with pysam.AlignmentFile(str(path)) as file:
        for read in file.fetch(until_eof=True):
            if read.flag & exclude or read.flag & require != require:
                continue
            if read.mapping_quality < min_mapq or read.reference_id < 0:
                continue
            kept += 1
            row = int(read.is_reverse)
            base = offset[read.reference_name]
            if count == "five_prime":
                at = read.reference_end - 1 if read.is_reverse else read.reference_start
                out[base + at, row] += 1
            else:
                for position, kind in walk(read):
                    out[base + position, row] += kind
    return out, kept


def walk(read):
    """Bases of the reference under a read, and whether each is aligned (M = X)."""
    at = read.reference_start
    for kind, length in read.cigartuples:
        if kind in (0, 2, 3, 7, 8):
            for position in range(at, at + length):
                yield position, int(kind in (0, 7, 8))
            at += length


def binned(values, bin_size):
    out, at = [], 0
    for length in LENGTHS.values():
        for start in range(at, at + length, bin_size):
            out.append(values[start : min(start + bin_size, at + length)].sum(axis=0))
        at += length
    return np.array(out)


@pytest.fixture(scope="module")
def bam(tmp_path_factory):
    return write_bam(tmp_path_factory.mktemp("bam") / "x.bam", random_reads(0))


@pytest.mark.parametrize("count", ["five_prime", "coverage"])
@pytest.mark.parametrize("bin_size", [1, 10, 37, 5000])
@pytest.mark.parametrize("chunks", ["auto", 17, None])
def test_open_bam__equals_brute_force(bam, count, bin_size, chunks):
    want = binned(brute(bam, count)[0], bin_size)
    x = ga.open_bam(bam, count=count, bin_size=bin_size, chunks=chunks).reads
    assert x.dims == ("position", "strand")
    assert x.dtype == x.values.dtype == np.uint32
    np.testing.assert_array_equal(x.values, want)
    summed = ga.open_bam(bam, count=count, bin_size=bin_size, chunks=chunks, stranded=False).reads
    np.testing.assert_array_equal(summed.values, want.sum(axis=1))


def test_open_bam__counts_the_five_prime_base_of_both_strands(tmp_path):
    reads = [
        {"contig": "chr1", "start": 100, "cigar": "5S20M"},
        {"contig": "chr1", "start": 100, "cigar": "5M100N5M", "flag": 16},
        {"contig": "chr1", "start": 1017, "cigar": "20M", "flag": 16},
    ]
    x = ga.open_bam(write_bam(tmp_path / "x.bam", reads)).reads
    assert [np.flatnonzero(x.sel(strand=s).values).tolist() for s in "+-"] == [[100], [209, 1036]]
    assert x.sel(position="chr1:205-215", strand="-").values.tolist() == [0] * 4 + [1] + [0] * 5


@pytest.mark.parametrize(
    ("options", "oracle"),
    [
        ({"min_mapq": 30}, {"min_mapq": 30}),
        ({"require_flags": 16}, {"require": 16}),
        ({"exclude_flags": 0x4}, {"exclude": 0x4}),
        ({"exclude_flags": 0x4 | 0x1}, {"exclude": 0x5}),
    ],
)
def test_open_bam__filters_reads(bam, options, oracle):
    for count in ("five_prime", "coverage"):
        x = ga.open_bam(bam, count=count, **options).reads
        np.testing.assert_array_equal(x.values, brute(bam, count, **oracle)[0])
        assert options.items() <= x.attrs.items()


@pytest.mark.parametrize("what", ["five_prime", "coverage"])
def test_bam_source__counts_each_read_in_one_part_by_reason(bam, what):
    source = BamSource(Stamp.of(bam), Counting(what, min_mapq=20, require_flags=0x10))
    totals = Counter()
    for contig, length in LENGTHS.items():
        for start in range(0, length, 100):
            totals += source.count(contig, start, min(start + 100, length))[1]
    want = Counter()
    for read in pysam.AlignmentFile(str(bam)).fetch(until_eof=True):
        reasons = {"unmapped": 4, "secondary": 0x100, "supplementary": 0x800, "qc_fail": 0x200,
                   "duplicate": 0x400}  # fmt: skip
        found = [reason for reason, bit in reasons.items() if read.flag & bit]
        found += ["not_required"] if not read.is_reverse else []
        found += ["low_mapq"] if read.mapping_quality < 20 else []
        want[found[0] if found else "kept"] += 1
    assert totals == want
    assert sum(totals.values()) == 400


def test_open_bam__stacks_samples_and_reads_by_threads(tmp_path, bam):
    other = write_bam(tmp_path / "other.bam", random_reads(1))
    ds = ga.open_bam({"a": bam, "b": other}, bin_size=20, chunks=5, name="cuts")
    assert ds.cuts.dims == ("position", "strand", "sample")
    ds = pickle.loads(pickle.dumps(ds))
    want = np.stack([binned(brute(path, "five_prime")[0], 20) for path in (bam, other)], -1)
    np.testing.assert_array_equal(ds.cuts.data.compute(scheduler="threads"), want)
    assert ga.open_bam([bam, other]).sample.values.tolist() == ["x", "other"]


def test_open_bam__refuses_counts_that_do_not_fit(tmp_path, monkeypatch):
    path = write_bam(tmp_path / "x.bam", [{"contig": "chr1", "start": 0}] * 3)
    monkeypatch.setattr("genoarrays.formats.reads.counting.MOST", 2)
    for count in ("five_prime", "coverage"):
        with pytest.raises(InputError, match="chr1:0: more counts in a bin than fit uint32"):
            ga.open_bam(path, count=count).reads.values  # noqa: B018


def test_open_bam__lies_on_another_genome(tmp_path):
    digests = {"1": "a" * 32}
    lengths = {"2": 500, "1": 1037, "G": 9}
    path = write_bam(tmp_path / "x.bam", [{"contig": "1", "start": 5}], lengths, digests=digests)
    ds = ga.open_bam(path, like=TOY, rename_contigs="ucsc")
    assert np.argwhere(ds.reads.values).tolist() == [[5, 0]]
    assert ds.reads.attrs["contigs_dropped"] == ["G"]
    like = ga.Assembly("toy", LENGTHS, sequence_digests={"chr1": "b" * 32})
    with pytest.raises(AssemblyError, match="the bases of contig '1'"):
        ga.open_bam(path, like=like, rename_contigs="ucsc")
    assert ga.open_bam(path).xindexes["position"].axis.assembly.sequence_digests == digests


def test_open_bam__refuses_what_it_cannot_read(tmp_path, bam, capfd):
    with pytest.raises(InputError, match="No such file"):
        ga.open_bam(tmp_path / "none.bam")
    raw = bam.read_bytes()
    (tmp_path / "cut.bam").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match=r"cut\.bam, byte \d+: the mark that ends a BGZF file"):
        ga.open_bam(tmp_path / "cut.bam")
    (tmp_path / "text.bam").write_text("@HD\tVN:1.6\n")
    with pytest.raises(InputError, match=r"text\.bam, byte 0: it is no BAM file"):
        ga.open_bam(tmp_path / "text.bam")
    zipped = tmp_path / "zip.bam"
    pysam.tabix_compress(str(tmp_path / "text.bam"), str(zipped))
    with pytest.raises(InputError, match=r"zip\.bam: its header cannot be read"):
        ga.open_bam(zipped)
    with pytest.raises(GenomeError, match="count='depth' is not known"):
        ga.open_bam(bam, count="depth")
    assert capfd.readouterr().err == ""


def test_open_bam__equals_pysam_on_real_reads(shared_data):
    paths = [
        shared_data / "yeast_sacCer3" / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam",
        shared_data / "janggu_samples" / "sample.bam",
        shared_data / "janggu_samples" / "sample2.bam",
    ]
    for path in paths:
        ds = ga.open_bam(path, chunks=1_000_000)
        cover = ga.open_bam(path, count="coverage", stranded=False)
        with pysam.AlignmentFile(str(path)) as file:
            lengths = dict(zip(file.references, file.lengths, strict=True))
        want, kept = brute(path, "five_prime", lengths=lengths)
        np.testing.assert_array_equal(ds.reads.values, want)
        assert ds.reads.values.sum() == kept
        depth = brute(path, "coverage", lengths=lengths)[0].sum(axis=1)
        np.testing.assert_array_equal(cover.reads.values, depth)


def test_open_bam__equals_pysam_on_paired_reads(shared_data):
    path = shared_data / "human_hg19_chr1_atac_bam" / "ATAC_GL1.chr1.hg19.bam"
    region = "chr1:10,000,000-20,000,000"
    ds = ga.open_bam(path, chunks=3_000_000)
    found = ds.sel(position=region).reads.values
    want = np.zeros_like(found)
    with pysam.AlignmentFile(str(path)) as file:
        for read in file.fetch("chr1", 9_990_000, 20_010_000):
            if read.flag & EXCLUDED:
                continue
            at = read.reference_end - 1 if read.is_reverse else read.reference_start
            if 10_000_000 <= at < 20_000_000:
                want[at - 10_000_000, int(read.is_reverse)] += 1
    assert want.sum() > 1000
    np.testing.assert_array_equal(found, want)
