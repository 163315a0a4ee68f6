import pickle

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.testing import count_computes, random_genome

TOY = ga.Assembly("toy", {"chr1": 50, "chr2": 23})
TEXT = np.dtypes.StringDType()


def regions(*texts, like=TOY, **options):
    return ga.read_regions(list(texts), like, **options)


FOUR = ("chr2:10-20", "chr1:0-10:+", "chr1:30-40:-", "chr1:40-50:-")


def numbers(x):
    return dict(
        zip(zip(x.contig.values.tolist(), x.position.values.tolist(), strict=True),
            x.values.tolist(), strict=True)
    )  # fmt: skip


def test_from_array__lays_one_value_per_region_and_output():
    x = ga.from_array(np.arange(12).reshape(4, 3), regions(*FOUR)).signal
    assert x.dims == ("position", "track")
    assert x.sizes == {"position": 4, "track": 3}
    assert int(x.sum()) == 66
    assert numbers(x.isel(track=0)) == {
        ("chr1", 0): 3, ("chr1", 30): 6, ("chr1", 40): 9, ("chr2", 10): 0
    }  # fmt: skip
    assert ga.bin_size_of(x) == 10
    whole = ga.from_array(np.arange(12.0).reshape(4, 3), regions(*FOUR), like=TOY).signal
    assert ga.axis_of(whole).is_whole
    assert float(whole.sum()) == 66
    assert int(whole.notnull().sum()) == 12
    assert whole.sel(position="chr2:12-13").values.tolist() == [[0, 1, 2]]


def test_from_array__refuses_other_lengths():
    with pytest.raises(ga.RegionError, match="values has 5 rows, and there are 4 regions"):
        ga.from_array(np.zeros(5), regions(*FOUR))


