"""What does `chr2:1,000-2,000` mean?

Coordinates are 0-based and half-open, in region strings too; `one_based=True` reads the 1-based,
closed strings that genome browsers show. Contig names may hold colons (HLA-A*01:01): a text that is
itself a contig's name is that contig.
"""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from genoarrays.errors import RegionError

__all__ = ["Region", "region"]

_PATTERN = re.compile(r"(?P<contig>.+):(?P<start>[\d,_]+)-(?P<end>[\d,_]*)(?::(?P<way>[+\-.]))?")


class Region(NamedTuple):
    """A stretch of one contig; `end` is None for "to the end of the contig".

    Examples
    --------
    >>> Region("chr2", 1000, 2000)
    Region(contig='chr2', start=1000, end=2000, strand='.')
    >>> str(Region("chr2", 1000, 2000, "-"))
    'chr2:1000-2000:-'
    """

    contig: str
    start: int = 0
    end: int | None = None
    strand: str = "."

    def __str__(self) -> str:
        if self.end is None:
            return self.contig if not self.start else f"{self.contig}:{self.start}-"
        tail = "" if self.strand == "." else f":{self.strand}"
        return f"{self.contig}:{self.start}-{self.end}{tail}"


def region(text: str, *, one_based: bool = False, contigs: Container[str] = ()) -> Region:
    """Read a region string.

    Parameters
    ----------
    text
        "chr2", "chr2:1,000-2,000", "chr2:1000-" or "chr2:1000-2000:-"; 0-based, half-open, bp.
    one_based
        Read `text` as genome browsers write it: first base 1, end included.
    contigs
        Names that are taken as they are, whatever colons they hold; an `Assembly` will do.

    Returns
    -------
    Region
        0-based and half-open. Not checked: whether the contig exists and how long it is.

    Raises
    ------
    RegionError
        When `text` is no region, is empty or runs backwards.

    Examples
    --------
    >>> region("chr2:1,001-2,000", one_based=True)
    Region(contig='chr2', start=1000, end=2000, strand='.')
    """
    if not isinstance(text, str):
        raise RegionError(f"{text!r} is not a region string; write for example 'chr2:1,000-2,000'")
    text = text.strip()
    match = None if text in contigs else _PATTERN.fullmatch(text)
    if match is None:
        if not text or (text not in contigs and re.search(r":[^:]*[\d\-]$|:$", text)):
            raise RegionError(
                f"{text!r} is not a region; write for example 'chr2', 'chr2:1,000-2,000' or "
                "'chr2:1000-2000:-' (0-based, half-open)"
            )
        return Region(text)
    start = _number(match["start"], text)
    end = _number(match["end"], text) if match["end"] else None
    if one_based:
        if start < 1:
            raise RegionError(f"{text!r}: positions start at 1 when one_based=True")
        start -= 1
    if end is not None and end <= start:
        raise RegionError(
            f"{text!r}: end {end:,} must lie past start {start:,} (0-based, half-open)"
        )
    return Region(match["contig"], start, end, match["way"] or ".")


def _number(digits: str, text: str) -> int:
    plain = digits.replace(",", "").replace("_", "")
    if not plain:
        raise RegionError(f"{text!r}: {digits!r} is not a number")
    return int(plain)
