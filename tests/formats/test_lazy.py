import pickle
from itertools import product

import numpy as np
import pytest
import xarray as xr

from genoarrays.formats.lazy import as_variable, find_source, origin, selection

ROWS = (None, 0, 1, slice(0, 2), slice(None), np.array([2, 0]), np.array([1]))


class Numbers:
    """Position and track."""

    shape, ndim, dtype = (40, 3), 2, np.dtype("i8")

    def __getitem__(self, key):
        rows, columns = (
            np.atleast_1d(np.arange(n)[k]) for k, n in zip(key, self.shape, strict=True)
        )
        return np.arange(120).reshape(40, 3)[np.ix_(rows, columns)]


def opened(chunks, name="numbers"):
    return xr.DataArray(as_variable(Numbers(), ("position", "track"), chunks, name=name))


def candidates(_):
    whole = slice(None)
    yield from product([whole], [row for row in ROWS if row is not None])


@pytest.mark.parametrize("chunks", ["auto", 7, None])
@pytest.mark.parametrize("row", ROWS[1:])
def test_selection__finds_what_was_selected(chunks, row):
    array = opened(chunks, f"numbers-{chunks}")
    source, key = selection(array.isel(track=row), candidates)
    assert isinstance(source, Numbers)
    np.testing.assert_array_equal(np.arange(3)[key[1]], np.arange(3)[row])
    assert key[0] == slice(None)


@pytest.mark.parametrize("chunks", ["auto", None])
def test_selection__of_what_is_as_it_was_opened(chunks):
    array = opened(chunks)
    assert selection(array, lambda _: ())[1] == (slice(None), slice(None))
    assert origin(array) is not None
    assert selection(array.rename(track="other"), lambda _: ()) is not None


def test_selection__gives_none_for_all_else():
    array = opened(7)
    for other in (array + 1, array.T, array.isel(position=slice(5)), array.isel(track=[0, 0]),
                  array.isel(track=0).isel(position=slice(5)), array.compute(),
                  array + opened(7, "others"), xr.concat([array, array], "x")):  # fmt: skip
        assert selection(other, candidates) is None
    lazy = opened(None)
    assert selection(lazy.isel(position=slice(5)), candidates)[1][0] != slice(None)
    for other in (lazy + 1, lazy.compute()):
        assert selection(other, candidates) is None


def test_selection__of_another_process(monkeypatch):
    array = opened(7, "travelling").isel(track=1)
    assert selection(pickle.loads(pickle.dumps(opened(None).isel(track=1))), candidates)
    content, name = pickle.dumps(array), next(n for n in array.data.dask.layers if find_source(n))
    del array
    assert find_source(name) is None
    assert selection(pickle.loads(content), candidates) is None
