"""Which letters of the genome are changed, and to what?

Every alternative allele of plain letters becomes a row, 0-based; multi-allelic records are split.
What is left out is counted by reason in `attrs["variants"]`, so that nothing goes missing silently:
symbolic alleles and breakends, spanning deletions, IUPAC letters, long alleles, contigs that the
genome lacks, places off the contig (POS 0), and REF that is not what the genome says. A few of the
last two are usual; where most variants fail, the genome is another one, and that is an error.

Alleles are not normalized: an indel stays where and as long as the file has it. 5 M variants take
27 s of processor time and 1.5 GB at most.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.base import labels
from genoarrays.formats.files import Stamp
from genoarrays.formats.match import Header, Match, Renaming, file_attrs, match_contigs
from genoarrays.formats.variants.alleles import Sites, collect_alleles
from genoarrays.formats.variants.bcf import Bcf, is_bcf, region_records
from genoarrays.formats.variants.fit import Fit, genome_of
from genoarrays.formats.variants.vcf import VcfText
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.index import assembly_variable
from genoarrays.genome.region import Region
from genoarrays.genome.region import region as parse_region

__all__ = ["read_variants"]

_BLOCK = 2**16  # labels made at once


def read_variants(
    path: str | os.PathLike[str],
    like: Any = None,
    *,
    region: str | Region | None = None,
    genotypes: bool = False,
    max_length: int | None = 50,
    ref_mismatch: str = "drop",
    out_of_bounds: str = "drop",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    r"""Read single-nucleotide variants and small insertions and deletions into memory.

    Parameters
    ----------
    path
        VCF, plain, gzipped or bgzipped, or BCF; sorted or not.
    like
        Genome they lie on: path of a FASTA (plain or bgzip) or Dataset with a DNA variable, against
        which REF is checked; or an Assembly, another object on a genome axis, or a .fai or .sizes,
        and REF is not checked. None takes the lengths in the header, if all are there.
    region
        Only records that overlap this region (0-based), by the file's .tbi or .csi.
    genotypes
        Also give `dosage`: how many copies of the allele each sample has.
    max_length
        Longest REF or ALT, in letters; longer alleles are left out. None keeps all.
    ref_mismatch
        What to do where REF is not what the genome has, or the genome has no A, C, G or T there:
        "drop", "flag" (keep it, with `ref_matches` False), or "error".
    out_of_bounds
        What to do with a variant that is not within its contig, such as POS 0: "drop" or "error".
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        Dimension `variant`, one for each alternative allele in the order of the file, labelled
        `chr1:99:A>G` (0-based). contig; start, end (bp of REF, half-open); ref, alt (upper case);
        id, filter (text, "" and "." for none); quality (float32, NaN for none); allele (place in
        ALT, from 1); `ref_matches` (bool) with "flag"; `dosage` (variant, sample) int8, -1 where an
        allele was not called. A table that `ga.read_regions` takes, too. `attrs["variants"]` holds
        the number of records, and of alleles "kept" and left out: "no_alternative", "symbolic",
        "spanning_deletion", "ambiguous_letters", "too_long", "same_as_ref", "contig_dropped",
        "out_of_bounds", "ref_mismatch".

    Raises
    ------
    InputError
        For a file that is missing, damaged, cut off, or neither VCF nor BCF; for a malformed line,
        with its number; for a `region` of a file without an index; when asked, for the first
        variant off its contig or with another REF than the genome.
    AssemblyError, ContigError
        When the contigs do not fit `like`, or most variants are off their contigs or have another
        REF than the genome.
    GenomeError
        For unknown options, or genotypes that take more than the byte limit.

    References
    ----------
    https://samtools.github.io/hts-specs/VCFv4.4.pdf

    Examples
    --------
    >>> import pathlib, tempfile, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy.vcf"
    >>> head = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    >>> _ = pathlib.Path(path).write_text(head + "chr1\t3\t.\tA\tG,<DEL>\t.\tPASS\t.\n")
    >>> variants = ga.read_variants(path, ga.Assembly("toy", {"chr1": 10}))
    >>> variants["variant"].values.tolist(), variants.attrs["variants"]
    (['chr1:2:A>G'], {'records': 1, 'kept': 1, 'symbolic': 1})
    """
    for what, value, known in (
        ("ref_mismatch", ref_mismatch, ("drop", "flag", "error")),
        ("out_of_bounds", out_of_bounds, ("drop", "error")),
    ):
        if value not in known:
            raise GenomeError(f"{what}={value!r} is not known; known are {', '.join(known)}")
    stamp = Stamp.of(path)
    dna, assembly = genome_of(like)
    file = Bcf(stamp) if is_bcf(stamp) else VcfText(stamp)
    samples = file.samples if genotypes else ()
    if region is None:
        records = file.records(genotypes)
    else:
        asked = _asked(region, _match(stamp, file.contigs, assembly, rename_contigs))
        if isinstance(file, Bcf):
            records = file.records(genotypes, asked)
        else:
            records = region_records(file, asked, genotypes)
    found = collect_alleles(records, max_length, len(samples), stamp.path)
    match = _match(
        stamp, {**file.contigs, **dict.fromkeys(found.contigs), **file.contigs}, assembly,
        rename_contigs,
    )  # fmt: skip
    unit = "record" if region is not None or isinstance(file, Bcf) else "line"
    fit = Fit(stamp.path, unit, found.counts)
    names, sites = found.contigs, found.sites
    if match is not None:
        names, sites = match.assembly.names, fit.lay(found, match)
    sites = fit.within(sites, names, match, out_of_bounds)
    matches = None if dna is None else fit.compare(sites, dna, ref_mismatch)
    if matches is not None and ref_mismatch == "drop":
        sites, matches = sites.take(matches), None
    fit.check_most(len(sites.start) if matches is None else int(matches.sum()))
    attrs = file_attrs([stamp.path], [] if match is None else [match])
    counts = dict(sorted((+found.counts).items()))
    records_read = counts.pop("records", 0)
    attrs["variants"] = {"records": records_read, "kept": len(sites.start), **counts}
    attrs["ref_checked"] = dna is not None
    table = _dataset(sites, names, found.filters, samples, matches).assign_attrs(attrs)
    return table if match is None else table.assign_coords(
        assembly=assembly_variable(match.assembly)
    )  # fmt: skip


def _match(
    stamp: Stamp,
    contigs: Mapping[str, int | None],
    assembly: Assembly | None,
    rename_contigs: Renaming,
) -> Match | None:
    """How the contigs lie on the genome; None where nothing tells it."""
    if assembly is None and (not contigs or None in contigs.values()):
        if rename_contigs is None:
            return None
        raise GenomeError(
            f"{stamp.path}: rename_contigs= needs like=, since the header does not tell how long "
            "all contigs are"
        )
    return match_contigs(Header(stamp.path, contigs), assembly, rename_contigs)


def _asked(region: str | Region, match: Match | None) -> Region:
    """The region, with the file's own name of the contig."""
    known = () if match is None else match.assembly
    asked = parse_region(region, contigs=known) if isinstance(region, str) else region
    if match is None:
        return asked
    match.assembly.code(asked.contig)
    return asked._replace(contig=match.names.get(asked.contig) or asked.contig)


