"""Limits and switches that hold for the whole process.

`byte_limit`: labels or index arrays larger than this are refused, with the cure in the message.
`chunk_bytes`: size of one dask chunk of an opened source or store.
`progress`: show progress bars; None means only when standard error is a terminal.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TypeVar

from genoarrays.errors import GenomeError

__all__ = [
    "Options",
    "check_bytes",
    "current",
    "parse_bytes",
    "set_options",
    "show_bytes",
    "show_progress",
    "track",
]

Item = TypeVar("Item")

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
          "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}  # fmt: skip


@dataclass(frozen=True)
class Options:
    """The switches; see the head of this module."""

    byte_limit: int = 2**30
    chunk_bytes: int = 2**24  # 2**25 is given back to the system each time: means took up to 2x
    progress: bool | None = None


_current = Options()


def current() -> Options:
    """Options in force."""
    return _current


class set_options:
    """Change options, for good or inside a `with` block.

    Parameters
    ----------
    byte_limit
        Largest array of labels or positions built implicitly; bytes or text such as "4 GiB".
    chunk_bytes
        Size of one dask chunk of opened sources and stores; bytes or text.
    progress
        True or False; None (the default at start) shows bars only on a terminal.

    Examples
    --------
    >>> import genoarrays as ga
    >>> with ga.set_options(byte_limit="4 GiB"):
    ...     ga.options.current().byte_limit
    4294967296
    """

    def __init__(
        self,
        *,
        byte_limit: int | str | None = None,
        chunk_bytes: int | str | None = None,
        progress: bool | str | None = "keep",
    ) -> None:
        global _current
        self._before = _current
        new = _current
        if byte_limit is not None:
            new = replace(new, byte_limit=parse_bytes(byte_limit))
        if chunk_bytes is not None:
            new = replace(new, chunk_bytes=parse_bytes(chunk_bytes))
        if not isinstance(progress, str):
            new = replace(new, progress=progress)
        _current = new

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        global _current
        _current = self._before


def parse_bytes(size: int | str) -> int:
    """Number of bytes in `size`: an integer, or text such as "256 MiB" or "1.5 GB".

    Raises
    ------
    ValueError
        For text that is not a number with a unit of bytes, or a size below one byte.

    Examples
    --------
    >>> parse_bytes("256 MiB")
    268435456
    """
    if isinstance(size, str):
        match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", size)
        if match is None or match[2].upper() not in _UNITS:
            raise ValueError(f"{size!r} is not a size; write for example '256 MiB' or '1.5 GB'")
        size = int(float(match[1]) * _UNITS[match[2].upper()])
    if size < 1:
        raise ValueError(f"a size of {size} bytes is not possible; give at least 1")
    return int(size)


def show_bytes(size: float) -> str:
    """A size as people read it.

    Examples
    --------
    >>> show_bytes(268435456)
    '268 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def show_progress(asked: bool | None = None) -> bool:
    """Whether to draw a progress bar: as asked, else as the option says, else on terminals."""
    if asked is None:
        asked = _current.progress
    return sys.stderr.isatty() if asked is None else asked


def track(
    items: Iterable[Item], total: int, text: str, progress: bool | None = None
) -> Iterator[Item]:
    """Go through items, with a progress bar on standard error where one is wanted.

    Parameters
    ----------
    items
        What to go through.
    total
        Number of them.
    text
        Written before the bar.
    progress
        As in `show_progress`.
    """
    if not show_progress(progress):
        yield from items
        return
    from rich.console import Console
    from rich.progress import (  # fmt: skip
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn(), TimeRemainingColumn())  # fmt: skip
    console = Console(stderr=True)
    if console.is_jupyter:  # what rich does there needs ipywidgets, and leaves nothing in the file
        console = Console(stderr=True, force_jupyter=False, force_terminal=True, no_color=True)
    with Progress(*columns, console=console) as bar:
        yield from bar.track(items, total=total, description=text)


def check_bytes(size: int, what: str, cure: str) -> None:
    """Refuse to build something larger than the byte limit.

    Raises
    ------
    GenomeError
        Names the size, the limit and the cure.
    """
    limit = _current.byte_limit
    if size > limit:
        raise GenomeError(
            f"{what} would take {size / 2**30:,.1f} GiB, above the limit of "
            f"{limit / 2**30:,.1f} GiB; {cure} (or raise it: ga.set_options(byte_limit=...))"
        )
