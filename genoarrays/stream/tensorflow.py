"""How do batches reach TensorFlow fast?

Slabs of thousands of windows cross from Python to TensorFlow and are cut into batches there: one
crossing per batch costs more (358,000 against 508,000 windows of 500 bp a second), one per example
far more. int8 codes cross, one-hot is a layer on the device (`genoarrays.models.OneHot`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import xarray as xr

from genoarrays._optional import optional
from genoarrays.stream.batches import batches
from genoarrays.stream.source import Batches

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["stream_to_tf", "to_tf"]


def to_tf(x: xr.Dataset, **options: Any) -> tf.data.Dataset:
    """Stream windows or sequences into TensorFlow.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does.
    **options
        All of `ga.batches`: inputs, targets, weights, batch_size, shuffle, seed, memory, augment,
        sample and the others.

    Returns
    -------
    tf.data.Dataset
        Of inputs, (inputs, targets) or (inputs, targets, weights), as tensors or dicts of tensors
        `(batch, ...)`; all shapes are static but for the batch (static too with `drop_last`), and
        the cardinality is known. Each iteration is a new epoch.

    Raises
    ------
    GenomeError
        As `ga.batches`. What goes wrong while iterating arrives as a TensorFlow error that quotes
        the original; `ga.fit` raises the original.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords)
    >>> x = ga.windows(ds, ["chr1:0-2", "chr1:2-4", "chr1:6-8"])
    >>> stream = ga.to_tf(x, inputs="x", batch_size=2, shuffle=False)
    >>> [batch.shape.as_list() for batch in stream]
    [[2, 2], [1, 2]]
    """
    return stream_to_tf(batches(x, **options))


def stream_to_tf(stream: Batches) -> tf.data.Dataset:
    """`tf.data.Dataset` of a batch source; errors while iterating stay in `stream.error`.

    Raises
    ------
    ImportError
        When TensorFlow is not installed.
    """
    tf = optional("tensorflow", purpose="streaming into tf.data", extra="tf")
    size = stream.batch_size
    specs = stream.specs
    names = list(specs)

    def slabs() -> Iterator[tuple[Any, ...]]:
        # (batches, batch, ...): TensorFlow slices the first dimension; a short batch comes alone
        for slab in stream.slabs():
            rows = len(slab[names[0]])
            full = rows - rows % size
            if full:
                shape = (full // size, size)
                yield tuple(slab[n][:full].reshape(*shape, *slab[n].shape[1:]) for n in names)
            if rows % size:
                yield tuple(slab[n][full:][None] for n in names)

    signature = tuple(
        tf.TensorSpec((None, None, *shape), tf.as_dtype(dtype)) for shape, dtype in specs.values()
    )
    data = tf.data.Dataset.from_generator(slabs, output_signature=signature)
    data = data.prefetch(1).flat_map(lambda *slab: tf.data.Dataset.from_tensor_slices(slab))

    def structured(*batch: Any) -> Any:
        tensors = {}
        for name, tensor in zip(names, batch, strict=True):
            static = size if stream.drop_last else None
            tensors[name] = tf.ensure_shape(tensor, (static, *specs[name][0]))
        return stream.structure(tensors)

    data = data.map(structured).apply(tf.data.experimental.assert_cardinality(len(stream)))
    return data.prefetch(2)
