"""How do numbers about variants become a VCF or a table of text?

One line for each row, in their order: alleles that were split stay split, as after
`bcftools norm -m-`. Rows are read and written some thousand at a time, so that a store larger than
memory can be written.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays import __version__
from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.formats.targets import Targets

__all__ = ["effects_to_tsv", "to_vcf"]

_ROWS = 2**14  # written at once
_COLUMNS = ("contig", "start", "end", "ref", "alt", "id", "quality", "filter", "allele",
            "window_start", "orientation", "feature", "feature_name")  # fmt: skip
_STRANDS = {"+": "plus", "-": "minus"}


def to_vcf(
    variants: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    scores: str | Sequence[str] | None = None,
    overwrite: bool = False,
) -> str:
    r"""Write variants as VCF, their scores as INFO fields.

    Parameters
    ----------
    variants
        What `ga.variant_effects` gives, or any table of variants as `ga.read_variants` does, with
        further numbers (variant[, track, ...]).
    path
        VCF, bgzipped where it ends in .gz or .bgz; it appears once it is complete.
    scores
        Names of the variables to write; None: all numbers (variant, ...), without those along
        offsets.
    overwrite
        Replace a file that exists.

    Returns
    -------
    str
        The path.

    Raises
    ------
    GenomeError
        For something that is no table of variants, a score that is not there or has offsets, a file
        that exists, or a folder that does not.

    Notes
    -----
    Each row is a line with one ALT. Each score is a field of Number=A and Type=Float with six
    significant digits, named as the variable; of several tracks there is one for each, as
    `difference_Reb1`, where letters that no field may have become `_`. So
    `bcftools view -i 'INFO/difference_Reb1>0.1'` selects, and `bcftools annotate -a effects.vcf.gz
    -c INFO variants.vcf.gz` puts them into the file that the variants came from (after `bcftools
    norm -m-`, and with both files indexed). Further fields: ORIENTATION, FEATURE and FEATURE_NAME
    where the table has them, and the flag REF_MISMATCH. INFO and genotypes of another file are not
    in the table, and so not written.

    References
    ----------
    https://samtools.github.io/hts-specs/VCFv4.3.pdf

    Examples
    --------
    >>> import pathlib, tempfile
    >>> names = ["contig", "start", "ref", "alt"]
    >>> row = {n: ("variant", [v]) for n, v in zip(names, ["chr1", 2, "A", "G"], strict=True)}
    >>> effects = xr.Dataset({"difference": ("variant", np.float32([0.25]))}, row)
    >>> path = to_vcf(effects, tempfile.mkdtemp() + "/effects.vcf")
    >>> pathlib.Path(path).read_text().splitlines()[-1].split("\t")
    ['chr1', '3', '.', 'A', 'G', '.', '.', 'difference=0.25']
    """
    path = os.fspath(path)
    fields = _fields(variants, scores, for_vcf=True)
    with Targets([path], overwrite=overwrite) as targets, _text(path, targets) as write:
        write(_header(variants, fields))
        for part in _parts(variants, fields):
            write(_vcf_lines(part, fields))
    return path


def effects_to_tsv(
    effects: xr.Dataset,
    path: str | os.PathLike[str],
    *,
    scores: str | Sequence[str] | None = None,
    overwrite: bool = False,
) -> str:
    r"""Write variants and their scores as text, a line for each, columns apart by tabs.

    Parameters
    ----------
    effects
        What `ga.variant_effects` gives.
    path
        File, bgzipped where it ends in .gz or .bgz; it appears once it is complete.
    scores
        As for `ga.to_vcf`.
    overwrite
        Replace a file that exists.

    Returns
    -------
    str
        The path. Columns: contig, start, end (0-based, half-open, so that the first three are those
        of a BED), ref, alt, and what else the table has; then scores, of several tracks a column
        for each, as `difference_Reb1`. What is missing is left empty.

    Raises
    ------
    GenomeError
        As of `ga.to_vcf`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> row = {n: ("variant", v) for n, v in
    ...        {"contig": ["chr1"], "start": [2], "ref": ["A"], "alt": ["G"]}.items()}
    >>> effects = xr.Dataset({"difference": ("variant", np.float32([0.25]))}, row)
    >>> path = effects_to_tsv(effects, tempfile.mkdtemp() + "/effects.tsv")
    >>> pathlib.Path(path).read_text()
    'contig\tstart\tref\talt\tdifference\nchr1\t2\tA\tG\t0.25\n'
    """
    path = os.fspath(path)
    fields = _fields(effects, scores, for_vcf=False)
    names = [str(n) for n, v in effects.variables.items() if v.dims == ("variant",)]
    told = [n for n in names if n != "variant" and n not in {f.variable for f in fields}]
    columns = [*(n for n in _COLUMNS if n in told), *(n for n in told if n not in _COLUMNS)]
    with Targets([path], overwrite=overwrite) as targets, _text(path, targets) as write:
        write("\t".join([*columns, *(field.name for field in fields)]) + "\n")
        for part in _parts(effects, fields):
            rows = [_texts(part[name].values, "") for name in columns]
            rows += [_numbers(field.of(part), "") for field in fields]
            lines = ("\t".join(line) for line in zip(*rows, strict=True))
            write("".join(f"{line}\n" for line in lines))
    return path


class _Field(NamedTuple):
    """A column of numbers: a variable, or one of its labels."""

    name: str
    variable: str
    at: dict[str, int]
    about: str

    def of(self, part: xr.Dataset) -> npt.NDArray[Any]:
        """Its numbers in some rows."""
        return np.asarray(part[self.variable].isel(self.at).values)


def _fields(
    table: xr.Dataset, scores: str | Sequence[str] | None, *, for_vcf: bool
) -> list[_Field]:
    """Columns of numbers.

    Raises
    ------
    GenomeError
        See `to_vcf`.
    """
    needed = ("contig", "start", "ref", "alt")
    if not isinstance(table, xr.Dataset) or any(
        n not in table.variables or table[n].dims != ("variant",) for n in needed
    ):
        raise GenomeError(
            f"this is no table of variants with {', '.join(needed)} along `variant`; give what "
            "ga.variant_effects or ga.read_variants gave"
        )
    known = {
        str(name): array
        for name, array in table.data_vars.items()
        if "variant" in array.dims
        and array.dtype.kind in "iuf"
        and name not in _COLUMNS
        and not any(str(dim).startswith("offset") for dim in array.dims)
    }
    wanted = list(known) if scores is None else [scores] if isinstance(scores, str) else scores
    found: list[_Field] = []
    for name in wanted:
        if name not in known:
            there = ", ".join(known) or "none"
            raise GenomeError(
                f"the table has no score {name!r} that is one number for each variant and track; "
                f"it has {there}"
            )
        array = known[name]
        dims = [str(dim) for dim in array.dims if dim != "variant"]
        labels = [array[d].values.tolist() if d in array.coords else range(array.sizes[d])
                  for d in dims]  # fmt: skip
        about = str(array.attrs.get("long_name", name))
        for at in itertools.product(*(range(array.sizes[d]) for d in dims)):
            own = [str(labels[n][place]) for n, place in enumerate(at)]
            shown = "_".join([name, *(_STRANDS.get(one, one) for one in own)])
            where = ", ".join(f"{d} {one}" for d, one in zip(dims, own, strict=True))
            text = f"{about} ({where})" if where else about
            found.append(_Field(shown, name, dict(zip(dims, at, strict=True)), text))
    return _named(found, r"[^A-Za-z0-9_.]" if for_vcf else r"[\t\r\n]")


def _named(fields: list[_Field], forbidden: str) -> list[_Field]:
    """With names that are allowed, and of which no two are the same."""
    taken: set[str] = set()
    renamed = []
    for field in fields:
        plain = name = re.sub(forbidden, "_", field.name)
        number = 1
        while name in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name)
        renamed.append(field._replace(name=name))
    return renamed


def _parts(table: xr.Dataset, fields: Sequence[_Field]) -> Iterator[xr.Dataset]:
    """Some thousand rows at a time, in memory."""
    wanted = {field.variable for field in fields}
    flat = [n for n, v in table.data_vars.items() if v.dims == ("variant",)]
    table = table[[*flat, *(n for n in wanted if n not in flat)]]
    for start in range(0, table.sizes["variant"], _ROWS):
        yield table.isel(variant=slice(start, start + _ROWS)).load()


@contextmanager
def _text(path: str, targets: Targets) -> Iterator[Any]:
    """Function that writes text to the file."""
    if path.endswith((".gz", ".bgz")):
        pysam = optional("pysam", purpose="writing bgzipped files", extra="all")
        with pysam.BGZFile(targets.parts[0], "wb") as packed:
            yield lambda text: packed.write(text.encode())
    else:
        with open(targets.parts[0], "w", encoding="utf-8", newline="\n") as plain:
            yield plain.write


_FLAGS: Mapping[str, tuple[str, str, str]] = {
    "orientation": ("ORIENTATION", "String", "Strand of the window that both alleles were seen in"),
    "feature": ("FEATURE", "String", "Feature whose strand that is (0-based, half-open)"),
    "feature_name": ("FEATURE_NAME", "String", "Name of that feature"),
    "ref_matches": ("REF_MISMATCH", "Flag", "REF is not what the genome has"),
}


def _header(table: xr.Dataset, fields: Sequence[_Field]) -> str:
    lines = ["##fileformat=VCFv4.3", f"##source=genoarrays {__version__}"]
    assembly = table["assembly"].attrs.get("name") if "assembly" in table.coords else None
    lengths = table.attrs.get("contig_lengths", {})
    there = dict.fromkeys(np.asarray(table["contig"].values, dtype=object).tolist())
    for contig in [*(c for c in lengths if c in there), *(c for c in there if c not in lengths)]:
        length = f",length={lengths[contig]}" if contig in lengths else ""
        genome = f',assembly="{assembly}"' if assembly else ""
        lines.append(f"##contig=<ID={contig}{length}{genome}>")
    if "filter" in table.variables:
        texts = dict.fromkeys(np.asarray(table["filter"].values, dtype=object).tolist())
        kinds = dict.fromkeys(kind for text in texts for kind in str(text).split(";"))
        lines += [f'##FILTER=<ID={kind},Description="As in the file that was read">'
                  for kind in kinds if kind not in ("", ".", "PASS")]  # fmt: skip
    lines += [
        f'##INFO=<ID={field.name},Number=A,Type=Float,Description="{_quoted(field.about)}">'
        for field in fields
    ]
    for name, (key, kind, about) in _FLAGS.items():
        if name in table.variables:
            number = 0 if kind == "Flag" else 1
            lines.append(f'##INFO=<ID={key},Number={number},Type={kind},Description="{about}">')
    if "model" in table.attrs:
        lines.append(f'##genoarrays_model="{_quoted(str(table.attrs["model"]))}"')
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def _vcf_lines(part: xr.Dataset, fields: Sequence[_Field]) -> str:
    count = part.sizes["variant"]
    dots = ["."] * count
    pos = [str(start + 1) for start in part["start"].values.tolist()]
    id_, quality, kind = (
        _texts(part[name].values, ".") if name in part.variables else dots
        for name in ("id", "quality", "filter")
    )
    info: list[list[str]] = []
    for field in fields:
        info.append([f"{field.name}={text}" for text in _numbers(field.of(part), ".")])
    for name, (key, type_, _) in _FLAGS.items():
        if name not in part.variables:
            continue
        if type_ == "Flag":
            info.append(["" if good else key for good in part[name].values.tolist()])
        else:
            texts = _texts(part[name].values, "")
            info.append([f"{key}={_escaped(text)}" if text else "" for text in texts])
    joined = [";".join(filter(None, some)) or "." for some in zip(*info, strict=True)]
    columns = [_texts(part["contig"].values, "."), pos, id_, _texts(part["ref"].values, "."),
               _texts(part["alt"].values, "."), quality, kind, joined or dots]  # fmt: skip
    return "".join("\t".join(line) + "\n" for line in zip(*columns, strict=True))


def _escaped(text: str) -> str:
    """Text of an INFO field, as VCF 4.3 has it."""
    for letter in "%:;=,\r\n\t ":
        if letter != ":":
            text = text.replace(letter, f"%{ord(letter):02X}")
    return text


def _texts(values: npt.NDArray[Any], missing: str) -> list[str]:
    if values.dtype.kind == "f":
        return _numbers(values, missing)
    return [str(value) or missing for value in values.tolist()]


def _numbers(values: npt.NDArray[Any], missing: str) -> list[str]:
    """Six significant digits; integers as they are."""
    if values.dtype.kind != "f":
        return [str(value) for value in values.tolist()]
    return [missing if value != value else f"{value:.6g}" for value in values.tolist()]
