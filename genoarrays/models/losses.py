"""What does a label that is missing cost?

Nothing. NaN in a target means that nobody knows; each loss is a mean over the labels that are
there. A missing label is replaced before anything is computed, so neither the loss nor a gradient
is ever NaN, and a batch without any label costs 0. Where all labels are there and no weight is 0,
the numbers are those of the Keras losses of the same names.

`keras.ops` only, so that the losses run on every Keras backend.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import keras
from keras import ops

__all__ = [
    "LOSSES",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MultinomialNLL",
    "PresentLoss",
    "Poisson",
]

TINY = 1e-30  # probabilities and sums below are taken for this; float32 goes down to 1e-38


class PresentLoss(keras.losses.Loss, ABC):  # type: ignore[misc]
    """Mean of a loss over the labels that are present; NaN is missing.

    Base of the losses here; another one needs `elements`.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.

    Notes
    -----
    Called with (y_true, y_pred, sample_weight=None). Weights have one value per example, or more of
    the leading dimensions of the labels, such as a mask of valid offsets; a weight of 0 takes its
    labels out of the mean altogether. The mean is that of a batch: the loss that Keras reports for
    an epoch is the mean over batches, each counted by its examples.
    """

    @abstractmethod
    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Loss of each label, and whether it counts.

        Parameters
        ----------
        y_true
            (batch, ...) labels, 0 where they are missing.
        y_pred
            (batch, ...) predictions.
        present
            (batch, ...) booleans: where there is a label.
        """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Mean over the present labels of a batch, times their weights."""
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        y_true = _like(ops.convert_to_tensor(y_true, dtype=self.dtype), y_pred)
        present = ops.logical_not(ops.isnan(y_true))
        # Masked here, before a logarithm sees it: a NaN times 0 is NaN, in gradients too.
        known = ops.where(present, y_true, ops.zeros_like(y_true))
        losses, counted = self.elements(known, y_pred, present)
        factor = ops.cast(counted, losses.dtype)
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight, dtype=losses.dtype)
            for _ in range(len(losses.shape) - len(weight.shape)):
                weight = weight[..., None]
            if len(weight.shape) > len(losses.shape):
                weight = ops.reshape(weight, ops.shape(losses))
            counted = ops.logical_and(counted, weight != 0)
            factor = factor * weight
        total = ops.sum(ops.where(counted, losses, ops.zeros_like(losses)) * factor)
        return total / ops.maximum(ops.sum(ops.cast(counted, losses.dtype)), 1.0)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The mean over the present labels, without weights."""
        return self(y_true, y_pred)


@keras.saving.register_keras_serializable(package="genoarrays")
class BinaryCrossentropy(PresentLoss):
    """Cross-entropy of labels between 0 and 1 and of probabilities, where a label is present.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.

    Examples
    --------
    >>> import numpy as np
    >>> y, p = np.float32([[1, np.nan], [0, 1]]), np.float32([[0.5, 0.9], [0.5, 0.25]])
    >>> round(float(BinaryCrossentropy()(y, p)), 4)                # (2 log 2 + log 4) / 3
    0.9242
    """

    def __init__(self, name: str = "binary_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each label."""
        return ops.binary_crossentropy(y_true, y_pred), present


@keras.saving.register_keras_serializable(package="genoarrays")
class CategoricalCrossentropy(PresentLoss):
    """Cross-entropy of shares of classes and of probabilities along the last dimension.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.

    Notes
    -----
    An example in which the share of any class is missing is left out.
    """

    def __init__(self, name: str = "categorical_crossentropy", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each set of classes."""
        whole = ops.all(present, axis=-1)
        y_true = ops.where(whole[..., None], y_true, ops.zeros_like(y_true))
        return ops.categorical_crossentropy(y_true, y_pred), whole


@keras.saving.register_keras_serializable(package="genoarrays")
class MeanSquaredError(PresentLoss):
    """Mean of squared differences, where a label is present.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.
    """

    def __init__(self, name: str = "mean_squared_error", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each label."""
        return ops.square(y_true - y_pred), present


@keras.saving.register_keras_serializable(package="genoarrays")
class MeanAbsoluteError(PresentLoss):
    """Mean of absolute differences, where a label is present.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.
    """

    def __init__(self, name: str = "mean_absolute_error", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each label."""
        return ops.abs(y_true - y_pred), present


@keras.saving.register_keras_serializable(package="genoarrays")
class Poisson(PresentLoss):
    """Negative log-likelihood of counts, where a label is present, up to what counts alone decide.

    Parameters
    ----------
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.
    """

    def __init__(self, name: str = "poisson", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each label."""
        epsilon = keras.config.epsilon()
        return y_pred - y_true * ops.log(y_pred + epsilon), present


@keras.saving.register_keras_serializable(package="genoarrays")
class MultinomialNLL(PresentLoss):
    """Negative log-likelihood of where counts fall, given how many there are.

    Parameters
    ----------
    axis
        Dimension along which predictions are probabilities that sum to 1, as a softmax gives them:
        the offsets. 0 is the batch.
    name
        Of the loss.
    **kwargs
        Of `keras.losses.Loss`: `dtype`.

    Notes
    -----
    One multinomial for each example and each strand or track of it; the mean is over those with a
    label. Offsets without a label are taken out of the distribution: the likelihood is that of the
    counts at the others, given that they fell there. The multinomial coefficient, which no model
    changes, is left out.

    References
    ----------
    Avsec et al., "Base-resolution models of transcription-factor binding reveal soft motif syntax",
    Nature Genetics 53, 2021.

    Examples
    --------
    >>> import numpy as np
    >>> counts, p = np.float32([[3, 1, np.nan]]), np.float32([[0.25, 0.25, 0.5]])
    >>> round(float(MultinomialNLL()(counts, p)), 4)               # 4 counts, at 1/2 each: 4 log 2
    2.7726
    """

    def __init__(self, axis: int = 1, name: str = "multinomial_nll", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.axis = axis

    def elements(self, y_true: Any, y_pred: Any, present: Any) -> tuple[Any, Any]:
        """Of each distribution."""
        seen = ops.where(present, y_pred, ops.zeros_like(y_pred))
        share = ops.log(ops.maximum(ops.sum(seen, axis=self.axis, keepdims=True), TINY))
        log = ops.log(ops.maximum(seen, TINY)) - share
        return -ops.sum(y_true * log, axis=self.axis), ops.any(present, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same loss."""
        return {"name": self.name, "axis": self.axis}


LOSSES: dict[str, type[PresentLoss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "poisson": Poisson,
    "multinomial_nll": MultinomialNLL,
}
"""Losses by the names that Keras has for them."""


def _like(y_true: Any, y_pred: Any) -> Any:
    """Labels with the dimensions of the predictions: one unit may stand for no dimension."""
    if len(y_true.shape) == len(y_pred.shape) - 1:
        return y_true[..., None]
    if len(y_true.shape) == len(y_pred.shape) + 1:
        return ops.squeeze(y_true, axis=-1)
    return y_true
