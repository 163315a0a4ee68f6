"""Do the compiled loops give what plain numpy gives, and write nowhere else?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genoarrays.examples.cut import REDUCE
from genoarrays.examples.kernels import (
    any_nan,
    copy_planes,
    copy_windows,
    interleave,
    reduce_windows,
)

TYPES = ("bool", "int8", "uint32", "uint64", "float32", "float64")
SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.sampled_from([(1, 1), (1, 2), (1, 6), (2, 1), (3, 4)])  # outer, inner
POSITIONS = 24


def numbers(rng, dtype, shape):
    """Any values of a type: NaN and infinities, and integers that no float holds."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind == "f":
        values = rng.normal(size=shape).astype(dtype)
        values[rng.random(shape) < 0.3] = np.nan
        values[rng.random(shape) < 0.02] = np.inf
        return values
    info = np.iinfo(dtype)
    values = rng.integers(max(info.min, -9), 9, shape, dtype=dtype)
    some = rng.random(shape) < 0.1
    values[some] = (info.max - rng.integers(0, 3, shape, dtype=dtype))[some]
    return values


@st.composite
def cuts(draw):
    """Windows in an array of some positions, as arrays: at, low, high, gap, count, turned."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        count = draw(st.integers(0, 9))
        low, high = sorted(draw(st.tuples(st.integers(0, count), st.integers(0, count))))
        at = draw(st.integers(0, POSITIONS - (high - low)))
        gap = draw(st.tuples(st.integers(0, count), st.integers(0, count)))
        if draw(st.booleans()):
            gap = (0, 0)
        found.append((at, low, high, *gap, count, draw(st.booleans())))
    columns = [np.array(column, dtype=np.int64) for column in zip(*found, strict=True)]
    return (*columns[:6], columns[6].astype(bool))


def orders(rng, outer, inner):
    """How turned windows have the values of a position."""
    return rng.permutation(outer), rng.permutation(inner)


def windows(source, cut, turning):
    """Of each window the values of its bins and which exist, on the plus strand.

    What is to be turned has its outer and inner values in their new order.
    """
    for at, low, high, gap_low, gap_high, count, turned in zip(*cut, strict=True):
        values = np.zeros((source.shape[0], count, source.shape[2]), source.dtype)
        values[:, low:high] = source[:, at : at + high - low]
        there = np.zeros(count, dtype=bool)
        there[low:high] = True
        there[gap_low:gap_high] = False
        if turned:
            values = values[turning[0]][:, :, turning[1]]
        yield values, there, turned


@pytest.mark.parametrize("dtype", TYPES)
@settings(max_examples=25)
@given(cut=cuts(), sizes=SIZES, seed=SEEDS, floats=st.booleans())
def test_copy_windows__equals_numpy(dtype, cut, sizes, seed, floats):
    rng = np.random.default_rng(seed)
    source = numbers(rng, dtype, (sizes[0], POSITIONS, sizes[1]))
    result = np.dtype("f4") if floats else source.dtype
    fill, turning = numbers(rng, dtype, 1)[0], orders(rng, *sizes)
    rows, first, out = laid_out(rng, cut[5], sizes, result)
    expected = out.copy()
    parts = windows(source, cut, turning)
    for (values, there, turned), row, begin in zip(parts, rows, first, strict=True):
        values[:, ~there] = fill
        expected[row, :, begin : begin + len(there)] = values[:, ::-1] if turned else values
    none = np.zeros(0, dtype=result)
    planes, again = np.ascontiguousarray(source.swapaxes(1, 2)), out.copy()
    copy_windows(source, *cut, *turning, none, fill, rows, first, out)
    np.testing.assert_array_equal(out, expected)
    copy_planes(planes, *cut, *turning, none, fill, rows, first, again)
    np.testing.assert_array_equal(again, expected)


def laid_out(rng, count, sizes, dtype):
    """Windows in some rows, one behind the other with bins between, and where they are written."""
    rows = rng.integers(0, 3, len(count))
    first = np.array([1 + np.sum(count[:n][rows[:n] == row] + 1) for n, row in enumerate(rows)])
    out = np.full((3, sizes[0], 70, sizes[1]), 1).astype(dtype)
    return rows, first.astype(np.int64), out


@pytest.mark.parametrize("result", ["int8", "float32"])
@settings(max_examples=25)
@given(cut=cuts(), sizes=SIZES, seed=SEEDS)
def test_copy_windows__turned_letters_are_looked_up(result, cut, sizes, seed):
    rng = np.random.default_rng(seed)
    source = rng.integers(-1, 5, (sizes[0], POSITIONS, sizes[1])).astype("i1")
    letters = np.arange(256)
    letters[:4] = [3, 2, 1, 0]
    table = letters.astype("u1").view("i1").astype(result)  # -1 is letter 255
    turning = orders(rng, *sizes)
    rows, first, out = laid_out(rng, cut[5], sizes, result)
    expected = out.copy()
    parts = windows(source, cut, turning)
    for (values, there, turned), row, begin in zip(parts, rows, first, strict=True):
        if turned:
            values = np.where((values >= 0) & (values < 4), 3 - values, values)[:, ::-1]
            there = there[::-1]
        values[:, ~there] = 2  # not looked up
        expected[row, :, begin : begin + len(there)] = values
    planes, again = np.ascontiguousarray(source.swapaxes(1, 2)), out.copy()
    copy_windows(source, *cut, *turning, table, np.int8(2), rows, first, out)
    np.testing.assert_array_equal(out, expected)
    copy_planes(planes, *cut, *turning, table, np.int8(2), rows, first, again)
    np.testing.assert_array_equal(again, expected)


def counted(how, dtype):
    """Types that a value is counted in and given in."""
    if how == "mean":
        return np.float64, np.dtype("f8" if dtype == "float64" else "f4")
    if np.dtype(dtype).kind == "f":
        return np.float64, np.dtype(dtype)
    whole = np.uint64 if dtype == "uint64" else np.int64
    return whole, np.dtype(whole if how == "sum" else dtype)


def reduced(how, cells, kind, fill):
    """One value of some cells, NaN left out."""
    kept = cells[~np.isnan(cells)] if cells.dtype.kind == "f" else cells
    if not kept.size:
        return fill
    with np.errstate(invalid="ignore", over="ignore"):
        return getattr(kept.astype(kind), how)()


@pytest.mark.parametrize("dtype", TYPES)
@settings(max_examples=40)
@given(cut=cuts(), sizes=SIZES, seed=SEEDS, how=st.sampled_from(REDUCE), group=st.integers(0, 4))
def test_reduce_windows__equals_numpy(dtype, cut, sizes, seed, how, group):
    rng = np.random.default_rng(seed)
    source = numbers(rng, dtype, (sizes[0], POSITIONS, sizes[1]))
    kind, result = counted(how, dtype)
    fill, turning = numbers(rng, dtype, 1)[0], orders(rng, *sizes)
    rows = rng.permutation(len(cut[0]) + 2)[: len(cut[0])]
    out = np.full((len(rows) + 2, sizes[0], 11, sizes[1]), 1).astype(result)
    expected = out.copy()
    for (values, there, turned), row in zip(windows(source, cut, turning), rows, strict=True):
        step = group or max(len(there), 1)
        begins = range(0, max(len(there), 1), step)
        bins = [(values[:, a : a + step], there[a : a + step]) for a in begins]
        for b, (part, exists) in enumerate(bins[::-1] if turned else bins):
            for o, i in np.ndindex(sizes):
                expected[row, o, b, i] = reduced(how, part[o, exists, i], kind, fill)
    zero = np.dtype(kind).type(0)
    reduce_windows(source, *cut, *turning, group, REDUCE.index(how), zero, fill, rows, out)
    if result.kind == "f":
        np.testing.assert_allclose(out, expected, rtol=2e-6, atol=1e-6)
    else:
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("how", ["max", "min", "sum"])
def test_reduce_windows__integers_stay_exact(how):
    source = np.array([2**62 + 1, 2**60 - 1, 3]).reshape(1, 3, 1)
    one = [np.array([n]) for n in (0, 0, 3, 0, 0, 3)]
    out = np.zeros((1, 1, 1, 1), dtype=np.int64)
    plain = np.zeros(1, dtype=np.int64)
    options = (np.array([False]), plain, plain, 0, REDUCE.index(how), np.int64(0), np.int64(-1))
    reduce_windows(source, *one, *options, plain, out)
    assert out.item() == getattr(source, how)()


@pytest.mark.parametrize("dtype", ["int8", "uint32", "float32", "float64"])
@pytest.mark.parametrize("positions", [7, 1024, 1025, 2500])
@settings(max_examples=8)
@given(sizes=SIZES, seed=SEEDS, data=st.data())
def test_interleave__equals_numpy(dtype, positions, sizes, seed, data):
    planes = numbers(np.random.default_rng(seed), dtype, (*sizes, positions))
    place = st.integers(0, positions)
    found = data.draw(st.lists(st.tuples(place, place).map(sorted), min_size=1, max_size=4))
    low, high = np.array([[0, positions], *found]).T.copy()
    to = 1 + np.cumsum(high - low + 1) - (high - low + 1)
    out = np.ones((sizes[0], int(to[-1] + high[-1] - low[-1]) + 2, sizes[1]), dtype)
    expected = out.copy()
    for begin, end, where in zip(low, high, to, strict=True):
        expected[:, where : where + end - begin] = np.moveaxis(planes[:, :, begin:end], 1, 2)
    interleave(planes, low, high, to, out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("dtype", TYPES)
@settings(max_examples=25)
@given(size=st.integers(0, 70), seed=SEEDS, share=st.sampled_from([0, 0.02, 1]))
def test_any_nan__equals_numpy(dtype, size, seed, share):
    rng = np.random.default_rng(seed)
    values = np.nan_to_num(numbers(rng, dtype, size))
    if values.dtype.kind == "f":
        values[rng.random(size) < share] = np.nan
        values[rng.random(size) < 0.02] = np.inf
    assert any_nan(values) == np.isnan(values).any()
