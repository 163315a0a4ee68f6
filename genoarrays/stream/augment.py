"""What may change from epoch to epoch, without changing the data?

Augmentation is drawn once per example, for inputs, targets and weights together, from a generator
that depends on (seed, epoch) only; the source is never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import GenomeError
from genoarrays.ops.orientation import flip, warn_unpaired

__all__ = ["Augment", "Draws", "Rules"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Augment:
    """Augmentations to draw per example.

    Parameters
    ----------
    reverse_complement
        Turn each example with probability 1/2: offsets reversed, strands swapped, DNA and k-mers
        complemented.
    jitter
        Move each example by a random number of bp within the margin that `ga.windows(jitter=)`
        gave, each equally likely: real neighboring bases, the same move for all variables.
    scale
        Multiply float inputs of each example by 1 + U(-scale, scale), one draw for all of them.
    mask
        Probability with which each letter of a sequence becomes unknown.

    Raises
    ------
    GenomeError
        For a scale or a mask that is no share.

    Examples
    --------
    >>> Augment(reverse_complement=True)
    Augment(reverse_complement=True, jitter=False, scale=0.0, mask=0.0)
    """

    reverse_complement: bool = False
    jitter: bool = False
    scale: float = 0.0
    mask: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 <= self.scale <= 1:
            raise GenomeError(
                f"scale={self.scale} is not possible; give 0 to 1, as in 0.1 for 10 %"
            )
        if not 0 <= self.mask < 1:
            raise GenomeError(f"mask={self.mask} is no share; give at least 0 and below 1")

    def draw(self, seed: tuple[int, ...], count: int, margin: tuple[int, int]) -> Draws:
        """What becomes of each of `count` examples; margin is (bp, step)."""
        rng = np.random.default_rng(seed)
        turn = rng.random(count) < 0.5 if self.reverse_complement else None
        move = np.zeros(count, dtype=np.int64)
        if self.jitter:
            reach, step = margin
            move = rng.integers(-(reach // step), reach // step + 1, count) * step
        scale = 1 + rng.uniform(-self.scale, self.scale, count) if self.scale else None
        noise = rng.integers(0, 2**63, count) if self.mask else None
        return Draws(turn, move, scale, noise)


class Draws(NamedTuple):
    """What becomes of each example."""

    turn: Array | None
    move: Array
    scale: Array | None
    noise: Array | None  # a seed for each example

    def take(self, key: Any) -> Draws:
        """Of some examples."""
        some: list[Any] = [None if column is None else column[key] for column in self]
        return Draws(*some)


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

        Warns
        -----
        UserWarning
            For tracks that look like the strands of one signal.
        """
        sizes = [len(self.labels[d]) if d in self.labels else 0 for d in self.dims]
        flip(np.zeros(sizes), self.dims, self.attrs, dict(self.labels), self.name, check=True)
        warn_unpaired(self.dims, dict(self.labels), self.name)


def masked(codes: Array, noise: Array, share: float, unknown: int) -> None:
    """Make a share of the letters unknown, in place; each example by its own seed."""
    for row, seed in zip(codes, noise.tolist(), strict=True):
        row[np.random.default_rng(seed).random(row.shape) < share] = unknown
