"""Which reader does a text file of intervals need?

The suffix tells the format, unless the caller does; BED is the default. Every reader gives `Rows`.
"""

from __future__ import annotations

from collections.abc import Sequence

from genoarrays.errors import GenomeError
from genoarrays.formats.files import Stamp
from genoarrays.formats.intervals.attributes import Selection
from genoarrays.formats.intervals.bed import BED_FORMATS, parse_bed
from genoarrays.formats.intervals.gff import GFF_FORMATS, parse_gff
from genoarrays.formats.text.spans import Rows

__all__ = ["FORMATS", "format_of", "parse_rows"]

FORMATS = (*BED_FORMATS, *GFF_FORMATS)

_SUFFIXES = (
    {".bdg": "bedGraph", ".bg": "bedGraph", ".gff": "gff3", ".gff2": "gtf"}
    | {f".{f.lower()}": f for f in FORMATS}
)  # fmt: skip
_OTHERS = {
    ".vcf": "read_variants", ".bcf": "read_variants", ".bam": "open_bam", ".cram": "open_bam",
    ".bw": "open_bigwig", ".bigwig": "open_bigwig", ".fa": "open_fasta", ".fasta": "open_fasta",
    ".2bit": "open_twobit",
}  # fmt: skip


def format_of(path: str, asked: str | None = None) -> str:
    """Format that a suffix means; other suffixes are read as BED.

    Raises
    ------
    GenomeError
        For an unknown format, or a suffix of other files.

    Examples
    --------
    >>> format_of("peaks.narrowPeak.gz"), format_of("genes.gff"), format_of("peaks.txt")
    ('narrowPeak', 'gff3', 'bed')
    """
    if asked is not None:
        if asked not in FORMATS:
            raise GenomeError(f"format={asked!r} is not known; known are {', '.join(FORMATS)}")
        return asked
    lower = path.lower().removesuffix(".gz")
    if opener := next((f for suffix, f in _OTHERS.items() if lower.endswith(suffix)), None):
        raise GenomeError(
            f"{path} has no intervals that could be read as rows; open it with ga.{opener}, or say "
            "format= if it is none of that kind"
        )
    return next((f for suffix, f in _SUFFIXES.items() if lower.endswith(suffix)), "bed")


def parse_rows(
    stamp: Stamp,
    format: str,
    wanted: Sequence[str] | None = None,
    selection: Selection | None = None,
) -> Rows:
    """Read a file.

    Parameters
    ----------
    stamp
        The file; gzip of any kind is read too.
    format
        One of `FORMATS`.
    wanted
        Columns to read besides contig, start and end; None is all that the file has (of GFF3 and
        GTF: all but attributes that `selection` does not name).
    selection
        Rows and attributes of GFF3 and GTF.

    Returns
    -------
    Rows
        See `parse_bed` and `parse_gff` for its columns.

    Raises
    ------
    InputError
        For the first line that is malformed, or a wanted column that is not there.
    GenomeError
        For a selection of a format that has no features.
    """
    if format in GFF_FORMATS:
        return parse_gff(stamp, format, wanted, selection or Selection())
    if selection:
        raise GenomeError(
            f"{stamp.path}: feature=, where= and attributes= are for GFF3 and GTF, and this is "
            f"read as {format}; select rows of the table instead, or say format='gtf'"
        )
    return parse_bed(stamp, format, wanted)
