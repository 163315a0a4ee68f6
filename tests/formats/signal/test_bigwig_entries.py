import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.signal.bigwig import BigwigSource
from tests.formats.files import LENGTHS, read_bigwig
from tests.formats.signal.maker import blocks_of, section, write_blocks

SMALL = {"a": 97, "b": 40, "c": 7}


@st.composite
def entries(draw):
    """Sorted entries on a and b, with gaps, runs of equal width, NaN, extremes."""
    found = []
    for contig in ("a", "b"):
        at = draw(st.integers(0, 9))
        width = draw(st.integers(1, 4))
        while at + width <= SMALL[contig]:
            value = draw(
                st.floats(-(2**20), 2**20, width=32) | st.sampled_from([0.0, float("nan")])
            )
            found.append((contig, at, at + width, value))
            at += width + draw(st.sampled_from([0, 0, 0, 1, 11]))
            width = draw(st.sampled_from([width, width, width, 1, 23]))
    return found


def bases(found):
    out = {name: np.full(length, np.nan, np.float32) for name, length in SMALL.items()}
    for contig, start, end, value in found:
        out[contig][start:end] = value
    return out


def brute(values, start, end, size, how):
    out = []
    for at in range(start, end, size):
        part = values[at : min(at + size, end)].astype(float)
        known = part[~np.isnan(part)]
        if not known.size:
            out.append(np.nan)
        else:
            out.append(known.sum() / len(part) if how == "mean0" else getattr(known, how)())
    return np.array(out)


