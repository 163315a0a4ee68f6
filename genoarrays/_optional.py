"""The only way to reach an optional or slow library: it is imported when first needed.

tensorflow takes 3 to 9 s to import and is needed by two folders; `import genoarrays` must not pay.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["optional"]


def optional(module: str, *, purpose: str, extra: str) -> Any:
    """Import `module`, or say what it is for and how to install it.

    Parameters
    ----------
    module
        Dotted name.
    purpose
        What it is needed for, as the start of a sentence: "drawing figures".
    extra
        Name of the extra that installs it.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    ImportError
        When it is not installed.

    Examples
    --------
    >>> optional("nothing_like_it", purpose="dreaming", extra="all")
    Traceback (most recent call last):
    ImportError: dreaming needs nothing_like_it; install it with: pip install 'genoarrays[all]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise ImportError(
            f"{purpose} needs {module}; install it with: pip install 'genoarrays[{extra}]'"
        ) from error
