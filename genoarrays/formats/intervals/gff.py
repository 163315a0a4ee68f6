"""What do the rows and attributes of a GFF3 or GTF file say?

Coordinates are turned from 1-based and inclusive into 0-based and half-open; `##FASTA` ends the
rows. Attributes are parsed of the rows that `feature=` leaves, and only when some are asked for:
they are most of the text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.intervals.attributes import Selection, gff3_attributes, gtf_attributes
from genoarrays.formats.text.fields import integers, numbers, texts
from genoarrays.formats.text.lines import Fields, Lines, Malformed, convert_blocks, shown
from genoarrays.formats.text.spans import Rows

__all__ = ["GFF_FORMATS", "parse_gff"]

GFF_FORMATS = {
    "gff3": ("source", "feature", "score", "strand", "phase"),
    "gtf": ("source", "feature", "score", "strand", "frame"),
}
"""Columns besides contig, start, end and attributes."""

_PLACES = {"source": 1, "feature": 2, "score": 5, "strand": 6, "phase": 7, "frame": 7}
_STRANDS = ("+", "-", ".", "?")
_PHASES = ("0", "1", "2", ".")
_TAKEN = ("contig", "start", "end", "region")
_ENDS = re.compile(rb"^(##FASTA|>)", re.MULTILINE)
_MOST = 12  # names listed in an error

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


def parse_gff(
    stamp: Stamp, format: str, wanted: Sequence[str] | None, selection: Selection
) -> Rows:
    """Read a file.

    Parameters
    ----------
    stamp
        The file; gzip of any kind is read too.
    format
        "gff3" or "gtf".
    wanted
        Columns besides contig, start and end, of `GFF_FORMATS` or attributes; None is all of the
        former, and the attributes of `selection`.
    selection
        Features, conditions on attributes (or source and strand), and attributes.

    Returns
    -------
    Rows
        source, feature, strand ("?" is ".") and attributes as StringDType ("" where a row has
        none); score as float64 (NaN for "."); phase or frame as int64 (-1 for ".").

    Raises
    ------
    InputError
        For the first malformed line; for an attribute that no row has, or when nothing is selected:
        names what there is.
    """
    fixed = GFF_FORMATS[format]
    names = (*fixed, *selection.attributes) if wanted is None else tuple(wanted)
    if clash := [n for n in selection.attributes if n in (*_TAKEN, *fixed)]:
        raise GenomeError(
            f"the attribute {clash[0]!r} would take the place of a column of that name; read it "
            "with another tool and add it to the table"
        )
    table = _Table(format, names, selection)
    parts = convert_blocks(stamp, table.convert, _ENDS)
    table.check(stamp.path)
    kind = np.dtypes.StringDType()
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in names:
        if (words := table.words.get(name)) is not None:
            decoded = np.array([*map(table.decoded, words), ""], dtype=kind)
            columns[name] = decoded[_joined(parts, name, np.int64)]
        else:
            dtype = {"score": np.float64, "phase": np.int64, "frame": np.int64}.get(name, kind)
            columns[name] = _joined(parts, name, dtype)
    code, start, end, number = (
        _joined(parts, name, np.int64) for name in ("contig", "start", "end", "")
    )
    contigs = tuple(map(table.decoded, table.words.get("contig", {})))
    return Rows(stamp.path, "line", contigs, code.astype(np.int32), start, end, number, columns)


def _joined(parts: list[dict[str, Any]], name: str, dtype: Any) -> npt.NDArray[Any]:
    found = [part[name] for part in parts] or [np.zeros(0, dtype=dtype)]
    return np.concatenate(found).astype(dtype)


class _Table:
    """Converts blocks of lines to columns by name, of the rows that are selected."""

    def __init__(self, format: str, names: Sequence[str], selection: Selection) -> None:
        self.format = format
        self.selection = selection
        fixed = GFF_FORMATS[format]
        self.attributes = [name for name in names if name not in fixed]
        self.plain = {key: set(v) for key, v in selection.where if key in ("source", "strand")}
        self.where = {key: set(v) for key, v in selection.where if key not in self.plain}
        self.words: dict[str, dict[str, int]] = {}
        self.features: Counter[str] = Counter()
        self.keys: Counter[str] = Counter()
        self.values: dict[str, Counter[str]] = {key: Counter() for key, _ in selection.where}
        self.kept = 0

    def decoded(self, text: str) -> str:
        return unquote(text) if self.format == "gff3" else text

    def convert(self, lines: Lines) -> dict[str, Any]:
        fields = lines.split(b"\t" in lines.line(0), 9, f"{self.format} has")
        found: dict[str, Any] = {"": lines.number}
        for name, place in (("contig", 0), ("feature", 2), ("source", 1)):
            found[name] = texts(fields, place, name, self.words.setdefault(name, {}))
        first, last = integers(fields, 3, "start"), integers(fields, 4, "end")
        if (bad := np.flatnonzero((first < 1) | (first > last))).size:
            row = int(bad[0])
            raise Malformed(
                row,
                f"start {first[row]} and end {last[row]} are no interval: 1 <= start <= end",
            )
        found |= {"start": first - 1, "end": last, "score": numbers(fields, 5, "score", True)}
        strands: dict[str, int] = {}
        sign = texts(fields, 6, "strand", strands, _STRANDS)
        signs = ["." if word == "?" else word for word in strands]
        found["strand"] = np.array(signs, np.dtypes.StringDType())[sign]
        phases: dict[str, int] = {}
        code = texts(fields, 7, GFF_FORMATS[self.format][-1], phases, _PHASES)
        phase = np.array([-1 if word == "." else int(word) for word in phases])[code]
        found[GFF_FORMATS[self.format][-1]] = phase
        sources = [self.decoded(word) for word in self.words["source"]]
        coded = {"source": (sources, found["source"]), "strand": (signs, sign)}
        rows = np.flatnonzero(self._plain(found["feature"], coded))
        attributes: dict[str, Any] = {}
        if self.attributes or self.where:
            rows, attributes = self._attributes(fields, rows)
        found = {name: column[rows] for name, column in found.items()} | attributes
        self.kept += len(rows)
        return found

    def _plain(
        self, feature: Codes, coded: Mapping[str, tuple[list[str], Codes]]
    ) -> npt.NDArray[np.bool_]:
        """Rows of the features asked for, and of the source and strand."""
        features = [self.decoded(word) for word in self.words["feature"]]
        _count(self.features, features, feature)
        kept = np.ones(len(feature), dtype=bool)
        if self.selection.feature:
            kept &= np.isin(features, self.selection.feature)[feature]
        for key, wanted in self.plain.items():
            names, codes = coded[key]
            _count(self.values[key], names, codes[kept])
            kept &= np.isin(names, list(wanted))[codes]
        return kept

    def _attributes(self, fields: Fields, rows: Ints) -> tuple[Ints, dict[str, Any]]:
        """Rows that meet the conditions, and the attributes of those."""
        parse = gff3_attributes if self.format == "gff3" else gtf_attributes
        kept: list[int] = []
        columns: list[list[str]] = [[] for _ in self.attributes]
        for row in rows.tolist():
            text = fields.at(row, 8)
            try:
                pairs = parse(text.decode())
            except UnicodeDecodeError:
                raise Malformed(
                    row, f"the attributes are {shown(text)}", "use UTF-8 text"
                ) from None
            if pairs is None:
                example = {"gff3": "key=value;key=value", "gtf": 'key "value"; key "value";'}
                raise Malformed(
                    row,
                    f"the attributes are {shown(text)}, where {self.format} has "
                    f"{example[self.format]}",
                    "correct the row, or name another format= (gff3, gtf)",
                )
            self.keys.update(pairs.keys())
            meets = True
            for key, wanted in self.where.items():
                if key in pairs:
                    self.values[key][pairs[key]] += 1
                meets = meets and pairs.get(key) in wanted
            if meets:
                kept.append(row)
                for column, name in zip(columns, self.attributes, strict=True):
                    column.append(pairs.get(name, ""))
        kind = np.dtypes.StringDType()
        found = {
            name: np.array(column, dtype=kind)
            for name, column in zip(self.attributes, columns, strict=True)
        }
        return np.array(kept, dtype=np.int64), found

    def check(self, path: str) -> None:
        """Refuse a selection of nothing, and attributes that no row has."""
        selection = self.selection
        where = f" of feature {', '.join(map(repr, selection.feature))}" * bool(selection.feature)
        for feature in selection.feature:
            if feature not in self.features:
                raise InputError(
                    path, "", f"there is no feature {feature!r}",
                    f"features are {_common(self.features)}",
                )  # fmt: skip
        for name in (*self.where, *self.attributes):
            if name not in self.keys:
                raise InputError(
                    path, "", f"no row{where} has the attribute {name!r}",
                    f"attributes are {_common(self.keys)}",
                )  # fmt: skip
        if selection.where and not self.kept:
            asked = " and ".join(f"{k} {' or '.join(map(repr, v))}" for k, v in selection.where)
            raise InputError(
                path, "", f"no row{where} has {asked}",
                "there are " + "; ".join(f"{k}: {_common(v)}" for k, v in self.values.items()),
            )  # fmt: skip


def _count(counter: Counter[str], names: Sequence[str], codes: Codes) -> None:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    for name, count in zip(names, counts, strict=True):
        counter[name] += count


def _common(counts: Counter[str]) -> str:
    """The most common ones, and how many there are."""
    some = [repr(name) for name, count in counts.most_common(_MOST) if count]
    more = len([n for n in counts.values() if n]) - len(some)
    return (", ".join(some) or "none") + (f", and {more} more" if more else "")
