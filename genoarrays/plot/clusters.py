"""Which tracks, windows or hidden features go together?"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.evaluation.embedding import cluster_order, rows_with
from genoarrays.plot.draw import COLORS, GRAY, INK
from genoarrays.plot.figure import color_of, legend, new_figure, prepare_axes

__all__ = ["plot_clustermap", "plot_embedding"]

Array = npt.NDArray[Any]
_NAMED = 60  # most rows or columns that get their names written
_ROWS = 5000  # most that are clustered: distances of all pairs take 100 MB
_GROUPS = 12  # most groups that get a color each


def plot_clustermap(
    features: xr.DataArray,
    dim: Hashable | None = None,
    *,
    metric: str = "correlation",
    scale: bool = False,
    title: str | None = None,
    width: float = 7.0,
    height: float | None = None,
) -> Any:
    """Draw a heat map with rows and columns beside those that are like them, and their trees.

    Parameters
    ----------
    features
        Numbers (row, column), such as hidden features of windows, or correlations of tracks (`r` of
        `ga.correlate`); of more dimensions, the others are columns.
    dim
        Dimension of the rows; None: the first one.
    metric
        How far two rows are apart: "correlation", "euclidean", "cosine" and what else
        `scipy.spatial.distance.pdist` knows.
    scale
        Draw each column less its mean, in standard deviations; distances are those of scaled
        values then.
    title
        Text above the map.
    width, height
        Of the figure, in inches; None: by the number of rows.

    Returns
    -------
    matplotlib.figure.Figure
        Trees at the left and above, average linkage. Values on both sides of 0 are drawn from blue
        to red, others from dark to light.

    Raises
    ------
    GenomeError
        For missing values, an unknown dimension, or more than 5,000 rows or columns.

    Examples
    --------
    >>> x = xr.DataArray(np.random.default_rng(0).normal(size=(6, 4)), dims=("track", "unit"))
    >>> figure = plot_clustermap(x)
    >>> len(figure.axes[3].get_yticks())
    6
    """
    values, dim = rows_with(features, dim)
    if max(values.shape) > _ROWS or not values.size:
        raise GenomeError(
            f"{values.shape[0]:,} rows and {values.shape[1]:,} columns are not clustered; give 1 "
            f"to {_ROWS:,} of each, as in features.isel({dim}=slice({_ROWS}))"
        )
    if scale:
        spread = values.std(0)
        values = (values - values.mean(0)) / np.where(spread > 0, spread, 1)
    rows, down = cluster_order(values, metric)
    columns, across = cluster_order(values.T, metric)
    shown = values[down][:, across]
    tall = height or float(np.clip(1.6 + 0.14 * len(down), 3.2, 9.0))
    figure = new_figure(width, tall, title)
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
    grid = figure.subplots(
        2, 2, width_ratios=[0.8, width - 1.6], height_ratios=[0.6, max(tall - 1.2, 1)]
    )
    grid[0, 0].set_visible(False)
    _draw_tree(grid[0, 1], columns, len(across), sideways=False)
    _draw_tree(grid[1, 0], rows, len(down), sideways=True)
    axes = grid[1, 1]
    both = values.min() < 0 < values.max()
    most = np.abs(values).max()
    limits = {"vmin": -most, "vmax": most, "cmap": "RdBu_r"} if both else {"cmap": "viridis"}
    image = axes.imshow(shown, aspect="auto", interpolation="nearest", **limits)
    axes.spines[:].set_visible(False)
    axes.yaxis.tick_right()
    axes.tick_params(length=0, labelsize=6.5, colors=INK, pad=2)
    others = [d for d in features.dims if d != dim]
    names = _names(features, dim, len(down)) if len(down) <= _NAMED else None
    axes.set_yticks(range(len(down)) if names else [], [names[n] for n in down] if names else [])
    single = others[0] if len(others) == 1 else None
    titles = _names(features, single, len(across)) if single and len(across) <= _NAMED else None
    texts = [titles[n] for n in across] if titles else []
    turn = {"rotation": 90} if max(map(len, texts), default=0) > 2 else {}
    axes.set_xticks(range(len(across)) if texts else [], texts, **turn)
    axes.set_xlabel(" x ".join(map(str, others)), fontsize=9, color=INK)
    bar = figure.colorbar(image, ax=grid[:, 1], shrink=0.35, aspect=14, pad=0.02, anchor=(0, 0.0))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7, colors=INK, length=2, pad=2)
    bar.set_label(_label(features, scale), fontsize=8, color=INK)
    return figure


def _label(features: xr.DataArray, scale: bool) -> str:
    name = str(features.attrs.get("long_name") or features.name or "")
    return f"{name} (sd)".strip() if scale else name


def _names(features: xr.DataArray, dim: Hashable, number: int) -> list[str]:
    if dim in features.coords:
        return [str(value) for value in features[dim].values.tolist()]
    return [str(n) for n in range(number)]


def _draw_tree(axes: Any, tree: Array, number: int, sideways: bool) -> None:
    axes.set_axis_off()
    if not len(tree):
        return
    hierarchy = optional("scipy.cluster.hierarchy", purpose="clustering", extra="eval")
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    for along, apart in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        places = (np.array(along) - 5) / 10  # leaves are drawn at 5, 15, ...
        x, y = (apart, places) if sideways else (places, apart)
        axes.plot(x, y, color=GRAY, linewidth=0.7, solid_capstyle="butt")
    most = float(tree[:, 2].max()) or 1.0
    if sideways:
        axes.set(xlim=(most * 1.03, 0), ylim=(number - 0.5, -0.5))
    else:
        axes.set(xlim=(-0.5, number - 0.5), ylim=(0, most * 1.03))


def plot_embedding(
    embedding: xr.DataArray,
    color: str | xr.DataArray | None = None,
    *,
    title: str | None = None,
    size: float = 4.0,
) -> Any:
    """Draw rows of features by their first two components.

    Parameters
    ----------
    embedding
        (row, component), what `ga.embed` gave.
    color
        Coordinate of the rows, or an array of them, to color points by: texts, True and False and
        up to 12 whole numbers as groups, other numbers on a scale.
    title
        Text above the panel.
    size
        Width and height of the panel, in inches.

    Returns
    -------
    matplotlib.figure.Figure
        With one axes for points; the share of the variance is written where it is known.

    Raises
    ------
    GenomeError
        For an embedding with other dims, or colors that do not fit it.

    Examples
    --------
    >>> import genoarrays as ga
    >>> x = xr.DataArray(np.random.default_rng(0).normal(size=(9, 4)), dims=("window", "unit"))
    >>> figure = plot_embedding(ga.embed(x), x[:, 0])
    >>> figure.axes[0].get_xlabel()[:4]
    'PC1 '
    """
    if embedding.ndim != 2 or embedding.dims[1] != "component" or embedding.sizes["component"] < 2:
        raise GenomeError(
            f"an embedding of dims {embedding.dims} is not drawn; give what ga.embed makes, with "
            "two components"
        )
    dim = embedding.dims[0]
    shade = embedding.coords.get(color) if isinstance(color, str) else color
    if isinstance(color, str) and shade is None:
        raise GenomeError(f"color={color!r} is no coordinate; there are {list(embedding.coords)}")
    if shade is not None and shade.dims != (dim,):
        raise GenomeError(f"color= has the dims {shade.dims}; give one value for each {dim}")
    if shade is not None and shade.sizes[dim] != embedding.sizes[dim]:
        raise GenomeError(
            f"color= has {shade.sizes[dim]:,} values for {embedding.sizes[dim]:,} of {dim!r}"
        )
    x, y = embedding.values[:, 0], embedding.values[:, 1]
    figure = new_figure(size + (1.0 if shade is not None else 0.2), size, title)
    axes = figure.subplots()
    shares = embedding.coords.get("explained")
    names = [
        str(name) + (f" ({100 * float(shares[n]):.0f} %)" if shares is not None else "")
        for n, name in enumerate(embedding["component"].values[:2].tolist())
    ]
    prepare_axes(axes, *names)
    dots = {"s": float(np.clip(6000 / max(len(x), 1), 3, 22)), "alpha": 0.7, "linewidth": 0}
    groups = None if shade is None else _groups(shade.values)
    if shade is None:
        axes.scatter(x, y, color=COLORS[0], rasterized=True, **dots)
    elif groups is not None:
        for number, (name, here) in enumerate(groups.items()):
            shown = color_of(number, len(groups))
            axes.scatter(x[here], y[here], color=shown, label=name, rasterized=True, **dots)
        legend(axes, outside=True, title=_title(shade, color), title_fontsize=8, markerscale=1.3,
               handletextpad=0.2)  # fmt: skip
        for handle in axes.get_legend().legend_handles:
            handle.set_alpha(1)
        axes.get_legend().get_title().set_color(INK)
    else:
        points = axes.scatter(x, y, c=shade.values, cmap="viridis", rasterized=True, **dots)
        bar = figure.colorbar(points, ax=axes, shrink=0.6, aspect=18, pad=0.02)
        bar.outline.set_visible(False)
        bar.solids.set_alpha(1)
        bar.ax.tick_params(labelsize=7, colors=INK, length=2, pad=2)
        bar.set_label(_title(shade, color), fontsize=8, color=INK)
    axes.set_box_aspect(1)
    axes.locator_params(nbins=5)
    return figure


def _title(shade: xr.DataArray, color: Any) -> str:
    return color if isinstance(color, str) else str(shade.name or "")


def _groups(values: Array) -> dict[str, Array] | None:
    """Rows of each group; None for numbers on a scale."""
    if values.dtype.kind == "f":
        return None
    texts = np.array([str(value) for value in values.tolist()], dtype=object)
    names = list(dict.fromkeys(texts.tolist()))
    if values.dtype.kind in "iu":
        names = sorted(names, key=int)
        if len(names) > _GROUPS:
            return None
    return {name: np.flatnonzero(texts == name) for name in names}
