"""What can one try without any data: a small genome with reads, a signal and peaks?

`landscape.py` draws what is true, `files.py` writes it. The numbers are chosen so that a few
minutes on a laptop show what matters. Small models on windows of 200 bp (DNA flank 100, coverage
1,100 bp in bins of 50) reach these auPRC on the fourth contig, over three seeds: sequence 0.52 to
0.55 with letters one by one and 0.66 to 0.73 with pairs of letters; coverage 0.48 to 0.53; both
0.77 to 0.84 with letters one by one and 0.88 to 0.97 with pairs.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from genoarrays.demo.files import (
    write_bigwig,
    write_fasta,
    write_peaks,
    write_reads,
    write_sites,
    write_variants,
)
from genoarrays.demo.landscape import Reads, draw_landscape
from genoarrays.errors import InputError

__all__ = ["Simulation", "simulate"]

_CONTIGS = {"chr1": (0.35, 130), "chr2": (0.25, 90), "chr3": (0.2, 170), "chr4": (0.2, 70)}
_SMALLEST = 50_000
_FLAGS = {0x100: "secondary", 0x800: "supplementary", 0x200: "qc_fail", 0x400: "duplicate"}
_WRITERS = {
    "genome": ("genome.fa", write_fasta),
    "reads": ("reads.bam", write_reads),
    "signal": ("signal.bw", write_bigwig),
    "peaks": ("peaks.narrowPeak", write_peaks),
    "sites": ("sites.bed", write_sites),
    "variants": ("variants.vcf", write_variants),
}


@dataclass(frozen=True)
class Simulation:
    """The files of a simulated genome, and what they hold.

    `reads_by_reason` counts the records of `reads`: "kept" under the usual filters with
    `min_mapq=10`, the others by the one reason to drop them.
    """

    genome: Path
    reads: Path
    signal: Path
    peaks: Path
    sites: Path
    variants: Path
    lengths: dict[str, int]
    reads_by_reason: dict[str, int]


def simulate(
    out: str | os.PathLike[str], *, seed: int = 0, size: int = 3_000_000, overwrite: bool = False
) -> Simulation:
    """Simulate a genome and write it as FASTA, BAM, bigWig, narrowPeak, BED and VCF.

    The same arguments give the same bytes. At the default size this takes some 2 s and 10 MB.

    Parameters
    ----------
    out
        Folder for the files; made when it is not there.
    seed
        Any whole number >= 0.
    size
        Length of the genome in bp, shared by four contigs, chr1 to chr4; at least 50,000.
    overwrite
        Replace files of the same names.

    Returns
    -------
    Simulation
        Paths of `genome` (soft-masked FASTA with index), `reads` (sorted BAM with index; the 5'
        ends gather in open chromatin), `signal` (bigWig of binding, in steps of 10 bp), `peaks`
        (narrowPeak of the bound sites), `sites` (BED of all planted sites and decoys, bound or
        not) and `variants` (VCF, one in each of these); contig lengths and the number of reads by
        reason to drop them.

    Raises
    ------
    InputError
        For a size or seed out of range, or when a file is there and `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = simulate(folder, size=50_000)
    ...     print(files.peaks.name, files.peaks.read_text().splitlines()[0])
    peaks.narrowPeak track type=narrowPeak name="bound" description="simulated bound sites"
    """
    folder = Path(out)
    if size < _SMALLEST:
        raise InputError(
            folder, "", f"a genome of {size:,} bp is too small", f"give size={_SMALLEST} or more"
        )
    if seed < 0:
        raise InputError(folder, "", f"seed is {seed}", "give a whole number >= 0")
    paths = {name: folder / file for name, (file, _) in _WRITERS.items()}
    there = [path.name for path in paths.values() if path.exists()]
    if there and not overwrite:
        raise InputError(
            folder, "", f"{', '.join(there)} is already there", "use overwrite=True or another out"
        )
    lengths = {
        contig: int(size * share) // 200 * 200 + rest for contig, (share, rest) in _CONTIGS.items()
    }
    truth = draw_landscape(lengths, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".simulate-") as build:
        for name, write in _WRITERS.values():
            write(truth, Path(build) / name)
        for file in sorted(Path(build).iterdir()):
            os.replace(file, folder / file.name)
    return Simulation(**paths, lengths=lengths, reads_by_reason=_count(truth.reads))


def _count(reads: Reads) -> dict[str, int]:
    """Number of reads by the reason to drop them, and "kept"."""
    counts = {name: int(((reads.flag & flag) > 0).sum()) for flag, name in _FLAGS.items()}
    fine = reads.flag & sum(_FLAGS) == 0
    return {
        "kept": int((fine & (reads.mapq >= 10)).sum()),
        **counts,
        "low_mapq": int((fine & (reads.mapq < 10)).sum()),
        "unmapped": reads.unmapped,
    }
