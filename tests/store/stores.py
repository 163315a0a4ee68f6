"""Small stores, ways to damage them, and processes that know nothing yet."""

import itertools
import os
from pathlib import Path

import google_crc32c
import numpy as np

import genoarrays as ga
from genoarrays.store import manifest, marker, stored

LENGTHS = {"chr1": 700, "chr2": 300, "chr3": 41}
CHUNK, SHARD = 100, 300
PIPELINES = {
    "zarr": {"codec_pipeline.path": "zarr.core.codec_pipeline.BatchedCodecPipeline"},
    "zarrs": {"codec_pipeline.path": "zarrs.ZarrsCodecPipeline"},
}


def genome(seed=0):
    """Of `label`, a shard and an inner chunk are not stored: they hold nothing but zeros."""
    ds = ga.testing.random_genome(LENGTHS, seed=seed)
    ds.label[:400] = 0
    return ds


def write(path, seed=0, **options):
    ga.to_zarr(genome(seed), path, chunk=CHUNK, shard=SHARD, progress=False, **options)
    return Path(path)


def forget():
    """Be as a new process that has not read any store."""
    stored._reader.cache_clear()
    stored._manifest.cache_clear()
    marker._read.clear()


def flip(path, bit):
    raw = bytearray(path.read_bytes())
    raw[bit // 8] ^= 1 << bit % 8
    replace(path, bytes(raw))


def replace(path, content):
    other = path.with_name(f".{path.name}.new")
    other.write_bytes(content)
    os.replace(other, path)


def exchange(one, other):
    first, second = one.read_bytes(), other.read_bytes()
    replace(one, second)
    replace(other, first)


def files(path):
    return sorted(str(f.relative_to(path)) for f in Path(path).rglob("*") if f.is_file())


def index_of(content):
    """Start and size of each inner chunk of a shard, None for those that are not stored."""
    index = np.frombuffer(content[-4 - 16 * (SHARD // CHUNK) : -4], "<u8").reshape(-1, 2)
    return [None if size == 2**64 - 1 else (int(start), int(size)) for start, size in index]


def region(start, stop):
    """Bases of the positions [start, stop), found by listing them all."""
    labels = [(c, i) for c, n in LENGTHS.items() for i in range(n)][start:stop]
    runs = []
    for contig, some in itertools.groupby(labels, key=lambda label: label[0]):
        bases = [base for _, base in some]
        runs.append(f"{contig}:{bases[0]:,}-{bases[-1] + 1:,}")
    return ", ".join(runs)


def span(key, chunk=None):
    """Positions of a shard by its key, or of an inner chunk in it."""
    start = int(key.rsplit("/", 1)[1]) * SHARD
    if chunk is None:
        return start, min(start + SHARD, 1041)
    return start + chunk * CHUNK, min(start + (chunk + 1) * CHUNK, 1041)


def lazy(path, name="signal"):
    """An array without dask: each read is one of the stored array."""
    return ga.open_zarr(path, chunks=None)[name]


def one_chunk(path):
    """A shard of signal, and where an inner chunk of it lies: track b, chr1:500-600."""
    file = path / "1bp" / "signal" / "c" / "1" / "1"
    start, size = index_of(file.read_bytes())[2]
    return file, start, size


def record_of(content, inner):
    """Row of the manifest, of the bytes of a shard."""
    record = np.zeros((), manifest.manifest_dtype(inner))
    if content is None:
        record["length"] = -1
        return record
    index = np.frombuffer(content[-16 * inner - 4 : -4], "<u8").reshape(inner, 2)
    record["length"], record["crc"] = len(content), google_crc32c.value(content)
    record["index"] = int.from_bytes(content[-4:], "little")
    for number, (start, size) in enumerate(index.tolist()):
        if start != 2**64 - 1:
            end = start + size
            record["chunks"][number] = int.from_bytes(content[end - 4 : end], "little")
    return record
