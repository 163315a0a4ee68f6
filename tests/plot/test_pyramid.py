"""Are wide regions drawn from the levels of a pyramid, and as without one?"""

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.genome.region import Region
from genoarrays.plot import bins as module
from genoarrays.plot.bins import bins_of
from genoarrays.plot.tracks import plot_tracks
from genoarrays.store import stored

TOY = ga.Assembly("toy", {"chr1": 60_000, "chr2": 9_000})
PIXELS = 50
EVEN = Region("chr1", 0, 51_200)  # a pixel is four bins of 256


def tracks():
    """Smooth, so that means of pixels are near, with a gap and a few narrow peaks."""
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=(TOY.size, 2)), axis=0).astype(np.float32)
    x[20_000:24_096], x[3_000:3_100] = np.nan, np.nan
    x[[777, 30_001, 44_444]] += 500
    label = np.zeros(TOY.size, np.uint8)
    for start in (100, 9_000, 33_333):
        label[start : start + 400] = 1
    return xr.Dataset(
        {"x": (("position", "track"), x), "label": ("position", label)}, {"track": ["a", "b"]}
    ).assign_coords(ga.genome_coords(TOY))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """A store with a pyramid and one without."""
    there = tmp_path_factory.mktemp("stores")
    for name, pyramid in (("with", [16, 256]), ("without", None)):
        ga.to_zarr(tracks(), there / name, chunk=4096, pyramid=pyramid, progress=False)
    return there / "with", there / "without"


@pytest.fixture
def read(monkeypatch):
    """Arrays that are read, and how many of their positions."""
    found, real = {}, stored._Reader.read

    def count(self, key, out=None):
        values = real(self, key, out)
        found[self.path] = found.get(self.path, 0) + values.shape[-1]
        return values

    monkeypatch.setattr(stored._Reader, "read", count)
    return found


def both(paths, place, pixels=PIXELS, select=lambda ds: ds.x):
    return [bins_of(select(ga.open_zarr(path)), place, "x", pixels) for path in paths]


def test_bins_of__a_whole_contig_reads_its_level_only(paths, read):
    for chunks in ("auto", None):
        ds = ga.open_zarr(paths[0], chunks=chunks)
        for array in (ds.x, ds.x.sel(track="b"), ds.x.isel(track=[1])):
            read.clear()
            bins_of(array, Region("chr1", 0, 60_000), "x", PIXELS)
            assert read.keys() == {f"1bp_x256/x{suffix}" for suffix in ("", "_max", "_min")}
            assert read["1bp_x256/x"] == 235  # of both lines, or of one
    bins_of(ga.open_zarr(paths[1]).x, Region("chr1", 0, 60_000), "x", PIXELS)
    assert read["1bp/x"] >= 2 * 60_000


@pytest.mark.parametrize(
    ("width", "node"),
    [(60_000, "1bp_x256"), (51_200, "1bp_x256"), (51_199, "1bp_x16"), (3_200, "1bp_x16"),
     (3_199, "1bp"), (51, "1bp"), (20, "1bp")],
)  # fmt: skip
def test_bins_of__the_level_has_four_bins_to_a_pixel(paths, read, width, node):
    bins_of(ga.open_zarr(paths[0]).x, Region("chr1", 0, width), "x", PIXELS)
    assert {path.split("/")[0] for path in read} == {node}


def test_bins_of__equals_the_base_where_pixels_are_whole_bins(paths):
    level, base = both(paths, EVEN)
    for name in ("start", "end", "low", "high"):
        np.testing.assert_array_equal(getattr(level, name), getattr(base, name))
    missing = np.isnan(tracks().x.values[:51_200, 0]).reshape(PIXELS, -1)
    whole = ~missing.any(axis=1) | missing.all(axis=1)  # in part: its bins do not tell how much
    assert np.flatnonzero(~whole).tolist() == [2, 3, 19, 23]
    np.testing.assert_allclose(level.mean[:, whole], base.mean[:, whole], rtol=1e-5, atol=1e-4)
    assert np.isnan(level.mean[:, 20]).all()  # a gap stays a gap
    assert level.names == base.names


