import gc

import pytest

import genoarrays as ga
from tests.stream.test_batches import examples, threads

tf = pytest.importorskip("tensorflow")


def rows(data):
    return [tuple(row) for batch in data for row in batch.numpy().tolist()]


@pytest.mark.parametrize(
    ("batch", "memory"), [(4, "1 GiB"), (23, "1 GiB"), (50, "1 GiB"), (4, "450 B"), (1, "350 B")]
)
def test_to_tf__gives_the_same_batches_as_numpy(batch, memory):
    options = {"inputs": "x", "batch_size": batch, "memory": memory, "seed": 3}
    numpy = ga.batches(examples(), **options)
    stream = ga.to_tf(examples(), **options)
    for _ in range(2):
        expected = [b.tolist() for b in numpy]
        assert [b.numpy().tolist() for b in stream] == expected


def test_to_tf__static_shapes_and_cardinality():
    x = examples()
    stream = ga.to_tf(x, inputs=["dna", "reads"], targets="x", batch_size=5, drop_last=True)
    inputs, targets = stream.element_spec
    assert inputs["dna"] == tf.TensorSpec((5, 3), tf.int8)
    assert inputs["reads"] == tf.TensorSpec((5, 3, 2), tf.float32)
    assert targets == tf.TensorSpec((5, 3), tf.float32)
    assert stream.cardinality().numpy() == len(list(stream)) == 4
    loose = ga.to_tf(x, inputs="x", batch_size=5)
    assert loose.element_spec == tf.TensorSpec((None, 3), tf.float32)
    assert loose.cardinality().numpy() == len(list(loose)) == 5


def test_to_tf__first_epoch_is_shuffled_and_each_epoch_is_new():
    stream = ga.to_tf(examples(), inputs="x", batch_size=23)
    first, second = rows(stream), rows(stream)
    assert first != second
    assert sorted(first) == sorted(second)
    assert first != sorted(first)


def test_to_tf__errors_quote_the_original():
    x = examples()
    bad = x.assign(x=x.x.where(x.start != 9))
    with pytest.raises(tf.errors.OpError, match="input 'x' is NaN in window chr1:9-12"):
        list(ga.to_tf(bad, inputs="x", batch_size=4))


def test_to_tf__closed_early_leaves_no_thread():
    stream = ga.to_tf(examples(300), inputs="x", batch_size=2, memory="600 B")
    assert len(list(stream.take(2))) == 2
    assert len(list(stream.repeat(2).take(200))) == 200
    iterator = iter(stream)
    next(iterator)
    del iterator, stream
    gc.collect()
    for thread in threads():
        thread.join(10)
    assert not threads()
