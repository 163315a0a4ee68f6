"""How do samples that were opened apart become one variable with all of them?

`xr.concat` would compare or list the labels of the genome, and take the first one's attributes for
all. Here the axis is compared as such, and what is told of each sample stays with it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.attrs import join_attrs
from genoarrays.genome.chunked import chunked
from genoarrays.genome.index import genome_coords
from genoarrays.genome.merge import check_one_axis, compare_shifts

__all__ = ["concat_samples"]

Xarray = TypeVar("Xarray", xr.Dataset, xr.DataArray)
_AXIS = ("position", "contig", "assembly")
_DOING = "cannot concatenate"


def concat_samples(objs: Mapping[Any, Xarray] | Sequence[Xarray], dim: str = "sample") -> Xarray:
    """Join samples, tracks or categories that were opened apart, lazily.

    Files of one kind are better opened together, `ga.open_bam({"a": path, "b": path})`: such an
    array is read in pieces of any length, and a store of it knows how many reads were kept.

    Parameters
    ----------
    objs
        Objects on one genome axis by label; or a list of those that have the dimension already,
        or a single label of it (as after `obj.sel(sample="a")`). All Datasets or all DataArrays.
    dim
        The dimension: "sample", "track", "category" or any other name.

    Returns
    -------
    The same kind of object with all labels along `dim`, the last dimension where it is new. Of a
    Dataset without `dim`, all variables with `position` are joined; of one with it, those that have
    it, and the rest must be the same in all. Lazy where one of them is. Attributes that all agree
    on stay, files (`source`) are listed one after the other, what is told of each sample (`reads`)
    and what differs becomes a dict by label.

    Raises
    ------
    AssemblyError
        When assemblies differ, or an object has no genome axis.
    GenomeError
        When there is nothing to join; for another bin size, other regions or variables; for labels
        that are missing, there twice, or differ along another dimension; when attributes say that
        values mean other things.

    Warns
    -----
    UserWarning
        When cut sites with different `attrs["shift"]` come together.

    Examples
    --------
    >>> import genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 3}))
    >>> a = xr.DataArray([0, 1, 2], coords, ["position"], attrs={"source": "a.bw"})
    >>> b = xr.DataArray([5, 5, 5], coords, ["position"], attrs={"source": "b.bw"})
    >>> both = ga.concat_samples({"a": a, "b": b})
    >>> both.sel(sample="b").values, both.attrs
    (array([5, 5, 5]), {'source': ['a.bw', 'b.bw']})
    """
    asked = list(objs) if isinstance(objs, Mapping) else [None] * len(objs)
    parts: list[Any] = list(objs.values()) if isinstance(objs, Mapping) else list(objs)
    if not parts:
        raise GenomeError("there is nothing to concatenate; give at least one object")
    if len({isinstance(part, xr.DataArray) for part in parts}) > 1:
        raise GenomeError(f"{_DOING} Datasets and DataArrays; give all as one of them")
    axis = check_one_axis(parts, _DOING)
    compare_shifts(parts)
    labels = [_labels(*pair, dim) for pair in zip(parts, asked, strict=True)]
    every = [label for own in labels for label in own]
    if len(set(every)) < len(every):
        twice = next(label for label in every if every.count(label) > 1)
        raise GenomeError(f"{dim} {twice!r} is there twice; give each label once")
    _check_other_labels(parts, dim)
    coords = {**_coords(parts, labels, dim), dim: _labelled(parts[0], every, dim)}
    if isinstance(parts[0], xr.DataArray):
        names = {part.name for part in parts}
        name = names.pop() if len(names) == 1 else None
        variable = _joined(parts, labels, dim, repr(name))
        array: Any = xr.DataArray(variable, coords, name=name)
        result: Xarray = array.assign_coords(genome_coords(axis))
        return result
    data = dict(_variables(parts, labels, dim))
    attrs = join_attrs([part.attrs for part in parts], labels, "the Dataset")
    joined: Any = xr.Dataset(data, coords, attrs)
    result = joined.assign_coords(genome_coords(axis))
    return result


def _labels(part: Any, asked: Any, dim: str) -> list[Any]:
    """Labels of an object, as asked where a mapping names it."""
    own = part[dim].values.tolist() if dim in part.coords else None
    if dim in part.dims:
        if asked is None and own is None:
            raise GenomeError(f"the {dim}s of an object have no labels; give a dict by {dim}")
        if asked is not None and part.sizes[dim] != 1:
            raise GenomeError(
                f"{asked!r} stands for an object with {part.sizes[dim]} {dim}s; give those that "
                "have labels as a list"
            )
    elif asked is None and own is None:
        raise GenomeError(
            f"an object has no {dim}; name it in a dict, as in "
            f"ga.concat_samples({{'a': one, 'b': other}}, {dim!r})"
        )
    if asked is not None:
        return [asked]
    return own if isinstance(own, list) else [own]


def _labelled(first: Any, labels: list[Any], dim: str) -> xr.Variable:
    text = all(isinstance(label, str) for label in labels)
    values = np.array(labels, dtype=np.dtypes.StringDType() if text else None)
    return xr.Variable(dim, values, first[dim].attrs if dim in first.coords else None)


def _check_other_labels(parts: Sequence[Any], dim: str) -> None:
    """Refuse objects whose strands, categories and the like are not the same."""
    first = parts[0]
    for part in parts[1:]:
        for other in dict.fromkeys([*first.dims, *part.dims]):
            if other in (dim, "position"):
                continue
            if other not in first.dims or other not in part.dims:
                raise GenomeError(f"{_DOING}: not all objects have the dimension {other!r}")
            one, two = (x[other].values.tolist() for x in (first, part))
            if one != two:
                raise GenomeError(
                    f"{_DOING} objects with other labels along {other!r}, {one[:3]} and {two[:3]}; "
                    "select them alike"
                )


def _coords(parts: Sequence[Any], labels: list[list[Any]], dim: str) -> dict[Hashable, Any]:
    """Coordinates beside those of the axis; what differs between samples goes along with them."""
    names = dict.fromkeys(name for part in parts for name in part.coords)
    found: dict[Hashable, Any] = {}
    for name in names:
        if name in _AXIS or name == dim:
            continue
        if any(name not in part.coords for part in parts):
            raise GenomeError(f"{_DOING}: not all objects have the coordinate {name!r}; drop it")
        variables = [part.coords[name].variable for part in parts]
        if all(_same(variables[0], v) for v in variables) and dim not in variables[0].dims:
            found[name] = variables[0]
            continue
        if any(v.dims not in ((), (dim,)) for v in variables):
            raise GenomeError(f"{_DOING} objects whose coordinate {name!r} differs; drop it")
        values = [
            np.broadcast_to(v.values, len(own)) for v, own in zip(variables, labels, strict=True)
        ]
        found[name] = xr.Variable(dim, np.concatenate(values), variables[0].attrs)
    return found


def _variables(
    parts: Sequence[Any], labels: list[list[Any]], dim: str
) -> Iterator[tuple[Hashable, xr.Variable]]:
    """Variables of all Datasets."""
    if len({frozenset(part.data_vars) for part in parts}) > 1:
        listing = [sorted(map(str, part.data_vars)) for part in parts]
        raise GenomeError(f"{_DOING} Datasets with other variables: {listing}; select them alike")
    for name in parts[0].data_vars:
        arrays = [part[name] for part in parts]
        new = [
            dim in array.dims or (dim not in part.dims and "position" in array.dims)
            for array, part in zip(arrays, parts, strict=True)
        ]
        if all(new):
            yield name, _joined(arrays, labels, dim, repr(name))
        elif not any(new) and all(_same(arrays[0].variable, a.variable) for a in arrays):
            yield name, arrays[0].variable
        else:
            raise GenomeError(
                f"{_DOING} {name!r}: it has no {dim}s in some objects and is not the same in all; "
                "leave it out, and put it back with ga.merge"
            )


def _joined(
    arrays: Sequence[xr.DataArray], labels: list[list[Any]], dim: str, what: str
) -> xr.Variable:
    """Variable of all labels."""
    order = [d for d in arrays[0].dims if d != dim]
    at = arrays[0].dims.index(dim) if dim in arrays[0].dims else len(order)
    order.insert(at, dim)
    variables = []
    for array in arrays:
        variable: Any = chunked(array.variable)
        if dim not in variable.dims:
            variable = variable.set_dims([dim, *variable.dims])
        if set(variable.dims) != set(order):
            raise GenomeError(f"{_DOING} {what} with dims {arrays[0].dims} and {array.dims}")
        variables.append(variable.transpose(*order))
    several: Any = xr.Variable
    joined: xr.Variable = several.concat(variables, dim)
    joined.attrs = join_attrs([array.attrs for array in arrays], labels, what)
    return joined


def _same(one: Any, other: Any) -> bool:
    """Whether two variables hold the same; lazy ones when they are read of the same source."""
    if one.dims != other.dims or one.shape != other.shape or one.dtype != other.dtype:
        return False
    names = [getattr(v._data, "name", None) for v in (one, other)]
    if one._data is other._data or (names[0] is not None and names[0] == names[1]):
        return True
    if one.chunks is not None or other.chunks is not None:
        return False
    return bool(one.equals(other))
