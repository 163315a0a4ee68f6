"""How are rows of numbers laid on the positions of an axis, chunk by chunk?

A chunk of positions is one task, which gets the rows that lie there and their places, turns those
of the minus strand, and puts each value at its bins. Rows that are lazy stay so; a row that lies
across chunks goes to each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.ops.orientation import flip
from genoarrays.options import current

__all__ = ["Placed", "laid"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_BLOCK = 2**20  # bins laid at once: bounds the index arrays that this needs


class Placed(NamedTuple):
    """Where rows lie, in the order of the genome.

    Row `rows[i]` covers the bins [first, first + count) of contig `code`; bin `first` is number
    `skip` of those that its values were spread over, `repeat` bins to a value.
    """

    bin_size: int
    values: int  # per row
    rows: Ints
    code: Ints
    first: Ints
    count: Ints  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here
    skip: Ints
    repeat: Ints


class _Layer(NamedTuple):
    """What makes a stretch of the axis of rows; small, and it goes with every task."""

    dims: tuple[str, ...]
    attrs: Mapping[str, Any]
    labels: Mapping[str, Any]
    name: Any
    shape: tuple[int, ...]  # of one position
    dtype: np.dtype[Any]
    fill: Any
    overlap: str | None


def laid(
    array: xr.DataArray,
    placed: Placed,
    minus: npt.NDArray[np.bool_],
    axis: GenomeAxis,
    fill: Any,
    overlap: str | None,
) -> xr.Variable:
    """Variable of rows that lie on an axis.

    Parameters
    ----------
    array
        (window or region[, offset], ...), in any order of rows.
    placed
        Where they lie.
    minus
        Which of the rows in `placed` run against the genome.
    axis
        Axis of the result; it has all bins of `placed`.
    fill
        Value where no row lies.
    overlap
        "mean", "max", or None where no two rows share a bin.

    Returns
    -------
    xr.Variable
        (position, ...), a dask array with deterministic keys.

    Raises
    ------
    GenomeError
        For a mean or maximum of letters, or a dimension that cannot be turned.
    """
    import dask
    import dask.array as da
    from dask.base import tokenize

    inner = [str(dim) for dim in array.dims[1:] if str(dim).startswith("offset")]
    rest = [str(dim) for dim in array.dims[1:] if str(dim) not in inner]
    if overlap is not None and "alphabet" in array.attrs:
        raise GenomeError(f"{array.name!r} holds codes of letters, which have no {overlap}")
    dtype = array.dtype
    if overlap == "mean" and dtype != np.float64:
        dtype = np.dtype(np.float32)
    labels = {dim: array[dim].values for dim in rest if dim in array.coords}
    attrs = {key: value for key, value in array.attrs.items() if key == "alphabet"}
    shape = tuple(array.sizes[dim] for dim in rest)
    layer = _Layer(
        ("window", *inner, *rest),
        attrs,
        labels,
        array.name,
        shape,
        dtype,
        dtype.type(fill),
        overlap,
    )
    if minus.any():
        probe = np.zeros((0,) + (1,) * (array.ndim - 1))
        flip(probe, layer.dims, attrs, labels, array.name, check=True)
    data = array.variable
    data = data if data.chunks is not None or isinstance(data._data, np.ndarray) else data.chunk()
    numbers = data.data
    token = tokenize(numbers, placed, minus, layer, axis.edges, axis.code, axis.first)
    if not np.array_equal(placed.rows, np.arange(len(numbers))):
        numbers = numbers[placed.rows]
    at = axis.locate(placed.code, placed.first)
    reach = np.maximum.accumulate(at + placed.count)
    cell = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
    step = max(current().chunk_bytes // max(cell, 1), 1)
    task = dask.delayed(_lay, pure=False)
    blocks = []
    for start in range(0, axis.size, step) or [0]:
        size = min(step, axis.size - start)
        low = int(np.searchsorted(reach, start, side="right"))
        high = int(np.searchsorted(at, start + size, side="left"))
        some = slice(low, high)
        spread = placed.skip[some], placed.repeat[some]
        made = task(
            layer, numbers[some], minus[some], at[some] - start, placed.count[some], *spread, size,
            dask_key_name=f"from_array-{token}-{start}",
        )  # fmt: skip
        blocks.append(da.from_delayed(made, (size, *shape), dtype))
    whole = da.concatenate(blocks) if len(blocks) > 1 else blocks[0]
    return xr.Variable(("position", *rest), whole, array.attrs)


def _lay(
    layer: _Layer,
    values: Array,
    minus: npt.NDArray[np.bool_],
    at: Ints,
    count: Ints,
    skip: Ints,
    repeat: Ints,
    size: int,
) -> Array:
    """Positions [0, size) of which rows hold some: row i lies at `at[i]`, `count[i]` bins long."""
    values = np.asarray(values)
    if minus.any():
        values = values.copy()
        turned = flip(values[minus], layer.dims, layer.attrs, dict(layer.labels), layer.name)
        values[minus] = turned
    per_row = int(values.size // max(len(values) * int(np.prod(layer.shape)), 1)) or 1
    flat = values.reshape(-1, *layer.shape)
    out = np.full((size, *layer.shape), layer.fill, dtype=layer.dtype)
    low, high = np.maximum(-at, 0), np.minimum(count, size - at)
    number = np.maximum(high - low, 0)
    edges = np.concatenate([[0], np.cumsum(number)])
    combine = _Combined(out, layer.overlap)
    for first in range(0, int(edges[-1]), _BLOCK):
        end = min(first + _BLOCK, int(edges[-1]))
        some = np.arange(np.searchsorted(edges, first, "right") - 1, np.searchsorted(edges, end))
        row = np.repeat(some, np.minimum(edges[some + 1], end) - np.maximum(edges[some], first))
        bins = low[row] + np.arange(first, end) - edges[row]
        combine.add(at[row] + bins, flat[row * per_row + (bins + skip[row]) // repeat[row]])
    return combine.result()


class _Combined:
    """Values put at places; where places repeat, their mean or maximum, NaN skipped."""

    def __init__(self, out: Array, how: str | None) -> None:
        self.out = out
        self.how = how
        if how is None:
            return
        self.covered = np.zeros(len(out), dtype=bool)
        if how == "mean":
            self.total = np.zeros(out.shape, dtype=np.float64)
            self.number = np.zeros(out.shape, dtype=np.int32)
        else:
            lowest = np.nan if out.dtype.kind == "f" else _lowest(out.dtype)
            self.highest = np.full(out.shape, lowest, dtype=out.dtype)

    def add(self, place: Ints, values: Array) -> None:
        if self.how is None:
            self.out[place] = values
            return
        self.covered[place] = True
        if self.how == "mean":
            there = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
            np.add.at(self.total, place, np.where(there, values, 0).astype(np.float64))
            np.add.at(self.number, place, there)
        else:
            np.fmax.at(self.highest, place, values.astype(self.out.dtype))

    def result(self) -> Array:
        if self.how == "mean":
            some = self.number[self.covered]
            mean = np.full(some.shape, np.nan)
            np.divide(self.total[self.covered], some, out=mean, where=some > 0)
            self.out[self.covered] = mean
        elif self.how == "max":
            self.out[self.covered] = self.highest[self.covered]
        return self.out


def _lowest(dtype: np.dtype[Any]) -> Any:
    return False if dtype.kind == "b" else np.iinfo(dtype).min
