"""`genoarrays report`: all there is to know of a run, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genoarrays.cli.looking import attributions_in, free, read_genes
from genoarrays.cli.options import check, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import CONTIGS, REGIONS, STEP, on_contigs, signature_of, tiles_of
from genoarrays.cli.variables import variable_of

__all__ = ["report"]

_FILES = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="HTML file to write.")
@click.option("--store", help="Store to predict and score --contigs or --regions of.")
@CONTIGS
@REGIONS
@STEP
@click.option("--metrics", multiple=True, callback=split_names,
              help="As of score; by default those that suit the labels.")  # fmt: skip
@click.option("--by", default="contig", show_default=True, help="Scores also by this coordinate.")
@click.option("--attribution", type=_FILES, help="Store of attributions to draw letters of.")
@click.option("--tracks", multiple=True, callback=split_names,
              help="Variables of the store to draw; by default inputs and targets.")  # fmt: skip
@click.option("--predictions", type=_FILES, help="Store of predictions along the genome, from "
              "`genoarrays predict`, to draw too.")  # fmt: skip
@click.option("--genes", multiple=True, type=_FILES, help="GTF, GFF3 or BED12 to draw too.")
@click.option("--place", "places", multiple=True, help="Region to draw, repeatable; by default "
              "around the three highest predictions.")  # fmt: skip
@click.option("--rename-contigs", help="Of files with other contig names: match, ucsc, ...")
@click.option("--batch-size", default=128, show_default=True, help="Windows per step.")
@click.option("--title", help="Of the page; by default the name of the run.")
@check
@overwrite
@progress
def report(
    run: Path,
    out: Path,
    store: str | None,
    contigs: list[str],
    regions: str | None,
    step: int | None,
    metrics: list[str],
    by: str,
    attribution: Path | None,
    tracks: list[str],
    predictions: Path | None,
    genes: tuple[Path, ...],
    places: tuple[str, ...],
    rename_contigs: str | None,
    batch_size: int,
    title: str | None,
    check: bool,
    overwrite: bool,
    progress: bool | None,
) -> None:
    """Write a page about a RUN: the folder of a model that `train` wrote.

    Settings, data and how it learned; with --store and the contigs that the training did not see
    also scores and curves, and the genome around the highest predictions. One HTML file that needs
    no network and can be mailed.

    \b
      genoarrays report jund.model --out jund.html
      genoarrays report jund.model --store jund.zarr --contigs chr3 --genes gencode.gtf.gz \\
          --attribution jund.attr.zarr --out jund.html
    """  # noqa: D301
    from xarray import Dataset

    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    if store is None and (contigs or regions or tracks or predictions or genes or places):
        raise click.UsageError("--store is missing: the store that windows and tracks come from")
    if store is not None and not (contigs or regions or places):
        raise click.UsageError(
            "say --contigs or --regions that the training did not see, or --place"
        )
    if out.exists() and not overwrite:
        raise click.UsageError(f"{out} exists already; give another --out, or --overwrite")
    truth: Any = None
    guess: Any = None
    shown: dict[str, Any] = {}
    if store is not None:
        signature = signature_of(run)
        tree = ga.open_datatree(store)
        like = next(iter(without_levels(tree).values()))
        if contigs or regions:
            start_tensorflow()
            tiles = on_contigs(tiles_of(tree, regions, signature.width, step), contigs)
            x = signature.examples(tree, check=check, targets=True)(tiles)
            guess = ga.predict(run, x, batch_size, check=check, progress=progress)
            names = list(signature.targets)
            truth = x[names] if len(names) > 1 else x[names[0]]
            arrays = {str(n): guess[n] for n in guess} if len(names) > 1 else {names[0]: guess}
            shown |= {f"{name}, predicted": array for name, array in arrays.items()}
        for name in tracks or _known(signature, tree):
            shown[name] = variable_of(tree, name)
        if predictions is not None:
            for name, array in _arrays(predictions).items():
                shown[free(f"{name}, predicted", shown)] = array
        for path in genes:
            shown[free("genes", shown)] = read_genes(
                path, {"like": like, "rename_contigs": rename_contigs}
            )
    letters: Any = None
    if attribution is not None:
        found = attributions_in(attribution)
        letters = next(iter(found.values())) if len(found) == 1 else Dataset(found)
    ga.write_report(
        run, out, truth, guess, metrics=metrics or None, by=by or None, attribution=letters,
        tracks=shown or None, regions=list(places) or None, title=title, overwrite=overwrite,
    )  # fmt: skip
    click.echo(out)


def _known(signature: Any, tree: Any) -> list[str]:
    """Targets and inputs that are variables of a store."""
    from genoarrays.cli.variables import arrays_of

    there = arrays_of(tree)
    names = [*signature.targets, *signature.inputs]
    return [name for name in names if name in there]


def _arrays(path: Path) -> dict[str, Any]:
    """Predictions along the genome in a store."""
    import genoarrays as ga
    from genoarrays.plot.tracks import arrays_in

    return {str(array.name): array for array in arrays_in(ga.open_datatree(str(path)))}
