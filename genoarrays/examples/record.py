"""How was this variable of windows cut, for whoever wants to cut the same ones elsewhere?

`ga.windows` writes it to the attribute `windows` of each variable, as JSON, which every file format
takes. The record tells of cutting only: what is done to windows later has to be told elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.examples.tracks import Options, Track

__all__ = ["CUT", "chosen_of", "cut_of", "cut_record"]

CUT = "windows"
"""Name of the attribute."""

_PLACES = ("assembly", "position", "contig", "start", "end", "orientation", "window", "region")


def cut_record(
    track: Track, width: int | None, options: Options, anchor: str | None, snap: str | None
) -> str:
    """The record of one variable, as JSON.

    Parameters
    ----------
    track
        What is cut.
    width, options, anchor, snap
        As `ga.windows` was asked for them.

    Returns
    -------
    str
        `of`, the name of the variable; `width` in bp, if windows have one; and of flank (upstream,
        downstream), reduce, bin_size, fill, anchor, snap and ragged what is not the default.
        `chosen` holds labels of dimensions that were selected away before, `normalizer` what was
        done to the positions.
    """
    cutter = track.cutter
    asked = options.of("bin_size", cutter.name)
    told: dict[str, Any] = {"of": cutter.name}
    known = {
        # of regions of one width, one value for each does not need it
        "width": cutter.width if width is not None or cutter.bins is not None else None,
        "flank": list(cutter.flank) if any(cutter.flank) else None,
        "reduce": cutter.how,
        "bin_size": None if asked is None else int(asked),
        "fill": _fill(cutter.fill, cutter.letters),
        "anchor": anchor,
        "snap": snap,
        "ragged": cutter.ragged or None,
        "chosen": chosen_of(track.array) or None,
        "normalizer": track.array.attrs.get("normalizer"),
    }
    told |= {name: value for name, value in known.items() if value is not None}
    return json.dumps(told, default=str)


def cut_of(array: xr.DataArray) -> dict[str, Any] | None:
    """The record of a variable of windows; None where there is none."""
    told = array.attrs.get(CUT)
    return json.loads(told) if isinstance(told, str) and told.startswith("{") else None


def chosen_of(array: xr.DataArray) -> dict[str, Any]:
    """Labels that an array has of dimensions that it lost: one sample of several."""
    found = {}
    for name, label in array.coords.items():
        if not label.dims and name not in _PLACES:
            value = label.values.item()
            found[str(name)] = value if isinstance(value, bool | int | float | str) else str(value)
    return found


def _fill(fill: Any, letters: str | None) -> Any:
    """What is filled with; None for NaN, and for the unknown base."""
    if letters is not None and fill == len(letters):
        return None
    value = np.asarray(fill).item()
    return None if value != value else value
