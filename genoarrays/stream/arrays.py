"""How do all windows become plain arrays, as scikit-learn takes them?"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.options import check_bytes
from genoarrays.stream.batches import batches
from genoarrays.stream.making import Names

__all__ = ["to_numpy"]


def to_numpy(
    x: xr.Dataset, *, inputs: Names, targets: Names | None = None, weights: str | None = None
) -> Any:
    """All windows or sequences as arrays in memory, in their order.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does.
    inputs, targets, weights
        As of `ga.batches`.

    Returns
    -------
    np.ndarray, dict or tuple
        Structured as one batch of `ga.batches`: inputs, (inputs, targets) or (inputs, targets,
        weights), arrays of shape `(window, ...)`. `reshape(len(a), -1)` makes features of them.

    Raises
    ------
    GenomeError
        As `ga.batches`; also when the arrays would exceed the byte limit.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords)
    >>> ga.to_numpy(ga.windows(ds, ["chr1:0-2", "chr1:6-8"]), inputs="x").tolist()
    [[0.0, 1.0], [6.0, 7.0]]
    """
    options: dict[str, Any] = {"inputs": inputs, "targets": targets, "weights": weights}
    stream = batches(x, shuffle=False, batch_size=256, **options)
    specs = stream.specs
    if odd := [name for name, (shape, _) in specs.items() if None in shape]:
        raise GenomeError(f"{odd[0]!r} is ragged: windows of several lengths are no one array")
    count = stream.size
    size = sum(int(np.prod(shape, dtype=np.int64)) * t.itemsize for shape, t in specs.values())
    check_bytes(size * count, "all windows as arrays", "take fewer, or stream with ga.batches")
    out = {name: np.empty((count, *shape), dtype) for name, (shape, dtype) in specs.items()}
    at = 0
    for slab in stream.slabs():
        rows = len(next(iter(slab.values())))
        for name, values in slab.items():
            out[name][at : at + rows] = values
        at += rows
    return stream.structure(out)
