"""Which variants are scored, where do their windows lie, and on which strand?

REF is compared with the genome before anything is predicted. What is left out is counted by reason;
where most variants do not fit, the genome is another one, and that is an error.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from genoarrays.errors import AssemblyError, ContigError, GenomeError
from genoarrays.formats.intervals.tables import read_regions
from genoarrays.formats.match import Header, Match, Renaming, match_contigs
from genoarrays.formats.variants.alleles import Sites, why_not
from genoarrays.formats.variants.fit import Fit, genome_of
from genoarrays.formats.variants.variants import read_variants
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import assembly_variable, axis_of
from genoarrays.genome.overlap import on_contigs_of
from genoarrays.genome.pyramid import without_levels

__all__ = ["MISMATCH", "Placed", "grid_of", "place_variants", "reference_of"]

MISMATCH = {"skip": "drop", "flag": "flag", "raise": "error"}
"""What becomes of a variant with another REF than the genome, in the words of `read_variants`."""

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


class Placed(NamedTuple):
    """Variants that are scored.

    Attributes
    ----------
    table
        As `ga.read_variants` gives it.
    windows
        Of each variant, of one width; they may lie over the ends of contigs.
    good
        Whether REF is that of the genome.
    grid
        bp of which all windows start at multiples.
    counts
        How many variants there were, are scored, and are left out, by reason.
    """

    table: xr.Dataset
    windows: Columns
    good: npt.NDArray[np.bool_]
    grid: int
    counts: dict[str, int]


def reference_of(like: Any, names: list[str]) -> xr.DataArray:
    """The DNA that REF is compared with: of these names where there is one, else the first.

    Raises
    ------
    GenomeError
        When there is none.
    """
    sets = list(without_levels(like).values()) if isinstance(like, xr.DataTree) else [like]
    found: list[xr.DataArray] = []
    for one in sets:
        if isinstance(one, xr.Dataset):
            if "position" in one.dims:
                arrays = [genome_of(array)[0] for array in one.data_vars.values()]
                found += [array for array in arrays if array is not None]
        elif one is not None and (array := genome_of(one)[0]) is not None:
            found.append(array)
    if not found:
        raise GenomeError(
            "REF is compared with the genome, and like= holds no DNA at 1 bp, as ga.open_fasta "
            "gives it; give the Dataset or DataTree that the windows are cut from"
        )
    return next((array for name in names for array in found if array.name == name), found[0])


def grid_of(like: Any, names: list[str]) -> int:
    """Grid in bp that windows must start on, where they are cut from these variables."""
    sets = list(without_levels(like).values()) if isinstance(like, xr.DataTree) else [like]
    sizes = [
        axis_of(one).bin_size
        for one in sets
        if isinstance(one, xr.Dataset) and "position" in one.dims and set(names) & set(one)
    ]
    return math.lcm(*sizes)


def place_variants(
    variants: Any,
    dna: xr.DataArray,
    width: int,
    grid: int,
    annotation: Any,
    mismatch: str,
    rename_contigs: Renaming = None,
) -> Placed:
    """Variants of a file or table, each with its window.

    Parameters
    ----------
    variants
        Path of a VCF or BCF, or a table of variants.
    dna
        The genome.
    width
        bp of a window; the first base of REF lies (width - 1) // 2 bp from its start.
    grid
        bp: windows are moved to the nearest multiple of it.
    annotation
        Regions with strands, or what `ga.read_regions` takes; None: all windows are on the plus
        strand.
    mismatch
        One of `MISMATCH`.
    rename_contigs
        For contigs of a file, or of the annotation's.

    Raises
    ------
    InputError
        For a file that cannot be read, or REF that is not that of the genome, when asked.
    AssemblyError, ContigError
        When variants or annotation lie on another genome.
    GenomeError
        For something that is no table of variants, or an unknown `mismatch`.
    """
    if mismatch not in MISMATCH:
        raise GenomeError(f"mismatch={mismatch!r} is not known; say {', '.join(MISMATCH)}")
    if isinstance(variants, str | os.PathLike):
        table = read_variants(
            variants, dna, ref_mismatch=MISMATCH[mismatch], rename_contigs=rename_contigs
        )
        counts = Counter(table.attrs["variants"])
        del counts["kept"]
    else:
        table, counts = _compared(variants, dna, MISMATCH[mismatch])
    axis = axis_of(dna)
    assembly = axis.assembly
    names = {name: code for code, name in enumerate(assembly.names)}
    code = _codes(table, names)
    start = np.asarray(table["start"].values, np.int64) - (width - 1) // 2
    start = (start + grid // 2) // grid * grid
    length = assembly.lengths[code]
    kept = length >= width
    counts["contig_too_short"] = int((~kept).sum())
    if not axis.is_whole:
        # all that the genome has of a window; what its flanks lack is told when they are cut
        low = axis.locate(code, np.maximum(start, 0))
        sizes = (np.strings.str_len(np.asarray(table[n].values)) for n in ("ref", "alt"))
        more = np.maximum(np.subtract(*sizes), 0)  # taken on the right of a deletion
        last = np.minimum(start + width + more, length) - 1
        high = axis.locate(code, last)
        there = (low >= 0) & (high - low == last - np.maximum(start, 0))
        counts["off_axis"] = int((kept & ~there).sum())
        del counts["ref_unchecked"]  # these are among them
        kept &= there
    rows = np.flatnonzero(kept)
    if len(rows) < len(kept):
        table, code, start = table.isel(variant=rows), code[rows], start[rows]
    plus = np.ones(len(code), np.int8)
    windows = Columns(assembly.names, code.astype(np.int32), start, start + width, plus, assembly)
    if annotation is not None:
        table, sign = _stranded(table, windows, annotation, rename_contigs)
        windows = windows._replace(orientation=sign)
    told = dict(sorted((+counts).items()))
    first = {name: told.pop(name) for name in ("records", "variants") if name in told}
    good = np.ones(len(code), bool)
    if "ref_matches" in table:
        good = np.asarray(table["ref_matches"].values, bool)
        told["ref_mismatch"] = int((~good).sum())
    return Placed(table, windows, good, grid, {**first, "scored": len(code), **told})


def _codes(table: xr.Dataset, names: dict[str, int]) -> Ints:
    found, texts = pd.factorize(np.asarray(table["contig"].values, dtype=object))
    return np.array([*(names.get(str(t), -1) for t in texts), -1], np.int64)[found]


def _compared(table: Any, dna: xr.DataArray, ref_mismatch: str) -> tuple[xr.Dataset, Counter[str]]:
    """A table whose REF is that of the genome, or marked, and what was left out."""
    needed = ("contig", "start", "ref", "alt")
    if (
        not isinstance(table, xr.Dataset)
        or "variant" not in table.dims
        or any(name not in table.variables or table[name].dims != ("variant",) for name in needed)
    ):
        raise GenomeError(
            "variants= is neither the path of a VCF or BCF, nor a table of variants with the "
            f"dimension `variant` and {', '.join(needed)}, as ga.read_variants gives it"
        )
    assembly = axis_of(dna).assembly
    if "assembly" in table.coords and str(table["assembly"].values) != assembly.digest:
        raise AssemblyError(
            f"the variants lie on {table['assembly'].attrs.get('name')!r}, and the genome is "
            f"{assembly.name!r}: they are different assemblies; read them with the same like="
        )
    counts = Counter(variants=table.sizes["variant"])
    texts = np.dtypes.StringDType()
    ref, alt = (np.strings.upper(np.asarray(table[n].values).astype(texts)) for n in ("ref", "alt"))
    names = {name: code for code, name in enumerate(assembly.names)}
    code = _codes(table, names)
    if len(code) and (code < 0).all():
        there = np.unique(np.asarray(table["contig"].values, dtype=object)).tolist()
        contigs = dict.fromkeys(str(name) for name in there)
        match_contigs(Header("the table of variants", contigs), assembly, None)  # says what to do
        raise ContigError(f"none of the variants lies on a contig of {assembly.name!r}")
    reasons = [why_not(*pair, None) for pair in zip(ref.tolist(), alt.tolist(), strict=True)]
    counts += Counter(reason for reason in reasons if reason is not None)
    plain = np.array([reason is None for reason in reasons], bool)
    counts["contig_dropped"] = int((plain & (code < 0)).sum())
    rows = np.flatnonzero(plain & (code >= 0))
    blank: Any = np.zeros(len(rows), np.int8)  # columns that are not looked at
    sites = Sites(
        code[rows].astype(np.int32), np.asarray(table["start"].values, np.int64)[rows], ref[rows],
        alt[rows], blank, blank, blank, blank, rows, blank,
    )  # fmt: skip
    fit = Fit("the table of variants", "row", counts)
    sites = fit.within(sites, assembly.names, Match(assembly, {}, [], {}), "drop")
    good = fit.compare(sites, dna, ref_mismatch)
    fit.check_most(int(good.sum()))
    if ref_mismatch == "drop":
        sites, good = sites.take(good), good[good]
    table = table.isel(variant=sites.number).drop_vars("ref_matches", errors="ignore")
    table = table.assign(ref=("variant", sites.ref), alt=("variant", sites.alt))
    if ref_mismatch == "flag":
        table = table.assign(ref_matches=("variant", good))
    return table.assign_coords(assembly=assembly_variable(assembly)), counts


def _stranded(
    table: xr.Dataset, windows: Columns, annotation: Any, rename_contigs: Renaming
) -> tuple[xr.Dataset, npt.NDArray[np.int8]]:
    """The strand of the feature that each variant lies in, and that feature's label and name."""
    if not isinstance(annotation, xr.Dataset):
        annotation = read_regions(
            annotation, like=windows.assembly, out_of_bounds="clip", rename_contigs=rename_contigs
        )
    features, rows, _ = on_contigs_of(windows, annotation, "cannot match variants of")
    kept = np.flatnonzero(features.orientation)
    if not kept.size:
        raise GenomeError(
            f"none of the {features.size:,} features of annotation= has a strand; give one that "
            "has, such as genes of a GFF or GTF, or leave it out"
        )
    features, rows = features.take(kept), rows[kept]
    nearest = _shortest_around(windows.code, np.asarray(table["start"].values, np.int64), features)
    inside = nearest >= 0
    text = np.dtypes.StringDType()
    label = np.full(len(nearest), "", dtype=text)
    label[inside] = features.labels(nearest[inside])
    more = {"feature": ("variant", label)}
    if "name" in annotation and annotation["name"].dims == annotation["contig"].dims:
        name = np.full(len(nearest), "", dtype=text)
        names = np.asarray(annotation["name"].values).astype(text)
        name[inside] = names[rows[nearest[inside]]]
        more["feature_name"] = ("variant", name)
    sign = np.where(inside, features.orientation[nearest], 1).astype(np.int8)
    return table.assign(more), sign


def _shortest_around(code: Array, start: Ints, features: Columns) -> Ints:
    """Number of the shortest feature around each base, of several the first; -1 for none."""
    order = np.lexsort((start, code))
    far = np.int64(2**40)
    key = (code.astype(np.int64) * far + start)[order]
    low = np.searchsorted(key, features.code * far + features.start)
    high = np.searchsorted(key, features.code * far + features.end)
    long_first = np.lexsort((-np.arange(features.size), features.start - features.end))
    found = np.full(len(key), -1)
    for number in long_first[(high > low)[long_first]].tolist():  # the last one written stays
        found[low[number] : high[number]] = number
    result = np.empty_like(found)
    result[order] = found
    return result
