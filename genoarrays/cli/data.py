"""`genoarrays info, verify, export, plot`: what is in a store, and out of it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import overwrite, progress, split_names
from genoarrays.options import show_bytes

__all__ = ["export", "info", "plot", "verify"]

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


@click.command()
@STORE
@click.option("--name", required=True, help="Variable to write; NODE/NAME for one of several.")
@click.option("--out", required=True,
              help="bigWig file; {track}, {sample} and {strand} are filled in.")  # fmt: skip
@click.option("--region", help="Only this region, such as chr2 or chr2:1,000-2,000.")
@click.option("--one-based", is_flag=True, help="Read the region as genome browsers write it.")
@overwrite
def export(
    store: str, name: str, out: str, region: str | None, one_based: bool, overwrite: bool
) -> None:
    """Write a variable of a store as bigWig, one file per track or sample.

    Strands are summed, unless --out has {strand}, which becomes "plus" and "minus".

    \b
      genoarrays export jund.zarr --name dnase --out 'dnase.{sample}.bw'
    """  # noqa: D301
    import genoarrays as ga

    array = _variable(ga.open_datatree(store), name)
    if region is not None:
        array = array.sel(position=ga.region(region, one_based=one_based))
    for path in ga.to_bigwig(array, out, overwrite=overwrite):
        click.echo(path)


def _variable(tree: Any, name: str) -> Any:
    """An array of a tree: by node and name, or by a name that is in one node."""
    from genoarrays.errors import GenomeError

    node, slash, variable = name.rpartition("/")
    if slash and node in tree.children and variable in tree[node].data_vars:
        return tree[node].to_dataset()[variable]
    there = _arrays(tree)
    if name not in there:
        raise GenomeError(f"the store has no variable {name!r}; it has {', '.join(there)}")
    return there[name]


def _arrays(tree: Any) -> dict[str, Any]:
    """All arrays by name, without levels of pyramids."""
    from genoarrays.genome.pyramid import without_levels

    return {str(v): ds[v] for ds in without_levels(tree).values() for v in ds.data_vars}


@click.command()
@STORE
@click.argument("region")
@click.option("--out", required=True, type=click.Path(path_type=Path),
              help="Figure: .png, .pdf or .svg.")  # fmt: skip
@click.option("--names", multiple=True, callback=split_names,
              help="Variables or NODE/NAME, top to bottom; by default all variables.")  # fmt: skip
@click.option("--one-based", is_flag=True, help="Read REGION as genome browsers write it.")
@click.option("--title", help="Text above the figure.")
def plot(
    store: str, region: str, out: Path, names: list[str], one_based: bool, title: str | None
) -> None:
    """Draw a REGION of a store, such as chr2:1,000-2,000 (0-based, half-open).

    \b
      genoarrays plot jund.zarr chr2:5,000,000-5,010,000 --names bound,dnase --out region.png
    """  # noqa: D301
    import genoarrays as ga

    tree = ga.open_datatree(store)
    names = names or list(_arrays(tree))
    tracks = [_variable(tree, name) for name in names]
    place = ga.region(region, one_based=one_based)
    ga.plot_tracks(tracks, place, names=names, title=title).savefig(out, dpi=200)
    click.echo(out)
