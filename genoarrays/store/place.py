"""Where do the bytes of a store lie?

A place holds named bytes (keys such as "1bp/dna/c/3"). A folder gives what a store needs of a file
system: a key is there completely or not at all, also after a crash, and `create` succeeds for one
of many writers. A bucket (see `bucket.py`) gives the same by URL.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from genoarrays.errors import StoreError
from genoarrays.store.bucket import Bucket, is_url

__all__ = ["Folder", "Place", "place_of"]


class Place(Protocol):
    """Named bytes; picklable, and usable by several threads."""

    @property
    def url(self) -> str: ...  # noqa: D102

    def read(self, key: str) -> bytes:
        """All bytes of a key; FileNotFoundError when it is not there."""
        ...

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of a key; a negative start counts from the end."""
        ...

    def read_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a key at several (start, length)."""
        ...

    def size(self, key: str) -> int | None:
        """Bytes of a key, None when it is not there."""
        ...

    def stamp(self, key: str) -> Any:
        """What changes whenever the key is written anew, None when it is not there."""
        ...

    def write(self, key: str, content: bytes | Iterable[bytes]) -> None:
        """Write a key as a whole, replacing one that is there; bytes, or pieces as they come."""
        ...

    def create(self, key: str, content: bytes) -> bool:
        """Write a key unless it is there; whether this caller did."""
        ...

    def adopt(self, key: str, other: Any) -> None:
        """Have a key of another place of the same kind here too, without reading it."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key, or all keys below it; nothing happens where there is none."""
        ...

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that lie below a prefix, in no order."""
        ...

    def zarr_store(self, *, read_only: bool = False) -> Any:
        """The same bytes as zarr sees them."""
        ...

    def at(self, key: str) -> Place:
        """The place below a key."""
        ...


class Folder:
    """A folder of the local, or a network, file system.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as there:
    ...     place = Folder(there)
    ...     place.write("a/b", b"12345")
    ...     place.read_range("a/b", -2, 2), place.size("a/b"), list(place.list())
    (b'45', 5, ['a/b'])
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(os.fspath(path))))

    def __repr__(self) -> str:
        return f"Folder({os.fspath(self.path)!r})"

    @property
    def url(self) -> str:
        """The path."""
        return os.fspath(self.path)

    def read(self, key: str) -> bytes:
        """All bytes of a key."""
        return (self.path / key).read_bytes()

    def read_range(self, key: str, start: int, length: int) -> bytes:
        """Some bytes of a key."""
        with open(self.path / key, "rb", buffering=0) as file:
            if start < 0:
                start += os.fstat(file.fileno()).st_size
            return os.pread(file.fileno(), length, max(start, 0))

    def read_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Bytes of a key at several (start, length)."""
        with open(self.path / key, "rb", buffering=0) as file:
            return [os.pread(file.fileno(), length, start) for start, length in ranges]

    def size(self, key: str) -> int | None:
        """Bytes of a key."""
        try:
            return (self.path / key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def stamp(self, key: str) -> Any:
        """Inode, size and time of a key."""
        try:
            info = (self.path / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return info.st_ino, info.st_size, info.st_mtime_ns

    def write(self, key: str, content: bytes | Iterable[bytes]) -> None:
        """Write to a temporary file, force it to disk, rename."""
        target = self.path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        # the name starts with a dot: an interrupted write is no key
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(handle, "wb") as file:
                for piece in [content] if isinstance(content, bytes) else content:
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def create(self, key: str, content: bytes) -> bool:
        """Write a key unless it is there, by a hard link: one of many writers succeeds."""
        target = self.path / key
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with open(handle, "wb") as file:
                file.write(content)
            os.link(name, target)
        except FileExistsError:
            return False
        finally:
            Path(name).unlink(missing_ok=True)
        return True

    def adopt(self, key: str, other: Folder) -> None:
        """A hard link, or a copy where the file system has none."""
        source, target = other.path / key, self.path / key
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileExistsError:
            return
        except OSError:
            self.write(key, source.read_bytes())

    def delete(self, key: str) -> None:
        """Remove a file or a folder."""
        target = self.path / key
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        """Files below a folder, without hidden ones."""
        for folder, folders, files in os.walk(self.path / prefix):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if not name.startswith("."):
                    yield os.path.relpath(os.path.join(folder, name), self.path)

    def zarr_store(self, *, read_only: bool = False) -> Any:
        """A zarr LocalStore."""
        from zarr.storage import LocalStore

        return LocalStore(self.path, read_only=read_only)

    def at(self, key: str) -> Folder:
        """A folder inside."""
        return Folder(self.path / key)


def place_of(
    path: Place | str | os.PathLike[str], storage_options: Mapping[str, Any] | None = None
) -> Place:
    """Where the bytes of a store lie: a folder, or a bucket by its URL.

    Raises
    ------
    StoreError
        For options that go with a folder.
    """
    if not isinstance(path, (str, os.PathLike)):
        return path
    if isinstance(path, str) and is_url(path) and not path.startswith("file://"):
        return Bucket(path, storage_options)
    if storage_options:
        raise StoreError(
            f"{os.fspath(path)}: storage_options= are for URLs such as s3://bucket/x.zarr; leave "
            "them out, or give a URL"
        )
    if isinstance(path, str) and path.startswith("file://"):
        return Folder(unquote(urlsplit(path).path))
    return Folder(path)


_mask: int | None = None


def _umask() -> int:
    """The process' umask, asked once: asking sets it for a moment, for all threads."""
    global _mask
    if _mask is None:
        _mask = os.umask(0)
        os.umask(_mask)
    return _mask
