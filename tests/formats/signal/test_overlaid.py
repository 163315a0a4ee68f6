import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import GenomeError, RegionError
from genoarrays.formats.signal import overlaid
from genoarrays.formats.signal.runs import runs_of
from genoarrays.genome.columns import make_columns
from genoarrays.genome.windows import window_coords, window_index
from tests.formats import files

LENGTHS = {"chr1": 293, "chr2": 120, "chr3": 31}
TOY = ga.Assembly("toy", LENGTHS)
HOW = ["mean", "max", "center"]


def read_bigwig(path):
    return files.read_bigwig(path, LENGTHS)


def by_hand(x, how):
    """Every base asks all windows that cover it."""
    genome = {contig: np.full(length, np.nan) for contig, length in LENGTHS.items()}
    columns = window_index(x).columns
    windows = []
    for contig, start, end, sign, values in zip(
        columns.contigs.tolist(), columns.start.tolist(), columns.end.tolist(),
        columns.orientation.tolist(), x.values, strict=True,
    ):  # fmt: skip
        values = values[::-1] if sign < 0 else values
        windows.append((contig, start, end, np.repeat(values, (end - start) // len(values))))
    windows.sort(key=lambda w: (list(LENGTHS).index(w[0]), w[1]))  # stable, as the genome's order
    for contig, length in LENGTHS.items():
        own = [w for w in windows if w[0] == contig]
        for base in range(length):
            there = [
                (abs(2 * base + 1 - start - end), n, values[base - start])
                for n, (_, start, end, values) in enumerate(own)
                if start <= base < end and not np.isnan(values[base - start])
            ]
            if not there:
                continue
            numbers = [value for _, _, value in there]
            genome[contig][base] = {
                "mean": lambda n=numbers: np.float64(n).mean(),
                "max": lambda n=numbers: max(n),
                "center": lambda t=there: min(t)[2],
            }[how]()
    return np.concatenate(list(genome.values())).astype(np.float32)


def windows(regions, values):
    columns = make_columns(*zip(*regions, strict=True), TOY)
    return xr.DataArray(values, dims=("window", "offset")).assign_coords(window_coords(columns))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_overlap__equals_asking_every_base(tmp_path_factory, data):
    bins = data.draw(st.sampled_from([1, 2, 5]))
    grid = data.draw(st.sampled_from([1, 5, 20]))
    fixed = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    regions = []
    for _ in range(data.draw(st.integers(1, 12))):
        contig = rng.choice(list(LENGTHS))
        width = bins * 20 if fixed else bins * int(rng.integers(1, 30))
        start = int(rng.integers(0, max((LENGTHS[contig] - 10) // grid, 1))) * grid
        regions.append((str(contig), start, start + width, str(rng.choice(["+", "-", "."]))))
    values = rng.integers(-3, 4, (len(regions), bins)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    x = windows(regions, values)
    how = data.draw(st.sampled_from(HOW))
    folder = tmp_path_factory.mktemp("overlap")
    (path,) = ga.to_bigwig(x, folder / "x.bw", overlap=how)
    np.testing.assert_array_equal(read_bigwig(path), by_hand(x, how))
    chunked = x.chunk(window=max(x.sizes["window"] // 2, 1))
    (path,) = ga.to_bigwig(chunked, folder / "y.bw", overlap=how)
    np.testing.assert_array_equal(read_bigwig(path), by_hand(x, how))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("block", [1, 7, 1000])
def test_overlap__does_not_depend_on_blocks(tmp_path, monkeypatch, how, block):
    monkeypatch.setattr(overlaid, "_UNITS", block)
    regions = [("chr1", start, start + 60, "+-"[start % 20 > 0]) for start in range(0, 280, 10)]
    regions += [("chr3", 0, 30, "."), ("chr3", 0, 30, "."), ("chr3", 24, 60, "-")]
    values = np.random.default_rng(0).normal(size=(len(regions), 6)).astype(np.float32)
    x = windows(regions, values)
    ga.to_bigwig(x, tmp_path / "x.bw", overlap=how)
    np.testing.assert_allclose(read_bigwig(tmp_path / "x.bw"), by_hand(x, how), rtol=1e-6)


def test_unit__is_the_widest_that_all_bins_and_changes_fit():
    x = windows([("chr1", start, start + 200, "+") for start in (0, 50, 150)], np.ones((3, 1)))
    runs, _ = runs_of(x, check=False)
    assert overlaid.unit_of(runs, "mean") == 50
    # centers are 50 apart or 100, so values change at multiples of 25 from them
    assert overlaid.unit_of(runs, "center") == 25
    odd = windows([("chr1", 0, 3, "+"), ("chr1", 1, 4, "+")], np.ones((2, 1)))
    assert overlaid.unit_of(runs_of(odd, check=False)[0], "center") == 1


def test_center__crops_windows_in_the_middle_between_centers(tmp_path):
    x = windows([("chr1", 0, 200, "+"), ("chr1", 50, 250, "-")], np.float32([[1], [2]]))
    ga.to_bigwig(x, tmp_path / "x.bw", overlap="center")
    got = read_bigwig(tmp_path / "x.bw")
    assert (got[:125] == 1).all()
    assert (got[125:250] == 2).all()


def test_overlap__of_duplicates_and_tracks(tmp_path):
    x = windows([("chr2", 10, 20, "+"), ("chr2", 10, 20, "-")], np.float32([[1], [4]]))
    y = xr.concat([x, -x], "track").assign_coords(track=["a", "b"])
    with pytest.raises(RegionError, match=r'overlap, and .* overlap="mean", "max" or "center"'):
        ga.to_bigwig(y, tmp_path / "{track}.bw")
    a, b = ga.to_bigwig(y, tmp_path / "{track}.bw", overlap="max")
    assert read_bigwig(a)[293 + 10] == 4
    assert read_bigwig(b)[293 + 10] == -1
    with pytest.raises(GenomeError, match="overlap='sum' is not known"):
        ga.to_bigwig(y, tmp_path / "{track}.bw", overlap="sum")


@pytest.mark.parametrize("how", HOW)
def test_overlap__hides_no_infinite_value(tmp_path, how):
    x = windows([("chr2", 10, 20, "+"), ("chr2", 12, 22, "+"), ("chr2", 0, 22, "+")],
                np.float32([[-np.inf], [np.inf], [3]]))  # fmt: skip
    with pytest.raises(GenomeError, match="the value at chr2:10 is infinite"):
        ga.to_bigwig(x, tmp_path / "x.bw", overlap=how)
    assert list(tmp_path.iterdir()) == []


def test_overlap__of_positions_that_were_taken_twice(tmp_path):
    x = xr.DataArray(np.arange(444.0), ga.genome_coords(TOY), ["position"])
    twice = x.isel(position=np.array([4, 5, 5, 300]))
    ga.to_bigwig(twice, tmp_path / "x.bw", overlap="mean")
    got = read_bigwig(tmp_path / "x.bw")
    assert np.flatnonzero(~np.isnan(got)).tolist() == [4, 5, 300]
    assert got[[4, 5, 300]].tolist() == [4, 5, 300]
