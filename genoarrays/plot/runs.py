"""How did runs learn, and which one is best?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.plot.draw import COLORS, GRAY, INK
from genoarrays.plot.figure import color_of, legend, new_figure, prepare_axes

__all__ = ["plot_runs"]

_NAMED = 12  # most runs that get their names written


def plot_runs(runs: xr.Dataset, score: str | None = None, *, title: str | None = None) -> Any:
    """Draw the losses of runs by epoch, and a score of each.

    Parameters
    ----------
    runs
        What `ga.compare` gave.
    score
        Variable (run,) to draw, such as "auprc"; None: the first of auprc, auroc, pearson, spearman
        and val_loss that is there.
    title
        Text above the panels.

    Returns
    -------
    matplotlib.figure.Figure
        Training losses are thin, validation losses thick with a point at the best epoch; a bar of
        points at the right, runs from top to bottom as they come.

    Raises
    ------
    GenomeError
        When there is no history, or no such score.

    Examples
    --------
    >>> losses = ("run", "epoch"), [[0.9, 0.7], [0.8, 0.75]]
    >>> runs = xr.Dataset({"history_loss": losses, "val_loss": ("run", [0.7, 0.75])})
    >>> figure = plot_runs(runs.assign_coords(run=["a", "b"], epoch=[1, 2]))
    >>> [axes.get_xlabel() for axes in figure.axes]
    ['epoch', 'validation loss']
    """
    histories = [n for n in ("history_loss", "history_val_loss") if n in runs]
    if not histories or not runs.sizes.get("run"):
        raise GenomeError("there is no history to draw; give what ga.compare makes")
    known = ["auprc", "auroc", "pearson", "spearman", "val_loss", "loss"]
    name = score or next((n for n in known if n in runs), None)
    if name not in runs or runs[name].dims != ("run",) or runs[name].dtype.kind not in "iuf":
        numbers = [n for n in runs if runs[n].dims == ("run",) and runs[n].dtype.kind in "iuf"]
        raise GenomeError(f"score={name!r} is no number of these runs; choose from {numbers}")
    labels = [str(label) for label in runs["run"].values.tolist()]
    total = len(labels)
    height = float(np.clip(1.2 + 0.22 * total, 2.9, 9.0)) + (0.3 if title else 0)
    figure = new_figure(8.6, height, title)
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    prepare_axes(left, "epoch", "loss")
    _draw_losses(left, runs, total)
    texts = {"val_loss": "validation loss", "auroc": "auROC", "auprc": "auPRC"}
    prepare_axes(right, texts.get(str(name), str(name).replace("_", " ")))
    values = runs[name].values.astype(np.float64)
    for place, value in enumerate(values):
        right.plot(value, place, "o", color=_color(place, total), markersize=5.5, clip_on=False)
    right.set_ylim(total - 0.4, -0.6)
    right.set_yticks(range(total), labels, fontsize=8)
    right.spines["left"].set_visible(False)
    right.tick_params(axis="y", length=0)
    right.grid(True, color=GRAY, linewidth=0.4, alpha=0.4)
    right.set_axisbelow(True)
    right.margins(x=0.12)
    right.locator_params(axis="x", nbins=5)
    return figure


def _color(number: int, total: int) -> Any:
    return COLORS[0] if total > _NAMED else color_of(number, total)


def _draw_losses(axes: Any, runs: xr.Dataset, total: int) -> None:
    epochs = runs["epoch"].values
    held_out = "history_val_loss" in runs
    for number in range(total):
        color = _color(number, total)
        if "history_loss" in runs:
            thin = {"linewidth": 0.8, "alpha": 0.6} if held_out else {"linewidth": 1.4}
            axes.plot(epochs, runs["history_loss"].values[number], color=color, **thin)
        if held_out:
            values = runs["history_val_loss"].values[number]
            axes.plot(epochs, values, color=color, linewidth=1.5)
            if not np.isnan(values).all():
                best = int(np.nanargmin(values))
                axes.plot(epochs[best], values[best], "o", color=color, markersize=4.5)
    if held_out:
        axes.plot([], [], color=INK, linewidth=1.5, label="validation")
    if "history_loss" in runs and held_out:
        axes.plot([], [], color=INK, linewidth=0.8, alpha=0.6, label="training")
        legend(axes, loc="upper right")
    axes.locator_params(axis="x", integer=True, nbins=8)
    axes.locator_params(axis="y", nbins=6)
