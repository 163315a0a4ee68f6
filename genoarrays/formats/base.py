"""What must a file give, to become a lazy array on the genome axis?

A `Source` reads bins of one contig of one file. `FileArray` lays sources on a `GenomeAxis`: it
knows contig ends, regions, steps and contigs that the file lacks, so that no reader has to.
Position is the first dimension; several files are stacked along the last one, one file to a chunk.
Files are opened by path in the process that reads: handles survive neither fork nor pickle.

With `chunks=None` the array is lazy without dask (xarray's own indexing), else a dask array whose
name is a digest of path, size, time and options: opening the same file twice gives the same keys.
`origin` leads from such an array back to what it reads, for those who want positions, not chunks.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from genoarrays.errors import GenomeError
from genoarrays.formats.files import Stamp
from genoarrays.genome.axis import GenomeAxis, Piece
from genoarrays.genome.index import genome_coords
from genoarrays.options import current

__all__ = [
    "FileArray",
    "LazyArray",
    "Source",
    "as_variable",
    "labels",
    "origin",
]

Array = npt.NDArray[Any]
Chunks = int | str | Mapping[str, Any] | None
_BLOCK = 2**22  # bins a source reads at once: bounds what it needs besides the result


class Source(Protocol):
    """One file, read by contig.

    Attributes
    ----------
    kind
        Start of dask names: "bam".
    stamp
        The file.
    token
        What else decides the values: options, as plain values.
    dtype, shape
        Of a bin: `()` for a number, `(2,)` for both strands.
    fill
        Value where there is no data.
    """

    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def stamp(self) -> Stamp: ...  # noqa: D102
    @property
    def token(self) -> Hashable: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def fill(self) -> float: ...  # noqa: D102

    def read(self, contig: str, start: int, end: int) -> Array:
        """Bins that cover [start, end) of a contig, by the file's own name: (bins, *shape).

        `start` is the start of a bin; `end` is the end of one or of the contig. A contig that the
        file lacks reads as `fill`.
        """
        ...


class LazyArray(Protocol):
    """Picklable array-like with position first that reads what is asked."""

    @property
    def shape(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102
    @property
    def ndim(self) -> int: ...  # noqa: D102

    def __getitem__(self, key: Any) -> Array:
        """Values at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        ...


