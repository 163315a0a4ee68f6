"""Which parts do the levels of a pyramid need, and of which other parts is each made?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import xarray as xr

from genoarrays.genome.index import axis_of
from genoarrays.genome.pyramid import level_name
from genoarrays.ops.groups import Groups
from genoarrays.store.layout import Layout, fill_value, regions_of_shards
from genoarrays.store.level_part import LevelPart
from genoarrays.store.levels import SUFFIX, Key, Rung
from genoarrays.store.part import Part, kept_part
from genoarrays.store.place import Place
from genoarrays.store.written import Written

__all__ = ["level_parts"]

Shard = tuple[int, ...]  # place in the grid of shards
_NOTHING = xr.Variable((), np.int8(0))


def level_parts(
    below: Sequence[Part],
    nodes: Mapping[str, xr.Dataset],
    layouts: Mapping[Key, Layout],
    rungs: Mapping[Key, Rung],
    kept: Callable[[Key, Shard], tuple[Place, Any] | None],
) -> list[Part]:
    """Parts of all levels, to come after the parts of the nodes.

    Parameters
    ----------
    below
        Parts of the nodes: all their shards, in order.
    nodes, layouts, rungs
        Of the store, levels among them.
    kept
        Where a shard that need not be made is, and its row of the manifest; else None.
    """
    maker = _Maker(below, nodes, layouts)
    parts: list[Part] = []
    for (node, name), rung in rungs.items():
        if rung.how != "mean":
            continue
        names = [name + suffix for suffix in SUFFIX.values()]
        layout = layouts[node, name]
        for place, where in zip(np.ndindex(layout.grid), regions_of_shards(layout), strict=True):
            number = len(below) + len(parts)
            old = [kept((node, one), place) for one in names]
            if None in old:
                parts.append(maker.part(number, (node, name), rung, place, where))
                continue
            for one, there in zip(names, filter(None, old), strict=True):
                number = len(below) + len(parts)
                parts.append(kept_part(number, f"{node}/{one}", where, layout, *there))
    return parts


class _Maker:
    """Makes parts of levels, finest level first, and remembers which is where."""

    def __init__(
        self,
        below: Sequence[Part],
        nodes: Mapping[str, xr.Dataset],
        layouts: Mapping[Key, Layout],
    ) -> None:
        self.nodes, self.layouts = nodes, layouts
        self.first: dict[str, int] = {}
        for part in below:
            self.first.setdefault(part.array, part.number)
        self.made: dict[tuple[Key, Shard], int] = {}  # numbers of parts of the finest levels
        self.groups = lru_cache(maxsize=None)(self._groups)

    def _groups(self, node: str, factor: int) -> Groups:
        return Groups.of(axis_of(self.nodes[node]), factor)

    def part(
        self, number: int, key: Key, rung: Rung, place: Shard, where: tuple[slice, ...]
    ) -> LevelPart:
        """Part of one place of a level."""
        is_finest = rung.factor == rung.ladder[0]
        make = self._of_node if is_finest else self._of_notes
        if is_finest:
            self.made[key, place] = number
        arrays = [self.nodes[key[0]][key[1] + suffix] for suffix in SUFFIX.values()]
        return LevelPart(
            number,
            "/".join(key),
            where,
            self.layouts[key],
            0,
            _NOTHING,
            False,
            dtypes=tuple(array.dtype for array in arrays),
            fills=tuple(fill_value(array) for array in arrays),
            **make(rung, place, where[-1]),
        )

    def _of_node(self, rung: Rung, place: Shard, own: slice) -> dict[str, Any]:
        """What the finest level is made of: the node's shards."""
        node, name = rung.of
        groups = self.groups(node, rung.factor).within(own.start, own.stop)
        start, stop = groups.span(own.start, own.stop)
        layout, array = self.layouts[rung.of], self.nodes[node][name]
        step = layout.shard[-1]
        number = self.first["/".join(rung.of)] + np.ravel_multi_index(
            (*place[:-1], start // step), layout.grid
        )
        parts = range(int(number), int(number) + (stop - 1) // step - start // step + 1)
        upper = None
        if len(rung.ladder) > 1:
            level = level_name(node, rung.factor)
            upper = self.groups(level, rung.ladder[1] // rung.factor)
            upper = upper.within(*upper.covering(own.start, own.stop))
        below = Written(
            "/".join(rung.of), place[:-1], start // step, parts, layout, array.dtype,
            fill_value(array),
        )  # fmt: skip
        return {"groups": groups, "below": below, "upper": upper}

    def _of_notes(self, rung: Rung, place: Shard, own: slice) -> dict[str, Any]:
        """What a coarser level is made of: notes of the finest one, in bins of the second."""
        node, name = rung.of
        finest, second = (level_name(node, factor) for factor in rung.ladder[:2])
        groups = self.groups(second, rung.factor // rung.ladder[1]).within(own.start, own.stop)
        noted = self.groups(finest, rung.ladder[1] // rung.ladder[0])
        start, stop = noted.span(*groups.span(own.start, own.stop))
        step = self.layouts[finest, name].shard[-1]
        shards = range(start // step, (stop - 1) // step + 1)
        notes = tuple(self.made[(finest, name), (*place[:-1], shard)] for shard in shards)
        return {"groups": groups, "notes": notes}
