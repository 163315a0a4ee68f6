"""Are windows that were selected, in any order, streamed from their bases?"""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.examples.margin import without_margin
from genoarrays.stream.feeds import Cutting, Rows, feed_of
from tests.stream.test_plan import some

KEYS = st.lists(
    st.one_of(
        st.lists(st.integers(0, 2), min_size=6, max_size=9).map(np.array),
        st.sampled_from([slice(None, None, -1), slice(1, None), slice(0, 40, 2)]),
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    ds = ga.testing.random_genome({"chr1": 4_000, "chr2": 1_000})
    path = tmp_path_factory.mktemp("origin") / "store.zarr"
    ga.to_zarr(ds, path, progress=False)
    return ga.open_zarr(path)


def windows(store, count=60, **options):
    rng = np.random.default_rng(0)
    start = rng.integers(0, 3_900, count)
    regions = [f"chr1:{s}-{s + 50}:{'+-'[n % 2]}" for n, s in enumerate(start)]
    return ga.windows(store, regions, block=7, **options)


@settings(max_examples=25, deadline=None)
@given(keys=KEYS, turned=st.booleans())
def test_origin__selected_windows_are_cut_from_their_bases(store, keys, turned):
    x = windows(store)
    for key in keys:
        x = x.isel(window=key)
    if turned:
        x = x.transpose("window", "strand", ...)
    assert all(isinstance(feed_of(x[n], "window"), Cutting) for n in ("dna", "reads"))
    stream = ga.batches(x, inputs=["dna", "reads"], batch_size=4, index=True)
    for inputs, rows in stream:
        there = x.isel(window=rows).compute(scheduler="synchronous")
        for name, values in inputs.items():
            np.testing.assert_array_equal(values, there[name])


@pytest.mark.parametrize(
    "select",
    [
        lambda x: x.isel(window=x.contig == "chr1"),
        lambda x: x.sel(window=x.window.values[[9, 3, 3]]),
        lambda x: x.sortby("start"),
        lambda x: dict(x.groupby("orientation"))["-"],
        lambda x: x.isel(window=np.random.default_rng(0).permutation(60)),
    ],
)
def test_origin__ways_to_select(store, select):
    x = select(windows(store))
    assert isinstance(feed_of(x.dna, "window"), Cutting)


def test_origin__a_store_opened_twice_is_known_when_one_is_gone(tmp_path):
    path = tmp_path / "store.zarr"
    ga.to_zarr(ga.testing.random_genome({"chr1": 100}), path, progress=False)
    store, other = ga.open_zarr(path), ga.open_zarr(path)
    del other
    gc.collect()
    assert isinstance(feed_of(ga.windows(store, ["chr1:1-5"]).dna, "window"), Cutting)


def test_origin__anything_else_is_computed(store):
    x = windows(store)
    flipped = x.isel(window=[3, 1], offset=slice(None, None, -1))
    turned = x.assign(dna=(x.dna.dims, x.dna.data[:, ::-1], x.dna.attrs))
    other = x.isel(window=slice(3)).assign(dna=(x.dna.dims, x.dna.data[3:6], x.dna.attrs))
    for y in (flipped, turned, other, x.isel(window=[3, 1]) + 0):
        assert isinstance(feed_of(y.dna, "window"), Rows)
        (got,) = ga.batches(y[["dna"]], inputs="dna", batch_size=60, shuffle=False)
        np.testing.assert_array_equal(got, y.dna)


def test_origin__computed_in_another_order_is_refused_with_the_cure():
    ds = ga.testing.random_genome({"chr1": 20_000})
    regions = [f"chr1:{s}-{s + 10}" for s in range(0, 20_000, 10)]
    x = ga.windows(ds.chunk(position=1_000), regions, block=10)[["reads"]]
    rows = np.random.default_rng(0).permutation(2_000)
    with pytest.raises(ga.GenomeError, match=r"isel\(window=np.sort\(rows\)\)"):
        ga.batches(np.log1p(x.isel(window=rows)), inputs="reads", batch_size=10)
    y = np.log1p(x.isel(window=np.sort(rows[:1_000])))
    assert sum(len(b) for b in ga.batches(y, inputs="reads", batch_size=10)) == 1_000
    few = np.log1p(some(50).isel(window=np.random.default_rng(0).permutation(50)))
    assert sum(len(b) for b in ga.batches(few, inputs="x", batch_size=10)) == 50


@settings(max_examples=12, deadline=None)
@given(
    flank=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    jitter=st.sampled_from([0, 5]),
    threads=st.integers(1, 3),
    seed=st.integers(0, 9),
)
def test_stretches__hold_the_windows_out_of_core(store, flank, jitter, threads, seed):
    rng = np.random.default_rng(seed)
    starts = np.concatenate([rng.integers(0, 3_950, 150), rng.integers(0, 950, 50), [0, 3_950]])
    contigs = ["chr1"] * 150 + ["chr2"] * 50 + ["chr1"] * 2
    regions = [
        f"{c}:{s}-{s + 50}:{'+-'[n % 2]}"
        for n, (c, s) in enumerate(zip(contigs, starts, strict=True))
    ]
    x = ga.windows(store, regions, flank=flank, jitter=jitter)
    names = ["dna", "reads", "signal", "label"]
    stream = ga.batches(
        x, inputs="dna", targets=names[1:], batch_size=8, memory="250 kB", index=True, seed=seed,
        missing_targets=True, threads=threads,
    )  # fmt: skip
    assert not stream.report().fits
    there, seen = without_margin(x).compute(scheduler="synchronous"), []
    for dna, targets, rows in stream:
        for name, values in {"dna": dna, **targets}.items():
            np.testing.assert_array_equal(values, there[name].values[rows])
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(regions)))
