"""Do variants fit the genome they are said to lie on?

REF is compared letter by letter with the codes of the genome, read in blocks that hold a variant: a
whole human genome takes as long as reading it. The genome's unknown letters contradict any REF.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import AssemblyError, InputError
from genoarrays.formats.match import Match, assembly_like
from genoarrays.formats.sequence.fasta import ALPHABET, open_fasta
from genoarrays.formats.variants.alleles import Alleles, Sites
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.index import axis_of

__all__ = ["Fit", "genome_of"]

_BLOCK = 2**22  # bases of the genome looked at together
_MANY = 10  # failures, from which on a majority of them is an error
_CODES = np.full(256, len(ALPHABET), dtype=np.int8)
_CODES[[ord(letter) for letter in ALPHABET]] = range(len(ALPHABET))
Bools = npt.NDArray[np.bool_]


def genome_of(like: Any) -> tuple[xr.DataArray | None, Assembly | None]:
    """DNA (position,) that `like=` carries, if any, and its assembly.

    Raises
    ------
    InputError, AssemblyError
        As `assembly_like`.
    """
    if like is None:
        return None, None
    if isinstance(like, (str, os.PathLike)):
        name = os.fspath(like).removesuffix(".gz").lower()
        if not name.endswith((".fa", ".fasta", ".fna")):
            return None, assembly_like(like)
        like = open_fasta(like, chunks=None)
    assembly = assembly_like(like)
    arrays = like.data_vars.values() if isinstance(like, xr.Dataset) else [like]
    for array in arrays:
        if (
            isinstance(array, xr.DataArray)
            and array.attrs.get("alphabet") == ALPHABET
            and array.dims == ("position",)
            and axis_of(array).bin_size == 1
        ):
            return array, assembly
    return None, assembly


class Fit:
    """Counts what does not fit, and keeps the first place.

    Parameters
    ----------
    path, unit
        The file, and what its numbers count: "line".
    counts
        By reason; changed in place.
    """

    def __init__(self, path: str, unit: str, counts: Counter[str]) -> None:
        self.path = path
        self.unit = unit
        self.counts = counts
        self.first: InputError | None = None

    def lay(self, found: Alleles, match: Match) -> Sites:
        """Codes of the assembly; alleles on contigs that it lacks are left out."""
        assembly = match.assembly
        new = [match.renamed.get(name, name) for name in found.contigs]
        codes = [assembly.code(name) if name in assembly else -1 for name in new]
        code = np.array([*codes, -1], dtype=np.int32)[found.sites.code]
        self.counts["contig_dropped"] = int((code < 0).sum())
        return found.sites._replace(code=code).take(code >= 0)

    def within(
        self, sites: Sites, names: Sequence[str], match: Match | None, out_of_bounds: str
    ) -> Sites:
        """Leave out what is not within its contig.

        Raises
        ------
        InputError
            For the first one, when `out_of_bounds` is "error".
        """
        good = sites.start >= 0
        if match is not None and len(good):
            end = sites.start + np.strings.str_len(sites.ref)
            good &= end <= match.assembly.lengths[sites.code]
        if not good.all():
            row = int(np.argmin(good))
            contig = names[sites.code[row]]
            length = "" if match is None else f" of {match.assembly.length(contig):,} bp"
            self._note(
                sites, row, f"POS {sites.start[row] + 1} of REF {sites.ref[row]} is not within "
                f"{contig}{length}", "out_of_bounds", out_of_bounds == "error",
            )  # fmt: skip
        self.counts["out_of_bounds"] = int((~good).sum())
        return sites if good.all() else sites.take(good)

    def compare(self, sites: Sites, dna: xr.DataArray, ref_mismatch: str) -> Bools:
        """Whether REF is what the genome has; true where the array of the genome has a gap.

        Raises
        ------
        InputError
            For the first that is not, when `ref_mismatch` is "error".
        """
        lengths = np.strings.str_len(sites.ref).astype(np.int64)
        owner = np.repeat(np.arange(len(lengths)), lengths)
        letters = "".join(sites.ref.tolist()).encode("ascii")
        due = _CODES[np.frombuffer(letters, dtype=np.uint8)]
        within = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = axis_of(dna).locate(sites.code[owner], sites.start[owner] + within)
        has = np.full(len(owner), -1, dtype=np.int8)
        order = np.argsort(place, kind="stable")
        blocks = place[order] // _BLOCK
        for block in np.unique(blocks[blocks >= 0]).tolist():
            low, high = np.searchsorted(blocks, [block, block + 1])
            rows = order[low:high]
            first, last = int(place[rows[0]]), int(place[rows[-1]])
            codes = dna.isel(position=slice(first, last + 1)).values
            has[rows] = codes[place[rows] - first]
        good = np.ones(len(lengths), dtype=bool)
        good[owner[(has != due) & (has >= 0)]] = False
        self.counts["ref_unchecked"] = len(np.unique(owner[has < 0]))
        self.counts["ref_mismatch"] = int((~good).sum())
        if not good.all():
            row = int(np.argmin(good))
            there = has[owner == row]
            found = "".join((ALPHABET + "N?")[code] for code in there)
            contig = axis_of(dna).assembly.names[sites.code[row]]
            self._note(
                sites, row, f"REF is {sites.ref[row]}, and the genome has {found} at "
                f"{contig}:{sites.start[row]}", "ref_mismatch", ref_mismatch == "error",
            )  # fmt: skip
        return good

    def _note(self, sites: Sites, row: int, problem: str, option: str, fatal: bool) -> None:
        fix = "give the like= that the file was made with"
        if fatal:
            fix += f", or say {option}='drop'"
        error = InputError(self.path, f"{self.unit} {sites.number[row]}", problem, fix)
        if fatal:
            raise error
        self.first = self.first or error

    def check_most(self, good: int) -> None:
        """Refuse a file most of whose variants do not fit; `good` is how many do.

        Raises
        ------
        AssemblyError
            Names the first one.
        """
        bad = self.counts["out_of_bounds"] + self.counts["ref_mismatch"]
        if bad >= _MANY and bad > good:
            raise AssemblyError(
                f"{bad:,} of {bad + good:,} variants do not fit this genome, so it is another one "
                f"or another version of it. {self.first}"
            )
