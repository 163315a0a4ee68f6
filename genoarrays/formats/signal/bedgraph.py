"""How do labelled numbers become bedGraph files?

As they become bigWig files (see `export.py`), but as lines of text: contig, start, end, value.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.formats.signal.runs import Runs
from genoarrays.formats.signal.tracks import write_tracks
from genoarrays.formats.signal.written import Entries
from genoarrays.formats.text.written import number_texts, open_written

__all__ = ["to_bedgraph"]

_ROOM = 2**16  # lines written at once
Floats = npt.NDArray[np.float32]


def to_bedgraph(
    array: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    overlap: str | None = None,
    progress: bool | None = None,
) -> list[str]:
    """Write an array as bedGraph, one file per track.

    Parameters
    ----------
    array
        As in `ga.to_bigwig`.
    path
        File to write, with placeholders as in `ga.to_bigwig`. One that ends in .gz is compressed
        by BGZF, so that `tabix -p bed` can index it.
    overwrite
        Replace files that exist.
    overlap
        "mean", "max" or "center" of windows that overlap, as in `ga.to_bigwig`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    list of str
        The files written: 0-based, half-open lines of contig, start, end and value, in the order of
        the assembly, without a header. Equal neighbors are one line, NaN is left out, and values
        are float32 in as few digits as give them back. They appear together, once all are complete.

    Raises
    ------
    GenomeError, RegionError, AssemblyError
        As `ga.to_bigwig`.

    Examples
    --------
    >>> import pathlib, tempfile, numpy as np, xarray as xr, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 45}), bin_size=10)
    >>> x = xr.DataArray([0.1, 0.1, np.nan, 3, 4], coords, ["position"])
    >>> (path,) = ga.to_bedgraph(x, tempfile.mkdtemp() + "/toy.bedGraph")
    >>> print(pathlib.Path(path).read_text().expandtabs())
    chr1    0       20      0.1
    chr1    30      40      3
    chr1    40      45      4
    <BLANKLINE>
    """

    def open_file(part: str, runs: Runs, name: str, files: int) -> _BedgraphFile:
        return _BedgraphFile(part, runs, name)

    return write_tracks(
        array, path, open_file,
        kind="bedGraph", overwrite=overwrite, overlap=overlap, progress=progress,
    )  # fmt: skip


class _BedgraphFile:
    """A file that is being written; complete when its context is left."""

    def __init__(self, path: str, runs: Runs, name: str) -> None:
        self.path = path
        self.name = name
        self._names = np.array(runs.assembly.names, dtype=object)
        self._entries = Entries(runs.assembly, _ROOM + 1, f"cannot write {name}")

    def __enter__(self) -> _BedgraphFile:
        self._file: BinaryIO = open_written(self.path, self.name)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._write(self._entries.count)
        finally:
            self._file.close()

    def add(self, runs: Runs, values: Floats, base: int, column: int) -> None:
        """Write bins that follow those written before."""
        while not self._entries.fill(runs, values, base, column):
            self._write(_ROOM)

    def _write(self, count: int) -> None:
        code, start, end, value = self._entries.take(count)
        rows = zip(
            self._names[code].tolist(), start.tolist(), end.tolist(), number_texts(value),
            strict=True,
        )  # fmt: skip
        self._file.write("".join([f"{c}\t{s}\t{e}\t{v}\n" for c, s, e, v in rows]).encode())
