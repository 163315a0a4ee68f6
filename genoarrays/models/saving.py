"""How is a trained model kept, and loaded again?

A saved model is a directory: `model.keras`, `signature.json`, `history.json`, `fit.json`. It is
written beside its final place and renamed: a directory that exists is complete. While a model is
trained, one file beside that place says after each epoch where the training stands: weights, state
of the optimizer and of random numbers, history.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError, StoreError
from genoarrays.models.signature import read_signature

__all__ = ["Checkpoint", "check_settings", "load_model", "read_record", "save_run"]

_FREE = ("epochs", "patience", "memory", "versions", "layers")
"""Settings that may differ when a training goes on."""


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
    model.signature = read_signature(file)
    return model


def save_run(model: Any, place: Path, records: Mapping[str, Any]) -> None:
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


def read_record(place: Path, name: str) -> Any:
    """What `save_run` wrote of a run.

    Raises
    ------
    StoreError
        When it is not there.
    """
    try:
        return json.loads((place / f"{name}.json").read_text())
    except OSError:
        raise StoreError(f"{place} is no run of ga.fit: it has no {name}.json") from None


def check_settings(place: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse to go on with other settings than a training began with.

    Raises
    ------
    GenomeError
        Names the first one that differs.
    """
    now = json.loads(json.dumps(now))
    for name in sorted({*before, *now} - set(_FREE)):
        if before.get(name) != now.get(name):
            raise GenomeError(
                f"{place} was trained with {name}={before.get(name)!r}, and now {name} is "
                f"{now.get(name)!r}: resume=True goes on with the same settings only; give another "
                "out=, or overwrite=True without resume="
            )


class Checkpoint:
    """The file that says where a training stands."""

    def __init__(self, place: Path, settings: Mapping[str, Any]) -> None:
        self.place, self.settings = place, settings
        self.file = place.with_name(f".{place.name}.checkpoint.npz")

    def write(self, model: Any, state: Mapping[str, Any], best: list[Any] | None) -> None:
        """Replace the file at once, so that a kill leaves this or the one before."""
        arrays: dict[str, npt.NDArray[Any]] = {
            f"{kind}{number}": np.asarray(value)
            for kind, values in (("now", _variables(model)), ("best", best or []))
            for number, value in enumerate(values)
        }
        told = json.dumps({"settings": self.settings, **state})
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_name(f"{self.file.name}.{os.getpid()}.part")
        try:
            with part.open("wb") as file:
                np.savez(file, told=np.array(told), **arrays)  # type: ignore[arg-type]
            os.replace(part, self.file)
        finally:
            part.unlink(missing_ok=True)

    def read(self, model: Any) -> tuple[dict[str, Any], list[Any] | None] | None:
        """Bring a compiled model to where it stood; None when there is no file.

        Raises
        ------
        GenomeError
            When the file is of other settings or another model.
        """
        if not self.file.is_file():
            return None
        with np.load(self.file) as stored:
            state = json.loads(str(stored["told"]))
            check_settings(self.place, state["settings"], self.settings)
            now = [stored[f"now{n}"] for n in range(_count(stored, "now"))]
            best = [stored[f"best{n}"] for n in range(_count(stored, "best"))]
        model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        if [value.shape for value in now] != [tuple(v.shape) for v in variables]:
            raise GenomeError(
                f"{self.file} is of another model; give the same one, or overwrite=True without "
                "resume="
            )
        for variable, value in zip(variables, now, strict=True):
            variable.assign(value)
        return state, best or None

    def remove(self) -> None:
        """Delete the file, and what a kill has left while one was written."""
        self.file.unlink(missing_ok=True)
        for part in self.file.parent.glob(f"{glob.escape(self.file.name)}.*.part"):
            part.unlink(missing_ok=True)


def _count(stored: Any, kind: str) -> int:
    return sum(name.startswith(kind) for name in stored.files)


def _variables(model: Any) -> list[Any]:
    """Weights, states of random numbers and of the optimizer; metrics begin anew each epoch."""
    metrics = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in metrics]
    theirs = {id(variable) for variable in own}
    return [*own, *(v for v in model.optimizer.variables if id(v) not in theirs)]
