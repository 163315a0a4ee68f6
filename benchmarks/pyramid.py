"""What does a pyramid cost, and what does it save? Run: python benchmarks/pyramid.py FOLDER

FOLDER has the files of corpus.py or gets them. All bigWigs are written to a store: without a
pyramid, with the default one, and with one of 8, 64, 512, ... bins. Then the longest contig is
drawn from the store without a pyramid, and from that with the default one. Each case is a fresh
process that has done the same on a small genome before. `--repeat 5`, `--json FILE`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from corpus import Options, make_corpus
from measure import in_turn, median, print_runs, run_job

import genoarrays as ga

SMALL_MB = 1
PYRAMIDS = {"none": False, "default": True, "of 8": 8}
Case = Callable[[Path, Path, int], None]


def store_of(folder: Path, kind: str) -> Path:
    return folder / f"pyramid-{kind.replace(' ', '-')}.zarr"


def write(kind: str, folder: Path, out: Path, workers: int) -> None:
    """Write all tracks, with a pyramid of some kind."""
    tracks = ga.open_bigwig(sorted(folder.glob("track*.bw")), fill=0)
    ga.to_zarr(tracks, out, pyramid=PYRAMIDS[kind], workers=workers, progress=False)


def draw(kind: str, folder: Path, out: Path, _: int) -> None:
    """Draw the longest contig."""
    signal = ga.open_zarr(store_of(folder, kind)).signal
    assembly = ga.axis_of(signal).assembly
    contig = assembly.names[int(assembly.lengths.argmax())]
    ga.plot_tracks([signal], contig).savefig(f"{out}.png", dpi=100)


CASES: dict[str, Case] = {
    **{f"write, {kind}": partial(write, kind) for kind in PYRAMIDS},
    **{f"draw, {kind}": partial(draw, kind) for kind in ("none", "default")},
}


def prepare(folder: Path, mb: float) -> None:
    """Files and stores of the genome, and of a small one below it, unless they are there."""
    for place, size in ((folder, mb), (folder / "small", SMALL_MB)):
        if not (place / "genome.fa").exists():
            make_corpus(place, Options(size, reads=0, bams=0))
        for kind in PYRAMIDS:
            if not store_of(place, kind).exists():
                write(kind, place, store_of(place, kind), 2)


def bytes_of(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what pyramids cost and save.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=CASES, help="measure one case in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result")
    given = parser.parse_args()
    if given.job:
        small = given.folder / "small"
        used = run_job(CASES[given.job], small, given.folder, given.out, 2)
        print(json.dumps(used))
        return
    prepare(given.folder, given.mb)
    commands = {n: [sys.executable, __file__, str(given.folder), f"--job={n}"] for n in CASES}
    runs: dict[str, Any] = in_turn(commands, given.repeat, given.folder)
    print_runs(runs)
    without = bytes_of(store_of(given.folder, "none"))
    for kind in PYRAMIDS:
        size = bytes_of(store_of(given.folder, kind))
        wall = median(runs[f"write, {kind}"]) / median(runs["write, none"])
        print(f"{kind:12}{size / 1e6:8.1f} MB, x {size / without:.2f}; written in x {wall:.2f}")
    times = median(runs["draw, none"]) / median(runs["draw, default"])
    print(f"a contig is drawn {times:.1f} times as fast")
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
