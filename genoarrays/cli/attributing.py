"""`genoarrays attribute`: which bases made a model say what it says?"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import check, name_values, overwrite, progress, split_names
from genoarrays.cli.quiet import start_tensorflow
from genoarrays.cli.tiles import CONTIGS, MODEL, STORE, on_contigs, signature_of

__all__ = ["attribute"]

_METHODS = {
    "integrated-gradients": "integrated_gradients",
    "input-x-gradient": "input_x_gradient",
    "saturation": "saturation_mutagenesis",
}
_KINDS = (".zarr", ".bw", ".tsv", ".npz")


@click.command()
@MODEL
@STORE
@click.option("--regions", required=True, multiple=True,
              help="Where to look: a BED or peak file, or a region such as chr2:1,000-1,200. "
              "Repeatable.")  # fmt: skip
@click.option("--out", required=True,
              help="What to write: a store with a value for each letter, .zarr; a track with "
              "one for each base, .bw (with saturation, what the other letters lose on average); a "
              "table of bases, .tsv; arrays for other tools, .npz. {name} is filled in with the "
              "input.")  # fmt: skip
@click.option("--method", type=click.Choice(list(_METHODS)), default="integrated-gradients",
              show_default=True, help="How: the first adds up to the prediction; the second is "
              "quick; the third tries every other base.")  # fmt: skip
@click.option("--target", help="Output of the model, where it has several.")
@click.option("--track", help="Track of the output, where it has several.")
@name_values("--at", str, "What to explain along another dimension of the output: a label, sum or "
             "mean, as in strand=+. Profiles are summed by default.")  # fmt: skip
@click.option("--logit", is_flag=True,
              help="Explain the log-odds instead of the probability, which hardly moves near 0 and "
              "1. For outputs that are probabilities.")  # fmt: skip
@click.option("--baseline", type=click.Choice(["zero", "shuffled"]), default="zero",
              show_default=True, help="What integrated gradients begin at: no letters, which "
              "a model may never have seen, or shuffles with the same dinucleotides.")  # fmt: skip
@click.option("--shuffles", default=10, show_default=True, help="Shuffled sequences per window.")
@click.option("--seed", default=0, show_default=True, help="Of the shuffles.")
@click.option("--steps", default=50, show_default=True, help="Steps of integrated gradients.")
@click.option("--of", multiple=True, callback=split_names,
              help="Only these inputs of the model; the others stay as they are.")  # fmt: skip
@click.option("--anchor", type=click.Choice(["center", "summit", "tile"]), default="center",
              show_default=True, help="A window around the center or the summit of each region, or "
              "windows end to end over all of it.")  # fmt: skip
@CONTIGS
@click.option("--out-of-bounds", type=click.Choice(["error", "clip", "drop"]), default="error",
              show_default=True, help="Regions past the end of a contig.")  # fmt: skip
@click.option("--rename-contigs", help="Of --regions with other contig names: match, ucsc, ...")
@click.option("--motifs", type=click.Path(path_type=Path),
              help="Known motifs, in MEME format: print the motif that the model looks at, and the "
              "known ones that are most alike.")  # fmt: skip
@click.option("--columns", help="Letters of the columns of --motifs, where its ALPHABET is wrong.")
@click.option("--batch-size", default=256, show_default=True, help="Windows per step.")
@check
@overwrite
@progress
def attribute(
    model: Path,
    store: str,
    regions: tuple[str, ...],
    out: str,
    method: str,
    baseline: str,
    shuffles: int,
    seed: int,
    steps: int,
    of: list[str],
    anchor: str,
    contigs: list[str],
    rename_contigs: str | None,
    out_of_bounds: str,
    motifs: Path | None,
    columns: str | None,
    overwrite: bool,
    **options: Any,
) -> None:
    """Explain what a MODEL that `train` wrote says at some regions of a STORE.

    Every base of every window gets a number: by how much it raises (or, negative, lowers) the
    prediction. Windows are as wide as in training. On the minus strand (column 6 of a BED file)
    they are read in their own direction; tracks show each base at its true place.

    \b
    Letters to draw with `genoarrays plot --attribution`:
      genoarrays attribute reb1.model yeast.zarr --regions IV:1,000-1,200 --logit --out a.zarr
    A track for IGV or the UCSC browser, over all peaks of a chromosome:
      genoarrays attribute reb1.model yeast.zarr --regions peaks.bed --contigs IV --out a.bw
    Which motif was learnt:
      genoarrays attribute reb1.model yeast.zarr --regions peaks.bed --logit --out a.zarr \\
          --motifs yetfasco.meme --columns ATGC
    For TF-MoDISco and tangermeme (arrays contributions and one_hot: windows, letters, bases):
      genoarrays attribute reb1.model yeast.zarr --regions peaks.bed --out a.npz
    """  # noqa: D301
    import genoarrays as ga

    kind = Path(out).suffix.lower()
    if kind not in _KINDS:
        raise click.UsageError(f"--out {out}: end it in {', '.join(_KINDS)}")
    if columns and motifs is None:
        raise click.UsageError("--columns are those of --motifs; say that too")
    if os.path.exists(out) and not overwrite:
        raise click.UsageError(f"{out} exists already; give another --out, or --overwrite")
    known = None if motifs is None else ga.read_motifs(motifs, columns)  # before the long work
    start_tensorflow()
    signature = signature_of(model)
    tree = ga.open_datatree(store)
    found = {"rename_contigs": rename_contigs, "out_of_bounds": out_of_bounds}
    places = on_contigs(_places(tree, regions, signature.width, anchor, found), contigs)
    x = ga.load_model(model).signature.examples(tree, check=options["check"])(places)
    options |= {"of": of or None}
    if method == "integrated-gradients":
        options |= {"baseline": baseline, "shuffles": shuffles, "seed": seed, "steps": steps}
    if method == "saturation":
        options["of"] = of[0] if of else None
    a: Any = getattr(ga, _METHODS[method])(model, x, **options)
    arrays = {str(n): a[n] for n in a.data_vars} if hasattr(a, "data_vars") else {_name(a, x): a}
    _WRITERS[kind](arrays, x, out, overwrite)
    click.echo(f"{x.sizes['window']:,} windows -> {out}")
    if known is not None:
        _show_motifs(arrays, x, known)


def _places(
    tree: Any, regions: tuple[str, ...], width: int, anchor: str, found: dict[str, Any]
) -> Any:
    """Windows at regions."""
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    like = next(iter(without_levels(tree).values()))
    tables = [
        ga.read_regions(one if os.path.exists(one) else [one], like, **found) for one in regions
    ]
    table = tables[0] if len(tables) == 1 else ga.concat_regions(tables)
    if anchor == "tile":
        return ga.tile_regions(table, width=width)
    return ga.resize(table, width, anchor)


def _name(a: Any, x: Any) -> str:
    """Input of a lone array: the one with its offsets."""
    offset = next((d for d in a.dims if str(d).startswith("offset")), None)
    return next((str(n) for n, v in x.data_vars.items() if offset in v.dims), "attribution")


def _summed(array: Any) -> Any:
    """One value for each base: the sum over letters; what the others lose on average."""
    letters = [d for d in array.dims if str(d).startswith("channel")]
    total = array.sum(letters)
    if array.attrs.get("method") == "saturation mutagenesis":
        total = -total / (array.sizes[letters[0]] - 1)
    return total


def _write_zarr(arrays: dict[str, Any], x: Any, out: str, overwrite: bool) -> None:
    import numpy as np
    import xarray as xr

    from genoarrays.errors import StoreError

    if os.path.exists(out) and not (Path(out) / "zarr.json").is_file():
        raise StoreError(f"{out} is no zarr store, and is not replaced; remove it by hand")
    ds = xr.Dataset(arrays)
    texts = {
        n: v.astype(np.dtypes.StringDType()) for n, v in ds.coords.items() if v.dtype.kind == "U"
    }
    part = Path(out).with_name(f".{Path(out).name}.{os.getpid()}.part")
    try:
        ds.assign_coords(texts).to_zarr(part, zarr_format=3, consolidated=False)
        if os.path.exists(out):
            shutil.rmtree(out)
        part.rename(out)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write_bigwig(arrays: dict[str, Any], x: Any, out: str, overwrite: bool) -> None:
    import genoarrays as ga

    for name, array in arrays.items():
        place = _one_each(arrays, out, name)
        ga.to_bigwig(_summed(array), place, overlap="mean", overwrite=overwrite)


def _write_tsv(arrays: dict[str, Any], x: Any, out: str, overwrite: bool) -> None:
    """A row for each base with a column for each letter; for each value of other inputs."""
    import numpy as np

    for name, array in arrays.items():
        place = _one_each(arrays, out, name)
        letters = next((d for d in array.dims if str(d).startswith("channel")), None)
        total = _summed(array).rename("contribution")
        frame = total.drop_vars(["assembly", "strand"], errors="ignore").to_dataframe()
        frame = frame.reset_index()
        offset = next((d for d in array.dims if str(d).startswith("offset")), None)
        if offset is not None and array[offset].attrs.get("bin_size", 1) == 1:
            back = (frame["orientation"] == "-").to_numpy()
            at = frame[offset].to_numpy()
            position = np.where(back, frame["end"] - 1 - at, frame["start"] + at)
            frame.insert(list(frame).index(offset) + 1, "position", position)
        if letters is not None:
            codes = x[name].transpose("window", ...).values.reshape(-1)
            known = np.array([*x[name].attrs["alphabet"], "N"], dtype=object)
            frame["base"] = known[np.clip(codes, 0, len(known) - 1)]
            values = array.values.reshape(-1, array.sizes[letters])
            for column, letter in enumerate(array[letters].values.tolist()):
                frame[str(letter)] = values[:, column]
        part = f"{place}.{os.getpid()}.part"
        frame.to_csv(part, sep="\t", index=False, float_format="%.6g")
        os.replace(part, place)


def _one_each(arrays: dict[str, Any], out: str, name: str) -> str:
    if len(arrays) > 1 and "{name}" not in out:
        raise click.UsageError(
            f"the inputs {', '.join(arrays)} give a file each: write {{name}} in --out, as in "
            "{name}.bw, or say --of"
        )
    return out.replace("{name}", name)


def _write_npz(arrays: dict[str, Any], x: Any, out: str, overwrite: bool) -> None:
    import numpy as np

    import genoarrays as ga

    found: dict[str, Any] = {"window": np.array([str(label) for label in x.window.values.tolist()])}
    for name, array in arrays.items():
        end = "" if len(arrays) == 1 else f"_{name}"
        channel = next((d for d in array.dims if str(d).startswith("channel")), None)
        if channel is None:
            found[f"contributions{end}"] = array.values
            continue
        found[f"contributions{end}"] = array.transpose("window", channel, ...).values
        found[f"one_hot{end}"] = ga.one_hot(x[name]).transpose("window", "channel", ...).values
    part = f"{out}.{os.getpid()}.part.npz"
    np.savez_compressed(part, **found)
    os.replace(part, out)


_WRITERS = {".zarr": _write_zarr, ".bw": _write_bigwig, ".tsv": _write_tsv, ".npz": _write_npz}


def _show_motifs(arrays: dict[str, Any], x: Any, known: Any) -> None:
    """Print k-mers, motifs and what they are like."""
    import genoarrays as ga

    names = [n for n, a in arrays.items() if any(str(d).startswith("channel") for d in a.dims)]
    if not names:
        raise click.UsageError("--motifs are those of sequence, and no sequence was explained")
    name = names[0]
    total = _summed(arrays[name])
    kmers = ga.top_kmers(total, x[name], top=5)
    told = zip(kmers.kmer.values, kmers.mean_contribution.values, strict=True)
    click.echo("k-mers: " + ", ".join(f"{kmer} {value:.3g}" for kmer, value in told))
    seqlets = ga.find_seqlets(total, x[name])
    motif = ga.align_seqlets(seqlets)
    if not motif.sizes["motif"]:
        click.echo("no motif: fewer than 10 seqlets are alike")
        return
    click.echo(f"motif: {motif.consensus.values[0]} of {int(motif.sites[0]):,} seqlets")
    best = ga.compare_motifs(motif, known).isel(query=0).sortby("motif_rank")
    for row in range(min(5, best.sizes["motif"])):
        one = best.isel(motif=row)
        click.echo(
            f"{row + 1}. {one.motif.values} {one.alternate.values}: p = {float(one.p_value):.2g}, "
            f"E = {float(one.e_value):.2g}, strand {one.orientation.values}"
        )
