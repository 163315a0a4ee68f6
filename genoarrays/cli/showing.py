"""`genoarrays demo`: the whole path on simulated data."""

from __future__ import annotations

from pathlib import Path

import click

from genoarrays.cli.options import overwrite, progress
from genoarrays.cli.quiet import start_tensorflow

__all__ = ["demo"]


@click.command()
@click.option("--out", default="genoarrays-demo", show_default=True, help="Folder for all files.",
              type=click.Path(path_type=Path))  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of simulation and trainings.")
@overwrite
@progress
def demo(out: Path, seed: int, overwrite: bool, progress: bool | None) -> None:
    """Try everything on a simulated genome: no data, no network, one or two minutes.

    Writes FASTA, BAM, bigWig and narrowPeak files, ingests them, trains four small models, predicts
    a contig that none has seen, and draws it.
    """
    from rich.console import Console
    from rich.table import Table

    from genoarrays.demo.run import run

    start_tensorflow()
    scores = run(out, seed=seed, overwrite=overwrite, say=click.echo, progress=progress)
    table = Table(title="held-out contig chr4", title_justify="left")
    table.add_column("model")
    for column in ("auROC", "auPRC", "windows", "bound"):
        table.add_column(column, justify="right")
    for name in scores.model.values.tolist():
        row = scores.sel(model=name)
        table.add_row(name, f"{float(row.auroc):.3f}", f"{float(row.auprc):.3f}",
                      f"{int(row.n):,}", f"{int(row.positives):,}")  # fmt: skip
    Console().print(table)
    click.echo(
        f"""
What to try next:
  look at        {out}/tracks.png  and  {out}/sequence.png
  inspect        genoarrays info {out}/demo.zarr
  your own data  genoarrays ingest genome.fa reads.bam peaks.narrowPeak --out my.zarr
  in Python      tree = ga.open_datatree("{out}/demo.zarr"); tree.sel(position="chr4:1,000-2,000")
  read           genoarrays/demo/run.py: the same in 180 lines of the public API"""
    )
