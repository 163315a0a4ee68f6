"""`genoarrays ingest, plan`: files become one store, at once or spread over jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from glob import glob
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
_LAYOUT = ("chunk", "shard", "track_chunk", "pyramid", "fingerprint")
# options of the reader of each kind
_OPTIONS = {
    "dna": ("mask",),
    "reads": ("bin_size", "count", "stranded", "strand", "min_mapq", "require_flags",
              "exclude_flags", "proper_pairs", "extend", "overlap_mates", "shift", "reference"),
    "signal": ("bin_size", "how"),
    "label": ("mode", "min_overlap", "feature", "where", "categories", "out_of_bounds"),
    "fragments": ("bin_size", "count", "shift", "out_of_bounds"),
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


def _pyramid(_: click.Context, __: click.Parameter, text: str | None) -> Any:
    if text in (None, "auto"):
        return True if text else None
    try:
        factors = [int(factor) for factor in text.split(",") if factor]
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no factor such as 8, nor factors such as 10,100; put files before "
            "--pyramid, or say --pyramid=auto"
        ) from None
    return factors[0] if "," not in text else factors


_READING: list[Callable[[Any], Any]] = [
    click.argument("inputs", nargs=-1, required=True, metavar="[NAME=]FILE..."),
    click.option("--out", required=True, help="The store: a folder, or a URL such as s3://..."),
    click.option("--like", help="Genome: FASTA, 2bit, .fai, chrom.sizes or a store; else the FASTA "
                 "ingested."),
    click.option("--rename-contigs", help='"match", or ucsc, ensembl, roman, ucsc_roman.'),
    click.option("--bin-size", type=int, help="bp per bin of reads, signal, fragments. [1]"),
    click.option("--mask", is_flag=True, default=None, help="Keep the soft mask of the sequence."),
    click.option("--count", help="Of reads: five_prime [default], three_prime, midpoint, fragment, "
                 "coverage, cut_site; of fragments: cut_site [default], fragment, midpoint."),
    click.option("--stranded/--unstranded", default=None, help="Reads by strand. [stranded]"),
    click.option("--strand", type=click.Choice(["read", "read1", "read2"]),
                 help="Whose strand: read2 for dUTP libraries."),
    click.option("--min-mapq", type=int, help="Least mapping quality of reads. [0]"),
    click.option("--require-flags", callback=_flags, metavar="FLAGS",
                 help="SAM flags that reads must have, such as 0x2."),
    click.option("--exclude-flags", callback=_flags, metavar="FLAGS",
                 help="SAM flags that reads must not have, such as 1796."),
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
    click.option("--out-of-bounds", type=click.Choice(["error", "clip", "drop"]),
                 help="Intervals and fragments past the end of a contig. [error]"),
    click.option("--categories", multiple=True, callback=split_names, help="For --mode category."),
    click.option("--chunk", type=int, help="bp per inner chunk."),
    click.option("--shard", type=int, help="bp per shard."),
    click.option("--track-chunk", type=int, help="Tracks or samples per chunk. [1]"),
    click.option("--pyramid", is_flag=False, flag_value="auto", callback=_pyramid,
                 metavar="[FACTORS]", help="Coarser copies for browsing: mean, max and min of 256, "
                 "4,096, ... bins; =8: of 8, 64, 512, ...; =10,100: of 10 and 100."),
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
    fragments) or `track`, labelled by file name; "*" in a FILE stands for many. NAME+ and NAME- are
    the strands of one signal, and fragments=FILE reads a BED as fragments.

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
    nodes, names = _nodes(inputs, options, out if append else None)
    layout = {k: options[k] for k in _LAYOUT}
    replace = overwrite or ("changed" if overwrite_changed else False)
    if plan_only or part is not None or finalize:
        if append:
            raise click.UsageError("--append is one step; do it without --plan-only and --part")
        _step(ga.plan(nodes, out, **layout), plan_only, part, replace)
        return
    if not append and not ga.plan(nodes, out, **layout).is_due(replace):
        click.echo(f"{out}: nothing changed since it was written: {names}")
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
    layout = {k: options[k] for k in _LAYOUT}
    click.echo(ga.plan(nodes, out, **layout))


def _nodes(
    inputs: tuple[str, ...], options: dict[str, Any], store: str | None = None
) -> tuple[dict[str, Any], str]:
    """Datasets by node, and the names in them; `store` is what they are to join."""
    import genoarrays as ga

    files = _by_name(inputs)
    kinds = {kind for kind, _ in files.values()}
    _refuse_idle(options, kinds)
    genome = _genome(options["like"], files)
    stacked = _stacked_in(store)
    nodes: dict[str, list[Any]] = {}
    for name, (kind, paths) in files.items():
        ds = _open(kind, name, paths, genome, options, as_list=name in stacked)
        genome = ds if options["like"] is None and kind == "dna" else genome
        nodes.setdefault(_node(nodes, ds, name), []).append(ds)
    return {node: ga.merge(*some) for node, some in nodes.items()}, ", ".join(files)


def _genome(like: str | None, files: dict[str, tuple[str, list[Any]]]) -> Any:
    """What the files lie on: a path, or the genome of a store."""
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    if like is None:
        like = next((paths[0] for kind, paths in files.values() if kind == "dna"), None)
    if like is None:
        raise click.UsageError("no genome: give a FASTA among the files, or --like")
    if os.path.isdir(like):
        return next(iter(without_levels(ga.open_datatree(like)).values()))
    return like


def _stacked_in(store: str | None) -> set[str]:
    """Variables of a store that have tracks or samples: a single file joins them as one more."""
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    if store is None:
        return set()
    return {
        str(name)
        for ds in without_levels(ga.open_datatree(store)).values()
        for name, array in ds.data_vars.items()
        if {"track", "sample"} & set(array.dims)
    }


def _refuse_idle(options: dict[str, Any], kinds: set[str]) -> None:
    """Refuse options that say nothing about any of the files."""
    used = {name for kind in kinds for name in _OPTIONS[kind]}
    for kind, names in _OPTIONS.items():
        for name in names:
            if name not in used and options[name] not in (None, [], {}):
                raise click.UsageError(
                    f"--{name.replace('_', '-')} is for {kind}, and no such file is given"
                )


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


def _by_name(inputs: tuple[str, ...]) -> dict[str, tuple[str, list[Any]]]:
    """Kind and paths of each variable; sequence first, since the others lie on it."""
    found: dict[str, tuple[str, list[Any]]] = {}
    for text in inputs:
        name, equals, pattern = text.partition("=")
        pattern = pattern if equals else text
        paths = sorted(glob(pattern)) if "*" in pattern else [pattern]
        for path in paths or [pattern]:
            kind = _kind(path, name if equals else "")
            own = name if equals else kind
            if found.setdefault(own, (kind, []))[0] != kind:
                raise click.UsageError(f"{own!r} names files of two kinds; give each its own NAME=")
            found[own][1].append(path)
    return dict(sorted(_paired(found).items(), key=lambda item: item[1][0] != "dna"))


def _paired(files: dict[str, tuple[str, list[Any]]]) -> dict[str, tuple[str, list[Any]]]:
    """NAME+ and NAME- made one: a signal with strands, in the order of the files."""
    found = {}
    for name, (kind, plus) in files.items():
        if kind != "signal" or name[-1] not in "+-":
            found[name] = (kind, plus)
        elif name[-1] == "+":
            minus = files.get(f"{name[:-1]}-", (kind, []))[1]
            if len(minus) != len(plus):
                raise click.UsageError(f"{name} and {name[:-1]}- have not as many files")
            pairs = zip(plus, minus, strict=True)
            found[name[:-1]] = (kind, [{"+": one, "-": other} for one, other in pairs])
        elif f"{name[:-1]}+" not in files:
            raise click.UsageError(f"{name} is a strand without {name[:-1]}+")
    return found


def _kind(path: str, name: str) -> str:
    low = path.lower()
    kind = next((kind for kind, ends in KINDS.items() if low.endswith(ends)), None)
    if not os.path.exists(path) and "://" not in path:
        raise click.UsageError(f"{path}: there is no such file")
    if kind is None:
        known = ", ".join(end for ends in KINDS.values() for end in ends if "gz" not in end)
        raise click.UsageError(f"{path}: the suffix tells no format; known are {known}")
    return "fragments" if kind == "label" and name == "fragments" else kind


def _open(
    kind: str, name: str, paths: list[Any], genome: Any, options: dict[str, Any], as_list: bool
) -> Any:
    import genoarrays as ga

    source: Any = paths if as_list or len(paths) > 1 else paths[0]
    if isinstance(source, list) and isinstance(source[0], dict):  # samples, named as their + files
        source = {os.path.basename(pair["+"]).partition(".")[0]: pair for pair in source}
    given = {k: v for k in _OPTIONS[kind] if (v := options[k]) not in (None, [], {}, ())}
    given |= {"like": genome, "name": name, "rename_contigs": options["rename_contigs"]}
    if kind == "dna" and len(paths) > 1:
        raise click.UsageError("two files of sequence; a store holds one genome")
    if kind == "dna" and paths[0].lower().endswith(".2bit"):
        return ga.open_twobit(source, **given)
    openers: dict[str, Any] = {
        "dna": ga.open_fasta,
        "reads": ga.open_bam,
        "signal": ga.open_bigwig,
        "label": ga.open_intervals,
        "fragments": ga.open_fragments,
    }
    return openers[kind](source, **given)
