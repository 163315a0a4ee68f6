import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.errors import AssemblyError, GenomeError, RegionError
from genoarrays.formats.signal import tracks
from genoarrays.genome.columns import make_columns
from genoarrays.genome.windows import window_coords
from tests.formats.files import LENGTHS, TOY, read_bigwig


def on_axis(values, bin_size=1, extra=None):
    array = xr.DataArray(values, dims=["position", *(extra or {})])
    return array.assign_coords(ga.genome_coords(TOY, bin_size)).assign_coords(extra or {})


def spread(values, bin_size):
    parts, at = [], 0
    for length in LENGTHS.values():
        bins = -(-length // bin_size)
        parts.append(np.repeat(values[at : at + bins], bin_size)[:length])
        at += bins
    return np.concatenate(parts).astype(np.float32)


def random_values(size, seed=0, columns=()):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 3, (size, *columns)).astype(float) * rng.normal(size=(size, *columns))
    values[rng.random((size, *columns)) < 0.3] = np.nan
    return values


@pytest.mark.parametrize("bin_size", [1, 10, 37, 5000])
@pytest.mark.parametrize("chunk", [None, 3, 101])
def test_to_bigwig__round_trip_is_exact(tmp_path, monkeypatch, bin_size, chunk):
    monkeypatch.setattr(tracks, "_BLOCK", 64)
    size = ga.GenomeAxis(TOY, bin_size).size
    values = random_values(size)
    array = on_axis(values, bin_size)
    array = array if chunk is None else array.chunk(position=chunk)
    path = tmp_path / "x.bw"
    assert ga.to_bigwig(array, path) == [str(path)]
    np.testing.assert_array_equal(read_bigwig(path), spread(values, bin_size))
    got = ga.open_bigwig(path, bin_size=bin_size).signal.values
    np.testing.assert_array_equal(got, values.astype(np.float32))
    assert [one.name for one in tmp_path.iterdir()] == ["x.bw"]


def test_to_bigwig__merges_equal_neighbors_and_has_zoom_levels(tmp_path):
    import pyBigWig

    values = np.zeros(1628)
    values[100:200] = 5
    ga.to_bigwig(on_axis(values), tmp_path / "x.bw")
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        assert file.intervals("chr1") == ((0, 100, 0.0), (100, 200, 5.0), (200, 1037, 0.0))
        assert file.header()["nLevels"] > 0
        assert file.chroms() == LENGTHS


def test_to_bigwig__computes_each_chunk_once(tmp_path):
    computed = []

    def note(block, block_info=None):
        computed.append(block_info[0]["chunk-location"])
        return block

    array = on_axis(np.ones((1628, 3)), 1, {"track": ["a", "b", "c"]}).chunk(position=400, track=2)
    noted = array.copy(data=array.data.map_blocks(note, dtype=float, meta=np.empty((0, 0))))
    ga.to_bigwig(noted, str(tmp_path / "{track}.bw"))
    assert sorted(computed) == [(i, j) for i in range(5) for j in range(2)]


