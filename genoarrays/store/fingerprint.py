"""Are the sources of a store still what they were?

A fingerprint is size, time and a digest of the content: of samples (both ends and sixteen places
between, 200 kB together) or, when asked, of all of it. Nobody has to read 100 GB of BAM again to
learn that nothing happened: with equal size, time and samples a file counts as unchanged. Another
time alone counts as a change, unless digests of the whole content were kept and agree.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import xarray as xr
from xarray.core import indexing

from genoarrays.errors import GenomeError
from genoarrays.formats.base import FileArray
from genoarrays.formats.files import Stamp
from genoarrays.formats.lazy import find_source, origin

__all__ = ["differences", "fingerprint", "recipe_of", "same_file", "sources_of"]

_SAMPLE, _END = 4096, 2**16
_SAMPLES = 16


def fingerprint(
    path: str, kind: str = "sampled", known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Size, time and digest of a file.

    Parameters
    ----------
    path
        The file.
    kind
        "sampled" or "whole": of what the digest is.
    known
        An earlier fingerprint; its digest of the whole content is taken over when size, time and
        samples agree.

    Raises
    ------
    InputError
        When the file is missing.
    GenomeError
        For another kind.
    """
    if kind not in ("sampled", "whole"):
        raise GenomeError(f"fingerprint={kind!r} is not known; say 'sampled' or 'whole'")
    stamp = Stamp.of(path)
    found = {"size": stamp.size, "mtime_ns": stamp.mtime_ns, "sampled": _sampled(stamp)}
    if kind == "whole":
        before = known or {}
        if "whole" in before and all(before[name] == found[name] for name in found):
            return {**found, "whole": before["whole"]}
        with open(stamp.path, "rb") as file:
            found["whole"] = hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    return found


def _sampled(stamp: Stamp) -> str:
    digest = hashlib.blake2b(digest_size=16)
    step = stamp.size // (_SAMPLES + 1)
    places = [(0, _END), (max(stamp.size - _END, 0), _END)]
    places += [(step * number, _SAMPLE) for number in range(1, _SAMPLES + 1)]
    with open(stamp.path, "rb") as file:
        for start, length in places:
            file.seek(start)
            digest.update(file.read(length))
    return digest.hexdigest()


def same_file(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two fingerprints are of the same content."""
    if "whole" in old and "whole" in new:
        return bool(old["whole"] == new["whole"])
    return all(old.get(name) == new.get(name) for name in ("size", "mtime_ns", "sampled", "commit"))


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """What differs between two documents, a line each; fingerprints by what they mean."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        if "mtime_ns" in old and "mtime_ns" in new:
            if not same_file(old, new):
                yield f"{place}: {_change(old, new)}"
            return
        for key in dict.fromkeys([*old, *new]):
            where = f"{place}: {key}" if place else str(key)
            if key not in old:
                yield f"{where} is new{_short(new[key])}"
            elif key not in new:
                yield f"{where} is gone{_short(old[key])}"
            else:
                yield from differences(old[key], new[key], where)
    elif old != new and place.endswith(": values"):
        yield f"{place} were made with other options, of other files or in another way"
    elif old != new:
        yield f"{place} was {str(old)[:60]}, is {str(new)[:60]}"


def _short(value: Any) -> str:
    return "" if isinstance(value, (Mapping, list)) else f" ({str(value)[:60]})"


def _change(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    if old["size"] != new["size"]:
        return f"size was {old['size']:,} bytes, is {new['size']:,}"
    if old["sampled"] != new["sampled"] or ("whole" in old and "whole" in new):
        return "other content of the same size"
    return (
        "another time, where size and samples of the content agree (if it was only copied or "
        "touched, set its time back; fingerprint='whole' when writing compares all content)"
    )


def sources_of(variable: xr.Variable) -> dict[str, dict[str, Any]]:
    """What a variable reads, by path: {} for a file, {"commit": ...} for a store.

    Files that are only named in `attrs["source"]` count too: xarray's own door to the readers
    hides the rest.
    """
    found: dict[str, dict[str, Any]] = {}
    for array in _arrays(variable):
        if isinstance(array, FileArray):
            found |= {stamp.path: {} for stamp in array.stamps}
        elif hasattr(array, "commit"):
            found[array.place.url] = {"commit": array.commit}
    named = variable.attrs.get("source", [])
    for path in [named] if isinstance(named, str) else list(named):
        if isinstance(path, str) and os.path.isfile(path):
            found.setdefault(path, {})
    return found


def _arrays(variable: xr.Variable) -> Iterator[Any]:
    data = variable._data
    if isinstance(data, indexing.LazilyIndexedArray):
        yield getattr(data.array, "array", None)
    layers = getattr(getattr(data, "dask", None), "layers", {})
    yield from filter(None, map(find_source, layers))


def recipe_of(variable: xr.Variable) -> str | list[str]:
    """What decides the values, but for the content of the sources; by file where stacked."""
    from dask.base import tokenize

    array = origin(variable)
    if isinstance(array, FileArray):
        return array.recipe
    data = variable._data
    name = getattr(data, "name", None)
    if isinstance(name, str):
        return name
    if isinstance(data, indexing.LazilyIndexedArray) and array is not None:
        return str(getattr(array, "name", tokenize(array)))
    if isinstance(data, indexing.LazilyIndexedArray):
        inner = getattr(data.array, "array", None)
        return str(tokenize(getattr(inner, "name", inner), str(data.key)))
    return str(tokenize(data))
