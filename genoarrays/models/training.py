"""How is a model fitted to windows, kept, and loaded again?

`fit` is `compile` and `fit` of Keras with the settings that hold here: Adam with amsgrad and
clipped gradients, early stopping on held-out contigs, seeds, a validation stream that is never
shuffled. The loss follows from the activation of the output, so a builder has nothing to record.

A saved model is a directory: `model.keras`, `signature.json`, `history.json`, `fit.json`. It is
written beside its final place and renamed: a directory that exists is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import xarray as xr

from genoarrays import __version__
from genoarrays.errors import GenomeError, StoreError
from genoarrays.models.signature import Signature
from genoarrays.options import show_progress
from genoarrays.stream.batches import batches
from genoarrays.stream.source import Batches
from genoarrays.stream.tensorflow import stream_to_tf

__all__ = ["fit", "load_model"]

LOSSES = {
    "sigmoid": "binary_crossentropy",
    "softmax": "categorical_crossentropy",
    "softplus": "poisson",
    "exponential": "poisson",
    "relu": "poisson",
    "linear": "mean_squared_error",
}
"""Loss by the activation of the layer that makes the output."""


def fit(
    model: Any,
    x: xr.Dataset,
    *,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    validation: xr.Dataset | None = None,
    weights: str | None = None,
    batch_size: int = 64,
    epochs: int = 30,
    patience: int = 5,
    learning_rate: float = 0.001,
    seed: int = 0,
    augment: Any = None,
    loss: Any = None,
    metrics: Sequence[Any] | Mapping[str, Any] | None = None,
    out: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> Any:
    """Train a model on windows or sequences.

    Parameters
    ----------
    model
        Keras model, from `ga.models` or your own; its inputs are named as variables of `x`. It is
        trained in place, and keeps what it was trained on as `model.signature`.
    x
        Dataset of windows or sequences to train on.
    inputs, targets
        Names of variables: one gives the model a tensor, a list a dict by name.
    validation
        Examples held out to stop early; make them from contigs, or groups of sequences, that `x`
        does not have. Without it all `epochs` are run.
    weights
        Name of a variable (window,) that weighs each window in the loss, in `x` and `validation`.
    batch_size
        Windows per step.
    epochs
        Most passes over `x`.
    patience
        Passes without a lower validation loss after which training ends. The weights of the best
        pass are kept.
    learning_rate
        Of Adam (amsgrad, norm of the gradients clipped to 1).
    seed
        Of the order of the windows and the augmentation. The global seeds of Python, NumPy and the
        backend are set. First weights and dropout were seeded when the model was built.
    augment
        `ga.Augment`, applied to `x` only.
    loss, metrics
        As for `keras.Model.compile`. Without a loss it follows from the output's activation:
        sigmoid binary cross-entropy, softmax categorical cross-entropy, softplus, exponential and
        relu Poisson, linear mean squared error.
    out
        Directory to save to: `model.keras`, `signature.json`, `history.json`, `fit.json`.
    overwrite
        Replace `out` when it exists.
    memory
        Budget of the stream, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    keras.callbacks.History
        `.history` has a list of values per epoch for "loss", "val_loss" and each metric.

    Raises
    ------
    StoreError
        When `out` exists and `overwrite` is False; before anything is trained.
    RegionError
        When a variable is missing, or `validation` has other sizes or labels than `x`.
    GenomeError
        When no loss is given and none follows from the output's activation.

    Notes
    -----
    Gives the same weights each time on one machine's CPU for the same seed, data and model.
    """
    place = None if out is None else Path(out)
    if place is not None and place.exists() and not overwrite:
        raise StoreError(f"{place} exists; choose another out=, or say overwrite=True")
    signature = Signature.of(x, inputs, targets)
    if validation is not None:
        signature.check(validation)
    keras.utils.set_random_seed(seed)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, amsgrad=True, clipnorm=1.0),
        loss=_loss(model) if loss is None else loss,
        metrics=metrics,
        # XLA made a step of a 600 bp model four times slower on a CPU (14 against 3 s per epoch).
        jit_compile="auto" if keras.distribution.list_devices("gpu") else False,
    )
    shared: dict[str, Any] = {"inputs": inputs, "targets": targets, "weights": weights}
    shared |= {"batch_size": batch_size, "memory": memory, "seed": seed}
    training = batches(x, augment=augment, **shared)
    held_out = None if validation is None else batches(validation, shuffle=False, **shared)
    stop = keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
    with _original_errors(training, held_out):
        history = model.fit(
            stream_to_tf(training),
            validation_data=None if held_out is None else stream_to_tf(held_out),
            epochs=epochs,
            callbacks=[] if held_out is None else [stop],
            shuffle=False,  # the stream shuffles; Keras warns otherwise
            verbose=int(show_progress(progress)),
        )
    model.signature = signature
    if place is not None:
        settings = {
            **shared,
            "epochs": epochs,
            "patience": patience,
            "learning_rate": learning_rate,
            "augment": None if augment is None else repr(augment),
            "loss": model.loss if isinstance(model.loss, str | dict) else repr(model.loss),
            "versions": {"genoarrays": __version__, "keras": keras.__version__},
        }
        _save(model, place, {"history": history.history, "fit": settings})
    return history


def load_model(path: str | os.PathLike[str]) -> Any:
    """Load a model that `fit(..., out=path)` saved.

    Parameters
    ----------
    path
        The directory, or a `.keras` file; `signature.json` is read when it lies beside that.

    Returns
    -------
    keras.Model
        Compiled as it was; `model.signature` says what its inputs and targets are, or is None.

    Raises
    ------
    StoreError
        When there is no model at `path`.
    """
    place = Path(path)
    file = place / "model.keras" if place.is_dir() else place
    if not file.is_file():
        raise StoreError(f"there is no model at {place}; give the directory that fit(out=) wrote")
    model = keras.saving.load_model(file)
    described = file.with_name("signature.json")
    stored = json.loads(described.read_text()) if described.is_file() else None
    model.signature = None if stored is None else Signature.from_json(stored)
    return model


@contextmanager
def _original_errors(*streams: Batches | None) -> Iterator[None]:
    """Raise what went wrong in a stream itself, not the TensorFlow error that quotes it."""
    try:
        yield
    except Exception:
        for stream in streams:
            if stream is not None and stream.error is not None:
                raise stream.error from None  # TensorFlow's own error quotes it at length
        raise


def output_names(model: Any) -> list[str]:
    """Names of the layers that make the outputs; a `keras.Sequential` has no list of them."""
    return getattr(model, "output_names", None) or [model.layers[-1].name]


def _loss(model: Any) -> str | dict[str, str]:
    """Loss of each output, by its activation."""
    losses = {}
    for name in output_names(model):
        made_by = next((layer for layer in model.layers if layer.name == name), None)
        activation = getattr(getattr(made_by, "activation", None), "__name__", None)
        if activation not in LOSSES:
            raise GenomeError(
                f"no loss follows from output {name!r}, whose activation is {activation}; "
                f"give loss=, or end the model in one of {sorted(LOSSES)}"
            )
        losses[name] = LOSSES[activation]
    return losses if len(losses) > 1 else losses.popitem()[1]


def _save(model: Any, place: Path, records: Mapping[str, Any]) -> None:
    """Write the directory beside `place`, then rename it there."""
    place.parent.mkdir(parents=True, exist_ok=True)
    unique = uuid.uuid4().hex[:8]
    building = place.with_name(f".{place.name}.{unique}.building")
    building.mkdir()
    try:
        model.save(building / "model.keras")
        for name, record in {**records, "signature": model.signature.to_json()}.items():
            (building / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
        if place.exists():
            aside = place.with_name(f".{place.name}.{unique}.replaced")
            place.rename(aside)
            building.rename(place)
            shutil.rmtree(aside) if aside.is_dir() else aside.unlink()
        else:
            building.rename(place)
    finally:
        shutil.rmtree(building, ignore_errors=True)