@pytest.mark.parametrize("chunks", [None, {"position": 500}, {"track": 1}])
def test_to_bigwig__writes_a_file_for_each_track_and_strand(tmp_path, chunks):
    values = random_values(1628, 1, (2, 3))
    array = on_axis(values, 1, {"strand": ["+", "-"], "track": ["a", "b/c", "d"]})
    array = array if chunks is None else array.chunk(chunks)
    paths = ga.to_bigwig(array, f"{tmp_path}/{{track}}.{{strand}}.bw")
    names = ["a.plus", "b_c.plus", "d.plus", "a.minus", "b_c.minus", "d.minus"]
    assert paths == [f"{tmp_path}/{name}.bw" for name in names]
    for number, path in enumerate(paths):
        want = values[:, number // 3, number % 3].astype(np.float32)
        np.testing.assert_array_equal(read_bigwig(path), want)
    summed = ga.to_bigwig(array, f"{tmp_path}/sum.{{track}}.bw")
    want = np.where(np.isnan(values).all(axis=1), np.nan, np.nansum(values, axis=1))
    for number, path in enumerate(summed):
        np.testing.assert_array_equal(read_bigwig(path), want[:, number].astype(np.float32))


def test_to_bigwig__writes_counts(tmp_path):
    counts = np.arange(1628 * 2, dtype=np.uint32).reshape(-1, 2)
    ga.to_bigwig(on_axis(counts, 1, {"strand": ["+", "-"]}), tmp_path / "x.bw")
    np.testing.assert_array_equal(read_bigwig(tmp_path / "x.bw"), counts.sum(axis=1))


@pytest.mark.parametrize("chunks", [None, 7])
def test_to_bigwig__puts_parts_of_the_genome_in_place(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(tracks, "_BLOCK", 50)
    values = random_values(1628, 2)
    array = on_axis(values) if chunks is None else on_axis(values).chunk(position=chunks)
    for number, key in enumerate(
        [slice(None, None, -1), slice(40, 1500, 3), np.r_[1200:1628, 0:10, 300:20:-1]]
    ):
        path = tmp_path / f"{number}.bw"
        ga.to_bigwig(array.isel(position=key), path)
        want = np.full(1628, np.nan, np.float32)
        want[key] = values[key]
        np.testing.assert_array_equal(read_bigwig(path), want)
    assert len(list(tmp_path.iterdir())) == 3


def windows(regions, values, dims=("window",), offset=None):
    contig, start, end, strand = zip(*regions, strict=True)
    columns = make_columns(contig, start, end, strand, TOY)
    array = xr.DataArray(values, dims=dims).assign_coords(window_coords(columns))
    return array if offset is None else array.assign_coords(offset=offset)


REGIONS = [
    ("chr1", 0, 40, "+"), ("chr1", 40, 80, "-"), ("chr1", 100, 140, "-"), ("chr1", 1017, 1057, "-"),
    ("chr2", 3, 43, "."), ("chr3", 60, 100, "+"),
]  # fmt: skip


def place(regions, values, bin_size):
    """Bins of windows, by hand: minus strand turned back, cut at contig ends."""
    genome = {contig: np.full(length, np.nan, np.float32) for contig, length in LENGTHS.items()}
    for (contig, start, end, strand), row in zip(regions, values, strict=True):
        row = np.repeat(row[::-1] if strand == "-" else row, bin_size)
        for base in range(start, min(end, LENGTHS[contig])):
            genome[contig][base] = row[base - start]
    return np.concatenate(list(genome.values()))


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 0, 3, 4, 2, 1]])
@pytest.mark.parametrize("chunk", [None, 2])
@pytest.mark.parametrize("bins", [1, 4, 40])
def test_to_bigwig__puts_windows_in_place(tmp_path, monkeypatch, order, chunk, bins):
    monkeypatch.setattr(tracks, "_BLOCK", 30)
    regions = [REGIONS[i] for i in order]
    values = np.random.default_rng(3).normal(size=(6, bins)).astype(np.float32)
    array = windows(regions, values, ("window", "offset"))
    array = array if chunk is None else array.chunk(window=chunk)
    want = place(regions, values, 40 // bins)
    for name, one in {
        "plain": array,
        "offset": array.assign_coords(offset=np.arange(0, 40, 40 // bins)),
        "turned": array.transpose("offset", "window"),
    }.items():
        ga.to_bigwig(one, tmp_path / f"{name}.bw")
        np.testing.assert_array_equal(read_bigwig(tmp_path / f"{name}.bw"), want)


def test_to_bigwig__puts_flanks_and_lengths_in_place(tmp_path):
    regions = [("chr1", 100, 110, "+"), ("chr1", 200, 210, "-"), ("chr3", 0, 10, "-")]
    values = np.arange(36, dtype=np.float32).reshape(3, 12)
    array = windows(regions, values, ("window", "offset"), np.arange(-20, 40, 5))
    ga.to_bigwig(array, tmp_path / "x.bw")
    got = read_bigwig(tmp_path / "x.bw")
    want = np.full(1628, np.nan, np.float32)
    want[80:140] = np.repeat(values[0], 5)
    want[170:230] = np.repeat(values[1][::-1], 5)
    want[1537:1567] = np.repeat(values[2][::-1], 5)[30:]
    np.testing.assert_array_equal(got, want)
    lengths = windows([("chr2", 9, 12, "."), ("chr2", 0, 9, ".")], [1.0, 2.0])
    ga.to_bigwig(lengths, tmp_path / "y.bw")
    assert read_bigwig(tmp_path / "y.bw")[1037:1050].tolist()[:12] == [2.0] * 9 + [1.0] * 3


def test_to_bigwig__turns_strands_of_minus_windows_back(tmp_path):
    regions = [("chr1", 0, 10, "+"), ("chr1", 20, 30, "-")]
    values = np.array([[1.0, 2.0], [3.0, 4.0]])  # own strand first
    array = windows(regions, values, ("window", "strand")).assign_coords(strand=["+", "-"])
    for one in (array, array.chunk(window=1, strand=1)):
        plus, minus = ga.to_bigwig(one, f"{tmp_path}/{{strand}}.bw", overwrite=True)
        assert read_bigwig(plus)[[0, 20]].tolist() == [1, 4]
        assert read_bigwig(minus)[[0, 20]].tolist() == [2, 3]


def test_to_bigwig__refuses_windows_it_cannot_place(tmp_path):
    over = windows([("chr1", 0, 40, "+"), ("chr2", 0, 40, "+"), ("chr1", 39, 79, "-")], np.ones(3))
    with pytest.raises(RegionError, match=r"window chr1:0-40:\+ and window chr1:39-79:- overlap"):
        ga.to_bigwig(over, tmp_path / "x.bw")
    odd = windows(REGIONS, np.ones((6, 3)), ("window", "offset"))
    with pytest.raises(RegionError, match=r"window chr1:0-40:\+ has 40 bp, which 3 bins do not"):
        ga.to_bigwig(odd, tmp_path / "x.bw")
    with pytest.raises(RegionError, match="not evenly spaced"):
        ga.to_bigwig(odd.assign_coords(offset=[0, 1, 5]), tmp_path / "x.bw")
    columns = make_columns(["chr1"], [0], [5])
    lost = xr.DataArray([1.0], dims="window").assign_coords(window_coords(columns))
    with pytest.raises(AssemblyError, match="do not know their assembly"):
        ga.to_bigwig(lost, tmp_path / "x.bw")
    with pytest.raises(GenomeError, match="neither a dimension 'position' nor 'window'"):
        ga.to_bigwig(xr.DataArray([1.0], dims="x"), tmp_path / "x.bw")
    twice = on_axis(np.ones(1628)).isel(position=np.array([4, 5, 5]))
    with pytest.raises(RegionError, match="overlap"):
        ga.to_bigwig(twice, tmp_path / "x.bw")
    assert list(tmp_path.iterdir()) == []


def test_to_bigwig__refuses_names_that_do_not_fit(tmp_path):
    array = on_axis(np.ones((1628, 2)), 1, {"track": ["a", "b"]})
    with pytest.raises(GenomeError, match=r"dimension 'track', .*'prefix\.\{track\}\.bw'"):
        ga.to_bigwig(array, tmp_path / "x.bw")
    with pytest.raises(GenomeError, match=r"has the placeholder \{sample\}, and the array no such"):
        ga.to_bigwig(array, tmp_path / "{track}{sample}.bw")
    twice = array.assign_coords(track=["a/b", "a_b"])
    with pytest.raises(GenomeError, match="two labels give one file name"):
        ga.to_bigwig(twice, tmp_path / "{track}.bw")
    with pytest.raises(GenomeError, match="there is no folder"):
        ga.to_bigwig(array.isel(track=0), tmp_path / "none" / "x.bw")


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_to_bigwig__leaves_nothing_behind_on_error(tmp_path, value):
    values = np.ones((1628, 2))
    values[1040, 1] = value
    array = on_axis(values, 1, {"track": ["a", "b"]})
    for order in (slice(None), slice(None, None, -1)):
        with pytest.raises(
            GenomeError, match=r"b\.bw: the value at chr2:3 is infinite, or too large"
        ):
            ga.to_bigwig(array.isel(position=order), tmp_path / "{track}.bw")
        assert list(tmp_path.iterdir()) == []


def test_to_bigwig__keeps_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "x.bw"
    ga.to_bigwig(on_axis(np.ones(1628)), path)
    with pytest.raises(GenomeError):
        ga.to_bigwig(on_axis(np.full(1628, np.inf)), path, overwrite=True)
    assert (read_bigwig(path) == 1).all()
    ga.to_bigwig(on_axis(np.full(1628, 2.0)), path, overwrite=True)
    assert (read_bigwig(path) == 2).all()


def test_to_bigwig__writes_a_file_without_values(tmp_path):
    ga.to_bigwig(on_axis(np.full(1628, np.nan)), tmp_path / "x.bw")
    assert np.isnan(read_bigwig(tmp_path / "x.bw")).all()
    assert np.isnan(ga.open_bigwig(tmp_path / "x.bw").signal.values).all()


def test_to_bigwig__replaces_a_file_only_when_asked(tmp_path):
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 25}), bin_size=10)
    x = xr.DataArray([1.0, 2.0, 3.0], coords, ["position"], name="x")
    (path,) = ga.to_bigwig(x, tmp_path / "a.bw")
    before = (tmp_path / "a.bw").read_bytes()
    with pytest.raises(ga.GenomeError, match=r"a\.bw exists already; give another path, or over"):
        ga.to_bigwig(x * 2, path)
    assert (tmp_path / "a.bw").read_bytes() == before
    ga.to_bigwig(x * 2, path, overwrite=True)
    assert ga.open_bigwig(path, bin_size=10).signal.values.tolist() == [2, 4, 6]