def brute(values, rows, bin_size, strands, turned=True, like=TOY):
    """Base by base: the values that lie on each bin of the genome."""
    found = {}
    for (contig, start, end, strand), row in zip(rows, values, strict=True):
        back = strand == "-" and turned
        row = row[::-1] if back else row
        per = (end - start) // len(row)
        for base in range(start, end):
            value = row[(base - start) // per]
            if strands:
                value = value[::-1] if back else value
            if 0 <= base < like.length(contig):
                place = found.setdefault((contig, base // bin_size * bin_size), [])
                if base % bin_size == 0 or base == max(start, 0):
                    place.append(value)
    return found


@st.composite
def laid_out(draw, overlapping=False):
    """Rows on a grid in any order, values (rows, bins[, strand], track), and the bin size."""
    size, per, bins = draw(st.integers(1, 4)), draw(st.integers(1, 2)), draw(st.integers(1, 3))
    width = size * per * bins
    rows = []
    for contig, length in zip(TOY.names, TOY.lengths.tolist(), strict=True):
        steps = [0] if overlapping else [width]
        at = draw(st.integers(-2, 2)) * size
        while at < length + 3 * size:
            rows.append((contig, at, at + width, draw(st.sampled_from("+-."))))
            at += max(steps[0], size) + draw(st.integers(0, 4)) * size
    rows = [r for r in rows if r[1] >= 0]
    rows = draw(st.permutations(rows))[: draw(st.integers(1, 8))]
    strands = draw(st.booleans())
    shape = (len(rows), bins, *((2,) if strands else ()), 2)
    values = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return rows, values, size, strands


def as_table(rows):
    bare = ga.read_regions(rows)
    return ga.read_regions(bare, TOY, out_of_bounds="pad")


@settings(deadline=None)
@given(laid_out(), st.booleans(), st.booleans(), st.integers(1, 400))
def test_from_array__equals_base_by_base(made, whole, turned, chunk):
    rows, values, size, strands = made
    dims = ("region", "offset", *(("strand",) if strands else ()), "track")
    with ga.set_options(chunk_bytes=chunk):
        x = ga.from_array(
            values, as_table(rows), dims=dims, bin_size=size, like=TOY if whole else None,
            orientation="region" if turned else "genomic",
        ).signal  # fmt: skip
    want = {k: v[0].tolist() for k, v in brute(values, rows, size, strands, turned).items()}
    found = numbers(x)
    if whole:
        assert ga.axis_of(x).is_whole
        assert all(np.isnan(v).all() for k, v in found.items() if k not in want)
        found = {key: value for key, value in found.items() if key in want}
    assert found == want
    assert list(found) == sorted(found)


@settings(deadline=None)
@given(laid_out(overlapping=True), st.sampled_from(["mean", "max"]), st.integers(1, 300))
def test_from_array__joins_overlaps(made, how, chunk):
    rows, values, size, strands = made
    values[values % 7 == 3] = np.nan
    dims = ("region", "offset", *(("strand",) if strands else ()), "track")
    with ga.set_options(chunk_bytes=chunk):
        x = ga.from_array(values, as_table(rows), dims=dims, bin_size=size, overlap=how).signal
    for place, some in brute(values, rows, size, strands).items():
        stack = np.array(some)
        there = ~np.isnan(stack)
        if how == "mean":
            want = np.where(there, stack, 0).sum(0) / np.where(there.any(0), there.sum(0), np.nan)
        else:
            want = np.fmax.reduce(stack, axis=0)
        np.testing.assert_allclose(numbers(x)[place], want, rtol=1e-6)


def test_from_array__refuses_overlaps_unless_asked():
    some = regions("chr1:0-10", "chr1:5-15", "chr1:20-30")
    with pytest.raises(ga.RegionError, match=r"chr1:0-10:\. and chr1:5-15:\. overlap.*'mean'"):
        ga.from_array(np.ones(3), some, bin_size=5)
    x = ga.from_array(np.array([1, 4, 6]), some, bin_size=5, overlap="mean").signal
    assert x.dtype == np.float32
    assert x.values.tolist() == [1, 2.5, 4, 6, 6]
    highest = ga.from_array(np.array([1, 4, 6]), some, bin_size=5, overlap="max").signal
    assert highest.dtype.kind == "i"
    assert highest.values.tolist() == [1, 4, 4, 6, 6]


def test_minus_strand__is_turned_back_with_its_strands():
    values = np.array([[[1, 2], [3, 4]]] * 2)  # (region, offset, strand)
    x = ga.from_array(values, regions("chr1:0-4:+", "chr1:4-8:-"),
                      dims=("region", "offset", "strand")).signal  # fmt: skip
    assert x.strand.values.tolist() == ["+", "-"]
    assert x.values.tolist() == [[1, 2], [3, 4], [4, 3], [2, 1]]
    kept = ga.from_array(values, regions("chr1:0-4:+", "chr1:4-8:-"), orientation="genomic",
                         dims=("region", "offset", "strand")).signal  # fmt: skip
    assert kept.values.tolist() == [[1, 2], [3, 4], [1, 2], [3, 4]]


def test_contig_ends__cut_the_last_bin_and_what_lies_past_it():
    tiles = ga.tile_regions(TOY, 10)
    x = ga.from_array(np.arange(8), tiles).signal
    assert ga.axis_of(x).is_whole
    assert x.values.tolist() == list(range(8))
    padded = regions("chr2:20-30:-", "chr2:0-10:+", out_of_bounds="pad")
    values = np.arange(20).reshape(2, 10)
    y = ga.from_array(values, padded, dims=("region", "offset")).signal
    assert y.sel(position="chr2:20-23").values.tolist() == [9, 8, 7]
    assert y.sizes["position"] == 13


def test_short_tiles__end_where_their_region_ends():
    tiles = ga.tile_regions(regions("chr1:0-25:-", "chr1:25-45:+"), 10)
    values = np.arange(50).reshape(5, 10)
    x = ga.from_array(values, tiles, dims=("region", "offset")).signal
    assert x.sizes["position"] == 45
    assert x.sel(position="chr1:20-25").values.tolist() == [29, 28, 27, 26, 25]
    with pytest.raises(ga.RegionError, match="give bin_size=5"):
        ga.from_array(values[:, 0], tiles)
    assert ga.from_array(values[:, 0], tiles, bin_size=5).sizes["position"] == 9


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (np.ones(2), {}, "bins of 10 bp; give bin_size=2"),
        (np.ones((2, 4)), {"dims": ("region", "offset")}, "10 bp, which 4 bins do not divide"),
        (np.ones((2, 5)), {"dims": ("region", "offset"), "bin_size": 4}, "give bin_size=2"),
    ],
)
def test_off_the_grid__names_a_bin_size_that_fits(given, options, message):
    with pytest.raises(ga.RegionError, match=message):
        ga.from_array(given, regions("chr1:0-10", "chr1:14-24"), **options)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (np.ones(4), {"orientation": "5'"}, 'orientation="5\'" is not known'),
        (np.ones(4), {"overlap": "sum"}, "overlap='sum' is not known"),
        (np.ones((4, 1, 1, 2, 3)), {}, "name its dimensions"),
        (np.ones((4, 2)), {"dims": ("region",)}, "name its dimensions"),
        (np.ones((4, 2)), {"dims": ("track", "offset")}, "one must be 'region' or 'window'"),
        (np.ones((4, 3)), {"dims": ("region", "strand")}, "3 strands; there are two"),
        (np.array(["a"] * 4), {}, "no numbers"),
        (np.ones(4, np.int8), {"fill": np.nan}, "fill=nan does not fit values of int8"),
        (np.ones(4, np.int8), {"fill": 200}, "fill=200 does not fit"),
        (np.ones(4), {"bin_size": 0}, "bin_size=0 is not possible"),
        (np.ones((4, 0)), {"dims": ("region", "offset")}, "no bins to lay values on"),
        (np.ones((4, 2)), {"dims": ("region", "cell")}, "'cell', which has no rule"),
        (xr.DataArray(np.ones(4), dims="region"), {"dims": ("region",)}, "rename those"),
        (xr.Dataset({"a": ("region", np.ones(4))}), {}, r"one of its variables \(a\)"),
        (xr.DataArray(np.ones((4, 9)), dims=("region", "position")), {}, "is a track"),
    ],
)
def test_bad_requests__say_what_to_give(values, options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.from_array(values, regions(*FOUR), **options)


def test_genomes__must_be_known_and_the_same():
    bare = ga.read_regions(list(FOUR))
    with pytest.raises(ga.AssemblyError, match="do not know their assembly"):
        ga.from_array(np.ones(4), bare)
    assert ga.from_array(np.ones(4), bare, like=TOY).signal.notnull().sum() == 4
    assert ga.from_array(np.ones(4), list(FOUR), like=TOY).sizes["position"] == 8
    other = ga.Assembly("other", {"chr1": 50, "chr2": 24})
    with pytest.raises(ga.AssemblyError, match="cannot lay values"):
        ga.from_array(np.ones(4), regions(*FOUR), like=other)
    with pytest.raises(ga.ContigError, match="rename_contigs"):
        ga.from_array(np.ones(1), ["1:0-10"], like=TOY)
    with pytest.raises(ga.RegionError, match="give regions="):
        ga.from_array(np.ones(4))


def test_labels__stay_and_dims_are_put_in_order():
    array = xr.DataArray(
        np.arange(16).reshape(2, 2, 4), dims=("track", "strand", "region"), name="y",
        coords={"track": np.array(["a", "b"]), "strand": ["-", "+"]}, attrs={"units": "reads"},
    )  # fmt: skip
    x = ga.from_array(array, regions(*FOUR))
    assert x.y.dims == ("position", "strand", "track")
    assert x.y.attrs == {"units": "reads"}
    assert x.track.dtype == TEXT
    row = x.y.sel(position="chr2:10-11").isel(position=0)  # region 0, no direction
    assert row.sel(strand="+").values.tolist() == [4, 12]
    row = x.y.sel(position="chr1:30-31").isel(position=0)  # region 2, minus
    assert row.sel(strand="+").values.tolist() == [2, 10]


def test_values__stay_lazy_and_pickle():
    lazy = da.from_array(np.arange(8.0).reshape(4, 2), chunks=(1, 2))
    with count_computes() as computed:
        x = ga.from_array(lazy, regions(*FOUR), like=TOY).signal
        again = ga.from_array(lazy, regions(*FOUR), like=TOY).signal
    assert not computed
    assert x.data.name == again.data.name
    eager = ga.from_array(np.arange(8.0).reshape(4, 2), regions(*FOUR), like=TOY).signal
    xr.testing.assert_equal(x.compute(), eager.compute())
    xr.testing.assert_equal(pickle.loads(pickle.dumps(x)).compute(), eager.compute())


def test_whole_genome__needs_no_more_than_a_chunk():
    big = ga.Assembly("big", {"chr1": 3_000_000_000})
    x = ga.from_array(np.float32([1, 2]), ["chr1:100-200", "chr1:2999999900-3000000000"],
                      bin_size=1, like=big).signal  # fmt: skip
    assert x.nbytes == 12_000_000_000
    assert x.sel(position="chr1:2,999,999,890-2,999,999,902").values[-3:].tolist()[1:] == [2, 2]


@pytest.mark.parametrize("flank", [0, 10])
def test_windows__come_back_where_they_were(flank):
    ds = random_genome({"chr1": 400, "chr2": 130})
    rows = ["chr1:0-50:-", "chr1:300-350:+", "chr2:100-130:-", "chr2:0-50:-", "chr1:380-400:."]
    tiles = ga.tile_regions(ga.read_regions(rows, ds), 50)
    x = ga.windows(ds, tiles, 50, flank=flank)
    for name in ("dna", "signal", "reads", "label"):
        back = ga.from_array(x[name])[name]
        held = ds[name].isel(position=ga.axis_of(ds).locate(*ga.axis_of(back).at(
            np.arange(back.sizes["position"]))))  # fmt: skip
        np.testing.assert_array_equal(back.values, held.values)
        assert back.dtype == ds[name].dtype
    assert back.sizes["position"] == (200 if not flank else 200 + 6 * 10)
    whole = ga.from_array(x.dna, like=ds).dna
    assert int((whole == 4).sum()) >= 530 - back.sizes["position"]


def test_windows__of_bins_that_do_not_divide_them():
    ds = random_genome({"chr1": 40})
    tiles = ga.tile_regions(ga.read_regions(["chr1:0-20:-", "chr1:20-40:+"], ds), 10)
    x = ga.windows(ds.reads, tiles, 10, bin_size=4, reduce="sum").reads  # bins of 4, 4 and 2 bp
    with pytest.raises(ga.RegionError, match="give bin_size=2"):
        ga.from_array(x)
    back = ga.from_array(x, bin_size=2).reads
    assert back.sizes["position"] == 20
    reads = ds.reads.values.astype(int)
    for start in range(0, 40, 10):
        for low, high in ((0, 4), (4, 8), (8, 10)):
            want = reads[start + low : start + high].sum(axis=0).tolist()
            here = back.sel(position=f"chr1:{start + low}-{start + high}")
            assert here.values.tolist() == [want] * ((high - low) // 2)


def test_windows__given_as_regions_and_with_other_labels():
    ds = random_genome({"chr1": 40})
    x = ga.windows(ds, ["chr1:0-10:-", "chr1:20-30:+"], 10)
    plain = ga.from_array(x.label.values, x, dims=("window", "offset")).signal
    np.testing.assert_array_equal(plain.values, ga.from_array(x.label).label.values)
    with pytest.raises(ga.RegionError, match="labelled with other windows"):
        ga.from_array(x.label, ga.read_regions(["chr1:0-10", "chr1:20-30"], ds))


def test_tracks__can_be_merged_stored_and_exported(tmp_path):
    ds = random_genome({"chr1": 95, "chr2": 40}, bin_size=10)
    tiles = ga.tile_regions(ds, 10)
    x = ga.windows(ds.signal, tiles, 10)
    y = ga.from_array(x.signal.isel(offset=0).values * 2, tiles, name="twice", like=ds)
    both = ga.merge(ds.label, y)
    ga.to_zarr(both, tmp_path / "x.zarr", progress=False)
    stored = ga.open_zarr(tmp_path / "x.zarr")
    np.testing.assert_array_equal(stored.twice.values, ds.signal.values * 2)
    ga.to_bigwig(stored.twice.isel(track=0, drop=True), tmp_path / "x.bw")
    read = ga.open_bigwig(tmp_path / "x.bw", like=ds, bin_size=10).signal
    np.testing.assert_array_equal(read.values, ds.signal.values[:, 0] * 2)


def test_regions_only__are_stored(tmp_path):
    x = ga.from_array(np.float32([1, 2, 3, 4]), regions(*FOUR), name="y")
    ga.to_zarr(x, tmp_path / "x.zarr", progress=False)
    stored = ga.open_zarr(tmp_path / "x.zarr")
    assert numbers(stored.y) == numbers(x.y)


def test_from_array__asks_whether_columns_are_tracks_or_positions():
    toy = ga.Assembly("toy", {"chr1": 100})
    regions = ga.read_regions(["chr1:0-10", "chr1:20-30"], like=toy)
    with pytest.raises(ga.GenomeError, match="tracks or positions"):
        ga.from_array(np.zeros((2, 10)), regions)
    assert ga.from_array(np.zeros((2, 10)), regions, dims=("region", "track")).sizes["track"] == 10
    assert ga.from_array(np.zeros((2, 9)), regions).sizes["track"] == 9
