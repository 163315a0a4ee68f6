"""How many reads start at, cut at, or cover, each bin?

BAM is read without htslib: isal inflates (`inflate.py`) what the index names (`bai.py`), compiled
loops count the records (`pileup.py`), and neither holds the GIL, so threads share the work. CRAM
comes through pysam into the same counter. Each read is told once, with what became of it, in the
part where its first base lies, so that totals over parts can be checked against the index.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import InputError
from genoarrays.formats.base import FileArray, file_dataset
from genoarrays.formats.files import Stamp
from genoarrays.formats.inflate import Content
from genoarrays.formats.lazy import Chunks
from genoarrays.formats.match import Header, Match, Renaming, file_attrs, match_files, name_files
from genoarrays.formats.reads.alignments import Bam, open_alignments
from genoarrays.formats.reads.bai import foreign, no_record, unsorted
from genoarrays.formats.reads.counting import EXCLUDED, Counting, PartCounter
from genoarrays.formats.reads.cram import CramKey, cram_header, cram_records
from genoarrays.formats.tally import tally
from genoarrays.genome.axis import GenomeAxis

__all__ = ["BamSource", "open_bam"]

_STRANDS = ("+", "-")


@dataclass(frozen=True)
class BamSource:
    """Counts of one BAM or CRAM file."""

    stamp: Stamp
    counting: Counting = field(default_factory=Counting)
    reference: str | None = None

    kind = "bam"
    dtype = np.dtype(np.uint32)
    fill = 0

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        return self.counting.token

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """The file, and the reference of a CRAM."""
        return (self.stamp,) if self.reference is None else (self.stamp, Stamp.of(self.reference))

    @property
    def shape(self) -> tuple[int, ...]:
        """Both strands, or one number."""
        return (2,) if self.counting.stranded else ()

    def header(self) -> Header:
        """Contigs of the file."""
        bam = open_alignments(self.stamp)
        return bam.header if bam else cram_header(CramKey(self.stamp, self.reference))

    def due(self, contig: str) -> int | None:
        """Records that lie on a contig, by the file's index or a scan; None: it does not tell."""
        bam = open_alignments(self.stamp)
        if bam is None:
            return None
        return bam.index.placed(bam.number[contig]) if contig in bam.number else 0

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[np.uint32]:
        """Counts in the bins of [start, end)."""
        counts, told = self.count(contig, start, end)
        tally("reads", self.stamp.path, told)
        return counts

    def count(
        self, contig: str, start: int, end: int
    ) -> tuple[npt.NDArray[np.uint32], Counter[str]]:
        """Counts in the bins of [start, end), and what became of the reads there.

        Returns
        -------
        ndarray
            (bins[, 2]) uint32.
        Counter
            Reads whose first base (POS) lies in [start, end), by outcome; see `open_bam`.

        Raises
        ------
        InputError
            When the file is damaged or not sorted, its index is of another file, or a count
            exceeds uint32.
        """
        bam = open_alignments(self.stamp)
        header = bam.header if bam else self.header()
        length = header.lengths.get(contig)
        numbers = bam.number if bam else {own: n for n, own in enumerate(header.lengths)}
        part = PartCounter(self.counting, numbers.get(contig, 0), length or end, start, end)
        if length:
            first, last = self.counting.fetched(start, end, length)
            if bam is not None:
                self._add_bam(bam, contig, part, first, last)
            else:
                self._add_cram(contig, part, first, last)
        counts, told, full = part.result()
        if full >= 0:
            raise self._too_many(contig, start + full * self.counting.bin_size)
        return (counts if self.counting.stranded else counts[:, 0]), told

    def _add_bam(self, bam: Bam, contig: str, part: PartCounter, first: int, last: int) -> None:
        from genoarrays.formats.reads import pileup, records

        for begin, stop in bam.index.runs(bam.number[contig], first, last):
            with Content(self.stamp, begin, stop, bam.fix) as content:
                at = 0
                while content.more(at):
                    status, at = part.add(content.data, 0, content.size)
                    if status == pileup.DONE:
                        return
                    if status == records.MORE:
                        continue
                    if status == pileup.FOREIGN and bam.index.path:
                        raise foreign(bam.index.path, self.stamp, f"no read of {contig} lies where "
                                      "it says so")  # fmt: skip
                    if status == pileup.UNSORTED:
                        raise unsorted(self.stamp, f"{contig}:{part.position:,}")
                    if status == pileup.OVERFLOW:
                        raise self._too_many(contig, part.position)
                    raise no_record(self.stamp, content.place(at), bam.fix)
                if content.size:
                    raise no_record(self.stamp, content.place(0), bam.fix)

    def _add_cram(self, contig: str, part: PartCounter, first: int, last: int) -> None:
        from genoarrays.formats.reads import pileup

        key = CramKey(self.stamp, self.reference)
        for data in cram_records(key, contig, first, last):
            status, _ = part.add(data, 0, len(data))
            if status == pileup.DONE:
                return
            if status == pileup.UNSORTED:
                raise unsorted(self.stamp, f"{contig}:{part.position:,}")
            if status == pileup.OVERFLOW:
                raise self._too_many(contig, part.position)

    def _too_many(self, contig: str, position: int) -> InputError:
        return InputError(
            self.stamp.path, f"{contig}:{position:,}", "more counts in a bin than fit uint32",
            "use a smaller bin_size, or stranded=True",
        )  # fmt: skip

    def totals(self, contigs: Sequence[str]) -> Counter[str]:
        """What becomes of the reads of contigs: one pass, counted in one bin each."""
        whole = replace(self, counting=replace(self.counting, bin_size=2**40))
        told: Counter[str] = Counter()
        for contig in contigs:
            length = self.header().lengths.get(contig)
            if length and self.due(contig) != 0:
                told += whole.count(contig, 0, length)[1]
        return told


