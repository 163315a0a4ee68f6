"""What does a model look at, and what lies around its highest predictions?

Panels for a page about a run: of many windows those with the highest prediction, of each the
stretch that attributions are largest in, since a window of 500 letters cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.formats.signal.runs import window_bins
from genoarrays.genome.columns import Columns
from genoarrays.genome.example import example_dim, example_label
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.genome.resize import resize
from genoarrays.plot.letters import channel_of
from genoarrays.plot.logo import plot_logo
from genoarrays.plot.tracks import plot_tracks
from genoarrays.plot.windows import columns_of

__all__ = ["logos_of", "places_of", "shares_of", "views_of"]

LOGOS = 10  # windows whose letters are shown
STRETCH = 60  # letters shown of each
VIEWS = 3  # places drawn where none are named
AROUND = 2000  # bp drawn there, at least
RANKS = {"prediction": "prediction", "difference": "above the baseline by"}

Array = npt.NDArray[Any]


def logos_of(attribution: xr.DataArray) -> Any:
    """Figure of the letters that matter most, in the windows with the highest predictions.

    Parameters
    ----------
    attribution
        (window or sequence, offset, channel), as of `ga.integrated_gradients`; windows are ranked
        by the coordinate `prediction` or `difference` (from the baseline) where there is one, else
        by the sum of sizes.

    Returns
    -------
    matplotlib.figure.Figure
        A logo for each of up to ten windows: the 60 bases in which sizes are largest, under their
        place in the genome, in the direction of the window.

    Raises
    ------
    GenomeError
        When there is no dimension of letters.
    """
    dim, channel = example_dim(attribution), channel_of(attribution)
    offset = next((str(d) for d in attribution.dims if str(d).startswith("offset")), None)
    if channel is None or offset is None or attribution.ndim != 3:
        raise GenomeError(
            f"attribution has the dimensions {attribution.dims}; give (window, offset, channel), "
            "as ga.integrated_gradients makes it"
        )
    array = attribution.transpose(dim, offset, channel)
    told = next((n for n in RANKS if n in array.coords and array[n].dims == (dim,)), None)
    found = abs(array).sum([offset, channel]) if told is None else array[told]
    rank = np.asarray(found.values, np.float64)
    best = np.argsort(-np.nan_to_num(rank, nan=-np.inf), kind="stable")[:LOGOS]
    some = array.isel({dim: best}).compute()
    logos, names = [], []
    for row in range(len(best)):
        one = some.isel({dim: row}).reset_coords(drop=True)
        size = np.nan_to_num(np.abs(one.values)).sum(axis=1)
        width = min(STRETCH, len(size))
        first = int(np.argmax(np.convolve(size, np.ones(width), mode="valid")))
        stretch = slice(first, first + width)
        logos.append(one.isel({offset: stretch}).drop_vars(offset, errors="ignore"))
        names.append(_place(some, row, offset, stretch))
        if told is not None:
            names[-1] += f", {RANKS[told]} {rank[best[row]]:.3g}"
    return plot_logo(logos, names=names, share_y=False, width=9.0, height=0.8)


def _place(some: xr.DataArray, row: int, offset: str, stretch: slice) -> str:
    """Where a stretch of a window lies in the genome, or in its sequence."""
    if "window" not in some.dims:
        return f"{example_label(some, row)}, {stretch.start}-{stretch.stop}"
    columns = columns_of(some).take([row])
    bins = some.sizes[offset]
    low, width, _ = window_bins(columns, bins, some.coords.get(offset))
    if columns.orientation[0] < 0:
        stretch = slice(bins - stretch.stop, bins - stretch.start)
    start, end = (int(low[0] + n * width[0]) for n in (stretch.start, stretch.stop))
    strand = {1: " (+)", 0: "", -1: " (\N{MINUS SIGN})"}[int(columns.orientation[0])]
    return f"{columns.contigs[0]}:{start:,}-{end:,}{strand}"


def shares_of(attribution: xr.DataArray | xr.Dataset) -> dict[str, str]:
    """Share of each input in the sum of the sizes of all attributions."""
    if isinstance(attribution, xr.DataArray):
        return {}
    sizes = {str(name): float(abs(one).sum()) for name, one in attribution.data_vars.items()}
    total = sum(sizes.values()) or 1.0
    return {f"share of {name}": f"{100 * size / total:.1f} %" for name, size in sizes.items()}


def places_of(regions: Any, y_pred: xr.DataArray | None) -> list[tuple[str, str | None]]:
    """Labels of the places that are drawn, and of the windows to shade there.

    Those named, without a window; or what lies around the highest predictions.

    Raises
    ------
    GenomeError
        When there are neither regions nor windows with predictions.
    """
    if regions is not None:
        listed = [regions] if isinstance(regions, str) else regions
        return [(str(label), None) for label in _labels(region_columns(read_regions(listed)))]
    if y_pred is None or "window" not in y_pred.dims:
        raise GenomeError("there is no place to draw tracks at; say regions=, as in ['chr1:0-900']")
    highest = np.asarray(y_pred.max([d for d in y_pred.dims if d != "window"]).values, np.float64)
    order = np.argsort(-np.nan_to_num(highest, nan=-np.inf), kind="stable")
    columns = columns_of(y_pred)
    width = max(AROUND, 5 * int((columns.end - columns.start).max(initial=1)))
    best: list[int] = []
    for row in order[: 100 * VIEWS].tolist():  # neighbors are seen in one picture
        away = np.abs(columns.start[best] - columns.start[row]) > width // 2
        if (away | (columns.code[best] != columns.code[row])).all():
            best.append(row)
        if len(best) == VIEWS:
            break
    chosen = columns.take(best)
    around = region_columns(resize(columns_dataset(chosen), width, anchor="center"))
    return list(zip(_labels(around), _labels(chosen), strict=True))


def _labels(columns: Columns) -> list[str]:
    return [
        f"{contig}:{max(start, 0):,}-{end:,}"
        for contig, start, end in zip(
            columns.contigs.tolist(), columns.start.tolist(), columns.end.tolist(), strict=True
        )
    ]


def views_of(tracks: Any, regions: Any, y_pred: xr.DataArray | None) -> Iterator[tuple[str, Any]]:
    """Place and figure of the tracks at each of the places."""
    for place, window in places_of(regions, y_pred):
        yield place, plot_tracks(tracks, place, overlap="mean", highlight=window)
