"""Which loss does each output of a model ask for?

It follows from the activation, so that a builder has nothing to record and a model that was loaded
has the same losses again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from genoarrays.errors import GenomeError
from genoarrays.models.losses import LOSSES, MultinomialNLL, PresentLoss
from genoarrays.models.signature import Signature

__all__ = ["losses_of", "may_miss", "output_names", "told"]

BY_ACTIVATION = {
    "sigmoid": "binary_crossentropy",
    "softmax": "categorical_crossentropy",
    "softplus": "poisson",
    "exponential": "poisson",
    "relu": "poisson",
    "linear": "mean_squared_error",
}
"""Loss by the activation of the layer that makes the output."""


def output_names(model: Any) -> list[str]:
    """Names of the layers that make the outputs; a `keras.Sequential` has no list of them."""
    return getattr(model, "output_names", None) or [model.layers[-1].name]


def losses_of(model: Any, signature: Signature, loss: Any) -> Any:
    """Loss of each output: as asked for, or by its activation.

    Raises
    ------
    GenomeError
        When none is asked for, and none follows from an activation.
    """
    if isinstance(loss, str):
        return LOSSES[loss]() if loss in LOSSES else loss
    if isinstance(loss, Mapping):
        return {name: losses_of(model, signature, one) for name, one in loss.items()}
    if loss is not None:
        return loss
    losses = {name: _loss_of(model, signature, name) for name in output_names(model)}
    return losses if len(losses) > 1 else losses.popitem()[1]


def _loss_of(model: Any, signature: Signature, name: str) -> PresentLoss:
    made_by = next((layer for layer in model.layers if layer.name == name), None)
    if isinstance(made_by, keras.layers.Softmax):
        target = signature.targets.get(name)
        along = (
            None if target is None or target.offset is None else target.dims.index(target.offset)
        )
        if along is not None and made_by.axis == along + 1:
            return MultinomialNLL(axis=made_by.axis)
        activation: Any = "softmax"
    else:
        activation = getattr(getattr(made_by, "activation", None), "__name__", None)
    if activation not in BY_ACTIVATION:
        raise GenomeError(
            f"no loss follows from output {name!r}, whose activation is {activation}; "
            f"give loss=, or end the model in one of {sorted(BY_ACTIVATION)}"
        )
    return LOSSES[BY_ACTIVATION[activation]]()


def may_miss(losses: Any) -> bool:
    """Whether labels may be missing, for all of the losses."""
    listed = losses.values() if isinstance(losses, Mapping) else [losses]
    return all(isinstance(one, PresentLoss) for one in listed)


def told(losses: Any) -> Any:
    """Losses by name, for JSON."""
    if isinstance(losses, Mapping):
        return {name: told(one) for name, one in losses.items()}
    return losses if isinstance(losses, str) else getattr(losses, "name", None) or repr(losses)
