"""How do numbers that belong to regions become a track on the genome axis?

Values of a region are laid on the bins they stand for: those of the minus strand are turned back,
and where a region has fewer values than bins, a value holds for all of its bins. The result is
lazy, also where the values are in memory: a whole genome of mostly nothing needs no more memory
than the values and one chunk. See `laid.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import AssemblyError, GenomeError, RegionError
from genoarrays.formats.arrays.laid import Placed, laid
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.formats.match import assembly_like
from genoarrays.formats.signal.runs import window_bins
from genoarrays.genome.assembly import Assembly, check_same_assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import genome_coords
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import WindowIndex, window_index

__all__ = ["from_array"]

Ints = npt.NDArray[np.int64]
_DIMS = {
    1: ("region",),
    2: ("region", "track"),
    3: ("region", "offset", "track"),
    4: ("region", "offset", "strand", "track"),
}
_FAR = 2**40  # more bins than any contig has


def from_array(
    values: Any,
    regions: Any = None,
    *,
    name: str | None = None,
    dims: Sequence[str] | None = None,
    bin_size: int | None = None,
    like: Any = None,
    orientation: str = "region",
    fill: float | None = None,
    overlap: str | None = None,
) -> xr.Dataset:
    """Make a labelled track of numbers that belong to regions, lazily.

    Parameters
    ----------
    values
        numpy or dask array with one row per region; or a DataArray with the dimension `region` or
        `window`, such as predictions. With a dimension `offset` the values of a row divide the
        region evenly, or lie where a coordinate `offset` says (bp from the 5' end); without it a
        row holds for the whole region.
    regions
        Table of regions, or anything that `ga.read_regions` takes, in the order of the rows. None
        takes the windows that a DataArray is labelled with.
    name
        Name of the variable; None is that of the DataArray, else "signal".
    dims
        Dimensions of an array without names. By default ("region",), ("region", "track"),
        ("region", "offset", "track") or ("region", "offset", "strand", "track"), by their number.
    bin_size
        bp per position of the result; None is the bp that one value stands for. Regions must start
        and end on multiples of it (or end with their contig); smaller bins repeat the value.
    like
        Lay the result on the whole of this genome: Assembly, object on a genome axis, or path of a
        FASTA, .fai or .sizes. None: on the regions only, in the order of the genome.
    orientation
        "region": values run from 5' to 3' of their region, and strand "+" is the region's own;
        "genomic": values run from low to high, and strands are those of the genome.
    fill
        Value where no region lies; by default NaN, 0 for integers, the unknown letter for codes.
    overlap
        "mean" or "max" of the values (NaN skipped) where regions overlap; None is an error there.

    Returns
    -------
    xr.Dataset
        One variable (position[, strand][, further dims]) of the dtype of `values` (float32 for
        means, or float64), dask chunks of `ga.set_options(chunk_bytes=)`, with labels and attrs of
        a DataArray. Values off the end of a contig, and past the end of a short last tile, are
        left out.

    Raises
    ------
    RegionError
        When rows and regions differ in number or identity, values do not divide a region, regions
        are off the grid of the bins, or overlap.
    AssemblyError, ContigError
        When the genome is not known, or another one than that of `like`.
    GenomeError
        For values that are no numbers, or dimensions and options that do not fit.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 100, "chr2": 50})
    >>> regions = ga.read_regions(["chr1:0-20:+", "chr1:40-60:-"], like=toy)
    >>> ga.from_array(np.array([[1, 2], [3, 4]]), regions).signal.values  # two tracks
    array([[1, 2],
           [3, 4]])
    >>> x = ga.from_array(np.array([[1, 2], [3, 4]]), regions, dims=("region", "offset"))
    >>> x.position.values, x.signal.values
    (array([ 0, 10, 40, 50]), array([1, 2, 4, 3]))
    >>> ga.from_array(np.array([1.0, 2.0]), regions, like=toy).signal.values
    array([ 1., nan,  2., nan, nan, nan, nan, nan])
    """
    if orientation not in ("region", "genomic"):
        raise GenomeError(f'orientation={orientation!r} is not known; use "region" or "genomic"')
    if overlap not in (None, "mean", "max"):
        raise GenomeError(f'overlap={overlap!r} is not known; use "mean" or "max"')
    array = _labelled(values, dims)
    columns, assembly, tile_width = _regions(array, regions, like)
    if array.shape[0] != columns.size:
        raise RegionError(
            f"values has {array.shape[0]:,} rows, and there are {columns.size:,} regions; give one "
            "row for each region, in the same order"
        )
    width = array.shape[1] if array.ndim == 2 and columns.size else 1
    nameless = dims is None and not isinstance(values, xr.DataArray)
    if nameless and width > 1 and (columns.end - columns.start == width).all():
        raise GenomeError(
            f"values has {width} columns and regions of {width} bp: tracks or positions? say "
            "dims=('region', 'track') or dims=('region', 'offset')"
        )
    if orientation == "genomic":
        columns = columns._replace(orientation=np.zeros_like(columns.orientation))
    placed = _place(array, columns, assembly, tile_width, bin_size)
    if overlap is None:
        _check_overlaps(placed, columns)
    axis = _axis_of_regions(placed, assembly) if like is None else None
    axis = GenomeAxis(assembly, placed.bin_size) if axis is None else axis
    minus = columns.orientation[placed.rows] < 0
    variable = laid(array, placed, minus, axis, _fill(array, fill), overlap)
    labels = {
        dim: (dim, _plain(array[dim].values), array[dim].attrs)
        for dim in variable.dims
        if dim in array.coords
    }
    if "strand" in variable.dims and "strand" not in labels:
        labels["strand"] = "strand", _plain(np.array(["+", "-"])), {}
    name = str(array.name or "signal") if name is None else name
    return xr.Dataset({name: variable}, genome_coords(axis)).assign_coords(labels)


# ---- what was given


def _labelled(values: Any, dims: Sequence[str] | None) -> xr.DataArray:
    """Values as (window or region[, offset][, strand], ...)."""
    if isinstance(values, xr.Dataset):
        names = ", ".join(map(str, values.data_vars))
        raise GenomeError(f"a Dataset is not one array; give one of its variables ({names})")
    if isinstance(values, xr.DataArray):
        if dims is not None:
            raise GenomeError("dims= is for arrays without names; rename those of the DataArray")
        array = values
    else:
        values = values if hasattr(values, "dask") else np.asarray(values)
        known = _DIMS.get(values.ndim) if dims is None else tuple(dims)
        if known is None or len(known) != values.ndim:
            raise GenomeError(
                f"values has the shape {values.shape}; name its dimensions, as in "
                "dims=('region', 'offset', 'track')"
            )
        array = xr.DataArray(values, dims=known, name="signal")  # not the name dask gave it
    if array.dtype.kind not in "biuf":
        raise GenomeError(f"values has {array.dtype}, which are no numbers; convert them to float")
    rows = [dim for dim in map(str, array.dims) if dim in ("region", "window")]
    offsets = [dim for dim in map(str, array.dims) if dim.startswith("offset")]
    if len(rows) != 1 or len(offsets) > 1:
        raise GenomeError(
            f"values has the dimensions {', '.join(map(str, array.dims))}; one must be 'region' or "
            "'window', and at most one an 'offset'"
        )
    if "position" in array.dims:
        raise GenomeError("values has the dimension 'position' already: it is a track")
    strand = [dim for dim in ("strand",) if dim in array.dims]
    if strand and array.sizes["strand"] != 2:
        raise GenomeError(f"values has {array.sizes['strand']} strands; there are two, + and -")
    return array.transpose(*rows, *offsets, *strand, ...)


def _regions(array: xr.DataArray, regions: Any, like: Any) -> tuple[Columns, Assembly, int | None]:
    """The regions, their genome, and the width of tiles where the last ones may be shorter."""
    genome = None if like is None else assembly_like(like)
    index = next((i for i in array.xindexes.values() if isinstance(i, WindowIndex)), None)
    tile_width = None
    if regions is None:
        if index is None:
            raise RegionError("these values are not labelled with windows; give regions=")
        columns = index.columns
    elif isinstance(regions, (xr.Dataset, xr.DataArray)) and "window" in regions.dims:
        columns = window_index(regions).columns
    else:
        if not isinstance(regions, xr.Dataset):
            regions = read_regions(regions, like=genome)
        columns = region_columns(regions)
        if genome is not None and columns.assembly is None:
            columns = region_columns(read_regions(regions, like=genome))
        tile_width = regions.attrs.get("tile_width")
    assembly = genome if genome is not None else columns.assembly
    if assembly is None:
        raise AssemblyError(
            "these regions do not know their assembly; read them with "
            "ga.read_regions(..., like=genome), or give like= here for the whole genome"
        )
    if columns.assembly is not None:
        check_same_assembly(assembly, columns.assembly, "cannot lay values, regions lie on")
    if index is not None and regions is not None and not index.columns.same_as(columns):
        raise RegionError(
            "the values are labelled with other windows than regions=; leave regions= out, or give "
            "array.values"
        )
    codes = np.array([assembly.code(n) for n in columns.names] or [0], dtype=np.int32)
    columns = columns._replace(names=assembly.names, code=codes[columns.code])
    return columns, assembly, tile_width


def _fill(array: xr.DataArray, asked: float | None) -> Any:
    if asked is None:
        letters = len(array.attrs.get("alphabet", ""))
        return array.dtype.type(np.nan if array.dtype.kind == "f" else letters)
    if array.dtype.kind != "f":
        fits = asked == asked and abs(asked) < 2**63 and int(asked) == asked
        if not fits or int(np.array(int(asked)).astype(array.dtype)) != asked:
            raise GenomeError(f"fill={asked} does not fit values of {array.dtype}; cast them first")
    return array.dtype.type(asked)


def _plain(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels that zarr can keep: text of any length instead of `<U` and objects."""
    if labels.dtype.kind == "U" or (
        labels.dtype.kind == "O" and all(isinstance(one, str) for one in labels.flat)
    ):
        return labels.astype(np.dtypes.StringDType())
    return labels


