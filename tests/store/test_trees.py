"""What does selecting from a tree give, at all resolutions at once?"""

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.store import stored
from tests.store.stores import LENGTHS, genome

ROW = ["chr2:100-213", "chr1:5-6", "chr2:290-300", "chr1:0-700", "chr3:40-41", "chr3"]
NODES = {"1bp": 1, "50bp": 50, "1bp_x8": 8, "1bp_x40": 40, "50bp_x8": 400, "50bp_x40": 2000}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    nodes = {"1bp": genome(), "50bp": ga.coarsen(genome()[["signal"]], 50, "max")}
    ga.to_zarr(nodes, path, chunk=100, shard=300, pyramid=[8, 40], progress=False)
    return path


def bins(region, bin_size):
    """(contig, first base) of every bin that overlaps, found by listing them all."""
    place = ga.region(region, contigs=tuple(LENGTHS))
    end = LENGTHS[place.contig] if place.end is None else place.end
    return [(place.contig, start) for start in range(0, LENGTHS[place.contig], bin_size)
            if start < end and start + bin_size > place.start]  # fmt: skip


@pytest.mark.parametrize("chunks", ["auto", None])
@pytest.mark.parametrize("asked", [*ROW, ROW[:3], ["chr3", "chr1"]])
def test_sel__gives_the_bins_that_overlap_in_every_node(path, chunks, asked):
    tree = ga.open_datatree(path, chunks).sel(position=asked)
    assert list(tree.children) == list(NODES)
    for node, bin_size in NODES.items():
        some = tree[node].to_dataset()
        regions = [asked] if isinstance(asked, str) else asked
        wanted = [b for region in regions for b in bins(region, bin_size)]
        assert list(zip(some.contig.values, some.position.values, strict=True)) == wanted
        whole = ga.open_zarr(path, node).load()
        for name, array in some.data_vars.items():
            xr.testing.assert_identical(array.compute(), whole[name].sel(position=asked))


def test_sel__table_of_regions_and_other_labels(path):
    tree = ga.open_datatree(path)
    table = ga.read_regions(ROW[:2], like=genome())
    for node in NODES:
        xr.testing.assert_identical(
            tree.sel(position=table.region)[node].to_dataset().compute(),
            tree.sel(position=ROW[:2])[node].to_dataset().compute(),
        )
    some = tree.sel(position="chr2:0-80", track="b")
    assert [some[node].signal.dims for node in NODES] == [("position",)] * len(NODES)
    again = tree.sel(position="chr2").sel(position=slice(100, 213))
    for node in NODES:
        xr.testing.assert_identical(
            again[node].to_dataset().compute(),
            tree.sel(position=ROW[0])[node].to_dataset().compute(),
        )


def test_sel__needs_names_of_dimensions(path):
    tree = ga.open_datatree(path)
    with pytest.raises(ValueError, match=r"Dimensions \{'contig'\} do not exist"):  # of xarray
        tree.sel(contig="chr2")
    with pytest.raises(ga.ContigError, match="contig 'chr9' is not in assembly"):
        tree.sel(position="chr9")
    with pytest.raises(ga.RegionError, match="is not within chr2"):
        tree.sel(position="chr2:0-301")


def test_isel__counts_the_bins_of_each_node(path):
    some = ga.open_datatree(path).isel(position=slice(2, 4))
    for node, bin_size in NODES.items():
        whole = ga.open_zarr(path, node)
        assert some[node].position.values.tolist() == whole.position.values[2:4].tolist()
        if bin_size < 100:
            assert some[node].position.values.tolist() == [2 * bin_size, 3 * bin_size]


@pytest.mark.parametrize("chunks", [100, None])
def test_sel__reads_what_it_needs_when_it_is_needed(path, chunks, monkeypatch):
    read, real = [], stored._Reader.read

    def count(self, key, out=None):
        read.append((self.path, real(self, key, out).shape))
        return real(self, key, out)

    monkeypatch.setattr(stored._Reader, "read", count)
    tree = ga.open_datatree(path, chunks)
    some = tree.sel(position="chr1:120-180")
    assert not read
    some["1bp_x8"].signal_max.sel(track="b").load()
    assert [where for where, _ in read] == ["1bp_x8/signal_max"]
    assert read[0][1][-1] <= 100
    some["1bp"].reads.load()
    assert {where for where, _ in read} == {"1bp_x8/signal_max", "1bp/reads"}
    read.clear()
    tree.sel(position=["chr1:120-130", "chr2:90-95"])["50bp"].signal.isel(track=0).load()
    assert {where for where, _ in read} == {"50bp/signal"}
    assert np.prod([shape[-1] for _, shape in read]) <= 100
