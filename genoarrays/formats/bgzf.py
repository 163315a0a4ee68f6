"""Where in a bgzip file is uncompressed byte n?

BGZF is gzip in members of at most 64 KiB that tell their own length, so any byte is one look-up
and one small inflate away. The table of members comes from the .gzi where there is one, else from
hopping over the members' heads without inflating. isal releases the GIL: threads read in parallel.

Specification: SAM/BAM format, section 4.1 (https://samtools.github.io/hts-specs/SAMv1.pdf).
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp

__all__ = [
    "Members", "check_end", "is_gzip", "is_whole_gzip", "members", "packed_size", "read_range",
]  # fmt: skip

EOF_MARK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_MAGIC = b"\x1f\x8b\x08\x04"


class Members(NamedTuple):
    """Offsets of members and, last, of the end: in the file, and in its content."""

    packed: npt.NDArray[np.int64]
    plain: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Bytes of content."""
        return int(self.plain[-1])


def is_gzip(path: str) -> bool:
    """Whether a file is gzip of any kind."""
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_whole_gzip(stamp: Stamp) -> bool:
    """Whether a file is gzip of any kind; a BGZF file must have its end.

    Raises
    ------
    InputError
        For a BGZF file that was cut off, which no reader of gzip sees at the edge of a member.
    """
    with open(stamp.path, "rb") as file:
        head = file.read(300)
    if packed_size(head) is not None:
        check_end(stamp)
    return head.startswith(b"\x1f\x8b")


def check_end(stamp: Stamp) -> None:
    """Refuse a BGZF file without its last, empty member: it was cut off.

    Raises
    ------
    InputError
        When the mark is not there.
    """
    with open(stamp.path, "rb") as file:
        file.seek(max(stamp.size - len(EOF_MARK), 0))
        if file.read() != EOF_MARK:
            raise InputError(
                stamp.path,
                f"byte {stamp.size}",
                "the mark that ends a BGZF file is missing, the file was cut off",
                "copy or make it again",
            )


@lru_cache(maxsize=16)
def members(stamp: Stamp) -> Members:
    """Table of members.

    Raises
    ------
    InputError
        When the file is gzip but not bgzip, is damaged, or its .gzi is not its own.
    """
    index = stamp.path + ".gzi"
    with open(stamp.path, "rb") as file:
        _member_size(file, stamp, 0)
        check_end(stamp)
        packed, plain = _read_gzi(index, stamp) if os.path.exists(index) else ([0], [0])
        at = packed[-1]
        while at < stamp.size:
            size, content = _member_size(file, stamp, at)
            at += size
            packed.append(at)
            plain.append(plain[-1] + content)
    return Members(np.array(packed, dtype=np.int64), np.array(plain, dtype=np.int64))


def _read_gzi(path: str, stamp: Stamp) -> tuple[list[int], list[int]]:
    raw = np.fromfile(path, dtype="<u8").astype(np.int64)
    pairs = np.concatenate([[0, 0], raw[1:]])
    good = len(raw) > 0 and len(raw) == 1 + 2 * raw[0]
    if good:
        pairs = pairs.reshape(-1, 2)
        sizes = np.diff(pairs, axis=0)
        good = (sizes > 0).all() and (sizes <= 2**16).all() and pairs[-1, 0] < stamp.size
    if not good:
        name = os.path.basename(stamp.path)
        raise InputError(
            path, "", f"it is not the index of {stamp.path}", f"delete it, or: bgzip -r {name}"
        )
    return pairs[:, 0].tolist(), pairs[:, 1].tolist()


def _member_size(file: BinaryIO, stamp: Stamp, at: int) -> tuple[int, int]:
    """Bytes of a member, and of its content."""
    file.seek(at)
    head = file.read(300)
    size = packed_size(head)
    if size is None:
        if at == 0:
            raise InputError(
                stamp.path,
                "byte 0",
                "it is gzip, which cannot be read in parts",
                f"recompress with bgzip: gunzip {os.path.basename(stamp.path)} && bgzip "
                f"{os.path.basename(stamp.path).removesuffix('.gz')}",
            )
        raise _damaged(stamp, at)
    file.seek(at + size - 4)
    tail = file.read(4)
    if len(tail) < 4:
        raise _damaged(stamp, at)
    return size, int.from_bytes(tail, "little")


def packed_size(head: bytes) -> int | None:
    """Length of the member that starts with `head`, or None when it is no BGZF member."""
    if len(head) < 18 or head[:4] != _MAGIC:
        return None
    at, end = 12, 12 + int.from_bytes(head[10:12], "little")
    while at + 4 <= min(end, len(head)):
        length = int.from_bytes(head[at + 2 : at + 4], "little")
        if head[at : at + 2] == b"BC" and length == 2:
            return int.from_bytes(head[at + 4 : at + 6], "little") + 1
        at += 4 + length
    return None


def _damaged(stamp: Stamp, at: int) -> InputError:
    return InputError(
        stamp.path,
        f"byte {at}",
        "no BGZF block is there: the file is damaged, or its .gzi index is of another file",
        f"check it with: gzip -t {os.path.basename(stamp.path)}; delete the .gzi or make it again",
    )


def read_range(stamp: Stamp, start: int, end: int) -> bytes:
    """Bytes [start, end) of the content; fewer where it ends before.

    Raises
    ------
    InputError
        When the file changed, or a member is damaged.
    """
    stamp.check()
    table = members(stamp)
    end = min(end, table.size)
    if start >= end:
        return b""
    first = int(np.searchsorted(table.plain, start, side="right")) - 1
    last = int(np.searchsorted(table.plain, end, side="left"))
    begin = int(table.packed[first])
    with open(stamp.path, "rb") as file:
        file.seek(begin)
        raw = memoryview(file.read(int(table.packed[last]) - begin))
    parts = []
    for number in range(first, last):
        at, stop = (int(n) - begin for n in table.packed[number : number + 2])
        size = int(table.plain[number + 1] - table.plain[number])
        parts.append(_inflate(stamp, begin + at, raw[at:stop], size))
    content = b"".join(parts)
    skip = start - int(table.plain[first])
    return content[skip : skip + end - start]


def _inflate(stamp: Stamp, at: int, member: memoryview, size: int) -> bytes:
    from isal import isal_zlib  # half of zlib's time; checks the CRC

    if packed_size(bytes(member[: min(len(member), 300)])) != len(member):
        raise _damaged(stamp, at)
    try:
        content = isal_zlib.decompress(member, 31, max(size, 1))
    except isal_zlib.error:  # type: ignore[misc]  # typed as an instance
        raise _damaged(stamp, at) from None
    if len(content) != size:
        raise _damaged(stamp, at)
    return content
