"""Which parts do the published models share, and which variables does each of them take?

The variables of a windows Dataset are sequence (with an `alphabet`), signal along offsets, or
values without offsets; where names are not given, each kind goes where it fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import xarray as xr
from keras import layers

from genoarrays.errors import GenomeError, RegionError
from genoarrays.models.layers import BothStrandConv1D
from genoarrays.models.signature import Signature, VariableSignature, names_of
from genoarrays.models.towers import is_sequence, normalized, numbers
from genoarrays.ops.sequence import ALPHABETS

__all__ = ["Names", "chosen", "fewer", "first_convolution", "room_for", "without_offsets"]

Names = str | Sequence[str] | None


def chosen(
    x: xr.Dataset, inputs: Names, targets: Names, kinds: Sequence[str], name: str
) -> tuple[Any, Any, Signature]:
    """Inputs and targets of a published model, named or found by their kind.

    Parameters
    ----------
    x
        Windows Dataset.
    inputs, targets
        As given; None for all that fit and are not the other.
    kinds
        What the model takes: "sequence", "signal" (along offsets), "values" (without offsets); it
        needs one of each.
    name
        Of the model, for messages.

    Raises
    ------
    GenomeError
        When a kind is not among the inputs, or something is there that the model does not take.
    RegionError
        When a variable is missing.
    """
    known = [str(n) for n, v in x.data_vars.items() if {"window", "sequence"} & set(v.dims)]
    told = {*(names_of(inputs) if inputs else []), *(names_of(targets) if targets else [])}
    free = [one for one in known if one not in told]
    every = Signature.of(x, free, []).inputs
    if inputs is None:
        wanted = [kind for kind in kinds if kind != "values" or targets is not None]
        found = [one for one in free if kind_of(every[one]) in wanted]
        inputs = found[0] if len(found) == 1 else found
    if targets is None:
        left = [one for one in free if one not in names_of(inputs)]
        left = [one for one in left if kind_of(every[one]) == "values"]
        if len(left) != 1:
            raise GenomeError(
                f"{name} learns one variable without offsets, and of {known} that could be "
                f"{left or 'none'}; say targets="
            )
        targets = left[0]
    signature = Signature.of(x, inputs, targets)
    there = {one: kind_of(variable) for one, variable in signature.inputs.items()}
    for one, kind in there.items():
        if kind not in kinds:
            raise GenomeError(f"{name} takes {' and '.join(kinds)}, and input {one!r} is {kind}")
    for kind in kinds:
        if kind not in there.values():
            raise GenomeError(
                f"{name} needs {kind} among its inputs, and has {there}; {_MEANING[kind]}"
            )
    return inputs, targets, signature


_MEANING = {
    "sequence": "sequence is a variable with the attribute `alphabet`",
    "signal": "signal has offsets, as ga.windows gives it without reduce, or with bin_size",
    "values": "values have no offsets: say reduce= in ga.windows",
}


def kind_of(variable: VariableSignature) -> str:
    """What a variable is: "sequence", "signal" or "values"."""
    if is_sequence(variable):
        return "sequence"
    return "values" if variable.offset is None else "signal"


def fewer(filters: int, scale: float) -> int:
    """Filters or units of a model that is scaled down, at least 1.

    Raises
    ------
    GenomeError
        When the scale is not above 0.
    """
    if not scale > 0:
        raise GenomeError(f"scale={scale} is not possible; give a number above 0, as in 0.25")
    return max(round(filters * scale), 1)


def first_convolution(
    bases: Any, variable: VariableSignature, filters: int, kernel: int, strands: str, name: str
) -> Any:
    """Convolution over one-hot sequence: on both strands of DNA, or as it reads.

    Raises
    ------
    GenomeError
        For other `strands`, or both of an alphabet without a complement.
    """
    if strands not in ("both", "forward"):
        raise GenomeError(f'strands={strands!r} is not known; say "both" or "forward"')
    letters = variable.attrs["alphabet"]
    if strands == "forward":
        return layers.Conv1D(filters, kernel, activation="relu", name=name)(bases)
    if letters != ALPHABETS["dna"]:
        raise GenomeError(f'sequence of {letters} has one strand; say strands="forward"')
    order = round(math.log(bases.shape[-1], len(letters)))
    return BothStrandConv1D(filters, kernel, order, "max", activation="relu", name=name)(bases)


def room_for(tower: Any, least: int, which: str, name: str) -> None:
    """Refuse a window in which nothing would be left for the next layers.

    Raises
    ------
    RegionError
        When fewer than `least` positions are left.
    """
    if tower.shape[1] < least:
        raise RegionError(
            f"{which!r} is too short for {name}: {tower.shape[1]} positions where it needs {least} "
            "at least; make the windows wider, or give it a flank, in ga.windows"
        )


def without_offsets(given: dict[str, Any], signature: Signature) -> list[Any]:
    """Inputs other than sequence, each as one vector of mean 0 and variance 1."""
    found = []
    for which, variable in signature.inputs.items():
        if kind_of(variable) == "values":
            found.append(numbers(given[which], variable))
        elif kind_of(variable) == "signal":
            found.append(normalized(layers.Flatten()(given[which])))
    return found
