"""Along which dimension do the examples of a Dataset lie, and what is one of them called?

Windows of a genome lie along `window`, sequences without coordinates along `sequence`. Everything
that streams, fits, predicts and scores asks here, and treats both alike.
"""

from __future__ import annotations

from typing import Any

from genoarrays.errors import RegionError
from genoarrays.genome.windows import WindowIndex

__all__ = ["EXAMPLES", "example_dim", "example_label"]

EXAMPLES = ("window", "sequence")


def example_dim(obj: Any) -> str:
    """Dimension of the examples.

    Parameters
    ----------
    obj
        Whatever has `dims`.

    Raises
    ------
    RegionError
        When it has none, or two of them.

    Examples
    --------
    >>> import xarray as xr
    >>> example_dim(xr.DataArray([[1, 2]], dims=("sequence", "offset")))
    'sequence'
    """
    found = [dim for dim in EXAMPLES if dim in obj.dims]
    if len(found) == 1:
        return found[0]
    what = repr(obj.name) if hasattr(obj, "name") else "this Dataset"
    raise RegionError(
        f"{what} has dims {tuple(map(str, obj.dims))}, {'two' if found else 'none'} of which "
        f"{'are' if found else 'is'} 'window' or 'sequence'; make windows with ga.windows(obj, "
        "regions, width), or read sequences with ga.open_sequences"
    )


def example_label(obj: Any, row: int) -> str:
    """Label of a window, or id of a sequence."""
    for index in obj.xindexes.values():
        if isinstance(index, WindowIndex):
            return str(index.columns.labels(slice(row, row + 1)).tolist()[0])
    return str(obj["id"].values[row]) if "id" in obj.coords else "without a label"