@pytest.mark.parametrize(
    "place",
    [Region("chr1", 0, 60_000), Region("chr1", 1_234, 58_000), Region("chr2", 0, 9_000),
     Region("chr2", 77, 9_000)],
)  # fmt: skip
def test_bins_of__is_off_by_a_quarter_of_a_pixel_at_most(paths, place):
    level, base = both(paths, place)
    np.testing.assert_array_equal(level.start, base.start)
    width = (place.end - place.start) / PIXELS
    values = tracks().x.sel(position=place.contig).values
    for n, (start, end) in enumerate(zip(level.start, level.end, strict=True)):
        off = int(width / 4) + 1
        near = values[max(start - off, 0) : end + off]
        inside = values[start + off : max(end - off, start + off + 1)]
        # comparisons with NaN, where all is missing, are false
        assert not (level.high[:, n] > np.fmax.reduce(near, axis=0)).any()
        assert not (level.low[:, n] < np.fmin.reduce(near, axis=0)).any()
        assert not (level.high[:, n] < np.fmax.reduce(inside, axis=0)).any()
        assert not (level.low[:, n] > np.fmin.reduce(inside, axis=0)).any()
    assert np.nanmax(level.high) == np.nanmax(base.high)


def test_bins_of__changed_arrays_show_what_they_hold(paths, read):
    ds = ga.open_zarr(paths[0])
    found = bins_of(ds.x + 1, EVEN, "x", PIXELS)
    assert set(read) == {"1bp/x"}
    np.testing.assert_allclose(found.high, both(paths, EVEN)[1].high + 1, rtol=1e-6)
    backwards = ds.x.isel(position=slice(None, None, -1))
    np.testing.assert_array_equal(
        bins_of(backwards, EVEN, "x", PIXELS).high, both(paths, EVEN)[1].high
    )


def test_bins_of__dimensions_in_any_order_and_renamed_contigs(paths, read):
    x = ga.rename_contigs(ga.open_zarr(paths[0], chunks=None).x, {"chr1": "1"})
    found = bins_of(x, EVEN._replace(contig="1"), "x", PIXELS)
    assert "1bp/x" not in read
    np.testing.assert_array_equal(found.high, both(paths, EVEN)[1].high)
    turned = bins_of(ga.open_zarr(paths[0]).x.transpose("track", "position"), EVEN, "x", PIXELS)
    np.testing.assert_array_equal(turned.high, found.high)


def test_bins_of__a_store_that_was_replaced_is_refused(tmp_path):
    path = tmp_path / "a.zarr"
    options = {"pyramid": [16, 256], "progress": False}
    ga.to_zarr(tracks(), path, **options)
    old = ga.open_zarr(path).x
    ga.to_zarr(tracks() + 1, path, overwrite=True, **options)
    with pytest.raises(ga.StoreError, match="was replaced since it was opened"):
        bins_of(old, EVEN, "x", PIXELS)


def test_plot_tracks__trees_stand_for_their_arrays(paths, read, monkeypatch):
    monkeypatch.setattr(module.bins_of, "__defaults__", (PIXELS,))
    tree = ga.open_datatree(paths[0])
    figure = plot_tracks(tree, "chr1")
    assert {path.split("/")[0] for path in read} == {"1bp_x256"}
    assert len(plot_tracks([tree["1bp"], tree["1bp_x256"].x_max], "chr1").axes) == 3
    assert sorted(axes.get_ylabel() for axes in figure.axes) == ["label", "x"]


def test_plot_tracks__labels_are_blocks_at_any_width(paths, monkeypatch):
    monkeypatch.setattr(module.bins_of, "__defaults__", (PIXELS,))
    figures = [plot_tracks([ga.open_zarr(path).label], "chr1:0-51,200") for path in paths]
    boxes = [
        [[round(v) for v in p.get_extents().bounds] for c in f.axes[0].collections
         for p in c.get_paths()]
        for f in figures
    ]  # fmt: skip
    assert boxes[0] == boxes[1]
    assert len(boxes[0]) > 1
