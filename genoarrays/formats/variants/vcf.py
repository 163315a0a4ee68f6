"""What do the lines of a VCF say?

VCF is parsed here, line by line: pysam ends at some malformed lines, passes over others with a
message on standard error, and names no line. 5 M lines of sites take 27 s and 1.5 GB in all.

Specification: https://samtools.github.io/hts-specs/VCFv4.4.pdf
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NoReturn

from genoarrays.errors import InputError
from genoarrays.formats.bgzf import is_whole_gzip
from genoarrays.formats.files import Stamp
from genoarrays.formats.variants.alleles import Record

__all__ = ["VcfText"]

_COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"


class VcfText:
    """Header and records of a VCF text, plain or gzipped.

    Attributes
    ----------
    contigs
        Length by contig of the header, None where it does not tell.
    samples
        Names.
    """

    def __init__(self, stamp: Stamp) -> None:
        self.path = stamp.path
        self.contigs: dict[str, int | None] = {}
        self.samples: tuple[str, ...] = ()
        self._tabs = 0
        self._opener: Callable[..., Any] = open
        if is_whole_gzip(stamp):
            from isal import igzip

            self._opener = igzip.open
        with self._lines() as lines:
            self._header_lines = self._read_header(lines)

    def _fail(self, place: str, problem: str, fix: str) -> NoReturn:
        raise InputError(self.path, place, problem, fix)

    @contextmanager
    def _lines(self) -> Iterator[Iterator[bytes]]:
        try:
            with self._opener(self.path, "rb") as lines:
                yield lines
        except (EOFError, OSError, zlib.error) as error:
            self._fail("", f"the gzip data are damaged ({error})", "copy it again")

    def _read_header(self, lines: Iterator[bytes]) -> int:
        number = 0
        for number, line in enumerate(lines, 1):
            if number == 1 and not line.startswith(b"##fileformat=VCF"):
                self._fail("line 1", "it is no VCF file", "a VCF starts with ##fileformat=VCF")
            if line.startswith(b"##contig="):
                self._add_contig(number, line)
            if not line.startswith(b"##"):
                break
        fields = line.rstrip(b"\r\n").split(b"\t")
        if b"\t".join(fields[:8]) != _COLUMNS:
            self._fail(
                f"line {number}", "the line #CHROM POS ID REF ALT QUAL FILTER INFO is not there",
                "separate its columns by tabs, or copy the file again",
            )  # fmt: skip
        self._tabs = len(fields) - 1
        self.samples = tuple(field.decode("utf-8", "replace") for field in fields[9:])
        return number

    def _add_contig(self, number: int, line: bytes) -> None:
        name = re.search(rb"[<,]ID=([^,>]+)", line)
        length = re.search(rb"[<,]length=(\d+)", line)
        try:
            contig = name[1].decode() if name else ""
        except UnicodeDecodeError:
            contig = ""
        if not contig:
            self._fail(
                f"line {number}", "a contig has no name", "write ##contig=<ID=chr1,length=9>"
            )
        if contig in self.contigs:
            self._fail(f"line {number}", f"contig {contig!r} is listed twice", "list it once")
        self.contigs[contig] = int(length[1]) if length else None

    def records(self, genotypes: bool = False) -> Iterator[Record]:
        """All records.

        Raises
        ------
        InputError
            For the first malformed line, or damaged data.
        """
        with self._lines() as lines:
            for number, line in enumerate(lines, 1):
                if number > self._header_lines and not line.isspace():
                    yield self.parse(line, number, f"line {number}", genotypes)

    def parse(self, line: bytes, number: int, place: str, genotypes: bool) -> Record:
        """One line."""
        tabs = line.count(b"\t")
        if tabs != self._tabs or line[:1] == b"#":
            shown = repr(line[:60].rstrip().decode("utf-8", "replace"))
            problem = f"{tabs + 1} columns in {shown}, and {self._tabs + 1} in the header"
            if line[:1] == b"#":
                problem = f"the header line {shown} stands among the records"
            self._fail(place, problem, "complete the line, or copy the file again")
        try:
            if genotypes:
                texts, fields = [], line.rstrip(b"\r\n").split(b"\t")
                texts = b"\t".join(fields[:7]).decode().split("\t")
            else:
                fields = line.split(b"\t", 7)
                texts = line[: len(line) - len(fields[7])].decode().split("\t")
        except UnicodeDecodeError:
            self._fail(place, "it is no UTF-8 text", "correct the line")
        contig, pos, id_, ref, alts, qual, kind = texts[:7]
        if not (pos.isascii() and pos.isdigit() and len(pos) < 19):
            self._fail(place, f"POS is {pos[:60]!r}, no whole number", "correct the line")
        try:
            quality = math.nan if qual == "." else float(qual)
        except ValueError:
            self._fail(place, f"QUAL is {qual[:60]!r}, no number", "correct the line")
        for name, text in (("CHROM", contig), ("REF", ref), ("ALT", alts)):
            if not text or text == "," or " " in text:
                self._fail(
                    place, f"{name} is {text[:60]!r}", "separate the columns by one tab each"
                )
        return Record(
            number, contig, int(pos) - 1, "" if id_ == "." else id_, ref, alts.split(","), quality,
            kind, self._calls(fields, place, alts.count(",") + 1) if genotypes else (),
        )  # fmt: skip

    def _calls(
        self, fields: list[bytes], place: str, most: int
    ) -> Sequence[tuple[int | None, ...]]:
        if len(fields) < 9 or fields[8].split(b":", 1)[0] != b"GT":
            return [()] * len(self.samples)
        calls = [_call(field.split(b":", 1)[0]) for field in fields[9:]]
        for field, call in zip(fields[9:], calls, strict=True):
            if call is None or any(allele is not None and allele > most for allele in call):
                self._fail(
                    place, f"the genotype {field[:60].decode('utf-8', 'replace')!r} has alleles "
                    f"other than 0 to {most}", "correct the line",
                )  # fmt: skip
        return [call for call in calls if call is not None]


@lru_cache(2**16)
def _call(text: bytes) -> tuple[int | None, ...] | None:
    """Alleles of a GT such as 0/1, .|1 or 1; None when it is no genotype."""
    parts = re.split(rb"[/|]", text.lstrip(b"/|").strip())
    if not all(part == b"." or part.isdigit() for part in parts):
        return None
    return tuple(None if part == b"." else int(part) for part in parts)
