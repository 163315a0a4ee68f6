"""How alike are tracks, over a whole genome?

One pass: each block comes to the sums of all pairs of tracks, see `pairs.py`. Ranks need all values
at once, in memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.paired import check_paired
from genoarrays.ops.pairs import FIELDS, correlation, fields_of_pair, fields_of_pairs, joined_pairs
from genoarrays.ops.rows import Rows, block_rows, rows_of
from genoarrays.options import check_bytes

__all__ = ["correlate"]

Array = npt.NDArray[Any]
_METHODS = ("pearson", "spearman")


def correlate(
    a: xr.DataArray,
    b: xr.DataArray | None = None,
    dim: Hashable | Sequence[Hashable] = "position",
    method: str = "pearson",
) -> xr.Dataset:
    """Correlation of each track with each other, of the places where both have a value.

    Parameters
    ----------
    a, b
        Numbers with `dim` and at most one dimension more, such as track or sample; NaN are
        missing. Of several (strand and sample), sum or stack all but one first. Without `b`, `a`
        is correlated with itself.
    dim
        Dimension, or several, along which values are compared.
    method
        "pearson", in one pass over the blocks; or "spearman", of ranks (ties share their mean),
        which holds all values in memory.

    Returns
    -------
    xr.Dataset
        `r` float64 and `n` int64, the number of places where both have a value; (track, other),
        where `other` bears the labels of `b`. What `pandas.DataFrame.corr` gives: NaN where less
        than two values or no spread is left. Lazy where `a` or `b` has dask chunks: each is read
        once, and the blocks of all tracks at the same places are in memory together.

    Raises
    ------
    GenomeError
        For a dimension that an array lacks, too many that stay, codes of letters, values that are
        no numbers, an unknown method, and ranks or pairs that take more than the byte limit.
    AssemblyError, GenomeError
        When `a` and `b` lie on different genomes, bins, regions or windows.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 4}))
    >>> values = [[1.0, 2, 3, 5], [2, 4, 6, np.nan], [1, 0, 1, 9]]
    >>> x = xr.DataArray(values, coords, ["track", "position"]).assign_coords(track=list("abc"))
    >>> found = ga.correlate(x)
    >>> float(found.r.sel(track="a", other="b").round(6)), int(found.n.sel(track="a", other="b"))
    (1.0, 3)
    """
    if method not in _METHODS:
        raise GenomeError(f"method={method!r} is not known; known are {' and '.join(_METHODS)}")
    one = _columns(a, dim)
    if b is None and not one.rest:
        raise GenomeError(f"{a.name!r} has {dim!r} alone, which is one track; give another one, b")
    two = one if b is None else _columns(b, dim)
    if b is not None:
        check_paired(a, b, [d for d in a.dims if d not in one.rest], "cannot correlate")
    check_bytes(
        one.most * two.most * len(FIELDS) * 8, "the sums of all pairs", "correlate fewer at once"
    )
    data = [one.data] if b is None else [one.data, two.data]
    fields = (_by_blocks if method == "pearson" else _by_ranks)(data, one.over)
    fields = fields if one.lazy or two.lazy else fields.compute()
    r, number = _of_fields(fields, _r, same=b is None), _of_fields(fields, _number)
    labels = one.labels
    kept: list[Any] = [slice(None) if rows.rest else 0 for rows in (one, two)]
    dims = [*one.rest, *(["other"] if two.rest else [])]
    if two.rest and two.rest[0] in two.labels.coords:
        label = two.labels[[two.rest[0]]].rename({two.rest[0]: "other"})
        labels = labels.assign_coords(label.coords)
    text = f"{method.title()} correlation"
    return xr.Dataset(
        {
            "r": (dims, r[tuple(kept)], {"long_name": text}),
            "n": (dims, number[tuple(kept)], {"long_name": "places where both have a value"}),
        },
        labels.coords,
    )


def _columns(array: xr.DataArray, dim: Hashable | Sequence[Hashable]) -> Rows:
    """An array as columns (places, track), with all tracks of a place in one block."""
    rows = rows_of(array, dim, "correlated")
    if len(rows.rest) > 1:
        names = " and ".join(map(repr, rows.rest))
        raise GenomeError(
            f"{array.name!r} has {names} besides {dim!r}, and tracks have one dimension: sum or "
            f"select the others, as in array.isel({rows.rest[1]}=0), or stack them: "
            f"array.stack(pair={rows.rest})"
        )
    if "other" in rows.rest:
        raise GenomeError(
            f"the dimension 'other' of {array.name!r} bears a name that results have; rename it: "
            "array.rename(other='track')"
        )
    data = rows.data if rows.rest else rows.data[..., None]
    return rows._replace(data=data.rechunk({rows.over: -1}))


# ---- dask


def _by_blocks(data: list[Any], over: int) -> Any:
    """Fields (a, b, field) in one pass."""
    import dask.array as da

    parts = _pairs(_of_block, data, over)
    return da.reduction(
        parts, _unchanged, _joined, combine=_joined, axis=tuple(range(over)), dtype=np.float64,
        concatenate=True, meta=np.empty((0, 0, 0)),
    )  # fmt: skip


def _by_ranks(data: list[Any], over: int) -> Any:
    """Fields (a, b, field) of the ranks, of all places in one block."""
    size = int(np.prod(data[0].shape[:over], dtype=np.int64))
    columns = sum(one.shape[-1] for one in data)
    check_bytes(
        size * columns * 8,
        "the ranks of these values",
        "make them fewer first: ga.coarsen(array, bin_size)",
    )
    whole = [one.rechunk(dict.fromkeys(range(over), -1)) for one in data]
    return _pairs(_of_ranks, whole, over)[(0,) * over]


def _pairs(function: Any, data: list[Any], over: int) -> Any:
    """What a function makes of blocks: (block..., a, b, field)."""
    import dask.array as da

    places, (a, b, field) = tuple(range(over)), range(over, over + 3)
    arrays = [data[0], (*places, a)]
    if len(data) > 1:
        arrays += [data[1], (*places, b)]
    return da.blockwise(
        function, (*places, a, b, field), *arrays, over=over,
        new_axes={field: len(FIELDS)} | ({b: data[0].shape[-1]} if len(data) == 1 else {}),
        adjust_chunks=dict.fromkeys(places, lambda _: 1), dtype=np.float64,
        meta=np.empty((0,) * (over + 3)),
    )  # fmt: skip


def _of_block(*blocks: Array, over: int) -> Array:
    fields = fields_of_pairs(*(block_rows(block, over) for block in blocks))
    return fields.reshape((1,) * over + fields.shape)


def _unchanged(parts: Array, axis: Any, keepdims: bool) -> Array:
    return parts


def _joined(parts: Array, axis: tuple[int, ...], keepdims: bool) -> Array:
    fields = joined_pairs(parts.reshape(-1, *parts.shape[-3:]))
    return fields.reshape((1,) * len(axis) + fields.shape) if keepdims else fields


# ---- ranks


def _of_ranks(*blocks: Array, over: int) -> Array:
    """Fields of the ranks of values, counted where both columns have a value."""
    values = [block_rows(block, over) for block in blocks]
    ranks = [pd.DataFrame(one).where(np.isfinite(one)).rank().to_numpy() for one in values]
    fields = fields_of_pairs(*ranks)
    first, second = ranks[0], ranks[-1]
    there = [[np.packbits(np.isnan(c)).tobytes() for c in one.T] for one in (first, second)]
    for i, j in np.ndindex(fields.shape[:2]):
        if there[0][i] != there[1][j]:  # ranks among the places that both have
            both = ~(np.isnan(first[:, i]) | np.isnan(second[:, j]))
            pair = pd.DataFrame({"a": first[both, i], "b": second[both, j]}).rank().to_numpy()
            fields[i, j] = fields_of_pair(*pair.T)
    return fields.reshape((1,) * over + fields.shape)


# ---- results


def _of_fields(fields: Any, function: Any, **options: Any) -> Any:
    """What a function makes of fields (a, b, field), NumPy or dask."""
    if isinstance(fields, np.ndarray):
        return function(fields, **options)
    dtype = np.int64 if function is _number else np.float64
    return fields.map_blocks(
        function, drop_axis=2, dtype=dtype, meta=np.empty((0, 0), dtype), **options
    )


def _r(fields: Array, same: bool) -> Array:
    r = correlation(fields)
    if same:
        own = np.arange(len(r))
        r[own, own] = np.where(np.isnan(r[own, own]), np.nan, 1)  # not 1 - 1e-16
    return r


def _number(fields: Array) -> Array:
    return fields[..., 0].astype(np.int64)
