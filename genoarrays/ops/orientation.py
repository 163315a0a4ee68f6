"""What does the other strand see?

Reverse complement acts by dimension: `offset*` and `shift` are reversed, `strand` is swapped,
`channel` is permuted by its labels, sequence codes are complemented by their attribute `alphabet`.
A variable on which none of these acts, and that has no dimension besides window, track, sample and
category, is a label of the window and stays. Anything else has no rule and is an error. Tracks
stay where they are: when two of them look like the strands of one signal, that is told.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.columns import Columns
from genoarrays.genome.windows import WindowIndex, window_coords
from genoarrays.ops.sequence import check_codes, complements, reverse_complement_codes

__all__ = ["flip", "reverse_complement", "turning", "turning_orders", "warn_unpaired"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
_INERT = ("window", "sequence", "track", "sample", "category")
_STRANDS = (
    ("plus", "minus"),
    ("pos", "neg"),
    ("positive", "negative"),
    ("fwd", "rev"),
    ("forward", "reverse"),
    ("f", "r"),
    ("+", "-"),
)


def reverse_complement(x: Xarray) -> Xarray:
    """Windows as the opposite strand sees them, lazily.

    Parameters
    ----------
    x
        Windows: a Dataset or one of its variables.

    Returns
    -------
    The same kind of object. Offsets count from the other end, `orientation` is turned (a window
    without direction counts as plus and becomes minus), labels follow.

    Raises
    ------
    GenomeError
        For a variable with a dimension that has no rule, a strand dimension other than "+", "-",
        channels that are no k-mers, letters without a complement, as in proteins, or numbers that
        bear the alphabet of codes.

    Warns
    -----
    UserWarning
        For tracks that look like the strands of one signal, such as x_plus and x_minus: only a
        dimension `strand` is swapped.

    Examples
    --------
    >>> x = xr.DataArray(
    ...     np.array([[0, 1, 4]], dtype="int8"), dims=("window", "offset"),
    ...     attrs={"alphabet": "ACGT"},
    ... )
    >>> reverse_complement(x).values
    array([[4, 2, 3]], dtype=int8)
    """
    if isinstance(x, xr.Dataset):
        turned: xr.Dataset = x.assign({name: _turn(array) for name, array in x.data_vars.items()})
        whole: xr.Dataset = _turn_coords(turned)
        return whole
    one: xr.DataArray = _turn_coords(_turn(x))
    return one


def _turn(array: xr.DataArray) -> xr.DataArray:
    labels = {str(d): array[d].values for d in array.dims if d in array.coords and d != "window"}
    dims = tuple(map(str, array.dims))
    name, attrs = array.name, array.attrs
    check_codes(array)
    warn_unpaired(dims, labels, name)

    def act(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return flip(values, dims, attrs, labels, name)

    if array.chunks is not None:
        flip(np.zeros((0,) + (1,) * (array.ndim - 1)), dims, attrs, labels, name, check=True)
    turned: xr.DataArray = xr.apply_ufunc(
        act, array, dask="parallelized", output_dtypes=[array.dtype], keep_attrs=True
    )
    turned.attrs.pop("windows", None)  # how `ga.windows` cut them: flanks have changed sides
    return turned


def warn_unpaired(dims: tuple[str, ...], labels: dict[str, Any], name: Hashable = None) -> None:
    """Tell of tracks that look like the strands of one signal, where there is no `strand`.

    Parameters
    ----------
    dims, labels, name
        Dimensions of an array, its labels by dimension, its name.

    Warns
    -----
    UserWarning
        Names two such tracks and the cure.
    """
    pair = _look_paired(map(str, labels.get("track", ()))) if "strand" not in dims else None
    if pair is not None:
        warnings.warn(
            f"tracks {pair[0]!r} and {pair[1]!r} of {name!r} look like the strands of one signal, "
            "which the reverse complement does not swap; open them as a pair: "
            "ga.open_bigwig({label: {'+': path, '-': path}})",
            stacklevel=4,
        )


def _look_paired(tracks: Iterable[str]) -> tuple[str, str] | None:
    """Two labels that differ in the word for a strand only."""
    names = {track.lower(): track for track in tracks}
    for plus, minus in _STRANDS:
        word = rf"(?<![a-z]){plus}(?![a-z])" if plus.isalpha() else re.escape(plus)
        for lower, track in names.items():
            other = re.sub(word, minus, lower)
            if other != lower and other in names:
                return track, names[other]
    return None


def flip(
    values: npt.NDArray[Any],
    dims: tuple[str, ...],
    attrs: Any,
    labels: dict[str, Any],
    name: Hashable = None,
    check: bool = False,
) -> npt.NDArray[Any]:
    """Reverse complement of an array in memory, by the rules above.

    Parameters
    ----------
    values
        The array, with dimensions `dims`.
    dims, attrs, labels, name
        Names of the dimensions; attributes; labels of `channel` and `strand`; name for messages.
    check
        Only check that every dimension has a rule.

    Raises
    ------
    GenomeError
        As `reverse_complement`.
    """
    sizes = dict(zip(dims, values.shape, strict=True))
    orders, table = turning(sizes, attrs.get("alphabet"), labels, name)
    if check:
        return values
    for axis, dim in enumerate(dims):
        if dim == "channel":
            values = np.take(values, orders[dim], axis)
        elif dim in orders:
            values = np.flip(values, axis)
    if not table.size:
        return values
    codes = values.view(np.uint8) if values.itemsize == 1 else values.astype(np.int64) & 255
    return table.astype(values.dtype)[codes]


def turning(
    sizes: Mapping[str, int], alphabet: str | None, labels: Mapping[str, Any], name: Hashable = None
) -> tuple[dict[str, npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """Where the opposite strand finds its values.

    Parameters
    ----------
    sizes
        Lengths of the dimensions.
    alphabet
        Letters of an array of codes.
    labels, name
        Labels of `channel` and `strand`; name for messages.

    Returns
    -------
    dict
        Order along each dimension that changes.
    np.ndarray
        (256,) code that each code becomes, or empty.

    Raises
    ------
    GenomeError
        As `reverse_complement`.
    """
    orders = {}
    for dim, size in sizes.items():
        if dim.startswith("offset") or dim == "shift":
            orders[dim] = np.arange(size)[::-1]
        elif dim == "strand":
            if dim in labels and list(labels[dim]) not in (["+", "-"], ["-", "+"]):
                raise GenomeError(
                    f"{name!r} has the strands {list(labels[dim])}; the other strand needs + and -"
                )
            orders[dim] = np.arange(size)[::-1]
        elif dim == "channel":
            orders[dim] = _partners(labels.get(dim), name)
        elif dim not in _INERT:
            raise GenomeError(
                f"{name!r} has the dimension {dim!r}, which has no rule for the reverse "
                "complement; known are offset, strand, channel and " + ", ".join(_INERT)
            )
    if alphabet is None:
        return orders, np.zeros(0, dtype=np.int64)
    try:
        known = reverse_complement_codes(1, alphabet)
    except ValueError as error:
        raise GenomeError(f"{name!r} has no other strand: {error}") from None
    table = np.full(256, len(alphabet), dtype=np.int64)
    table[: len(known)] = known
    return orders, table


def turning_orders(
    outer: Sequence[str],
    inner: Sequence[str],
    sizes: Mapping[str, int],
    alphabet: str | None,
    labels: Mapping[str, Any],
    name: Hashable = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the opposite strand finds its values, of dimensions laid out flat.

    Parameters
    ----------
    outer, inner
        Dimensions before and after the one that is reversed.
    sizes, alphabet, labels, name
        As of `turning`.

    Returns
    -------
    tuple of np.ndarray
        Order of the flattened outer dimensions, of the inner ones, and the letters' table.

    Raises
    ------
    GenomeError
        As `reverse_complement`.
    """
    orders, table = turning(sizes, alphabet, labels, name)
    flat = []
    for dims in (outer, inner):
        number = np.arange(int(np.prod([sizes[dim] for dim in dims], dtype=np.int64)))
        number = number.reshape([sizes[dim] for dim in dims])
        for axis, dim in enumerate(dims):
            if dim in orders:
                number = np.take(number, orders[dim], axis)
        flat.append(number.reshape(-1))
    return flat[0], flat[1], table


