"""How does something that reads files become a lazy variable?

With `chunks=None` the array is lazy without dask (xarray's own indexing), else a dask array whose
name is a digest of path, size, time and options: opening the same file twice gives the same keys.
`origin` leads from such an array back to what it reads, for those who want positions, not chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from genoarrays.errors import GenomeError
from genoarrays.options import current

__all__ = ["Array", "Chunks", "LazyArray", "as_variable", "find_source", "origin", "selection"]

Array = npt.NDArray[Any]
Chunks = int | str | Mapping[str, Any] | None


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


def find_source(name: str) -> LazyArray | None:
    """What the dask array of a name reads, if it was opened in this process and is still used."""
    return _sources.get(name)


def selection(
    obj: Any, candidates: Callable[[LazyArray], Iterable[tuple[Any, ...]]]
) -> tuple[LazyArray, tuple[Any, ...]] | None:
    """What an opened array reads from, and which part, if it was selected from at most once.

    Parameters
    ----------
    obj
        xarray Variable or DataArray.
    candidates
        Keys that may have been used. dask keeps none, but a name that follows from array and key:
        a key that gives the same name was the one.

    Returns
    -------
    (LazyArray, tuple) or None
        The key has an entry for each dimension. None for anything else, as `origin`.
    """
    data = getattr(obj, "variable", obj)._data
    if isinstance(data, indexing.LazilyIndexedArray):
        return (data.array.array, data.key.tuple) if isinstance(data.array, _Lazy) else None
    layers = getattr(getattr(data, "dask", None), "layers", ())
    found = [(layer, source) for layer in layers if (source := find_source(layer)) is not None]
    if len(found) != 1:
        return None
    import dask.array as da

    layer, source = found[0]
    whole = (slice(None),) * source.ndim
    if data.name == layer:
        return source, whole
    same = da.Array({}, layer, tuple((n,) for n in source.shape), source.dtype)  # only its name
    keys = (key for key in candidates(source) if same[key].name == data.name)
    key = next(keys, None)
    return None if key is None else (source, key)


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
    full_name = f"{name}-{tokenize(lengths_by_dim)[:8]}"
    array = _sources.setdefault(full_name, array)  # opened twice: known as long as one is used
    data = da.from_array(
        array,
        chunks=tuple(lengths_by_dim[dim] for dim in dims),
        name=full_name,
        meta=np.empty((0,) * array.ndim, dtype=array.dtype),
    )
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
