"""How do scores spread over repeats, tracks or contigs?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.plot.draw import COLORS, GRAY, INK
from genoarrays.plot.figure import new_figure, prepare_axes

__all__ = ["plot_scores"]

_ENDS = ("_low", "_high")
_COUNTS = ("n", "positives")
_TEXTS = {
    "auroc": "auROC", "auprc": "auPRC", "pearson": "Pearson r", "spearman": "Spearman rho",
    "mse": "mean squared error", "mae": "mean absolute error", "f1": "F1",
}  # fmt: skip
_POINTS = 200  # most values of a box that are drawn one by one


def plot_scores(
    scores: xr.Dataset,
    by: Hashable | None = None,
    metrics: Sequence[str] | None = None,
    *,
    title: str | None = None,
    width: float | None = None,
) -> Any:
    """Draw scores: a box for each model, contig or the like, over repeats or tracks.

    Parameters
    ----------
    scores
        What `ga.score` gave; several joined by `xr.concat` along a dimension such as `model` or
        `repeat`.
    by
        Dimension with a box for each of its labels; None: the first one. All others are spread
        within a box.
    metrics
        Which to draw, a panel for each; None: all.
    title
        Text above the panels.
    width
        Width of a panel, in inches; None: by the number of boxes.

    Returns
    -------
    matplotlib.figure.Figure
        Boxes from quartile to quartile with the median; whiskers to the farthest values within 1.5
        times that range; each of up to 200 values as a point. Where there is one value only it is
        a point, with the interval of its bootstrap.

    Raises
    ------
    GenomeError
        For an unknown dimension or metric, or scores without one.

    Examples
    --------
    >>> found = xr.Dataset({"auroc": (("model", "track"), [[0.9, 0.8, 0.7], [0.6, 0.7, 0.5]])})
    >>> figure = plot_scores(found.assign_coords(model=["order 1", "order 3"]))
    >>> [text.get_text() for text in figure.axes[0].get_xticklabels()]
    ['order 1', 'order 3']
    """
    known = [str(n) for n in scores.data_vars if n not in _COUNTS and not _is_end(scores, str(n))]
    names = known if metrics is None else list(metrics)
    if unknown := [name for name in names if name not in known]:
        raise GenomeError(f"metric {unknown[0]!r} is not among these scores, which have {known}")
    dims = list(dict.fromkeys(dim for name in names for dim in scores[name].dims))
    by = dims[0] if by is None and dims else by
    if not names or (by is not None and by not in dims):
        raise GenomeError(f"by={by!r} is no dimension of these scores, {dims}")
    labels = [""] if by is None else [str(v) for v in scores[by].values.tolist()]
    panel = width or max(1.6, 0.5 + 0.42 * len(labels))
    longest = max(len(label) for label in labels)
    turned = longest * 0.075 > panel / len(labels) * 0.95
    height = 2.8 + (min(0.055 * longest, 1.2) if turned else 0) + (0.3 if title else 0)
    figure = new_figure(panel * len(names) + 0.3, height, title)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        prepare_axes(axes, y=_TEXTS.get(name, name.replace("_", " ")))
        rows = _rows(scores, name, by, len(labels))
        _draw(axes, scores, name, rows)
        axes.set_xlim(-0.6, len(labels) - 0.4)
        turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if turned else {}
        axes.set_xticks(range(len(labels)), labels, fontsize=8, **turn)
        axes.tick_params(axis="x", length=0)
    return figure


def _is_end(scores: xr.Dataset, name: str) -> bool:
    return any(name.endswith(end) and name.removesuffix(end) in scores for end in _ENDS)


def _rows(scores: xr.Dataset, name: str, by: Hashable | None, number: int) -> list[Any]:
    """Values of each box."""
    values = scores[name]
    if by is None or by not in values.dims:
        return [values.values.reshape(-1)] * number
    return list(values.transpose(by, ...).values.reshape(number, -1))


def _draw(axes: Any, scores: xr.Dataset, name: str, rows: list[Any]) -> None:
    single = all(len(row) == 1 for row in rows)
    ends = [name + end for end in _ENDS]
    random = np.random.default_rng(0)
    for place, row in enumerate(rows):
        color, there = COLORS[place % len(COLORS)], row[~np.isnan(row)]
        if not there.size:
            continue
        if single:
            if all(end in scores for end in ends):
                low, high = (scores[end].values.reshape(-1)[place % len(rows)] for end in ends)
                axes.vlines(place, low, high, color=color, linewidth=1.4)
            axes.plot(place, there[0], "o", color=color, markersize=5)
            continue
        axes.boxplot(
            [there], positions=[place], widths=0.55, showfliers=False, patch_artist=True,
            boxprops={"facecolor": color, "alpha": 0.3, "linewidth": 0},
            medianprops={"color": color, "linewidth": 1.8},
            whiskerprops={"color": GRAY, "linewidth": 0.9}, showcaps=False,
        )  # fmt: skip
        if there.size <= _POINTS:
            away = random.uniform(-0.16, 0.16, there.size) if there.size > 3 else 0
            axes.plot(np.full(there.size, place) + away, there, "o", color=color, markersize=2.8,
                      alpha=0.75, markeredgewidth=0)  # fmt: skip
    axes.yaxis.grid(True, color=GRAY, linewidth=0.4, alpha=0.4)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=6)
    axes.tick_params(colors=INK)
