"""`genoarrays train`: from a store to a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genoarrays.cli.config import config
from genoarrays.cli.options import name_values, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import REGIONS, STEP, STORE, tiles_of

__all__ = ["train"]


PUBLISHED = (
    "jund_dna", "jund_dnase", "jund_joint", "deepsea", "danq", "cage_dna", "cage_chromatin",
    "cage_joint",
)  # fmt: skip
TAKES = {
    "classifier": {"filters"},
    "profile": {"filters"},
    "bpnet": {"filters", "strands", "scale"},
    **{name: {"strands", "scale"} for name in PUBLISHED},
}
"""Options of the networks, which not all of them have."""
ALONG = ("profile", "bpnet")
"""Networks whose targets keep their offsets."""


@click.command()
@STORE
@config
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
              help="Contigs, or a file of regions, held out to stop early.")  # fmt: skip
@click.option("--test", required=True, multiple=True, callback=split_names,
              help="Contigs, or a file of regions, held out altogether.")  # fmt: skip
@click.option("--model", "builder", type=click.Choice(list(TAKES)),
              default="classifier", show_default=True, help="Which network; bpnet also learns "
              "log1p of the sum of each target, as TARGET_total.")  # fmt: skip
@click.option("--strands", type=click.Choice(["both", "forward"]),
              help="Of the first convolution over sequence; published networks.")  # fmt: skip
@click.option("--scale", type=float, help="Of the filters; published networks.")
@click.option("--order", default=1, show_default=True, help="Length of the k-mers of sequence.")
@click.option("--filters", type=int, help="Kernels of the first convolution; classifier, "
              "profile, bpnet.")  # fmt: skip
@click.option("--batch-size", default=64, show_default=True, help="Windows per step.")
@click.option("--epochs", default=30, show_default=True, help="Most passes over the windows.")
@click.option(
    "--patience", default=5, show_default=True, help="Passes without gain before it ends."
)
@click.option("--learning-rate", default=0.001, show_default=True, help="Of Adam.")
@click.option("--schedule", type=click.Choice(["cosine"]),
              help="How the learning rate falls until the last of --epochs.")  # fmt: skip
@click.option("--loss", help="Instead of what follows from the model: mae, poisson, ...")
@name_values("--loss-weights", float, "Weight of each target in the loss: cuts_total=10.")
@click.option("--balance", help='What shall count the same altogether: a target, or "contig".')
@name_values("--class-weights", float, "Weight of each label: 0=1,1=10.")
@click.option("--passes", default=1, show_default=True, help="Reads of a block in a pass.")
@click.option("--tracks", type=int, help="Tracks to learn in each step, drawn anew.")
@click.option("--repeats", default=1, show_default=True, help="Trainings; the best is kept.")
@click.option("--resume", is_flag=True, help="Go on where the same training was interrupted.")
@click.option("--tensorboard", help="Folder for logs.")
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
    strands: str | None,
    scale: float | None,
    class_weights: dict[str, float],
    loss_weights: dict[str, float],
    reverse_complement: bool,
    **fitting: Any,
) -> None:
    """Train a model on windows of a store; test contigs are never seen.

    \b
      genoarrays train jund.zarr --inputs dna,dnase --targets bound --width 200 \\
          --flank dna=150,dnase=450 --log1p dnase --valid chr2 --test chr3 --out jund.model
      genoarrays train jund.zarr --config run.toml --seed 1 --out jund.1.model
    """  # noqa: D301
    import genoarrays as ga

    start_tensorflow()
    own = {"filters": filters, "strands": strands, "scale": scale}
    options = {name: value for name, value in own.items() if value is not None}
    if wrong := set(options) - TAKES[builder]:
        raise click.UsageError(f"--model {builder} takes no --{min(wrong)}")
    try:
        fitting["class_weights"] = {float(k): v for k, v in class_weights.items()} or None
    except ValueError:
        raise click.UsageError("--class-weights: labels are numbers, as in 0=1,1=10") from None
    if builder not in ALONG:
        reduce = {**dict.fromkeys(targets, "max"), **reduce}
    cut = {"width": width, "flank": flank, "reduce": reduce, "bin_size": bin_size}
    tree = ga.open_datatree(store)
    tiles = tiles_of(tree, regions, width, step)
    parts = ga.split_regions(tiles, valid=valid, test=test)
    variables = _only(tree, [*inputs, *targets])
    x, held_out = (_windows(variables, part, log1p, cut) for part in parts[:2])
    if builder == "bpnet":
        counted = [n for n in targets if any(str(d).startswith("offset") for d in x[n].dims)]
        x, held_out = (
            one.assign(_totals(variables, part, counted, width))
            for one, part in zip((x, held_out), parts[:2], strict=True)
        )
        targets = [*targets, *(f"{name}_total" for name in counted)]
    names: Any = inputs[0] if len(inputs) == 1 else inputs
    aims: Any = targets[0] if len(targets) == 1 else targets
    options |= {"order": order, "seed": fitting["seed"]}
    model = getattr(ga.models, builder)(x, names, aims, **options)
    history = ga.fit(
        model,
        x,
        validation=held_out,
        inputs=names,
        targets=aims,
        loss_weights=loss_weights or None,
        augment=ga.Augment(reverse_complement=reverse_complement),
        out=out,
        **fitting,
    )
    runs = history if isinstance(history, list) else [history]
    best = min(runs, key=lambda run: min(run.history["val_loss"]))
    losses = best.history["val_loss"]
    click.echo(
        f"{out}: {x.sizes['window']:,} windows, {len(losses)} epochs, "
        f"best validation loss {min(losses):.4f}"
    )


def _only(tree: Any, names: list[str]) -> Any:
    """The variables that are needed; the others are not cut into windows."""
    import xarray as xr

    from genoarrays.models.recut import variables_of

    nodes: dict[str, Any] = {}
    for name, (path, array) in variables_of(tree, names).items():
        nodes.setdefault(path, {})[name] = array
    return xr.DataTree.from_dict({path: xr.Dataset(arrays) for path, arrays in nodes.items()})


def _windows(tree: Any, regions: Any, log1p: list[str], cut: dict[str, Any]) -> Any:
    """Windows; the signature tells what was done, so that others can make the same."""
    import genoarrays as ga

    x = ga.windows(tree, regions, **cut)
    if unknown := [name for name in log1p if name not in x]:
        raise click.UsageError(
            f"--log1p {unknown[0]}: it is neither input nor target; these are "
            f"{', '.join(map(str, x.data_vars))}"
        )
    return x.assign(
        {name: ga.normalize(x[name], ga.fit_normalizer(x[name], "log1p")) for name in log1p}
    )


def _totals(tree: Any, regions: Any, names: list[str], width: int) -> dict[str, Any]:
    """log1p of sums over windows; the signature tells what they are sums of."""
    import genoarrays as ga

    found = {}
    for name in names:
        sums = ga.windows(_only(tree, [name]), regions, width, reduce={name: "sum"})[name]
        total = sums.rename(f"{name}_total")
        found[f"{name}_total"] = ga.normalize(total, ga.fit_normalizer(total, "log1p"))
    return found
