"""Which k-mers do windows or regions consist of?

Windows and sequences are counted as they are. Regions of a genome are cut as ragged windows, block
by block, and counted at once: nothing is kept of them but their counts.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.examples.gather import windows
from genoarrays.examples.regions import regions_on
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of
from genoarrays.ops.content import sequence_of
from genoarrays.ops.sequence import ALPHABETS, reverse_complement_codes
from genoarrays.options import check_bytes, current

__all__ = ["kmer_counts"]

Array = npt.NDArray[Any]


def kmer_counts(
    obj: xr.DataArray | xr.Dataset, order: int, regions: Any = None, *, canonical: bool = False
) -> xr.DataArray:
    """Count the k-mers of windows, of sequences, or of regions of a genome.

    Parameters
    ----------
    obj
        Windows or sequences (window or sequence, offset) of codes, as `ga.windows` and
        `ga.open_sequences` give them; or, with `regions`, the DNA (position,) of a genome; or a
        Dataset with one such variable.
    order
        Length k of the k-mers.
    regions
        Table of regions, or anything that `ga.read_regions` takes, of any length, in any order;
        they may overlap. Those on the minus strand are read as it does. Blocks are read fastest
        when neighbors are near each other, as `ga.sort_regions` puts them.
    canonical
        Count a k-mer and its reverse complement together, as the smaller of both.

    Returns
    -------
    xr.DataArray
        (window, sequence or region, channel) uint32; `channel` is labelled by k-mer as in
        `ga.one_hot`. k-mers with an unknown letter, or over an end, are not counted. Lazy where
        `obj` has dask chunks, one task for a block of windows or regions.

    Raises
    ------
    GenomeError
        For something that is no sequence, a genome without regions, an order that is not possible,
        canonical k-mers of letters without a complement, as in proteins, and counts in memory that
        take more than the byte limit.
    RegionError, AssemblyError, ContigError
        When the regions lie on another genome, end past their contig, or are not all there.

    Examples
    --------
    >>> import genoarrays as ga
    >>> x = ga.testing.dna("ACGTNAC").expand_dims("window")
    >>> kmer_counts(x, 2).sel(channel=["AC", "CA"]).values
    array([[2, 0]], dtype=uint32)
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 7}))
    >>> dna = xr.DataArray(x.values[0], coords, ["position"])
    >>> found = kmer_counts(dna, 1, ["chr1:0-3:+", "chr1:0-3:-"])
    >>> found.channel.values.tolist(), found.values.tolist()
    (['A', 'C', 'G', 'T'], [[1, 1, 1, 0], [0, 1, 1, 1]])
    """
    codes = _codes(obj)
    letters = str(codes.attrs.get("alphabet", ALPHABETS["dna"]))
    if not isinstance(order, int | np.integer) or order < 1 or len(letters) ** int(order) >= 2**31:
        raise GenomeError(f"order={order} is not possible; it must be at least 1 and fit 31 bits")
    column, names = _channels(int(order), letters, canonical, codes)
    counting = {"order": int(order), "letters": len(letters), "column": column}
    if "position" in codes.dims:
        counts = _of_regions(codes, regions, len(names), counting)
    elif regions is not None:
        raise GenomeError(f"{codes.name!r} is no genome; leave out regions=, it is counted whole")
    else:
        counts = _of_windows(codes, len(names), counting)
    channel = np.array(names, dtype=np.dtypes.StringDType())
    result = counts.rename("kmers").assign_coords(channel=channel)
    kept = {
        name: codes.attrs[name] for name in ("source", "contigs_renamed") if name in codes.attrs
    }
    return result.assign_attrs({**kept, "order": int(order), "canonical": canonical})


def _codes(obj: xr.DataArray | xr.Dataset) -> xr.DataArray:
    """The sequence of an object."""
    if isinstance(obj, xr.Dataset):
        some = [array for array in obj.data_vars.values() if "alphabet" in array.attrs]
        if len(some) != 1:
            names = [str(array.name) for array in some] or list(map(str, obj.data_vars))
            raise GenomeError(
                f"which variable holds the letters: {', '.join(names)}? give one, as in "
                f"ds[{names[0] if names else 'dna'!r}]"
            )
        obj = some[0]
    dims = [str(dim) for dim in obj.dims]
    if obj.dtype.kind not in "iu" or not any(
        d == "position" or d.startswith("offset") for d in dims
    ):
        cure = "give integer codes with a dimension offset or position"
        if any(d.startswith("packed") for d in dims):
            cure = "count ragged windows by their regions: ga.kmer_counts(dna, order, regions)"
        raise GenomeError(
            f"{obj.name!r} with dims {obj.dims} and dtype {obj.dtype} is no sequence; {cure}"
        )
    return obj


def _channels(
    order: int, letters: str, canonical: bool, codes: xr.DataArray
) -> tuple[Array, list[str]]:
    """Column of each k-mer, and the names of the columns."""
    check_bytes(len(letters) ** order * 64, f"the names of all {order}-mers", "take shorter ones")
    names = ["".join(kmer) for kmer in product(letters, repeat=order)]
    column = np.arange(len(names))
    if canonical:
        try:
            partner = reverse_complement_codes(order, letters)
        except ValueError as error:
            raise GenomeError(f"{codes.name!r} has no canonical k-mers: {error}") from None
        kept, column = np.unique(np.minimum(column, partner), return_inverse=True)
        names = [names[kmer] for kmer in kept.tolist()]
    return column.astype(np.int64), names


# ---- windows and sequences


def _of_windows(codes: xr.DataArray, channels: int, counting: dict[str, Any]) -> xr.DataArray:
    dim = next(str(dim) for dim in codes.dims if str(dim).startswith("offset"))
    rest = [str(d) for d in codes.dims if d != dim]
    if codes.chunks is None:
        cells = int(np.prod([codes.sizes[d] for d in rest], dtype=np.int64))
        cure = f"array.chunk({rest[0] if rest else dim}=1000) makes them lazy, as do shorter k-mers"
        check_bytes(cells * channels * 4, "these counts of k-mers", cure)
    else:
        most = max(current().chunk_bytes // (4 * channels), 1)  # rows of one block of counts
        lengths = {d: max(n) for d, n in codes.chunksizes.items() if d != dim}
        for d in rest:
            others = int(np.prod([n for other, n in lengths.items() if other != d]))
            lengths[d] = max(min(lengths[d], most // others), 1)
        codes = codes.chunk({**lengths, dim: -1})
    counts: xr.DataArray = xr.apply_ufunc(
        _count_rows, codes, input_core_dims=[[dim]], output_core_dims=[["channel"]],
        dask="parallelized", output_dtypes=[np.uint32], kwargs={**counting, "channels": channels},
        dask_gufunc_kwargs={"output_sizes": {"channel": channels}}, keep_attrs=False,
    )  # fmt: skip
    return counts


def _count_rows(codes: Array, *, channels: int, **counting: Any) -> Array:
    """Counts (..., channel) of codes (..., offset)."""
    rows = int(np.prod(codes.shape[:-1], dtype=np.int64))
    size = np.full(rows, codes.shape[-1], dtype=np.int64)
    counts = _count_packed(np.ascontiguousarray(codes).reshape(-1), size, channels, **counting)
    return counts.reshape(*codes.shape[:-1], channels)


def _count_packed(
    codes: Array, size: Array, channels: int, order: int, letters: int, column: Array
) -> Array:
    """Counts (row, channel) of codes laid end to end, `size` of each row."""
    from genoarrays.ops.kmer_counts import count_kmers

    counts = np.zeros((len(size), channels), dtype=np.uint32)
    count_kmers(codes, np.cumsum(size) - size, size, letters, order, column, counts)
    return counts


# ---- regions


def _of_regions(
    codes: xr.DataArray, regions: Any, channels: int, counting: dict[str, Any]
) -> xr.DataArray:
    """Counts (region, channel), of ragged windows that no one keeps."""
    if regions is None:
        raise GenomeError(
            f"{codes.name!r} is a genome: which regions= of it? those of "
            "ga.tile_regions(dna, width) are all of it"
        )
    dna = sequence_of(codes)
    dna = dna.rename(dna.name or "dna").assign_attrs(alphabet=dna.attrs.get("alphabet", "ACGT"))
    table, columns = regions_on(regions, axis_of(dna).assembly)
    blank = table.drop_vars(list(table.data_vars))
    if not columns.size:
        none = np.zeros((0, channels), dtype=np.uint32)
        return xr.DataArray(none, blank.coords, ["region", "channel"])
    if dna.chunks is None:
        check_bytes(
            columns.size * channels * 4,
            "these counts of k-mers",
            "dna.chunk(position=10_000_000) makes them lazy, as do shorter k-mers",
        )
    counts = _counted(dna, table, columns, channels, counting)
    if dna.chunks is None:
        counts = counts.compute()
    return xr.DataArray(counts, blank.coords, ["region", "channel"])


def _counted(
    dna: xr.DataArray, table: xr.Dataset, columns: Columns, channels: int, counting: dict[str, Any]
) -> Any:
    import dask.array as da

    bases = float((columns.end - columns.start).mean())
    step = int(current().chunk_bytes // (bases + 4 * channels))
    step = max(1, min(step, columns.size))
    cut = windows(dna, table, ragged=True, block=step)
    sizes = da.from_array(cut["row_size"].values, chunks=step)
    return da.blockwise(
        _count_packed, (0, 1), cut[dna.name].data, (0,), sizes, (0,), channels=channels,
        new_axes={1: channels}, adjust_chunks={0: sizes.chunks[0]}, align_arrays=False,
        dtype=np.uint32, meta=np.empty((0, 0), np.uint32), **counting,
    )  # fmt: skip
