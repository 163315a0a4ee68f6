"""Which regions or sequences are for training, which for testing?

Of regions whole contigs are held out, or stretches of the genome: neighboring windows share
sequence and signal, so a random split leaks. `folds.py` does it k times, `leaks.py` checks it.
Sequences have no neighbors, but may be related: whole groups can be held out. A share
is drawn by a digest of (seed, group), so neither the order of the file nor other sequences in it
decide how two groups rank.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.apart import held_apart, held_out, solid
from genoarrays.genome.clip import table_columns, whole
from genoarrays.genome.near import count_near

__all__ = ["split_regions", "split_sequences"]


def split_regions(
    regions: xr.Dataset, *, valid: Any = (), test: Any = (), guard: int = 0
) -> tuple[xr.Dataset, ...]:
    """Split a table of regions by contig, or by stretches of the genome.

    No two parts share a base, and at least `guard` bp lie between them and between training regions
    and the stretches held out: regions of `train` too near what is held out are dropped, and those
    of `valid` too near `test`. Windows with flanks or jitter read more than their regions: give a
    guard of twice the longest flank and jitter.

    Parameters
    ----------
    regions
        Table of regions.
    valid, test
        What to hold out for validation and for testing: names of contigs; or regions, windows or
        what `read_regions` takes: whatever overlaps them is held out, for testing where it overlaps
        both. Texts may be names and region strings side by side.
    guard
        bp between parts, at least.

    Returns
    -------
    tuple of xr.Dataset
        (train, valid, test), each in the order of `regions`; only (train, valid) or (train, test)
        when the other is not asked for. Attributes `guard`, and `regions_dropped` for being too
        near.

    Raises
    ------
    ContigError
        For a contig that the assembly, or without one the table, does not have; when regions to
        hold out share no contig with the table.
    AssemblyError
        When regions to hold out lie on another assembly.
    InputError
        When they cannot be read.
    RegionError
        When a contig is in both lists, nothing is held out, a part comes out empty, or the guard
        is no number of bp.

    Examples
    --------
    >>> import genoarrays as ga
    >>> regions = ga.read_regions(["chr1:0-10", "chr1:12-20", "chr2:0-10", "chr3:5-15"])
    >>> train, test = ga.split_regions(regions, test=["chr2"])
    >>> train.contig.values.tolist(), test.contig.values.tolist()
    (['chr1', 'chr1', 'chr3'], ['chr2'])
    >>> train, test = ga.split_regions(regions, test=["chr1:0-5", "chr2"], guard=10)
    >>> train.region.values.tolist(), test.region.values.tolist(), train.attrs["regions_dropped"]
    (['chr3:5-15:.'], ['chr1:0-10:.', 'chr2:0-10:.'], 1)
    """
    columns = table_columns(regions)
    guard = whole("guard", guard, least=0)
    asked = {k: held_out(k, some, columns) for k, some in (("valid", valid), ("test", test))}
    if both := set(asked["valid"].contigs) & set(asked["test"].contigs):
        raise RegionError(f"contig {min(both)!r} is in valid and in test; name it in one of them")
    asked = {kind: some for kind, some in asked.items() if some.columns.size}
    if not asked:
        raise RegionError("nothing is held out; name contigs or regions in valid= or test=")
    part = np.zeros(columns.size, dtype=np.int8)
    for number, some in enumerate(asked.values(), start=1):
        part[count_near(solid(columns), some.columns) > 0] = number
    stretches = [columns.take([]), *(some.columns for some in asked.values())]
    return held_apart(regions, columns, part, ["train", *asked], guard, stretches)


def split_sequences(
    x: xr.Dataset,
    *,
    valid: str | float | Sequence[str] = (),
    test: str | float | Sequence[str] = (),
    by: str = "id",
    seed: int = 0,
) -> tuple[xr.Dataset, ...]:
    """Split sequences without coordinates by id, or by another label.

    Parameters
    ----------
    x
        Dataset with the dimension `sequence`.
    valid, test
        What to hold out for validation and for testing: values of `by`, or a share of its distinct
        values, above 0 and below 1, drawn by `seed`.
    by
        Coordinate or variable along `sequence`: "id"; a column that names the sets; or a group,
        such as a family, that must not be cut in two.
    seed
        Of shares.

    Returns
    -------
    tuple of xr.Dataset
        (train, valid, test), each in the order of `x`; only (train, valid) or (train, test) when
        the other is not asked for.

    Raises
    ------
    GenomeError
        When `x` has no sequences or no label `by`, for a value that does not occur or is in both
        lists, a share out of range, nothing held out, or a part that comes out empty.

    Examples
    --------
    >>> import genoarrays as ga
    >>> x = ga.from_sequences(["AC", "GT", "AA"], ids=["a", "b", "c"], set=["fit", "fit", "eval"])
    >>> train, test = ga.split_sequences(x, test="eval", by="set")
    >>> train.id.values.tolist(), test.id.values.tolist()
    (['a', 'b'], ['c'])
    >>> [part.sizes["sequence"] for part in ga.split_sequences(x, valid=0.3, test=0.3)]
    [1, 1, 1]
    """
    if by not in x.variables or x[by].dims != ("sequence",):
        along = [str(name) for name, v in x.variables.items() if v.dims == ("sequence",)]
        raise GenomeError(f"by={by!r} is no label along `sequence`; there are {', '.join(along)}")
    groups, of = np.unique(np.array([str(one) for one in x[by].values]), return_inverse=True)
    known = {str(group): number for number, group in enumerate(groups)}
    part = np.zeros(len(groups), dtype=np.int8)
    wanted = {"valid": valid, "test": test}
    for number, (kind, some) in enumerate(wanted.items(), start=1):
        if isinstance(some, float | int):
            continue
        for name in _names(some):
            if str(name) not in known:
                raise GenomeError(f"{kind}={name!r}: no sequence has this {by}")
            if part[known[str(name)]] not in (0, number):
                raise GenomeError(f"{by} {name!r} is in valid and in test; name it in one of them")
            part[known[str(name)]] = number
    digests = [blake2b(f"{seed}/{group}".encode(), digest_size=8).digest() for group in known]
    drawn = [group for group in np.argsort(digests).tolist() if not part[group]]
    for number, (kind, some) in enumerate(wanted.items(), start=1):
        if not isinstance(some, float | int):
            continue
        if not 0 < some < 1:
            raise GenomeError(f"{kind}={some} is no share; give one above 0 and below 1")
        count = round(some * len(groups))
        part[drawn[:count]] = number
        drawn = drawn[count:]
    kinds = [("train", 0)]
    asked = {k for k, some in wanted.items() if isinstance(some, float | int) or _names(some)}
    kinds += [(kind, number) for number, kind in enumerate(wanted, start=1) if kind in asked]
    if len(kinds) == 1:
        raise GenomeError("nothing is held out; give ids or a share in valid= or test=")
    for kind, number in kinds:
        if not (part == number).any():
            raise GenomeError(f"no sequence is left for {kind}; hold out others, or fewer")
    return tuple(x.isel(sequence=np.flatnonzero(part[of] == number)) for _, number in kinds)


def _names(contigs: str | Sequence[str]) -> list[str]:
    return [contigs] if isinstance(contigs, str) else list(contigs)
