import pickle
import struct

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import ContigError, GenomeError, InputError
from genoarrays.formats.engines import TwobitEngine
from genoarrays.formats.match import assembly_like
from genoarrays.formats.sequence.fai import fasta_index
from genoarrays.formats.sequence.fasta import FastaSource
from genoarrays.formats.sequence.twobit import TwobitSource
from genoarrays.formats.sequence.twobit_index import twobit_index
from genoarrays.formats.tally import collect
from tests.formats.files import codes, random_bases, write_fasta

GENOME = {"chr1": random_bases(1, 1037), "chr2": random_bases(2, 30), "c3": random_bases(3, 7)}


def ranges(flags):
    """(start, size) of each run of True, one base at a time."""
    found = []
    for at, flag in enumerate(flags):
        if flag and found and sum(found[-1]) == at:
            found[-1] = (found[-1][0], found[-1][1] + 1)
        elif flag:
            found.append((at, 1))
    return found


def record(bases, order="<", unknown=None, masked=None):
    out = struct.pack(f"{order}I", len(bases))
    if unknown is None:
        unknown = ranges(letter in "nN" for letter in bases)
    if masked is None:
        masked = ranges(letter.islower() for letter in bases)
    for some in (unknown, masked):
        out += struct.pack(f"{order}I", len(some))
        for column in (0, 1):
            out += b"".join(struct.pack(f"{order}I", row[column]) for row in some)
    out += bytes(4)
    for at in range(0, len(bases), 4):
        four = ["TCAG".find(letter) for letter in bases[at : at + 4].upper()]
        out += bytes([sum(max(code, 0) << 6 - 2 * k for k, code in enumerate(four))])
    return out


def write_twobit(path, sequences, order="<", version=0, records=None):
    names = [name if isinstance(name, bytes) else name.encode() for name in sequences]
    records = records or [record(bases, order) for bases in sequences.values()]
    wide = 8 if version else 4
    at = 16 + sum(1 + len(name) + wide for name in names)
    out = struct.pack(f"{order}4I", 0x1A412743, version, len(names), 0)
    for name, one in zip(names, records, strict=True):
        out += bytes([len(name)]) + name + struct.pack(f"{order}{'Q' if version else 'I'}", at)
        at += len(one)
    path.write_bytes(out + b"".join(records))
    return path


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("version", [0, 1])
def test_open_twobit__equals_the_fasta(tmp_path, order, version):
    path = write_twobit(tmp_path / "a.2bit", GENOME, order, version)
    want = ga.open_fasta(write_fasta(tmp_path / "a.fa", GENOME), mask=True)
    for chunks in ("auto", 11, None):
        ds = ga.open_twobit(path, mask=True, chunks=chunks)
        for name in ("dna", "mask"):
            np.testing.assert_array_equal(ds[name].values, want[name].values)
            assert ds[name].dtype == want[name].dtype
            part = ds[name].sel(position="chr1:501-630").values
            np.testing.assert_array_equal(part, want[name].sel(position="chr1:501-630").values)
        assert ds.dna.attrs["alphabet"] == "ACGT"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.2bit", "a.fa"]


@settings(max_examples=60, deadline=None)
@given(st.text("ACGTNacgtn", min_size=1, max_size=80), st.data())
def test_read__equals_brute_force(tmp_path_factory, bases, data):
    path = write_twobit(tmp_path_factory.mktemp("x") / "x.2bit", {"c": bases})
    start = data.draw(st.integers(0, len(bases) - 1))
    end = data.draw(st.integers(start, len(bases)))
    stamp = twobit_index(path).stamp
    with collect() as tallies:
        got = TwobitSource(stamp).read("c", start, end)
    assert got.tolist() == codes(bases)[start:end].tolist()
    unknown = bases[start:end].upper().count("N")
    found = dict(tallies.get(("letters", stamp.path), {}))
    assert (found.get("known", 0), found.get("N", 0)) == (end - start - unknown, unknown)
    mask = TwobitSource(stamp, "mask").read("c", start, end)
    assert mask.tolist() == [letter.islower() for letter in bases[start:end]]


def test_read__counts_letters_as_the_fasta_does(tmp_path):
    twobit = TwobitSource(twobit_index(write_twobit(tmp_path / "a.2bit", GENOME)).stamp)
    index = fasta_index(write_fasta(tmp_path / "a.fa", GENOME))
    for source in (twobit, FastaSource(index)):
        with collect() as tallies:
            for contig, bases in GENOME.items():
                source.read(contig, 0, len(bases))
        (found,) = tallies.values()
        assert found == {
            "known": sum(letter not in "nN" for bases in GENOME.values() for letter in bases),
            "N": sum(letter in "nN" for bases in GENOME.values() for letter in bases),
        }
        assert sum(found.values()) == sum(source.due(contig) for contig in GENOME)
        assert source.due("absent") == 0


def test_open_twobit__gives_the_genome_of_like(tmp_path):
    path = write_twobit(tmp_path / "a.2bit", GENOME)
    assert assembly_like(path).name == "a"
    fasta = ga.open_fasta(write_fasta(tmp_path / "b.fa", dict(reversed(GENOME.items()))), like=path)
    np.testing.assert_array_equal(fasta.dna.values, ga.open_twobit(path).dna.values)
    ds = ga.open_twobit(
        path, like=ga.Assembly("o", {"new": 3, "1": 1037}), rename_contigs={"chr1": "1"}
    )
    assert ds.dna.values.tolist() == [4, 4, 4, *codes(GENOME["chr1"]).tolist()]
    assert ds.dna.attrs["contigs_dropped"] == ["chr2", "c3"]
    with pytest.raises(ContigError, match="none of its contigs"):
        ga.open_twobit(path, like=ga.Assembly("o", {"x": 3}))


