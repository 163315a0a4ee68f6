import hashlib
import json
import os
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.formats.lazy import origin
from genoarrays.store.layout import layout_of, regions_of_shards

LENGTHS = {"chr1": 700, "chr2": 300, "chr3": 41}


def genome(bin_size=1):
    return ga.testing.random_genome(LENGTHS, bin_size=bin_size)


def digests(path):
    """Digest of every file of a store."""
    return {
        str(file.relative_to(path)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(Path(path).rglob("*"))
        if file.is_file()
    }


def same(one, two):
    xr.testing.assert_identical(one.compute(), two.transpose(*[d for d in one.dims]).compute())


@settings(max_examples=10)
@given(st.integers(40, 400), st.integers(1, 900), st.integers(1, 30), st.booleans())
def test_to_zarr__round_trip(tmp_path_factory, chunk, shard, bin_size, lazy):
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    ds = genome(bin_size)
    ds = ds.chunk(position=17) if lazy else ds
    ga.to_zarr(ds, path, chunk=max(chunk, bin_size), shard=max(chunk, shard, bin_size))
    back = ga.open_zarr(path)
    assert back.attrs == ds.attrs
    xr.testing.assert_identical(back.compute(), ds.compute())


def test_open_zarr__gives_nodes_and_trees(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr({"1bp": genome(), "50bp": genome(50)}, path, chunk=100, shard=200)
    tree = ga.open_datatree(path)
    assert sorted(tree.children) == ["1bp", "50bp"]
    xr.testing.assert_identical(tree["50bp"].to_dataset().compute(), genome(50))
    some = tree.sel(position="chr2:100-200")
    assert some["1bp"].sizes["position"] == 100
    assert some["50bp"].sizes["position"] == 2
    again = tmp_path / "b.zarr"
    ga.to_zarr(tree, again)
    xr.testing.assert_equal(ga.open_zarr(again, group="1bp").compute(), genome())
    with pytest.raises(ga.StoreError, match="several nodes: 1bp, 50bp; name one"):
        ga.open_zarr(path)
    with pytest.raises(ga.StoreError, match="no node '7bp'"):
        ga.open_zarr(path, group="7bp")


def test_store__is_read_by_plain_xarray_and_zarr(tmp_path):
    path = tmp_path / "a.zarr"
    ds = genome()
    ga.to_zarr(ds, path, chunk=100, shard=200)
    plain = xr.open_zarr(path, group="1bp")
    assert plain.signal.dims == ("track", "position")
    np.testing.assert_array_equal(plain.signal.values.T, ds.signal.values)
    np.testing.assert_array_equal(plain.dna.values, ds.dna.values)
    assert plain.assembly.attrs["lengths"] == list(LENGTHS.values())
    np.testing.assert_array_equal(zarr.open_array(path, path="1bp/label")[:], ds.label.values)


def test_store__has_checksums_and_shards(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=100, shard=300)
    meta = json.loads((path / "1bp" / "signal" / "zarr.json").read_text())
    sharding = meta["codecs"][0]
    assert sharding["name"] == "sharding_indexed"
    inner = [codec["name"] for codec in sharding["configuration"]["codecs"]]
    assert inner == ["bytes", "blosc", "crc32c"]
    assert meta["chunk_grid"]["configuration"]["chunk_shape"] == [1, 300]
    assert sharding["configuration"]["chunk_shape"] == [1, 100]


def test_a_flipped_bit__is_an_error_not_a_number(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=100, shard=300)
    shard = path / "1bp" / "signal" / "c" / "0" / "1"
    raw = bytearray(shard.read_bytes())
    raw[50] ^= 4
    shard.write_bytes(raw)
    with pytest.raises(Exception, match=r"(?i)checksum|crc"):
        ga.open_zarr(path).signal.load()


@pytest.mark.parametrize("scheduler", ["threads", "processes", "synchronous"])
def test_to_zarr__same_bytes_whatever_computes_it(tmp_path, scheduler):
    ds = genome().chunk(position=90)
    ga.to_zarr(ds, tmp_path / "one.zarr", chunk=50, shard=100, workers=1)
    ga.to_zarr(ds, tmp_path / "two.zarr", chunk=50, shard=100, scheduler=scheduler, workers=2)
    assert digests(tmp_path / "one.zarr") == digests(tmp_path / "two.zarr")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_to_zarr__on_a_cluster_of_processes(tmp_path):
    from distributed import Client, LocalCluster

    ds = genome().chunk(position=90)
    ga.to_zarr(ds, tmp_path / "one.zarr", chunk=50, shard=100)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(**options) as cluster, Client(cluster) as client:
        ga.to_zarr(ds, tmp_path / "two.zarr", chunk=50, shard=100, client=client)
        ga.to_zarr(ds, tmp_path / "three.zarr", chunk=50, shard=100)  # finds the client
        mean = ga.open_zarr(tmp_path / "two.zarr").reads.mean("position").compute()
    np.testing.assert_allclose(mean, ds.reads.mean("position"))
    for name in ("two.zarr", "three.zarr"):
        assert digests(tmp_path / "one.zarr") == digests(tmp_path / name)


def test_to_zarr__computes_each_source_chunk_once(tmp_path):
    seen = []

    def record(block, block_info=None):
        seen.append(block_info[None]["chunk-location"])
        return block

    ds = genome()
    lazy = da.from_array(ds.label.values, chunks=100).map_blocks(record, dtype="u1")
    ga.to_zarr(
        ds[["label"]].assign(label=("position", lazy)), tmp_path / "a.zarr", shard=200, chunk=50
    )
    assert sorted(seen) == [(i,) for i in range(11)]


def test_to_zarr__keeps_what_was_finished_when_a_source_fails(tmp_path):
    def broken(block):
        raise ga.InputError("reads.bam", "chr2:5", "the block is truncated", "copy it again")

    ds = genome().chunk(position=100)
    bad = ds.assign(
        label=ds.label.copy(data=ds.label.data.map_blocks(broken, meta=np.zeros(0, "u1")))
    )
    with pytest.raises(ga.InputError, match=r"reads.bam, chr2:5: the block is truncated") as caught:
        ga.to_zarr(bad, tmp_path / "a.zarr", shard=200, chunk=50)
    note = caught.value.__notes__[0]
    assert note.startswith("while writing 1bp/label, chr")
    assert "finished parts stay in" in note
    bad = bad[["label"]]
    ga.to_zarr(bad.isel(position=slice(0)), tmp_path / "empty.zarr")
    with pytest.raises(ga.InputError):
        ga.to_zarr(bad, tmp_path / "b.zarr", shard=200, chunk=50)
    assert not (tmp_path / ".b.zarr.build").exists()  # no part was finished
    ga.to_zarr(ds, tmp_path / "b.zarr")
    with pytest.raises(ga.InputError):
        ga.to_zarr(bad, tmp_path / "b.zarr", overwrite=True)
    xr.testing.assert_identical(ga.open_zarr(tmp_path / "b.zarr").compute(), ds.compute())


def test_to_zarr__overwrites_stores_only_and_only_when_asked(tmp_path):
    ds = genome()
    path = tmp_path / "a.zarr"
    ga.to_zarr(ds, path)
    with pytest.raises(
        ga.StoreError, match=r"made of something else: .*dna is gone.*overwrite=True"
    ):
        ga.to_zarr(ds[["label"]], path)
    ga.to_zarr(ds[["label"]], path, overwrite=True)
    assert list(ga.open_zarr(path)) == ["label"]
    assert os.listdir(tmp_path) == ["a.zarr"]
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("all of it")
    with pytest.raises(ga.StoreError, match="is no complete genoarrays store, and is not replaced"):
        ga.to_zarr(ds, precious, overwrite=True)
    with pytest.raises(ga.StoreError, match="is not replaced; give another path"):
        ga.to_zarr(ds, precious)
    assert (precious / "thesis.txt").read_text() == "all of it"
    with pytest.raises(ga.StoreError, match="does not exist; create it first"):
        ga.to_zarr(ds, tmp_path / "no" / "a.zarr")


def test_open_zarr__refuses_what_is_no_finished_store(tmp_path):
    path = tmp_path / "a.zarr"
    with pytest.raises(ga.StoreError, match="there is no store"):
        ga.open_zarr(path)
    ga.to_zarr(genome(), path)
    marker = json.loads((path / "genoarrays.json").read_text())
    (path / "genoarrays.json").write_text(json.dumps({**marker, "version": 99}))
    with pytest.raises(ga.StoreError, match="version 99 of the layout"):
        ga.open_zarr(path)
    (path / "genoarrays.json").write_text("{")
    with pytest.raises(ga.StoreError, match="the store is damaged"):
        ga.open_zarr(path)
    (path / "genoarrays.json").unlink()
    with pytest.raises(ga.StoreError, match="not a complete genoarrays store"):
        ga.open_datatree(path)


def test_an_open_array__refuses_a_store_that_was_replaced(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path)
    old = ga.open_zarr(path)
    old.label.load()
    old = ga.open_zarr(path)  # the same keys, and handles that are open already
    ga.to_zarr(genome().isel(track=[1, 0]), path, overwrite=True)
    with pytest.raises(ga.StoreError, match="was replaced since it was opened; reopen it"):
        old.label.load()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: genome().reads, "has no node to go to"),
        (lambda: xr.DataTree(genome()), "the root of the tree holds arrays"),
        (lambda: xr.DataTree.from_dict({"a/b": genome()}), "nodes are siblings"),
        (lambda: {}, "nothing to store"),
        (lambda: {"1bp": np.zeros(3)}, "holds a ndarray"),
        (lambda: {"1bp": xr.Dataset({"x": 1})}, "no genome axis"),
    ],
)
def test_to_zarr__refuses(tmp_path, make, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.to_zarr(make(), tmp_path / "a.zarr")
    assert os.listdir(tmp_path) == []


def test_layout__keeps_chunks_and_shards_small():
    human = ga.Assembly("hg38", {f"chr{i}": 125_000_000 for i in range(24)})
    coords = ga.genome_coords(human)
    for dtype, extra in [("i1", {}), ("f4", {"track": 3}), ("u4", {"strand": 2, "sample": 5}),
                         ("f8", {"strand": 2})]:  # fmt: skip
        shape = (human.size, *extra.values())
        array = xr.DataArray(da.zeros(shape, dtype=dtype), coords, ("position", *extra))
        layout = layout_of(array)
        size = np.dtype(dtype).itemsize
        assert np.prod(layout.chunk) * size <= 2**20
        assert np.prod(layout.shard) * size <= 2**27
        assert layout.dims[-1] == "position"
        assert all(s % c == 0 for s, c in zip(layout.shard, layout.chunk, strict=True))
        assert layout.chunk[-1] >= 2**16
    with pytest.raises(ga.StoreError, match="is smaller than chunk"):
        layout_of(array, chunk=1000, shard=10)
    with pytest.raises(ga.StoreError, match="less than one bin"):
        layout_of(xr.DataArray(np.zeros(5), ga.genome_coords(human.select("chr1"), 25_000_000),
                               "position"), chunk=5)  # fmt: skip


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 3))
def test_shards__cover_every_position_once(size, shard, tracks):
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": size}))
    array = xr.DataArray(np.zeros((size, tracks)), coords, ("position", "track"))
    layout = layout_of(array, chunk=min(7, shard), shard=shard)
    covered = np.zeros(layout.shape, dtype=int)
    for where in regions_of_shards(layout):
        covered[where] += 1
        assert all(w.start % s == 0 for w, s in zip(where, layout.shard, strict=True))
    assert (covered == 1).all()


