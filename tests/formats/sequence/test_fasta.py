import gzip
import hashlib
import pickle

import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import AssemblyError, GenomeError, InputError
from genoarrays.formats.bgzf import members
from genoarrays.formats.files import Stamp
from genoarrays.formats.sequence import fai
from genoarrays.formats.sequence.fai import fasta_index
from genoarrays.formats.sequence.fasta import FastaSource
from genoarrays.formats.tally import collect
from tests.formats.files import bgzip, codes, random_bases, write_fasta

GENOME = {"chr1": random_bases(1, 1037), "chr2": random_bases(2, 30), "c3": random_bases(3, 7)}
ALL = np.concatenate([codes(bases) for bases in GENOME.values()])


def variants(tmp_path):
    plain = write_fasta(tmp_path / "plain.fa", GENOME)
    yield plain
    yield write_fasta(tmp_path / "crlf.fa", GENOME, end="\r\n")
    yield write_fasta(tmp_path / "cut.fa", GENOME, last=False)
    yield write_fasta(tmp_path / "one_line.fa", GENOME, width=5000)
    yield bgzip(plain)
    indexed = write_fasta(tmp_path / "indexed.fa", GENOME)
    pysam.faidx(str(indexed))
    yield indexed
    zipped = bgzip(indexed)
    pysam.faidx(str(zipped))
    assert (tmp_path / "indexed.fa.gz.gzi").exists()
    yield zipped
    (tmp_path / "odd.fa").write_text("\n\n>chr1\n\nACGT\n\n\n>chr2 x\nAC\nG\n\n")


def test_open_fasta__reads_every_layout(tmp_path, monkeypatch):
    for block in (2**24, 64, 11):
        monkeypatch.setattr(fai, "_BLOCK", block)
        for path in variants(tmp_path):
            fai._index.cache_clear()
            ds = ga.open_fasta(path, chunks=100)
            np.testing.assert_array_equal(ds.dna.values, ALL, err_msg=str(path))
            assert ds.dna.dtype == np.int8
            assert ds.dna.attrs["alphabet"] == "ACGT"
            assert ds.sel(position="chr2:3-17").dna.values.tolist() == ALL[1040:1054].tolist()


def test_open_fasta__reads_blank_lines_and_single_bases(tmp_path):
    list(variants(tmp_path))
    dna = ga.open_fasta(tmp_path / "odd.fa").dna
    assert dna.values.tolist() == [0, 1, 2, 3, 0, 1, 2]
    assert dna.sel(position="chr2:2-3").values.tolist() == [2]


def test_open_fasta__knows_all_letters(tmp_path):
    path = write_fasta(tmp_path / "a.fa", {"c": "ACGTacgtUuNnRYKMSWBDHVX-.*"[:-1]})
    dna = ga.open_fasta(path, mask=True)
    assert dna.dna.values.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 3, 3] + [4] * 15
    assert np.flatnonzero(dna.mask.values).tolist() == [4, 5, 6, 7, 9, 11]
    assert dna.mask.dtype == bool


def test_read__counts_each_kind_of_letter(tmp_path):
    bases = {"c": "ACGTacgtuUnNnRYKMSWBDHVX-.rr", "d": "ACGT" * 30, "e": "NNNAn"}
    index = fasta_index(write_fasta(tmp_path / "a.fa", bases))
    source = FastaSource(index)
    with collect() as tallies:
        for contig, length in (("c", 28), ("d", 120), ("e", 5)):
            half = length // 2
            source.read(contig, 0, half)
            source.read(contig, half, length)
            FastaSource(index, "mask").read(contig, 0, length)
    assert tallies == {
        ("letters", index.stamp.path): {"known": 131, "N": 7, "R": 3}
        | dict.fromkeys("YKMSWBDHVX-.", 1)
    }
    assert [source.due(contig) for contig in (*bases, "absent")] == [28, 120, 5, 0]
    assert FastaSource(index, "mask").due("c") is None


def test_open_fasta__refuses_one_name_for_two_variables(tmp_path):
    with pytest.raises(GenomeError, match="change name="):
        ga.open_fasta(write_fasta(tmp_path / "a.fa", GENOME), name="mask", mask=True)


def test_open_fasta__writes_nothing_beside_the_input(tmp_path):
    path = bgzip(write_fasta(tmp_path / "a.fa", GENOME))
    before = sorted(tmp_path.iterdir())
    assert ga.open_fasta(path).dna.values.size
    assert sorted(tmp_path.iterdir()) == before


