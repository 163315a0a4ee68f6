"""Which letters matter at each place: what does a motif, or an attribution, look like?

Letters are as high as their values, stacked from small to large, below zero where negative. Of a
matrix of frequencies the stacks may be as high as the information at each place, in bits, which is
how binding motifs are drawn since [1]_.

References
----------
.. [1] Schneider and Stephens, Nucleic Acids Res. 18, 6097 (1990).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_label
from genoarrays.plot.draw import INK, SHADE, draw_logo
from genoarrays.plot.figure import new_figure, prepare_axes
from genoarrays.plot.letters import channel_of, labels_of, letters_of, of_codes, spread

__all__ = ["information", "plot_logo"]

ROWS = 60  # most logos in a figure
PLACES = 1000  # most places in one
_WIDTHS = 0.19, 0.9, 2.6, 9.0  # inches: of a letter, beside them, least and most of a figure

Floats = npt.NDArray[np.floating]


class _Logo(NamedTuple):
    name: str
    start: npt.NDArray[np.int64]
    heights: Floats  # (place, letter)
    letters: list[str]


def plot_logo(
    array: Any,
    codes: xr.DataArray | None = None,
    *,
    bits: bool = False,
    background: Sequence[float] | None = None,
    letters: str | None = None,
    names: Sequence[str] | None = None,
    highlight: tuple[int, int] | Sequence[tuple[int, int]] | None = None,
    ylim: tuple[float, float] | None = None,
    share_y: bool = True,
    columns: int = 1,
    title: str | None = None,
    height: float = 1.0,
    width: float | None = None,
) -> Any:
    """Draw sequence logos, one below the other.

    Parameters
    ----------
    array
        (offset, channel): attributions, a matrix of frequencies, or other values by letter;
        `channel` holds letters of any alphabet (without labels they are A, C, G, T), or k-mers,
        which are shared over their bases. One more dimension, such as `window`, makes a row of each
        of its elements; NaN ends a shorter one. Plain arrays (place, letter) do too, and lists or
        dicts of names of any of these. Windows are drawn as they are: in the direction of their
        own strand.
    codes
        Sequence: with it `array` is one value for each of its letters, without `channel`.
    bits
        Draw frequencies (or counts) as information: each letter has its frequency times the
        information of its place, in bits.
    background
        Frequencies of the letters where there is no motif, for `bits`; None: all alike.
    letters
        Of plain arrays.
    names
        One for each row; labels of the windows or motifs by default.
    highlight
        (start, end), half-open, to shade; or a list of these.
    ylim
        Limits of all rows.
    share_y
        The same limits for all rows.
    columns
        Logos side by side.
    title
        Text above all.
    height
        Of a logo, in inches.
    width
        Of the figure, in inches; None: by the number of letters.

    Returns
    -------
    matplotlib.figure.Figure
        One axes per logo; letters are outlines, and other text is text, in PDF and SVG.

    Raises
    ------
    GenomeError
        For arrays without letters, more than 60 rows or 1,000 places; with `bits`, for values that
        are no frequencies, or a background that does not fit.
    TypeError
        For a wrong number of names.

    Examples
    --------
    >>> motif = [[0.1, 0.1, 0.1, 0.7], [0.7, 0.1, 0.1, 0.1], [0.25, 0.25, 0.25, 0.25]]
    >>> figure = plot_logo(np.array(motif), bits=True, title="TA")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['bits']
    """
    logos = _logos(array, codes, letters)
    if not 0 < len(logos) <= ROWS:
        raise GenomeError(
            f"{len(logos):,} logos are not drawn; select 1 to {ROWS}, as in "
            "x.isel(window=slice(20))"
        )
    if names is not None and len(names) != len(logos):
        raise TypeError(f"{len(names)} names for {len(logos)} logos; give one name for each")
    longest = max(len(logo.heights) for logo in logos)
    if longest > PLACES:
        raise GenomeError(
            f"{longest:,} places are too many for letters; select at most {PLACES:,}, as in "
            "x.isel(offset=slice(100, 200)), or draw the genome with ga.plot_tracks"
        )
    if bits:
        logos = [
            logo._replace(heights=information(logo.heights, background, logo.name))
            for logo in logos
        ]
    texts = names if names is not None else [logo.name for logo in logos]
    named = any(texts)
    across = min(columns, len(logos))
    down = -(-len(logos) // across)
    each, beside, least, most = _WIDTHS
    width = width or float(np.clip(across * (each * longest + beside), least, most))
    extra = 0.55 + (0.35 if title else 0)
    figure = new_figure(width, down * (height + 0.12 + 0.2 * named) + extra, title)
    grid = figure.subplots(down, across, squeeze=False)
    flat = grid.reshape(-1)
    first = [int(logo.start[0]) if len(logo.start) else 0 for logo in logos]
    together = len(set(first)) == 1  # one axis for all: letters are as wide everywhere
    unit = "bits" if bits else ""
    for axes, logo, text in zip(flat, logos, texts, strict=False):
        prepare_axes(axes, "", unit, "")
        if text:
            axes.set_title(text, fontsize=8, color=INK, loc="left", pad=3)
        draw_logo(axes, logo.start, logo.heights, logo.letters, ylim)
        if bits and ylim is None:
            axes.set_ylim(0, _most_bits(logo, background))
        _shade(axes, highlight)
        start = int(logo.start[0]) if len(logo.start) else 0
        axes.set_xlim(start, start + (longest if together else len(logo.start)))
        _number(axes, logo, longest)
    for axes in flat[len(logos) :]:
        axes.set_visible(False)
    if share_y and ylim is None:
        lows, highs = zip(*(axes.get_ylim() for axes in flat[: len(logos)]), strict=True)
        for axes in flat[: len(logos)]:
            axes.set_ylim(min(lows), max(highs))
    for axes in flat[max(len(logos) - across, 0) : len(logos)]:
        axes.set_xlabel("offset (0-based)", fontsize=8.5, color=INK)
    return figure


def information(
    frequencies: Floats, background: Sequence[float] | None = None, name: str = "array"
) -> Floats:
    """Frequency of each letter times the information of its place, in bits.

    Parameters
    ----------
    frequencies
        (place, letter), at least 0; places are divided by their sums, so counts do too.
    background
        Frequencies of the letters; None: all alike.
    name
        For messages.

    Returns
    -------
    np.ndarray
        (place, letter) float64. The sum of a place is its relative entropy to the background: of
        four letters 0 to 2 bits. There is no correction for small samples.

    Raises
    ------
    GenomeError
        For negative values, places of zeros only, or a background that does not fit.

    Examples
    --------
    >>> information(np.array([[1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [1, 1, 1, 1]])).sum(axis=1)
    array([2., 1., 0.])
    """
    size = frequencies.shape[1]
    expected = np.full(size, 1 / size) if background is None else np.asarray(background, float)
    if expected.shape != (size,) or (expected <= 0).any() or not np.isclose(expected.sum(), 1):
        raise GenomeError(
            f"background={list(map(float, expected))} is no frequency for each of {size} letters; "
            "give numbers above 0 whose sum is 1"
        )
    total = frequencies.sum(axis=1, keepdims=True)
    if (frequencies < 0).any() or (total == 0).any():
        where = int(np.argmax((frequencies < 0).any(axis=1) | (total[:, 0] == 0)))
        raise GenomeError(
            f"{name!r} has no frequencies at place {where}: {frequencies[where].tolist()}; bits "
            "are of frequencies or counts: leave out bits= to draw the values as they are"
        )
    share = frequencies / total
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(share > 0, share * np.log2(share / expected), 0.0)
    return np.asarray(share * parts.sum(axis=1, keepdims=True))


# ---- what was given


def _logos(array: Any, codes: xr.DataArray | None, letters: str | None) -> list[_Logo]:
    if isinstance(array, xr.Dataset):
        raise GenomeError(
            f"this is a Dataset of {', '.join(map(str, array.data_vars))}; give one of its arrays"
        )
    if isinstance(array, Mapping):
        found = {str(name): _logos(one, None, letters) for name, one in array.items()}
        return [
            logo._replace(name=name if len(some) == 1 else f"{name} {logo.name}".strip())
            for name, some in found.items()
            for logo in some
        ]
    if isinstance(array, xr.DataArray):
        if codes is not None:
            array = of_codes(codes, array, str(array.name or "array"))
        return _of_array(array)
    if codes is not None:
        raise GenomeError("with codes= give a DataArray of the same windows")
    if isinstance(array, np.ndarray) and array.ndim in (2, 3) and array.dtype.kind in "iuf":
        given = letters or "ACGT"
        if array.shape[-1] != len(given):
            raise GenomeError(
                f"the array has the shape {array.shape}, and there are {len(given)} letters, "
                f"{given}; give (place, letter), and the letters= of its columns"
            )
        dims = ["row", "offset", "channel"][-array.ndim :]
        return _of_array(xr.DataArray(array, {"channel": list(given)}, dims))
    if isinstance(array, Iterable) and not isinstance(array, str | np.ndarray):
        return [logo for one in array for logo in _logos(one, None, letters)]
    raise GenomeError(
        f"a {type(array).__name__} is no logo; give an array (offset, channel), a plain array "
        "(place, letter), or a list of these"
    )


def _of_array(array: xr.DataArray) -> list[_Logo]:
    name = str(array.name or "array")
    channel = channel_of(array)
    along = next((str(d) for d in array.dims if str(d).startswith(("offset", "position"))), None)
    if channel is None or along is None or array.ndim > 3:
        raise GenomeError(
            f"{name!r} has the dimensions {array.dims}; a logo is (offset, channel), or has one "
            "dimension more; select of others, or give codes= to values without channel"
        )
    letters, order = letters_of(labels_of(array, channel), name)
    others = [d for d in array.dims if d not in (along, channel)]
    values = spread(
        np.asarray(array.transpose(*others, along, channel).values, np.float64), letters, order
    )
    first = int(array[along].values[0]) if along in array.coords and array.sizes[along] else 0
    if not others:
        return [_logo(str(array.name or ""), first, values, letters)]
    return [
        _logo(_label(array, str(others[0]), row), first, values[row], letters)
        for row in range(len(values))
    ]


def _logo(name: str, first: int, heights: Floats, letters: list[str]) -> _Logo:
    """Without places at the end where nothing is known."""
    known = np.flatnonzero(~np.isnan(heights).all(axis=1))
    size = int(known[-1]) + 1 if len(known) else len(heights)
    return _Logo(name, first + np.arange(size), heights[:size], letters)


def _label(array: xr.DataArray, dim: str, row: int) -> str:
    if dim in ("window", "sequence"):
        text = example_label(array, row)
        return "" if text == "without a label" else text
    return str(array[dim].values[row]) if dim in array.coords else ""


# ---- how it looks


def _most_bits(logo: _Logo, background: Sequence[float] | None) -> float:
    size = len(logo.letters)
    return float(np.log2(size if background is None else 1 / min(background)))


def _shade(axes: Any, highlight: Any) -> None:
    spans = [] if highlight is None else highlight
    if len(spans) == 2 and not isinstance(spans[0], Sequence):
        spans = [spans]
    for start, end in spans:
        axes.axvspan(start, end, facecolor=SHADE, linewidth=0, zorder=0)


def _number(axes: Any, logo: _Logo, longest: int) -> None:
    """Numbers under the middles of letters."""
    step = next(n for n in (1, 2, 5, 10, 20, 50, 100, 200) if longest / n <= 16)
    shown = logo.start[logo.start % step == 0]
    axes.set_xticks(shown + 0.5, [f"{n:,}" for n in shown.tolist()], fontsize=7)
    axes.tick_params(axis="x", length=0, pad=1)
    axes.spines["bottom"].set_visible(False)
