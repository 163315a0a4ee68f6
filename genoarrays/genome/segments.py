"""Small array work on segments and runs of the genome axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genoarrays.genome.assembly import Assembly
from genoarrays.options import check_bytes

__all__ = ["contig_names", "merge_runs", "positions_of"]

Ints = npt.NDArray[np.int64]


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


def positions_of(runs: Sequence[slice]) -> Ints:
    """Positions in several slices, as one array; refused above the byte limit."""
    total = sum(run.stop - run.start for run in runs)
    check_bytes(
        total * 8, "the positions of these regions", "select fewer, or xr.concat one by one"
    )
    return np.concatenate([np.arange(run.start, run.stop, dtype=np.int64) for run in runs])


def contig_names(assembly: Assembly) -> npt.NDArray[np.generic]:
    """Contig names by code, as numpy's variable-length strings."""
    return np.array(assembly.names, dtype=np.dtypes.StringDType())
