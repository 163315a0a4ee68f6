"""How are tracks made comparable: fitted on some regions, applied to others?

`fit_normalizer` gives a small Dataset: a few numbers for each sample or track. It is saved like any
other, and `normalize` applies it by label, lazily, so training, test and prediction see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.blocks import check_numbers
from genoarrays.ops.pool import Pool, pool_of

__all__ = ["METHODS", "fit_normalizer"]

Array = npt.NDArray[Any]
_LEVELS = 1001  # quantiles that are kept of a distribution


def fit_normalizer(
    array: xr.DataArray,
    method: str,
    *,
    regions: xr.Dataset | None = None,
    contigs: str | Sequence[str] | None = None,
    over: str | None = None,
    valid: xr.DataArray | None = None,
    **options: Any,
) -> xr.Dataset:
    """Find the numbers that normalize tracks or samples, in one pass over the values.

    Parameters
    ----------
    array
        Numbers on `position`, or windows, regions or sequences; NaN are missing. Numbers are found
        for each sample, track or other label apart, and for strands and offsets together.
    method
        What `normalize` makes of a value x. N is the number of kept reads of the sample over the
        whole assembly (from the attributes; for signal that is no count of reads, its sum over the
        whole axis), L the length of the bin in kb:

        - "log1p": log(1 + x)
        - "zscore": (x - mean) / sd; sd divides by n - 1
        - "zscore_log": the same of log(1 + x)
        - "cpm": x 1e6 / N
        - "rpkm": x 1e6 / (N L)
        - "bpm": x 1e6 / sum of x over all bins of the axis
        - "tpm": (x / L) 1e6 / sum of x / L over what is fitted, so that this totals 1e6
        - "rpgc": x `effective_genome_size` / (N `fragment_length`), the depth of coverage [1]_
        - "per_length": x / L
        - "scale": x `scale`, such as factors of a spike-in: a number, or numbers by label
        - "clip": x cut at its quantile `q` (linear interpolation), or at a pair of them
        - "soft_clip": above c, c - 1 + sqrt(x - c + 1), where c is `c`, or the quantile `q` [2]_
        - "quantile": the value that all samples have on average at the same quantile [3]_
    regions
        Positions to fit on: the bins that overlap this table of regions, each once.
    contigs
        Positions to fit on: those of one contig, or several. With `regions`, those of both.
    over
        "position", "window", "region" or "sequence": what the values are along; None finds it.
    valid
        Mask (position,), see `valid_mask`; where it is False, values are missing.
    **options
        `q`, `c`, `scale`, `effective_genome_size` and `fragment_length` (bp), as above.

    Returns
    -------
    xr.Dataset
        In memory: a few float64 variables by label; `attrs["method"]`. N, and the sum of "bpm", are
        of the whole axis whatever `regions`, `contigs` and `valid` say.

    Raises
    ------
    GenomeError
        For an unknown method or option; where a standard deviation or total is 0, or there are no
        values; for log(1 + x) of values of -1 or below; when reads were counted and nobody tells
        how many; for `regions`, `contigs` or `valid` of what is not on `position`.
    AssemblyError, ContigError
        When regions or contigs are not of this genome.

    References
    ----------
    .. [1] Ramirez F et al. (2016) deepTools2. Nucleic Acids Research 44, W160-W165.
    .. [2] Linder J et al. (2025) Predicting RNA-seq coverage from DNA sequence as a unifying model
       of gene regulation. Nature Genetics 57, 949-961.
    .. [3] Bolstad BM et al. (2003) A comparison of normalization methods. Bioinformatics 19,
       185-193.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 4, "chr2": 2}))
    >>> x = xr.DataArray([1.0, 3, 1, 3, 100, 200], coords, ["position"])
    >>> stats = ga.fit_normalizer(x, "zscore", contigs="chr1")
    >>> float(stats["mean"]), round(float(stats.sd), 4)
    (2.0, 1.1547)
    >>> ga.normalize(x, stats).values.round(3)
    array([ -0.866,   0.866,  -0.866,   0.866,  84.87 , 171.473])
    """
    if method not in METHODS:
        raise GenomeError(f"method={method!r} is not known; use one of {', '.join(METHODS)}")
    check_numbers(array, "normalized")
    known = METHODS[method]
    if odd := sorted(set(options) - set(known.options)):
        takes = f"takes {', '.join(known.options)}" if known.options else "takes no options"
        raise GenomeError(f"{odd[0]}= is no option of method={method!r}, which {takes}")
    pool = pool_of(array, over, regions=regions, contigs=contigs, valid=valid)
    found = known.fit(pool, options)
    found.attrs = {"method": method}
    kind = np.dtypes.StringDType()  # which zarr stores without a warning
    return found.assign_coords(
        {n: c.astype(kind) for n, c in found.coords.items() if c.dtype.kind == "U"}
    )


class _Method(NamedTuple):
    fit: Callable[[Pool, Mapping[str, Any]], xr.Dataset]
    options: tuple[str, ...] = ()


def _nothing(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    return xr.Dataset()


def _spread(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    found = pool.moments()
    flat = (found["sd"].isnull() | (found["sd"] == 0)).values
    if flat.any():
        where = pool.label(found["sd"], flat)
        number = int(found["count"].values[flat].reshape(-1)[0])
        raise GenomeError(
            f"{pool.name!r}{where} has no spread to divide by: its {number:,} values are all the "
            "same, or fewer than two; fit on more regions, or leave it out"
        )
    return found[["mean", "sd"]]


def _spread_of_logs(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    return _spread(pool.logs(), options)


def _factor(total: xr.DataArray, pool: Pool, what: str, over: float = 1e6) -> xr.Dataset:
    bad = ~(total > 0).values
    if bad.any():
        value = float(total.values[bad].reshape(-1)[0])
        raise GenomeError(
            f"{pool.name!r}{pool.label(total, bad)} has {what} of {value:g}, which nothing can be "
            "divided by; fit on more regions, or leave it out"
        )
    return xr.Dataset({"factor": over / total})


def _reads(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    return _factor(pool.library_sizes(), pool, "a number of reads, or a sum,")


def _bins(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    return _factor(pool.whole().total(), pool, "a sum")


def _per_length(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    return _factor(pool.per_kilobase().total(), pool, "a sum")


def _coverage(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    for name in ("effective_genome_size", "fragment_length"):
        if not np.all(np.asarray(options.get(name, 0)) > 0):
            raise GenomeError(f'method="rpgc" needs {name}= in bp, above 0')
    sizes = pool.library_sizes() * _by_label(options["fragment_length"], pool)
    return _factor(sizes, pool, "a number of reads", float(options["effective_genome_size"]))


def _scale(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    if "scale" not in options:
        raise GenomeError('method="scale" needs scale=: a number, or numbers by label')
    factor = _by_label(options["scale"], pool)
    if not np.isfinite(factor.values).all():
        raise GenomeError("scale= holds factors that are missing or infinite")
    return xr.Dataset({"factor": factor})


def _clip(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    q = np.atleast_1d(np.asarray(options.get("q", 0.99), dtype=np.float64))
    if q.size > 2 or not ((q >= 0) & (q <= 1)).all() or (q.size == 2 and q[0] > q[1]):
        raise GenomeError(f"q={options['q']!r} is not possible; give a share, or (low, high)")
    found = pool.quantiles(q)
    names = ["high"] if q.size == 1 else ["low", "high"]
    return xr.Dataset({n: found.isel(quantile=k, drop=True) for k, n in enumerate(names)})


def _soft_clip(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    if ("c" in options) == ("q" in options):
        raise GenomeError('method="soft_clip" needs c=, a value or values by label, or q=')
    if "c" in options:
        return xr.Dataset({"c": _by_label(options["c"], pool)})
    return _clip(pool, {"q": float(options["q"])}).rename(high="c")


def _distribution(pool: Pool, options: Mapping[str, Any]) -> xr.Dataset:
    found = pool.quantiles(np.linspace(0, 1, _LEVELS))
    rest = [d for d in found.dims if d != "quantile"]
    return xr.Dataset({"level": found, "reference": found.mean(rest)})


METHODS = {
    "log1p": _Method(_nothing),
    "zscore": _Method(_spread),
    "zscore_log": _Method(_spread_of_logs),
    "cpm": _Method(_reads),
    "rpkm": _Method(_reads),
    "bpm": _Method(_bins),
    "tpm": _Method(_per_length),
    "rpgc": _Method(_coverage, ("effective_genome_size", "fragment_length")),
    "per_length": _Method(_nothing),
    "scale": _Method(_scale, ("scale",)),
    "clip": _Method(_clip, ("q",)),
    "soft_clip": _Method(_soft_clip, ("c", "q")),
    "quantile": _Method(_distribution),
}
"""How each method is fitted, by its name."""


def _by_label(given: Any, pool: Pool) -> xr.DataArray:
    """Numbers for all, or by the labels of the one dimension that the pool keeps."""
    if isinstance(given, xr.DataArray):
        return given.astype(np.float64)
    if not isinstance(given, Mapping):
        return xr.DataArray(float(given))
    labelled = [d for d in pool.kept if d in pool.array.coords]
    if len(labelled) != 1:
        raise GenomeError(
            f"numbers by label need one labelled dimension, and {pool.name!r} keeps "
            f"{labelled or 'none'}; give a DataArray"
        )
    labels = pool.array[labelled[0]]
    if lacking := [label for label in labels.values.tolist() if label not in given]:
        raise GenomeError(f"there is no number for {labelled[0]} {lacking[0]!r} among {given}")
    values = [float(given[label]) for label in labels.values.tolist()]
    return xr.DataArray(values, {labelled[0]: labels}, labelled)