def _partners(kmers: Any, name: Hashable) -> npt.NDArray[np.int64]:
    if kmers is None:
        raise GenomeError(f"{name!r} has channels without labels; ga.one_hot labels them by k-mer")
    names = [str(kmer) for kmer in kmers]
    letters = "".join(dict.fromkeys("".join(names)))
    partner = complements(letters)
    if lacking := [letter for letter in letters if letter not in partner]:
        raise GenomeError(
            f"{name!r} has no other strand: {lacking[0]!r}, a letter of its channels {names[:4]}, "
            "has no complement"
        )
    place = {kmer: number for number, kmer in enumerate(names)}
    turned = ["".join(partner[letter] for letter in reversed(kmer)) for kmer in names]
    if not place.keys() >= set(turned):
        raise GenomeError(
            f"the channels {names[:4]} of {name!r} are not closed under reverse complement"
        )
    return np.array([place[kmer] for kmer in turned], dtype=np.int64)


def _turn_coords(x: Any) -> Any:
    """Turn orientation and labels, and count offsets from the other end."""
    index = next((i for i in x.xindexes.values() if isinstance(i, WindowIndex)), None)
    if index is None:
        return x
    columns = index.columns
    turned: Columns = columns._replace(
        orientation=np.where(columns.orientation < 0, 1, -1).astype(np.int8)
    )
    coords = window_coords(turned)
    x = x.drop_vars([name for name in coords if name in x.coords]).assign_coords(coords)
    for dim in [d for d in map(str, x.dims) if d.startswith("offset") and d in x.coords]:
        offset = x[dim]
        width = offset.attrs.get("width")  # remainders of tiles are shorter than their windows
        extent = np.unique(columns.end - columns.start) if width is None else [width]
        if len(extent) == 1:
            span = int(offset.attrs.get("bin_size", 1)) * int(offset.attrs.get("order", 1))
            other = int(extent[0]) - span - offset.values[::-1]
            x = x.assign_coords({dim: (dim, other, offset.attrs)})
    return x
