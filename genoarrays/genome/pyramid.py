"""Which nodes of a tree are a pyramid: coarser copies of other nodes, for looking at?

A level is a sibling named `<node>_x<factor>`, whose attributes say the same: of which node it is,
and how many of that node's bins are one of its own. Name and attributes must agree, and the node
must be there; anything else is a node like any other. Whoever walks over the nodes of a tree leaves
levels out: they hold nothing that the node itself does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import xarray as xr

__all__ = ["level_attrs", "level_name", "levels_in", "plain_attrs", "without_levels"]

_OF, _FACTOR = "pyramid_of", "pyramid_factor"


def level_name(node: str, factor: int) -> str:
    """Name of the level of a node that has one bin for so many.

    Examples
    --------
    >>> level_name("1bp", 256)
    '1bp_x256'
    """
    return f"{node}_x{factor}"


def level_attrs(node: str, factor: int) -> dict[str, Any]:
    """Attributes that tell what a level is of."""
    return {_OF: node, _FACTOR: factor}


def plain_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of a node without those of a level."""
    return {key: value for key, value in attrs.items() if key not in (_OF, _FACTOR)}


def levels_in(nodes: Mapping[str, Mapping[Any, Any]]) -> dict[str, tuple[str, int]]:
    """The levels among nodes: of which node each is, and its factor.

    Parameters
    ----------
    nodes
        Attributes by path of the node, such as "1bp" or "store/1bp".

    Examples
    --------
    >>> levels_in({"1bp": {}, "1bp_x8": level_attrs("1bp", 8), "8bp": level_attrs("1bp", 8)})
    {'1bp_x8': ('1bp', 8)}
    """
    found = {}
    for path, attrs in nodes.items():
        if _OF not in attrs or _FACTOR not in attrs:
            continue
        above, slash, name = path.rpartition("/")
        base, factor = f"{above}{slash}{attrs[_OF]}", int(attrs[_FACTOR])
        if base in nodes and name == level_name(str(attrs[_OF]), factor):
            found[path] = (base, factor)
    return found


def without_levels(tree: xr.DataTree) -> dict[str, xr.Dataset]:
    """Datasets of a tree by path, without the levels of pyramids and without empty nodes."""
    nodes = {node.path.strip("/"): node for node in tree.subtree if node.has_data}
    levels = levels_in({path: node.attrs for path, node in nodes.items()})
    return {path: node.to_dataset() for path, node in nodes.items() if path not in levels}
