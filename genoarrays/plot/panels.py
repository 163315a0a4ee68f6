"""What is drawn for a track, and what does it need of the genome?

A panel holds what was computed, and draws it on axes. What is drawn follows from the data, unless
the kind was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.region import Region
from genoarrays.plot import draw
from genoarrays.plot.bins import PIXELS, Bins, bins_of
from genoarrays.plot.gene_shapes import draw_genes
from genoarrays.plot.genes import genes_in, lay_out
from genoarrays.plot.letters import channel_of, heights_at, of_codes

__all__ = ["KINDS", "Panel", "Style", "Track", "panel_of"]

LETTERS = 150  # widest region, in bp, in which bases are letters
LOGO = 240  # widest region with letters as high as values, which are larger
LINES = 6  # most lines in one panel; more become a heat map
SHARES = 200  # shares of G and C over a panel; those of fewer bases are noise
FOLDED = 2**16  # widest region, in bp, in which values of letters are summed base by base
KINDS = ("lines", "fill", "heat", "blocks", "logo")

Track = xr.DataArray | xr.Dataset | tuple[xr.DataArray, xr.DataArray]


class Style(NamedTuple):
    """What was asked for one panel."""

    kind: str | None = None
    colors: str | Mapping[str, str] | None = None
    ylim: tuple[float, float] | None = None
    overlap: str | None = None
    width: float = 9.0


class Panel(NamedTuple):
    """Name, height (of a panel of signal, 1), and how it is drawn.

    `scale` says what the values of its vertical axis are, where it has one that can be shared.
    """

    name: str
    height: float
    draw: Callable[[Any], None]
    scale: str | None = None


def panel_of(track: Track, place: Region, name: str, style: Style) -> Panel:
    """Choose what to draw for one track, and compute it.

    Raises
    ------
    TypeError
        For a track that cannot be drawn, or not as the kind that was asked for.
    RegionError
        When it holds nothing of the region.
    """
    if isinstance(track, tuple):
        codes, values = track
        if "position" in codes.dims and "position" in values.dims:
            codes, values = codes.sel(position=place), values.sel(position=place)
        track = of_codes(codes, values, name)
    if isinstance(track, xr.Dataset):
        return _genes(track, place, name, style)
    if "alphabet" in track.attrs and track.dtype.kind in "iu":
        return _sequence(track, place, name)
    if channel_of(track) is not None:
        return _letters(track, place, name, style)
    return _signal(track, bins_of(track, place, name, overlap=style.overlap), name, style)


def _signal(track: xr.DataArray, bins: Bins, name: str, style: Style) -> Panel:
    lines, kind = len(bins.names), style.kind
    if kind == "logo":
        raise TypeError(
            f"{name!r} has no letters; give a dimension `channel`, or a pair (codes, values)"
        )
    if kind == "blocks" or (kind is None and _are_labels(track, bins)):
        height = 0.3 if lines == 1 else 0.18 * lines
        return Panel(name, height, partial(draw.draw_blocks, bins=bins, colors=style.colors))
    if kind == "heat" or (kind is None and len(set(bins.names)) > LINES):
        height = min(0.4 + 0.12 * lines, 4.0)
        return Panel(name, height, partial(draw.draw_heat, bins=bins, ylim=style.ylim), "heat")
    drawn = partial(
        draw.draw_signal, bins=bins, colors=style.colors, ylim=style.ylim,
        filled=None if kind is None else kind == "fill",
    )  # fmt: skip
    return Panel(name, 1.0, drawn, "signal")


def _sequence(codes: xr.DataArray, place: Region, name: str) -> Panel:
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
        return Panel(f"{name}\nG + C", 0.6, partial(draw.draw_share, bins=bins))
    bins = bins_of(codes, place, name)
    if span > LETTERS:
        return Panel(name, 0.25, partial(draw.draw_strip, bins=bins, alphabet=alphabet))
    return Panel(name, 0.35, partial(draw.draw_letters, bins=bins, alphabet=alphabet))


def _letters(track: xr.DataArray, place: Region, name: str, style: Style) -> Panel:
    """Letters as high as their values, rows of letters, or the sum over letters."""
    span = (place.end or 0) - place.start
    mutations = "mutagenesis" in str(track.attrs.get("method", ""))
    kind = style.kind or ("heat" if mutations else "logo" if span <= LOGO else "fill")
    if kind == "logo" and span > FOLDED:
        raise GenomeError(f"{place} has {span:,} bp, too many for letters; give a smaller region")
    if span > FOLDED:
        total = track.sum(channel_of(track), min_count=1)
        return _signal(total, bins_of(total, place, name, overlap=style.overlap), name, style)
    start, heights, letters = heights_at(track, place, name, style.overlap)
    if kind == "logo":
        drawn = partial(
            draw.draw_logo, start=start, heights=heights, letters=letters, ylim=style.ylim
        )
        return Panel(name, 1.0, drawn, "logo")
    if kind == "heat":
        bins = Bins(letters, ["."] * len(letters), start, start + 1, *(heights.T,) * 3)
        return Panel(name, 0.75, partial(draw.draw_heat, bins=bins, ylim=style.ylim), "heat")
    known = ~np.isnan(heights).all(axis=1)
    one = xr.DataArray(
        np.where(known, np.nansum(heights, axis=1), np.nan), dims="window", name=name,
        coords={"contig": ("window", np.full(len(start), place.contig)),
                "start": ("window", start), "end": ("window", start + 1)},
    )  # fmt: skip
    return _signal(one, bins_of(one, place, name), name, style._replace(kind=kind))


def _genes(table: xr.Dataset, place: Region, name: str, style: Style) -> Panel:
    """Boxes of the regions that overlap `place`."""
    if "region" not in table.dims:
        listed = ", ".join(str(one) for one in table.data_vars) or "no variables"
        raise TypeError(
            f"{name} is a Dataset of {listed}; draw its arrays one by one, as in "
            "[x.dna, x.signal], or give a table of regions"
        )
    inches = max(style.width - 1.0, 1.0)
    layout = lay_out(genes_in(table, place), place, inches)
    color = style.colors if isinstance(style.colors, str) else draw.COLORS[0]
    drawn = partial(draw_genes, layout=layout, place=place, width=inches, color=color)
    return Panel(name, 0.12 + 0.17 * layout.depth, drawn)


def _are_labels(track: xr.DataArray, bins: Bins) -> bool:
    """Whether the track says yes or no; uint32 holds counts, which may be 0 and 1 by chance."""
    if track.dtype in (bool, np.uint8) or track.attrs.get("mode") == "presence":
        return True
    seen = {value for row in (bins.low, bins.high) for value in np.unique(row[~np.isnan(row)])}
    return track.dtype != np.uint32 and 1.0 in seen and seen <= {0.0, 1.0}
