from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.formats.lazy import origin
from genoarrays.store import few, stored
from genoarrays.store.few import Few
from tests.store.stores import CHUNK, exchange, flip, forget, genome, lazy, one_chunk, write
from tests.store.test_stored import Counted

LENGTH = 1041


@pytest.fixture
def path(path):
    forget()
    yield path
    forget()


class Refusing:
    """Stands for a zarr array that must not be asked."""

    @property
    def oindex(self):
        raise AssertionError("zarr was asked")


def reader_of(path, name="signal"):
    reader = stored._reader(origin(lazy(path, name)))
    reader.zarr = Refusing()
    return reader


@st.composite
def keys(draw, rest):
    """Few bases: an index of each dimension on disk, position last."""
    start = draw(st.integers(-LENGTH, LENGTH - 1))
    stop = draw(st.one_of(st.none(), st.integers(start, start + 3 * CHUNK)))
    if stop is None or start < 0 <= stop:
        stop = start + 1 or None
    others = [draw(st.one_of(st.slices(n), st.integers(-n, n - 1))) for n in rest]
    others = [slice(k.start, k.stop) if isinstance(k, slice) else k for k in others]
    return (*others, draw(st.sampled_from([slice(start, stop), start])))


@given(st.sampled_from(["dna", "signal", "label", "reads"]), st.data())
def test_read__equals_numpy_and_asks_no_zarr(original, name, data):
    array = origin(lazy(original, name))
    values = genome()[name].transpose(*array.stored_dims).values
    key = data.draw(keys(values.shape[:-1]))
    reader = stored._Reader(array)
    reader.zarr = Refusing()
    found = reader.read(key)
    np.testing.assert_array_equal(found, values[key])
    assert found.dtype == values.dtype


def test_read__leaves_many_chunks_and_other_indexes_to_zarr(path, monkeypatch):
    reader = stored._reader(origin(lazy(path)))
    values = genome().signal.values.T
    for key in ((slice(None), slice(0, 5 * CHUNK)), (slice(None), slice(0, 9, 2)),
                (np.array([1, 0]), 3), (0, np.array([5, 900]))):  # fmt: skip
        assert reader.few.read(key, list(reader.grid.touched(key))) is None
        np.testing.assert_array_equal(reader.read(key), values[key])
    key = (slice(None), slice(0, 4 * CHUNK))
    assert reader.few.read(key, list(reader.grid.touched(key))) is not None
    monkeypatch.setattr(few, "_MOST", 7)
    assert reader.few.read(key, list(reader.grid.touched(key))) is None


def test_read__reads_the_index_once_and_the_chunks_that_it_needs(path):
    Counted.counts = counts = {}
    dna = ga.open_zarr(Counted(path), chunks=None).dna
    for number in range(1, 4):
        dna.isel(position=slice(20, 30)).load()
        assert counts["1bp/dna/c/0"] == 1 + number
    dna.isel(position=slice(20, 250)).load()
    assert counts["1bp/dna/c/0"] == 5
    assert counts["1bp/dna/manifest.npy"] == 1
    assert not any("dna/c/1" in key or "signal" in key for key in counts)


@pytest.mark.parametrize("place", ["bytes", "checksum", "index", "missing", "other"])
@pytest.mark.parametrize("used", [False, True])
def test_read__gives_nothing_that_was_not_written(path, place, used):
    file, start, size = one_chunk(path)
    signal = lazy(path)
    if used:
        signal[510:520].load()
    if place == "missing":
        file.unlink()
    elif place == "other":
        exchange(file, file.with_name("2"))
    else:
        end = file.stat().st_size
        flip(file, 8 * {"bytes": start + 3, "checksum": start + size - 2, "index": end - 30}[place])
    if place == "index" and used:  # it is known where the chunk lies, and its bytes are right
        np.testing.assert_array_equal(signal[510:520], genome().signal.values[510:520])
    else:
        with pytest.raises(ga.StoreError, match="1bp/signal is damaged at chr1:"):
            signal[510:520].load()
    np.testing.assert_array_equal(signal[100:200], genome().signal.values[100:200])


def test_read__gives_nothing_of_a_shard_that_was_never_written(path):
    label = lazy(path, "label")
    assert not label[10:20].any()
    shards = path / "1bp" / "label" / "c"
    (shards / "0").write_bytes((shards / "1").read_bytes())
    with pytest.raises(ga.StoreError, match="there is a file where none was"):
        label[10:20].load()


def test_read__gives_nothing_of_a_store_that_was_replaced_meanwhile(path, monkeypatch):
    signal, unpacked = lazy(path), Few._unpacked

    def replaced(self, content):
        write(path, seed=1, overwrite=True)
        return unpacked(self, content)

    monkeypatch.setattr(Few, "_unpacked", replaced)
    with pytest.raises(ga.StoreError, match="the store was replaced"):
        signal[510:520].load()


def test_read__is_right_in_threads(path):
    signal, values = lazy(path), genome().signal.values
    starts = np.random.default_rng(0).integers(0, LENGTH - 50, 64).tolist()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: signal[start : start + 50].values, starts))
    for start, part in zip(starts, found, strict=True):
        np.testing.assert_array_equal(part, values[start : start + 50])


def test_read__is_the_way_of_look_ups(path):
    reader_of(path)
    ds = ga.open_zarr(path, chunks=None)
    xr.testing.assert_identical(
        ds[["signal"]].sel(position="chr1:510-520").compute(),
        genome()[["signal"]].sel(position="chr1:510-520").compute(),
    )


def test_can_read__knows_only_what_is_written_here():
    def metadata(*codecs):
        return {"codecs": [{"configuration": {"codecs": list(codecs)}}]}

    plain, blosc, crc = {"name": "bytes"}, {"name": "blosc"}, {"name": "crc32c"}
    big = {"name": "bytes", "configuration": {"endian": "big"}}
    assert Few.can_read(metadata(plain, blosc, crc))
    for codecs in ((plain, crc), (plain, blosc), (big, blosc, crc), (plain, {"name": "zstd"}, crc)):
        assert not Few.can_read(metadata(*codecs))
