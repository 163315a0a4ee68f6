"""How is memory used again that the system would have to clear each time?

Blocks and slabs come and go all the time, some tens of MB each. Fresh memory costs a fault for each
page, as much as the copy that fills it. What is lent here comes back when the last array that shows
it is gone, wherever that was: a batch that a user keeps stays as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Room"]

Array = npt.NDArray[Any]


class Room:
    """Lends arrays; what comes back is lent again.

    Parameters
    ----------
    limit
        Bytes that may lie here free; of more, what came back first goes.
    """

    def __init__(self, limit: int = 2**28) -> None:
        self.limit = limit
        self._free: list[Array] = []
        self._bytes = 0  # of these
        self._lock = threading.Lock()
        self._open = True

    def __call__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Array of a shape and type, with any content."""
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if size < 2**16:
            return np.empty(shape, dtype)
        return np.asarray(_Lent(self._take(size), shape, dtype, self._give))

    def close(self) -> None:
        """Leave what is free, and what comes back later, to the system."""
        with self._lock:
            self._open = False
            self._free.clear()
            self._bytes = 0

    def _take(self, size: int) -> Array:
        size = 1 << (size - 1).bit_length()  # few sizes fit each other; what is not touched is free
        with self._lock:
            for number in reversed(range(len(self._free))):
                if self._free[number].nbytes == size:
                    self._bytes -= size
                    return self._free.pop(number)
        return np.empty(size, np.uint8)

    def _give(self, memory: Array) -> None:
        with self._lock:
            if self._open:
                self._free.append(memory)
                self._bytes += memory.nbytes
            while self._bytes > self.limit:
                self._bytes -= self._free.pop(0).nbytes


class _Lent:
    """Owner of the memory of an array: NumPy's views hold it, not the array they were cut from."""

    def __init__(
        self, memory: Array, shape: tuple[int, ...], dtype: np.dtype[Any], give: Callable[..., None]
    ) -> None:
        interface = memory.__array_interface__
        self.__array_interface__ = {
            **interface,
            "shape": shape,
            "typestr": dtype.str,
            "strides": None,
        }
        self.memory, self._give = memory, give

    def __del__(self) -> None:
        self._give(self.memory)
