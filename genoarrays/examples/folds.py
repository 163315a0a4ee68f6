"""How is every region tested once, by a model that has not seen its neighborhood?

Folds are whole contigs, or contiguous stretches of the genome; what is near another part is dropped
from training, never from the fold that is tested.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.examples.apart import held_apart
from genoarrays.genome.clip import Ints, table_columns, whole
from genoarrays.genome.columns import Columns
from genoarrays.genome.order import genome_order

__all__ = ["fold_regions"]


def fold_regions(
    regions: xr.Dataset,
    k: int,
    *,
    valid: bool = False,
    by: str = "contig",
    guard: int = 0,
    seed: int = 0,
) -> list[tuple[xr.Dataset, ...]]:
    """Split a table of regions k times, so that each region is tested once.

    Parameters
    ----------
    regions
        Table of regions.
    k
        Number of folds.
    valid
        Give (train, valid, test), where `valid` is the next fold, instead of (train, test).
    by
        "contig": a fold is some contigs, with about as many regions as the others (the largest
        contig first, each to the fold that has fewest). "block": a fold is one stretch of the
        genome, cut where a fold has its share of regions.
    guard
        bp between parts, at least: regions of `train` too near the others are dropped, and those of
        `valid` too near `test`. Regions that share bases with another part always are. Windows
        with flanks or jitter read more: give twice the longest flank and jitter.
    seed
        Decides between contigs of equal size, and which block is which fold.

    Returns
    -------
    list of tuple of xr.Dataset
        k times (train, test) or (train, valid, test), each in the order of `regions`. Attributes
        `fold` (0 to k - 1), `guard`, and `regions_dropped` for being too near.

    Raises
    ------
    RegionError
        For k below 2 (3 with `valid`), more folds than contigs (or regions) that there are, an
        unknown `by`, a Dataset that is no table of regions, or when a part comes out empty.

    Examples
    --------
    >>> import genoarrays as ga
    >>> regions = ga.read_regions(["chr1:0-10", "chr1:40-50", "chr2:0-10", "chr3:0-10"])
    >>> for train, test in ga.fold_regions(regions, 2):
    ...     print(sorted(set(train.contig.values)), sorted(set(test.contig.values)))
    ['chr2', 'chr3'] ['chr1']
    ['chr1'] ['chr2', 'chr3']
    >>> folds = ga.fold_regions(regions, 3, by="block", valid=True)
    >>> [test.sizes["region"] for train, valid, test in folds]
    [1, 1, 2]
    """
    columns = table_columns(regions)
    guard = whole("guard", guard, least=0)
    k = whole("k", k, least=3 if valid else 2)
    if by not in ("contig", "block"):
        raise RegionError(f'by={by!r} is not known; use "contig" or "block"')
    fold = (_of_contigs if by == "contig" else _of_blocks)(columns, k, seed)
    kinds = ["train", "valid", "test"] if valid else ["train", "test"]
    folds = []
    for number in range(k):
        part = np.where(fold == number, len(kinds) - 1, 0).astype(np.int8)
        if valid:
            part[fold == (number + 1) % k] = 1
        parts = held_apart(regions, columns, part, kinds, guard)
        folds.append(tuple(table.assign_attrs(fold=number) for table in parts))
    return folds


def _of_contigs(columns: Columns, k: int, seed: int) -> Ints:
    """Fold of each region: the largest contig first, to the smallest fold."""
    count = np.bincount(columns.code, minlength=len(columns.names))
    there = np.flatnonzero(count)
    if there.size < k:
        raise RegionError(
            f"k={k} folds of whole contigs need as many contigs, and these regions lie on "
            f'{there.size}; take fewer folds, or by="block" for stretches of the genome'
        )
    rng = np.random.default_rng(seed)
    there = rng.permutation(there)
    there = there[np.argsort(-count[there], kind="stable")]
    size, of = np.zeros(k, dtype=np.int64), np.zeros(len(count), dtype=np.int64)
    for code in there.tolist():
        of[code] = np.argmin(size)
        size[of[code]] += count[code]
    return of[columns.code]


def _of_blocks(columns: Columns, k: int, seed: int) -> npt.NDArray[np.int64]:
    """Fold of each region: runs of about equal numbers, in the order of the genome."""
    if columns.size < k:
        raise RegionError(f"k={k} folds need as many regions, and there are {columns.size}")
    fold = np.empty(columns.size, dtype=np.int64)
    fold[genome_order(columns)] = np.arange(columns.size) * k // columns.size
    return np.random.default_rng(seed).permutation(k)[fold]
