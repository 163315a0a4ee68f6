import numpy as np
import pysam
import pytest

from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.bai import ReadIndex, _Contig, find_index, read_index, scan_index
from tests.formats.reads.oracle import packed, random_reads, unpacked, write_reads


def contig(rows, linear, placed=None):
    """Rows: bin, and begin and end of a run, as member and offset in it."""
    bins, begin, end = zip(*[(b, x[0] << 16 | x[1], y[0] << 16 | y[1]) for b, x, y in rows],
                           strict=True)  # fmt: skip
    arrays = [np.array(some, np.int64) for some in (bins, begin, end, linear)]
    return _Contig(*arrays, placed)


def index_of(*contigs, csi=False):
    return ReadIndex("x.bai", contigs, 14, 5, csi)


def members(runs):
    return [(begin >> 16, end >> 16) for begin, end in runs]


def test_runs__are_those_of_all_bins_that_overlap():
    rows = [
        (4681, (10, 0), (20, 5)),  # 0-16,384
        (4682, (20, 5), (30, 0)),
        (4690, (90, 0), (95, 0)),  # from 147,456
        (585, (60, 0), (70, 0)),  # 0-131,072
        (0, (200, 0), (210, 0)),
    ]
    index = index_of(contig(rows, [0] * 10))
    assert members(index.runs(0, 0, 10)) == [(10, 20), (60, 70), (200, 210)]
    assert members(index.runs(0, 16_383, 16_385)) == [(10, 30), (60, 70), (200, 210)]
    assert members(index.runs(0, 131_072, 2**62)) == [(90, 95), (200, 210)]
    assert index.bounds() == (10 << 16, 210 << 16)


@pytest.mark.parametrize("csi", [True, False])
def test_runs__start_at_the_window_before(csi):
    rows = [(4681, (10, 0), (20, 0)), (4682, (20, 0), (30, 0)), (4683, (30, 0), (40, 0)),
            (585, (5, 0), (50, 0))]  # fmt: skip
    index = index_of(contig(rows, [10 << 16, 22 << 16, 30 << 16, 5 << 16]), csi=csi)
    # the second window notes a record at 22: what comes before that stays in, from 10 on
    assert members(index.runs(0, 16_384, 16_385)) == [(10, 50)]
    assert members(index.runs(0, 40_000, 40_001)) == [(22, 50)]
    assert members(index.runs(0, 5, 6)) == [(5, 50)]


def test_placed__is_what_the_index_tells():
    rows = [(4681, (10, 0), (20, 0))]
    nothing = _Contig(*[np.zeros(0, np.int64)] * 4, None)
    index = index_of(contig(rows, [0], 7), contig(rows, [0]), nothing)
    assert [index.placed(number) for number in range(3)] == [7, None, 0]
    assert len(index) == 3
    assert index_of(nothing).bounds() is None
    assert index_of(nothing).runs(0, 0, 100) == []


def test_scan_index__finds_what_the_file_of_an_index_does(tmp_path):
    lengths = {"chr1": 300_000, "chr2": 500, "chr3": 40_000}
    path = write_reads(tmp_path / "x.bam", random_reads(3, 900, lengths), lengths, index="bai")
    path.write_bytes(packed(unpacked(path), 300))
    (tmp_path / "x.bam.bai").unlink()
    pysam.index(str(path))
    stamp = Stamp.of(path)
    assert find_index(str(path)) == f"{path}.bai"
    read = read_index(f"{path}.bai", stamp, 3)
    begin = min(first for contig in range(3) for first, _ in read.runs(contig, 0, 2**29))
    scanned = scan_index(stamp, begin, list(lengths), list(lengths.values()))
    assert scanned.path is None
    for number, length in enumerate(lengths.values()):
        assert scanned.placed(number) == read.placed(number)
        for start in range(0, length, 9_000):
            (first, last), *more = scanned.runs(number, start, start + 100) or [(0, 0)]
            assert not more
            for low, high in read.runs(number, start, start + 100):
                assert high <= last
                # the scan knows the first record that overlaps the window, mapped or not
                assert low <= first or start == 0


def test_find_index__prefers_csi(tmp_path):
    path = tmp_path / "x.bam"
    assert find_index(str(path)) is None
    for name in ("x.bai", "x.bam.bai", "x.csi", "x.bam.csi"):
        (tmp_path / name).touch()
        assert find_index(str(path)) == str(tmp_path / name)
