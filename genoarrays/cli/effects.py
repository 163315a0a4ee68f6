"""`genoarrays variants`: from a model, a store and a VCF to what each variant changes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import check, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import MODEL, STORE

__all__ = ["variants"]

_KINDS = (".zarr", ".tsv", ".tsv.gz", ".vcf", ".vcf.gz")


@click.command()
@MODEL
@STORE
@click.argument("variants", type=click.Path(path_type=Path))
@click.option("--out", required=True,
              help="What to write: a table, .tsv or .tsv.gz; a VCF with the scores as INFO fields, "
              ".vcf or .vcf.gz; or a store, .zarr.")  # fmt: skip
@click.option("--annotation", type=click.Path(),
              help="GFF, GTF or BED with strands: a variant in a feature is seen on the strand of "
              "that feature, of several on that of the shortest.")  # fmt: skip
@click.option("--feature", multiple=True, callback=split_names,
              help="Only these features of a GFF or GTF, such as gene.")  # fmt: skip
@click.option("--targets", multiple=True, callback=split_names,
              help="Only these outputs of the model.")  # fmt: skip
@click.option("--tracks", multiple=True, callback=split_names,
              help="Only these tracks, such as factors or cell types.")  # fmt: skip
@click.option("--scores", multiple=True, callback=split_names,
              help="Only these numbers: ref_score, alt_score, difference, log_odds, log2_ratio, "
              "sum_difference, l2, jsd.")  # fmt: skip
@click.option("--mismatch", type=click.Choice(["skip", "flag", "raise"]), default="skip",
              show_default=True, help="What to do with a variant whose REF is not what the genome "
              "has: leave it out, score and mark it, or stop.")  # fmt: skip
@click.option("--both-strands", is_flag=True, help="Average with the reverse complement.")
@click.option("--pseudocount", default=1.0, show_default=True,
              help="c of log2((alt + c) / (ref + c)), for outputs that are no "
              "probabilities.")  # fmt: skip
@click.option("--rename-contigs", type=click.Choice(["match", "ucsc", "ensembl", "roman",
              "ucsc_roman"]), help="Where the files name contigs otherwise than the store: chrIV "
              "and IV are matched.")  # fmt: skip
@click.option("--batch-size", default=256, show_default=True,
              help="Windows per step; half of them hold the alternative allele.")  # fmt: skip
@check
@overwrite
@progress
def variants(
    model: Path,
    store: str,
    variants: Path,
    out: str,
    annotation: str | None,
    feature: list[str],
    targets: list[str],
    tracks: list[str],
    scores: list[str],
    both_strands: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Say what each of the VARIANTS in a VCF or BCF changes in what a MODEL predicts.

    Both alleles are put into the window of the genome around the variant, and predicted. The table
    tells both scores and their difference, alt - ref; for probabilities the log odds ratio, for
    other numbers the log2 ratio. Single letters, insertions and deletions up to 50 bp are scored,
    each alternative allele by itself; what is left out is counted by reason.

    \b
    A table for a spreadsheet, and where the prediction falls most:
      genoarrays variants reb1.model yeast.zarr RM11-1A.vcf.gz --out effects.tsv
      sort -t$'\\t' -gk 14 effects.tsv | head
    A VCF, to be filtered by bcftools:
      genoarrays variants reb1.model yeast.zarr RM11-1A.vcf.gz --out effects.vcf.gz
      bcftools view -i 'INFO/difference < -0.5' effects.vcf.gz
    On the strand of genes:
      genoarrays variants cage.model human.zarr cohort.bcf --annotation genes.gff \\
          --feature gene --out effects.vcf.gz
    """  # noqa: D301
    import genoarrays as ga

    kind = next((end for end in sorted(_KINDS, key=len) if out.endswith(end)), None)
    if kind is None:
        raise click.UsageError(f"--out {out}: end it in {', '.join(_KINDS)}")
    if os.path.exists(out) and not overwrite:
        raise click.UsageError(f"{out} exists already; give another --out, or --overwrite")
    if feature and annotation is None:
        raise click.UsageError("--feature chooses among those of --annotation; give that, too")
    folder = os.path.dirname(os.path.abspath(out))
    if not os.path.isdir(folder):
        raise click.UsageError(f"--out {out}: there is no folder {folder}")
    start_tensorflow()
    tree = ga.open_datatree(store)
    features: Any = annotation
    if feature:
        genome = next(node.to_dataset() for node in tree.leaves)
        features = ga.read_regions(
            annotation, like=genome, feature=feature, out_of_bounds="clip",
            rename_contigs=options["rename_contigs"],
        )  # fmt: skip
    with tempfile.TemporaryDirectory(prefix=f".{os.path.basename(out)}.", dir=folder) as beside:
        at = out if kind == ".zarr" else os.path.join(beside, "effects.zarr")
        effects = ga.variant_effects(
            model, variants, like=tree, out=at, overwrite=overwrite, annotation=features,
            targets=targets or None, tracks=tracks or None, scores=scores or None,
            both_strands="mean" if both_strands else None, **options,
        )  # fmt: skip
        if kind != ".zarr":
            write = ga.to_vcf if kind.startswith(".vcf") else ga.effects_to_tsv
            write(effects, out, overwrite=overwrite)
    counts = dict(effects.attrs["variants"])
    records, scored = counts.pop("records"), counts.pop("scored")
    why = ", ".join(f"{number:,} {reason.replace('_', ' ')}" for reason, number in counts.items())
    skipped = f"; not scored, or marked: {why}" if why else ""
    click.echo(f"{out}: {scored:,} alleles of {records:,} records{skipped}")
