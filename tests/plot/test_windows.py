"""Do values of windows stand where their bases are?"""

from contextlib import suppress

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import RegionError
from genoarrays.genome.region import Region
from genoarrays.plot import windows as module
from genoarrays.plot.bins import bins_of

TOY = ga.Assembly("toy", {"chr1": 200, "chr2": 90})


def genome(bin_size=1):
    axis = ga.genome_coords(TOY, bin_size)
    size = sum(-(-n // bin_size) for n in TOY.lengths.tolist())
    values = np.random.default_rng(0).normal(size=size).astype(np.float32)
    return xr.DataArray(values, axis, ["position"], "x").to_dataset()


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 17), st.sampled_from("+-.")), min_size=1, max_size=6,
             unique_by=lambda one: one[0]),
    st.sampled_from([(10, 0), (10, (0, 3)), (6, 2)]),
    st.integers(0, 150),
    st.integers(1, 50),
)  # fmt: skip
def test_bins_of__windows_with_offsets_give_back_the_genome(places, sizes, start, length):
    width, flank = sizes
    regions = ga.read_regions([f"chr1:{10 * n + 13}-{10 * n + 13 + width}:{s}" for n, s in places],
                              like=TOY)  # fmt: skip
    ds = genome()
    x = ga.windows(ds, regions, width=width, flank=flank).x
    place = Region("chr1", start, start + length)
    with suppress(RegionError):  # no window is there
        bins = bins_of(x, place, "x", overlap="mean")
        check(bins, ds, place)


def check(bins, ds, place):
    wanted = ds.x.values[: TOY.length("chr1")]
    assert (np.diff(bins.start) > 0).all()
    assert ((bins.start < place.end) & (bins.end > place.start)).all()
    np.testing.assert_allclose(bins.mean[0], wanted[bins.start], rtol=1e-5)


def test_bins_of__strands_of_minus_windows_change_places():
    values = np.stack([np.arange(200.0), -np.arange(200.0)])
    coords = ga.genome_coords(ga.Assembly("one", {"chr1": 200}))
    ds = xr.Dataset({"x": (("strand", "position"), values)}, coords).assign_coords(
        strand=["+", "-"]
    )
    x = ga.windows(ds, ga.read_regions(["chr1:20-30:-"], like=ds), width=10).x
    bins = bins_of(x, Region("chr1", 22, 28), "x")
    assert bins.strands == ["+", "-"]
    assert bins.mean.tolist() == [list(range(22, 28)), [-n for n in range(22, 28)]]


@pytest.mark.parametrize("block", [7, 2**23])
def test_bins_of__many_windows_are_reduced_to_pixels(block, monkeypatch):
    monkeypatch.setattr(module, "BLOCK", block)
    ds = genome()
    tiles = ga.tile_regions(ga.read_regions(["chr1"], like=TOY), width=20)
    x = ga.windows(ds, tiles, width=20).x.isel(window=slice(None, None, -1))
    place = Region("chr1", 10, 190)
    bins = bins_of(x, place, "x", pixels=9)
    wanted = bins_of(ds.x, place, "x", pixels=9)
    for found, right in zip(bins[2:], wanted[2:], strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5)
    means = x.mean("offset")
    reduced = bins_of(means, Region("chr1", 0, 200), "x", pixels=5)
    assert reduced.start.tolist() == [0, 40, 80, 120, 160]


def test_bins_of__bins_of_windows_end_with_the_contig():
    x = ga.windows(genome(), ga.read_regions(["chr2:60-90"], like=TOY), width=40, anchor="start",
                   bin_size=8, reduce="mean").x  # fmt: skip
    bins = bins_of(x, Region("chr2", 60, 90), "x")
    assert bins.start.tolist() == [60, 68, 76, 84]
    assert bins.end.tolist() == [68, 76, 84, 90]


def test_bins_of__bins_at_different_places_cannot_be_averaged():
    regions = ga.read_regions(["chr1:20-40", "chr1:30-50"], like=TOY)
    x = ga.windows(genome(), regions, width=20, bin_size=4, reduce="mean").x
    with pytest.raises(RegionError, match="at different places, which cannot be averaged"):
        bins_of(x, Region("chr1", 20, 50), "x", overlap="mean")
