"""What is a list of regions, as arrays?

Everything that works on regions or windows works on these columns; `regions.py` and `windows.py`
dress them as xarray objects. Contigs are codes into a tuple of names, strands are +1, -1 and 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from genoarrays.errors import RegionError
from genoarrays.genome.assembly import Assembly, check_same_assembly

__all__ = ["Columns", "concat_columns", "make_columns"]

Ints = npt.NDArray[np.int64]
_SIGNS = np.array([".", "+", "-"], dtype=np.dtypes.StringDType())  # by orientation: 0, 1, -1


class Columns(NamedTuple):
    """The four columns as arrays: contig codes into `names`, bp, and +1, -1 or 0 for the strand."""

    names: tuple[str, ...]
    code: npt.NDArray[np.int32]
    start: Ints
    end: Ints
    orientation: npt.NDArray[np.int8]
    assembly: Assembly | None = None

    @property
    def size(self) -> int:
        """Number of regions."""
        return len(self.start)

    @property
    def contigs(self) -> npt.NDArray[np.generic]:
        """Contig name of each region (StringDType)."""
        return np.array(self.names, dtype=np.dtypes.StringDType())[self.code]

    @property
    def strands(self) -> npt.NDArray[np.generic]:
        """Each region's strand: "+", "-" or "." (StringDType)."""
        return _SIGNS[self.orientation]

    def take(self, key: Any) -> Columns:
        """Some of the regions: a slice, positions, or booleans."""
        return self._replace(
            code=self.code[key],
            start=self.start[key],
            end=self.end[key],
            orientation=self.orientation[key],
        )

    def rows_of(self, asked: Columns) -> tuple[Ints, Ints]:
        """Rows that hold the regions asked for, and for each of them the row in `asked`.

        Ascending in `asked`, then here. A region asked for without a strand is found on any.
        """
        codes = {name: code for code, name in enumerate(self.names)}
        lookup = np.array([*(codes.get(name, -1) for name in asked.names), -1])
        place = ["code", "start", "end"]
        mine = pd.DataFrame({"code": self.code, "start": self.start, "end": self.end})
        theirs = pd.DataFrame({"code": lookup[asked.code], "start": asked.start, "end": asked.end})
        both = theirs.reset_index(names="row").merge(mine.reset_index(names="here"), on=place)
        here, row = both["here"].to_numpy(), both["row"].to_numpy()
        sign = asked.orientation[row]
        kept = np.flatnonzero((sign == 0) | (sign == self.orientation[here]))
        kept = kept[np.lexsort((here[kept], row[kept]))]
        return here[kept], row[kept]

    def same_as(self, other: Columns) -> bool:
        """Whether both list the same regions in the same order, on assemblies that agree."""
        if self is other:
            return True
        if self.size != other.size or not all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("start", "end", "orientation")
        ):
            return False
        if None not in (self.assembly, other.assembly) and self.assembly != other.assembly:
            return False
        if self.names == other.names:
            return np.array_equal(self.code, other.code)
        return bool((self.contigs == other.contigs).all())

    def labels(self, key: Any = slice(None)) -> npt.NDArray[np.generic]:
        """Labels such as `chr1:0-200:+`, of some regions."""
        some = self.take(key)
        texts = [
            f"{self.names[code]}:{start}-{end}:{sign}"
            for code, start, end, sign in zip(
                some.code.tolist(),
                some.start.tolist(),
                some.end.tolist(),
                some.strands.tolist(),
                strict=True,
            )
        ]
        return np.array(texts, dtype=np.dtypes.StringDType())


def concat_columns(tables: Sequence[Columns]) -> Columns:
    """Tables one after the other.

    Raises
    ------
    AssemblyError
        When two of them lie on different assemblies.
    """
    assembly = next((t.assembly for t in tables if t.assembly is not None), None)
    for table in tables:
        if assembly is not None and table.assembly is not None:
            check_same_assembly(assembly, table.assembly, "cannot concatenate regions of")
    names = tuple(dict.fromkeys(name for table in tables for name in table.names))
    lookup = {name: code for code, name in enumerate(names)}
    codes = [
        np.array([lookup[name] for name in table.names], dtype=np.int32)[table.code]
        for table in tables
    ]
    start, end, orientation = (
        np.concatenate([getattr(table, name) for table in tables])
        for name in ("start", "end", "orientation")
    )
    return Columns(names, np.concatenate(codes), start, end, orientation, assembly)


def make_columns(
    contig: npt.ArrayLike,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    strand: npt.ArrayLike | None = None,
    assembly: Assembly | None = None,
) -> Columns:
    """Columns of plain arrays; contig names are coded by the assembly, else as they appear.

    Raises
    ------
    RegionError
        When a strand is none of "+", "-", ".", or a start lies past its end or below 0.
    ContigError
        When a contig is not in the assembly.
    """
    names = np.asarray(contig, dtype=object).reshape(-1)
    codes, found = pd.factorize(names)
    known = tuple(str(name) for name in found)
    if assembly is not None:
        codes = np.array([assembly.code(name) for name in known], dtype=np.int64)[codes]
        known = assembly.names
    starts, ends = (np.asarray(a, dtype=np.int64).reshape(-1) for a in (start, end))
    if (bad := np.flatnonzero((starts > ends) | (starts < 0))).size:
        row = int(bad[0])
        raise RegionError(
            f"region {row} is {names[row]}:{starts[row]}-{ends[row]}; 0 <= start <= end must hold"
        )
    if strand is None:
        orientation = np.zeros(len(starts), dtype=np.int8)
    else:
        signs = np.asarray(strand, dtype=object).reshape(-1)
        orientation = (signs == "+").astype(np.int8) - (signs == "-").astype(np.int8)
        if (bad := np.flatnonzero((orientation == 0) & (signs != "."))).size:
            row = int(bad[0])
            raise RegionError(f"region {row} has strand {signs[row]!r}; known are '+', '-' and '.'")
    return Columns(known, codes.astype(np.int32), starts, ends, orientation, assembly)
