"""`genoarrays score, compare`: from a model to numbers, and from many runs to the best one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import check, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import (
    CONTIGS,
    MODEL,
    REGIONS,
    STEP,
    STORE,
    on_contigs,
    signature_of,
    tiles_of,
)

__all__ = ["compare", "score"]

_FILE = click.Path(path_type=Path)


@click.command()
@MODEL
@STORE
@click.option("--metrics", multiple=True, callback=split_names, default=("auroc,auprc,pearson",),
              show_default=True,
              help="What to report: auroc, auprc, f1, accuracy, log_loss, pearson, spearman, "
              "explained_variance, mse, mae, profile_pearson, jensen_shannon, counts_pearson, "
              "pearson_across_tracks.")  # fmt: skip
@click.option("--by", help='Also by "contig" or another coordinate of the windows.')
@click.option("--annotation", help="Table of regions (BED, GTF, ...): by what windows overlap.")
@click.option("--threshold", default=0.5, show_default=True, help="Of f1 and accuracy.")
@click.option("--bootstrap", default=0, help="Resamples for an interval of each metric: 1000.")
@click.option("--resample", help='What is drawn again: windows, or all of a "contig".')
@click.option("--seed", default=0, show_default=True, help="Of the resampling.")
@REGIONS
@STEP
@CONTIGS
@click.option("--batch-size", default=128, show_default=True, help="Windows per step.")
@click.option("--json", "--out", "json_file", type=_FILE, help="JSON file to write too; "
              "MODEL/scores.json is what compare reads.")  # fmt: skip
@click.option("--tsv", "tsv_file", type=_FILE, help="Table to write too.")
@click.option("--figure", "figure_file", help="Figure of curves or points to write too; "
              "{target} is filled in.")  # fmt: skip
@check
@progress
def score(
    model: Path,
    store: str,
    metrics: list[str],
    by: str | None,
    annotation: str | None,
    threshold: float,
    bootstrap: int,
    resample: str | None,
    seed: int,
    regions: str | None,
    step: int | None,
    contigs: list[str],
    batch_size: int,
    json_file: Path | None,
    tsv_file: Path | None,
    figure_file: str | None,
    check: bool,
    progress: bool | None,
) -> None:
    """Compare the predictions of a MODEL with the targets in a store.

    \b
      genoarrays score jund.model jund.zarr --contigs chr3 --json jund.model/scores.json
    """  # noqa: D301
    import genoarrays as ga

    if by is not None and annotation is not None:
        raise click.UsageError("--by and --annotation make groups both; give one of them")
    start_tensorflow()
    signature = signature_of(model)
    targets = list(signature.targets)
    if figure_file and len(targets) > 1 and "{target}" not in figure_file:
        raise click.UsageError(f"--figure {figure_file}: {len(targets)} targets need "
                               "{target} in the name")  # fmt: skip
    tree = ga.open_datatree(store)
    tiles = on_contigs(tiles_of(tree, regions, signature.width, step), contigs)
    groups: Any = by if annotation is None else ga.read_regions(annotation, like=tiles)
    x = signature.examples(tree, check=check, targets=True)(tiles)
    y: Any = ga.predict(model, x, batch_size, check=check, progress=progress)
    found = {}
    for target in targets:
        one = y if len(targets) == 1 else y[target]
        found[target] = ga.score(
            x[target], one, metrics, groups, threshold=threshold, bootstrap=bootstrap,
            resample=resample, seed=seed,
        )  # fmt: skip
        if figure_file:
            drawn = _figure(x[target], one, found[target], f"{target}: {model.name}")
            drawn.savefig(figure_file.replace("{target}", target), dpi=200)
    for target, scores in found.items():
        click.echo(f"{target}:")
        table = ga.scores_to_frame(scores)
        click.echo(table.to_string(index=False, float_format="{:.4f}".format, na_rep="-"))
    if json_file is not None:
        ga.scores_to_json(found, json_file)
    if tsv_file is not None:
        ga.scores_to_tsv(found, tsv_file)


def _figure(truth: Any, guess: Any, scores: Any, title: str) -> Any:
    """Curves of labels that are 0 and 1, else points."""
    import genoarrays as ga

    if {"auroc", "auprc"} & set(scores.data_vars):
        return ga.plot_curves(ga.curves(truth, guess), title=title)
    return ga.plot_scatter(truth, guess, title=title)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=_FILE)
@click.option("--sort", help="Column to sort by: losses and errors rise, all else falls.")
@click.option("--columns", multiple=True, callback=split_names,
              help="Columns to print; by default those in which runs differ.")  # fmt: skip
@click.option("--tsv", "tsv_file", type=_FILE, help="Table to write too, with all columns.")
@click.option("--figure", "figure_file", type=_FILE, help="Figure to write too: learning curves.")
def compare(
    runs: tuple[Path, ...],
    sort: str | None,
    columns: list[str],
    tsv_file: Path | None,
    figure_file: Path | None,
) -> None:
    """Compare RUNS: folders of models, or folders that hold them.

    Settings, losses at the best epoch, and the scores of `genoarrays score --json
    MODEL/scores.json`.

    \b
      genoarrays compare models/ --sort auprc --figure runs.png
    """  # noqa: D301
    import genoarrays as ga

    found = ga.compare(list(runs), sort)
    table = found.drop_dims("epoch").to_dataframe()
    names = [str(name) for name in table.columns]
    if unknown := [name for name in columns if name not in names]:
        raise click.UsageError(f"--columns {unknown[0]}: runs have {', '.join(names)}")
    shown = columns or [
        name for name in names if len(table) == 1 or table[name].nunique(dropna=False) > 1
    ]
    printed = table[shown].rename_axis(None)
    click.echo(printed.to_string(float_format="{:.4g}".format, na_rep="-"))
    if tsv_file is not None:
        table.to_csv(tsv_file, sep="\t")
    if figure_file is not None:
        ga.plot_runs(found, sort if sort in names and table[sort].dtype.kind in "iuf" else None
                     ).savefig(figure_file, dpi=200)  # fmt: skip
