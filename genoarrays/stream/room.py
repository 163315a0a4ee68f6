"""How is memory used again that the system would have to clear each time?

Blocks and slabs come and go all the time, some tens of MB each. Fresh memory costs a fault for each
page, as much as the copy that fills it. What is lent here comes back when the last array that shows
it is gone, wherever that was: a batch that a user keeps stays as it is.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Room"]

Array = npt.NDArray[Any]


class Room:
    """Lends arrays; what comes back is lent again."""

    def __init__(self) -> None:
        self._free: list[Array] = []
        self._lock = threading.Lock()
        self._open = True

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Array of a shape and type, with any content."""
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size < 2**16:
            return np.empty(shape, dtype)
        memory = self._take(size)
        lent = _Lent(memory, shape, dtype)
        weakref.finalize(lent, self._give, memory).atexit = False
        return np.asarray(lent)

    def close(self) -> None:
        """Leave what is free, and what comes back later, to the system."""
        with self._lock:
            self._open = False
            self._free.clear()

    def _take(self, size: int) -> Array:
        with self._lock:
            fits = [i for i, m in enumerate(self._free) if size <= m.nbytes <= 2 * size]
            if fits:
                return self._free.pop(min(fits, key=lambda i: self._free[i].nbytes))
            if (
                self._free
            ):  # too small or too large for what is wanted now: one goes for each that comes
                self._free.pop(0)
        return np.empty(size + size // 8, np.uint8)

    def _give(self, memory: Array) -> None:
        with self._lock:
            if self._open:
                self._free.append(memory)


class _Lent:
    """Owner of the memory of an array: NumPy's views hold it, not the array they were cut from."""

    def __init__(self, memory: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        interface = memory.__array_interface__
        self.__array_interface__ = {
            **interface,
            "shape": shape,
            "typestr": dtype.str,
            "strides": None,
        }
        self.memory = memory