# ---- where it lies


def _place(
    array: xr.DataArray,
    columns: Columns,
    assembly: Assembly,
    tile_width: int | None,
    bin_size: int | None,
) -> Placed:
    offset = next((str(dim) for dim in array.dims if str(dim).startswith("offset")), None)
    bins = 1 if offset is None else array.sizes[offset]
    if bins == 0 or (columns.end <= columns.start).any():
        raise RegionError("there are no bins to lay values on: a region or an offset is empty")
    shown = array.coords[offset] if offset is not None and offset in array.coords else None
    tiles = columns
    if shown is None and offset is not None and tile_width is not None:
        tiles = columns._replace(end=np.maximum(columns.end, columns.start + tile_width))
    low, width, whole = window_bins(tiles, bins, shown)
    whole = tile_width if tiles is not columns else whole
    stop = low + bins * width
    if whole is not None:
        if (whole % width).any():  # bins do not divide the window: the last one is cut
            stop = np.minimum(stop, columns.start + whole)
        short = columns.end - columns.start < whole
        stop = np.where(short, np.minimum(stop, columns.end), stop)
    if bin_size is None:
        bin_size = int(width.max(initial=1))
    if isinstance(bin_size, bool) or int(bin_size) != bin_size or bin_size < 1:
        raise GenomeError(f"bin_size={bin_size!r} is not possible; give whole bp, at least 1")
    size = int(bin_size)
    length = assembly.lengths[columns.code]
    ends = stop >= length
    off = (low % size != 0) | ((stop % size != 0) & ~ends) | ((width % size != 0) & (bins > 1))
    if off.any():
        row = int(np.argmax(off))
        fits = np.gcd.reduce(np.concatenate([low, stop[~ends], width if bins > 1 else low[:0]]))
        raise RegionError(
            f"region {columns.labels(slice(row, row + 1))[0]}, {width[row]:,} bp to a value, does "
            f"not lie on bins of {size:,} bp; give bin_size={int(fits) or 1} (or a divisor of it), "
            "and ga.coarsen the result, or lay the regions on a grid with ga.snap_regions"
        )
    begin = low // size
    skip = np.maximum(-begin, 0)
    last = np.minimum(-(-stop // size), -(-length // size))
    count = np.maximum(last - begin - skip, 0)
    rows = np.flatnonzero(count)
    code = columns.code.astype(np.int64)
    rows = rows[np.argsort(code[rows] * _FAR + (begin + skip)[rows], kind="stable")]
    placed = (code, begin + skip, count, skip, -(-width // size))
    return Placed(size, bins, rows, *(part[rows] for part in placed))


def _check_overlaps(placed: Placed, columns: Columns) -> None:
    key = placed.code * _FAR + placed.first
    if (bad := np.flatnonzero(key[1:] < (key + placed.count)[:-1])).size:
        one, other = columns.labels(placed.rows[bad[0] : bad[0] + 2]).tolist()
        raise RegionError(
            f"{one} and {other} overlap, and a track holds one value per bin; say overlap='mean' "
            "or 'max', or give regions that do not overlap"
        )


def _axis_of_regions(placed: Placed, assembly: Assembly) -> GenomeAxis:
    """Axis of all bins on which a region lies, in the order of the genome."""
    key = placed.code * _FAR + placed.first
    reach = np.maximum.accumulate(key + placed.count)
    head = np.ones(len(key), dtype=bool)
    head[1:] = key[1:] > reach[:-1]
    heads = np.flatnonzero(head)
    tails = np.append(heads[1:], len(key)) - 1 if len(key) else heads
    code, first = placed.code[heads], placed.first[heads]
    count = reach[tails] - key[heads]
    return GenomeAxis(
        assembly, placed.bin_size, code=code, first=first, count=count, step=np.ones_like(code)
    )
