"""Where does each stretch of each contig begin, in a BAM file that is read once?"""

from __future__ import annotations

from typing import Any

from numpy import int64

from genoarrays._compiled import compiled
from genoarrays.formats.reads.records import (
    BAD,
    GOOD,
    MORE,
    check_record,
    find_cigar,
    int32,
    read_span,
)  # fmt: skip

__all__ = ["UNSORTED", "scan_records"]

UNSORTED = 5


@compiled
def scan_records(
    data: Any, size: Any, starts: Any, packed: Any,
    first: Any, windows: Any, end: Any, number: Any, state: Any,
) -> Any:  # fmt: skip
    """Note where the records of data[:size] lie.

    Parameters
    ----------
    starts, packed
        Members in `data` and in the file, as `Content.members` gives them.
    first, windows
        Per contig its first window, and per window of 2**14 bp the smallest virtual offset of a
        record that overlaps it; filled in.
    end, number
        Per contig the virtual offset behind its last record (not of the last contig: what follows
        is not known), and the number of its records; filled in.
    state
        Contig (their number for reads without one) and position of the last record.

    Returns
    -------
    tuple
        0, BAD or UNSORTED; and the byte of the next record, or of the bad one.
    """
    at, member, contigs = int64(0), 0, len(end)
    while True:
        status = check_record(data, at, size)
        if status != GOOD:
            return (0 if status == MORE else BAD), at
        contig, pos = int32(data, at + 4), int32(data, at + 8)
        if contig < -1 or contig >= contigs or pos < -1:
            return BAD, at
        if contig < 0:
            contig = int64(contigs)
        if contig < state[0] or (contig == state[0] and contig < contigs and pos < state[1]):
            state[0], state[1] = contig, pos
            return UNSORTED, at
        while member + 1 < len(starts) and starts[member + 1] <= at:
            member += 1
        place = packed[member] << 16 | (at - starts[member])
        if contig != state[0] and state[0] < contigs:
            end[state[0]] = place
        state[0], state[1] = contig, pos
        if contig < contigs:
            cigar, count = find_cigar(data, at)
            span = max(read_span(data, cigar, count), 1)
            low = first[contig] + (max(pos, 0) >> 14)
            high = first[contig] + ((max(pos, 0) + span - 1) >> 14)
            for window in range(low, min(high + 1, first[contig + 1])):
                if windows[window] < 0:
                    windows[window] = place
            number[contig] += 1
        at += 4 + int32(data, at)
