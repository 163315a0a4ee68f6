"""How many reads start at, or cover, each bin?

A read counts at one base ("five_prime": the first aligned base in its own direction, which for
reverse reads is `reference_end - 1`) or at each aligned base ("coverage": M = X; not deletions and
introns). Reads of a part are those that overlap it by the index, and a read counts in the part
where its counted base lies: whatever the chunks, each read counts once.

pysam gives the fields of each read, 0.9 us together; filters and counting are numpy. `count` also
gives the reads kept and dropped, by reason, so that totals over parts can be checked.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.base import Chunks, FileArray, file_dataset
from genoarrays.formats.bgzf import check_end
from genoarrays.formats.bins import add_bases, total_bases
from genoarrays.formats.files import Handles, Stamp
from genoarrays.formats.match import Header, Renaming, file_attrs, match_files, name_files
from genoarrays.genome.axis import GenomeAxis

__all__ = ["EXCLUDED", "BamSource", "open_bam"]

EXCLUDED = 0x4 | 0x100 | 0x200 | 0x400 | 0x800
"""Flags of reads that are dropped by default: unmapped, secondary, QC-fail, duplicate,
supplementary."""

_REASONS = {0x4: "unmapped", 0x100: "secondary", 0x800: "supplementary", 0x200: "qc_fail",
            0x400: "duplicate"}  # fmt: skip
_STRANDS = ("+", "-")
_MOST = 2**32 - 1  # of uint32
# Reads held as Python objects: from some 600 on they start the garbage collector in each batch, and
# a read costs 1.9 us instead of 0.9.
_BATCH = 2**8
Ints = npt.NDArray[np.int64]


def _pysam() -> Any:
    return optional("pysam", purpose="reading BAM files", extra="all")


class _Quiet:
    """No htslib messages on stderr while any thread is inside: what matters is raised."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = _pysam().set_verbosity(0)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _pysam().set_verbosity(self._before)


_quiet = _Quiet()


class _Bam(NamedTuple):
    handle: Any
    number: dict[str, int]  # by name, since pysam's look-up refuses headers with one odd comment


def _open(stamp: Stamp) -> _Bam:
    with open(stamp.path, "rb") as file:
        if file.read(4) != b"\x1f\x8b\x08\x04":
            raise InputError(
                stamp.path, "byte 0", "it is no BAM file", "convert it: samtools view -b"
            )
    check_end(stamp)
    try:
        with _quiet:
            handle = _pysam().AlignmentFile(stamp.path, "rb")
            indexed = handle.has_index()
    except (OSError, ValueError) as error:
        raise InputError(
            stamp.path, "", f"its header cannot be read ({error})", "copy or make it again"
        ) from error
    if not indexed:
        raise InputError(
            stamp.path,
            "",
            "it has no index (.bai or .csi)",
            f"make one: samtools index {os.path.basename(stamp.path)}",
        )
    return _Bam(handle, {name: number for number, name in enumerate(handle.references)})


_handles = Handles(_open)


