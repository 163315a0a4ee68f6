"""Are windows that were cut again the ones that the model was trained on?

How windows were cut and normalized is told by attributes; what else was done to them, as by
`np.log1p(x.dnase)`, is not, and attributes stay. So a signature keeps a few numbers of a few
training windows: enough to tell any change of values, order or scale there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import ContigError, GenomeError, RegionError
from genoarrays.examples.margin import without_margin
from genoarrays.genome.assembly import Assembly
from genoarrays.genome.columns import Columns
from genoarrays.genome.regions import columns_dataset
from genoarrays.genome.windows import WindowIndex, window_index
from genoarrays.stream.origin import origin

if TYPE_CHECKING:
    from genoarrays.models.signature import Signature

__all__ = ["check_probe", "probe_of"]

Array = npt.NDArray[Any]
_WINDOWS = 4
_CANDIDATES = 32
_BYTES = 2**25  # of the candidates
_VALUES = 8
_TOLERANCE = 1e-5


def probe_of(x: xr.Dataset, names: Sequence[str]) -> list[dict[str, Any]]:
    """Numbers of a few windows, for JSON: the first, and those whose values vary most.

    Windows are read one by one where they were not computed on, else at most one block of each
    variable is computed.

    Parameters
    ----------
    x
        Windows.
    names
        Variables of `x`.

    Returns
    -------
    list
        Empty for sequences without places. Else for each window contig, start, end (bp),
        orientation, and by variable `numbers_of` its values.
    """
    placed = any(isinstance(index, WindowIndex) for index in x.xindexes.values())
    if not placed or not x.sizes.get("window"):
        return []
    places = window_index(x).columns
    reach = x.sizes["window"]
    for name in names:
        if x[name].chunks is not None and origin(x[name]) is None:
            reach = min(reach, x[name].chunksizes["window"][0])
    bytes_of_row = sum(x[name].nbytes for name in names) // x.sizes["window"] + 1
    number = max(1, min(_CANDIDATES, reach, _BYTES // bytes_of_row))
    rows = np.unique(np.linspace(0, reach - 1, number).astype(np.int64))
    values = {name: _values(x[name], rows) for name in names}
    kept = [0]
    for each in values.values():
        spread = np.nan_to_num(np.ptp(each.reshape(len(rows), -1), axis=1))
        kept += [row for row in np.argsort(-spread, kind="stable").tolist() if row not in kept][:1]
    kept = (kept + [row for row in range(len(rows)) if row not in kept])[:_WINDOWS]
    return [
        {
            "contig": str(at.contigs[0]),
            "start": int(at.start[0]),
            "end": int(at.end[0]),
            "orientation": int(at.orientation[0]),
            "values": {name: numbers_of(each[row]) for name, each in values.items()},
        }
        for row in sorted(kept)
        for at in [places.take(rows[row : row + 1])]
    ]


def _values(array: xr.DataArray, rows: Array) -> Array:
    """Values of some windows, (window, ...) float64, without a margin."""
    few = array.isel(window=rows)
    made = origin(few)
    if made is not None and made.windows is not None:
        cut = xr.Variable(made.dims, made.cutter.windows(made.windows))
        few = few.copy(data=cut.transpose(*few.dims).values)
    return np.asarray(without_margin(few).transpose("window", ...).values, dtype=np.float64)


def numbers_of(values: Array) -> dict[str, Any]:
    """What tells an example from another one: means, and values at some places."""
    flat = values.reshape(-1)
    known = np.nan_to_num(flat)
    places = np.unique(np.linspace(0, flat.size - 1, _VALUES).astype(np.int64))
    return {
        "mean": float(known.mean()),
        "size": float(np.abs(known).mean()),
        "slope": float((known * np.linspace(0, 1, flat.size)).mean()),
        "missing": int(np.isnan(flat).sum()),
        "some": known[places].tolist(),
    }


def check_probe(
    signature: Signature,
    names: Sequence[str],
    cut: Callable[[xr.Dataset], xr.Dataset],
    assembly: Assembly,
) -> None:
    """Cut the windows of a probe again, where their places are, and compare.

    Raises
    ------
    GenomeError
        For the first variable and window that differ.
    """
    for entry in signature.probe:
        if entry["contig"] not in assembly:
            continue
        code = np.array([assembly.code(entry["contig"])], dtype=np.int32)
        start, end = (np.array([entry[name]], dtype=np.int64) for name in ("start", "end"))
        sign = np.array([entry["orientation"]], dtype=np.int8)
        at = Columns(assembly.names, code, start, end, sign, assembly)
        table = columns_dataset(at)
        if signature.width is not None:
            table.attrs["tile_width"] = signature.width
        try:
            x = cut(table)[[*names]].compute()
        except (RegionError, ContigError):
            continue  # this object lacks that place
        for name in names:
            told = entry["values"].get(name)
            if told is not None and tuple(x[name].shape[1:]) == _shape(signature, name):
                there = numbers_of(np.asarray(x[name].values[0], dtype=np.float64))
                _compare(name, str(at.labels([0])[0]), told, there)


def _shape(signature: Signature, name: str) -> tuple[int, ...]:
    return {**signature.targets, **signature.inputs}[name].shape


def _compare(name: str, place: str, told: Mapping[str, Any], there: Mapping[str, Any]) -> None:
    def differ(one: float, other: float) -> bool:
        return not np.isclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE * told["size"])

    how = None
    values = zip(there["some"], told["some"], strict=True)
    if there["missing"] != told["missing"]:
        how = f"has {there['missing']:,} missing values here, and had {told['missing']:,}"
    elif differ(there["mean"], told["mean"]):
        how = f"is {there['mean']:.6g} on average here, and was {told['mean']:.6g}"
    elif unlike := [pair for pair in values if differ(*pair)]:
        how = f"holds {unlike[0][0]:.6g} here where it held {unlike[0][1]:.6g}"
    elif differ(there["slope"], told["slope"]):
        how = "has the same mean here, and had its values at other places"
    if how is not None:
        raise GenomeError(
            f"{name!r} at {place} {how} in training: it was changed after ga.windows, as by "
            "np.log1p, or these are other data; give examples=, the function that made the "
            "training windows, or use ga.normalize, which is recorded; for other data say "
            "check=False"
        )
