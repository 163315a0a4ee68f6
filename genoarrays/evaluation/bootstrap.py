"""How sure is a score?

Windows, or all windows that share a contig, are drawn again with replacement; the interval lies
between percentiles of the scores of many such draws [1]_. Tracks of one group see the same draws,
so that their differences mean something.

References
----------
.. [1] Efron B (1979) Bootstrap methods: another look at the jackknife. The Annals of Statistics
   7(1), 1-26.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.evaluation.metrics import Metric, Values

if TYPE_CHECKING:
    from genoarrays.evaluation.pooled import Pooled

__all__ = ["Bootstrap", "drawn", "intervals", "units_of"]

Ints = npt.NDArray[np.int64]


class Bootstrap(NamedTuple):
    """Number of draws; the coordinate whose values are drawn, None for windows; the share of draws
    in the interval; and the seed.
    """  # noqa: D205

    number: int
    resample: str | None
    confidence: float
    seed: int


def units_of(
    draws: Bootstrap, truth: xr.DataArray, guess: xr.DataArray, together: Pooled
) -> tuple[Ints, int]:
    """Unit that each pooled value belongs to, and how many there are.

    Raises
    ------
    GenomeError
        For a number or share that is not possible, windows that are not pooled, an unknown
        coordinate, or a single unit, whose draws are all the same.
    """
    dim = together.example
    if draws.number < 1 or not 0 < draws.confidence < 1:
        raise GenomeError(
            f"bootstrap={draws.number} with confidence={draws.confidence} is not possible; give a "
            "number of draws, such as 1000, and a share between 0 and 1"
        )
    if dim not in together.pooled:
        raise GenomeError(f"a bootstrap draws {dim}s, which dim={together.pooled} leaves apart")
    size = truth.sizes[dim]
    if draws.resample in (None, dim):
        codes, number = np.arange(size), size
    else:
        holder = truth if draws.resample in truth.coords else guess
        if draws.resample not in holder.coords or holder[draws.resample].dims != (dim,):
            raise GenomeError(f"resample={draws.resample!r} is not a coordinate along {dim!r}")
        values = holder[draws.resample].values.tolist()
        numbers = {value: n for n, value in enumerate(dict.fromkeys(values))}
        codes, number = np.array([numbers[value] for value in values], np.int64), len(numbers)
        if number == 1:
            raise GenomeError(
                f"all {size:,} {dim}s have the same {draws.resample}, and draws of it are all the "
                "same; leave out resample="
            )
    shape = [truth.sizes[d] for d in together.pooled]
    along = [size if d == dim else 1 for d in together.pooled]
    return np.broadcast_to(codes.reshape(along), shape).reshape(-1), number


def drawn(
    draws: Bootstrap, units: tuple[Ints, int], known: npt.NDArray[np.bool_]
) -> Iterator[Ints]:
    """Rows of the known values that each draw consists of."""
    codes, number = units[0][known], units[1]
    order = np.argsort(codes, kind="stable")
    count = np.bincount(codes, minlength=number)
    start = np.cumsum(count) - count
    random = np.random.default_rng(draws.seed)
    for _ in range(draws.number):
        some = random.integers(0, number, number) if number else np.empty(0, np.int64)
        sizes = count[some]
        before = np.cumsum(sizes) - sizes
        within = np.arange(sizes.sum()) - np.repeat(before, sizes)
        yield order[np.repeat(start[some], sizes) + within]


def intervals(
    draws: Bootstrap, functions: Sequence[Metric], pair: tuple[Values, Values], rows: Iterable[Ints]
) -> list[tuple[float, float]]:
    """Percentiles of each metric over draws; of draws for which it is defined."""
    found: list[Any] = [
        [function(pair[0][some], pair[1][some]) for function in functions] for some in rows
    ]
    values = np.array(found, np.float64).reshape(draws.number, len(functions))
    tail = (1 - draws.confidence) / 2
    ends = []
    for column in values.T:
        defined = column[~np.isnan(column)]
        low, high = np.quantile(defined, [tail, 1 - tail]) if defined.size else (np.nan, np.nan)
        ends.append((float(low), float(high)))
    return ends
