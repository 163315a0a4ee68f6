"""Which number of a model's answer is explained?

An answer has tracks, strands, bins. A label chooses along a dimension, and bins or strands are
summed or averaged: in any case the number is a weighted sum of few of the model's outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.models.signature import VariableSignature

__all__ = ["Chosen", "choose"]


class Chosen(NamedTuple):
    """Which output by number and name; places in it, laid flat, their weights; in words."""

    number: int
    name: str
    places: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    told: dict[str, Any]


def choose(
    targets: Mapping[str, VariableSignature],
    output: str | None = None,
    track: Any = None,
    at: Mapping[str, Any] | None = None,
) -> Chosen:
    """The number that is explained.

    Parameters
    ----------
    targets
        Outputs of the model.
    output
        Name of one; None when there is only one.
    track
        Label along `track`, or along `category`.
    at
        By dimension: a label, a list of labels or a half-open slice of bp, which are summed, "sum"
        or "mean". Offsets and strands that are not named are summed.

    Raises
    ------
    GenomeError
        For a name, dimension or label that is not there, or one that must be chosen: lists those
        that are known.

    Examples
    --------
    >>> bound = VariableSignature(("track",), (2,), "float32", {"track": ["reb1", "rap1"]})
    >>> choose({"bound": bound}, track="rap1").places
    array([1], dtype=int32)
    """
    names = list(targets)
    if output is None:
        if len(names) > 1:
            raise GenomeError(
                f"the model has {len(names)} outputs; say target=, one of {', '.join(names)}"
            )
        output = names[0]
    if output not in targets:
        raise GenomeError(f"the model has no output {output!r}; it has {', '.join(names)}")
    target, wanted = targets[output], dict(at or {})
    if track is not None:
        tracks = [d for d in ("track", "category") if d in target.dims]
        if not tracks:
            raise GenomeError(
                f"track={track!r}: output {output!r} has no tracks; its dimensions are "
                f"{_listed(target.dims)}"
            )
        wanted[tracks[0]] = track
    if unknown := [dim for dim in wanted if dim not in target.dims]:
        raise GenomeError(
            f"at= names {unknown[0]!r}, and output {output!r} has the dimensions "
            f"{_listed(target.dims)}"
        )
    weights = np.ones((), np.float32)
    told: dict[str, Any] = {"target": output}
    coords = {str(dim): np.asarray(values) for dim, (_, values) in target.coords().items()}
    for dim, size in zip(target.dims, target.shape, strict=True):
        labels = coords.get(dim, np.arange(size))
        wish = wanted.get(dim)
        if wish is None:
            if size > 1 and not dim.startswith("offset") and dim != "strand":
                raise GenomeError(
                    f"output {output!r} has {size:,} along {dim!r}; choose one: {_say(dim, labels)}"
                )
            wish = "sum"
        weights = np.multiply.outer(weights, _along(wish, labels, dim, output))
        if dim in wanted or size > 1:
            told[dim] = wish if isinstance(wish, str | int | float) else str(wish)
    flat = weights.reshape(-1)
    places = np.flatnonzero(flat)
    return Chosen(names.index(output), output, places.astype(np.int32), flat[places], told)


def _along(wish: Any, labels: npt.NDArray[Any], dim: str, output: str) -> npt.NDArray[np.float32]:
    """Weights along a dimension."""
    size = len(labels)
    texts = [str(label) for label in labels.tolist()]
    if isinstance(wish, str) and wish in ("sum", "mean") and wish not in texts:
        return np.full(size, 1 if wish == "sum" else 1 / size, np.float32)
    if isinstance(wish, slice):
        if wish.step is not None or labels.dtype.kind not in "iuf":
            raise GenomeError(f"{wish} along {dim!r} is not possible; give a list of labels")
        low = -np.inf if wish.start is None else wish.start
        high = np.inf if wish.stop is None else wish.stop
        kept = (labels >= low) & (labels < high)
    else:
        listed = list(wish) if isinstance(wish, list | tuple | np.ndarray) else [wish]
        if missing := [one for one in listed if str(one) not in texts]:
            raise GenomeError(
                f"output {output!r} has no {dim} {missing[0]!r}; it has {_some(texts)}"
            )
        kept = np.isin(texts, [str(one) for one in listed])
    if not kept.any():
        raise GenomeError(
            f"{wish} leaves nothing along {dim!r}; output {output!r} has {_some(texts)}"
        )
    return kept.astype(np.float32)


def _say(dim: str, labels: npt.NDArray[Any]) -> str:
    shown = _some([str(label) for label in labels.tolist()])
    return (
        f"track= one of {shown}"
        if dim in ("track", "category")
        else f"at={{{dim!r}: ...}} of {shown}"
    )


def _some(texts: list[str]) -> str:
    return ", ".join(texts if len(texts) <= 12 else [*texts[:6], "...", *texts[-2:]])


def _listed(dims: tuple[str, ...]) -> str:
    return ", ".join(dims) if dims else "none"
