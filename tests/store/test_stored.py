import shutil

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.formats.lazy import origin
from genoarrays.store import few, stored
from genoarrays.store.marker import read_marker
from genoarrays.store.place import Folder
from tests.store.stores import (
    PIPELINES,
    exchange,
    flip,
    genome,
    lazy,
    one_chunk,
    region,
    replace,
    span,
    write,
)

pytestmark = pytest.mark.usefixtures("pipeline")


def test_reading_pipeline__is_zarrs_where_installed(monkeypatch):
    monkeypatch.undo()
    stored.reading_pipeline.cache_clear()
    try:
        import zarrs  # noqa: F401
    except ImportError:
        assert stored.reading_pipeline() == PIPELINES["zarr"]
    else:
        assert stored.reading_pipeline() == PIPELINES["zarrs"]


def test_stored_array__reads_with_the_pipeline_that_was_asked_for(path, pipeline):
    reader = stored._reader(origin(lazy(path)))
    assert (
        type(reader.zarr._async_array.codec_pipeline).__name__
        == {
            "zarr": "BatchedCodecPipeline",
            "zarrs": "ZarrsCodecPipeline",
        }[pipeline]
    )
    xr.testing.assert_identical(ga.open_zarr(path).compute(), genome().compute())


def test_stored_array__any_index_equals_numpy(path):
    array, values = origin(lazy(path)), genome().signal.values
    mask = np.zeros(1041, dtype=bool)
    mask[[4, 900]] = True
    for key in (5, -1, slice(None), slice(250, 350), slice(3, 1000, 211), slice(7, 7), mask,
                np.array([1040, 3, -5]), np.array([], dtype=int)):  # fmt: skip
        for other in (0, slice(None), np.array([1, 0])):
            expected = values[key][..., other]
            np.testing.assert_array_equal(array[key, other], expected)
    for key in (1041, -1042, np.array([0, 1041])):
        with pytest.raises(IndexError):
            array[key]


@pytest.mark.parametrize("place", ["bytes", "checksum"])
def test_a_flipped_bit__stops_exactly_its_chunk(path, place):
    file, start, size = one_chunk(path)
    flip(file, 8 * (start + (3 if place == "bytes" else size - 2)))
    signal = lazy(path)
    for where in (slice(None), slice(510, 520), np.array([3, 599])):
        with pytest.raises(ga.StoreError) as caught:
            signal.isel(position=where).load()
        message = str(caught.value)
        assert "1bp/signal is damaged at chr1:500-600 (shard 1bp/signal/c/1/1)" in message
        assert f"ga.verify('{path}')" in message
    whole = signal.isel(position=slice(0, 500)).values
    np.testing.assert_array_equal(whole, genome().signal.values[:500])
    signal.isel(position=slice(600, None)).load()
    signal.isel(track=0).load()


def test_a_flipped_bit_in_the_index__stops_the_shard(path):
    file, *_ = one_chunk(path)
    flip(file, 8 * (file.stat().st_size - 30))
    with pytest.raises(ga.StoreError, match=r"at chr1:300-600 .* the index does not fit"):
        lazy(path).isel(position=350).load()
    lazy(path).isel(position=slice(0, 300)).load()


def test_a_shard_that_is_gone__is_no_fill_value(path):
    file, *_ = one_chunk(path)
    signal = lazy(path)
    file.rename(file.with_name("away"))
    with pytest.raises(ga.StoreError, match=r"at chr1:300-600 .* the file is missing, of"):
        signal.isel(position=slice(590, 610)).load()
    file.with_name("away").rename(file)
    signal.isel(position=slice(590, 610)).load()  # it is back
    file.unlink()
    with pytest.raises(ga.StoreError, match="the file is missing"):
        signal.isel(position=slice(590, 610)).load()  # though it was checked before


@pytest.mark.parametrize("name", ["label", "reads"])
def test_a_folder_of_shards_that_is_gone__is_no_fill_value(path, name):
    shutil.rmtree(path / "1bp" / name / "c")
    with pytest.raises(ga.StoreError, match="the file is missing"):
        lazy(path, name).load()
    assert not lazy(path, "label").isel(position=slice(0, 300)).any()  # never had a shard


def test_a_truncated_shard__is_an_error(path):
    file, *_ = one_chunk(path)
    replace(file, file.read_bytes()[:-1])
    with pytest.raises(ga.StoreError, match=r"the file has [\d,]+ bytes, and had [\d,]+"):
        lazy(path).load()


def test_a_shard_where_there_was_none__is_an_error(path):
    shards = path / "1bp" / "label" / "c"
    shutil.copy(shards / "1", shards / "0")
    with pytest.raises(ga.StoreError, match=r"at chr1:0-300 .* there is a file where none was"):
        lazy(path, "label").load()


@pytest.mark.parametrize("one", ["0/0", "0/1"])
@pytest.mark.parametrize("other", ["1/1", "1/2"])
def test_swapped_shards__are_an_error(path, one, other):
    shards = path / "1bp" / "signal" / "c"
    exchange(shards / one, shards / other)
    for key in (one, other):
        track, number = map(int, key.split("/"))
        with pytest.raises(ga.StoreError, match="1bp/signal is damaged at"):
            lazy(path).isel(position=300 * number + 7, track=track).load()


