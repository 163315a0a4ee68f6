"""How is a model fitted to windows?

`fit` is `compile` and `fit` of Keras with the settings that hold here: Adam with amsgrad and
clipped gradients, early stopping on held-out contigs, seeds, a validation stream that is never
shuffled. The loss follows from the activation of the output, so a builder has nothing to record,
and leaves out labels that are missing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import xarray as xr

from genoarrays import __version__
from genoarrays._optional import optional
from genoarrays.errors import GenomeError, StoreError
from genoarrays.models.course import Course
from genoarrays.models.feeding import feed, hold_out, original_errors, weighed
from genoarrays.models.noted import (
    contigs_of,
    layers_of,
    orders_of,
    sizes_of,
    validation_told,
)
from genoarrays.models.objective import losses_of, may_miss, output_names, told
from genoarrays.models.probe import probe_of
from genoarrays.models.saving import (
    Checkpoint,
    check_settings,
    load_model,
    read_record,
    save_run,
)
from genoarrays.models.signature import Signature, names_of
from genoarrays.options import show_progress
from genoarrays.stream.batches import batches

__all__ = ["fit", "load_model", "output_names"]


def fit(
    model: Any,
    x: xr.Dataset,
    *,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    validation: Any = None,
    weights: str | None = None,
    balance: str | None = None,
    class_weights: Mapping[Any, float] | None = None,
    batch_size: int = 64,
    epochs: int = 30,
    patience: int = 5,
    learning_rate: float = 0.001,
    schedule: str | None = None,
    seed: int = 0,
    augment: Any = None,
    sample: Any = None,
    passes: int = 1,
    tracks: int | None = None,
    loss: Any = None,
    loss_weights: Mapping[str, float] | None = None,
    metrics: Sequence[Any] | Mapping[str, Any] | None = None,
    callbacks: Sequence[Any] = (),
    tensorboard: str | os.PathLike[str] | None = None,
    repeats: int = 1,
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
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
        Examples to stop early by: a Dataset of contigs, or groups of sequences, that `x` does not
        have; or what to hold out of `x`, as `ga.split_regions` takes it: names of contigs, a table
        or a file of regions (windows that share bases with these are not trained on, nor those
        whose flanks do); or ids or a share of sequences. Without it all `epochs` are run.
    weights
        Name of a variable (window, ...) that weighs each window in the loss, in `x` and
        `validation`; with more dimensions, such as a `valid` mask, each label.
    balance
        Name of a variable or coordinate, such as the label or "contig", whose values shall count
        the same altogether: weights of `ga.balance_weights`, times `weights`; in `x` and
        `validation` each by itself.
    class_weights
        Weight of each label of the target, as in {0: 1, 1: 10}, times the others; labels that are
        not named weigh 1.
    batch_size
        Windows per step.
    epochs
        Most passes over `x`.
    patience
        Passes without a lower validation loss after which training ends. The weights of the best
        pass are kept.
    learning_rate
        Of Adam (amsgrad, norm of the gradients clipped to 1).
    schedule
        "cosine": the learning rate falls epoch by epoch along half of a cosine, to a fiftieth in
        the last one of `epochs`; None: it stays.
    seed
        Of the order of the windows and the augmentation. The global seeds of Python, NumPy and the
        backend are set. First weights and dropout were seeded when the model was built.
    augment, sample, passes
        As for `ga.batches`, for `x` only: `ga.Augment`, `ga.Sample`, and how often blocks are read.
    tracks
        Train on so many tracks of the targets in each batch, drawn anew for each; the others count
        as missing.
    loss
        As for `keras.Model.compile`. Without a loss it follows from the output's activation:
        sigmoid binary cross-entropy, softmax categorical cross-entropy (multinomial likelihood
        along offsets), softplus, exponential and relu Poisson, linear mean squared error. These,
        and the same by name ("mae" too), are the losses of `ga.models`: NaN in targets is a missing
        label and left out. With any other loss NaN in targets is an error.
    loss_weights
        Weights of the losses by target; 1 for those that are not named.
    metrics, callbacks
        As for `keras.Model.compile` and `keras.Model.fit`.
    tensorboard
        Directory to write logs for TensorBoard to.
    repeats
        Train so many times, from other random weights and with the seeds `seed`, `seed` + 1, ...;
        the model ends as the one with the lowest (validation) loss.
    out
        Directory to save to: `model.keras`, `signature.json`, `history.json`, `fit.json`. Repeats
        are saved beside it, as `out`.repeat0 and so on.
    resume
        Go on where a training with the same `out` and settings was interrupted, after its last
        whole epoch: weights, optimizer, random numbers, order and history are as if it had not
        been. One that is finished is loaded.
    overwrite
        Replace `out` when it exists.
    memory
        Budget of the stream, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    keras.callbacks.History or list of these
        `.history` has a list of values per epoch for "loss", "val_loss" and each metric. With
        `repeats` a list, one for each.

    Raises
    ------
    StoreError
        When `out` exists and neither `overwrite` nor `resume` is said; before anything is trained.
    RegionError
        When a variable is missing, `validation` has other sizes or labels than `x`, or holds
        nothing or everything of it.
    ContigError, AssemblyError, InputError
        When `validation` names contigs or regions that are not there, or cannot be read.
    GenomeError
        When no loss is given and none follows from the output's activation; when weights are not
        possible, or of an output that is not there; for an unknown schedule; when a training that
        should go on had other settings or another model.
    ImportError
        For `tensorboard`, when it is not installed.

    Notes
    -----
    Gives the same weights each time on one machine's CPU for the same seed, data and model.
    """
    if schedule not in (None, "cosine"):
        raise GenomeError(f'schedule={schedule!r} is not known; say "cosine", or None')
    if repeats != 1:
        return _repeated(dict(locals()))
    place = None if out is None else Path(out)
    if resume and place is None:
        raise GenomeError("resume=True needs out=, the directory beside which it was noted")
    if place is not None and place.exists() and not (overwrite or resume):
        raise StoreError(
            f"{place} exists; choose another out=, or say overwrite=True, or resume=True to take it"
        )
    x, held = hold_out(x, validation)
    signature = replace(
        Signature.of(x, inputs, targets),
        orders=orders_of(model),
        probe=probe_of(x, [*names_of(inputs), *names_of(targets)]),
    )
    if held is not None:
        signature.check(held)
    x, weight = weighed(x, targets, weights, balance, class_weights)
    if held is not None:
        held, _ = weighed(held, targets, weights, balance, class_weights)
    keras.utils.set_random_seed(seed)
    losses = losses_of(model, signature, loss)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, amsgrad=True, clipnorm=1.0),
        loss=losses,
        loss_weights=_loss_weights(model, loss_weights),
        metrics=metrics,
        # XLA made a step of a 600 bp model four times slower on a CPU (14 against 3 s per epoch).
        jit_compile="auto" if keras.distribution.list_devices("gpu") else False,
    )
    shared: dict[str, Any] = {"inputs": inputs, "targets": targets, "weights": weight}
    shared |= {"batch_size": batch_size, "memory": memory, "seed": seed}
    shared["missing_targets"] = may_miss(losses)
    training = batches(x, augment=augment, sample=sample, passes=passes, tracks=tracks, **shared)
    tested = None if held is None else batches(held, shuffle=False, **shared)
    settings = {
        **shared,
        "weights": weights,
        "balance": balance,
        "class_weights": None
        if class_weights is None
        else {str(k): float(v) for k, v in class_weights.items()},
        "epochs": epochs,
        "patience": patience,
        "learning_rate": learning_rate,
        # other epochs would make other rates: a training goes on with the same ones only
        "schedule": None if schedule is None else f"{schedule} of {epochs} epochs",
        "passes": passes,
        "tracks": tracks,
        "augment": None if augment is None else repr(augment),
        "sample": None if sample is None else repr(sample),
        "loss": told(losses),
        "loss_weights": None if loss_weights is None else dict(loss_weights),
        "validation": validation_told(validation),
        "examples": sizes_of(x, held),
        "contigs": contigs_of(x, held),
        "orders": orders_of(model),
        "versions": {"genoarrays": __version__, "keras": keras.__version__},
    }
    noted = None if place is None else Checkpoint(place, settings)
    falling = None if schedule is None else (learning_rate, epochs)
    course = Course(training, None if held is None else "val_loss", patience, noted, falling)
    if resume and place is not None and place.exists():
        check_settings(place, read_record(place, "fit"), settings)
        model.set_weights(load_model(place).get_weights())
        model.signature = signature
        course.losses = read_record(place, "history")
        return course.finish(model)
    if resume:
        course.resume(model)
    more = list(callbacks)
    if tensorboard is not None:
        optional("tensorboard", purpose="writing logs for TensorBoard", extra="tensorboard")
        more.append(keras.callbacks.TensorBoard(log_dir=os.fspath(tensorboard)))
    if course.epochs < epochs and not course.over:
        with original_errors(training, tested):
            model.fit(
                feed(training),
                validation_data=None if tested is None else feed(tested),
                epochs=epochs,
                initial_epoch=course.epochs,
                callbacks=[course, *more],
                shuffle=False,  # the stream shuffles; Keras warns otherwise
                verbose=int(show_progress(progress)),
            )
    history = course.finish(model)
    model.signature = signature
    if place is not None and noted is not None:
        told_too = {**settings, "layers": layers_of(model)}
        save_run(model, place, {"history": history.history, "fit": told_too})
        noted.remove()
    return history


