"""At which bases do the values of windows stand?

Windows lie anywhere, in any order, on both strands; offsets count from their 5' ends, so what comes
from the minus strand is turned back, and its strands change places. Windows that overlap are
refused, or averaged where that was asked.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import AssemblyError, RegionError
from genoarrays.formats.signal.runs import window_bins
from genoarrays.genome.columns import Columns, make_columns
from genoarrays.genome.region import Region
from genoarrays.genome.regions import assembly_of
from genoarrays.genome.windows import window_index
from genoarrays.plot.pixels import Groups, edges_of, reduce_groups

__all__ = ["Placed", "columns_of", "mean_of_overlaps", "pixels_of_windows", "windows_in"]

BLOCK = 2**23  # values that are computed at once

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


class Placed(NamedTuple):
    """Windows that overlap a region, from left to right.

    `rows` has the dimensions window, offset (where there is one), and others. `start` and `end`
    are those of their bins, (window, bin), from left to right too; `turned` tells which windows are
    of the minus strand.
    """

    rows: xr.DataArray
    start: Ints
    end: Ints
    turned: npt.NDArray[np.bool_]

    def values(self, some: slice = slice(None)) -> Floats:
        """(window, bin, ...) numbers of some of the windows, as the plus strand has them."""
        rows = self.rows.isel(window=some)
        values = np.asarray(rows.values)
        values = values if values.dtype == np.float32 else values.astype(np.float64)
        turned = self.turned[some]
        for axis, dim in enumerate(map(str, rows.dims)):
            if turned.any() and (dim.startswith("offset") or dim == "strand"):
                values = np.where(
                    turned.reshape(-1, *(1,) * (values.ndim - 1)), np.flip(values, axis), values
                )
        return values if any(str(d).startswith("offset") for d in rows.dims) else values[:, None]


def windows_in(
    array: xr.DataArray, place: Region, name: str, overlap: str | None = None, longer: int = 0
) -> Placed:
    """The windows that overlap a region.

    Parameters
    ----------
    array
        Dimension `window`, `offset` or none, and any others.
    place
        Region with its end.
    name
        The array's name, for messages.
    overlap
        "mean": windows may overlap.
    longer
        Values that will be more along `offset`, as when k-mers become bases.

    Raises
    ------
    TypeError
        For two dimensions of offsets.
    RegionError
        When no window overlaps the region, or windows overlap each other and may not.
    """
    offsets = [str(dim) for dim in array.dims if str(dim).startswith("offset")]
    if len(offsets) > 1:
        raise TypeError(f"{name!r} has two dimensions of offsets, {offsets}; select one first")
    bins = array.sizes[offsets[0]] + longer if offsets else 1
    columns = columns_of(array)
    code = columns.names.index(place.contig) if place.contig in columns.names else -1
    low, width, _ = window_bins(columns, bins, _longer(array, offsets, longer))
    high = low + bins * width
    here = (columns.code == code) & (low < (place.end or 0)) & (high > place.start)
    chosen = np.flatnonzero(here)
    if not len(chosen):
        raise RegionError(f"{name!r} holds no window that overlaps {place}")
    chosen = chosen[np.argsort(low[chosen], kind="stable")]
    low, width, high = low[chosen], width[chosen], high[chosen]
    if overlap != "mean" and (low[1:] < high[:-1]).any():
        raise RegionError(
            f"windows of {name!r} overlap in {place}; say overlap='mean', or "
            "keep some of them, as in x.isel(window=slice(None, None, 2))"
        )
    start = low[:, None] + width[:, None] * np.arange(bins)
    end = start + width[:, None]
    with suppress(AssemblyError):  # tables without an assembly know no ends
        end = np.minimum(end, assembly_of(array).length(place.contig))
    others = [dim for dim in array.dims if dim not in ("window", *offsets)]
    rows = array.isel(window=chosen).transpose("window", *offsets, *others)
    return Placed(rows, np.maximum(start, 0), end, columns.orientation[chosen] < 0)


def columns_of(array: xr.DataArray) -> Columns:
    """Windows of an array: of its index, or of its coordinates where it has none."""
    try:
        return window_index(array).columns
    except RegionError:
        contig, start, end = (array[name].values for name in ("contig", "start", "end"))
        strand = array["orientation"].values if "orientation" in array.coords else None
        return make_columns(contig, start, end, strand, None)


def _longer(array: xr.DataArray, offsets: list[str], longer: int) -> xr.DataArray | None:
    """The coordinate of offsets, with those of more bases at its end."""
    if not offsets or offsets[0] not in array.coords:
        return None
    known = array.coords[offsets[0]]
    values = known.values
    more = (values[-1] if len(values) else -1) + 1 + np.arange(longer)
    return xr.DataArray(np.concatenate([values, more]), dims=offsets, attrs=known.attrs)


def mean_of_overlaps(
    start: Ints, end: Ints, values: Floats, place: Region, name: str
) -> tuple[Ints, Ints, Floats]:
    """Bins (line, bin) in a region from left to right, those at one place averaged.

    Raises
    ------
    RegionError
        When bins lie over each other in part.
    """
    kept = np.flatnonzero((start < (place.end or 0)) & (end > np.maximum(start, place.start)))
    kept = kept[np.lexsort((end[kept], start[kept]))]
    start, end, values = start[kept], end[kept], values[:, kept]
    head = np.flatnonzero(np.diff(start, prepend=-1) | np.diff(end, prepend=-1))
    if (start[head][1:] < end[head][:-1]).any():
        raise RegionError(
            f"windows of {name!r} in {place} cut the genome into bins at different places, which "
            "cannot be averaged; keep some of them, as in x.isel(window=slice(None, None, 2))"
        )
    if len(head) < len(start):
        groups = reduce_groups(values, values, values, head)
        _, _, values, _ = groups.merge(np.arange(len(head)))
    return start[head], end[head], values


def pixels_of_windows(
    found: Placed, place: Region, pixels: int
) -> tuple[Ints, Ints, Floats, Floats, Floats]:
    """Start, end, least, mean and largest value per pixel, of (line, pixel), block by block."""
    edges = edges_of(place.start, place.end or 0, pixels)
    windows, bins = found.start.shape
    lines = max(found.rows.size // (windows * bins), 1)
    step = max(BLOCK // (lines * bins), 1)
    groups, numbers = [], []
    for first in range(0, windows, step):
        some = slice(first, first + step)
        start, end = found.start[some].reshape(-1), found.end[some].reshape(-1)
        kept = np.flatnonzero((start < (place.end or 0)) & (end > np.maximum(start, place.start)))
        pixel = np.maximum(np.searchsorted(edges, start[kept], side="right") - 1, 0)
        order = np.argsort(pixel, kind="stable")
        pixel = pixel[order]
        if not len(pixel):
            continue
        values = found.values(some).reshape(len(start), -1)[kept[order]].T
        heads = np.flatnonzero(np.diff(pixel, prepend=-1))
        groups.append(reduce_groups(values, values, values, heads))
        numbers.append(pixel[heads])
    together = Groups(*(np.concatenate(parts, axis=1) for parts in zip(*groups, strict=True)))
    filled, low, mean, high = together.merge(np.concatenate(numbers))
    return edges[filled], edges[filled + 1], low, mean, high
