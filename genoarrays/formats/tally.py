"""What became of the reads, rows and letters while arrays were computed?

A source tells what it kept and dropped, by reason, while it reads; whoever computes may listen:

    with collect() as tallies:
        values = array.compute(scheduler="synchronous")

A context variable carries the counts, since dask hands back nothing but arrays. Each thing is told
once, in the part where it counts, so that parts of a genome add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Tallies", "collect", "tally"]

Tallies = dict[tuple[str, str], Counter[str]]
"""Counts by outcome ("kept", "duplicate", ...), by (what is counted, path of the file)."""

_listening: ContextVar[Tallies | None] = ContextVar("tallies", default=None)


def tally(what: str, path: str, counts: Mapping[str, int]) -> None:
    """Tell what became of the things just read.

    Parameters
    ----------
    what
        What is counted: "reads", "letters", "fragments".
    path
        The file.
    counts
        Number by outcome; added to those told before.
    """
    tallies = _listening.get()
    if tallies is not None:
        tallies.setdefault((what, path), Counter()).update(counts)


@contextmanager
def collect() -> Iterator[Tallies]:
    """Listen to the sources that this thread reads.

    Examples
    --------
    >>> with collect() as tallies:
    ...     tally("reads", "a.bam", {"kept": 2, "duplicate": 1})
    ...     tally("reads", "a.bam", {"kept": 3})
    >>> tallies[("reads", "a.bam")]["kept"]
    5
    """
    token = _listening.set({})
    try:
        tallies = _listening.get()
        assert tallies is not None
        yield tallies
    finally:
        _listening.reset(token)
