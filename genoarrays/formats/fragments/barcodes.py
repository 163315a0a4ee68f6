"""Which sample does a barcode belong to?

A mapping, a frame or a text of two columns, barcode and sample, becomes numbered samples. A barcode
of two samples is an error; the same pair twice is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.files import Stamp

__all__ = ["Groups", "read_groups"]


class Groups(NamedTuple):
    """Samples in the order in which they appear, barcodes, and the number of each one's sample."""

    samples: tuple[str, ...]
    barcodes: tuple[bytes, ...]
    sample: npt.NDArray[np.int32]
    digest: str


def read_groups(groups: Any) -> Groups:
    """Samples by barcode.

    Parameters
    ----------
    groups
        Mapping or pandas Series of sample by barcode; DataFrame with the columns barcode and
        sample, or of two columns in this order; path of a table of these two columns, separated by
        tabs, with or without that heading, plain or gzipped.

    Returns
    -------
    Groups

    Raises
    ------
    GenomeError
        For none of these, a barcode of two samples, a missing sample, or no barcode at all.
    InputError
        For a malformed line of a file.

    Examples
    --------
    >>> read_groups({"AAAC-1": "B cell", "AAAG-1": "T cell", "AAAT-1": "B cell"}).sample.tolist()
    [0, 1, 0]
    """
    source, pairs = _pairs(groups)
    sample_of: dict[str, str] = {}
    for barcode, sample in pairs:
        if not isinstance(sample, str) or not sample or not barcode:
            raise GenomeError(
                f"{source}: barcode {barcode!r} has the sample {sample!r}; samples are text: leave "
                "the barcode out, or name its sample"
            )
        if sample_of.setdefault(barcode, sample) != sample:
            raise GenomeError(
                f"{source}: barcode {barcode!r} belongs to {sample_of[barcode]!r} and to "
                f"{sample!r}; give it one sample"
            )
    if not sample_of:
        raise GenomeError(f"{source} lists no barcode; give {{barcode: sample}}")
    codes, samples = pd.factorize(np.array(list(sample_of.values()), dtype=object))
    barcodes = tuple(barcode.encode() for barcode in sample_of)
    digest = hashlib.sha256(repr(list(sample_of.items())).encode()).hexdigest()
    return Groups(tuple(samples.tolist()), barcodes, codes.astype(np.int32), digest)


def _pairs(groups: Any) -> tuple[str, Iterable[tuple[str, Any]]]:
    """Where the pairs come from, and barcode and sample of each."""
    if isinstance(groups, (str, os.PathLike)):
        stamp = Stamp.of(groups)
        return stamp.path, _read(stamp)
    if isinstance(groups, (Mapping, pd.Series)):
        return "groups=", ((str(barcode), sample) for barcode, sample in groups.items())
    if isinstance(groups, pd.DataFrame):
        if {"barcode", "sample"} <= set(groups.columns):
            groups = groups[["barcode", "sample"]]
        if groups.shape[1] != 2:
            raise GenomeError(
                f"the DataFrame of groups= has the columns {', '.join(map(str, groups.columns))}; "
                "name two of them barcode and sample"
            )
        rows = groups.astype(object).itertuples(index=False, name=None)
        return "groups=", ((str(barcode), sample) for barcode, sample in rows)
    raise GenomeError(
        f"a {type(groups).__name__} is no groups=; give {{barcode: sample}}, a DataFrame with "
        "these two columns, or the path of a table"
    )


def _read(stamp: Stamp) -> list[tuple[str, str]]:
    import gzip
    import zlib

    from genoarrays.formats.bgzf import is_whole_gzip

    pairs = []
    opener: Any = gzip.open if is_whole_gzip(stamp) else open
    number = 0
    try:
        with opener(stamp.path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                fields = tuple(line.rstrip("\r\n").split("\t"))
                if fields == ("",) or line.startswith("#") or fields == ("barcode", "sample"):
                    continue
                if len(fields) != 2:
                    raise InputError(
                        stamp.path, f"line {number}", f"{line.strip()[:60]!r} is no pair",
                        "write one barcode, a tab and its sample per line",
                    )  # fmt: skip
                pairs.append((fields[0], fields[1]))
    except UnicodeDecodeError as error:
        raise InputError(
            stamp.path, f"after line {number}", "it is no UTF-8 text", "give a table of two columns"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            stamp.path, f"after line {number}", f"the gzip data are damaged ({error})", "copy it"
        ) from error
    return pairs
