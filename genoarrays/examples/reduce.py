"""What is the mean, sum, spread or quantile of a track in each of many regions?

Any number of regions of any length, overlapping or not, in one pass over the blocks that they
touch (see `ops/reduce.py`); regions that bear the same label may be pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.examples.labels import labels_of
from genoarrays.examples.regions import regions_on
from genoarrays.genome.index import axis_of
from genoarrays.ops.blocks import check_numbers
from genoarrays.ops.reduce import region_fields, region_quantiles
from genoarrays.ops.stretches import positions_of
from genoarrays.ops.summary import results

__all__ = ["reduce_regions"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
_HOW = {
    "mean": "mean",
    "sum": "sum",
    "min": "smallest value",
    "max": "largest value",
    "sd": "standard deviation (n - 1)",
    "count": "values that are not missing",
    "coverage": "share of the bins that have a value",
    "quantile": "quantile",
}


def reduce_regions(
    array: xr.DataArray,
    regions: Any,
    how: str | Sequence[str] = "mean",
    *,
    q: float | Sequence[float] | None = None,
    by: str | npt.ArrayLike | None = None,
) -> xr.DataArray | xr.Dataset:
    """Reduce the values of each region to one, for any number of regions of any length.

    Parameters
    ----------
    array
        Numbers with the dimension `position`; NaN are missing. To leave out more, mask first:
        `array.where(valid)`.
    regions
        Table of regions, or anything that `read_regions` takes, in any order; they may overlap.
    how
        "mean", "sum", "min", "max", "sd" (divides by n - 1), "count" (of values that are not
        missing), "coverage" (that count over the bins of the region) or "quantile"; or several.
    q
        Quantile, or several, from 0 to 1, for "quantile": by linear interpolation. The values of
        a region must fit in memory.
    by
        Column of the table, or a label for each region: values of all regions of one label are
        pooled, each as often as it has regions; make them disjoint first where that is not meant
        (`ga.merge_regions`). Regions without a label (NaN, None) are left out. Where each region
        shall count once, however long, average them: `found.groupby(labels).mean()`.

    Returns
    -------
    xr.DataArray or xr.Dataset
        (region, ...) float64, int64 for counts, with the labels of `regions` and the other
        dimensions of `array`, plus `q` where it has several; a Dataset by the names in `how` where
        there are several. With `by`, the dimension bears the name of the column, or "group"
        ("region_strand" and the like where `array` has such a dimension). NaN where a region has
        no values, a count of 0 there. Lazy where `array` has dask chunks: each chunk that regions
        touch is read once. Bins that overlap a region count whole, and what lies off a contig does
        not exist.

    Raises
    ------
    GenomeError
        For an unknown `how`, codes of letters, or quantiles that are missing, not from 0 to 1 or
        asked for with `by`.
    AssemblyError, ContigError
        When the regions lie on another genome.
    RegionError
        For regions that end past their contig, unless read so, and those that a region-only axis
        holds in part.

    See Also
    --------
    windows : Values of each region, rather than one number.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 6}))
    >>> x = xr.DataArray([1.0, 2, 3, np.nan, 5, 6], coords, ["position"], name="x")
    >>> ga.reduce_regions(x, ["chr1:0-3", "chr1:2-6"], "mean").values
    array([2.        , 4.66666667])
    >>> found = ga.reduce_regions(x, ["chr1:0-3", "chr1:2-6"], ["max", "coverage"])
    >>> found["max"].values, found["coverage"].values
    (array([3., 6.]), array([1.  , 0.75]))
    >>> ga.reduce_regions(x, ["chr1:0-2", "chr1:4-6", "chr1:2-3"], by=["a", "a", "b"]).values
    array([3.5, 3. ])
    """
    names = [how] if isinstance(how, str) else list(how)
    for name in names:
        if name not in _HOW:
            median = '; a median is "quantile", with q=0.5' if name == "median" else ""
            raise GenomeError(f"how={name!r} is not known; use some of {', '.join(_HOW)}{median}")
    check_numbers(array, "reduced")
    if "position" not in array.dims:
        raise GenomeError(
            f"{array.name!r} with dims {array.dims} is not on the genome; give a variable with the "
            "dimension `position`"
        )
    wanted = _quantiles(q, "quantile" in names, by)
    axis = axis_of(array)
    table, columns = regions_on(regions, axis.assembly)
    first, stop = positions_of(columns, axis)
    rest = [d for d in array.dims if d != "position"]
    bins = -(-columns.end // axis.bin_size) - columns.start // axis.bin_size
    dim, groups = "region", None
    result = table.drop_vars(list(table.data_vars)).assign_attrs(array.attrs)
    result.attrs.pop("how", None)
    if by is not None:
        labels, groups, dim = labels_of(table, columns.size, by, array.dims)
        some = groups >= 0
        bins = np.bincount(groups[some], bins[some], len(labels))
        result = xr.Dataset(coords={dim: labels}, attrs=result.attrs)
    more = {n: c for n, c in array.coords.items() if "position" not in c.dims}
    result = result.assign_coords({n: c for n, c in more.items() if n not in result.coords})
    lazy = array.chunks is not None
    arrays: dict[str, Any] = {}
    if set(names) - {"quantile"}:
        fields = region_fields(array, first, stop, groups)
        fields = fields if lazy else fields.compute()
        arrays = results(fields, {*names, "count"} - {"quantile", "coverage"})
    if "quantile" in names:
        found = region_quantiles(array, first, stop, np.atleast_1d(wanted))
        found = found if lazy else found.compute()
        arrays["quantile"] = found[..., 0] if np.ndim(wanted) == 0 else found
    if "coverage" in names:
        wide = np.where(bins > 0, bins, np.nan).reshape(-1, *(1,) * len(rest))
        arrays["coverage"] = arrays["count"] / wide
    for name in names:
        dims = [dim, *rest]
        if name == "quantile":
            result = result.assign_coords(q=wanted)
            dims += ["q"] if np.ndim(wanted) else []
        attrs = {"long_name": _HOW[name]}
        if "units" in array.attrs and name not in ("count", "coverage"):
            attrs["units"] = array.attrs["units"]
        kept = {k: v for k, v in array.attrs.items() if k != "how"}  # of its own bins
        result[name] = (dims, arrays[name], kept | attrs)
    return result[how].rename(array.name) if isinstance(how, str) else result


def _quantiles(q: Any, asked: bool, by: Any) -> Any:
    if not asked:
        if q is not None:
            raise GenomeError('q= is for how="quantile"; say that, or leave out q=')
        return None
    if by is not None:
        raise GenomeError(
            "quantiles of pooled regions are not kept in one pass; take those of each region, or "
            "ga.quantile(array.sel(position=regions), q)"
        )
    if q is None:
        raise GenomeError('how="quantile" needs q=, such as q=0.5 for the median')
    values = np.asarray(q, dtype=np.float64)
    if values.ndim > 1 or not ((values >= 0) & (values <= 1)).all():
        raise GenomeError(f"q={q!r} is not possible; quantiles are from 0 to 1")
    return values