def test_to_bigwig__refuses_what_is_no_track(tmp_path):
    ds = ga.testing.random_genome({"chr1": 30})
    with pytest.raises(ga.GenomeError, match="a Dataset is not one track"):
        ga.to_bigwig(ds, tmp_path / "a.bw")
    with pytest.raises(ga.GenomeError, match="'dna' holds codes of letters"):
        ga.to_bigwig(ds.dna, tmp_path / "a.bw")


def test_to_bigwig__of_regions_of_many_lengths(tmp_path):
    assembly = ga.Assembly("toy", {"chr1": 100, "chr2": 50, "chr3": 1, "chr4": 30})
    x = xr.DataArray(np.arange(181.0), ga.genome_coords(assembly), ["position"], name="x")
    places = ["chr3:0-1:-", "chr1:10-20:-", "chr2:5-40:+", "chr1:50-53"]
    regions = ga.read_regions(places, assembly)
    (path,) = ga.to_bigwig(x.sel(position=regions.region), tmp_path / "x.bw")
    want = np.full(181, np.nan, np.float32)
    for start, end in ((10, 20), (50, 53), (105, 140), (150, 151)):
        want[start:end] = np.arange(start, end)
    lengths = dict(zip(assembly.names, assembly.lengths.tolist(), strict=True))
    np.testing.assert_array_equal(read_bigwig(path, lengths), want)
    mean = ga.windows(x.to_dataset(), regions, reduce="mean").x
    (path,) = ga.to_bigwig(mean, tmp_path / "mean.bw")
    for start, end in ((10, 20), (50, 53), (105, 140), (150, 151)):
        want[start:end] = want[start:end].mean()
    np.testing.assert_array_equal(read_bigwig(path, lengths), want)
    packed = ga.windows(x.to_dataset(), regions, ragged=True).x
    with pytest.raises(GenomeError, match="laid end to end"):
        ga.to_bigwig(packed, tmp_path / "packed.bw")


