"""What do the records of a BCF file, or of a region of an indexed VCF or BCF, say?

htslib reads them: it knows the indexes, and BCF. Lines of a VCF it only fetches; `vcf.py` parses
them, since htslib passes over some that are malformed.
"""

from __future__ import annotations

import math
import os
import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from genoarrays._optional import optional
from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.fragments.tabix import VCF, csi_edges, tabix_index
from genoarrays.formats.variants.alleles import Record
from genoarrays.formats.variants.vcf import VcfText
from genoarrays.genome.region import Region

__all__ = ["Bcf", "is_bcf", "region_records"]


_LINE = re.compile(rb"([^\t\n]+)\t\d+\t[^\t\n]+\t[A-Za-z.]+\t")  # how a line of VCF begins
_HEAD = struct.Struct("<IIiii")  # how a record of BCF begins


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
            self._numbers = {name: contig.id for name, contig in header.contigs.items()}
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
        before = _pysam().set_verbosity(0)
        try:
            with self._open() as file:
                records = file
                if region is not None:
                    if os.path.exists(self.path + ".csi") and region.contig in self.contigs:
                        _check_bcf(self.path, region.contig, self._numbers[region.contig])
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
            fix = "copy or make it again"
            if region is not None:
                fix += "; a region= needs an index: bcftools index"
            # what htslib says of it is often no more than that closing failed
            cause = error.__context__ if isinstance(error.__context__, OSError) else error
            problem = f"the file is damaged or cut off ({cause})"
            raise InputError(self.path, f"after record {number}", problem, fix) from error
        finally:
            _pysam().set_verbosity(before)


def _foreign(path: str, name: str, contig: str, fix: str) -> InputError:
    return InputError(
        path, f"contig {contig!r}",
        f"it is not the index of {name}: the contig's rows begin or end elsewhere there", fix,
    )  # fmt: skip


def _check_text(path: str, contig: str) -> None:
    """Refuse an index in which the rows of the contig begin or end elsewhere than in the file."""
    name = os.path.basename(path)
    fix = f"make the index again: tabix -f -p vcf {name}"
    edges: dict[Any, tuple[int, int]]
    if (index := tabix_index(path, VCF)) is not None:
        beside = index.stamp.path
        edges = {name: (place.begin, place.end) for name, place in index.places.items()}
    else:
        beside = path + ".csi"
        edges = csi_edges(beside, fix)
    if contig not in edges:
        return _check_last(path, beside, contig, edges, fix)
    first, after = _read_at(path, edges[contig], 4096)
    found = [head and _LINE.match(head) for head in (first, after)]
    names = [line and line[1].decode("latin-1") for line in found]
    if names[0] != contig or (after and names[1] not in edges.keys() - {contig}):
        raise _foreign(beside, name, contig, fix)


def _check_bcf(path: str, contig: str, number: int) -> None:
    """As `_check_text`, for records of BCF, which tell the number of their contig."""
    name = os.path.basename(path)
    fix = f"make the index again: bcftools index -f {name}"
    edges = csi_edges(path + ".csi", fix)
    if number not in edges:
        return _check_last(path, path + ".csi", contig, edges, fix)
    first, after = _read_at(path, edges[number], _HEAD.size)
    numbers = [_contig_number(head) for head in (first, after)]
    if numbers[0] != number or (after and numbers[1] not in edges.keys() - {number}):
        raise _foreign(path + ".csi", name, contig, fix)


def _check_last(
    path: str, beside: str, contig: str, edges: dict[Any, tuple[int, int]], fix: str
) -> None:
    """Refuse an index that ends elsewhere than the file: what else it lacks is not known."""
    ends = [max(end for _, end in edges.values())] if edges else []
    if any(_read_at(path, ends, 1)):
        raise _foreign(beside, os.path.basename(path), contig, fix)


def _contig_number(head: bytes) -> int | None:
    """Of the record of BCF that begins here, or None where none can begin."""
    if len(head) < _HEAD.size:
        return None
    shared, calls, number, pos, length = _HEAD.unpack(head)
    good = 24 <= shared < 2**24 and calls < 2**30 and pos >= -1 and 0 <= length < 2**30
    return int(number) if good else None


def _read_at(path: str, offsets: Iterable[int], size: int) -> list[bytes]:
    """Bytes from virtual offsets on: none at the end of the file, `?` where no block begins."""
    found = []
    for offset in offsets:
        try:
            with closing(_pysam().BGZFile(path, "rb")) as file:
                file.seek(offset)
                found.append(file.read(size))
        except OSError:
            found.append(b"?")
    return found


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
        long = not os.path.exists(file.path + ".tbi") and os.path.exists(file.path + ".csi")
        index = file.path + ".csi" if long else None
        with closing(pysam.TabixFile(file.path, index=index, encoding="latin-1")) as table:
            _check_text(file.path, region.contig)
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
