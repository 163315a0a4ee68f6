"""What is read, named, kept and sent when windows are made, and when they are computed?"""

import gc
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from itertools import combinations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.examples.blocks import made_of
from genoarrays.formats.lazy import as_variable
from tests.examples import brute

REGIONS = ["chr1:10-20:+", "chr1:30-40:-", "chr1:12-22:.", "chr2:0-10:-"]
OPTIONS = {
    "plain": {},
    "masked": {"valid": True, "flank": (3, 2)},
    "ragged": {"ragged": True, "valid": True, "flank": 1},
    "one value": {"reduce": "mean"},
    "bins": {"reduce": "max", "bin_size": 5, "valid": True},
    "jitter": {"jitter": 4},
    "shifts": {"reduce": "sum", "jitter": (4, 2)},
    "anchored": {"width": 7, "anchor": "center"},
    "blocks": {"block": 1},
}


class Recording:
    """Values that tell their place; keeps which of them were read."""

    ndim, dtype = 1, np.dtype("f8")

    def __init__(self, size, name="recording"):
        self.shape, self.name, self.reads = (size,), name, []

    def __getitem__(self, key):
        key = key[0] if isinstance(key, tuple) else key
        start, stop, step = key.indices(self.shape[0])
        assert step == 1
        self.reads.append((start, stop))
        return np.arange(start, stop, dtype=self.dtype)


