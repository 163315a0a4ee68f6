"""Which genome is this?

An assembly is a name, contig names and their lengths, in order. Its identity is a digest over names
and lengths, built as in GA4GH sequence collections; the name is only for people. Where a FASTA was
read with `digests=True`, each contig also has the MD5 of its upper-case bases, the value that SAM
headers hold as M5: soft- and unmasked genomes agree, hard-masked and patched ones do not.

Not here: files. `formats` read headers and give them to `Assembly`.
"""

from __future__ import annotations

import base64
import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from genoarrays.errors import AssemblyError, ContigError
from genoarrays.genome.naming import did_you_mean

__all__ = ["Assembly", "check_same_assembly"]


class Assembly:
    """A genome's name, contig names and lengths.

    Parameters
    ----------
    name
        For people, such as "hg38"; it takes no part in comparisons.
    lengths
        Length in bp by contig name; the order is the order on the genome axis.
    sequence_digests
        MD5 of the upper-case bases by contig name, for the contigs where it is known.

    Raises
    ------
    AssemblyError
        For no contigs, an empty name, or a length that is not a positive integer.

    References
    ----------
    GA4GH Sequence Collections 1.0, https://ga4gh.github.io/refget/seqcols/ ;
    SAM specification, section 1.3.2 (M5).

    Examples
    --------
    >>> toy = Assembly("toy", {"chr1": 1000, "chr2": 500})
    >>> toy
    Assembly('toy', 2 contigs, 1,500 bp: chr1, chr2)
    >>> toy.length("chr2")
    500
    >>> toy == Assembly("other name", {"chr1": 1000, "chr2": 500})
    True
    """

    __slots__ = ("__dict__", "lengths", "name", "names", "sequence_digests")

    def __init__(
        self,
        name: str,
        lengths: Mapping[str, int],
        *,
        sequence_digests: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.names: tuple[str, ...] = tuple(lengths)
        for contig, length in lengths.items():
            if not isinstance(contig, str) or not contig or contig != contig.strip():
                raise AssemblyError(f"assembly {name!r}: {contig!r} is not a contig name")
            if int(length) != length or length < 1:
                raise AssemblyError(
                    f"assembly {name!r}: contig {contig!r} has length {length!r}; "
                    "lengths are whole numbers of bp, at least 1"
                )
        self.lengths: npt.NDArray[np.int64] = np.array(list(lengths.values()), dtype=np.int64)
        self.lengths.flags.writeable = False
        if not self.names:
            raise AssemblyError(f"assembly {name!r} has no contigs; give at least one length")
        self.sequence_digests: dict[str, str] = {
            contig: md5 for contig, md5 in (sequence_digests or {}).items() if contig in lengths
        }

    @classmethod
    def from_pairs(cls, name: str, pairs: Iterable[tuple[str, int]]) -> Assembly:
        """Assembly of (contig, length) pairs, as file headers give them.

        Raises
        ------
        AssemblyError
            When a contig is listed twice.
        """
        lengths: dict[str, int] = {}
        for contig, length in pairs:
            if contig in lengths:
                raise AssemblyError(
                    f"assembly {name!r}: contig {contig!r} is listed twice; give each one once"
                )
            lengths[contig] = length
        return cls(name, lengths)

    @cached_property
    def _codes(self) -> dict[str, int]:
        return {contig: code for code, contig in enumerate(self.names)}

    @cached_property
    def digest(self) -> str:
        """GA4GH-style digest of names and lengths, in order: 32 letters, base64url."""
        lengths = sha512t24u(json.dumps(self.lengths.tolist(), separators=(",", ":")))
        names = sha512t24u(json.dumps(list(self.names), separators=(",", ":")))
        return sha512t24u(
            json.dumps({"lengths": lengths, "names": names}, sort_keys=True, separators=(",", ":"))
        )

    @property
    def size(self) -> int:
        """Total length in bp."""
        return int(self.lengths.sum())

    def __contains__(self, contig: object) -> bool:
        return contig in self._codes

    def __len__(self) -> int:
        return len(self.names)

    def code(self, contig: str) -> int:
        """Place of `contig` in the order of the assembly.

        Raises
        ------
        ContigError
            When there is no such contig; names the closest one.
        """
        try:
            return self._codes[contig]
        except (KeyError, TypeError):
            raise ContigError(
                f"contig {contig!r} is not in assembly {self.name!r} ({self.listing()})"
                f"{did_you_mean(contig, self.names)}"
            ) from None

    def length(self, contig: str) -> int:
        """Length of `contig` in bp.

        Raises
        ------
        ContigError
            When there is no such contig.
        """
        return int(self.lengths[self.code(contig)])

    def listing(self, most: int = 3) -> str:
        """First few contig names and their number, for messages and repr."""
        shown = ", ".join(self.names[:most])
        return shown if len(self) <= most else f"{shown}, ... {len(self):,} contigs"

    def select(self, names: str | Sequence[str]) -> Assembly:
        """Keep some contigs, in this assembly's order.

        Parameters
        ----------
        names
            Contig names, or one pattern as the shell knows it: "chr[0-9XY]*" or "chr?".

        Raises
        ------
        ContigError
            For a name that is not here, or a pattern that matches nothing.

        Examples
        --------
        >>> Assembly("toy", {"chr1": 9, "chr2": 8, "chrUn_7": 1}).select("chr[0-9]").names
        ('chr1', 'chr2')
        """
        if isinstance(names, str):
            kept = {c for c in self.names if c == names or fnmatch.fnmatchcase(c, names)}
            if not kept:
                raise ContigError(
                    f"no contig of assembly {self.name!r} matches {names!r} ({self.listing()})"
                )
        else:
            kept = {self.names[self.code(contig)] for contig in names}
        return Assembly(
            self.name,
            {c: int(n) for c, n in zip(self.names, self.lengths, strict=True) if c in kept},
            sequence_digests=self.sequence_digests,
        )

    def rename(self, mapping: Mapping[str, str]) -> Assembly:
        """Assembly with contigs renamed by `mapping`; names that it lacks stay.

        Raises
        ------
        AssemblyError
            When two contigs would bear one name.
        """
        pairs = [(mapping.get(c, c), int(n)) for c, n in zip(self.names, self.lengths, strict=True)]
        renamed = Assembly.from_pairs(self.name, pairs)
        renamed.sequence_digests = {mapping.get(c, c): d for c, d in self.sequence_digests.items()}
        return renamed

    def conflict(self, other: Assembly) -> str | None:
        """Why this is another assembly than `other`, or None when it is the same.

        Names and lengths must agree in order, and so must the sequence digests of the contigs for
        which both know one.
        """
        if self.digest != other.digest:
            here, there = set(self.names), set(other.names)
            if here != there:
                odd = sorted(here ^ there)
                return f"contigs differ ({', '.join(odd[:3])}{', ...' if len(odd) > 3 else ''})"
            for contig, length in zip(self.names, self.lengths, strict=True):
                if other.length(contig) != length:
                    return f"{contig} has {length:,} bp here and {other.length(contig):,} there"
            return "the contigs are in another order"
        for contig, md5 in self.sequence_digests.items():
            if other.sequence_digests.get(contig, md5) != md5:
                return f"the bases of {contig} differ (MD5 {md5} and otherwise)"
        return None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Assembly):
            return NotImplemented
        return self is other or self.conflict(other) is None

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.name, self.names, self.lengths, self.sequence_digests)

    def __repr__(self) -> str:
        contigs = f"{len(self):,} contig{'s' if len(self) != 1 else ''}"
        return f"Assembly({self.name!r}, {contigs}, {self.size:,} bp: {self.listing()})"


def _rebuild(
    name: str, names: Sequence[str], lengths: npt.NDArray[np.int64], md5: Mapping[str, str]
) -> Assembly:
    return Assembly(name, dict(zip(names, lengths.tolist(), strict=True)), sequence_digests=md5)


def check_same_assembly(one: Assembly, other: Assembly, doing: str) -> None:
    """Refuse to go on with two assemblies.

    Parameters
    ----------
    one, other
        Assemblies to compare.
    doing
        What was asked, as the start of the message: "cannot align".

    Raises
    ------
    AssemblyError
        When they differ; says in what.
    """
    why = one.conflict(other)
    if why is not None:
        raise AssemblyError(
            f"{doing} {one.name!r} and {other.name!r}: they are different assemblies, {why}; "
            "read both with the same like=, or rename contigs with ga.rename_contigs"
        )


def sha512t24u(text: str) -> str:
    """GA4GH digest: SHA-512 cut to 24 bytes, base64url.

    Examples
    --------
    >>> sha512t24u("ACGT")
    'aKF498dAxcJAqme6QYQ7EZ07-fiw8Kw2'
    """
    return base64.urlsafe_b64encode(hashlib.sha512(text.encode()).digest()[:24]).decode()
