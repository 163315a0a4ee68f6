"""Which store are windows cut from, and where? Used by windows.py, stream.py and peers_windows.py.

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

STORE = "store.zarr"


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
    lines = (line.split("\t") for line in (folder / "genome.sizes").read_text().splitlines())
    length = {contig: int(bp) for contig, bp in lines}
    table = np.loadtxt(folder / "windows.bed", dtype=str, delimiter="\t", usecols=(0, 1, 2))
    contig, begin, end = table[:, 0], table[:, 1].astype(int), table[:, 2].astype(int)
    start = (begin + end) // 2 - width // 2
    longest = np.array([length[name] for name in contig])
    inside = (start >= 0) & (start + width <= longest)
    return contig[inside], start[inside]


def cut(folder: Path, bed: Path, node: str | None = "1bp", **options: object) -> xr.Dataset:
    """Windows of the store at a BED file's rows, from one node or (None) from all."""
    tree = ga.open_datatree(folder / STORE)
    regions = ga.read_regions(bed, like=tree["1bp"].to_dataset())
    return ga.windows(tree[node].to_dataset() if node else tree, regions, **options)
