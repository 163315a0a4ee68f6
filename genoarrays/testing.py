"""How do I test code that works on genomes?

Random genomes, tracks and hypothesis strategies, and arrays that count how often they are read: the
tests of genoarrays are built on them, and users need them for their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import xarray as xr

from genoarrays._optional import optional
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import genome_coords
from genoarrays.ops.sequence import ALPHABETS

__all__ = ["assemblies", "axes", "count_computes", "dna", "random_genome", "slices"]


def dna(letters: str) -> xr.DataArray:
    """Codes of a DNA text, with the dimension `offset`.

    Parameters
    ----------
    letters
        Any case; letters other than A C G T are unknown.

    Returns
    -------
    xr.DataArray
        (offset,) int8, A C G T = 0..3, unknown = 4.

    Examples
    --------
    >>> dna("ACGTN").values
    array([0, 1, 2, 3, 4], dtype=int8)
    """
    codes = [max(ALPHABETS["dna"].find(c), -1) for c in letters.upper()]
    values = np.array([4 if c < 0 else c for c in codes], dtype=np.int8)
    return xr.DataArray(values, dims="offset", name="dna", attrs={"alphabet": "ACGT"})


def random_genome(lengths: dict[str, int], *, bin_size: int = 1, seed: int = 0) -> xr.Dataset:
    """Random sequence and tracks on a small genome, in memory.

    Parameters
    ----------
    lengths
        bp by contig name.
    bin_size
        bp per position; dna is made at 1 bp only.
    seed
        Of the random numbers.

    Returns
    -------
    xr.Dataset
        dna (position,) int8 with unknown bases; signal (position, track) float32 with NaN; reads
        (position, strand) uint32; label (position,) uint8.

    Examples
    --------
    >>> dict(random_genome({"chr1": 30, "chr2": 20}).sizes)
    {'position': 50, 'track': 2, 'strand': 2}
    """
    rng = np.random.default_rng(seed)
    axis = GenomeAxis(Assembly("random", lengths), bin_size)
    size = axis.size
    signal = rng.gamma(1.0, 2.0, (size, 2)).astype(np.float32)
    signal[rng.random((size, 2)) < 0.1] = np.nan
    variables: dict[str, Any] = {
        "signal": (("position", "track"), signal),
        "reads": (("position", "strand"), rng.poisson(0.5, (size, 2)).astype(np.uint32)),
        "label": ("position", (rng.random(size) < 0.2).astype(np.uint8)),
    }
    if bin_size == 1:
        codes = rng.choice(5, size, p=[0.24, 0.24, 0.24, 0.24, 0.04]).astype(np.int8)
        variables = {"dna": ("position", codes, {"alphabet": "ACGT"}), **variables}
    labels = {"track": ["a", "b"], "strand": ["+", "-"]}
    text = np.dtypes.StringDType()
    shown = {name: (name, np.array(some, dtype=text)) for name, some in labels.items()}
    return xr.Dataset(variables, genome_coords(axis)).assign_coords(shown)


def assemblies(max_contigs: int = 4, max_length: int = 30) -> Any:
    """Hypothesis strategy of small assemblies."""
    st = _strategies()
    lengths = st.lists(st.integers(1, max_length), min_size=1, max_size=max_contigs)
    return lengths.map(lambda some: Assembly("any", {f"chr{i + 1}": n for i, n in enumerate(some)}))


def axes(max_contigs: int = 4, max_length: int = 30) -> Any:
    """Hypothesis strategy of genome axes: whole, sliced, reversed, or of positions in any order."""
    st = _strategies()

    @st.composite  # type: ignore[untyped-decorator]
    def draw_axis(draw: Callable[[Any], Any]) -> GenomeAxis:
        axis = GenomeAxis(draw(assemblies(max_contigs, max_length)), draw(st.integers(1, 7)))
        for _ in range(draw(st.integers(0, 2))):
            if draw(st.booleans()):
                axis = axis[draw(slices(axis.size))]
            elif axis.size:
                axis = axis[draw(st.lists(st.integers(0, axis.size - 1), max_size=12, unique=True))]
        return axis

    return draw_axis()


def slices(size: int) -> Any:
    """Hypothesis strategy of slices of a dimension, steps of both signs."""
    return _strategies().slices(size)


def _strategies() -> Any:
    return optional("hypothesis.strategies", purpose="drawing random genomes", extra="test")


@contextmanager
def count_computes() -> Iterator[list[int]]:
    """Count how many dask graphs are computed in a `with` block.

    Yields
    ------
    list of int
        Grows by the number of tasks of each graph that is computed.

    Examples
    --------
    >>> import dask.array as da
    >>> with count_computes() as computed:
    ...     lazy = da.ones(3) + 1
    ...     before = len(computed)
    ...     _ = lazy.compute()
    >>> before, len(computed)
    (0, 1)
    """
    import dask.callbacks

    computed: list[int] = []

    class Counting(dask.callbacks.Callback):  # type: ignore[misc]
        def _start(self, graph: Any) -> None:
            computed.append(len(graph))

    with Counting():
        yield computed
