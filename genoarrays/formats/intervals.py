"""Which bins do the intervals of a file cover, and with what value?

Intervals become labels of bins: presence, covered fraction, or the largest score, value or signal
of those that cover the bin (so negative scores survive; background is only where none covers).
`min_overlap` is a fraction of the bin, taken of the union of all intervals.

Files are parsed when they are opened: only this finds the line that is wrong. The source keeps
sorted int32 columns, 120 kB for 10,000 peaks, which travel with the graph: workers do not parse.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.base import Chunks, FileArray, file_dataset
from genoarrays.formats.bins import add_bases, bin_widths, merge_blocks, total_bases
from genoarrays.formats.files import Stamp
from genoarrays.formats.match import Renaming, assembly_like, file_attrs, match_contigs, name_files
from genoarrays.formats.rows import Rows, fit_rows, format_of, parse_rows
from genoarrays.genome.axis import GenomeAxis

__all__ = ["IntervalSource", "open_intervals"]

Ints = npt.NDArray[np.int64]
_COLUMNS = ("score", "value", "signal", "summit")
_MODES = ("presence", "fraction", *_COLUMNS)


class _Keep(NamedTuple):
    """Options of `open_intervals` that decide the values."""

    mode: str
    bin_size: int
    min_overlap: float | None
    fill: float
    out_of_bounds: str


@dataclass(frozen=True, eq=False)
class IntervalSource:
    """Intervals of one file, sorted by contig (of the assembly) and start."""

    stamp: Stamp
    token: tuple[Any, ...]
    keep: _Keep
    contigs: dict[str, slice]
    starts: npt.NDArray[Any]
    ends: npt.NDArray[Any]
    values: npt.NDArray[np.float32] | None

    kind = "intervals"
    shape = ()

    @property
    def fill(self) -> float:
        """Background."""
        return self.keep.fill

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 where 1 and the background fit, else float32."""
        small = self.keep.fill in range(256) and self.keep.mode in ("presence", "summit")
        return np.dtype(np.uint8 if small else np.float32)

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[Any]:
        """Labels of the bins of [start, end)."""
        mode, bin_size, min_overlap, fill, _ = self.keep
        widths = bin_widths(start, end, bin_size)
        out = np.full(len(widths), fill, dtype=self.dtype)
        rows = self.contigs.get(contig, slice(0, 0))
        starts, ends = self.starts[rows], self.ends[rows]
        upto = int(np.searchsorted(starts, end, side="left"))
        # ends are not sorted, but their running maximum is: before `first` nothing reaches `start`
        first = int(np.searchsorted(np.maximum.accumulate(ends[:upto]), start, side="right"))
        near = np.flatnonzero((ends[first:upto] > start) & (ends[first:upto] > starts[first:upto]))
        if near.size == 0:
            return out
        near += first
        begin = np.maximum(starts[near].astype(np.int64), start) - start
        stop = np.minimum(ends[near].astype(np.int64), end) - start
        # at 1 bp a bin is covered or not: no share is needed
        if bin_size > 1 and (mode == "fraction" or min_overlap is not None):
            share = _covered(begin, stop, bin_size, len(widths)) / widths
        else:
            share = None
        low, high = begin // bin_size, (stop - 1) // bin_size + 1
        if self.values is None:
            for a, b in zip(*(edge.tolist() for edge in merge_blocks(low, high)), strict=True):
                out[a:b] = 1
        else:
            # painted from the smallest value up, so that the largest stays on top
            values = self.values[rows][near]
            order = np.argsort(values, kind="stable")
            for a, b, value in zip(
                low[order].tolist(), high[order].tolist(), values[order], strict=True
            ):
                out[a:b] = value
        if share is not None and mode == "fraction":
            out[share > 0] = share[share > 0]
        elif share is not None and min_overlap is not None:
            out[share < min_overlap - 1e-9] = fill
        return out


def _covered(begin: Ints, stop: Ints, bin_size: int, bins: int) -> Ints:
    """Bases per bin under the union of blocks sorted by start."""
    partial, whole = np.zeros((2, 1, bins + 1), dtype=np.int64)
    add_bases(partial, whole, bin_size, *merge_blocks(begin, stop), 0)
    bases: Ints = total_bases(partial, whole)[0]
    return bases


