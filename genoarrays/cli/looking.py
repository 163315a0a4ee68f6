"""`genoarrays plot`: a stretch of the genome as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import name_values, split_names
from genoarrays.cli.tiles import STORE
from genoarrays.cli.variables import variable_of

__all__ = ["attributions_in", "free", "plot", "read_genes"]

_FILES = click.Path(path_type=Path, exists=True)
_KEYS = ("gene_name", "Name", "gene", "gene_id", "transcript_id", "Parent", "ID", "name")


@click.command()
@STORE
@click.argument("region")
@click.option("--out", required=True, type=click.Path(path_type=Path),
              help="Figure to write: .pdf or .svg for a paper, .png for a screen.")  # fmt: skip
@click.option("--variables", "--names", "names", multiple=True, callback=split_names,
              help="Of the store, or NODE/NAME, from top to bottom; by default all.")  # fmt: skip
@click.option("--tracks", multiple=True, callback=split_names,
              help="Only these tracks or samples of the variables that have them.")  # fmt: skip
@click.option("--bigwig", "bigwigs", multiple=True, type=_FILES,
              help="A bigWig file to draw too, such as predictions. Repeatable.")  # fmt: skip
@click.option("--attribution", "attributions", multiple=True, type=_FILES,
              help="A store of attributions, from `genoarrays attribute`: letters as high as "
              "what they add to the prediction. Repeatable.")  # fmt: skip
@click.option("--peaks", multiple=True, type=_FILES,
              help="BED, narrowPeak or the like: boxes with names. Repeatable.")  # fmt: skip
@click.option("--genes", multiple=True, type=_FILES,
              help="GTF, GFF3 or BED12: genes, exons thick, introns thin. Repeatable.")  # fmt: skip
@click.option("--highlight", multiple=True,
              help="A region to shade, or a file of regions. Repeatable.")  # fmt: skip
@name_values("--kinds", str, "How a panel is drawn: lines, fill, heat, blocks, logo.")
@name_values("--colors", str, "Color of a panel, or of a line in it: dnase=orange.")
@click.option("--ylim", nargs=2, type=float, help="Lowest and highest value of all panels.")
@click.option("--share-y", is_flag=True, help="The same scale for all panels.")
@click.option("--overlap", type=click.Choice(["mean"]),
              help="Draw the mean where windows of attributions overlap.")  # fmt: skip
@click.option("--rename-contigs", help="Of files with other contig names: match, ucsc, ...")
@click.option("--one-based", is_flag=True, help="Read REGION as genome browsers write it.")
@click.option("--title", help="Text above the figure.")
@click.option("--width", default=9.0, show_default=True, help="Of the figure, in inches.")
@click.option("--height", default=1.0, show_default=True, help="Of a panel, in inches.")
def plot(
    store: str,
    region: str,
    out: Path,
    names: list[str],
    tracks: list[str],
    bigwigs: tuple[Path, ...],
    attributions: tuple[Path, ...],
    peaks: tuple[Path, ...],
    genes: tuple[Path, ...],
    highlight: tuple[str, ...],
    ylim: tuple[float, float] | None,
    rename_contigs: str | None,
    one_based: bool,
    **options: Any,
) -> None:
    """Draw a REGION of a store, such as chr2:1,000-2,000 (0-based, half-open).

    One panel for each variable, file or table, from top to bottom: signal as filled steps, several
    tracks as lines, many as a heat map, labels as blocks, DNA as letters where there is room. A
    REGION without numbers is a whole chromosome.

    \b
    All that is in a store:
      genoarrays plot jund.zarr chr2:5,000,000-5,010,000 --out region.png
    Signal beside predictions, peaks and genes, for a paper:
      genoarrays plot jund.zarr chr2:5,000,000-5,010,000 --variables dnase --bigwig jund.bw \\
          --peaks jund.narrowPeak --genes gencode.gtf.gz --out region.pdf
    Which letters a model looks at:
      genoarrays plot jund.zarr chr2:5,000,100-5,000,200 --variables dna \\
          --attribution jund.attr.zarr --highlight chr2:5,000,140-5,000,147 --out letters.svg
    """  # noqa: D301
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels
    from genoarrays.plot.tracks import arrays_in

    if out.suffix.lower() not in (".png", ".pdf", ".svg"):
        raise click.UsageError(f"--out {out}: end it in .png, .pdf or .svg")
    tree = ga.open_datatree(store)
    like = next(iter(without_levels(tree).values()))
    rename: Any = {"like": like, "rename_contigs": rename_contigs}
    shown: dict[str, Any] = {}
    arrays = {name: variable_of(tree, name) for name in names}
    arrays = arrays or {str(array.name): array for array in arrays_in(tree)}
    for name, array in arrays.items():
        shown[name] = _some(array, tracks)
    for path in bigwigs:
        shown[free(path.stem, shown)] = ga.open_bigwig(path, **rename).signal
    for path in attributions:
        for name, array in attributions_in(path).items():
            label = name if "attribution" in name else f"{name} attribution"
            shown[free(label, shown)] = array
    for path in peaks:
        shown[free(path.name.split(".")[0], shown)] = ga.read_regions(path, **rename)
    for path in genes:
        shown[free("genes", shown)] = read_genes(path, rename)
    place = ga.region(region, one_based=one_based)
    shaded = _highlighted(highlight, one_based, rename)
    ga.plot_tracks(shown, place, highlight=shaded, ylim=ylim or None, **options).savefig(out)
    click.echo(out)


def free(name: str, taken: dict[str, Any]) -> str:
    """A name that no panel has yet."""
    number = 1
    while (free := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return free


def _some(array: Any, tracks: list[str]) -> Any:
    """The tracks or samples that were named, of an array that has such a dimension."""
    from genoarrays.errors import GenomeError

    dim = next((d for d in ("track", "sample") if d in array.dims), None)
    if not tracks or dim is None:
        return array
    known = [str(label) for label in array[dim].values.tolist()]
    kept = [known.index(name) for name in tracks if name in known]
    if not kept:
        raise GenomeError(
            f"{array.name!r} has no {dim} {tracks[0]!r}; it has {', '.join(known[:20])}"
        )
    return array.isel({dim: kept[0] if len(kept) == 1 else kept})


def attributions_in(path: Path) -> dict[str, Any]:
    """Arrays with letters in a store of windows."""
    import xarray as xr

    from genoarrays.errors import GenomeError

    ds = xr.open_dataset(path, engine="zarr", chunks={}, consolidated=False)
    found = {
        str(name): array
        for name, array in ds.data_vars.items()
        if any(str(dim).startswith("channel") for dim in array.dims)
    }
    if not found:
        there = ", ".join(map(str, ds.data_vars)) or "nothing"
        raise GenomeError(
            f"{path} holds {there}, and no attributions with letters (window, offset, channel); "
            "make some with `genoarrays attribute`"
        )
    return found


def read_genes(path: Path, options: dict[str, Any]) -> Any:
    """Genes of a file, with the attributes by which their parts are put together."""
    import genoarrays as ga

    if any(suffix in (".gtf", ".gff", ".gff3") for suffix in path.suffixes):
        options = {**options, "attributes": [key for key in _KEYS if key in _keys_of(path)] or None}
    return ga.read_regions(path, **options)


def _keys_of(path: Path) -> set[str]:
    """Attributes of the first rows."""
    import gzip
    from itertools import islice

    from genoarrays.formats.intervals.attributes import gff3_attributes, gtf_attributes

    read = gtf_attributes if ".gtf" in path.suffixes else gff3_attributes
    found: set[str] = set()
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        rows = (line.rstrip("\n").split("\t") for line in lines if not line.startswith("#"))
        for row in islice(rows, 20_000):
            found |= set(read(row[8]) or ()) if len(row) > 8 else set()
    return found


def _highlighted(asked: tuple[str, ...], one_based: bool, options: dict[str, Any]) -> Any:
    """Regions to shade, of strings and files."""
    import genoarrays as ga

    tables = [
        ga.read_regions(one, **options)
        if Path(one).exists()
        else ga.read_regions([str(ga.region(one, one_based=one_based))], options["like"])
        for one in asked
    ]
    return ga.concat_regions(tables) if tables else None
