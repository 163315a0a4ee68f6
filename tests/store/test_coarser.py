"""Does a level stand for an array only while it shows what the array would?"""

import pickle

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.index import with_axis
from genoarrays.store import stored
from genoarrays.store.coarser import level_for
from tests.store.stores import LENGTHS, forget, genome

LADDER = [4, 8, 24]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    ga.to_zarr(genome(), path, chunk=100, shard=300, pyramid=LADDER, progress=False)
    return path


def check(array, factor=8):
    """A level is there, and is what the array comes to."""
    level = level_for(array, factor)
    for own, how in zip(level, ("mean", "max", "min"), strict=True):
        wanted = ga.coarsen(array, factor, how)
        assert own.dims == array.dims
        assert ga.axis_of(own) == ga.axis_of(wanted)
        np.testing.assert_allclose(own, wanted, rtol=0 if how != "mean" else 1e-6)


@pytest.mark.parametrize("chunks", ["auto", 200, None])
def test_level_for__arrays_as_they_were_opened(path, chunks):
    ds = ga.open_zarr(path, chunks=chunks)
    for array in (ds.signal, ds.reads, ds.label, ga.open_datatree(path, chunks)["1bp"].signal):
        check(array)


@pytest.mark.parametrize("chunks", ["auto", None])
def test_level_for__arrays_of_which_tracks_were_selected(path, chunks):
    ds = ga.open_zarr(path, chunks=chunks)
    for array in (
        ds.signal.sel(track="b"), ds.signal.isel(track=0), ds.signal.sel(track=["b"]),
        ds.signal.isel(track=slice(1)), ds.signal.isel(track=slice(1, None)), ds.reads[:, 1],
        ds.signal.isel(track=[1, 0]), ds.reads.sel(strand=["-", "+"]), ds.sel(track="a").signal,
        ds.sel(strand="-").reads, ds.isel(track=0, drop=True).signal,
    ):  # fmt: skip
        check(array)


@pytest.mark.parametrize("chunks", ["auto", None])
def test_level_for__none_once_values_are_others(path, chunks):
    ds = ga.open_zarr(path, chunks=chunks)
    x = ds.signal
    for array in (
        x * 1, x.fillna(0), x.T, x.sel(position="chr1"), x.isel(position=slice(None, None, -1)),
        x.isel(position=slice(8, None)), x.sel(track="a").sel(position="chr2"), x.compute(),
        x.max("track"), ds.dna, xr.concat([x, x], "again"), x.isel(track=[0, 0]).isel(track=1) + 1,
    ):  # fmt: skip
        assert level_for(array, 24) is None


def test_level_for__the_coarsest_that_is_fine_enough(path):
    x = ga.open_zarr(path).signal
    found = {f: level_for(x, f) for f in (1, 3.9, 4, 7, 8, 23.9, 24, 10_000)}
    bins = {f: level and ga.axis_of(level.mean).bin_size for f, level in found.items()}
    assert bins == {1: None, 3.9: None, 4: 4, 7: 4, 8: 8, 23.9: 8, 24: 24, 10_000: 24}


def test_level_for__other_names_but_no_other_axis(path):
    x = ga.open_zarr(path).signal
    check(x.rename("y"))
    check(x.rename(track="tf"))
    check(ga.rename_contigs(x, {"chr1": "1"}))
    assert "1" in ga.axis_of(level_for(ga.rename_contigs(x, {"chr1": "1"}), 8).mean).contigs
    other = ga.genome_coords(ga.Assembly("other", {"a": 700, "b": 300, "c": 40, "d": 1}))
    moved = with_axis(x, ga.axis_of(xr.Dataset(coords=other)))
    assert level_for(moved, 24) is None


def test_level_for__none_without_a_pyramid(path, tmp_path):
    ga.to_zarr(genome(), tmp_path / "a.zarr", progress=False)
    assert level_for(ga.open_zarr(tmp_path / "a.zarr").signal, 24) is None
    assert level_for(ga.open_zarr(path, "1bp_x4").signal, 24) is None
    assert level_for(genome().signal, 24) is None
    assert level_for(genome().chunk().signal, 24) is None


def test_level_for__arrays_that_traveled(path):
    lazy = ga.open_zarr(path, chunks=None).signal.sel(track="b")
    check(pickle.loads(pickle.dumps(lazy)))
    kept = ga.open_zarr(path).signal
    check(pickle.loads(pickle.dumps(kept)))  # within the process that opened it


def test_level_for__reads_nothing_of_the_values(path, monkeypatch):
    read = []
    monkeypatch.setattr(stored._Reader, "read", lambda self, key, out=None: read.append(self.path))
    for chunks in ("auto", None):
        level_for(ga.open_zarr(path, chunks=chunks).signal.sel(track="b"), 8)
    assert not read


def test_level_for__refuses_a_store_that_was_replaced(tmp_path):
    path = tmp_path / "a.zarr"
    for seed in (0, 1):
        options = {"chunk": 100, "shard": 300, "pyramid": LADDER, "progress": False}
        if seed:
            old = ga.open_zarr(path).signal
        ga.to_zarr(genome(seed), path, overwrite=True, **options)
    forget()
    with pytest.raises(ga.StoreError, match="was replaced since it was opened"):
        level_for(old, 8)


def test_level_for__of_regions(tmp_path):
    some = genome().sel(position=["chr1:0-100", "chr1:104-300", "chr3:8-41"])
    path = tmp_path / "a.zarr"
    ga.to_zarr(some, path, chunk=100, shard=300, pyramid=LADDER[:2], progress=False)
    check(ga.open_zarr(path).signal)
    assert sum(LENGTHS.values()) > some.sizes["position"]
