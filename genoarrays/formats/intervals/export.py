"""How do regions and what is said of them become BED files?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.signal.runs import runs_of
from genoarrays.formats.signal.tracks import file_names
from genoarrays.formats.targets import Targets
from genoarrays.formats.text.written import number_texts, open_written
from genoarrays.genome.clip import Ints, clip
from genoarrays.genome.columns import Columns
from genoarrays.genome.order import genome_order
from genoarrays.genome.regions import region_columns
from genoarrays.genome.windows import WindowIndex

__all__ = ["to_bed"]

_ROWS = 2**16  # lines written at once
_SIGNS = {"+": 1, "-": -1}


def to_bed(
    regions: xr.Dataset | xr.DataArray,
    path: str | os.PathLike[str],
    *,
    score: str | npt.ArrayLike | None = None,
    name: str | npt.ArrayLike | None = None,
    scale: tuple[float, float] | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write regions, or values of windows such as predictions, as BED of six columns.

    Parameters
    ----------
    regions
        Table of regions; windows; or an array, (window or region[, offset][, track, ...]), whose
        values become the scores. With `offset` each bin is a line of its own. Other dimensions need
        a placeholder in `path`; {strand} also tells the strand of the lines.
    path
        File to write; "{track}" is filled with the labels of that dimension. One that ends in .gz
        is compressed by BGZF, so that `tabix -p bed` can index it.
    score
        Variable of `regions`, or one number for each; None is the variable `score` where there is
        one, else 0 for all.
    name
        Variable of `regions`, or one text for each; None is the variable `name` where there is one,
        else ".".
    scale
        The two values that become 0 and 1000, as BED asks for whole scores from 0 to 1000 and
        browsers shade by them; what is between is rounded, what is beyond cut. None writes scores
        as they are, decimals and all, which `ga.read_regions` and bedtools read.
    overwrite
        Replace files that exist.

    Returns
    -------
    list of str
        The files written: 0-based, half-open lines of contig, start, end, name, score and strand,
        in the order of the assembly (of the first appearance of contigs, where it is not known),
        then start and end. Regions may overlap. A missing score is ".". What reaches past its
        contig is cut there. Files appear together, once all are complete.

    Raises
    ------
    GenomeError
        For a file that exists already, positions instead of regions, an unknown variable, scores or
        names that do not fit, a name with a tab or line break, a score that is infinite, a missing
        or unknown placeholder.
    RegionError
        For what has no regions, or windows that do not divide into bins.

    Examples
    --------
    >>> import pathlib, tempfile, genoarrays as ga
    >>> peaks = ga.read_regions(["chr1:30-40:-", "chr1:5-20"], ga.Assembly("toy", {"chr1": 100}))
    >>> (path,) = ga.to_bed(peaks, tempfile.mkdtemp() + "/toy.bed", score=[0.25, 0.5])
    >>> print(pathlib.Path(path).read_text().expandtabs())
    chr1    5       20      .       0.5     .
    chr1    30      40      .       0.25    -
    <BLANKLINE>
    """
    path = os.fspath(path)
    if not any(isinstance(index, WindowIndex) for index in regions.xindexes.values()):
        cure = "read them with ga.read_regions"
        if "position" in regions.dims:
            cure = (
                "write ga.regions_where(mask) of those that meet a condition, or all values with "
                "ga.to_bedgraph"
            )
        raise GenomeError(f"this {type(regions).__name__} holds no regions or windows; {cure}")
    if isinstance(regions, xr.DataArray):
        if score is not None:
            raise GenomeError("the values of an array are its scores; score= is for a Dataset")
        columns, tables, paths = _of_array(regions, path)
    else:
        columns = region_columns(regions)
        tables = [(_numbers(regions, score, columns.size), None)]
        paths = file_names(path, regions, [], "BED")
    names = _names(regions, name, columns)
    within, kept, _ = clip(columns)
    order = genome_order(within)
    within, rows = within.take(order), kept[order]
    with Targets(paths, overwrite=overwrite) as targets:
        for part, file_name, (table, strand) in zip(targets.parts, paths, tables, strict=True):
            scores = _scaled(table[rows] if table is not None else None, scale, within)
            some = within
            if strand is not None:
                some = within._replace(orientation=np.full_like(within.orientation, strand))
            with open_written(part, file_name) as file:
                for text in _lines(some, rows, names, scores):
                    file.write(text.encode())
    return paths


