import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.bam import BamSource
from genoarrays.formats.tally import collect
from tests.formats.files import LENGTHS, random_bases, write_fasta
from tests.formats.reads.oracle import header_of, random_reads, write_reads

MODES = [
    {},
    {"count": "three_prime", "min_mapq": 20, "strand": "read2"},
    {"count": "midpoint", "unpaired": "drop"},
    {"count": "fragment", "extend": 40},
    {"count": "coverage", "overlap_mates": "once"},
    {"count": "cut_site", "shift": (4, -5), "proper_pairs": True},
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same reads as CRAM and as BAM, and the reference of the CRAM."""
    folder = tmp_path_factory.mktemp("cram")
    bases = {name: random_bases(n, length, "ACGT") for n, (name, length) in
             enumerate(LENGTHS.items())}  # fmt: skip
    fasta = write_fasta(folder / "x.fa", bases)
    pysam.faidx(str(fasta))
    reads = random_reads(0, 300)
    bam = write_reads(folder / "x.bam", reads)
    cram = write_reads(folder / "x.cram", reads, mode="wc", reference_filename=str(fasta),
                       index=None)  # fmt: skip
    pysam.index(str(cram))
    return cram, bam, fasta


@pytest.mark.parametrize("mode", MODES)
def test_open_bam__reads_cram_as_bam(files, mode):
    cram, bam, fasta = files
    a = ga.open_bam(cram, reference=fasta, totals=True, chunks=100, **mode).reads
    b = ga.open_bam(bam, totals=True, **mode).reads
    np.testing.assert_array_equal(a.values, b.values)
    assert a.attrs["reads"] == b.attrs["reads"]
    assert BamSource(Stamp.of(cram), reference=str(fasta)).due("chr1") is None


def test_open_bam__tells_each_read_of_a_cram_once(files):
    cram, bam, fasta = files
    with collect() as told:
        ga.open_bam([cram], reference=fasta, chunks=None).reads.load()
        ga.open_bam([bam], chunks=None).reads.load()
    assert told["reads", str(cram)] == told["reads", str(bam)]


def test_open_bam__knows_cram_by_its_bytes(files, tmp_path):
    cram, bam, fasta = files
    named = tmp_path / "x.bam"
    named.write_bytes(cram.read_bytes())
    (tmp_path / "x.bam.crai").write_bytes(cram.with_name("x.cram.crai").read_bytes())
    x = ga.open_bam(named, reference=fasta).reads
    np.testing.assert_array_equal(x.values, ga.open_bam(bam).reads.values)


def test_open_bam__checks_the_digests_of_a_cram(files):
    cram, _, fasta = files
    known = ga.open_fasta(fasta, digests=True)
    assert ga.open_bam(cram, like=known, reference=fasta).reads.sizes["position"] == 1628
    like = ga.Assembly("toy", LENGTHS, sequence_digests={"chr1": "b" * 32})
    with pytest.raises(AssemblyError, match="the bases of contig 'chr1'"):
        ga.open_bam(cram, like=like, reference=fasta)


def test_open_bam__refuses_cram_that_it_cannot_read(files, tmp_path, monkeypatch, capfd):
    cram, _, fasta = files
    with pytest.raises(InputError, match=r"no\.fa: cannot be read"):
        ga.open_bam(cram, reference=tmp_path / "no.fa")
    other = write_fasta(tmp_path / "y.fa", {n: "A" * length for n, length in LENGTHS.items()})
    pysam.faidx(str(other))
    with pytest.raises(InputError, match=r"x\.cram, chr1:0: the reads cannot be decoded .*y\.fa"):
        ga.open_bam(cram, reference=other).reads.load()
    alone = tmp_path / "z.cram"
    alone.write_bytes(cram.read_bytes())
    alone.write_bytes(cram.read_bytes()[:400])
    with pytest.raises(InputError, match=r"z\.cram"):
        ga.open_bam(alone, reference=fasta).reads.load()
    assert capfd.readouterr().err == ""


def test_open_bam__names_the_cure_for_a_missing_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("REF_PATH", str(tmp_path / "nowhere"))
    monkeypatch.setenv("REF_CACHE", str(tmp_path / "nowhere"))
    fasta = write_fasta(tmp_path / "x.fa", {n: "A" * size for n, size in LENGTHS.items()})
    pysam.faidx(str(fasta))
    cram = write_reads(tmp_path / "x.cram", random_reads(0, 50), mode="wc", index=None,
                       reference_filename=str(fasta))  # fmt: skip
    pysam.index(str(cram))
    fasta.unlink()
    with pytest.raises(InputError, match=r"x\.cram, chr1:0: .* as reference="):
        ga.open_bam(cram).reads.load()


def test_open_bam__writes_nothing_beside_cram_and_reference(files, tmp_path):
    cram, bam, fasta = files
    for file in (cram, fasta):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    before = sorted(tmp_path.iterdir())
    x = ga.open_bam(tmp_path / "x.cram", reference=tmp_path / "x.fa", chunks=300).reads
    np.testing.assert_array_equal(x.values, ga.open_bam(bam).reads.values)
    assert sorted(tmp_path.iterdir()) == before


def test_open_bam__takes_many_operations_from_cram(tmp_path):
    fasta = write_fasta(tmp_path / "x.fa", {"chr1": random_bases(1, 200_000, "ACGT")}, width=60)
    pysam.faidx(str(fasta))
    reads = [{"contig": "chr1", "start": 500, "cigar": "1M1I" * 20_000 + "1M1D" * 20_000}]
    lengths = {"chr1": 200_000}
    cram = write_reads(tmp_path / "x.cram", reads, lengths, mode="wc", index=None,
                       reference_filename=str(fasta))  # fmt: skip
    bam = write_reads(tmp_path / "x.bam", reads, lengths)
    for count in ("three_prime", "coverage"):
        a = ga.open_bam(cram, reference=fasta, count=count).reads.values
        np.testing.assert_array_equal(a, ga.open_bam(bam, count=count).reads.values)
        assert a.sum() == (1 if count == "three_prime" else 40_000)


def test_open_bam__refuses_cram_that_is_not_sorted(files, tmp_path):
    reads = [{"contig": "chr1", "start": start} for start in (90, 30)]
    header = header_of(LENGTHS, "unsorted")
    cram = write_reads(tmp_path / "x.cram", reads, mode="wc", sort=False, index=None,
                       header=header, reference_filename=str(files[2]))  # fmt: skip
    with pytest.raises(InputError, match=r"x\.cram, chr1:30: .* not sorted .*samtools sort"):
        ga.open_bam(cram, reference=files[2]).reads.load()
    cram.write_bytes(cram.read_bytes()[:-60])
    with pytest.raises(InputError, match=r"x\.cram"):
        ga.open_bam(cram, reference=files[2]).reads.load()
