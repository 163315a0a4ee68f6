"""What do stretches of a window contribute, and where do they lie?"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.columns import Columns, make_columns
from genoarrays.genome.example import example_dim
from genoarrays.genome.windows import WindowIndex

__all__ = ["Spans", "spans_of"]

Array = npt.NDArray[Any]


class Spans(NamedTuple):
    """Contributions and codes, (examples, offset); offsets in bp; columns of windows of a genome.

    `ids` are those of sequences without a genome.
    """

    values: npt.NDArray[np.float64]
    codes: npt.NDArray[np.integer[Any]]
    first: int
    letters: str
    columns: Columns | None
    ids: Array | None

    def place(self, row: Array, at: Array, width: int) -> dict[str, Any]:
        """Contig, start, end and strand of stretches that begin at positions of some rows."""
        offset = at + self.first
        if self.columns is None:
            assert self.ids is not None
            signs = np.full(len(row), "+", dtype=np.dtypes.StringDType())
            return {"contig": self.ids[row], "start": at, "end": at + width, "strand": signs}
        some = self.columns.take(row)
        back = some.orientation < 0
        start = np.where(back, some.end - offset - width, some.start + offset)
        sign = np.where(back, "-", "+").astype(np.dtypes.StringDType())
        return {"contig": some.contigs, "start": start, "end": start + width, "strand": sign}


def spans_of(attributions: xr.DataArray, dna: xr.DataArray) -> Spans:
    """Contributions of bases, beside the bases.

    Parameters
    ----------
    attributions
        (window or sequence, offset[, channel]), as `ga.integrated_gradients` gives them; channels
        are summed.
    dna
        Codes of the same windows: `x.dna`.

    Raises
    ------
    GenomeError
        When they are something else, or do not have the same offsets.
    RegionError
        When they are not of the same windows.
    """
    dim = example_dim(attributions)
    if not isinstance(dna, xr.DataArray) or dna.dtype.kind not in "iu":
        raise GenomeError("dna= is no array of codes; give those of the windows, such as x.dna")
    total = attributions.sum([d for d in attributions.dims if str(d).startswith("channel")])
    offset = next((str(d) for d in total.dims if str(d).startswith("offset")), None)
    other = next((str(d) for d in dna.dims if str(d).startswith("offset")), None)
    if offset is None or other is None or total.ndim != 2 or dna.ndim != 2:
        raise GenomeError(
            f"attributions have the dims {attributions.dims} and dna {dna.dims}; give ({dim}, "
            f"offset, channel) and ({dim}, offset): of several inputs choose one, as in a.dna"
        )
    dna = dna.rename({other: offset}) if other != offset else dna
    total, dna = total.transpose(dim, offset), dna.transpose(dim, offset)
    columns, theirs = _columns(total, dim), _columns(dna, dim)
    if columns is None or theirs is None:
        xr.align(total.isel({offset: 0}, drop=True), dna.isel({offset: 0}, drop=True), join="inner")
    elif not columns.same_as(theirs):
        WindowIndex(columns).join(WindowIndex(theirs))  # says how they differ
    labels = [np.asarray(a[offset].values) for a in (total, dna) if offset in a.coords]
    if total.shape != dna.shape or any(not np.array_equal(labels[0], one) for one in labels):
        raise GenomeError(
            f"attributions have the shape {total.shape} and dna {dna.shape}, or other offsets; "
            "attributions of k-mers are folded first: fold=True"
        )
    rows = total.sizes[dim]
    ids = None
    if columns is None:
        known = attributions["id"].values if "id" in attributions.coords else np.arange(rows)
        ids = np.array([str(one) for one in known.tolist()], dtype=np.dtypes.StringDType())
    letters = str(dna.attrs.get("alphabet", "ACGT"))
    first = int(labels[0][0]) if labels and len(labels[0]) else 0
    values = np.nan_to_num(np.asarray(total.values, np.float64))
    return Spans(values, np.asarray(dna.values), first, letters, columns, ids)


def _columns(array: xr.DataArray, dim: str) -> Columns | None:
    """Places of windows: of their index, or of the coordinates that a file keeps."""
    index = next((i for i in array.xindexes.values() if isinstance(i, WindowIndex)), None)
    if index is not None or dim != "window":
        return None if index is None else index.columns
    names = ("contig", "start", "end", "orientation")
    if missing := [name for name in names if name not in array.coords]:
        raise GenomeError(
            f"{array.name!r} has windows without {', '.join(missing)}, so nothing tells where they "
            "are; make them with ga.windows"
        )
    contig, start, end, strand = (array[name].values for name in names)
    return make_columns(contig, start, end, strand)
