"""Which bins does each window want, and where do they lie on the axis?

Geometry is genomic: windows have a start on the plus strand, and flanks are swapped for minus
windows. Orientation comes last, when the values are there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns

__all__ = ["Cuts", "Reads", "cuts_of", "plan_reads", "shifted"]

Ints = npt.NDArray[np.int64]
_GAP = 2**15  # positions between windows that are read along: cheaper than one more read


class Cuts(NamedTuple):
    """Where windows lie in an array along the axis; one number each.

    Of the `count` bins of a window those in [low, high) exist, from position `at` of the array on;
    those in [gap_low, gap_high) lie past the true end of a short tile.
    """

    at: Ints
    low: Ints
    high: Ints
    gap_low: Ints
    gap_high: Ints
    count: Ints  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here
    turned: npt.NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of windows."""
        return len(self.at)

    @property
    def are_whole(self) -> npt.NDArray[np.bool_]:
        """Whether all bins of a window exist."""
        whole: npt.NDArray[np.bool_] = (self.high - self.low == self.count) & (
            self.gap_high <= self.gap_low
        )
        return whole

    def take(self, key: Any) -> Cuts:
        """Some of the windows."""
        return Cuts(*(column[key] for column in self))


def cuts_of(
    windows: Columns,
    axis: GenomeAxis,
    *,
    width: int | None,
    flank: tuple[int, int] = (0, 0),
    margin: int = 0,
    label: str = "the variable",
) -> Cuts:
    """Bins that windows with flanks cover on a node; they must lie on its grid.

    Parameters
    ----------
    windows
        One row per window; those shorter than `width` are remainders of tiles.
    axis
        Axis of the node.
    width
        bp of a window without flanks; None: each as long as its region, up to whole bins.
    flank
        bp upstream and downstream, in the window's own direction.
    margin
        bp more on both sides.
    label
        Names the variable, for messages.

    Raises
    ------
    RegionError
        When starts, width, flanks or margin are off the grid of a binned node, or a region-only
        axis lacks bins that lie on the contig.
    """
    size, (upstream, downstream) = axis.bin_size, flank
    minus = windows.orientation < 0
    left = np.where(minus, downstream, upstream) + margin
    length = windows.end - windows.start
    _check_grid(windows, size, {"width": width, "flank": flank, "jitter": margin}, left, label)
    full = length if width is None else np.full(windows.size, width)
    count = -(-(full + upstream + downstream + 2 * margin) // size)
    code = windows.code
    if windows.names != axis.assembly.names:
        codes = np.array([axis.assembly.code(n) for n in windows.names], dtype=np.int32)
        code = codes[windows.code]
    start = (windows.start - left) // size
    low = np.clip(-start, 0, count)
    high = np.clip(-(-axis.assembly.lengths[code] // size) - start, low, count)
    short = length < full
    gap_low = np.where(short, -(-(left + length) // size), 0)
    gap_high = np.where(short, (left + full) // size, 0)
    # what lies past the end of a short tile is not needed, unless a flank follows
    high = np.where(short & (gap_high >= count), np.clip(gap_low, low, high), high)
    at = axis.locate(code, start + low)
    last = axis.locate(code, start + high - 1)
    there = (at >= 0) & (last >= 0)
    lost = np.flatnonzero((high > low) & ~(there & _run_on(axis, at, last, high - low)))
    if lost.size:
        row = int(lost[0])
        contig = axis.assembly.names[code[row]]
        begin = int(start[row] + low[row]) * size
        end = min(int(start[row] + high[row]) * size, axis.assembly.length(contig))
        raise RegionError(
            f"{label!r} does not hold all of {contig}:{begin:,}-{end:,}, which {lost.size:,} "
            "of the windows need (with their flanks), base after base; use the whole genome, or "
            "other regions"
        )
    return Cuts(at, low, high, gap_low, gap_high, count, minus)


def _run_on(axis: GenomeAxis, at: Ints, last: Ints, size: Ints) -> npt.NDArray[np.bool_]:
    """Whether positions from `at` to `last` are `size` bins that follow each other."""
    fit: npt.NDArray[np.bool_] = last - at == size - 1
    before = axis.first[:-1] + (axis.count[:-1] - 1) * axis.step[:-1]
    same = axis.code[1:] == axis.code[:-1]
    ahead = (axis.code[1:] > axis.code[:-1]) | (same & (axis.first[1:] > before))
    if ahead.all() and (axis.step > 0).all():
        return fit  # in the genome's order so many positions cannot be other bins
    # breaks up to each position: bins that do not follow the one before them
    head = np.concatenate([[True], ~(same & (axis.first[1:] == before + 1))])
    inner = np.where(axis.step == 1, 0, axis.count - 1)
    total = np.cumsum(head + inner) - inner

    def breaks(position: Ints) -> Ints:
        segment = np.searchsorted(axis.edges, position, side="right") - 1
        within = np.where(axis.step[segment] == 1, 0, position - axis.edges[segment])
        found: Ints = total[segment] + within
        return found

    some = np.flatnonzero(fit & (at >= 0))
    fit[some] &= breaks(at[some]) == breaks(last[some])
    return fit


def _check_grid(
    windows: Columns, size: int, lengths: dict[str, Any], left: Ints, label: str
) -> None:
    if size == 1:
        return
    for what, given in lengths.items():
        for value in given if isinstance(given, tuple) else (given,):
            if value is not None and value % size:
                raise RegionError(
                    f"{label!r} has bins of {size} bp, and {what}={value} is no multiple of that; "
                    "change it, or store the variable at 1 bp"
                )
    if (off := np.flatnonzero((windows.start - left) % size)).size:
        raise RegionError(
            f"{label!r} has bins of {size} bp, and window {windows.labels(off[:1]).tolist()[0]} "
            'does not start on that grid; say snap="down" or "nearest" to move windows there, cut '
            f"the regions with ga.tile_regions(..., align={size}), or store the variable at 1 bp"
        )


def shifted(cuts: Cuts, skip: npt.ArrayLike, count: npt.ArrayLike) -> Cuts:
    """Parts of windows: `count` bins from bin `skip` on, counted on the plus strand."""
    skip, count = np.asarray(skip, dtype=np.int64), np.broadcast_to(count, cuts.at.shape)
    low = np.clip(cuts.low - skip, 0, count)
    return Cuts(
        cuts.at + np.maximum(skip - cuts.low, 0),
        low,
        np.clip(cuts.high - skip, low, count),
        np.clip(cuts.gap_low - skip, 0, count),
        np.clip(cuts.gap_high - skip, 0, count),
        count,
        cuts.turned,
    )


class Reads(NamedTuple):
    """Stretches of the axis that windows need, and the few long reads that hold them.

    Stretches are laid end to end: stretch s is [start[s], stop[s]) of the axis and begins at
    `place[s]` of the result; read r is [reads[r][0], reads[r][1]).
    """

    start: Ints
    stop: Ints
    place: Ints
    reads: list[tuple[int, int]]

    @property
    def size(self) -> int:
        """Positions needed."""
        return int(self.place[-1] + self.stop[-1] - self.start[-1]) if len(self.start) else 0


def plan_reads(cuts: Cuts, longest: int, grain: int = 1) -> tuple[Reads, Cuts]:
    """Join what windows need to stretches, and these to reads.

    Parameters
    ----------
    cuts
        Windows on the axis.
    longest
        Most positions of one read.
    grain
        Reads of long stretches are cut at multiples of so many positions, since a reader decodes
        so many at once.

    Returns
    -------
    Reads
        What to read.
    Cuts
        The windows in the stretches laid end to end.
    """
    begin, end = cuts.at, cuts.at + (cuts.high - cuts.low)
    order = np.flatnonzero(cuts.high > cuts.low)
    order = order[np.argsort(begin[order], kind="stable")]
    if not order.size:
        none = np.zeros(0, dtype=np.int64)
        return Reads(none, none, none, []), cuts._replace(at=np.zeros_like(cuts.at))
    starts, ends = begin[order], end[order]
    reach = np.maximum.accumulate(ends)
    head = np.concatenate([[True], starts[1:] > reach[:-1]])
    start, stop = starts[head], reach[np.append(np.flatnonzero(head)[1:] - 1, len(reach) - 1)]
    place = np.concatenate([[0], np.cumsum(stop - start)[:-1]])
    at = np.zeros_like(cuts.at)
    of = np.cumsum(head) - 1
    at[order] = starts - start[of] + place[of]
    step = max(longest // grain, 1) * grain
    return Reads(start, stop, place, _joined(start, stop, step)), cuts._replace(at=at)


def _joined(start: Ints, stop: Ints, step: int) -> list[tuple[int, int]]:
    """Reads within the multiples of `step`: what is near each other is read at once."""
    first, last = start // step, (stop - 1) // step
    number = last - first + 1
    of = np.repeat(np.arange(len(start)), number)
    cell = (
        np.repeat(first, number)
        + np.arange(len(of))
        - np.repeat(np.cumsum(number) - number, number)
    )
    low = np.maximum(start[of], cell * step)
    high = np.minimum(stop[of], (cell + 1) * step)
    new = (cell[1:] != cell[:-1]) | (low[1:] > high[:-1] + _GAP)
    edges = [0, *(np.flatnonzero(new) + 1).tolist(), len(of)]
    return [(int(low[a]), int(high[b - 1])) for a, b in pairwise(edges)]