def test_a_shard_of_another_store__is_an_error(path, tmp_path):
    """The same layout and size: numbers that do not compress."""
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 1000}))
    rng = np.random.default_rng(0)
    stores = [tmp_path / "one.zarr", tmp_path / "two.zarr"]
    for store in stores:
        values = rng.integers(0, 2**63, 1000)
        ga.to_zarr(xr.Dataset({"x": ("position", values)}, coords), store, chunk=100, shard=500)
    one, two = (store / "1bp" / "x" / "c" / "1" for store in stores)
    assert one.read_bytes()[-4:] == two.read_bytes()[-4:]
    exchange(one, two)
    for store in stores:
        with pytest.raises(ga.StoreError, match=r"at chr1:700-800 .* not .* written"):
            lazy(store, "x").isel(position=750).load()
        lazy(store, "x").isel(position=slice(0, 500)).load()


@pytest.mark.parametrize("key", ["zarr.json", "strand/c/0", "track/zarr.json", "track/c/0"])
def test_damaged_metadata_and_labels__are_an_error(path, key):
    file = path / "1bp" / key
    for bit in range(0, 8 * file.stat().st_size, 8 * 97):
        flip(file, bit)
        if key == "track/zarr.json":  # its node holds a copy
            assert ga.open_zarr(path).track.values.tolist() == ["a", "b"]
        else:
            with pytest.raises(ga.StoreError, match=rf"1bp/{key}: its bytes do not fit"):
                ga.open_zarr(path)
        flip(file, bit)
    file.unlink()
    if key != "track/zarr.json":
        with pytest.raises(ga.StoreError, match=rf"1bp/{key}: the file is missing"):
            ga.open_datatree(path)


@pytest.mark.parametrize("key", ["manifest.npy", "zarr.json"])
def test_a_damaged_manifest_or_array__is_an_error_when_read(path, key):
    file = path / "1bp" / "signal" / key
    flip(file, 8 * 200)
    with pytest.raises(ga.StoreError, match=rf"signal/{key}: its bytes do not fit .*ga.verify\("):
        lazy(path).isel(position=5).load()
    lazy(path, "dna").load()


def test_a_damaged_axis__leaves_the_error_its_positions(path):
    file, *_ = one_chunk(path)
    signal = lazy(path)
    flip(path / "1bp" / "assembly" / "zarr.json", 800)
    file.unlink()
    with pytest.raises(ga.StoreError, match=r"at positions 300-600 \(shard 1bp/signal/c/1/1\)"):
        signal.load()


# ---- what it costs


class Counted(Folder):
    """A folder that counts small reads."""

    counts: dict = {}  # noqa: RUF012

    def read(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1
        return super().read(key)

    def read_range(self, key, start, length):
        self.counts[key] = self.counts.get(key, 0) + 1
        return super().read_range(key, start, length)

    def read_ranges(self, key, ranges):
        self.counts[key] = self.counts.get(key, 0) + 1
        return super().read_ranges(key, ranges)


def test_first_touch__reads_what_is_needed_once(path, monkeypatch):
    monkeypatch.setattr(few, "_MOST", 0)  # by zarr
    Counted.counts = counts = {}
    ds = ga.open_zarr(Counted(path), chunks=None)
    assert not [key for key in counts if "manifest" in key or ("/c/" in key and "dna" in key)]
    for _ in range(3):
        ds.dna.isel(position=slice(20, 30)).load()
    assert counts["1bp/dna/manifest.npy"] == 1
    assert counts["1bp/dna/c/0"] == 2  # the index, and the checksum of one chunk
    ds.dna.isel(position=slice(20, 250)).load()
    # the index again, and two more checksums or both chunks at once
    assert counts["1bp/dna/c/0"] == 4
    assert "1bp/dna/c/1" not in counts
    assert not any("signal" in key for key in counts)
    assert counts["genoarrays.json"] <= 2


def test_region__of_every_chunk_is_the_one_listed_by_hand(path):
    reader = stored._reader(origin(lazy(path)))
    axis = ga.axis_of(genome())
    for number in range(8):
        for chunk in (None, 0, 1, 2):
            start, stop = reader.grid.positions(number, chunk)
            key = reader.grid.key(number)
            if span(key, chunk)[0] < 1041:
                assert (start, stop) == span(key, chunk)
                assert stored.region_text(axis, start, stop) == region(start, stop)


def test_stored_arrays__are_equal_when_they_read_the_same(path, tmp_path):
    one, two = origin(lazy(path)), origin(ga.open_zarr(str(path)).signal)
    assert one == two
    assert hash(one) == hash(two)
    assert one != origin(lazy(path, "dna"))
    assert one != origin(lazy(write(tmp_path / "b.zarr")))
    assert read_marker(path)["commit"] in one.name
    assert repr(one) == f"StoredArray({path}/1bp/signal, (1041, 2), float32)"


def test_read_into__gives_the_values_in_the_memory_that_is_lent(tmp_path):
    ds = ga.testing.random_genome({"chr1": 300, "chr2": 150})
    ga.to_zarr(ds, tmp_path / "x.zarr", progress=False, chunk=64, shard=128)
    stored = ga.open_zarr(tmp_path / "x.zarr")
    lent = []

    def room(shape, dtype):
        lent.append(np.full(shape, 1, dtype))
        return lent[-1]

    for name in ds.data_vars:
        for start, stop in ((0, 450), (63, 65), (10, 11), (100, 400)):
            found = origin(stored[name]).read_into(start, stop, room)
            np.testing.assert_array_equal(found, ds[name].values[start:stop])
            assert np.shares_memory(found, lent[-1])
