"""How do numbers become lines of a file?

Numbers are written with as few digits as give them back. A name that ends in .gz gets BGZF, which
every reader of gzip reads and tabix can index.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

__all__ = ["number_texts", "open_written"]


def open_written(path: str, name: str) -> BinaryIO:
    """Open a file to write bytes; `name` tells whether it is compressed."""
    if not name.lower().endswith((".gz", ".bgz")):
        return open(path, "wb")
    import pysam

    with open(path, "wb"):  # htslib says of a path that cannot be written no more than that
        pass
    return cast(BinaryIO, pysam.BGZFile(os.fspath(path), "wb"))


def number_texts(values: npt.NDArray[Any]) -> list[str]:
    """Shortest text that reads back as the same number of the same type; "." for NaN.

    Examples
    --------
    >>> number_texts(np.float32([0.1, 3, np.nan, 1e-9]))
    ['0.1', '3', '.', '1e-09']
    """
    values = np.asarray(values)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    if values.dtype.kind in "ui":
        return list(map(str, values.tolist()))
    # of counts and states there are few, and of these the text is made once
    found, place = np.unique(values, return_inverse=True)
    texts = [
        "." if text == "nan" else text.removesuffix(".0") for text in found.astype(str).tolist()
    ]
    written: list[str] = np.array(texts, dtype=object)[place].tolist()
    return written
