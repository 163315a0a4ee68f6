"""Do the contigs of a file fit the genome it is asked to lie on?

`like=` names the genome: an Assembly, anything with a genome axis, a table of regions, or the path
of a FASTA, a 2bit, a .fai or a table of sizes. The order of contigs is free. Contigs that a file
lacks have no data, contigs that the genome lacks are dropped and named in attrs, another length
under the same name is an error, and so is no name in common: the message proposes the renaming,
which is done only when asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from genoarrays.errors import AssemblyError, ContigError, GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.sequence.fai import fasta_index
from genoarrays.formats.sequence.twobit_index import twobit_index
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.naming import guess_mapping, to_style
from genoarrays.genome.regions import assembly_of

__all__ = [
    "Header",
    "Match",
    "assembly_like",
    "file_attrs",
    "match_contigs",
    "match_files",
    "name_files",
    "stem",
]

Renaming = Mapping[str, str] | str | None
_SUFFIXES = (".fasta", ".fa", ".fna")
_SHOWN = 30  # pairs of a proposed renaming that are written out


class Header(NamedTuple):
    """Contigs of a file: lengths (None where the file does not tell) and MD5 where it does."""

    path: str
    lengths: Mapping[str, int | None]
    digests: Mapping[str, str] = {}


class Match(NamedTuple):
    """How the contigs of a file lie on an assembly.

    `names`: the file's name of a contig where it is another one than the assembly's, or None where
    the name belongs to something else there. `dropped`: contigs of the file that the assembly
    lacks. `renamed`: new names by the file's names.
    """

    assembly: Assembly
    names: dict[str, str | None]
    dropped: list[str]
    renamed: dict[str, str]


def stem(path: str) -> str:
    """File name without folder and suffixes, as a label.

    Examples
    --------
    >>> stem("/data/hg38.p14.fa.gz")
    'hg38.p14'
    """
    name = os.path.basename(path)
    return os.path.splitext(name.removesuffix(".gz"))[0] or name


def assembly_like(like: Any) -> Assembly:
    """Assembly that `like=` means.

    Parameters
    ----------
    like
        Assembly; Dataset or DataArray on a genome axis; regions or windows that know their
        assembly; path of a FASTA (plain or bgzip), of a 2bit, of a .fai, or of a table of names and
        lengths (.sizes, .chrom.sizes).

    Returns
    -------
    Assembly

    Raises
    ------
    AssemblyError
        When the object has no assembly.
    InputError
        When the file cannot be read.
    """
    if not isinstance(like, (str, os.PathLike)):
        return assembly_of(like)
    path = os.fspath(like)
    if path.removesuffix(".gz").lower().endswith(_SUFFIXES):
        return fasta_index(path).assembly()
    if path.lower().endswith(".2bit"):
        return twobit_index(path).assembly()
    if path.endswith((".fai", ".sizes")):
        return _sizes(path)
    raise InputError(
        path,
        "",
        "like= cannot be told from this suffix",
        "give a FASTA (.fa, .fasta, .fna, also .gz), a .2bit, a .fai, a .chrom.sizes, or an opened "
        "Dataset",
    )


def _sizes(path: str) -> Assembly:
    pairs: dict[str, int] = {}
    try:
        with open(Stamp.of(path).path, encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                fields = line.split()
                if not fields:
                    continue
                size = fields[1] if len(fields) > 1 and fields[1].isascii() else ""
                if not (size.isdigit() and 0 < int(size) < 2**48):
                    raise InputError(
                        path, f"line {number}", f"{line.strip()!r} is no contig and length",
                        "write one name and one length in bp per line",
                    )  # fmt: skip
                if fields[0] in pairs:
                    raise InputError(
                        path, f"line {number}", f"contig {fields[0]!r} is listed twice",
                        "keep one of them",
                    )  # fmt: skip
                pairs[fields[0]] = int(size)
    except UnicodeDecodeError as error:
        raise InputError(path, "", "it is no UTF-8 text", "give a table of sizes") from error
    name = os.path.basename(path)
    for suffix in (".fai", ".gz", ".sizes", ".chrom", *_SUFFIXES):
        name = name.removesuffix(suffix)
    if not pairs:
        raise InputError(path, "", "it lists no contigs", "write a name and a length per line")
    return Assembly(name or path, pairs)


def name_files(path: Any, dim: str) -> tuple[list[str] | None, list[Any]]:
    """Labels and files of what a reader was given: one path, a list, or a dict by label.

    Returns
    -------
    list of str or None
        Labels along `dim`: keys of a dict, or file names without suffixes; None for one path.
    list
        The files, or whatever the dict holds.

    Raises
    ------
    GenomeError
        For none of these, no file, or two files of one label.

    Examples
    --------
    >>> name_files(["a/ctcf.bw", "b/myc.bw"], "track")
    (['ctcf', 'myc'], ['a/ctcf.bw', 'b/myc.bw'])
    """
    if isinstance(path, (str, os.PathLike)):
        return None, [path]
    if isinstance(path, Mapping):
        found = list(path.values())
        names = [str(name) for name in path]
    elif isinstance(path, Sequence) and all(isinstance(p, (str, os.PathLike)) for p in path):
        found = list(path)
        names = [stem(os.fspath(one)) for one in path]
    else:
        raise GenomeError(f"{path!r} is no file; give a path, a list of paths, or a dict by {dim}")
    if not found:
        raise GenomeError(f"there is no file in {path!r}; give at least one")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise GenomeError(f"two files would be {dim} {twice!r}; give a dict: {{{dim}: path}}")
    return names, found


def file_attrs(paths: Sequence[str], matches: Sequence[Match]) -> dict[str, Any]:
    """Attributes of a variable made of files: source (one, or a list), contigs dropped, renamed."""
    attrs: dict[str, Any] = {"source": list(paths) if len(paths) > 1 else paths[0]}
    dropped = {contig: None for match in matches for contig in match.dropped}
    renamed = {old: new for match in matches for old, new in match.renamed.items()}
    if dropped:
        attrs["contigs_dropped"] = list(dropped)
    if renamed:
        attrs["contigs_renamed"] = renamed
    return attrs


def match_files(
    headers: Sequence[Header], like: Any, rename_contigs: Renaming = None
) -> list[Match]:
    """Lay the contigs of files on one genome.

    Parameters
    ----------
    headers
        One per file.
    like
        The genome, as `assembly_like` knows it; None is that of the first file, with which the
        others must then agree.
    rename_contigs
        As in `match_contigs`.

    Returns
    -------
    list of Match
        One per file, all with the same assembly.

    Raises
    ------
    AssemblyError, ContigError
        As `match_contigs`; also when `like` is None and the files' contigs differ.
    """
    if like is not None:
        like = assembly_like(like)
    matches: list[Match] = []
    for header in headers:
        match = match_contigs(header, like, rename_contigs)
        if matches and like is None and match.assembly.conflict(matches[0].assembly):
            raise AssemblyError(
                f"{header.path} and {headers[0].path} list different contigs "
                f"({match.assembly.conflict(matches[0].assembly)}); give like=, the genome on "
                "which both shall lie"
            )
        matches.append(match if not matches else match._replace(assembly=matches[0].assembly))
    return matches


def match_contigs(header: Header, like: Assembly | None, rename_contigs: Renaming = None) -> Match:
    """Lay the contigs of a file on a genome.

    Parameters
    ----------
    header
        The file's contigs.
    like
        The genome; None is the one that the file describes.
    rename_contigs
        New name by the file's name; a style ("ucsc", "ensembl", "roman", "ucsc_roman"); or "match":
        whatever fits `like`. None renames nothing.

    Returns
    -------
    Match

    Raises
    ------
    ContigError
        When no contig is in common, or two would bear one name; proposes the renaming.
    AssemblyError
        When a contig has another length or other bases, or when nothing tells the lengths.
    """
    path = header.path
    renamed = _renaming(header, like, rename_contigs)
    to_file: dict[str, str] = {}
    for contig in header.lengths:
        new = renamed.get(contig, contig)
        if new in to_file:
            raise ContigError(
                f"{path}: contigs {to_file[new]!r} and {contig!r} would both be {new!r}; change "
                "rename_contigs="
            )
        to_file[new] = contig
    if like is None:
        like = _own_assembly(header, to_file)
    common = [contig for contig in like.names if contig in to_file]
    if not common and to_file:
        raise ContigError(_nothing_in_common(header, like))
    for contig in common:
        own = to_file[contig]
        length = header.lengths[own]
        if length is not None and length != like.length(contig):
            raise AssemblyError(
                f"{path}: contig {own!r} has {length:,} bp here and {like.length(contig):,} bp in "
                f"assembly {like.name!r}: another genome, or another version of it; give the like= "
                "that this file was made with"
            )
        md5 = header.digests.get(own)
        if md5 is not None and like.sequence_digests.get(contig, md5) != md5:
            raise AssemblyError(
                f"{path}: the bases of contig {own!r} (MD5 {md5}) are not those of assembly "
                f"{like.name!r} (MD5 {like.sequence_digests[contig]}); give the like= that this "
                "file was made with"
            )
    names: dict[str, str | None] = {c: to_file[c] for c in common if to_file[c] != c}
    names |= {c: None for c in renamed if c in like and c not in to_file}
    dropped = [own for new, own in to_file.items() if new not in like]
    return Match(like, names, dropped, renamed)


def _renaming(header: Header, like: Assembly | None, asked: Renaming) -> dict[str, str]:
    if asked is None:
        return {}
    if isinstance(asked, str) and asked != "match":
        return to_style(list(header.lengths), asked)
    if isinstance(asked, str):
        if like is None:
            raise AssemblyError(f'{header.path}: rename_contigs="match" needs like=, what to match')
        return _proposal(header, like)
    if not any(old in header.lengths for old in asked):
        raise ContigError(
            f"{header.path}: rename_contigs= names no contig of this file (it has "
            f"{_listing(header)}); write the file's own name first: "
            f"{{{next(iter(header.lengths))!r}: 'new name'}}"
        )
    return {old: new for old, new in asked.items() if old in header.lengths and old != new}


def _proposal(header: Header, like: Assembly) -> dict[str, str]:
    lengths = dict(zip(like.names, like.lengths.tolist(), strict=True))
    return guess_mapping(header.lengths, lengths)


def _own_assembly(header: Header, to_file: Mapping[str, str]) -> Assembly:
    pairs = {new: header.lengths[own] for new, own in to_file.items()}
    if not pairs:
        raise AssemblyError(f"{header.path} lists no contigs; give like=, the genome it lies on")
    lengths = {new: length for new, length in pairs.items() if length is not None}
    if len(lengths) < len(pairs):
        raise AssemblyError(
            f"{header.path} does not tell how long its contigs are; give like=, an Assembly, an "
            "opened Dataset or the path of the FASTA"
        )
    if empty := [name for name, length in lengths.items() if length < 1]:
        raise InputError(
            header.path, "header", f"contig {empty[0]!r} has a length of {lengths[empty[0]]} bp",
            "correct the header",
        )  # fmt: skip
    digests = {new: header.digests[own] for new, own in to_file.items() if own in header.digests}
    return Assembly(stem(header.path), lengths, sequence_digests=digests)


def _nothing_in_common(header: Header, like: Assembly) -> str:
    message = (
        f"{header.path}: none of its contigs ({_listing(header)}) is in assembly {like.name!r} "
        f"({like.listing()})"
    )
    mapping = _proposal(header, like)
    if not mapping:
        return f"{message}; if they are the same, give rename_contigs={{'their name': 'new name'}}"
    if len(mapping) > _SHOWN:
        return f'{message}; if they are the same, give rename_contigs="match"'
    return f'{message}; if they are the same, give rename_contigs="match", that is {mapping}'


def _listing(header: Header, most: int = 3) -> str:
    names = list(header.lengths)
    some = ", ".join(names[:most])
    return some if len(names) <= most else f"{some}, ... {len(names):,} contigs"
