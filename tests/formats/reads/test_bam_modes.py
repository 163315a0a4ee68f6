from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError
from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.bam import BamSource
from genoarrays.formats.reads.counting import Counting
from tests.formats.files import LENGTHS
from tests.formats.reads.oracle import brute, packed, random_reads, unpacked, write_reads

MODES = [
    {},
    {"count": "three_prime", "strand": "read1"},
    {"count": "five_prime", "strand": "read2", "proper_pairs": True},
    {"count": "five_prime", "min_mapq": 20, "require_flags": 0x10, "exclude_flags": 0x600 | 0x20},
    {"count": "five_prime", "exclude_flags": 0},
    {"count": "midpoint"},
    {"count": "midpoint", "unpaired": "drop", "max_fragment": 25, "strand": "read2"},
    {"count": "fragment"},
    {"count": "fragment", "extend": 70, "max_fragment": 300, "min_mapq": 5},
    {"count": "coverage"},
    {"count": "coverage", "overlap_mates": "once"},
    {"count": "coverage", "overlap_mates": "once", "exclude_flags": 1796, "strand": "read1"},
    {"count": "coverage", "extend": 33, "overlap_mates": "once", "min_mapq": 20},
    {"count": "cut_site", "shift": (4, -4)},
    {"count": "cut_site", "shift": (4, -5), "proper_pairs": True},
    {"count": "cut_site", "shift": (-30, 40)},
]
IDS = [" ".join(map(str, mode.values())) or "default" for mode in MODES]


@pytest.fixture(scope="module")
def bam(tmp_path_factory):
    """Records lie across blocks, of 1 byte too; no index."""
    folder = tmp_path_factory.mktemp("bam")
    path = write_reads(folder / "x.bam", random_reads(0, 400))
    small = folder / "small.bam"
    small.write_bytes(packed(unpacked(path), [500, 1, 37, 4000]))
    return path, small


def expected(path, mode, stranded=True, bin_size=1, lengths=LENGTHS):
    values, told = brute(path, lengths, bin_size=bin_size, **mode)
    values = np.concatenate(list(values.values()))
    return (values if stranded else values.sum(axis=1)), told


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_open_bam__equals_brute_force(bam, mode):
    for path in bam:
        for bin_size, stranded in ((1, True), (1, False), (10, True), (37, False), (5000, True)):
            want, told = expected(bam[0], mode, stranded, bin_size)
            ds = ga.open_bam(path, bin_size=bin_size, stranded=stranded, totals=True, **mode)
            assert ds.reads.dtype == np.uint32
            np.testing.assert_array_equal(ds.reads.values, want)
            assert ds.reads.attrs["reads"] == told


