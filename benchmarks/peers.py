"""How fast are others at the same jobs? Run: python benchmarks/peers.py FOLDER [--repeat 5]

A pysam loop, figwig, pbzarr and mosdepth take turns with genoarrays on one corpus (see ingest.py,
whose FOLDER this shares), each in a fresh process, after a small job of the same kind. They live in
a virtual environment of their own that is made on first use (`--venv`); mosdepth is a program that
the system has, or it is skipped.

What is compared: the loop and `figwig bam2bw` count 5' ends as we do, the loop into arrays only,
figwig into two bigWigs. pbzarr and mosdepth count depth, so `depth` is ours beside mosdepth.
`command` is figwig from the shell, imports included; else it is called in a process that has
imported and compiled all, as we are.
`figwig bw2fw` runs with its own defaults, which do not keep missing apart from zero.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from measure import Job, in_turn, median, print_runs, print_targets, run_job

PACKAGES = ("figwig[bam2bw]", "pbzarr", "pysam", "pyBigWig")
EXCLUDED = 0x4 | 0x100 | 0x200 | 0x400 | 0x800
# ours, theirs, how many times faster we are to be, where that was asked
PAIRS = (
    ("bam", "pysam loop", 4.0),
    ("bam", "figwig bam2bw", 1.0),
    ("bam", "figwig bam2bw, command", None),
    ("bam", "pbzarr bam", 1.0),
    ("depth", "mosdepth", None),
    ("bigwig", "figwig bw2fw", 1.0),
    ("bigwig", "pbzarr bigwig", 2.0),
)


def pysam_loop(folder: Path, out: Path, workers: int) -> None:
    import numpy as np
    import pysam

    with pysam.AlignmentFile(str(folder / "reads0.bam")) as file:
        found = [([], []) for _ in file.references]  # type: ignore[var-annotated]
        for read in file.fetch(until_eof=True):
            if read.flag & EXCLUDED:
                continue
            if read.is_reverse:
                found[read.reference_id][1].append(read.reference_end - 1)
            else:
                found[read.reference_id][0].append(read.reference_start)
        for strands, length in zip(found, file.lengths, strict=True):
            for bases in strands:
                np.bincount(np.array(bases, np.int64), minlength=length).astype(np.uint32)


def figwig_bam(folder: Path, out: Path, workers: int) -> None:
    from figwig.bam2bw import main

    sizes, bam = folder / "genome.sizes", folder / "reads0.bam"
    main(["-s", str(sizes), "-p", str(workers), "-n", str(out), str(bam)])


def figwig_command(folder: Path, out: Path, workers: int) -> None:
    figwig, sizes = Path(sys.executable).with_name("figwig"), folder / "genome.sizes"
    options = ["-s", str(sizes), "-p", str(workers), "-n", str(out)]
    subprocess.run([figwig, "bam2bw", *options, folder / "reads0.bam"], check=True)


def figwig_bigwig(folder: Path, out: Path, workers: int) -> None:
    from figwig.bw2fw import main

    main(["-o", str(out), "-p", str(workers), *map(str, sorted(folder.glob("track*.bw")))])


def pbzarr_bam(folder: Path, out: Path, workers: int) -> None:
    import pbzarr

    pbzarr.create_store(out)
    pbzarr.import_bam(out, "depth", folder / "reads0.bam", workers=workers)


def pbzarr_bigwig(folder: Path, out: Path, workers: int) -> None:
    import pbzarr

    pbzarr.create_store(out)
    paths = sorted(folder.glob("track*.bw"))
    pbzarr.import_bigwig(out, "signal", paths, column_dim="track", workers=workers)


def mosdepth(folder: Path, out: Path, workers: int) -> None:
    names = (str(out), str(folder / "reads0.bam"))
    subprocess.run(["mosdepth", "--fast-mode", "-t", str(workers), *names], check=True)


JOBS: dict[str, Job] = {
    "pysam loop": pysam_loop,
    "figwig bam2bw": figwig_bam,
    "figwig bam2bw, command": figwig_command,
    "pbzarr bam": pbzarr_bam,
    "mosdepth": mosdepth,
    "figwig bw2fw": figwig_bigwig,
    "pbzarr bigwig": pbzarr_bigwig,
}


def interpreter(venv: Path, packages: Sequence[str] = PACKAGES) -> str:
    """Python of an environment with some peers, which is made when it is not there."""
    python = venv / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = [str(python), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", *packages], check=True)
    versions = subprocess.run([*pip, "freeze"], check=True, capture_output=True, text=True).stdout
    names = tuple(re.split(r"\[|=", package)[0].lower() for package in packages)
    print(*(line for line in versions.split() if line.lower().startswith(names)))
    return str(python)


def mosdepth_problem() -> str:
    """Why mosdepth cannot run; nothing when it can."""
    if shutil.which("mosdepth") is None:
        return "there is no such program"
    done = subprocess.run(["mosdepth", "--version"], capture_output=True, text=True)
    print((done.stdout + done.stderr).strip())
    return (done.stdout + done.stderr).strip() if done.returncode else ""


def main() -> None:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser = argparse.ArgumentParser(description="Measure others at the jobs of ingest.py.")
    parser.add_argument("folder", type=Path, help="where corpora are kept and results are made")
    parser.add_argument("--venv", type=Path, default=cache / "genoarrays" / "peers")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--reads", type=int, default=5_000_000)
    parser.add_argument("--beds", type=int, default=919)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=JOBS, help="measure one job in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result")
    given = parser.parse_args()
    if given.job:
        small = given.folder.parent / "small"
        print(json.dumps(run_job(JOBS[given.job], small, given.folder, given.out, 2)))
        return
    compare(given)


def compare(given: argparse.Namespace) -> None:
    """Run all in turn, and print how many times faster we are."""
    import ingest  # not in the peers' environment
    from corpus import Options, make_corpus

    python = interpreter(given.venv)
    make_corpus(given.folder / "small", ingest.SMALL)
    plan = ingest.Plan(given.folder, Options(given.mb, given.reads, beds=given.beds))
    for kind in ("bam", "depth", "bigwig"):
        plan.add(kind, kind, plan.options)
    (folder,) = plan.folders
    problem = mosdepth_problem()
    skipped = {"mosdepth"} if problem else set()
    if problem:
        print(f"mosdepth is left out: {problem}")
    commands = dict(plan.commands)
    for name in JOBS.keys() - skipped:
        commands[name] = [python, __file__, str(folder), f"--job={name}"]
    runs = in_turn(commands, given.repeat, given.folder)
    print_runs(runs)
    for ours, theirs, asked in PAIRS:
        if theirs not in skipped:
            times = median(runs[theirs]) / median(runs[ours])
            what = f"{ours}, times faster than {theirs}"
            if asked:
                print_targets([(what, times, ">=", asked)])
            else:
                print(f"       {what}: {times:.2f}")
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
