"""Who does the parts?

A `distributed.Client`, else local threads or processes; one task is one part. Sources release the
interpreter lock where they work hard, so threads are the default. A part that fails for a reason
that may pass is tried three times; bad input is not. Finished parts stay.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import count
from multiprocessing import get_context
from typing import Any, Protocol

import dask

from genoarrays.errors import GenomeError
from genoarrays.store.fingerprint import sources_of
from genoarrays.store.part import Part
from genoarrays.store.plan import Plan

__all__ = ["in_processes", "run_parts"]

_TRIES = 3


def run_parts(
    plan: Plan, digest: str, client: Any, scheduler: str | None, workers: int | None
) -> Iterator[int]:
    """Run all parts that are not done; the number of each part when it is.

    Raises
    ------
    GenomeError
        Whatever the sources raise; a note names the part, its region and variable.
    """
    site = plan.site
    todo = []
    marked = set(site.build.list("done"))  # a bucket is asked once, not for each part
    for part in plan.parts:
        if part.marker in marked and part.is_done(site.build, site.data, digest):
            yield part.number
        else:
            todo.append(part.number)
    if not todo:
        return
    client = client or _current_client()
    crew = _Cluster(client) if client is not None else _Local(scheduler, workers)
    try:
        yield from _all_done(plan, todo, digest, crew)
    finally:
        crew.close()


def in_processes(client: Any, scheduler: str | None) -> bool:
    """Whether parts are done in other processes than this one.

    Raises
    ------
    GenomeError
        For a scheduler that is not known.
    """
    if client is not None or _current_client() is not None:
        return True  # while a client is current, dask's own setting names no scheduler of ours
    return _kind(scheduler)[0] == "processes"


def _run(part: Part, build: Any, data: Any, digest: str) -> None:
    part.run(build, data, digest)


def _all_done(plan: Plan, todo: list[int], digest: str, crew: _Crew) -> Iterator[int]:
    """Keep the crew busy; parts that need others wait for them, those that fail queue up again."""
    tries = dict.fromkeys(todo, 1)
    missing = {number: set(plan.parts[number].needs) & tries.keys() for number in todo}
    needed_by: dict[int, list[int]] = {}
    for number, needs in missing.items():
        for need in needs:
            needed_by.setdefault(need, []).append(number)
    queue, waiting = deque(n for n in todo if not missing[n]), dict[Any, int]()
    while queue or waiting:
        while queue and len(waiting) < crew.window:
            number = queue.popleft()
            arguments = (plan.parts[number], plan.site.build, plan.site.data, digest)
            waiting[crew.submit(*arguments)] = number
        for future in crew.wait(list(waiting)):
            number, error = waiting.pop(future), future.exception()
            if error is None:
                for other in needed_by.get(number, []):
                    missing[other].discard(number)
                    if not missing[other]:
                        queue.appendleft(other)  # what it needs is in the disk's cache still
                yield number
            elif isinstance(error, (GenomeError, MemoryError)) or tries[number] == _TRIES:
                raise _explained(plan, number, tries[number], error)
            else:
                tries[number] += 1
                queue.append(number)


def _explained(plan: Plan, number: int, tries: int, error: BaseException) -> BaseException:
    often = f" (tried {tries} times)" if tries > 1 else ""
    key = plan.parts[number].array
    node, _, name = key.partition("/")
    array = plan.computed.get((node, name))  # not of a pyramid
    files = [] if array is None else list(sources_of(array.variable))
    reading = f" from {', '.join(files[:3])}{', ...' if len(files) > 3 else ''}" if files else ""
    error.add_note(
        f"while writing {key}, {plan.region(number)}{reading}, part {number} of "
        f"{len(plan.parts)}{often}; finished parts stay in {plan.site.build.url}: the same call "
        "goes on from there"
    )
    return error


class _Crew(Protocol):
    """Does tasks; at most `window` are handed to it at a time."""

    window: int

    def submit(self, part: Part, *arguments: Any) -> Any: ...

    def wait(self, futures: list[Any]) -> Iterable[Any]: ...


class _Local:
    """Threads or processes of this machine."""

    def __init__(self, scheduler: str | None, workers: int | None) -> None:
        self._kind, most = _kind(scheduler)
        self._workers = most or workers or os.cpu_count() or 1
        self._pool = self._new()
        self.window = 4 * self._workers

    def _new(self) -> Executor:
        if self._kind == "threads":
            return ThreadPoolExecutor(self._workers)
        # handles and locks do not survive a fork
        return ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"))

    def submit(self, part: Part, *arguments: Any) -> Any:
        part = part if self._kind == "threads" else part.lean()
        try:
            return self._pool.submit(_run, part, *arguments)
        except BrokenExecutor:  # a process died
            self._pool = self._new()
            return self._pool.submit(_run, part, *arguments)

    def wait(self, futures: list[Any]) -> Iterable[Any]:
        return wait(futures, return_when="FIRST_COMPLETED").done

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


class _Cluster:
    """A dask cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._job, self._number = uuid.uuid4().hex[:8], count()
        # enough that an adaptive cluster sees what is to come
        self.window = max(200, 4 * sum(client.ncores().values()))
        self._futures: set[Any] = set()

    def submit(self, part: Part, *arguments: Any) -> Any:
        # own keys: dask would hash every part, and part 7 of two stores is not the same
        key = f"write-{self._job}-{next(self._number)}"
        future = self._client.submit(_run, part.lean(), *arguments, key=key, pure=False, retries=0)
        self._futures.add(future)
        return future

    def wait(self, futures: list[Any]) -> Iterable[Any]:
        import distributed

        done = distributed.wait(futures, return_when="FIRST_COMPLETED").done
        self._futures -= done
        return list(done)

    def close(self) -> None:
        self._client.cancel(list(self._futures))


def _kind(scheduler: str | None) -> tuple[str, int | None]:
    """Threads or processes, and how many at most."""
    scheduler = scheduler or dask.config.get("scheduler", None) or "threads"
    if scheduler in ("threads", "threading"):
        return "threads", None
    if scheduler in ("synchronous", "sync", "single-threaded"):
        return "threads", 1
    if scheduler in ("processes", "multiprocessing"):
        return "processes", None
    raise GenomeError(f"scheduler={scheduler!r} is not known; use 'threads' or 'processes'")


def _current_client() -> Any:
    if "distributed" not in sys.modules:
        return None
    import distributed

    try:
        return distributed.Client.current()
    except ValueError:
        return None
