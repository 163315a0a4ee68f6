"""How many fragments are cut at, cover, or have their middle in each bin?

A row of a fragments file (10x `fragments.tsv.gz`, or BED) is a fragment [start, end): its cut sites
are `start` and `end - 1`, which the makers of such files have shifted already. A row is told to
`tally` in the part where it starts, so that parts of a genome add up to the rows of the file.

Samples of `groups=` are stacked sources of one file, each of which reads it: a store is written by
sample, and a part then needs one sample only. `fragment_rows.py` tells what a row costs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.base import FileArray, file_dataset
from genoarrays.formats.files import Stamp
from genoarrays.formats.fragments.barcodes import read_groups
from genoarrays.formats.lazy import Chunks
from genoarrays.formats.match import Header, Renaming, file_attrs, match_files, name_files
from genoarrays.formats.tally import tally
from genoarrays.genome.axis import GenomeAxis
from genoarrays.options import check_bytes

__all__ = ["FragmentSource", "open_fragments"]

_COUNTS = ("cut_site", "fragment", "midpoint")
_MOST = 2**32 - 1  # of uint32


@dataclass(frozen=True, eq=False)
class FragmentSource:
    """Counts of one file, or of one sample of it.

    `lengths` are those of the file's contigs on the genome; `group` is the number of the sample.
    """

    stamp: Stamp
    index: Stamp | None
    reading: Any
    group: int | None
    lengths: Mapping[str, int]
    bin_size: int = 1
    what: str = "cut_site"
    shift: tuple[int, int] = (0, 0)
    out_of_bounds: str = "error"
    told_as: str = ""

    kind = "fragments"
    dtype = np.dtype(np.uint32)
    fill = 0
    shape = ()

    @property
    def stamps(self) -> tuple[Stamp, ...]:
        """The file, and its index."""
        return (self.stamp,) if self.index is None else (self.stamp, self.index)

    @property
    def token(self) -> tuple[Any, ...]:
        """What else decides the values."""
        options = (self.bin_size, self.what, self.shift, self.out_of_bounds)
        return (self.reading.digest, self.group, *options)

    def due(self, contig: str) -> int | None:
        """Rows of a contig, where an index tells."""
        rows: int | None = self._table().rows(contig)
        return rows

    def _table(self) -> Any:
        from genoarrays.formats.fragments.tables import open_table

        return open_table(self.stamp, self.index, self.reading)

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[np.uint32]:
        """Counts in the bins of [start, end).

        Raises
        ------
        InputError
            For a malformed row, one that leaves its contig, a damaged file, or a count that does
            not fit uint32.
        """
        from genoarrays.formats.fragments.rows import add_bases, add_sites

        bins, length = -(-(end - start) // self.bin_size), self.lengths.get(contig)
        if length is None:
            return np.zeros(bins, dtype=np.uint32)
        reach = max(map(abs, self.shift))
        high = None if end == length else end + reach
        sums = np.zeros(bins, dtype=np.int64)
        edges = np.zeros((2, bins + 1 if self.what == "fragment" else 1), dtype=np.int64)
        rows: Counter[str] = Counter()
        for block in self._table().blocks(contig, start - reach, high):
            # a row belongs to the part where it starts; those past the contig, to its last part
            here = (block.start >= start) & ((block.start < end) | (end == length))
            good = block.end <= length
            if not good.all() and self.out_of_bounds == "error":
                raise self._outside(contig, length, block, int(np.argmin(good)))
            rows["out_of_bounds"] += int((here & ~good).sum())
            if self.group is not None:
                listed = block.group >= 0
                mine = block.group == self.group
                rows["unlisted_barcode"] += int((here & good & ~listed).sum())
                rows["other_sample"] += int((here & good & listed & ~mine).sum())
                good &= mine
            if not good.all():
                block, here = block.take(good), here[good]
            places = self._places(block)
            on = [(place >= 0) & (place < length) for place in places]
            ends = np.sum(on, axis=0)[here]
            rows["kept"] += int((ends == len(places)).sum())
            rows["one_end_off_contig"] += int(((ends > 0) & (ends < len(places))).sum())
            rows["off_contig"] += int((ends == 0).sum())
            if self.what == "fragment":
                add_bases(edges, block.start, block.end, block.weight, start, end, self.bin_size)
                continue
            for place in places:
                add_sites(sums, place, block.weight, start, end, self.bin_size)
        tally("fragments", self.told_as or self.stamp.path, +rows)
        if self.what == "fragment":
            sums = (edges[0] + np.cumsum(edges[1]))[:-1]
        if bins and sums.max() > _MOST:
            raise InputError(
                self.stamp.path, f"{contig}, in the part from {start:,}",
                f"a count of {sums.max():,} does not fit uint32", "use a smaller bin_size",
            )  # fmt: skip
        return sums.astype(np.uint32)

    def _places(self, block: Any) -> list[npt.NDArray[np.int64]]:
        """Bases at which fragments count; for whole fragments, one that is on the contig."""
        if self.what == "cut_site":
            return [block.start + self.shift[0], block.end - 1 + self.shift[1]]
        return [(block.start + block.end) // 2 if self.what == "midpoint" else block.start]

    def _outside(self, contig: str, length: int, block: Any, row: int) -> InputError:
        return InputError(
            self.stamp.path,
            f"fragment {contig}:{block.start[row]}-{block.end[row]}",
            f"it ends past the {length:,} bp of the contig",
            "give the like= that the file was made with, or say out_of_bounds='drop'",
        )


def open_fragments(
    path: str | os.PathLike[str] | Sequence[Any] | Mapping[str, Any],
    *,
    like: Any,
    name: str = "fragments",
    count: str = "cut_site",
    bin_size: int = 1,
    shift: tuple[int, int] = (0, 0),
    groups: Any = None,
    weight: str = "rows",
    out_of_bounds: str = "error",
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    r"""Open fragments, as of ATAC-seq, as counts, lazily.

    Parameters
    ----------
    path
        10x `fragments.tsv.gz` or another file of rows contig, start, end[, barcode[, count]],
        separated by tabs, plain or gzipped. With a .tbi beside it only the regions that are asked
        for are read; without one it is kept in memory, 8 to 16 bytes a row. Several files as a
        list, or as a dict by label, give a dimension `sample`.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or .sizes.
    name
        Name of the variable.
    count
        "cut_site": both ends of each fragment, `start` and `end - 1`. "fragment": every base of it.
        "midpoint": the base `(start + end) // 2`. Rows are fragments whatever the strand in BED6
        says; single reads of a BED count so too, at both ends.
    bin_size
        bp per bin; counts are summed. The last bin of a contig may be shorter.
    shift
        bp added to `start` and to `end - 1` of cut sites. Fragments files are shifted already:
        (0, 0) is right for them, and (4, -4) for fragments as they were aligned. Sites that leave
        the contig are dropped and counted.
    groups
        Pseudobulk samples: {barcode: sample}, a Series, a DataFrame with the columns barcode and
        sample, or the path of such a table. Gives a dimension `sample`; each sample reads the file.
        Rows of other barcodes are dropped and counted. For one file.
    weight
        "rows": each row counts once. "count": as often as its fifth column says.
    out_of_bounds
        What to do with a fragment that ends past its contig, when it is read: "error", or "drop".
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`, one sample each; a number of
        positions; lengths by dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        `name` uint32, (position[, sample]). Contigs that the file lacks are 0. A store written of
        it keeps in `attrs["fragments"]` what became of the rows: "kept", "out_of_bounds",
        "unlisted_barcode", "other_sample", and of those whose shifted cut sites leave the contig,
        "one_end_off_contig" and "off_contig" (both).

    Raises
    ------
    InputError
        For a file that is missing, cut off or damaged, or an index of another file; with the line
        for a malformed row (with an index when it is read, and with the place in the file).
    GenomeError
        For unknown options, `groups` of several files, or a file without an index that takes more
        than the byte limit.
    AssemblyError, ContigError
        When the contigs do not fit `like`.

    References
    ----------
    https://support.10xgenomics.com/single-cell-atac/software/pipelines/latest/output/fragments

    Examples
    --------
    >>> import pathlib, tempfile, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/fragments.tsv"
    >>> _ = pathlib.Path(path).write_text("chr1\t2\t6\tAAAC-1\t2\nchr1\t3\t6\tAAAG-1\t1\n")
    >>> toy = ga.Assembly("toy", {"chr1": 8})
    >>> ga.open_fragments(path, like=toy).fragments.values
    array([0, 0, 1, 1, 0, 2, 0, 0], dtype=uint32)
    >>> cells = ga.open_fragments(path, like=toy, groups={"AAAC-1": "B"}, count="fragment")
    >>> cells.fragments.sel(sample="B").values
    array([0, 0, 1, 1, 1, 1, 0, 0], dtype=uint32)
    """
    from genoarrays.formats.fragments.tabix import tabix_index
    from genoarrays.formats.fragments.tables import open_table

    _check(like, count, shift, weight, out_of_bounds)
    samples, paths = name_files(path, "sample")
    if groups is not None and len(paths) > 1:
        raise GenomeError(
            "barcodes of several files may be the same: give groups= with one file at a time, and "
            "concatenate: xr.concat([a, b], 'sample')"
        )
    reading, labels = _reading(groups, weight)
    stamps = [Stamp.of(one) for one in paths]
    found = [tabix_index(stamp.path) for stamp in stamps]
    indexes = [None if one is None else one.stamp for one in found]
    tables = [
        open_table(stamp, index, reading) for stamp, index in zip(stamps, indexes, strict=True)
    ]
    check_bytes(
        sum(getattr(table, "size", 0) for table in tables),
        "fragments of files without an index (.tbi)",
        "sort them, then: bgzip and tabix -p bed, and they are not loaded",
    )
    headers = [
        Header(stamp.path, dict.fromkeys(table.contigs))
        for stamp, table in zip(stamps, tables, strict=True)
    ]
    matches = match_files(headers, like, rename_contigs)
    axis = GenomeAxis(matches[0].assembly, bin_size)
    sources, dropped = [], 0
    for stamp, index, table, match in zip(stamps, indexes, tables, matches, strict=True):
        lengths = {
            contig: axis.assembly.length(match.renamed.get(contig, contig))
            for contig in table.contigs
            if contig not in match.dropped
        }
        dropped += sum(table.rows(contig) or 0 for contig in match.dropped)
        for group in [None] if labels is None else range(len(labels)):
            told_as = "" if group is None or labels is None else f"{stamp.path}[{labels[group]}]"
            sources.append(
                FragmentSource(
                    stamp,
                    index,
                    reading,
                    group,
                    lengths,
                    axis.bin_size,
                    count,
                    shift,
                    out_of_bounds,
                    told_as,
                )
            )
    if labels is not None:
        samples, matches = list(labels), matches * len(labels)
    array = FileArray(axis, sources, [m.names for m in matches], stacked=samples is not None)
    attrs = file_attrs([stamp.path for stamp in stamps], matches)
    attrs |= {"count": count, "weight": weight}
    if count == "cut_site":
        attrs["shift"] = list(shift)
    if dropped:
        attrs["rows_dropped"] = dropped
    return file_dataset(
        {name: array}, {"sample": samples} if samples else {}, chunks, {name: attrs}
    )


def _check(like: Any, count: str, shift: Any, weight: str, out_of_bounds: str) -> None:
    """Refuse options that are not possible."""
    if like is None:
        raise GenomeError(
            "fragments do not tell how long contigs are; give like=, an Assembly, an opened "
            "Dataset or the path of the FASTA"
        )
    for what, value, known in (
        ("count", count, _COUNTS),
        ("weight", weight, ("rows", "count")),
        ("out_of_bounds", out_of_bounds, ("error", "drop")),
    ):
        if value not in known:
            raise GenomeError(f"{what}={value!r} is not known; known are {', '.join(known)}")
    if len(shift) != 2 or any(int(bp) != bp for bp in shift):
        raise GenomeError(f"shift={shift!r} is not possible; give two numbers of bp: (4, -4)")
    if any(shift) and count != "cut_site":
        raise GenomeError(f"shift={shift!r} moves cut sites, not count={count!r}; leave it out")


def _reading(groups: Any, weight: str) -> tuple[Any, tuple[str, ...] | None]:
    """What to read of each row, and the labels of its samples."""
    from genoarrays.formats.fragments.tables import Reading

    weighted = weight == "count"
    if groups is None:
        return Reading(None, None, weighted, f"{weight}"), None
    found = read_groups(groups)
    digest = f"{weight} {found.digest}"
    return Reading(found.barcodes, found.sample, weighted, digest), found.samples
