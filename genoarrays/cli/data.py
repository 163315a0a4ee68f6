"""`genoarrays info, verify`: what is in a store."""

from __future__ import annotations

import json
from typing import Any

import click

from genoarrays.cli.options import progress
from genoarrays.options import show_bytes

__all__ = ["info", "verify"]

STORE = click.argument("store")


@click.command()
@STORE
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def info(store: str, as_json: bool) -> None:
    """Say what a store holds: nodes, variables, sizes, chunks, genome."""
    import genoarrays as ga
    from genoarrays.genome.pyramid import levels_in, without_levels
    from genoarrays.store.place import place_of

    tree = ga.open_datatree(store)
    place = place_of(store)
    size = sum(place.size(key) or 0 for key in place.list())
    levels = levels_in({name: child.attrs for name, child in tree.children.items()})
    nodes: dict[str, Any] = {}
    for name, ds in without_levels(tree).items():
        axis = ga.axis_of(ds)
        nodes[name] = {
            "assembly": axis.assembly.name,
            "digest": axis.assembly.digest,
            "contigs": len(axis.assembly),
            "positions": axis.size,
            "bin_size": axis.bin_size,
            "pyramid": [factor for of, factor in levels.values() if of == name],
            "variables": {
                str(v): {"dims": list(a.dims), "shape": list(a.shape), "dtype": str(a.dtype),
                         "chunk": list(a.data.chunksize), "bytes": int(a.nbytes)}
                for v, a in ds.data_vars.items()
            },
        }  # fmt: skip
    if as_json:
        click.echo(json.dumps({"store": str(store), "bytes": size, "nodes": nodes}, indent=1))
        return
    click.echo(f"{store}: {show_bytes(size)} on disk")
    for name, node in nodes.items():
        click.echo(
            f"\n{name}: {node['positions']:,} bins of {node['bin_size']} bp on "
            f"{node['assembly']} ({node['contigs']:,} contigs, digest {node['digest']})"
        )
        for variable, a in node["variables"].items():
            dims = ", ".join(f"{d}: {n:,}" for d, n in zip(a["dims"], a["shape"], strict=True))
            chunk = " x ".join(f"{n:,}" for n in a["chunk"])
            whole = show_bytes(a["bytes"])
            click.echo(f"  {variable:12} {a['dtype']:8} ({dims})  {whole}, read by {chunk}")
        if node["pyramid"]:
            found = ", ".join(f"{factor:,}" for factor in node["pyramid"])
            click.echo(f"  pyramid      mean, max and min of {found} bins")


@click.command()
@STORE
@click.option("--group", help="Only this node.")
@click.option("--workers", type=int, help="Threads; by default one per processor.")
@progress
def verify(store: str, group: str | None, workers: int | None, progress: bool | None) -> None:
    """Read all of a store, and list what is damaged; exit code 1 if anything is."""
    import genoarrays as ga

    found = ga.verify(store, group=group, workers=workers, progress=progress)
    for damage in found:
        click.echo(damage)
    if found:
        many = "1 place is" if len(found) == 1 else f"{len(found):,} places are"
        click.echo(f"{store}: {many} damaged; write the store again: ingest --overwrite", err=True)
        raise SystemExit(1)
    click.echo(f"{store}: every byte is as it was written")
