"""How is a lazy array read a second time, rather than kept in memory in between?

A dask graph computes each block once and keeps it as long as another task wants it. Where a second
pass waits for what the first one finds, that is every block. Here the second pass gets tasks of its
own, which wait too. (`dask.graph_manipulation.bind` promises that, but goes on sharing what was
sliced, rechunked or concatenated: it does not look into tasks of dask 2024.12 and later.)
"""

from __future__ import annotations

from typing import Any

__all__ = ["again"]


def again(data: Any, after: Any) -> Any:
    """The same dask array, of new tasks that wait until another array is there.

    Parameters
    ----------
    data
        Array to compute once more. What is in memory already, on workers too, is shared.
    after
        Array to wait for, computed whole.
    """
    from dask._task_spec import DataNode, Task, TaskRef, convert_legacy_graph
    from dask.array import Array
    from dask.array.optimization import optimize
    from dask.base import clone_key
    from dask.core import flatten
    from dask.graph_manipulation import checkpoint, chunks
    from dask.highlevelgraph import HighLevelGraph

    graph = dict(optimize(data.__dask_graph__(), list(flatten(data.__dask_keys__()))))
    tasks = {k: n for k, n in convert_legacy_graph(graph).items() if not isinstance(n, DataNode)}
    names = {key: clone_key(key, after.name) for key in tasks}
    waiting = checkpoint(after)
    anew = {key: value for key, value in graph.items() if key not in tasks}
    for key, task in tasks.items():
        needed = {one: names[one] for one in task.dependencies if one in names}
        new = task.substitute(needed, key=names[key])
        if not needed:
            new = Task(names[key], chunks.bind, new, TaskRef(waiting.key))
        anew[names[key]] = new
    name = names.get((data.name, *(0,) * data.ndim), (data.name,))[0]
    layers = HighLevelGraph.from_collections(name, anew, dependencies=[waiting])
    return Array(layers, name, data.chunks, meta=data._meta)
