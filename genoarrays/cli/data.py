"""`genoarrays ingest, info, export, plot`: from files to a store, and out of it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import overwrite, progress, split_names

__all__ = ["export", "info", "ingest", "plot"]

KINDS = {
    "dna": (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz"),
    "reads": (".bam",),
    "signal": (".bw", ".bigwig"),
    "label": tuple(
        suffix + packed
        for suffix in (".bed", ".narrowpeak", ".broadpeak", ".bedgraph")
        for packed in ("", ".gz")
    ),
}
STORE = click.argument("store", type=click.Path(path_type=Path))


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="[NAME=]FILE...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new store.")
@click.option("--like", help="Genome: FASTA, .fai or chrom.sizes; by default the FASTA ingested.")
@click.option("--bin-size", default=1, show_default=True, help="bp per bin of reads and signal.")
@click.option("--count", type=click.Choice(["five_prime", "coverage"]), default="five_prime",
              show_default=True, help="What of a read is counted.")  # fmt: skip
@click.option("--stranded/--unstranded", default=True, show_default=True, help="Reads by strand.")
@click.option("--min-mapq", default=0, show_default=True, help="Least mapping quality of reads.")
@click.option("--how", default="mean", show_default=True,
              type=click.Choice(["mean", "mean0", "sum", "max", "min"]),
              help="How signal is binned; mean0 counts missing bases as 0.")  # fmt: skip
@click.option("--mode", default="presence", show_default=True,
              type=click.Choice(["presence", "fraction", "score", "value", "signal", "summit"]),
              help="What of intervals becomes the label.")  # fmt: skip
@click.option("--rename-contigs", help='"match", or a style: ucsc, ensembl, roman, ucsc_roman.')
@click.option("--chunk", type=int, help="bp per inner chunk.")
@click.option("--shard", type=int, help="bp per shard.")
@click.option(
    "--scheduler", type=click.Choice(["threads", "processes"]), help="What runs the parts."
)
@click.option("--workers", type=int, help="Threads or processes; by default one per processor.")
@overwrite
@progress
def ingest(
    inputs: tuple[str, ...],
    out: Path,
    like: str | None,
    bin_size: int,
    rename_contigs: str | None,
    chunk: int | None,
    shard: int | None,
    scheduler: str | None,
    workers: int | None,
    overwrite: bool,
    progress: bool | None,
    **reading: Any,
) -> None:
    """Write files into one store, by their suffix.

    FASTA becomes `dna`, BAM `reads`, bigWig `signal`, and BED, narrowPeak, broadPeak and bedGraph
    `label`, each at 1 bp but for reads and signal, which --bin-size bins. Files of one NAME become
    one variable with a dimension `sample` (reads) or `track`, labelled by file name.

    \b
      genoarrays ingest hg38.fa ctcf.bw --out ctcf.zarr
      genoarrays ingest hg38.fa dnase=a.bam dnase=b.bam bound=jund.narrowPeak \\
          --bin-size 50 --min-mapq 10 --out jund.zarr
    """  # noqa: D301 - \b keeps click from wrapping the lines
    import genoarrays as ga

    files = _by_name(inputs)
    sequence = next((paths[0] for kind, paths in files.values() if kind == "dna"), None)
    if like is None and sequence is None:
        raise click.UsageError("no genome: give a FASTA among the files, or --like")
    genome: Any = like if like is not None else sequence
    nodes: dict[str, list[Any]] = {}
    for name, (kind, paths) in files.items():
        ds = _open(kind, name, paths, genome, bin_size, rename_contigs, reading)
        genome = ds if like is None and kind == "dna" else genome
        nodes.setdefault(_node(nodes, ds, name), []).append(ds)
    ga.to_zarr(
        {node: ga.merge(*some) for node, some in nodes.items()},
        out,
        overwrite=overwrite,
        chunk=chunk,
        shard=shard,
        scheduler=scheduler,
        workers=workers,
        progress=progress,
    )
    click.echo(f"{out}: {', '.join(f'{name} ({kind})' for name, (kind, _) in files.items())}")


def _node(nodes: dict[str, list[Any]], ds: Any, name: str) -> str:
    """Node of the bin size; one of its own where that holds other tracks or samples already."""
    import genoarrays as ga

    node = f"{ga.bin_size_of(ds)}bp"
    labels = {d: ds[d].values.tolist() for d in ("track", "sample") if d in ds.dims}
    for other in nodes.get(node, []):
        if any(d in other.dims and other[d].values.tolist() != labels[d] for d in labels):
            return f"{node}_{name}"
    return node


def _by_name(inputs: tuple[str, ...]) -> dict[str, tuple[str, list[str]]]:
    """Kind and paths of each variable; sequence first, since the others lie on it."""
    found: dict[str, tuple[str, list[str]]] = {}
    for text in inputs:
        name, equals, path = text.partition("=")
        path = path if equals else text
        low = path.lower()
        kind = next((kind for kind, ends in KINDS.items() if low.endswith(ends)), None)
        if kind is None:
            known = ", ".join(end for ends in KINDS.values() for end in ends if "gz" not in end)
            raise click.UsageError(f"{path}: the suffix tells no format; known are {known}")
        name = name if equals else kind
        if found.setdefault(name, (kind, []))[0] != kind:
            raise click.UsageError(f"{name!r} names files of two kinds; give each its own NAME=")
        found[name][1].append(path)
    return dict(sorted(found.items(), key=lambda item: item[1][0] != "dna"))


def _open(
    kind: str,
    name: str,
    paths: list[str],
    genome: Any,
    bin_size: int,
    rename_contigs: str | None,
    reading: dict[str, Any],
) -> Any:
    import genoarrays as ga

    source: Any = paths[0] if len(paths) == 1 else paths
    shared: dict[str, Any] = {"like": genome, "name": name, "rename_contigs": rename_contigs}
    if kind == "dna":
        if len(paths) > 1:
            raise click.UsageError("two FASTA files; a store holds one genome")
        return ga.open_fasta(paths[0], **shared)
    if kind == "reads":
        keys = ("count", "stranded", "min_mapq")
        return ga.open_bam(source, bin_size=bin_size, **shared, **{k: reading[k] for k in keys})
    if kind == "signal":
        return ga.open_bigwig(source, bin_size=bin_size, how=reading["how"], **shared)
    return ga.open_intervals(source, mode=reading["mode"], **shared)


@click.command()
@STORE
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def info(store: Path, as_json: bool) -> None:
    """Say what a store holds: nodes, variables, sizes, chunks, genome."""
    import genoarrays as ga

    tree = ga.open_datatree(store)
    size = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    nodes: dict[str, Any] = {}
    for name, child in tree.children.items():
        axis = ga.axis_of(child.to_dataset())
        nodes[name] = {
            "assembly": axis.assembly.name,
            "digest": axis.assembly.digest,
            "contigs": len(axis.assembly),
            "positions": axis.size,
            "bin_size": axis.bin_size,
            "variables": {
                str(v): {"dims": list(a.dims), "shape": list(a.shape), "dtype": str(a.dtype),
                         "chunk": list(a.data.chunksize), "bytes": int(a.nbytes)}
                for v, a in child.data_vars.items()
            },
        }  # fmt: skip
    if as_json:
        click.echo(json.dumps({"store": str(store), "bytes": size, "nodes": nodes}, indent=1))
        return
    click.echo(f"{store}: {_bytes(size)} on disk")
    for name, node in nodes.items():
        click.echo(
            f"\n{name}: {node['positions']:,} bins of {node['bin_size']} bp on "
            f"{node['assembly']} ({node['contigs']:,} contigs, digest {node['digest']})"
        )
        for variable, a in node["variables"].items():
            dims = ", ".join(f"{d}: {n:,}" for d, n in zip(a["dims"], a["shape"], strict=True))
            chunk = " x ".join(f"{n:,}" for n in a["chunk"])
            click.echo(
                f"  {variable:12} {a['dtype']:8} ({dims})  {_bytes(a['bytes'])}, read by {chunk}"
            )


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


@click.command()
@STORE
@click.option("--name", required=True, help="Variable to write.")
@click.option("--out", required=True,
              help="bigWig file; {track}, {sample} and {strand} are filled in.")  # fmt: skip
@click.option("--region", help="Only this region, such as chr2 or chr2:1,000-2,000.")
@click.option("--one-based", is_flag=True, help="Read the region as genome browsers write it.")
@overwrite
def export(
    store: Path, name: str, out: str, region: str | None, one_based: bool, overwrite: bool
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
    from genoarrays.errors import GenomeError

    there = {str(v): node for node in tree.subtree for v in node.data_vars}
    if name not in there:
        raise GenomeError(f"the store has no variable {name!r}; it has {', '.join(there)}")
    return there[name].to_dataset()[name]


@click.command()
@STORE
@click.argument("region")
@click.option("--out", required=True, type=click.Path(path_type=Path),
              help="Figure: .png, .pdf or .svg.")  # fmt: skip
@click.option("--names", multiple=True, callback=split_names,
              help="Variables, top to bottom; by default all.")  # fmt: skip
@click.option("--one-based", is_flag=True, help="Read REGION as genome browsers write it.")
@click.option("--title", help="Text above the figure.")
def plot(
    store: Path, region: str, out: Path, names: list[str], one_based: bool, title: str | None
) -> None:
    """Draw a REGION of a store, such as chr2:1,000-2,000 (0-based, half-open).

    \b
      genoarrays plot jund.zarr chr2:5,000,000-5,010,000 --names bound,dnase --out region.png
    """  # noqa: D301
    import genoarrays as ga

    tree = ga.open_datatree(store)
    names = names or [str(v) for node in tree.subtree for v in node.data_vars]
    tracks = [_variable(tree, name) for name in names]
    place = ga.region(region, one_based=one_based)
    ga.plot_tracks(tracks, place, names=names, title=title).savefig(out, dpi=200)
    click.echo(out)
