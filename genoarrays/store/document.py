"""What decides the bytes of a store?

A document says it as JSON: layout of every array, the recipe of its values, digests of labels,
fingerprints of the sources. Equal documents give equal stores, byte for byte.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.genome.convention import encode
from genoarrays.store.fingerprint import differences, recipe_of
from genoarrays.store.layout import PLAN, Layout
from genoarrays.store.levels import Rung, describe_levels
from genoarrays.store.place import Place

__all__ = [
    "Document",
    "changes",
    "describe",
    "describe_all",
    "digest_of",
    "libraries",
    "plain",
    "read_plan",
]

Document = dict[str, Any]
_LIBRARIES = ("numcodecs", "zarr")  # their versions may decide bytes


def describe(ds: xr.Dataset, layouts: Mapping[str, Layout]) -> Document:
    """All that decides the bytes of one node, but for the content of the sources."""
    flat = encode(ds)
    arrays, labels = {}, {}
    for name, variable in flat.variables.items():
        layout = layouts.get(str(name))
        if layout is None:
            labels[str(name)] = digest_of(
                {"dims": variable.dims, "values": variable.values.tolist(), "attrs": variable.attrs}
            )
            continue
        arrays[str(name)] = {
            **layout._asdict(),
            "dtype": str(variable.dtype),
            "values": recipe_of(ds.variables[name]),
            "attrs": variable.attrs,
        }
    return {"attrs": flat.attrs, "arrays": arrays, "labels": dict(sorted(labels.items()))}


def describe_all(
    nodes: Mapping[str, xr.Dataset],
    layouts: Mapping[tuple[str, str], Layout],
    rungs: Mapping[tuple[str, str], Rung],
) -> Document:
    """The same of all nodes, those of pyramids among them."""
    found = {
        node: describe(ds, {v: layout for (n, v), layout in layouts.items() if n == node})
        for node, ds in nodes.items()
    }
    describe_levels(found, rungs)
    return found


def plain(value: Any) -> Any:
    """Attributes as JSON knows them.

    Examples
    --------
    >>> plain({"factors": np.array([1, 2]), "n": np.int64(3)})
    {'factors': [1, 2], 'n': 3}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    return value.item() if isinstance(value, np.generic) else value


def comparable(value: Any) -> Any:
    """The same, with text for what JSON does not know, such as NaN."""
    value = plain(value)
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def digest_of(document: Mapping[str, Any]) -> str:
    """Digest of a document, 32 hex digits; versions of libraries take no part."""
    content = {key: value for key, value in document.items() if key != "libraries"}
    text = json.dumps(comparable(content), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def changes(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> list[str]:
    """What differs between two documents, a line each."""
    if old is None:
        return ["it has no plan"]
    return list(differences({k: v for k, v in old.items() if k != "libraries"}, new))


def libraries() -> dict[str, str]:
    """Versions of the libraries that encode."""
    return {name: importlib.metadata.version(name) for name in _LIBRARIES}


def read_plan(place: Place) -> Document | None:
    """Document of the plan that was written there, None where there is none."""
    try:
        document: Document = json.loads(place.read(PLAN))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return document
