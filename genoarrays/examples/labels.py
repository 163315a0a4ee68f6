"""Which regions bear the same label?"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["labels_of"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]


def labels_of(
    table: xr.Dataset, size: int, by: Any, taken: Sequence[Hashable] = ()
) -> tuple[Array, Ints, str]:
    """Distinct labels, in order of appearance, and the number of each region's.

    Parameters
    ----------
    table
        Regions.
    size
        How many there are.
    by
        Column of the table, or one label for each region.
    taken
        Dimensions whose names are not free.

    Returns
    -------
    np.ndarray
        The labels.
    np.ndarray
        (region,) int64 number of the label; -1 for a region without one (NaN, None).
    str
        What a dimension of the labels is called.

    Raises
    ------
    GenomeError
        For a column that is not there, or another number of labels.
    """
    if isinstance(by, str):
        if by not in table.variables:
            known = ", ".join(map(str, table.data_vars))
            raise GenomeError(
                f"by={by!r} is no column of the regions, which have {known}; attributes of GFF and "
                f"GTF become columns by ga.read_regions(..., attributes=[{by!r}])"
            )
        dim, given = by, table[by].values
    else:
        dim = str(getattr(by, "name", None) or "group")
        given = np.asarray(by)
    if given.shape != (size,):
        raise GenomeError(f"by= has {given.shape} labels for {size:,} regions; give one for each")
    codes, names = pd.factorize(given.astype(object) if given.dtype.kind == "T" else given)
    kind = np.dtypes.StringDType() if all(isinstance(n, str) for n in names) else None
    dim = f"region_{dim}" if dim in taken else dim
    return np.asarray(names, dtype=kind), codes.astype(np.int64), dim
