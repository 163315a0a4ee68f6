import numpy as np
import pytest

import genoarrays as ga
from tests.stream.test_plan import genome


def some(count=120, seed=0):
    rng = np.random.default_rng(seed)
    start, width = rng.integers(0, 19_000, count), rng.integers(1, 60, count)
    regions = [
        f"chr{c}:{s}-{s + w}:{'+-'[c % 2]}"
        for c, s, w in zip(rng.integers(1, 3, count), start, width, strict=True)
    ]
    return ga.windows(genome(), regions, ragged=True), width


@pytest.mark.parametrize("memory", ["80 kB", "1 GiB"])
@pytest.mark.parametrize("options", [{}, {"pad": 64}, {"bucket": 4}, {"shuffle": False}])
def test_batches__of_ragged_windows_are_padded(memory, options):
    x, width = some()
    first = np.cumsum(width) - width
    stream = ga.batches(x, inputs=["dna", "y"], targets="row_size", batch_size=8, index=True,
                        memory=memory, **options)  # fmt: skip
    seen = []
    for inputs, size, rows in stream:
        longest = options.get("pad", width[rows].max())
        assert inputs["dna"].shape == (len(rows), longest)
        assert inputs["y"].shape == (len(rows), longest, 2)
        np.testing.assert_array_equal(size, width[rows])
        for i, row in enumerate(rows.tolist()):
            here = slice(first[row], first[row] + width[row])
            np.testing.assert_array_equal(inputs["dna"][i, : width[row]], x.dna.values[here])
            np.testing.assert_array_equal(inputs["y"][i, : width[row]], x.y.values[here])
            assert (inputs["dna"][i, width[row] :] == 4).all()
            assert (inputs["y"][i, width[row] :] == 0).all()
        seen += rows.tolist()
    assert sorted(seen) == list(range(120))


def test_bucket__pads_less():
    x, width = some(800)

    def padded(**options):
        return sum(d.size for d in ga.batches(x, inputs="dna", batch_size=8, **options))

    assert padded(bucket=20) < 1.3 * width.sum() < 0.85 * padded()


def test_reverse_complement__of_ragged_windows():
    x, width = some()
    stream = ga.batches(x, inputs=["dna", "x"], batch_size=120, index=True,
                        augment=ga.Augment(reverse_complement=True))  # fmt: skip
    first = np.cumsum(width) - width
    inputs, rows = next(iter(stream))
    turned = 0
    for i, row in enumerate(rows.tolist()):
        here = slice(first[row], first[row] + width[row])
        straight = x.x.values[here]
        both = [inputs[name][i, : width[row]].tolist() for name in ("x", "dna")]
        if both == [straight.tolist(), x.dna.values[here].tolist()]:
            continue
        turned += 1
        assert inputs["x"][i, : width[row]].tolist() == straight[::-1].tolist()
        assert inputs["dna"][i, : width[row]].tolist() == (3 - x.dna.values[here][::-1]).tolist()
    assert 30 < turned < 90


def test_to_tf__of_ragged_windows():
    pytest.importorskip("tensorflow")
    x, _ = some()
    options = {"inputs": ["dna", "row_size"], "batch_size": 8, "bucket": 3}
    stream = ga.to_tf(x, **options)
    assert stream.element_spec["dna"].shape.as_list() == [None, None]
    for found, batch in zip(stream, ga.batches(x, **options), strict=True):
        np.testing.assert_array_equal(found["dna"].numpy(), batch["dna"])
    assert ga.to_tf(x, pad=64, **options).element_spec["dna"].shape.as_list() == [None, 64]


def test_ragged__refuses():
    x, width = some()
    with pytest.raises(ga.GenomeError, match=f"pad=10 is shorter than.*at least {width.max()}"):
        ga.batches(x, inputs="dna", batch_size=8, pad=10)
    with pytest.raises(ga.GenomeError, match="other windows than its index"):
        ga.batches(x.isel(window=slice(5)), inputs="dna", batch_size=8)
    with pytest.raises(ga.GenomeError, match="that were computed on"):
        ga.batches(x.assign(x=x.x + 1), inputs="x", batch_size=8)
    with pytest.raises(ga.GenomeError, match="is ragged"):
        ga.to_numpy(x, inputs="dna")
    with pytest.raises(ga.GenomeError, match="leave out jitter="):
        ga.windows(genome(), ["chr1:0-5", "chr1:0-9"], ragged=True, jitter=2)
