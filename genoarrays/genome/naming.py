"""Are `chr1`, `1` and `I` the same contig?

Only a person can know, so nothing is renamed by itself: these functions find the contigs two lists
of names have in common, and when there are none (or some look renamed), propose the mapping.
A mapping is proposed only when it is one to one and, where lengths are known, when they agree.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

from genoarrays.errors import GenomeError

__all__ = ["STYLES", "did_you_mean", "guess_mapping", "to_style"]

STYLES = ("ucsc", "ensembl", "roman", "ucsc_roman")
"""Known styles: chr1 chrM; 1 MT; I Mito; chrI chrM."""

_MITO = {"m", "mt", "mito", "mtdna", "mitochondrion"}
_MITO_NAME = {"ucsc": "chrM", "ensembl": "MT", "roman": "Mito", "ucsc_roman": "chrM"}
_ROMAN = ["M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"]
_ARABIC = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]


def did_you_mean(name: object, names: Sequence[str]) -> str:
    """End of a message that proposes the name closest to `name`, or nothing.

    Examples
    --------
    >>> did_you_mean("Chr1", ["chr1", "chr2"])
    "; did you mean 'chr1'?"
    """
    if not isinstance(name, str):
        return f"; contig names are text, not {type(name).__name__}"
    some = names[:5000]
    bare = {key: other for other in reversed(some) for key in _spellings(other)}
    close = next((bare[key] for key in _spellings(name) if key in bare), None)
    if close is None:
        close = next(iter(difflib.get_close_matches(name, some, n=1, cutoff=0.7)), None)
    return f"; did you mean {close!r}?" if close else ""


def guess_mapping(have: Mapping[str, int | None], want: Mapping[str, int | None]) -> dict[str, str]:
    """Propose new names for `have` so that they read as in `want`.

    Parameters
    ----------
    have, want
        Length in bp by contig name; None where a file does not tell it.

    Returns
    -------
    dict
        One to one, from names in `have` to names in `want`, without names common to both; only
        contigs of the same length where both are known. Empty when nothing fits.

    Examples
    --------
    >>> guess_mapping({"chr4": None, "chrM": None}, {"IV": 1531933, "Mito": 85779})
    {'chr4': 'IV', 'chrM': 'Mito'}
    """
    best: dict[str, str] = {}
    for arabic_x in (False, True):
        target: dict[str, str] = {}
        for name in want:
            target.setdefault(_canonical(name, arabic_x), name)
        found = {}
        for name, length in have.items():
            other = target.get(_canonical(name, arabic_x))
            if name in want or other is None or other in have:
                continue
            known = length is not None and want[other] is not None
            if not known or length == want[other]:
                found[name] = other
        if len(set(found.values())) == len(found) and len(found) > len(best):
            best = found
    return best


def to_style(names: Sequence[str], style: str) -> dict[str, str]:
    """Mapping that writes contig names in a style; scaffolds and other names stay.

    Parameters
    ----------
    names
        Contig names.
    style
        One of `STYLES`: "ucsc" (chr1, chrX, chrM), "ensembl" (1, X, MT), "roman" (I, X, Mito),
        "ucsc_roman" (chrI, chrM).

    Raises
    ------
    GenomeError
        For an unknown style.

    Examples
    --------
    >>> to_style(["I", "II", "Mito"], "ucsc")
    {'I': 'chr1', 'II': 'chr2', 'Mito': 'chrM'}
    """
    if style not in STYLES:
        raise GenomeError(f"unknown style {style!r}; known are {', '.join(STYLES)}, or give a dict")
    has_roman = _looks_roman(names)
    mapping = {}
    for name in names:
        bare = _bare(name)
        if bare.lower() in _MITO:
            new = _MITO_NAME[style]
        elif bare.isdigit() or (has_roman and _from_roman(bare) is not None):
            number = int(bare) if bare.isdigit() else _from_roman(bare) or 0
            text = _to_roman(number) if "roman" in style else str(number)
            new = f"chr{text}" if style.startswith("ucsc") else text
        elif re.fullmatch(r"[XYWZ]", bare):
            new = f"chr{bare}" if style.startswith("ucsc") else bare
        else:
            new = name
        if new != name:
            mapping[name] = new
    return mapping


def _looks_roman(names: Sequence[str]) -> bool:
    """Whether I, II, III ... are numbers here: X alone is a sex chromosome."""
    bare = {_bare(name) for name in names}
    return {"I", "II"} <= bare


def _bare(name: str) -> str:
    return re.sub(r"^(chromosome|chrom|chr)[_\-]?", "", name, flags=re.IGNORECASE)


def _canonical(name: str, arabic_x: bool) -> str:
    """Spelling to compare by; `arabic_x` reads roman numerals as numbers."""
    bare = _bare(name)
    if bare.lower() in _MITO:
        return "mitochondrion"
    number = _from_roman(bare) if arabic_x else None
    return str(number) if number is not None else (bare.lstrip("0") or bare).lower()


def _spellings(name: str) -> tuple[str, str]:
    return _canonical(name, False), _canonical(name, True)


def _from_roman(text: str) -> int | None:
    number, rest = 0, text
    for letters, value in zip(_ROMAN, _ARABIC, strict=True):
        while rest.startswith(letters):
            number, rest = number + value, rest[len(letters) :]
    return number if not rest and 0 < number < 40 and _to_roman(number) == text else None


def _to_roman(number: int) -> str:
    text = ""
    for letters, value in zip(_ROMAN, _ARABIC, strict=True):
        times, number = divmod(number, value)
        text += letters * times
    return text
