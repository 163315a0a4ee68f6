"""Where is the time of a call, over all its threads?

A thread looks at the stacks of all others a hundred times a second. Unlike cProfile this sees the
threads of a pool, costs the same for any code, and counts compiled code to the line that calls it.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")

_EVERY = 0.01  # seconds
_IDLE = ("threading.py", "concurrent/futures/thread.py", "selectors.py")


def sample(call: Callable[[], Result], most: int = 12) -> Result:
    """Make the call, print the lines where its threads were most often, and give its result."""
    lines: Counter[str] = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.wait(_EVERY):
            for thread, frame in sys._current_frames().items():
                if thread != watcher.ident and not frame.f_code.co_filename.endswith(_IDLE):
                    lines[_place(frame)] += 1

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        return call()
    finally:
        over.set()
        watcher.join()
        for place, count in lines.most_common(most):
            print(f"{100 * count / lines.total():7.1f} %  {place}", flush=True)


def _place(frame: FrameType) -> str:
    code = frame.f_code
    file = "/".join(code.co_filename.split("/")[-3:])
    return f"{file}:{frame.f_lineno} {code.co_qualname}"
