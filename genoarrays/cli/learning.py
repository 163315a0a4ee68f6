"""`genoarrays train, predict, score`: from a store to a model, and from a model to numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import name_values, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.recipe import Recipe

__all__ = ["predict", "score", "train"]

STORE = click.argument("store")
MODEL = click.argument("model", type=click.Path(path_type=Path))
REGIONS = click.option("--regions", help="BED or peak file to tile; by default the whole genome.")
STEP = click.option("--step", type=int, help="bp between windows; by default the width.")


@click.command()
@STORE
@click.option("--inputs", required=True, multiple=True, callback=split_names,
              help="Variables that the model sees: dna,dnase.")  # fmt: skip
@click.option("--targets", required=True, multiple=True, callback=split_names,
              help="Variables that it learns.")  # fmt: skip
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the model.")
@click.option("--width", required=True, type=int, help="bp of a window.")
@name_values("--flank", int, "bp added on both sides, by variable.")
@name_values("--reduce", str, "mean, sum, max or min in a window; targets take max by default.")
@name_values("--bin-size", int, "bp per bin in the window, by variable; needs --reduce.")
@click.option("--log1p", multiple=True, callback=split_names, help="Variables to take log1p of.")
@REGIONS
@STEP
@click.option("--valid", required=True, multiple=True, callback=split_names,
              help="Contigs held out to stop early.")  # fmt: skip
@click.option("--test", required=True, multiple=True, callback=split_names,
              help="Contigs held out altogether.")  # fmt: skip
@click.option("--model", "builder", type=click.Choice(["classifier", "profile"]),
              default="classifier", show_default=True, help="Which network.")  # fmt: skip
@click.option("--order", default=1, show_default=True, help="Length of the k-mers of sequence.")
@click.option("--filters", type=int, help="Kernels of the first convolution.")
@click.option("--batch-size", default=64, show_default=True, help="Windows per step.")
@click.option("--epochs", default=30, show_default=True, help="Most passes over the windows.")
@click.option(
    "--patience", default=5, show_default=True, help="Passes without gain before it ends."
)
@click.option("--learning-rate", default=0.001, show_default=True, help="Of Adam.")
@click.option("--seed", default=0, show_default=True, help="Of weights, order and augmentation.")
@click.option("--reverse-complement/--no-reverse-complement", default=True, show_default=True,
              help="Turn half of the windows at random.")  # fmt: skip
@click.option("--memory", default="1 GiB", show_default=True, help="Budget for windows.")
@overwrite
@progress
def train(
    store: str,
    inputs: list[str],
    targets: list[str],
    out: Path,
    width: int,
    flank: dict[str, int],
    reduce: dict[str, str],
    bin_size: dict[str, int],
    log1p: list[str],
    regions: str | None,
    step: int | None,
    valid: list[str],
    test: list[str],
    builder: str,
    order: int,
    filters: int | None,
    reverse_complement: bool,
    **fitting: Any,
) -> None:
    """Train a model on windows of a store; test contigs are never seen.

    \b
      genoarrays train jund.zarr --inputs dna,dnase --targets bound --width 200 \\
          --flank dna=150,dnase=450 --log1p dnase --valid chr2 --test chr3 --out jund.model
    """  # noqa: D301
    import genoarrays as ga

    start_tensorflow()
    if builder == "classifier":
        reduce = {**dict.fromkeys(targets, "max"), **reduce}
    recipe = Recipe(inputs, targets, width, flank, reduce, bin_size, log1p)
    tree = ga.open_datatree(store)
    tiles = _tiles(tree, regions, width, step)
    parts = ga.split_regions(tiles, valid=valid, test=test)
    x, held_out = (recipe.examples(tree, part, targets=True) for part in parts[:2])
    names: Any = inputs[0] if len(inputs) == 1 else inputs
    aims: Any = targets[0] if len(targets) == 1 else targets
    options = {"order": order, "seed": fitting["seed"]} | ({"filters": filters} if filters else {})
    model = getattr(ga.models, builder)(x, names, aims, **options)
    history = ga.fit(
        model,
        x,
        validation=held_out,
        inputs=names,
        targets=aims,
        augment=ga.Augment(reverse_complement=reverse_complement),
        out=out,
        **fitting,
    )
    recipe.save(out)
    losses = history.history["val_loss"]
    click.echo(
        f"{out}: {x.sizes['window']:,} windows, {len(losses)} epochs, "
        f"best validation loss {min(losses):.4f}"
    )


def _tiles(tree: Any, regions: str | None, width: int, step: int | None) -> Any:
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    like = next(iter(without_levels(tree).values()))
    roi = like if regions is None else ga.read_regions(regions, like=like)
    return ga.tile_regions(roi, width=width, step=step, partial="drop")


def _on_contigs(tiles: Any, contigs: list[str]) -> Any:
    import numpy as np

    from genoarrays.errors import ContigError, RegionError
    from genoarrays.genome.regions import assembly_of

    if not contigs:
        return tiles
    assembly = assembly_of(tiles)
    if unknown := [contig for contig in contigs if contig not in assembly]:
        raise ContigError(f"--contigs {unknown[0]}: the store has {assembly.listing()}")
    kept = np.flatnonzero(np.isin(tiles.contig.values.astype(object), contigs))
    if not kept.size:
        raise RegionError(f"no window is left on {', '.join(contigs)}")
    return tiles.isel(region=kept)


CONTIGS = click.option("--contigs", multiple=True, callback=split_names,
                       help="Only these contigs.")  # fmt: skip


@click.command()
@MODEL
@STORE
@click.option("--out", required=True,
              help="bigWig file ({track} is filled in), or table: .tsv.")  # fmt: skip
@REGIONS
@STEP
@CONTIGS
@click.option("--batch-size", default=128, show_default=True, help="Windows per step.")
@click.option("--both-strands", is_flag=True, help="Average with the reverse complement.")
@overwrite
@progress
def predict(
    model: Path,
    store: str,
    out: str,
    regions: str | None,
    step: int | None,
    contigs: list[str],
    batch_size: int,
    both_strands: bool,
    overwrite: bool,
    progress: bool | None,
) -> None:
    """Predict windows of a store with a MODEL that `train` wrote.

    \b
      genoarrays predict jund.model jund.zarr --contigs chr3 --out jund.bw
    """  # noqa: D301
    import genoarrays as ga

    start_tensorflow()
    recipe = Recipe.load(model)
    if not out.endswith((".bw", ".bigwig", ".tsv")):
        raise click.UsageError(f"--out {out}: end it in .bw or .tsv")
    if Path(out).exists() and not overwrite:
        raise click.UsageError(f"{out} exists already; give another --out, or --overwrite")
    tree = ga.open_datatree(store)
    tiles = _on_contigs(_tiles(tree, regions, recipe.width, step), contigs)
    x = recipe.examples(tree, tiles, targets=False)
    both = "mean" if both_strands else None
    y: Any = ga.predict(model, x, batch_size, both_strands=both, progress=progress)
    if out.endswith(".tsv"):
        frame = y.drop_vars("assembly").to_dataframe().reset_index(drop=True)
        frame.to_csv(out, sep="\t", index=False, float_format="%.6g")
        written = [out]
    else:
        written = ga.to_bigwig(y, out, overwrite=overwrite)
    click.echo(f"{y.sizes['window']:,} windows -> {', '.join(written)}")


@click.command()
@MODEL
@STORE
@click.option("--metrics", multiple=True, callback=split_names, default=("auroc,auprc,pearson",),
              show_default=True, help="What to report.")  # fmt: skip
@click.option("--by", help='Also by "contig" or another coordinate of the windows.')
@REGIONS
@STEP
@CONTIGS
@click.option("--batch-size", default=128, show_default=True, help="Windows per step.")
@click.option("--out", type=click.Path(path_type=Path), help="JSON file to write too.")
@progress
def score(
    model: Path,
    store: str,
    metrics: list[str],
    by: str | None,
    regions: str | None,
    step: int | None,
    contigs: list[str],
    batch_size: int,
    out: Path | None,
    progress: bool | None,
) -> None:
    """Compare the predictions of a MODEL with the targets in a store.

    \b
      genoarrays score jund.model jund.zarr --contigs chr3
    """  # noqa: D301
    import genoarrays as ga

    start_tensorflow()
    recipe = Recipe.load(model)
    tree = ga.open_datatree(store)
    tiles = _on_contigs(_tiles(tree, regions, recipe.width, step), contigs)
    x = recipe.examples(tree, tiles, targets=True)
    y: Any = ga.predict(model, x, batch_size, progress=progress)
    found = {
        target: ga.score(x[target], y if len(recipe.targets) == 1 else y[target], metrics, by=by)
        for target in recipe.targets
    }
    for target, scores in found.items():
        click.echo(f"{target}:")
        click.echo(_table(scores).to_string(float_format="{:.4f}".format))
    if out is not None:
        records = {
            t: _table(scores).reset_index().to_dict("records") for t, scores in found.items()
        }
        out.write_text(json.dumps(records, indent=1) + "\n")


def _table(scores: Any) -> Any:
    """One row for each value of `by`, or a single one."""
    return (scores if scores.dims else scores.expand_dims(windows=["all"])).to_dataframe()
