"""What does a stretch of the genome look like?

One panel per track over one region, on one axis in bp. What is drawn follows from the data: letters
or GC for DNA codes, letters as high as their values for attributions, blocks for labels, filled
steps for one track, lines for a few, a heat map for many, genes and boxes for tables of regions.
Bins are steps at their true extents; where an array holds no bins, and where values are NaN,
nothing is drawn (heat maps are gray where values are NaN).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from genoarrays.errors import AssemblyError, GenomeError, RegionError
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.genome.pyramid import without_levels
from genoarrays.genome.region import Region
from genoarrays.genome.region import region as read_region
from genoarrays.genome.regions import assembly_of, region_columns
from genoarrays.plot import draw
from genoarrays.plot.figure import new_figure
from genoarrays.plot.panels import KINDS, Panel, Style, Track, panel_of

__all__ = ["arrays_in", "plot_tracks"]

Limits = tuple[float, float]
Given = Track | xr.DataTree


def plot_tracks(
    tracks: Given | Sequence[Given] | Mapping[str, Given],
    region: str | Region,
    *,
    names: Sequence[str] | None = None,
    kinds: Mapping[str, str] | None = None,
    colors: Mapping[str, str] | None = None,
    highlight: Any = None,
    ylim: Limits | Mapping[str, Limits] | None = None,
    share_y: bool | Sequence[str] = False,
    overlap: str | None = None,
    title: str | None = None,
    height: float = 1.0,
    width: float = 9.0,
) -> Any:
    """Draw tracks over one region of the genome, one panel each.

    Parameters
    ----------
    tracks
        One, a list, or a dict of names, of these:

        - arrays with the dimension `position`, or `window` (and `offset`, or none), and any
          of `strand`, `sample`, `track` and the like. Lazy arrays are computed for the region only.
          Of a store with a pyramid (`ga.to_zarr(pyramid=True)`), wide regions are read from its
          coarser levels, as long as nothing was done to the array since it was opened but to select
          tracks or samples, once. Arrays of True and False, or of 0 and 1 as labels are, become
          blocks; more than six lines a heat map. The "-" strand points down;
        - DNA (integers with `attrs["alphabet"]`): letters up to 150 bp, a strip of colors up to
          1,200 bp, share of G and C above;
        - attributions, (window, offset, channel) or (position, channel): letters as high as their
          values up to 240 bp, their sum at each base above. Those of minus-strand windows are
          turned to the plus strand. Channels of k-mers are shared over their bases. The effects of
          `ga.saturation_mutagenesis` are a heat map with a row for each letter;
        - pairs (codes, values) of DNA codes and a value for each base: the same logo;
        - tables of regions, as of `ga.read_regions`: boxes that point to the 3' end, with names
          where there are up to 60 and a column name, gene_name, gene_id or the like. Rows that are
          exons or CDS (`feature`) of a transcript_id, Parent or gene_id, and blocks of BED12, are
          drawn as genes: coding exons thick, other exons thinner, introns a line;
        - trees of a store, for all arrays in them, at each of their bin sizes.
    region
        "chr2:1,000-2,000" (0-based, half-open) or "chr2" for the whole contig.
    names
        Name of each panel; the names of the arrays by default.
    kinds
        What a panel shows, by its name: "lines", "fill", "heat", "blocks" or "logo".
    colors
        By the name of a panel, or of a line in it, as matplotlib knows colors.
    highlight
        Regions to shade in all panels: a region string, a list of them, or a table.
    ylim
        Limits (low, high) of all panels of signal and letters, or by name; of a heat map those of
        its colors.
    share_y
        True: the same limits for all panels of signal, and for all of letters; or for those named.
    overlap
        "mean": where windows overlap, their mean is drawn; None: they are refused.
    title
        Text above the panels.
    height
        Height of a panel of signal, in inches; the others scale with it.
    width
        Width of the figure, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per track, top to bottom; notebooks show it. `figure.savefig("tracks.pdf")` keeps
        text as text and letters as outlines, in PDF and SVG; PNG has 300 dpi.

    Raises
    ------
    TypeError
        For no tracks, something that cannot be drawn, or a wrong number of names.
    RegionError, ContigError
        When the region is not within the contig, a track holds nothing of it, or windows overlap.
    AssemblyError
        When a whole contig is asked and no track knows its length.
    GenomeError
        For channels that are no letters; for names in `kinds`, `ylim` or `share_y` that no panel
        has, an unknown kind or `overlap`.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 60, "chr2": 40})
    >>> signal = xr.DataArray(
    ...     np.arange(10.0), coords=ga.genome_coords(toy, 10), dims="position", name="signal")
    >>> figure = plot_tracks([signal], "chr2:5-35", highlight="chr2:10-20")
    >>> figure.axes[0].get_xlabel()
    'position on chr2 (bp, 0-based)'
    """
    found = _named(tracks, names)
    if overlap not in (None, "mean"):
        raise GenomeError(f"overlap={overlap!r} is not known; say 'mean' or None")
    _check_names([name for name, _ in found], kinds, ylim, share_y)
    place = _resolve(region, [track for _, track in found])
    panels = [
        panel_of(track, place, name, _style(name, kinds, colors, ylim, overlap, width))
        for name, track in found
    ]
    heights = [panel.height * height for panel in panels]
    figure = new_figure(width, sum(heights) + 0.12 * len(panels) + 0.6, title)
    figure.get_layout_engine().set(h_pad=0.03, hspace=0)
    grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    shaded = _shaded(highlight, place)
    for panel, axes in zip(panels, grid, strict=True):
        draw.prepare(axes, panel.name)
        panel.draw(axes)
        draw.highlight(axes, shaded, covered=panel.scale == "heat")
        axes.set_xlim(place.start, place.end)
    _share(panels, grid, share_y)
    draw.label_positions(grid[-1], place)
    figure.align_ylabels(grid)
    return figure


# ---- what was asked


def _named(tracks: Any, names: Sequence[str] | None) -> list[tuple[str, Track]]:
    """Tracks with the names of their panels."""
    if isinstance(tracks, Mapping) and not isinstance(tracks, xr.Dataset | xr.DataTree):
        if names is not None:
            raise TypeError("the tracks have names already; leave out names=")
        names, tracks = list(tracks), list(tracks.values())
    given = [tracks] if isinstance(tracks, xr.DataArray | xr.Dataset | xr.DataTree) else tracks
    found: list[Any] = []
    for one in given:
        found += arrays_in(one) if isinstance(one, xr.DataTree) else [one]
    if not found:
        raise TypeError("there is nothing to draw; give at least one array or table of regions")
    if names is not None and len(names) != len(found):
        raise TypeError(f"{len(names)} names for {len(found)} tracks; give one name for each")
    for number, track in enumerate(found, start=1):
        pair = isinstance(track, tuple) and list(map(type, track)) == [xr.DataArray] * 2
        if not pair and not isinstance(track, xr.DataArray | xr.Dataset):
            raise TypeError(
                f"track {number} is a {type(track).__name__}; give arrays with the dimension "
                "position, pairs (codes, values), or tables of regions as of ga.read_regions"
            )
    own = [_name_of(track, number) for number, track in enumerate(found, start=1)]
    return list(zip(own if names is None else names, found, strict=True))


def arrays_in(tree: xr.DataTree) -> list[xr.DataArray]:
    """The arrays on the genome axis in a tree, without levels of pyramids.

    Those of one name, in nodes of several bin sizes, bear the names of their nodes too.
    """
    found = [
        (path, str(name), array)
        for path, ds in without_levels(tree).items()
        for name, array in ds.data_vars.items()
        if "position" in array.dims
    ]
    known = [name for _, name, _ in found]
    return [
        array.rename(f"{path}/{name}") if path and known.count(name) > 1 else array
        for path, name, array in found
    ]


def _name_of(track: Track, number: int) -> str:
    """The name of a variable, and the labels that were selected of it."""
    if isinstance(track, xr.Dataset):
        return "regions" if "region" in track.dims else f"track {number}"
    track = track[1] if isinstance(track, tuple) else track
    chosen = [c.item() for n, c in track.coords.items() if n in ("track", "sample") and not c.dims]
    parts = [str(part) for part in (track.name, *chosen) if part is not None]
    return " ".join(parts) or f"track {number}"


def _check_names(
    known: list[str],
    kinds: Mapping[str, str] | None,
    ylim: Any,
    share_y: bool | Sequence[str],
) -> None:
    asked = [*(kinds or ()), *(ylim if isinstance(ylim, Mapping) else ())]
    asked += [] if isinstance(share_y, bool) else list(share_y)
    if unknown := [name for name in asked if name not in known]:
        raise GenomeError(f"no panel is named {unknown[0]!r}; they are {', '.join(known)}")
    if odd := [kind for kind in (kinds or {}).values() if kind not in KINDS]:
        raise GenomeError(f"kind {odd[0]!r} is not known; choose from {', '.join(KINDS)}")


def _style(
    name: str,
    kinds: Mapping[str, str] | None,
    colors: Mapping[str, str] | None,
    ylim: Limits | Mapping[str, Limits] | None,
    overlap: str | None,
    width: float,
) -> Style:
    limits = ylim.get(name) if isinstance(ylim, Mapping) else ylim
    shades = (colors or {}).get(name, colors)
    return Style((kinds or {}).get(name), shades, limits, overlap, width)


def _resolve(asked: str | Region, tracks: Sequence[Track]) -> Region:
    """The region with its end, checked against the first assembly that a track knows."""
    if not isinstance(asked, (str, Region)):
        raise RegionError(f"{asked!r} is no single region; give one, such as 'chr2:1,000-2,000'")
    assembly = None
    for track in tracks:
        try:
            assembly = assembly_of(track[1] if isinstance(track, tuple) else track)
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


def _shaded(asked: Any, place: Region) -> list[tuple[int, int]]:
    """Parts of the region that are highlighted."""
    if asked is None:
        return []
    if not isinstance(asked, xr.Dataset):
        asked = read_regions([asked] if isinstance(asked, str | Region) else asked)
    columns = region_columns(asked)
    here = (columns.contigs == place.contig) & (columns.start < (place.end or 0))
    some = columns.take(here & (columns.end > place.start))
    return list(zip(some.start.tolist(), some.end.tolist(), strict=True))


def _share(panels: Sequence[Panel], grid: Any, share_y: bool | Sequence[str]) -> None:
    """The same limits for panels of one scale."""
    for scale in ("signal", "logo"):
        group = [
            axes
            for panel, axes in zip(panels, grid, strict=True)
            if panel.scale == scale and (share_y is True or (share_y and panel.name in share_y))
        ]
        if len(group) > 1:
            lows, highs = zip(*(axes.get_ylim() for axes in group), strict=True)
            for axes in group:
                axes.set_ylim(min(lows), max(highs))
