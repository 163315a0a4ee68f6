"""`genoarrays predict`: from a model and a store to predictions along the genome."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from xarray import Dataset

from genoarrays.cli.options import check, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import (
    CONTIGS,
    MODEL,
    REGIONS,
    STORE,
    on_contigs,
    signature_of,
    tiles_of,
)

__all__ = ["predict"]


@click.command()
@MODEL
@STORE
@click.option("--out", required=True,
              help="What to write: a store, .zarr; tracks for a genome browser, .bw ({track} and "
              "{name} are filled in); or a table of windows, .tsv.")  # fmt: skip
@CONTIGS
@REGIONS
@click.option("--step", type=int, help="bp between windows; by default the width, so that none "
              "overlap. Fewer give finer or smoother tracks, and take longer.")  # fmt: skip
@click.option("--overlap", type=click.Choice(["center", "mean"]), default="center",
              show_default=True, help="What a bin takes where windows overlap: the value of the "
              "window around it, or the mean of all that cover it.")  # fmt: skip
@click.option("--targets", multiple=True, callback=split_names,
              help="Only these outputs of the model.")  # fmt: skip
@click.option("--batch-size", default=128, show_default=True, help="Windows per step.")
@click.option("--both-strands", is_flag=True, help="Average with the reverse complement.")
@click.option("--scheduler", metavar="threads|processes|tcp://HOST:PORT",
              help="What predicts contigs; an address is that of a dask scheduler.")  # fmt: skip
@click.option("--workers", default=2, show_default=True, help="Threads or processes.")
@check
@overwrite
@progress
def predict(
    model: Path,
    store: str,
    out: str,
    contigs: list[str],
    regions: str | None,
    step: int | None,
    overlap: str,
    targets: list[str],
    batch_size: int,
    both_strands: bool,
    scheduler: str | None,
    workers: int,
    check: bool,
    overwrite: bool,
    progress: bool | None,
) -> None:
    """Predict along the genome of a STORE with a MODEL that `train` wrote.

    Whole contigs are cut into windows as wide as in training, end to end; each bin of the result is
    what the model says about the window there. The last window of a contig is padded as in
    training. The same call again goes on with a prediction that was interrupted.

    \b
    A track of chromosome 3 for IGV or the UCSC browser:
      genoarrays predict jund.model jund.zarr --contigs chr3 --out jund.bw
    The whole genome, to be opened with ga.open_zarr, or exported later:
      genoarrays predict jund.model jund.zarr --out pred.zarr
    A smoother track: a window at every 50 bp, and the mean of all that cover a bin:
      genoarrays predict jund.model jund.zarr --step 50 --overlap mean --out jund.bw
    Only some places, such as peaks, as a table:
      genoarrays predict jund.model jund.zarr --regions peaks.bed --out peaks.tsv
    """  # noqa: D301
    import genoarrays as ga

    kind = _kind(out, regions)
    signature = signature_of(model)
    if unknown := [name for name in targets if name not in signature.targets]:
        there = ", ".join(signature.targets)
        raise click.UsageError(f"--targets {unknown[0]}: the model has {there}")
    names = targets or list(signature.targets)
    if kind == ".bw":
        _check_placeholders(out, {name: signature.targets[name].dims for name in names})
    files = [out.replace("{name}", name) for name in names]
    if kind != ".zarr" and not overwrite and (old := next(filter(os.path.exists, files), None)):
        raise click.UsageError(f"{old} exists already; give another --out, or --overwrite")
    start_tensorflow()
    tree = ga.open_datatree(store)
    both = "mean" if both_strands else None
    if kind == ".tsv" or regions is not None:
        tiles = on_contigs(tiles_of(tree, regions, signature.width, step), contigs)
        y: Any = ga.predict(
            model, tiles, batch_size, like=tree, targets=targets or None, both_strands=both,
            check=check, progress=progress,
        )  # fmt: skip
        _write_windows(y, out, overwrite, overlap)
        return
    at: str = out
    replace: bool | str = overwrite
    if kind != ".zarr":  # what lies beside a file may go, unless it is what is asked for
        at = _beside(out)
        replace = "changed" if Path(at).exists() or not overwrite else True
    with _client(scheduler) as (client, local):
        y = ga.predict_genome(
            model, like=tree, step=step, contigs=contigs or None, out=at, overlap=overlap,
            targets=targets or None, batch_size=batch_size, both_strands=both, check=check,
            client=client, scheduler=local, workers=workers, overwrite=replace,
            progress=progress,
        )  # fmt: skip
    arrays = _arrays(y)
    for name, array in arrays.items():
        bins = f"{array.sizes['position']:,} bins of {ga.bin_size_of(array)} bp"
        click.echo(f"{name}: {bins}")
    written = [out]
    if kind != ".zarr":
        written = _write_bigwigs(arrays, out, overwrite)
        shutil.rmtree(at)
    click.echo("\n".join(written))


def _kind(out: str, regions: str | None) -> str:
    """What is to be written, by the end of its name."""
    kind = {".bigwig": ".bw"}.get(Path(out).suffix.lower(), Path(out).suffix.lower())
    if kind not in (".zarr", ".bw", ".tsv"):
        raise click.UsageError(f"--out {out}: end it in .zarr, .bw or .tsv")
    if kind == ".zarr" and regions is not None:
        raise click.UsageError("--regions gives .bw or .tsv; a .zarr holds whole contigs")
    return kind


def _check_placeholders(out: str, dims: dict[str, tuple[str, ...]]) -> None:
    """One file for each output and track: found out before hours of predicting."""
    if len(dims) > 1 and "{name}" not in out:
        raise click.UsageError(
            f"the model has the outputs {', '.join(dims)}: write {{name}} in --out, as in "
            "{name}.bw, or say --targets"
        )
    for name, own in dims.items():
        for dim in own:
            if dim != "strand" and not dim.startswith("offset") and f"{{{dim}}}" not in out:
                raise click.UsageError(
                    f"{name} has the dimension {dim}, and a bigWig holds one track: write "
                    f"{{{dim}}} in --out, as in {{{dim}}}.bw"
                )


def _beside(out: str) -> str:
    """Hidden store beside a file, where predictions stay until the file is complete."""
    name = Path(out).name.replace("{", "").replace("}", "")
    return str(Path(out).with_name(f".{name}.zarr"))


@contextmanager
def _client(scheduler: str | None) -> Iterator[tuple[Any, str | None]]:
    """A client of a dask scheduler by its address, or what is to run here."""
    if scheduler is None or "://" not in scheduler:
        yield None, scheduler
        return
    from distributed import Client

    with Client(scheduler) as client:
        yield client, None


def _arrays(y: Any) -> dict[str, Any]:
    """Predictions by name, of one or several nodes."""
    from genoarrays.genome.pyramid import without_levels

    nodes = [y] if not hasattr(y, "subtree") else list(without_levels(y).values())
    return {str(name): ds[name] for ds in nodes for name in ds.data_vars}


def _write_windows(y: Any, out: str, overwrite: bool, overlap: str) -> None:
    """Table, or tracks, of predicted windows."""
    if out.endswith(".tsv"):
        frame = y.drop_vars("assembly").to_dataframe().reset_index(drop=True)
        frame.to_csv(out, sep="\t", index=False, float_format="%.6g")
        written = [out]
    else:
        arrays = {str(n): y[n] for n in y} if isinstance(y, Dataset) else {str(y.name): y}
        written = _write_bigwigs(arrays, out, overwrite, overlap=overlap)
    click.echo(f"{y.sizes['window']:,} windows -> {', '.join(written)}")


def _write_bigwigs(arrays: dict[str, Any], out: str, overwrite: bool, **options: Any) -> list[str]:
    """One file, or several, for each output."""
    import genoarrays as ga

    return [
        path
        for name, array in arrays.items()
        for path in ga.to_bigwig(array, out.replace("{name}", name), overwrite=overwrite, **options)
    ]
