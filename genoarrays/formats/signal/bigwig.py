"""What does a bigWig file say of each bin?

Bins are computed from the full-resolution data, never from the zoom levels, whose bins are others.
A base without data is NaN, not zero, and stays so unless `fill=` says otherwise. Sums are taken in
float64. The same base told twice is an error: readers disagree which value it has. An entry that
reaches past its contig's end is cut there, as binned tracks often do.

Blocks are inflated by isal and laid into bins by numba kernels, both without the GIL: a track of
100 million bases takes 0.14 s of CPU at 1 bp (pyBigWig 0.21, figwig 0.25), four of them 0.29 s on
two threads (pyBigWig, which holds the GIL, 0.83). figwig gives bases only, not bins, and does not
say where an entry is that it refuses. pyBigWig is the oracle in tests.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.base import FileArray, file_dataset
from genoarrays.formats.files import Stamp
from genoarrays.formats.lazy import Chunks
from genoarrays.formats.match import Header, Renaming, file_attrs, match_files, name_files
from genoarrays.formats.signal.blocks import Section, sections
from genoarrays.formats.signal.index import bigwig_head
from genoarrays.genome.axis import GenomeAxis

__all__ = ["BigwigSource", "StrandPair", "open_bigwig"]

_HOW = ("mean", "mean0", "sum", "max", "min")
_STRANDS = ("+", "-")
_TINY = np.finfo(np.float64).tiny  # what libBigWig takes for the smallest number
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class BigwigSource:
    """One bigWig file, in bins."""

    stamp: Stamp
    bin_size: int = 1
    how: str = "mean"
    fill: float = np.nan
    sign: int = 1

    kind = "bigwig"
    shape = ()
    dtype = np.dtype(np.float32)

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        return self.bin_size, self.how, str(self.fill), self.sign

    def read(self, contig: str, start: int, end: int) -> Floats:
        """Bins of [start, end), float32.

        Raises
        ------
        InputError
            When the file was changed, is damaged, tells a base twice, or has an infinite value in
            a bin that is a sum or mean.
        """
        from genoarrays.formats.signal.entries import close_bins, fill_bases, fill_bins

        size, bases = self.bin_size, end - start
        out = np.empty(-(-bases // size), dtype=np.float32)
        state, total = np.zeros(4, dtype=np.int64), np.zeros(1)
        fill, sign = np.float32(self.fill), np.float32(self.sign)
        how = _HOW.index(self.how)
        _, length = bigwig_head(self.stamp).contigs.get(contig, (-1, 0))
        for section in sections(self.stamp, contig, start, end):
            bounds = (length, *section.range)
            common = (out, start, section.words, section.shape, bounds, fill, sign, state)
            fault = (
                fill_bases(*common) if size == 1 else fill_bins(*common, total, how, size, bases)
            )
            if fault:
                raise _fault(self.stamp, contig, section, bounds, fault, int(state[3]))
        if size == 1:
            out[state[0] :] = fill
        else:
            close_bins(out, state, total, how, size, bases, fill)
            if self.how == "sum" and np.isinf(out).any():
                at = start + int(np.isinf(out).argmax()) * size
                raise InputError(
                    self.stamp.path, f"{contig}:{at}", "the sum of this bin is no float32 number",
                    'take how="mean" or smaller bins',
                )  # fmt: skip
        return out


def _fault(
    stamp: Stamp, contig: str, section: Section, bounds: tuple[int, int, int], fault: int, k: int
) -> InputError:
    from genoarrays.formats.signal import entries as faults

    kind, _, at, step, span = section.shape
    words = section.words
    start = int((words[3 * k], words[2 * k], at + k * step)[kind - 1])
    end = int(words[3 * k + 1]) if kind == 1 else start + span
    length, low, high = bounds
    again = "make the file again, with sorted entries that do not overlap"
    problem, fix = {
        faults.EMPTY: (f"the entry {start}-{end} has no bases", again),
        faults.OVERLAP: (f"the entry {start}-{end} begins before the one before it ends", again),
        faults.PAST: (f"the entry {start}-{end} lies past the contig's {length:,} bp", again),
        faults.OUTSIDE: (
            f"the entry {start}-{end} lies outside of its block, {low}-{high} by the index",
            "the file is damaged: copy or make it again",
        ),
        faults.INFINITE: (
            f"the entry {start}-{end} is infinite, which has no mean or sum",
            'take how="max" or "min" or bin_size=1, or make the file again without it',
        ),
    }[fault]
    return InputError(stamp.path, f"{contig}:{start}", problem, fix)


@dataclass(frozen=True)
class StrandPair:
    """Two bigWig files as the strands of one signal, each with its own names of contigs."""

    plus: BigwigSource
    minus: BigwigSource
    names: tuple[dict[str, str | None], dict[str, str | None]]

    kind = "bigwig"
    shape = (2,)
    dtype = np.dtype(np.float32)

    @property
    def stamp(self) -> Stamp:
        """The file of the plus strand."""
        return self.plus.stamp

    @property
    def stamps(self) -> tuple[Stamp, Stamp]:
        """Both files."""
        return self.plus.stamp, self.minus.stamp

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        names = [sorted(some.items()) for some in self.names]
        return self.plus.token, self.minus.token, self.minus.stamp.path, names

    @property
    def fill(self) -> float:
        """Value without data."""
        return self.plus.fill

    def read(self, contig: str, start: int, end: int) -> Floats:
        """Bins of [start, end): (bins, 2)."""
        bins = -(-(end - start) // self.plus.bin_size)
        values = np.full((bins, 2), self.fill, dtype=np.float32)
        for column, (one, names) in enumerate(
            zip((self.plus, self.minus), self.names, strict=True)
        ):
            own = names.get(contig, contig)
            if own is not None:
                values[:, column] = one.read(own, start, end)
        return values


def open_bigwig(
    path: str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any],
    *,
    like: Any = None,
    name: str = "signal",
    bin_size: int = 1,
    how: str = "mean",
    fill: float = np.nan,
    negate_minus: bool | str = "auto",
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    """Open signal tracks, lazily.

    Parameters
    ----------
    path
        bigWig file. Several as a list, or as a dict by label, give a dimension `track`;
        {"+": path, "-": path} gives `strand`; {sample: {"+": path, "-": path}} gives `strand` and
        `sample`.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, 2bit, .fai or
        .sizes; None is the genome in the file's header, in its order.
    name
        Name of the variable.
    bin_size
        bp per bin; the last bin of a contig may be shorter.
    how
        Value of a bin: "mean" over the bases with data, "mean0" over all its bases (missing = 0),
        "sum", "max" or "min" over the bases with data. Infinite values are given as they are at
        1 bp and by "max" and "min"; in the others they are an error.
    fill
        Value of a bin without any data, whatever `how`; NaN keeps "no data" apart from zero. A NaN
        in the file is no data.
    negate_minus
        Whether the minus strand's values change sign. "auto": when all of the file are negative.
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`, one file each; a number of
        positions; lengths by dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        `name` float32, (position[, strand][, sample or track]).

    Raises
    ------
    InputError
        For a file that is missing, cut off, damaged or no bigWig; when read, for entries that
        overlap or lie outside of their contig, and infinite values in a sum or mean.
    GenomeError
        For an unknown `how`, or strands that are not exactly "+" and "-".
    AssemblyError, ContigError
        When the contigs do not fit `like`, or those of several files differ and there is no `like`.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    >>> x = xr.DataArray([1.0, 3, np.nan, 5, np.nan, np.nan], coords, ["position"])
    >>> path = tempfile.mkdtemp() + "/toy.bw"
    >>> _ = ga.to_bigwig(x, path)
    >>> ga.open_bigwig(path, bin_size=2).signal.values
    array([ 2.,  5., nan], dtype=float32)
    """
    if how not in _HOW:
        raise GenomeError(f"how={how!r} is not known; known are {', '.join(_HOW)}")
    if negate_minus not in ("auto", True, False):
        raise GenomeError(f"negate_minus={negate_minus!r} is not known; say 'auto', True or False")
    labels, groups = _groups(path)
    stamps = [Stamp.of(one) for group in groups for one in group]
    heads = [bigwig_head(stamp) for stamp in stamps]
    headers = [Header(stamp.path, head.lengths) for stamp, head in zip(stamps, heads, strict=True)]
    matches = match_files(headers, like, rename_contigs)
    axis = GenomeAxis(matches[0].assembly, bin_size)
    attrs = file_attrs([stamp.path for stamp in stamps], matches) | {"how": how}
    sources: list[Any] = [BigwigSource(stamp, axis.bin_size, how, float(fill)) for stamp in stamps]
    names = [match.names for match in matches]
    coords: dict[str, Sequence[str]] = {}
    if len(groups[0]) == 2:
        negated = [
            bool(s and s.covered and s.high <= _TINY and s.low < 0)
            if negate_minus == "auto"
            else bool(negate_minus)
            for s in (head.summary for head in heads[1::2])
        ]
        sources = [
            StrandPair(plus, replace(minus, sign=-1 if negate else 1), (of_plus, of_minus))
            for plus, minus, negate, of_plus, of_minus in zip(
                sources[::2], sources[1::2], negated, names[::2], names[1::2], strict=True
            )
        ]
        names = [{}] * len(sources)
        attrs["minus_negated"] = negated if labels else negated[0]
        coords["strand"] = _STRANDS
    if labels:
        coords["sample" if len(groups[0]) == 2 else "track"] = labels
    array = FileArray(axis, sources, names, stacked=labels is not None)
    return file_dataset({name: array}, coords, chunks, {name: attrs})


def _groups(path: Any) -> tuple[list[str] | None, list[list[Any]]]:
    """Labels, and the files of each: one, or plus and minus."""
    if isinstance(path, Mapping) and set(path) <= set(_STRANDS):
        return None, [_strands(path)]
    labels, found = name_files(path, "track")
    groups = [_strands(one) if isinstance(one, Mapping) else [one] for one in found]
    if len({len(group) for group in groups}) > 1:
        raise GenomeError(
            'some samples have strands and others have not; give {"+": path, "-": path} for all'
        )
    return labels, groups


def _strands(pair: Mapping[str, Any]) -> list[Any]:
    if set(pair) != set(_STRANDS):
        raise GenomeError(
            f'the strands are {", ".join(map(repr, pair)) or "none"}; give {{"+": path, "-": path}}'
        )
    return [pair[strand] for strand in _STRANDS]