def open_bam(
    path: str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any],
    *,
    like: Any = None,
    name: str = "reads",
    count: str = "five_prime",
    bin_size: int = 1,
    stranded: bool = True,
    strand: str = "read",
    min_mapq: int = 0,
    require_flags: int = 0,
    exclude_flags: int = EXCLUDED,
    proper_pairs: bool = False,
    unpaired: str = "five_prime",
    extend: int | None = None,
    overlap_mates: str = "count",
    shift: tuple[int, int] = (0, 0),
    max_fragment: int = 10_000,
    reference: str | os.PathLike[str] | None = None,
    totals: bool = False,
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    r"""Open aligned reads as counts, lazily.

    Parameters
    ----------
    path
        BAM or CRAM file, sorted; several as a list, or as a dict by label, give a dimension
        `sample`. A BAM without an index (.csi, .bai) is scanned once per process when it is first
        read. Nothing is written beside the file.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or .sizes;
        None is the genome in the file's header, in its order. Where it knows the MD5 of contigs,
        those of the header must agree.
    name
        Name of the variable.
    count
        What of a read counts:

        - "five_prime": its first aligned base in its own direction: of a reverse read
          `reference_end - 1`; "three_prime": its last one.
        - "cut_site": its 5' base moved by `shift`.
        - "coverage": every aligned base (M = X; not deletions and introns).
        - "midpoint": of a proper pair, once, leftmost + \|TLEN\| // 2. "fragment": of a proper
          pair, once, every base from the leftmost on for \|TLEN\| bases. The pair is judged by its
          read 1, and counts on the strand of read 1.
    bin_size
        bp per bin; counts are summed. The last bin of a contig may be shorter.
    stranded
        Give the strand of the reads as a dimension; else both are summed.
    strand
        "read": each read's own. "read1": that of the pair's read 1, so that of a read 2 the other
        one. "read2": the other way round, for dUTP libraries; a read without a mate is a read 1.
    min_mapq
        Smallest mapping quality.
    require_flags, exclude_flags
        SAM flags that a read must all have, or must not have any of. By default unmapped,
        secondary, supplementary, QC-fail and duplicate reads are dropped; unmapped ones always.
    proper_pairs
        Of paired reads keep those with flag 0x2 and both mates on one contig. Implied by
        "midpoint" and "fragment". Unpaired reads pass.
    unpaired
        Of "midpoint": unpaired reads count at their 5' base ("five_prime"), or not ("drop").
    extend
        Of "coverage" and "fragment": unpaired reads cover so many bp from their 5' base on in
        their own direction, clipped at the contig's ends. Without it "fragment" drops them.
    overlap_mates
        Of "coverage": a base that both mates of a proper pair cover counts twice ("count") or
        "once", then on the strand of the mate that comes first in the file.
    shift
        Of "cut_site": bp added to the 5' base of plus and minus reads. (4, -4) puts those of
        one unshifted Tn5 cut on one base: a minus read at `reference_end - 5`. What leaves the
        contig is dropped.
    max_fragment
        Of "midpoint" and "fragment": longest \|TLEN\|, in bp. Pairs that are longer are dropped,
        as "too_long": how far from a part its fragments can begin must have a bound.
    reference
        Of CRAM: FASTA that it was made with. None is where its header (UR) or REF_PATH says.
    totals
        Count now, in one pass, what becomes of all reads on contigs of this genome, and put it
        into `attrs["reads"]`. Else a store does so when it is written.
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`; a number of positions; lengths by
        dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        `name` uint32, (position[, strand][, sample]). Contigs that the file lacks are 0. attrs
        hold `count`, the filters, and, of contigs that `like` lacks, `contigs_dropped` and
        `reads_on_dropped_contigs` where an index tells. `attrs["reads"]` (by sample, where there
        are several files) is the number of reads by outcome, the first that holds: "kept",
        "unmapped", "secondary", "supplementary", "qc_fail", "duplicate", "excluded" (other flags),
        "not_required", "low_mapq", "not_proper_pair", "second_mate" (its pair is told with read 1),
        "unpaired", "no_length" (TLEN is 0), "too_long", "off_contig".

    Raises
    ------
    InputError
        For a file that is missing, cut off, or neither BAM nor CRAM, or lists a contig twice; when
        read, for damaged data, reads that are not sorted, an index of another file, a CRAM without
        its reference, and counts that do not fit uint32.
    GenomeError
        For options that are not known, or say nothing about this `count`.
    AssemblyError, ContigError
        When the contigs do not fit `like`, or those of several files differ and there is no `like`.

    Notes
    -----
    Depth as of `samtools depth` is count="coverage", stranded=False, exclude_flags=1796; as of
    `mosdepth`, also overlap_mates="once". (1796: unmapped, secondary, QC-fail, duplicate.)

    Examples
    --------
    >>> import tempfile, pysam, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy.bam"
    >>> with pysam.AlignmentFile(path, "wb", header={"SQ": [{"SN": "chr1", "LN": 9}]}) as file:
    ...     for flag in (0, 16):
    ...         line = f"r\t{flag}\tchr1\t3\t60\t5M\t*\t0\t0\tACGTA\t*"
    ...         _ = file.write(pysam.AlignedSegment.fromstring(line, file.header))
    >>> ga.open_bam(path).reads.values.T
    array([[0, 0, 1, 0, 0, 0, 0, 0, 0],
           [0, 0, 0, 0, 0, 0, 1, 0, 0]], dtype=uint32)
    """
    samples, paths = name_files(path, "sample")
    stamps = [Stamp.of(one) for one in paths]
    fasta = None if reference is None else os.path.abspath(os.fspath(reference))
    counting = Counting(
        count, 1, stranded, strand, min_mapq, require_flags, exclude_flags, proper_pairs,
        unpaired, extend, overlap_mates, shift, max_fragment,
    )  # fmt: skip
    sources = [BamSource(stamp, counting, fasta) for stamp in stamps]
    matches = match_files([source.header() for source in sources], like, rename_contigs)
    axis = GenomeAxis(matches[0].assembly, bin_size)
    counting = replace(counting, bin_size=axis.bin_size)
    sources = [replace(source, counting=counting) for source in sources]
    array = FileArray(axis, sources, [m.names for m in matches], stacked=samples is not None)
    attrs = file_attrs([s.path for s in stamps], matches) | counting.attrs
    off = [_reads_off(source, match) for source, match in zip(sources, matches, strict=True)]
    if any(match.dropped for match in matches) and None not in off:
        attrs["reads_on_dropped_contigs"] = _by_sample(samples, off)
    if totals:
        with ThreadPoolExecutor() as pool:
            told = list(pool.map(_totals, sources, matches))
        attrs["reads"] = _by_sample(samples, [dict(one) for one in told])
    coords: dict[str, Sequence[str]] = {"strand": _STRANDS} if stranded else {}
    if samples:
        coords["sample"] = samples
    return file_dataset({name: array}, coords, chunks, {name: attrs})


def _by_sample(samples: list[str] | None, values: list[Any]) -> Any:
    return values[0] if samples is None else dict(zip(samples, values, strict=True))


def _reads_off(source: BamSource, match: Match) -> int | None:
    """Records on contigs that the genome lacks; None when no index tells."""
    if not match.dropped:
        return 0
    bam = open_alignments(source.stamp)
    if bam is None or not bam.indexed:
        return None
    found = [source.due(contig) for contig in match.dropped]
    return None if None in found else sum(n or 0 for n in found)


def _totals(source: BamSource, match: Match) -> Counter[str]:
    own = [match.names.get(contig, contig) for contig in match.assembly.names]
    return source.totals([contig for contig in own if contig is not None])
