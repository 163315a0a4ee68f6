"""By how much were the reads of an ATAC-seq BAM shifted already?

Tn5 cuts both strands 9 bp apart and puts one read on each: a plus read that starts at p and a
minus read whose 5' base is p + 8 come of one insertion, whose middle is p + 4. Tn5 prefers bases
that read the same on both strands about that middle (Adey et al., Genome Biology 11, R119, 2010).
So, for the right shift, the bases around the middle as plus reads have it, as minus reads have it,
and the reverse complement of either, are one profile; else each is moved against the others.

The score of a candidate is the correlation of these profiles. Each cut site counts once, however
many reads start there.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.base import labels
from genoarrays.formats.reads.bam import open_bam
from genoarrays.formats.sequence.fasta import open_fasta
from genoarrays.genome.index import axis_of

__all__ = ["estimate_shift"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_SHIFTS = ((0, 0), (4, -5), (4, -4))
_MIDDLE = 4  # of the 9 bp, from the 5' base of either read
_ARM = 12  # bp of the profile on either side: the preference reaches 10
_REACH = 40  # bp around the 5' base that are counted
_FEWEST = 1000  # cut sites on a strand
_BLOCK = 2**22


def estimate_shift(
    path: str | os.PathLike[str],
    fasta: str | os.PathLike[str],
    *,
    candidates: Sequence[tuple[int, int]] = _SHIFTS,
    most: int = 1_000_000,
    **options: Any,
) -> xr.Dataset:
    r"""Tell which Tn5 shift the reads of an ATAC-seq file likely have already.

    Parameters
    ----------
    path
        BAM or CRAM file.
    fasta
        The genome; names of contigs as in the file, or give `rename_contigs=`.
    candidates
        Shifts (plus, minus) to compare, in bp of the 5' base: (0, 0) is as aligned; (4, -5) and
        (4, -4) are what tools make of it.
    most
        Cut sites on each strand that are enough; reading stops there.
    **options
        Filters of `open_bam`, such as min_mapq.

    Returns
    -------
    xr.Dataset
        `score` (candidate,) float64, from -1 to 1, 1 for profiles that agree; coordinates
        `candidate` ("+4/-5"), `plus` and `minus`. attrs: `best`, the likeliest shift as a list;
        `sites`, cut sites used. To count cuts at their middle give `open_bam` the rest of it:
        shift=(4 - plus, -4 - minus).

    Raises
    ------
    InputError
        When there are fewer than 1,000 cut sites on a strand, or a file cannot be read.
    GenomeError
        For less than two candidates, or those that shift by more than 20 bp.
    AssemblyError, ContigError
        When the two files do not fit.

    Examples
    --------
    >>> import tempfile, numpy as np, pysam, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy"
    >>> middles = np.arange(100, 59_900, 40)
    >>> bases = np.random.default_rng(0).choice(list("ACGT"), 60_000)
    >>> for offset, letter in zip((-3, -1, 1, 3), "ACGT"):  # the same on both strands
    ...     bases[middles + offset] = letter
    >>> with open(path + ".fa", "w") as file:
    ...     _ = file.write(">chr1\n" + "".join(bases) + "\n")
    >>> header = {"SQ": [{"SN": "chr1", "LN": 60_000}]}
    >>> with pysam.AlignmentFile(path + ".bam", "wb", header=header) as file:
    ...     for middle in middles:
    ...         for flag, start in ((16, middle - 10), (0, middle)):  # as shifted by +4, -5
    ...             line = f"r\t{flag}\tchr1\t{start + 1}\t60\t10M\t*\t0\t0\t*\t*"
    ...             _ = file.write(pysam.AlignedSegment.fromstring(line, file.header))
    >>> ga.estimate_shift(path + ".bam", path + ".fa").attrs["best"]
    [4, -5]
    """
    shifts = [(int(plus), int(minus)) for plus, minus in candidates]
    if len(set(shifts)) < 2 or max(abs(n) for pair in shifts for n in pair) > 20:
        raise GenomeError(f"candidates={candidates!r}: give at least two, each within 20 bp")
    dna = open_fasta(fasta, chunks=None)
    reads = open_bam(path, like=dna, chunks=None, **options)
    counts, sites = _compositions(dna.dna, reads.reads, most)
    if sites.min() < _FEWEST:
        raise InputError(
            path, "", f"{sites.min():,} cut sites on a strand are too few to tell a shift",
            f"give a file with at least {_FEWEST:,}, or filter less",
        )  # fmt: skip
    profile = counts / counts.sum(axis=2, keepdims=True)
    profile -= profile.mean(axis=(0, 1))
    scores = [_agreement(profile, *shift) for shift in shifts]
    plus, minus = zip(*shifts, strict=True)
    return xr.Dataset(
        {"score": ("candidate", scores)},
        {
            "candidate": labels([f"{p:+}/{m:+}" for p, m in shifts]),
            "plus": ("candidate", list(plus)),
            "minus": ("candidate", list(minus)),
        },
        {"best": list(shifts[int(np.argmax(scores))]), "sites": int(sites.sum())},
    )


def _compositions(dna: xr.DataArray, reads: xr.DataArray, most: int) -> tuple[Floats, Ints]:
    """Bases around the cut sites of either strand, (strand, offset, base); and number of sites."""
    counts = np.zeros((2, 2 * _REACH + 1, 4))
    sites = np.zeros(2, dtype=np.int64)
    at = 0
    for piece in axis_of(reads).pieces():
        for first in range(at, at + piece.count, _BLOCK):
            last = min(first + _BLOCK, at + piece.count)
            low, high = max(first - _REACH, at), min(last + _REACH, at + piece.count)
            bases = dna.isel(position=slice(low, high)).values
            cuts = reads.isel(position=slice(first, last)).values
            for row in range(2):
                found = np.flatnonzero(cuts[:, row]) + first - low
                found = found[(found >= _REACH) & (found < len(bases) - _REACH)]
                for offset in range(2 * _REACH + 1):
                    near = bases[found + offset - _REACH]
                    counts[row, offset] += np.bincount(near, minlength=5)[:4]
                sites[row] += len(found)
            if sites.min() >= most:
                return counts, sites
        at += piece.count
    return counts, sites


def _agreement(profile: Floats, plus: int, minus: int) -> float:
    """Mean correlation of four profiles that are one when the shift is right."""
    middle = (_REACH + _MIDDLE - plus, _REACH - _MIDDLE - minus)
    seen = [profile[row, at - _ARM : at + _ARM + 1] for row, at in enumerate(middle)]
    seen += [one[::-1, ::-1] for one in seen]
    return float(np.corrcoef([one.ravel() for one in seen])[np.triu_indices(4, 1)].mean())
