import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.store.grid import Grid, axis_in, region_text


@st.composite
def grids(draw):
    others = draw(st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=2))
    size, chunk, inner = draw(st.integers(1, 60)), draw(st.integers(1, 7)), draw(st.integers(1, 4))
    shape = (*(n for n, _ in others), size)
    return Grid("1bp/x", shape, (*(n if whole else 1 for n, whole in others), chunk * inner), chunk)


@st.composite
def keys(draw, size):
    integers = st.integers(-size, size - 1)
    return draw(
        st.one_of(
            st.slices(size),
            integers,
            st.lists(integers, max_size=5).map(lambda some: np.array(some, dtype=int)),
        )
    )


@given(grids())
def test_grid__shards_and_chunks_cover_every_position_once(grid):
    covered = np.zeros(grid.shape, dtype=int)
    for number, where in enumerate(np.ndindex(*grid.counts)):
        assert grid.key(number) == "/".join(["1bp/x", "c", *map(str, where)])
        outer = tuple(
            slice(i * step, (i + 1) * step)
            for i, step in zip(where[:-1], grid.shard[:-1], strict=True)
        )
        start, stop = grid.positions(number)
        edges = [grid.positions(number, chunk) for chunk in range(grid.inner)]
        assert (edges[0][0], edges[-1][1]) == (start, stop)
        for low, high in edges:
            covered[(*outer, slice(low, high))] += 1
    assert (covered == 1).all()


@given(st.data())
def test_touched__is_every_chunk_that_holds_a_value_asked_for(data):
    grid = data.draw(grids())
    key = tuple(data.draw(keys(size)) for size in grid.shape)
    asked = [np.arange(size)[k].reshape(-1) for k, size in zip(key, grid.shape, strict=True)]
    expected = set()
    for where in itertools.product(*(some.tolist() for some in asked)):
        shard = [i // step for i, step in zip(where, grid.shard, strict=True)]
        number = int(np.ravel_multi_index(shard, grid.counts))
        expected.add((number, where[-1] % grid.shard[-1] // grid.chunk))
    touched = [(n, int(chunk)) for n, chunks in grid.touched(key) for chunk in chunks]
    assert len(set(touched)) == len(touched)
    assert set(touched) == expected


@pytest.mark.parametrize("key", [10, -11, np.array([0, 10]), np.array([-11])])
def test_touched__refuses_what_is_outside(key):
    with pytest.raises(IndexError, match="outside of the 10"):
        list(Grid("1bp/x", (10,), (4,), 2).touched((key,)))


def test_touched__takes_masks():
    mask = np.zeros(10, dtype=bool)
    mask[[3, 9]] = True
    touched = [(n, c.tolist()) for n, c in Grid("1bp/x", (10,), (4,), 2).touched((mask,))]
    assert touched == [(0, [1]), (2, [0])]


@given(ga.testing.axes(), st.data())
def test_region_text__names_the_bases_of_the_positions(axis, data):
    start = data.draw(st.integers(0, axis.size))
    stop = data.draw(st.integers(start, axis.size))
    text = region_text(axis, start, stop)
    named = [part for part in text.split(", ") if part and not part.startswith("...")]
    assert len(named) <= 3
    codes, bins = axis.at(np.arange(start, stop))
    bases = set()
    for part in named:
        contig, first, last = part.replace(":", "-").split("-")
        bases |= {(contig, base) for base in range(int(first), int(last))}
    expected = [
        (axis.assembly.names[code], int(b) * axis.bin_size)
        for code, b in zip(codes, bins, strict=True)
    ]
    if "..." in text:
        assert text.endswith(f"... to {expected[-1][0]}")
        assert expected[0] in bases
    else:
        assert set(expected) <= bases


def test_region_text__is_short_for_many_contigs():
    assembly = ga.Assembly("many", {f"scaffold{i}": 1000 for i in range(100_000)})
    text = region_text(ga.GenomeAxis(assembly), 500, 99_000_000)
    assert text == (
        "scaffold0:500-1,000, scaffold1:0-1,000, scaffold2:0-1,000, ... to scaffold98999"
    )


def test_axis_in__is_the_axis_that_was_encoded():
    ds = ga.testing.random_genome({"chr1": 70, "chr2": 30}, bin_size=7).isel(position=slice(3, 12))
    axis = axis_in(ga.encode(ds).assembly.attrs)
    assert region_text(axis, 0, 9) == "chr1:21-70, chr2:0-14"
