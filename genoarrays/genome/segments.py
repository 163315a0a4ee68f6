"""Small array work on segments and runs of the genome axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.genome.assembly import Assembly
from genoarrays.options import check_bytes

__all__ = ["contig_names", "cut_runs", "join_runs", "merge_runs", "runs_of", "spread"]

Ints = npt.NDArray[np.int64]
_BLOCK = 2**20  # positions looked at together: copies of all 30 million take 0.5 GB


def merge_runs(code: Ints, first: Ints, count: Ints, step: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Drop empty segments and join those that continue each other."""
    kept = count > 0
    if not kept.all():
        code, first, count, step = code[kept], first[kept], count[kept], step[kept]
    step = np.where(count == 1, 1, step)
    if len(code) < 2:
        return code, first, count, step
    continues = (
        (code[1:] == code[:-1])
        & (step[1:] == step[:-1])
        & (first[1:] == first[:-1] + count[:-1] * step[:-1])
    )
    if not continues.any():
        return code, first, count, step
    heads = np.flatnonzero(np.concatenate([[True], ~continues]))
    return code[heads], first[heads], np.add.reduceat(count, heads), step[heads]


def join_runs(found: Iterable[slice]) -> slice | Ints:
    """One slice where the slices follow each other, else an array within the byte limit."""
    runs: list[slice] = []
    for run in found:
        if run.stop <= run.start:
            continue
        if runs and runs[-1].stop == run.start:
            runs[-1] = slice(runs[-1].start, run.stop)
        else:
            runs.append(run)
    if len(runs) <= 1:
        return runs[0] if runs else slice(0, 0)
    return _positions_of(runs)


def _positions_of(runs: Sequence[slice]) -> Ints:
    ends = np.cumsum([run.stop - run.start for run in runs])
    check_bytes(
        int(ends[-1]) * 8,
        "the positions of these regions",
        'select fewer, or join them: xr.concat([ds.sel(contig=c) for c in contigs], "position")',
    )
    # moved in place: np.concatenate of a range for each run takes twice the memory
    positions = np.arange(ends[-1], dtype=np.int64)
    for run, end in zip(runs, ends.tolist(), strict=True):
        positions[end - (run.stop - run.start) : end] += run.stop - end
    return positions


def runs_of(positions: npt.NDArray[Any]) -> tuple[Ints, Ints]:
    """Start and stop of each run of positions that ascend by one."""
    heads = [np.zeros(min(len(positions), 1), dtype=np.int64)]
    for begin in range(1, len(positions), _BLOCK):
        some = positions[begin - 1 : begin + _BLOCK].astype(np.int64, copy=False)
        heads.append(np.flatnonzero(some[1:] != some[:-1] + 1) + begin)
    head = np.concatenate(heads)
    start = positions[head].astype(np.int64)
    return start, start + np.diff(head, append=len(positions))


def cut_runs(edges: Ints, start: Ints, stop: Ints) -> tuple[Ints, Ints, Ints]:
    """Cut runs of positions at edges: segment, first position and number of each part."""
    segment = np.searchsorted(edges, start, side="right") - 1
    if (stop <= edges[segment + 1]).all():
        return segment, start, stop - start
    run, segment = spread(segment, np.searchsorted(edges, stop, side="left") - segment)
    begin = np.maximum(start[run], edges[segment])
    return segment, begin, np.minimum(stop[run], edges[segment + 1]) - begin


def spread(begin: Ints, number: Ints) -> tuple[Ints, Ints]:
    """For each row, `number` places from `begin` on: the row and the place of all of them."""
    row = np.repeat(np.arange(len(begin)), number)
    within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    return row, begin[row] + within


def contig_names(assembly: Assembly) -> npt.NDArray[np.generic]:
    """Contig names by code, as numpy's variable-length strings."""
    return np.array(assembly.names, dtype=np.dtypes.StringDType())
