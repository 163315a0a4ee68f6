"""What does a bigWig file say of each bin?

Bins are computed from the full-resolution data, never from the zoom levels, whose bins are others.
A base without data is NaN, not zero, and stays so unless `fill=` says otherwise. Sums are taken in
float64.

libBigWig prints to stderr and may crash on foreign files, so magic and offsets of the header are
checked here first. Each thread has its own handle. pyBigWig holds the GIL: several processes read
in parallel, several threads do not.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.base import Chunks, FileArray, file_dataset
from genoarrays.formats.bins import bin_widths
from genoarrays.formats.files import Handles, Stamp
from genoarrays.formats.match import Header, Renaming, file_attrs, match_files, name_files
from genoarrays.genome.axis import GenomeAxis

__all__ = ["BigwigSource", "StrandPair", "open_bigwig"]

_HOW = ("mean", "mean0", "sum", "max", "min")
_STRANDS = ("+", "-")
_BLOCK = 2**22  # bases expanded at once
_TINY = np.finfo(np.float64).tiny  # what libBigWig takes for the smallest number
Floats = npt.NDArray[np.float32]


class _Summary(NamedTuple):
    """Of a whole file: bases with data, smallest and largest value."""

    covered: int
    low: float
    high: float


def _open(stamp: Stamp) -> Any:
    _read_head(stamp)
    bigwig = optional("pyBigWig", purpose="reading bigWig files", extra="all")
    try:
        handle = bigwig.open(stamp.path)
    except RuntimeError:
        handle = None
    if handle is None or not handle.isBigWig() or handle.chroms() is None:
        raise InputError(stamp.path, "", "its header cannot be read", "copy or make it again")
    return handle


_handles = Handles(_open)


def _read_head(stamp: Stamp) -> _Summary | None:
    """Check that a file is a whole bigWig, and give its summary where it has one."""
    with open(stamp.path, "rb") as file:
        head = file.read(64)
        order = {0x888FFC26: "<", 0x26FC8F88: ">"}.get(int.from_bytes(head[:4], "little"))
        if order is None:
            fix = "is it a bigBed, wig or bedGraph? those are opened with ga.open_intervals"
            raise InputError(stamp.path, "byte 0", "it is no bigWig file", fix)
        file.seek(max(stamp.size - 4, 0))
        ended = file.read() == head[:4]
        fields = struct.unpack(f"{order}IHHQQQHHQQIQ", head) if len(head) == 64 else (0,) * 12
        _, _, _, tree, data, index, _, _, _, summary, _, _ = fields
        # without entries there is no index, but then the closing magic is there
        if (
            not 0 < tree < data <= stamp.size
            or index + bool(summary) * 40 > stamp.size
            or (not index and not ended)
        ):
            raise InputError(
                stamp.path, f"byte {stamp.size}", "the file was cut off", "copy or make it again"
            )
        if not summary:
            return None
        file.seek(summary)
        return _Summary(*struct.unpack(f"{order}Qdd", file.read(24)))


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
        """Bins of [start, end), float32."""
        handle = _handles(self.stamp)
        size = self.bin_size
        block = max(_BLOCK // size, 1) * size
        parts = []
        for at in range(start, end, block):
            stop = min(at + block, end)
            values = self._bases(handle, contig, at, stop)
            if self.sign < 0:
                values = -values
            parts.append(values if size == 1 else _binned(values, size, self.how))
        out = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if not np.isnan(self.fill):
            out[np.isnan(out)] = self.fill
        return out

    def _bases(self, handle: Any, contig: str, start: int, end: int) -> Floats:
        length = handle.chroms(contig)
        values: Any = []
        if length is not None:
            try:
                values = handle.values(contig, start, end, numpy=True)
            except RuntimeError as error:
                raise InputError(
                    self.stamp.path,
                    f"{contig}:{start}-{end}",
                    f"the data cannot be read ({error})",
                    "the file is damaged or cut off: copy or make it again",
                ) from error
        # a bigWig without any entry gives an empty list
        return values if len(values) else np.full(end - start, np.nan, dtype=np.float32)


def _binned(values: Floats, size: int, how: str) -> Floats:
    """Bins of bases; NaN where no base has data."""
    widths = bin_widths(0, len(values), size)
    padded = np.full(len(widths) * size, np.nan, dtype=np.float32)
    padded[: len(values)] = values
    rows = padded.reshape(-1, size)
    known = ~np.isnan(rows)
    covered = known.sum(axis=1)
    if how in ("max", "min"):
        background = -np.inf if how == "max" else np.inf
        bins = getattr(np.where(known, rows, background), how)(axis=1)
    else:
        bins = np.where(known, rows, 0).sum(axis=1, dtype=np.float64)
        if how != "sum":
            bins /= np.maximum(covered, 1) if how == "mean" else widths
    return np.where(covered, bins, np.nan).astype(np.float32)


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
        """The file of the plus strand; the other one is part of `token`."""
        return self.plus.stamp

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        names = [sorted(some.items()) for some in self.names]
        return self.plus.token, self.minus.token, self.minus.stamp, names

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
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or .sizes;
        None is the genome in the file's header, in its order.
    name
        Name of the variable.
    bin_size
        bp per bin; the last bin of a contig may be shorter.
    how
        Value of a bin: "mean" over the bases with data, "mean0" over all its bases (missing = 0),
        "sum", "max" or "min" over the bases with data.
    fill
        Value of a bin without any data, whatever `how`; NaN keeps "no data" apart from zero.
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
        For a file that is missing, cut off or no bigWig.
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
    summaries = [_read_head(stamp) for stamp in stamps]
    headers = [Header(stamp.path, dict(_handles(stamp).chroms())) for stamp in stamps]
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
            for s in summaries[1::2]
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
