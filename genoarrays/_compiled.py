"""How is a loop compiled?

By numba, without the GIL, kept on disk between processes. A kernel's cache knows its own file only:
after a change in one that it calls, touch both. Modules with kernels are imported inside the
functions that need them, since numba takes 0.4 s to load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function, *, reorder: bool = False) -> Function:
    """Compile a function on its first call; it holds no GIL and grows no reference counts.

    With `reorder`, sums may be added in any order: then the processor adds several at once.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if reorder:
        options["fastmath"] = {"reassoc", "contract", "nsz"}  # NaN and infinity keep their meaning
    try:
        kernel: Function = njit(cache=True, **options)(function)
    except RuntimeError:  # neither this folder nor the user's can be written: compile each time
        kernel = njit(**options)(function)
    return kernel
