"""Who is writing this store?

The lock is a key of the build that names its writer: host, process, start. The writer touches it
every few seconds. A lock is dead when its process is gone (on this host) or it was not touched for
two minutes (on another one); it is then taken over, with a warning.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
import warnings
from contextlib import suppress
from types import TracebackType
from typing import Any

from genoarrays.errors import StoreError
from genoarrays.store.place import Place

__all__ = ["LOCK", "Lock"]

LOCK = "lock.json"
_BEAT = 10.0  # seconds
_DEAD = 120.0


class Lock:
    """Held while a store is written: `with Lock(build, "x.zarr"): ...`.

    Parameters
    ----------
    build
        Where the store is built.
    name
        The store, for messages.

    Raises
    ------
    StoreError
        When another writer holds it.
    """

    def __init__(self, build: Place, name: str) -> None:
        self._build, self._name = build, name
        self._owner = {
            "host": socket.gethostname(),
            "process": os.getpid(),
            "started": _start_time(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "id": uuid.uuid4().hex,
        }
        self._stop = threading.Event()

    def __enter__(self) -> Lock:
        while not self._build.create(LOCK, self._content()):
            holder = read_lock(self._build)
            if holder is None:
                continue
            if _is_alive(holder):
                raise StoreError(
                    f"{self._name} is being written by process {holder['process']} on "
                    f"{holder['host']} since {holder['since']}; wait for it, or stop it first"
                )
            warnings.warn(
                f"{self._name}: taking over from process {holder['process']} on {holder['host']}, "
                f"which began at {holder['since']} and is gone",
                stacklevel=4,
            )
            self._build.delete(LOCK)
        self._thread = threading.Thread(target=self._beat, name="genoarrays-lock", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        holder = read_lock(self._build)
        if holder is not None and holder["id"] == self._owner["id"]:
            self._build.delete(LOCK)

    def stop(self) -> None:
        """Touch the lock no more, so that it can go with the build."""
        self._stop.set()
        self._thread.join()

    def _content(self) -> bytes:
        return json.dumps({**self._owner, "beat": time.time()}).encode()

    def _beat(self) -> None:
        while not self._stop.wait(_BEAT):
            with suppress(OSError, StoreError):
                self._build.write(LOCK, self._content())


def read_lock(build: Place) -> dict[str, Any] | None:
    """The lock of a build, None when there is none."""
    try:
        holder: dict[str, Any] = json.loads(build.read(LOCK))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return holder


def check_unlocked(build: Place, name: str) -> None:
    """Refuse when a writer that is alive holds the lock.

    Raises
    ------
    StoreError
        Names the writer.
    """
    holder = read_lock(build)
    if holder is not None and _is_alive(holder):
        raise StoreError(
            f"{name} is being written by process {holder['process']} on {holder['host']} since "
            f"{holder['since']}; wait for it, or stop it first"
        )


def _is_alive(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return time.time() - float(holder["beat"]) < _DEAD
    try:
        os.kill(holder["process"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # the number may have gone to another process since
    return bool(_start_time(holder["process"]) == holder["started"])


def _start_time(process: int) -> str | None:
    """Start of a process in clock ticks, where the system tells (Linux)."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[19].decode()
    except (OSError, IndexError):
        return None
