"""How do several files appear all at once, or not at all?

Each is written under a temporary name beside its own. Once all are complete they get their names;
should one of them fail to, those that have theirs give them back, and what was there before is
there again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from genoarrays.errors import GenomeError

__all__ = ["Targets"]


class Targets:
    """Files that are to be written; leave the context without an error, and they are there.

    Parameters
    ----------
    paths
        Their names.
    overwrite
        Whether files that exist are replaced.

    Raises
    ------
    GenomeError
        For a folder that is not there, and, unless `overwrite`, a file that is; for a name that
        cannot be given.
    """

    def __init__(self, paths: Sequence[str], *, overwrite: bool) -> None:
        self.paths = list(paths)
        self.parts = [f"{path}.{os.getpid()}.part" for path in paths]
        for path in paths:
            folder = os.path.dirname(os.path.abspath(path))
            if not os.path.isdir(folder):
                raise GenomeError(
                    f"cannot write {path}: there is no folder {folder}; make it first"
                )
            if not os.access(folder, os.W_OK):
                raise GenomeError(f"cannot write {path}: you may not write to {folder}")
            if os.path.isdir(path):
                raise GenomeError(f"cannot write {path}: it is a folder; give the name of a file")
            if os.path.exists(path) and not overwrite:
                raise GenomeError(f"{path} exists already; give another path, or overwrite=True")

    def __enter__(self) -> Targets:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            for part in self.parts:
                _remove(part)

    def _publish(self) -> None:
        kept = [f"{path}.{os.getpid()}.before" for path in self.paths]
        named: list[str] = []
        try:
            for path, part, before in zip(self.paths, self.parts, kept, strict=True):
                with suppress(FileNotFoundError):
                    _keep(path, before)
                named.append(path)
                os.replace(part, path)
        except BaseException as error:
            for path, before in zip(named, kept, strict=False):
                if os.path.exists(before):
                    os.replace(before, path)
                elif not os.path.exists(f"{path}.{os.getpid()}.part"):
                    _remove(path)
            if isinstance(error, OSError):
                raise GenomeError(f"cannot write {named[-1]} ({error.strerror})") from error
            raise
        finally:
            for before in kept:
                _remove(before)


def _keep(path: str, before: str) -> None:
    """Give a file a second name; where the disk has no links, another one."""
    try:
        os.link(path, before)
    except FileNotFoundError:
        raise
    except OSError:
        os.replace(path, before)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.remove(path)
