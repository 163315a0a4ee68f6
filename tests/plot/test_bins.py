import dask.array as da
import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.errors import RegionError
from genoarrays.genome.region import Region
from genoarrays.plot import bins as module
from genoarrays.plot.bins import bins_of

TOY = ga.Assembly("toy", {"chr1": 1003, "chr2": 407})


def track(values, bin_size=1, **coords):
    dims = (*coords, "position")
    return xr.DataArray(
        values, coords=ga.genome_coords(TOY, bin_size), dims=dims, name="x"
    ).assign_coords(coords)


def noise(bin_size=1, lines=()):
    size = sum(-(-n // bin_size) for n in TOY.lengths.tolist())
    values = np.random.default_rng(0).normal(size=(*lines, size)).astype(np.float32)
    values[..., ::7] = np.nan
    values[..., 60:90] = np.nan
    return values


def brute_force(array, place, pixels):
    """{(start, end): (least, mean, largest)} of one line, bin by bin."""
    edges = np.linspace(place.start, place.end, pixels + 1).astype(int)
    part = array.sel(position=place)
    seen = {}
    for start, value in zip(part.position.values, part.values, strict=True):
        pixel = max(int(np.searchsorted(edges, start, side="right")) - 1, 0)
        seen.setdefault((edges[pixel], edges[pixel + 1]), []).append(value)
    return {
        span: (np.nan,) * 3 if np.isnan(v).all() else (np.nanmin(v), np.nanmean(v), np.nanmax(v))
        for span, v in sorted(seen.items())
    }


def check(array, place, pixels):
    bins = bins_of(array, place, "x", pixels=pixels)
    wanted = brute_force(array, place, pixels)
    assert list(zip(bins.start, bins.end, strict=True)) == list(wanted)
    found = np.stack([bins.low[0], bins.mean[0], bins.high[0]], axis=1)
    np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-5)


@pytest.mark.parametrize("place", [Region("chr1", 0, 1003), Region("chr1", 13, 777),
                                   Region("chr2", 0, 407), Region("chr2", 300, 407)])  # fmt: skip
@pytest.mark.parametrize("bin_size", [1, 3])
@pytest.mark.parametrize("slab", [1, 50, 2**25])
def test_bins_of__reduces_as_bin_by_bin(place, bin_size, slab, monkeypatch):
    monkeypatch.setattr(module, "SLAB", slab)
    check(track(noise(bin_size), bin_size), place, pixels=20)


def test_bins_of__reduces_reversed_and_thinned_axes():
    array = track(noise())
    check(array.isel(position=slice(None, None, -1)), Region("chr1", 5, 900), 20)
    check(array.isel(position=slice(None, None, 3)), Region("chr1", 5, 900), 20)


def test_bins_of__merges_segments_that_share_a_pixel():
    array = track(noise())
    parts = array.sel(position=["chr1:500-520", "chr1:0-30", "chr1:522-530", "chr1:900-1003"])
    check(parts, Region("chr1", 0, 1003), 10)
    bins = bins_of(parts, Region("chr1", 0, 1003), "x", pixels=10)
    assert bins.start.tolist() == [0, 501 - 100, 501, 902 - 100, 902]


def test_bins_of__keeps_bins_where_they_fit():
    values = np.arange(21.0 + 9)
    array = track(values, bin_size=50)
    bins = bins_of(array, Region("chr2", 120, 407), "x")
    assert bins.start.tolist() == [100, 150, 200, 250, 300, 350, 400]
    assert bins.end.tolist() == [150, 200, 250, 300, 350, 400, 407]  # the last one is shorter
    assert bins.mean.tolist() == [[23, 24, 25, 26, 27, 28, 29]]
    backwards = bins_of(array.isel(position=slice(None, None, -1)), Region("chr2", 120, 407), "x")
    assert all(np.array_equal(a, b) for a, b in zip(bins, backwards, strict=True))


def test_bins_of__names_lines_and_strands():
    array = track(noise(lines=(2, 3)), strand=["+", "-"], sample=["a", "b", "c"])
    array = array.transpose("sample", "position", "strand")
    bins = bins_of(array, Region("chr2", 10, 20), "x")
    assert bins.names == ["a", "a", "b", "b", "c", "c"]
    assert bins.strands == ["+", "-"] * 3
    wanted = array.sel(position="chr2:10-20").sel(sample="b", strand="-")
    np.testing.assert_array_equal(bins.mean[3], wanted)


def test_bins_of__computes_slab_by_slab_and_each_block_once(monkeypatch):
    monkeypatch.setattr(module, "SLAB", 200)
    blocks = []

    def block(x, block_info=None):
        blocks.append(block_info[0]["chunk-location"][0])
        return x

    values = da.from_array(noise(), chunks=100)
    values = values.map_blocks(block, dtype=np.float32, meta=values._meta)
    bins_of(track(values), Region("chr1", 0, 1000), "x", pixels=10)
    assert sorted(blocks) == list(range(10))  # and nothing of chr2
    blocks.clear()
    bins_of(track(values), Region("chr1", 0, 100), "x")
    assert blocks == [0]


def test_bins_of__sorts_windows_and_keeps_their_extents():
    x = xr.DataArray(
        [5.0, 6.0, 7.0, 8.0], dims="window",
        coords={"contig": ("window", ["chr1", "chr2", "chr1", "chr1"]),
                "start": ("window", [300, 0, 0, 100]), "end": ("window", [400, 100, 50, 200])},
    )  # fmt: skip
    bins = bins_of(x, Region("chr1", 20, 350), "x")
    assert bins.start.tolist() == [0, 100, 300]
    assert bins.end.tolist() == [50, 200, 400]
    assert bins.mean.tolist() == [[7, 8, 5]]


def test_bins_of__refuses_overlapping_windows_and_none():
    x = xr.DataArray(
        [5.0, 6.0], dims="window",
        coords={"contig": ("window", ["chr1", "chr1"]), "start": ("window", [0, 50]),
                "end": ("window", [100, 150])},
    )  # fmt: skip
    with pytest.raises(RegionError, match=r"windows of 'x' overlap .*x\.isel\(window=slice"):
        bins_of(x, Region("chr1", 0, 500), "x")
    assert bins_of(x, Region("chr1", 110, 500), "x").mean.tolist() == [[6.0]]
    with pytest.raises(RegionError, match="no window that overlaps chr2:0-10"):
        bins_of(x, Region("chr2", 0, 10), "x")


def test_bins_of__refuses_other_dimensions():
    with pytest.raises(TypeError, match="neither position nor window"):
        bins_of(xr.DataArray(np.zeros(4), dims="offset"), Region("chr1", 0, 4), "x")
