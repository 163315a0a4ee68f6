"""How does xarray find a place on the genome axis?

Two indexes share the dimension `position`: `PositionIndex` on the coordinate `position` (first base
of the bin) and `ContigIndex` on `contig`, each computing its labels from one `GenomeAxis`. One
index over both coordinates would make `ds["y"] = np.log1p(ds.x)` and `assign` raise ("cannot remove
coordinate(s) 'contig'"), and plain lazy labels without an index make arithmetic compare all labels
(2.3 s for hg38).

The scalar coordinate `assembly` carries name and digest, so that a conflict shows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexing import CoordinateTransformIndexingAdapter, IndexSelResult
from xarray.indexes import CoordinateTransform, CoordinateTransformIndex

from genoarrays.errors import AssemblyError, GenomeError, RegionError
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.region import Region, region
from genoarrays.genome.segments import contig_names, join_runs
from genoarrays.options import check_bytes

__all__ = [
    "ContigIndex",
    "GenomeIndex",
    "PositionIndex",
    "axis_of",
    "bin_size_of",
    "genome_coords",
    "with_axis",
]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
_CURE = (
    "select a region first, or take what needs no labels: ga.coarsen, ga.rolling, ga.regrid, "
    "ga.reduce_regions, ga.map_contigs"
)
_ATTRS: dict[str, dict[str, str]] = {
    "position": {"long_name": "first base of the bin, 0-based", "units": "bp"},
    "contig": {"long_name": "contig"},
}


class _Labels(CoordinateTransform):
    """Labels of one coordinate, computed from the axis for the positions asked."""

    def __init__(self, axis: GenomeAxis, name: str, dim: str) -> None:
        dtype = np.dtypes.StringDType() if name == "contig" else np.dtype(np.int64)
        super().__init__((name,), {dim: axis.size}, dtype)
        self.axis = axis
        self.kind = name

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        positions = np.asarray(dim_positions[self.dims[0]])
        check_bytes(positions.size * 24, f"the labels of {self.kind!r}", _CURE)
        code, bins = self.axis.at(positions)
        values = (
            contig_names(self.axis.assembly)[code]
            if self.kind == "contig"
            else bins * self.axis.bin_size
        )
        return {self.coord_names[0]: values}

    def generate_coords(self, dims: tuple[str, ...] | None = None) -> dict[Hashable, Any]:
        check_bytes(self.axis.size * 24, f"the labels of {self.kind!r}", _CURE)
        return self.forward({self.dims[0]: np.arange(self.axis.size)})

    def equals(self, other: CoordinateTransform, **_: Any) -> bool:
        return isinstance(other, _Labels) and self.kind == other.kind and self.axis == other.axis


class _LazyLabels(CoordinateTransformIndexingAdapter):
    """The lazy coordinate array; checks the byte limit before positions are listed."""

    def _oindex_get(self, indexer: Any) -> Any:
        size = (
            len(range(*key.indices(self.shape[0])))
            if isinstance(key := indexer.tuple[0], slice)
            else np.size(key)
        )
        check_bytes(size * 24, f"the labels of {self._coord_name!r}", _CURE)
        return super()._oindex_get(indexer)


class _Labelling(xr.Variable):
    """A coordinate whose labels are computed when looked at, and never kept.

    Like xarray's IndexVariable, it takes no part in `load` and `chunk`: `ds.compute()` would build
    25 GB of labels for hg38, and `ds.equals` compares the axes instead.
    """

    __slots__ = ()

    def load(self, **_: Any) -> _Labelling:
        return self

    async def load_async(self, **_: Any) -> _Labelling:
        return self

    def chunk(self, *_: Any, **__: Any) -> _Labelling:
        return self.copy(deep=False)

    def __dask_tokenize__(self) -> object:
        labels = getattr(self._data, "_transform", None)
        if isinstance(labels, _Labels):
            return type(self).__name__, self._dims, labels.kind, labels.axis.__reduce__()[1]
        return super().__dask_tokenize__()

    def equals(self, other: Any, equiv: Any = None) -> bool:
        mine, theirs = self._data, getattr(other, "_data", None)
        if isinstance(mine, _LazyLabels) and isinstance(theirs, _LazyLabels):
            return self.dims == other.dims and mine._transform.equals(theirs._transform)
        options = {} if equiv is None else {"equiv": equiv}
        return bool(super().equals(other, **options))  # type: ignore[no-untyped-call]


class GenomeIndex(CoordinateTransformIndex):
    """What `PositionIndex` and `ContigIndex` share: labels computed from a `GenomeAxis`.

    Parameters
    ----------
    axis
        The genome axis.
    name, dim
        Names of the coordinate and of its dimension.
    """

    kind = ""
    transform: _Labels

    def __init__(self, axis: GenomeAxis, name: str | None = None, dim: str = "position") -> None:
        labels = _Labels(axis, self.kind, dim)
        labels.coord_names = (name or self.kind,)
        super().__init__(labels)

    @property
    def axis(self) -> GenomeAxis:
        """The genome axis."""
        return self.transform.axis

    @property
    def dim(self) -> str:
        """Name of the dimension."""
        return self.transform.dims[0]

    @property
    def name(self) -> str:
        """Name of the coordinate."""
        return str(self.transform.coord_names[0])

    def _new(self, axis: GenomeAxis) -> GenomeIndex:
        return type(self)(axis, self.name, self.dim)

    def create_variables(
        self, variables: Mapping[Any, xr.Variable] | None = None
    ) -> dict[Any, xr.Variable]:
        old = (variables or {}).get(self.name)
        attrs = _ATTRS[self.kind] if old is None else old.attrs
        data = _LazyLabels(self.transform, self.name, self.transform.dims)
        return {self.name: _Labelling(self.transform.dims, data, attrs=attrs)}

    def isel(self, indexers: Mapping[Any, Any]) -> GenomeIndex | None:
        key = indexers[self.dim]
        if isinstance(key, xr.Variable):
            if key.dims != (self.dim,):
                return None
            key = key.values
        if np.ndim(key) == 0 and not isinstance(key, slice):
            return None
        return self._new(self.axis[key])

    def rename(
        self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]
    ) -> GenomeIndex:
        name, dim = name_dict.get(self.name, self.name), dims_dict.get(self.dim, self.dim)
        return type(self)(self.axis, str(name), str(dim))

    @classmethod
    def concat(
        cls,
        indexes: Sequence[GenomeIndex],
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> GenomeIndex:
        axis = GenomeAxis.concat([index.axis for index in indexes])
        if positions is not None:
            axis = axis[np.argsort(np.concatenate([np.asarray(list(p)) for p in positions]))]
        return indexes[0]._new(axis)

    def join(self, other: GenomeIndex, how: str = "inner") -> GenomeIndex:
        if how != "inner":
            self.axis.check_compatible(other.axis, "cannot align")
            raise GenomeError(
                f"a {how} join of two genome axes is refused: it would build every label; "
                'use join="inner" or join="exact", or xr.concat disjoint pieces along "position"'
            )
        return self._new(self.axis.intersect(other.axis))

    def reindex_like(self, other: GenomeIndex) -> dict[Hashable, Any]:
        self.axis.check_compatible(other.axis, "cannot align")
        check_bytes(other.axis.size * 24, "this alignment", "align contig by contig")
        return {self.dim: self.axis.locate(*other.axis.at(np.arange(other.axis.size)))}

    def to_pandas_index(self) -> pd.Index:
        values = next(iter(self.transform.generate_coords().values()))
        plain = values.astype(object) if self.kind == "contig" else values
        index: pd.Index[Any] = pd.Index(plain, name=self.name)
        return index

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.axis!r})"

    def _repr_inline_(self, max_width: int) -> str:
        return f"{type(self).__name__}({self.axis.size:,} of {self.axis.assembly.name})"[:max_width]


class PositionIndex(GenomeIndex):
    """Finds regions: `ds.sel(position="chr2:1,000-2,000")`, 0-based and half-open.

    A label is a region string, a list or array of them (laid end to end), or, once a single contig
    is left, a slice of bp or one base. On a binned axis every bin that overlaps is given.

    Regions that follow each other on the axis are a slice, which costs nothing. Others become an
    array of positions: 30 Mb of 100 Mb take 0.6 s and 0.3 GB in memory, but 5 to 12 s and 2 to 3.5
    GB where arrays are lazy, for dask makes a Python number of each position. There join pieces:
    `xr.concat([ds.sel(position=one) for one in regions], "position")`, 0.03 s for two contigs.
    """

    kind = "position"

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> IndexSelResult:
        _no_method(method, tolerance)
        return IndexSelResult({self.dim: self._find(labels[self.name])})

    def _find(self, label: Any) -> Any:
        if isinstance(label, (str, Region)):
            return join_runs(self._runs(label))
        if isinstance(label, slice):
            contig = self._only_contig(f"slice({label.start}, {label.stop})")
            if label.step is not None:
                raise RegionError("a slice of bp has no step; use isel, or ga.coarsen to bin")
            start = 0 if label.start is None else _integer(label.start)
            end = None if label.stop is None else _integer(label.stop)
            return join_runs(self._runs(Region(contig, start, end)))
        if isinstance(label, xr.Dataset):
            raise RegionError("a table has more than labels; write sel(position=table.region)")
        if isinstance(label, (xr.DataArray, xr.Variable)) and label.ndim == 0:
            label = label.values
        if np.ndim(label) == 0:
            base = _integer(label.item() if isinstance(label, np.ndarray) else label)
            return self._runs(Region(self._only_contig(repr(base)), base, base + 1))[0].start
        texts = np.asarray(label).reshape(-1).tolist()
        return join_runs([run for text in texts for run in self._runs(text)])

    def _runs(self, asked: str | Region) -> list[slice]:
        if isinstance(asked, str):
            asked = region(asked, contigs=self.axis.assembly)
        if not isinstance(asked, Region):
            raise RegionError(f"{asked!r} is not a region; write for example 'chr2:1,000-2,000'")
        found = self.axis.find(asked.contig, asked.start, asked.end)
        if not found:
            raise RegionError(
                f"{asked} is on {self.axis.assembly.name!r}, but not among the regions that this "
                f"object holds ({self.axis!r})"
            )
        return found

    def _only_contig(self, asked: str) -> str:
        contigs = self.axis.contigs
        if len(contigs) != 1:
            raise RegionError(
                f"position={asked} is ambiguous: {len(contigs):,} contigs have it; write "
                f"sel(position='{contigs[0] if contigs else 'chr1'}:1,000-2,000'), or select a "
                "contig first: sel(contig=...).sel(position=slice(1000, 2000))"
            )
        return contigs[0]


class ContigIndex(GenomeIndex):
    """Finds whole contigs: `ds.sel(contig="chr2")` or a list of names.

    A list of contigs that are no neighbors on the axis costs what a list of regions does, see
    `PositionIndex`; where arrays are lazy, join them:
    `xr.concat([ds.sel(contig=one) for one in contigs], "position")`.
    """

    kind = "contig"

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> IndexSelResult:
        _no_method(method, tolerance)
        label = labels[self.name]
        if isinstance(label, slice):
            raise RegionError("contigs are selected by name or by a list of names, not by a slice")
        names = np.asarray(label).reshape(-1).tolist()
        found = self.axis.of_contigs(names)
        if names and isinstance(found, slice) and found.start == found.stop:
            raise RegionError(f"contig {names[0]!r} is not among those that this object holds")
        return IndexSelResult({self.dim: found})


def _no_method(method: Any, tolerance: Any) -> None:
    if method is not None or tolerance is not None:
        raise RegionError("method= and tolerance= mean nothing on a genome axis; name the region")


def _integer(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise RegionError(f"{value!r} is not a position; positions are whole numbers of bp")
    return int(value)


def genome_coords(assembly: Assembly | GenomeAxis, bin_size: int = 1) -> xr.Coordinates:
    """Coordinates that put a dimension `position` on a genome.

    Parameters
    ----------
    assembly
        The genome, for an axis over all of it; or an axis (then `bin_size` is the axis' own).
    bin_size
        bp per position; the last bin of a contig may be shorter.

    Returns
    -------
    xr.Coordinates
        `position` (int64, first base of the bin, 0-based) and `contig` (names), computed when
        looked at, with their indexes; and the scalar `assembly`.

    Examples
    --------
    >>> import numpy as np, xarray as xr, genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 6, "chr2": 4})
    >>> x = xr.DataArray(np.arange(10), coords=ga.genome_coords(toy), dims="position")
    >>> x.sel(position="chr2:1-3").values
    array([7, 8])
    """
    axis = assembly if isinstance(assembly, GenomeAxis) else GenomeAxis(assembly, bin_size)
    position, contig = PositionIndex(axis), ContigIndex(axis)
    return xr.Coordinates(
        {
            **position.create_variables(),
            **contig.create_variables(),
            "assembly": assembly_variable(axis.assembly),
        },
        indexes={"position": position, "contig": contig},
    )


def assembly_variable(assembly: Assembly) -> xr.Variable:
    """Scalar coordinate that shows which genome this is; its value is the digest."""
    attrs = {"name": assembly.name, "digest": assembly.digest}
    return xr.Variable((), np.array(assembly.digest), attrs=attrs)


def with_axis(obj: Xarray, axis: GenomeAxis) -> Xarray:
    """Put an object with a dimension `position` on another axis of the same size."""
    drop = [name for name in ("position", "contig", "assembly") if name in obj.coords]
    return obj.drop_vars(drop).assign_coords(genome_coords(axis))


def axis_of(obj: xr.Dataset | xr.DataArray) -> GenomeAxis:
    """Genome axis of an object.

    Raises
    ------
    AssemblyError
        When it has none.
    """
    for index in obj.xindexes.values():
        if isinstance(index, GenomeIndex):
            return index.axis
    raise AssemblyError(
        "this object has no genome axis; open it with ga.open_*, or attach one with "
        "obj.assign_coords(ga.genome_coords(assembly, bin_size))"
    )


def bin_size_of(obj: xr.Dataset | xr.DataArray) -> int:
    """Bp per position of an object on a genome axis.

    Raises
    ------
    AssemblyError
        When it has no genome axis.
    """
    return axis_of(obj).bin_size
