"""Where do results of many variants go, batch by batch?

A block of rows is filled in any order; the next one comes when it is complete.
To arrays in memory, or to a zarr store that is written beside its place and renamed once it is
complete: one that exists is whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

from genoarrays.errors import StoreError
from genoarrays.options import check_bytes

__all__ = ["InMemory", "InStore"]

Array = npt.NDArray[Any]
_BYTES = 2**24  # of a chunk
_ROWS = 2**16


class InMemory:
    """Results in memory.

    Parameters
    ----------
    labelled
        Coordinates of all rows, along `variant`.
    template
        Variables of no row.

    Raises
    ------
    GenomeError
        When they would pass the byte limit.
    """

    def __init__(self, labelled: xr.Dataset, template: dict[str, xr.Variable]) -> None:
        rows = self.block = labelled.sizes["variant"]
        size = sum(_row_bytes(variable) for variable in template.values())
        check_bytes(
            rows * size, "these effects", "give out=, or fewer scores=, targets= or tracks="
        )
        self._result = labelled.assign(
            {
                name: (v.dims, np.empty((rows, *v.shape[1:]), v.dtype), v.attrs)
                for name, v in template.items()
            }
        )

    def add(self, rows: Array, values: dict[str, Array]) -> None:
        """Some rows."""
        for name, some in values.items():
            self._result[name].values[rows] = some

    def finish(self) -> xr.Dataset:
        """All of them."""
        return self._result

    def discard(self) -> None:
        """Nothing is left anyway."""


class InStore:
    """Results in a zarr store.

    Parameters
    ----------
    path
        Its folder.
    overwrite
        Replace one that exists.
    labelled, template
        As for `InMemory`.

    Raises
    ------
    StoreError
        When it exists, or the folder around it does not.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        overwrite: bool,
        labelled: xr.Dataset,
        template: dict[str, xr.Variable],
    ) -> None:
        self.path = check_free(path, overwrite)
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        rows = labelled.sizes["variant"]
        size = max(_row_bytes(variable) for variable in template.values())
        self.block = max(min(_BYTES // size, _ROWS), 1)
        empty = {
            name: (v.dims, da.zeros((rows, *v.shape[1:]), chunks=-1, dtype=v.dtype), v.attrs)
            for name, v in template.items()
        }
        chunks = {
            name: {"chunks": (min(self.block, max(rows, 1)), *v.shape[1:]), "fill_value": np.nan}
            for name, v in template.items()
        }
        # zarr v3 has a type for text of any length, but none for that of NumPy's fixed width
        texts = {
            name: v.astype(np.dtypes.StringDType())
            for name, v in labelled.coords.items()
            if v.dtype.kind in "UO"
        }
        whole = labelled.assign_coords(texts).assign(empty)
        try:
            whole.to_zarr(
                self._part, compute=False, zarr_format=3, consolidated=False, encoding=chunks
            )
        except BaseException:
            self.discard()
            raise
        group = zarr.open_group(self._part, mode="r+")
        self._arrays: dict[str, Any] = {name: group[name] for name in template}
        self._buffers = {
            name: np.empty((min(self.block, rows), *v.shape[1:]), v.dtype)
            for name, v in template.items()
        }
        self._rows, self._at, self._there = rows, 0, 0

    def add(self, rows: Array, values: dict[str, Array]) -> None:
        """Some rows of the block that is not complete yet, of all variables."""
        for name, some in values.items():
            self._buffers[name][rows - self._at] = some
        self._there += len(rows)
        if self._there == min(self.block, self._rows - self._at):
            for name, buffer in self._buffers.items():
                self._arrays[name][self._at : self._at + self._there] = buffer[: self._there]
            self._at, self._there = self._at + self._there, 0

    def finish(self) -> xr.Dataset:
        """The store, opened."""
        before = self._part.with_suffix(".before")
        if self.path.exists():
            self.path.rename(before)
        self._part.rename(self.path)
        shutil.rmtree(before, ignore_errors=True)
        opened: xr.Dataset = xr.open_zarr(self.path, consolidated=False)
        return opened[list(self._arrays)]  # zarr lists them by name

    def discard(self) -> None:
        """Give up what was begun."""
        shutil.rmtree(self._part, ignore_errors=True)


def check_free(path: str | os.PathLike[str], overwrite: bool) -> Path:
    """The path, where something can be written.

    Raises
    ------
    StoreError
        When something is there, unless it is a zarr store and may be replaced; when the folder
        around it is missing.
    """
    place = Path(path)
    if not place.absolute().parent.is_dir():
        raise StoreError(f"cannot write {place}: there is no folder {place.absolute().parent}")
    if place.exists():
        if not overwrite:
            raise StoreError(f"{place} exists already; give another out=, or overwrite=True")
        if not (place / "zarr.json").is_file():
            raise StoreError(f"{place} is no zarr store, and is not replaced; remove it by hand")
    return place


def _row_bytes(variable: xr.Variable) -> int:
    return int(variable.dtype.itemsize * np.prod(variable.shape[1:], dtype=np.int64))
