"""`genoarrays export`: from a store to files that other programs read."""

from __future__ import annotations

from typing import Any

import click

from genoarrays.cli.options import overwrite, progress, split_names
from genoarrays.cli.tiles import CONTIGS, STORE
from genoarrays.cli.variables import variable_of

__all__ = ["export"]

_KINDS = {
    ".bw": "bigwig", ".bigwig": "bigwig", ".bedgraph": "bedgraph", ".bdg": "bedgraph",
    ".bg": "bedgraph", ".bed": "bed",
}  # fmt: skip
_LABELLED = ("track", "sample", "category")


@click.command()
@STORE
@click.option("--variable", "--name", "variable", required=True,
              help="What to write, as `genoarrays info STORE` lists it; NODE/NAME for one of "
              "several of that name.")  # fmt: skip
@click.option("--out", required=True,
              help="File to write; its end says what: .bw, .bedgraph or .bed, the last two also "
              "compressed, with .gz. {track}, {sample} and {strand} are filled in.")  # fmt: skip
@click.option("--track", "tracks", multiple=True, callback=split_names,
              help="Only these tracks or samples; by default all, a file each.")  # fmt: skip
@CONTIGS
@click.option("--region", "regions", multiple=True,
              help="Only this region, such as chr2 or chr2:1,000-2,000; may be repeated. The file "
              "still lists all contigs, so that browsers know the genome.")  # fmt: skip
@click.option("--one-based", is_flag=True, help="Read --region as genome browsers write it.")
@click.option("--at-least", type=float, metavar="VALUE",
              help=".bed only: write the stretches where the value is at least this (by default, "
              "where it is above 0), with the largest value of each as its score.")  # fmt: skip
@overwrite
@progress
def export(
    store: str,
    variable: str,
    out: str,
    tracks: list[str],
    contigs: list[str],
    regions: tuple[str, ...],
    one_based: bool,
    at_least: float | None,
    overwrite: bool,
    progress: bool | None,
) -> None:
    """Write a variable of a STORE for genome browsers and other programs.

    bigWig and bedGraph hold every value at its place; bases without data are left out. BED holds
    stretches above a value, such as predicted sites. Strands are summed, unless --out has {strand},
    which becomes "plus" and "minus". Nothing appears before all files are complete.

    \b
    Each sample as a track for IGV or the UCSC browser:
      genoarrays export jund.zarr --variable dnase --out 'dnase.{sample}.bw'
    One sample, both strands apart, on chromosome 3:
      genoarrays export jund.zarr --variable dnase --track liver --contigs chr3 --out '{strand}.bw'
    Predicted sites:
      genoarrays export pred.zarr --variable bound --at-least 0.5 --out sites.bed
    """  # noqa: D301
    import genoarrays as ga

    kind = _kind(out)
    if at_least is not None and kind != "bed":
        raise click.UsageError("--at-least is for --out ending in .bed")
    array = _chosen(variable_of(ga.open_datatree(store), variable), tracks)
    if regions or contigs:
        array = array.sel(position=_places(array, regions, contigs, one_based))
    options: dict[str, Any] = {"overwrite": overwrite}
    if kind == "bed":
        written = _write_sites(array, out, at_least, options)
    else:
        write = ga.to_bigwig if kind == "bigwig" else ga.to_bedgraph
        written = write(array, out, progress=progress, **options)
    for path in written:
        click.echo(path)


def _kind(out: str) -> str:
    name = out.lower()
    plain = name.removesuffix(".gz")
    kind = next((kind for end, kind in _KINDS.items() if plain.endswith(end)), None)
    if kind is None or (kind == "bigwig" and plain != name):
        raise click.UsageError(
            f"--out {out}: end it in .bw, .bedgraph or .bed (or .bedgraph.gz, .bed.gz)"
        )
    return kind


def _chosen(array: Any, tracks: list[str]) -> Any:
    """Those of the tracks or samples; one alone is no dimension any more."""
    if not tracks:
        return array
    dim = next((d for d in _LABELLED if d in array.dims), None)
    if dim is None:
        raise click.UsageError(f"--track {tracks[0]}: {array.name!r} has no tracks or samples")
    there = [str(label) for label in array[dim].values]
    if missing := [track for track in tracks if track not in there]:
        raise click.UsageError(f"--track {missing[0]}: {array.name!r} has {', '.join(there)}")
    rows = [there.index(track) for track in tracks]
    return array.isel({dim: rows[0] if len(rows) == 1 else rows})


def _places(array: Any, regions: tuple[str, ...], contigs: list[str], one_based: bool) -> Any:
    """What was asked for as regions of whole bins, none of them twice."""
    import genoarrays as ga

    axis = ga.axis_of(array)
    bin_size, assembly = axis.bin_size, axis.assembly
    places = [ga.region(one, one_based=one_based, contigs=assembly) for one in regions]
    places += [ga.Region(contig) for contig in contigs]
    rows = []
    for contig, start, end, _ in places:
        length = int(assembly.lengths[assembly.code(contig)])
        end = length if end is None else end
        if end > length:
            raise click.UsageError(f"--region {contig}:{start}-{end}: {contig} has {length:,} bp")
        first = start // bin_size * bin_size
        rows.append((contig, first, min(-(-end // bin_size) * bin_size, length)))
    return ga.merge_regions(ga.read_regions(rows, like=assembly)).region


def _write_sites(
    array: Any, out: str, at_least: float | None, options: dict[str, Any]
) -> list[str]:
    """Stretches where an array is above a value, as BED, with the largest value as score."""
    import genoarrays as ga

    if more := [str(d) for d in array.dims if d not in ("position", "strand")]:
        raise click.UsageError(
            f"a .bed holds one track, and {array.name!r} has several along {more[0]}; say --track"
        )
    if "alphabet" in array.attrs:
        raise click.UsageError(f"{array.name!r} holds codes of letters, which have no stretches")
    if "strand" in array.dims:
        array = array.sum("strand", min_count=1) if array.dtype.kind == "f" else array.sum("strand")
    sites = ga.regions_where(array > 0 if at_least is None else array >= at_least)
    best: Any = ga.reduce_regions(array, sites, "max")
    return ga.to_bed(sites, out, score=best.values.astype(array.dtype), **options)
