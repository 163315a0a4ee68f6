"""How many reads were kept of each sample?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["library_sizes"]

_KINDS = ("reads", "fragments")


def library_sizes(array: xr.DataArray) -> xr.DataArray | None:
    """Kept reads or fragments of each sample, over the whole assembly.

    Parameters
    ----------
    array
        Counts as `open_bam` or `open_fragments` gives them, or what was computed from them: their
        attributes tell.

    Returns
    -------
    xr.DataArray or None
        () or (sample,) float64; None where `array` is no count of reads.

    Raises
    ------
    GenomeError
        When reads were counted and nobody has told how many, or not of each sample.
    """
    told = next((array.attrs[kind] for kind in _KINDS if array.attrs.get(kind)), None)
    if told is None:
        if "count" in array.attrs:
            raise GenomeError(
                f"the attributes of {array.name!r} do not tell how many reads were kept; write it "
                "with ga.to_zarr and open the store (ga.open_bam also takes totals=True)"
            )
        return None
    if "kept" in told:
        return xr.DataArray(float(told["kept"]))
    if "sample" not in array.coords:
        raise GenomeError(
            f"the attributes of {array.name!r} tell the reads of {', '.join(map(str, told))}, and "
            "it has no label `sample` to say which they are; keep that coordinate"
        )
    samples = np.atleast_1d(array["sample"].values).tolist()
    kept = [_kept(told, sample, array.name) for sample in samples]
    if "sample" not in array.dims:
        return xr.DataArray(kept[0])
    return xr.DataArray(kept, {"sample": array["sample"]}, ["sample"])


def _kept(told: Mapping[str, Any], sample: Any, name: Any) -> float:
    if sample not in told or "kept" not in told[sample]:
        raise GenomeError(
            f"the attributes of {name!r} do not tell how many reads of sample {sample!r} were "
            "kept; write it with ga.to_zarr and open the store (ga.open_bam also takes "
            "totals=True)"
        )
    return float(told[sample]["kept"])