@settings(max_examples=60, deadline=None)
@given(entries(), st.sampled_from("<>"), st.booleans(), st.permutations([1, 2, 3]), st.data())
def test_read__equals_brute_force(tmp_path_factory, found, order, zipped, kinds, data):
    path = tmp_path_factory.mktemp("bw") / "x.bw"
    write_blocks(
        path, SMALL, blocks_of(found, SMALL, order, kinds=kinds), order=order, zipped=zipped
    )
    want = bases(found)
    size = data.draw(st.sampled_from([1, 2, 7, 50]))
    how = data.draw(st.sampled_from(["mean", "mean0", "sum", "max", "min"]))
    source = BigwigSource(Stamp.of(path), size, how)
    for contig, length in SMALL.items():
        start = data.draw(st.integers(0, (length - 1) // size)) * size
        bins = data.draw(st.integers(1, -(-(length - start) // size)))
        end = min(start + bins * size, length)
        got = source.read(contig, start, end)
        binned = brute(want[contig], start, end, size, how)
        np.testing.assert_allclose(got, binned, rtol=1e-6, atol=1e-6 if size > 1 else 0)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("zipped", [True, False])
def test_read__equals_pybigwig_on_every_kind_of_block(tmp_path, order, zipped):
    rng = np.random.default_rng(5)
    found = []
    for contig in ("chr1", "chr3"):
        for at in range(3, LENGTHS[contig] - 8, 8):
            found.append((contig, at, at + int(rng.choice([5, 5, 5, 7])), np.float32(rng.normal())))
    path = tmp_path / "x.bw"
    blocks = blocks_of(found, LENGTHS, order, most=9, kinds=(3, 1, 2))
    assert {raw[20] for *_, raw in blocks} == {1, 2, 3}
    write_blocks(path, LENGTHS, blocks, order=order, zipped=zipped)
    want = np.full(sum(LENGTHS.values()), np.nan, np.float32)
    first = dict(zip(LENGTHS, np.cumsum([0, *LENGTHS.values()]).tolist(), strict=False))
    for contig, start, end, value in found:
        want[first[contig] + start : first[contig] + end] = value
    if order == "<":
        np.testing.assert_array_equal(read_bigwig(path), want)
    np.testing.assert_array_equal(ga.open_bigwig(path).signal.values, want)


@pytest.mark.parametrize("writer", ["span", "fixed", "variable"])
def test_read__equals_pybigwig_on_blocks_that_it_wrote(tmp_path, writer):
    values = np.random.default_rng(3).normal(size=20_000).astype(np.float32)
    path = tmp_path / "x.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("z", 500_000), ("y", 400_000)])
        for contig in "zy":
            starts = np.arange(len(values)) * 20
            if writer == "fixed":
                file.addEntries(contig, 7, values=values, span=11, step=19)
            elif writer == "variable":
                file.addEntries(contig, starts, values=values, span=13)
            else:
                file.addEntries([contig] * len(values), starts, ends=starts + 9, values=values)
    with pyBigWig.open(str(path)) as file:
        for contig, length in file.chroms().items():
            source = BigwigSource(Stamp.of(path))
            want = file.values(contig, 0, length, numpy=True)
            np.testing.assert_array_equal(source.read(contig, 0, length), want)
            for start, end in ((0, 1), (311_000, 340_003), (length - 9, length)):
                np.testing.assert_array_equal(source.read(contig, start, end), want[start:end])


def test_read__takes_nan_for_no_data_and_refuses_infinite_sums(tmp_path):
    nan, inf = float("nan"), float("inf")
    found = [("a", 0, 4, 2), ("a", 4, 6, nan), ("a", 20, 22, -inf), ("a", 30, 31, 5)]
    path = write_blocks(tmp_path / "x.bw", SMALL, blocks_of(found, SMALL))
    one = ga.open_bigwig(path).signal.sel(contig="a").values
    assert one[[0, 4, 20, 30]].tolist()[::2] == [2, -inf]
    assert np.isnan(one[4:20]).all()
    assert ga.open_bigwig(path, bin_size=10, how="min").signal.values[:4].tolist()[2] == -inf
    for how in ("mean", "mean0", "sum"):
        x = ga.open_bigwig(path, bin_size=10, how=how).signal
        assert x.sel(position="a:0-10").values == {"mean": 2, "mean0": 0.8, "sum": 8}[how] * (
            np.float32(1)
        )
        with pytest.raises(InputError, match=r'x\.bw, a:20: .* infinite.*how="max"'):
            x.sel(position="a:20-30").values  # noqa: B018
    large = [("a", 0, 2, 3e38), ("a", 50, 51, 1)]
    path = write_blocks(tmp_path / "y.bw", SMALL, blocks_of(large, SMALL))
    assert ga.open_bigwig(path, bin_size=10).signal.values[0] == np.float32(3e38)
    with pytest.raises(InputError, match=r"a:0: the sum of this bin"):
        ga.open_bigwig(path, bin_size=10, how="sum").signal.values  # noqa: B018


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([(0, 2, 9, [(2, 5, 1), (4, 9, 1)])], "a:4: the entry 4-9 begins before the one before"),
        ([(0, 2, 9, [(5, 9, 1), (2, 4, 1)])], "a:2: the entry 2-4 begins before"),
        ([(0, 2, 9, [(2, 9, 1)]), (0, 8, 12, [(8, 12, 1)])], "a:8: the entry 8-12 begins before"),
        ([(0, 2, 9, [(5, 5, 1)])], "a:5: the entry 5-5 has no bases"),
        ([(0, 2, 9, [(7, 5, 1)])], "a:7: the entry 7-5 has no bases"),
        ([(0, 2, 9, [(2, 10, 1)])], "a:2: the entry 2-10 lies outside of its block, 2-9"),
        ([(0, 2, 9, [(1, 9, 1)])], "a:1: the entry 1-9 lies outside of its block, 2-9"),
        ([(0, 2, 120, [(2, 9, 1), (97, 120, 1)])], "a:97: .* lies past the contig's 97 bp"),
    ],
)
def test_read__names_the_entry_that_is_wrong(tmp_path, blocks, message):
    rows = [(c, low, high, section("<", c, 1, found)) for c, low, high, found in blocks]
    path = write_blocks(tmp_path / "x.bw", SMALL, rows)
    for size in (1, 5):
        with pytest.raises(InputError, match=rf"x\.bw, {message}"):
            BigwigSource(Stamp.of(path), size).read("a", 0, 97)


def test_read__cuts_the_last_entry_at_the_end_of_the_contig(tmp_path):
    rows = [(0, 90, 110, section("<", 0, 3, [1, 2], start=90, step=10, span=10))]
    path = write_blocks(tmp_path / "x.bw", {"a": 105}, rows)
    assert ga.open_bigwig(path).signal.values[88:].tolist()[2:] == [1] * 10 + [2] * 5
    assert ga.open_bigwig(path, bin_size=10, how="sum").signal.values[9:].tolist() == [10, 10]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (section("<", 1, 1, [(0, 5, 1)]), r"contig 1 \(by the index 0\)"),
        (section("<", 0, 4, [(0, 5, 1)]), "type 4"),
        (section("<", 0, 1, [(0, 5, 1)], count=2), "2 entries; and has 36 bytes"),
        (b"\0" * 20, "the block has 20 bytes"),
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_read__refuses_a_block_that_contradicts_itself(tmp_path, raw, message, zipped):
    path = write_blocks(tmp_path / "x.bw", SMALL, [(0, 0, 5, raw)], zipped=zipped)
    with pytest.raises(InputError, match=rf"x\.bw, a:0-5 \(byte \d+\): .*{message}"):
        BigwigSource(Stamp.of(path)).read("a", 0, 9)


def test_read__refuses_a_block_that_is_larger_than_the_header_says(tmp_path):
    path = write_blocks(tmp_path / "x.bw", SMALL, blocks_of([("a", 0, 5, 1)], SMALL), most=30)
    with pytest.raises(InputError, match=r"a:0-5 .* longer than the header's 30 bytes"):
        BigwigSource(Stamp.of(path)).read("a", 0, 9)
