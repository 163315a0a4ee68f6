"""What of a read counts, and which reads?

The options of `open_bam`, checked, and what they need of a part: how far from it the reads lie that
count in it. A fragment is found by its read 1, which lies within `max_fragment` of any of its
bases; that is why there is such a bound. Bases that mates share are found in each part anew, since
both mates overlap the part there.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError

if TYPE_CHECKING:
    from genoarrays.formats.reads.pileup import Part

__all__ = ["COUNTS", "EXCLUDED", "Counting", "PartCounter"]

EXCLUDED = 0x4 | 0x100 | 0x200 | 0x400 | 0x800
"""Flags of reads that are dropped by default: unmapped, secondary, QC-fail, duplicate,
supplementary."""

COUNTS = ("five_prime", "three_prime", "coverage", "midpoint", "fragment", "cut_site")
MOST = 2**32 - 1  # of uint32
_STRAND = ("read", "read1", "read2")
_END = 2**62


@dataclass(frozen=True)
class Counting:
    """What counts; see `open_bam` for each."""

    count: str = "five_prime"
    bin_size: int = 1
    stranded: bool = True
    strand: str = "read"
    min_mapq: int = 0
    require_flags: int = 0
    exclude_flags: int = EXCLUDED
    proper_pairs: bool = False
    unpaired: str = "five_prime"
    extend: int | None = None
    overlap_mates: str = "count"
    shift: tuple[int, int] = (0, 0)
    max_fragment: int = 10_000

    def __post_init__(self) -> None:
        self._check("count", COUNTS)
        self._check("strand", _STRAND)
        self._check("unpaired", ("five_prime", "drop"))
        self._check("overlap_mates", ("count", "once"))
        shift = tuple(self.shift)
        if not (len(shift) == 2 and all(isinstance(n, (int, np.integer)) for n in shift)):
            raise GenomeError(f"shift={shift!r} is not possible; give two numbers: (plus, minus)")
        object.__setattr__(self, "shift", (int(shift[0]), int(shift[1])))
        for name, least in (("max_fragment", 1), ("extend", 1), ("min_mapq", 0),
                            ("require_flags", 0), ("exclude_flags", 0)):  # fmt: skip
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, np.integer)) and value >= least):
                raise GenomeError(f"{name}={value!r} is not possible; give a number from {least}")
        for name, counts in (("shift", ("cut_site",)), ("extend", ("coverage", "fragment")),
                             ("unpaired", ("midpoint",)), ("overlap_mates", ("coverage",)),
                             ("max_fragment", ("midpoint", "fragment"))):  # fmt: skip
            default = type(self).__dataclass_fields__[name].default
            if getattr(self, name) != default and self.count not in counts:
                raise GenomeError(
                    f"{name}= says nothing about count={self.count!r}; leave it out, or use "
                    f"count={' or '.join(map(repr, counts))}"
                )

    def _check(self, name: str, known: tuple[str, ...]) -> None:
        value = getattr(self, name)
        if value not in known:
            listing = f"{', '.join(map(repr, known[:-1]))} and {known[-1]!r}"
            raise GenomeError(f"{name}={value!r} is not known; known are {listing}")

    @property
    def token(self) -> tuple[Any, ...]:
        """All options, as plain values."""
        return tuple(getattr(self, field.name) for field in fields(self))

    @property
    def attrs(self) -> dict[str, Any]:
        """What the variable's attributes tell: filters, and options that were not left alone."""
        found: dict[str, Any] = {"count": self.count}
        for field in fields(self):
            value = getattr(self, field.name)
            always = field.name in ("min_mapq", "require_flags", "exclude_flags")
            if always or (value != field.default and field.name not in ("bin_size", "stranded")):
                found[field.name] = value
        if self.count == "cut_site":
            found["shift"] = list(self.shift)
        if self.count in ("midpoint", "fragment"):
            found["max_fragment"] = self.max_fragment
        return found

    def reach(self) -> tuple[int, int]:
        """How far left and right of a part the reads lie that count in it, in bp."""
        if self.count == "cut_site":
            return max(*self.shift, 0), max(-min(self.shift), 0)
        far = self.extend or 0
        if self.count in ("midpoint", "fragment"):
            far = max(far, self.max_fragment)
        return far, far

    def fetched(self, start: int, end: int, length: int) -> tuple[int, int]:
        """Where the reads lie that count in [start, end) of a contig, or are told there."""
        left, right = self.reach()
        last = end + right
        return max(start - left, 0), _END if end >= length or last >= length else last


class PartCounter:
    """Counts of one part, of records as they come.

    Parameters
    ----------
    counting
        What counts.
    contig, length
        The contig's number in the file, and its bp.
    start, end
        The part, in bp.
    """

    def __init__(self, counting: Counting, contig: int, length: int, start: int, end: int) -> None:
        from genoarrays.formats.reads import mates, pileup

        one = counting
        mode = COUNTS.index(one.count) % 5  # a cut site is a 5' base with a shift
        self.part: Part = pileup.Part(
            contig, length, start, end, one.fetched(start, end, length)[1], one.bin_size, mode,
            *one.shift, one.min_mapq, one.require_flags, one.exclude_flags, int(one.proper_pairs),
            int(one.unpaired == "drop"), -1 if one.extend is None else one.extend,
            int(one.overlap_mates == "once"), _STRAND.index(one.strand), int(one.stranded),
            one.max_fragment, MOST,
        )  # fmt: skip
        bins, rows = -(-(end - start) // one.bin_size), 2 if one.stranded else 1
        self._blocks = one.count in ("coverage", "fragment")
        wide, narrow = (bins + 1, bins if one.bin_size > 1 else 0) if self._blocks else (0, 0)
        # strand by strand, as stores have it: there it need not be turned
        self._counts = np.zeros((rows, bins), dtype=np.uint32).T
        self._diff = np.zeros((rows, wide), dtype=np.int64)
        self._inner = np.zeros((rows, narrow), dtype=np.int64)
        self._told = np.zeros(len(pileup.REASONS), dtype=np.int64)
        self._state = np.array([-2, 0], dtype=np.int64)
        self._waiting = mates.nobody()

    def add(self, data: npt.NDArray[np.uint8], at: int, size: int) -> tuple[int, int]:
        """Count the records of data[at:size].

        Returns
        -------
        tuple
            A status of `records` or `pileup`, and the byte of the record that it is about.
        """
        from genoarrays.formats.reads import mates, pileup

        while True:
            status, at = pileup.add_records(
                data, at, size, self.part, self._counts, self._diff, self._inner, self._told,
                self._state, self._waiting,
            )  # fmt: skip
            if status != pileup.FULL:
                return int(status), int(at)
            self._waiting = mates.make_room(self._waiting, *self._state.tolist())

    @property
    def position(self) -> int:
        """Where the last read lies."""
        return int(self._state[0])

    def result(self) -> tuple[npt.NDArray[np.uint32], Counter[str], int]:
        """Counts (bins, rows), reads by outcome, and the first bin that holds too many, or -1."""
        from genoarrays.formats.reads import pileup

        full = -1
        if self._blocks:
            full = int(pileup.total_bins(self._diff, self._inner, self._counts, MOST))
        told = zip(pileup.REASONS, self._told.tolist(), strict=True)
        return self._counts, Counter({reason: n for reason, n in told if n}), full
