"""Which examples does a training see, how much does each count, and what crosses to Keras?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.examples.apart import held_out, solid
from genoarrays.examples.split import split_sequences
from genoarrays.examples.weights import balance_weights
from genoarrays.genome.columns import concat_columns
from genoarrays.genome.example import EXAMPLES, example_dim
from genoarrays.genome.near import count_near
from genoarrays.genome.windows import window_index
from genoarrays.models.signature import names_of
from genoarrays.stream.source import Batches
from genoarrays.stream.tensorflow import stream_to_tf

__all__ = ["feed", "hold_out", "original_errors", "weighed"]

WEIGHT = "weight of examples"  # name of weights that are made here


def hold_out(x: xr.Dataset, validation: Any) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Training and validation examples.

    Parameters
    ----------
    x
        Windows or sequences.
    validation
        A Dataset of examples, as it is; or what to hold out of `x`: contigs or regions, as
        `ga.split_regions` takes them, or ids or a share of sequences, as `ga.split_sequences` does.

    Returns
    -------
    tuple
        Windows that share bases with what is held out, by their flanks and margins too, are in
        neither.

    Raises
    ------
    ContigError, InputError, AssemblyError, RegionError
        When regions cannot be read, or have nothing in common with the windows.
    RegionError
        When no window is left for one of the two.
    """
    if validation is None:
        return x, None
    if isinstance(validation, xr.Dataset) and set(EXAMPLES) & set(validation.dims):
        return x, validation
    if example_dim(x) == "sequence":
        train, valid = split_sequences(x, valid=validation)
        return train, valid
    columns = window_index(x).columns
    stretches = held_out("validation", validation, columns).columns
    mine = count_near(solid(columns), stretches) > 0
    if not mine.any():
        raise RegionError(
            "no window lies on what validation= holds out; name contigs or regions of these windows"
        )
    zone = concat_columns([columns.take(mine), stretches])
    near = count_near(solid(columns), solid(zone), 2 * _reach(x)) > 0
    if near.all():
        raise RegionError(
            f"validation= leaves no window to train on: all {columns.size:,} lie on it, or within "
            f"{2 * _reach(x):,} bp, the flanks of two windows"
        )
    return x.isel(window=np.flatnonzero(~near)), x.isel(window=np.flatnonzero(mine))


def _reach(x: xr.Dataset) -> int:
    """How many bp a window reads past either of its ends, at most."""
    reach = 0
    for name, labels in x.coords.items():
        if str(name).startswith("offset") and labels.dims == (name,) and labels.size:
            width, step = labels.attrs.get("width"), int(labels.attrs.get("bin_size", 1))
            if width is not None:
                last = int(labels[-1]) + step - int(width)
                reach = max(reach, -int(labels[0]), last)
    return reach


def weighed(
    x: xr.Dataset,
    targets: str | Sequence[str],
    weights: str | None,
    balance: str | None,
    class_weights: Mapping[Any, float] | None,
) -> tuple[xr.Dataset, str | None]:
    """Examples with their weights, and the name of these.

    Raises
    ------
    GenomeError
        For class weights of several targets, or a name that is not in `x`.
    """
    parts = [] if weights is None else [x[weights]] if weights in x else []
    if weights is not None and not parts:
        raise GenomeError(f"weights={weights!r} is no variable of x; it has {list(x.data_vars)}")
    if balance is not None:
        parts.append(balance_weights(x, balance))
    if class_weights is not None:
        names = names_of(targets)
        if len(names) != 1:
            raise GenomeError(
                f"class_weights= are those of one target, and there are {len(names)}; make a "
                "variable of weights, and name it in weights="
            )
        parts.append(_by_class(x[names[0]], class_weights))
    if not parts or (len(parts) == 1 and weights is not None):
        return x, weights
    product = parts[0]
    for part in parts[1:]:
        product = product * part
    return x.assign({WEIGHT: product.transpose(example_dim(x), ...)}), WEIGHT


def _by_class(labels: xr.DataArray, table: Mapping[Any, float]) -> xr.DataArray:
    """Weight of each label; what is not in the table weighs 1."""
    if any(not weight >= 0 for weight in table.values()):
        raise GenomeError(f"class_weights={dict(table)}: weights are 0 or more")

    def look_up(values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        found = np.ones(values.shape, dtype=np.float32)
        for label, weight in table.items():
            found[values == label] = weight
        return found

    found: xr.DataArray = xr.apply_ufunc(
        look_up, labels, dask="parallelized", output_dtypes=[np.float32]
    )
    return found


def feed(stream: Batches) -> Any:
    """`tf.data.Dataset` for Keras.

    Where some tracks are drawn for each batch, the other ones are missing in its targets (and weigh
    nothing), so that the model still has an output for each track.
    """
    data = stream_to_tf(stream)
    if stream.tracks is None:
        return data
    import tensorflow as tf

    size = stream.x.sizes["track"]
    axes = {str(name): v.dims.index("track") for name, v in stream.x.items() if "track" in v.dims}
    if wrong := sorted(set(axes) & set(names_of(stream.inputs))):
        raise GenomeError(
            f"tracks= draws tracks of targets, and input {wrong[0]!r} has tracks too; rename its "
            "dimension"
        )

    def spread(values: Any, name: str, places: Any, fill: float) -> Any:
        if name not in axes:
            return values
        known = tf.gather(values, tf.maximum(places, 0), axis=axes[name])
        shape = [1] * len(values.shape)
        shape[axes[name]] = size
        return tf.where(tf.reshape(places >= 0, shape), known, tf.cast(fill, known.dtype))

    def whole(inputs: Any, targets: Any, *rest: Any) -> Any:
        *weights, drawn = rest
        hits = tf.cast(drawn[0][:, None] == tf.range(size, dtype=drawn.dtype), tf.int32)
        numbers = tf.range(1, tf.shape(hits)[0] + 1)[:, None]
        places = tf.reduce_sum(hits * numbers, axis=0) - 1  # -1: not drawn
        if isinstance(targets, dict):
            targets = {n: spread(v, n, places, np.nan) for n, v in targets.items()}
        else:
            targets = spread(targets, names_of(stream.targets or [])[0], places, np.nan)
        if weights:
            weights = [spread(weights[0], stream.weights or "", places, 0.0)]
        return inputs, targets, *weights

    return data.map(whole)


@contextmanager
def original_errors(*streams: Batches | None) -> Iterator[None]:
    """Raise what went wrong in a stream itself, not the TensorFlow error that quotes it."""
    try:
        yield
    except Exception:
        for stream in streams:
            if stream is not None and stream.error is not None:
                raise stream.error from None  # TensorFlow's own error quotes it at length
        raise
