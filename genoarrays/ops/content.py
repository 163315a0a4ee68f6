"""Which bases do regions consist of?

The sequence is read once, block by block, and only where there are regions. Their bounds cut the
genome into stretches; each stretch is counted once, however many regions lie on it, and a region
is the sum of its stretches. So memory is a few blocks, and a million regions cost what one pass
does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.clip import Ints, table_columns
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of
from genoarrays.ops.coarse import coarsen
from genoarrays.ops.stretches import positions_of
from genoarrays.options import track

__all__ = ["BaseCounts", "base_counts", "gc_content", "sequence_of", "unknown_content"]

_BLOCK = 2**24  # positions read at once, where chunks are smaller
_READERS = 4  # threads that read and count


class BaseCounts(NamedTuple):
    """Numbers of bases of each region: G and C, any known one, and all, off its contig too."""

    gc: Ints
    known: Ints
    all: Ints

    def gc_bins(self, width: float) -> Ints:
        """Bin of the GC content of each region, 0 for [0, width); -1 without a known base."""
        share = self.gc / np.maximum(self.known, 1)
        # 0.58 / 0.02 is below 29; a share of 1 is in the last bin
        bins = np.minimum(np.floor(share / width + 1e-9), np.ceil(1 / width - 1e-9) - 1)
        return np.where(self.known > 0, bins, -1).astype(np.int64)


def gc_content(
    dna: xr.DataArray | xr.Dataset,
    regions: xr.Dataset | None = None,
    *,
    bin_size: int | None = None,
) -> xr.DataArray:
    """Share of G and C among the known bases of regions, or of bins along the genome.

    Parameters
    ----------
    dna
        (position,) codes as `open_fasta` gives them, dask or in memory; or a Dataset with the
        variable `dna`. It is read once, block by block, where there are regions.
    regions
        Table of regions, in any order; they may overlap and leave their contig.
    bin_size
        bp per bin of a track, instead of `regions`.

    Returns
    -------
    xr.DataArray
        `gc` (region,) float64, (G + C) / (A + C + G + T); NaN for a region without a known base.
        With the labels of `regions`, so that `regions.assign(gc=gc_content(dna, regions))` works.
        With `bin_size` (position,) float32, lazy where `dna` has dask chunks.

    Raises
    ------
    GenomeError
        When `dna` is no sequence of DNA at 1 bp, or neither regions nor a bin size are given.
    AssemblyError, ContigError
        When regions lie on another assembly, or on a contig that `dna` lacks.
    RegionError
        For a Dataset that is no table of regions, or a region that `dna` holds in part only.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    >>> dna = xr.DataArray(ga.testing.dna("ACGTNN").values, coords, ["position"])
    >>> regions = ga.read_regions(["chr1:0-3", "chr1:2-6", "chr1:4-6"])
    >>> ga.gc_content(dna, regions).values
    array([0.66666667, 0.5       ,        nan])
    >>> ga.gc_content(dna, bin_size=3).values
    array([0.6666667, 0.       ], dtype=float32)
    """
    if (regions is None) == (bin_size is None):
        raise GenomeError("give regions, or bin_size= for a track along the genome")
    if regions is None:
        return _track(sequence_of(dna), int(bin_size or 0))
    counts = base_counts(dna, table_columns(regions))
    share = np.full(len(counts.known), np.nan)
    np.divide(counts.gc, counts.known, out=share, where=counts.known > 0)
    return _labelled(share, "gc", regions)


def _track(dna: xr.DataArray, bin_size: int) -> xr.DataArray:
    letters = str(dna.attrs.get("alphabet", "ACGT"))
    table = np.full(256, np.nan, dtype=np.float32)  # by the last byte of a code
    table[:4] = [letter in "CGcg" for letter in letters]

    def look_up(codes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
        return np.asarray(table[codes.astype(np.uint8)])

    share: xr.DataArray = xr.apply_ufunc(
        look_up, dna, dask="parallelized", output_dtypes=[np.float32]
    )
    kept = {k: v for k, v in dna.attrs.items() if k != "alphabet"}
    share.attrs = kept | {"long_name": "share of G and C among known bases"}
    return coarsen(share.rename("gc"), bin_size, "mean")


def unknown_content(dna: xr.DataArray | xr.Dataset, regions: xr.Dataset) -> xr.DataArray:
    """Share of unknown bases in regions; what lies off a contig is unknown.

    Parameters
    ----------
    dna
        (position,) codes as `open_fasta` gives them, dask or in memory; or a Dataset with the
        variable `dna`. It is read once, block by block, where there are regions.
    regions
        Table of regions, in any order; they may overlap and leave their contig.

    Returns
    -------
    xr.DataArray
        (region,) float64, 0 to 1; NaN for a region without a base. With the labels of `regions`.

    Raises
    ------
    GenomeError
        When `dna` is no sequence of DNA at 1 bp.
    AssemblyError, ContigError
        When regions lie on another assembly, or on a contig that `dna` lacks.
    RegionError
        For a Dataset that is no table of regions, or a region that `dna` holds in part only.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    >>> dna = xr.DataArray(ga.testing.dna("ACGTNN").values, coords, ["position"])
    >>> ga.unknown_content(dna, ga.read_regions(["chr1:0-3", "chr1:2-6"])).values
    array([0. , 0.5])
    """
    counts = base_counts(dna, table_columns(regions))
    share = np.full(len(counts.all), np.nan)
    np.divide(counts.all - counts.known, counts.all, out=share, where=counts.all > 0)
    return _labelled(share, "unknown", regions)


def _labelled(share: npt.NDArray[np.float64], name: str, regions: xr.Dataset) -> xr.DataArray:
    blank = regions.drop_vars(list(regions.data_vars))
    return blank.assign({name: ("region", share)})[name]


def sequence_of(dna: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """The DNA on a genome axis at 1 bp, of an array or of a Dataset with the variable `dna`.

    Raises
    ------
    GenomeError
        When it is something else.
    AssemblyError
        When it has no genome axis.
    """
    if isinstance(dna, xr.Dataset):
        if "dna" not in dna:
            raise GenomeError(
                f"there is no variable 'dna' among {', '.join(map(str, dna.data_vars))}; give the "
                "sequence itself, as in ds['my_dna']"
            )
        dna = dna["dna"]
    letters = str(dna.attrs.get("alphabet", "ACGT"))
    if dna.dims != ("position",) or dna.dtype.kind not in "iu" or len(letters) != 4:
        raise GenomeError(
            f"{dna.name!r} with dims {dna.dims}, dtype {dna.dtype} and alphabet {letters!r} is no "
            "DNA on the genome; give codes (position,) as ga.open_fasta does"
        )
    if axis_of(dna).bin_size != 1:
        raise GenomeError(f"{dna.name!r} has bins of {axis_of(dna).bin_size} bp; give it at 1 bp")
    return dna


def base_counts(
    dna: xr.DataArray | xr.Dataset, columns: Columns, progress: bool | None = False
) -> BaseCounts:
    """Count bases of regions in one pass.

    Parameters
    ----------
    dna
        As for `gc_content`.
    columns
        The regions; they may leave their contig.
    progress
        As in `genoarrays.options.show_progress`.

    Raises
    ------
    GenomeError, AssemblyError, ContigError, RegionError
        As `gc_content`.
    """
    dna = sequence_of(dna)
    first, stop = positions_of(columns, axis_of(dna), "cannot read bases of")
    bounds, at = np.unique(np.concatenate([first, stop]), return_inverse=True)
    begin, end = at[: len(first)], at[len(first) :]
    change = np.bincount(begin, minlength=len(bounds)) - np.bincount(end, minlength=len(bounds))
    wanted = np.cumsum(change)[:-1] > 0
    chosen, known = np.zeros((2, max(len(bounds) - 1, 0)), dtype=np.int64)
    if wanted.any():
        _count(dna, bounds, wanted, chosen, known, progress)
    gc, letters = (np.concatenate([[0], np.cumsum(some)]) for some in (chosen, known))
    return BaseCounts(
        gc[end] - gc[begin], letters[end] - letters[begin], columns.end - columns.start
    )


def _count(
    dna: xr.DataArray, bounds: Ints, wanted: npt.NDArray[np.bool_], chosen: Ints, known: Ints,
    progress: bool | None,
) -> None:  # fmt: skip
    from genoarrays.ops.counting import count_between

    letters = str(dna.attrs.get("alphabet", "ACGT"))
    c, g = letters.index("C"), letters.index("G")

    def count_block(block: tuple[int, int, int, int]) -> tuple[slice, Ints, Ints]:
        start, stop, low, high = block
        codes = np.ascontiguousarray(dna.variable[start:stop].values)
        some = slice(low, high)
        a, b = np.zeros((2, high - low), dtype=np.int64)
        count_between(codes, start, bounds[low : high + 1], wanted[some], c, g, 4, a, b)
        return some, a, b

    blocks = _blocks(dna, bounds, wanted)
    with ThreadPoolExecutor(_READERS) as pool:
        done = pool.map(count_block, blocks)
        for some, a, b in track(done, len(blocks), "counting bases", progress):
            chosen[some] += a
            known[some] += b


def _blocks(
    dna: xr.DataArray, bounds: Ints, wanted: npt.NDArray[np.bool_]
) -> list[tuple[int, int, int, int]]:
    """What to read where there are regions: start, stop, and the stretches in between."""
    size = dna.sizes["position"]
    edges = np.arange(0, size, _BLOCK)
    if dna.chunks is not None:  # whole chunks
        ends = np.cumsum(dna.chunks[0])
        edges = ends[np.searchsorted(ends, edges[1:])]
    cuts = np.unique([0, *edges.tolist(), size]).tolist()
    blocks = []
    for start, stop in pairwise(cuts):
        low = max(int(np.searchsorted(bounds, start, side="right")) - 1, 0)
        high = min(int(np.searchsorted(bounds, stop, side="left")), len(wanted))
        there = np.flatnonzero(wanted[low:high])
        if there.size:
            low, high = low + int(there[0]), low + int(there[-1]) + 1
            inside = max(start, int(bounds[low])), min(stop, int(bounds[high]))
            blocks.append((*inside, low, high))
    return blocks
