"""Which alleles of a variant file are plain letters?

Each alternative allele is judged by itself; those that are kept become columns, the others are
counted by the reason. Records become arrays in blocks, so that few are Python objects at once.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.options import check_bytes

__all__ = ["Alleles", "Record", "Sites", "collect_alleles", "why_not"]

_BLOCK = 2**15  # records that are Python objects at once
_plain = re.compile(r"[ACGTacgt]+").fullmatch
_BASES = frozenset("ACGT")
Array = npt.NDArray[Any]


class Record(NamedTuple):
    """A line: its number, first base (0-based), and its texts as they stand; GT of each sample."""

    number: int
    contig: str
    start: int
    id: str
    ref: str
    alts: Sequence[str]
    quality: float
    filter: str
    calls: Sequence[tuple[int | None, ...]]


class Sites(NamedTuple):
    """Columns of alleles; `allele` is the place in ALT from 1 on, `number` that of the record."""

    code: npt.NDArray[np.int32]
    start: npt.NDArray[np.int64]
    ref: Array
    alt: Array
    id: Array
    filter: npt.NDArray[np.int32]
    quality: npt.NDArray[np.float32]
    allele: npt.NDArray[np.int16]
    number: npt.NDArray[np.int64]
    dosage: npt.NDArray[np.int8]

    def take(self, key: Any) -> Sites:
        """Some of the alleles."""
        return Sites(*(column[key] for column in self))


class Alleles(NamedTuple):
    """All alleles of a file: names behind the codes, and what became of the records."""

    contigs: tuple[str, ...]
    filters: tuple[str, ...]
    sites: Sites
    counts: Counter[str]


@lru_cache(2**16)
def why_not(ref: str, alt: str, max_length: int | None) -> str | None:
    """Why an allele is left out, or None."""
    if ref in _BASES and alt in _BASES and ref != alt:
        return None
    if alt == ".":
        return "no_alternative"
    if alt == "*":
        return "spanning_deletion"
    if alt[:1] == "<" or alt[:1] == "." or alt[-1:] == "." or "[" in alt or "]" in alt:
        return "symbolic"
    if not _plain(ref) or not _plain(alt):
        return "ambiguous_letters"
    if max_length is not None and max(len(ref), len(alt)) > max_length:
        return "too_long"
    return "same_as_ref" if ref.upper() == alt.upper() else None


def collect_alleles(
    records: Iterator[Record], max_length: int | None, samples: int, path: str
) -> Alleles:
    """Alleles of records.

    Parameters
    ----------
    records
        In any order.
    max_length
        Longest REF or ALT that is kept.
    samples
        Number of samples whose dosage is kept.
    path
        For messages.
    """
    contigs: dict[str, int] = {}
    filters: dict[str, int] = {}
    counts: Counter[str] = Counter()
    parts: list[Sites] = []
    rows: list[tuple[Any, ...]] = []
    dosage: list[Any] = []
    kept = 0
    for record in records:
        counts["records"] += 1
        ref = record.ref
        for allele, alt in enumerate(record.alts, 1):
            reason = why_not(ref, alt, max_length)
            if reason is not None:
                counts[reason] += 1
                continue
            code = contigs.setdefault(record.contig, len(contigs))
            kind = filters.setdefault(record.filter, len(filters))
            rows.append(
                (code, record.start, ref.upper(), alt.upper(), record.id, kind, record.quality,
                 allele, record.number)
            )  # fmt: skip
            if samples:
                kept += 1
                check_bytes(kept * samples, f"the genotypes of {path}", "read a region= at a time")
                dosage.append(array("b", [_dosage(call, allele) for call in record.calls]))
        if len(rows) >= _BLOCK:
            parts.append(_sites(rows, dosage, samples))
            rows, dosage = [], []
    parts.append(_sites(rows, dosage, samples))
    columns = [list(column) for column in zip(*parts, strict=True)]
    parts.clear()
    whole = []
    while columns:  # one by one, so that not all of them are there twice
        whole.append(np.concatenate(columns.pop(0)))
    return Alleles(tuple(contigs), tuple(filters), Sites(*whole), counts)


def _sites(rows: list[tuple[Any, ...]], dosage: list[Any], samples: int) -> Sites:
    columns = list(zip(*rows, strict=True)) or [()] * 9
    text = np.dtypes.StringDType()
    kinds: tuple[Any, ...] = (np.int32, np.int64, text, text, text, np.int32, np.float32, np.int16,
                              np.int64)  # fmt: skip
    arrays: list[Any] = [np.array(c, dtype=k) for c, k in zip(columns, kinds, strict=True)]
    arrays.append(np.array(dosage, dtype=np.int8).reshape(len(rows), samples))
    return Sites(*arrays)


@lru_cache(2**16)
def _dosage(call: tuple[int | None, ...], allele: int) -> int:
    """Copies of an allele; -1 where any is not known."""
    return -1 if None in call or not call else call.count(allele)
