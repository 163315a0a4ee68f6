from contextlib import suppress

import numpy as np
import pysam
import pytest

from genoarrays.errors import InputError
from genoarrays.formats import bgzf
from genoarrays.formats.files import Stamp


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A text of several members, and its bgzip file."""
    text = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
    folder = tmp_path_factory.mktemp("bgzf")
    (folder / "x").write_bytes(text)
    pysam.tabix_compress(str(folder / "x"), str(folder / "x.gz"))
    return text, folder / "x.gz"


def test_read_range__equals_slicing_the_content(packed):
    text, path = packed
    stamp = Stamp.of(path)
    table = bgzf.members(stamp)
    assert table.size == len(text)
    assert len(table.plain) > 5
    edges = [0, 1, *table.plain[1:3].tolist(), int(table.plain[2]) + 1, 299_999, 300_000, 400_000]
    for start in edges:
        for end in edges:
            assert bgzf.read_range(stamp, start, end) == text[start : max(start, end)]


def test_members__reads_its_gzi_or_refuses_it(packed, tmp_path):
    text, path = packed
    copy = tmp_path / "x.gz"
    copy.write_bytes(path.read_bytes())
    scanned = bgzf.members(Stamp.of(path))
    pairs = np.stack([scanned.packed, scanned.plain], axis=1)[1:-2]
    for shift, message in ((0, None), (3, "no BGZF block"), (10**7, "not the index of")):
        rows = pairs + np.array([shift, 0])
        np.array([len(rows), *rows.reshape(-1)], dtype="<u8").tofile(f"{copy}.gzi")
        bgzf.members.cache_clear()
        if message is None:
            np.testing.assert_array_equal(bgzf.members(Stamp.of(copy)).packed, scanned.packed)
            assert bgzf.read_range(Stamp.of(copy), 0, 10**6) == text
        else:
            with pytest.raises(InputError, match=message):
                bgzf.read_range(Stamp.of(copy), 0, 10**6)


def test_read_range__refuses_every_flipped_byte(packed, tmp_path):
    text, path = packed
    raw = path.read_bytes()
    rng, refused = np.random.default_rng(1), 0
    for number, at in enumerate(rng.integers(18, len(raw) - 28, 40).tolist()):
        changed = bytearray(raw)
        changed[at] ^= 1 << int(rng.integers(8))
        (tmp_path / f"{number}.gz").write_bytes(changed)
        got = None
        with suppress(InputError):
            got = bgzf.read_range(Stamp.of(tmp_path / f"{number}.gz"), 0, 10**6)
        assert got in (None, text)  # some bits gzip ignores, such as the time
        refused += got is None
    assert refused > 30