@dataclass(frozen=True)
class BamSource:
    """Counts of one BAM file."""

    stamp: Stamp
    bin_size: int = 1
    what: str = "five_prime"
    stranded: bool = True
    min_mapq: int = 0
    require_flags: int = 0
    exclude_flags: int = EXCLUDED

    kind = "bam"
    dtype = np.dtype(np.uint32)
    fill = 0

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        flags = (self.min_mapq, self.require_flags, self.exclude_flags)
        return self.bin_size, self.what, self.stranded, *flags

    @property
    def shape(self) -> tuple[int, ...]:
        """Both strands, or one number."""
        return (2,) if self.stranded else ()

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[np.uint32]:
        """Counts in the bins of [start, end)."""
        return self.count(contig, start, end)[0]

    def count(
        self, contig: str, start: int, end: int
    ) -> tuple[npt.NDArray[np.uint32], Counter[str]]:
        """Counts in the bins of [start, end), and what became of the reads there.

        Returns
        -------
        ndarray
            (bins[, 2]) uint32.
        Counter
            Reads whose 5' base (for coverage: whose first base) lies in [start, end): "kept", and
            by the first reason that holds "unmapped", "secondary", "supplementary", "qc_fail",
            "duplicate", "excluded" (other flags), "not_required", "low_mapq".

        Raises
        ------
        InputError
            When the file is damaged, or a count exceeds uint32.
        """
        bins, rows = -(-(end - start) // self.bin_size), 2 if self.stranded else 1
        totals: Counter[str] = Counter()
        counts = np.zeros((bins, rows), dtype=np.uint32)
        bases = None
        for flag, mapq, begin, stop, reads in self._batches(contig, start, end):
            reverse = (flag & 0x10) > 0
            base = begin if self.what == "coverage" else np.where(reverse, stop - 1, begin)
            here = (base >= start) & (base < end)
            kept = self._filter(flag, mapq, here, totals)
            row = reverse.astype(np.int64) if self.stranded else np.zeros(len(flag), np.int64)
            if self.what == "coverage":
                if bases is None:
                    bases = np.zeros((2, rows, bins + 1), dtype=np.int64)
                self._cover(bases, reads, kept, row, start, end)
            else:
                at = kept & here
                np.add.at(counts, ((base[at] - start) // self.bin_size, row[at]), np.uint32(1))
        if bases is not None:
            sums = total_bases(bases[0], bases[1])
            self._check_size(contig, start, int(sums.max()))
            counts = np.ascontiguousarray(sums.T, dtype=np.uint32)
        self._check_size(contig, start, totals["kept"])  # no bin can count more
        return (counts if self.stranded else counts[:, 0]), totals

    def _check_size(self, contig: str, start: int, largest: int) -> None:
        if largest > _MOST:
            raise InputError(
                self.stamp.path,
                f"{contig}, in the part from {start:,}",
                f"a count of {largest:,} does not fit uint32",
                "use a smaller bin_size",
            )

    def _batches(self, contig: str, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        """Flags, mapping qualities, first base and end of the reads that overlap a part."""
        bam = _handles(self.stamp)
        if contig not in bam.number:
            return
        try:
            with _quiet:
                reads = bam.handle.fetch(tid=bam.number[contig], start=start, stop=end)
            while True:
                with _quiet:
                    batch = list(islice(reads, _BATCH))
                if not batch:
                    return
                fields = (
                    [read.flag for read in batch],
                    [read.mapping_quality for read in batch],
                    [read.reference_start for read in batch],
                    [read.reference_end or 0 for read in batch],
                )
                flag, mapq, begin, stop = np.array(fields, dtype=np.int64)
                # a read without aligned bases stands at one base, as htslib has it
                yield flag, mapq, begin, np.maximum(stop, begin + 1), batch
        except (OSError, ValueError) as error:
            _handles.forget(self.stamp)
            with _quiet, suppress(OSError):
                bam.handle.close()
            raise InputError(
                self.stamp.path,
                f"{contig}:{start}-{end}",
                f"the reads cannot be read ({error})",
                "the file is damaged or its index is of another file: copy it again, then "
                "samtools index",
            ) from error

    def _filter(
        self, flag: Ints, mapq: Ints, here: npt.NDArray[np.bool_], totals: Counter[str]
    ) -> npt.NDArray[np.bool_]:
        """Reads to keep; adds up the reasons for those that count here."""
        left = np.ones(len(flag), dtype=bool)
        named = 0
        tests = []
        for bit, reason in _REASONS.items():
            if self.exclude_flags & bit:
                named |= bit
                tests.append((reason, (flag & bit) > 0))
        tests.append(("excluded", (flag & self.exclude_flags & ~named) > 0))
        tests.append(("not_required", (flag & self.require_flags) != self.require_flags))
        tests.append(("low_mapq", mapq < self.min_mapq))
        for reason, fails in tests:
            if number := int((left & fails & here).sum()):
                totals[reason] += number
            left &= ~fails
        totals["kept"] += int((left & here).sum())
        return left

    def _cover(
        self,
        bases: Ints,
        reads: Sequence[Any],
        kept: npt.NDArray[np.bool_],
        row: Ints,
        start: int,
        end: int,
    ) -> None:
        """Add the aligned blocks of reads."""
        blocks = [
            (row[i], *block)
            for i in np.flatnonzero(kept).tolist()
            for block in reads[i].get_blocks()
        ]
        if blocks:
            rows, begin, stop = np.array(blocks, dtype=np.int64).T
            begin, stop = np.clip(begin, start, end) - start, np.clip(stop, start, end) - start
            some = stop > begin
            add_bases(bases[0], bases[1], self.bin_size, begin[some], stop[some], rows[some])


def open_bam(
    path: str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any],
    *,
    like: Any = None,
    name: str = "reads",
    count: str = "five_prime",
    bin_size: int = 1,
    stranded: bool = True,
    min_mapq: int = 0,
    require_flags: int = 0,
    exclude_flags: int = EXCLUDED,
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    """Open aligned reads as counts, lazily.

    Parameters
    ----------
    path
        BAM file, sorted and indexed; several as a list, or as a dict by label, give a dimension
        `sample`.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or .sizes;
        None is the genome in the file's header, in its order. Where it knows the MD5 of contigs,
        those of the header must agree.
    name
        Name of the variable.
    count
        "five_prime": each read's first aligned base in its own direction. "coverage": every aligned
        base (M = X; not deletions and introns); overlapping mates count twice.
    bin_size
        bp per bin; counts are summed. The last bin of a contig may be shorter.
    stranded
        Give the strand of the reads as a dimension; else both are summed.
    min_mapq
        Smallest mapping quality.
    require_flags, exclude_flags
        SAM flags that a read must all have, or must not have any of. By default unmapped,
        secondary, supplementary, QC-fail and duplicate reads are dropped.
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`, one file each; a number of
        positions; lengths by dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        `name` uint32, (position[, strand][, sample]). Contigs that the file lacks are 0.

    Raises
    ------
    InputError
        For a file that is missing, cut off, no BAM, or has no index; when read, for damaged data
        and counts that do not fit uint32.
    GenomeError
        For an unknown `count`.
    AssemblyError, ContigError
        When the contigs do not fit `like`, or those of several files differ and there is no `like`.
    """
    if count not in ("five_prime", "coverage"):
        raise GenomeError(f"count={count!r} is not known; known are 'five_prime' and 'coverage'")
    samples, paths = name_files(path, "sample")
    stamps = [Stamp.of(one) for one in paths]
    matches = match_files([_header(stamp) for stamp in stamps], like, rename_contigs)
    axis = GenomeAxis(matches[0].assembly, bin_size)
    filters = (min_mapq, require_flags, exclude_flags)
    sources = [BamSource(s, axis.bin_size, count, stranded, *filters) for s in stamps]
    array = FileArray(axis, sources, [m.names for m in matches], stacked=samples is not None)
    names = ("min_mapq", "require_flags", "exclude_flags")
    attrs = file_attrs([s.path for s in stamps], matches) | {"count": count}
    attrs |= dict(zip(names, filters, strict=True))
    coords: dict[str, Sequence[str]] = {"strand": _STRANDS} if stranded else {}
    if samples:
        coords["sample"] = samples
    return file_dataset({name: array}, coords, chunks, {name: attrs})


def _header(stamp: Stamp) -> Header:
    bam = _handles(stamp)
    lengths = dict(zip(bam.number, bam.handle.lengths, strict=True))
    with _quiet:
        text = str(bam.handle.header)
    lines = [line.split("\t") for line in text.splitlines() if line.startswith("@SQ\t")]
    fields = [dict(field.split(":", 1) for field in line if ":" in field) for line in lines]
    digests = {line["SN"]: line["M5"].lower() for line in fields if {"SN", "M5"} <= line.keys()}
    return Header(stamp.path, lengths, digests)
