import os

import numpy as np
import pyBigWig
import pytest

import genoarrays as ga
from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.signal import blocks as blocks_module
from genoarrays.formats.signal.bigwig import BigwigSource
from genoarrays.formats.signal.index import bigwig_blocks, bigwig_head
from tests.formats.files import LENGTHS, write_bigwig
from tests.formats.signal.maker import blocks_of, section, write_blocks

SMALL = {"a": 97, "b": 40, "c": 7}


def some_entries(seed, lengths=LENGTHS):
    rng = np.random.default_rng(seed)
    found = []
    for contig, length in lengths.items():
        edges = np.unique(rng.integers(0, length, length // 9))
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            if rng.random() < 0.7:
                found.append((contig, start, end, np.float32(rng.normal())))
    return found


def test_bigwig_head__equals_pybigwig(tmp_path):
    lengths = {f"s{n}": 10 + n for n in (5, 1, 700, 20, 3)}
    for path in (
        write_bigwig(tmp_path / "a.bw", [("s5", 0, 2, 1)], lengths),
        write_blocks(tmp_path / "b.bw", lengths, blocks_of([("s5", 0, 2, 1)], lengths)),
    ):
        with pyBigWig.open(str(path)) as file:
            assert list(bigwig_head(Stamp.of(path)).lengths.items()) == list(file.chroms().items())


def test_bigwig_blocks__finds_all_levels_of_a_deep_tree(tmp_path):
    found = some_entries(1)
    due = blocks_of(found, LENGTHS, most=2)
    assert len(due) > 2**6
    blocks = bigwig_blocks(Stamp.of(write_blocks(tmp_path / "x.bw", LENGTHS, due)))
    for number in range(len(LENGTHS)):
        ranges = [row[1:3] for row in due if row[0] == number]
        got = zip(blocks[number].start.tolist(), blocks[number].end.tolist(), strict=True)
        assert list(got) == ranges
    some = blocks[0].over(100, 101)
    for start, end in zip(some.start.tolist(), some.end.tolist(), strict=True):
        assert start < 101
        assert end > 100


def test_over__finds_a_block_that_reaches_into_the_next(tmp_path):
    rows = [
        (0, 0, 60, section("<", 0, 1, [(0, 20, 1)])),
        (0, 20, 40, section("<", 0, 1, [(20, 40, 2)])),
        (0, 40, 50, section("<", 0, 1, [(40, 50, 3)])),
    ]
    source = BigwigSource(Stamp.of(write_blocks(tmp_path / "x.bw", SMALL, rows)))
    assert source.read("a", 10, 45).tolist() == [1] * 10 + [2] * 20 + [3] * 5
    assert np.isnan(source.read("a", 55, 58)).all()


@pytest.mark.parametrize("order", "<>")
def test_open_bigwig__refuses_other_files(tmp_path, order):
    number = 0x8789F2EB.to_bytes(4, "little" if order == "<" else "big")
    (tmp_path / "x.bw").write_bytes(number + bytes(200))
    with pytest.raises(InputError, match="it is a bigBed, no bigWig file; convert it: bigBedToBed"):
        ga.open_bigwig(tmp_path / "x.bw")
    (tmp_path / "y.bw").write_bytes(b"BAM\1" + bytes(200))
    with pytest.raises(InputError, match="byte 0: it is no bigWig file"):
        ga.open_bigwig(tmp_path / "y.bw")


def index_of(raw):
    return int.from_bytes(raw[24:32], "little")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw, at: raw[:at] + b"\0" + raw[at + 1 :], "no index of the data is there"),
        (lambda raw, at: raw[: at + 8] + b"\x63" + raw[at + 9 :], "99 blocks are due"),
        (lambda raw, at: raw[:24] + bytes(8) + raw[32:-4] + bytes(4), "names no index"),
        (lambda raw, at: raw[:8] + (9).to_bytes(8, "little") + raw[16:], "no table of contigs"),
        (lambda raw, at: raw[: at + 30], r"byte \d+: the file was cut off"),
    ],
)
def test_open_bigwig__refuses_a_damaged_head_or_index(tmp_path, spoil, message):
    raw = write_blocks(
        tmp_path / "x.bw", SMALL, blocks_of(some_entries(2, SMALL), SMALL)
    ).read_bytes()
    changed = spoil(raw, index_of(raw))
    (tmp_path / "y.bw").write_bytes(changed)
    with pytest.raises(InputError, match=rf"y\.bw, .*({message})"):
        ga.open_bigwig(tmp_path / "y.bw").signal.values  # noqa: B018


