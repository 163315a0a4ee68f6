"""What must a file give, to become a lazy array on the genome axis?

A `Source` reads bins of one contig of one file. `FileArray` lays sources on a `GenomeAxis`: it
knows contig ends, regions, steps and contigs that the file lacks, so that no reader has to.
Position is the first dimension; several files are stacked along the last one, one file to a chunk.
Files are opened by path in the process that reads: handles survive neither fork nor pickle.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.files import Stamp
from genoarrays.formats.lazy import Array, Chunks, as_variable
from genoarrays.genome.axis import GenomeAxis, Piece
from genoarrays.genome.index import genome_coords

__all__ = [
    "FileArray",
    "Source",
    "file_dataset",
    "labels",
]

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

    Two more are optional: `stamps`, all files where there are several, and `due(contig)`, how many
    of the things that the source tells to `tally` lie on a contig, so that none gets lost.
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


class FileArray:
    """Sources laid on a genome axis: (position, *source.shape[, file]), or file before the shape.

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
    files_first
        Whether files come before the source's own dimensions, as tracks do before categories.
    """

    def __init__(
        self,
        axis: GenomeAxis,
        sources: Sequence[Source],
        names: Sequence[Mapping[str, str | None]],
        stacked: bool,
        files_first: bool = False,
    ) -> None:
        self.axis = axis
        self.sources = tuple(sources)
        self.names = tuple(dict(some) for some in names)
        self.stacked = stacked
        self.files_first = files_first

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the values."""
        return self.sources[0].dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Positions, sizes of the source's own dimensions, and the number of files."""
        return (self.axis.size, *self._after_position(len(self.sources)))

    def _after_position(self, files: int) -> tuple[int, ...]:
        own = self.sources[0].shape
        if not self.stacked:
            return own
        return (files, *own) if self.files_first else (*own, files)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def grain(self) -> tuple[int, ...]:
        """Chunk lengths along the dimensions after position: one file at a time."""
        return self._after_position(1)

    @property
    def file_axis(self) -> int | None:
        """Number of the dimension along which files are stacked."""
        if not self.stacked:
            return None
        return 1 if self.files_first else self.ndim - 1

    def of_files(self, some: slice) -> FileArray:
        """The same of some of the stacked files."""
        return FileArray(self.axis, self.sources[some], self.names[some], True, self.files_first)

    @property
    def stamps(self) -> list[Stamp]:
        """All files."""
        return [s for source in self.sources for s in getattr(source, "stamps", (source.stamp,))]

    @property
    def name(self) -> str:
        """Deterministic name of these values."""
        from dask.base import tokenize

        return f"{self.sources[0].kind}-{tokenize(self.recipe, self.stamps)}"

    @property
    def recipe(self) -> str | list[str]:
        """Digest of what decides the values, but for size and time of the files.

        One for each file where they are stacked: an array of two files and one of a third have
        those of an array of all three.
        """
        from dask.base import tokenize

        axis = self.axis
        segments = None if axis.is_whole else (axis.code, axis.first, axis.count, axis.step)
        digests = [
            tokenize(
                source.stamp.path, source.token, sorted(names.items()),
                axis.assembly.digest, axis.bin_size, segments,
            )
            for source, names in zip(self.sources, self.names, strict=True)
        ]  # fmt: skip
        return digests if self.stacked else digests[0]

    def __getitem__(self, key: Any) -> Array:
        """Values at slices, integers or integer arrays, one for each dimension (orthogonal)."""
        keys: tuple[Any, ...] = key if isinstance(key, tuple) else (key,)
        where, *rest = keys + (slice(None),) * (self.ndim - len(keys))
        axis, back = self._axis_at(where)
        place = 0 if self.files_first else -1
        which = np.arange(len(self.sources))[rest.pop(place) if self.stacked else 0]
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
        if self.files_first and which.ndim:
            values = np.moveaxis(values, -1, int(isinstance(back, slice) or back.ndim > 0))
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
