"""How are one-hot sequence and signal turned around or smoothed inside a network?

`Reverse` after `Complement` is the other strand; `BothStrandConv1D` gives the same without turning
the data. `keras.ops` only, so that the layers run on every Keras backend.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from genoarrays.ops.sequence import reverse_complement_codes

__all__ = ["Complement", "Reverse", "SlidingMean"]


@keras.saving.register_keras_serializable(package="genoarrays")
class Reverse(keras.layers.Layer):  # type: ignore[misc]
    """Positions in reverse order.

    Parameters
    ----------
    axis
        Dimension of the positions; 0 is the batch.
    **kwargs
        Of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Examples
    --------
    >>> import numpy as np
    >>> Reverse()(np.array([[1.0, 2.0, 3.0]])).numpy()
    array([[3., 2., 1.]], dtype=float32)
    """

    def __init__(self, axis: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same."""
        return input_shape

    def call(self, x: Any) -> Any:
        """Turn around."""
        return ops.flip(x, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable(package="genoarrays")
class Complement(keras.layers.Layer):  # type: ignore[misc]
    """One-hot sequence with each k-mer replaced by its reverse complement; positions stay.

    Parameters
    ----------
    order
        Order of the one-hot input, see `OneHot`.
    alphabet
        Letters of the one-hot input: those of DNA or RNA.
    **kwargs
        Of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Raises
    ------
    ValueError
        For an input whose channels are not those of `order`.

    Examples
    --------
    >>> import numpy as np
    >>> Complement()(np.array([[[1.0, 0, 0, 0], [0, 0, 0, 0]]])).numpy()[0]  # A N
    array([[0., 0., 0., 1.],
           [0., 0., 0., 0.]], dtype=float32)
    """

    def __init__(self, order: int = 1, alphabet: str = "ACGT", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.order = order
        self.alphabet = alphabet
        self._complement = np.asarray(reverse_complement_codes(order, alphabet))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The same."""
        return input_shape

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Check the channels."""
        if input_shape[-1] != len(self._complement):
            raise ValueError(
                f"order={self.order} has {len(self._complement)} channels, the input has "
                f"{input_shape[-1]}; put OneHot(order={self.order}) before this layer"
            )

    def call(self, x: Any) -> Any:
        """Permute the channels."""
        return ops.take(x, self._complement, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        return {**super().get_config(), "order": self.order, "alphabet": self.alphabet}


@keras.saving.register_keras_serializable(package="genoarrays")
class SlidingMean(keras.layers.Layer):  # type: ignore[misc]
    """Mean over a window that slides along the positions.

    Parameters
    ----------
    window
        Positions that are averaged.
    stride
        Positions between windows.
    padding
        "valid": whole windows only; "same": windows at the ends average what there is.
    **kwargs
        Of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Notes
    -----
    Input (batch, length, channels); output (batch, (length - window) // stride + 1, channels) with
    padding "valid".

    Raises
    ------
    ValueError
        When window or stride is below 1, or an input is shorter than the window.

    Examples
    --------
    >>> import numpy as np
    >>> SlidingMean(2)(np.array([[[1.0], [3.0], [7.0]]])).numpy().ravel()
    array([2., 5.], dtype=float32)
    """

    def __init__(self, window: int, stride: int = 1, padding: str = "valid", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if window < 1 or stride < 1:
            raise ValueError(f"window={window}, stride={stride}: both must be at least 1")
        if padding not in ("valid", "same"):
            raise ValueError(f"padding={padding!r} is not known; choose 'valid' or 'same'")
        self.window = window
        self.stride = stride
        self.padding = padding

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, length, channels) to (batch, windows, channels)."""
        batch, length, channels = input_shape
        if length is None:
            return batch, None, channels
        if self.padding == "same":
            return batch, -(-length // self.stride), channels
        if length < self.window:
            raise ValueError(f"{length} positions hold no window of {self.window}")
        return batch, (length - self.window) // self.stride + 1, channels

    def call(self, x: Any) -> Any:
        """Average."""
        self.compute_output_shape(tuple(x.shape))
        return ops.average_pool(
            x, self.window, self.stride, padding=self.padding, data_format="channels_last"
        )

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        own = {"window": self.window, "stride": self.stride, "padding": self.padding}
        return {**super().get_config(), **own}
