"""What does the value of a k-mer say about its bases?"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fold_kmers", "kmers"]

Array = npt.NDArray[Any]


def kmers(letters: str, order: int) -> list[str]:
    """All k-mers in the order of their codes."""
    return ["".join(kmer) for kmer in product(letters, repeat=order)]


def fold_kmers(values: Array, letters: int, order: int) -> Array:
    """Share the value of each k-mer equally over its k bases.

    Parameters
    ----------
    values
        (..., length - order + 1, letters**order).
    letters
        Size of the alphabet.
    order
        Length k of the k-mers.

    Returns
    -------
    np.ndarray
        (..., length, letters): the same sum, each share in the column of the k-mer's own letter.

    Examples
    --------
    >>> one = np.zeros((1, 16))
    >>> one[0, 1] = 6                           # AC at 0
    >>> fold_kmers(one, 4, 2)
    array([[3., 0., 0., 0.],
           [0., 3., 0., 0.]])
    """
    if order == 1:
        return values
    places = values.shape[-2]
    out = np.zeros((*values.shape[:-2], places + order - 1, letters), values.dtype)
    digits = values.reshape(*values.shape[:-1], *(letters,) * order)
    first = values.ndim - 1
    for base in range(order):
        others = tuple(first + other for other in range(order) if other != base)
        out[..., base : base + places, :] += digits.sum(axis=others) / order
    return out
