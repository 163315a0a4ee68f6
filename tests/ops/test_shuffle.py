from collections import Counter
from itertools import groupby

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga

ROWS = st.lists(
    st.lists(st.sampled_from([0, 0, 1, 2, 3, 4, -1]), min_size=12, max_size=12),
    min_size=1, max_size=5,
)  # fmt: skip


def array(rows, dtype=np.int8):
    return xr.DataArray(np.array(rows, dtype=dtype), dims=("window", "offset"))


def kmers(row, k):
    return Counter(tuple(row[n : n + k]) for n in range(len(row) - k + 1))


@given(ROWS, st.integers(1, 4), st.integers(0, 2**40), st.sampled_from([np.int8, np.int64]))
def test_shuffle_sequences__keeps_kmers_and_unknown_letters(rows, k, seed, dtype):
    x = array(rows, dtype)
    done = ga.shuffle_sequences(x, k, seed)
    assert (done.dims, done.dtype, done.shape) == (x.dims, x.dtype, x.shape)
    for before, after in zip(rows, done.values.tolist(), strict=True):
        for shorter in range(1, k + 1):
            assert kmers(after, shorter) == kmers(before, shorter)
        place = 0
        for known, run in groupby(before, lambda code: 0 <= code < 4):
            size = len(list(run))
            old, new = (row[place : place + size] for row in (before, after))
            assert sorted(new) == sorted(old)
            if not known:
                assert new == old
            elif k > 1:
                assert (new[: k - 1], new[1 - k :]) == (old[: k - 1], old[1 - k :])
            place += size


def walks(row, k):
    """All sequences with the k-mers of a row, letter by letter."""

    def extend(start, left):
        if not left:
            yield start
        for letter in range(4):
            kmer = (*start[len(start) - k + 1 :], letter)
            if left[kmer]:
                yield from extend((*start, letter), left - Counter([kmer]))

    return set(extend(tuple(row[: k - 1]), kmers(row, k)))


@pytest.mark.parametrize(("letters", "k"), [("AACG", 1), ("ACAGATAAC", 2), ("AACACGAACAA", 3)])
def test_shuffle_sequences__every_sequence_is_equally_likely(letters, k):
    row = ga.testing.dna(letters).values.tolist()
    want = walks(row, k)
    assert len(want) > 3
    size = 400 * len(want)
    found = Counter(map(tuple, ga.shuffle_sequences(array([row] * size), k).values.tolist()))
    assert set(found) == want
    chi = sum((n - 400) ** 2 / 400 for n in found.values())
    assert chi < len(want) + 5 * np.sqrt(2 * len(want))


def test_shuffle_sequences__depends_on_seed_and_row_not_on_chunks():
    x = array(np.random.default_rng(0).integers(0, 4, (30, 50)))
    x = x.assign_coords(window=np.arange(30)).rename("dna").assign_attrs(alphabet="ACGT")
    done = ga.shuffle_sequences(x, seed=1)
    xr.testing.assert_identical(done, ga.shuffle_sequences(x, seed=1))
    assert done.attrs == x.attrs
    assert (done != ga.shuffle_sequences(x, seed=2)).any("offset").all()
    assert (done != x).any("offset").all()
    with ga.testing.count_computes() as computed:
        lazy = ga.shuffle_sequences(x.chunk(window=7, offset=20), seed=1)
    assert not computed
    assert lazy.chunksizes["window"] == (7, 7, 7, 7, 2)
    xr.testing.assert_identical(lazy.compute(), done)
    turned = ga.shuffle_sequences(x.transpose("offset", "window"), seed=1)
    xr.testing.assert_identical(turned, done.transpose("offset", "window"))
    same = ga.shuffle_sequences(array([x.values[0]] * 20), seed=1)
    assert len(set(map(tuple, same.values.tolist()))) == 20


def test_shuffle_sequences__any_dims():
    x = array(np.random.default_rng(0).integers(0, 4, (6, 40)))
    cube = xr.DataArray(x.values.reshape(2, 3, 40), dims=("sample", "window", "offset"))
    flat = ga.shuffle_sequences(x).values
    np.testing.assert_array_equal(ga.shuffle_sequences(cube).values.reshape(6, 40), flat)
    lazy = cube.chunk(sample=1, window=2)
    np.testing.assert_array_equal(ga.shuffle_sequences(lazy).values.reshape(6, 40), flat)
    np.testing.assert_array_equal(ga.shuffle_sequences(x[0]).values, flat[0])
    assert ga.shuffle_sequences(x[:, :0]).shape == (6, 0)
    assert ga.shuffle_sequences(x[:0]).shape == (0, 40)


def test_shuffle_sequences__of_windows_and_of_proteins():
    ds = ga.testing.random_genome({"chr1": 300})
    x = ga.windows(ds[["dna"]], ["chr1:0-100", "chr1:100-200:-"])
    done = ga.shuffle_sequences(x.dna, 3)
    assert done.dims == ("window", "offset")
    xr.testing.assert_identical(done.drop_attrs().coords.to_dataset(),
                                x.dna.drop_attrs().coords.to_dataset())  # fmt: skip
    for before, after in zip(x.dna.values.tolist(), done.values.tolist(), strict=True):
        assert kmers(before, 3) == kmers(after, 3)
    protein = ga.from_sequences(["MKVLAAGIVKLMAAGKV", "MKLVXWYKLV"], alphabet="protein", length=17)
    name = next(iter(protein.data_vars))
    done = ga.shuffle_sequences(protein[name], 2)
    for before, after in zip(protein[name].values.tolist(), done.values.tolist(), strict=True):
        assert kmers(before, 2) == kmers(after, 2)


@pytest.mark.parametrize(
    ("x", "k", "message"),
    [
        (array([[0, 1]]), 0, "k=0 is not possible with 4 letters"),
        (array([[0, 1]]), 12, "k=12 is not possible"),
        (array([[0.5, 1]], float), 2, "holds no sequences"),
        (array([[0, 1]]).rename(offset="position"), 2, "holds no sequences"),
    ],
)
def test_shuffle_sequences__refuses(x, k, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.shuffle_sequences(x, k)
