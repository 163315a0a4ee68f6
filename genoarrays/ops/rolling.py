"""What is around each position of the genome: sums, extremes and means of a sliding window?

A window ends with its contig, and where an axis holds regions only, with the region: there it
counts what exists. Each chunk of a lazy array is worked on with a margin of its neighbors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.index import axis_of
from genoarrays.ops.along import along_axis, beside
from genoarrays.ops.by_row import BlockRows, kernel_dtype
from genoarrays.ops.coarse import coarse_dtype, worst
from genoarrays.ops.runs import Runs, axis_runs

__all__ = ["rolling", "smooth"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
Array = npt.NDArray[Any]
_HOW = ("mean", "sum", "min", "max")
_TILE, _MARGINS = 2**14, 4  # values worked on at once, and lengths of a margin at least


def rolling(
    obj: Xarray, width: int, how: str = "mean", *, center: bool = True, min_count: int = 1
) -> Xarray:
    """Mean, sum, smallest or largest value in a window around each position, lazily.

    Unlike `obj.rolling(position=...)`, which mixes the ends of contigs, a window holds bins of one
    contig, and of one region where the axis holds regions only; at their ends it is shorter. The
    cost does not depend on the width.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis; variables without `position` stay.
    width
        bp of the window, a multiple of the bin size.
    how
        "mean", "sum", "min" or "max" of what exists: NaN are skipped. Means weigh the last bin of
        a contig, which may be shorter, by its bp.
    center
        Whether the position is in the middle of its window, of an even number of bins the first
        one behind it; else it is the last one.
    min_count
        Fewest values in a window that are not missing; below that the result is NaN.

    Returns
    -------
    The same kind of object on the same axis, chunked as before: float32 (float64 of float64) for
    means, the dtype of `obj` for min, max and sums of floats, int64 for sums of integers. Sums are
    taken in float64 or int64.

    Raises
    ------
    GenomeError
        For an unknown `how`, a width that is no multiple of the bin size, a `min_count` that does
        not fit the window or that integers cannot show, codes of letters, or values that are no
        numbers.
    RegionError
        When the axis is reversed or thinned out.
    AssemblyError
        When `obj` has no genome axis.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 5, "chr2": 3}))
    >>> x = xr.DataArray([1, 2, 3, 4, 9, 5, 6, 7], coords, ["position"])
    >>> ga.rolling(x, 3).values
    array([1.5      , 2.       , 3.       , 5.3333335, 6.5      , 5.5      ,
           6.       , 6.5      ], dtype=float32)
    >>> ga.rolling(x, 2, "max", center=False).values
    array([1, 2, 3, 4, 9, 5, 6, 7])
    """
    axis = axis_of(obj)
    if how not in _HOW:
        raise GenomeError(f"how={how!r} is not known; use one of {', '.join(_HOW)}")
    if int(width) != width or width < axis.bin_size or width % axis.bin_size:
        raise GenomeError(
            f"width={width} is no multiple of the bins, which have {axis.bin_size} bp"
        )
    bins = int(width) // axis.bin_size
    if not 1 <= min_count <= bins:
        raise GenomeError(f"min_count={min_count} is not possible in a window of {bins} values")
    left = bins // 2 if center else bins - 1
    longest = int(axis.count.max(initial=1))  # what is farther away is on no contig
    window = _Window(how, min(left, longest), min(bins - 1 - left, longest), min_count)
    return _slid(obj, window, "roll")


def smooth(obj: Xarray, sd: float, *, truncate: float = 4.0) -> Xarray:
    """Mean around each position with the weights of a normal distribution, lazily.

    What is missing, behind the end of a contig or of a region has no weight, and the weights of the
    rest are scaled up: a constant stays what it is up to the last base. Values near a gap fill it;
    `smooth(x, sd).where(x.notnull())` keeps it.

    Parameters
    ----------
    obj
        Dataset or DataArray on a genome axis; variables without `position` stay.
    sd
        Standard deviation in bp. The cost grows with its number of bins: for one of thousands,
        `ga.coarsen` first.
    truncate
        Standard deviations on either side beyond which weights are 0.

    Returns
    -------
    The same kind of object on the same axis, chunked as before, float32 (float64 of float64). The
    weight of a bin is the density at its distance from the position; the last bin of a contig,
    which may be shorter, counts by its bp.

    Raises
    ------
    GenomeError
        When `sd` or `truncate` is not above 0, for codes of letters, or values that are no numbers.
    RegionError
        When the axis is reversed or thinned out.
    AssemblyError
        When `obj` has no genome axis.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 5, "chr2": 3}))
    >>> x = xr.DataArray([0.0, 0, 1, 0, 0, 5, 5, np.nan], coords, ["position"])
    >>> ga.smooth(x, 1).values.round(3)
    array([0.077, 0.257, 0.403, 0.257, 0.077, 5.   , 5.   , 5.   ])
    """
    axis = axis_of(obj)
    for name, value in (("sd", sd), ("truncate", truncate)):
        if not 0 < value < np.inf:
            raise GenomeError(f"{name}={value} is not possible; give a number above 0")
    longest = int(axis.count.max(initial=1)) - 1
    reach = int(min(truncate * sd / axis.bin_size + 0.5, longest))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) * (axis.bin_size / sd)) ** 2)
    return _slid(obj, _Bell(reach, taps), "smooth")


@dataclass(frozen=True)
class _Window:
    """A window of bins that count alike."""

    how: str
    before: int
    after: int
    min_count: int

    def kinds(self, dtype: np.dtype[Any]) -> tuple[np.dtype[Any], np.dtype[Any]]:
        """Types of values in the loop, and of results."""
        result, kept = coarse_dtype(dtype, self.how), kernel_dtype(dtype)
        if self.min_count > 1 and result.kind != "f":
            raise GenomeError(
                f"min_count={self.min_count} makes NaN of windows that hold less, which the "
                f'{self.how} of {dtype} cannot be; use obj.astype("float64")'
            )
        if self.how == "mean":
            kept = np.dtype(np.float64)
        elif self.how == "sum":
            kept = np.dtype(np.float64 if kept.kind == "f" else np.int64)
        return kept, result

    def over(self, tile: Array, runs: Runs, skip: int, out: Array) -> None:
        from genoarrays.ops.sliding import LARGEST, SMALLEST, SUM, slide

        kind = {"max": LARGEST, "min": SMALLEST}.get(self.how, SUM)
        nothing = worst(tile.dtype, self.how) if kind != SUM else tile.dtype.type(0)
        values, weights = _weighed(tile, runs if self.how == "mean" else None, nothing)
        value, weight = np.empty((len(tile), out.shape[1]), tile.dtype), np.empty(out.shape)
        slide(
            values, weights, runs.start, runs.stop, runs.first, skip, self.before,
            self.before + 1 + self.after, kind, nothing, value, weight,
        )  # fmt: skip
        if self.how == "mean":
            with np.errstate(invalid="ignore"):
                value /= weight
        if out.dtype.kind == "f":
            # a last bin that is shorter is one value all the same
            value[np.ceil(weight) < self.min_count] = np.nan
        out[:] = value


@dataclass(frozen=True)
class _Bell:
    """A window of bins that count less away from its middle, up to `after` on either side."""

    after: int
    taps: Array

    @property
    def before(self) -> int:
        return self.after

    def kinds(self, dtype: np.dtype[Any]) -> tuple[np.dtype[Any], np.dtype[Any]]:
        """Types of values in the loop, and of results."""
        return np.dtype(np.float64), coarse_dtype(dtype, "mean")

    def over(self, tile: Array, runs: Runs, skip: int, out: Array) -> None:
        from genoarrays.ops.sliding import weigh

        values, weights = _weighed(tile, runs, np.float64(0))
        value, weight = np.empty(out.shape), np.empty(out.shape)
        weigh(values, weights, runs.start, runs.stop, skip, self.taps, value, weight)
        with np.errstate(invalid="ignore"):
            out[:] = value / weight


@dataclass(frozen=True)
class _Place:
    """Of a chunk with its margin: runs, length of the margin before it, and its own."""

    runs: Runs
    skip: int
    number: int


def _slid(obj: Xarray, window: _Window | _Bell, doing: str) -> Xarray:
    axis = axis_of(obj)
    runs = axis_runs(axis, doing)

    def change(data: Any) -> Any:
        kept, dtype = window.kinds(data.dtype)
        work = partial(_worked, window, kept, dtype)
        chunks: Sequence[int] = [len(data)] if isinstance(data, np.ndarray) else data.chunks[0]
        ends = [pair for pair in pairwise(np.cumsum([0, *chunks]).tolist()) if pair[0] < pair[1]]
        if not ends:
            return np.empty(data.shape, dtype)
        needs = [runs.around(*pair, window.before, window.after) for pair in ends]
        places = [
            _Place(runs.within(low, high), start - low, stop - start)
            for (start, stop), (low, high) in zip(ends, needs, strict=True)
        ]
        lengths = [place.number for place in places]
        name = doing, runs, window
        return beside(data, [[pair] for pair in needs], work, places, lengths, dtype, name)

    return along_axis(obj, axis, change, "averaged" if doing == "smooth" else "rolled over")


def _worked(
    window: _Window | _Bell, kept: np.dtype[Any], dtype: np.dtype[Any], blocks: Sequence[Array],
    place: _Place,
) -> Array:  # fmt: skip
    """Results of a chunk, in pieces whose margins are short beside them."""
    rows, runs = BlockRows(blocks), place.runs
    out = np.empty((rows.number, place.number), dtype)
    margin = window.before + window.after
    step = max(_TILE // max(rows.number, 1), _MARGINS * margin, 1)
    for start in range(0, place.number, step):
        stop = min(start + step, place.number)
        low, high = runs.around(place.skip + start, place.skip + stop, window.before, window.after)
        tile = rows.between(low, high, kept)
        skip = place.skip + start - low
        window.over(tile, runs.within(low, high), skip, out[:, start:stop])
    return rows.shaped(out)


def _weighed(tile: Array, runs: Runs | None, nothing: Any) -> tuple[Array, Array]:
    """Values with `nothing` for what is missing, and their weights: 0, 1, or the share of a bin."""
    there = tile == tile
    values, weights = np.where(there, tile, nothing), there.astype(np.float64)
    if runs is not None:
        short = np.flatnonzero(runs.share != 1)
        last = runs.stop[short] - 1
        values[:, last] *= runs.share[short]
        weights[:, last] *= runs.share[short]
    return values, weights
