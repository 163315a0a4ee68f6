"""Which labels and predictions make one score?

Some dimensions are pooled, the others stay; groups of windows, or stretches of the genome, are
scored apart. Labels and predictions must lie on the same places, in the same order: nothing is
aligned silently.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import EXAMPLES, example_dim
from genoarrays.genome.index import axis_of
from genoarrays.genome.overlap import intersect_regions
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.genome.windows import window_index
from genoarrays.ops.mask import valid_mask
from genoarrays.ops.paired import check_paired

__all__ = ["By", "Pooled", "is_large", "pool"]

By = str | xr.Dataset | None
Pair = tuple[xr.DataArray, xr.DataArray]
_LARGE = 2**28  # bytes of both as float64, from which on lazy arrays are not loaded
_LABELS = ("label", "name", "state", "category")  # columns that name annotations


class Pooled(NamedTuple):
    """Labels and predictions with the same dims, `kept` and then `pooled`; groups of them by label.

    `by`: name of the dimension of groups, None where all is one; `labels`: Dataset of the
    coordinates of what stays.
    """

    truth: xr.DataArray
    guess: xr.DataArray
    kept: list[Hashable]
    pooled: list[Hashable]
    example: str
    by: str | None
    groups: dict[Any, Callable[[xr.DataArray], xr.DataArray]]
    labels: xr.Dataset

    def pairs(self) -> list[Pair]:
        """Labels and predictions of each group."""
        return [(part(self.truth), part(self.guess)) for part in self.groups.values()]

    def dataset(self, found: dict[str, npt.NDArray[Any]]) -> xr.Dataset:
        """Variables of arrays (group, kept...), with their labels."""
        out = self.labels
        dims = [self.by, *self.kept]
        for name, values in found.items():
            out[name] = (dims, values) if self.by is not None else (self.kept, values[0])
        return out


def pool(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    by: By,
    valid: xr.DataArray | None,
    dim: Hashable | Sequence[Hashable] | None,
) -> Pooled:
    """Check labels against predictions, and say what is pooled.

    Parameters
    ----------
    y_true, y_pred, by, valid, dim
        As of `ga.score`.

    Raises
    ------
    RegionError
        When dims, places or labels differ.
    AssemblyError
        When they lie on different genomes.
    GenomeError
        For an unknown `by` or `dim`.
    """
    example = "position" if "position" in y_true.dims else example_dim(y_true)
    _check_same(y_true, y_pred, example)
    if valid is not None:
        if valid.dtype.kind != "b" or not set(valid.dims) <= set(y_true.dims):
            raise RegionError(
                f"valid= has dims {valid.dims} and dtype {valid.dtype}; give a mask of bool along "
                f"dimensions of the labels, {y_true.dims}"
            )
        y_true = y_true.where(valid)
    pooled = _pooled(y_true, example, dim)
    kept = [one for one in y_true.dims if one not in pooled]
    name, groups = _groups(y_true, y_pred, by, kept, pooled, example)
    labels = y_true.coords.to_dataset().drop_dims(pooled, errors="ignore")
    labels = labels.drop_vars([n for n in labels.coords if n not in kept])
    if name is not None and name not in kept:
        values = list(groups)
        texts = all(isinstance(value, str) for value in values)
        kind: Any = np.dtypes.StringDType() if texts else None
        labels = labels.assign_coords({name: (name, np.array(values, dtype=kind))})
    else:
        name = None
    order = [*kept, *pooled]
    truth, guess = y_true.transpose(*order), y_pred.transpose(*order)
    return Pooled(truth, guess, kept, pooled, example, name, groups, labels)


def is_large(together: Pooled) -> bool:
    """Whether arrays are lazy, and too large to be loaded unasked."""
    pair = (together.truth, together.guess)
    lazy = any(a.chunks is not None or not a.variable._in_memory for a in pair)
    return lazy and sum(a.size for a in pair) * 8 > _LARGE


def _check_same(y_true: xr.DataArray, y_pred: xr.DataArray, example: str) -> None:
    if set(y_true.dims) != set(y_pred.dims):
        raise RegionError(
            f"labels have dims {y_true.dims}, predictions {y_pred.dims}; "
            f"both need {example!r} and the same other dims"
        )
    if example == "position":
        check_paired(y_true, y_pred, y_true.dims, "cannot score")
    for dim in y_true.dims:
        if y_true.sizes[dim] != y_pred.sizes[dim]:
            raise RegionError(
                f"labels have {y_true.sizes[dim]:,} along {dim!r}, predictions "
                f"{y_pred.sizes[dim]:,}; score the same {dim}s: select them first"
            )
        coord = "id" if dim == "sequence" else dim
        indexes = [obj.xindexes.get(coord) for obj in (y_true, y_pred)]
        if None not in indexes and not indexes[0].equals(indexes[1]):  # type: ignore[union-attr]
            raise RegionError(
                f"labels and predictions lie on different {dim}s, or in another order; "
                f"take both from the same Dataset"
            )


def _pooled(
    y_true: xr.DataArray, example: str, dim: Hashable | Sequence[Hashable] | None
) -> list[Hashable]:
    if dim is None:
        return [d for d in y_true.dims if d == example or str(d).startswith("offset")]
    dims = [dim] if isinstance(dim, str) or not isinstance(dim, Sequence) else list(dim)
    for one in dims:
        if one not in y_true.dims:
            raise GenomeError(f"dim={one!r} is no dimension of the labels, {list(y_true.dims)}")
    return dims


# ---- groups


def _groups(
    y_true: xr.DataArray,
    y_pred: xr.DataArray,
    by: By,
    kept: Sequence[Hashable],
    pooled: Sequence[Hashable],
    example: str,
) -> tuple[str | None, dict[Any, Callable[[xr.DataArray], xr.DataArray]]]:
    """Name of the groups, and how to take each one."""
    if by is None or (isinstance(by, str) and by in kept):
        return None, {None: lambda array: array}
    if example not in pooled:
        raise GenomeError(
            f"by= makes groups along {example!r}, which dim={list(pooled)} leaves apart; "
            f"group the result, or pool {example!r} too"
        )
    if isinstance(by, xr.Dataset):
        return _by_regions(y_true, by, example)
    holder = y_true if by in y_true.coords else y_pred
    if by not in holder.coords or holder[by].dims != (example,):
        along = sorted(
            {str(n) for y in (y_true, y_pred) for n, c in y.coords.items() if c.ndim == 1}
        )
        raise GenomeError(f"by={by!r} is not a coordinate along {example!r}; there are {along}")
    if example == "position" and by == "contig":
        contigs = dict.fromkeys(axis_of(y_true).contigs)
        return by, {contig: _contig(contig) for contig in contigs}
    values = holder[by].values.tolist()
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    codes = np.array([numbers[value] for value in values], "int64")
    return by, {v: _rows(example, np.flatnonzero(codes == n)) for v, n in numbers.items()}


def _contig(name: str) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda array: array.sel(contig=name)


def _rows(dim: str, rows: npt.NDArray[np.intp]) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda array: array.isel({dim: rows})


def _masked(mask: xr.DataArray) -> Callable[[xr.DataArray], xr.DataArray]:
    return lambda array: array.where(mask)


def _by_regions(
    y_true: xr.DataArray, table: xr.Dataset, example: str
) -> tuple[str, dict[Any, Callable[[xr.DataArray], xr.DataArray]]]:
    """Groups of what overlaps the regions of each label; a window may be in several."""
    name = next((n for n in _LABELS if n in table.variables), None)
    if name is None or "region" not in table.dims:
        raise GenomeError(
            f"by= is a table without labels; give regions with one of the columns {list(_LABELS)}"
        )
    labels = np.asarray(table[name].values).astype(object)
    known = list(dict.fromkeys(labels.tolist()))
    if example == EXAMPLES[1]:
        raise GenomeError("sequences lie on no genome; give by= a coordinate along 'sequence'")
    if example == "position":
        rows = {label: table.isel(region=np.flatnonzero(labels == label)) for label in known}
        masks = {v: valid_mask(y_true, include=some) for v, some in rows.items()}
        return name, {v: _masked(mask) for v, mask in masks.items()}
    windows = columns_dataset(window_index(y_true).columns, {})
    windows = windows.assign(scored=("region", np.arange(windows.sizes["region"])))
    met = intersect_regions(windows, columns_dataset(region_columns(table), {}), b_row="met")
    window, label = met.scored.values, labels[met.met.values]
    return name, {v: _rows(example, np.unique(window[label == v])) for v in known}
