import gzip

import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.crai import check_crai, containers
from tests.formats.files import LENGTHS, random_bases, write_fasta
from tests.formats.reads.oracle import random_reads, write_reads

LAYOUTS = {
    "one slice": [],
    "many containers": ["seqs_per_slice=10"],
    "many slices": ["seqs_per_slice=10", "slices_per_container=3"],
    "slices of several contigs": ["multi_seq_per_slice=1"],
    "version 3.1": ["version=3.1", "seqs_per_slice=20"],
    "version 2.1": ["version=2.1", "seqs_per_slice=20"],
}


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    bases = {name: random_bases(1, length, "ACGT") for name, length in LENGTHS.items()}
    path = write_fasta(tmp_path_factory.mktemp("fasta") / "x.fa", bases)
    pysam.faidx(str(path))
    return path


def write_cram(path, fasta, layout="many containers", number=300):
    reads = random_reads(0, number)
    reads += [{"contig": None, "start": -1, "flag": 4, "cigar": None}] * 5
    options = [option.encode() for option in LAYOUTS[layout]]
    write_reads(path, reads, mode="wc", index=None, reference_filename=str(fasta),
                format_options=options)  # fmt: skip
    pysam.index(str(path))
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_check_crai__takes_the_index_that_samtools_makes(tmp_path, fasta, layout):
    path = write_cram(tmp_path / "x.cram", fasta, layout)
    check_crai(Stamp.of(path), f"{path}.crai")
    rows = gzip.decompress((tmp_path / "x.cram.crai").read_bytes()).splitlines()
    found = containers(Stamp.of(path))
    assert sorted(found) == sorted({int(row.split()[3]) for row in rows})
    assert sum(one.slices for one in found.values()) == len({tuple(r.split()[3:]) for r in rows})


def test_containers__find_where_a_file_was_cut_off(tmp_path, fasta):
    path = write_cram(tmp_path / "x.cram", fasta)
    raw, starts = path.read_bytes(), sorted(containers(Stamp.of(path)))
    assert len(starts) > 10
    for end in (starts[3], starts[-1], starts[5] + 7, len(raw) - 38, len(raw) - 1):
        path.write_bytes(raw[:end])
        with pytest.raises(InputError, match=r"x\.cram, byte \d+: .*(cut off|no container)"):
            containers(Stamp.of(path))
        for index in (True, False):
            if not index:
                (tmp_path / "x.cram.crai").unlink(missing_ok=True)
            with pytest.raises(InputError, match=r"x\.cram"):
                ga.open_bam(path, reference=fasta).reads.load()
    path.write_bytes(raw[: starts[2] + 1] + b"\7" + raw[starts[2] + 2 :])
    with pytest.raises(InputError, match=rf"byte {starts[2]}: no container of CRAM is there"):
        containers(Stamp.of(path))
    path.write_bytes(raw[:4] + b"\1\0" + raw[6:])
    with pytest.raises(InputError, match=r"byte 4: version \(1, 0\) of CRAM is not read"):
        containers(Stamp.of(path))


def moved(text, column, by):
    """An index with another number in the first row."""
    first, rest = text.split(b"\n", 1)
    fields = first.split()
    fields[column] = str(int(fields[column]) + by).encode()
    return b"\t".join(fields) + b"\n" + rest


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda text: b"", "it is not the index of"),
        (lambda text: text.split(b"\n", 1)[1], "it is not the index of"),
        (lambda text: moved(text, 3, 1), "it is not the index of"),
        (lambda text: moved(text, 0, 1), "it is not the index of"),
        (lambda text: moved(text, 1, 5), "it is not the index of"),
        (lambda text: moved(text, 4, 1) + text, "it is not the index of"),
        (lambda text: text + b"hello\n", "the index is damaged"),
        (lambda text: gzip.compress(text)[:40], "the index is damaged"),
    ],
)
def test_check_crai__refuses_an_index_that_is_not_its_own(tmp_path, fasta, change, problem):
    path = write_cram(tmp_path / "x.cram", fasta)
    index = tmp_path / "x.cram.crai"
    index.write_bytes(change(gzip.decompress(index.read_bytes())))
    with pytest.raises(InputError, match=rf"x\.cram\.crai.*({problem}).*samtools index x\.cram"):
        ga.open_bam(path, reference=fasta).reads.load()


def test_open_bam__refuses_a_stale_crai_and_needs_none(tmp_path, fasta):
    path = write_cram(tmp_path / "x.cram", fasta)
    want = ga.open_bam(path, reference=fasta).reads.values
    other = write_cram(tmp_path / "y.cram", fasta, number=200)
    (tmp_path / "x.cram.crai").write_bytes((tmp_path / "y.cram.crai").read_bytes())
    path.write_bytes(path.read_bytes())  # another time: nothing is known of it
    with pytest.raises(InputError, match=r"x\.cram\.crai, container at byte \d+: it is not the"):
        ga.open_bam(path, reference=fasta).reads.load()
    (tmp_path / "x.cram.crai").unlink()
    np.testing.assert_array_equal(ga.open_bam(path, reference=fasta).reads.values, want)
    assert not np.array_equal(ga.open_bam(other, reference=fasta).reads.values, want)
