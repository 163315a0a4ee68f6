"""Where is a store built, and how does it appear at once?

Beside `x.zarr`, in the hidden folder `.x.zarr.build`: lock, plan, the marker of each finished part,
and the store itself, which is renamed into place when it is complete. Where the system can exchange
two folders (Linux), a store that is replaced is never away; elsewhere it is moved aside first.

A bucket cannot rename. Where nothing is yet, data are written at their final keys, and the commit
marker, which comes last, makes them a store; `x.zarr.build/` beside it holds the rest. A store that
is replaced, or appended to, stays whole until the new one is complete under `x.zarr.build/store/`:
then its marker goes, so that readers stop, the server copies the new keys over, and the new marker
comes last. Whoever comes next completes a replacement that was cut off in the middle.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast
from urllib.parse import urlsplit

from genoarrays.errors import StoreError
from genoarrays.store.bucket import Bucket
from genoarrays.store.layout import MARKER, PLAN
from genoarrays.store.lock import LOCK, Lock
from genoarrays.store.place import Folder, Place, place_of

__all__ = ["BucketSite", "FolderSite", "Site", "site_of"]

_STAGED = "staged"
_REQUESTS = 16  # at once


class FolderSite:
    """A store in a folder."""

    def __init__(self, target: Folder) -> None:
        self.target = target
        self._path = target.path
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
        if self.target.size(MARKER) is None and self.target.size(PLAN) is None:
            raise StoreError(
                f"{self.name} exists, is no complete genoarrays store, and is not replaced; give "
                "another path, or remove it by hand"
            )
        return True

    def prepare(self) -> None:
        """Nothing: the store is built aside."""

    def publish(self) -> None:
        """Give the complete store its name, and remove the build and the store replaced."""
        new = self.build.path / "store"
        for left in new.rglob(".*"):  # of a write that was killed
            left.unlink(missing_ok=True)
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
        for key in (PLAN, "done", "notes", "store"):
            self.build.delete(key)

    def clear(self) -> None:
        """Remove the build and its lock, in one step."""
        gone = self.build.path.with_suffix(f".{os.getpid()}.old")
        self.build.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


class BucketSite:
    """A store in a bucket."""

    def __init__(self, target: Bucket) -> None:
        if not urlsplit(target.url).path.strip("/"):
            raise StoreError(
                f"{target.url} is a bucket; give the store a name: {target.url}/x.zarr"
            )
        self.target = target
        self.build = Bucket(f"{target.url}.build", dict(target.options))
        self._data: Bucket | None = None

    @property
    def name(self) -> str:
        """The store, for messages."""
        return self.target.url

    @property
    def data(self) -> Bucket:
        """Where the data are written: at their final keys, unless a store is there."""
        if self._data is None:
            staged = self.build.size(_STAGED) is not None
            self._data = self.build.at("store") if staged else self.target
        return self._data

    @property
    def _is_staged(self) -> bool:
        return self.data is not self.target

    def check(self) -> bool:
        """Whether a store is there; a replacement that was cut off is completed first.

        Raises
        ------
        StoreError
            When something else is there, the bucket is missing or cannot be reached.
        """
        if self.target.size(MARKER) is not None:
            return True
        if self._is_staged and self.data.size(MARKER) is not None:
            with Lock(self.build, self.name) as lock:
                self.publish()
                lock.stop()
                self.clear()
            return True
        if next(self.target.list(), None) is not None and self.build.size(PLAN) is None:
            raise StoreError(
                f"{self.name} exists, is no complete genoarrays store, and is not replaced; give "
                "another URL, or remove it by hand"
            )
        return False

    def prepare(self) -> None:
        """Decide where the data will lie, before the plan is written.

        Raises
        ------
        StoreError
            When something else is there, which the data would mix with.
        """
        there = self.check()
        self.discard()
        if there:
            self.build.write(_STAGED, b"")
        self._data = None

    def publish(self) -> None:
        """Copy the complete store over the one that is there, if there is one."""
        if not self._is_staged:
            return
        new = set(self.data.list())
        self.target.delete(MARKER)
        with ThreadPoolExecutor(_REQUESTS) as pool:
            list(pool.map(lambda key: self.target.adopt(key, self.data), new - {MARKER}))
        self.target.drop(set(self.target.list()) - new)
        self.target.adopt(MARKER, self.data)

    def discard(self) -> None:
        """Give up what was begun; the lock stays."""
        if not self._is_staged and self.target.size(MARKER) is None:
            self.target.delete("")
        keys = set(self.build.list()) - {LOCK}
        self.build.drop(keys & {PLAN})  # without a plan the rest means nothing
        self.build.drop(keys - {PLAN})
        self._data = None

    def clear(self) -> None:
        """Remove the build and its lock."""
        self.discard()
        self.build.delete(LOCK)


Site = FolderSite | BucketSite


def site_of(path: str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None) -> Site:
    """Site of a store."""
    place = place_of(path, storage_options)
    return BucketSite(place) if isinstance(place, Bucket) else FolderSite(cast(Folder, place))


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
