"""How does a network see bases, and both strands of them?

int8 codes cross to the device (1 byte per base) and become one-hot there, so nothing wide is stored
or streamed. A convolution sees both strands with one set of weights: not the data are turned around
but the kernel (flipped along the positions, its channels permuted to the reverse complement), and
both kernels run as one convolution of twice the filters.

`keras.ops` only, so that the layers run on every Keras backend.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from genoarrays.ops.sequence import reverse_complement_codes

__all__ = ["BothStrandConv1D", "OneHot"]

MERGES = ("max", "mean", "concat", None)


@keras.saving.register_keras_serializable(package="genoarrays")
class OneHot(keras.layers.Layer):  # type: ignore[misc]
    """Codes of bases to one channel per k-mer.

    Parameters
    ----------
    order
        Length k of the k-mers; 1 is one channel per base.
    alphabet
        Letters in the order of their codes. The first base of a k-mer is the most significant: the
        channels of order 2 are AA, AC, ..., TT.
    unknown
        Value in every channel of a k-mer that holds a letter outside `alphabet`, such as N.
    dropout
        Probability with which a position loses all its channels while training; the others are
        multiplied by 1 / (1 - dropout), as in `keras.layers.Dropout`.
    seed
        Of the dropout.
    **kwargs
        Of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Notes
    -----
    Input (batch, length) integer codes; output (batch, length - order + 1, len(alphabet)**order)
    in the layer's compute dtype. A code outside 0..len(alphabet) - 1 is an unknown letter.

    Raises
    ------
    ValueError
        When `order` is below 1, `dropout` no share, or a sequence is shorter than one k-mer.

    Examples
    --------
    >>> import numpy as np
    >>> codes = np.array([[0, 1, 4]], dtype="int8")              # A C N
    >>> OneHot()(codes).numpy()[0].astype(int)
    array([[1, 0, 0, 0],
           [0, 1, 0, 0],
           [0, 0, 0, 0]])
    >>> OneHot(order=2)(codes).numpy()[0].nonzero()              # AC is channel 1, CN is none
    (array([0]), array([1]))
    """

    def __init__(
        self,
        order: int = 1,
        alphabet: str = "ACGT",
        unknown: float = 0.0,
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if order < 1:
            raise ValueError(f"order={order} is not possible; k-mers have at least 1 letter")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout={dropout} is no share; give at least 0 and below 1")
        self.order = order
        self.alphabet = alphabet
        self.unknown = unknown
        self.dropout = dropout
        self.seed = seed
        if dropout:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(batch, length) to (batch, length - order + 1, letters**order)."""
        batch, length = input_shape
        if length is not None and length < self.order:
            raise ValueError(f"a sequence of {length} bases holds no {self.order}-mer")
        columns = None if length is None else length - self.order + 1
        return batch, columns, len(self.alphabet) ** self.order

    def call(self, codes: Any, training: bool = False) -> Any:
        """One-hot of `codes`."""
        letters = len(self.alphabet)
        columns = self.compute_output_shape(codes.shape)[1]
        codes = ops.cast(codes, "int32")
        if columns is None:
            columns = ops.shape(codes)[1] - self.order + 1
        kmer = ops.zeros_like(codes[:, :columns])
        known = ops.ones_like(kmer, dtype="bool")
        for base in range(self.order):
            letter = codes[:, base : base + columns]
            kmer = kmer * letters + letter
            known = ops.logical_and(known, ops.logical_and(letter >= 0, letter < letters))
        # Masked, not sent out of range: not every backend gives zeros for such an index.
        channels = ops.one_hot(
            ops.where(known, kmer, 0), letters**self.order, dtype=self.compute_dtype
        )
        found = ops.where(known[..., None], channels, ops.cast(self.unknown, self.compute_dtype))
        if self.dropout and training:
            shape = (ops.shape(found)[0], columns, 1)  # all channels of a position or none
            found = keras.random.dropout(found, self.dropout, shape, seed=self.seed_generator)
        return found

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        names = ("order", "alphabet", "unknown", "dropout", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="genoarrays")
class BothStrandConv1D(keras.layers.Layer):  # type: ignore[misc]
    """Convolution of one-hot sequence on both strands with shared weights.

    The reverse branch is what a `Conv1D` with the same weights gives on the reverse complement,
    flipped back to the positions of the forward strand. Both branches are activated, then merged.

    Parameters
    ----------
    filters
        Number of kernels; "concat" gives twice as many channels.
    kernel_size
        Positions (bases, or k-mers) under a kernel.
    order
        Order of the one-hot input, see `OneHot`.
    merge
        "max", "mean", "concat" (forward channels, then reverse), or None for a tuple (forward,
        reverse).
    alphabet
        Letters of the one-hot input.
    padding
        "valid", or "same": zeros at both ends so that the length stays.
    activation, use_bias, kernel_initializer, kernel_regularizer
        As for `keras.layers.Conv1D`.
    **kwargs
        Of `keras.layers.Layer`: `name`, `dtype`, `trainable`.

    Notes
    -----
    Input (batch, length, len(alphabet)**order); output (batch, length - kernel_size + 1, filters)
    with padding "valid".

    Raises
    ------
    ValueError
        For another `merge` or `padding`, or an input whose channels are not those of `order`.

    Examples
    --------
    >>> import numpy as np
    >>> bases = OneHot()(np.array([[0, 0, 1, 2]], dtype="int8"))
    >>> BothStrandConv1D(8, kernel_size=3)(bases).shape
    TensorShape([1, 2, 8])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        order: int = 1,
        merge: str | None = "max",
        *,
        alphabet: str = "ACGT",
        padding: str = "valid",
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if merge not in MERGES:
            raise ValueError(f"merge={merge!r} is not known; choose one of {MERGES}")
        if padding not in ("valid", "same"):
            raise ValueError(f"padding={padding!r} is not known; choose 'valid' or 'same'")
        self.filters = filters
        self.kernel_size = kernel_size
        self.order = order
        self.merge = merge
        self.alphabet = alphabet
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self._complement = np.asarray(reverse_complement_codes(order, alphabet))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights: one kernel and one bias for both strands."""
        channels = len(self.alphabet) ** self.order
        if input_shape[-1] != channels:
            raise ValueError(
                f"order={self.order} has {channels} channels, the input has {input_shape[-1]}; "
                f"put OneHot(order={self.order}) before this layer"
            )
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
        )
        self.bias = (
            self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
            if self.use_bias
            else None
        )

    def call(self, bases: Any) -> Any:
        """Convolve both strands and merge them."""
        turned = ops.flip(ops.take(self.kernel, self._complement, axis=1), axis=0)
        kernels = ops.concatenate([self.kernel, turned], axis=-1)
        # "same" pads one more on the right when the kernel is even; for the other strand that is
        # the left. Both sides get the larger pad, each branch drops its surplus position.
        surplus = 0
        if self.padding == "same":
            widest = self.kernel_size // 2
            surplus = 1 - self.kernel_size % 2
            bases = ops.pad(bases, [(0, 0), (widest, widest), (0, 0)])
        both = ops.conv(bases, kernels, padding="valid", data_format="channels_last")
        length = both.shape[1] if both.shape[1] is not None else ops.shape(both)[1]
        forward = both[:, surplus:, : self.filters]
        reverse = both[:, : length - surplus, self.filters :]
        branches = [forward, reverse]
        if self.bias is not None:
            branches = [branch + self.bias for branch in branches]
        forward, reverse = (self.activation(branch) for branch in branches)
        if self.merge == "max":
            return ops.maximum(forward, reverse)
        if self.merge == "mean":
            return (forward + reverse) / 2
        if self.merge == "concat":
            return ops.concatenate([forward, reverse], axis=-1)
        return forward, reverse

    def get_config(self) -> dict[str, Any]:
        """Arguments that make the same layer."""
        own = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "order": self.order,
            "merge": self.merge,
            "alphabet": self.alphabet,
            "padding": self.padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
        }
        return {**super().get_config(), **own}
