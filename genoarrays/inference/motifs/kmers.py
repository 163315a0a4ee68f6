"""Which k-mers contribute most, wherever they stand?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.inference.motifs.spans import spans_of
from genoarrays.ops.sequence import kmer_codes, reverse_complement_codes

__all__ = ["top_kmers"]

Array = npt.NDArray[Any]
_RANKS = ("mean", "total")


def top_kmers(
    attributions: xr.DataArray,
    dna: xr.DataArray,
    k: int = 7,
    *,
    by: str = "mean",
    top: int = 20,
    least: int = 3,
    canonical: bool = True,
) -> xr.Dataset:
    """K-mers ranked by what they contribute.

    Parameters
    ----------
    attributions
        (window or sequence, offset[, channel]), as `ga.integrated_gradients` gives them.
    dna
        Codes of the same windows, `x.dna`.
    k
        Length of the k-mers, at most 15 for DNA.
    by
        "mean" per occurrence, or "total".
    top
        Number of k-mers.
    least
        Fewest occurrences of a k-mer that is ranked.
    canonical
        Count a k-mer and its reverse complement as one, named by the first in the alphabet; else
        as the windows read.

    Returns
    -------
    xr.Dataset
        Along `kmer`, the highest first: `mean_contribution`,
        `total_contribution` and `occurrences`. Along `occurrence`, k-mer by
        k-mer and the strongest first: `number` of the k-mer, contig, start, end, strand (on which
        the k-mer as named reads) and `contribution`. Windows that overlap count twice what they
        share. k-mers with unknown letters are left out.

    Raises
    ------
    GenomeError
        When arrays do not belong together, for a k that is not possible, other words in `by`, or
        `canonical` of letters without complements.
    RegionError
        When attributions and sequence are of other windows.

    Examples
    --------
    >>> import genoarrays as ga
    >>> dna = ga.testing.dna("TTACGCCCCGTAA").expand_dims(sequence=1)
    >>> a = xr.zeros_like(dna, dtype="float32") + [[1] * 4 + [0] * 5 + [2] * 4]
    >>> kmers = ga.top_kmers(a, dna, k=4, top=1, least=2)
    >>> kmers.kmer.values.tolist(), kmers.mean_contribution.values, kmers.strand.values.tolist()
    (['GTAA'], array([6.]), ['+', '-'])
    """
    if by not in _RANKS:
        raise GenomeError(f"by={by!r} is not known; say {' or '.join(_RANKS)}")
    spans = spans_of(attributions, dna)
    letters = len(spans.letters)
    length = spans.values.shape[1]
    if not 1 <= k <= length or letters**k >= 2**31 or top < 1 or least < 1:
        raise GenomeError(
            f"k={k}, top={top}, least={least} is not possible with {letters} letters and windows "
            f"of {length:,} bp"
        )
    codes = kmer_codes(spans.codes, k, letters).astype(np.int64)
    row, at = np.nonzero(codes >= 0)
    code = codes[row, at]
    sums = np.cumsum(np.pad(spans.values, ((0, 0), (1, 0))), axis=1)
    value = sums[row, at + k] - sums[row, at]
    turned = np.zeros(len(code), bool)
    if canonical:
        other = _turned(code, k, spans.letters)
        turned = other < code
        code = np.minimum(code, other)
    found, which, count = np.unique(code, return_inverse=True, return_counts=True)
    total = np.bincount(which, value, minlength=len(found))
    mean = total / np.maximum(count, 1)
    rank = np.where(count >= least, mean if by == "mean" else total, -np.inf)
    best = np.argsort(-rank, kind="stable")[:top]
    best = best[np.isfinite(rank[best])]
    number = np.full(len(found), -1)
    number[best] = np.arange(len(best))
    here = np.flatnonzero(number[which] >= 0)
    here = here[np.lexsort((-value[here], number[which[here]]))]
    place = spans.place(row[here], at[here], k)
    back = (place["strand"] == "-") != turned[here]
    strand = np.where(back, "-", "+").astype(np.dtypes.StringDType())
    digits = found[best, None] // letters ** np.arange(k - 1, -1, -1) % letters
    names = ["".join(spans.letters[digit] for digit in some) for some in digits.tolist()]
    result = xr.Dataset(
        {
            "mean_contribution": ("kmer", mean[best]),
            "total_contribution": ("kmer", total[best]),
            "occurrences": ("kmer", count[best]),
            "number": ("occurrence", number[which[here]]),
            **{n: ("occurrence", v) for n, v in {**place, "strand": strand}.items()},
            "contribution": ("occurrence", value[here].astype(np.float32)),
        },
        {"kmer": np.array(names, dtype=np.dtypes.StringDType())},
    )
    return result


def _turned(code: Array, k: int, letters: str) -> Array:
    """Codes of the reverse complements."""
    try:
        partner = reverse_complement_codes(1, letters)
    except ValueError as error:
        raise GenomeError(f"{error}; say canonical=False") from None
    out = np.zeros_like(code)
    for _ in range(k):
        code, digit = np.divmod(code, len(letters))
        out = out * len(letters) + partner[digit]
    return out