def test_open_fasta__can_be_pickled_and_used_by_threads(tmp_path):
    ds = pickle.loads(pickle.dumps(ga.open_fasta(write_fasta(tmp_path / "a.fa", GENOME), chunks=9)))
    np.testing.assert_array_equal(ds.dna.data.compute(scheduler="threads"), ALL)


def test_open_fasta__values_can_be_changed(tmp_path):
    path = write_fasta(tmp_path / "a.fa", GENOME)
    for chunks in (None, "auto"):
        values = ga.open_fasta(path, chunks=chunks).dna.values
        values[:] = 0


def test_open_fasta__names_the_stray_letter(tmp_path):
    path = write_fasta(tmp_path / "a.fa", {"c": "ACGT" * 9, "d": "ACGTACGTACGTA?GT"})
    dna = ga.open_fasta(path).dna
    assert dna.sel(contig="c").values[-1] == 3
    with pytest.raises(InputError, match=r"a\.fa, d:13: '\?' is no letter of DNA"):
        dna.values  # noqa: B018


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ACGT\n", "line 1: letters before the first '>'"),
        ("\n\n", "line 1: no '>' is there"),
        (">c\nACGT\nAC\nACGT\n", "line 3: the lines of 'c' differ in length"),
        (">c\nACGT\nACGTA\n", "line 3: the lines of 'c' differ"),
        (">c\nACGT\n\nACGT\n", "line 3: the lines of 'c' differ"),
        (">c\nACGT\nACGT\r\nAC\n", "line 3: the lines of 'c' differ"),
        (">c\nAC\n>d\nAC\n>c x\nAC\n", "line 5: contig 'c' occurs twice"),
        (">\nAC\n", "line 1: '>' without a name"),
        (">a\nAC\n> b\nAC\n", "line 3: '>' without a name"),
        (">a\n>b\nAC\n", "contig 'a': it has no bases"),
        (">b\xff\nAC\n", "line 1: .* is no UTF-8 text"),
    ],
)
def test_open_fasta__names_the_line_that_is_wrong(tmp_path, monkeypatch, text, message):
    (tmp_path / "bad.fa").write_bytes(text.encode("latin-1"))
    for block in (2**24, 3):
        monkeypatch.setattr(fai, "_BLOCK", block)
        fai._index.cache_clear()
        with pytest.raises(InputError, match=r"bad\.fa, " + message):
            ga.open_fasta(tmp_path / "bad.fa")


