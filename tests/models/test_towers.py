import keras
import numpy as np

from genoarrays.models.towers import views


def test_views__are_the_average_and_the_maxima_of_nested_middles():
    values = np.zeros((1, 27, 1), "float32")
    values[0, [0, 9, 12, 13], 0] = [27, 9, 3, 1]
    entry = keras.Input((27, 1))
    found = keras.Model(entry, views(entry)).predict_on_batch(values)[0]
    average = values.mean() / np.sqrt(1 + 1e-3)  # normalization as it starts: variance 1, epsilon
    np.testing.assert_allclose(found, [average, 27, 9, 3], rtol=1e-5)
