"""Which files is speed measured on? Make them with: python benchmarks/corpus.py FOLDER [--mb 100]

A genome of four chromosomes and two small contigs: FASTA (soft-masked stretches, runs of N), BAM
of single-end 50-bp reads, half of them in peaks, bigWigs of runs over 80 % of the bases, peaks,
windows and BED files of intervals. `--scaffolds 100000` gives a genome of so many contigs of 500 to
1,500 bp instead. The same options give the same files; a folder that has them is left as it is.

`truth.json` holds what a reader must find: reads by strand, bases by letter, sums of signal and the
number of 200-bp bins that touch an interval. A benchmark whose numbers differ has measured nothing.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyBigWig
import pysam

READ = 50
LABEL_BIN = 200
DUPLICATE = 0x400
_AT_ONCE = 500_000  # reads or runs made at once
_TRUTH = "truth.json"
_KINDS = ("genome", "peaks", "reads", "track", "intervals", "windows")
_RECORD = np.dtype(
    [
        ("block_size", "<i4"),
        ("reference", "<i4"),
        ("position", "<i4"),
        ("name_length", "u1"),
        ("mapq", "u1"),
        ("bin", "<u2"),
        ("cigar_length", "<u2"),
        ("flag", "<u2"),
        ("length", "<i4"),
        ("next_reference", "<i4"),
        ("next_position", "<i4"),
        ("template", "<i4"),
        ("name", "u1", (12,)),
        ("cigar", "<u4"),
        ("bases", "u1", ((READ + 1) // 2,)),
        ("qualities", "u1", (READ,)),
    ]
)
Ints = npt.NDArray[np.int64]


class Options(NamedTuple):
    """What decides the files."""

    mb: float = 100
    reads: int = 5_000_000
    bams: int = 2
    tracks: int = 4
    beds: int = 0
    intervals: int = 10_000
    windows: int = 200_000
    scaffolds: int = 0
    seed: int = 0


class Genome(NamedTuple):
    """Contigs, end to end."""

    names: list[str]
    lengths: Ints

    @property
    def edges(self) -> Ints:
        """First base of each contig, and the end."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    def place(self, at: Ints, width: int) -> tuple[Ints, Ints]:
        """Contig and start, moved back where `width` bases would pass the contig's end."""
        contig = np.searchsorted(self.edges, at, side="right") - 1
        start = np.minimum(at - self.edges[contig], self.lengths[contig] - width)
        return contig, np.maximum(start, 0)


def genome_of(options: Options) -> Genome:
    """Names and lengths."""
    if options.scaffolds:
        lengths = _random(options, "genome", 1).integers(500, 1501, options.scaffolds)
        return Genome([f"scaffold_{n}" for n in range(options.scaffolds)], lengths)
    sizes = [int(options.mb * 1e6 * share) for share in (0.4, 0.3, 0.2, 0.1)]
    names = [f"chr{n}" for n in range(1, 5)]
    return Genome([*names, "chrUn_1", "chrUn_2"], np.array([*sizes, 12_345, 777]))


def _random(options: Options, kind: str, number: int = 0) -> np.random.Generator:
    """Own stream of random numbers for each file: they do not depend on one another."""
    return np.random.default_rng([options.seed, _KINDS.index(kind), number])


