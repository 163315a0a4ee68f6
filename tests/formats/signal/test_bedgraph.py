import gzip

import numpy as np
import pysam
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.formats.signal import bedgraph, tracks
from tests.formats.files import LENGTHS, TOY, read_bigwig
from tests.formats.signal.test_export import REGIONS, on_axis, place, random_values, windows


def lines(path):
    return [line.split("\t") for line in path.read_text().splitlines()]


def bases(path):
    """Values at 1 bp of all contigs, end to end; rows must not touch a base twice."""
    genome = {contig: np.full(length, np.nan, np.float32) for contig, length in LENGTHS.items()}
    for contig, start, end, value in lines(path):
        part = genome[contig][int(start) : int(end)]
        assert len(part) == int(end) - int(start) > 0
        assert np.isnan(part).all()
        part[:] = np.float32(value)
    return np.concatenate(list(genome.values()))


@pytest.mark.parametrize("bin_size", [1, 37, 5000])
@pytest.mark.parametrize("chunk", [None, 101])
def test_to_bedgraph__gives_what_to_bigwig_gives(tmp_path, monkeypatch, bin_size, chunk):
    monkeypatch.setattr(bedgraph, "_ROOM", 50)
    monkeypatch.setattr(tracks, "_BLOCK", 64)
    array = on_axis(random_values(ga.GenomeAxis(TOY, bin_size).size), bin_size)
    array = array if chunk is None else array.chunk(position=chunk)
    path = tmp_path / "x.bedGraph"
    assert ga.to_bedgraph(array, path) == [str(path)]
    ga.to_bigwig(array, tmp_path / "x.bw")
    np.testing.assert_array_equal(bases(path), read_bigwig(tmp_path / "x.bw"))
    value = ga.open_intervals(path, like=TOY, mode="value").label
    want = np.nan_to_num(read_bigwig(tmp_path / "x.bw"))
    np.testing.assert_array_equal(value.values.astype(np.float32), want)
    table = ga.read_regions(path, like=TOY)
    assert table.sizes["region"] == len(lines(path))
    same = (table.contig.values[1:] == table.contig.values[:-1]) & (
        table.start.values[1:] == table.end.values[:-1]
    )
    assert (table.value.values[1:] != table.value.values[:-1])[same].all()


def test_to_bedgraph__is_sorted_by_the_assembly(tmp_path):
    assembly = ga.Assembly("odd", {"chr2": 30, "chr10": 20, "chr1": 10})
    x = xr.DataArray(np.arange(6.0), ga.genome_coords(assembly, 10), ["position"])
    ga.to_bedgraph(x.isel(position=[5, 3, 0, 4, 1]), tmp_path / "x.bg")
    assert lines(tmp_path / "x.bg") == [
        ["chr2", "0", "10", "0"], ["chr2", "10", "20", "1"], ["chr10", "0", "10", "3"],
        ["chr10", "10", "20", "4"], ["chr1", "0", "10", "5"],
    ]  # fmt: skip


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4, 5], [5, 0, 3, 4, 2, 1]])
def test_to_bedgraph__puts_windows_in_place(tmp_path, order):
    regions = [REGIONS[i] for i in order]
    values = np.random.default_rng(3).normal(size=(6, 4)).astype(np.float32)
    ga.to_bedgraph(windows(regions, values, ("window", "offset")), tmp_path / "x.bedGraph")
    np.testing.assert_array_equal(bases(tmp_path / "x.bedGraph"), place(regions, values, 10))


def test_to_bedgraph__lays_overlapping_windows_over_each_other(tmp_path):
    over = windows([("chr1", 0, 40, "+"), ("chr1", 20, 60, "-")], np.float32([1, 2]))
    with pytest.raises(ga.RegionError, match='overlap="mean"'):
        ga.to_bedgraph(over, tmp_path / "x.bg")
    ga.to_bedgraph(over, tmp_path / "x.bg", overlap="mean")
    assert lines(tmp_path / "x.bg") == [
        ["chr1", "0", "20", "1"], ["chr1", "20", "40", "1.5"], ["chr1", "40", "60", "2"],
    ]  # fmt: skip


