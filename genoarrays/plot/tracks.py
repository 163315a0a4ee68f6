"""What does a stretch of the genome look like?

One panel per track over one region, on one axis in bp. What is drawn follows from the data: letters
or GC for DNA codes, blocks for labels, filled steps for one track, lines for a few, a heat map for
many, boxes for tables of regions. Bins are steps at their true extents; where an array holds no
bins, and where values are NaN, nothing is drawn.

The figure is a plain `matplotlib.figure.Figure`: no window, no backend and no setting of pyplot is
touched, and notebooks show it as it brings its own picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import AssemblyError, RegionError
from genoarrays.genome.pyramid import without_levels
from genoarrays.genome.region import Region
from genoarrays.genome.region import region as read_region
from genoarrays.genome.regions import assembly_of, region_columns
from genoarrays.plot import draw
from genoarrays.plot.bins import PIXELS, Bins, Ints, bins_of

__all__ = ["plot_tracks"]

LETTERS = 150  # widest region, in bp, in which bases are letters
LINES = 6  # most lines in one panel; more become a heat map
SHARES = 200  # shares of G and C over a panel; those of fewer bases are noise
LANES = 8  # most lanes of intervals; more lie over each other in the last
LETTER = 0.064  # inches that a letter of a name takes: 0.059 to 0.065 in names of genes
NAMES = ("name", "gene_name", "gene_id")  # columns that name intervals; the first that is there

Track = xr.DataArray | xr.Dataset


class _Panel(NamedTuple):
    name: str
    height: float  # of a panel of signal, 1
    draw: Callable[[Any], None]


def plot_tracks(
    tracks: Track | xr.DataTree | Sequence[Track | xr.DataTree],
    region: str | Region,
    *,
    names: Sequence[str] | None = None,
    title: str | None = None,
    height: float = 1.0,
    width: float = 9.0,
) -> Any:
    """Draw tracks over one region of the genome, one panel each.

    Parameters
    ----------
    tracks
        Arrays with the dimension `position`, or `window` (windows that do not overlap), and any
        of `strand`, `sample`, `track` and the like; or tables of regions, which `name`, `gene_name`
        or `gene_id` names where there are few. Trees stand for the arrays in them. Lazy arrays are
        computed for the region only. Of a store that has a pyramid (`ga.to_zarr(pyramid=True)`),
        wide regions are read from its coarser levels, as long as nothing was done to the array
        since it was opened but to select tracks or samples, once. DNA
        codes (integers with `attrs["alphabet"]`) are drawn as letters up to 150 bp, as a strip of
        colors up to 1,200 bp, and as share of G and C above; arrays of True and False, or of 0 and
        1 as labels are, as blocks. The "-" strand points down.
    region
        "chr2:1,000-2,000" (0-based, half-open) or "chr2" for the whole contig.
    names
        Name of each panel; the names of the arrays by default.
    title
        Text above the panels.
    height
        Height of a panel of signal, in inches; the others scale with it.
    width
        Width of the figure, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per track, top to bottom. Save it with `figure.savefig("tracks.png", dpi=200)`.

    Raises
    ------
    TypeError
        For no tracks, something that is no array or table of regions, or a wrong number of names.
    RegionError, ContigError
        When the region is not within the contig or a track holds nothing of it.
    AssemblyError
        When a whole contig is asked and no track knows its length.

    Examples
    --------
    >>> import genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 60, "chr2": 40})
    >>> signal = xr.DataArray(
    ...     np.arange(10.0), coords=ga.genome_coords(toy, 10), dims="position", name="signal")
    >>> figure = plot_tracks([signal], "chr2:5-35")
    >>> figure.axes[0].get_xlabel()
    'position on chr2 (bp, 0-based)'
    """
    given = [tracks] if isinstance(tracks, (Track, xr.DataTree)) else list(tracks)
    tracks = list[Track](track for one in given for track in _arrays(one))
    if not tracks:
        raise TypeError("there is nothing to draw; give at least one array or table of regions")
    if names is not None and len(names) != len(tracks):
        raise TypeError(f"{len(names)} names for {len(tracks)} tracks; give one name for each")
    place = _resolve(region, tracks)
    panels = [_panel(track, place, number, width) for number, track in enumerate(tracks, start=1)]

    figure_module = optional("matplotlib.figure", purpose="drawing figures", extra="plot")
    heights = [panel.height * height for panel in panels]
    figure = figure_module.Figure(
        figsize=(width, sum(heights) + 0.12 * len(panels) + 0.6), layout="constrained"
    )
    figure.get_layout_engine().set(h_pad=0.03, hspace=0)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)
    for number, (panel, axes) in enumerate(zip(panels, grid[:, 0], strict=True)):
        draw.prepare(axes, names[number] if names is not None else panel.name)
        panel.draw(axes)
        axes.set_xlim(place.start, place.end)
    draw.label_positions(grid[-1, 0], place)
    if title:
        figure.suptitle(title, fontsize=11, color=draw.INK)
    figure._repr_png_ = partial(_png, figure)
    return figure


def _png(figure: Any) -> bytes:
    """The picture that notebooks show."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


# ---- what to draw


def _arrays(track: Track | xr.DataTree) -> list[Track]:
    """The arrays on the genome axis in a tree, without levels of pyramids; else the track."""
    if not isinstance(track, xr.DataTree):
        return [track]
    arrays = [a for ds in without_levels(track).values() for a in ds.data_vars.values()]
    return [array for array in arrays if "position" in array.dims]