def make_corpus(folder: Path, options: Options, workers: int = 2) -> dict[str, Any]:
    """Write the files, unless they are there, and give what `truth.json` says of them."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / _TRUTH).exists():
        truth: dict[str, Any] = json.loads((folder / _TRUTH).read_text())
        if truth["options"] != options._asdict():
            raise SystemExit(f"{folder} holds a corpus of other options: {truth['options']}")
        return truth
    genome = genome_of(options)
    sizes = zip(genome.names, genome.lengths.tolist(), strict=True)
    (folder / "genome.sizes").write_text("".join(f"{name}\t{n}\n" for name, n in sizes))
    jobs = [(write_fasta, 0), (write_regions, 0)]
    jobs += [(write_bam, number) for number in range(options.bams)]
    jobs += [(write_bigwig, number) for number in range(options.tracks)]
    jobs += [(write_beds, first) for first in range(0, options.beds, 100)]
    truth = {"options": options._asdict(), "positions": int(genome.lengths.sum())}
    if workers > 1:
        # not by fork: libraries that were used before may have threads
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            found = [pool.submit(write, folder, options, number) for write, number in jobs]
            parts = [one.result() for one in found]
    else:
        parts = [write(folder, options, number) for write, number in jobs]
    for part in parts:
        for key, values in part.items():
            truth[key] = truth.get(key, []) + values
    (folder / _TRUTH).write_text(json.dumps(truth, indent=1))
    return truth


def write_fasta(folder: Path, options: Options, _: int = 0) -> dict[str, Any]:
    """Bases, a tenth of them soft-masked in stretches, 1 % N in runs."""
    genome, rng = genome_of(options), _random(options, "genome")
    total = int(genome.edges[-1])
    bases = np.frombuffer(b"ACGT", np.uint8)[rng.integers(0, 4, total, dtype=np.uint8)]
    for start in rng.integers(0, total, total // 20_000):
        bases[start : start + 2_000] |= 0x20
    for start in rng.integers(0, total, max(total // 5_000_000, 1)):
        bases[start : start + 50_000] = ord("N")
    path = folder / "genome.fa"
    with open(path, "wb") as file:
        for name, start, end in zip(genome.names, genome.edges, genome.edges[1:], strict=False):
            file.write(b">" + name.encode() + b"\n")
            full = (end - start) // 60 * 60
            lines = np.full((full // 60, 61), 10, np.uint8)
            lines[:, :60] = bases[start : start + full].reshape(-1, 60)
            file.write(lines.tobytes())
            if start + full < end:
                file.write(bases[start + full : end].tobytes() + b"\n")
    pysam.faidx(str(path))
    letters = np.bincount(bases & 0xDF, minlength=256)
    return {"letters": [int(letters[ord(letter)]) for letter in "ACGTN"]}


def peak_centers(options: Options) -> Ints:
    """Bases, end to end, where reads pile up: one in 50,000."""
    total = int(genome_of(options).edges[-1])
    return np.sort(_random(options, "peaks").integers(0, total, max(total // 50_000, 1)))


def write_bam(folder: Path, options: Options, number: int) -> dict[str, Any]:
    """Reads, half of them within some 150 bp of a peak, half reverse, 3 % duplicates."""
    genome, rng = genome_of(options), _random(options, "reads", number)
    total, centers = int(genome.edges[-1]), peak_centers(options)
    at = rng.integers(0, total, options.reads)
    half = options.reads // 2
    at[:half] = centers[rng.integers(0, len(centers), half)] + rng.normal(0, 150, half).astype(int)
    contig, start = genome.place(np.clip(at, 0, total - 1), READ)
    order = np.lexsort([start, contig])
    contig, start = contig[order], start[order]
    path, kept = folder / f"reads{number}.bam", np.zeros(2, np.int64)
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(_bam_header(genome))
        for first in range(0, options.reads, _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            records = _records(contig[part], start[part], first, rng)
            file.write(records.tobytes())
            used = (records["flag"] & DUPLICATE) == 0
            kept += np.bincount(records["flag"][used] >> 4 & 1, minlength=2)
    pysam.index(str(path))
    return {"reads": [kept.tolist()]}


def _bam_header(genome: Genome) -> bytes:
    pairs = list(zip(genome.names, genome.lengths.tolist(), strict=True))
    lines = "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in pairs)
    text = b"@HD\tVN:1.6\tSO:coordinate\n" + lines.encode()
    number = np.int32(len(pairs)).tobytes()
    parts = [b"BAM\1", np.int32(len(text)).tobytes(), text, number]
    for name, length in pairs:
        zero = name.encode() + b"\0"
        parts += [np.int32(len(zero)).tobytes(), zero, np.int32(length).tobytes()]
    return b"".join(parts)


def _records(contig: Ints, start: Ints, first: int, rng: np.random.Generator) -> npt.NDArray[Any]:
    """BAM records of reads without gaps: SAM specification, section 4.2."""
    count = len(start)
    records = np.zeros(count, _RECORD)
    records["block_size"] = _RECORD.itemsize - 4
    records["reference"], records["position"] = contig, start
    records["next_reference"] = records["next_position"] = -1
    records["bin"] = _bins(start, start + READ - 1)
    records["cigar_length"], records["cigar"], records["length"] = 1, READ << 4, READ
    records["mapq"] = rng.choice(
        np.array([0, 10, 30, 60], np.uint8), count, p=[0.05, 0.05, 0.1, 0.8]
    )
    reverse, duplicate = rng.random(count) < 0.5, rng.random(count) < 0.03
    records["flag"] = 0x10 * reverse + DUPLICATE * duplicate
    serial = first + np.arange(count)
    records["name_length"] = 12
    records["name"][:, 0] = ord("r")
    for digit in range(10):  # the twelfth byte stays the zero that ends a name
        records["name"][:, 10 - digit] = ord("0") + serial // 10**digit % 10
    two = np.array([a << 4 | b for a in (1, 2, 4, 8) for b in (1, 2, 4, 8)], np.uint8)
    records["bases"] = two[rng.integers(0, 16, records["bases"].shape, dtype=np.uint8)]
    phred = np.repeat(np.array([2, 12, 23, 37], np.uint8), [5, 13, 33, 205])
    records["qualities"] = phred[rng.integers(0, 256, records["qualities"].shape, dtype=np.uint8)]
    return records


def _bins(first: Ints, last: Ints) -> Ints:
    """Smallest bin of the UCSC scheme that holds both bases: SAM specification, section 5.3."""
    found = np.zeros(len(first), np.int64)
    for shift, offset in ((26, 1), (23, 9), (20, 73), (17, 585), (14, 4681)):
        inside = first >> shift == last >> shift
        found[inside] = offset + (first[inside] >> shift)
    return found


def write_bigwig(folder: Path, options: Options, number: int) -> dict[str, Any]:
    """Runs of 25 bp on average, four in five with a value; none on the last contig.

    Only the first 10,000 contigs have any: libBigWig looks for a name from the first one on, and
    took 8 minutes for 100,000.
    """
    genome, rng = genome_of(options), _random(options, "track", number)
    end = int(genome.edges[min(len(genome.names) - 1, 10_000)])
    inner = np.cumsum(rng.geometric(1 / 25, end // 24))
    edges = np.union1d(genome.edges[genome.edges <= end], inner[inner < end])
    keep = rng.random(len(edges) - 1) < 0.8
    start, stop = edges[:-1][keep], edges[1:][keep]
    value = np.round(rng.gamma(1.2, 2.0, len(start)), 3).astype(np.float32)
    contig, begin = genome.place(start, 0)
    names = np.array(genome.names)
    file = pyBigWig.open(str(folder / f"track{number}.bw"), "w")
    file.addHeader(list(zip(genome.names, genome.lengths.tolist(), strict=True)))
    for first in range(0, len(start), _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        file.addEntries(
            names[contig[part]].tolist(),
            begin[part].tolist(),
            ends=(begin + stop - start)[part].tolist(),
            values=value[part].tolist(),
        )
    file.close()
    width = stop - start
    return {"covered": [int(width.sum())], "signal": [float((value.astype(float) * width).sum())]}


def write_beds(folder: Path, options: Options, first: int) -> dict[str, Any]:
    """Up to 100 files of sorted intervals of 100 to 1,000 bp."""
    genome = genome_of(options)
    touched = []
    for number in range(first, min(first + 100, options.beds)):
        rng = _random(options, "intervals", number)
        at = np.sort(rng.integers(0, int(genome.edges[-1]), options.intervals))
        contig, start, end = _intervals(genome, at, rng.integers(100, 1001, options.intervals))
        _write_bed(folder / f"intervals{number:03}.bed", genome, contig, start, end)
        touched.append(_bins_touched(genome, contig, start, end))
    return {"bins": touched}


def _intervals(genome: Genome, at: Ints, width: Ints) -> tuple[Ints, Ints, Ints]:
    contig, start = genome.place(at, 1)
    return contig, start, np.minimum(start + width, genome.lengths[contig])


def _bins_touched(genome: Genome, contig: Ints, start: Ints, end: Ints) -> int:
    bins = -(-genome.lengths // LABEL_BIN)
    before = np.concatenate([[0], np.cumsum(bins)])
    change = np.zeros(before[-1] + 1, np.int64)
    np.add.at(change, before[contig] + start // LABEL_BIN, 1)
    np.add.at(change, before[contig] + (end - 1) // LABEL_BIN + 1, -1)
    return int((np.cumsum(change) > 0).sum())


def write_regions(folder: Path, options: Options, _: int = 0) -> dict[str, Any]:
    """Write peaks.bed, the centers by 200 bp, and windows.bed, random places of 200 bp."""
    genome, rng = genome_of(options), _random(options, "windows")
    random = np.sort(rng.integers(0, int(genome.edges[-1]), options.windows))
    for name, at in (("peaks", peak_centers(options)), ("windows", random)):
        contig, start, end = _intervals(genome, at, np.full(len(at), 200))
        _write_bed(folder / f"{name}.bed", genome, contig, start, end)
    return {}


def _write_bed(path: Path, genome: Genome, contig: Ints, start: Ints, end: Ints) -> None:
    order = np.lexsort([end, start, contig])
    columns = (column[order].tolist() for column in (contig, start, end))
    with open(path, "w") as file:
        file.writelines(f"{genome.names[c]}\t{s}\t{e}\n" for c, s, e in zip(*columns, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the files that speed is measured on.")
    parser.add_argument("folder", type=Path)
    for name, value in Options()._asdict().items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--workers", type=int, default=2, help="files made at once")
    given = vars(parser.parse_args())
    folder, workers = given.pop("folder"), given.pop("workers")
    make_corpus(folder, Options(**given), workers)
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    print(f"{folder}: {len(sizes)} files, {sum(sizes.values()) / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
