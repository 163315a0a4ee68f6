"""How are genes and peaks drawn?"""

from __future__ import annotations

from typing import Any

import numpy as np

from genoarrays._optional import optional
from genoarrays.genome.region import Region
from genoarrays.plot.draw import INK, no_scale
from genoarrays.plot.genes import GAP, Gene, Layout

__all__ = ["draw_genes"]

_TIP = 0.05  # inches


def draw_genes(axes: Any, layout: Layout, place: Region, width: float, color: str) -> None:
    """Boxes pointed towards the 3' end; lines with exons for genes that have them; names."""
    span = (place.end or 0) - place.start
    inch = span / width
    polygons, lines, arrows = [], [], []
    for gene, lane in zip(layout.genes, layout.lanes, strict=True):
        parts = gene.parts or ((gene.start, gene.end, 0.85),)
        last = gene.end if gene.orientation > 0 else gene.start
        for start, end, height in parts:  # the last one points
            way = gene.orientation * (last in (start, end))
            tip = min(_TIP * inch, end - start)
            polygons.append(_box(start, end, lane + 0.5, 0.36 * height, way, tip))
        if gene.parts:
            lines.append([(gene.start, lane + 0.5), (gene.end, lane + 0.5)])
            arrows += _arrows(gene, place, lane + 0.5, inch)
    collections = optional("matplotlib.collections", purpose="drawing figures", extra="plot")
    boxes = collections.PolyCollection(
        polygons, facecolor=color, edgecolor=color, linewidth=0.5, zorder=2
    )
    axes.add_collection(boxes, autolim=False)
    if lines:
        thin = collections.LineCollection(lines + arrows, color=color, linewidth=0.8, zorder=1.5)
        axes.add_collection(thin, autolim=False)
    _write_names(axes, layout, place, 0.6 * GAP * inch)
    axes.set_ylim(layout.depth, 0)
    no_scale(axes)


def _box(
    start: int, end: int, middle: float, half: float, way: int, tip: float
) -> list[tuple[float, float]]:
    """Corners of a box, with a tip at its 3' end."""
    left, right = start + (tip if way < 0 else 0), end - (tip if way > 0 else 0)
    top, bottom = middle - half, middle + half
    return [(left, top), (right, top), (end, middle), (right, bottom), (left, bottom),
            (start, middle)]  # fmt: skip


def _arrows(gene: Gene, place: Region, middle: float, inch: float) -> list[Any]:
    """Small arrows along the line of a gene, where there are no exons."""
    if not gene.orientation:
        return []
    low, high = max(gene.start, place.start), min(gene.end, place.end or 0)
    size = 0.035 * inch * gene.orientation
    places = np.arange(low + 0.09 * inch, high - 0.05 * inch, 0.18 * inch)
    bare = [
        x for x in places if not any(s - abs(size) <= x <= e + abs(size) for s, e, _ in gene.parts)
    ]
    return [
        [(x - size, middle - 0.14), (x, middle), (x - size, middle + 0.14)] for x in bare
    ]  # fmt: skip


def _write_names(axes: Any, layout: Layout, place: Region, gap: float) -> None:
    for gene, lane, side in zip(layout.genes, layout.lanes, layout.sides, strict=True):
        low, high = max(gene.start, place.start), min(gene.end, place.end or 0)
        if not side:
            continue
        middle = (low + high) / 2
        x, align = {"right": (high + gap, "left"), "left": (low - gap, "right")}.get(
            side, (middle, "center")
        )
        text = axes.text(
            x, lane + 0.5, gene.name, fontsize=7, color="white" if side == "inside" else INK,
            ha=align, va="center_baseline", clip_on=True,
        )  # fmt: skip
        if side == "over":
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
