"""Between which virtual offsets are the reads that overlap a region?

From a .bai or .csi, or from one scan of a BAM that has neither; nothing is written. An index is
older than its file, or of another one, more often than one thinks: the number of contigs, the first
and the last read that it knows and each end of a run of records must be those of the file.

Specification: SAM/BAM format, section 5 (https://samtools.github.io/hts-specs/SAMv1.pdf), and CSI
(https://samtools.github.io/hts-specs/CSIv1.pdf).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.inflate import Content

__all__ = ["Index", "ReadIndex", "find_index", "read_index", "scan_index"]

Ints = npt.NDArray[np.int64]
Run = tuple[int, int]


class Index(Protocol):
    """Where reads lie."""

    @property
    def path(self) -> str | None:
        """The index file, if there is one."""
        ...

    def runs(self, contig: int, start: int, end: int) -> list[Run]:
        """Virtual offsets [begin, end) of runs of records: all that overlap [start, end)."""
        ...

    def placed(self, contig: int) -> int | None:
        """Records placed on a contig, mapped or not; None when the index does not tell."""
        ...


class _Contig(NamedTuple):
    bins: Ints
    begin: Ints  # of runs, with the bin of each
    end: Ints
    linear: Ints  # smallest offset by window of 2**14 (.bai); or by bin of `bins` (.csi)
    placed: int | None


class ReadIndex:
    """Index read from a file.

    Parameters
    ----------
    path
        The file.
    contigs
        One each of the BAM's header.
    shift, depth
        Smallest bin in bits, and levels of bins above it.
    csi
        Whether `linear` goes by bin.
    """

    def __init__(
        self, path: str, contigs: Sequence[_Contig], shift: int, depth: int, csi: bool
    ) -> None:
        self.path: str | None = path
        self._contigs = contigs
        self._shift = shift
        self._depth = depth
        self._csi = csi

    def __len__(self) -> int:
        return len(self._contigs)

    def placed(self, contig: int) -> int | None:
        """Records placed on a contig, mapped or not; None when the index does not tell."""
        found = self._contigs[contig]
        return found.placed if found.placed is not None or len(found.bins) else 0

    def bounds(self) -> Run | None:
        """Begin of the first run of records in the file, and end of the last."""
        filled = [c for c in self._contigs if len(c.begin)]
        if not filled:
            return None
        return min(int(c.begin.min()) for c in filled), max(int(c.end.max()) for c in filled)

    def runs(self, contig: int, start: int, end: int) -> list[Run]:
        """Virtual offsets [begin, end) of runs of records: all that overlap [start, end).

        What lies before the first record of the window before that of `start` is left out. Not of
        the window itself: some writers note its first mapped record, and unmapped ones come before.
        """
        found = self._contigs[contig]
        if not len(found.bins):
            return []
        most = (1 << 3 * self._depth) - 1
        low, high = (min(n >> self._shift, most) for n in (start, max(end - 1, start)))
        wanted = np.zeros(len(found.bins), dtype=bool)
        least, leaves = 0, ((1 << 3 * self._depth) - 1) // 7
        for level in range(self._depth + 1):
            first, over = ((1 << 3 * level) - 1) // 7, 3 * (self._depth - level)
            wanted |= (found.bins >= first + (low >> over)) & (found.bins <= first + (high >> over))
            if self._csi and low:
                exact = np.flatnonzero(found.bins == first + (low - 1 >> over))
                least = int(found.linear[exact[0]]) if len(exact) else least
        if start == 0:
            wanted |= found.bins == leaves - 1  # reads without a position: reg2bin(-1, 0)
        if not self._csi and len(found.linear) and low:
            least = int(found.linear[min(low, len(found.linear)) - 1])
        begin, stop = found.begin[wanted], found.end[wanted]
        some = stop > least
        return _joined(np.maximum(begin[some], least), stop[some])


def _joined(begin: Ints, end: Ints) -> list[Run]:
    """Runs in order, those that meet within a member made one."""
    runs: list[Run] = []
    for one in np.argsort(begin, kind="stable").tolist():
        first, last = int(begin[one]), int(end[one])
        if runs and first >> 16 <= runs[-1][1] >> 16:
            runs[-1] = (runs[-1][0], max(runs[-1][1], last))
        else:
            runs.append((first, last))
    return runs


class _Scanned(NamedTuple):
    """Index made by reading the whole file once."""

    first_window: Ints  # of each contig, and the end
    windows: Ints  # smallest offset of a read that overlaps window n of 2**14 bp, or a later one
    end: Ints  # of each contig's records
    number: Ints
    path: str | None = None

    def placed(self, contig: int) -> int | None:
        """Records placed on a contig, mapped or not."""
        return int(self.number[contig])

    def runs(self, contig: int, start: int, end: int) -> list[Run]:
        """One run, from the first record that overlaps the start to the contig's last."""
        own = self.windows[self.first_window[contig] : self.first_window[contig + 1]]
        begin, stop = int(own[min(start >> 14, len(own) - 1)]), int(self.end[contig])
        return [(begin, stop)] if begin < stop else []


