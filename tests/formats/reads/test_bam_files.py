"""Files as they should not be, and files that are odd but right."""

import shutil
import struct

import numpy as np
import pysam
import pytest

import genoarrays as ga
from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.reads.alignments import open_alignments
from genoarrays.formats.reads.bam import BamSource
from genoarrays.formats.reads.counting import Counting
from genoarrays.formats.tally import collect
from tests.formats.files import LENGTHS, TOY
from tests.formats.reads.oracle import (
    EOF,
    brute,
    header_of,
    packed,
    random_reads,
    unpacked,
    write_reads,
)  # fmt: skip


def values(path, **options):
    return ga.open_bam(path, **options).reads.values


def whole(path, lengths=LENGTHS, **options):
    return np.concatenate(list(brute(path, lengths, **options)[0].values()))


@pytest.fixture
def bam(tmp_path):
    """Small blocks, with an index."""
    path = write_reads(tmp_path / "x.bam", random_reads(5, 600))
    path.write_bytes(packed(unpacked(path), 3000))
    pysam.index(str(path))
    return path


def block_starts(raw):
    at = 0
    while at < len(raw):
        yield at
        at += struct.unpack_from("<H", raw, at + 16)[0] + 1


@pytest.mark.parametrize("size", [40, 1000, 65_280, 65_535])
@pytest.mark.parametrize("index", [True, False])
def test_open_bam__reads_records_across_blocks(tmp_path, size, index):
    path = write_reads(tmp_path / "x.bam", random_reads(6, 700), index=None)
    want = whole(path)
    path.write_bytes(packed(unpacked(path), size))
    if index:
        pysam.index(str(path))
    np.testing.assert_array_equal(values(path), want)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.bam", "x.bam.bai"][: 1 + index]


def test_open_bam__skips_to_the_part(tmp_path, monkeypatch):
    lengths = {"chr1": 4_000_000}
    rng = np.random.default_rng(0)
    places = np.sort(rng.integers(0, 3_999_000, 30_000)).tolist()
    reads = [{"contig": "chr1", "start": start, "cigar": "20M"} for start in places]
    reads[100] |= {"start": 100, "cigar": "20M3900000N20M"}
    path = write_reads(tmp_path / "x.bam", reads, lengths)
    path.write_bytes(packed(unpacked(path), 2000))
    want = whole(path, lengths)
    pysam.index(str(path))
    from genoarrays.formats import inflate

    blocks = []
    real = inflate.isal_zlib.decompress
    monkeypatch.setattr(
        inflate.isal_zlib, "decompress", lambda *args: blocks.append(1) or real(*args)
    )
    x = ga.open_bam(path, chunks=None).reads
    x.sel(position="chr1:0-1").values  # noqa: B018  # opened and checked
    blocks.clear()
    found = x.sel(position="chr1:3,000,000-3,000,500").values
    np.testing.assert_array_equal(found, want[3_000_000:3_000_500])
    assert len(blocks) < 400 < len(list(block_starts(path.read_bytes()))) / 2
    np.testing.assert_array_equal(x.values, want)


@pytest.mark.parametrize("index", ["bai", "csi", None])
def test_bam_source__knows_how_many_records_are_due(tmp_path, index):
    reads = [*random_reads(7, 200), {"contig": None, "start": -1, "flag": 4, "cigar": None}]
    path = write_reads(tmp_path / "x.bam", reads, index=index)
    source = BamSource(Stamp.of(path))
    with pysam.AlignmentFile(str(path)) as file:
        found = [read.reference_name for read in file.fetch(until_eof=True)]
    want = {contig: found.count(contig) for contig in LENGTHS}
    assert {contig: source.due(contig) for contig in LENGTHS} == want
    assert want["chr3"] == 0
    assert source.due("chrX") == 0
    with collect() as told:
        for contig in LENGTHS:
            source.read(contig, 0, LENGTHS[contig])
    assert told["reads", str(path)].total() == sum(want.values()) == len(reads) - 1