def open_intervals(
    path: str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any],
    *,
    like: Any,
    name: str = "label",
    mode: str = "presence",
    bin_size: int = 1,
    min_overlap: float | None = None,
    fill: float = 0,
    out_of_bounds: str = "error",
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
    format: str | None = None,
) -> xr.Dataset:
    r"""Open peaks or other intervals as labels of bins, lazily.

    Parameters
    ----------
    path
        BED (3 to 12 columns), narrowPeak, broadPeak or bedGraph file, gzipped or not; several of
        them as a list, or as a dict by track label, give a dimension `track`.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or .sizes.
    name
        Name of the variable.
    mode
        "presence": 1 where any interval overlaps the bin. "fraction": part of the bin that is
        covered. "summit": 1 for the bin that holds a summit (narrowPeak). "score", "value"
        (bedGraph), "signal" (narrowPeak, broadPeak): the largest one of those that cover the bin.
    bin_size
        bp per bin.
    min_overlap
        Part of the bin (0 < x <= 1) that the union of the intervals must cover, else it is
        background; None: one base is enough. The last bin of a contig may be shorter.
    fill
        Background.
    out_of_bounds
        What to do with an interval past the end of its contig: "error", "clip" or "drop".
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`, one file each; a number of
        positions; lengths by dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".
    format
        "bed", "narrowPeak", "broadPeak" or "bedGraph"; None goes by the suffix.

    Returns
    -------
    xr.Dataset
        `name` (position,) or (position, track). uint8 for presence and summits (float32 where
        `fill` is no whole number from 0 to 255), else float32. Contigs without a row are `fill`.

    Raises
    ------
    InputError
        For the first malformed line, or a column that `mode` needs and the file lacks.
    GenomeError
        For an unknown mode or format, or a `min_overlap` that is not possible.
    AssemblyError, ContigError
        When the contigs do not fit `like`.

    Examples
    --------
    >>> import pathlib, tempfile, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy.bed"
    >>> _ = pathlib.Path(path).write_text("chr1\t3\t12\n")
    >>> toy = ga.Assembly("toy", {"chr1": 25})
    >>> ga.open_intervals(path, like=toy, bin_size=5).label.values
    array([1, 1, 1, 0, 0], dtype=uint8)
    >>> ga.open_intervals(path, like=toy, bin_size=5, mode="fraction").label.values
    array([0.4, 1. , 0.4, 0. , 0. ], dtype=float32)
    """
    if mode not in _MODES:
        raise GenomeError(f"mode={mode!r} is not known; known are {', '.join(_MODES)}")
    if min_overlap is not None and (mode in ("summit", "fraction") or not 0 < min_overlap <= 1):
        raise GenomeError(
            f"min_overlap={min_overlap!r} is not possible with mode={mode!r}; it is a part of the "
            "bin, 0 < min_overlap <= 1, and for presence, score, value and signal"
        )
    if out_of_bounds == "pad":
        raise GenomeError("out_of_bounds='pad' is for regions; say 'error', 'clip' or 'drop'")
    if like is None:
        raise GenomeError(
            "intervals do not tell how long contigs are; give like=, an Assembly, an opened "
            "Dataset or the path of the FASTA"
        )
    tracks, paths = name_files(path, "track")
    assembly = assembly_like(like)
    keep = _Keep(mode, bin_size, min_overlap, fill, out_of_bounds)
    sources, matches, counts = [], [], Counter[str]()
    for one in paths:
        stamp, kind = Stamp.of(one), format_of(os.fspath(one), format)
        rows = parse_rows(stamp, kind, [mode] if mode in _COLUMNS else [])
        match = match_contigs(rows.header, assembly, rename_contigs)
        rows, counted = fit_rows(rows, match, out_of_bounds)
        token = (keep, kind, sorted(match.renamed.items()))
        sources.append(_source(stamp, token, keep, rows))
        matches.append(match)
        counts.update(counted)
    stacked = tracks is not None
    array = FileArray(GenomeAxis(assembly, bin_size), sources, [{}] * len(sources), stacked)
    attrs = file_attrs([source.stamp.path for source in sources], matches) | {"mode": mode} | counts
    if min_overlap is not None:
        attrs["min_overlap"] = min_overlap
    return file_dataset({name: array}, {"track": tracks} if tracks else {}, chunks, {name: attrs})


def _source(stamp: Stamp, token: tuple[Any, ...], keep: _Keep, rows: Rows) -> IntervalSource:
    if keep.mode == "summit":
        summit = rows.columns["summit"]
        if (missing := np.flatnonzero(summit < 0)).size:
            raise rows.error(
                int(missing[0]), "there is no summit (-1)", "use mode='presence', or remove the row"
            )
        rows = rows._replace(start=summit, end=summit + 1)
    order = np.lexsort((rows.start, rows.code))
    rows = rows.take(order)
    values = None
    if keep.mode in ("score", "value", "signal"):
        column = rows.columns[keep.mode]
        if (missing := np.flatnonzero(np.isnan(column))).size:
            raise rows.error(
                int(missing[0]), f"there is no {keep.mode}", "use mode='presence', or add it"
            )
        values = column.astype(np.float32)
    codes, first = np.unique(rows.code, return_index=True)
    edges = [*first.tolist(), len(rows.code)]
    contigs = {
        rows.names[code]: slice(edges[i], edges[i + 1]) for i, code in enumerate(codes.tolist())
    }
    small = np.int32 if rows.end.max(initial=0) < 2**31 else np.int64
    starts, ends = rows.start.astype(small), rows.end.astype(small)
    return IntervalSource(stamp, token, keep, contigs, starts, ends, values)
