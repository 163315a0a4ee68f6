"""How are the windows that a model was trained on made again, at other regions?

A signature tells how each input was cut and normalized. `Recut` does the same to another object:
picks variables and labels by name, cuts all of one kind at once, and puts them together under the
names and dimensions of the training. What was done to windows otherwise leaves no trace; the probe
of the signature tells.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.gather import windows
from genoarrays.examples.record import CUT
from genoarrays.examples.regions import regions_on
from genoarrays.genome.columns import Columns
from genoarrays.genome.pyramid import without_levels
from genoarrays.genome.regions import assembly_of
from genoarrays.models.probe import check_probe
from genoarrays.ops.normalize import normalize, normalizer_of

if TYPE_CHECKING:
    from genoarrays.models.signature import Signature, VariableSignature

__all__ = ["Recut", "variables_of"]

_TURNED = ("strand", "channel")
"""Labels that a window on the minus strand changes: what is selected there is selected after."""


def variables_of(obj: Any, names: Sequence[str]) -> dict[str, tuple[str, xr.DataArray]]:
    """Variables on the genome axis by name, with the node that each is in; levels are left out.

    Raises
    ------
    GenomeError
        When one is not there, or in several nodes.
    """
    if isinstance(obj, xr.DataTree):
        nodes = without_levels(obj)
    else:
        nodes = {"": obj.to_dataset() if isinstance(obj, xr.DataArray) else obj}
    found: dict[str, tuple[str, xr.DataArray]] = {}
    there = list[str]()
    for path, ds in nodes.items():
        for name, array in ds.data_vars.items():
            if "position" not in array.dims:
                continue
            there.append(str(name))
            if name in names and name in found:
                raise GenomeError(
                    f"{name!r} is in the nodes {found[str(name)][0]!r} and {path!r}; give one"
                )
            if name in names:
                found[str(name)] = path, array
    if missing := [name for name in names if name not in found]:
        known = ", ".join(sorted(set(there))) or "nothing on the genome axis"
        what = "the store" if isinstance(obj, xr.DataTree) else "this object"
        raise GenomeError(f"{what} has no variable {missing[0]!r}; it has {known}")
    return {name: found[name] for name in names}


class Recut:
    """Windows at regions, as a signature tells; see `Signature.examples`."""

    def __init__(
        self, signature: Signature, obj: Any, *, check: bool = True, targets: bool = False
    ) -> None:
        self.signature, self.check = signature, check
        self.wanted = {**signature.inputs, **(signature.targets if targets else {})}
        self._cuts = {name: _cut_known(name, one) for name, one in self.wanted.items()}
        self._after = {name: _chains(name, one)[1] for name, one in self.wanted.items()}
        there = variables_of(obj, list(dict.fromkeys(cut["of"] for cut in self._cuts.values())))
        self.assembly = assembly_of(next(iter(there.values()))[1])
        if check:
            mine = {"name": self.assembly.name, "digest": self.assembly.digest}
            signature.check_assembly(mine, "object to cut windows from lies")
        self._nodes = {name: there[cut["of"]][0] for name, cut in self._cuts.items()}
        self._sources = {
            name: self._source(name, there[cut["of"]][1]) for name, cut in self._cuts.items()
        }
        self._compared = not check

    def __call__(self, regions: Any) -> xr.Dataset:
        """Windows at regions.

        Raises
        ------
        RegionError
            When regions do not suit the width, or the windows are not such as in training.
        GenomeError
            When values differ from those of the training at the same place.
        """
        if not self._compared:
            check_probe(self.signature, list(self.wanted), self._cut, self.assembly)
            self._compared = True
        x = self._cut(regions)
        if self.check:
            self.signature.check(x)
        return x

    # ---- before windows are cut: labels, and what was done to positions

    def _source(self, name: str, array: xr.DataArray) -> xr.DataArray:
        variable, cut = self.wanted[name], self._cuts[name]
        before = cut.get("chosen", {})
        for dim, label in {**variable.chosen, **before}.items():
            if dim in array.dims:
                if dim not in _TURNED or dim in before:
                    array = array.isel({dim: self._rows(name, array, dim, [label])[0]})
            elif self.check and dim in array.coords and array[dim].values.item() != label:
                raise RegionError(
                    f"the model was trained on {dim} {label!r}, and the object to cut windows from "
                    f"is of {array[dim].values.item()!r}; give that one, or say check=False"
                )
        for dim in [d for d in variable.labels if d in array.coords and d not in _TURNED]:
            rows = self._rows(name, array, dim, labels_of(variable, dim))
            if rows != list(range(array.sizes[dim])):
                array = array.isel({dim: rows})
        return _normalized(array, _chains(name, variable)[0])

    def _rows(self, name: str, array: xr.DataArray, dim: str, wanted: Sequence[Any]) -> list[int]:
        """Where labels are; without `check` all of them, when there are as many."""
        known = _plain(array[dim].values)
        if missing := [label for label in wanted if label not in known]:
            if not self.check and len(known) == len(wanted):
                return list(range(len(known)))
            raise RegionError(
                f"{name!r} was trained on {dim} {missing[0]!r}, and {array.name!r} has "
                f"{', '.join(map(repr, known[:6]))}{', ...' if len(known) > 6 else ''}; give data "
                "with that label, or say check=False to take as many others for it"
            )
        return [known.index(label) for label in wanted]

    # ---- cutting

    def _cut(self, regions: Any) -> xr.Dataset:
        table, columns = regions_on(regions, self.assembly)
        found: dict[str, xr.Variable] = {}
        labels: dict[str, xr.Variable] = {}
        for names in self._rounds():
            x = self._windows(names, table, columns)
            for name in names:
                array = self._finished(name, x[self._cuts[name]["of"]])
                found[name] = array.variable
                labels |= {str(d): array[d].variable for d in array.dims[1:] if d in array.coords}
        base = x.drop_dims([dim for dim in x.dims if dim != "window"])
        base = base.drop_vars([*base.data_vars, *(c for c in base.coords if not base[c].dims)])
        base = base.assign_coords(assembly=x["assembly"].variable)
        return base.assign_coords(labels).assign({name: found[name] for name in self.wanted})

    def _rounds(self) -> list[list[str]]:
        """Variables that one call cuts: of different sources, with one width, anchor and labels."""
        rounds: list[list[str]] = []
        for name in self.wanted:
            fitting = (some for some in rounds if all(self._go_together(name, o) for o in some))
            some = next(fitting, None)
            if some is None:
                rounds.append([name])
            else:
                some.append(name)
        return rounds

    def _go_together(self, one: str, other: str) -> bool:
        mine, theirs = self._cuts[one], self._cuts[other]
        widths = {mine.get("width"), theirs.get("width")} - {None}
        same = len(widths) < 2 and mine["of"] != theirs["of"]
        same = same and all(mine.get(k) == theirs.get(k) for k in ("anchor", "snap"))
        a, b = self._sources[one], self._sources[other]
        shared = [d for d in a.dims if d != "position" and d in b.dims]
        return same and all(
            a.sizes[d] == b.sizes[d] and _labels(a, d) == _labels(b, d) for d in shared
        )

    def _windows(self, names: Sequence[str], table: xr.Dataset, columns: Columns) -> xr.Dataset:
        nodes: dict[str, dict[str, xr.DataArray]] = {}
        for name in names:
            nodes.setdefault(self._nodes[name], {})[self._cuts[name]["of"]] = self._sources[name]
        sets = [xr.Dataset(arrays) for arrays in nodes.values()]
        tree: Any = sets[0]
        if len(sets) > 1:
            tree = xr.DataTree.from_dict({f"/{n}": ds for n, ds in enumerate(sets)})
        cuts = [self._cuts[name] for name in names]
        known = [cut["width"] for cut in cuts if "width" in cut]
        width, anchor = known[0] if known else None, cuts[0].get("anchor")
        if anchor == "summit" and "summit" not in table.variables:
            anchor = None
        if width is not None and table.attrs.get("tile_width") == width:
            anchor = None if (columns.end - columns.start <= width).all() else anchor
        flanks = {cut["of"]: tuple(cut.get("flank", (0, 0))) for cut in cuts}
        bins = {cut["of"]: cut["bin_size"] for cut in cuts if "bin_size" in cut}
        flank: Any = flanks
        bin_size: Any = bins
        offsets = {name: self.wanted[name].offset for name in names}
        lines = {flanks[self._cuts[name]["of"]] for name, offset in offsets.items() if offset}
        shared = len(sets) == 1 and "offset" in offsets.values()
        if shared and len(lines) == len({cut.get("bin_size") for cut in cuts}) == 1:
            # all were asked for alike, and share one dimension
            flank, bin_size = next(iter(lines)), cuts[0].get("bin_size")
        return windows(
            tree,
            table,
            width,
            flank=flank,
            anchor=anchor,
            reduce={cut["of"]: cut["reduce"] for cut in cuts if "reduce" in cut},
            bin_size=bin_size,
            fill={cut["of"]: cut["fill"] for cut in cuts if "fill" in cut},
            snap=cuts[0].get("snap"),
        )

    # ---- after windows are cut: what was done to these

    def _finished(self, name: str, array: xr.DataArray) -> xr.DataArray:
        variable = self.wanted[name]
        made = next((str(d) for d in array.dims if str(d).startswith("offset")), None)
        offset = variable.offset or next((d for d in variable.chosen if "offset" in d), None)
        if made is not None and offset is not None and made != offset:
            array = array.rename({made: offset})
        for dim, label in variable.chosen.items():
            if dim in array.dims and label in (there := _plain(array[dim].values)):
                array = array.isel({dim: there.index(label)})
        for dim in [d for d in variable.labels if d in array.dims and d in array.coords]:
            wanted, there = labels_of(variable, dim), _plain(array[dim].values)
            if wanted != there and set(wanted) <= set(there):
                array = array.isel({dim: [there.index(label) for label in wanted]})
        array = _normalized(array, self._after[name])
        if set(array.dims) == {"window", *variable.dims}:
            array = array.transpose("window", *variable.dims)
        # what was cast to floats is the same; the other way values might be lost
        if np.dtype(variable.dtype).kind == "f" and array.dtype != variable.dtype:
            array = array.astype(variable.dtype)
        return array.assign_attrs({CUT: json.dumps(self._cuts[name])})


def labels_of(variable: VariableSignature, dim: str) -> list[Any]:
    """Labels of a dimension, as a list."""
    return _plain(np.asarray(variable.coords()[dim][1], dtype=object))


def _plain(values: npt.NDArray[Any]) -> list[Any]:
    return [v if isinstance(v, str | int | float | bool) else str(v) for v in values.tolist()]


def _labels(array: xr.DataArray, dim: Hashable) -> list[Any] | None:
    return _plain(array[dim].values) if dim in array.coords else None


def _cut_known(name: str, variable: VariableSignature) -> dict[str, Any]:
    """How a variable was cut.

    Raises
    ------
    GenomeError
        When nothing tells, or lengths differ.
    """
    cut = variable.windows
    if cut is None or cut.get("ragged"):
        how = "is ragged" if cut else "was not cut by ga.windows, or lost its attributes since"
        raise GenomeError(
            f"the signature cannot make {name!r} again: it {how}; give examples=, the function "
            "that made the training windows"
        )
    return cut


def _chains(name: str, variable: VariableSignature) -> tuple[list[Any], list[Any]]:
    """Normalizers that were applied to positions, and to windows.

    Raises
    ------
    GenomeError
        When they cannot be applied again.
    """
    before = _chain((variable.windows or {}).get("normalizer"))
    whole = _chain(variable.attrs.get("normalizer"))
    try:
        if whole[: len(before)] != before:
            raise GenomeError("its attribute `normalizer` was changed since it was cut")
        for told in whole:
            normalizer_of(told)
    except GenomeError as error:
        raise GenomeError(
            f"the signature cannot make {name!r} again: {error}; give examples=, the function "
            "that made the training windows"
        ) from None
    return before, whole[len(before) :]


def _chain(told: Any) -> list[Any]:
    return told if isinstance(told, list) else [] if told is None else [told]


def _normalized(array: xr.DataArray, wanted: list[Any]) -> xr.DataArray:
    """An array after these normalizers, of which it may have had the first ones."""
    have = _chain(array.attrs.get("normalizer")) if "position" in array.dims else []
    if have != wanted[: len(have)]:
        there, here = (
            ", then ".join(str(told.get("method")) for told in some) or "not at all"
            for some in (wanted, have)
        )
        raise GenomeError(
            f"{array.name!r} was normalized by {here}, and in training by {there}, before windows "
            "were cut, or with other numbers; give it as it was before"
        )
    for told in wanted[len(have) :]:
        array = normalize(array, normalizer_of(told))
    return array