class FileArray:
    """Sources laid on a genome axis: (position, *source.shape[, file]).

    Parameters
    ----------
    axis
        The genome axis; its bins are those of the sources.
    sources
        One per file; same dtype and shape.
    names
        For each source, its own name of a contig where that is another one than the axis', or None
        where it has none.
    stacked
        Whether files are a dimension; False is for exactly one.
    """

    def __init__(
        self,
        axis: GenomeAxis,
        sources: Sequence[Source],
        names: Sequence[Mapping[str, str | None]],
        stacked: bool,
    ) -> None:
        self.axis = axis
        self.sources = tuple(sources)
        self.names = tuple(dict(some) for some in names)
        self.stacked = stacked

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.sources[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions, sizes of the source's own dimensions, and the number of files."""
        files = (len(self.sources),) if self.stacked else ()
        return (self.axis.size, *self.sources[0].shape, *files)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def grain(self) -> tuple[int, ...]:
        """Chunk lengths along the dimensions after position: one file at a time."""
        return (*self.sources[0].shape, *((1,) if self.stacked else ()))

    @property
    def name(self) -> str:
        """Deterministic name of these values."""
        from dask.base import tokenize

        axis = self.axis
        segments = None if axis.is_whole else (axis.code, axis.first, axis.count, axis.step)
        files = [(*source.stamp, source.token) for source in self.sources]
        names = [sorted(some.items()) for some in self.names]
        digest = tokenize(files, names, axis.assembly.digest, axis.bin_size, segments)
        return f"{self.sources[0].kind}-{digest}"

    def __getitem__(self, key: Any) -> Array:
        """Values at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        keys: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        where, *rest = keys + (slice(None),) * (self.ndim - len(keys))
        axis, back = self._axis_at(where)
        which = np.arange(len(self.sources))[rest.pop() if self.stacked else 0]
        files = [self._read(int(number), axis) for number in which.reshape(-1)]
        if len(files) == 1:
            values = files[0][..., np.newaxis]
        else:
            values = np.empty((axis.size, *self.sources[0].shape, len(files)), dtype=self.dtype)
            for column, one in enumerate(files):
                values[..., column] = one
        taken = [back, *rest, slice(None) if which.ndim else 0]
        for dim in reversed(range(len(taken))):
            values = values[(slice(None),) * dim + (taken[dim],)]
        return values

    def _axis_at(self, where: Any) -> tuple[GenomeAxis, Any]:
        """The axis to read, and how to take what was asked from the values read."""
        if isinstance(where, slice):
            whole = where.indices(self.axis.size) == (0, self.axis.size, 1)
            return self.axis if whole else self.axis[where], slice(None)
        positions, size = np.asarray(where), self.axis.size
        if ((positions < -size) | (positions >= size)).any():
            raise IndexError(f"a position is outside of the {size:,} positions of this array")
        unique, back = np.unique(positions % max(size, 1), return_inverse=True)
        return self.axis[unique], back.reshape(positions.shape)

    def _read(self, number: int, axis: GenomeAxis) -> Array:
        source, names = self.sources[number], self.names[number]
        parts = []
        for piece in axis.pieces():
            contig = names.get(piece.contig, piece.contig)
            length = axis.assembly.length(piece.contig)
            block = max(_BLOCK // abs(piece.step), 1)
            for at in range(0, piece.count, block):
                count = min(block, piece.count - at)
                part = piece._replace(first=piece.first + at * piece.step, count=count)
                if contig is None:
                    parts.append(np.full((count, *source.shape), source.fill, dtype=source.dtype))
                else:
                    parts.append(_read_bins(source, contig, length, part, axis.bin_size))
        if len(parts) == 1 and parts[0].flags.writeable:
            return parts[0]  # a copy of a chunk of reads costs as much as its zeros
        return np.concatenate([np.empty((0, *source.shape), source.dtype), *parts])


def _read_bins(source: Source, contig: str, length: int, piece: Piece, bin_size: int) -> Array:
    last = piece.first + (piece.count - 1) * piece.step
    low, high = min(piece.first, last), max(piece.first, last) + 1
    values = source.read(contig, low * bin_size, min(high * bin_size, length))
    if len(values) != high - low:
        raise GenomeError(
            f"{source.stamp.path}: {contig}:{low * bin_size}-{high * bin_size} gave "
            f"{len(values):,} bins where {high - low:,} were due; report this"
        )
    return values[:: piece.step]


class _Lazy(BackendArray):
    """What xarray's lazy indexing needs of an array."""

    def __init__(self, array: LazyArray) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER, self.array.__getitem__
        )


_sources: WeakValueDictionary[str, Any] = WeakValueDictionary()


def origin(obj: Any) -> LazyArray | None:
    """What an opened array reads from, if nothing was done to it since.

    Parameters
    ----------
    obj
        dask array, xarray Variable or DataArray.

    Returns
    -------
    LazyArray or None
        None for anything that was indexed, computed, renamed or transposed, or that came from
        another process.
    """
    data = getattr(obj, "variable", obj)
    if isinstance(data, xr.Variable):
        data = data._data
    if isinstance(data, indexing.LazilyIndexedArray):
        untouched = all(isinstance(k, slice) and k == slice(None) for k in data.key.tuple)
        return data.array.array if untouched and isinstance(data.array, _Lazy) else None
    name = getattr(data, "name", None)
    return _sources.get(name) if isinstance(name, str) else None


