"""Reads for tests of BAM: files with pairs of all kinds, and what counts, one by one in Python."""

import gzip
import struct
import zlib
from collections import Counter

import numpy as np
import pysam

from tests.formats.files import LENGTHS

EXCLUDED = 0xF04
EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
CIGARS = ["20M", "5S10M3S", "8M4D9M", "6M200N6M", "3M2I7M1D4M", "10=2X8=", "2H30M", "7S", "9M30N9M"]
REASONS = {"unmapped": 0x4, "secondary": 0x100, "supplementary": 0x800, "qc_fail": 0x200,
           "duplicate": 0x400}  # fmt: skip


def header_of(lengths, sorted_by="coordinate", **more):
    lines = [{"SN": name, "LN": length, **more.get(name, {})} for name, length in lengths.items()]
    return pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6", "SO": sorted_by}, "SQ": lines})


def write_reads(path, reads, lengths=LENGTHS, *, index="bai", sort=True, mode="wb", **options):
    """Reads: dicts of name, contig, start, cigar, flag, mapq, mate, mate_start, span."""
    names = list(lengths)
    header = options.pop("header", None) or header_of(lengths)
    order = {name: number for number, name in enumerate(names)} | {None: len(names)}
    ordered = sorted(reads, key=lambda r: (order[r["contig"]], r["start"])) if sort else reads
    with pysam.AlignmentFile(str(path), mode, header=header, **options) as file:
        for number, read in enumerate(ordered):
            one = pysam.AlignedSegment(header)
            one.query_name = read.get("name", f"r{number}")
            one.flag = read.get("flag", 0)
            one.reference_id = order[read["contig"]] if read["contig"] else -1
            one.reference_start = read["start"]
            one.mapping_quality = read.get("mapq", 60)
            one.cigarstring = read.get("cigar", "20M")
            one.query_sequence = "A" * (one.infer_query_length() or 1)
            one.next_reference_id = order[read["mate"]] if read.get("mate") else -1
            one.next_reference_start = read.get("mate_start", -1)
            one.template_length = read.get("span", 0)
            file.write(one)
    if index == "bai":
        pysam.index(str(path))
    elif index == "csi":
        pysam.index("-c", str(path))
    return path


def random_reads(seed, number=300, lengths=LENGTHS):
    """Single reads and pairs, of all flags and CIGARs, at and beyond both ends of contigs."""
    rng = np.random.default_rng(seed)
    reads = []
    contigs = [name for name, length in lengths.items() if length > 300]
    for one in range(number):
        contig = str(rng.choice(contigs))
        flag = int(rng.choice([0, 0x100, 0x200, 0x400, 0x800, 0x4], p=[0.75, *[0.05] * 5]))
        common = {"contig": contig, "name": f"n{one}"}

        def place(contig=contig):
            top = lengths[contig] - 10
            some = [0, top - 10, int(rng.integers(0, top - 250))]
            start = int(rng.choice(some, p=[0.05, 0.05, 0.9]))
            cigar = "20M" if start == top - 10 else str(rng.choice(CIGARS))
            return start, cigar, int(rng.integers(0, 60))

        if rng.random() < 0.4:
            start, cigar, mapq = place()
            strand = int(rng.choice([0, 16]))
            reads.append(common | {"start": start, "cigar": cigar, "mapq": mapq,
                                   "flag": flag | strand})  # fmt: skip
            continue
        start, cigar, mapq = place()
        two, two_cigar, two_mapq = place()
        if rng.random() < 0.8:  # mates that are near, and mostly overlap
            two = min(start + int(rng.integers(0, 25)), lengths[contig] - 260)
            two = max(two, 0)
        proper = int(rng.choice([0, 2], p=[0.2, 0.8]))
        other = str(rng.choice(contigs)) if rng.random() < 0.1 else contig
        if other != contig:
            two = min(two, lengths[other] - 260)
        span = int(rng.choice([0, max(abs(two - start) + 20, 1)], p=[0.05, 0.95]))
        sign = 1 if start <= two else -1
        reverse, read = int(rng.choice([0, 16])), int(rng.choice([0x40, 0x80]))
        mate_reverse = 16 - reverse if rng.random() < 0.9 else reverse
        flags = 1 | proper | flag
        reads.append(common | {
            "start": start, "cigar": cigar, "mapq": mapq, "mate": other, "mate_start": two,
            "span": sign * span, "flag": flags | read | reverse | mate_reverse << 1})  # fmt: skip
        reads.append(common | {
            "contig": other, "start": two, "cigar": two_cigar, "mapq": two_mapq, "mate": contig,
            "mate_start": start, "span": -sign * span,
            "flag": flags | (read ^ 0xC0) | mate_reverse | reverse << 1})  # fmt: skip
    return reads


