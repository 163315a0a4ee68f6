"""How do finished parts become a complete store?

Metadata, labels and small arrays are made in memory by zarr, then written with the manifests, one
for each array; last comes the commit marker, which a reader demands. Nothing was lost on the way:
what the sources told of their reads adds up to what their indexes say.
"""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import numpy as np
import xarray as xr
import zarr

from genoarrays import __version__
from genoarrays.errors import StoreError
from genoarrays.formats.base import FileArray
from genoarrays.formats.lazy import origin
from genoarrays.genome.convention import encode
from genoarrays.store.document import Document, plain
from genoarrays.store.fingerprint import sources_of
from genoarrays.store.layout import MARKER, PLAN, VERSION, Layout, fill_value
from genoarrays.store.levels import Rung
from genoarrays.store.manifest import MANIFEST, manifest_dtype
from genoarrays.store.marker import commit_of
from genoarrays.store.part import Part
from genoarrays.store.shard import compressors
from genoarrays.store.site import Site
from genoarrays.store.stored import PYTHON, using

__all__ = ["VERSION_ATTR", "complete", "merge_attrs"]

VERSION_ATTR = "genoarrays_version"

_REQUESTS = 16  # at once: disks and servers answer slowly, and many
Layouts = Mapping[tuple[str, str], Layout]


def complete(
    site: Site,
    nodes: Mapping[str, xr.Dataset],
    layouts: Layouts,
    parts: Sequence[Part],
    document: Document,
    digest: str,
    computed: Mapping[tuple[str, str], xr.DataArray],
    rungs: Mapping[tuple[str, str], Rung],
) -> None:
    """Complete a store whose parts are all there, and give it its name.

    `computed` are the arrays that were read from sources, which told what became of their reads;
    `rungs` those of pyramids, which tell the same.

    Raises
    ------
    StoreError
        When parts are missing, or what the sources told does not add up.
    """
    with ThreadPoolExecutor(_REQUESTS) as pool:
        markers = list(pool.map(lambda part: part.read_marker(site.build), parts))
    missing = [n for n, found in enumerate(markers) if found is None or found["plan"] != digest]
    if missing:
        raise StoreError(
            f"{site.name}: {len(missing):,} of {len(parts):,} parts are not done: "
            f"{', '.join(map(str, missing[:20]))}{', ...' if len(missing) > 20 else ''}; run them"
        )
    content: dict[str, bytes] = {}
    told: dict[tuple[str, str], dict[str, Any]] = {}
    shards: dict[str, list[Any]] = {}
    tallies: dict[str, list[Any]] = {}
    for part, marker in zip(parts, markers, strict=True):
        for own, record in zip(part.arrays, marker["shards"], strict=True):
            shards.setdefault(own, []).append(record)
        tallies.setdefault(part.array, []).extend(marker["tallies"])
    for (node, name), layout in layouts.items():
        path, array = f"{node}/{name}", computed.get((node, name))
        if array is None:
            told[node, name] = {}
        else:
            told[node, name] = _totals(array, tallies.get(path, [])) | _provenance(array, document)
        content[f"{path}/{MANIFEST}"] = _manifest(shards.get(path, []), layout.inner)
    for key, rung in rungs.items():
        told[key] = told[rung.of]
    content |= _metadata(nodes, layouts, told)
    content[PLAN] = json.dumps(document, indent=1).encode()
    with ThreadPoolExecutor(_REQUESTS) as pool:
        list(pool.map(site.data.write, content.keys(), content.values()))
    site.data.write(MARKER, _marker(content, nodes, digest, rungs))
    site.publish()


def _marker(
    content: Mapping[str, bytes],
    nodes: Mapping[str, Any],
    digest: str,
    rungs: Mapping[tuple[str, str], Rung],
) -> bytes:
    import google_crc32c

    files = {key: [len(v), google_crc32c.value(v)] for key, v in sorted(content.items())}
    marker = {"version": VERSION, "plan": digest, "nodes": list(nodes)}
    if rungs:
        marker["levels"] = {node: [rung.of[0], rung.factor] for (node, _), rung in rungs.items()}
    marker["files"] = files
    # equal stores have equal commits: what was read of one is right for the other
    return json.dumps({**marker, "commit": commit_of(marker)}, indent=1).encode()


def _manifest(records: Sequence[Mapping[str, Any]], inner: int) -> bytes:
    rows = np.zeros(len(records), dtype=manifest_dtype(inner))
    for row, record in zip(rows, records, strict=True):
        for name in ("length", "crc", "index", "chunks"):
            row[name] = record[name]
    file = BytesIO()
    np.save(file, rows)
    return file.getvalue()


