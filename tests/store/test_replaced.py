"""What does an open reader see when its store is replaced, or loses files?"""

import pickle
import shutil
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.formats.lazy import origin
from genoarrays.store import stored
from tests.store.stores import genome, lazy, one_chunk, replace, write

pytestmark = pytest.mark.usefixtures("pipeline")

REPLACED = "the store was replaced since it was opened; reopen it"


def test_a_replaced_store__is_refused_by_every_open_reader(path, tmp_path):
    used, unused = ga.open_zarr(path), ga.open_zarr(path)
    used.load()
    graph = ga.open_zarr(path).signal.mean("position") + 1
    alone = lazy(path)
    alone[:5].load()
    again = pickle.loads(pickle.dumps(origin(alone)))
    write(path, seed=1, overwrite=True)
    for read in (unused.load, graph.compute, alone.load, lambda: again[:5], alone[700:705].load):
        with pytest.raises(ga.StoreError, match=REPLACED):
            read()
    xr.testing.assert_identical(used, genome().compute())  # in memory
    xr.testing.assert_identical(ga.open_zarr(path).compute(), genome(1).compute())


def test_an_equal_store_in_its_place__is_read_on(path):
    ds = ga.open_zarr(path)
    ds.signal.isel(position=slice(0, 100)).load()
    write(path, overwrite=True)
    xr.testing.assert_identical(ds.compute(), genome().compute())


def test_a_store_that_is_gone__is_refused(path):
    ds, used = ga.open_zarr(path), lazy(path)
    used[:5].load()
    shutil.rmtree(path)
    for read in (ds.load, used.load):
        with pytest.raises(ga.StoreError, match=REPLACED):
            read()


class During:
    """Stands for a zarr array, and lets something happen before or after each read."""

    def __init__(self, array, before=lambda: None, after=lambda: None):
        self.array, self.before, self.after = array, before, after

    @property
    def oindex(self):
        return self

    def __getitem__(self, key):
        self.before()
        values = self.array.oindex[key]
        self.after()
        return values


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_store_replaced_during_a_read__gives_no_values(path, monkeypatch, when):
    reader = stored._reader(origin(lazy(path)))
    event = {when: lambda: write(path, seed=1, overwrite=True)}
    monkeypatch.setattr(reader, "zarr", During(reader.zarr, **event))
    with pytest.raises(ga.StoreError, match=REPLACED):
        reader.read((slice(None), slice(None)))


@pytest.fixture
def by_zarr(path):
    """A reader that leaves look-ups to zarr, too."""
    reader = stored._reader(origin(lazy(path)))
    reader.few = None
    return reader


def test_a_shard_deleted_during_a_read__gives_no_fill_values(path, by_zarr, monkeypatch):
    file, *_ = one_chunk(path)
    monkeypatch.setattr(by_zarr, "zarr", During(by_zarr.zarr, before=lambda: file.unlink(True)))
    with pytest.raises(ga.StoreError, match="the file is missing"):
        by_zarr.read((1, slice(500, 510)))


def test_a_shard_that_is_touched_during_a_read__is_read_again(path, by_zarr, monkeypatch):
    file, *_ = one_chunk(path)
    touches = iter([file.touch])
    monkeypatch.setattr(
        by_zarr, "zarr", During(by_zarr.zarr, after=lambda: next(touches, lambda: None)())
    )
    expected = genome().signal.values[500:510, 1]
    np.testing.assert_array_equal(by_zarr.read((1, slice(500, 510))), expected)
    monkeypatch.setattr(
        by_zarr, "zarr", During(by_zarr.zarr, after=lambda: replace(file, file.read_bytes()))
    )
    with pytest.raises(ga.StoreError, match="its files change while they are read"):
        by_zarr.read((1, slice(500, 510)))


def test_an_error_that_is_no_damage__is_passed_on(by_zarr, monkeypatch):
    def fail():
        raise RuntimeError("something else")

    monkeypatch.setattr(by_zarr, "zarr", During(by_zarr.zarr, before=fail))
    with pytest.raises(RuntimeError, match="something else"):
        by_zarr.read((1, slice(500, 510)))


def test_threads__never_see_a_mixture_while_a_store_is_replaced(path):
    """Each value tells which store it is of."""
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 2000}))
    stop = threading.Event()
    seen, refused = set(), []

    def make(number):
        values = np.full(2000, number)
        ds = xr.Dataset({"x": ("position", values)}, coords)
        ga.to_zarr(ds, path, chunk=100, shard=200, overwrite=True, progress=False, workers=1)

    def read():
        while not stop.is_set():
            try:
                x = ga.open_zarr(path, chunks=500).x
                for _ in range(3):
                    values = x.compute(scheduler="synchronous").values
                    assert len(set(values.tolist())) == 1, "a mixture"
                    seen.add(int(values[0]))
            except ga.StoreError as error:
                refused.append(str(error))

    make(1)
    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        for number in range(2, 9):
            make(number)
        stop.set()
        for reader in readers:
            reader.result()
    assert 0 not in seen
    assert all(REPLACED in message for message in refused), refused


def mean_of(array):
    return float(np.nanmean(array[:]))


def test_another_process__refuses_a_replaced_store(path, pipeline):
    array = origin(lazy(path))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(mean_of, array).result() == mean_of(array)
        write(path, seed=1, overwrite=True)
        with pytest.raises(ga.StoreError, match=REPLACED):
            pool.submit(mean_of, array).result()
        new = origin(lazy(path))
        assert pool.submit(mean_of, new).result() == mean_of(new)