def _resolve(asked: str | Region, tracks: Sequence[Track]) -> Region:
    """The region with its end, checked against the first assembly that a track knows."""
    for number, track in enumerate(tracks, start=1):
        if not isinstance(track, (xr.DataArray, xr.Dataset)):
            raise TypeError(
                f"track {number} is a {type(track).__name__}; give arrays with the dimension "
                "position, or tables of regions as ga.read_regions makes them"
            )
    if not isinstance(asked, (str, Region)):
        raise RegionError(f"{asked!r} is no single region; give one, such as 'chr2:1,000-2,000'")
    assembly = None
    for track in tracks:
        try:
            assembly = assembly_of(track)
            break
        except AssemblyError:
            continue
    place = read_region(asked, contigs=assembly or ()) if isinstance(asked, str) else asked
    if assembly is None:
        if place.end is None:
            raise AssemblyError(
                f"no track knows how long {place.contig} is; write the end, as in "
                f"'{place.contig}:0-10,000'"
            )
        return place
    length = assembly.length(place.contig)
    place = place._replace(end=length if place.end is None else place.end)
    if place.end is None or not 0 <= place.start < place.end <= length:
        raise RegionError(
            f"{place} is not within {place.contig}, which has {length:,} bp in "
            f"{assembly.name!r} (0-based, half-open)"
        )
    return place


def _panel(track: Track, place: Region, number: int, width: float) -> _Panel:
    """Choose what to draw for one track, and compute it."""
    if isinstance(track, xr.Dataset):
        return _interval_panel(track, place, number, width)
    name = _name_of(track, number)
    if "alphabet" in track.attrs and track.dtype.kind in "iu":
        return _sequence_panel(track, place, name)
    bins = bins_of(track, place, name)
    lines = len(bins.names)
    if _are_labels(track, bins):
        return _Panel(
            name, 0.3 if lines == 1 else 0.18 * lines, partial(draw.draw_blocks, bins=bins)
        )
    if len(set(bins.names)) > LINES:
        return _Panel(name, min(0.4 + 0.12 * lines, 4.0), partial(draw.draw_heat, bins=bins))
    return _Panel(name, 1.0, partial(draw.draw_signal, bins=bins))


def _name_of(track: xr.DataArray, number: int) -> str:
    """The name of a variable, and the labels that were selected of it."""
    chosen = [c.item() for n, c in track.coords.items() if n in ("track", "sample") and not c.dims]
    parts = [str(part) for part in (track.name, *chosen) if part is not None]
    return " ".join(parts) or f"track {number}"


def _sequence_panel(codes: xr.DataArray, place: Region, name: str) -> _Panel:
    """Letters, colors, or GC, by the width of the region."""
    if codes.dims != ("position",):
        raise TypeError(
            f"{name!r} holds codes of letters with dimensions {codes.dims}; only (position,) can "
            "be drawn: give the genome's codes, not those of windows"
        )
    alphabet = str(codes.attrs["alphabet"])
    span = (place.end or 0) - place.start
    if span > PIXELS:
        is_gc = (codes == alphabet.index("G")) | (codes == alphabet.index("C"))
        share = is_gc.astype(np.float32).where(codes < len(alphabet))
        bins = bins_of(share, place, name, pixels=SHARES)
        return _Panel(f"{name}\nG + C", 0.6, partial(draw.draw_share, bins=bins))
    bins = bins_of(codes, place, name)
    if span > LETTERS:
        return _Panel(name, 0.25, partial(draw.draw_strip, bins=bins, alphabet=alphabet))
    return _Panel(name, 0.35, partial(draw.draw_letters, bins=bins, alphabet=alphabet))


def _interval_panel(table: xr.Dataset, place: Region, number: int, width: float) -> _Panel:
    """Boxes of the regions that overlap `place`."""
    if "region" not in table.dims:
        listed = ", ".join(str(name) for name in table.data_vars) or "no variables"
        raise TypeError(
            f"track {number} is a Dataset of {listed}; draw its arrays one by one, as in "
            "[x.dna, x.signal], or give a table of regions"
        )
    columns = region_columns(table)
    here = (columns.contigs == place.contig) & (columns.start < (place.end or 0))
    chosen = np.flatnonzero(here & (columns.end > place.start))
    chosen = chosen[np.argsort(columns.start[chosen], kind="stable")]
    column = next((name for name in NAMES if name in table), None)
    texts = [""] * len(chosen) if column is None else table[column].values[chosen].tolist()
    boxes = columns.take(chosen)
    letters = np.array([len(text) for text in texts], dtype=np.int64)
    if len(texts) > draw.NAMED:
        letters[:] = 0
    # names stand behind their boxes, and nothing is drawn over them
    share = LETTER / max(width - 1, 1)
    behind = ((letters + (letters > 0)) * share * ((place.end or 0) - place.start)).astype(np.int64)
    lanes = _lanes(boxes.start, boxes.end + behind)
    count = int(lanes.max(initial=0)) + 1
    drawn = partial(draw.draw_intervals, boxes=boxes, lanes=lanes, names=texts, place=place)
    return _Panel("regions", 0.12 + 0.16 * count, drawn)


def _lanes(starts: Ints, ends: Ints) -> Ints:
    """First lane that is free where each box starts; boxes come in order of start."""
    free: list[int] = []
    lanes = np.zeros(len(starts), dtype=np.int64)
    for i, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        lane = next((lane for lane, until in enumerate(free) if until <= start), len(free))
        lane = min(lane, LANES - 1)
        free[lane : lane + 1] = [end]
        lanes[i] = lane
    return lanes


def _are_labels(track: xr.DataArray, bins: Bins) -> bool:
    """Whether the track says yes or no; uint32 holds counts, which may be 0 and 1 by chance."""
    if track.dtype in (bool, np.uint8) or track.attrs.get("mode") == "presence":
        return True
    seen = {value for row in (bins.low, bins.high) for value in np.unique(row[~np.isnan(row)])}
    return track.dtype != np.uint32 and 1.0 in seen and seen <= {0.0, 1.0}
