import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genoarrays.formats.bins import add_bases, bin_widths, merge_blocks, total_bases

BLOCKS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=12)


@given(BLOCKS, st.integers(1, 70))
def test_total_bases__equals_counting_each_base(blocks, bin_size):
    bins = -(-60 // bin_size)
    partial, whole = np.zeros((2, 2, bins + 1), dtype=np.int64)
    start, end = np.array(blocks, dtype=np.int64).reshape(-1, 2).T
    rows = np.arange(len(start)) % 2
    add_bases(partial, whole, bin_size, start, end, rows)
    want = np.zeros((2, bins * bin_size), dtype=int)
    for number, (a, b) in enumerate(blocks):
        want[number % 2, a:b] += 1
    got = total_bases(partial, whole)
    np.testing.assert_array_equal(got, want.reshape(2, bins, bin_size).sum(axis=2))


@given(BLOCKS)
def test_merge_blocks__covers_the_same_bases_once(blocks):
    blocks = sorted(b for b in blocks if b[1] > b[0])
    start, end = merge_blocks(*np.array(blocks, dtype=np.int64).reshape(-1, 2).T)
    want = {base for a, b in blocks for base in range(a, b)}
    got = [base for a, b in zip(start, end, strict=True) for base in range(a, b)]
    assert got == sorted(want)
    assert (start[1:] > end[:-1]).all()


def test_bin_widths__cuts_the_last_bin():
    assert bin_widths(20, 31, 10).tolist() == [10, 1]
    assert bin_widths(20, 30, 10).tolist() == [10]
    assert bin_widths(20, 20, 10).tolist() == []
