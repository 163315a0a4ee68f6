import keras
import numpy as np
import pytest

from genoarrays.models import BothStrandConv1D, Complement, OneHot, Reverse, SlidingMean


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, 5, (4, 30)).astype("int8")


def reverse_complement(codes):
    return np.array([3, 2, 1, 0, 4], dtype="int8")[codes[:, ::-1]]


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_reverse_and_complement__are_the_other_strand(order, codes):
    one_hot = OneHot(order)
    turned = Complement(order)(Reverse()(one_hot(codes)))
    np.testing.assert_array_equal(turned, one_hot(reverse_complement(codes)))
    again = Reverse()(Complement(order)(turned))
    np.testing.assert_array_equal(again, one_hot(codes))


@pytest.mark.parametrize("merge", ["max", "mean", "concat", None])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_both_strand_conv__equals_a_network_of_two_branches(order, merge, codes):
    """Case 112: the reverse branch is flipped back to forward positions before merging."""
    entry = keras.Input((30,), dtype="int8")
    bases = OneHot(order)(entry)
    conv = keras.layers.Conv1D(6, 5, activation="tanh")
    branches = [conv(bases), Reverse()(conv(Complement(order)(Reverse()(bases))))]
    merged = {
        "max": keras.layers.Maximum(),
        "mean": keras.layers.Average(),
        "concat": keras.layers.Concatenate(),
        None: lambda both: both,
    }[merge](branches)
    explicit = keras.Model(entry, merged)
    layer = BothStrandConv1D(6, 5, order, merge, activation="tanh")
    both = keras.Model(entry, layer(bases))
    layer.set_weights([w + 0.1 for w in conv.get_weights()])
    conv.set_weights(layer.get_weights())
    expected, found = explicit.predict_on_batch(codes), both.predict_on_batch(codes)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-4)


def test_complement__refuses_channels_of_another_order():
    with pytest.raises(ValueError, match=r"OneHot\(order=2\)"):
        Complement(2)(np.zeros((1, 5, 4), "float32"))


@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (4, 2), (5, 7)])
def test_sliding_mean__is_the_mean_of_each_window(window, stride):
    x = np.random.default_rng(0).random((2, 20, 3)).astype("float32")
    starts = range(0, 20 - window + 1, stride)
    expected = np.stack([x[:, s : s + window].mean(axis=1) for s in starts], axis=1)
    found = SlidingMean(window, stride)(x)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert SlidingMean(window, stride).compute_output_shape(x.shape) == expected.shape


def test_sliding_mean__averages_what_there_is_at_the_ends():
    x = np.float32([[[1], [2], [6]]])
    assert np.ravel(SlidingMean(3, padding="same")(x)).tolist() == [1.5, 3, 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0,), "window=0"), ((3, 0), "stride=0"), ((3, 1, "causal"), "padding='causal'")],
)
def test_sliding_mean__refuses_what_is_not_possible(arguments, message):
    with pytest.raises(ValueError, match=message):
        SlidingMean(*arguments)


def test_sliding_mean__refuses_inputs_shorter_than_the_window():
    with pytest.raises(ValueError, match="2 positions hold no window of 3"):
        SlidingMean(3)(np.zeros((1, 2, 1), "float32"))


def test_turns__survive_saving_without_custom_objects(codes, tmp_path):
    entry = keras.Input((30,), dtype="int8")
    bases = OneHot(2, dropout=0.2, seed=3)(entry)
    found = SlidingMean(4, 2, "same")(Complement(2)(Reverse()(bases)))
    model = keras.Model(entry, found)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert [layer.get_config() for layer in loaded.layers] == [
        layer.get_config() for layer in model.layers
    ]
    np.testing.assert_array_equal(loaded.predict_on_batch(codes), model.predict_on_batch(codes))
