"""Which sequence is this array's row?

Sequences without coordinates are known by their ids. The index finds them by id, and refuses to
join two different sets, which plain pandas indexes would do silently, keeping what both have.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexing import IndexSelResult
from xarray.indexes import PandasIndex

from genoarrays.errors import RegionError

__all__ = ["SequenceIndex", "sequence_coords"]


class SequenceIndex(PandasIndex):
    """Ids of sequences, and their identity.

    `sel(id="P53_HUMAN")` finds a sequence, a list gives them in its order. Different sets of
    sequences are never joined: arithmetic between them raises. Files do not keep indexes: what
    xarray wrote and opened gets it back with `x.set_xindex("id", ga.SequenceIndex)`.

    Parameters
    ----------
    array, dim, coord_dtype
        As for `xarray.indexes.PandasIndex`.
    """

    def sel(
        self, labels: dict[Any, Any], method: Any = None, tolerance: Any = None
    ) -> IndexSelResult:
        """Find sequences by id.

        Raises
        ------
        RegionError
            For an id that is not there, a slice, and a list where an id occurs several times.
        """
        asked = next(iter(labels.values()))
        if isinstance(asked, slice):
            raise RegionError("sequences are selected by id or isel(sequence=...), not by slice")
        some = np.atleast_1d(np.asarray(asked, dtype=object)).tolist()
        if lacking := [one for one in some if one not in self.index]:
            raise RegionError(
                f"no sequence has the id {lacking[0]!r}; ids read like {self.index[:1].tolist()}"
            )
        if np.ndim(asked) and not self.index.is_unique:
            raise RegionError("some ids occur several times here; use isel(sequence=...)")
        return super().sel(labels, method, tolerance)

    def join(self, other: PandasIndex, how: str = "inner") -> SequenceIndex:
        """Refuse: xarray asks only when the two differ."""
        raise RegionError(
            f"these are two different sets of sequences ({self._some()} and "
            f"{type(self)._some(other)}), or one set in two orders; select the same ids first, as "
            "in x.sel(id=y.id.values)"
        )

    def reindex_like(
        self, other: PandasIndex, method: Any = None, tolerance: Any = None
    ) -> dict[Hashable, Any]:
        """Refuse, as `join` does."""
        self.join(other)
        raise AssertionError  # join always raises

    def _some(self: PandasIndex) -> str:
        size = len(self.index)
        return f"{size:,} from {self.index[0]!r}" if size else "none"

    def __repr__(self) -> str:
        return f"SequenceIndex({self._some()})"


def sequence_coords(ids: Iterable[str]) -> xr.Coordinates:
    """Coordinate `id` along the dimension `sequence`, with its index.

    Examples
    --------
    >>> sequence_coords(["a", "b"])["id"].dims
    ('sequence',)
    """
    found = pd.Index(list(ids), dtype=object, name="id")
    index = SequenceIndex(found, "sequence", coord_dtype=np.dtypes.StringDType())
    return xr.Coordinates.from_xindex(index)
