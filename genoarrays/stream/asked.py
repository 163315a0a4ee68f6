"""Is what was asked of a stream possible? Looked at before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.genome.example import example_dim
from genoarrays.stream.ragged import is_ragged

__all__ = ["check_names", "check_numbers"]


def check_names(x: Any, inputs: Sequence[str], targets: Sequence[str], weights: str | None) -> None:
    """Variables must be there, hold numbers, and have one value or more for each example.

    Raises
    ------
    RegionError
        When `x` has neither windows nor sequences, or none of them.
    GenomeError
        When `x` is no Dataset, for names that are not possible, and for weights without targets.
    """
    if not isinstance(x, xr.Dataset):
        cure = f"; give {x.name or 'it'} as x.to_dataset()" if isinstance(x, xr.DataArray) else ""
        raise GenomeError(f"streams are made of a Dataset of windows, not {type(x).__name__}{cure}")
    dim = example_dim(x)
    if not inputs:
        raise GenomeError(f"inputs= names no variable; x has {', '.join(map(str, x))}")
    if weights is not None and not targets:
        raise GenomeError(f"weights={weights!r} needs targets=, whose loss it weighs")
    for name in [*inputs, *targets, *([] if weights is None else [weights])]:
        if name not in x.data_vars:
            raise GenomeError(f"{name!r} is no variable of x; it has {', '.join(map(str, x))}")
        if dim not in x[name].dims and not is_ragged(x[name]):
            raise GenomeError(f"{name!r} has the dims {x[name].dims}; streams need `{dim}`")
        if x[name].dtype.kind not in "biuf":
            raise GenomeError(
                f"{name!r} holds {x[name].dtype}, and streams give numbers; number its values, as "
                f"in np.unique(x.{name}.values.astype(object), return_inverse=True)"
            )
    if x.sizes[dim] == 0:
        raise RegionError(f"there are no {dim}s to stream")


def check_numbers(x: xr.Dataset, batch_size: int, tracks: int | None, **counts: int) -> None:
    """Counts must be at least 1, and no more tracks drawn than there are.

    Raises
    ------
    GenomeError
        Otherwise.
    """
    if batch_size < 1:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 1")
    if tracks is not None and not 1 <= tracks <= x.sizes.get("track", 0):
        raise GenomeError(
            f"tracks={tracks} is not possible; x has {x.sizes.get('track', 0)} of them"
        )
    for name, value in counts.items():
        if value < 1:
            raise GenomeError(f"{name}={value} is not possible; give at least 1")