def test_open_dataset__knows_the_suffix(tmp_path):
    path = write_twobit(tmp_path / "a.2bit", GENOME)
    assert TwobitEngine().guess_can_open(path)
    ds = xr.open_dataset(path, engine=TwobitEngine, mask=True, chunks={})
    xr.testing.assert_identical(ds.load(), ga.open_twobit(path, mask=True).load())


def test_open_twobit__can_be_pickled_and_used_by_threads(tmp_path):
    path = write_twobit(tmp_path / "a.2bit", GENOME)
    ds = pickle.loads(pickle.dumps(ga.open_twobit(path, chunks=9)))
    want = np.concatenate([codes(bases) for bases in GENOME.values()])
    np.testing.assert_array_equal(ds.dna.data.compute(scheduler="threads"), want)


def test_open_twobit__refuses_one_name_for_two_variables(tmp_path):
    path = write_twobit(tmp_path / "a.2bit", GENOME)
    with pytest.raises(GenomeError, match="change name="):
        ga.open_twobit(path, name="mask", mask=True)
    assert list(ga.open_twobit(path, name="mask").data_vars) == ["mask"]


@pytest.mark.parametrize(
    ("sequences", "records", "message"),
    [
        ({"c": "ACGT", b"\xff": "A"}, None, r"byte 22: b'\\xff' is no UTF-8 text"),
        ({"c": "ACGT", b"c": "A"}, None, "byte 22: contig 'c' occurs twice"),
        ({"": "ACGT"}, None, "byte 16: contig 0 has no name"),
        ({"c": ""}, None, "contig 'c': it has no bases"),
        ({"c": "A"}, [struct.pack("<II", 9, 5) + bytes(44)], "contig 'c': 9 bases, 5 ranges of N"),
        ({"c": "A"}, [struct.pack("<III", 9, 0, 10) + bytes(99)], "0 ranges of N and 10 of lower"),
        ({"c": "A"}, [struct.pack("<II", 9, 2**31)], r"byte \d+: the file was cut off, or"),
    ],
)
def test_open_twobit__names_what_is_wrong(tmp_path, sequences, records, message):
    path = write_twobit(tmp_path / "bad.2bit", sequences, records=records)
    with pytest.raises(InputError, match=rf"bad\.2bit, .*{message}"):
        ga.open_twobit(path)


@pytest.mark.parametrize("some", [[(0, 3), (2, 2)], [(5, 1), (1, 1)], [(6, 5)]])
def test_read__refuses_ranges_that_contradict_the_contig(tmp_path, some):
    for what, told in (("N", {"unknown": some}), ("lower case", {"masked": some})):
        records = [record("A" * 9, **told)]
        path = write_twobit(tmp_path / "x.2bit", {"c": ""}, records=records)
        with pytest.raises(InputError, match=f"contig 'c': its ranges of {what} are not in order"):
            ga.open_twobit(path, mask=True).load()


def test_open_twobit__refuses_other_files_and_versions(tmp_path):
    for raw, message in [
        (b">c\nACGT\n", "byte 0: it is no 2bit file; FASTA is opened with ga.open_fasta"),
        (b"\x43\x27", "it is no 2bit file"),
        (struct.pack("<4I", 0x1A412743, 2, 0, 0), "version 2 of the format is not known"),
        (struct.pack("<4I", 0x1A412743, 0, 0, 0), "it lists no contigs"),
        (b"", "the file is empty"),
    ]:
        (tmp_path / "x.2bit").write_bytes(raw)
        with pytest.raises(InputError, match=message):
            ga.open_twobit(tmp_path / "x.2bit")


def test_open_twobit__refuses_a_file_cut_at_any_byte(tmp_path):
    raw = write_twobit(tmp_path / "x.2bit", GENOME).read_bytes()
    for size in range(0, len(raw), 7):
        cut = tmp_path / f"cut{size}.2bit"
        cut.write_bytes(raw[:size])
        with pytest.raises(InputError, match=rf"cut{size}\.2bit"):
            ga.open_twobit(cut)


def test_open_twobit__of_a_damaged_file_never_crashes(tmp_path):
    raw = write_twobit(tmp_path / "x.2bit", GENOME).read_bytes()
    head = len(raw) - 272  # beyond lie mostly bases, which no check covers
    rng = np.random.default_rng(1)
    refused = 0
    for number in range(300):
        changed = bytearray(raw)
        changed[int(rng.integers(head))] ^= 1 << int(rng.integers(8))
        path = tmp_path / f"{number}.2bit"
        path.write_bytes(changed)
        try:
            assert set(np.unique(ga.open_twobit(path).dna.values)) <= {0, 1, 2, 3, 4}
        except GenomeError as error:  # contigs without bases or of one name are for Assembly
            refused += str(path) in str(error)
    assert refused > 50


def test_open_twobit__refuses_a_file_that_was_changed(tmp_path):
    path = write_twobit(tmp_path / "a.2bit", GENOME)
    ds = ga.open_twobit(path)
    write_twobit(path, {**GENOME, "c3": "ACGT"})
    with pytest.raises(InputError, match="changed after it was opened"):
        ds.dna.values  # noqa: B018
