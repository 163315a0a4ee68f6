"""What may change from epoch to epoch, without changing the data?

Augmentation is drawn once per example, for inputs, targets and weights together, from a generator
that depends on (seed, epoch) only; the source is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genoarrays.ops.orientation import flip

__all__ = ["Augment", "Rules"]


@dataclass(frozen=True)
class Augment:
    """Augmentations to draw per example.

    Parameters
    ----------
    reverse_complement
        Turn each example with probability 1/2: offsets reversed, strands swapped, DNA and k-mers
        complemented.

    Examples
    --------
    >>> Augment(reverse_complement=True)
    Augment(reverse_complement=True)
    """

    reverse_complement: bool = False


@dataclass(frozen=True)
class Rules:
    """What is needed to turn a variable: its dimensions, alphabet and labels."""

    name: str
    dims: tuple[str, ...]
    attrs: Mapping[str, Any]
    labels: Mapping[str, Any]

    def check(self) -> None:
        """Refuse a variable that has no rule for the reverse complement.

        Raises
        ------
        GenomeError
            Names the dimension without a rule.
        """
        empty = np.zeros((0,) * len(self.dims))
        flip(empty, self.dims, self.attrs, dict(self.labels), self.name, check=True)

    def turn(self, values: npt.NDArray[Any], rows: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
        """Reverse complement of some rows; the array itself is changed."""
        values[rows] = flip(values[rows], self.dims, self.attrs, dict(self.labels), self.name)
        return values
