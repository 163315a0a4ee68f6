"""What can go wrong, one class per kind of reaction a caller could have.

Every message names the file, the place, the value and the cure. Nothing here imports anything.
"""

from __future__ import annotations

import os

__all__ = [
    "AssemblyError",
    "ContigError",
    "GenomeError",
    "InputError",
    "RegionError",
    "StoreError",
]


class GenomeError(ValueError):
    """Base of all errors that a user of genoarrays can cause or cure."""


class RegionError(GenomeError):
    """A region or window that does not exist on this genome or does not fit the request."""


class ContigError(GenomeError):
    """A contig name that the axis or assembly does not have."""


class AssemblyError(GenomeError):
    """Two objects that lie on different assemblies, or one without the needed assembly."""


class StoreError(GenomeError):
    """A store that is missing, unfinished, damaged, replaced, or in the way."""


class InputError(GenomeError):
    """A file, or a value given by the user, that cannot be read as what it should be.

    Parameters
    ----------
    path
        The file.
    where
        The place in it: a line, an offset, a contig and position.
    problem
        What was found there, with the value.
    fix
        What to do instead.

    Examples
    --------
    >>> print(InputError("peaks.bed", "line 3", "start 20 lies past end 10", "swap the columns"))
    peaks.bed, line 3: start 20 lies past end 10; swap the columns
    """

    def __init__(self, path: str | os.PathLike[str], where: str, problem: str, fix: str) -> None:
        self.path = os.fspath(path)
        self.where = where
        self.problem = problem
        self.fix = fix
        place = f"{self.path}, {where}" if where else self.path
        super().__init__(f"{place}: {problem}; {fix}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (self.path, self.where, self.problem, self.fix)
