"""How do letters become shapes that fill boxes?

A letter is the outline of a glyph, stretched to its box. All boxes of one letter are one compound
path, so a logo of a thousand letters is a handful of vector shapes: sharp at any size, and the same
wherever the file is opened, as no font is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays._optional import optional

__all__ = ["color_of_letter", "draw_glyphs", "draw_stacks", "stack"]

Floats = npt.NDArray[np.floating]

# Okabe and Ito's; in the usual order: A green, C blue, G yellow, T and U red
_BASES = {"A": "#009E73", "C": "#0072B2", "G": "#E69F00", "T": "#D55E00", "U": "#D55E00"}
# amino acids by their chemistry, as in WebLogo
_ACIDS = {
    **dict.fromkeys("GSTYC", "#009E73"), **dict.fromkeys("NQ", "#CC79A7"),
    **dict.fromkeys("KRH", "#0072B2"), **dict.fromkeys("DE", "#D55E00"),
    **dict.fromkeys("AVLIPWFM", "#333333"),
}  # fmt: skip
_OTHER = "#8C8C8C"
_NARROW = 0.45  # of its height: glyphs that are narrower, as I is, do not fill the box
_ROOM = 0.07  # of the width of a box, left free at each side


def color_of_letter(letter: str, alphabet: Sequence[str]) -> str:
    """Color of a base, or of an amino acid where the alphabet has others than bases.

    Examples
    --------
    >>> color_of_letter("A", "ACGU"), color_of_letter("A", "ACDEFGHIKLMNPQRSTVWY")
    ('#009E73', '#333333')
    """
    bases = set(alphabet) <= {*_BASES, "N"}
    return (_BASES if bases else _ACIDS).get(letter, _OTHER)


@cache
def _glyph(letter: str) -> tuple[Any, Any]:
    """Vertices in the unit square, and codes of an outline."""
    text = optional("matplotlib.textpath", purpose="drawing figures", extra="plot")
    fonts = optional("matplotlib.font_manager", purpose="drawing figures", extra="plot")
    # comes with matplotlib, so pictures are the same everywhere
    bold = fonts.FontProperties(family="DejaVu Sans", weight="bold")
    path = text.TextPath((0, 0), letter, size=100, prop=bold)
    box = path.get_extents()
    vertices = (path.vertices - [box.x0, box.y0]) / [box.width or 1.0, box.height or 1.0]
    fills = min(box.width / max(box.height, 1e-9) / _NARROW, 1.0)
    vertices[:, 0] = 0.5 + (vertices[:, 0] - 0.5) * fills
    return vertices, path.codes


def draw_glyphs(
    axes: Any,
    letters: Sequence[str],
    left: Floats,
    bottom: Floats,
    width: Floats,
    height: Floats,
    alphabet: Sequence[str] = "ACGT",
) -> None:
    """Draw letters into boxes, one path for each different letter.

    Parameters
    ----------
    axes
        Where to; its limits are not changed.
    letters
        One for each box.
    left, bottom, width, height
        Of the boxes, in data units.
    alphabet
        All letters that there may be, by which colors are chosen.
    """
    path = optional("matplotlib.path", purpose="drawing figures", extra="plot").Path
    patches = optional("matplotlib.patches", purpose="drawing figures", extra="plot")
    given = np.asarray(letters)
    for letter in dict.fromkeys(letters):
        here = np.flatnonzero(given == letter)
        vertices, codes = _glyph(letter)
        x = left[here, None] + width[here, None] * (_ROOM + (1 - 2 * _ROOM) * vertices[:, 0])
        y = bottom[here, None] + height[here, None] * vertices[:, 1]
        whole = path(np.stack([x, y], axis=2).reshape(-1, 2), np.tile(codes, len(here)))
        color = color_of_letter(letter, alphabet)
        patch = patches.PathPatch(whole, facecolor=color, linewidth=0, zorder=2)
        patch.set_gid(letter)
        axes.add_artist(patch)  # add_patch would look at every vertex, to set the limits
        patch.set_clip_path(axes.patch)


def stack(heights: Floats) -> tuple[Floats, Floats, Floats]:
    """Where the letters of a logo stand.

    Parameters
    ----------
    heights
        (place, letter), NaN for none.

    Returns
    -------
    tuple
        Lower edge of each letter, (place, letter); lowest and highest edge of each place. At each
        place letters are stacked from small to large, away from zero, below it where negative.

    Examples
    --------
    >>> bottom, low, high = stack(np.array([[1.0, 3.0, -2.0]]))
    >>> bottom.tolist(), low.tolist(), high.tolist()
    ([[0.0, 1.0, -2.0]], [-2.0], [4.0])
    """
    known = np.where(np.isnan(heights), 0, heights)
    bottom = np.zeros_like(known)
    edges = []
    for sign in (1, -1):
        size = np.maximum(sign * known, 0)
        order = np.argsort(size, axis=1, kind="stable")
        inner = np.cumsum(np.take_along_axis(size, order, 1), axis=1)
        edges.append(sign * inner[:, -1] if size.shape[1] else np.zeros(len(size)))
        inner = inner - np.take_along_axis(size, order, 1) if sign > 0 else -inner
        placed = np.zeros_like(known)
        np.put_along_axis(placed, order, inner, 1)
        bottom = np.where(size > 0, placed, bottom)
    return bottom, edges[1], edges[0]


def draw_stacks(axes: Any, start: Floats, heights: Floats, letters: Sequence[str]) -> None:
    """Draw a logo.

    Parameters
    ----------
    axes
        Where to; its limits are not changed.
    start
        (place,): left edges, each one unit wide.
    heights
        (place, letter), NaN for none; negative letters stand upright below zero.
    letters
        Of the second dimension.
    """
    bottom, low, high = stack(heights)
    least = 0.002 * max(float(np.max(high, initial=0)), -float(np.min(low, initial=0)))
    place, number = np.nonzero(np.abs(np.nan_to_num(heights)) > least)
    given = [letters[n] for n in number.tolist()]
    draw_glyphs(
        axes, given, start[place].astype(np.float64), bottom[place, number], np.ones(len(place)),
        np.abs(heights[place, number]), letters,
    )  # fmt: skip