def outcome(read, length, *, count, min_mapq, require_flags, exclude_flags, proper_pairs,
            unpaired, extend, shift, max_fragment):  # fmt: skip
    """What becomes of a read, and the bases that it counts at."""
    for reason, bit in REASONS.items():
        if read.flag & bit and (exclude_flags & bit or bit == 4):
            return reason, []
    if read.flag & exclude_flags:
        return "excluded", []
    if read.flag & require_flags != require_flags:
        return "not_required", []
    if read.mapping_quality < min_mapq:
        return "low_mapq", []
    proper = read.is_proper_pair and read.next_reference_id == read.reference_id
    of_pairs = count in ("midpoint", "fragment")
    if read.is_paired and not proper and (proper_pairs or of_pairs):
        return "not_proper_pair", []
    end = read.reference_end or 0
    end = max(end, read.reference_start + 1)
    five, three = read.reference_start, end - 1
    if read.is_reverse:
        five, three = three, five
    ahead = range(five, five + extend) if extend else range(0)
    if extend and read.is_reverse:
        ahead = range(five - extend + 1, five + 1)
    if of_pairs and read.is_paired:
        if not read.is_read1:
            return "second_mate", []
        span = abs(read.template_length)
        if not span:
            return "no_length", []
        if (
            span > max_fragment
            or abs(read.reference_start - read.next_reference_start) > max_fragment
        ):
            return "too_long", []
        left = min(read.reference_start, read.next_reference_start)
        bases = [left + span // 2] if count == "midpoint" else range(left, left + span)
    elif count == "fragment":
        if not extend:
            return "unpaired", []
        bases = ahead
    elif count == "coverage":
        bases = ahead if extend and not read.is_paired else covered(read)
    elif count == "midpoint":
        if unpaired == "drop":
            return "unpaired", []
        bases = [five]
    else:
        bases = [{"five_prime": five, "three_prime": three}.get(
            count, five + shift[int(read.is_reverse)])]  # fmt: skip
    bases = list(bases)
    inside = [base for base in bases if 0 <= base < length]
    if bases and not inside:
        return "off_contig", []
    return "kept", inside


def covered(read):
    at, bases = read.reference_start, []
    for kind, length in read.cigartuples or ():
        if kind in (0, 7, 8):
            bases += range(at, at + length)
        if kind in (0, 2, 3, 7, 8):
            at += length
    return bases


def brute(path, lengths=LENGTHS, *, bin_size=1, count="five_prime", strand="read", min_mapq=0,
          require_flags=0, exclude_flags=EXCLUDED, proper_pairs=False, unpaired="five_prime",
          extend=None, overlap_mates="count", shift=(0, 0), max_fragment=10_000,
          **options):  # fmt: skip
    """Counts by contig (bins, strand), and reads by outcome, of a whole file."""
    counts = {name: np.zeros((length, 2), np.int64) for name, length in lengths.items()}
    told = Counter()
    seen = {}
    with pysam.AlignmentFile(str(path), **options) as file:
        for read in file.fetch(until_eof=True):
            if read.reference_id < 0:
                continue
            contig = read.reference_name
            reason, bases = outcome(
                read, lengths[contig], count=count, min_mapq=min_mapq,
                require_flags=require_flags, exclude_flags=exclude_flags,
                proper_pairs=proper_pairs, unpaired=unpaired, extend=extend, shift=shift,
                max_fragment=max_fragment,
            )  # fmt: skip
            told[reason] += 1
            row = int(read.is_reverse)
            second = read.is_paired and read.is_read2
            if (strand == "read1" and second) or (strand == "read2" and not second):
                row = 1 - row
            if overlap_mates == "once" and reason == "kept" and read.is_proper_pair:
                key = read.query_name, contig, read.next_reference_start, read.reference_start
                mate = seen.pop((*key, not read.is_read2), None)
                same = read.next_reference_id == read.reference_id and not read.mate_is_unmapped
                if mate is not None:
                    bases = [base for base in bases if base not in mate]
                elif same and read.next_reference_start >= read.reference_start:
                    mirrored = key[0], contig, read.reference_start, read.next_reference_start
                    seen[(*mirrored, read.is_read2)] = set(bases)
            np.add.at(counts[contig][:, row], bases, 1)
    binned = {
        name: np.add.reduceat(values, np.arange(0, len(values), bin_size))
        for name, values in counts.items()
    }
    return binned, told


def unpacked(path):
    """Content of a BAM file."""
    return gzip.decompress(path.read_bytes())


def packed(content, size):
    """BGZF with blocks of `size` bytes of content; with sizes, in turn."""
    sizes = [size] if isinstance(size, int) else list(size)
    out, at, number = [], 0, 0
    while at < len(content):
        piece = content[at : at + sizes[number % len(sizes)]]
        at += len(piece)
        number += 1
        deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
        raw = deflate.compress(piece) + deflate.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(raw) + 25)
        out.append(head + raw + struct.pack("<II", zlib.crc32(piece), len(piece)))
    return b"".join(out) + EOF
