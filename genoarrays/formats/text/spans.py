"""Where do the intervals of a source lie, and do they fit the genome?

Intervals are columns, 0-based and half-open, and each knows the line or row it stands in, so that
whoever finds it wrong can name it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.match import Header, Match

__all__ = ["Rows", "fit_rows"]

Ints = npt.NDArray[np.int64]


class Rows(NamedTuple):
    """Intervals of one file or table, with the number of the line or row each stands in."""

    source: str
    unit: str
    names: tuple[str, ...]
    code: npt.NDArray[np.int32]
    start: Ints
    end: Ints
    number: Ints
    columns: dict[str, npt.NDArray[Any]]

    @property
    def header(self) -> Header:
        """Contigs that occur; their lengths are not told."""
        return Header(self.source, dict.fromkeys(self.names))

    def take(self, key: Any) -> Rows:
        """Some of the rows."""
        return self._replace(
            code=self.code[key],
            start=self.start[key],
            end=self.end[key],
            number=self.number[key],
            columns={name: column[key] for name, column in self.columns.items()},
        )

    def error(self, row: int, problem: str, fix: str) -> InputError:
        """Error that names the place of a row."""
        return InputError(self.source, f"{self.unit} {self.number[row]}", problem, fix)

    def check(self) -> Rows:
        """Refuse intervals that run backwards.

        Raises
        ------
        InputError
            Names the first one.
        """
        if (bad := np.flatnonzero(self.start > self.end)).size:
            row = int(bad[0])
            raise self.error(
                row,
                f"start {self.start[row]} lies past end {self.end[row]}",
                "swap or correct them",
            )
        return self

    def check_starts(self) -> Rows:
        """Refuse intervals that start before 0.

        Raises
        ------
        InputError
            Names the first one.
        """
        if (bad := np.flatnonzero(self.start < 0)).size:
            row = int(bad[0])
            raise self.error(
                row, f"start {self.start[row]} is below 0", "coordinates are 0-based; correct it"
            )
        return self


def fit_rows(rows: Rows, match: Match, out_of_bounds: str) -> tuple[Rows, dict[str, int]]:
    """Lay rows on an assembly: its names and codes, and nothing past the end of a contig.

    Parameters
    ----------
    rows
        As a file has them.
    match
        How its contigs lie on the assembly.
    out_of_bounds
        What to do with a row that ends past its contig: "error"; "pad" leaves it, "clip" cuts it,
        "drop" leaves it out. Rows that start past the end are dropped by "clip" too.

    Returns
    -------
    Rows
        `code` counts the contigs of the assembly.
    dict
        `rows_dropped` and `rows_clipped`, where there are any.

    Raises
    ------
    InputError
        For a row past the end, when that is an error.
    GenomeError
        For another word than these.
    """
    if out_of_bounds not in ("error", "pad", "clip", "drop"):
        raise GenomeError(
            f"out_of_bounds={out_of_bounds!r} is not known; say 'error', 'pad', 'clip' or 'drop'"
        )
    attrs: dict[str, int] = {}
    assembly = match.assembly
    new = [match.renamed.get(name, name) for name in rows.names]
    codes = np.array(
        [assembly.code(n) if n in assembly else -1 for n in new] or [-1], dtype=np.int32
    )
    rows = rows._replace(names=assembly.names, code=codes[rows.code])
    kept = rows.code >= 0
    if not kept.all():
        attrs["rows_dropped"] = int((~kept).sum())
        rows = rows.take(kept)
    length = assembly.lengths[rows.code]
    past = rows.end > length
    if out_of_bounds in ("error", "pad"):
        if out_of_bounds == "error" and past.any():
            row = int(np.argmax(past))
            raise rows.error(
                row,
                f"end {rows.end[row]:,} lies past the end of {assembly.names[rows.code[row]]} "
                f"({length[row]:,} bp in assembly {assembly.name!r})",
                "correct it, or say out_of_bounds='clip' or 'drop'",
            )
        return rows.check_starts(), attrs
    past |= rows.start < 0
    gone = past if out_of_bounds == "drop" else (rows.start >= length) | (rows.end <= 0)
    attrs["rows_dropped"] = attrs.get("rows_dropped", 0) + int(gone.sum())
    if out_of_bounds == "clip":
        attrs["rows_clipped"] = int((past & ~gone).sum())
        start, end = np.maximum(rows.start, 0), np.minimum(rows.end, length)
        rows = rows._replace(start=start, end=end)
    return rows.take(~gone), attrs
