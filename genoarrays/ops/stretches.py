"""Of which stretches of the axis do regions consist?

The bounds of all regions cut the axis into stretches. Each stretch is looked at once, however many
regions lie on it, and a region is a range of stretches: so any number of regions, however much they
overlap, costs one pass over what they cover.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import RegionError
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.clip import FAR
from genoarrays.genome.columns import Columns
from genoarrays.genome.segments import spread

__all__ = ["Stretches", "common_runs", "positions_of", "runs_on", "stretches_of"]

Ints = npt.NDArray[np.int64]


class Stretches(NamedTuple):
    """Disjoint stretches [start, stop) of the axis, rising; region r is [low[r], high[r])."""

    start: Ints
    stop: Ints
    low: Ints
    high: Ints


def positions_of(
    columns: Columns, axis: GenomeAxis, doing: str = "cannot reduce regions of"
) -> tuple[Ints, Ints]:
    """First position of each region on the axis, and the one past its last.

    Bins that overlap a region belong to it. What lies off its contig has no positions; a region
    without any is (0, 0).

    Raises
    ------
    AssemblyError, ContigError
        When regions lie on another assembly, or on a contig that the axis lacks.
    RegionError
        For a region that the axis holds in part only.
    """
    code = _codes(columns, axis, doing)
    start = np.maximum(columns.start, 0)
    end = np.minimum(columns.end, axis.assembly.lengths[code])
    there = start < end
    low, high = start // axis.bin_size, (end - 1) // axis.bin_size
    first = axis.locate(code, np.where(there, low, 0))
    last = axis.locate(code, np.where(there, high, 0))
    lost = np.flatnonzero(there & ((first < 0) | (last - first != high - low)))
    if lost.size:
        raise RegionError(
            f"this axis does not hold all of {columns.labels(lost[:1]).tolist()[0]}, one of "
            f"{lost.size:,} such regions; use the whole genome, or other regions"
        )
    return np.where(there, first, 0), np.where(there, last + 1, 0)


def runs_on(columns: Columns, axis: GenomeAxis) -> tuple[Ints, Ints]:
    """Disjoint runs of positions, rising, whose bins overlap some regions.

    Raises
    ------
    AssemblyError, ContigError
        When regions lie on another assembly, or on a contig that the axis lacks.
    RegionError
        When the axis is reversed or thinned out.
    """
    if (axis.step != 1).any():
        raise RegionError("this axis is reversed or thinned out; mask regions before that")
    code, size = _codes(columns, axis, "cannot mask regions of"), axis.bin_size
    low = np.maximum(columns.start, 0) // size
    high = -(-np.minimum(columns.end, axis.assembly.lengths[code]) // size)
    some = np.flatnonzero(low < high)
    order = some[np.argsort(code[some] * FAR + low[some], kind="stable")]
    begin, reach = code[order] * FAR + low[order], code[order] * FAR + high[order]
    reach = np.maximum.accumulate(reach) if len(reach) else reach
    head = np.flatnonzero(np.append(True, begin[1:] > reach[:-1])[: len(begin)])
    begin, end = begin[head], reach[np.append(head[1:], len(reach)) - 1] if len(head) else reach
    first = axis.code * FAR + axis.first
    at = np.searchsorted(end, first, side="right")
    segment, run = spread(at, np.searchsorted(begin, first + axis.count, side="left") - at)
    start = np.maximum(begin[run], first[segment]) - first[segment]
    stop = np.minimum(end[run] - first[segment], axis.count[segment])
    return axis.edges[segment] + start, axis.edges[segment] + stop


def common_runs(one: tuple[Ints, Ints], other: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Where two lists of disjoint runs, rising, overlap.

    Examples
    --------
    >>> a, b = np.array([0, 10]), np.array([5, 20])
    >>> [x.tolist() for x in common_runs((a, b), (np.array([3, 12]), np.array([11, 30])))]
    [[3, 10, 12], [5, 11, 20]]
    """
    at = np.searchsorted(other[1], one[0], side="right")
    row, run = spread(at, np.searchsorted(other[0], one[1], side="left") - at)
    return np.maximum(one[0][row], other[0][run]), np.minimum(one[1][row], other[1][run])


def _codes(columns: Columns, axis: GenomeAxis, doing: str) -> Ints:
    """Contig codes of regions on the assembly of an axis."""
    if columns.assembly is not None:
        check_same_assembly(axis.assembly, columns.assembly, doing)
    code: Ints = columns.code.astype(np.int64)
    if columns.names != axis.assembly.names:
        used = np.unique(code)
        codes = np.zeros(len(columns.names), dtype=np.int64)
        codes[used] = [axis.assembly.code(columns.names[n]) for n in used.tolist()]
        code = codes[code]
    return code


def stretches_of(first: Ints, stop: Ints, edges: Ints) -> Stretches:
    """Stretches of regions that are [first, stop) on the axis, cut at `edges` as well."""
    bounds, at = np.unique(np.concatenate([first, stop, edges]), return_inverse=True)
    begin, end = at[: len(first)], at[len(first) : 2 * len(first)]
    change = np.bincount(begin, minlength=len(bounds)) - np.bincount(end, minlength=len(bounds))
    wanted = np.cumsum(change)[:-1] > 0
    number = np.concatenate([[0], np.cumsum(wanted)])
    return Stretches(bounds[:-1][wanted], bounds[1:][wanted], number[begin], number[end])
