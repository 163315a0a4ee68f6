import gc
import threading

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga


def examples(size=23, block=4):
    """Windows whose every value tells which window it is."""
    ds = xr.Dataset(
        {
            "x": ("position", np.arange(size * 3.0)),
            "dna": ("position", (np.arange(size * 3) % 5).astype("i1"), {"alphabet": "ACGT"}),
            "reads": (("position", "strand"), np.arange(size * 6, dtype="u4").reshape(-1, 2)),
        },
        ga.genome_coords(ga.Assembly("toy", {"chr1": size * 3})),
    ).assign_coords(strand=["+", "-"])
    tiles = ga.tile_regions(ds, width=3)
    return ga.windows(ds, tiles, 3, block=block)


def ids(stream):
    return [(batch[:, 0] / 3).astype(int).tolist() for batch in stream]


@settings(max_examples=60)
@given(
    st.integers(1, 40), st.integers(1, 9), st.integers(1, 11), st.booleans(), st.booleans(),
    st.sampled_from(["1 GiB", "tight"]), st.integers(0, 3),
)  # fmt: skip
def test_an_epoch__visits_every_window_once(size, block, batch, shuffle, drop, memory, seed):
    x = examples(size, block)
    if memory == "tight":
        memory = 24 * (6 * min(block, size) + 4 * batch)
    stream = ga.batches(x, inputs="x", batch_size=batch, shuffle=shuffle, drop_last=drop,
                        memory=memory, seed=seed)  # fmt: skip
    got = ids(stream)
    assert len(got) == len(stream)
    seen = [i for some in got for i in some]
    kept = size - size % batch if drop else size
    assert len(seen) == kept
    assert len(set(seen)) == kept
    assert all(len(some) == batch for some in got[: size // batch])
    if not shuffle:
        assert seen == list(range(kept))


@pytest.mark.parametrize("memory", ["1 GiB", "500 B"])
def test_order__depends_on_seed_and_epoch_only(memory):
    options = {"inputs": "x", "batch_size": 5, "memory": memory}
    stream = ga.batches(examples(), seed=1, **options)
    first, second = ids(stream), ids(stream)
    assert first != second
    assert first != sorted(first)
    again = ga.batches(examples(), seed=1, **options)
    assert [ids(again), ids(again)] == [first, second]
    assert ids(ga.batches(examples(), seed=1, epoch=1, **options)) == second
    assert ids(ga.batches(examples(), seed=2, **options)) != first
    again.set_epoch(0)
    assert ids(again) == first


def test_a_batch_of_one__keeps_its_axis():
    for x in (examples(3), examples(3).isel(window=[1])):
        for batch in ga.batches(x, inputs=["x"], batch_size=1):
            assert batch["x"].shape == (1, 3)


def test_buffer__mixes_blocks():
    stream = ga.batches(examples(400, 10), inputs="x", batch_size=20, memory=12 * 200)
    blocks = [{i // 10 for i in some} for some in ids(stream)]
    assert np.mean([len(some) for some in blocks]) > 5


def test_structure__arrays_dicts_and_types():
    x = examples().assign(w=("window", np.linspace(0, 1, 23)))
    stream = ga.batches(x, inputs=["dna", "reads"], targets="x", weights="w", batch_size=4)
    inputs, targets, weights = next(iter(stream))
    assert {k: (v.shape, v.dtype.name) for k, v in inputs.items()} == {
        "dna": ((4, 3), "int8"), "reads": ((4, 3, 2), "float32"),
    }  # fmt: skip
    assert (targets.shape, weights.shape) == ((4, 3), (4,))
    np.testing.assert_allclose(weights, targets[:, 0] / 3 / 22, rtol=1e-6)
    np.testing.assert_array_equal(inputs["reads"][:, 0, 0], targets[:, 0] * 2)


def test_arrays_in_memory__stream_too():
    x = examples().compute()
    seen = [i for some in ids(ga.batches(x, inputs="x", batch_size=5)) for i in some]
    assert sorted(seen) == list(range(23))


def test_augment__turns_half_of_the_examples_and_all_their_variables_together():
    x = examples(200)
    plain = {int(r[0] / 3): r for b in ga.batches(x, inputs="x", batch_size=50) for r in b}
    stream = ga.batches(x, inputs=["dna", "reads", "x"], batch_size=50,
                        augment=ga.Augment(reverse_complement=True))  # fmt: skip
    turned = 0
    for batch in stream:
        for dna, reads, signal in zip(batch["dna"], batch["reads"], batch["x"], strict=True):
            number = int(min(signal) / 3)
            straight = (number * 3 + np.arange(3)) % 5
            if signal.tolist() == plain[number].tolist():
                assert dna.tolist() == straight.tolist()
                assert reads[:, 0].tolist() == (signal * 2).tolist()
                continue
            turned += 1
            assert signal.tolist() == plain[number][::-1].tolist()
            assert dna.tolist() == [[3, 2, 1, 0, 4][c] for c in straight[::-1]]
            assert reads[:, 0].tolist() == (signal * 2 + 1).tolist()
    assert 70 < turned < 130
    np.testing.assert_array_equal(x.x.values[0], [0, 1, 2])


def test_augment__needs_a_rule_for_every_variable():
    x = examples().rename(strand="haplotype")
    with pytest.raises(ga.GenomeError, match="'reads' has the dimension 'haplotype'"):
        ga.batches(x, inputs="reads", batch_size=2, augment=ga.Augment(reverse_complement=True))


def test_nan__is_an_error_that_names_variable_and_window():
    x = examples()
    bad = x.assign(x=x.x.where(x.start != 9))
    with pytest.raises(ga.GenomeError, match=r"input 'x' is NaN in window chr1:9-12:\. \(row 3\)"):
        list(ga.batches(bad, inputs="x", batch_size=4))
    with pytest.raises(ga.GenomeError, match="target 'x' is NaN"):
        list(ga.batches(bad, inputs="dna", targets="x", batch_size=4))
    weighted = bad.assign(w=("window", np.ones(23)))
    assert (
        len(list(ga.batches(weighted, inputs="dna", targets="x", weights="w", batch_size=4))) == 6
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": "y"}, "'y' is no variable of x; it has x, dna, reads"),
        ({"inputs": "x", "batch_size": 0}, "batch_size=0"),
        ({"inputs": "x", "memory": "20 B"}, "is too small"),
        ({"inputs": "x", "epoch": -1}, "epochs count from 0"),
    ],
)
def test_batches__refuses(options, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.batches(examples(), **{"batch_size": 4, **options})


def test_batches__of_no_windows_are_refused():
    with pytest.raises(ga.RegionError, match="no windows to stream"):
        ga.batches(examples().isel(window=[]), inputs="x", batch_size=4)


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("genoarrays")]


@pytest.mark.parametrize("shuffle", [True, False])
def test_an_iterator_closed_early__leaves_no_thread(shuffle):
    stream = ga.batches(examples(200), inputs="x", batch_size=4, memory="600 B", shuffle=shuffle)
    iterator = iter(stream)
    next(iterator)
    assert threads()
    del iterator
    gc.collect()
    assert not threads()
