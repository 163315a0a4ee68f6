from itertools import pairwise
from pathlib import Path

import numpy as np
import pyBigWig
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.formats.signal import tracks, written
from tests.formats.files import LENGTHS, TOY, read_bigwig


def on(lengths, values, bin_size=1):
    coords = ga.genome_coords(ga.Assembly("some", lengths), bin_size)
    return xr.DataArray(values, coords, ["position"], name="x")


def zoom_sizes(path):
    """Reductions of a file, from its header."""
    raw = Path(path).read_bytes()
    levels = int.from_bytes(raw[6:8], "little")
    return [int.from_bytes(raw[64 + 24 * n : 68 + 24 * n], "little") for n in range(levels)]


def spread(values, lengths, bin_size):
    parts, at = [], 0
    for length in lengths.values():
        bins = -(-length // bin_size)
        parts.append(np.repeat(values[at : at + bins], bin_size)[:length])
        at += bins
    return parts


@pytest.mark.parametrize("bin_size", [1, 7])
@pytest.mark.parametrize("kind", ["counts", "dense", "sparse"])
def test_zooms__equal_exact_statistics(tmp_path, bin_size, kind):
    lengths = {"b": 300_001, "a": 70_000, "c": 1, "d": 256}
    size = sum(-(-length // bin_size) for length in lengths.values())
    rng = np.random.default_rng(5)
    values = rng.normal(size=size)
    if kind == "counts":
        values = rng.poisson(0.05, size).astype(float)
    if kind == "sparse":
        values[rng.random(size) < 0.99] = np.nan
        values[1000:20_000] = np.nan
    path = str(tmp_path / "x.bw")
    ga.to_bigwig(on(lengths, values, bin_size), path)
    sizes = zoom_sizes(path)
    assert sizes[0] == max(256, 64 * bin_size)
    assert len(sizes) >= 4
    assert all(high == 4 * low for low, high in pairwise(sizes))
    bases = dict(zip(lengths, spread(values.astype(np.float32), lengths, bin_size), strict=True))
    with pyBigWig.open(path) as file:
        for contig, own in bases.items():
            for reduction in sizes:
                # two zoom bins in one bin of the answer is how libBigWig comes to take this level
                wide = 2 * reduction
                for start in range(0, len(own) - wide + 1, max(wide, len(own) // 7 // wide * wide)):
                    part = own[start : start + wide].astype(float)
                    known = part[~np.isnan(part)]
                    # no "sum": libBigWig gives that of one base, of its own files too
                    told = {
                        how: file.stats(contig, start, start + wide, type=how, exact=False)[0]
                        for how in ("mean", "max", "min", "coverage")
                    }
                    if not len(known):
                        assert told["mean"] is None
                        continue
                    want = [known.mean(), known.max(), known.min(), len(known) / wide]
                    np.testing.assert_allclose(
                        [told[how] for how in ("mean", "max", "min", "coverage")],
                        want, rtol=1e-5, atol=1e-6,
                    )  # fmt: skip
                    if kind != "sparse":  # of equal values it takes the root of what rounding left
                        std = file.stats(contig, start, start + wide, type="std", exact=False)[0]
                        np.testing.assert_allclose(std, known.std(ddof=1), rtol=1e-3)


def test_header__sums_up_the_whole_file(tmp_path):
    lengths = {"one": 400_000, "two": 100_000}
    values = np.random.default_rng(0).poisson(2, 500_000).astype(np.float32) - 1
    values[100_000:300_000] = 7  # one entry over hundreds of summaries
    values[350_000:360_000] = np.nan
    ga.to_bigwig(on(lengths, values), tmp_path / "x.bw")
    known = values[~np.isnan(values)].astype(float)
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        head = file.header()
        assert file.stats("one", 0, 400_000, nBins=1, exact=False)[0] == pytest.approx(
            np.nanmean(values[:400_000]), rel=1e-5
        )
    assert head["nBasesCovered"] == len(known)
    assert (head["minVal"], head["maxVal"]) == (known.min(), known.max())
    assert head["sumData"] == known.sum()
    assert head["sumSquared"] == (known**2).sum()


@pytest.mark.parametrize("workers", [1, 4])
def test_bytes__do_not_depend_on_chunks_or_threads(tmp_path, monkeypatch, workers):
    values = np.random.default_rng(1).poisson(0.5, 600_000).astype(np.float32)
    array = on({"one": 450_000, "two": 150_000}, values)
    ga.to_bigwig(array, tmp_path / "a.bw")
    monkeypatch.setattr(tracks, "_BLOCK", 1000)
    monkeypatch.setattr("genoarrays.formats.signal.export._THREADS", workers)
    ga.to_bigwig(array.chunk(position=77_777), tmp_path / "b.bw")
    assert (tmp_path / "a.bw").read_bytes() == (tmp_path / "b.bw").read_bytes()


def test_blocks__of_dense_values_have_no_coordinates(tmp_path):
    values = np.random.default_rng(2).random(100_000).astype(np.float32)
    ga.to_bigwig(on({"one": 999_995}, values, 10), tmp_path / "x.bw")
    assert (tmp_path / "x.bw").stat().st_size < 4.8 * len(values)  # 4 of them random
    got = read_bigwig(tmp_path / "x.bw", {"one": 999_995})
    np.testing.assert_array_equal(got, np.repeat(values, 10)[:999_995])


def test_many_contigs__are_all_found(tmp_path):
    # names that sort otherwise than the assembly; three levels of nodes
    lengths = {f"contig{n}": 1 + n % 40 for n in range(100_000)}
    values = np.arange(100_000, dtype=np.float32)
    values[::3] = np.nan
    path = tmp_path / "x.bw"
    ga.to_bigwig(on(lengths, values, 50), path)
    with pyBigWig.open(str(path)) as file:
        assert file.chroms() == lengths
        for n in (0, 1, 2, 255, 256, 70_000, 99_998, 99_999):
            want = None if n % 3 == 0 else ((0, 1 + n % 40, float(n)),)
            assert file.intervals(f"contig{n}") == want
            told = file.stats(f"contig{n}", exact=False)
            assert told == [None if n % 3 == 0 else pytest.approx(n)]
    ds = ga.open_bigwig(path, bin_size=50)
    assert list(ga.axis_of(ds).assembly.names) == list(lengths)
    some = slice(70_000, 70_300)
    np.testing.assert_array_equal(ds.signal.isel(position=some).values, values[some])


def test_values__near_the_ends_of_float32_do_not_spoil_the_summaries(tmp_path):
    values = np.full(1000, 3.0e38, np.float32)
    values[500:] = -3.0e38
    ga.to_bigwig(on({"one": 1000}, values), tmp_path / "x.bw")
    np.testing.assert_array_equal(read_bigwig(tmp_path / "x.bw", {"one": 1000}), values)
    with pyBigWig.open(str(tmp_path / "x.bw")) as file:
        assert file.stats("one", 0, 512, type="max", exact=False)[0] == pytest.approx(3e38)


def test_memory__of_waiting_blocks_is_bounded(tmp_path, monkeypatch):
    most = 0
    submit = written.BigwigWriter._submit

    def count(self, *arguments):
        nonlocal most
        submit(self, *arguments)
        most = max(most, len(self._waiting))

    monkeypatch.setattr(written.BigwigWriter, "_submit", count)
    values = np.random.default_rng(0).random(1_500_000).astype(np.float32)
    ga.to_bigwig(on({"one": 1_500_000}, values), tmp_path / "x.bw")
    assert 0 < most <= written._AHEAD + 1


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_round_trip__of_any_values(tmp_path_factory, data):
    bin_size = data.draw(st.sampled_from([1, 3, 50]))
    size = ga.GenomeAxis(TOY, bin_size).size
    seed = data.draw(st.integers(0, 2**32 - 1))
    few = data.draw(st.sampled_from([1, 2, 1000]))
    rng = np.random.default_rng(seed)
    values = rng.integers(0, few, size).astype(np.float32)
    values[rng.random(size) < data.draw(st.sampled_from([0, 0.1, 0.9, 1]))] = np.nan
    chunk = data.draw(st.integers(-(-size // 6), size))
    array = on(LENGTHS, values, bin_size).chunk(position=chunk)
    path = tmp_path_factory.mktemp("any") / "x.bw"
    ga.to_bigwig(array, path)
    want = np.concatenate(spread(values, LENGTHS, bin_size))
    np.testing.assert_array_equal(read_bigwig(path), want)
    np.testing.assert_array_equal(ga.open_bigwig(path).signal.values, want)
