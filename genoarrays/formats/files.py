"""Which file was opened, and who holds it open?

A `Stamp` is a file as it was: path, size and time. Later reads go by path and only
while the stamp holds, so a file that was replaced is an error, never a mixture.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from genoarrays.errors import InputError

__all__ = ["Handles", "Stamp"]

Handle = TypeVar("Handle")


class Stamp(NamedTuple):
    """A file as it was when opened."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> Stamp:
        """Stamp of a file.

        Raises
        ------
        InputError
            When it is missing, not readable, a folder, empty, or a URL.
        """
        name = os.path.abspath(os.path.expanduser(os.fspath(path)))
        try:
            info = os.stat(name)
            if os.path.isdir(name):
                raise IsADirectoryError(21, "it is a folder")
            with open(name, "rb"):
                pass
        except OSError as error:
            if re.match(r"[A-Za-z][A-Za-z0-9+.-]+:/", os.fspath(path)):
                problem = "this is a URL, and sources are read from disk"
                fix = "copy the file, and its index, to disk first"
                raise InputError(path, "", problem, fix) from error
            problem = f"cannot be read ({error.strerror})"
            raise InputError(name, "", problem, "check the path") from error
        if not info.st_size:
            raise InputError(name, "", "the file is empty", "make or copy it again")
        return cls(name, info.st_size, info.st_mtime_ns)

    def check(self) -> None:
        """Refuse to read a file that is not the one that was opened.

        Raises
        ------
        InputError
            When it is missing or was changed.
        """
        try:
            info = os.stat(self.path)  # once for each contig of a hundred thousand: no more
            same = (info.st_size, info.st_mtime_ns) == (self.size, self.mtime_ns)
        except OSError:
            same = Stamp.of(self.path) == self  # says what is wrong
        if not same:
            raise InputError(
                self.path, "", "the file was changed after it was opened", "open it again"
            )


class Handles(Generic[Handle]):
    """Open files by stamp, for one kind of file: each thread of each process has its own.

    htslib and libBigWig handles must not be shared by threads, nor used after a fork.
    """

    def __init__(self, opener: Callable[[Stamp], Handle], most: int = 16) -> None:
        self._opener = opener
        self._most = most
        self._local = threading.local()

    def __call__(self, stamp: Stamp) -> Handle:
        """Handle of a file, opened now or before by this thread."""
        if getattr(self._local, "process", None) != os.getpid():
            self._local.process = os.getpid()
            self._local.open = OrderedDict()
        handles: OrderedDict[Stamp, Handle] = self._local.open
        if stamp not in handles:
            stamp.check()
            handles[stamp] = self._opener(stamp)
            if len(handles) > self._most:
                handles.popitem(last=False)
        handles.move_to_end(stamp)
        return handles[stamp]

    def forget(self, stamp: Stamp) -> None:
        """Do not use this thread's handle of a file again."""
        self._local.open.pop(stamp, None)
