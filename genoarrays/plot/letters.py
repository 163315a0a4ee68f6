"""Which letters does an array give heights to?

Channels are letters, or k-mers, whose values are shared equally over their bases, so that the sum
stays. Or heights come with codes: each base's value goes to the letter that is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.index import axis_of, bin_size_of
from genoarrays.genome.region import Region
from genoarrays.inference.attribution.bases import fold_kmers, kmers
from genoarrays.ops.sequence import reverse_complement_codes
from genoarrays.plot.windows import mean_of_overlaps, windows_in

__all__ = ["channel_of", "heights_at", "labels_of", "letters_of", "of_codes", "spread"]

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]


def channel_of(array: xr.DataArray) -> str | None:
    """The dimension of letters or k-mers, if there is one: `channel`, or `channel_<input>`."""
    return next((str(dim) for dim in array.dims if str(dim).startswith("channel")), None)


def letters_of(labels: Sequence[str], name: str) -> tuple[list[str], int]:
    """Letters of channels, and the length of their k-mers.

    Raises
    ------
    GenomeError
        When they are neither letters nor all k-mers in order.

    Examples
    --------
    >>> letters_of(["A", "C", "G", "U"], "x")
    (['A', 'C', 'G', 'U'], 1)
    >>> letters_of([a + b for a in "ACGT" for b in "ACGT"], "x")
    (['A', 'C', 'G', 'T'], 2)
    """
    labels = [str(label) for label in labels]
    order = len(labels[0]) if labels else 0
    if order == 1 and all(len(label) == 1 for label in labels):
        return labels, 1
    letters = list(dict.fromkeys(label[-1:] for label in labels))
    if order > 1 and labels == kmers("".join(letters), order):
        return letters, order
    shown = ", ".join(labels[:4]) + (", ..." if len(labels) > 4 else "")
    raise GenomeError(
        f"the channels of {name!r}, {shown}, are neither letters nor all k-mers in the order of "
        'ga.one_hot; label them with letters, as in x.assign_coords(channel=list("ACGT")), or draw '
        "the sum: x.sum('channel')"
    )


def spread(values: Floats, letters: Sequence[str], order: int) -> Floats:
    """(..., place, channel) values as (..., base, letter): k-mers shared over their bases.

    NaN counts as nothing beside other k-mers of a base; a base of which all are NaN stays NaN.
    """
    if order == 1:
        return values
    known = ~np.isnan(values).all(axis=-1)
    folded = fold_kmers(np.nan_to_num(values), len(letters), order)
    reached = np.zeros(folded.shape[:-1], dtype=bool)
    for base in range(order):
        reached[..., base : base + values.shape[-2]] |= known
    return np.where(reached[..., None], folded, np.nan)


def of_codes(codes: xr.DataArray, values: xr.DataArray, name: str) -> xr.DataArray:
    """Values at the letters that are there: a dimension `channel` more, NaN elsewhere.

    Raises
    ------
    GenomeError
        When there are no codes of letters, or their dimensions are others than those of the values.
    """
    if "alphabet" not in codes.attrs or codes.dtype.kind not in "iu":
        raise GenomeError(
            f"the pair of {name!r} must begin with codes of letters, such as dna of ga.open_fasta; "
            "give (codes, values)"
        )
    if set(codes.dims) != set(values.dims):
        raise GenomeError(
            f"codes with the dimensions {codes.dims} and values with {values.dims} are no pair; "
            "make both from the same positions or windows"
        )
    letters = list(str(codes.attrs["alphabet"]))
    channel = xr.DataArray(np.arange(len(letters)), dims="channel", coords={"channel": letters})
    heights: xr.DataArray = values.where(codes == channel).rename(name)
    return heights


def heights_at(
    array: xr.DataArray, place: Region, name: str, overlap: str | None = None
) -> tuple[Ints, Floats, list[str]]:
    """Heights of letters in a region.

    Parameters
    ----------
    array
        (position, channel), or (window, offset, channel) in any order, 1 bp each. Windows of the
        minus strand are turned, and their letters complemented.
    place
        Region with its end.
    name
        The array's name, for messages.
    overlap
        "mean": windows may overlap, and are averaged.

    Returns
    -------
    tuple
        Bases, from left to right; heights (base, letter), NaN for none; letters.

    Raises
    ------
    TypeError
        For more dimensions than these.
    GenomeError
        For channels that are no letters, k-mers along positions, or bins of more than 1 bp.
    RegionError
        When the array holds nothing of the region, or windows overlap that may not.
    """
    channel = str(channel_of(array))
    along: list[str] = [d for d in ("position", "window") if d in array.dims]
    along += [str(d) for d in array.dims if str(d).startswith("offset") and "window" in along]
    if more := [str(d) for d in array.dims if d not in (*along, channel) and array.sizes[d] > 1]:
        raise TypeError(
            f"{name!r} has letters along {channel!r} and also the dimension {more[0]!r}; draw one "
            f"of them, as in x.isel({more[0]}=0)"
        )
    if along not in (["position"], ["window", *along[1:2]]) or along == ["window"]:
        raise TypeError(
            f"{name!r} has the dimensions {array.dims}; letters are drawn of (position, channel) "
            "or (window, offset, channel); arrays without windows are for ga.plot_logo"
        )
    labels = labels_of(array, channel)
    letters, order = letters_of(labels, name)
    array = array.squeeze([d for d in array.dims if d not in (*along, channel)], drop=True)
    array = array.transpose(*along, channel)
    if along[0] == "position":
        start, heights = _on_axis(array, place, name, order)
    else:
        start, heights = _on_windows(array, place, name, letters, order, overlap)
    kept = (start >= place.start) & (start < (place.end or 0))
    return start[kept], heights[kept], letters


def labels_of(array: xr.DataArray, channel: str) -> list[str]:
    """Labels of channels; without, the letters of the alphabet, if they are as many."""
    if channel in array.coords:
        return [str(label) for label in array[channel].values.tolist()]
    letters = str(array.attrs.get("alphabet", "ACGT"))
    return list(letters) if len(letters) == array.sizes[channel] else [""]


def _on_axis(array: xr.DataArray, place: Region, name: str, order: int) -> tuple[Ints, Floats]:
    if bin_size_of(array) != 1:
        raise GenomeError(f"{name!r} has bins of {bin_size_of(array)} bp, and letters stand for 1")
    if order > 1:
        raise GenomeError(
            f"{name!r} has k-mers along positions, which would cross contig ends; draw those of "
            "windows, or the sum: x.sum('channel')"
        )
    part = array.sel(position=place)
    start = axis_of(part).at(np.arange(part.sizes["position"]))[1]
    rising = np.argsort(start, kind="stable")
    return start[rising], np.asarray(part.values, np.float64)[rising]


def _on_windows(
    array: xr.DataArray,
    place: Region,
    name: str,
    letters: list[str],
    order: int,
    overlap: str | None,
) -> tuple[Ints, Floats]:
    found = windows_in(array, place, name, overlap, longer=order - 1)
    if (found.end - found.start > 1).any():
        raise GenomeError(f"{name!r} has offsets in steps of more than 1 bp, as letters have not")
    values = spread(np.asarray(found.rows.values, np.float64), letters, order)
    if found.turned.any():
        other = reverse_complement_codes(1, "".join(letters))
        values[found.turned] = values[found.turned, ::-1][..., other]
    start, _, heights = mean_of_overlaps(
        found.start.reshape(-1), found.end.reshape(-1), values.reshape(-1, len(letters)).T, place,
        name,
    )  # fmt: skip
    return start, heights.T
