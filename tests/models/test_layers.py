import itertools

import keras
import numpy as np
import pytest

import genoarrays.models
from genoarrays.models.layers import BothStrandConv1D, OneHot


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def codes_of(*sequences):
    return np.array([["ACGTN".index(letter) for letter in s] for s in sequences], dtype="int8")


def random_codes(rng, length=30, letters=5):
    return rng.integers(0, letters, (4, length)).astype("int8")


def reverse_complement(codes):
    return np.array([3, 2, 1, 0, 4], dtype="int8")[codes[:, ::-1]]


@pytest.mark.parametrize("order", [1, 2, 3])
def test_one_hot__equals_looking_up_each_kmer(order, rng):
    codes = random_codes(rng)
    kmers = ["".join(kmer) for kmer in itertools.product("ACGT", repeat=order)]
    texts = ["".join("ACGTN"[code] for code in row) for row in codes]
    columns = range(codes.shape[1] - order + 1)
    expected = [[[t[i : i + order] == kmer for kmer in kmers] for i in columns] for t in texts]
    found = np.asarray(OneHot(order)(codes))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(expected, dtype="float32"))


def test_one_hot__fills_unknown_letters_with_the_value_asked_for():
    found = np.asarray(OneHot(unknown=0.25)(codes_of("AN")))[0]
    assert found.tolist() == [[1, 0, 0, 0], [0.25] * 4]


def test_one_hot__takes_codes_outside_the_alphabet_as_unknown():
    assert not np.asarray(OneHot()(np.array([[-1, 4, 77]], dtype="int8"))).any()


def test_one_hot__takes_other_alphabets():
    protein = "ACDEFGHIKLMNPQRSTVWY"
    found = np.asarray(OneHot(2, protein)(np.array([[10, 0, 4]])))[0]  # M A F
    assert found.shape == (2, 400)
    assert found.argmax(axis=1).tolist() == [200, 4]


def test_one_hot__refuses_a_sequence_shorter_than_a_kmer():
    with pytest.raises(ValueError, match="2 bases holds no 3-mer"):
        OneHot(3)(codes_of("AC"))


def test_one_hot__refuses_order_0():
    with pytest.raises(ValueError, match="order=0"):
        OneHot(0)


def two_branches(codes, layer, padding):
    """What the layer stands for: Conv1D on the sequence and on its reverse complement."""
    conv = keras.layers.Conv1D(
        layer.filters, layer.kernel_size, padding=padding, activation=layer.activation
    )
    conv.build((None, None, 4**layer.order))
    conv.set_weights([np.asarray(layer.kernel), np.asarray(layer.bias)])
    one_hot = OneHot(layer.order)
    forward = np.asarray(conv(one_hot(codes)))
    return forward, np.asarray(conv(one_hot(reverse_complement(codes))))[:, ::-1]


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("kernel_size", [1, 4, 5])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_both_strand_conv__equals_two_branches(order, kernel_size, padding, rng):
    codes = random_codes(rng)
    bases = OneHot(order)(codes)
    merged = {
        "max": np.maximum,
        "mean": lambda forward, reverse: (forward + reverse) / 2,
        "concat": lambda forward, reverse: np.concatenate([forward, reverse], axis=-1),
        None: lambda forward, reverse: (forward, reverse),
    }
    for merge, function in merged.items():
        layer = BothStrandConv1D(
            6, kernel_size, order, merge, padding=padding, activation="sigmoid"
        )
        layer.build(bases.shape)
        layer.bias.assign(rng.normal(size=6))
        expected = function(*two_branches(codes, layer, padding))
        np.testing.assert_allclose(layer(bases), expected, atol=1e-4)


@pytest.mark.parametrize("merge", ["max", "mean"])
def test_both_strand_conv__sees_the_other_strand_mirrored(merge, rng):
    codes = random_codes(rng)
    layer = BothStrandConv1D(6, 5, 2, merge)
    there, back = (layer(OneHot(2)(each)) for each in (codes, reverse_complement(codes)))
    np.testing.assert_allclose(there, np.asarray(back)[:, ::-1], atol=1e-5)


def test_both_strand_conv__has_the_weights_of_one_strand():
    layer = BothStrandConv1D(6, 5, 2, "concat")
    layer.build((None, 20, 16))
    assert layer.count_params() == 5 * 16 * 6 + 6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"merge": "sum"}, "merge='sum'"), ({"padding": "causal"}, "padding='causal'")],
)
def test_both_strand_conv__refuses_unknown_words(arguments, message):
    with pytest.raises(ValueError, match=message):
        BothStrandConv1D(4, 3, **arguments)


def test_both_strand_conv__refuses_channels_of_another_order():
    with pytest.raises(ValueError, match=r"OneHot\(order=2\)"):
        BothStrandConv1D(4, 3, order=2)(np.zeros((1, 10, 4), "float32"))


@pytest.mark.parametrize("merge", ["max", "mean", "concat", None])
def test_layers__survive_saving_without_custom_objects(merge, rng, tmp_path):
    assert genoarrays.models.OneHot is OneHot
    entry = keras.Input((30,), dtype="int8")
    conv = BothStrandConv1D(
        3, 5, 2, merge, padding="same", activation="relu", kernel_regularizer="l2", use_bias=False
    )
    model = keras.Model(entry, conv(OneHot(2, unknown=0.5)(entry)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [layer.get_config() for layer in loaded.layers] == [
        layer.get_config() for layer in model.layers
    ]
    codes = random_codes(rng)
    pairs = zip(model.predict_on_batch(codes), loaded.predict_on_batch(codes), strict=True)
    for before, after in pairs:
        np.testing.assert_array_equal(before, after)


def test_one_hot__drops_whole_positions_in_training_only(rng):
    codes = random_codes(rng, length=2000, letters=4)
    layer = OneHot(2, dropout=0.25, seed=0)
    plain = np.asarray(OneHot(2)(codes))
    np.testing.assert_array_equal(layer(codes), plain)
    np.testing.assert_array_equal(layer(codes, training=False), plain)
    found = np.asarray(layer(codes, training=True))
    kept = found.any(axis=-1)
    assert 0.2 < 1 - kept.mean() < 0.3
    np.testing.assert_allclose(found, plain * kept[..., None] / 0.75, rtol=1e-6)
    assert not np.array_equal(found, layer(codes, training=True))


@pytest.mark.parametrize("dropout", [-0.1, 1.0])
def test_one_hot__refuses_a_dropout_that_is_no_share(dropout):
    with pytest.raises(ValueError, match="is no share"):
        OneHot(dropout=dropout)
