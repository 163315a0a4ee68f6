"""How does the shell stay readable while TensorFlow starts?

TensorFlow writes several lines to standard error from C++ before its own log level is read,
whatever the settings. They are held back while it is imported; errors are Python exceptions and not
lost.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

__all__ = ["start_tensorflow"]


def start_tensorflow() -> None:
    """Import TensorFlow without its greeting, where it is installed."""
    if "tensorflow" in sys.modules or importlib.util.find_spec("tensorflow") is None:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    silent = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silent, 2)
        importlib.import_module("tensorflow")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silent)
