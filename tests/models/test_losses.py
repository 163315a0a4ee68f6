import keras
import numpy as np
import pytest
import tensorflow as tf

import genoarrays as ga
from genoarrays.models.losses import LOSSES

KERAS = {
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "poisson": keras.losses.Poisson,
}
NAMES = [*KERAS, "multinomial_nll"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def labels_and_predictions(name, rng, shape=(6, 4)):
    p = rng.uniform(0.05, 0.95, shape).astype("float32")
    if name == "categorical_crossentropy":
        return np.eye(shape[-1], dtype="float32")[rng.integers(0, shape[-1], shape[:-1])], p
    if name == "multinomial_nll":
        return rng.integers(0, 5, shape).astype("float32"), p / p.sum(1, keepdims=True)
    return rng.integers(0, 2, shape).astype("float32"), p


@pytest.mark.parametrize("weights", [None, np.arange(1, 7, dtype="float32")])
@pytest.mark.parametrize("name", KERAS)
def test_losses__are_those_of_keras_when_nothing_is_missing(name, weights, rng):
    y, p = labels_and_predictions(name, rng)
    expected = KERAS[name]()(y, p, weights)
    np.testing.assert_allclose(LOSSES[name]()(y, p, weights), expected, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(set(KERAS) - {"categorical_crossentropy"}))
def test_losses__are_means_over_the_labels_that_are_there(name, rng):
    y, p = labels_and_predictions(name, rng)
    missing = rng.random(y.shape) < 0.4
    each = [
        float(KERAS[name]()(y[i : i + 1, j], p[i : i + 1, j])) for i, j in np.argwhere(~missing)
    ]
    found = LOSSES[name]()(np.where(missing, np.nan, y).astype("float32"), p)
    np.testing.assert_allclose(found, np.mean(each), rtol=1e-5)


def test_categorical__leaves_out_examples_with_a_missing_class(rng):
    y, p = labels_and_predictions("categorical_crossentropy", rng)
    y[2, 1] = y[4, 3] = np.nan
    kept = [0, 1, 3, 5]
    expected = KERAS["categorical_crossentropy"]()(y[kept], p[kept])
    np.testing.assert_allclose(ga.models.CategoricalCrossentropy()(y, p), expected, rtol=1e-5)


def test_multinomial__is_the_likelihood_without_the_coefficient(rng):
    from scipy.special import gammaln
    from scipy.stats import multinomial

    y, p = labels_and_predictions("multinomial_nll", rng, (5, 7))
    p = p.astype("float64")
    p /= p.sum(1, keepdims=True)
    n = y.sum(1)
    coefficient = gammaln(n + 1) - gammaln(y + 1).sum(1)
    expected = -(multinomial.logpmf(y, n, p) - coefficient).mean()
    found = ga.models.MultinomialNLL()(y, p.astype("float32"))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_multinomial__leaves_missing_offsets_out_of_the_distribution(rng):
    y, p = labels_and_predictions("multinomial_nll", rng, (3, 7, 2))
    holed = y.copy()
    holed[:, 4:] = np.nan
    rest = p[:, :4] / p[:, :4].sum(1, keepdims=True)
    loss = ga.models.MultinomialNLL()
    np.testing.assert_allclose(loss(holed, p), loss(y[:, :4], rest), rtol=1e-5)
    sideways = ga.models.MultinomialNLL(axis=2)
    turned = (values.transpose(0, 2, 1) for values in (holed, p))
    np.testing.assert_allclose(sideways(*turned), loss(holed, p), rtol=1e-5)


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize("name", NAMES)
def test_losses__have_no_nan_and_no_gradient_where_labels_are_missing(name, share, rng):
    y, p = labels_and_predictions(name, rng)
    missing = rng.random(y.shape) < share
    p[0], p[1], p[:2, 0] = 0, 1, 1  # the log of 0 must not be seen, not even behind a mask
    missing[:2] = True
    y[missing] = np.nan
    prediction = tf.constant(p)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        loss = LOSSES[name]()(y, prediction)
    gradient = tape.gradient(loss, prediction).numpy()
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
    if name == "categorical_crossentropy":
        missing |= missing.any(axis=1, keepdims=True)
    assert not gradient[missing].any()
    if share == 1:
        assert loss == 0


@pytest.mark.parametrize("name", NAMES)
def test_losses__weigh_and_leave_out_what_weighs_nothing(name, rng):
    y, p = labels_and_predictions(name, rng)
    weights = np.array([0, 1, 1, 0, 1, 1], "float32")
    loss = LOSSES[name]()
    np.testing.assert_allclose(loss(y, p, weights), loss(y[weights > 0], p[weights > 0]), rtol=1e-5)
    np.testing.assert_allclose(loss(y, p, 3 * weights), 3 * loss(y, p, weights), rtol=1e-5)


def test_losses__take_a_mask_of_labels(rng):
    y, p = labels_and_predictions("poisson", rng, (4, 5, 2))
    valid = rng.random((4, 5)) < 0.5
    holed = np.where(valid[..., None], y, np.nan).astype("float32")
    loss = ga.models.Poisson()
    np.testing.assert_allclose(loss(y, p, valid.astype("float32")), loss(holed, p), rtol=1e-5)


@pytest.mark.parametrize("shapes", [((6,), (6, 1)), ((6, 1), (6,)), ((6, 1), (6, 1))])
def test_losses__take_one_unit_for_no_dimension(shapes, rng):
    y, p = rng.random(6).astype("float32"), rng.random(6).astype("float32")
    found = ga.models.MeanSquaredError()(y.reshape(shapes[0]), p.reshape(shapes[1]))
    np.testing.assert_allclose(found, ((y - p) ** 2).mean(), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_losses__survive_saving(name, tmp_path):
    loss = ga.models.MultinomialNLL(axis=2) if name == "multinomial_nll" else LOSSES[name]()
    model = keras.Sequential([keras.Input((3, 4)), keras.layers.Dense(2)])
    model.compile(loss=loss)
    model.optimizer.build(model.trainable_variables)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True).loss
    assert type(loaded) is type(loss)
    assert loaded.get_config() == loss.get_config()
