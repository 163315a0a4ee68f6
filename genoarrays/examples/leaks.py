"""Do the parts of a split share bases?

Every pair of parts is compared, however they were made: by `ga.split_regions`, by hand, or read
from files. Within a part regions may overlap as they like.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import xarray as xr

from genoarrays.errors import ContigError, RegionError
from genoarrays.genome.clip import whole
from genoarrays.genome.columns import Columns, concat_columns
from genoarrays.genome.near import count_near
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import WindowIndex

__all__ = ["check_leaks"]


def check_leaks(*parts: xr.Dataset, guard: int = 0, **named: xr.Dataset) -> None:
    """Raise unless parts of a data set lie apart from each other.

    Parameters
    ----------
    parts, named
        Tables of regions or windows, at least two; `check_leaks(train=train, test=test)` has their
        names in the message, without names they are part 0, part 1, ... Windows count without
        their flanks and jitter: a guard of twice the longest flank and jitter covers them.
    guard
        bp that must lie between any two regions of different parts; with 0 they may touch.

    Raises
    ------
    RegionError
        When two parts overlap or lie too near: names the first such pair, and how many there are.
        Also for fewer than two parts, one that has no regions or windows, and a guard that is no
        number of bp.
    AssemblyError
        When two parts lie on different assemblies.
    ContigError
        When two parts seem to name one contig differently, such as chr1 and 1.

    Examples
    --------
    >>> import genoarrays as ga
    >>> train = ga.read_regions(["chr1:0-100", "chr2:0-100"])
    >>> test = ga.read_regions(["chr2:150-250"])
    >>> ga.check_leaks(train=train, test=test)
    >>> ga.check_leaks(train=train, test=test, guard=200)
    Traceback (most recent call last):
        ...
    genoarrays.errors.RegionError: train and test leak: chr2:0-100:. (row 1 of train) and
    chr2:150-250:. (row 0 of test) lie 50 bp apart, and guard=200; there is 1 such pair in all.
    ga.split_regions(..., guard=200) drops what is too near
    """
    guard = whole("guard", guard, least=0)
    given = {**{f"part {number}": part for number, part in enumerate(parts)}, **named}
    if len(given) < 2:
        raise RegionError("there is nothing to compare; give two parts or more")
    columns = [_columns(part) for part in given.values()]
    joint = concat_columns(columns)
    edges = np.cumsum([0, *(some.size for some in columns)])
    tables = [joint.take(slice(*edges[n : n + 2].tolist())) for n in range(len(columns))]
    pairs, first = 0, ""
    for (one, a), (other, b) in combinations(zip(given, tables, strict=True), 2):
        if joint.assembly is None:
            _check_names(one, a, other, b)
        number = count_near(a, b, guard)
        pairs += int(number.sum())
        if not first and number.any():
            row = int(np.argmax(number > 0))
            first = _first(one, row, a.take([row]), other, b, guard)
    if pairs:
        many = "there is 1 such pair" if pairs == 1 else f"there are {pairs:,} such pairs"
        raise RegionError(
            f"{first}, and guard={guard}; {many} in all. ga.split_regions(..., guard={guard}) "
            "drops what is too near"
        )


def _columns(part: xr.Dataset) -> Columns:
    """Regions or windows; windows may start before their contig, which tables do not allow."""
    for index in part.xindexes.values():
        if isinstance(index, WindowIndex) and index.dim == "window":
            return index.columns
    return region_columns(part)


def _first(one: str, row: int, a: Columns, other: str, b: Columns, guard: int) -> str:
    there = int(np.argmax(count_near(b, a, guard) > 0))
    near = b.take([there])
    away = int(max(a.start[0], near.start[0]) - min(a.end[0], near.end[0]))
    how = f"lie {away:,} bp apart" if away >= 0 else f"share {-away:,} bp"
    mine, theirs = a.labels().tolist()[0], near.labels().tolist()[0]
    return (
        f"{one} and {other} leak: {mine} (row {row} of {one}) and {theirs} (row {there} of "
        f"{other}) {how}"
    )


def _check_names(one: str, a: Columns, other: str, b: Columns) -> None:
    """Parts on different contigs are clean, unless these are one contig under two names."""
    mine, theirs = ({x.names[code] for code in np.unique(x.code).tolist()} for x in (a, b))
    if mine & theirs:
        return
    bare = {_bare(name): name for name in sorted(mine)}
    if same := sorted((name, bare[_bare(name)]) for name in theirs if _bare(name) in bare):
        old, new = same[0]
        raise ContigError(
            f"{one} and {other} have no contig in common, but {new!r} and {old!r} may be the same; "
            f"if they are, use ga.rename_contigs on {other} first, with {{{old!r}: {new!r}}}; if "
            "not, read both with the same like="
        )


def _bare(name: str) -> str:
    return name.lower().removeprefix("chr")
