"""Where is a store built, and how does it appear at once?

Beside `x.zarr`, in the hidden folder `.x.zarr.build`: lock, plan, the marker of each finished part,
and the store itself, which is renamed into place when it is complete. Where the system can exchange
two folders (Linux), a store that is replaced is never away; elsewhere it is moved aside first.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from typing import Any

from genoarrays.errors import StoreError
from genoarrays.store.layout import MARKER, PLAN
from genoarrays.store.place import Folder, Place

__all__ = ["FolderSite", "Site", "site_of"]


class FolderSite:
    """A store in a folder."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.target = Folder(path)
        self._path = self.target.path
        self.build = Folder(self._path.parent / f".{self._path.name}.build")
        self.data: Place = self.build.at("store")

    @property
    def name(self) -> str:
        """The store, for messages."""
        return str(self._path)

    def check(self) -> bool:
        """Whether a store is there.

        Raises
        ------
        StoreError
            When something else is in the way, or the folder around it is missing.
        """
        if not self._path.parent.is_dir():
            raise StoreError(
                f"{self.name}: the directory {self._path.parent} does not exist; create it first"
            )
        if not self._path.exists():
            return False
        if self.target.size(MARKER) is None:
            raise StoreError(
                f"{self.name} exists, is no complete genoarrays store, and is not replaced; give "
                "another path, or remove it by hand"
            )
        return True

    def publish(self) -> None:
        """Give the complete store its name, and remove the build and the store replaced."""
        new = self.build.path / "store"
        if not self._path.exists():
            new.rename(self._path)
        elif not _exchange(os.fspath(new), os.fspath(self._path)):
            aside = self.build.path / "replaced"
            self._path.rename(aside)
            try:
                new.rename(self._path)
            except OSError:
                aside.rename(self._path)
                raise

    def discard(self) -> None:
        """Give up what was begun; the lock stays."""
        for key in (PLAN, "done", "store"):
            self.build.delete(key)

    def clear(self) -> None:
        """Remove the build and its lock, in one step."""
        gone = self.build.path.with_suffix(f".{os.getpid()}.old")
        self.build.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


Site = FolderSite


def site_of(path: Any) -> Site:
    """Site of a store."""
    return FolderSite(path)


_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def _exchange(one: str, other: str) -> bool:
    """Exchange two folders in one step; False where the system or file system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return bool(
        rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0
    )
