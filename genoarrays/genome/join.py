"""How do several tables of regions become one, such as sites and backgrounds?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import RegionError
from genoarrays.genome.columns import concat_columns
from genoarrays.genome.regions import columns_dataset, region_columns

__all__ = ["concat_regions"]

_OWN = ("contig", "start", "end", "strand")


def concat_regions(
    tables: Sequence[xr.Dataset] | Mapping[Any, xr.Dataset], *, label: str | None = None
) -> xr.Dataset:
    """Lay tables of regions one after the other.

    Parameters
    ----------
    tables
        Tables of regions on one genome; a mapping gives each a value for `label`.
    label
        Name of a column that tells where a region comes from: the keys of a mapping, else the
        position in `tables`.

    Returns
    -------
    xr.Dataset
        Columns of all tables. Where a table lacks one, texts are "." and numbers NaN (floats then).

    Raises
    ------
    AssemblyError
        When two tables lie on different genomes.
    RegionError
        When there is no table, one of them is none, or a column holds text in one and numbers in
        another.

    Examples
    --------
    >>> import genoarrays as ga
    >>> sites, others = ga.read_regions(["chr1:5-9"]), ga.read_regions(["chr1:0-4", "chr2:0-4"])
    >>> regions = ga.concat_regions({1: sites, 0: others}, label="bound")
    >>> regions.region.values.tolist(), regions.bound.values.tolist()
    (['chr1:5-9:.', 'chr1:0-4:.', 'chr2:0-4:.'], [1, 0, 0])
    """
    keys = list(tables) if isinstance(tables, Mapping) else list(range(len(tables)))
    parts = list(tables.values()) if isinstance(tables, Mapping) else list(tables)
    if not parts:
        raise RegionError("there are no tables to concatenate")
    columns = [region_columns(part) for part in parts]
    names = dict.fromkeys(
        str(name)
        for part in parts
        for name, v in part.variables.items()
        if v.dims == ("region",) and name not in (*_OWN, "region")
    )
    extra = {name: _joined(name, parts) for name in names}
    if label is not None:
        if label in (*names, *_OWN, "region"):
            raise RegionError(f"label={label!r} is a column already; take another name")
        extra[label] = np.repeat(np.array(keys), [c.size for c in columns])
    return columns_dataset(concat_columns(columns), extra)


def _joined(name: str, parts: list[xr.Dataset]) -> npt.NDArray[Any]:
    """One column of all tables."""
    found = [part[name].values if name in part.variables else None for part in parts]
    kinds = {"text" if a.dtype.kind not in "biuf" else "numbers" for a in found if a is not None}
    if len(kinds) > 1:
        raise RegionError(f"column {name!r} holds text in one table and numbers in another")
    missing = "." if kinds == {"text"} else np.nan
    dtype = np.dtypes.StringDType() if kinds == {"text"} else None
    return np.concatenate(
        [
            np.full(part.sizes["region"], missing, dtype) if a is None else np.asarray(a, dtype)
            for a, part in zip(found, parts, strict=True)
        ]
    )
