"""What are the parts that every network over windows is made of?

From the variables of a windows Dataset to the inputs of a model, from these to features along the
window, from features to one vector, or to the bins of a target. `builders.py` puts them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import layers

from genoarrays.errors import GenomeError, RegionError
from genoarrays.models.layers import BothStrandConv1D, OneHot
from genoarrays.models.signature import Signature, VariableSignature
from genoarrays.ops.sequence import ALPHABETS

# Shares of the window, around its center, which are pooled each by itself. Without the two smaller
# ones a network cannot tell a motif at the peak from one in the flank: auPRC 0.79 instead of 0.82
# on Reb1 from 600 bp.
VIEWS = (1.0, 1 / 3, 1 / 9)

# Of the means and variances in batch normalization: the default of 0.99 lags behind by more steps
# than an epoch has on a few thousand windows.
MOMENTUM = 0.95


class Grid(NamedTuple):
    """Bins of an offset dimension: first offset and size of a bin in bp, number of bins."""

    first: int
    step: int
    size: int

    @property
    def end(self) -> int:
        """Offset past the last bin."""
        return self.first + self.step * self.size


def is_sequence(variable: VariableSignature) -> bool:
    """Whether a variable holds codes of letters."""
    return "alphabet" in variable.attrs


def entries(signature: Signature) -> dict[str, Any]:
    """One Keras input per input variable, named like it."""
    return {
        name: keras.Input(
            variable.shape, name=name, dtype="int8" if is_sequence(variable) else "float32"
        )
        for name, variable in signature.inputs.items()
    }


def bases(codes: Any, variable: VariableSignature, order: int) -> Any:
    """(batch, length, k-mers): one-hot, with a column for each base.

    A k-mer stands at its middle base; the ends, where no k-mer fits around a base, are zeros.
    """
    before = (order - 1) // 2
    kmers = OneHot(order, variable.attrs["alphabet"])(codes)
    return layers.ZeroPadding1D((before, order - 1 - before))(kmers) if order > 1 else kmers


def motifs(
    codes: Any, variable: VariableSignature, order: int, filters: int, kernel: int, merge: str
) -> Any:
    """First convolution over sequence: on both strands of DNA; RNA and proteins have one."""
    kmers, letters = bases(codes, variable, order), variable.attrs["alphabet"]
    shared: dict[str, Any] = {"padding": "same", "activation": "relu"}
    if letters != ALPHABETS["dna"]:
        return layers.Conv1D(filters, kernel, **shared)(kmers)
    each = filters // 2 if merge == "concat" else filters
    return BothStrandConv1D(each, kernel, order, merge, alphabet=letters, **shared)(kmers)


def numbers(entry: Any, variable: VariableSignature) -> Any:
    """(batch, offset, channels), or (batch, channels) without offsets, of mean 0 and variance 1."""
    if variable.offset is None:
        return normalized(layers.Flatten()(entry))
    return normalized(channels(entry, variable))


def channels(entry: Any, variable: VariableSignature) -> Any:
    """(batch, offset, channels): all dims but for the offset as channels."""
    axis = _offset_axis(variable)
    if axis:
        others = [dim + 1 for dim in range(len(variable.dims)) if dim != axis]
        entry = layers.Permute((axis + 1, *others))(entry)
    count = math.prod(variable.shape) // variable.shape[axis]
    return layers.Reshape((variable.shape[axis], count))(entry)


def normalized(features: Any, name: str | None = None) -> Any:
    """Each channel brought to mean 0 and variance 1."""
    return layers.BatchNormalization(momentum=MOMENTUM, name=name)(features)


def dilated(
    signature: Signature,
    given: dict[str, Any],
    order: int,
    filters: int,
    kernel_size: int,
    dilations: int,
    strands: str = "both",
) -> dict[str, tuple[Any, Grid | None]]:
    """For each input a tower at its own resolution: a convolution, then residual dilated ones.

    Raises
    ------
    GenomeError
        For other `strands` than "both" and "forward".
    """
    if strands not in ("both", "forward"):
        raise GenomeError(f'strands={strands!r} is not known; say "both" or "forward"')
    towers: dict[str, tuple[Any, Grid | None]] = {}
    shared: dict[str, Any] = {"padding": "same", "activation": "relu"}
    for name, variable in signature.inputs.items():
        if variable.offset is None:
            towers[name] = numbers(given[name], variable), None
            continue
        if is_sequence(variable) and strands == "both":
            # "concat", not "max": a stranded profile must know which strand a motif is on
            tower = motifs(given[name], variable, order, filters, kernel_size, "concat")
        else:
            seen = (
                bases(given[name], variable, order)
                if is_sequence(variable)
                else numbers(given[name], variable)
            )
            tower = layers.Conv1D(filters, kernel_size, **shared)(seen)
        for power in range(1, dilations + 1):
            # as many as the tower has: two strands share no odd number of filters
            wider = layers.Conv1D(tower.shape[-1], 3, dilation_rate=2**power, **shared)
            tower = layers.Add()([tower, wider(tower)])
        towers[name] = tower, grid_of(name, variable)
    return towers


def in_shape(signal: Any, target: VariableSignature) -> Any:
    """(batch, offset, channels) in the order of dims of the target; reverse of `numbers`."""
    axis = _offset_axis(target)
    others = [size for dim, size in enumerate(target.shape) if dim != axis]
    signal = layers.Reshape((target.shape[axis], *others))(signal)
    if axis == 0:
        return signal
    return layers.Permute((*range(2, axis + 2), 1, *range(axis + 2, len(target.dims) + 1)))(signal)


def join(parts: Sequence[Any]) -> Any:
    """Features side by side."""
    return layers.Concatenate()(list(parts)) if len(parts) > 1 else parts[0]


def finished(
    given: dict[str, Any],
    outputs: dict[str, Any],
    signature: Signature,
    name: str,
    targets: str | Sequence[str],
) -> Any:
    """The model, with its signature.

    A list of inputs takes a tensor, a list and a dict; a dict of inputs warns at a tensor.

    Raises
    ------
    RegionError
        When a variable is input and target at once: Keras wants one name for one thing.
    """
    if twice := sorted(set(given) & set(outputs)):
        raise RegionError(
            f"{twice[0]!r} is input and target; give the target a name of its own, as in "
            f"x.assign(wanted=x.{twice[0]})"
        )
    results = outputs[targets] if isinstance(targets, str) else outputs
    model = keras.Model(list(given.values()), results, name=name)
    model.signature = signature
    return model


def _offset_axis(variable: VariableSignature) -> int:
    return next(axis for axis, dim in enumerate(variable.dims) if dim == variable.offset)


def views(tower: Any) -> Any:
    """Average and maximum over the whole length, and maxima over smaller parts at its center."""
    length = tower.shape[1]
    # Averages differ little between windows and would hardly be learned from as they are: scaled,
    # they tell the composition of a window, auROC 0.90 instead of 0.88 on Reb1 from 200 bp.
    pooled = [normalized(layers.GlobalAveragePooling1D()(tower))]
    for width in sorted({max(round(length * share), 1) for share in VIEWS}, reverse=True):
        left = (length - width) // 2
        part = layers.Cropping1D((left, length - width - left))(tower)
        pooled.append(layers.GlobalMaxPooling1D()(part))
    return join(pooled)


def grid_of(name: str, variable: VariableSignature) -> Grid:
    """Offsets of a variable in bp.

    Raises
    ------
    RegionError
        When it has no offset dimension, or one without evenly spaced labels.
    """
    labels = variable.labels.get(variable.offset or "")
    if not isinstance(labels, dict):
        raise RegionError(
            f"{name!r} has dims {('window', *variable.dims)} and no evenly spaced offsets in bp "
            f"along one of them; make the windows with ga.windows, and do not reduce {name!r}"
        )
    return Grid(labels["first"], labels["step"], labels["size"])


def on_bins(tower: Any, source: Grid | None, target: Grid, which: str, name: str) -> Any:
    """A tower cut to the offsets of the target, with one column for each of its bins.

    Raises
    ------
    RegionError
        When the input does not cover the target, or their bins do not fit into each other.
    """
    if source is None:
        return layers.RepeatVector(target.size)(tower)
    if source.first > target.first or source.end < target.end:
        raise RegionError(
            f"target {name!r} spans offsets {target.first:,} to {target.end:,}, input {which!r} "
            f"only {source.first:,} to {source.end:,}; give it a larger flank in ga.windows"
        )
    if source.step > target.step and source.step % target.step == 0:
        repeats = source.step // target.step
        tower = layers.UpSampling1D(repeats)(tower)
        source = Grid(source.first, target.step, source.size * repeats)
    left, rest = divmod(target.first - source.first, source.step)
    if rest or target.step % source.step:
        raise RegionError(
            f"bins of {target.step:,} bp from {target.first:,} on of target {name!r} do not fit "
            f"those of {source.step:,} bp from {source.first:,} on of input {which!r}; choose bin "
            f"sizes that divide each other, and flanks that are multiples of them"
        )
    right = (source.end - target.end) // source.step
    return layers.AveragePooling1D(target.step // source.step)(
        layers.Cropping1D((left, right))(tower)
    )
