"""What do the records of a BCF file, or of a region of an indexed VCF or BCF, say?

htslib reads them: it knows the indexes, and BCF. Lines of a VCF it only fetches; `vcf.py` parses
them, since htslib passes over some that are malformed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from genoarrays._optional import optional
from genoarrays.errors import InputError
from genoarrays.formats.alleles import Record
from genoarrays.formats.files import Stamp
from genoarrays.formats.vcf import VcfText
from genoarrays.genome.region import Region

__all__ = ["Bcf", "is_bcf", "region_records"]


def _pysam() -> Any:
    return optional("pysam", purpose="reading BCF files and indexed VCF files", extra="all")


def is_bcf(stamp: Stamp) -> bool:
    """Whether a file is BCF, compressed or not."""
    import gzip
    import zlib

    with open(stamp.path, "rb") as file:
        head = file.read(3)
    if head[:2] != b"\x1f\x8b":
        return head == b"BCF"
    try:
        with gzip.open(stamp.path) as content:
            return content.read(3) == b"BCF"
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            stamp.path, "byte 0", f"the gzip data are damaged ({error})", "copy it again"
        ) from error


class Bcf:
    """Header and records of a BCF file; see `VcfText` for its attributes."""

    def __init__(self, stamp: Stamp) -> None:
        self.path = stamp.path
        with self._open() as file:
            header = file.header
            self.contigs: dict[str, int | None] = {
                name: contig.length for name, contig in header.contigs.items()
            }
            self.samples = tuple(header.samples)

    def _open(self) -> Any:
        pysam = _pysam()
        before = pysam.set_verbosity(0)
        try:
            return closing(pysam.VariantFile(self.path, "rb"))
        except (OSError, ValueError) as error:
            raise InputError(
                self.path, "", f"the file is damaged or cut off ({error})", "copy or make it again"
            ) from error
        finally:
            pysam.set_verbosity(before)

    def records(self, genotypes: bool = False, region: Region | None = None) -> Iterator[Record]:
        """All records, or those that overlap a region.

        Raises
        ------
        InputError
            When the file is damaged, or has no index and one is needed.
        """
        number = 0
        try:
            with self._open() as file:
                records = file
                if region is not None:
                    records = file.fetch(region.contig, region.start, region.end)
                for number, record in enumerate(records, 1):
                    calls = []
                    if genotypes:
                        calls = [call.allele_indices or () for call in record.samples.values()]
                    yield Record(
                        number, record.contig, record.start, record.id or "", record.ref,
                        record.alts or (".",),
                        math.nan if record.qual is None else record.qual,
                        ";".join(record.filter.keys()) or ".", calls,
                    )  # fmt: skip
        except (OSError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            fix = "check it with: bcftools view"
            if region is not None:
                fix += "; a region= needs an index: bcftools index"
            raise InputError(self.path, f"after record {number}", str(error), fix) from error


def region_records(file: VcfText, region: Region, genotypes: bool) -> Iterator[Record]:
    """Records of a bgzipped VCF with an index (.tbi or .csi) that overlap a region.

    Raises
    ------
    InputError
        When there is no index, or a line is malformed.
    """
    pysam = _pysam()
    fix = "a region= needs a bgzipped file and its index: bgzip, then tabix -p vcf"
    before = pysam.set_verbosity(0)
    try:
        with closing(pysam.TabixFile(file.path, encoding="latin-1")) as table:
            if region.contig not in table.contigs:
                return
            lines = table.fetch(region.contig, region.start, region.end)
            for number, line in enumerate(lines, 1):
                place = "record " + ":".join(line.split("\t", 2)[:2])
                yield file.parse(line.encode("latin-1"), number, place, genotypes)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(file.path, str(region), str(error), fix) from error
    finally:
        pysam.set_verbosity(before)
