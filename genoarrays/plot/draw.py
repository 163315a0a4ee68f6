"""How is each kind of track drawn on its axes?

Every function draws one panel; none computes a value or touches a setting outside its axes. Colors
are Okabe and Ito's, apart for all common kinds of color vision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genoarrays._optional import optional
from genoarrays.genome.region import Region
from genoarrays.plot.bins import Bins, Floats, Ints
from genoarrays.plot.glyphs import color_of_letter, draw_glyphs, draw_stacks, stack

__all__ = [
    "draw_blocks",
    "draw_heat",
    "draw_letters",
    "draw_logo",
    "draw_share",
    "draw_signal",
    "draw_strip",
    "highlight",
    "label_positions",
    "no_scale",
    "prepare",
]

INK, GRAY = "#333333", "#8C8C8C"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MISSING, SHADE = "#DADADA", "#FFF1C9"
HEAT_NAMED = 40  # most rows of a heat map that get their names written

Colors = str | Mapping[str, str]
Limits = tuple[float, float] | None


def _mpl(module: str) -> Any:
    return optional(f"matplotlib.{module}", purpose="drawing figures", extra="plot")


def prepare(axes: Any, name: str) -> None:
    """Clean spines, quiet ticks, and the name of the panel to its left."""
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(GRAY)
    axes.tick_params(labelsize=7.5, colors=INK, color=GRAY, length=2.5, pad=2)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)


def highlight(axes: Any, spans: Sequence[tuple[int, int]], covered: bool = False) -> None:
    """Shade (start, end) behind what is drawn; or where that covers all, frame it."""
    look = {"facecolor": SHADE, "edgecolor": SHADE, "linewidth": 0.5, "zorder": 0}
    if covered:
        look = {"facecolor": "none", "edgecolor": INK, "linewidth": 0.8, "zorder": 3}
    for start, end in spans:  # the thinnest is still seen
        axes.axvspan(start, end, **look)


def label_positions(axes: Any, place: Region) -> None:
    """The axis in bp, under the lowest panel."""
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(GRAY)
    axes.tick_params(axis="x", length=3)
    axes.xaxis.set_major_locator(_mpl("ticker").MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_mpl("ticker").StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(f"position on {place.contig} (bp, 0-based)", fontsize=9, color=INK)


def draw_signal(
    axes: Any,
    bins: Bins,
    colors: Colors | None = None,
    ylim: Limits = None,
    filled: bool | None = None,
) -> None:
    """One line filled to zero, or several lines; the "-" strand points down.

    `colors` is one color, or colors by the names of lines; `filled` None fills a single line.
    """
    names = list(dict.fromkeys(bins.names))
    stranded = "-" in bins.strands
    filled = len(names) == 1 if filled is None else filled
    for line, (name, strand) in enumerate(zip(bins.names, bins.strands, strict=True)):
        sign = -1.0 if strand == "-" else 1.0
        color = COLORS[names.index(name) % len(COLORS) if len(names) > 1 else int(strand == "-")]
        if isinstance(colors, str) and len(names) == 1:
            color = colors
        elif colors is not None and not isinstance(colors, str):
            color = colors.get(name, colors.get(strand, color))
        low, high = (bins.low, bins.high) if sign > 0 else (-bins.high, -bins.low)
        x, low, mean, high = _steps(bins, low[line], sign * bins.mean[line], high[line])
        label = name if sign > 0 or not {"+", "."} & set(bins.strands) else None
        if not filled:
            axes.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
            axes.plot(x, mean, color=color, linewidth=1.0, label=label)
        else:
            axes.fill_between(x, np.fmin(low, 0), np.fmax(high, 0), color=color, alpha=0.3, lw=0)
            axes.fill_between(x, mean, 0, color=color, alpha=0.85, linewidth=0)
            axes.plot(x, mean, color=color, linewidth=0.6, label=label)
    if len(names) > 1:
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0, frameon=False,
            fontsize=7.5, handlelength=1.0, labelcolor=INK,
        )  # fmt: skip
    if stranded:
        axes.axhline(0, color=GRAY, linewidth=0.6)
        _mark_strands(axes)
    if np.isnan(bins.mean).all():
        _no_data(axes)
        return
    least, most = min(0.0, float(np.nanmin(bins.low))), max(0.0, float(np.nanmax(bins.high)))
    if stranded:
        least, most = -max(most, -least), max(most, -least)
    elif least < 0 < most:
        axes.axhline(0, color=GRAY, linewidth=0.6)
    _set_limits(axes, least, most, ylim, stranded)


def _steps(bins: Bins, *rows: Floats) -> tuple[Floats, ...]:
    """Corners of the steps, each row twice; NaN between bins that do not touch."""
    x = np.stack([bins.start, bins.end], axis=1).reshape(-1).astype(np.float64)
    apart = 2 * (np.flatnonzero(bins.start[1:] != bins.end[:-1]) + 1)
    corners = [np.insert(np.repeat(row, 2).astype(np.float64), apart, np.nan) for row in rows]
    return np.insert(x, apart, x[apart]), *corners


def _mark_strands(axes: Any) -> None:
    for sign, y, side in (("+", 0.97, "top"), ("\N{MINUS SIGN}", 0.03, "bottom")):
        axes.text(
            0.004, y, sign, transform=axes.transAxes, va=side, fontsize=9, color=GRAY, clip_on=True
        )


def _no_data(axes: Any) -> None:
    axes.set_yticks([])
    axes.text(
        0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", fontsize=8,
        color=GRAY,
    )  # fmt: skip


def no_scale(axes: Any) -> None:
    """Neither ticks nor a spine at the left."""
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _set_limits(axes: Any, low: float, high: float, ylim: Limits, stranded: bool = False) -> None:
    """Zero within the panel, or the limits that were asked; few ticks."""
    if ylim is None:
        room = 0.06 * (high - low) or 0.5
        ylim = (low - (room if low < 0 else 0), high + (room if high > 0 else 0))
    axes.set_ylim(*ylim)
    ticker = _mpl("ticker")
    axes.yaxis.set_major_locator(ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
    if stranded:
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f"{abs(y):g}"))
    else:
        axes.ticklabel_format(axis="y", scilimits=(-3, 5), useMathText=True)
        axes.yaxis.get_offset_text().set(fontsize=7, color=INK)


def draw_share(axes: Any, bins: Bins) -> None:
    """A share between 0 and 1 per pixel, such as GC."""
    x, mean = _steps(bins, bins.mean[0])
    axes.fill_between(x, mean, 0, color=GRAY, alpha=0.5, linewidth=0)
    axes.plot(x, mean, color=INK, linewidth=0.6)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def draw_heat(axes: Any, bins: Bins, ylim: Limits = None) -> None:
    """One row per line, with a scale at the right; gray where values are missing.

    Values of both signs get a scale of two colors, white at zero.
    """
    edges, columns = _cells(bins)
    values = np.full((len(bins.names), len(edges) - 1), np.nan)
    values[:, columns] = bins.mean
    rows = len(values)
    axes.broken_barh(
        _touching(bins, 0, len(bins.start)), (0, rows), color=MISSING, linewidth=0, zorder=0.5
    )
    signed = bool((values < 0).any() and (values > 0).any())
    low, high = ylim or (None, None)
    if signed and ylim is None:
        high = float(np.nanmax(np.abs(values)))
        low = -high
    mesh = axes.pcolormesh(
        edges, np.arange(rows + 1), np.ma.masked_invalid(values), vmin=low, vmax=high,
        cmap="RdBu_r" if signed else "viridis", rasterized=True,
    )  # fmt: skip
    names = [
        f"{name} {strand}" if name and strand != "." else name or strand
        for name, strand in zip(bins.names, bins.strands, strict=True)
    ]
    axes.set_ylim(rows, 0)
    axes.spines["left"].set_visible(False)
    every = -(-rows // HEAT_NAMED)
    axes.set_yticks(np.arange(rows)[::every] + 0.5, names[::every], fontsize=7)
    axes.tick_params(axis="y", length=0)
    if np.isnan(values).all():
        return
    side = axes.inset_axes([1.008, 0.0, 0.008, 1.0])
    bar = axes.figure.colorbar(mesh, cax=side)
    bar.outline.set_visible(False)
    bar.locator = _mpl("ticker").MaxNLocator(4)
    side.tick_params(labelsize=7, colors=INK, length=2, pad=2)


def _cells(bins: Bins) -> tuple[Ints, Ints]:
    """Edges of all bins and of the holes between them, and which cells are bins."""
    edges = np.unique(np.concatenate([bins.start, bins.end]))
    return edges, np.searchsorted(edges, bins.start)


def draw_blocks(axes: Any, bins: Bins, colors: Colors | None = None) -> None:
    """A block wherever a label is 1, one row per line, on a hairline where it is known."""
    for row, (name, line) in enumerate(zip(bins.names, bins.high, strict=True)):
        color = COLORS[row % len(COLORS)]
        if colors is not None:
            color = colors if isinstance(colors, str) else colors.get(name, color)
        for values, height, shade in ((line >= 0, 0.06, GRAY), (line > 0, 0.7, color)):
            edge = np.flatnonzero(np.diff(np.concatenate([[False], values, [False]]).astype(int)))
            runs = [
                run
                for first, stop in zip(edge[::2], edge[1::2], strict=True)
                for run in _touching(bins, int(first), int(stop))
            ]
            axes.broken_barh(runs, (row + 0.5 - height / 2, height), color=shade, linewidth=0)
    _name_rows(axes, bins)


def _touching(bins: Bins, first: int, stop: int) -> list[tuple[int, int]]:
    """(start, width) of the runs of bins in [first, stop) that touch each other."""
    apart = np.flatnonzero(bins.start[first + 1 : stop] != bins.end[first : stop - 1]) + 1
    heads, tails = [0, *apart.tolist()], [*apart.tolist(), stop - first]
    return [
        (int(bins.start[first + a]), int(bins.end[first + b - 1] - bins.start[first + a]))
        for a, b in zip(heads, tails, strict=True)
    ]


def _name_rows(axes: Any, bins: Bins) -> None:
    rows = len(bins.names)
    axes.set_ylim(rows, 0)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_yticks(np.arange(rows) + 0.5 if rows > 1 else [], bins.names if rows > 1 else [])


def draw_letters(axes: Any, bins: Bins, alphabet: str) -> None:
    """One colored letter per base, as wide as the base; unknown bases are gray."""
    codes = bins.mean[0].tolist()
    letters = [alphabet[int(c)] if 0 <= c < len(alphabet) else "N" for c in codes]
    one = np.ones(len(letters))
    draw_glyphs(axes, letters, bins.start.astype(np.float64), 0.05 * one, one, 0.9 * one, alphabet)
    axes.set_ylim(0, 1)
    no_scale(axes)


def draw_logo(
    axes: Any, start: Ints, heights: Floats, letters: list[str], ylim: Limits = None
) -> None:
    """Letters as high as their values, (place, letter), below zero where negative."""
    draw_stacks(axes, start.astype(np.float64), heights, letters)
    _, low, high = stack(heights)
    if np.isnan(heights).all():
        _no_data(axes)
        return
    axes.axhline(0, color=GRAY, linewidth=0.6, zorder=1)
    _set_limits(axes, float(low.min()), float(high.max()), ylim)


def draw_strip(axes: Any, bins: Bins, alphabet: str) -> None:
    """One colored cell per base, with the key at the right."""
    edges, columns = _cells(bins)
    codes = np.full((1, len(edges) - 1), np.nan)
    codes[0, columns] = bins.mean[0]
    colors = [color_of_letter(letter, alphabet) for letter in alphabet]
    codes = np.where(codes < len(alphabet), codes, np.nan)
    palette = _mpl("colors").ListedColormap(colors)
    axes.pcolormesh(
        edges, [0, 1], codes, cmap=palette, vmin=-0.5, vmax=len(alphabet) - 0.5, rasterized=True
    )
    for place, (letter, color) in enumerate(zip(alphabet, colors, strict=True)):
        axes.text(
            1.008 + 0.011 * place, 0.5, letter, transform=axes.transAxes, color=color, va="center",
            fontsize=7.5, fontweight="bold",
        )  # fmt: skip
    no_scale(axes)
