"""Which rows of an annotation are asked for, and what do their attributes say?

GFF3 (https://github.com/The-Sequence-Ontology/Specifications/blob/master/gff3.md): `key=value`,
percent-encoded; several values stay one text with commas.
GTF (https://genome.ucsc.edu/FAQ/FAQformat.html#format4): `key "value";`, where quotes protect
semicolons; the values of a key that is repeated, such as `tag`, are joined by commas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from genoarrays.errors import GenomeError

__all__ = ["Selection", "gff3_attributes", "gtf_attributes", "select"]

_PAIR = re.compile(r'\s*([^\s;"=]+)\s+(?:"([^"]*)"|([^\s;"][^;"]*?))\s*(?:;|$)')


class Selection(NamedTuple):
    """Which rows and attributes to read; empty is all rows and no attribute."""

    feature: tuple[str, ...] = ()
    where: tuple[tuple[str, tuple[str, ...]], ...] = ()
    attributes: tuple[str, ...] = ()


def select(
    feature: str | Sequence[str] | None,
    where: Mapping[str, str | Sequence[str]] | None,
    attributes: str | Sequence[str] | None = None,
) -> Selection | None:
    """Selection that a user means; None when nothing was asked for.

    Raises
    ------
    GenomeError
        When `where` is no dict.
    """
    if feature is None and where is None and attributes is None:
        return None
    if where is not None and not isinstance(where, Mapping):
        raise GenomeError(f"where={where!r} is no dict; write where={{'gene_type': 'lncRNA'}}")
    pairs = {} if where is None else where
    conditions = tuple((str(key), _listed(value)) for key, value in pairs.items())
    return Selection(_listed(feature), conditions, _listed(attributes))


def _listed(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (str(value),) if np.ndim(value) == 0 else tuple(str(one) for one in value)


def gff3_attributes(text: str) -> dict[str, str] | None:
    """Attributes of a row of GFF3; None when they cannot be read.

    Examples
    --------
    >>> gff3_attributes("ID=t1;Parent=g1,g2;Note=a%3Bb")
    {'ID': 't1', 'Parent': 'g1,g2', 'Note': 'a;b'}
    """
    pairs: dict[str, str] = {}
    if text.strip() in ("", "."):
        return pairs
    for part in text.split(";"):
        key, equals, value = part.strip().partition("=")
        if not key and not equals:
            continue
        if not key or not equals:
            return None
        key, value = unquote(key), unquote(value, errors="strict")
        pairs[key] = f"{pairs[key]},{value}" if key in pairs else value
    return pairs


def gtf_attributes(text: str) -> dict[str, str] | None:
    """Attributes of a row of GTF; None when they cannot be read.

    Examples
    --------
    >>> gtf_attributes('gene_id "g1"; note "a; b"; tag "x"; tag "y"; level 2;')
    {'gene_id': 'g1', 'note': 'a; b', 'tag': 'x,y', 'level': '2'}
    """
    pairs: dict[str, str] = {}
    text = text.strip()
    if text in ("", "."):
        return pairs
    at = 0
    while at < len(text):
        found = _PAIR.match(text, at)
        if found is None:
            return None
        key, value = found[1], found[3] if found[2] is None else found[2]
        pairs[key] = f"{pairs[key]},{value}" if key in pairs else value
        at = found.end()
    return pairs
