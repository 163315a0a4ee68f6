"""Is the store complete, and still the one that was opened?

The commit marker `genoarrays.json` is written last. It names the nodes, and length and crc32c of
every file but the shards (which have manifests): metadata and labels are compared with it before
they are used. `commit` is a digest of all the rest, so that the marker vouches for itself.

A marker may be megabytes long, and is asked about at every read: it is read again only when size,
time or inode of the file have changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from genoarrays.errors import StoreError
from genoarrays.store.layout import MARKER, PLAN, VERSION
from genoarrays.store.place import Place, place_of

__all__ = [
    "check_current",
    "commit_of",
    "file_problem",
    "files_of",
    "read_checked",
    "read_marker",
    "unchanged",
]

_MOST = 32  # markers kept


class _Marker(NamedTuple):
    stamp: Any
    files: dict[str, tuple[int, int]]


_read: dict[tuple[str, str], _Marker] = {}  # by store and commit
_lock = threading.Lock()


def commit_of(marker: Mapping[str, Any]) -> str:
    """Digest of a marker: of everything in it but `commit`.

    Equal stores bear equal names: what was read of one is right for the other.

    Examples
    --------
    >>> commit_of({"version": 2, "nodes": ["1bp"], "files": {}})
    '45a7ae430fb6e3f3da5c41fcbf94434c'
    """
    rest = {key: value for key, value in marker.items() if key not in ("commit", "files")}
    text = json.dumps([rest, marker.get("files")])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def read_marker(path: Place | str | os.PathLike[str]) -> dict[str, Any]:
    """Commit marker of a store.

    Raises
    ------
    StoreError
        When there is no store, it is unfinished, its marker is damaged, or an earlier or later
        version wrote it.
    """
    place = place_of(path)
    try:
        marker = json.loads(place.read(MARKER))
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.exists(place.url) and next(place.list(), None) is None:
            raise StoreError(f"{place.url}: there is no store; {_cure(place)}") from None
        raise StoreError(
            f"{place.url}: not a complete genoarrays store ({MARKER} is missing): it is damaged, "
            "or something else; give the path of a store that ga.to_zarr wrote"
        ) from None
    except ValueError as error:
        raise StoreError(_damaged(place, str(error))) from None
    version = marker.get("version") if isinstance(marker, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise StoreError(
            f"{place.url} was written in version {version} of the layout, and this genoarrays "
            f"knows versions up to {VERSION}; update genoarrays"
        )
    if version == 1:
        raise StoreError(
            f"{place.url} was written in version 1 of the layout, without checksums of its files; "
            "write it again with ga.to_zarr"
        )
    if not isinstance(marker, dict) or marker.get("commit") != commit_of(marker):
        raise StoreError(_damaged(place, "its bytes do not fit their digest"))
    return marker


def _cure(place: Place) -> str:
    folder, name = os.path.split(place.url)
    if os.path.exists(os.path.join(folder, f".{name}.build", PLAN)):
        return "a write was begun, and the same ga.to_zarr, or genoarrays ingest, goes on with it"
    return "write one with ga.to_zarr"


def _damaged(place: Place, problem: str) -> str:
    return (
        f"{place.url}/{MARKER}: {problem}; the store is damaged, write it again with overwrite=True"
    )


def check_current(place: Place, commit: str) -> None:
    """Refuse a store that is another one by now.

    Raises
    ------
    StoreError
        When it was replaced or removed.
    """
    if _known(place, commit) is None:
        raise StoreError(_replaced(place))


@contextmanager
def unchanged(place: Place, commit: str) -> Iterator[None]:
    """Do something with a store that must not be replaced meanwhile.

    Raises
    ------
    StoreError
        When it was, whatever else went wrong because of that.
    """
    try:
        yield
    except Exception:
        check_current(place, commit)
        raise
    check_current(place, commit)


def files_of(place: Place, commit: str) -> dict[str, tuple[int, int]]:
    """Length and crc32c of the files of a store, by key.

    Raises
    ------
    StoreError
        When it was replaced or removed.
    """
    known = _known(place, commit)
    if known is None:
        raise StoreError(_replaced(place))
    return known.files


def _replaced(place: Place) -> str:
    return f"{place.url}: the store was replaced since it was opened; reopen it with ga.open_zarr"


def _known(place: Place, commit: str) -> _Marker | None:
    key = (place.url, commit)
    stamp = place.stamp(MARKER)  # before the content: a later one would vouch for what it is not
    known = _read.get(key)
    if stamp is None or (known is not None and known.stamp == stamp):
        return None if stamp is None else known
    try:
        marker = read_marker(place)
    except StoreError:
        if place.stamp(MARKER) is None:
            return None
        raise
    if marker["commit"] != commit:
        return None
    known = _Marker(stamp, marker["files"])
    with _lock:
        while len(_read) >= _MOST:
            del _read[next(iter(_read))]
        _read[key] = known
    return known


def read_checked(place: Place, key: str, commit: str) -> bytes:
    """A file of a store, if it is the one that was written.

    Raises
    ------
    StoreError
        When it is not, or the store was replaced.
    """
    problem, content = file_problem(place, key, files_of(place, commit).get(key))
    if problem is None:
        return content
    check_current(place, commit)
    raise StoreError(
        f"{place.url}/{key}: {problem}; list all damage with ga.verify({place.url!r}), and write "
        "the store again"
    )


def file_problem(place: Place, key: str, due: tuple[int, int] | None) -> tuple[str | None, bytes]:
    """What is wrong with a file of which length and crc32c are known, and its bytes."""
    from google_crc32c import value as crc32c

    try:
        content = place.read(key)
    except (FileNotFoundError, NotADirectoryError):
        return "the file is missing", b""
    except OSError as error:
        return f"the file cannot be read ({error.strerror or error})", b""
    if due is None:
        return "the file is none of those that were written", content
    if len(content) != due[0]:
        return f"the file has {len(content):,} bytes, and had {due[0]:,}", content
    if crc32c(content) != due[1]:
        return "its bytes do not fit their checksum", content
    return None, content
