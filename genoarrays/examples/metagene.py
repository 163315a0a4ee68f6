"""What does a track look like on average around many genes?

Around an anchor, windows are cut, turned to the strand and averaged. Scaled, each body is cut into
the same number of bins, whatever its length: each bin of each gene is a region (see `reduce.py`),
and genes are taken some thousands at a time, in the order of the genome, so that memory is bounded.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.gather import windows
from genoarrays.examples.labels import labels_of
from genoarrays.examples.regions import regions_on
from genoarrays.genome.clip import whole
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of
from genoarrays.genome.regions import columns_dataset
from genoarrays.ops.blocks import check_numbers
from genoarrays.ops.reduce import region_fields
from genoarrays.ops.stretches import positions_of
from genoarrays.ops.summary import results, summarize

__all__ = ["metagene"]

Ints = npt.NDArray[np.int64]
_ANCHORS = ("five_prime", "three_prime", "center", "scaled")
_AT_ONCE = 2**18  # bins of genes that are looked at together


def metagene(
    array: xr.DataArray,
    regions: Any,
    *,
    anchor: str = "five_prime",
    upstream: int = 0,
    downstream: int = 0,
    bin_size: int | None = None,
    body_bins: int = 100,
    by: str | npt.ArrayLike | None = None,
) -> xr.Dataset:
    """Average tracks around regions, such as genes, each in the direction of its strand.

    Parameters
    ----------
    array
        Numbers with the dimension `position`; NaN are missing. To leave out more, mask first:
        `array.where(valid)`.
    regions
        Table of regions, or anything that `read_regions` takes. Those without a strand are taken
        as they lie on the plus strand.
    anchor
        "five_prime" (the first base of a gene: its TSS), "three_prime" (its last base) or
        "center" has the offset 0; "scaled" cuts what lies between start and end of each region
        into `body_bins` bins.
    upstream, downstream
        bp before and after the anchor, or before and after the body: offsets go from -`upstream`
        to `downstream`, half-open. Multiples of `bin_size`.
    bin_size
        bp per bin of the result, a multiple of that of `array`; None for that of `array`.
    body_bins
        Bins of each body, with anchor="scaled". Bin k of a region of n bases has the bases from
        k n / `body_bins` on, rounded down, and at least one.
    by
        Column of the table, or a label for each region: one profile for each label. Regions
        without a label (NaN, None) are left out.

    Returns
    -------
    xr.Dataset
        For each bin over all regions: mean, sd (n - 1), min and max (float64), and count (int64),
        of the regions' own means in that bin; a region has none where all is missing, or off its
        contig. (offset, ...), `offset` in bp from the anchor to the start of the bin; with
        "scaled" (bin, ...), to be drawn along `bin`: bp from the start of bodies that have
        `body_bins` x `bin_size` bp each. There `part` is "upstream", "body" or "downstream", and
        `place` counts bp from the body's start, shares of it, or bp from its end. Strands of a
        stranded track are the region's own and the other one: "+" is the strand of the region.
        With `by`, a first dimension bears the name of the column, or "group" ("region_strand" and
        the like where `array` has such a dimension). Lazy where `array` has dask chunks.

    Raises
    ------
    GenomeError
        For an unknown anchor, codes of letters, nothing around the anchor, or no regions.
    RegionError
        For lengths that are no multiples of the bins, regions that end past their contig unless
        read so, bins off the grid of a binned track, or an axis that lacks what is asked for.
    AssemblyError, ContigError
        When the regions lie on another genome.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 9}))
    >>> x = xr.DataArray(np.arange(9.0), coords, ["position"])
    >>> genes = ["chr1:2-5:+", "chr1:4-7:-"]
    >>> found = ga.metagene(x, genes, upstream=1, downstream=2)
    >>> found.offset.values, found["mean"].values
    (array([-1,  0,  1]), array([4., 4., 4.]))
    >>> ga.metagene(x, genes, anchor="scaled", body_bins=3)["mean"].values
    array([4., 4., 4.])
    """
    if anchor not in _ANCHORS:
        raise GenomeError(f"anchor={anchor!r} is not known; use one of {', '.join(_ANCHORS)}")
    check_numbers(array, "averaged")
    if "position" not in array.dims:
        raise GenomeError(
            f"{array.name!r} with dims {array.dims} is not on the genome; give a variable with the "
            "dimension `position`"
        )
    axis = axis_of(array)
    size = axis.bin_size if bin_size is None else whole("bin_size", bin_size, least=1)
    reach = whole("upstream", upstream, least=0), whole("downstream", downstream, least=0)
    for name, bp in zip(("upstream", "downstream"), reach, strict=True):
        if bp % size:
            raise RegionError(f"{name}={bp} is no multiple of bin_size={size}")
    if size % axis.bin_size:
        raise RegionError(f"bin_size={size} is no multiple of the {axis.bin_size} bp of the array")
    table, columns = regions_on(regions, axis.assembly)
    if columns.size == 0:
        raise GenomeError("there are no regions to average over")
    # neighbors in one block: it needs few reads
    order = np.lexsort((columns.start, columns.code))
    columns = columns.take(order)
    if anchor == "scaled":
        x = _scaled(array, columns, reach, size, whole("body_bins", body_bins, least=1))
    else:
        if sum(reach) == 0:
            raise GenomeError("there is nothing around the anchor; say upstream= and downstream=")
        x = _anchored(array, columns, anchor, reach, size)
    if by is None:
        return summarize(x, "window")
    labels, groups, dim = labels_of(table, columns.size, by, array.dims)
    groups = groups[order]
    parts = [summarize(x.isel(window=groups == n), "window") for n in range(len(labels))]
    return xr.concat(parts, dim).assign_coords({dim: labels})


def _anchored(
    array: xr.DataArray, columns: Columns, anchor: str, reach: tuple[int, int], size: int
) -> xr.DataArray:
    """Windows around an anchor: (window, offset, ...)."""
    minus = columns.orientation < 0
    place = (columns.start + columns.end) // 2
    if anchor != "center":
        first = minus if anchor == "three_prime" else ~minus
        place = np.where(first, columns.start, np.maximum(columns.end - 1, 0))
    bases = columns_dataset(columns._replace(start=place, end=place + 1))
    x = windows(
        array.rename("x"), bases, max(reach[1], size), flank=(reach[0], 0), anchor="five_prime",
        reduce="mean", bin_size=size, valid=array.dtype.kind != "f",
    ).isel(offset=slice(sum(reach) // size))  # fmt: skip
    found = x.x.where(x.valid) if "valid" in x else x.x
    attrs = {k: v for k, v in found["offset"].attrs.items() if k == "units"}
    attrs |= {"long_name": f"from the {anchor.replace('_', ' ')}", "bin_size": size}
    offset = np.arange(-reach[0], reach[1], size)
    result: xr.DataArray = found.assign_coords(offset=("offset", offset, attrs))
    return result.rename(array.name)


class _Bins(NamedTuple):
    """Bins of all regions along their strands: [start, end) of (region, bin)."""

    start: Ints
    end: Ints


def _scaled(
    array: xr.DataArray, columns: Columns, reach: tuple[int, int], size: int, body: int
) -> xr.DataArray:
    """Means of the bins of each region: (window, bin, ...)."""
    import dask.array as da

    number = reach[0] // size, body, reach[1] // size
    step = max(_AT_ONCE // sum(number), 1)
    lazy = array if array.chunks is not None else array.chunk({"position": 2**22})
    blocks = []
    for begin in range(0, columns.size, step):
        some = columns.take(slice(begin, begin + step))
        bins = _bins(some, reach, size, number)
        flat = Columns(
            some.names, np.repeat(some.code, sum(number)), bins.start.reshape(-1),
            bins.end.reshape(-1), np.zeros(bins.start.size, dtype=np.int8), some.assembly,
        )  # fmt: skip
        fields = region_fields(lazy, *positions_of(flat, axis_of(array)))
        means = results(fields, ["mean"])["mean"]
        blocks.append(means.reshape(some.size, sum(number), *means.shape[1:]))
    part = np.repeat(["upstream", "body", "downstream"], number).astype(np.dtypes.StringDType())
    place = np.concatenate(
        [np.arange(-reach[0], 0, size), np.arange(body) / body, np.arange(0, reach[1], size)]
    )
    rest = [d for d in array.dims if d != "position"]
    coords = {n: c for n, c in array.coords.items() if "position" not in c.dims}
    scaled = body * size  # bp that a body is drawn with
    along = np.concatenate(
        [np.arange(-reach[0], scaled, size), np.arange(scaled, scaled + reach[1], size)]
    )
    attrs = {"long_name": f"from the start of bodies, scaled to {scaled:,} bp", "units": "bp"}
    coords |= {"bin": ("bin", along, attrs), "part": ("bin", part), "place": ("bin", place)}
    found = xr.DataArray(
        da.concatenate(blocks), coords, ["window", "bin", *rest], array.name, array.attrs
    )
    if "strand" in rest:
        minus = xr.DataArray(columns.orientation < 0, dims="window")
        other = found.isel(strand=slice(None, None, -1)).assign_coords(strand=array["strand"])
        found = found.where(~minus, other)
    return found if array.chunks is not None else found.compute()


def _bins(
    columns: Columns, reach: tuple[int, int], size: int, number: tuple[int, int, int]
) -> _Bins:
    """Bins of some regions, in the direction of each."""
    minus = columns.orientation[:, None] < 0
    length = (columns.end - columns.start)[:, None]
    share = np.arange(number[1]) * length // number[1]
    stop = np.maximum(np.arange(1, number[1] + 1) * length // number[1], share + 1)
    stop = np.minimum(stop, length)
    before = np.broadcast_to(np.arange(-reach[0], 0, size), (columns.size, number[0]))
    after = length + np.arange(0, reach[1], size)
    first = np.concatenate([before, np.minimum(share, length - 1), after], axis=1)
    last = np.concatenate([before + size, stop, after + size], axis=1)
    start = np.where(minus, columns.end[:, None] - last, columns.start[:, None] + first)
    end = np.where(minus, columns.end[:, None] - first, columns.start[:, None] + last)
    return _Bins(start, end)
