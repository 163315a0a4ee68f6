"""Which variable of a store is meant?"""

from __future__ import annotations

from typing import Any

__all__ = ["arrays_of", "variable_of"]


def variable_of(tree: Any, name: str) -> Any:
    """An array of a tree: by node and name, or by a name that is in one node.

    Raises
    ------
    GenomeError
        When there is none.
    """
    from genoarrays.errors import GenomeError

    node, slash, variable = name.rpartition("/")
    if slash and node in tree.children and variable in tree[node].data_vars:
        return tree[node].to_dataset()[variable]
    there = arrays_of(tree)
    if name not in there:
        raise GenomeError(f"the store has no variable {name!r}; it has {', '.join(there)}")
    return there[name]


def arrays_of(tree: Any) -> dict[str, Any]:
    """All arrays by name, without levels of pyramids."""
    from genoarrays.genome.pyramid import without_levels

    return {str(v): ds[v] for ds in without_levels(tree).values() for v in ds.data_vars}
