"""Is an array that is wanted twice made twice, whatever was done to it?"""

import dask
import dask.array as da
import numpy as np
import pytest

from genoarrays.ops.again import again
from tests.ops.counted import Counted

VALUES = np.random.default_rng(0).normal(size=(100, 4)).astype("f4")
CHANGES = {
    "nothing": lambda x: x,
    "transposed": lambda x: x.T,
    "computed": lambda x: da.log1p(abs(x)),
    "sliced": lambda x: x[7:91],
    "sliced and computed": lambda x: np.sqrt(abs(x[7:91])),
    "rechunked": lambda x: x.rechunk((25, 4)),
    "concatenated": lambda x: da.concatenate([x[:5], x[30:]]),
    "taken": lambda x: x[np.arange(0, 100, 3)],
    "summed up": lambda x: da.cumsum(x, axis=0),
    "centered": lambda x: x - x.mean(axis=0),
    "overlapping": lambda x: da.map_overlap(lambda b: b + 1, x, depth={0: 2}),
    "delayed": lambda x: da.from_delayed(dask.delayed(lambda a: a * 2)(x), (100, 4), "f4"),
    "a single block": lambda x: x.rechunk(-1).sum(keepdims=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_again__reads_a_second_time_after_the_first_pass(change):
    source = Counted(VALUES)
    data = change(da.from_array(source, chunks=(10, 2)))
    expected = change(da.from_array(VALUES, chunks=(10, 2))).compute()
    data.compute(scheduler="synchronous")
    once = source.reads[:]
    source.reads.clear()

    def tell(block):
        source.reads.append("first pass done")
        return block

    first = (
        data.map_blocks(lambda block: block.sum(keepdims=True))
        .sum()
        .map_blocks(tell, dtype="f4", meta=np.empty((), "f4"))
    )
    second = da.map_blocks(lambda block, _: block, again(data, first), first, dtype=data.dtype)
    assert not source.reads
    np.testing.assert_array_equal(second.compute(scheduler="synchronous"), expected)
    between = source.reads.index("first pass done")
    assert sorted(map(str, source.reads[:between])) == sorted(map(str, once))
    assert sorted(map(str, source.reads[between + 1 :])) == sorted(map(str, once))


def test_again__shares_what_is_in_memory():
    for held in (
        da.from_array(VALUES, chunks=(10, 2)),
        da.from_array(Counted(VALUES), chunks=(10, 2)).persist(scheduler="synchronous"),
    ):
        twice = again(held + 1, held.sum())
        np.testing.assert_array_equal(twice.compute(scheduler="synchronous"), VALUES + 1)


def test_again__has_a_name_of_its_own_that_is_always_the_same():
    data = da.from_array(VALUES, chunks=(10, 2)) + 1
    one, other = again(data, data.sum()), again(data, data.min())
    assert len({data.name, one.name, other.name}) == 3
    assert again(data, data.sum()).name == one.name
    assert (one.shape, one.chunks, one.dtype) == (data.shape, data.chunks, data.dtype)