def test_open_fasta__refuses_other_gzip_and_damaged_bgzip(tmp_path):
    path = tmp_path / "a.fa.gz"
    path.write_bytes(gzip.compress(b">c\nACGT\n"))
    with pytest.raises(InputError, match=r"recompress with bgzip: gunzip a\.fa\.gz && bgzip a\.fa"):
        ga.open_fasta(path)
    whole = bgzip(write_fasta(tmp_path / "b.fa", {"c": "ACGT" * 50_000}))
    raw = whole.read_bytes()
    edges = members(Stamp.of(whole)).packed.tolist()
    assert len(edges) > 4
    for edge in edges[1:-2]:
        at_edge = tmp_path / f"edge{edge}.fa.gz"
        at_edge.write_bytes(raw[:edge])
        with pytest.raises(InputError, match=rf"byte {edge}: the mark that ends"):
            ga.open_fasta(at_edge)
    cut = tmp_path / "cut.fa.gz"
    cut.write_bytes(raw[:-28])
    with pytest.raises(InputError, match=r"cut\.fa\.gz, byte \d+: the mark that ends"):
        ga.open_fasta(cut)
    flipped = bytearray(raw)
    flipped[len(raw) // 2] ^= 1
    (tmp_path / "flip.fa.gz").write_bytes(flipped)
    with pytest.raises(InputError, match=r"flip\.fa\.gz, byte \d+: no BGZF block"):
        ga.open_fasta(tmp_path / "flip.fa.gz").dna.values  # noqa: B018


def test_open_fasta__refuses_an_index_of_another_file(tmp_path):
    path = write_fasta(tmp_path / "a.fa", GENOME)
    pysam.faidx(str(path))
    good = (tmp_path / "a.fa.fai").read_text()
    longer = {**GENOME, "chr2": GENOME["chr2"] + "A"}
    for other in (longer, {"x": GENOME["chr1"]}, dict(reversed(GENOME.items()))):
        write_fasta(path, other)
        with pytest.raises(
            InputError, match=r"a\.fa\.fai, contig .*is not the index of .*faidx a\.fa"
        ):
            ga.open_fasta(path)
    write_fasta(path, GENOME)
    for broken, message in (("chr1\t5\n", "line 1: .* is no row"), (good + good, "listed twice")):
        (tmp_path / "a.fa.fai").write_text(broken)
        with pytest.raises(InputError, match=message):
            ga.open_fasta(path)
    zipped = bgzip(path)
    (tmp_path / "a.fa.gz.gzi").write_bytes(b"\1\0\0\0\0\0\0\0" + b"\7" * 16)
    with pytest.raises(InputError, match="gzi"):
        ga.open_fasta(zipped)


def test_open_fasta__refuses_the_gzi_of_another_file(tmp_path):
    path = bgzip(write_fasta(tmp_path / "a.fa", {"c": random_bases(1, 300_000)}))
    other = bgzip(write_fasta(tmp_path / "b.fa", {"c": "A" * 150_000 + random_bases(2, 150_000)}))
    for one in (path, other):
        pysam.faidx(str(one))
    own = tmp_path / "a.fa.gz.gzi"
    kept = own.read_bytes()
    own.write_bytes((tmp_path / "b.fa.gz.gzi").read_bytes())
    with pytest.raises(InputError, match=r"a\.fa\.gz.*(gzi|BGZF)"):
        ga.open_fasta(path).dna.values  # noqa: B018
    own.write_bytes(kept)
    fai._index.cache_clear()
    members.cache_clear()
    assert ga.open_fasta(path).dna.values.tolist() == codes(random_bases(1, 300_000)).tolist()


def test_open_fasta__refuses_an_empty_file(tmp_path):
    (tmp_path / "a.fa").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.fa: the file is empty"):
        ga.open_fasta(tmp_path / "a.fa")


def test_open_fasta__refuses_a_file_that_was_changed(tmp_path):
    path = write_fasta(tmp_path / "a.fa", GENOME)
    ds = ga.open_fasta(path)
    write_fasta(path, {**GENOME, "c3": "ACGT"})
    with pytest.raises(InputError, match="changed after it was opened"):
        ds.dna.values  # noqa: B018


def test_open_fasta__lies_on_another_genome(tmp_path):
    like = ga.Assembly("other", {"c3": 7, "new": 5, "1": 1037})
    path = write_fasta(tmp_path / "a.fa", GENOME)
    ds = ga.open_fasta(path, like=like, rename_contigs={"chr1": "1"})
    want = np.concatenate([codes(GENOME["c3"]), [4] * 5, codes(GENOME["chr1"])])
    np.testing.assert_array_equal(ds.dna.values, want)
    assert ds.dna.attrs["contigs_dropped"] == ["chr2"]
    assert ds.dna.attrs["contigs_renamed"] == {"chr1": "1"}


def test_open_fasta__digests_ignore_case_and_find_other_bases(tmp_path):
    path = write_fasta(tmp_path / "a.fa", GENOME)
    ds = ga.open_fasta(path, digests=True)
    found = ds.xindexes["position"].axis.assembly.sequence_digests
    for contig, bases in GENOME.items():
        assert found[contig] == hashlib.md5(bases.upper().encode()).hexdigest()
    upper = {c: bases.upper() for c, bases in GENOME.items()}
    ga.open_fasta(write_fasta(tmp_path / "b.fa", upper), like=ds, digests=True)
    masked = {**GENOME, "c3": "N" * 7}
    with pytest.raises(AssemblyError, match="the bases of contig 'c3'"):
        ga.open_fasta(write_fasta(tmp_path / "c.fa", masked), like=ds, digests=True)


def test_fasta_index__equals_that_of_samtools(tmp_path):
    for path in variants(tmp_path):
        if path.name.startswith("indexed"):
            continue
        mine = fasta_index(path)
        rows = [(c, *row) for c, row in mine.contigs.items()]
        pysam.faidx(str(path))
        text = (tmp_path / f"{path.name}.fai").read_text()
        theirs = [line.split("\t") for line in text.splitlines()]
        for row, (name, *numbers) in zip(rows, theirs, strict=True):
            assert row[:3] == (name, *map(int, numbers[:2]))


def test_open_fasta__equals_pysam_on_a_human_chromosome(shared_data):
    path = shared_data / "human_hg19_chrX" / "hg19.chrX_1-69999930.fa.gz"
    dna = ga.open_fasta(path).dna
    with pysam.FastaFile(str(path)) as file:
        for start in (0, 59_995, 2_699_000, 69_900_000):
            end = min(start + 99_999, 69_999_930)
            got = dna.sel(position=f"chrX:{start}-{end}").values
            np.testing.assert_array_equal(got, codes(file.fetch("chrX", start, end)))
