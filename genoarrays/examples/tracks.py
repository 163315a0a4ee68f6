"""Which variables are windows cut from, and how was each asked for?

Options of `ga.windows` hold for all variables or name some of them; here they become one `Track`
for each variable, checked before anything is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.cut import REDUCE, Cutter
from genoarrays.formats.lazy import origin
from genoarrays.genome.assembly import check_same_assembly
from genoarrays.genome.index import axis_of
from genoarrays.genome.pyramid import without_levels
from genoarrays.genome.regions import assembly_of
from genoarrays.ops.sequence import check_codes

__all__ = ["Options", "Track", "grid_of", "nodes_of", "tracks_of"]


class Options(NamedTuple):
    """What `ga.windows` was asked for: each for all variables, or by variable."""

    flank: Any
    reduce: Any
    bin_size: Any
    fill: Any
    jitter: int | tuple[int, int]
    ragged: bool

    def of(self, option: str, name: str, default: Any = None) -> Any:
        """An option for one variable."""
        value = getattr(self, option)
        return value.get(name, default) if isinstance(value, Mapping) else value


class Track(NamedTuple):
    """One variable to cut windows from; a source of None means through the array's own chunks."""

    array: xr.DataArray
    cutter: Cutter
    offset: str  # name of its offset dimension

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of the windows."""
        cutter = self.cutter
        if cutter.ragged:
            return (self.offset, *cutter.dims[1:])
        offset = (self.offset,) if cutter.bins is not None else ()
        shift = ("shift",) if cutter.reduces and cutter.margin else ()
        return ("window", *offset, *cutter.dims[1:], *shift)

    def mask(self) -> Track:
        """Where the windows' bins exist: windows of something that is True everywhere."""
        shared = self.offset in ("offset", "packed")
        name = "valid" if shared else f"valid_{self.cutter.name}"
        cutter = replace(
            self.cutter,
            name=name,
            source=_Everywhere(),
            dims=("position",),
            sizes=(),
            dtype=np.dtype(bool),
            how="max" if self.cutter.reduces else None,
            fill=False,
            letters=None,
            labels=(),
        )
        return Track(self.array, cutter, self.offset)


class _Everywhere:
    """A variable (position,) that is True everywhere."""

    name = "everywhere"

    def __getitem__(self, key: slice) -> npt.NDArray[np.bool_]:
        return np.ones(key.stop - key.start, dtype=bool)


def nodes_of(obj: Any) -> list[xr.Dataset]:
    """Datasets with the dimension `position` in an object; levels of pyramids are left out.

    Raises
    ------
    GenomeError
        When there is none, or two have a variable of one name.
    AssemblyError
        When they lie on different assemblies.
    """
    if isinstance(obj, xr.DataTree):
        found = [ds for ds in without_levels(obj).values() if "position" in ds.dims]
        names = [str(name) for ds in found for name in ds.data_vars]
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise GenomeError(
                f"{twice[0]!r} is in several nodes of the tree; rename one of them, or cut windows "
                "from the nodes apart"
            )
    else:
        found = [obj.to_dataset() if isinstance(obj, xr.DataArray) else obj]
    found = [ds for ds in found if any("position" in v.dims for v in ds.data_vars.values())]
    if not found:
        raise GenomeError("nothing to cut windows from: no variable has the dimension `position`")
    for ds in found[1:]:
        check_same_assembly(assembly_of(found[0]), assembly_of(ds), "cannot combine the nodes of")
    return found


def grid_of(nodes: list[xr.Dataset]) -> int:
    """Windows that start at multiples of so many bp lie on the grids of all nodes."""
    sizes = (
        axis_of(a).bin_size for ds in nodes for a in ds.data_vars.values() if "position" in a.dims
    )
    return int(np.lcm.reduce(list(sizes)))


def tracks_of(nodes: list[xr.Dataset], width: int | None, options: Options) -> list[Track]:
    """One track for each variable with the dimension `position`.

    Raises
    ------
    GenomeError, RegionError
        For names that are no variable, and options that do not fit the data.
    """
    arrays = {
        str(name): array
        for ds in nodes
        for name, array in ds.data_vars.items()
        if "position" in array.dims
    }
    for option in ("flank", "reduce", "bin_size", "fill"):
        value = getattr(options, option)
        if isinstance(value, Mapping) and (odd := sorted(set(value) - set(arrays))):
            raise GenomeError(f"{option}= names {odd[0]!r}; the variables are {', '.join(arrays)}")
    own = len(nodes) > 1 or any(isinstance(o, Mapping) for o in (options.flank, options.bin_size))
    tracks = [_track(name, array, width, own, options) for name, array in arrays.items()]
    fine = [track.cutter.name for track in tracks if track.cutter.bins is not None]
    if width is None and not options.ragged and fine:
        raise RegionError(
            f"regions have several lengths, and {fine[0]!r} is not reduced to one value; say width="
            " and anchor=, ragged=True, reduce= without bin_size=, or cut the regions with "
            "ga.tile_regions"
        )
    return tracks