def recorded(kind, size=100, chunks=10):
    """A genome of two equal contigs, as opened with and without dask, or computed on."""
    source = Recording(size)
    chunks = None if kind == "undivided" else chunks
    x = as_variable(source, ["position"], chunks, name=source.name)
    assembly = ga.Assembly("toy", {"chr1": size // 2, "chr2": size // 2})
    ds = xr.Dataset({"x": x}, ga.genome_coords(assembly))
    return source, ds + 1 if kind == "computed" else ds


@pytest.mark.parametrize("kind", ["opened", "undivided", "computed"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_windows__are_made_without_reading_or_computing(kind, options):
    source, ds = recorded(kind)
    with ga.testing.count_computes() as computed:
        x = ga.windows(ds, REGIONS, **options)
        _ = repr(x), x.nbytes, x.x.dtype, x.window.values[0], x.start.values[0]
        lazy = (x.isel(window=slice(1, 3)) if "window" in x.x.dims else x).x * 2
    assert (computed, source.reads) == ([], [])
    lazy.compute()
    assert len(source.reads) > 0


def test_windows__of_a_store_are_made_without_reading(genomes, monkeypatch):
    def read(*_):
        raise AssertionError("read")

    sources = genomes[1][2]["1bp"]
    for kind in ("store", "undivided"):
        monkeypatch.setattr("genoarrays.store.stored.StoredArray.read_into", read)
        monkeypatch.setattr("genoarrays.store.stored.StoredArray.__getitem__", read)
        x = ga.windows(sources[kind], REGIONS, flank=3, valid=True)
        with pytest.raises(AssertionError, match="read"):
            x.dna.compute()
        monkeypatch.undo()
        assert x.dna.compute().shape == (4, 16)


@pytest.mark.parametrize("kind", ["opened", "undivided", "computed"])
def test_block__reads_its_own_bases_only(kind):
    source, ds = recorded(kind, 1000)
    tiles = ga.tile_regions(ds, 20)
    x = ga.windows(ds, tiles, 20, flank=(3, 1), block=5, valid=True)
    assert x.x.data.numblocks == (10, 1)
    for block in range(10):
        contig = block // 5 * 500
        first = max(block * 100 - 3, contig)
        last = min(block * 100 + 101, contig + 500)
        if kind == "computed":  # through its own chunks
            first, last = first // 10 * 10, -(-last // 10) * 10
        source.reads.clear()
        x.x.data.blocks[block].compute(scheduler="synchronous")
        assert within(source.reads, first, last)
        source.reads.clear()
        x.x.isel(window=slice(5 * block, 5 * block + 5)).compute(scheduler="synchronous")
        assert within(source.reads, first, last)
    source.reads.clear()
    assert x.valid.compute().dtype == bool
    assert source.reads == []


def within(reads, first, last):
    """Whether stretches lie in [first, last), and no base is read twice."""
    bases = [base for start, stop in reads for base in range(start, stop)]
    return len(set(bases)) == len(bases) > 0 and min(bases) >= first and max(bases) < last


@pytest.mark.parametrize("kind", ["opened", "undivided"])
def test_block__reads_far_windows_apart_and_near_ones_at_once(kind):
    source, ds = recorded(kind, 2_000_000, 1_000_000)
    rows = ["chr1:900000-900010:-", "chr1:100-110", "chr1:105-115:-", "chr1:300-310", "chr2:5-9"]
    x = ga.windows(ds, rows, ragged=True, flank=1)
    x.compute()
    assert source.reads == [(99, 311), (899_999, 900_011), (1_000_004, 1_000_010)]


def test_block__without_a_base_reads_nothing():
    source, ds = recorded("opened")
    rows = [("chr1", 10, 10, "+"), ("chr2", 50, 50, "-")]
    x = ga.windows(ds, brute.table(rows), ragged=True).compute()
    assert (x.x.size, source.reads) == (0, [])


def name_of(ds, regions=REGIONS, **options):
    return ga.windows(ds, regions, **options).x.data.name


def test_names__are_equal_for_equal_input():
    for options in OPTIONS.values():
        (_, one), (_, two) = recorded("opened"), recorded("undivided")
        assert name_of(one, **options) == name_of(two, **options)
    table = ga.read_regions(REGIONS, like=one)
    assert name_of(one) == name_of(one, table) == name_of(one, width=10, anchor="start")
    assert name_of(one, jitter=3) == name_of(one, jitter=(3, 1))
    assert name_of(one, flank=3) == name_of(one, flank=(3, 3))
    masks = [ga.windows(one, REGIONS, valid=True).valid.data.name for _ in range(2)]
    assert masks[0] == masks[1] != name_of(one)


def test_names__differ_for_other_regions_options_and_data():
    _, ds = recorded("opened")
    regions = [
        REGIONS,
        REGIONS[::-1],
        REGIONS[:-1],
        [*REGIONS, REGIONS[-1]],
        ["chr1:11-21:+", *REGIONS[1:]],
        ["chr1:10-20:-", *REGIONS[1:]],
        ["chr1:10-20:.", *REGIONS[1:]],
        ["chr2:10-20:+", *REGIONS[1:]],
    ]
    names = [name_of(ds, some) for some in regions]
    options = [
        {"flank": 1}, {"flank": {"x": 1}}, {"flank": (1, 0)}, {"flank": (0, 1)},
        {"fill": 0}, {"fill": 1},
        {"reduce": "mean"}, {"reduce": "sum"}, {"reduce": "max"}, {"reduce": "min"},
        {"reduce": "max", "bin_size": 1}, {"reduce": "max", "bin_size": 2},
        {"reduce": "max", "bin_size": 5}, {"jitter": 1}, {"jitter": 2}, {"jitter": (2, 2)},
        {"ragged": True}, {"ragged": True, "flank": 1}, {"block": 1}, {"block": 2},
        {"width": 8, "anchor": "center"}, {"width": 8, "anchor": "start"},
        {"width": 8, "anchor": "five_prime"},
    ]  # fmt: skip
    names += [name_of(ds, **some) for some in options]
    other = as_variable(Recording(100, "other"), ["position"], 10, name="other")
    names += [name_of(ds.assign(x=other)), name_of(ds.assign(x=other.astype("f4")))]
    longer = ga.genome_coords(ga.Assembly("toy", {"chr1": 40, "chr2": 60}))
    names.append(name_of(xr.Dataset({"x": ds.x.variable}, longer)))
    assert all(one != two for one, two in combinations(names, 2))


def test_names__differ_for_other_values_in_memory():
    _, ds = recorded("opened")
    one = ds.compute()
    two = one.copy(deep=True)
    two.x[15] = -1
    assert name_of(one) != name_of(two)
    both = xr.Dataset({"a": ga.windows(one, REGIONS).x, "b": ga.windows(two, REGIONS).x}).compute()
    assert (both.a.values[0, 5], both.b.values[0, 5]) == (15, -1)


@pytest.mark.parametrize("gone", [0, 1])
@pytest.mark.parametrize("options", [{}, {"ragged": True}])
def test_windows__of_equal_names_are_streamed_when_one_of_them_is_gone(gone, options):
    _, ds = recorded("opened")
    both = [ga.windows(ds, REGIONS, **options) for _ in range(2)]
    del both[gone]
    gc.collect()
    assert made_of(both[0].x.data.name) is not None
    found = next(iter(ga.batches(both[0], inputs="x", batch_size=4, shuffle=False)))
    assert found.ravel().tolist() == both[0].x.values.ravel().tolist()


def values_of(packed):
    """Values and names of pickled windows, for another process."""
    return [
        {name: (v.compute(scheduler="synchronous").values, v.data.name) for name, v in x.items()}
        for x in pickle.loads(packed)
    ]


def names_in_a_store(path):
    """Names of windows of a store that is opened anew."""
    x = ga.windows(ga.open_zarr(path, group="1bp"), REGIONS, flank=2, valid=True)
    return {name: array.data.name for name, array in x.items()}


def test_windows__are_the_same_in_another_process(genomes, tmp_path):
    _, nodes, sources, _ = genomes[1]
    made = []
    for kind in brute.KINDS:
        some, numbers = (sources["1bp"][kind][names] for names in (["dna", "cells"], ["cells"]))
        made += [ga.windows(some, REGIONS, **OPTIONS[option]) for option in ("masked", "jitter")]
        made += [ga.windows(numbers, REGIONS, **OPTIONS[option]) for option in ("bins", "shifts")]
        made.append(ga.windows(some, REGIONS, ragged=True, block=2).drop_vars("row_size"))
    ga.to_zarr({"1bp": nodes["1bp"]}, tmp_path / "a.zarr", progress=False)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        there = pool.submit(values_of, pickle.dumps(made)).result()
        names = pool.submit(names_in_a_store, tmp_path / "a.zarr").result()
    for x, found in zip(made, there, strict=True):
        assert set(found) == set(x.data_vars)
        for name, (values, key) in found.items():
            np.testing.assert_array_equal(values, x[name].compute(scheduler="synchronous"))
            assert key == x[name].data.name
    assert names == names_in_a_store(tmp_path / "a.zarr")


def test_windows__in_memory_are_sent_without_the_genome():
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1_000_000}))
    ds = xr.Dataset({"x": ("position", np.arange(1_000_000))}, coords)
    x = ga.windows(ds, ["chr1:500000-500010:-", "chr1:500020-500030"], flank=3)
    packed = pickle.dumps(x)
    assert len(packed) < 30_000
    assert pickle.loads(packed).x.values[0].tolist() == list(range(500_012, 499_996, -1))


MANY = """
import numpy as np
import xarray as xr
import genoarrays as ga
from tests.examples.test_lazy_windows import Recording, as_variable

source = Recording(3_100_000_000)
assembly = ga.Assembly("large", {f"chr{i}": 155_000_000 for i in range(20)})
x = as_variable(source, ["position"], name="large")
ds = xr.Dataset({"x": x}, ga.genome_coords(assembly))
tiles = ga.tile_regions(ds, 1550)
tiles = tiles.isel(region=np.random.default_rng(0).permutation(tiles.sizes["region"]))
windows = ga.windows(ds, tiles, 1550, flank=10, valid=True)
assert windows.sizes["window"] == 2_000_000
assert not source.reads
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from /proc")
def test_windows__two_million_of_a_large_genome_take_less_than_1_gb():
    done = subprocess.run(
        [sys.executable, "-c", MANY],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert int(done.stdout) * 1024 < 1e9
