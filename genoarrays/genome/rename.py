"""How are contigs renamed, when somebody asks for it?

Nothing is renamed by itself: the same name in two styles may be two different sequences. What was
renamed is recorded in the attribute `contigs_renamed` of each variable (of the table, for regions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import xarray as xr

from genoarrays.genome.assembly import Assembly
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns
from genoarrays.genome.index import axis_of, with_axis
from genoarrays.genome.naming import to_style
from genoarrays.genome.regions import columns_dataset, region_columns
from genoarrays.genome.windows import window_coords, window_index

__all__ = ["rename_contigs"]


def rename_contigs(obj: Any, mapping: Mapping[str, str] | str) -> Any:
    """Give contigs other names; nothing is moved or computed.

    Parameters
    ----------
    obj
        Assembly; Dataset, DataArray or DataTree on a genome axis; table of regions; or windows.
    mapping
        New name by old name (contigs that it lacks keep theirs), or a style: "ucsc" (chr1, chrM),
        "ensembl" (1, MT), "roman" (I, Mito), "ucsc_roman" (chrI, chrM).

    Returns
    -------
    The same kind of object; variables record the renaming in the attribute `contigs_renamed`.

    Raises
    ------
    AssemblyError
        When two contigs would bear one name, or `obj` lies on no genome.
    GenomeError
        For an unknown style.

    Examples
    --------
    >>> rename_contigs(Assembly("yeast", {"I": 230218, "Mito": 85779}), {"I": "chrI"}).names
    ('chrI', 'Mito')
    """
    if isinstance(obj, Assembly):
        return obj.rename(_resolve(mapping, obj.names))
    if isinstance(obj, xr.DataTree):
        nodes = {
            path: rename_contigs(ds, mapping) if "position" in ds.dims else ds
            for path, ds in ((node.path, node.to_dataset()) for node in obj.subtree)
        }
        return xr.DataTree.from_dict(nodes, name=obj.name)
    if "position" in obj.dims:
        axis = axis_of(obj)
        names = _resolve(mapping, axis.assembly.names)
        arrays = (axis.code, axis.first, axis.count, axis.step)
        keys = ("code", "first", "count", "step")
        renamed = GenomeAxis(
            axis.assembly.rename(names), axis.bin_size, **dict(zip(keys, arrays, strict=True))
        )
        return _recorded(with_axis(obj, renamed), names)
    if "window" in obj.dims:
        columns = window_index(obj).columns
        names = _resolve(mapping, columns.names)
        coords = window_coords(_renamed(columns, names))
        old = [name for name in coords if name in obj.coords]
        return _recorded(obj.drop_vars(old).assign_coords(coords), names)
    columns = region_columns(obj)
    names = _resolve(mapping, columns.names)
    extra = {str(name): obj[name].values for name in obj.data_vars if name not in _FIXED}
    table = columns_dataset(_renamed(columns, names), extra)
    table.attrs = {**obj.attrs, **_record(names)}
    return table


_FIXED = ("contig", "start", "end", "strand")


def _resolve(mapping: Mapping[str, str] | str, names: Sequence[str]) -> dict[str, str]:
    if isinstance(mapping, str):
        return to_style(names, mapping)
    return {old: new for old, new in mapping.items() if old in names and old != new}


def _renamed(columns: Columns, mapping: Mapping[str, str]) -> Columns:
    assembly = columns.assembly.rename(mapping) if columns.assembly else None
    names = tuple(mapping.get(name, name) for name in columns.names)
    return columns._replace(names=names, assembly=assembly)


def _record(mapping: Mapping[str, str]) -> dict[str, Any]:
    return {"contigs_renamed": dict(mapping)} if mapping else {}


def _recorded(obj: Any, mapping: Mapping[str, str]) -> Any:
    arrays = obj.data_vars.values() if isinstance(obj, xr.Dataset) else [obj]
    for array in arrays:
        array.attrs.update(_record(mapping))
    return obj
