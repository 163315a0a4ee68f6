"""How do labelled numbers become bigWig files?

Values stand at their true place: bins on the genome axis, or windows, where those of the minus
strand are turned back and the last bin ends with the contig. NaN is left out, infinity is refused,
and the header lists every contig of the assembly with its length. See `tracks.py` for the way of
the values, `written.py` for the file.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import xarray as xr

from genoarrays.formats.signal.runs import Runs
from genoarrays.formats.signal.tracks import TrackFile, write_tracks
from genoarrays.formats.signal.written import BigwigWriter

__all__ = ["to_bigwig"]

_THREADS = 2  # laying out blocks takes twice as long as compressing them, so more have no work


def to_bigwig(
    array: xr.DataArray,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    overlap: str | None = None,
    progress: bool | None = None,
) -> list[str]:
    """Write an array as bigWig, one file per track.

    Parameters
    ----------
    array
        Numbers, (position, ...) on a genome axis or (window[, offset], ...). `offset`, where it has
        a coordinate, is bp from the window's 5' end; else its bins divide the window. A dimension
        `strand` is summed (NaN only where both are) unless `path` has the placeholder {strand}.
        Each further dimension, such as track or sample, needs its placeholder. Values are stored
        as float32, so whole numbers are exact up to 2**24.
    path
        File to write. Placeholders, as in "{track}.bw", are filled with the
        labels of that dimension, {strand} with "plus" and "minus".
    overwrite
        Replace files that exist.
    overlap
        Value of a base that several windows cover: their "mean" or "max", or that of the window
        whose "center" is nearest (of two equally near ones, the first on the genome). NaN does not
        count. None: such windows are an error.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    list of str
        The files written. They appear together, once all are complete; on an error none does, and
        those of before stay. Memory does not grow with the genome: a chunk of the array, that as
        float32, and some 20 MB, or 3 MB for each file where the tracks of a chunk are many.

    Raises
    ------
    GenomeError
        For a file that exists already, values that are infinite or exceed float32, codes of
        letters, a missing or unknown placeholder, labels that give one file name twice, or an
        unknown `overlap`.
    RegionError
        For windows that overlap, or do not divide into bins.
    AssemblyError
        When the array does not know its genome.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 25, "chr2": 10}), bin_size=10)
    >>> x = xr.DataArray([1.0, np.nan, 3, 4], coords, ["position"])
    >>> written = ga.to_bigwig(x, tempfile.mkdtemp() + "/toy.bw")
    >>> ga.open_bigwig(written[0]).sel(position="chr1:18-25").signal.values
    array([nan, nan,  3.,  3.,  3.,  3.,  3.], dtype=float32)
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS)) as pool:

        def open_file(
            part: str, runs: Runs, name: str, files: int
        ) -> AbstractContextManager[TrackFile]:
            unit = int(np.gcd.reduce(np.unique(runs.width))) if runs.width.size else 1
            return BigwigWriter(part, runs.assembly, unit, pool, name, files)

        return write_tracks(
            array, path, open_file,
            kind="bigWig", overwrite=overwrite, overlap=overlap, progress=progress,
        )  # fmt: skip