def test_open_zarr__chunks_are_whole_inner_chunks(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=100, shard=300)
    with ga.set_options(chunk_bytes=1000):
        ds = ga.open_zarr(path)
    assert ds.signal.data.chunksize == (200, 1)
    assert ds.reads.data.chunksize == (100, 2)
    assert ga.open_zarr(path, chunks=500).label.data.chunksize == (500,)
    lazy = ga.open_zarr(path, chunks=None)
    assert lazy.signal.chunks is None
    same(lazy.signal.sel(position="chr2:5-25"), genome().signal.sel(position="chr2:5-25"))
    assert origin(lazy.signal) is not None
    assert origin(ds.signal) is not None
    assert origin(ds.signal + 1) is None
    assert origin(ds.signal[5:]) is None


def test_windows__from_a_store_equal_windows_from_memory(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=50, shard=150)
    regions = ga.tile_regions(ga.read_regions(["chr1:0-700:-", "chr2:7-290:+", "chr3:0-41"]), 20)
    expected = ga.windows(genome(), regions, 20, flank=15).compute()
    for source in (
        ga.open_zarr(path),
        ga.open_zarr(path, chunks=None),
        ga.open_zarr(path, chunks=70),
        ga.open_zarr(path).transpose(..., "position"),
        ga.open_zarr(path).map(lambda v: v * 1, keep_attrs=True),
        ga.open_zarr(path).isel(position=slice(None)),
    ):
        x = ga.windows(source, regions, 20, flank=15, block=7)
        xr.testing.assert_equal(x.transpose(*expected.dims).compute(), expected)


def test_open_arrays__travel_to_other_processes(tmp_path):
    path = tmp_path / "a.zarr"
    ga.to_zarr(genome(), path, chunk=50, shard=150)
    x = ga.windows(ga.open_zarr(path), ["chr1:0-20", "chr2:5-25:-"], block=1)
    with dask.config.set(scheduler="processes"):
        away = x.compute()
    xr.testing.assert_identical(away, x.compute())