def _metadata(
    nodes: Mapping[str, xr.Dataset], layouts: Layouts, told: Mapping[tuple[str, str], Any]
) -> dict[str, bytes]:
    """Groups, labels and small arrays, and the metadata of the arrays whose shards are there."""
    store = zarr.storage.MemoryStore()
    with using(PYTHON):
        root = zarr.create_group(store, zarr_format=3)
        for node, ds in nodes.items():
            flat = encode(ds)
            others = [str(c) for c in flat.coords if c not in flat.dims]
            group = root.create_group(
                node, attributes=plain({**flat.attrs, "coordinates": " ".join(others)})
            )
            for name, array in flat.variables.items():
                layout = layouts.get((node, str(name)))
                if layout is None:
                    _write_small(group, str(name), array)
                    continue
                group.create_array(
                    str(name),
                    shape=layout.shape,
                    dtype=array.dtype,
                    chunks=layout.chunk,
                    shards=layout.shard,
                    compressors=compressors(array.dtype),
                    fill_value=fill_value(ds[name]),
                    dimension_names=list(layout.dims),
                    attributes=plain(merge_attrs(array.attrs, told[node, str(name)])),
                )
    with warnings.catch_warnings():
        # consolidated metadata are not in the zarr v3 specification yet; xarray asks for them
        warnings.simplefilter("ignore")
        for node in nodes:
            zarr.consolidate_metadata(store, path=node)
        zarr.consolidate_metadata(store)
    return {key: value.to_bytes() for key, value in store._store_dict.items()}


def _write_small(group: Any, name: str, array: xr.Variable) -> None:
    values = np.asarray(array.values)
    if values.dtype.kind in "OUT":
        values = values.astype(np.dtypes.StringDType())
    stored = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        dimension_names=[str(d) for d in array.dims],
        attributes=plain(array.attrs),
    )
    stored[...] = values


def merge_attrs(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of both; what is told by label is joined, else the new ones win."""
    joined = {
        key: {**old[key], **value}
        for key, value in new.items()
        if isinstance(value, Mapping) and isinstance(old.get(key), Mapping)
    }
    return {**old, **new, **joined}


def _provenance(array: xr.DataArray, document: Document) -> dict[str, Any]:
    """Digests of the files and stores that an array was made of, and the version that made it."""
    digests = {}
    for path in sources_of(array.variable):
        found = document["sources"][path]
        kind = next(kind for kind in ("whole", "sampled", "commit") if kind in found)
        digests[path] = f"{kind}:{found[kind]}"
    return {"source_digests": digests, VERSION_ATTR: __version__} if digests else {}


def _totals(array: xr.DataArray, tallies: Sequence[Any]) -> dict[str, Any]:
    """What became of the reads of each file, as attributes; checked against its index."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for what, path, told in tallies:
        counts.setdefault((what, path), Counter()).update(told)
    source = origin(array)
    if not counts or not isinstance(source, FileArray):
        return {}
    labels = _labels(array)
    attrs: dict[str, Any] = {}
    for number, one in enumerate(source.sources):
        name = getattr(one, "told_as", "") or one.stamp.path
        for what in sorted({what for what, path in counts if path == name}):
            # a file that stands under several labels was read for each
            shares = sum(other.stamp.path == name for other in source.sources) or 1
            own = {k: n // shares for k, n in sorted(counts[what, name].items())}
            _check_total(source, number, sum(own.values()), what)
            if labels is None:
                attrs[what] = own
            else:
                attrs.setdefault(what, {})[labels[number]] = own
    return attrs


def _labels(array: xr.DataArray) -> list[str] | None:
    for dim in ("sample", "track"):
        if dim in array.dims:
            return [str(label) for label in array[dim].values.tolist()]
    return None


def _check_total(source: FileArray, number: int, total: int, what: str) -> None:
    """Every read that the index lists on this genome was told once."""
    one, names = source.sources[number], source.names[number]
    due = getattr(one, "due", None)
    if due is None or not source.axis.is_whole:
        return
    own = [names.get(contig, contig) for contig in source.axis.assembly.names]
    expected = [due(contig) for contig in own if contig is not None]
    if None not in expected and sum(expected) != total:
        raise StoreError(
            f"{one.stamp.path}: {total:,} {what} were counted where its index lists "
            f"{sum(expected):,}; is the index of another file? make it again, and write again with "
            "overwrite=True"
        )
