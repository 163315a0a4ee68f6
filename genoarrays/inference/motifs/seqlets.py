"""Which short stretches did a model look at?

Seqlets are stretches with a high sum of contributions, at most one at a place. They are a table of
regions, so they can be read again, resized, compared with peaks, and exported as BED.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.columns import make_columns
from genoarrays.genome.regions import columns_dataset
from genoarrays.inference.motifs.spans import Spans, spans_of

__all__ = ["find_seqlets"]

Array = npt.NDArray[Any]


def find_seqlets(
    attributions: xr.DataArray,
    dna: xr.DataArray,
    *,
    width: int = 11,
    flank: int = 6,
    top: int = 1000,
    per_window: int = 2,
    negative: bool = False,
) -> xr.Dataset:
    """Stretches with the largest contributions, the strongest first.

    Parameters
    ----------
    attributions
        (window or sequence, offset[, channel]), as `ga.integrated_gradients` gives them.
    dna
        Codes of the same windows, `x.dna`.
    width
        bp of a seqlet, whose contributions are summed.
    flank
        bp kept on both sides in `dna` and `contribution`, for `ga.align_seqlets`.
    top
        Most seqlets to give.
    per_window
        Most seqlets of a window.
    negative
        Find those with the most negative sums.

    Returns
    -------
    xr.Dataset
        Table of regions: contig, start, end, strand (that of the window, "+" where it has none),
        `score`, the summed contribution, and `sequence`; with flanks `dna` and `contribution`
        (region, offset), offset 0 at the first base of the seqlet. Where windows overlap, the
        strongest at a place is kept. Sequences without a genome give the same with the dimension
        `seqlet` and their ids as contigs.

    Raises
    ------
    GenomeError
        When arrays do not belong together, or for a width that is not possible.
    RegionError
        When attributions and sequence are of other windows.

    Examples
    --------
    >>> import genoarrays as ga
    >>> dna = ga.testing.dna("AAAAGATTACAAAAAAA").expand_dims(sequence=1)
    >>> a = xr.zeros_like(dna, dtype="float32")
    >>> a[0, 4:11] = 1
    >>> ga.find_seqlets(a, dna, width=7, per_window=1).sequence.values.tolist()
    ['GATTACA']
    """
    spans = spans_of(attributions, dna)
    length = spans.values.shape[1]
    if not 1 <= width <= length or flank < 0 or top < 1 or per_window < 1:
        raise GenomeError(
            f"width={width}, flank={flank}, top={top}, per_window={per_window} is not possible "
            f"with windows of {length:,} bp"
        )
    row, at, score = _strongest(spans, width, per_window, -1 if negative else 1)
    order = np.argsort(-score, kind="stable")
    row, at, score = row[order], at[order], score[order]
    place = spans.place(row, at, width)
    kept = _apart(place["contig"], place["start"], width, top)
    row, at, score = row[kept], at[kept], score[kept]
    place = {name: values[kept] for name, values in place.items()}
    codes, values = _cut(spans, row, at - flank, width + 2 * flank)
    texts = _texts(codes[:, flank : flank + width], spans.letters)
    extra = {"score": -score if negative else score, "sequence": texts}
    if spans.columns is None:
        data = {name: ("seqlet", one) for name, one in {**place, **extra}.items()}
        table, dim = xr.Dataset(data), "seqlet"
    else:
        columns = make_columns(
            place["contig"], place["start"], place["end"], place["strand"], spans.columns.assembly
        )
        table, dim = columns_dataset(columns, extra), "region"
    return table.assign_coords(offset=np.arange(-flank, width + flank)).assign(
        dna=((dim, "offset"), codes, {"alphabet": spans.letters}),
        contribution=((dim, "offset"), values.astype(np.float32)),
    )


def _strongest(spans: Spans, width: int, most: int, sign: int) -> tuple[Array, Array, Array]:
    """Rows, positions and sums of the strongest stretches of each window that lie apart."""
    sums = np.cumsum(np.pad(sign * spans.values, ((0, 0), (1, 0))), axis=1)
    sums = sums[:, width:] - sums[:, :-width]
    rows, found = np.arange(len(sums)), []
    for _ in range(most if sums.size else 0):
        at = sums.argmax(axis=1)
        score = sums[rows, at]
        good = score > 0
        found.append((rows[good], at[good], score[good]))
        for shift in range(1 - width, width):
            inside = (at + shift >= 0) & (at + shift < sums.shape[1])
            sums[rows[inside], at[inside] + shift] = -np.inf
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    row, at, score = (np.concatenate(some) for some in zip(*found, strict=True))
    return row, at, score


def _apart(contig: Array, start: Array, width: int, top: int) -> Array:
    """Positions of stretches that overlap none before them, at most `top`."""
    kept: list[int] = []
    taken: dict[str, list[int]] = {}
    for number, (name, at) in enumerate(zip(contig.tolist(), start.tolist(), strict=True)):
        there = taken.setdefault(name, [])
        place = bisect_left(there, at)
        before = place > 0 and at - there[place - 1] < width
        if before or (place < len(there) and there[place] - at < width):
            continue
        insort(there, at)
        kept.append(number)
        if len(kept) == top:
            break
    return np.array(kept, dtype=np.int64)


def _cut(spans: Spans, row: Array, start: Array, width: int) -> tuple[Array, Array]:
    """Codes and contributions of stretches; unknown and 0 past the ends of windows."""
    at = start[:, None] + np.arange(width)
    inside = (at >= 0) & (at < spans.values.shape[1])
    at = np.clip(at, 0, spans.values.shape[1] - 1)
    codes = np.where(inside, spans.codes[row[:, None], at], len(spans.letters)).astype(np.int8)
    return codes, np.where(inside, spans.values[row[:, None], at], 0)


def _texts(codes: Array, letters: str) -> Array:
    table = np.array([*letters, "N"])
    known = np.where((codes >= 0) & (codes < len(letters)), codes, len(letters))
    joined = ["".join(some) for some in table[known].tolist()]
    return np.array(joined, dtype=np.dtypes.StringDType())
