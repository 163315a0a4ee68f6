"""How do batches reach Keras on any backend?"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import xarray as xr

from genoarrays._optional import optional
from genoarrays.stream.batches import batches

if TYPE_CHECKING:
    import keras

__all__ = ["to_keras"]


def to_keras(x: xr.Dataset, **options: Any) -> keras.utils.PyDataset:
    """Stream windows or sequences into `keras.Model.fit`, whatever the backend.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does.
    **options
        All of `ga.batches`: inputs, targets, weights, batch_size, shuffle, seed, memory, augment,
        sample and the others.

    Returns
    -------
    keras.utils.PyDataset
        Its length is the number of batches. Batches are made in the order of the stream: with
        `shuffle` the one asked for next, whatever its number, is the next of the epoch, since
        Keras draws numbers at random; without, number i is batch i. Keras asks for the first
        batches of one more epoch when it ends: `close()` ends what that began.

    Raises
    ------
    GenomeError
        As `ga.batches`.
    ImportError
        When Keras is not installed.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords)
    >>> x = ga.windows(ds, ["chr1:0-2", "chr1:2-4", "chr1:6-8"])
    >>> data = ga.to_keras(x, inputs="x", batch_size=2, shuffle=False)
    >>> len(data), data[1].tolist()
    (2, [[6.0, 7.0]])
    """
    keras = optional("keras", purpose="streaming into Keras", extra="tf")
    stream = batches(x, **options)

    class Stream(keras.utils.PyDataset):  # type: ignore[misc, name-defined, unused-ignore]
        """Batches of one epoch after the other."""

        def __init__(self) -> None:
            super().__init__(workers=1, use_multiprocessing=False)
            self.stream = stream
            self._lock = threading.Lock()
            self._batches: Any = None
            self._next = 0

        def __len__(self) -> int:
            return len(stream)

        def __getitem__(self, number: int) -> Any:
            with self._lock:
                if not 0 <= number < len(stream):
                    raise IndexError(f"batch {number} of {len(stream):,}")
                if not stream.shuffle and number != self._next:
                    self._start(number)
                if self._batches is None:
                    self._start(0)
                batch = next(self._batches)
                self._next += 1
                if self._next == len(stream):
                    self._batches.close()
                    self._batches, self._next = None, 0
                return batch

        def close(self) -> None:
            """End the threads of an epoch that Keras has begun ahead; the next one starts anew."""
            with self._lock:
                if self._batches is not None:
                    self._batches.close()
                self._batches, self._next = None, 0

        def _start(self, number: int) -> None:
            if self._batches is not None:
                self._batches.close()
            if number:
                stream.seek(stream.state_dict()["epoch"], number)
            self._batches, self._next = iter(stream), number

    return Stream()
