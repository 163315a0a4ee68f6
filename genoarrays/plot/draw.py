"""How is each kind of track drawn on its axes?

Every function draws one panel; none computes a value or touches a setting outside its axes. Colors
are Okabe and Ito's, apart for all common kinds of color vision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._optional import optional
from genoarrays.genome.columns import Columns
from genoarrays.genome.region import Region
from genoarrays.plot.bins import Bins, Floats, Ints

__all__ = [
    "draw_blocks",
    "draw_heat",
    "draw_intervals",
    "draw_letters",
    "draw_share",
    "draw_signal",
    "draw_strip",
    "label_positions",
    "prepare",
]

INK, GRAY = "#333333", "#8C8C8C"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LETTER_COLORS = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00", "U": "#D55E00"}
NAMED = 40  # most intervals that get their names written


def _mpl(module: str) -> Any:
    return optional(f"matplotlib.{module}", purpose="drawing figures", extra="plot")


def prepare(axes: Any, name: str) -> None:
    """Clean spines, quiet ticks, and the name of the panel to its left."""
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(GRAY)
    axes.tick_params(labelsize=7.5, colors=INK, color=GRAY, length=2.5, pad=2)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=6)


def label_positions(axes: Any, place: Region) -> None:
    """The axis in bp, under the lowest panel."""
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(GRAY)
    axes.tick_params(axis="x", length=3)
    axes.xaxis.set_major_locator(_mpl("ticker").MaxNLocator(8, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(_mpl("ticker").StrMethodFormatter("{x:,.0f}"))
    axes.set_xlabel(f"position on {place.contig} (bp, 0-based)", fontsize=9, color=INK)


def draw_signal(axes: Any, bins: Bins) -> None:
    """One line filled to zero, or several lines; the "-" strand points down."""
    names = list(dict.fromkeys(bins.names))
    stranded = "-" in bins.strands
    for line, (name, strand) in enumerate(zip(bins.names, bins.strands, strict=True)):
        sign = -1.0 if strand == "-" else 1.0
        color = COLORS[names.index(name) if len(names) > 1 else int(strand == "-")]
        low, high = (bins.low, bins.high) if sign > 0 else (-bins.high, -bins.low)
        x, low, mean, high = _steps(bins, low[line], sign * bins.mean[line], high[line])
        if len(names) > 1:
            axes.fill_between(x, low, high, color=color, alpha=0.25, linewidth=0)
            axes.plot(x, mean, color=color, linewidth=1.0, label=name if sign > 0 else None)
        else:
            axes.fill_between(x, np.fmin(low, 0), np.fmax(high, 0), color=color, alpha=0.3, lw=0)
            axes.fill_between(x, mean, 0, color=color, alpha=0.85, linewidth=0)
            axes.plot(x, mean, color=color, linewidth=0.6)
    if len(names) > 1:
        axes.legend(
            loc="upper left", bbox_to_anchor=(1.005, 1.0), borderaxespad=0, frameon=False,
            fontsize=7.5, handlelength=1.0, labelcolor=INK,
        )  # fmt: skip
    if stranded:
        axes.axhline(0, color=GRAY, linewidth=0.6)
        _mark_strands(axes)
    _limit(axes, bins, stranded)


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


def _limit(axes: Any, bins: Bins, stranded: bool) -> None:
    """Zero within the panel, strands alike, few ticks, and a word where there is nothing."""
    if np.isnan(bins.mean).all():
        axes.set_yticks([])
        axes.text(
            0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center",
            fontsize=8, color=GRAY,
        )  # fmt: skip
        return
    low, high = min(0.0, float(np.nanmin(bins.low))), max(0.0, float(np.nanmax(bins.high)))
    if stranded:
        high = max(high, -low)
        low = -high
    room = 0.06 * (high - low) or 0.5
    axes.set_ylim(low - (room if low < 0 else 0), high + room)
    ticker = _mpl("ticker")
    axes.yaxis.set_major_locator(ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
    if stranded:
        axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda y, _: f"{abs(y):g}"))


def draw_share(axes: Any, bins: Bins) -> None:
    """A share between 0 and 1 per pixel, such as GC."""
    x, mean = _steps(bins, bins.mean[0])
    axes.fill_between(x, mean, 0, color=GRAY, alpha=0.5, linewidth=0)
    axes.plot(x, mean, color=INK, linewidth=0.6)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def draw_heat(axes: Any, bins: Bins) -> None:
    """One row per line, with a scale at the right."""
    edges, columns = _cells(bins)
    values = np.full((len(bins.names), len(edges) - 1), np.nan)
    values[:, columns] = bins.mean
    mesh = axes.pcolormesh(
        edges, np.arange(len(bins.names) + 1), values, cmap="viridis", rasterized=True
    )
    rows = [
        f"{name} {strand}" if name and strand != "." else name or strand
        for name, strand in zip(bins.names, bins.strands, strict=True)
    ]
    axes.set_ylim(len(rows), 0)
    axes.spines["left"].set_visible(False)
    every = -(-len(rows) // 40)
    axes.set_yticks(np.arange(len(rows))[::every] + 0.5, rows[::every], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    side = axes.inset_axes([1.008, 0.0, 0.008, 1.0])
    bar = axes.figure.colorbar(mesh, cax=side)
    bar.outline.set_visible(False)
    bar.locator = _mpl("ticker").MaxNLocator(4)
    side.tick_params(labelsize=7, colors=INK, length=2, pad=2)


def _cells(bins: Bins) -> tuple[Ints, Ints]:
    """Edges of all bins and of the holes between them, and which cells are bins."""
    edges = np.unique(np.concatenate([bins.start, bins.end]))
    return edges, np.searchsorted(edges, bins.start)


def draw_blocks(axes: Any, bins: Bins) -> None:
    """A block wherever a label is 1, one row per line, on a hairline where it is known."""
    for row, line in enumerate(bins.high):
        color = COLORS[row % len(COLORS)]
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
    text, patches, transforms = _mpl("textpath"), _mpl("patches"), _mpl("transforms")
    bold = _mpl("font_manager").FontProperties(family="DejaVu Sans", weight="bold")
    shapes = {
        letter: text.TextPath((0, 0), letter, size=1, prop=bold) for letter in {*alphabet, "N"}
    }
    for start, code in zip(bins.start.tolist(), bins.mean[0].tolist(), strict=True):
        letter = alphabet[int(code)] if 0 <= code < len(alphabet) else "N"
        box = shapes[letter].get_extents()
        fit = (
            transforms.Affine2D()
            .translate(-box.x0, -box.y0)
            .scale(0.86 / box.width, 0.9 / box.height)
            .translate(start + 0.07, 0.05)
        )
        color = LETTER_COLORS.get(letter, GRAY)
        path = shapes[letter].transformed(fit)
        patch = axes.add_patch(patches.PathPatch(path, facecolor=color, linewidth=0))
        patch.set_gid(letter)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def draw_strip(axes: Any, bins: Bins, alphabet: str) -> None:
    """One colored cell per base, with the key at the right."""
    edges, columns = _cells(bins)
    codes = np.full((1, len(edges) - 1), np.nan)
    codes[0, columns] = bins.mean[0]
    colors = [LETTER_COLORS.get(letter, GRAY) for letter in alphabet]
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
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def draw_intervals(axes: Any, boxes: Columns, lanes: Ints, names: list[str], place: Region) -> None:
    """One box per interval, pointed towards its 3' end, in lanes where they overlap."""
    span = (place.end or 0) - place.start
    tip = np.minimum(0.006 * span, boxes.end - boxes.start)
    left = boxes.start + np.where(boxes.orientation < 0, tip, 0)
    right = boxes.end - np.where(boxes.orientation > 0, tip, 0)
    x = np.stack([left, right, boxes.end, right, left, boxes.start], axis=1)
    y = lanes[:, None] + np.array([0.2, 0.2, 0.5, 0.8, 0.8, 0.5])
    polygons = _mpl("collections").PolyCollection(
        np.stack([x, y], axis=2), facecolor=COLORS[0], edgecolor=COLORS[0], linewidth=0.5
    )
    axes.add_collection(polygons, autolim=False)
    if len(names) <= NAMED:
        for end, lane, name in zip(boxes.end.tolist(), lanes, names, strict=True):
            axes.text(
                end + 0.004 * span, lane + 0.5, name, fontsize=7, color=INK, va="center",
                clip_on=True,
            )  # fmt: skip
    axes.set_ylim(max(1, int(lanes.max(initial=0)) + 1), 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