def scan_index(
    stamp: Stamp, header_end: int, names: Sequence[str], lengths: Sequence[int]
) -> Index:
    """Index of a BAM file without one, by one pass over it.

    Raises
    ------
    InputError
        When the file is damaged, or its reads are not sorted.
    """
    from genoarrays.formats.reads.scanning import UNSORTED, scan_records

    counts = [(length >> 14) + 1 for length in lengths]
    first = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum(counts, out=first[1:])
    windows = np.full(first[-1], -1, dtype=np.int64)
    end, number = np.zeros(len(names), np.int64), np.zeros(len(names), np.int64)
    state = np.array([0, -2], dtype=np.int64)
    fix = f"the file is damaged; check it: samtools quickcheck {os.path.basename(stamp.path)}"
    with Content(stamp, header_end, None, fix) as content:
        at = 0
        while content.more(at):
            starts, packed = content.members()
            status, at = scan_records(
                content.data, content.size, starts, packed, first, windows, end, number, state
            )
            if status == UNSORTED:
                contig, pos = state.tolist()
                raise unsorted(stamp, f"{names[contig]}:{pos:,}" if contig < len(names) else "")
            if status:
                raise no_record(stamp, content.place(at), fix)
        if content.size:
            raise no_record(stamp, content.place(0), fix)
    if state[0] < len(names):
        end[state[0]] = stamp.size << 16
    for contig in range(len(names)):
        own = windows[first[contig] : first[contig + 1]]
        own[own < 0] = end[contig] or 2**62
        own[:] = np.minimum.accumulate(own[::-1])[::-1]
    return _Scanned(first, windows, end, number)


def unsorted(stamp: Stamp, where: str) -> InputError:
    """A read lies before the one that it follows."""
    name = os.path.basename(stamp.path)
    return InputError(
        stamp.path, where, "the reads are not sorted by contig and position",
        f"sort them: samtools sort -o sorted.bam {name}",
    )  # fmt: skip


def no_record(stamp: Stamp, place: int, fix: str) -> InputError:
    """No record lies where one is due."""
    where = f"byte {place >> 16}, {place & 0xFFFF:,} in its block"
    return InputError(stamp.path, where, "the bytes there are no read", fix)


def find_index(path: str) -> str | None:
    """The index beside a BAM or CRAM file, in htslib's order."""
    base, suffix = os.path.splitext(path)
    kinds = (".crai",) if suffix == ".cram" else (".csi", ".bai", ".crai")
    tried = [stem + kind for kind in kinds for stem in (path, base)]
    return next((one for one in tried if os.path.exists(one)), None)


def read_index(path: str, stamp: Stamp, contigs: int) -> ReadIndex:
    """Read a .bai or .csi.

    Raises
    ------
    InputError
        When it is damaged, or knows another number of contigs.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read()
        if raw[:2] == b"\x1f\x8b":
            raw = _gunzip(raw)
        if raw[:4] == b"BAI\1":
            index = ReadIndex(path, _contigs(raw, 4, stamp, 5, False), 14, 5, False)
        elif raw[:4] == b"CSI\1":
            shift, depth, extra = struct.unpack_from("<iii", raw, 4)
            if not (0 < shift < 32 and 0 <= depth < 16 and extra >= 0):
                raise ValueError("its head is damaged")
            index = ReadIndex(
                path, _contigs(raw, 16 + extra, stamp, depth, True), shift, depth, True
            )
        else:
            raise ValueError("it is neither .bai nor .csi")
        if len(index) != contigs:
            raise ValueError(f"it knows {len(index):,} contigs, and the header {contigs:,}")
        return index
    except (ValueError, struct.error, zlib.error, OSError) as error:
        problem = "it was cut off" if isinstance(error, struct.error) else str(error)
        raise foreign(path, stamp, problem) from None


def foreign(path: str, stamp: Stamp, problem: str) -> InputError:
    """An index that is damaged, older than its file, or of another one."""
    name = os.path.basename(stamp.path)
    return InputError(
        path, "", f"it is not the index of {stamp.path}: {problem}", f"run: samtools index {name}"
    )


def _gunzip(raw: bytes) -> bytes:
    parts = []
    while raw:
        member = zlib.decompressobj(31)
        parts.append(member.decompress(raw))
        if not member.eof:
            raise ValueError("it was cut off")
        raw = member.unused_data
    return b"".join(parts)


def _contigs(raw: bytes, at: int, stamp: Stamp, depth: int, csi: bool) -> list[_Contig]:
    found: list[_Contig] = []
    (number,) = struct.unpack_from("<i", raw, at)
    at += 4
    over = ((1 << 3 * (depth + 1)) - 1) // 7 + 1  # the pseudo-bin, which holds counts
    head = struct.Struct("<IQi" if csi else "<Ii")
    for _ in range(number):
        (bins,) = struct.unpack_from("<i", raw, at)
        at += 4
        placed: int | None = None
        names: list[int] = []
        linear: list[int] = []
        runs: list[bytes] = []
        for _ in range(bins):
            name, *offset, count = head.unpack_from(raw, at)
            at += head.size
            if count < 0 or at + 16 * count > len(raw):
                raise ValueError("it was cut off")
            if name == over:
                if count == 2:
                    placed = sum(struct.unpack_from("<QQ", raw, at + 16))
            else:
                names += [name] * count
                linear += offset * count
                runs.append(raw[at : at + 16 * count])
            at += 16 * count
        if not csi:
            (windows,) = struct.unpack_from("<i", raw, at)
            if windows < 0 or at + 4 + 8 * windows > len(raw):
                raise ValueError("it was cut off")
            lowest = np.frombuffer(raw, "<u8", windows, at + 4).astype(np.int64)
            at += 4 + 8 * windows
        else:
            lowest = np.array(linear, dtype=np.uint64).astype(np.int64)
        pairs = np.frombuffer(b"".join(runs), "<u8").astype(np.int64).reshape(-1, 2)
        begin, end = np.ascontiguousarray(pairs.T)
        if ((begin > end) | (begin < 0) | (end >> 16 > stamp.size)).any():
            raise ValueError("it points past the end of the file")
        found.append(_Contig(np.array(names, np.int64), begin, end, lowest, placed))
    return found
