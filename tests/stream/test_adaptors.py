"""Do Keras, PyTorch and scikit-learn get what NumPy gets?"""

import numpy as np
import pytest

import genoarrays as ga
from tests.stream.test_batches import examples, threads


def test_to_numpy__gives_all_windows_in_their_order():
    x = examples().assign(w=("window", np.linspace(0, 1, 23)))
    inputs, target, weights = ga.to_numpy(x, inputs=["dna", "reads"], targets="x", weights="w")
    np.testing.assert_array_equal(inputs["dna"], x.dna.values)
    np.testing.assert_array_equal(inputs["reads"], x.reads.values)
    np.testing.assert_array_equal(target, x.x.values)
    assert weights.shape == (23,)
    with ga.set_options(byte_limit=100), pytest.raises(ga.GenomeError, match="all windows"):
        ga.to_numpy(x, inputs="x")


@pytest.mark.parametrize("shuffle", [True, False])
def test_to_keras__gives_the_batches_of_the_stream(shuffle):
    pytest.importorskip("keras")
    options = {"inputs": "x", "targets": "dna", "batch_size": 5, "shuffle": shuffle}
    stream = ga.batches(examples(), **options)
    data = ga.to_keras(examples(), **options)
    assert len(data) == len(stream) == 5
    for _ in range(2):
        for number, (x, dna) in enumerate(stream):
            found = data[number]
            np.testing.assert_array_equal(found[0], x)
            np.testing.assert_array_equal(found[1], dna)
    with pytest.raises(IndexError, match="batch 5 of 5"):
        data[5]


def test_to_keras__without_shuffle_gives_any_batch():
    pytest.importorskip("keras")
    data = ga.to_keras(examples(), inputs="x", batch_size=5, shuffle=False)
    starts = [int(data[number][0, 0] / 3) for number in (3, 0, 4, 4, 1, 2)]
    assert starts == [15, 0, 20, 20, 5, 10]


def test_to_keras__fits_a_model_and_leaves_no_thread():
    keras = pytest.importorskip("keras")
    x = examples(200).assign(label=lambda d: (d.x.mean("offset") > 300).astype("f4"))
    data = ga.to_keras(x, inputs="x", targets="label", batch_size=16, memory="4 kB")
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(data, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    data.close()
    assert not threads()


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")


def ids(items):
    return [int(row[0] / 3) for item in items for row in item.numpy()]


@pytest.mark.parametrize("memory", ["1 GiB", "4 kB"])
def test_to_torch__gives_the_batches_of_the_stream(torch, memory):
    options = {"inputs": "x", "batch_size": 5, "memory": memory}
    data = ga.to_torch(examples(200, 10), **options)
    stream = ga.batches(examples(200, 10), **options)
    loader = torch.utils.data.DataLoader(data, batch_size=None)
    assert len(loader) == len(stream)
    for _ in range(2):
        for found, batch in zip(loader, stream, strict=True):
            np.testing.assert_array_equal(found.numpy(), batch)


def test_to_torch__ranks_share_the_windows(torch):
    options = {"inputs": "x", "batch_size": 5, "memory": "4 kB"}
    shares = [ga.to_torch(examples(200, 10), rank=r, ranks=3, **options) for r in range(3)]
    found = [ids(share) for share in shares]
    assert {len(list(share)) for share in shares} == {len(share) for share in shares} == {13}
    together = [i for share in found for i in share]
    assert len(set(together)) == len(together) == 195


def test_to_torch__structure_is_kept(torch):
    data = ga.to_torch(examples(), inputs=["x", "dna"], targets="reads", batch_size=4)
    inputs, target = next(iter(data))
    assert (inputs["x"].dtype, inputs["dna"].dtype) == (torch.float32, torch.int8)
    assert tuple(target.shape) == (4, 3, 2)


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_to_torch__workers_started_anew_give_new_epochs(torch, context):
    options = {"inputs": "x", "batch_size": 10, "index": True, "seed": 3}
    data = ga.to_torch(examples(60, 10), **options)
    epochs = []
    for persistent in (False, True):
        loader = torch.utils.data.DataLoader(
            data, batch_size=None, num_workers=2, persistent_workers=persistent,
            multiprocessing_context=context,
        )  # fmt: skip
        for _ in range(2):
            epochs.append(np.concatenate([rows.numpy() for _, rows in loader]).tolist())
    assert all(sorted(rows) == list(range(60)) for rows in epochs)
    assert len({tuple(rows) for rows in epochs}) == 4


def test_to_torch__samples_are_shared_out(torch):
    x = examples(60, 10).assign_coords(odd=("window", np.arange(60) % 2))
    options = {"inputs": "x", "batch_size": 5, "index": True, "sample": ga.Sample(by="odd")}
    whole = np.concatenate([rows for _, rows in ga.batches(x, **options)])
    shares = [ga.to_torch(x, rank=r, ranks=3, shuffle=True, **options) for r in range(3)]
    given = [torch.cat([rows for _, rows in share]).numpy() for share in shares]
    assert [len(rows) for rows in given] == [20, 20, 20]
    assert sorted(np.concatenate(given).tolist()) == sorted(whole.tolist())


def test_to_torch__goes_on_where_another_stood(torch):
    options = {"inputs": "x", "batch_size": 7, "index": True}
    first, second = (ga.to_torch(examples(60, 10), **options) for _ in range(2))
    rows = torch.cat([rows for _, rows in first]).tolist()
    epoch = iter(first)
    later = [next(epoch)[1] for _ in range(3)]
    second.load_state_dict(first.state_dict())
    later = torch.cat([*later, *(rows for _, rows in second)]).tolist()
    assert later != rows
    assert sorted(later) == list(range(60))


def test_to_torch__refuses_a_rank_that_is_none(torch):
    with pytest.raises(ga.GenomeError, match="rank=3 of ranks=3"):
        ga.to_torch(examples(), inputs="x", batch_size=4, rank=3, ranks=3)