def test_to_bigwig__of_what_predict_gives(tmp_path):
    values = np.random.default_rng(0).random((6, 4, 2)).astype(np.float32)
    y = windows(REGIONS, values, ("window", "offset", "track")).assign_coords(track=["a", "b"])
    ga.to_bigwig(y, tmp_path / "{track}.bw")
    np.testing.assert_array_equal(
        read_bigwig(tmp_path / "b.bw"), place(REGIONS, values[:, :, 1], 10)
    )
    (path,) = ga.to_bigwig(y.isel(track=1), tmp_path / "one.{track}.bw")
    assert path.endswith("one.b.bw")
    assert (tmp_path / "b.bw").read_bytes() == (tmp_path / "one.b.bw").read_bytes()


def test_to_bigwig__of_a_store(tmp_path):
    values = random_values(1628, 4, (2,))
    ds = on_axis(values, 1, {"track": ["a", "b"]}).to_dataset(name="x")
    ga.to_zarr(ds, tmp_path / "x.zarr", progress=False)
    for chunks in ("auto", None):
        x = ga.open_zarr(tmp_path / "x.zarr", chunks=chunks).x
        a, b = ga.to_bigwig(x, tmp_path / "{track}.bw", overwrite=True)
        np.testing.assert_array_equal(read_bigwig(a), values[:, 0].astype(np.float32))
        np.testing.assert_array_equal(read_bigwig(b), values[:, 1].astype(np.float32))


def test_short_last_tile__of_the_minus_strand_stays_in_place(tmp_path):
    assembly = ga.Assembly("one", {"chr1": 100})
    ds = xr.Dataset({"x": ("position", np.arange(100.0))}, ga.genome_coords(assembly))
    tiles = ga.tile_regions(ga.read_regions(["chr1:0-45:-"], assembly), 20)
    for rows in ([0, 1, 2], [2]):
        x = ga.windows(ds, tiles, 20).x.isel(window=rows)
        ga.to_bigwig(x, tmp_path / "x.bw", overwrite=True)
        read = ga.open_bigwig(tmp_path / "x.bw", like=assembly).signal.values
        there = np.flatnonzero(~np.isnan(read))
        assert there.tolist() == list(range(rows[0] * 20, 45))
        np.testing.assert_array_equal(read[there], there)
