"""Is the order what the plan says: everything once, well mixed, the same wherever one starts?"""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga


def genome(size=40_000):
    """A genome whose values tell their place."""
    half = size // 2
    ds = xr.Dataset(
        {
            "x": ("position", np.arange(size, dtype="f4")),
            "y": (("position", "track"), np.arange(size * 2, dtype="f4").reshape(-1, 2)),
            "dna": ("position", (np.arange(size) % 4).astype("i1"), {"alphabet": "ACGT"}),
        },
        ga.genome_coords(ga.Assembly("toy", {"chr1": half, "chr2": size - half})),
    )
    return ds.assign_coords(track=["a", "b"])


def some(count=600, width=20, seed=0, **options):
    """Windows in random order, some of them twice, on both strands, at contig ends too."""
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 20_000 - width, count)
    start[:1], start[1:2] = 0, 20_000 - width
    regions = [
        f"chr{c}:{s}-{s + width}:{'+-.'[o]}"
        for c, s, o in zip(rng.integers(1, 3, count), start, rng.integers(0, 3, count), strict=True)
    ]
    return ga.windows(genome(), regions, width, fill={"x": 0, "y": 0}, **options)


def rows_of(stream):
    return np.concatenate([batch[-1] for batch in stream])


@settings(max_examples=40)
@given(
    st.integers(1, 300), st.integers(1, 40), st.integers(1, 4), st.integers(1, 3),
    st.sampled_from(["120 kB", "200 kB", "1 GiB"]), st.booleans(),
)  # fmt: skip
def test_batches__give_every_window_once_with_its_values(
    count, batch, passes, threads, memory, shuffle
):
    x = some(count)
    stream = ga.batches(x, inputs=["x", "y", "dna"], batch_size=batch, memory=memory, index=True,
                        passes=passes, threads=threads, shuffle=shuffle)  # fmt: skip
    seen = []
    for inputs, rows in stream:
        for name, values in inputs.items():
            np.testing.assert_array_equal(values, x[name].values[rows])
        seen.append(rows)
    rows = np.concatenate(seen)
    assert len(seen) == len(stream)
    assert sorted(rows.tolist()) == list(range(count))
    if not shuffle:
        assert rows.tolist() == list(range(count))


@pytest.mark.parametrize("memory", ["150 kB", "1 GiB"])
def test_order__is_the_same_whatever_the_number_of_threads(memory):
    orders = [
        rows_of(ga.batches(some(), inputs="x", batch_size=7, memory=memory, index=True, threads=n))
        for n in (1, 2, 5)
    ]
    np.testing.assert_array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[0], orders[2])
    assert orders[0].tolist() != sorted(orders[0].tolist())


@pytest.mark.parametrize("memory", ["150 kB", "1 GiB"])
@pytest.mark.parametrize("batch", [0, 1, 37, 85, 86])
def test_load_state_dict__goes_on_where_another_stream_stood(memory, batch):
    def stream():
        return ga.batches(
            some(jitter=3), inputs=["x", "dna"], batch_size=7, memory=memory, index=True, seed=5,
            augment=ga.Augment(reverse_complement=True, jitter=True, scale=0.1, mask=0.1),
        )  # fmt: skip

    whole = stream()
    expected = [*whole, *whole]
    first = stream()
    iterator = iter(first)
    for _ in range(batch):
        next(iterator)
    state = first.state_dict()
    iterator.close()
    second = stream()
    second.load_state_dict(state)
    found = [*second, *([] if batch == 86 else second)]
    assert len(found) == len(expected) - batch
    for (a, rows), (b, others) in zip(found, expected[batch:], strict=True):
        np.testing.assert_array_equal(rows, others)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_load_state_dict__refuses_what_does_not_fit():
    stream = ga.batches(some(), inputs="x", batch_size=7)
    state = stream.state_dict()
    with pytest.raises(ga.GenomeError, match="no batch 87 of epoch 0: it has 86"):
        stream.load_state_dict({**state, "batch": 87})
    with pytest.raises(ga.GenomeError, match=r"seed=5, and this one has 0: its order"):
        stream.load_state_dict({**state, "seed": 5})
    with pytest.raises(ga.GenomeError, match="is no state of a stream: 'batch' is missing"):
        stream.load_state_dict({key: state[key] for key in state if key != "batch"})


@pytest.mark.parametrize("memory", ["120 kB", "1 GiB"])
def test_batches__can_be_pickled(memory):
    x = some(200)
    options = {"inputs": ["x", "dna"], "targets": "y", "batch_size": 9, "index": True}
    first = ga.batches(x.assign(y=x.y.mean("offset")), memory=memory, **options)
    second = pickle.loads(pickle.dumps(first))
    for (ours, y, rows), (theirs, other, same) in zip(first, second, strict=True):
        np.testing.assert_array_equal(rows, same)
        np.testing.assert_array_equal(y, other)
        assert all((ours[name] == theirs[name]).all() for name in ours)


def pairs_nearby(stream, x, within):
    """Share of pairs in a batch whose windows start within some bp of each other."""
    place = x.start.values + 10**9 * (x.contig.values == "chr2")
    near, all_pairs = 0, 0
    for _, rows in stream:
        away = np.abs(place[rows][:, None] - place[rows][None])
        near += (away <= within).sum() - len(rows)
        all_pairs += len(rows) * (len(rows) - 1)
    return near / all_pairs


