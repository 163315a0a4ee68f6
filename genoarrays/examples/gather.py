"""Which values does each window hold?

`windows` is a lazy labelled Dataset. Its dask chunks are blocks of thousands of windows, each
built by one task that reads the stretches of the axis it needs, a few long reads, and cuts all
windows of the block from them; so ordinary expressions on the result stay lazy, labelled and fast.
Reading window by window is hopeless in any zarr reader (260 to 970 windows/s).

Arrays that were opened and not changed since are read directly, by position; others (computed,
selected, in memory) through their own chunks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.cut import REDUCE, Cutter, Piece, cut, exists_in
from genoarrays.examples.geometry import Runs, on_contig, place, plan_runs, window_starts
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.formats.lazy import origin
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of
from genoarrays.genome.regions import assembly_of, region_columns
from genoarrays.genome.windows import window_coords
from genoarrays.options import current, parse_bytes

__all__ = ["windows"]

Array = npt.NDArray[Any]
Flank = int | tuple[int, int]
_GAP = 2**15  # positions between windows that are read along: cheaper than one more read
_LONGEST = 2**24  # bytes of one read


class _Track(NamedTuple):
    """One variable to cut windows from, and how."""

    name: str
    array: xr.DataArray
    axis: GenomeAxis
    flank: tuple[int, int]
    bins: int | None  # bp per bin of the result; None: one value per window
    how: str | None
    fill: Any
    offset: str  # name of its offset dimension


def windows(
    obj: xr.Dataset | xr.DataArray | xr.DataTree,
    regions: Any,
    width: int | None = None,
    *,
    flank: Flank | Mapping[str, Flank] = 0,
    anchor: str | None = None,
    reduce: str | Mapping[str, str] | None = None,
    bin_size: int | Mapping[str, int] | None = None,
    fill: float | Mapping[str, float] | None = None,
    valid: bool = False,
    block: int | str | None = None,
) -> xr.Dataset:
    """Cut windows at regions from arrays on the genome axis, lazily.

    Parameters
    ----------
    obj
        Dataset or DataArray with the dimension `position`, or a DataTree of several resolutions.
    regions
        Table of regions, or anything that `read_regions` takes. Any order; overlaps and
        duplicates are fine. Blocks are read fastest when neighbors are near each other.
    width
        bp of a window; None where all regions have one width.
    flank
        bp added on both sides, or (upstream, downstream) in the window's own direction; one
        for all variables, or by variable (0 for the others).
    anchor
        Where a window sits on a region of another length: "center", "start", "five_prime".
    reduce
        "mean", "sum", "max" or "min", for all or by variable: one value per bin of `bin_size`, or,
        without one, one value per window (without its flanks). NaN are skipped.
    bin_size
        bp per bin of the result, for all or by variable; bins start at the window's genomic start.
        Needs `reduce`. Width and flanks must be multiples of it.
    fill
        Value off the end of a contig and past the true end of a short tile, for all or by
        variable; by default the unknown base, 0 for integers, NaN for floats.
    valid
        Add `valid` (or `valid_<variable>`), True where a bin lies on the contig and in the tile.
    block
        Windows per dask chunk, or bytes such as "64 MiB"; None for `ga.set_options(chunk_bytes=)`.

    Returns
    -------
    xr.Dataset
        Variables `(window, offset, ...)` of the dtypes in `obj` (float32 for means, int64 for sums
        of integers), or `(window, ...)` where reduced to one value. With a single `flank` and
        `bin_size` on a Dataset the dimension is `offset`, else `offset_<variable>` for each;
        its coordinate counts bp from the window's 5' end. Coordinates on `window`: label, contig,
        start, end, orientation. Minus windows are reversed and complemented, strands swapped.

    Raises
    ------
    RegionError
        When regions and width do not fit, windows leave the grid of a binned variable, or a
        region-only store lacks what they need.
    AssemblyError, ContigError
        When the regions lie on another genome.
    GenomeError
        For names that are no variable, or options that do not fit the data.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8))}, coords)
    >>> x = ga.windows(ds, ["chr1:1-4:+", "chr1:5-8:-"], flank=1)
    >>> x.x.values
    array([[0, 1, 2, 3, 4],
           [0, 7, 6, 5, 4]])
    >>> x.offset.values
    array([-1,  0,  1,  2,  3])
    """
    nodes = _nodes(obj)
    assembly = assembly_of(nodes[0])
    if not isinstance(regions, xr.Dataset):
        try:
            regions = read_regions(regions, like=assembly)
        except GenomeError as error:
            error.add_note("options such as rename_contigs= belong to ga.read_regions: read first")
            raise
    columns = region_columns(regions)
    if columns.size == 0:
        raise RegionError("there are no regions to cut windows at")
    if columns.assembly is not None:
        check_same_assembly(assembly, columns.assembly, "cannot cut windows, regions lie on")
    width = _common_width(columns) if width is None else width
    if width < 1:
        raise RegionError(f"width={width} is not possible; give whole bp, at least 1")
    at = window_starts(columns, width, anchor, regions.attrs.get("tile_width") == width)
    at = _on(at, assembly.names)._replace(assembly=assembly)
    tracks = _tracks(nodes, width, flank, reduce, bin_size, fill)
    step = _block_length(tracks, width, at.size, block)
    out: dict[str, Any] = {}
    coords: dict[str, Any] = {}
    for track in tracks:
        dims, data = _lazy(track, at, width, step)
        out[track.name] = (dims, data, dict(track.array.attrs))
        coords.update({str(n): c for n, c in track.array.coords.items() if n in dims})
        if track.bins is not None:
            coords[track.offset] = _offsets(track, width)
            if valid:
                mask = "valid" if track.offset == "offset" else f"valid_{track.name}"
                out[mask] = (dims[:2], _lazy_mask(track, at, width, step))
    return xr.Dataset(out, window_coords(at)).assign_coords(coords)


# ---- what was asked


def _nodes(obj: Any) -> list[xr.Dataset]:
    if isinstance(obj, xr.DataTree):
        found = [n.to_dataset() for n in obj.subtree if "position" in n.dims]
        names = [str(name) for ds in found for name in ds.data_vars]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise GenomeError(
                f"{twice[0]!r} is in several nodes of the tree; rename one of them, or cut windows "
                "from the nodes apart"
            )
    else:
        found = [obj.to_dataset() if isinstance(obj, xr.DataArray) else obj]
    found = [ds for ds in found if any("position" in v.dims for v in ds.data_vars.values())]
    if not found:
        raise GenomeError("nothing to cut windows from: no variable has the dimension `position`")
    for ds in found[1:]:
        check_same_assembly(assembly_of(found[0]), assembly_of(ds), "cannot combine the nodes of")
    return found


def _common_width(columns: Columns) -> int:
    widths = np.unique(columns.end - columns.start)
    if len(widths) > 1:
        raise RegionError(
            f"regions have {len(widths):,} widths, {widths[0]:,} to {widths[-1]:,} bp; say width= "
            "and anchor=, or cut them with ga.tile_regions"
        )
    return int(widths[0])


def _on(columns: Columns, names: tuple[str, ...]) -> Columns:
    """The same windows with codes into other names."""
    if columns.names == names:
        return columns
    lookup = {name: code for code, name in enumerate(names)}
    used = np.unique(columns.code)
    table = np.zeros(len(columns.names), dtype=np.int32)
    for code in used.tolist():
        if columns.names[code] not in lookup:
            raise RegionError(
                f"regions lie on contig {columns.names[code]!r}, which the arrays do not have; "
                "read them with like=, and rename contigs there if need be"
            )
        table[code] = lookup[columns.names[code]]
    return columns._replace(names=names, code=table[columns.code])


def _tracks(
    nodes: list[xr.Dataset], width: int, flank: Any, reduce: Any, bin_size: Any, fill: Any
) -> list[_Track]:
    arrays = {
        str(name): array
        for ds in nodes
        for name, array in ds.data_vars.items()
        if "position" in array.dims
    }
    options = {"flank": flank, "reduce": reduce, "bin_size": bin_size, "fill": fill}
    for option, value in options.items():
        if isinstance(value, Mapping) and (odd := sorted(set(value) - set(arrays))):
            raise GenomeError(f"{option}= names {odd[0]!r}; the variables are {', '.join(arrays)}")
    shared = (
        len(nodes) == 1 and not isinstance(flank, Mapping) and not isinstance(bin_size, Mapping)
    )
    tracks = []
    for name, array in arrays.items():
        axis = axis_of(array)
        how = reduce.get(name) if isinstance(reduce, Mapping) else reduce
        bins = bin_size.get(name) if isinstance(bin_size, Mapping) else bin_size
        if bins is None and how is None:
            bins = axis.bin_size
        side = flank.get(name, 0) if isinstance(flank, Mapping) else flank
        both = (side, side) if isinstance(side, (int, np.integer)) else side
        pair = (int(both[0]), int(both[1]))
        pair = (0, 0) if bins is None else pair  # the label of a window: flanks have no say
        value = fill.get(name) if isinstance(fill, Mapping) else fill
        offset = "offset" if shared else f"offset_{name}"
        track = _Track(name, array, axis, pair, bins, how, _fill(array, value), offset)
        _check_track(track, width)
        tracks.append(track)
    return tracks


def _fill(array: xr.DataArray, asked: float | None) -> Any:
    if asked is None:
        if "alphabet" in array.attrs:
            asked = len(array.attrs["alphabet"])
        else:
            asked = float("nan") if array.dtype.kind == "f" else 0
    if array.dtype.kind != "f" and (asked != asked or int(asked) != asked):
        raise GenomeError(f"fill={asked} does not fit {array.name!r}, which has {array.dtype}")
    return array.dtype.type(asked)


def _check_track(track: _Track, width: int) -> None:
    name, size = track.name, track.axis.bin_size
    if track.how is not None and track.how not in REDUCE:
        raise GenomeError(f"reduce={track.how!r} is not known; use one of {', '.join(REDUCE)}")
    if track.how is not None and "alphabet" in track.array.attrs:
        raise GenomeError(
            f"{name!r} holds codes of letters, which have no {track.how}; name the variables to "
            "reduce, as in reduce={'label': 'max'}"
        )
    if min(track.flank) < 0:
        raise RegionError(f"flank={min(track.flank)} of {name!r} is negative; resize the regions")
    if track.bins is None or track.bins == size:
        return
    if track.how is None:
        raise GenomeError(f"bin_size={track.bins} of {name!r} needs reduce=, such as 'mean'")
    if track.bins < size or track.bins % size:
        raise GenomeError(f"bin_size={track.bins} of {name!r} is no multiple of its {size} bp")
    for what, value in (("width", width), ("flank", track.flank[0]), ("flank", track.flank[1])):
        if value % track.bins and (what == "flank" or any(track.flank)):
            raise RegionError(f"{what}={value} is no multiple of bin_size={track.bins} of {name!r}")


# ---- lazy blocks


def _length(track: _Track, width: int) -> int:
    """Bins of a window of this track."""
    return 1 if track.bins is None else -(-(width + sum(track.flank)) // track.bins)


def _block_length(tracks: list[_Track], width: int, size: int, block: int | str | None) -> int:
    if isinstance(block, int):
        return max(1, min(block, size))
    limit = current().chunk_bytes if block is None else parse_bytes(block)
    row = 0
    for track in tracks:
        trailing = int(np.prod([n for d, n in track.array.sizes.items() if d != "position"]))
        fine = (width + sum(track.flank)) // track.axis.bin_size
        row += fine * trailing * track.array.dtype.itemsize
    return max(1, min(limit // max(row, 1), size))


def _lazy(track: _Track, at: Columns, width: int, step: int) -> tuple[tuple[str, ...], Any]:
    """Dimensions and dask array of all windows of a track, one task per block."""
    import dask
    import dask.array as da

    rest = tuple(str(d) for d in track.array.dims if d != "position")
    data = track.array.variable.transpose("position", *rest)
    source = origin(track.array) if track.array.dims[0] == "position" else None
    dims = ("window", *((track.offset,) if track.bins is not None else ()), *rest)
    trailing = tuple(data.sizes[d] for d in rest)
    inner = (_length(track, width),) if track.bins is not None else ()
    dtype = _dtype(track)
    cutter = Cutter(
        dims=("window", track.offset, *rest),
        attrs={k: v for k, v in track.array.attrs.items() if k == "alphabet"},
        labels={d: track.array[d].values for d in rest if d in track.array.coords},
        name=track.name,
        fill=track.fill,
        dtype=track.array.dtype,
        result=dtype,
        trailing=trailing,
        how=track.how,
        group=None if track.bins is None else track.bins // track.axis.bin_size,
    )
    cell = max(track.array.dtype.itemsize * int(np.prod(trailing, dtype=np.int64)), 1)
    task = dask.delayed(cut, pure=False)
    blocks = []
    for first in range(0, at.size, step):
        some = at.take(slice(first, first + step))
        extent = place(some, track.axis, _reach(track, width), track.flank, track.name)
        runs = plan_runs(extent, track.axis, _GAP, _LONGEST // cell, track.name)
        pieces: list[Any] = [
            Piece(source, low, high) if source is not None else _piece(data, low, high)
            for low, high in zip(runs.start, runs.stop, strict=True)
        ]
        end = _true_end(track, some, width, extent.count)
        made = task(cutter, pieces, runs, extent.count, some.orientation, end)
        shape = (some.size, *inner, *trailing)
        blocks.append(da.from_delayed(made, shape, dtype))
    return dims, da.concatenate(blocks) if len(blocks) > 1 else blocks[0]


def _reach(track: _Track, width: int) -> int:
    """Width in bp up to whole bins of the node, where one value is made of the window."""
    size = track.axis.bin_size
    return width if track.bins is not None else -(-width // size) * size


def _dtype(track: _Track) -> np.dtype[Any]:
    dtype = track.array.dtype
    if track.how == "mean":
        return np.dtype(np.float64 if dtype == np.float64 else np.float32)
    if track.how == "sum" and dtype.kind in "iub":
        return np.dtype(np.int64)
    return dtype


def _true_end(track: _Track, some: Columns, width: int, count: int) -> tuple[Array, Array] | None:
    """Bins [low, high) past the true end of a short tile, where there is one; flanks stay real."""
    length = some.end - some.start
    if (length == width).all():
        return None
    size = track.axis.bin_size
    left = np.where(some.orientation < 0, track.flank[1], track.flank[0])
    return (left + length + size - 1) // size, np.broadcast_to((left + width) // size, length.shape)


def _piece(data: xr.Variable, start: int, stop: int) -> Any:
    part = data.isel(position=slice(start, stop))
    return part.data if part.chunks is not None else part


# ---- labels and masks


def _lazy_mask(track: _Track, at: Columns, width: int, step: int) -> Any:
    import dask.array as da

    blocks = []
    group = (track.bins or 1) // track.axis.bin_size
    for first in range(0, at.size, step):
        some = at.take(slice(first, first + step))
        extent = place(some, track.axis, width, track.flank, track.name)
        low, high = on_contig(extent, track.axis)
        runs = Runs(low, high, low, [], [], [])
        there = exists_in(runs, extent.count, _true_end(track, some, width, extent.count))
        if group > 1:
            there = np.logical_or.reduceat(there, np.arange(0, extent.count, group), axis=1)
        minus = some.orientation < 0
        there[minus] = there[minus, ::-1]
        blocks.append(da.from_array(there, chunks=-1))
    return da.concatenate(blocks)


def _offsets(track: _Track, width: int) -> tuple[str, Array, dict[str, Any]]:
    values = np.arange(_length(track, width)) * (track.bins or 1) - track.flank[0]
    attrs = {"long_name": "from the window's 5' end", "units": "bp", "bin_size": track.bins}
    attrs["width"] = width  # a short last tile does not tell it
    return track.offset, values.astype(np.int64), attrs
