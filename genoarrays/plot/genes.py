"""How do genes, peaks and other regions lie beside each other, and where do their names go?

A row is a box that points towards its 3' end. Rows that are parts of a gene (`feature` exon, CDS or
UTR with the name of a transcript or gene, or BED's blocks) are one gene: a line from end to end,
exons thick, coding exons thicker. Whatever would be drawn over another one, its name included, goes
to the next lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.genome.region import Region
from genoarrays.genome.regions import region_columns

__all__ = ["Gene", "Layout", "genes_in", "lay_out"]

NAMES = ("name", "gene_name", "Name", "gene", "gene_id", "transcript_id", "ID")  # of intervals
GROUPS = ("transcript_id", "Parent", "gene_id", "gene_name", "Name", "name")  # of parts of a gene
PARTS = {
    "exon": 0.5, "CDS": 1.0, "UTR": 0.5, "five_prime_UTR": 0.5, "three_prime_UTR": 0.5,
    "start_codon": 1.0, "stop_codon": 1.0,
}  # fmt: skip
BARE = 0.8  # height of exons of genes without coding parts
LANES = 8  # most lanes of intervals; more lie over each other in the last
NAMED = 60  # most intervals that get their names written
LETTER = 0.062  # inches that a letter of a name takes: 0.055 to 0.065 in names of genes
GAP = 0.05  # inches between a box and its name

Ints = npt.NDArray[np.int64]


class Gene(NamedTuple):
    """A box, or a line with parts: (start, end, height from 0 to 1) each."""

    start: int
    end: int
    orientation: int
    name: str
    parts: tuple[tuple[int, int, float], ...] = ()


class Layout(NamedTuple):
    """Genes with their lanes, and the side on which each name is written.

    "right" or "left" of the box, "inside" it, "over" its introns on a white ground, or "": nowhere.
    """

    genes: list[Gene]
    lanes: list[int]
    sides: list[str]

    @property
    def depth(self) -> int:
        """Number of lanes."""
        return max(self.lanes, default=0) + 1


def genes_in(table: xr.Dataset, place: Region) -> list[Gene]:
    """Boxes and genes of a table that overlap a region, by their starts."""
    columns = region_columns(table)
    near = columns.contigs == place.contig
    here = near & (columns.start < (place.end or 0)) & (columns.end > place.start)
    name = next((n for n in NAMES if n in table), None)
    if "feature" in table:
        feature = table["feature"].values.astype(object)
        group = next((n for n in GROUPS if n in table), None)
        if group is not None and np.isin(feature[here], list(PARTS)).any():
            return sorted(_from_parts(table, feature, group, near, place))
    chosen = np.flatnonzero(here)
    some = columns.take(chosen)
    texts = [""] * len(chosen) if name is None else table[name].values[chosen].tolist()
    blocks = _blocks(table, chosen)
    return sorted(
        Gene(start, end, sign, _text(text), parts)
        for start, end, sign, text, parts in zip(
            some.start.tolist(), some.end.tolist(), some.orientation.tolist(), texts, blocks,
            strict=True,
        )
    )  # fmt: skip


def _from_parts(
    table: xr.Dataset,
    feature: npt.NDArray[np.object_],
    group: str,
    near: npt.NDArray[np.bool_],
    place: Region,
) -> Iterator[Gene]:
    """Genes put together of parts by the name of their transcript, and what has no parts."""
    columns = region_columns(table)
    names = [n for n in ("gene_name", "gene", "Name", "name", "gene_id", group) if n in table]
    members: dict[tuple[str, int], list[int]] = {}
    boxes = []
    for row in np.flatnonzero(near).tolist():
        label = _text(table[group].values[row])
        if feature[row] in PARTS and label:
            members.setdefault((label, int(columns.orientation[row])), []).append(row)
        else:
            boxes.append(row)

    def gene(rows: list[int], parts: tuple[tuple[int, int, float], ...]) -> Gene:
        texts = (_text(table[n].values[rows[0]]) for n in names)
        return Gene(
            int(columns.start[rows].min()), int(columns.end[rows].max()),
            int(columns.orientation[rows[0]]), next((t for t in texts if t), ""), parts,
        )  # fmt: skip

    spans = []
    for rows in members.values():
        coding = any(PARTS[feature[r]] == 1 for r in rows)
        parts = sorted(
            (int(columns.start[r]), int(columns.end[r]), PARTS[feature[r]] if coding else BARE)
            for r in rows
        )
        found = gene(rows, tuple(parts))
        if found.start < (place.end or 0) and found.end > place.start:
            spans.append((found.start, found.end, found.orientation))
            yield found
    start, end, sign = np.array(spans, dtype=np.int64).reshape(-1, 3).T
    for row in boxes:
        one = gene([row], ())
        inside = (start >= one.start) & (end <= one.end)
        whole = (inside & ((sign == one.orientation) | (one.orientation == 0))).any()
        # a row that holds a gene with parts is that gene again, or the chromosome
        if one.start < (place.end or 0) and one.end > place.start and not whole:
            yield one


def _blocks(table: xr.Dataset, chosen: Ints) -> list[tuple[tuple[int, int, float], ...]]:
    """Parts of BED12 rows: blocks, thicker between thick_start and thick_end."""
    if not {"block_sizes", "block_starts"} <= set(table.variables):
        return [()] * len(chosen)
    found = []
    for row in chosen.tolist():
        at = int(table["start"].values[row])
        sizes, starts = (
            [int(n) for n in str(table[name].values[row]).split(",") if n]
            for name in ("block_sizes", "block_starts")
        )
        blocks = [(at + s, at + s + n) for s, n in zip(starts, sizes, strict=False)]
        thick = [
            int(table[n].values[row]) if n in table else 0 for n in ("thick_start", "thick_end")
        ]
        coding = [(max(s, thick[0]), min(e, thick[1]), 1.0) for s, e in blocks]
        coding = [part for part in coding if part[0] < part[1]]
        parts = [(s, e, 0.5 if coding else BARE) for s, e in blocks] + coding
        found.append(tuple(parts))
    return found


def _text(value: object) -> str:
    text = str(value)
    return "" if text in ("nan", ".", "None") else text


def lay_out(genes: list[Gene], place: Region, width: float) -> Layout:
    """Put genes into lanes.

    Parameters
    ----------
    genes
        By their starts.
    place
        Region with its end.
    width
        Of the panel, in inches.
    """
    span = (place.end or 0) - place.start
    inch = span / width
    sides, spans = [], []
    named = len(genes) <= NAMED
    for gene in genes:
        low, high = max(gene.start, place.start), min(gene.end, place.end or 0)
        size = (len(gene.name) * LETTER + GAP) * inch if gene.name and named else 0.0
        side = ""
        if size:
            if high + size <= (place.end or 0):
                side, high = "right", int(high + size)
            elif low - size >= place.start:
                side, low = "left", int(low - size)
            elif size <= high - low:
                thick = not gene.parts or any(
                    s <= low and e >= high and h >= BARE for s, e, h in gene.parts
                )
                side = "inside" if thick else "over"
        sides.append(side)
        spans.append((low, high))
    order = sorted(range(len(genes)), key=lambda n: spans[n][0])
    free: list[int] = []
    lanes = [0] * len(genes)
    for number in order:
        start, end = spans[number]
        lane = next((lane for lane, until in enumerate(free) if until <= start), len(free))
        lane = min(lane, LANES - 1)
        free[lane : lane + 1] = [end]
        lanes[number] = lane
    return Layout(genes, lanes, sides)