def _track(name: str, array: xr.DataArray, width: int | None, own: bool, options: Options) -> Track:
    axis = axis_of(array)
    check_codes(array)
    how, bins = options.of("reduce", name), options.of("bin_size", name)
    bins = None if bins is None else _whole("bin_size", bins)
    if bins is None and how is None:
        bins = axis.bin_size
    flank = _pair("flank", options.of("flank", name, 0), "(upstream, downstream)")
    reach = _pair("jitter", options.jitter, "(bp, step)", 1)
    rest = tuple(str(d) for d in array.dims if d != "position")
    cutter = Cutter(
        name=name,
        source=_source(array),
        axis=axis,
        dims=("position", *rest),
        sizes=tuple(array.sizes[d] for d in rest),
        dtype=_dtype(array),
        width=width,
        flank=(0, 0) if bins is None else flank,  # a label has no flanks
        bins=bins,
        how=how,
        fill=_fill(array, options.of("fill", name)),
        margin=reach[0],
        step=reach[1],
        letters=array.attrs.get("alphabet"),
        labels=tuple((d, array[d].values.tolist()) for d in rest if d in array.coords),
        ragged=options.ragged,
    )
    _check(cutter)
    stem = "packed" if options.ragged else "offset"
    return Track(array, cutter, f"{stem}_{name}" if own else stem)


def _source(array: xr.DataArray) -> Any:
    """What positions are read from directly: what was opened and not changed since, or memory."""
    if array.dims[0] != "position":
        return None
    held = array.variable._data
    return held if isinstance(held, np.ndarray) else origin(array)


def _whole(what: str, value: Any) -> int:
    """A number of bp."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or value % 1:
        raise RegionError(f"{what}={value!r} is not possible; give whole bp")
    return int(value)


def _pair(what: str, value: Any, names: str, second: int | None = None) -> tuple[int, int]:
    """Two numbers of bp, of one or two."""
    if not isinstance(value, (tuple, list)):
        return _whole(what, value), _whole(what, value) if second is None else second
    if len(value) != 2:
        raise RegionError(f"{what}={value!r} is not possible; give bp, or {names}")
    return _whole(what, value[0]), _whole(what, value[1])


def _dtype(array: xr.DataArray) -> np.dtype[Any]:
    """Type that windows are cut in: of this machine's byte order, floats of 4 or 8 bytes."""
    dtype = array.dtype
    if dtype.kind not in "biuf":
        raise GenomeError(
            f"{array.name!r} has {dtype}; windows are cut from numbers, so leave it out: "
            f"ds.drop_vars({array.name!r})"
        )
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float32 if dtype.itemsize < 4 else np.float64)
    return dtype.newbyteorder("=")


def _fill(array: xr.DataArray, asked: Any) -> Any:
    dtype = _dtype(array)
    if asked is None:
        if "alphabet" in array.attrs:
            asked = len(array.attrs["alphabet"])
        else:
            asked = float("nan") if dtype.kind == "f" else 0
    try:
        value = dtype.type(asked)
        fits = dtype.kind == "f" or value == asked
    except (ValueError, OverflowError, TypeError):
        fits = False
    if not fits:
        raise GenomeError(f"fill={asked} does not fit {array.name!r}, which has {array.dtype}")
    return value


def _check(cutter: Cutter) -> None:
    name, size, width = cutter.name, cutter.axis.bin_size, cutter.width
    if cutter.how is not None and cutter.how not in REDUCE:
        raise GenomeError(f"reduce={cutter.how!r} is not known; use one of {', '.join(REDUCE)}")
    if cutter.how is not None and cutter.letters is not None:
        raise GenomeError(
            f"{name!r} holds codes of letters, which have no {cutter.how}; name the variables to "
            "reduce, as in reduce={'label': 'max'}"
        )
    if min(cutter.flank) < 0:
        raise RegionError(f"flank={min(cutter.flank)} of {name!r} is negative; resize the regions")
    if cutter.margin < 0 or cutter.step < 1 or cutter.margin % cutter.step:
        raise RegionError(
            f"jitter={(cutter.margin, cutter.step)} is not possible; give bp to both sides, or "
            "(bp, step) with a multiple of the step"
        )
    if cutter.step % size and cutter.margin:
        raise RegionError(
            f"{name!r} has bins of {size} bp, and windows are moved by multiples of "
            f"{cutter.step}; say jitter=({-(-cutter.margin // size) * size}, {size}), or store the "
            "variable at 1 bp"
        )
    if cutter.ragged and cutter.margin:
        raise GenomeError("ragged windows have no margin to be moved in; leave out jitter=")
    if cutter.ragged and cutter.bins != size:
        raise GenomeError(f"ragged windows keep the bins of {name!r}; leave out reduce= for it")
    if cutter.bins is None or cutter.bins == size:
        return
    if cutter.how is None:
        raise GenomeError(f"bin_size={cutter.bins} of {name!r} needs reduce=, such as 'mean'")
    if cutter.bins < size or cutter.bins % size:
        raise GenomeError(f"bin_size={cutter.bins} of {name!r} is no multiple of its {size} bp")
    for what, value in (("width", width), ("flank", cutter.flank[0]), ("flank", cutter.flank[1])):
        if value is not None and value % cutter.bins and (what == "flank" or any(cutter.flank)):
            raise RegionError(
                f"{what}={value} is no multiple of bin_size={cutter.bins} of {name!r}"
            )
