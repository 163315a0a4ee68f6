"""Which regions does a file, a frame or a list name?

Everything becomes one table: contig, start, end, strand and the file's own columns, 0-based and
half-open. Rows that do not fit the genome of `like=` are an error that names the line, unless asked
otherwise; rows on contigs that it lacks are dropped, counted, and the contigs named in attrs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from genoarrays.errors import InputError, RegionError
from genoarrays.formats.files import Stamp
from genoarrays.formats.intervals.attributes import Selection, select
from genoarrays.formats.intervals.rows import format_of, parse_rows
from genoarrays.formats.match import Header, Renaming, assembly_like, file_attrs, match_contigs
from genoarrays.formats.text.spans import Rows, fit_rows
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.region import Region, region
from genoarrays.genome.regions import region_columns, regions_dataset
from genoarrays.genome.rename import rename_contigs as rename

__all__ = ["read_regions"]

_NAMES = {
    "contig": ("contig", "chrom", "chromosome", "chr", "seqnames", "seqname", "seqid", "#chrom"),
    "start": ("start", "chromstart", "chrom_start", "begin"),
    "end": ("end", "chromend", "chrom_end", "stop"),
    "strand": ("strand", "orientation"),
}


def read_regions(
    source: Any,
    like: Any = None,
    *,
    out_of_bounds: str = "error",
    rename_contigs: Renaming = None,
    format: str | None = None,
    feature: str | Sequence[str] | None = None,
    where: Mapping[str, str | Sequence[str]] | None = None,
    attributes: str | Sequence[str] | None = None,
) -> xr.Dataset:
    r"""Read a table of regions into memory.

    Parameters
    ----------
    source
        Path of a BED, narrowPeak, broadPeak, bedGraph, GFF3 or GTF file, gzipped or not; pandas
        DataFrame or PyRanges (columns contig or Chromosome, start, end, strand, others are
        kept); list of region strings or of (contig, start, end[, strand]), where with `like` a bare
        contig name is the whole contig and "chr1:500-" goes to its end; or a table of regions.
    like
        Genome they must lie on: Assembly, object on a genome axis, or path of a FASTA, .fai or
        .sizes. None checks nothing and leaves the table without an assembly.
    out_of_bounds
        What to do with a region that leaves its contig: "error"; "pad" keeps it, so that windows
        are padded there; "clip" cuts it, "drop" leaves it out, and both are counted in attrs.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".
    format
        "bed", "narrowPeak", "broadPeak", "bedGraph", "gff3" or "gtf"; None goes by the suffix.
    feature
        GFF3 and GTF: rows of this feature (column 3) only, or of these.
    where
        GFF3 and GTF: rows of which each of these attributes (or source, strand) has this value, or
        one of these.
    attributes
        GFF3 and GTF: attributes to read as columns.

    Returns
    -------
    xr.Dataset
        Dimension `region`, in the order of the source; contig, start, end (bp), strand; name and
        score (float, NaN for "."); narrowPeak also signal, p_value, q_value and summit (bp of the
        contig, -1 where there is none); bedGraph: value. BED of 8, 9 or 12 columns also
        thick_start, thick_end, item_rgb, block_count and, as text, block_sizes and block_starts;
        columns that are not BED's own are text: column_7, column_8, ...
        GFF3 and GTF: source, feature, score, phase or frame (-1 for "."), and the attributes, ""
        where a row has none; the strand "?" is ".". Their coordinates are converted, to 0-based.

    Raises
    ------
    InputError
        For a missing file or the first malformed row, with its line; for a feature or attribute
        that does not occur, and conditions that no row meets: the message lists what there is.
    GenomeError
        For an unknown format, or `feature`, `where` or `attributes` of one that has none.
    RegionError
        For a source that is none of these, and a whole contig without `like`.
    AssemblyError, ContigError
        When no contig of the source is in `like`; the message proposes the renaming. For a whole
        contig that `like` lacks.

    Examples
    --------
    >>> import genoarrays as ga
    >>> toy = ga.Assembly("toy", {"chr1": 1000})
    >>> ga.read_regions(["chr1:10-20:-", ("chr1", 990, 1010)], toy, out_of_bounds="clip").end.values
    array([  20, 1000])
    >>> ga.read_regions(["chr1"], like=toy).region.values.tolist()
    ['chr1:0-1000:.']

    Genes of an annotation; its coordinates are 1-based:

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "toy.gtf")
    >>> row = 'chr1\thand\tgene\t11\t90\t.\t-\t.\tgene_id "g1"; gene_type "lncRNA";\n'
    >>> _ = path.write_text(row)
    >>> genes = ga.read_regions(path, toy, feature="gene", attributes=["gene_id"])
    >>> genes.region.values.tolist(), genes.gene_id.values.tolist()
    (['chr1:10-90:-'], ['g1'])
    """
    genome = None if like is None else assembly_like(like)
    if _is_list(source):
        source = _ranges(source, genome, rename_contigs)
    rows = _rows(source, format, select(feature, where, attributes))
    if genome is None:
        table = _table(rows.check_starts(), None, {"source": rows.source})
        return table if rename_contigs is None else rename(table, rename_contigs)
    match = match_contigs(rows.header, genome, rename_contigs)
    rows, counts = fit_rows(rows, match, out_of_bounds)
    return _table(rows, match.assembly, {**file_attrs([rows.source], [match]), **counts})


def _table(rows: Rows, assembly: Any, attrs: dict[str, Any]) -> xr.Dataset:
    extra = dict(rows.columns)
    strand = extra.pop("strand", None)
    contig = np.array([*rows.names, ""], dtype=object)[rows.code]
    table = regions_dataset(contig, rows.start, rows.end, strand, assembly=assembly, extra=extra)
    return table.assign_attrs(attrs)


def _rows(source: Any, format: str | None, selection: Selection | None) -> Rows:
    if isinstance(source, (str, os.PathLike)):
        path = os.fspath(source)
        if not os.path.exists(path) and _is_region(path):
            raise InputError(
                path, "", "there is no such file", f"for a region string give a list: [{path!r}]"
            )
        stamp = Stamp.of(path)
        return parse_rows(stamp, format_of(path, format), None, selection)
    if selection:
        raise RegionError("feature=, where= and attributes= are for GFF3 and GTF files")
    if isinstance(source, xr.Dataset):
        return _rows_of_dataset(source)
    if isinstance(source, pd.DataFrame):
        return _rows_of_frame(source, "DataFrame")
    if type(source).__module__.split(".")[0] == "pyranges":
        return _rows_of_frame(source.df, "PyRanges")
    if not _is_list(source):
        raise RegionError(
            f"a {type(source).__name__} is no source of regions; give a path, a DataFrame, "
            "PyRanges, a table of regions, or a list such as ['chr1:0-200', ('chr2', 50, 80, '-')]"
        )
    return _rows_of_list(source)


def _is_region(text: str) -> bool:
    try:
        return region(text).end is not None
    except RegionError:
        return False


def _is_list(source: Any) -> bool:
    return isinstance(source, Sequence) and not isinstance(source, (str, Region))


def _ranges(items: Sequence[Any], genome: Assembly | None, renaming: Renaming) -> list[Any]:
    """Items of a list as (contig, start, end, strand), those without an end up to their contig's.

    Only `genome` tells where that is; `renaming` leads from the list's contigs to its own.
    """
    found: list[Any] = []
    for number, item in enumerate(items):
        one = region(item, contigs=genome or ()) if isinstance(item, str) else item
        if not isinstance(one, tuple) or len(one) not in (3, 4):
            raise RegionError(
                f"region {number} is {item!r}; write 'chr1:0-200', 'chr1:0-200:-', or "
                "(contig, start, end[, strand])"
            )
        if one[2] is None and genome is None:
            raise RegionError(
                f"region {number} is {item!r}; where {one[0]} ends is told by its genome: give "
                f"like=, or write the end, such as '{one[0]}:{one[1]}-{one[1] + 200}'"
            )
        found.append((*one, ".")[:4])
    if genome is not None and any(one[2] is None for one in found):
        header = Header("list", dict.fromkeys(one[0] for one in found))
        new = match_contigs(header, genome, renaming).renamed
        for number, (contig, start, end, strand) in enumerate(found):
            end = genome.length(new.get(contig, contig)) if end is None else end
            found[number] = (contig, start, end, strand)
    return found


def _rows_of_list(found: Sequence[Any]) -> Rows:
    columns = [list(column) for column in zip(*found, strict=True)] or [[], [], [], []]
    frame = pd.DataFrame(dict(zip(("contig", "start", "end", "strand"), columns, strict=True)))
    return _rows_of_frame(frame, "list")


def _rows_of_dataset(table: xr.Dataset) -> Rows:
    columns = region_columns(table)
    fixed = ("contig", "start", "end", "strand")
    extra = {str(name): table[name].values for name in table.data_vars if name not in fixed}
    number = np.arange(columns.size)
    return Rows(
        str(table.attrs.get("source", "table of regions")), "region", columns.names, columns.code,
        columns.start, columns.end, number, {"strand": columns.strands, **extra},
    ).check()  # fmt: skip


def _rows_of_frame(frame: pd.DataFrame, source: str) -> Rows:
    places: dict[str, Any] = {}
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise RegionError(f"the {source} has two columns {twice!r}; rename or drop one of them")
    lower = {str(name).lower(): name for name in reversed(list(frame.columns))}
    for name, spellings in _NAMES.items():
        found = [lower[spelling] for spelling in spellings if spelling in lower]
        if found:
            places[name] = found[0]
        elif name != "strand":
            raise RegionError(
                f"the {source} has no column {name!r} (it has "
                f"{', '.join(map(str, frame.columns))}); name it {spellings[0]!r}"
            )
    number = np.arange(len(frame))
    codes, names = pd.factorize(frame[places["contig"]].astype(object))
    empty = Rows(source, "row", (), codes.astype(np.int32), number, number, number, {})
    if (codes < 0).any():
        raise empty.error(int(np.argmax(codes < 0)), "there is no contig", "name the contig")
    bounds = []
    for name in ("start", "end"):
        values = pd.to_numeric(frame[places[name]], errors="coerce").to_numpy(dtype=np.float64)
        wrong = ~((values == np.floor(values)) & (np.abs(values) < 2**53))
        if wrong.any():
            row = int(np.argmax(wrong))
            value = frame[places[name]].iloc[row]
            raise empty.error(row, f"{name} is {value}, no whole number", "correct the row")
        bounds.append(values.astype(np.int64))
    columns: dict[str, Any] = {}
    if "strand" in places:
        strand = frame[places["strand"]].astype(object)
        columns["strand"] = strand.where(strand.notna(), ".").to_numpy()
        if not (known := np.isin(columns["strand"], ["+", "-", "."])).all():
            row = int(np.argmin(known))
            raise empty.error(
                row, f"strand is {columns['strand'][row]!r}", "strands are '+', '-' and '.'"
            )
    for column in frame.columns:
        if column not in places.values():
            columns[str(column)] = _values(frame[column])
    contigs = tuple(str(name) for name in names)
    return empty._replace(names=contigs, start=bounds[0], end=bounds[1], columns=columns).check()


def _values(column: pd.Series[Any]) -> Any:
    """Numbers as they are; text, also of categories, as strings of any length."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return column.to_numpy()
    text = column.astype(object)
    return np.array(text.where(text.notna(), "").astype(str).to_list(), np.dtypes.StringDType())