def _repeated(options: dict[str, Any]) -> list[Any]:
    """Several trainings from random weights; the best one stays."""
    model, repeats, seed, out = (options.pop(name) for name in ("model", "repeats", "seed", "out"))
    if repeats < 1:
        raise GenomeError(f"repeats={repeats} is not possible; give at least 1")
    place = None if out is None else Path(out)
    if place is not None and place.exists() and not (options["overwrite"] or options["resume"]):
        raise StoreError(f"{place} exists; choose another out=, or say overwrite=True")
    histories, weights, lowest = [], [], []
    for number in range(repeats):
        keras.utils.set_random_seed(seed + number)
        one = keras.models.clone_model(model)
        mine = None if place is None else place.with_name(f"{place.name}.repeat{number}")
        history = fit(one, **options, seed=seed + number, out=mine)
        histories.append(history)
        weights.append(one.get_weights())
        course = history.history
        lowest.append(min(course["val_loss"]) if "val_loss" in course else course["loss"][-1])
    best = int(np.argmin(lowest))
    model.set_weights(weights[best])
    model.signature = one.signature
    if place is not None:
        settings = read_record(place.with_name(f"{place.name}.repeat{best}"), "fit")
        settings |= {"repeats": repeats, "best_repeat": best, "losses_of_repeats": lowest}
        save_run(model, place, {"history": histories[best].history, "fit": settings})
    return histories


def _loss_weights(model: Any, asked: Mapping[str, float] | None) -> dict[str, float] | None:
    """Weight of the loss of each output."""
    if asked is None:
        return None
    names = output_names(model)
    if unknown := [name for name in asked if name not in names]:
        raise GenomeError(
            f"loss_weights= has {unknown[0]!r}, and the outputs are {', '.join(names)}"
        )
    return {name: asked.get(name, 1.0) for name in names}
