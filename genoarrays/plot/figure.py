"""How do all figures look, how are they saved, and how do notebooks show them?

The figure is a plain `matplotlib.figure.Figure`: no window, no backend and no setting of pyplot is
touched, and notebooks show it as it brings its own picture. PDF and SVG keep text as text, which
journals ask for, and PNG is fine enough for print.
"""

from __future__ import annotations

import io
from functools import partial
from typing import Any

from genoarrays._optional import optional
from genoarrays.plot.draw import COLORS, GRAY, INK

__all__ = ["color_of", "legend", "new_figure", "note", "png", "prepare_axes"]


def new_figure(width: float, height: float, title: str | None = None) -> Any:
    """Empty figure in inches; its parts are laid out without overlap."""
    module = optional("matplotlib.figure", purpose="drawing figures", extra="plot")
    figure = module.Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
    if title:
        figure.suptitle(title, fontsize=11, color=INK)
    figure._repr_png_ = partial(png, figure)
    figure.savefig = partial(_save, figure)
    return figure


def _save(figure: Any, *args: Any, **options: Any) -> None:
    """`Figure.savefig`, with text that can be edited and 300 dpi."""
    matplotlib = optional("matplotlib", purpose="drawing figures", extra="plot")
    options = {"dpi": 300, **options}
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        type(figure).savefig(figure, *args, **options)


def png(figure: Any, dpi: float = 110) -> bytes:
    """The picture that notebooks show."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()


def prepare_axes(axes: Any, x: str = "", y: str = "", title: str = "") -> None:
    """Two thin spines, quiet ticks, and names of the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRAY)
    axes.tick_params(labelsize=7.5, colors=INK, color=GRAY, length=2.5, pad=2)
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    if title:
        axes.set_title(title, fontsize=9.5, color=INK, loc="left")


def color_of(number: int, total: int) -> Any:
    """Color of a line: of six that are apart for all; of more, along one scale."""
    if total <= len(COLORS):
        return COLORS[number]
    colormaps = optional("matplotlib", purpose="drawing figures", extra="plot").colormaps
    return colormaps["viridis"](0.95 * number / (total - 1))


def legend(axes: Any, outside: bool = False, **options: Any) -> None:
    """Names of what is drawn, on a white ground without an edge."""
    place: dict[str, Any] = {"loc": "best"}
    if outside:
        place = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.0), "borderaxespad": 0}
    options = {"fontsize": 7.5, "handlelength": 1.4, **place, **options}
    ground = {"facecolor": "white", "edgecolor": "none", "framealpha": 0.85, "fancybox": False}
    axes.legend(labelcolor=INK, **ground, **options)


def note(axes: Any, text: str, x: float = 0.03, y: float = 0.97, **options: Any) -> None:
    """Few words in a corner."""
    where = {"ha": "left", "va": "top", **options}
    axes.text(x, y, text, transform=axes.transAxes, fontsize=8, color=INK, **where)
