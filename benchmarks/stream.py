"""How fast do windows reach TensorFlow, and how random is their order?

Run: python benchmarks/stream.py FOLDER [--only speed fit memory shuffle] [--repeat 5]

FOLDER is that of windows.py. `speed` gives 500-bp DNA in batches of 128, made one-hot by a map in
TensorFlow, from `ga.to_tf` and from ready tensors, beside order 3, Keras and PyTorch (where
installed) without one-hot; `fit` trains one small model from both; `memory` streams 1-kb DNA and
four tracks in 256 MiB. The second epoch is timed, out of core the first. `shuffle` runs once, for
the order does not depend on time: how much likelier than in a random permutation two examples of a
batch lie within 10 kb of each other, over the epoch and in its worst tenth, beside what is asked:
1.3 times the bytes selected over the bytes that are mixed at once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from measure import in_turn, measure, median, print_targets
from stored import cut, make_store, windows_bed
from windows import Case, Runs, Target, drain, print_rates

import genoarrays as ga

WIDTH = 500
BATCH = 128
NEAR = 10_000  # bp
FEW = 1_280  # windows of the warm-up
MEMORIES = ("256 MiB", "1 GiB", "8 GiB")
PASSES = (1, 2, 4)
Data = Any  # tf.data.Dataset


def dna(folder: Path) -> xr.Dataset:
    """Bases of each window, and the mean of each track over it."""
    return cut(folder, windows_bed(folder, WIDTH), reduce={"signal": "mean"})


def ready(x: xr.Dataset, *names: str) -> Data:
    """Batches that lie in memory as tensors, in the order of `x`."""
    import tensorflow as tf

    full = x.sizes["window"] // BATCH * BATCH
    values = x[list(names)].isel(window=slice(full)).compute()
    parts = [values[name].values for name in names]
    batches = tuple(part.reshape(-1, BATCH, *part.shape[1:]) for part in parts)
    return tf.data.Dataset.from_tensor_slices(batches if len(names) > 1 else batches[0])


def streamed(x: xr.Dataset, **options: Any) -> Data:
    """Batches of DNA as `ga.to_tf` gives them, all in memory."""
    return ga.to_tf(x, inputs="dna", batch_size=BATCH, memory="8 GiB", **options)


def one_hot(data: Data) -> Data:
    """Four float32 channels; letters other than A, C, G, T have none."""
    import tensorflow as tf

    return data.map(lambda codes: tf.one_hot(tf.cast(codes, tf.uint8), 4)).prefetch(2)


def order_3(data: Data) -> Data:
    """64 float32 channels."""
    layer = ga.models.OneHot(order=3)
    return data.map(layer).prefetch(2)


SPEED: dict[str, Callable[[xr.Dataset], Any]] = {
    "to_tf, one-hot": lambda x: one_hot(streamed(x)),
    "ready tensors, one-hot": lambda x: one_hot(ready(x, "dna")),
    "to_tf, order 3": lambda x: order_3(streamed(x)),
    "ready tensors, order 3": lambda x: order_3(ready(x, "dna")),
    "to_tf": streamed,
    "to_keras": lambda x: ga.to_keras(
        x, inputs="dna", targets="signal", batch_size=BATCH, memory="8 GiB"
    ),
    "to_torch": lambda x: ga.to_torch(x, inputs="dna", batch_size=BATCH, memory="8 GiB"),
}
FIT: dict[str, Callable[[xr.Dataset], Any]] = {
    "fit, to_tf": lambda x: streamed(x, targets="signal", drop_last=True),
    "fit, ready tensors": lambda x: ready(x, "dna", "signal"),
}
MEMORY = "to_tf, 256 MiB"
ALL = [*SPEED, *FIT, MEMORY]


def run_speed(make: Callable[[xr.Dataset], Any], x: xr.Dataset) -> dict[str, float]:
    begin = time.perf_counter()
    data = make(x)
    made = time.perf_counter() - begin
    _, first, load = drain(data)
    count, _, wall = drain(data)
    return {"windows": count, "first": made + first, "load": made + load, "rate": count / wall}


def run_fit(make: Callable[[xr.Dataset], Any], x: xr.Dataset) -> dict[str, float]:
    """Steps a second of the second epoch."""
    import keras

    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: times.append(time.perf_counter()),
        on_epoch_end=lambda *_: times.append(time.perf_counter()),
    )
    layers = [ga.models.OneHot(), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(4)]
    model = keras.Sequential([keras.Input((WIDTH,), dtype="int8"), *layers])
    model.compile("sgd", "mse")
    data = make(x)
    model.fit(data, epochs=2, verbose=0, callbacks=[clock])
    steps = x.sizes["window"] // BATCH
    return {"load": times[1] - times[0], "rate": steps / (times[3] - times[2])}


def run_memory(x: xr.Dataset) -> dict[str, float]:
    """One whole epoch, out of core."""
    begin = time.perf_counter()
    data = ga.to_tf(x, inputs="dna", targets="signal", batch_size=BATCH, memory="256 MiB")
    made = time.perf_counter() - begin
    count, first, wall = drain(data)
    return {"windows": count, "first": made + first, "rate": count / (made + wall)}


def run_one(name: str, folder: Path) -> None:
    """Measure one way in this process; the result is the last line printed."""
    x = Case().examples(folder) if name == MEMORY else dna(folder)

    def run(x: xr.Dataset) -> dict[str, float]:
        if name == MEMORY:
            return run_memory(x)
        return run_fit(FIT[name], x) if name in FIT else run_speed(SPEED[name], x)

    run(x.isel(window=slice(FEW)))
    found: dict[str, float] = {}
    used = measure(lambda: found.update(run(x)))
    print(json.dumps({**used, **found}))


def command(name: str, folder: Path) -> list[str]:
    """Command line that measures one way in a fresh process."""
    return [sys.executable, __file__, str(folder), f"--job={name}"]


def near_pairs(place: np.ndarray) -> int:
    """Pairs of places within NEAR of each other."""
    place = np.sort(place)
    return int((np.searchsorted(place, place + NEAR, "right") - np.arange(len(place)) - 1).sum())


def locality(batches: list[np.ndarray], place: np.ndarray) -> float:
    """Share of near pairs in batches of rows over that of a random permutation."""
    found = sum(near_pairs(place[rows]) for rows in batches)
    pairs = sum(len(rows) * (len(rows) - 1) for rows in batches)
    return found / pairs / (near_pairs(place) / (len(place) * (len(place) - 1)))


def places(x: xr.Dataset) -> np.ndarray:
    """Starts of windows, contigs far from each other."""
    _, contig = np.unique(x.contig.values.astype(object), return_inverse=True)
    return x.start.values + contig * 2**40


def shuffle(folder: Path) -> Iterator[Target]:
    """Print how near the examples of a batch lie; what was asked of it."""
    x = Case().examples(folder)
    place = places(x)
    head = f"{'memory':>10}{'passes':>8}{'within 10 kb':>14}{'worst tenth':>13}"
    print(f"{head}{'selected / mixed':>18}{'of report':>11}{'s':>8}")
    for memory in MEMORIES:
        for passes in PASSES:
            begin = time.perf_counter()
            stream = Case(memory=memory).stream(x, index=True, passes=passes)
            rows = [batch[-1].copy() for batch in stream]
            seconds, report = time.perf_counter() - begin, stream.report()
            share = report.bytes_selected / report.bytes_buffered
            tenths = (rows[n * len(rows) // 10 : (n + 1) * len(rows) // 10] for n in range(10))
            worst = max(locality(tenth, place) for tenth in tenths if tenth)
            over = locality(rows, place)
            print(
                f"{memory:>10}{passes:8}{over:14.2f}{worst:13.2f}{share:18.2f}"
                f"{report.locality:11.2f}{seconds:8.1f}",
                flush=True,
            )
            yield f"near pairs, {memory}, passes={passes}", over, "<=", 1.3 * share
            if report.fits:
                break


def targets(runs: Runs) -> Iterator[Target]:
    """What can be said of the runs."""
    if some := runs.get("to_tf, one-hot"):
        yield "to_tf with one-hot, windows/s", median(some, "rate"), ">=", 300_000
    both = [runs.get(name) for name in FIT]
    if all(both):
        ours, ready = (median(some, "rate") for some in both)
        yield "fit from to_tf to fit from ready tensors, steps/s", ours / ready, ">=", 0.8
    if some := runs.get(MEMORY):
        yield f"{MEMORY}: s to the first batch", median(some, "first"), "<=", 2


def names_of(parts: list[str]) -> list[str]:
    """Ways to be run; PyTorch only where it is installed."""
    found = {"speed": list(SPEED), "fit": list(FIT), "memory": [MEMORY]}
    names = [name for part in parts for name in found.get(part, [])]
    if "to_torch" in names and importlib.util.find_spec("torch") is None:
        print("to_torch is left out: PyTorch is not installed")
        names.remove("to_torch")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how fast windows reach TensorFlow.")
    parser.add_argument("folder", type=Path, help="files of a corpus; made where there are none")
    parts = ("speed", "fit", "memory", "shuffle")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--mb", type=float, default=100)
    parser.add_argument("--windows", type=int, default=200_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--job", choices=ALL, help="measure one way in this process")
    parser.add_argument("--out", type=Path, help="empty folder for its result; not used")
    given = parser.parse_args()
    if given.job:
        return run_one(given.job, given.folder)
    make_store(given.folder, given.mb, given.windows)
    for width in (WIDTH, Case().width):
        windows_bed(given.folder, width)
    names = names_of(given.only)
    runs = in_turn({n: command(n, given.folder) for n in names}, given.repeat, given.folder)
    for some, of in ((names, "windows/s"), (FIT, "steps/s")):
        if chosen := {n: runs[n] for n in some if n in runs and (of == "steps/s") == (n in FIT)}:
            print_rates(chosen, of)
    print_targets(targets(runs))
    if "shuffle" in given.only:
        print_targets(list(shuffle(given.folder)))
    if given.json:
        given.json.write_text(json.dumps(runs, indent=1))


if __name__ == "__main__":
    main()
