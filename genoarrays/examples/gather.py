"""Which values does each window hold?

`windows` is a lazy labelled Dataset. Its dask chunks are blocks of thousands of windows, each
built by one task that reads the stretches of the axis it needs, a few long reads, and cuts all
windows of the block from them; so ordinary expressions on the result stay lazy, labelled and fast.
Reading window by window is hopeless in any zarr reader (260 to 970 windows/s).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.anchor import window_places
from genoarrays.examples.blocks import lazy_windows
from genoarrays.examples.record import CUT, cut_record
from genoarrays.examples.regions import regions_on
from genoarrays.examples.tracks import Options, Track, grid_of, nodes_of, tracks_of
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import assembly_of
from genoarrays.genome.windows import window_coords, window_index
from genoarrays.options import current, parse_bytes

__all__ = ["windows"]

Array = npt.NDArray[Any]
Flank = int | tuple[int, int]


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
    jitter: int | tuple[int, int] = 0,
    snap: str | None = None,
    ragged: bool = False,
    valid: bool = False,
    block: int | str | None = None,
) -> xr.Dataset:
    """Cut windows at regions from arrays on the genome axis, lazily.

    Parameters
    ----------
    obj
        Dataset or DataArray with the dimension `position`, or a DataTree of several resolutions;
        levels of its pyramids are left out.
    regions
        Table of regions, or anything that `read_regions` takes. Any order; overlaps and
        duplicates are fine. Blocks are read fastest when neighbors are near each other, as
        `ga.sort_regions` puts them.
    width
        bp of a window; None where all regions have one width, or each gives one value (see
        `reduce`), or with `ragged`.
    flank
        bp added on both sides, or (upstream, downstream) in the window's own direction; one
        for all variables, or by variable (0 for the others).
    anchor
        Where a window sits on a region of another length: "center", "start", "five_prime", or
        "summit", which narrowPeak files give.
    reduce
        "mean", "sum", "max" or "min", for all or by variable: one value per bin of `bin_size`, or,
        without one, one value per window (without its flanks), whatever its length. NaN are
        skipped.
    bin_size
        bp per bin of the result, for all or by variable; bins start at the window's genomic start.
        Needs `reduce`. Flanks, and a width with flanks, must be multiples of it; else the last bin
        holds what is left, which is the first one of a minus window.
    fill
        Value off the end of a contig and past the true end of a short tile, for all or by
        variable; by default the unknown base, 0 for integers, NaN for floats.
    jitter
        bp that each window may be moved to both sides, or (bp, step): a margin of real neighboring
        bases that streams draw from, see `ga.Augment`. Until then variables are that much wider on
        both sides, and reduced ones have a dimension `shift` with their value for each place.
    snap
        "down" or "nearest": windows that start off the grid of a binned variable are moved to it,
        for all variables; how many, and to which grid, stands in `attrs["snapped"]`.
    ragged
        Windows keep their regions' lengths and are laid end to end, along `packed`;
        `row_size` (window,) tells how many bins each has (the contiguous ragged array of CF [1]_).
        `ga.batches` pads them.
    valid
        Add `valid` (or `valid_<variable>`), True where a bin lies on the contig and in the tile;
        where `obj` has a mask `valid` itself (see `ga.valid_mask`), that one serves.
    block
        Windows per dask chunk, or bytes such as "64 MiB"; None for `ga.set_options(chunk_bytes=)`.

    Returns
    -------
    xr.Dataset
        Variables `(window, offset, ...)` of the dtypes in `obj` (float32 for means and half floats,
        int64 or uint64 for sums of integers), or `(window, ...)` where reduced to one value. With a
        single `flank` and `bin_size` on a Dataset the dimension is `offset`, else
        `offset_<variable>` for each; its coordinate counts bp from the window's 5' end. Coordinates
        on `window`: label, contig, start, end, orientation, and further columns of the table, such
        as score, whose names are free. Minus windows are reversed and complemented, strands
        swapped.

    Raises
    ------
    RegionError
        When regions and width do not fit, regions end past their contig, windows leave the grid of
        a binned variable, one is longer than its contig, or a region-only store lacks what windows
        need.
    AssemblyError, ContigError
        When the regions lie on another genome.
    GenomeError
        For names that are no variable, or options that do not fit the data.

    References
    ----------
    .. [1] CF conventions 1.11, section 9.3.3, contiguous ragged array representation.

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
    >>> ga.windows(ds, ["chr1:1-4", "chr1:2-7"], reduce="mean").x.values
    array([2., 4.], dtype=float32)
    """
    nodes = nodes_of(obj)
    assembly = assembly_of(nodes[0])
    regions, columns = regions_on(regions, assembly)
    if "variant" in regions.dims:
        raise RegionError(
            "variants are no table of regions; make one: ga.read_regions(variants, like=...)"
        )
    if columns.size == 0:
        raise RegionError("there are no regions to cut windows at")
    if width is not None and (isinstance(width, str) or width % 1 or width < 1):
        raise RegionError(f"width={width!r} is not possible; give whole bp, at least 1")
    if ragged and not (width is None and anchor is None):
        raise RegionError(
            "ragged windows are as long as their regions; leave out width= and anchor=, or make "
            "the regions as long as you want them, as ga.resize does"
        )
    options = Options(flank, reduce, bin_size, fill, jitter, ragged)
    grid, asked = grid_of(nodes), width
    at, width, moved = window_places(columns, regions, width, options, anchor, snap, grid)
    tracks = tracks_of(nodes, width, options)
    step = _block_length(tracks, at, block)
    out, more, coords = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    masked = any(t.cutter.name == "valid" and t.cutter.dtype.kind == "b" for t in tracks)
    for track in tracks:
        lazy = lazy_windows(track, at, step)
        told = {CUT: cut_record(track, asked, options, anchor, snap)}
        out[track.cutter.name] = (track.dims, lazy, {**track.array.attrs, **told})
        _add_labels(coords, track)
        if ragged:
            size = f"row_size{track.offset.removeprefix('packed')}"
            count = track.cutter.cuts(at).count
            more[size] = ("window", count, {"sample_dimension": track.offset})
        # a variable `valid`, such as ga.valid_mask gives, is False off the contig by itself
        if valid and track.cutter.bins is not None and not masked:
            mask = track.mask()
            more[mask.cutter.name] = (mask.dims, lazy_windows(mask, at, step))
    places = window_coords(at)
    if taken := sorted(set(out) & {*more, *coords, *places}):
        raise GenomeError(
            f"the variable {taken[0]!r} bears a name that windows give themselves; rename it first:"
            f" ds.rename({{{taken[0]!r}: 'my_{taken[0]}'}})"
        )
    coords |= _columns(regions, {*out, *more, *coords, *places})
    result = xr.Dataset(out | more, places).assign_coords(coords)
    return result.assign_attrs(snapped=moved) if moved else result


def _columns(regions: xr.Dataset, taken: set[Any]) -> dict[str, Any]:
    """Further columns of a table of regions, such as score, as coordinates of its windows."""
    dim = window_index(regions).dim if regions.xindexes else "region"
    own = {"region", "window", "contig", "start", "end", "strand", "orientation", "assembly"}
    return {
        str(name): ("window", v.values, v.attrs)
        for name, v in regions.variables.items()
        if v.dims == (dim,) and name not in own | taken
    }


def _block_length(tracks: list[Track], at: Columns, block: int | str | None) -> int:
    if isinstance(block, int):
        return max(1, min(block, at.size))
    limit = current().chunk_bytes if block is None else parse_bytes(block)
    mean = float((at.end - at.start).mean())
    row = 0.0
    for track in tracks:
        cutter = track.cutter
        width = mean if cutter.width is None else cutter.width
        bins = (width + sum(cutter.flank) + 2 * cutter.margin) / cutter.axis.bin_size
        made = cutter.length * cutter.moves if cutter.reduces else bins
        cells = int(np.prod(cutter.sizes, dtype=np.int64))
        row += max(bins * cutter.cell_bytes, made * cells * cutter.result.itemsize)
    return int(max(1, min(limit // max(row, 1), at.size)))


def _add_labels(coords: dict[str, Any], track: Track) -> None:
    """Add the labels of the dimensions of a track's windows."""
    for name, new in _labels(track).items():
        old = coords.get(name)
        if isinstance(old, xr.DataArray) and not np.array_equal(old.values, new.values):
            raise GenomeError(
                f"{name!r} of {track.cutter.name!r} has other labels than in another node; cut "
                "windows from the nodes apart"
            )
        coords[name] = new


def _labels(track: Track) -> dict[str, Any]:
    cutter = track.cutter
    found: dict[str, Any] = {
        str(n): c for n, c in track.array.coords.items() if n in cutter.dims[1:]
    }
    if cutter.bins is not None and not cutter.ragged:
        margin = 0 if cutter.reduces else cutter.margin
        number = cutter.length + 2 * (margin // cutter.axis.bin_size)
        values = np.arange(number) * cutter.bins - cutter.flank[0] - margin
        attrs = {"long_name": "from the window's 5' end", "units": "bp", "bin_size": cutter.bins}
        attrs["width"] = cutter.width  # a short last tile does not tell it
        if margin:
            attrs |= {"jitter": margin, "jitter_step": cutter.step}
        found[track.offset] = (track.offset, values.astype(np.int64), attrs)
    if "shift" in track.dims:
        values = (np.arange(cutter.moves) - cutter.moves // 2) * cutter.step
        attrs = {"long_name": "the window is moved towards its 3' end", "units": "bp"}
        found["shift"] = ("shift", values, attrs)
    return found
