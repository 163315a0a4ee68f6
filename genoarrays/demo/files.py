"""How does the simulated genome become files that any genomics program reads?

Each function writes one file of a landscape with the library of record for its format. The same
landscape gives the same bytes: nothing here asks for the time, the machine or a random number.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyBigWig
import pysam

from genoarrays.demo.landscape import KINDS, READ_LENGTH, Landscape

__all__ = [
    "write_bigwig",
    "write_fasta",
    "write_peaks",
    "write_reads",
    "write_sites",
    "write_variants",
]

LINE = 60  # bases per line of FASTA
PEAK_WIDTH = 200


def write_fasta(truth: Landscape, path: Path) -> None:
    """Write the genome, lower case where masked, and its index."""
    letters = np.frombuffer(b"ACGTN", dtype="S1")[truth.codes].view(np.uint8).copy()
    letters[truth.masked] |= 0x20
    with path.open("wb") as file:
        for contig, begin, end in _contigs(truth):
            text = letters[begin:end].tobytes()
            lines = [text[i : i + LINE] for i in range(0, len(text), LINE)]
            file.write(b">" + contig.encode() + b"\n" + b"\n".join(lines) + b"\n")
    pysam.faidx(str(path))


def write_reads(truth: Landscape, path: Path) -> None:
    """Write the reads, sorted, and their index; unmapped reads come last."""
    header = pysam.AlignmentHeader.from_dict(
        {
            "HD": {"VN": "1.6", "SO": "coordinate"},
            "SQ": [{"SN": contig, "LN": length} for contig, length in truth.lengths.items()],
        }
    )
    letters = np.frombuffer(b"ACGTN", dtype="S1")[truth.codes].tobytes().decode()
    quality = array("B", [37] * READ_LENGTH)
    reads = truth.reads
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        number = 0
        read = pysam.AlignedSegment(header)
        read.cigartuples = [(0, READ_LENGTH)]
        for code, (_, begin, end) in enumerate(_contigs(truth)):
            read.reference_id = code
            low, high = np.searchsorted(reads.start, [begin, end])
            columns = (reads.start, reads.flag, reads.mapq)
            for start, flag, mapq in zip(*(c[low:high].tolist() for c in columns), strict=True):
                read.query_name = f"r{number}"
                read.flag = flag
                read.reference_start = start - begin
                read.mapping_quality = mapq
                read.query_sequence = letters[start : start + READ_LENGTH]
                read.query_qualities = quality
                file.write(read)
                number += 1
        lost = pysam.AlignedSegment(header)
        lost.flag = 0x4
        for start in range(0, 40 * reads.unmapped, 40):
            lost.query_name = f"r{number}"
            lost.query_sequence = letters[start : start + READ_LENGTH]
            lost.query_qualities = quality
            file.write(lost)
            number += 1
    pysam.index(str(path))


def write_bigwig(truth: Landscape, path: Path) -> None:
    """Write the signal in steps of 10 bp; no value where it is NaN."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(truth.lengths.items()))
        for contig, begin, end in _contigs(truth):
            signal = truth.signal[begin // 10 : end // 10]
            known = np.concatenate([[False], np.isfinite(signal), [False]])
            starts, stops = (np.flatnonzero(np.diff(known.astype(np.int8)) == d) for d in (1, -1))
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
                file.addEntries(
                    contig, start * 10, values=signal[start:stop].tolist(), span=10, step=10
                )


def write_peaks(truth: Landscape, path: Path) -> None:
    """Write the bound sites as narrowPeak: one peak of 200 bp around the middle of each."""
    lines = ['track type=narrowPeak name="bound" description="simulated bound sites"']
    for contig, begin, end in _contigs(truth):
        here = (truth.strength > 0) & (truth.start >= begin) & (truth.start < end)
        summits = (truth.start[here] + truth.end[here]) // 2 - begin
        for summit, strength in zip(summits.tolist(), truth.strength[here].tolist(), strict=True):
            start = max(summit - PEAK_WIDTH // 2, 0)
            stop = min(summit + PEAK_WIDTH // 2, end - begin)
            score = min(int(400 * strength), 1000)
            lines.append(
                f"{contig}\t{start}\t{stop}\tpeak{len(lines)}\t{score}\t.\t{10 * strength:.3f}"
                f"\t-1\t-1\t{summit - start}"
            )
    path.write_text("\n".join(lines) + "\n")


def write_sites(truth: Landscape, path: Path) -> None:
    """Write every planted site and decoy, bound or not, as BED6; the score is 1000 where bound."""
    lines = []
    for contig, begin, end in _contigs(truth):
        for i in np.flatnonzero((truth.start >= begin) & (truth.start < end)).tolist():
            name, score = KINDS[truth.kind[i]], 1000 if truth.strength[i] > 0 else 0
            lines.append(
                f"{contig}\t{truth.start[i] - begin}\t{truth.end[i] - begin}\t{name}\t{score}"
                f"\t{'-' if truth.minus[i] else '+'}"
            )
    path.write_text("\n".join(lines) + "\n")


def write_variants(truth: Landscape, path: Path) -> None:
    """Write a variant in the middle of every site and decoy as VCF; T, G, A, C for A, C, G, T."""
    lines = ["##fileformat=VCFv4.2"]
    lines += [f"##contig=<ID={name},length={size}>" for name, size in truth.lengths.items()]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    middle = (truth.start + truth.end) // 2
    for contig, begin, end in _contigs(truth):
        here = np.unique(middle[(middle >= begin) & (middle < end) & (truth.codes[middle] < 4)])
        for place, code in zip(here.tolist(), truth.codes[here].tolist(), strict=True):
            name = f"snv{len(lines)}"
            lines.append(
                f"{contig}\t{place - begin + 1}\t{name}\t{'ACGT'[code]}\t{'TGAC'[code]}\t.\t.\t."
            )
    path.write_text("\n".join(lines) + "\n")


def _contigs(truth: Landscape) -> Iterator[tuple[str, int, int]]:
    begin = 0
    for contig, length in truth.lengths.items():
        yield contig, begin, begin + length
        begin += length
