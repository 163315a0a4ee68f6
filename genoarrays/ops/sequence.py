"""How do bases become numbers that a network can read?

Codes (one byte per base: A C G T = 0..3, unknown = 4) travel; one-hot happens lazily, or on the
device (`genoarrays.models.OneHot`), never on disk. A k-mer's code reads its first base as the most
significant digit, so the channels of order 2 are AA, AC, AG, AT, CA, ...
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.options import check_bytes

__all__ = [
    "ALPHABETS",
    "check_codes",
    "complements",
    "kmer_codes",
    "one_hot",
    "reverse_complement_codes",
]

ALPHABETS = {"dna": "ACGT", "rna": "ACGU", "protein": "ACDEFGHIKLMNPQRSTVWY"}
"""Letters in channel order, by the name of the alphabet."""

_PARTNER = dict(zip("ACGTUNacgtun", "TGCAANtgcaan", strict=True))


def check_codes(array: xr.DataArray) -> None:
    """Refuse numbers that bear the alphabet of the codes that they were made of.

    xarray keeps attributes in comparisons, as in `dna == 1`. Taken for codes, such numbers would be
    complemented, and unknown where they are missing.

    Raises
    ------
    GenomeError
        Says how the alphabet is dropped.
    """
    if "alphabet" in array.attrs and array.dtype.kind not in "iu":
        raise GenomeError(
            f"{array.name!r} has {array.dtype}, which are no codes, and the alphabet of the codes "
            "that it was made of; drop that: array.drop_attrs(deep=False)"
        )


def complements(letters: str) -> dict[str, str]:
    """Complement of each letter that has one; with U among the letters, that of A is U."""
    rna = {"A": "U", "a": "u"} if "U" in letters.upper() else {}
    return {letter: one for letter, one in {**_PARTNER, **rna}.items() if letter in letters}


def reverse_complement_codes(order: int, alphabet: str = "ACGT") -> npt.NDArray[np.int64]:
    """Code of the reverse complement of each k-mer.

    Parameters
    ----------
    order
        Length k of the k-mers.
    alphabet
        Letters in the order of their codes; each letter's complement must be among them.

    Returns
    -------
    np.ndarray
        (len(alphabet)**order,) int64; applied twice it is the identity.

    Raises
    ------
    ValueError
        When a letter has no complement in `alphabet`.

    Examples
    --------
    >>> reverse_complement_codes(2)
    array([15, 11,  7,  3, 14, 10,  6,  2, 13,  9,  5,  1, 12,  8,  4,  0])
    """
    partner = complements(alphabet)
    lacking = [letter for letter in alphabet if partner.get(letter, "?") not in alphabet]
    if lacking:
        raise ValueError(f"{lacking[0]!r} has no complement in the alphabet {alphabet!r}")
    complement = np.array([alphabet.index(partner[letter]) for letter in alphabet])
    digits = np.indices((len(alphabet),) * order).reshape(order, -1)
    partners = np.ravel_multi_index(tuple(complement[digits[::-1]]), (len(alphabet),) * order)
    return np.asarray(partners, dtype=np.int64)


def kmer_codes(codes: npt.NDArray[Any], order: int, letters: int = 4) -> npt.NDArray[np.int32]:
    """Code of the k-mer that starts at each position.

    Parameters
    ----------
    codes
        (..., length) integer codes, 0 to letters - 1; anything else is unknown.
    order
        Length k of the k-mers.
    letters
        Size of the alphabet.

    Returns
    -------
    np.ndarray
        (..., length - order + 1) int32; -1 for a k-mer with an unknown letter.

    Raises
    ------
    GenomeError
        When the sequence is shorter than a k-mer, or codes would not fit 31 bits.

    Examples
    --------
    >>> kmer_codes(np.array([0, 1, 3, 4, 2]), 2)
    array([ 1,  7, -1, -1], dtype=int32)
    """
    length = codes.shape[-1] - order + 1
    if order < 1 or letters**order >= 2**31:
        raise GenomeError(f"order={order} is not possible; it must be at least 1 and fit 31 bits")
    if length < 1:
        raise GenomeError(f"a sequence of {codes.shape[-1]} letters has no {order}-mer")
    out = np.zeros((*codes.shape[:-1], length), dtype=np.int32)
    unknown = np.zeros(out.shape, dtype=bool)
    for shift in range(order):
        part = codes[..., shift : shift + length]
        unknown |= (part < 0) | (part >= letters)
        out *= letters
        out += part
    out[unknown] = -1
    return out


def one_hot(
    array: xr.DataArray, order: int = 1, alphabet: str | None = None, unknown: float = 0.0
) -> xr.DataArray:
    """Expand codes to one channel per letter or k-mer, lazily.

    Parameters
    ----------
    array
        (..., offset) or (..., position) integer codes as `open_fasta` gives them.
    order
        Length k of the k-mers; above 1 the offset shrinks by k - 1 and `position` is refused, since
        k-mers would run over contig ends.
    alphabet
        "dna", "rna", "protein", or the letters in channel order. None: the array's own, by its
        attribute `alphabet`, else "dna".
    unknown
        Value in every channel for a k-mer with an unknown letter, such as N; 0.25 makes a single
        N "any base".

    Returns
    -------
    xr.DataArray
        (..., offset, channel) float32; `channel` is labelled by letter or k-mer. Chunks are those
        of `array`.

    Raises
    ------
    GenomeError
        When `array` has no sequence dimension, is no array of codes or of another alphabet, the
        order is below 1, or the result of an array in
        memory would exceed the byte limit.

    Examples
    --------
    >>> codes = xr.DataArray(np.array([0, 1, 4], dtype="int8"), dims="offset")
    >>> one_hot(codes).sel(channel="C").values
    array([0., 1., 0.], dtype=float32)
    >>> one_hot(codes, order=2).sel(channel="AC").values
    array([1., 0.], dtype=float32)
    """
    own = str(array.attrs.get("alphabet", ALPHABETS["dna"]))
    letters = own if alphabet is None else ALPHABETS.get(alphabet, alphabet)
    dim = next((d for d in map(str, array.dims) if d == "position" or d.startswith("offset")), None)
    if dim is None or array.dtype.kind not in "iu":
        raise GenomeError(
            f"{array.name!r} with dims {array.dims} and dtype {array.dtype} is no sequence; "
            "give integer codes with a dimension offset or position"
        )
    if dim == "position" and order > 1:
        raise GenomeError("k-mers over `position` would cross contig ends; use ga.windows first")
    if order < 1:
        raise GenomeError(f"order={order} is not possible; k-mers have at least 1 letter")
    known = str(array.attrs.get("alphabet", letters))
    if known.replace("U", "T") != letters.replace("U", "T"):
        raise GenomeError(f"{array.name!r} holds codes of {known}, not of {letters}")
    channels = len(letters) ** order
    if array.chunks is None:
        check_bytes(array.size * channels * 4, "this one-hot array", "array.chunk() makes it lazy")

    def expand(codes: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        kmers = kmer_codes(codes, order, len(letters))
        hot = np.zeros((*kmers.shape, channels), dtype=np.float32)
        rows, flat = hot.reshape(-1, channels), kmers.reshape(-1)
        known = np.flatnonzero(flat >= 0)
        rows[known, flat[known]] = 1  # as fast as rows of an identity matrix, which has channels**2
        if unknown:
            rows[flat < 0] = unknown
        return hot

    if order == 1:  # letter by letter, so that `position` may be cut into chunks anywhere
        hot = xr.apply_ufunc(
            lambda codes: expand(codes[..., None])[..., 0, :],
            array,
            output_core_dims=[["channel"]],
            dask="parallelized",
            output_dtypes=[np.float32],
            dask_gufunc_kwargs={"output_sizes": {"channel": channels}},
            keep_attrs=True,
        )
    else:
        hot = xr.apply_ufunc(
            expand,
            array,
            input_core_dims=[[dim]],
            output_core_dims=[[dim, "channel"]],
            exclude_dims={dim},
            dask="parallelized",
            output_dtypes=[np.float32],
            dask_gufunc_kwargs={
                "output_sizes": {dim: array.sizes[dim] - order + 1, "channel": channels}
            },
            keep_attrs=True,
        )
        if dim in array.coords:
            first = array[dim][: array.sizes[dim] - order + 1]
            hot = hot.assign_coords({dim: first.assign_attrs(order=order)})  # bp that each spans
    hot.attrs.pop("alphabet", None)
    names = ["".join(kmer) for kmer in product(letters, repeat=order)]
    labelled: xr.DataArray = hot.assign_coords(
        channel=np.array(names, dtype=np.dtypes.StringDType())
    )
    return labelled
