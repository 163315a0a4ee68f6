"""How do the reads of a CRAM file come to be counted?

By pysam, which decodes them; each becomes the head of a BAM record (no letters, no tags), so that
one counter serves both. 3 us per read, most of it pysam's. The bases are not needed, but htslib
decodes none without the reference. What htslib needs and would write beside the inputs, an index of
either file, goes to a folder of the process.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays._optional import optional
from genoarrays.errors import InputError
from genoarrays.formats.files import Handles, Stamp
from genoarrays.formats.match import Header
from genoarrays.formats.reads.alignments import Shared, contig_digests
from genoarrays.formats.reads.bai import find_index
from genoarrays.formats.reads.crai import check_crai, containers

__all__ = ["CramKey", "cram_header", "cram_records"]

_HEAD = struct.Struct("<iiiBBHHHiiii")
_BATCH = 2**20  # bytes of records that are counted at once
_OPERATIONS = 2**16  # that the head of a record can count


class CramKey(NamedTuple):
    """A CRAM file and its reference; stands where a stamp does."""

    stamp: Stamp
    reference: str | None

    def check(self) -> None:
        """Refuse a file that was changed."""
        self.stamp.check()


def _pysam() -> Any:
    return optional("pysam", purpose="reading CRAM files", extra="all")


class _Quiet:
    """No htslib messages on stderr while any thread is inside: what matters is raised."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = _pysam().set_verbosity(0)
            self._inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                _pysam().set_verbosity(self._before)


_quiet = _Quiet()


_scratch = cache(lambda process: TemporaryDirectory(prefix="genoarrays-"))


def _own(path: str, suffix: str) -> str:
    """Name of a file in this process's own folder, which goes when the process ends."""
    digest = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return os.path.join(_scratch(os.getpid()).name, digest + suffix)


def _find_index(stamp: Stamp) -> str:
    """The index beside the file, once it is known to be its own, or one made now."""
    if (beside := find_index(stamp.path)) is not None:
        check_crai(stamp, beside)
        return beside
    containers(stamp)
    made = _own(stamp.path, ".crai")
    try:
        with _quiet:
            _pysam().index(stamp.path, made)
    except _pysam().SamtoolsError as error:
        raise InputError(
            stamp.path, "", "no index can be made: it is damaged, or its reads are not sorted",
            f"sort them: samtools sort -O cram -o sorted.cram {os.path.basename(stamp.path)}",
        ) from error  # fmt: skip
    return made


def _find_reference(stamp: Stamp) -> str:
    """A FASTA beside which htslib may write a .fai: a link to it, where it has none."""
    if os.path.exists(stamp.path + ".fai"):
        return stamp.path
    link = _own(stamp.path, ".gz" if stamp.path.endswith(".gz") else ".fa")
    os.symlink(stamp.path, link)
    if os.path.exists(stamp.path + ".gzi"):
        os.symlink(stamp.path + ".gzi", link + ".gzi")
    return link


_indexes: Shared[str] = Shared(_find_index)
_references: Shared[str] = Shared(_find_reference)


def _open(key: Any) -> Any:
    path = key.stamp.path
    fasta = None if key.reference is None else _references(Stamp.of(key.reference))
    index = _indexes(key.stamp)
    try:
        with _quiet:
            return _pysam().AlignmentFile(
                path, "rc", reference_filename=fasta, index_filename=index
            )
    except (OSError, ValueError) as error:
        raise InputError(
            path, "", f"its header cannot be read ({error})", "copy or make it again"
        ) from error


_handles = Handles(_open)


def cram_header(key: CramKey) -> Header:
    """Contigs of a CRAM file, with their MD5.

    Raises
    ------
    InputError
        When it is damaged, or lists a contig twice.
    """
    handle = _handles(key)  # type: ignore[arg-type]  # a key is a stamp to all that Handles does
    with _quiet:
        text = str(handle.header)
        lengths = dict(zip(handle.references, handle.lengths, strict=True))
    return Header(key.stamp.path, lengths, contig_digests(key.stamp.path, text))


def cram_records(
    key: CramKey, contig: str, start: int, end: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """Reads that overlap [start, end), as BAM records without letters, some at a time.

    Raises
    ------
    InputError
        When there is no reference, or another one, or the file is damaged.
    """
    path, handle = key.stamp.path, _handles(key)  # type: ignore[arg-type]
    records: list[bytes] = []
    size = 0
    try:
        with _quiet:
            reads = handle.fetch(contig, start, min(end, handle.get_reference_length(contig)))
            for read in reads:
                records.append(_pack(read))
                size += len(records[-1])
                if size >= _BATCH:
                    yield np.frombuffer(b"".join(records), np.uint8)
                    records, size = [], 0
    except (OSError, ValueError) as error:
        _handles.forget(key)  # type: ignore[arg-type]
        with _quiet, suppress(OSError):
            handle.close()
        cure = "give the FASTA that it was made with as reference="
        if key.reference is not None:
            cure = f"is {key.reference} the FASTA that it was made with? else copy it again"
        raise InputError(
            path, f"{contig}:{start:,}", f"the reads cannot be decoded ({error})", cure
        ) from error
    if records:
        yield np.frombuffer(b"".join(records), np.uint8)


def _pack(read: Any) -> bytes:
    name = (read.query_name or "*").encode() + b"\0"
    operations = [length << 4 | kind for kind, length in read.cigartuples or ()]
    cigar = np.array(operations, dtype="<u4").tobytes()
    tags, number = b"", len(operations)
    if number >= _OPERATIONS:  # as in BAM: the tag CG, and no letters clipped, all skipped
        tags = b"CGBI" + struct.pack("<i", number) + cigar
        cigar, number = struct.pack("<II", 4, (read.reference_length or 0) << 4 | 3), 2
    tail = name + cigar + tags
    return _HEAD.pack(
        32 + len(tail), read.reference_id, read.reference_start, len(name),
        read.mapping_quality, 0, number, read.flag, 0, read.next_reference_id,
        read.next_reference_start, read.template_length,
    ) + tail  # fmt: skip
