"""How do windows of many lengths become batches?

They are cut from blocks as all others are, and padded at the end: with the unknown letter, or 0. A
batch is as long as its longest window, or as long as was asked for. Batches of windows of one
length waste little: `bucket` sorts some batches together by length, and shuffles the batches.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.examples.blocks import made_of
from genoarrays.genome.windows import window_index
from genoarrays.stream.feeds import Cutting

__all__ = ["Ragged", "bucketed", "is_ragged", "ragged_feed"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ragged(Cutting):
    """Windows of many lengths; the first length of `shape` is None, or what all are padded to."""

    @cached_property
    def lengths(self) -> Array:
        """Bins of each window."""
        return self.cutter.cuts(self.windows).count

    @property
    def row_bytes(self) -> int:
        """Bytes of an example as it is given out, on average."""
        mean = self.shape[0] or float(self.lengths.mean())
        return int(mean * np.prod(self.shape[1:], dtype=np.int64) * self.dtype.itemsize) + 1

    def room(self, rows: Array, lend: Any) -> Array:
        """Array for some examples, as long as the longest, filled for what is padded."""
        longest = self.shape[0] or max(int(self.lengths[rows].max(initial=0)), 1)
        out: Array = lend((len(rows), longest, *self.shape[1:]), self.dtype)
        out[...] = self.cutter.fill if self.cutter.letters is not None else 0
        return out

    def spread(self, out: Array) -> Array:
        """The same memory as (row, outer, bin, inner)."""
        return out.reshape(len(out), 1, out.shape[1], -1)


def is_ragged(array: xr.DataArray) -> bool:
    """Whether a variable holds windows of many lengths laid end to end."""
    return bool(array.dims) and str(array.dims[0]).startswith("packed")


def ragged_feed(array: xr.DataArray, x: xr.Dataset, pad: int | None) -> Ragged:
    """Where the values of ragged windows come from.

    Raises
    ------
    GenomeError
        When something was computed from them or they were selected since, or one is longer than
        what they are to be padded to.
    """
    name = str(array.name)
    data: Any = array.variable._data
    made = made_of(getattr(data, "name", None))
    if made is None or made.cutter.source is None or made.windows is None:
        raise GenomeError(
            f"{name!r} holds ragged windows that were computed on; streams cut them from what was "
            "opened: do it to the arrays on the genome axis, store these, and cut windows then"
        )
    if not made.windows.same_as(window_index(x).columns):
        raise GenomeError(
            f"{name!r} holds other windows than its index: ragged windows are not selected by "
            "isel; select regions, and cut windows at these"
        )
    dtype = array.dtype if "alphabet" in array.attrs else np.dtype(np.float32)
    dims = ("window", "offset", *map(str, array.dims[1:]))
    feed = Ragged(name, dims, (pad, *array.shape[1:]), dtype, made)  # type: ignore[arg-type]
    if pad is not None and (long := np.flatnonzero(feed.lengths > pad)).size:
        label = made.windows.labels(long[:1]).tolist()[0]
        raise GenomeError(
            f"pad={pad} is shorter than window {label} of {name!r}, which has "
            f"{feed.lengths[long[0]]:,} bins; give at least {feed.lengths.max():,}"
        )
    return feed


def bucketed(lengths: Array, batch: int, bucket: int, rng: np.random.Generator) -> Array:
    """Order in which windows of similar length follow each other, batch by batch.

    Parameters
    ----------
    lengths
        Of the windows, in random order.
    batch, bucket
        Windows of a batch; batches that are sorted together.
    rng
        Shuffles the batches.
    """
    found = []
    for first in range(0, len(lengths), batch * bucket):
        order = first + np.argsort(lengths[first : first + batch * bucket], kind="stable")
        whole = len(order) // batch
        parts = order[: whole * batch].reshape(whole, batch)
        found += [rng.permutation(parts).reshape(-1), order[whole * batch :]]
    return np.concatenate(found) if found else np.arange(0)
