"""Which regions could be negatives?

Each background region has a template among the given ones, whose width and strand (and, if asked,
contig and GC content) it shares; so their distributions agree exactly, not on average. Its place is
drawn uniformly from all that are free, which are computed by subtraction. GC and unknown bases need
the sequence: many more places are drawn than needed and their bases counted in one pass over the
genome; it is read again only when some templates found none that suits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.examples.apart import table_of
from genoarrays.examples.candidates import Rules, place
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.formats.match import assembly_like
from genoarrays.genome.assembly import Assembly, check_same_assembly
from genoarrays.genome.clip import Ints, whole
from genoarrays.genome.columns import Columns
from genoarrays.genome.order import genome_order
from genoarrays.genome.overlap import intersect_regions, merge_regions, subtract_regions
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.genome.resize import expand
from genoarrays.ops.content import sequence_of
from genoarrays.ops.mask import regions_where

__all__ = ["sample_background"]

_MATCHES = ("gc", "contig")


def sample_background(
    regions: Any,
    like: Any = None,
    *,
    ratio: float = 1,
    number: int | None = None,
    width: int | None = None,
    within: Any = None,
    exclude: Any = None,
    valid: xr.DataArray | None = None,
    guard: int = 0,
    max_unknown: float | None = None,
    match: str | Sequence[str] = (),
    gc_bin: float = 0.02,
    overlap: bool = False,
    seed: int = 0,
    epoch: int = 0,
) -> xr.Dataset:
    """Draw random regions away from the given ones, as negatives.

    Parameters
    ----------
    regions
        The positives: a table of regions, windows, or anything that `read_regions` takes.
    like
        The genome: an object on a genome axis, best a Dataset with the variable `dna`; an Assembly
        or the path of a FASTA where no bases are asked about. None: the assembly of `regions`.
    ratio
        Background regions for each positive; 2.5 gives 2 for each, and a third for half of them.
    number
        How many in all, instead of `ratio`.
    width
        bp of all background regions; None: the widths of the positives.
    within
        Regions that they must lie in, such as stretches for training; None: anywhere.
    exclude
        Regions, such as a blacklist, that they must keep away from as from the positives.
    valid
        Mask (position,), see `ga.valid_mask`: they lie where it is True.
    guard
        bp between a background region and any positive or excluded one, at least.
    max_unknown
        Largest share of unknown bases in a background region. None: 0 where `like` has `dna`, else
        bases are not looked at; 1 allows any.
    match
        "gc": as many in each bin of GC content as of the positives, times `ratio`; "contig": as
        many on each contig; or both.
    gc_bin
        Width of the bins of GC content.
    overlap
        Let background regions overlap each other; no two are the same.
    seed, epoch
        Together they decide what is drawn.

    Returns
    -------
    xr.Dataset
        Table of regions in genome order; widths and strands as often as among the positives, times
        `ratio`. Attributes `regions_asked`, `seed`, `epoch`, `guard`, `max_unknown` and `match`.

    Raises
    ------
    RegionError
        When not all find a place: says how many did, and what was in the way. Also for no
        positives, one without bases to take its width or GC content from, and options that are not
        possible, such as bases asked about without `dna`.
    GenomeError
        When `dna` is no DNA at 1 bp.
    AssemblyError, ContigError
        When there is no assembly, or tables lie on different ones or share no contig.
    InputError
        When a file cannot be read.

    Examples
    --------
    >>> import genoarrays as ga
    >>> ds = ga.testing.random_genome({"chr1": 1000, "chr2": 500})
    >>> peaks = ga.read_regions(["chr1:100-140:+", "chr1:700-720:-"], like=ds)
    >>> negatives = ga.sample_background(peaks, ds, ratio=2, guard=50, max_unknown=0.2, match="gc")
    >>> negatives.strand.values.tolist().count("+"), negatives.sizes["region"]
    (2, 4)
    >>> ga.check_leaks(peaks, negatives, guard=50)
    """
    guard, epoch, seed = (
        whole(name, value, least=0)
        for name, value in (("guard", guard), ("epoch", epoch), ("seed", seed))
    )
    matched = {match} if isinstance(match, str) else set(match)
    if odd := sorted(matched - set(_MATCHES)):
        raise RegionError(f'match={odd[0]!r} is not known; use "gc", "contig" or both')
    if not 0 < gc_bin <= 1 or not 0 <= (max_unknown or 0) <= 1:
        raise RegionError(
            f"gc_bin={gc_bin} or max_unknown={max_unknown} is no share of bases; give 0 to 1"
        )
    genome = _genome(regions, like)
    if max_unknown is None:
        max_unknown = 1.0 if genome.dna is None else 0.0
    if genome.dna is None and (max_unknown < 1 or "gc" in matched):
        asked = 'match="gc"' if "gc" in matched else f"max_unknown={max_unknown}"
        raise RegionError(f"{asked} needs bases; give like=, a Dataset with the variable dna")
    positives = genome.columns(regions)
    rng = np.random.default_rng([seed, epoch])
    template = _templates(positives, ratio, number, rng)
    widths = positives.end - positives.start
    if width is not None:
        widths = np.full(positives.size, whole("width", width, least=1))
    if (bad := np.flatnonzero(widths < 1)).size:
        raise RegionError(
            f"region {positives.labels(bad[:1]).tolist()[0]} has no base to take a width from; "
            "say width="
        )
    free = _free(genome, regions, within, exclude, guard, valid)
    gc = gc_bin if "gc" in matched else None
    rules = Rules(genome.dna, max_unknown, gc, "contig" in matched, overlap)
    drawn = place(positives, widths, template, free, rules, rng)
    table = columns_dataset(drawn.take(genome_order(drawn)))
    return table.assign_attrs(
        regions_asked=len(template), seed=seed, epoch=epoch, guard=guard, max_unknown=max_unknown,
        match=sorted(matched),
    )  # fmt: skip


class _Genome(NamedTuple):
    assembly: Assembly
    dna: xr.DataArray | None

    def table(self, some: Any) -> xr.Dataset:
        """Regions on this genome; contigs that it lacks are left out."""
        table = table_of(some)
        columns = region_columns(table)
        if columns.assembly is not None:
            check_same_assembly(self.assembly, columns.assembly, "cannot sample regions on")
            return table
        if not columns.size:
            return columns_dataset(Columns(self.assembly.names, *columns[1:5], self.assembly))
        return read_regions(table, self.assembly, out_of_bounds="pad")

    def columns(self, some: Any) -> Columns:
        """The same as columns."""
        return region_columns(self.table(some))


def _genome(regions: Any, like: Any) -> _Genome:
    obj = table_of(regions) if like is None else like
    dna = None
    has = "dna" in obj if isinstance(obj, xr.Dataset) else "alphabet" in getattr(obj, "attrs", {})
    if has and "position" in obj.dims:
        dna = sequence_of(obj)
    return _Genome(assembly_like(obj), dna)


def _templates(
    positives: Columns, ratio: float, number: int | None, rng: np.random.Generator
) -> Ints:
    """Row of the positive that each background region is like."""
    size = positives.size
    if not size:
        raise RegionError("there are no regions to draw a background for")
    if number is None:
        if not ratio > 0:
            raise RegionError(f"ratio={ratio} is not possible; give a number above 0")
        number = round(ratio * size)
    times, rest = divmod(whole("number", number, least=1), size)
    some = rng.permutation(size)[:rest]
    return np.concatenate([np.repeat(np.arange(size), times), some])


def _free(
    genome: _Genome, regions: Any, within: Any, exclude: Any, guard: int, valid: xr.DataArray | None
) -> Columns:
    """Disjoint stretches that background regions may lie in."""
    assembly = genome.assembly
    if within is None:
        size = len(assembly)
        nil = np.zeros(size, dtype=np.int64)
        code = np.arange(size, dtype=np.int32)
        everything = Columns(
            assembly.names, code, nil, assembly.lengths, nil.astype(np.int8), assembly
        )
        free = columns_dataset(everything)
    else:
        free = merge_regions(genome.table(within))
    for some in (regions, exclude):
        if some is not None:
            free = subtract_regions(free, expand(genome.table(some), guard))
    if valid is not None:
        free = intersect_regions(free, genome.table(regions_where(valid)))
    return region_columns(free)
