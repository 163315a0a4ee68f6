"""From which sequence, or signal, is the way to an input counted?

Zeros say "nothing there". Shuffled sequences with the same dinucleotides say "the same composition
without the motifs"; signal has no such shuffle, and begins at zeros then too. Any other baseline is
given: codes, one-hot values such as frequencies of bases, signal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.inference.attribution.cut import Cut, Entry

__all__ = ["Baselines"]

Array = npt.NDArray[Any]


class Baselines:
    """Baselines of inputs, batch by batch.

    Parameters
    ----------
    wanted
        "zero", "shuffled", or values: an array for a model with one input, a Dataset or dict by
        input else. Inputs that it lacks begin at zeros.
    cut
        The model.
    x, dim
        Dataset of examples, along `dim`.
    number, seed
        Shuffles of a sequence, and what decides them.

    Raises
    ------
    GenomeError
        For other words, names or shapes, and shuffles of a model without sequence.
    """

    def __init__(
        self, wanted: Any, cut: Cut, x: xr.Dataset, dim: str, number: int, seed: int
    ) -> None:
        self.cut, self.x, self.dim, self.seed = cut, x, dim, seed
        self.number = 1
        self.given: dict[str, Array] = {}
        self.each: set[str] = set()
        names = list(dict.fromkeys(entry.input for entry in cut.entries))
        if isinstance(wanted, str):
            if wanted not in ("zero", "shuffled"):
                raise GenomeError(
                    f"baseline={wanted!r} is not known; say 'zero', 'shuffled', or give values"
                )
            if wanted == "shuffled":
                if number < 1:
                    raise GenomeError(f"shuffles={number} is not possible; give at least 1")
                if all(entry.one_hot is None for entry in cut.entries):
                    raise GenomeError(
                        "baseline='shuffled' shuffles sequences, and this model has none; say "
                        "'zero', or give values"
                    )
                self.number = number
            self.kind = wanted
            return
        self.kind = "given"
        if not isinstance(wanted, xr.Dataset | Mapping):
            if len(names) > 1:
                raise GenomeError(
                    f"the model has the inputs {', '.join(names)}; give baselines by name, as in "
                    f"baseline={{{names[0]!r}: values}}"
                )
            wanted = {names[0]: wanted}
        if unknown := [str(name) for name in wanted if name not in names]:
            raise GenomeError(f"baseline= names {unknown[0]!r}; the inputs are {', '.join(names)}")
        for name, values in wanted.items():
            self._take(str(name), values)

    def _take(self, name: str, values: Any) -> None:
        if isinstance(values, xr.DataArray):
            order = [d for d in (self.dim, *self.x[name].dims) if d in values.dims]
            if self.dim in values.dims and self.dim in values.coords:
                mine = self.x[name].isel({d: 0 for d in self.x[name].dims if d != self.dim})
                xr.align(values, mine, join="inner", exclude=set(values.dims) - {self.dim})
            values = values.transpose(*dict.fromkeys(order), ...).values
        array = np.asarray(values)
        rows = self.x.sizes[self.dim]
        fits = []
        for entry in (e for e in self.cut.entries if e.input == name):
            shape = self._shape(entry, array)
            each = array.ndim == len(shape) + 1 and len(array) == rows
            one = array[0] if each and rows else array
            try:
                fits.append(np.broadcast_shapes(one.shape, shape) == shape)
            except ValueError:
                fits.append(False)
            if fits[-1] and each:
                self.each.add(name)
        if not all(fits):
            raise GenomeError(
                f"the baseline of {name!r} has the shape {array.shape}, which does not fit; give "
                f"{self._shapes(name)}, for all or for each {self.dim}"
            )
        self.given[name] = array

    def _shape(self, entry: Entry, array: Array) -> tuple[int, ...]:
        """Shape of a baseline in one example: of codes, or of the tensor."""
        if entry.one_hot is None or array.dtype.kind not in "iu":
            return entry.shape(self.x, self.dim)
        return tuple(n for d, n in self.x[entry.input].sizes.items() if d != self.dim)

    def _shapes(self, name: str) -> str:
        entry = next(e for e in self.cut.entries if e.input == name)
        own = self._shape(entry, np.zeros(0, np.int8))
        if entry.one_hot is None:
            return str(own)
        return f"codes {own} or one-hot values {self._shape(entry, np.zeros(0))}"

    def of(self, batch: Mapping[str, Array], rows: Sequence[int] | Array) -> list[list[Array]]:
        """Tensors by baseline, for the inputs of some rows."""
        return [self._one(batch, np.asarray(rows), turn) for turn in range(self.number)]

    def _one(self, batch: Mapping[str, Array], rows: Array, turn: int) -> list[Array]:
        found = []
        for entry in self.cut.entries:
            values = batch[entry.input]
            if self.kind == "shuffled" and entry.one_hot is not None:
                found.append(self.cut.encode_one(entry, self._shuffled(entry, values, rows, turn)))
                continue
            if entry.input not in self.given:
                found.append(np.zeros_like(self.cut.encode_one(entry, values)))
                continue
            base = self.given[entry.input]
            base = base[rows] if entry.input in self.each else base
            if entry.one_hot is not None and base.dtype.kind in "iu":
                codes = np.broadcast_to(base, values.shape).astype(values.dtype)
                found.append(self.cut.encode_one(entry, codes))
            else:
                like = self.cut.encode_one(entry, values)
                found.append(np.broadcast_to(base, like.shape).astype(np.float32))
        return found

    def _shuffled(self, entry: Entry, codes: Array, rows: Array, turn: int) -> Array:
        """Sequences with their dinucleotides in another order: decided by row, not by batch."""
        from genoarrays.ops.euler import shuffle_rows

        assert entry.one_hot is not None
        out = np.empty_like(codes)
        numbers = rows.astype(np.int64) * self.number + turn
        seed = np.uint64(self.seed % 2**64)
        shuffle_rows(
            np.ascontiguousarray(codes), numbers, 2, len(entry.one_hot.alphabet), seed, out
        )
        return out
