"""How do attributions become labelled arrays beside the windows that they are of?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.inference.asked import Asked
from genoarrays.inference.attribution.bases import fold_kmers, kmers
from genoarrays.inference.attribution.cut import Cut, Entry
from genoarrays.options import check_bytes

__all__ = ["Attributed", "labelled", "windows_at_once"]

_BYTES = 2**26  # of tensors, baselines and sums that are held at once

Array = npt.NDArray[Any]


class Attributed:
    """Attributions of all inputs, filled batch by batch.

    Parameters
    ----------
    ask
        Model and windows.
    cut
        The model after its one-hot layers.
    of
        Inputs that are kept.
    fold
        Share the values of k-mers over their bases.

    Raises
    ------
    GenomeError
        When k-mers of several lengths are to be kept, or the result would pass the byte limit.
    """

    def __init__(self, ask: Asked, cut: Cut, of: list[str], fold: bool) -> None:
        self.ask, self.cut, self.of, self.fold = ask, cut, of, fold
        entries = {n: [e for e in cut.entries if e.input == n] for n in of}
        for name, mine in entries.items():
            if not fold and len(mine) > 1:
                orders = ", ".join(str(e.one_hot.order) for e in mine if e.one_hot is not None)
                raise GenomeError(
                    f"input {name!r} is read in k-mers of the lengths {orders}; fold=True puts "
                    "them together, base by base"
                )
        self.entries = entries
        rows = ask.x.sizes[ask.dim]
        shapes = {name: (rows, *self._shape(mine[0])) for name, mine in entries.items()}
        check_bytes(
            4 * sum(int(np.prod(shape, dtype=np.int64)) for shape in shapes.values()),
            "these attributions",
            f"take some of the windows at a time, as in x.isel({ask.dim}=slice(10_000))",
        )
        self.values = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}

    def _shape(self, entry: Entry) -> tuple[int, ...]:
        shape = entry.shape(self.ask.x, self.ask.dim)
        if entry.one_hot is None or not self.fold:
            return shape
        return (shape[0] + entry.one_hot.order - 1, len(entry.one_hot.alphabet))

    def fill(self, rows: slice, tensors: list[Array]) -> None:
        """Values of some rows, one tensor for each entry of the model."""
        for entry, values in zip(self.cut.entries, tensors, strict=True):
            if entry.input not in self.of:
                continue
            if entry.one_hot is not None and self.fold:
                letters = len(entry.one_hot.alphabet)
                values = fold_kmers(values, letters, entry.one_hot.order)
            self.values[entry.input][rows] += values

    def result(
        self, attrs: Mapping[str, Any], along: Mapping[str, Array]
    ) -> xr.DataArray | xr.Dataset:
        """The labelled arrays, with more coordinates along the windows."""
        channels = {}
        for name, mine in self.entries.items():
            layer = mine[0].one_hot
            if layer is not None:
                channels[name] = kmers(layer.alphabet, 1 if self.fold else layer.order)
        return labelled(self.ask, self.values, channels, attrs, along)


def windows_at_once(ask: Asked, cut: Cut, baselines: int) -> int:
    """Windows whose tensors, with some baselines and float64 sums, are held at once."""
    cells = sum(int(np.prod(entry.shape(ask.x, ask.dim))) for entry in cut.entries)
    return max(min(_BYTES // max(4 * cells * (baselines + 6), 1), 64), 1)


def labelled(
    ask: Asked,
    values: Mapping[str, Array],
    channels: Mapping[str, list[str]],
    attrs: Mapping[str, Any],
    along: Mapping[str, Array],
) -> xr.DataArray | xr.Dataset:
    """Arrays with the labels of the windows.

    Parameters
    ----------
    ask
        Model and windows.
    values
        By input: (windows, its dims in order), for sequence with the letters at the end.
    channels
        By sequence input: labels of the letters or k-mers.
    attrs
        Of the result.
    along
        More coordinates along the windows.

    Returns
    -------
    xr.DataArray or xr.Dataset
        A DataArray named `attribution` of one input, else a Dataset with one variable per input.
    """
    x, dim = ask.x, ask.dim
    result = x.coords.to_dataset().drop_dims([d for d in x.dims if d != dim], errors="ignore")
    result = result.assign_coords({name: (dim, one) for name, one in along.items()})
    sets = [tuple(labels) for labels in channels.values()]
    sets += [() for name in values if name not in channels and "channel" in x[name].dims]
    for name, array in values.items():
        dims = [str(d) for d in x[name].dims if d != dim]
        coords: dict[str, Any] = {d: x[name].coords[d] for d in dims if d in x[name].coords}
        if name in channels:
            letter = "channel" if len(set(sets)) == 1 else f"channel_{name}"
            offset = dims[-1]
            order = len(channels[name][0])
            if order > 1 and offset in coords:
                first = coords[offset][: array.shape[1]]
                coords[offset] = first.assign_attrs(order=order)
            coords[letter] = np.array(channels[name], dtype=np.dtypes.StringDType())
            dims = [*dims, letter]
        kept = {n: (n, np.asarray(c.values), c.attrs) if isinstance(c, xr.DataArray) else (n, c)
                for n, c in coords.items()}  # fmt: skip
        result[name] = xr.DataArray(array, kept, (dim, *dims), attrs=dict(attrs))
    if len(values) > 1:
        return result.assign_attrs(attrs)
    one: xr.DataArray = result[next(iter(values))].rename("attribution")
    return one