@pytest.mark.parametrize("passes", [1, 3])
def test_report__tells_how_often_neighbors_meet(passes):
    x = some(4000)
    whole = ga.batches(x, inputs="x", batch_size=50, index=True)
    assert whole.report().fits
    assert "shuffled as a whole" in str(whole.report())
    part = ga.batches(x, inputs="x", batch_size=50, index=True, memory="80 kB", passes=passes)
    report = part.report()
    assert not report.fits
    assert report.passes == passes
    assert report.bytes_buffered < report.bytes_selected
    times = pairs_nearby(part, x, 50) / pairs_nearby(whole, x, 50)
    assert times < 1.3 * report.locality
    assert report.locality <= 1.3 * report.bytes_selected / report.bytes_buffered


@pytest.mark.parametrize("memory", ["200 kB", "1 GiB"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_shard__gives_every_window_to_one_reader(memory, shuffle):
    stream = ga.batches(
        some(601), inputs="x", batch_size=8, index=True, memory=memory, shuffle=shuffle
    )
    shares = [rows_of(stream.shard(rank, 3)) for rank in range(3)]
    assert sorted(np.concatenate(shares).tolist()) == list(range(601))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    assert len({len(stream.shard(rank, 3, even=True)) for rank in range(3)}) == 1


def test_jitter__reaches_every_place_of_all_variables_together():
    x = some(900, jitter=4)
    stream = ga.batches(x, inputs=["x", "y", "dna"], batch_size=90, index=True,
                        augment=ga.Augment(jitter=True))  # fmt: skip
    found = set()
    minus = x.orientation.values == "-"
    plain = ga.without_margin(x)
    for inputs, rows in stream:
        assert inputs["x"].shape == (90, 20)
        for i, row in enumerate(rows.tolist()):
            values = x.x.values[row]
            moves = [m for m in range(9) if np.array_equal(inputs["x"][i], values[m : m + 20],
                                                           equal_nan=True)]  # fmt: skip
            assert moves
            move = moves[0]
            assert np.array_equal(inputs["dna"][i], x.dna.values[row, move : move + 20])
            found.add((move - 4, bool(minus[row])))
    assert found == {(m, s) for m in range(-4, 5) for s in (True, False)}
    centered = next(iter(ga.batches(x, inputs="x", batch_size=900, shuffle=False)))
    np.testing.assert_array_equal(centered, plain.x.values)


def test_jitter__of_reduced_and_of_computed_windows():
    regions = [f"chr1:{s}-{s + 20}:{'+-'[s % 2]}" for s in range(100, 300, 7)]
    ds = genome()[["x", "y"]]
    x = ga.windows(ds, regions, 20, jitter=3, reduce={"y": "sum"}, flank={"x": 5})
    assert x.y.dims == ("window", "track", "shift")
    options = {"inputs": ["x", "y"], "batch_size": 29, "augment": ga.Augment(jitter=True)}
    (raw,) = ga.batches(x, **options)
    (computed,) = ga.batches(x.assign(x=x.x + 0, y=x.y + 0), **options)
    for name in raw:
        np.testing.assert_array_equal(raw[name], computed[name])
    # y of track a is twice x, summed over the window without its flanks of 5 bp
    np.testing.assert_array_equal(raw["y"][:, 0], 2 * raw["x"][:, 5:25].sum(axis=1))


def test_jitter__needs_a_margin():
    with pytest.raises(ga.GenomeError, match=r"needs a margin.*ga.windows\(..., jitter=20\)"):
        ga.batches(some(), inputs="x", batch_size=2, augment=ga.Augment(jitter=True))


def test_scale_and_mask__change_inputs_only():
    x = some(300).assign(z=lambda d: d.y + 1)
    augment = ga.Augment(scale=0.2, mask=0.3)
    stream = ga.batches(x, inputs=["y", "dna"], targets="z", batch_size=300, augment=augment)
    inputs, target = next(iter(stream))
    known = (target > 1).all(axis=(1, 2))
    factor = inputs["y"][known] / (target[known] - 1)
    assert 0.799 <= factor.min() < 0.85
    assert 1.15 < factor.max() <= 1.201
    assert np.ptp(factor, axis=(1, 2)).max() < 1e-3
    assert 0.25 < (inputs["dna"] == 4).mean() < 0.35
    with pytest.raises(ga.GenomeError, match="mask=1"):
        ga.Augment(mask=1)


def test_windows__transposed_are_cut_the_same():
    x = some(50)
    turned = x.transpose("window", "track", "offset")
    augment = ga.Augment(reverse_complement=True)
    for one, other in zip(
        ga.batches(x, inputs="y", batch_size=9, augment=augment),
        ga.batches(turned, inputs="y", batch_size=9, augment=augment),
        strict=True,
    ):
        np.testing.assert_array_equal(one.swapaxes(1, 2), other)


def test_missing_targets__may_pass():
    x = some(30)
    bad = x.assign(z=x.x.where(x.x > 9000))
    with pytest.raises(ga.GenomeError, match="missing_targets=True"):
        list(ga.batches(bad, inputs="y", targets="z", batch_size=4))
    options = {"targets": "z", "batch_size": 4, "missing_targets": True}
    assert any(np.isnan(t).any() for _, t in ga.batches(bad, inputs="y", **options))


@pytest.mark.parametrize("memory", ["300 kB", "1 GiB"])
def test_client__computes_blocks(memory, tmp_path):
    from distributed import Client, LocalCluster

    ga.to_zarr(genome(), tmp_path / "x.zarr", progress=False)
    regions = [f"chr1:{s}-{s + 20}" for s in range(0, 19_000, 50)]
    x = ga.windows(ga.open_zarr(tmp_path / "x.zarr"), regions, block=50)
    x = x.assign(z=np.log1p(x.y))
    options = {"inputs": ["x", "z"], "batch_size": 20, "memory": memory, "index": True}
    here = list(ga.batches(x, **options))
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        there = list(ga.batches(x, client=client, **options))
    for (a, rows), (b, others) in zip(here, there, strict=True):
        np.testing.assert_array_equal(rows, others)
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])
