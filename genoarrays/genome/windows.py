"""Which window is this array's row?

Windows and regions carry an index that knows their columns: the label `chr1:0-200:+` is computed
when looked at, and two different sets of windows never align or subtract silently, as they would
with plain coordinates. Windows also carry contig, start, end and orientation as coordinates;
`orientation`, because `strand` is the dimension of stranded tracks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexing import IndexSelResult
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from genoarrays.errors import RegionError
from genoarrays.genome.columns import Columns, Ints, concat_columns
from genoarrays.genome.index import assembly_variable
from genoarrays.genome.region import region
from genoarrays.options import check_bytes

__all__ = ["WindowIndex", "count_by_contig", "window_coords", "window_index"]

_SIGN = {"+": 1, "-": -1, ".": 0}


class _RegionLabels(CoordinateTransform):
    def __init__(self, columns: Columns, name: str, dim: str) -> None:
        super().__init__((name,), {dim: columns.size}, np.dtypes.StringDType())
        self.columns = columns

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        key = np.asarray(dim_positions[self.dims[0]])
        labels = self.columns.labels(key.reshape(-1))
        return {self.coord_names[0]: labels.reshape(key.shape)}

    def generate_coords(self, dims: tuple[str, ...] | None = None) -> dict[Hashable, Any]:
        check_bytes(self.columns.size * 64, "the labels of these regions", "select some of them")
        return self.forward({self.dims[0]: np.arange(self.columns.size)})

    def equals(self, other: CoordinateTransform, **_: Any) -> bool:
        return isinstance(other, _RegionLabels) and self.columns.same_as(other.columns)


class WindowIndex(CoordinateTransformIndex):
    """Labels of windows or regions, and their identity.

    `sel(window="chr1:0-200:+")` finds windows by label (the strand may be left out); a list gives
    them in its order. Different sets of windows are never joined: arithmetic between them raises.

    Parameters
    ----------
    columns
        The regions.
    dim
        "window" or "region": the coordinate and its dimension.
    chosen
        What was selected by position since the windows were made, one key after the other.
    """

    transform: _RegionLabels

    def __init__(
        self,
        columns: Columns,
        dim: str = "window",
        name: str | None = None,
        chosen: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(_RegionLabels(columns, name or dim, dim))
        self.chosen = chosen

    @property
    def columns(self) -> Columns:
        """The regions as arrays."""
        return self.transform.columns

    @property
    def dim(self) -> str:
        """Name of the dimension."""
        return self.transform.dims[0]

    def isel(self, indexers: Mapping[Any, Any]) -> WindowIndex | None:
        key = indexers[self.dim]
        if isinstance(key, xr.Variable):
            if key.dims != (self.dim,):
                return None
            key = key.values
        if np.ndim(key) == 0 and not isinstance(key, slice):
            return None
        name = str(self.transform.coord_names[0])
        return WindowIndex(self.columns.take(key), self.dim, name, (*self.chosen, key))

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> IndexSelResult:
        if method is not None or tolerance is not None:
            raise RegionError("method= and tolerance= mean nothing for windows; give a label")
        label = next(iter(labels.values()))
        if isinstance(label, slice):
            raise RegionError(
                f"windows are selected by label or isel({self.dim}=...), not by slice"
            )
        if np.ndim(label) == 0:
            found = self._find([np.asarray(label).item()])
            return IndexSelResult({self.dim: int(found[0]) if len(found) == 1 else found})
        return IndexSelResult({self.dim: self._find(np.asarray(label).reshape(-1).tolist())})

    def _find(self, texts: Sequence[Any]) -> Ints:
        columns = self.columns
        codes = {name: code for code, name in enumerate(columns.names)}
        asked = [region(text, contigs=codes) for text in texts]
        code = np.array([codes.get(one.contig, -1) for one in asked], dtype=np.int32)
        start = np.array([one.start for one in asked], dtype=np.int64)
        # a label without an end is no window's: none ends at -1
        end = np.array([-1 if one.end is None else one.end for one in asked], dtype=np.int64)
        sign = np.array([_SIGN[one.strand] for one in asked], dtype=np.int8)
        rows, found = columns.rows_of(Columns(columns.names, code, start, end, sign))
        if (missing := np.bincount(found, minlength=len(asked)) == 0).any():
            raise RegionError(
                f"no {self.dim} is {texts[int(np.argmax(missing))]!r}; labels read like "
                f"{columns.labels(slice(0, 1)).tolist()}, and "
                f"x.isel({self.dim}=x.contig == 'chr1') selects by coordinate"
            )
        return rows

    @classmethod
    def concat(
        cls,
        indexes: Sequence[WindowIndex],
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> WindowIndex:
        columns = concat_columns([index.columns for index in indexes])
        if positions is not None:
            columns = columns.take(np.argsort(np.concatenate([list(p) for p in positions])))
        return cls(columns, indexes[0].dim)

    def join(self, other: WindowIndex, how: str = "inner") -> WindowIndex:
        raise RegionError(self._apart(other))

    def _apart(self, other: WindowIndex) -> str:
        """What tells two sets of windows apart, and the cure."""
        dim, name = self.dim, self.transform.coord_names[0]
        few, many = sorted((self.columns, other.columns), key=lambda columns: columns.size)
        rows, _ = many.rows_of(few)
        if 0 < few.size == len(rows) and many.take(rows).same_as(few):
            cure = f"other.sel({name}=x.{name}.values)"
            if len(np.unique(rows)) == many.size:
                return (
                    f"these are the same {many.size:,} {dim}s in another order; "
                    f"give one the order of the other: {cure}"
                )
            return (
                f"all {few.size:,} {dim}s of one, x, are among the {many.size:,} of the other; "
                f"select them there: {cure}"
            )
        return (
            f"these are two different sets of {dim}s ({self._some()} and {other._some()}); "
            f"make both from the same regions, or select the same {dim}s first"
        )

    def reindex_like(self, other: WindowIndex) -> dict[Hashable, Any]:
        self.join(other)
        raise AssertionError  # join always raises

    def rename(
        self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]
    ) -> WindowIndex:
        name = self.transform.coord_names[0]
        dim = str(dims_dict.get(self.dim, self.dim))
        return WindowIndex(self.columns, dim, str(name_dict.get(name, name)), self.chosen)

    def to_pandas_index(self) -> pd.Index:
        labels = next(iter(self.transform.generate_coords().values()))
        index: pd.Index[Any] = pd.Index(labels.astype(object), name=self.transform.coord_names[0])
        return index

    def _some(self) -> str:
        first = self.columns.labels(slice(0, 1)).tolist()
        return f"{self.columns.size:,} from {first[0]}" if first else "none"

    def __repr__(self) -> str:
        return f"WindowIndex({self._some()})"

    def _repr_inline_(self, max_width: int) -> str:
        return repr(self)[:max_width]


def window_coords(columns: Columns) -> xr.Coordinates:
    """Coordinates of a dimension `window`: label, contig, start, end, orientation, assembly."""
    index = WindowIndex(columns, "window")
    variables: dict[str, Any] = {
        **index.create_variables(),
        "contig": ("window", columns.contigs),
        "start": ("window", columns.start),
        "end": ("window", columns.end),
        "orientation": ("window", columns.strands),
    }
    if columns.assembly is not None:
        variables["assembly"] = assembly_variable(columns.assembly)
    return xr.Coordinates(variables, indexes={"window": index})


def window_index(obj: xr.Dataset | xr.DataArray) -> WindowIndex:
    """The index of an object's windows or regions.

    Raises
    ------
    RegionError
        When it has none.
    """
    for index in obj.xindexes.values():
        if isinstance(index, WindowIndex):
            return index
    raise RegionError("this object has no windows; make them with ga.windows(obj, regions, width)")


def count_by_contig(obj: xr.Dataset | xr.DataArray, most: int = 100) -> dict[str, int]:
    """Number of windows or regions on each contig that has some; empty without windows.

    Of more contigs than `most` those with most windows are named, the others counted together: an
    assembly may have 100,000 scaffolds.
    """
    index = next((one for one in obj.xindexes.values() if isinstance(one, WindowIndex)), None)
    if index is None:
        return {}
    columns = index.columns
    counts = np.bincount(columns.code, minlength=len(columns.names))
    there = np.flatnonzero(counts)
    named = np.sort(there[np.argsort(-counts[there], kind="stable")[:most]])
    found = {str(columns.names[code]): int(counts[code]) for code in named}
    if rest := int(counts.sum() - counts[named].sum()):
        found[f"{there.size - named.size:,} others"] = rest
    return found
