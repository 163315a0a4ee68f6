"""How much more is there than in the control?

Both libraries are scaled to the smaller one, a pseudocount keeps empty bins finite, as in
`bamCompare` of deepTools [1]_.

References
----------
.. [1] Ramírez F, Ryan DP, Grüning B, et al. (2016) deepTools2: a next generation web server for
   deep-sequencing data analysis. Nucleic Acids Research 44(W1), W160-W165.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.blocks import check_numbers
from genoarrays.ops.libraries import library_sizes
from genoarrays.ops.paired import check_paired

__all__ = ["log2_ratio"]

Array = npt.NDArray[Any]
Factor = float | Mapping[str, float] | xr.DataArray
_LABELLED = ("sample", "track")  # matched by label, in any order


def log2_ratio(
    a: xr.DataArray,
    b: xr.DataArray,
    *,
    pseudocount: float = 1.0,
    scale: str | tuple[Factor, Factor] = "reads",
) -> xr.DataArray:
    """Log2 of one signal over another, such as ChIP over its control, lazily.

    Parameters
    ----------
    a, b
        Numbers on the same places: of one genome, bin size and regions, or the same windows.
        Samples and tracks are matched by their labels; a control without `sample` (or another
        dimension of `a`, besides `strand`) serves all.
    pseudocount
        Added to both, after scaling, in their unit: 1 suits counts of reads. Of coverage that is
        summed in bins give more, such as the bp of a bin.
    scale
        "reads": the larger library is scaled down to the smaller one, sample by sample, by the
        reads or fragments that were kept, as attributes tell. "none": nothing is scaled. Or two
        factors, of `a` and of `b`: numbers, or numbers by label of sample (or track), as a dict or
        as a DataArray.

    Returns
    -------
    xr.DataArray
        log2((a fa + pseudocount) / (b fb + pseudocount)), with the dimensions and chunks of `a`;
        float32, or float64 where `a` or `b` is. NaN stays, and is what has no logarithm; without
        a pseudocount, something over nothing is infinite. Factors are in `attrs["log2_ratio"]`.

    Raises
    ------
    AssemblyError, GenomeError
        When `a` and `b` lie on different genomes, bins, regions or windows.
    GenomeError
        For labels of one that the other lacks, strands of one only, codes of letters, values that
        are no numbers, an unknown scale, or attributes that do not tell how many reads were kept.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3}))
    >>> chip = xr.DataArray([30, 2, 0], coords, ["position"], attrs={"reads": {"kept": 200}})
    >>> control = xr.DataArray([0, 0, 1], coords, ["position"], attrs={"reads": {"kept": 100}})
    >>> ga.log2_ratio(chip, control).values
    array([ 4.,  1., -1.], dtype=float32)
    """
    for array in (a, b):
        check_numbers(array, "divided")
    if not pseudocount >= 0 or np.isinf(pseudocount):
        raise GenomeError(f"pseudocount={pseudocount!r} is not possible; give 0 or more")
    b = _matched(a, b)
    factors = _by_reads(a, b, scale) if isinstance(scale, str) else _given(a, scale)
    dtype = np.dtype(np.float64 if np.float64 in (a.dtype, b.dtype) else np.float32)
    result: xr.DataArray = xr.apply_ufunc(
        _log2, a, b.variable, *factors, kwargs={"pseudocount": pseudocount, "dtype": dtype},
        dask="parallelized", output_dtypes=[dtype], keep_attrs=False,
    )  # fmt: skip
    told = {
        "of": str(a.name),
        "over": str(b.name),
        "pseudocount": float(pseudocount),
        "scale": scale if isinstance(scale, str) else "given",
        "factors": _listed(a, factors),
    }
    sources = [one for array in (a, b) for one in np.atleast_1d(array.attrs.get("source", []))]
    attrs: dict[str, Any] = {"source": [str(one) for one in sources]} if sources else {}
    attrs |= {"long_name": f"log2 of {a.name} over {b.name}", "log2_ratio": told}
    return result.transpose(*a.dims).rename("log2_ratio").assign_attrs(attrs)


def _log2(a: Array, b: Array, of_a: Array, of_b: Array, pseudocount: float, dtype: Any) -> Array:
    added = dtype.type(pseudocount)
    above, below = a * of_a.astype(dtype) + added, b * of_b.astype(dtype) + added
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.log2(above / below, dtype=dtype))


# ---- what belongs together


def _matched(a: xr.DataArray, b: xr.DataArray) -> xr.DataArray:
    """The control, with its samples and tracks in the order of `a`."""
    doing = f"cannot divide {a.name!r} by {b.name!r}"
    for one, other in ((a, b), (b, a)):
        if "strand" in one.dims and "strand" not in other.dims:
            raise GenomeError(
                f"{doing}: {one.name!r} has strands and {other.name!r} has none; sum them first: "
                f"{one.name}.sum('strand', keep_attrs=True)"
            )
    if more := [dim for dim in b.dims if dim not in a.dims]:
        raise GenomeError(
            f"{doing}, which has the dimension {more[0]!r} besides; take one place of it, as in "
            f"{b.name}.isel({more[0]}=0), or sum it"
        )
    for dim in _LABELLED:
        if dim in b.dims and dim in a.coords and dim in b.coords:
            b = _in_order(a, b, dim, doing)
    check_paired(a, b, b.dims, "cannot divide")
    return b


def _in_order(a: xr.DataArray, b: xr.DataArray, dim: str, doing: str) -> xr.DataArray:
    mine, theirs = a[dim].values.tolist(), b[dim].values.tolist()
    if mine == theirs:
        return b
    if len(set(theirs)) < len(theirs):
        raise GenomeError(f"{doing}: {b.name!r} has a {dim} twice among {theirs[:3]}")
    if lacking := [label for label in mine if label not in theirs]:
        raise GenomeError(
            f"{doing}: {b.name!r} has {', '.join(map(repr, theirs[:3]))} and no {dim} "
            f"{lacking[0]!r}; give its labels the names that {a.name!r} has, or take one control "
            f"for all: {b.name}.isel({dim}=0, drop=True)"
        )
    return b.isel({dim: [theirs.index(label) for label in mine]})


# ---- factors


def _by_reads(a: xr.DataArray, b: xr.DataArray, scale: str) -> list[xr.Variable]:
    """Factors of `a` and `b` that make their libraries as large as the smaller one."""
    if scale == "none":
        return [xr.Variable((), 1.0)] * 2
    if scale != "reads":
        raise GenomeError(f"scale={scale!r} is not known; say 'reads', 'none', or two factors")
    kept = []
    for array in (a, b):
        sizes = library_sizes(array)
        if sizes is None:
            raise GenomeError(
                f"the attributes of {array.name!r} do not tell how many reads were kept; open it "
                "with ga.open_bam(..., totals=True), open a store of it, or say scale='none' or "
                "scale=(factor of a, factor of b)"
            )
        if not (sizes > 0).all():
            raise GenomeError(f"no reads were kept of {array.name!r}; leave that sample out")
        kept.append(sizes.variable)
    smaller: Any = np.minimum(kept[0], kept[1])
    return [smaller / one for one in kept]


def _given(a: xr.DataArray, scale: Any) -> list[xr.Variable]:
    if not isinstance(scale, tuple | list) or len(scale) != 2:
        raise GenomeError(f"scale={scale!r} is not known; say 'reads', 'none', or two factors")
    return [_factor(a, one) for one in scale]


def _factor(a: xr.DataArray, factor: Any) -> xr.Variable:
    """One factor, by the labels of `a` where it has some."""
    dim = next((dim for dim in _LABELLED if dim in a.dims and dim in a.coords), None)
    values: Any = factor
    if isinstance(factor, xr.DataArray) and factor.ndim:
        labelled = dim is not None and factor.dims == (dim,) and dim in factor.coords
        if not labelled:
            raise GenomeError(
                f"factors with the dimensions {factor.dims} cannot be laid on {a.name!r} "
                f"{a.dims}; give one for each label of {dim or 'sample'}, with its labels"
            )
        factor = dict(zip(factor[dim].values.tolist(), factor.values.tolist(), strict=True))
    if isinstance(factor, Mapping):
        labels = [] if dim is None else a[dim].values.tolist()
        if dim is None or (lacking := [label for label in labels if label not in factor]):
            what = "label" if dim is None else f"{dim} {lacking[0]!r}"
            raise GenomeError(f"there is no factor for the {what} of {a.name!r} in {factor!r}")
        values = [factor[label] for label in labels]
    found = np.asarray(values, dtype=np.float64)
    if not (np.isfinite(found) & (found > 0)).all():
        raise GenomeError(f"factors are {values!r}; give finite numbers above 0")
    return xr.Variable((dim,) if found.ndim else (), found)


def _listed(a: xr.DataArray, factors: list[xr.Variable]) -> Any:
    """Factors of both, by label where they differ."""
    dim = next((one.dims[0] for one in factors if one.dims), None)
    if dim is None:
        return [float(one) for one in factors]
    rows = np.broadcast_arrays(*(one.values for one in factors))
    return dict(zip(map(str, a[dim].values), np.stack(rows, axis=-1).tolist(), strict=True))
