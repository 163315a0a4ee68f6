"""How are regions widened, moved and laid on a grid?

Each function gives a new table, in the same order, with all other columns. Results are clipped at
the ends of their contigs, and those without a base left are dropped; the attributes
`regions_clipped` and `regions_dropped` count both. A table that does not know its assembly (read
without `like=`) can be clipped at base 0 only.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.clip import Ints, carry, clip, table_columns, whole
from genoarrays.genome.columns import Columns

__all__ = ["expand", "promoters", "resize", "shift", "snap_regions", "summits"]

_ANCHORS = ("center", "start", "end", "five_prime", "three_prime", "summit")


def expand(regions: xr.Dataset, bp: int | tuple[int, int]) -> xr.Dataset:
    """Widen regions on both sides, or narrow them.

    Parameters
    ----------
    regions
        Table of regions.
    bp
        Added on each side; or (upstream, downstream) in the region's own direction, where strand
        "." counts as "+". Negative numbers take away.

    Returns
    -------
    xr.Dataset
        Table of regions, all columns kept. Clipped at contig ends (without an assembly at base 0
        only); those that vanish are dropped. Attributes `regions_clipped`, `regions_dropped`.

    Raises
    ------
    RegionError
        For bp that are no whole numbers, or a Dataset that is no table of regions.

    Examples
    --------
    >>> import genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 100})
    >>> peaks = ga.read_regions(["chr1:5-20:+", "chr1:50-60:-"], like=toy)
    >>> ga.expand(peaks, 10).region.values.tolist()
    ['chr1:0-30:+', 'chr1:40-70:-']
    >>> ga.expand(peaks, (3, -1)).region.values.tolist()
    ['chr1:2-19:+', 'chr1:51-63:-']
    """
    columns = table_columns(regions)
    upstream, downstream = _both(bp)
    left, right = _sides(columns, upstream, downstream)
    return _clipped(regions, columns, columns.start - left, columns.end + right)


def resize(regions: xr.Dataset, width: int, anchor: str = "center") -> xr.Dataset:
    """Give all regions one width.

    Parameters
    ----------
    regions
        Table of regions.
    width
        bp.
    anchor
        What stays in place: "center" (the new region is [c - width // 2, c - width // 2 + width)
        with c = (start + end) // 2); "start" or "end", the lower or upper bound on the genome;
        "five_prime" or "three_prime", in the region's own direction ("." counts as "+"); or
        "summit", as "center" with the column `summit` as c.

    Returns
    -------
    xr.Dataset
        Table of regions, all columns kept. Narrower than `width` only where the contig ends
        (`ga.windows` pads there instead). Attributes `regions_clipped`, `regions_dropped`.

    Raises
    ------
    RegionError
        For a width below 1, an unknown anchor, or "summit" for a region without one.

    Examples
    --------
    >>> import genoarrays as ga
    >>> genes = ga.read_regions(["chr1:10-25:+", "chr1:50-60:-"])
    >>> ga.resize(genes, 6).region.values.tolist()
    ['chr1:14-20:+', 'chr1:52-58:-']
    >>> ga.resize(genes, 6, anchor="five_prime").region.values.tolist()
    ['chr1:10-16:+', 'chr1:54-60:-']
    """
    width = whole("width", width, least=1)
    columns = table_columns(regions)
    minus = columns.orientation < 0
    if anchor == "center":
        start = (columns.start + columns.end) // 2 - width // 2
    elif anchor == "summit":
        start = summits(regions, columns) - width // 2
    elif anchor in _ANCHORS:
        upper = {"start": minus & False, "end": minus | True, "five_prime": minus}
        start = np.where(upper.get(anchor, ~minus), columns.end - width, columns.start)
    else:
        raise RegionError(f"anchor={anchor!r} is not known; use one of {', '.join(_ANCHORS)}")
    return _clipped(regions, columns, start, start + width)


def shift(regions: xr.Dataset, bp: int, *, strand_aware: bool = False) -> xr.Dataset:
    """Move regions along the genome.

    Parameters
    ----------
    regions
        Table of regions.
    bp
        Towards higher coordinates; negative towards lower ones.
    strand_aware
        `bp` count downstream in the region's own direction: "-" moves towards lower coordinates,
        "." counts as "+".

    Returns
    -------
    xr.Dataset
        Table of regions, all columns kept; summits move along. Clipped at contig ends (without an
        assembly at base 0 only); those that leave the contig are dropped. Attributes
        `regions_clipped`, `regions_dropped`.

    Raises
    ------
    RegionError
        For bp that are no whole number, or a Dataset that is no table of regions.

    Examples
    --------
    >>> import genoarrays as ga
    >>> reads = ga.read_regions(["chr1:10-25:+", "chr1:50-60:-"])
    >>> ga.shift(reads, 5).region.values.tolist()
    ['chr1:15-30:+', 'chr1:55-65:-']
    >>> ga.shift(reads, 5, strand_aware=True).region.values.tolist()
    ['chr1:15-30:+', 'chr1:45-55:-']
    """
    bp = whole("bp", bp)
    columns = table_columns(regions)
    by = np.where(strand_aware & (columns.orientation < 0), -bp, bp)
    summit = None
    if "summit" in regions.variables:
        old = regions["summit"].values
        summit = np.where(old >= 0, old + by, -1)
    return _clipped(regions, columns, columns.start + by, columns.end + by, summit)


def snap_regions(regions: xr.Dataset, multiple: int) -> xr.Dataset:
    """Shrink regions to a grid: start up, end down, to multiples of some bp.

    Parameters
    ----------
    regions
        Table of regions.
    multiple
        bp.

    Returns
    -------
    xr.Dataset
        Table of regions within the given ones, all columns kept; those without a whole bin are
        dropped. Attributes `regions_clipped` (at contig ends, before snapping) and
        `regions_dropped`.

    Raises
    ------
    RegionError
        For a multiple below 1, or a Dataset that is no table of regions.

    Examples
    --------
    >>> import genoarrays as ga
    >>> snapped = ga.snap_regions(ga.read_regions(["chr1:150-790", "chr1:250-390"]), 200)
    >>> snapped.region.values.tolist(), snapped.attrs["regions_dropped"]
    (['chr1:200-600:.'], 1)
    """
    multiple = whole("multiple", multiple, least=1)
    columns, rows, clipped = clip(table_columns(regions))
    start, end = -(-columns.start // multiple) * multiple, columns.end // multiple * multiple
    kept = np.flatnonzero(start < end)
    columns = columns._replace(start=start, end=end).take(kept)
    return carry(regions, columns, rows[kept], clipped)


def promoters(
    genes: xr.Dataset, upstream: int, downstream: int, *, unstranded: str = "error"
) -> xr.Dataset:
    """Regions around the starts of genes, in the direction of each gene.

    Parameters
    ----------
    genes
        Table of genes or transcripts, with strands.
    upstream, downstream
        bp before the first base of the gene, and from it on: [start - upstream, start +
        downstream) on "+", [end - downstream, end + upstream) on "-". The first base is among
        the `downstream` ones.
    unstranded
        What to do with strand ".": "error", or "plus" to take it as "+".

    Returns
    -------
    xr.Dataset
        Table of regions, all columns of the genes kept. Clipped at contig ends (without an
        assembly at base 0 only). Attributes `regions_clipped`, `regions_dropped`.

    Raises
    ------
    RegionError
        For a gene without strand, or when upstream + downstream is below 1.

    Examples
    --------
    >>> import genoarrays as ga
    >>> genes = ga.read_regions(["chr1:1000-5000:+", "chr1:7000-9000:-"])
    >>> ga.promoters(genes, upstream=500, downstream=100).region.values.tolist()
    ['chr1:500-1100:+', 'chr1:8900-9500:-']
    """
    upstream, downstream = whole("upstream", upstream), whole("downstream", downstream)
    if upstream + downstream < 1:
        raise RegionError(
            f"upstream={upstream} and downstream={downstream} leave no base; their sum must be at "
            "least 1"
        )
    if unstranded not in ("error", "plus"):
        raise RegionError(f'unstranded={unstranded!r} is not known; use "error" or "plus"')
    columns = table_columns(genes)
    if unstranded == "error" and (odd := np.flatnonzero(columns.orientation == 0)).size:
        raise RegionError(
            f"region {columns.labels(odd[:1]).tolist()[0]} (row {odd[0]}, one of {odd.size:,}) has "
            'no strand, so its promoter is on neither side; give strands, or unstranded="plus"'
        )
    left, right = _sides(columns, upstream, downstream)
    first = np.where(columns.orientation < 0, columns.end, columns.start)
    return _clipped(genes, columns, first - left, first + right)


def _both(bp: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(bp, tuple | list):
        if len(bp) != 2:
            raise RegionError(f"bp={bp!r} is not possible; give bp, or (upstream, downstream)")
        return whole("upstream", bp[0]), whole("downstream", bp[1])
    return whole("bp", bp), whole("bp", bp)


def _sides(columns: Columns, upstream: int, downstream: int) -> tuple[Ints, Ints]:
    """Upstream and downstream bp as bp on the left and on the right of each region."""
    minus = columns.orientation < 0
    return np.where(minus, downstream, upstream), np.where(minus, upstream, downstream)


def summits(regions: xr.Dataset, columns: Columns) -> Ints:
    """Summit of each region in bp on its contig.

    Raises
    ------
    RegionError
        For a table without summits, or a region without one.
    """
    if "summit" not in regions.variables:
        raise RegionError(
            'anchor="summit" needs the column `summit`, which narrowPeak files give; these regions '
            f"have {', '.join(map(str, regions.data_vars))}"
        )
    summit = regions["summit"].values
    if (odd := np.flatnonzero(~(summit >= 0))).size:
        raise RegionError(
            f"region {columns.labels(odd[:1]).tolist()[0]} (row {odd[0]}, one of {odd.size:,}) has "
            'no summit; take anchor="center", or only the regions with summit >= 0'
        )
    return np.asarray(summit, dtype=np.int64)


def _clipped(
    regions: xr.Dataset,
    columns: Columns,
    start: Ints,
    end: Ints,
    summit: npt.NDArray[np.generic] | None = None,
) -> xr.Dataset:
    columns, rows, clipped = clip(columns._replace(start=start, end=end))
    return carry(regions, columns, rows, clipped, summit)