def _of_array(
    array: xr.DataArray, path: str
) -> tuple[Columns, list[tuple[Any, int | None]], list[str]]:
    """Bins of windows as regions; values, sign of a stranded track, and path, for each label."""
    if array.dtype.kind not in "buif":
        raise GenomeError(f"{array.name!r} holds {array.dtype}, and scores are numbers")
    if "region" in array.dims:
        array = array.rename(region="window")
    whole = not any(str(dim).startswith("offset") for dim in array.dims)
    columns = next(i.columns for i in array.xindexes.values() if isinstance(i, WindowIndex))
    main = ["window"]
    place = np.arange(columns.size)
    if not whole:
        runs, main = runs_of(array, check=False)
        place, code, start, end = runs.bins()
        strand = np.repeat(columns.orientation, runs.per_row)
        columns = Columns(
            runs.assembly.names, code.astype(np.int32), start, end, strand, runs.assembly
        )
    others = [str(dim) for dim in array.dims if dim not in main]
    paths = file_names(path, array, others, "BED")
    values = array.transpose(*main, *others)
    if "strand" in others:  # as in windows: the strand of a minus window's own is the genome's "-"
        values = _strands_back(values)
    tables = []
    for one in product(*(range(array.sizes[dim]) for dim in others)):
        track = values.isel(dict(zip(others, one, strict=True)))
        sign = _SIGNS.get(str(track.coords["strand"].item())) if "strand" in others else None
        tables.append((track.values.reshape(-1)[place], sign))
    return columns, tables, paths


def _strands_back(values: xr.DataArray) -> xr.DataArray:
    """Strands of the genome instead of the windows' own."""
    index = next(i for i in values.xindexes.values() if isinstance(i, WindowIndex))
    back = index.columns.orientation < 0
    turned = np.array(values.values)
    turned[back] = np.flip(turned[back], axis=values.dims.index("strand"))
    return values.copy(data=turned)


def _numbers(regions: xr.Dataset, score: Any, size: int) -> npt.NDArray[Any] | None:
    found = _column(regions, "score", score, size)
    if found is None:
        return None
    if found.dtype.kind not in "buif":
        raise GenomeError(
            f"scores are numbers, and these are {found.dtype}; give a variable of some"
        )
    return found


def _names(regions: xr.Dataset | xr.DataArray, name: Any, columns: Columns) -> list[str] | None:
    size = next(i for i in regions.xindexes.values() if isinstance(i, WindowIndex)).columns.size
    found = _column(regions, "name", name, size)
    if found is None:
        return None
    texts = [str(text) or "." for text in found.tolist()]
    bad = next((text for text in texts if any(c in text for c in "\t\n\r")), None)
    if bad is not None:
        raise GenomeError(f"the name {bad!r} has a tab or line break, which would end its column")
    return [text for text in texts for _ in range(columns.size // max(size, 1))]


def _column(
    regions: xr.Dataset | xr.DataArray, default: str, given: Any, size: int
) -> npt.NDArray[Any] | None:
    known = regions.variables if isinstance(regions, xr.Dataset) else regions.coords
    if given is None and default not in known:
        return None
    if given is None or isinstance(given, str):
        key = default if given is None else given
        if key not in known:
            raise GenomeError(
                f"there is no variable {key!r} for the {default}; there are "
                f"{', '.join(sorted(map(str, known)))}"
            )
        values = np.asarray(regions[key].values)
    else:
        values = np.asarray(given)
    if values.shape != (size,):
        raise GenomeError(
            f"there are {size:,} regions, and the {default} has the shape {values.shape}; give one "
            "for each"
        )
    return values


def _scaled(
    values: npt.NDArray[Any] | None, scale: tuple[float, float] | None, columns: Columns
) -> npt.NDArray[Any] | None:
    if values is None:
        return None
    if values.dtype.kind == "f" and (bad := np.flatnonzero(np.isinf(values))).size:
        label = columns.labels(bad[:1]).tolist()[0]
        raise GenomeError(f"the score of {label} is infinite; replace it first")
    if scale is None:
        return values
    low, high = map(float, scale)
    if not low < high or not np.isfinite([low, high]).all():
        raise GenomeError(f"scale={scale!r} is not possible; give the values of 0 and of 1000")
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 1000)


def _lines(
    columns: Columns, rows: Ints, names: list[str] | None, scores: npt.NDArray[Any] | None
) -> Iterator[str]:
    for begin in range(0, columns.size, _ROWS):
        piece = slice(begin, begin + _ROWS)
        some = columns.take(piece)
        number = some.size
        texts = ["."] * number if names is None else [names[row] for row in rows[piece].tolist()]
        values = ["0"] * number if scores is None else number_texts(scores[piece])
        table = zip(
            some.contigs.tolist(), some.start.tolist(), some.end.tolist(), texts, values,
            some.strands.tolist(), strict=True,
        )  # fmt: skip
        yield "".join(
            ["\t".join((c, str(s), str(e), n, v, o)) + "\n" for c, s, e, n, v, o in table]
        )
