"""Which windows does a model see for both alleles of some variants?

Windows are cut as for any regions; the alternative allele is put into a copy. What else the model
takes is that of the place, the same for both. Behind a deletion more of the genome is needed than
the window holds: it is cut further on, as another window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.margin import without_margin
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import columns_dataset
from genoarrays.genome.windows import window_index
from genoarrays.inference.examples import Examples
from genoarrays.inference.variants.alleles import Alleles, Letters, contradictions, substitute
from genoarrays.inference.variants.placing import Placed

__all__ = ["Pairs"]

Array = npt.NDArray[Any]


class Pairs:
    """Makes windows of both alleles.

    Parameters
    ----------
    examples
        Windows at a table of regions.
    inputs
        Names of variables, in the order of the model's inputs.
    placed
        Variants.
    width
        bp of a window.

    Raises
    ------
    GenomeError
        When none of the inputs is a sequence of DNA as codes; whatever `examples` raises.
    RegionError
        When an input is missing, or windows are not those that were asked for.
    """

    def __init__(
        self, examples: Examples, inputs: Sequence[str], placed: Placed, width: int
    ) -> None:
        self.examples, self.inputs, self.placed, self.width = examples, inputs, placed, width
        self.ref, self.alt = (
            np.asarray(placed.table[name].values).astype(np.dtypes.StringDType())
            for name in ("ref", "alt")
        )
        self.start = np.asarray(placed.table["start"].values, np.int64)

    def windows(self, asked: Columns, names: Sequence[str]) -> xr.Dataset:
        """Windows at some places, with some of the model's inputs.

        Raises
        ------
        RegionError
            When they lie elsewhere, or an input is missing.
        """
        x = self.examples(columns_dataset(asked))
        made = window_index(x).columns
        if made.size != asked.size:
            raise RegionError(
                f"examples() gave {made.size:,} windows for {asked.size:,} regions; it must give "
                "one for each, in their order"
            )
        wrong = (made.start != asked.start) | (made.end != asked.end)
        wrong |= (made.contigs != asked.contigs) | (
            (made.orientation < 0) != (asked.orientation < 0)
        )
        if wrong.any():
            row = np.flatnonzero(wrong)[:1]
            raise RegionError(
                f"examples() gave the window {made.labels(row)[0]} for the region "
                f"{asked.labels(row)[0]}; it must give one of {self.width:,} bp for each region, "
                "in their order, place and direction, as ga.windows(obj, regions, width) does; "
                "where it snaps windows to a grid of bins, give their size as snap="
            )
        if missing := [name for name in names if name not in x.data_vars]:
            raise RegionError(
                f"examples() gives no variable {missing[0]!r}, which the model takes; it gives "
                f"{', '.join(map(str, x.data_vars))}"
            )
        kept = x.drop_vars([name for name in x.data_vars if name not in names])
        return without_margin(kept).transpose("window", ...)

    def sequences(self, x: xr.Dataset) -> dict[str, tuple[Letters, int]]:
        """Sequence inputs by name: letters, and the offset of the first one.

        Raises
        ------
        GenomeError
            When there is none, or an input is one-hot already.
        """
        found = {}
        for name in self.inputs:
            array = x[name]
            if "alphabet" not in array.attrs:
                if "channel" in array.dims:
                    raise GenomeError(
                        f"input {name!r} is one-hot already, and variants change codes; let "
                        "examples() give codes, and begin the model with ga.models.OneHot"
                    )
                continue
            offset = array.dims[-1]
            if array.ndim != 2 or offset not in array.coords:
                raise GenomeError(
                    f"input {name!r} with the dimensions {array.dims} does not tell where its "
                    "bases lie; give codes (window, offset) as ga.windows does"
                )
            found[name] = (Letters(str(array.attrs["alphabet"]), name), int(array[offset][0]))
        if not found:
            raise GenomeError(
                f"none of the inputs {', '.join(self.inputs)} is a sequence: codes with the "
                "attribute `alphabet`, as ga.open_fasta and ga.windows give them"
            )
        return found

    def __call__(self, rows: Array) -> xr.Dataset:
        """Windows of some variants: of the reference and the alternative, in turn.

        Raises
        ------
        GenomeError
            When a sequence is not that which REF was compared with.
        """
        asked = self.placed.windows.take(rows)
        x = self.windows(asked, self.inputs).load()
        known = self.sequences(x)
        made = window_index(x).columns
        ref, alt = self.ref[rows], self.alt[rows]
        removed = (np.strings.str_len(ref) - np.strings.str_len(alt)).astype(np.int64)
        shift = np.maximum(removed, 0)
        if self.placed.grid > 1:  # another whole window further on lies on the grid, too
            shift = np.where(removed > 0, self.width, 0)
            if (removed > self.width).any():
                raise GenomeError(
                    f"{self._label(rows[np.argmax(removed)])} deletes more than a window of "
                    f"{self.width:,} bp, and windows lie on a grid of {self.placed.grid:,} bp; "
                    "leave it out"
                )
        far = np.flatnonzero(shift)
        further = None
        if far.size:
            some, by = made.take(far), shift[far]
            some = some._replace(start=some.start + by, end=some.end + by)
            further = self.windows(some, list(known)).load()
        base = self.start[rows] - made.start
        minus = made.orientation < 0
        pair = x.isel(window=np.repeat(np.arange(len(rows)), 2))
        for name, (letters, first) in known.items():
            codes = np.ascontiguousarray(x[name].values)
            plus = np.where(minus[:, None], letters.turn(codes), codes)
            beyond = plus
            if further is not None:
                more = np.ascontiguousarray(further[name].values)
                beyond = plus.copy()
                beyond[far] = np.where(minus[far, None], letters.turn(more), more)
            length = codes.shape[1]
            at = base + np.where(minus, length - self.width + first, -first)
            if (off := np.flatnonzero((at < 0) | (at >= length))).size:
                raise RegionError(
                    f"input {name!r} does not reach to the variant {self._label(rows[off[0]])} in "
                    f"its window {made.labels(off[:1])[0]}"
                )
            alleles = Alleles.of(ref, alt, letters)
            wrong = contradictions(plus, beyond, shift, at, alleles) & self.placed.good[rows]
            if wrong.any():
                raise GenomeError(
                    f"REF of {self._label(rows[np.argmax(wrong)])} is what like= has there, and "
                    f"input {name!r} of the model has something else ({int(wrong.sum()):,} of "
                    f"{len(rows):,} variants there); give the genome as like= that examples() cuts "
                    "windows from"
                )
            changed = substitute(plus, beyond, shift, at, alleles)
            both = np.empty((2 * len(rows), length), codes.dtype)
            both[::2] = codes
            both[1::2] = np.where(minus[:, None], letters.turn(changed), changed)
            pair[name] = pair[name].copy(data=both)
        return pair

    def _label(self, row: Any) -> str:
        return str(self.placed.table["variant"].values[int(row)])
