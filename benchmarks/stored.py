"""Which stores is speed measured on, and at which places? Used by windows.py, stream.py, lazy.py.

A folder that has `genome.fa`, `track*.bw`, `genome.sizes` and `windows.bed` is taken as it is, one
that has nothing gets them from corpus.py. Beside them come, once, `store.zarr` (DNA and all tracks
at 1 bp with missing as 0, and the tracks' means over 128 bp) and the windows of each width as BED
files, sorted and all of them inside contigs: what others are given is the same.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from corpus import Options, make_corpus

import genoarrays as ga

STORE, TRACKS = "store.zarr", "tracks.zarr"


def make_store(folder: Path, mb: float = 100, windows: int = 200_000) -> Path:
    """Files and store in `folder`, unless they are there."""
    if not (folder / "genome.fa").exists():
        make_corpus(folder, Options(mb, reads=0, bams=0, windows=windows))
    path = folder / STORE
    if not path.exists():
        files = sorted(folder.glob("track*.bw"))
        fine = ga.merge(ga.open_fasta(folder / "genome.fa"), ga.open_bigwig(files, fill=0))
        coarse = ga.open_bigwig(files, name="signal128", bin_size=128, how="mean0", fill=0)
        ga.to_zarr({"1bp": fine, "128bp": coarse}, path, progress=False)
    return path


def make_tracks(folder: Path, mb: float = 100) -> Path:
    """Files, and a store of the tracks alone, in `folder`, unless they are there."""
    if not (folder / "genome.fa").exists():
        make_corpus(folder, Options(mb, reads=0, bams=0))
    path = folder / TRACKS
    if not path.exists():
        ga.to_zarr(ga.open_bigwig(sorted(folder.glob("track*.bw"))), path, progress=False)
    return path


def scattered_bed(
    folder: Path, name: str, count: int, low: int, high: int, *, apart: bool = False
) -> Path:
    """BED file of regions of `low` to `high` bp on both strands, in no order.

    Every contig of `low` bp or more has some; at most one for 500 bp. `apart` sorts them and leaves
    out those that begin inside another.
    """
    path = folder / name
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    sizes = {contig: bp for contig, bp in sizes_of(folder).items() if bp >= low}
    names, length = list(sizes), np.array(list(sizes.values()))
    edges = np.concatenate([[0], np.cumsum(length)])
    at = rng.integers(0, edges[-1], max(min(count, edges[-1] // 500), len(names)))
    at[: len(names)] = edges[:-1]
    code = np.searchsorted(edges, at, side="right") - 1
    width = np.minimum(rng.integers(low, high + 1, len(at)), length[code])
    start = np.minimum(at - edges[code], length[code] - width)
    order = np.lexsort([start, code]) if apart else rng.permutation(len(at))
    strand = rng.choice(["+", "-"], len(at))
    columns = (column[order].tolist() for column in (code, start, start + width, strand))
    text, last = [], (-1, 0)
    for c, s, e, sign in zip(*columns, strict=True):
        if not apart or (c, s) >= last:
            text.append(f"{names[c]}\t{s}\t{e}\t.\t0\t{sign}\n")
            last = (c, e)
    path.write_text("".join(text))
    return path


def windows_bed(folder: Path, width: int, count: int = 0, *, mixed: bool = False) -> Path:
    """BED file of windows of one width, `count` of them where given; `mixed` over both strands."""
    name = f"windows-{width}" + f"-{count}" * bool(count) + "-mixed" * mixed
    path = folder / f"{name}.bed"
    if not path.exists():
        contig, start = windows_inside(folder, width)
        rng = np.random.default_rng(0)
        if 0 < count < len(start):
            some = np.sort(rng.choice(len(start), count, replace=False))
            contig, start = contig[some], start[some]
        strand = rng.choice(["+", "-"], len(start)) if mixed else np.full(len(start), "+")
        rows = zip(contig, start.tolist(), strand, strict=True)
        text = "".join(f"{c}\t{s}\t{s + width}\t.\t0\t{strand}\n" for c, s, strand in rows)
        path.write_text(text)
    return path


def windows_inside(folder: Path, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Contigs and starts of windows around the centers of windows.bed that lie on their contig."""
    length = sizes_of(folder)
    table = np.loadtxt(folder / "windows.bed", dtype=str, delimiter="\t", usecols=(0, 1, 2))
    contig, begin, end = table[:, 0], table[:, 1].astype(int), table[:, 2].astype(int)
    start = (begin + end) // 2 - width // 2
    longest = np.array([length[name] for name in contig])
    inside = (start >= 0) & (start + width <= longest)
    return contig[inside], start[inside]


def sizes_of(folder: Path) -> dict[str, int]:
    """Length of each contig."""
    lines = (line.split("\t") for line in (folder / "genome.sizes").read_text().splitlines())
    return {contig: int(bp) for contig, bp in lines}


def cut(folder: Path, bed: Path, node: str | None = "1bp", **options: object) -> xr.Dataset:
    """Windows of the store at a BED file's rows, from one node or (None) from all."""
    tree = ga.open_datatree(folder / STORE)
    regions = ga.read_regions(bed, like=tree["1bp"].to_dataset())
    return ga.windows(tree[node].to_dataset() if node else tree, regions, **options)