@pytest.mark.parametrize("index", ["bai", "csi", None])
@pytest.mark.parametrize("start", [0, 5, 16_384, 20_000, 40_000])
def test_bam_source__finds_unmapped_reads_that_come_first(tmp_path, index, start):
    """An index notes the first mapped read of a window; unmapped ones lie before it."""
    lengths = {"chr1": 60_000}
    places = [start + number // 30 for number in range(300)]
    reads = [{"contig": "chr1", "start": 2 * (start // 3)}] if start > 5 else []
    reads += [{"contig": "chr1", "start": at, "flag": 4, "cigar": None} for at in places]
    reads += [{"contig": "chr1", "start": places[-1] + 1}]
    path = write_reads(tmp_path / "x.bam", reads, lengths, index=None)
    path.write_bytes(packed(unpacked(path), 200))
    if index:
        pysam.index(*(["-c"] if index == "csi" else []), str(path))
    told = BamSource(Stamp.of(path)).count("chr1", start, 60_000)[1]
    assert told == {"unmapped": 300, "kept": 1}
    assert BamSource(Stamp.of(path)).due("chr1") == len(reads)


def test_open_bam__tells_reads_on_contigs_that_the_genome_lacks(tmp_path):
    reads = random_reads(8, 100)
    on_chr2 = sum(read["contig"] == "chr2" for read in reads)
    like = ga.Assembly("toy", {"chr1": 1037, "chr9": 5})
    a = write_reads(tmp_path / "a.bam", reads)
    x = ga.open_bam(a, like=like).reads
    assert x.attrs["contigs_dropped"] == ["chr2", "chr3"]
    assert x.attrs["reads_on_dropped_contigs"] == on_chr2
    b = write_reads(tmp_path / "b.bam", reads, index=None)
    assert "reads_on_dropped_contigs" not in ga.open_bam(b, like=like).reads.attrs
    both = ga.open_bam({"a": a, "c": a}, like=like, totals=True).reads
    assert both.attrs["reads_on_dropped_contigs"] == {"a": on_chr2, "c": on_chr2}
    assert both.attrs["reads"]["a"] == both.attrs["reads"]["c"] == x_totals(a, like)


def x_totals(path, like):
    with collect() as told:
        ga.open_bam(path, like=like, chunks=None).reads.load()
    return told["reads", str(path)]


def test_open_bam__reads_long_contigs_by_csi(tmp_path):
    lengths = {"long": 600_000_000, "chr2": 500}
    places = [0, 2**29 - 5, 2**29 + 7, 599_999_980]
    reads = [{"contig": "long", "start": start} for start in places]
    path = write_reads(tmp_path / "x.bam", [*reads, {"contig": "chr2", "start": 3}], lengths,
                       index="csi")  # fmt: skip
    for _ in range(2):
        x = ga.open_bam(path, chunks=None, stranded=False).reads
        for start in places:
            near = x.sel(position=f"long:{max(start - 3, 0)}-{start + 2}").values
            assert near.tolist() == [0] * min(start, 3) + [1, 0]
        assert x.sel(position="chr2:0-5").values.tolist() == [0, 0, 0, 1, 0]
        assert BamSource(Stamp.of(path)).due("long") == 4
        (tmp_path / "x.bam.csi").unlink(missing_ok=True)  # and by a scan
        path.touch()


def test_open_bam__takes_more_than_65535_operations(tmp_path):
    lengths = {"chr1": 300_000}
    cigar = "1M1I" * 40_000 + "1M1D" * 20_000 + "30M"
    reads = [
        {"contig": "chr1", "start": 1000, "cigar": cigar},
        {"contig": "chr1", "start": 1003, "cigar": cigar, "flag": 16},
        {"contig": "chr1", "start": 1004, "cigar": "20S9N"},  # what a CG record looks like
    ]
    path = write_reads(tmp_path / "x.bam", reads, lengths)
    assert b"CGBI" in unpacked(path)
    for index in (True, False):
        for mode in ({}, {"count": "three_prime"}, {"count": "coverage"}):
            np.testing.assert_array_equal(values(path, **mode), whole(path, lengths, **mode))
        if index:
            (tmp_path / "x.bam.bai").unlink()
            path.touch()


def test_open_bam__streams_great_depth(tmp_path):
    reads = [{"contig": "chr1", "start": 500, "name": "r"}] * 150_000
    path = write_reads(tmp_path / "x.bam", reads)
    source = BamSource(Stamp.of(path), Counting("coverage", stranded=False))
    counts, told = source.count("chr1", 510, 600)
    assert counts.tolist() == [150_000] * 10 + [0] * 80
    assert told == {}
    assert values(path)[500].tolist() == [150_000, 0]


@pytest.mark.parametrize("index", ["bai", "csi", None])
def test_open_bam__reads_a_file_without_reads(tmp_path, index):
    path = write_reads(tmp_path / "x.bam", [], index=index)
    assert not values(path).any()
    only = {"contig": None, "start": -1, "flag": 4, "cigar": None}
    path = write_reads(tmp_path / "y.bam", [only], index=index)
    assert not values(path, count="coverage", overlap_mates="once").any()


def test_open_bam__drops_unmapped_reads_that_have_a_place(tmp_path):
    reads = [
        {"contig": "chr1", "start": 40, "flag": 4},
        {"contig": "chr1", "start": 40, "flag": 4, "cigar": None},
    ]
    path = write_reads(tmp_path / "x.bam", reads)
    x = ga.open_bam(path, exclude_flags=0, totals=True).reads
    assert not x.values.any()
    assert x.attrs["reads"] == {"unmapped": 2}
    reads += [{"contig": "chr1", "start": -1, "flag": flag} for flag in (4, 0)]  # POS is 0
    x = ga.open_bam(write_reads(tmp_path / "y.bam", reads, index=None), exclude_flags=0,
                    totals=True).reads  # fmt: skip
    assert not x.values.any()
    assert x.attrs["reads"] == {"unmapped": 3, "off_contig": 1}


def test_open_bam__takes_the_index_by_either_name(tmp_path, bam):
    want = values(bam)
    (tmp_path / "x.bam.bai").rename(tmp_path / "x.bai")
    bam.touch()
    np.testing.assert_array_equal(values(bam), want)
    assert open_alignments(Stamp.of(bam)).index.path == str(tmp_path / "x.bai")


def test_open_bam__refuses_reads_that_are_not_sorted(tmp_path):
    reads = [{"contig": "chr1", "start": start} for start in (30, 90, 60)]
    path = write_reads(tmp_path / "x.bam", reads, sort=False, index=None)
    with pytest.raises(InputError, match=r"x\.bam, chr1:60: .* not sorted .*samtools sort"):
        values(path)
    reads = [{"contig": "chr2", "start": 5}, {"contig": "chr1", "start": 30}]
    path = write_reads(tmp_path / "y.bam", reads, sort=False, index=None)
    with pytest.raises(InputError, match=r"y\.bam, chr1:30: .* not sorted"):
        values(path)


@pytest.mark.parametrize("kind", ["bai", "csi"])
def test_open_bam__refuses_an_index_that_is_not_its_own(tmp_path, kind):
    path = write_reads(tmp_path / "x.bam", random_reads(9, 500), index=kind)
    index = tmp_path / f"x.bam.{kind}"
    raw = index.read_bytes()

    def refused(match):
        path.touch()
        with pytest.raises(InputError, match=match) as caught:
            values(path)
        assert caught.value.path == str(index)
        assert "samtools index x.bam" in str(caught.value)

    for other, number in ((random_reads(10, 500), 0), (random_reads(9, 500)[:300], 1)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        write_reads(folder / "y.bam", other, index=kind)
        shutil.copy(folder / f"y.bam.{kind}", index)
        refused("it is not the index of .*(elsewhere|reads behind|points past|no (read|BGZF))")
    few = write_reads(tmp_path / "few.bam", [], {"chr1": 1037}, index=kind)
    shutil.copy(f"{few}.{kind}", index)
    refused("it knows 1 contigs, and the header 3")
    none = write_reads(tmp_path / "none.bam", [], index=kind)
    shutil.copy(f"{none}.{kind}", index)
    refused("it knows no reads")
    index.write_bytes(raw[: len(raw) // 2])
    refused("it is not the index of")
    index.write_bytes(b"text\n")
    refused("neither .bai nor .csi")


def test_open_bam__refuses_an_index_with_runs_elsewhere(tmp_path, bam):
    """Offsets of a byte more: they hit no record, or no block."""
    index = tmp_path / "x.bam.bai"
    raw = index.read_bytes()
    for more in (1, 1 << 16):
        moved = bytearray(raw)
        at = 8 + 4  # first contig: behind its number of bins
        bins = struct.unpack_from("<i", raw, 8)[0]
        for _ in range(bins):
            number, runs = struct.unpack_from("<Ii", raw, at)
            at += 8
            for run in range(runs):
                if number != 37450:
                    begin, end = struct.unpack_from("<QQ", raw, at + 16 * run)
                    begin += more if (number, run) != (4681, 0) else 0
                    struct.pack_into("<QQ", moved, at + 16 * run, begin, max(end, begin) + more)
            at += 16 * runs
        index.write_bytes(moved)
        bam.touch()
        with pytest.raises(InputError, match=r"samtools index x\.bam"):
            values(bam)


def test_open_bam__refuses_a_file_that_was_cut_off(tmp_path, bam):
    raw = bam.read_bytes()
    starts = list(block_starts(raw))
    for number, (keep, tail) in enumerate(
        [(starts[5], b""), (starts[5] + 100, b""), (starts[5] + 100, EOF), (len(raw) - 28, b"")]
    ):
        for index in (True, False):
            path = tmp_path / f"{number}{index}.bam"
            path.write_bytes(raw[:keep] + tail)
            if index:
                shutil.copy(f"{bam}.bai", f"{path}.bai")
            with pytest.raises(InputError, match=rf"{path.name}"):
                values(path)
    path = tmp_path / "edge.bam"  # at the edge of a block, with the mark that ends a file
    path.write_bytes(raw[: starts[5]] + EOF)
    shutil.copy(f"{bam}.bai", f"{path}.bai")
    with pytest.raises(InputError, match=r"edge\.bam"):
        values(path)
    (tmp_path / "edge.bam.bai").unlink()
    path.touch()
    with pytest.raises(InputError, match=r"edge\.bam, byte \d+, .* in its block: .* no read"):
        values(path)


@pytest.mark.parametrize("index", [True, False])
def test_open_bam__refuses_a_flipped_byte(tmp_path, bam, index):
    raw = bam.read_bytes()
    starts = list(block_starts(raw))
    want = values(bam)
    for at in (starts[3] + 30, starts[4] + 200, starts[5] - 8, starts[6] - 4, starts[6] + 16):
        path = tmp_path / f"{at}.bam"
        damaged = bytearray(raw)
        damaged[at] ^= 64
        path.write_bytes(damaged)
        if index:
            shutil.copy(f"{bam}.bai", f"{path}.bai")
        with pytest.raises(InputError, match=rf"{at}\.bam, byte (\d+): .*BGZF block"):
            values(path)
    np.testing.assert_array_equal(values(bam), want)


def record_starts(content):
    text = struct.unpack_from("<i", content, 4)[0]
    at = 8 + text
    contigs = struct.unpack_from("<i", content, at)[0]
    at += 4
    for _ in range(contigs):
        at += 8 + struct.unpack_from("<i", content, at)[0]
    while at < len(content):
        yield at
        at += 4 + struct.unpack_from("<i", content, at)[0]


@pytest.mark.parametrize(
    ("offset", "kind", "value"),
    [
        (0, "<i", 2), (0, "<i", -5), (0, "<i", 2**30), (0, "<i", 40_000), (12, "<B", 0),
        (12, "<B", 255), (16, "<H", 60_000), (20, "<i", -7), (20, "<i", 2**30), (4, "<i", 99),
        (4, "<i", -9), (8, "<i", -100),
    ],
)  # fmt: skip
@pytest.mark.parametrize("index", [True, False])
def test_open_bam__never_follows_wrong_lengths(tmp_path, offset, kind, value, index):
    path = write_reads(tmp_path / "x.bam", random_reads(11, 100))
    content = bytearray(unpacked(path))
    starts = list(record_starts(content))
    for at in (starts[1], starts[40], starts[-1]):
        damaged = content.copy()
        struct.pack_into(kind, damaged, at + offset, value)
        path.write_bytes(packed(bytes(damaged), 4000))
        if not index:
            (tmp_path / "x.bam.bai").unlink(missing_ok=True)
        with pytest.raises(InputError, match=r"x\.bam"):
            values(path, count="coverage", overlap_mates="once")


def test_open_bam__refuses_operations_that_do_not_exist(tmp_path):
    path = write_reads(
        tmp_path / "x.bam", [{"contig": "chr1", "start": 5, "name": "r"}], index=None
    )
    content = bytearray(unpacked(path))
    at = next(record_starts(content)) + 36 + 2
    content[at] = content[at] & 0xF0 | 9
    path.write_bytes(packed(bytes(content), 4000))
    for count in ("five_prime", "coverage"):
        with pytest.raises(InputError, match="the bytes there are no read"):
            values(path, count=count)


def test_open_bam__never_crashes_on_random_bytes(tmp_path):
    path = write_reads(tmp_path / "x.bam", random_reads(12, 60), index=None)
    content = unpacked(path)
    first = next(record_starts(content))
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(first, len(content), 3)
        damaged[places] = rng.integers(0, 256, 3)
        path.write_bytes(packed(damaged.tobytes(), 4000))
        try:
            values(path, count="coverage", overlap_mates="once")
        except InputError:
            refused += 1
    assert refused > 20


def test_open_bam__refuses_headers_that_cannot_be(tmp_path):
    content = unpacked(write_reads(tmp_path / "x.bam", [], index=None))
    twice = content.replace(b"chr2", b"chr1")
    (tmp_path / "twice.bam").write_bytes(packed(twice, 4000))
    with pytest.raises(InputError, match=r"twice\.bam, header: contig 'chr1' is listed twice"):
        ga.open_bam(tmp_path / "twice.bam")
    for at, value in ((4, -1), (4, 2**30), (8 + content.index(b"\0\0\0chr1") - 8, 2**20)):
        damaged = bytearray(content)
        struct.pack_into("<i", damaged, at, value)
        (tmp_path / "bad.bam").write_bytes(packed(bytes(damaged), 4000))
        with pytest.raises(InputError, match=r"bad\.bam: its header cannot be read"):
            ga.open_bam(tmp_path / "bad.bam")
    sam = write_reads(tmp_path / "x.sam", random_reads(1, 9), index=None, mode="w")
    with pytest.raises(InputError, match=r"x\.sam, byte 0: .* no BAM file; .*samtools sort"):
        ga.open_bam(sam)
    like = ga.Assembly("toy", {"chr1": 1036})
    with pytest.raises(ga.AssemblyError, match="1,037 bp here and 1,036 bp"):
        ga.open_bam(tmp_path / "x.bam", like=like)


def test_open_bam__refuses_a_file_that_changed(tmp_path, bam):
    x = ga.open_bam(bam).reads
    write_reads(bam, random_reads(13, 60))
    with pytest.raises(InputError, match="changed after it was opened"):
        x.load()


def test_open_bam__lies_on_a_genome_with_another_order(tmp_path, bam):
    like = ga.Assembly("toy", {"chr3": 91, "chr2": 500, "chr1": 1037})
    x, want = ga.open_bam(bam, like=like).reads, ga.open_bam(bam, like=TOY).reads
    for contig in LENGTHS:
        np.testing.assert_array_equal(x.sel(contig=contig).values, want.sel(contig=contig).values)


def test_header_of__is_what_pysam_reads():
    assert header_of(LENGTHS).references == tuple(LENGTHS)


def test_open_bam__equals_pysam_read_by_read_on_shared_files(shared_data):
    paths = [
        shared_data / "yeast_sacCer3" / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam",
        shared_data / "human_hg19_chr1_atac_bam" / "ATAC_GL1.chr1.hg19.bam",
        shared_data / "janggu_samples" / "sample.bam",
        shared_data / "janggu_samples" / "sample2.bam",
    ]
    modes = [{"min_mapq": 20}, {"count": "midpoint"}, {"count": "coverage", "exclude_flags": 1796}]
    for path in paths:
        with pysam.AlignmentFile(str(path)) as file:
            some = [s.contig for s in file.get_index_statistics() if s.total]
            sizes = dict(zip(file.references, file.lengths, strict=True))
        like = ga.Assembly("some", {contig: sizes[contig] for contig in some})
        for mode in modes:
            x = ga.open_bam(path, like=like, bin_size=50, totals=True, **mode).reads
            counts, told = brute_bins(path, like, **mode)
            np.testing.assert_array_equal(x.values, counts)
            assert x.attrs["reads"] == told


def brute_bins(path, like, **mode):
    """As `brute`, in bins of 50 bp, so that chr1 fits."""
    from collections import Counter

    from tests.formats.reads.oracle import EXCLUDED, outcome

    options = {"count": "five_prime", "min_mapq": 0, "require_flags": 0, "exclude_flags": EXCLUDED,
               "proper_pairs": False, "unpaired": "five_prime", "extend": None, "shift": (0, 0),
               "max_fragment": 10_000} | mode  # fmt: skip
    counts = {name: np.zeros((-(-like.length(name) // 50), 2), np.int64) for name in like.names}
    told = Counter()
    with pysam.AlignmentFile(str(path)) as file:
        for read in file.fetch(until_eof=True):
            if read.reference_id >= 0:
                contig = read.reference_name
                reason, bases = outcome(read, like.length(contig), **options)
                told[reason] += 1
                np.add.at(counts[contig][:, int(read.is_reverse)], np.array(bases, int) // 50, 1)
    return np.concatenate(list(counts.values())), told


def test_coverage__is_the_depth_of_samtools_on_shared_files(shared_data):
    for path in [
        shared_data / "yeast_sacCer3" / "rnaseq" / "yeast_rnaseq_excerpt.R64.bam",
        shared_data / "janggu_samples" / "sample.bam",
        shared_data / "janggu_samples" / "sample2.bam",
    ]:
        x = ga.open_bam(path, count="coverage", stranded=False, exclude_flags=1796).reads
        rows = [line.split("\t") for line in pysam.depth(str(path)).splitlines()]
        for contig in x.xindexes["position"].axis.assembly.names:
            want = np.zeros(x.sel(contig=contig).size, int)
            for name, position, depth in rows:
                if name == contig:
                    want[int(position) - 1] = int(depth)
            np.testing.assert_array_equal(x.sel(contig=contig).values, want)
