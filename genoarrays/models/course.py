"""What happens after each epoch?

The best weights are kept, training ends when nothing was gained for some epochs, the learning rate
falls, and a file says where it stands. One callback does all of it, so that a training that was
killed goes on as if nothing had happened.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras

from genoarrays.models.saving import Checkpoint
from genoarrays.stream.source import Batches

__all__ = ["Course"]

_LAST = (
    0.02  # share of the learning rate to which a cosine falls: at 0 an epoch would be for nothing
)


class Course(keras.callbacks.Callback):  # type: ignore[misc]
    """Early stopping, best weights, checkpoints, and which epoch the stream gives.

    Parameters
    ----------
    stream
        What is trained on.
    monitor
        Name of the loss that is to be low; None to take the weights of the last epoch.
    patience
        Epochs without gain after which training ends.
    checkpoint
        Where to write after each epoch.
    falling
        Learning rate of the first epoch, and number of epochs along which it falls by a cosine;
        None leaves the rate as it is.
    """

    def __init__(
        self,
        stream: Batches,
        monitor: str | None,
        patience: int,
        checkpoint: Checkpoint | None,
        falling: tuple[float, int] | None = None,
    ) -> None:
        super().__init__()
        self.falling = falling
        self.stream, self.monitor, self.patience = stream, monitor, patience
        self.checkpoint = checkpoint
        self.losses: dict[str, list[float]] = {}
        self.best, self.waited = math.inf, 0
        self.best_weights: list[Any] | None = None

    @property
    def epochs(self) -> int:
        """Epochs that are done."""
        return max(map(len, self.losses.values()), default=0)

    @property
    def over(self) -> bool:
        """Whether nothing was gained for long enough."""
        return self.monitor is not None and self.waited >= self.patience

    def resume(self, model: Any) -> None:
        """Go on from the checkpoint, if there is one."""
        found = None if self.checkpoint is None else self.checkpoint.read(model)
        if found is None:
            return
        state, self.best_weights = found
        self.losses, self.waited = state["history"], state["waited"]
        self.best = math.inf if state["best"] is None else state["best"]

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Order, augmentation and learning rate follow from the number of the epoch.

        Building a model takes a first look at the stream, so its own count would be one ahead.
        """
        self.stream.set_epoch(epoch)
        if self.falling is not None:
            rate, epochs = self.falling
            half = (1 + math.cos(math.pi * epoch / max(epochs - 1, 1))) / 2
            self.model.optimizer.learning_rate = rate * (_LAST + (1 - _LAST) * half)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Note losses, keep the best weights, write where training stands."""
        logs = logs or {}
        for name, value in logs.items():
            self.losses.setdefault(name, []).append(float(value))
        if self.monitor is not None:
            if float(logs[self.monitor]) < self.best:
                self.best, self.waited = float(logs[self.monitor]), 0
                self.best_weights = self.model.get_weights()
            else:
                self.waited += 1
            if self.over:
                self.model.stop_training = True
        if self.checkpoint is not None:
            best = None if math.isinf(self.best) else self.best
            state = {"history": self.losses, "waited": self.waited, "best": best}
            self.checkpoint.write(self.model, state, self.best_weights)

    def finish(self, model: Any) -> Any:
        """Give the model its best weights, and the history as Keras has it."""
        if self.best_weights is not None:
            model.set_weights(self.best_weights)
        history = keras.callbacks.History()
        history.set_model(model)
        history.history = self.losses
        history.epoch = list(range(self.epochs))
        return history