def as_variable(
    array: LazyArray,
    dims: Sequence[str],
    chunks: Chunks = "auto",
    *,
    name: str,
    grain: Sequence[int] | None = None,
    multiple: int = 1,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Variable:
    """Make a lazy variable of an array that reads files.

    Parameters
    ----------
    array
        Position first.
    dims
        Names of its dimensions.
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`; a number of positions; lengths by
        dimension; None: lazy without dask.
    name
        Deterministic name of the values.
    grain
        Chunk lengths along the other dimensions; None is their whole length.
    multiple
        Automatic chunks are whole multiples of so many positions.
    attrs
        Attributes.

    Returns
    -------
    xr.Variable
        `encoding["preferred_chunks"]` holds the automatic chunks, so that `chunks={}` of
        `xr.open_dataset` means them.

    Raises
    ------
    GenomeError
        For chunks that are none of these.
    """
    lengths = tuple(array.shape[1:] if grain is None else grain)
    cell = array.dtype.itemsize * int(np.prod(lengths, dtype=np.int64))
    positions = max(current().chunk_bytes // max(cell, 1) // multiple * multiple, multiple)
    preferred = dict(zip(dims, (min(positions, max(array.shape[0], 1)), *lengths), strict=True))
    encoding = {"preferred_chunks": preferred}
    if chunks is None:
        lazy = indexing.LazilyIndexedArray(_Lazy(array))
        return xr.Variable(dims, lazy, attrs, encoding)
    import dask.array as da
    from dask.base import tokenize

    sizes = dict(zip(dims, array.shape, strict=True))
    lengths_by_dim = _chunk_lengths(chunks, preferred, sizes)
    data = da.from_array(
        array,
        chunks=tuple(lengths_by_dim[dim] for dim in dims),
        name=f"{name}-{tokenize(lengths_by_dim)[:8]}",
        meta=np.empty((0,) * array.ndim, dtype=array.dtype),
    )
    _sources[data.name] = array
    return xr.Variable(dims, data, attrs, encoding)


def _chunk_lengths(
    chunks: int | str | Mapping[str, Any], preferred: dict[str, int], sizes: dict[str, int]
) -> dict[str, Any]:
    if isinstance(chunks, str) and chunks == "auto":
        return preferred
    if isinstance(chunks, int) and not isinstance(chunks, bool):
        chunks = {next(iter(preferred)): chunks}
    unknown = set(chunks) - set(preferred) if isinstance(chunks, Mapping) else set()
    if unknown or not isinstance(chunks, Mapping):
        which = f" ({', '.join(map(repr, unknown))} is no dimension)" if unknown else ""
        raise GenomeError(
            f"chunks={chunks!r} is not possible{which}; give 'auto', None, a number of positions, "
            f"or lengths by dimension such as {preferred}"
        )
    given = {dim: preferred[dim] if n == "auto" else n for dim, n in chunks.items()}
    return {**preferred, **{dim: sizes[dim] if n in (-1, None) else n for dim, n in given.items()}}


def labels(names: Sequence[str]) -> npt.NDArray[Any]:
    """Labels of a dimension, as strings of any length (zarr has no stable type for `<U`)."""
    return np.array(list(names), dtype=np.dtypes.StringDType())


def file_dataset(
    arrays: Mapping[str, FileArray],
    coords: Mapping[str, Sequence[str]],
    chunks: Chunks,
    attrs: Mapping[str, Mapping[str, Any]],
) -> xr.Dataset:
    """Dataset of file arrays on one axis.

    Parameters
    ----------
    arrays
        By variable name.
    coords
        Labels of the dimensions after position, in order.
    chunks
        As in `as_variable`.
    attrs
        Attributes by variable name.

    Returns
    -------
    xr.Dataset
        (position, *coords), with the genome coordinates.
    """
    variables = {
        name: as_variable(
            array,
            ("position", *coords)[: array.ndim],
            chunks,
            name=array.name,
            grain=array.grain,
            attrs=attrs[name],
        )
        for name, array in arrays.items()
    }
    axis = next(iter(arrays.values())).axis
    shown = {dim: (dim, labels(names)) for dim, names in coords.items()}
    return xr.Dataset(variables, genome_coords(axis)).assign_coords(shown)
