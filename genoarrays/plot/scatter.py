"""What do predictions look like against labels, value by value?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.evaluation.loaded import known_values, loaded
from genoarrays.evaluation.pooled import pool
from genoarrays.options import check_bytes
from genoarrays.plot.draw import COLORS, GRAY, INK
from genoarrays.plot.figure import new_figure, note, prepare_axes

__all__ = ["plot_scatter"]

_POINTS = 2000  # of more, a panel shows how dense they are
_BINS = 60
_PANELS = 24  # most that one figure holds


def plot_scatter(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    *,
    valid: xr.DataArray | None = None,
    columns: int = 4,
    title: str | None = None,
    size: float = 2.6,
) -> Any:
    r"""Draw predictions against labels with the regression line, a panel for each track.

    Parameters
    ----------
    y_true, y_pred, valid
        As of `ga.score`; they are loaded.
    columns
        Most panels beside each other.
    title
        Text above the panels.
    size
        Width and height of a panel, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per track, up to 24. Above 2,000 values a panel shows how many lie at each place,
        on a scale of logarithms. The line is that of least squares (prediction by label); gray is
        where both are the same. r is Pearson's, NaN without variation.

    Raises
    ------
    RegionError, AssemblyError, GenomeError
        As of `ga.score`; and for more than 24 panels, or values above the byte limit.

    Examples
    --------
    >>> y = xr.DataArray([0.0, 1.0, 2.0], dims="window")
    >>> figure = plot_scatter(y, y * 2 + 1)
    >>> figure.axes[0].texts[0].get_text()
    'r = 1.000\nn = 3'
    """
    together = pool(y_true, y_pred, None, valid, None)
    check_bytes(
        2 * 8 * together.truth.size, "labels and predictions", "take fewer windows or tracks"
    )
    shape = tuple(together.truth.sizes[d] for d in together.kept)
    cells = list(np.ndindex(shape))
    if not 0 < len(cells) <= _PANELS:
        raise GenomeError(
            f"{len(cells):,} panels are not drawn; select 1 to {_PANELS} tracks, as in "
            "y.isel(track=slice(12))"
        )
    truth, guess = loaded(together.truth, together), loaded(together.guess, together)
    across = min(columns, len(cells))
    down = -(-len(cells) // across)
    extra = 0.4 if title else 0.1
    figure = new_figure(size * across + 0.3, size * down + extra, title)
    grid = figure.subplots(down, across, squeeze=False).reshape(-1)
    for axes in grid[len(cells) :]:
        axes.set_visible(False)
    for number, (axes, cell) in enumerate(zip(grid, cells, strict=False)):
        last = number + across >= len(cells)
        labels = ("label" if last else "", "prediction" if number % across == 0 else "")
        prepare_axes(axes, *labels, _name(together.truth, cell))
        _draw(axes, *known_values(truth[cell], guess[cell]))
    return figure


def _name(array: xr.DataArray, cell: tuple[int, ...]) -> str:
    parts = [
        str(array[dim].values[n]) if dim in array.coords else f"{dim} {n}"
        for dim, n in zip(array.dims, cell, strict=False)
    ]
    return ", ".join(parts)


def _draw(axes: Any, x: Any, y: Any) -> None:
    if not x.size:
        axes.set(xticks=[], yticks=[])
        note(axes, "no data", 0.5, 0.5, ha="center", va="center")
        return
    low = min(x.min(), y.min())
    axes.axline((low, low), slope=1, color=GRAY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    if x.size <= _POINTS:
        axes.scatter(x, y, s=7, color=COLORS[0], alpha=0.45, linewidth=0, rasterized=True)
    else:
        norm = optional("matplotlib.colors", purpose="drawing figures", extra="plot").LogNorm()
        counts, across, up = np.histogram2d(x, y, bins=_BINS)
        shown = np.where(counts > 0, counts, np.nan).T
        axes.pcolormesh(across, up, shown, cmap="Blues", norm=norm, rasterized=True)
    varies = np.ptp(x) > 0
    if varies:
        slope = np.cov(x, y, bias=True)[0, 1] / x.var()
        ends = np.array([x.min(), x.max()])
        fitted = y.mean() + slope * (ends - x.mean())
        axes.plot(ends, fitted, color=COLORS[1], linewidth=1.4)
    r = np.corrcoef(x, y)[0, 1] if varies and np.ptp(y) > 0 else np.nan
    margin = 0.04 * (np.ptp(x) or 1), 0.04 * (np.ptp(y) or 1)
    axes.set_xlim(x.min() - margin[0], x.max() + margin[0])
    axes.set_ylim(y.min() - margin[1], y.max() + 6 * margin[1])
    note(axes, f"r = {r:.3f}\nn = {x.size:,}")
    axes.texts[-1].set_color(INK)
    axes.locator_params(nbins=5)
