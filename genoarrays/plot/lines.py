"""What do curves of scores look like: ROC, precision against recall, calibration?"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.plot.draw import GRAY, INK
from genoarrays.plot.figure import color_of, legend, new_figure, prepare_axes

__all__ = ["plot_curves"]

_KINDS = {"roc": "fpr", "pr": "recall", "calibration": "predicted"}
_NAMED = 12  # most lines that get their names written


def plot_curves(
    curves: xr.Dataset,
    kinds: Sequence[str] = ("roc", "pr", "calibration"),
    *,
    title: str | None = None,
    size: float = 3.0,
) -> Any:
    """Draw curves, a panel for each kind and a line for each track, contig or run.

    Parameters
    ----------
    curves
        What `ga.curves` gave; several joined by `xr.concat` make as many lines.
    kinds
        "roc", "pr" and "calibration"; those that `curves` does not hold are left out.
    title
        Text above the panels.
    size
        Width and height of a panel, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per kind. Areas are written behind the names of up to 12 lines. Gray lines are what
        chance gives: the diagonal, the share of positives, and where predictions are right.

    Raises
    ------
    GenomeError
        For an unknown kind, or when none is there.

    Examples
    --------
    >>> import genoarrays as ga
    >>> y = xr.DataArray([0.0, 0.0, 1.0, 1.0], dims="window")
    >>> figure = plot_curves(ga.curves(y, y.copy(data=[0.1, 0.4, 0.35, 0.8])), ["roc"])
    >>> figure.axes[0].get_ylabel()
    'true positive rate'
    """
    if unknown := [kind for kind in kinds if kind not in _KINDS]:
        raise GenomeError(f"kind {unknown[0]!r} is not known; choose from {list(_KINDS)}")
    shown = [kind for kind in kinds if _KINDS[kind] in curves]
    if not shown:
        raise GenomeError("there is nothing to draw; give curves as ga.curves makes them")
    lines = list(_lines(curves))
    figure = new_figure(size * len(shown) + 0.2, size + (0.35 if title else 0.15), title)
    grid = figure.subplots(1, len(shown), squeeze=False)[0]
    draw = {"roc": _draw_roc, "pr": _draw_pr, "calibration": _draw_calibration}
    for axes, kind in zip(grid, shown, strict=True):
        draw[kind](axes, lines)
        axes.set_box_aspect(1)
        ticks = [0, 0.25, 0.5, 0.75, 1]
        texts = ["0", "0.25", "0.5", "0.75", "1"]
        axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015))
        axes.set_xticks(ticks, texts)
        axes.set_yticks(ticks, texts)
    return figure


def _lines(curves: xr.Dataset) -> Any:
    """Name and curves of each line."""
    dims = [dim for dim in curves["n"].dims]
    labels = [
        [str(v) for v in curves[d].values.tolist()] if d in curves.coords else
        [f"{d} {n}" for n in range(curves.sizes[d])]
        for d in dims
    ]  # fmt: skip
    for cell in itertools.product(*(range(len(some)) for some in labels)):
        name = ", ".join(some[n] for some, n in zip(labels, cell, strict=True))
        yield name, curves.isel(dict(zip(dims, cell, strict=True)))


def _style(number: int, total: int) -> dict[str, Any]:
    return {"color": color_of(number, total), "linewidth": 1.4 if total <= 6 else 0.9}


def _name(name: str, one: xr.Dataset, area: str, text: str) -> str:
    value = float(one[area])
    return f"{name}  {value:.3f}" if name else f"{text} = {value:.3f}"


def _draw_roc(axes: Any, lines: Sequence[tuple[str, xr.Dataset]]) -> None:
    prepare_axes(axes, "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, (name, one) in enumerate(lines):
        text = _name(name, one, "auroc", "auROC")
        axes.plot(one.fpr, one.tpr, label=text, **_style(number, len(lines)))
    _finish(axes, lines, "auROC", loc="lower right")


def _draw_pr(axes: Any, lines: Sequence[tuple[str, xr.Dataset]]) -> None:
    prepare_axes(axes, "recall", "precision")
    shares = [float(one.positives) / max(float(one.n), 1) for _, one in lines]
    for share in sorted(set(np.round(shares, 3))):
        axes.axhline(share, color=GRAY, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, (name, one) in enumerate(lines):
        text = _name(name, one, "auprc", "auPRC")
        style = _style(number, len(lines))
        axes.step(one.recall, one.precision, where="pre", label=text, **style)
    high = np.mean([float(one.auprc) for _, one in lines if one.auprc.notnull()] or [0])
    _finish(axes, lines, "auPRC", loc="lower left" if high > 0.6 else "upper right")


def _draw_calibration(axes: Any, lines: Sequence[tuple[str, xr.Dataset]]) -> None:
    prepare_axes(axes, "mean prediction", "share of positives")
    axes.plot([0, 1], [0, 1], color=GRAY, linewidth=0.8, linestyle=(0, (4, 3)))
    for number, (name, one) in enumerate(lines):
        there = (one["count"] > 0).values
        x, y = one.predicted.values[there], one.observed.values[there]
        style = _style(number, len(lines))
        axes.plot(x, y, marker="o", markersize=3.2, label=name, clip_on=False, **style)


def _finish(axes: Any, lines: Sequence[Any], text: str, **options: Any) -> None:
    if len(lines) <= _NAMED:
        legend(axes, title=text if lines[0][0] else None, title_fontsize=7.5, **options)
        if (box := axes.get_legend()) is not None:
            box.get_title().set_color(INK)
