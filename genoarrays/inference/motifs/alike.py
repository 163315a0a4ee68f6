"""Which known motifs is a motif like?

Columns are compared by Pearson correlation or Euclidean distance; motifs at every shift with enough
columns in common and on both strands, by the sum over these columns. The p-value is TOMTOM's: under
the null, each column of the target is any column of all targets. For each stretch of the query
the distribution of the sum is the convolution of those of its columns (scores rounded to 1/100 of
their range); the best p-value over n places is corrected as 1 - (1 - p)^n.

Reference: Gupta et al., Quantifying similarity between motifs, Genome Biology 8, R24, 2007.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.sequence import reverse_complement_codes

__all__ = ["compare_motifs"]

Array = npt.NDArray[Any]
_LEVELS = 100  # of the score of a column, as TOMTOM has
_METRICS = ("pearson", "euclidean")


def compare_motifs(
    query: xr.Dataset | xr.DataArray,
    motifs: xr.Dataset,
    *,
    metric: str = "pearson",
    overlap: int = 5,
    both_strands: bool = True,
) -> xr.Dataset:
    """Compare motifs with known ones, as TOMTOM does.

    Parameters
    ----------
    query
        Motifs, as `ga.align_seqlets` or `ga.read_motifs` give them; or one matrix of probabilities
        (offset, channel).
    motifs
        Known motifs, as `ga.read_motifs` gives them. The null is made of their columns: give some
        50 at least.
    metric
        Of columns: "pearson" correlation (0 for a column without any preference) or minus the
        "euclidean" distance.
    overlap
        Fewest columns that two motifs share; less where one of them is shorter.
    both_strands
        Compare with the reverse complement too.

    Returns
    -------
    xr.Dataset
        (query, motif): `p_value`, `e_value` (p-value times number of motifs) and `motif_rank` (1 is
        the best). Of the best place: `score` (sum over columns), `correlation` (mean Pearson over
        columns), `start` (column of the query at which the motif begins, as it lies), `columns` (in
        common) and `orientation` of the motif. Coordinates `motif` and `alternate` are those of
        `motifs`: `r.isel(query=0).sortby("motif_rank")`.

    Raises
    ------
    GenomeError
        When these are no motifs, the letters differ, or for an unknown metric.

    Examples
    --------
    >>> import genoarrays as ga
    >>> rng = np.random.default_rng(0)
    >>> known = xr.Dataset(
    ...     {"probability": (("motif", "offset", "channel"), rng.dirichlet([0.3] * 4, (60, 8)))},
    ...     {"motif": [f"m{n}" for n in range(60)], "channel": list("ACGT")},
    ... )
    >>> turned = known.probability.isel(motif=7)[::-1, ::-1].assign_coords(channel=list("ACGT"))
    >>> r = ga.compare_motifs(turned.drop_vars("motif"), known).isel(query=0).sortby("motif_rank")
    >>> str(r.motif.values[0]), r.orientation.values[0], int(r.start[0])
    ('m7', '-', 0)
    """
    if metric not in _METRICS:
        raise GenomeError(f"metric={metric!r} is not known; say {' or '.join(_METRICS)}")
    if overlap < 1:
        raise GenomeError(f"overlap={overlap} is not possible; give at least 1")
    if isinstance(query, xr.DataArray):
        query = _as_motif(query)
    names, asked, letters = _matrices(query, "query=")
    others, known, theirs = _matrices(motifs, "motifs=")
    if letters.replace("U", "T") != theirs.replace("U", "T"):
        raise GenomeError(f"the letters differ: query= has {letters}, motifs= have {theirs}")
    if not known:
        raise GenomeError("motifs= holds none")
    strands = [known]
    if both_strands:
        try:
            partner = reverse_complement_codes(1, theirs)
        except ValueError as error:
            raise GenomeError(f"{error}; say both_strands=False") from None
        strands.append([matrix[::-1, partner] for matrix in known])
    results = [_compared(matrix, strands, metric, overlap) for matrix in asked]
    fields = {
        name: (("query", "motif"), np.array([r[name] for r in results]).reshape(-1, len(known)))
        for name in ("p_value", "score", "correlation", "start", "columns", "turned")
    }
    result = xr.Dataset(fields)
    result["e_value"] = result.p_value * len(known)
    order = np.lexsort((-result.correlation.values, result.p_value.values), axis=-1)
    rank = np.empty(order.shape, np.int64)
    np.put_along_axis(rank, order, np.arange(1, len(known) + 1)[None], axis=-1)
    result["motif_rank"] = ("query", "motif"), rank
    strings = np.dtypes.StringDType()
    sign = np.where(result.turned.values, "-", "+").astype(strings)
    result = result.drop_vars("turned").assign(orientation=(("query", "motif"), sign))
    coords: dict[str, Any] = {"query": np.array(names, dtype=strings), "motif": others}
    if "alternate" in motifs.coords:
        coords["alternate"] = ("motif", motifs.alternate.values)
    return result.assign_coords(coords).assign_attrs(metric=metric, overlap=overlap)


def _as_motif(matrix: xr.DataArray) -> xr.Dataset:
    if set(matrix.dims) != {"offset", "channel"}:
        raise GenomeError(
            f"query= has the dims {matrix.dims}; give one matrix (offset, channel), or a Dataset "
            "of motifs"
        )
    plain = xr.DataArray(
        matrix.transpose("offset", "channel").values[None], dims=("motif", "offset", "channel")
    )
    known = {"channel": matrix.channel.values} if "channel" in matrix.coords else {}
    named = plain.assign_coords(motif=[str(matrix.name or "query")], **known)
    return xr.Dataset({"probability": named})


def _matrices(motifs: Any, what: str) -> tuple[Array, list[Array], str]:
    """Names, matrices without padding, letters in the order of the columns."""
    wanted = ("motif", "offset", "channel")
    if "probability" not in motifs or set(motifs.probability.dims) != set(wanted):
        raise GenomeError(f"{what} is no Dataset of motifs; ga.read_motifs(path) gives one")
    if "channel" not in motifs.coords:
        raise GenomeError(f"{what} has channels without labels; say which letters they are")
    values = motifs.probability.transpose(*wanted).values.astype(np.float64)
    there = ~np.isnan(values).any(axis=-1)
    matrices = [matrix[kept] for matrix, kept in zip(values, there, strict=True)]
    sums = [matrix.sum(axis=1) for matrix in matrices]
    if any(not len(one) or (np.abs(one - 1) > 0.02).any() for one in sums):
        raise GenomeError(f"{what} has columns that are no probabilities: they do not sum to 1")
    names = motifs["motif"].values if "motif" in motifs.coords else np.arange(len(matrices))
    return names, matrices, "".join(map(str, motifs.channel.values.tolist()))


def _compared(query: Array, strands: list[list[Array]], metric: str, overlap: int) -> Any:
    """Best place of each motif on a query."""
    size = len(query)
    lengths = np.array([len(matrix) for matrix in strands[0]])
    longest = int(lengths.max())
    columns = np.concatenate([matrix for strand in strands for matrix in strand])
    raw = _scores(query, columns, metric)
    low, high = raw.min(), raw.max()
    unit = (high - low) / _LEVELS or 1.0
    tails = _tails(np.rint((raw - low) / unit).astype(np.int64))
    padded = []
    for strand in strands:
        table = np.full((len(strand), longest, query.shape[1]), np.nan)
        for row, matrix in zip(table, strand, strict=True):
            row[: len(matrix)] = matrix
        padded.append(table)
    least = np.minimum(np.minimum(overlap, size), lengths)
    best = {
        "p_value": np.full(len(lengths), 2.0), "score": np.zeros(len(lengths)),
        "correlation": np.zeros(len(lengths)), "start": np.zeros(len(lengths), np.int64),
        "columns": np.zeros(len(lengths), np.int64), "turned": np.zeros(len(lengths), bool),
    }  # fmt: skip
    places = np.zeros(len(lengths), np.int64)
    for turned, table in enumerate(padded):
        flat = table.reshape(-1, query.shape[1])
        real = np.nan_to_num(_scores(query, flat, metric).reshape(size, len(table), longest))
        like = (
            real
            if metric == "pearson"
            else np.nan_to_num(_scores(query, flat, "pearson").reshape(real.shape))
        )
        whole = np.rint((real - low) / unit).astype(np.int64)
        for shift in range(1 - longest, size):
            start = max(shift, 0)
            stop = np.minimum(size, lengths + shift)
            shared = stop - start
            some = np.flatnonzero(shared >= least)
            if not len(some):
                continue
            rows = np.arange(start, int(stop[some].max()))
            inside = rows[:, None] < stop[some]
            sums = (whole[rows[:, None], some, rows[:, None] - shift] * inside).sum(axis=0)
            p = tails[start, stop[some], sums]
            places[some] += 1
            means = (like[rows[:, None], some, rows[:, None] - shift] * inside).sum(axis=0)
            means /= shared[some]
            was_p, was = best["p_value"][some], best["correlation"][some]
            better = (p < was_p) | ((p == was_p) & (means > was))
            now = some[better]
            score = (real[rows[:, None], some, rows[:, None] - shift] * inside).sum(axis=0)
            for name, new in (("p_value", p), ("correlation", means), ("score", score),
                              ("columns", shared[some])):  # fmt: skip
                best[name][now] = new[better]
            best["start"][now], best["turned"][now] = shift, bool(turned)
    # log1p: 1 - (1 - p)**n loses p below 1e-16
    best["p_value"] = -np.expm1(places * np.log1p(-np.minimum(best["p_value"], 1 - 1e-16)))
    return best


def _scores(query: Array, columns: Array, metric: str) -> Array:
    """(query columns, columns) similarities."""
    if metric == "euclidean":
        squares = (query**2).sum(1)[:, None] + (columns**2).sum(1) - 2 * query @ columns.T
        return np.asarray(-np.sqrt(np.maximum(squares, 0)))
    a, b = (m - m.mean(axis=1, keepdims=True) for m in (query, columns))
    size = np.sqrt((a**2).sum(1))[:, None] * np.sqrt((b**2).sum(1))
    dot = a @ b.T
    return np.asarray(np.divide(dot, size, out=np.zeros_like(dot), where=size > 1e-12))


def _tails(levels: Array) -> Array:
    """P(sum >= s) of the columns [start, stop) of a query: (start, stop, s)."""
    size = len(levels)
    shares = np.stack([np.bincount(row, minlength=_LEVELS + 1) for row in levels])
    shares = shares / levels.shape[1]
    tails = np.ones((size, size + 1, size * _LEVELS + 1))
    for start in range(size):
        density = np.ones(1)
        for stop in range(start + 1, size + 1):
            density = np.convolve(density, shares[stop - 1])
            tail = np.cumsum(density[::-1])[::-1]
            tails[start, stop, : len(tail)] = np.minimum(tail, 1)
            tails[start, stop, len(tail) :] = 0
    return tails
