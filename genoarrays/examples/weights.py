"""How much should each example count, so that no class outweighs the others?

The formula is that of scikit-learn ("balanced"): n / (number of classes * number in this class), of
the examples that have a label; so every class has the same total, and the mean is 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim

__all__ = ["balance_weights", "class_weights"]

_CLASSES = 1000  # labels with more different values than this are measurements


def class_weights(labels: xr.DataArray) -> xr.DataArray:
    """Weight of each class, for losses that take one.

    Parameters
    ----------
    labels
        (window, ...) or (sequence, ...) classes: integers, floats with NaN for no label, booleans
        or text. They are read block by block.

    Returns
    -------
    xr.DataArray
        (..., class) float64, `class` labelled by value, in their order: n / (classes * count), of
        the n examples that have a label. Other dimensions, such as `track`, have weights of their
        own, of the classes that occur there; 0 for a class that does not.

    Raises
    ------
    RegionError
        When `labels` has neither windows nor sequences.
    GenomeError
        When nothing has a label, or there are more than 1,000 classes.

    References
    ----------
    King and Zeng, "Logistic regression in rare events data", 2001, as in scikit-learn's
    `compute_class_weight("balanced", ...)`.

    Examples
    --------
    >>> labels = xr.DataArray([0, 0, 0, 1], dims="window")
    >>> weights = class_weights(labels)
    >>> dict(zip(weights["class"].values.tolist(), weights.values.round(3).tolist(), strict=True))
    {0: 0.667, 1: 2.0}
    """
    dim = example_dim(labels)
    others = [d for d in labels.dims if d != dim]
    count = _counts(labels.transpose(dim, ...))
    if not count:
        raise GenomeError(f"{labels.name!r} has no label, so there are no classes to weigh")
    classes = sorted(count)
    number = np.stack([count[one] for one in classes], axis=-1)
    share = number.sum(-1, keepdims=True) / np.maximum((number > 0).sum(-1, keepdims=True), 1)
    weight = np.divide(share, number, out=np.zeros(number.shape), where=number > 0)
    text = np.dtypes.StringDType() if isinstance(classes[0], str) else None
    coords = {d: labels.coords[d] for d in others if d in labels.coords}
    return xr.DataArray(
        weight,
        {**coords, "class": np.array(classes, dtype=text)},
        [*others, "class"],
        name="weight",
    )


def balance_weights(x: xr.Dataset | xr.DataArray, by: str | xr.DataArray) -> xr.DataArray:
    """Weight of each example, so that all classes (or contigs, or sources) count the same.

    Parameters
    ----------
    x
        Windows or sequences.
    by
        What to balance: the name of a variable or coordinate of `x`, such as "label" or "contig",
        or an array (window, ...); integers, floats with NaN for no label, booleans or text.

    Returns
    -------
    xr.DataArray
        (window, ...) float32, dims and chunks of the labels; for several tracks each is balanced by
        itself. The mean over what has a label is 1; what has none weighs 0.

    Raises
    ------
    RegionError
        When the labels have neither windows nor sequences.
    GenomeError
        When `x` has nothing of that name, nothing has a label, or there are more than 1,000
        classes.

    Examples
    --------
    >>> import genoarrays as ga
    >>> x = ga.from_sequences(["AC", "GT", "AA", "CC"], label=[0, 1, 1, 1])
    >>> ga.balance_weights(x, "label").values
    array([2.       , 0.6666667, 0.6666667, 0.6666667], dtype=float32)
    """
    if isinstance(by, str):
        known = x.variables if isinstance(x, xr.Dataset) else x.coords
        if by not in known:
            raise GenomeError(f"by={by!r} is not among {', '.join(map(str, known))}")
        by = x[by]
    weights = class_weights(by)
    classes = weights["class"].values
    lookup = xr.DataArray(weights.variable.astype(np.float32))

    def weigh(values: npt.NDArray[Any], each: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        values, known = _plain(values)
        code = np.minimum(np.searchsorted(_plain(classes)[0], values), len(classes) - 1)
        each = np.broadcast_to(each, (*values.shape, len(classes)))
        found = np.take_along_axis(each, code[..., None], axis=-1)[..., 0]
        return np.where(known, found, np.float32(0))

    bare = xr.DataArray(by.variable)
    done = xr.apply_ufunc(
        weigh,
        bare,
        lookup.chunk() if by.chunks is not None else lookup,
        input_core_dims=[[], ["class"]],
        dask="parallelized",
        output_dtypes=[np.float32],
    )
    return by.copy(data=done.transpose(*by.dims).data).rename("weight").drop_attrs()


def _counts(labels: xr.DataArray) -> dict[Any, npt.NDArray[np.int64]]:
    """How many examples are of each class."""
    count: dict[Any, npt.NDArray[np.int64]] = {}
    for block in _blocks(labels):
        values, known = _plain(block)
        found = np.unique(values[known]).tolist()
        if len(count.keys() | set(found)) > _CLASSES:
            raise GenomeError(
                f"{labels.name!r} has more than {_CLASSES:,} different values: these are no "
                "classes; make some first, as in np.digitize"
            )
        for one in found:
            here = ((values == one) & known).sum(axis=0)
            count[one] = count.get(one, np.zeros_like(here)) + here
    return count


def _blocks(labels: xr.DataArray) -> Iterator[npt.NDArray[Any]]:
    if labels.chunks is None:
        yield labels.values
        return
    edges = np.cumsum([0, *labels.chunks[0]]).tolist()
    for start, stop in pairwise(edges):
        yield labels.variable[start:stop].values


def _plain(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Values that can be sorted, and which of them are labels."""
    if values.dtype.kind in "iub":
        return values, np.ones(values.shape, dtype=bool)
    if values.dtype.kind == "f":
        return values, ~np.isnan(values)
    return np.asarray(values, dtype=object).astype(str), np.ones(values.shape, dtype=bool)
