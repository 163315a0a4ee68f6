"""What do the predictions for two alleles say about a variant?

Effects are computed in double precision and kept as float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.models.signature import VariableSignature

__all__ = ["EFFECTS", "Effects", "effects_of", "gives_probabilities"]

Array = npt.NDArray[Any]

_LOWEST = 1e-7
EFFECTS = {
    "ref_score": "prediction for the reference allele",
    "alt_score": "prediction for the alternative allele",
    "difference": "alt_score - ref_score",
    "log_odds": "logit(alt_score) - logit(ref_score), probabilities clipped to [1e-7, 1 - 1e-7]",
    "log2_ratio": "log2((alt_score + c) / (ref_score + c)), c = {}",
    "sum_difference": "sum of difference over offsets",
    "l2": "Euclidean distance of both profiles over offsets",
    "jsd": "Jensen-Shannon distance of both profiles over offsets, natural logarithm",
}
"""What is told of each allele, by name of the variable."""

_PASSING = ("Reshape", "Flatten", "Permute", "Dropout", "Identity", "Cropping1D")


def gives_probabilities(model: Any, number: int) -> bool:
    """Whether an output of a model comes from a sigmoid or softmax."""
    tensor = model.outputs[number]
    while type(tensor._keras_history.operation).__name__ in _PASSING:
        history = tensor._keras_history
        tensor = history.operation._inbound_nodes[history.node_index].input_tensors[0]
    layer = tensor._keras_history.operation
    if isinstance(layer, keras.layers.Softmax):
        return True
    activation = getattr(layer, "activation", layer)
    name = getattr(activation, "__name__", type(activation).__name__)
    return str(name).lower() in ("sigmoid", "softmax")


@dataclass(frozen=True)
class Effects:
    """Effects on one output.

    Attributes
    ----------
    output
        Its name.
    suffix
        What the names of its variables end in, where the model has several outputs.
    target
        Its dimensions and labels.
    chosen
        By dimension: places that are kept.
    names
        Of the effects.
    probabilities
        Whether it gives probabilities.
    pseudocount
        c of the ratio.
    """

    output: str
    suffix: str
    target: VariableSignature
    chosen: Mapping[str, list[int]]
    names: tuple[str, ...]
    probabilities: bool
    pseudocount: float

    @property
    def along(self) -> int | None:
        """Number of the dimension of offsets, the variants counted too."""
        offset = self.target.offset
        return None if offset is None else 1 + self.target.dims.index(offset)

    def template(self) -> dict[str, xr.Variable]:
        """Variables of no variant."""
        found = {}
        nothing = np.empty((0, *self._sizes()), np.float32)
        for name, values in self._computed(nothing, nothing).items():
            dims = self.target.dims
            if values.ndim <= len(dims):
                dims = tuple(d for d in dims if d != self.target.offset)
            about = EFFECTS[name].format(self.pseudocount)
            attrs = {"long_name": about, "target": self.output}
            found[name + self.suffix] = xr.Variable(("variant", *dims), values, attrs)
        return found

    def coords(self) -> dict[str, Any]:
        """Labels of its dimensions."""
        return {
            str(dim): (dim, np.asarray(labels)[self.chosen.get(str(dim), slice(None))])
            for dim, (_, labels) in self.target.coords().items()
        }

    def __call__(self, ref: Array, alt: Array) -> dict[str, Array]:
        """Effects by name of the variable, of predictions (variant, ...)."""
        for number, dim in enumerate(self.target.dims, 1):
            if dim in self.chosen:
                ref, alt = (np.take(a, self.chosen[dim], number) for a in (ref, alt))
        return {name + self.suffix: a for name, a in self._computed(ref, alt).items()}

    def _sizes(self) -> list[int]:
        sizes = zip(self.target.dims, self.target.shape, strict=True)
        return [len(self.chosen[d]) if d in self.chosen else size for d, size in sizes]

    def _computed(self, ref: Array, alt: Array) -> dict[str, Array]:
        low, high = ref.astype(np.float64), alt.astype(np.float64)
        made: dict[str, Array] = {}
        for name in self.names:
            if name in ("ref_score", "alt_score"):
                made[name] = ref if name == "ref_score" else alt
            elif name == "difference":
                made[name] = high - low
            elif name == "log_odds":
                made[name] = _logit(high) - _logit(low)
            elif name == "log2_ratio":
                made[name] = _log2(high + self.pseudocount) - _log2(low + self.pseudocount)
            elif name == "sum_difference":
                made[name] = (high - low).sum(axis=self.along)
            elif name == "l2":
                made[name] = np.sqrt(np.square(high - low).sum(axis=self.along))
            else:
                made[name] = _jensen_shannon(low, high, self.along)
        return {name: values.astype(np.float32) for name, values in made.items()}


def effects_of(
    model: Any,
    targets: Mapping[str, VariableSignature],
    outputs: Sequence[str] | None,
    tracks: Sequence[Any] | None,
    scores: Sequence[str] | None,
    pseudocount: float,
) -> list[Effects]:
    """Effects on the outputs that are asked for.

    Raises
    ------
    GenomeError
        For an output, track or score that is not there.
    """
    wanted = list(targets) if outputs is None else list(outputs)
    if unknown := [name for name in wanted if name not in targets]:
        raise GenomeError(
            f"the model has no output {unknown[0]!r}; it has {', '.join(map(repr, targets))}"
        )
    found = []
    for number, (output, target) in enumerate(targets.items()):
        if output not in wanted:
            continue
        probable = gives_probabilities(model, number)
        ratio = "log_odds" if probable else "log2_ratio"
        known = ["ref_score", "alt_score", "difference", ratio]
        if target.offset is not None:
            known += ["sum_difference", "l2", "jsd"]
        names = tuple(known if scores is None else [name for name in known if name in scores])
        if names:
            suffix = f"_{output}" if len(wanted) > 1 else ""
            chosen = _chosen(output, target, tracks)
            found.append(Effects(output, suffix, target, chosen, names, probable, pseudocount))
    told = {name for one in found for name in one.names}
    if missing := [name for name in scores or () if name not in told]:
        raise GenomeError(
            f"scores= names {missing[0]!r}, which these outputs do not have; there are "
            f"{', '.join(EFFECTS)}: log_odds of probabilities and log2_ratio of other numbers, the "
            "last three of profiles"
        )
    if tracks is not None and not any(one.chosen for one in found):
        raise GenomeError(f"tracks={list(tracks)}: none of the outputs has a dimension `track`")
    return found


def _chosen(
    output: str, target: VariableSignature, tracks: Sequence[Any] | None
) -> dict[str, list[int]]:
    dim = next((d for d in ("track", "category") if d in target.dims), None)
    if tracks is None or dim is None:
        return {}
    size = target.shape[target.dims.index(dim)]
    labels = [str(label) for label in np.asarray(target.coords().get(dim, (dim, range(size)))[1])]
    if missing := [track for track in tracks if str(track) not in labels]:
        shown = ", ".join(labels[:12]) + (", ..." if len(labels) > 12 else "")
        raise GenomeError(f"output {output!r} has no {dim} {missing[0]!r}; it has {shown}")
    return {dim: [labels.index(str(track)) for track in tracks]}


def _logit(p: Array) -> Array:
    p = np.clip(p, _LOWEST, 1 - _LOWEST)
    return np.asarray(np.log(p) - np.log1p(-p))


def _log2(values: Array) -> Array:
    """NaN for what is not above 0."""
    return np.log2(np.where(values > 0, values, np.nan))


def _jensen_shannon(ref: Array, alt: Array, axis: int | None) -> Array:
    """Distance of profiles; NaN where one has nothing, or something below 0."""
    rows = [np.where((a >= 0).all(axis, keepdims=True), a, np.nan) for a in (ref, alt)]
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = (a / a.sum(axis, keepdims=True) for a in rows)
        middle = (p + q) / 2
        halves = [np.where(a == 0, 0, a * np.log(a / middle)).sum(axis) for a in (p, q)]
    return np.asarray(np.sqrt(np.maximum(halves[0] + halves[1], 0) / 2))