def test_open_bigwig__refuses_contigs_that_are_no_table(tmp_path):
    for contigs, message in [
        ({"a": 97, "b": 0}, "contig 'b' has a length of 0 bp"),
        ({"a": 97, "a\0x": 5}, r"contig 'a\\x00x'"),
    ]:
        path = write_blocks(tmp_path / "x.bw", contigs, [])
        with pytest.raises(InputError, match=message):
            ga.open_bigwig(path)
    raw = write_blocks(tmp_path / "y.bw", {"ab": 9, "ac": 9}, []).read_bytes()
    (tmp_path / "twice.bw").write_bytes(raw.replace(b"ac", b"ab"))
    with pytest.raises(InputError, match="2 contigs are due, and 1 names"):
        ga.open_bigwig(tmp_path / "twice.bw")
    (tmp_path / "latin.bw").write_bytes(raw.replace(b"ac", b"a\xe9"))
    with pytest.raises(InputError, match="is no UTF-8 text"):
        ga.open_bigwig(tmp_path / "latin.bw")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 5, 9), (0, 1, 4)], "not in order"),
        ([(0, 1, 4), (1, 1, 4), (0, 5, 9)], "not in order"),
        ([(0, 5, 5)], "empty range"),
        ([(7, 1, 4)], "contig 7, which is not listed"),
    ],
)
def test_bigwig_blocks__refuses_an_index_out_of_order(tmp_path, rows, message):
    raw = section("<", 0, 1, [(1, 4, 1)])
    path = write_blocks(tmp_path / "x.bw", SMALL, [(*row, raw) for row in rows], fan=9)
    with pytest.raises(InputError, match=rf"x\.bw, byte \d+: .*{message}"):
        BigwigSource(Stamp.of(path)).read("a", 0, 9)


def outcome(path, want):
    """Whether a damaged file reads as before; None for an InputError."""
    try:
        stamp = Stamp.of(path)
        lengths = bigwig_head(stamp).lengths
        if lengths != LENGTHS:  # a name or length without checksum: seen by whoever matches it
            return True
        got = [BigwigSource(stamp).read(c, 0, length) for c, length in LENGTHS.items()]
    except InputError as error:
        return None if error.path == str(path) else False
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("maker", ["pybigwig", "own", "big"])
def test_read__of_a_damaged_file_is_right_or_an_error(tmp_path, maker):
    found = some_entries(3)
    path = tmp_path / "x.bw"
    if maker == "pybigwig":
        write_bigwig(path, found)
    else:
        order = "<" if maker == "own" else ">"
        blocks = blocks_of(found, LENGTHS, order, most=5, kinds=(1, 2, 3))
        write_blocks(path, LENGTHS, blocks, order=order)
    raw = path.read_bytes()
    want = [BigwigSource(Stamp.of(path)).read(c, 0, n) for c, n in LENGTHS.items()]
    rng = np.random.default_rng(11)
    found_out = 0
    for number in range(400):
        changed = bytearray(raw)
        if number % 4 == 0:
            changed = changed[: int(rng.integers(1, len(raw)))]
        else:
            for at in rng.integers(0, len(raw), 1 + number % 3):
                changed[at] ^= 1 << int(rng.integers(8))
        bad = tmp_path / f"bad{number}.bw"
        bad.write_bytes(changed)
        result = outcome(bad, want)
        assert result is not False, number
        found_out += result is None
        os.remove(bad)
    assert found_out > 200


def test_read__needs_few_bytes_at_once(tmp_path, monkeypatch):
    path = write_blocks(tmp_path / "x.bw", LENGTHS, blocks_of(some_entries(4), LENGTHS))
    want = ga.open_bigwig(path).signal.values
    for run in (1, 100, 500):
        monkeypatch.setattr(blocks_module, "_RUN", run)
        np.testing.assert_array_equal(ga.open_bigwig(path).signal.values, want)
