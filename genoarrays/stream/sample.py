"""Which examples does an epoch give?

All of them once, unless a sample is asked for: then each epoch draws its own, from (seed, epoch)
only. How many it gives is the same each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim

__all__ = ["Sample", "Sampler"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Sample:
    """Draw the examples of each epoch anew.

    Parameters
    ----------
    size
        Examples of an epoch; None: as many as there are (with `ratio`, as follow from it).
    weights
        Name of a variable or coordinate (window,): each draw takes a window with probability in
        proportion to it, any number of times; 0 never.
    by
        Name of a label (window,), such as a class, "contig" or a variable of 0 and 1: each of its
        values is given equally often. Values with fewer windows than their share give each
        equally often, up to one.
    ratio
        With `by`, a label of 0 and 1: all positives once, and `ratio` times as many of the
        others, each at most once, other ones in each epoch.

    Raises
    ------
    GenomeError
        When neither or both of `weights` and `by` are given, or numbers are not possible.

    Examples
    --------
    >>> Sample(by="bound", ratio=2)
    Sample(size=None, weights=None, by='bound', ratio=2)
    """

    size: int | None = None
    weights: str | None = None
    by: str | None = None
    ratio: float | None = None

    def __post_init__(self) -> None:
        """Check what is asked."""
        if (self.weights is None) == (self.by is None):
            raise GenomeError("a sample needs weights= or by=, one of them")
        if self.ratio is not None and (self.by is None or self.size is not None or self.ratio <= 0):
            raise GenomeError(
                f"ratio={self.ratio} is not possible: it goes with by=, without size=, above 0"
            )
        if self.size is not None and self.size < 1:
            raise GenomeError(f"size={self.size} is not possible; give at least 1")


class Sampler:
    """Rows of an epoch, by its number.

    Raises
    ------
    GenomeError
        For a name without one value for each example, weights below 0 or NaN, labels that are not
        0 and 1 where a ratio is asked for, or too few examples for it.
    """

    def __init__(self, x: xr.Dataset, sample: Sample, seed: int) -> None:
        self.seed, dim = seed, example_dim(x)
        name = str(sample.weights or sample.by)
        if name not in x.variables or x[name].dims != (dim,):
            raise GenomeError(f"{name!r} has not one value for each {dim}; samples need one")
        values = np.asarray(x[name].values)
        self.size = sample.size or len(values)
        self.shares: Array | None = None
        self.groups: list[Array] = []
        self.counts: list[int] = []
        if sample.weights is not None:
            weights = values.astype(np.float64)
            if not (weights >= 0).all() or not weights.sum() > 0:
                raise GenomeError(f"weights {name!r} must be 0 or more, not NaN, and not all 0")
            self.shares = weights / weights.sum()
        elif sample.ratio is not None:
            if not np.isin(values, (0, 1)).all():
                raise GenomeError(f"by={name!r} must hold 0 and 1 for a ratio")
            self.groups = [np.flatnonzero(values == 1), np.flatnonzero(values == 0)]
            wanted = round(len(self.groups[0]) * sample.ratio)
            if not len(self.groups[0]) or wanted > len(self.groups[1]):
                raise GenomeError(
                    f"ratio={sample.ratio} asks for {wanted:,} windows of {name} 0 beside "
                    f"{len(self.groups[0]):,} of 1, and there are {len(self.groups[1]):,}"
                )
            self.counts = [len(self.groups[0]), wanted]
            self.size = sum(self.counts)
        else:
            kinds, of = np.unique([str(v) for v in values.tolist()], return_inverse=True)
            self.groups = [np.flatnonzero(of == kind) for kind in range(len(kinds))]
            edges = np.linspace(0, self.size, len(kinds) + 1).round().astype(int)
            self.counts = np.diff(edges).tolist()

    def __call__(self, epoch: int) -> Array:
        """Rows of an epoch, with repeats, in ascending order."""
        rng = np.random.default_rng([self.seed, epoch, 5])
        if self.shares is not None:
            return np.sort(rng.choice(len(self.shares), self.size, p=self.shares))
        drawn = []
        for group, count in zip(self.groups, self.counts, strict=True):
            whole, rest = divmod(count, len(group))
            drawn += [np.repeat(group, whole), rng.choice(group, rest, replace=False)]
        return np.sort(np.concatenate(drawn))
