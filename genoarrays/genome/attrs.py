"""What do the attributes of several variables say of the one that is made of them?

What is told of each sample is kept by label. What all agree on stays as it is, files are listed one
after the other, rows that were dropped are added up. What decides the meaning of values must be the
same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from genoarrays.errors import GenomeError

__all__ = ["MAY_DIFFER", "join_attrs"]

_MEANING = ("alphabet", "units", "count", "how", "mode", "by", "weight")
_OF_EACH = ("reads", "fragments", "reads_on_dropped_contigs")
_ADDED = ("rows_dropped", "rows_clipped")
_UNITED = ("contigs_dropped", "contigs_renamed", "source_digests")
_IN_ORDER = ("minus_negated",)  # a list in the order of the labels
MAY_DIFFER = ("source", *_OF_EACH, *_ADDED, *_UNITED, *_IN_ORDER)
"""What samples that were opened with the same options are told apart by."""


def join_attrs(
    parts: Sequence[Mapping[str, Any]], labels: Sequence[Sequence[Any]], what: str
) -> dict[str, Any]:
    """Attributes of a variable whose labels are those of all parts.

    Parameters
    ----------
    parts
        Attributes of each part.
    labels
        Labels of each part.
    what
        Name of the variable, for messages.

    Returns
    -------
    dict
        What differs, or is told of each sample, is a dict by label.

    Raises
    ------
    GenomeError
        When the values of two parts mean other things, by their attributes.
    """
    joined: dict[str, Any] = {}
    for key in dict.fromkeys(key for attrs in parts for key in attrs):
        told = [(attrs[key], own) for attrs, own in zip(parts, labels, strict=True) if key in attrs]
        values = [value for value, _ in told]
        alike = all(_equal(values[0], value) for value in values[1:])
        if key in _MEANING and not alike:
            other = next(n for n, value in enumerate(values) if not _equal(values[0], value))
            raise GenomeError(
                f"{what} has {key}={values[0]!r} for {told[0][1][0]!r} and {values[other]!r} for "
                f"{told[other][1][0]!r}: they are not the same thing; open them with the same "
                "options, or drop the attribute where it says too much"
            )
        if key == "source":
            joined[key] = _listed(values)
        elif key in _UNITED and len({type(value) for value in values}) == 1:
            joined[key] = _united(values)
        elif key in _ADDED and all(isinstance(value, (int, np.integer)) for value in values):
            joined[key] = sum(values)
        elif alike and len(told) == len(parts) and key not in (*_OF_EACH, *_IN_ORDER):
            joined[key] = values[0]
        else:
            each = {k: v for pair in told for k, v in _by_label(key, *pair).items()}
            ordered = key in _IN_ORDER and len(told) == len(parts)
            joined[key] = list(each.values()) if ordered else each
    return joined


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def _listed(values: Sequence[Any]) -> list[Any]:
    return [one for some in values for one in (some if isinstance(some, list) else [some])]


def _united(values: Sequence[Any]) -> Any:
    if isinstance(values[0], Mapping):
        return {key: value for some in values for key, value in some.items()}
    return list(dict.fromkeys(_listed(values)))


def _by_label(key: str, value: Any, labels: Sequence[Any]) -> dict[Any, Any]:
    """What is told of each label of a part: told so already, in their order, or of all alike."""
    if isinstance(value, Mapping) and value and set(value) <= set(labels):
        return dict(value)
    if key in _IN_ORDER and isinstance(value, list) and len(value) == len(labels):
        return dict(zip(labels, value, strict=True))
    return dict.fromkeys(labels, value)
