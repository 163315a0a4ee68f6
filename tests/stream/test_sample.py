import numpy as np
import pytest

import genoarrays as ga
from tests.stream.test_plan import some


def labelled(count=400):
    x = some(count)
    rng = np.random.default_rng(0)
    label = (rng.random(count) < 0.1).astype("f4")
    return x.assign(
        label=("window", label), w=("window", rng.random(count) * (np.arange(count) > 9))
    )


def rows(x, epochs=1, **options):
    stream = ga.batches(x, inputs="x", batch_size=16, index=True, **options)
    found = [np.concatenate([r for _, r in stream]) for _ in range(epochs)]
    assert all(len(one) == stream.size for one in found)
    return found


@pytest.mark.parametrize("memory", ["150 kB", "1 GiB"])
@pytest.mark.parametrize("passes", [1, 3])
def test_sample__ratio_gives_all_positives_and_other_negatives_each_epoch(memory, passes):
    x = labelled()
    first, second = rows(x, 2, sample=ga.Sample(by="label", ratio=2), memory=memory, passes=passes)
    positive = np.flatnonzero(x.label.values == 1)
    for one in (first, second):
        assert sorted(one[np.isin(one, positive)].tolist()) == positive.tolist()
        assert len(one) == len(set(one.tolist())) == 3 * len(positive)
    assert set(first.tolist()) != set(second.tolist())
    again = rows(x, 1, sample=ga.Sample(by="label", ratio=2), memory=memory, passes=passes)[0]
    np.testing.assert_array_equal(again, first)


@pytest.mark.parametrize("memory", ["150 kB", "1 GiB"])
def test_sample__by_label_gives_each_value_equally_often(memory):
    x = labelled()
    (found,) = rows(x, sample=ga.Sample(by="label", size=300), memory=memory)
    assert (x.label.values[found] == 1).sum() == 150
    times = np.bincount(found, minlength=400)[x.label.values == 1]
    assert np.ptp(times) <= 1
    (found,) = rows(x, sample=ga.Sample(by="contig", size=100), memory=memory)
    assert (x.contig.values[found] == "chr1").sum() == 50


def test_sample__by_weights():
    x = labelled()
    (found,) = rows(x, sample=ga.Sample(weights="w", size=40_000))
    shares = np.bincount(found, minlength=400) / 40_000
    assert shares[:10].sum() == 0
    assert np.abs(shares - x.w.values / x.w.values.sum()).max() < 0.002


@pytest.mark.parametrize("memory", ["150 kB", "1 GiB"])
def test_sample__values_are_those_of_the_rows(memory):
    x = labelled()
    stream = ga.batches(x, inputs=["x", "dna"], targets="label", batch_size=16, index=True,
                        memory=memory, sample=ga.Sample(weights="w"))  # fmt: skip
    for inputs, label, at in stream:
        np.testing.assert_array_equal(inputs["x"], x.x.values[at])
        np.testing.assert_array_equal(inputs["dna"], x.dna.values[at])
        np.testing.assert_array_equal(label, x.label.values[at])


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({}, "needs weights= or by="),
        ({"by": "label", "weights": "w"}, "needs weights= or by="),
        ({"by": "label", "ratio": 1000}, "ratio=1000 asks for"),
        ({"by": "w", "ratio": 1}, "must hold 0 and 1"),
        ({"by": "dna"}, "'dna' has not one value for each window"),
        ({"weights": "nobody"}, "'nobody' has not one value"),
        ({"weights": "w", "size": 0}, "size=0"),
    ],
)
def test_sample__refuses(sample, message):
    with pytest.raises(ga.GenomeError, match=message):
        ga.batches(labelled(), inputs="x", batch_size=4, sample=ga.Sample(**sample))


def test_tracks__are_drawn_for_each_batch_with_their_numbers():
    x = some(200).assign(z=lambda d: d.y + 0)
    stream = ga.batches(x, inputs=["x", "y"], targets="z", batch_size=16, index=True, tracks=1)
    seen = set()
    for inputs, target, at, tracks in stream:
        assert tracks.shape == (len(at), 1)
        assert len(set(tracks[:, 0].tolist())) == 1
        track = int(tracks[0, 0])
        seen.add(track)
        np.testing.assert_array_equal(inputs["y"][..., 0], x.y.values[at][..., track])
        np.testing.assert_array_equal(target, inputs["y"])
        assert inputs["x"].shape[1:] == (20,)
    assert seen == {0, 1}
    with pytest.raises(ga.GenomeError, match="tracks=3 is not possible; x has 2"):
        ga.batches(x, inputs="y", batch_size=4, tracks=3)