@pytest.mark.parametrize("mode", MODES, ids=IDS)
def test_bam_source__parts_add_up_to_the_whole(bam, mode):
    @settings(max_examples=25, deadline=None)
    @given(
        st.sampled_from(bam),
        st.sampled_from(list(LENGTHS)),
        st.sampled_from([1, 7, 100]),
        st.lists(st.integers(1, 1036), max_size=6),
    )
    def check(path, contig, bin_size, cuts):
        length = LENGTHS[contig]
        source = BamSource(Stamp.of(path), Counting(bin_size=bin_size, **mode))
        edges = sorted({0, length, *(cut // bin_size * bin_size for cut in cuts if cut < length)})
        parts = [source.count(contig, a, b) for a, b in pairwise(edges)]
        want = brute(bam[0], bin_size=bin_size, **mode)[0][contig]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), want)
        assert sum((part[1] for part in parts), Counter()).total() == source.due(contig)
        assert sum((part[1] for part in parts), Counter()) == source.count(contig, 0, length)[1]

    check()


@pytest.mark.parametrize("mode", [m for m in MODES if m.get("count") in (None, "coverage")])
def test_open_bam__equals_brute_force_on_random_files(tmp_path, mode):
    for seed in range(1, 6):
        path = write_reads(tmp_path / f"{seed}.bam", random_reads(seed, 120), index="csi")
        np.testing.assert_array_equal(
            ga.open_bam(path, **mode).reads.values, expected(path, mode)[0]
        )


def pair(start, mate, span, *, reverse=0, mate_reverse=16, cigar="10M", mate_cigar="10M", name="p"):
    common = {"contig": "chr1", "mate": "chr1", "name": name}
    flags = 3 | reverse | mate_reverse << 1
    sign = 1 if start <= mate else -1
    return [
        common | {"start": start, "mate_start": mate, "span": sign * span, "cigar": cigar,
                  "flag": flags | 0x40},
        common | {"start": mate, "mate_start": start, "span": -sign * span, "cigar": mate_cigar,
                  "flag": 3 | mate_reverse | reverse << 1 | 0x80},
    ]  # fmt: skip


def where(x, strand):
    return np.flatnonzero(x.sel(strand=strand).values).tolist()


def test_midpoint__lies_on_the_strand_of_read_1(tmp_path):
    reads = pair(100, 150, 60, name="a") + pair(300, 250, 61, reverse=16, mate_reverse=0, name="b")
    x = ga.open_bam(write_reads(tmp_path / "x.bam", reads), count="midpoint").reads
    assert (where(x, "+"), where(x, "-")) == ([130], [280])
    x = ga.open_bam(tmp_path / "x.bam", count="midpoint", strand="read2").reads
    assert (where(x, "+"), where(x, "-")) == ([280], [130])


def test_cut_site__moves_the_five_prime_base(tmp_path):
    reads = [
        {"contig": "chr1", "start": 100, "cigar": "20M"},
        {"contig": "chr1", "start": 100, "cigar": "20M", "flag": 16},  # reference_end is 120
        {"contig": "chr1", "start": 0, "cigar": "4M", "flag": 16},  # would lie at -1
        {"contig": "chr2", "start": 495, "cigar": "4M"},
        {"contig": "chr2", "start": 496, "cigar": "4M"},  # would lie at 500
    ]
    path = write_reads(tmp_path / "x.bam", reads)
    x = ga.open_bam(path, count="cut_site", shift=(4, -4), totals=True).reads
    assert where(x, "+") == [104, 1037 + 499]
    assert where(x, "-") == [115]
    assert x.attrs["shift"] == [4, -4]
    assert x.attrs["reads"] == {"kept": 3, "off_contig": 2}


def test_fragment__is_found_from_a_part_that_holds_neither_mate(tmp_path):
    path = write_reads(tmp_path / "x.bam", pair(10, 900, 900))
    source = BamSource(Stamp.of(path), Counting("fragment", max_fragment=900))
    assert source.count("chr1", 400, 500)[0].tolist() == [[1, 0]] * 100
    assert source.count("chr1", 400, 500)[1] == {}
    shorter = BamSource(Stamp.of(path), Counting("fragment", max_fragment=899))
    counts, told = shorter.count("chr1", 0, 1037)
    assert not counts.any()
    assert told == {"too_long": 1, "second_mate": 1}


@pytest.mark.parametrize("start", [0, 95, 104, 106, 115])
def test_coverage__counts_shared_bases_once_at_any_edge(tmp_path, start):
    reads = pair(100, 103, 16, cigar="5M3D5M", mate_cigar="2M1I4M4N3M")
    path = write_reads(tmp_path / "x.bam", reads)
    once = BamSource(Stamp.of(path), Counting("coverage", stranded=False, overlap_mates="once"))
    want = np.zeros(1037, int)
    want[[*range(100, 105), *range(108, 113), *range(103, 109), *range(113, 116)]] = 1
    counts = once.count("chr1", start, 1037)[0]
    np.testing.assert_array_equal(counts, want[start:])


def test_coverage__forgets_mates_that_cannot_come(tmp_path, monkeypatch):
    from genoarrays.formats.reads import mates

    rooms = []
    real = mates.make_room

    def watched(waiting, pos, needed):
        rooms.append(real(waiting, pos, needed))
        return rooms[-1]

    monkeypatch.setattr(mates, "make_room", watched)
    lengths = {"chr1": 200_000}
    reads = []
    for number in range(9_000):  # every other mate is missing
        both = pair(number * 20, number * 20 + 5, 15, name=f"a rather long name {number}")
        reads += both[: 1 + number % 2]
    path = write_reads(tmp_path / "x.bam", reads, lengths)
    mode = {"count": "coverage", "overlap_mates": "once"}
    x = ga.open_bam(path, **mode).reads
    np.testing.assert_array_equal(x.values, expected(path, mode, lengths=lengths)[0])
    assert len(rooms) > 1
    assert max(len(room.reads) for room in rooms) == 2**12


def test_coverage__pairs_all_that_lie_at_one_place(tmp_path):
    reads = [one for n in range(6_000) for one in pair(50, 50 + n % 9, 19, name=f"n{n}")]
    path = write_reads(tmp_path / "x.bam", reads)
    mode = {"count": "coverage", "overlap_mates": "once"}
    np.testing.assert_array_equal(ga.open_bam(path, **mode).reads.values, expected(path, mode)[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"count": "depth"},
            "count='depth' is not known; known are 'five_prime', .* and 'cut_site'",
        ),
        ({"strand": "+"}, "strand='\\+' is not known"),
        ({"unpaired": "keep"}, "unpaired='keep' is not known"),
        ({"shift": (4, -4)}, "shift= says nothing about count='five_prime'; .* count='cut_site'"),
        ({"count": "coverage", "shift": (4,)}, "give two numbers: \\(plus, minus\\)"),
        ({"extend": 0, "count": "coverage"}, "extend=0 is not possible; give a number from 1"),
        ({"extend": 10}, "extend= says nothing about"),
        ({"min_mapq": -1}, "min_mapq=-1 is not possible"),
        ({"overlap_mates": "once"}, "overlap_mates= says nothing"),
    ],
)
def test_open_bam__refuses_options_that_mean_nothing(bam, options, message):
    with pytest.raises(GenomeError, match=message):
        ga.open_bam(bam[0], **options)