def _dataset(
    sites: Sites,
    names: Sequence[str],
    filters: Sequence[str],
    samples: Sequence[str],
    matches: npt.NDArray[np.bool_] | None,
) -> xr.Dataset:
    # objects, since pandas makes them of any text: 5 M labels of another type are there twice
    shown = np.empty(len(sites.start), dtype=object)
    for at in range(0, len(shown), _BLOCK):
        some = sites.take(slice(at, at + _BLOCK))
        rows = zip(some.code.tolist(), some.start.tolist(), some.ref, some.alt, strict=True)
        shown[at : at + _BLOCK] = [f"{names[c]}:{start}:{ref}>{alt}" for c, start, ref, alt in rows]
    data: dict[str, Any] = {
        "contig": labels([*names, ""])[sites.code],
        "start": sites.start,
        "end": sites.start + np.strings.str_len(sites.ref),
        "ref": sites.ref,
        "alt": sites.alt,
        "id": sites.id,
        "quality": sites.quality,
        "filter": labels([*filters, ""])[sites.filter],
        "allele": sites.allele,
    }
    if matches is not None:
        data["ref_matches"] = matches
    coords: dict[str, Any] = {"variant": shown}
    table: dict[str, Any] = {name: ("variant", column) for name, column in data.items()}
    if samples:
        coords["sample"] = labels(samples)
        table["dosage"] = (("variant", "sample"), sites.dosage)
    return xr.Dataset(table, coords)
