"""Tiny files for tests of readers; every value is known."""

import contextlib

import numpy as np
import pyBigWig
import pysam

import genoarrays as ga

TOY = ga.Assembly("toy", {"chr1": 1037, "chr2": 500, "chr3": 91})
LENGTHS = dict(zip(TOY.names, TOY.lengths.tolist(), strict=True))


def write_fasta(path, sequences, *, width=10, end="\n", last=True):
    text = ""
    for name, bases in sequences.items():
        lines = [bases[i : i + width] for i in range(0, len(bases), width)]
        text += end.join([f">{name} some words", *lines]) + end
    path.write_bytes((text if last else text.rstrip("\r\n")).encode())
    return path


def bgzip(path):
    pysam.tabix_compress(str(path), f"{path}.gz", force=True)
    return path.with_name(path.name + ".gz")


def random_bases(seed, length, letters="ACGTNacgtn"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def codes(bases):
    table = {letter: code for code, letter in enumerate("ACGT")}
    return np.array([table.get(letter, 4) for letter in bases.upper()], dtype=np.int8)


def write_bigwig(path, entries, lengths=LENGTHS):
    """Entries: (contig, start, end, value), sorted."""
    with contextlib.closing(pyBigWig.open(str(path), "w")) as file:
        file.addHeader(list(lengths.items()))
        for contig, start, end, value in entries:
            file.addEntries([contig], [start], ends=[end], values=[float(value)])
    return path


def read_bigwig(path, lengths=LENGTHS):
    """Values at 1 bp of all contigs, end to end."""
    with contextlib.closing(pyBigWig.open(str(path))) as file:
        assert file.chroms() == dict(lengths)
        parts = [np.full(length, np.nan, np.float32) for length in lengths.values()]
        for part, contig in zip(parts, lengths, strict=True):
            for start, end, value in file.intervals(contig) or ():
                part[start:end] = value
    return np.concatenate(parts)


def write_bam(path, reads, lengths=LENGTHS, *, digests=None, index=True):
    """Reads: dicts of contig, start, cigar, flag, mapq; in any order."""
    lines = [{"SN": name, "LN": length} for name, length in lengths.items()]
    for line in lines:
        if digests and line["SN"] in digests:
            line["M5"] = digests[line["SN"]]
    names = list(lengths)
    header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": lines})
    ordered = sorted(reads, key=lambda r: (names.index(r["contig"]), r["start"]))
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        for number, read in enumerate(ordered):
            one = pysam.AlignedSegment(header)
            one.query_name = f"r{number}"
            one.flag = read.get("flag", 0)
            one.reference_id = names.index(read["contig"])
            one.reference_start = read["start"]
            one.mapping_quality = read.get("mapq", 60)
            one.cigarstring = read.get("cigar", "20M")
            length = one.infer_query_length() or 1
            one.query_sequence = "A" * length
            file.write(one)
    if index:
        pysam.index(str(path))
    return path


def write_text(path, *rows):
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path
