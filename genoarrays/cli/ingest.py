"""`genoarrays ingest, plan`: files become one store, at once or spread over jobs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import click

from genoarrays.cli.options import name_values, overwrite, progress, split_names

__all__ = ["ingest", "plan"]

_PACKED = ("", ".gz")
KINDS = {
    "dna": (".fa", ".fa.gz", ".fasta", ".fasta.gz", ".fna", ".fna.gz", ".2bit"),
    "reads": (".bam", ".cram"),
    "signal": (".bw", ".bigwig"),
    "label": tuple(
        suffix + packed
        for suffix in (".bed", ".narrowpeak", ".broadpeak", ".bedgraph", ".bdg", ".gff", ".gff3",
                       ".gtf")
        for packed in _PACKED
    ),
    "fragments": tuple(".tsv" + packed for packed in _PACKED),
}  # fmt: skip
# options of the reader of each kind
_OPTIONS = {
    "dna": ("mask",),
    "reads": ("bin_size", "count", "stranded", "strand", "min_mapq", "require_flags",
              "exclude_flags", "proper_pairs", "extend", "overlap_mates", "shift", "reference"),
    "signal": ("bin_size", "how"),
    "label": ("mode", "min_overlap", "feature", "where", "categories"),
    "fragments": ("bin_size", "count", "shift"),
}  # fmt: skip


def _shift(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        plus, minus = map(int, text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not PLUS,MINUS, such as 4,-4") from None
    return plus, minus


def _flags(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no number such as 1796 or 0x704") from None


_READING: list[Callable[[Any], Any]] = [
    click.argument("inputs", nargs=-1, required=True, metavar="[NAME=]FILE..."),
    click.option("--out", required=True, help="The store: a folder, or a URL such as s3://..."),
    click.option("--like", help="Genome: FASTA, .fai, chrom.sizes; else the FASTA ingested."),
    click.option("--rename-contigs", help='"match", or ucsc, ensembl, roman, ucsc_roman.'),
    click.option("--bin-size", type=int, help="bp per bin of reads, signal, fragments. [1]"),
    click.option("--mask", is_flag=True, default=None, help="Keep the soft mask of the sequence."),
    click.option("--count", help="Of reads: five_prime [default], three_prime, midpoint, fragment, "
                 "coverage, cut_site; of fragments: cut_site [default], fragment, midpoint."),
    click.option("--stranded/--unstranded", default=None, help="Reads by strand. [stranded]"),
    click.option("--strand", type=click.Choice(["read", "read1", "read2"]),
                 help="Whose strand: read2 for dUTP libraries."),
    click.option("--min-mapq", type=int, help="Least mapping quality of reads. [0]"),
    click.option("--require-flags", callback=_flags, help="SAM flags that reads must have."),
    click.option("--exclude-flags", callback=_flags, help="SAM flags that reads must not have."),
    click.option("--proper-pairs", is_flag=True, default=None, help="Of pairs, only proper ones."),
    click.option("--extend", type=int, help="Single reads cover so many bp."),
    click.option("--overlap-mates", type=click.Choice(["count", "once"]),
                 help="Bases that both mates cover."),
    click.option("--shift", metavar="PLUS,MINUS", callback=_shift, help="Of cut sites: 4,-4"),
    click.option("--reference", help="FASTA that CRAM files were made with."),
    click.option("--how", type=click.Choice(["mean", "mean0", "sum", "max", "min"]),
                 help="How signal is binned; mean0 counts missing bases as 0. [mean]"),
    click.option("--mode", type=click.Choice(["presence", "fraction", "score", "value", "signal",
                                              "summit", "category"]),
                 help="What of intervals becomes the label. [presence]"),
    click.option("--min-overlap", type=float, help="Part of the bin that must be covered."),
    click.option("--feature", multiple=True, callback=split_names, help="Of GFF and GTF: gene,..."),
    name_values("--where", str, "Of GFF and GTF: gene_type=protein_coding"),
    click.option("--categories", multiple=True, callback=split_names, help="For --mode category."),
    click.option("--chunk", type=int, help="bp per inner chunk."),
    click.option("--shard", type=int, help="bp per shard."),
    click.option("--track-chunk", type=int, help="Tracks or samples per chunk. [1]"),
    click.option("--fingerprint", type=click.Choice(["sampled", "whole"]), default="sampled",
                 show_default=True, help="How the content of the files is known again."),
]  # fmt: skip


def _reading(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_READING):
        function = option(function)
    return function


@click.command()
@_reading
@click.option("--append", is_flag=True, help="Let the files join the store that is there.")
@overwrite
@click.option("--overwrite-changed", is_flag=True, help="Replace it if files or options changed.")
@click.option("--scheduler", metavar="threads|processes|tcp://HOST:PORT",
              help="What runs the parts; an address is that of a dask scheduler.")  # fmt: skip
@click.option("--workers", type=int, help="Threads or processes; by default one per processor.")
@click.option("--plan-only", is_flag=True, help="Only begin: write the plan, say how many parts.")
@click.option("--part", metavar="J|J/N", help="Do part J, or J, J+N, J+2N, ... of the plan begun.")
@click.option("--finalize", is_flag=True, help="Complete the store when all parts are done.")
@progress
def ingest(
    inputs: tuple[str, ...],
    out: str,
    append: bool,
    overwrite: bool,
    overwrite_changed: bool,
    scheduler: str | None,
    workers: int | None,
    plan_only: bool,
    part: str | None,
    finalize: bool,
    progress: bool | None,
    **options: Any,
) -> None:
    """Write files into one store, by their suffix.

    FASTA and 2bit become `dna`, BAM and CRAM `reads`, bigWig `signal`, fragments (.tsv)
    `fragments`, and BED, narrowPeak, broadPeak, bedGraph, GFF and GTF `label`, each at 1 bp but for
    what --bin-size bins. Files of one NAME become one variable with a dimension `sample` (reads,
    fragments) or `track`, labelled by file name.

    \b
      genoarrays ingest hg38.fa ctcf.bw --out ctcf.zarr
      genoarrays ingest hg38.fa dnase=a.bam dnase=b.bam bound=jund.narrowPeak \\
          --bin-size 50 --min-mapq 10 --out jund.zarr

    The same call again goes on with a write that was interrupted, and does nothing when nothing
    changed. To spread the parts over jobs, repeat the call with --plan-only, then with --part J for
    each part, in any order and on any machine, then with --finalize.
    """  # noqa: D301 - \b keeps click from wrapping the lines
    import genoarrays as ga

    if sum([plan_only, part is not None, finalize]) > 1:
        raise click.UsageError("--plan-only, --part and --finalize are three steps; give one")
    nodes, names = _nodes(inputs, options)
    layout = {k: options[k] for k in ("chunk", "shard", "track_chunk", "fingerprint")}
    replace = overwrite or ("changed" if overwrite_changed else False)
    if plan_only or part is not None or finalize:
        if append:
            raise click.UsageError("--append is one step; do it without --plan-only and --part")
        _step(ga.plan(nodes, out, **layout), plan_only, part, replace)
        return
    with ExitStack() as stack:
        client = None
        if scheduler is not None and "://" in scheduler:
            from distributed import Client

            client, scheduler = stack.enter_context(Client(scheduler)), None
        ga.to_zarr(
            nodes,
            out,
            client=client,
            scheduler=scheduler,
            workers=workers,
            append=append,
            overwrite=replace,
            progress=progress,
            **layout,
        )
    click.echo(f"{out}: {names}")


def _step(job: Any, plan_only: bool, part: str | None, overwrite: bool | str) -> None:
    """One of the three steps of a job array."""
    if plan_only:
        job.begin(overwrite)
        click.echo(job)
        click.echo(f"begun; do the parts 0 to {len(job.parts) - 1} with --part, then --finalize")
        return
    if part is None:
        job.finish()
        click.echo(f"{job.site.name}: complete")
        return
    first, _, step = part.partition("/")
    if not first.isdigit() or (step and not (step.isdigit() and int(step) > int(first))):
        raise click.UsageError(f"--part {part}: give a number, as 3, or 3/16 for every 16th from 3")
    numbers = range(int(first), len(job.parts), int(step)) if step else [int(first)]
    for number in numbers:
        job.run(number)
        where = f"{job.parts[number].array}, {job.region(number)}"
        click.echo(f"part {number} of {len(job.parts)}: {where} is done")


@click.command()
@_reading
def plan(inputs: tuple[str, ...], out: str, **options: Any) -> None:
    """Say what `ingest` would write: parts, bytes, files, memory. Nothing is written."""
    import genoarrays as ga

    nodes, _ = _nodes(inputs, options)
    layout = {k: options[k] for k in ("chunk", "shard", "track_chunk", "fingerprint")}
    click.echo(ga.plan(nodes, out, **layout))


def _nodes(inputs: tuple[str, ...], options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Datasets by node, and what they hold, in words."""
    import genoarrays as ga

    like = options["like"]
    files = _by_name(inputs)
    sequence = next((paths[0] for kind, paths in files.values() if kind == "dna"), None)
    if like is None and sequence is None:
        raise click.UsageError("no genome: give a FASTA among the files, or --like")
    genome: Any = like if like is not None else sequence
    nodes: dict[str, list[Any]] = {}
    for name, (kind, paths) in files.items():
        ds = _open(kind, name, paths, genome, options)
        genome = ds if like is None and kind == "dna" else genome
        nodes.setdefault(_node(nodes, ds, name), []).append(ds)
    words = ", ".join(f"{name} ({kind})" for name, (kind, _) in files.items())
    return {node: ga.merge(*some) for node, some in nodes.items()}, words


def _node(nodes: dict[str, list[Any]], ds: Any, name: str) -> str:
    """Node of the bin size; one of its own where that holds other tracks or samples already."""
    import genoarrays as ga

    node = f"{ga.bin_size_of(ds)}bp"
    dims = [d for d in ("track", "sample", "category") if d in ds.dims]
    labels = {d: ds[d].values.tolist() for d in dims}
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


def _open(kind: str, name: str, paths: list[str], genome: Any, options: dict[str, Any]) -> Any:
    import genoarrays as ga

    source: Any = paths[0] if len(paths) == 1 else paths
    given = {k: v for k in _OPTIONS[kind] if (v := options[k]) not in (None, [], {}, ())}
    given |= {"like": genome, "name": name, "rename_contigs": options["rename_contigs"]}
    if kind == "dna" and len(paths) > 1:
        raise click.UsageError("two files of sequence; a store holds one genome")
    if kind == "dna" and paths[0].lower().endswith(".2bit"):
        return ga.open_twobit(source, **given)
    openers: dict[str, Any] = {"dna": ga.open_fasta, "reads": ga.open_bam, "signal": ga.open_bigwig,
               "label": ga.open_intervals, "fragments": ga.open_fragments}  # fmt: skip
    return openers[kind](source, **given)