def test_to_bedgraph__of_strands_and_tracks(tmp_path):
    values = random_values(1628, 1, (2, 2))
    array = on_axis(values, 1, {"strand": ["+", "-"], "track": ["a", "b"]})
    paths = ga.to_bedgraph(array, f"{tmp_path}/{{track}}.{{strand}}.bg")
    assert [path.rsplit("/")[-1] for path in paths] == [
        "a.plus.bg", "b.plus.bg", "a.minus.bg", "b.minus.bg",
    ]  # fmt: skip
    np.testing.assert_array_equal(bases(tmp_path / "b.minus.bg"), np.float32(values[:, 1, 1]))
    ga.to_bedgraph(array, f"{tmp_path}/{{track}}.bg")
    want = np.where(np.isnan(values).all(axis=1), np.nan, np.nansum(values, axis=1))[:, 0]
    np.testing.assert_array_equal(bases(tmp_path / "a.bg"), want.astype(np.float32))


def test_to_bedgraph__compresses_by_bgzf(tmp_path):
    array = on_axis(random_values(1628))
    (path,) = ga.to_bedgraph(array, tmp_path / "x.bedGraph.gz")
    ga.to_bedgraph(array, tmp_path / "x.bedGraph")
    text = (tmp_path / "x.bedGraph").read_bytes()
    assert gzip.decompress((tmp_path / "x.bedGraph.gz").read_bytes()) == text
    pysam.tabix_index(path, preset="bed")
    with pysam.TabixFile(path) as file:
        assert len(list(file.fetch("chr2"))) > 100
    value = ga.open_intervals(path, like=TOY, mode="value").label.values
    np.testing.assert_array_equal(value.astype(np.float32), np.nan_to_num(np.float32(array.values)))


def test_to_bedgraph__leaves_nothing_behind_on_error(tmp_path):
    values = np.ones((1628, 2))
    values[1040, 1] = np.inf
    array = on_axis(values, 1, {"track": ["a", "b"]})
    (tmp_path / "a.bg").write_text("old")
    with pytest.raises(ga.GenomeError, match=r"b\.bg: the value at chr2:3 is infinite"):
        ga.to_bedgraph(array, tmp_path / "{track}.bg", overwrite=True)
    assert [one.name for one in tmp_path.iterdir()] == ["a.bg"]
    assert (tmp_path / "a.bg").read_text() == "old"


def test_to_bedgraph__of_nothing_is_an_empty_file(tmp_path):
    ga.to_bedgraph(on_axis(np.full(1628, np.nan)), tmp_path / "x.bg")
    assert (tmp_path / "x.bg").read_bytes() == b""
    empty = on_axis(np.ones(1628)).isel(position=slice(0, 0))
    ga.to_bedgraph(empty, tmp_path / "y.bg")
    ga.to_bigwig(empty, tmp_path / "y.bw")
    assert (tmp_path / "y.bg").read_bytes() == b""
    assert np.isnan(read_bigwig(tmp_path / "y.bw")).all()


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_to_bedgraph__takes_numbers_of_any_type(tmp_path, dtype):
    values = (np.arange(1628) % 5 > 2).astype(dtype)
    ga.to_bedgraph(on_axis(values), tmp_path / "x.bg")
    ga.to_bigwig(on_axis(values), tmp_path / "x.bw")
    np.testing.assert_array_equal(bases(tmp_path / "x.bg"), values.astype(np.float32))
    np.testing.assert_array_equal(read_bigwig(tmp_path / "x.bw"), values.astype(np.float32))


def test_to_bedgraph__refuses_what_is_no_number(tmp_path):
    with pytest.raises(ga.GenomeError, match="a bedGraph numbers"):
        ga.to_bedgraph(on_axis(np.full(1628, 1j)), tmp_path / "x.bg")
    with pytest.raises(ga.GenomeError, match=r"a Dataset is not one track.*ga\.to_bedgraph"):
        ga.to_bedgraph(on_axis(np.ones(1628)).to_dataset(name="x"), tmp_path / "x.bg")
