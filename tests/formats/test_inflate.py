import os

import numpy as np
import pytest

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.inflate import Content
from tests.formats.reads.oracle import EOF, packed


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Random content in blocks of 1 to 65,535 bytes, and where each block starts."""
    path = tmp_path_factory.mktemp("bgzf") / "x.gz"
    plain = np.random.default_rng(0).integers(0, 5, 3_000_000, dtype=np.uint8).tobytes()
    sizes = [65_535, 1, 20_000, 400]
    path.write_bytes(packed(plain, sizes))
    return path, plain, sizes


def places(file):
    """Virtual offset of each block, and the offset of its content."""
    path, plain, sizes = file
    raw, at, inside, number = path.read_bytes(), 0, 0, 0
    while inside < len(plain):
        yield at << 16, inside
        at += int.from_bytes(raw[at + 16 : at + 18], "little") + 1
        inside += sizes[number % 4]
        number += 1


def read(path, begin, end, used=lambda size: size, first=2**18):
    out = b""
    with Content(Stamp.of(path), begin, end, "copy it again", first) as content:
        while content.more(used(content.size) if out else 0):
            taken = used(content.size)
            assert content.place(0) >= begin
            out += content.data[:taken].tobytes()
        out += content.data[: content.size].tobytes()
    return out


@pytest.mark.parametrize("seed", range(60))
def test_content__is_that_of_the_range(file, seed):
    path, plain, _ = file
    known = list(places(file))
    rng = np.random.default_rng(seed)
    a, b = sorted(rng.choice(len(known), 2, replace=False).tolist())
    (begin, low), (end, high) = known[a], known[b]
    skip = int(rng.integers(0, min(400, known[a + 1][1] - low) + 1))
    more, keep = int(rng.integers(0, 2)), int(rng.integers(0, 50))
    first = int(rng.choice([1, 5_000, 2**18]))
    found = read(path, begin + skip, end + more, lambda size: max(size - keep, 0), first)
    assert found == plain[low + skip : high + more]


def test_content__goes_to_the_end_of_the_file(file):
    path, plain, _ = file
    assert read(path, 0, None) == plain
    assert read(path, os.path.getsize(path) << 16, None) == b""
    assert read(path, 0, os.path.getsize(path) << 16) == plain


def test_place__is_the_virtual_offset(file):
    path, _, _ = file
    known = list(places(file))
    with Content(Stamp.of(path), 0, None, "", 1_000_000) as content:
        content.more()
        for place, inside in known[:40]:
            assert content.place(inside) == place
            assert content.place(inside + 0) >> 16 == place >> 16
        content.more(70_000)
        assert content.place(known[8][1] - 70_000) == known[8][0]


def test_content__is_refused_where_it_is_damaged(file, tmp_path):
    path, _, _ = file
    raw = bytearray(path.read_bytes())
    known = list(places(file))
    with pytest.raises(InputError, match=r"byte 5: no BGZF block starts there; copy it again"):
        read(path, 5 << 16, None)
    with pytest.raises(InputError, match="no BGZF block starts there"):
        read(path, 0, known[3][0] + (7 << 16))
    with pytest.raises(InputError, match="has another length"):
        read(path, known[1][0] + 2, None)  # of one byte
    with pytest.raises(InputError, match="has another length"):
        read(path, 0, known[1][0] + 2)
    with pytest.raises(InputError, match="the file ends here"):
        read(path, 0, (len(raw) + 50) << 16)
    bad = tmp_path / "bad.gz"
    block = known[4][0] >> 16
    for at in (block + 40, block + 2_000, (known[5][0] >> 16) - 6, (known[5][0] >> 16) - 1):
        raw[at] ^= 1
        bad.write_bytes(raw)
        raw[at] ^= 1
        with pytest.raises(InputError, match=rf"byte {block}: a BGZF block cannot be inflated"):
            read(bad, 0, None)
    bad.write_bytes(raw[: block + 300])
    with pytest.raises(InputError, match=rf"byte {block}: the file ends within a BGZF block"):
        read(bad, 0, None)
    bad.write_bytes(EOF + b"text that is no block, " * 3)
    with pytest.raises(InputError, match="byte 28: no BGZF block starts there"):
        read(bad, 0, None)
