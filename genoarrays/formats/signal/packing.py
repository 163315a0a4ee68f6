"""Which entries, blocks and summaries are the values of a track?

Three loops, each of which goes on where it stopped when its room is used up. `fill_entries` turns
bins into entries: equal neighbors are one. `pack_entries` lays entries out as blocks: as values
alone (fixed step, 4 bytes a bin), where bins follow each other and this is shorter than start, end
and value (12 bytes an entry). `sum_entries` keeps summaries of ever longer stretches, each of four
of the level below. What they give depends on the entries only, not on how they came in pieces.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from genoarrays._compiled import compiled

__all__ = [
    "ENTRIES", "RECORDS",
    "close_sums", "fill_entries", "pack_entries", "sum_entries",
]  # fmt: skip

_BLOCK_WORDS = 8192  # 32 KiB: what libBigWig and the tools of UCSC write
_HEAD = 6
ENTRIES = (_BLOCK_WORDS - _HEAD) // 3  # of a block
_STEPS = _BLOCK_WORDS - _HEAD
RECORDS = _BLOCK_WORDS // 8  # of a block of summaries
_BEDGRAPH, _FIXED = 1, 3
_SAVED = 512  # words; a block costs 5 us of its own, so small ones do not pay
_LARGEST = float(np.finfo(np.float32).max)
RUN, BIN, FAULT = range(3)  # places in the state of `fill_entries`


@compiled
def fill_entries(
    values: Any, column: int, base: int, runs: Any, lengths: Any, out: Any, count: int, state: Any
) -> int:
    """Append the bins of runs to entries; NaN and bins without a base are left out.

    Parameters
    ----------
    values
        (place, column) float32.
    column
        The one to take.
    base
        Place of the first row of `values`.
    runs
        edges, code, low, step, width, place and way of `Runs`, int64.
    lengths
        Contig lengths, bp.
    out
        code, start, end (int64) and value (float32) of entries.
    count
        Entries that are there; the last one grows when an equal neighbor follows.
    state
        (3,) int64: run and bin to begin with; 1 when that bin's value is infinite.

    Returns
    -------
    int
        Entries that are there now. When the state's run is not past the last one, they fill `out`.
    """
    edges, codes, lows, steps, widths, places, ways = runs
    code_out, start_out, end_out, value_out = out
    room = len(value_out)
    begin = state[BIN]
    for run in range(state[RUN], len(codes)):
        code, low, step, width = codes[run], lows[run], steps[run], widths[run]
        length, way = lengths[code], ways[run]
        at = places[run] - base
        number = edges[run + 1] - edges[run]
        k = begin
        while k < number:
            value = values[at + k * way, column]
            first = k
            k += 1
            if math.isnan(value):
                continue
            if step == width:  # go on to the last of equal bins: most bases of a sparse track
                while k < number and values[at + k * way, column] == value:
                    k += 1
            start = max(low + first * step, 0)
            end = min(low + (k - 1) * step + width, length)
            if end <= start:
                continue
            last = count - 1
            if (
                count
                and value == value_out[last]
                and start == end_out[last]
                and code == code_out[last]
            ):
                end_out[last] = end
                continue
            if math.isinf(value) or count == room:
                state[RUN], state[BIN], state[FAULT] = run, first, math.isinf(value)
                return count
            code_out[count], start_out[count], end_out[count] = code, start, end
            value_out[count] = value
            count += 1
        begin = 0
    state[RUN], state[BIN] = len(codes), 0
    return count


@compiled
def _stretch(entries: Any, first: int, count: int, unit: int) -> Any:
    """How many entries follow each other in whole bins, one block at most, and their bins."""
    code, start, end, _ = entries
    bins, k = 0, first
    while k < count and k - first < _STEPS:
        size = end[k] - start[k]
        if k > first and (start[k] != end[k - 1] or code[k] != code[k - 1]):
            break
        if size % unit or bins + size // unit > _STEPS:
            break
        bins += size // unit
        k += 1
    return k - first, bins


@compiled
def pack_entries(entries: Any, count: int, unit: int, words: Any, table: Any) -> int:
    """Lay entries out as blocks.

    Parameters
    ----------
    entries
        code, start, end, value, as of `fill_entries`.
    count
        How many.
    unit
        bp of a bin.
    words
        uint32, written; nine for each entry suffice, as each may begin a block.
    table
        (blocks, 5) int64, written: contig, start, end, first word, words; an entry has one at most.

    Returns
    -------
    int
        Number of blocks.
    """
    code, start, end, value = entries
    floats = words.view(np.float32)
    at, blocks, used, k = 0, 0, 0, 0  # `used` entries are in the open block
    while k < count:
        many, bins = _stretch(entries, k, count, unit)
        if bins + _HEAD + _SAVED <= 3 * many:
            at += _HEAD + 3 * used if used else 0
            used = 0
            _head(words, table, blocks, at, code[k], start[k], end[k + many - 1], _FIXED)
            words[at + 3], words[at + 4] = unit, unit
            words[at + 5] = _FIXED | bins << 16
            place = at + _HEAD
            for one in range(k, k + many):
                for _ in range((end[one] - start[one]) // unit):
                    floats[place] = value[one]
                    place += 1
            table[blocks, 4] = place - at
            at = place
            blocks += 1
            k += many
            continue
        for one in range(k, k + max(many, 1)):
            if used and (used == ENTRIES or code[one] != table[blocks - 1, 0]):
                at += _HEAD + 3 * used
                used = 0
            if not used:
                _head(words, table, blocks, at, code[one], start[one], end[one], _BEDGRAPH)
                words[at + 3], words[at + 4] = 0, 0
                blocks += 1
            place = at + _HEAD + 3 * used
            words[place], words[place + 1] = start[one], end[one]
            floats[place + 2] = value[one]
            used += 1
            words[at + 2] = end[one]
            words[at + 5] = _BEDGRAPH | used << 16
            table[blocks - 1, 2], table[blocks - 1, 4] = end[one], _HEAD + 3 * used
        k += max(many, 1)
    return blocks


@compiled
def _head(
    words: Any, table: Any, block: int, at: int, code: int, start: int, end: int, kind: int
) -> None:
    words[at], words[at + 1], words[at + 2] = code, start, end
    table[block, 0], table[block, 1], table[block, 2], table[block, 3] = code, start, end, at


@compiled
def sum_entries(
    entries: Any,
    count: int,
    lengths: Any,
    size: int,
    whole: Any,
    open_places: Any,
    open_sums: Any,
    records: Any,
    filled: Any,
    state: Any,
) -> bool:
    """Add entries to the summaries of all levels.

    Parameters
    ----------
    entries, count
        As of `pack_entries`.
    lengths
        Contig lengths, bp.
    size
        bp that a summary of the lowest level covers; four times as many on each next one.
    whole
        (5,) float64, added to: bases, smallest, largest, sum, sum of squares.
    open_places
        (levels, 3) int64: contig, number along it and bases of the summary under way.
    open_sums
        (levels, 4) float64: its smallest, largest, sum and sum of squares.
    records
        (levels, RECORDS, 8) uint32: finished summaries.
    filled
        (levels,) int64: how many.
    state
        (2,) int64: entry, and bp of it, to go on with; 0 and -1 at first.

    Returns
    -------
    bool
        Whether all is added; else the records of one level are full.
    """
    code, start, end, values = entries
    low = high = -1  # what the summary under way covers, and of which contig; in registers
    contig = np.int64(-1)
    if open_places[0, 2]:
        contig, low = open_places[0, 0], open_places[0, 1] * size
        high = low + size
    for k in range(state[0], count):
        value = np.float64(values[k])
        at = start[k]
        if k == state[0] and state[1] >= 0:
            at = state[1]
        else:
            bases = end[k] - at
            whole[0] += bases
            whole[1] = min(whole[1], value)
            whole[2] = max(whole[2], value)
            whole[3] += value * bases
            whole[4] += value * value * bases
        while at < end[k]:
            if at >= high or code[k] != contig:
                if contig >= 0:
                    if filled.max() >= RECORDS:
                        state[0], state[1] = k, at
                        return False
                    _close(0, lengths, size, open_places, open_sums, records, filled)
                number = at // size
                contig, low = code[k], number * size
                high = low + size
                open_places[0, 0], open_places[0, 1] = contig, number
                open_sums[0, 0], open_sums[0, 1] = value, value
                open_sums[0, 2], open_sums[0, 3] = 0.0, 0.0
            stop = min(end[k], high)
            bases = stop - at
            open_places[0, 2] += bases
            open_sums[0, 0] = min(open_sums[0, 0], value)
            open_sums[0, 1] = max(open_sums[0, 1], value)
            open_sums[0, 2] += value * bases
            open_sums[0, 3] += value * value * bases
            at = stop
    state[0], state[1] = 0, -1
    return True


@compiled
def _add(
    level: int, places: Any, sums: Any, code: int, number: int, bases: int, low: float,
    high: float, total: float, squares: float,
) -> None:  # fmt: skip
    if not places[level, 2]:
        places[level, 0], places[level, 1] = code, number
        sums[level, 0], sums[level, 1], sums[level, 2], sums[level, 3] = low, high, 0.0, 0.0
    places[level, 2] += bases
    sums[level, 0] = min(sums[level, 0], low)
    sums[level, 1] = max(sums[level, 1], high)
    sums[level, 2] += total
    sums[level, 3] += squares


@compiled
def _close(
    level: int, lengths: Any, size: int, places: Any, sums: Any, records: Any, filled: Any
) -> None:
    """Finish the summary under way, after those above it that it does not belong to."""
    top, levels = level, len(places)
    while (
        top + 1 < levels
        and places[top + 1, 2]
        and (places[top + 1, 0] != places[top, 0] or places[top + 1, 1] != places[top, 1] // 4)
    ):
        top += 1
    for one in range(top, level - 1, -1):
        code, number, bases = places[one]
        span = size * 4**one
        record = records[one, filled[one]]
        record[0], record[1] = code, number * span
        record[2], record[3] = min((number + 1) * span, lengths[code]), bases
        floats = record.view(np.float32)
        for k in range(4):  # sums of values near the largest float32 do not fit
            floats[4 + k] = min(max(sums[one, k], -_LARGEST), _LARGEST)
        filled[one] += 1
        if one + 1 < levels:
            _add(one + 1, places, sums, code, number // 4, bases, sums[one, 0], sums[one, 1],
                 sums[one, 2], sums[one, 3])  # fmt: skip
        places[one, 2] = 0


@compiled
def close_sums(lengths: Any, size: int, places: Any, sums: Any, records: Any, filled: Any) -> bool:
    """Finish the summaries under way; False when the records of one level are full before."""
    for level in range(len(places)):
        if places[level, 2]:
            if filled.max() >= RECORDS:
                return False
            _close(level, lengths, size, places, sums, records, filled)
    return True
