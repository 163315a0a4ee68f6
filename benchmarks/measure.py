"""How long did a call take, with how much CPU and memory?

Each measurement is a fresh process that runs a small job of the same kind first: imports, compiled
kernels and pools start there, and are reported apart. Then time and CPU of the process and of its
children are taken around the one call, and the peak of memory above what was held before it. The
peak is that of the largest process. Standard library only: peers run this in their environments.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

Job = Callable[[Path, Path, int], None]
"""Does one thing: folder of the input, path of the output, number of workers."""

_EVERY = 0.05  # seconds between looks at the children's memory; their peaks only grow
_TICK = os.sysconf("SC_CLK_TCK")
_IMPORTED = time.perf_counter()


def measure(call: Callable[[], object]) -> dict[str, float]:
    """Seconds of wall time and CPU, and the peak in MB above the memory held before."""
    held = {pid: _memory(pid)[0] for pid in _processes()}
    for pid in held:
        _forget_peak(pid)
    peaks: dict[int, float] = {}
    over = threading.Event()

    def look() -> None:
        for pid in _processes():  # one that has ended, but is not waited for yet, holds 0
            peaks[pid] = max(peaks.get(pid, 0), _memory(pid)[1])

    def watch() -> None:
        while not over.wait(_EVERY):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    cpu, start = _cpu(), time.perf_counter()
    call()
    wall = time.perf_counter() - start
    cpu = _cpu() - cpu
    over.set()
    watcher.join()
    look()
    most = max(peak - held.get(pid, 0) for pid, peak in peaks.items())
    return {"wall": wall, "cpu": cpu, "peak": most}


def _processes() -> list[int]:
    """This process and those below it."""
    found, new = [], [os.getpid()]
    while new:
        pid = new.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                new += [int(child) for child in children.read_text().split()]
            except OSError:  # a thread that has ended
                continue
    return found


def _memory(pid: int) -> tuple[float, float]:
    """MB resident now, and at most; 0 for a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        if pid == os.getpid():  # no /proc: the peak of the whole run
            most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return 0, most / (1e6 if sys.platform == "darwin" else 1e3)
        return 0, 0
    fields = dict(line.split(":", 1) for line in lines)
    now, most = (int(fields.get(key, "0 kB").split()[0]) / 1e3 for key in ("VmRSS", "VmHWM"))
    return now, most


def _forget_peak(pid: int) -> None:
    """Start to look for a new peak: 5 in clear_refs, Linux only."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return


def _cpu() -> float:
    """Seconds of this process, of children that have ended, and of those that live."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    for pid in _processes()[1:]:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        seconds += sum(map(int, fields[11:15])) / _TICK
    return seconds


def run_job(job: Job, small: Path, folder: Path, out: Path, workers: int) -> dict[str, float]:
    """Run a job on small files, then measure it on those of `folder`: its result is out/result.

    `start` is how old the process is when it is ready: imports, compiled kernels, pools.
    """
    job(small, out / "small", workers)
    start = _age()
    return {**measure(lambda: job(folder, out / "result", workers)), "start": start}


def _age() -> float:
    """Seconds since this process began, or, where there is no /proc, since this was imported."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return time.perf_counter() - _IMPORTED
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / _TICK


def in_fresh_process(command: Sequence[str], where: Path) -> dict[str, Any]:
    """Last line that a command prints, as JSON; its `--out` is a folder that does not stay."""
    os.sync()  # what the run before has left to the disk
    with tempfile.TemporaryDirectory(dir=where, prefix=".output-") as out:
        done = subprocess.run([*command, f"--out={out}"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def in_turn(
    commands: Mapping[str, Sequence[str]], repeat: int, where: Path
) -> dict[str, list[dict[str, Any]]]:
    """Run commands one after the other, then all of them again, `repeat` times."""
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    load, processors = os.getloadavg()[0], os.cpu_count()
    print(f"load before: {load:.1f} on {processors} processors; near 0 makes seconds comparable")
    for number in range(repeat):
        for name, command in commands.items():
            print(f"run {number + 1} of {repeat}: {name} ...", file=sys.stderr, flush=True)
            runs[name].append(in_fresh_process(command, where))
    return runs


def median(runs: Iterable[Mapping[str, Any]], key: str = "wall") -> float:
    return statistics.median(run[key] for run in runs)


def print_runs(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """One line for each name: seconds of wall time, of CPU, of the first start, and MB."""
    print(f"{'':24}{'median s':>9}{'min':>8}{'max':>8}{'CPU s':>8}{'peak MB':>9}{'start s':>9}")
    for name, some in runs.items():
        wall = [run["wall"] for run in some]
        peak = max(run["peak"] for run in some)
        print(
            f"{name:24}{median(some):9.2f}{min(wall):8.2f}{max(wall):8.2f}"
            f"{median(some, 'cpu'):8.2f}{peak:9.0f}{median(some, 'start'):9.2f}"
        )


def print_targets(targets: Iterable[tuple[str, float, str, float]]) -> None:
    """What was asked: name, value, "<=" or ">=", limit."""
    for name, value, sign, limit in targets:
        good = value <= limit if sign == "<=" else value >= limit
        print(f"{'holds ' if good else 'MISSED'} {name}: {value:,.2f} {sign} {limit:,g}")
