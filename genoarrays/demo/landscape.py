"""What is true in the simulated genome: bases, sites, open chromatin, reads and signal, as arrays?

Contigs lie end to end in every array here; `files.py` cuts them. The genome is made of slots of
500 bp, and each slot holds at most one thing: a site, a decoy, a repeat, or nothing. So nothing
overlaps, and every draw is one call of numpy.

What a model can learn is set by three rules:

* a site is bound only where chromatin is open, so sequence or coverage alone must be wrong often;
* in a *paired* site four pairs of neighbors are drawn together from AC CA GT TG, in a decoy from
  AG CT GA TC: each base alone has the same chances in both, only the order of two tells them apart;
* a peak is 200 bp wide, so a 200-bp bin overlaps it where the middle of the site lies within 100
  bp of the bin: a window with a flank of 100 bp holds a bound site exactly where its bin is
  labelled, so a model that forgets the place within the window is not punished for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

__all__ = ["KINDS", "Landscape", "PAIRED_CORE", "PLAIN_CONSENSUS", "Reads", "draw_landscape"]

KINDS = ("none", "plain", "paired", "decoy", "repeat")
"""What a slot can hold."""

SLOT = 500
PLAIN_CONSENSUS = "ACCGGAAGTGC"
PAIRED_CORE = "TGACGC"
READ_LENGTH = 36

_SHARE = (0.42, 0.11, 0.20, 0.22, 0.05)  # of the slots, by kind
_OPEN = (0.2, 0.75, 0.75, 0.5, 0.05)  # chance of open chromatin, by kind
_SURE = (0.7, 0.85, 0.95, 0.97, 0.97, 0.97, 0.97, 0.95, 0.95, 0.85, 0.7)  # of the consensus
_RIGHT = np.array([[0, 1], [1, 0], [2, 3], [3, 2]], dtype=np.int8)  # AC CA GT TG
_WRONG = np.array([[0, 2], [1, 3], [2, 0], [3, 1]], dtype=np.int8)  # AG CT GA TC
_REPEAT = 320
_READS_PER_DOMAIN = 110
_BACKGROUND = 0.03  # reads per bp

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Reads:
    """Mapped reads in order of `start`, `flag` and `mapq` as in SAM; number of unmapped ones."""

    start: Ints
    flag: Ints
    mapq: Ints
    unmapped: int


@dataclass(frozen=True)
class Landscape:
    """The truth, over all contigs end to end."""

    lengths: dict[str, int]
    codes: Codes  # A C G T = 0..3, N = 4
    masked: npt.NDArray[np.bool_]  # soft-masked
    kind: Ints  # of each site: place in KINDS
    start: Ints  # of each site
    end: Ints
    minus: npt.NDArray[np.bool_]  # site on the minus strand
    strength: npt.NDArray[np.float64]  # of binding; 0 where unbound
    reads: Reads
    signal: npt.NDArray[np.float32]  # per 10 bp; NaN where the genome is N


def draw_landscape(lengths: dict[str, int], seed: int) -> Landscape:
    """Draw genome, sites, reads and signal; the same for the same arguments.

    Parameters
    ----------
    lengths
        Length in bp by contig; multiples of 10.
    seed
        Any whole number >= 0.
    """
    bases, plan, text, reads, shape = (np.random.default_rng([seed, stage]) for stage in range(5))
    codes = _background(sum(lengths.values()), bases)
    bounds = np.cumsum([0, *lengths.values()])
    gaps = _gaps(bounds)

    slots = np.concatenate([np.arange(a, b - SLOT, SLOT) for a, b in pairwise(bounds.tolist())])
    slots = slots[~(gaps[slots] | gaps[slots + SLOT - 1])]
    kind = plan.choice(len(KINDS), len(slots), p=_SHARE)
    center = slots + plan.integers(150, SLOT - 150, len(slots))
    minus = plan.random(len(slots)) < 0.5
    is_open = plan.random(len(slots)) < np.take(_OPEN, kind)
    openness = np.where(is_open, plan.lognormal(0.0, 0.4, len(slots)), 0.0)
    strength = np.where((kind == 1) | (kind == 2), openness, 0.0) * plan.lognormal(
        0.0, 0.15, len(slots)
    )

    start, end = center.copy(), center.copy()
    masked = np.zeros(len(codes), dtype=bool)
    for code, name in enumerate(KINDS[1:], start=1):
        chosen = np.flatnonzero(kind == code)
        words = _words(name, len(chosen), text)
        start[chosen] -= words.shape[1] // 2
        end[chosen] = start[chosen] + words.shape[1]
        flip = minus[chosen, None]
        span = start[chosen, None] + np.arange(words.shape[1])
        codes[span] = np.where(flip, 3 - words[:, ::-1], words)
        masked[span] = name == "repeat"
    codes[gaps] = 4

    domain = center[is_open] + plan.normal(0.0, 30.0, is_open.sum())
    site = np.flatnonzero((kind > 0) & (kind < 4))
    return Landscape(
        lengths=lengths,
        codes=codes,
        masked=masked,
        kind=kind[site],
        start=start[site],
        end=end[site],
        minus=minus[site],
        strength=strength[site],
        reads=_reads(codes, bounds, domain, openness[is_open], center[kind == 4], reads),
        signal=_signal(gaps, center[site], strength[site], shape),
    )


def _background(size: int, rng: np.random.Generator) -> Codes:
    """Bases whose GC content changes every 5,000 bp between some 0.3 and 0.6."""
    gc = np.repeat(rng.beta(20, 25, size // 5000 + 1), 5000)[:size]
    draw = rng.random(size)
    codes: Codes = (draw >= (1 - gc) / 2).astype(np.int8)
    codes += draw >= 0.5
    codes += draw >= 0.5 + gc / 2
    return codes


def _gaps(bounds: Ints) -> npt.NDArray[np.bool_]:
    """Where the sequence is unknown: the start of each contig, and 2,000 bp inside the first."""
    gaps = np.zeros(bounds[-1], dtype=bool)
    for first in bounds[:-1]:
        gaps[first : first + 500] = True
    middle = bounds[1] // 2 // 10 * 10
    gaps[middle : middle + 2000] = True
    return gaps


def _words(kind: str, count: int, rng: np.random.Generator) -> Codes:
    """(count, length) codes of `count` sites of one kind, on their own strand."""
    if kind == "repeat":
        family = rng.integers(0, 4, _REPEAT, dtype=np.int8)
        other = rng.integers(0, 4, (count, _REPEAT), dtype=np.int8)
        return np.where(rng.random((count, _REPEAT)) < 0.15, other, family)
    if kind == "plain":
        best = _codes_of(PLAIN_CONSENSUS)
        other = (best + rng.integers(1, 4, (count, len(best)), dtype=np.int8)) % 4
        return np.where(rng.random((count, len(best))) < _SURE, best, other).astype(np.int8)
    pairs = (_RIGHT if kind == "paired" else _WRONG)[rng.integers(0, 4, (count, 4))]
    core = np.broadcast_to(_codes_of(PAIRED_CORE), (count, len(PAIRED_CORE)))
    left, right = pairs[:, :2].reshape(count, 4), pairs[:, 2:].reshape(count, 4)
    return np.concatenate([left, core, right], axis=1)


def _codes_of(text: str) -> Codes:
    return np.array(["ACGT".index(letter) for letter in text], dtype=np.int8)


def _reads(
    codes: Codes,
    bounds: Ints,
    domain: npt.NDArray[np.float64],
    openness: npt.NDArray[np.float64],
    repeats: Ints,
    rng: np.random.Generator,
) -> Reads:
    """Reads whose 5' ends gather in open domains, with copies and doubtful ones as in real life."""
    count = rng.poisson(_READS_PER_DOMAIN * openness)
    width = np.repeat(rng.uniform(80, 120, len(domain)), count)
    inside = np.repeat(domain, count) + rng.normal(0.0, 1.0, count.sum()) * width
    outside = rng.uniform(0, len(codes), rng.poisson(_BACKGROUND * len(codes)))
    stray = np.repeat(repeats, 25) + rng.integers(-150, 150, 25 * len(repeats))
    five_prime = np.concatenate([inside, outside, stray]).astype(np.int64)
    doubtful = np.arange(len(five_prime)) >= len(inside) + len(outside)

    minus = rng.random(len(five_prime)) < 0.5
    start = np.where(minus, five_prime - READ_LENGTH + 1, five_prime)
    mapq = np.where(doubtful, rng.integers(0, 5, len(start)), rng.integers(20, 61, len(start)))
    flag = np.where(minus, 0x10, 0)
    # one reason to drop a read at most, so that counts by reason add up
    fate = np.where(doubtful, 1.0, rng.random(len(start)))
    flag |= np.where(fate < 0.01, 0x100, np.where(fate < 0.015, 0x800, 0))
    flag |= np.where((fate >= 0.015) & (fate < 0.02), 0x200, 0)

    good = np.clip(start, 0, len(codes) - READ_LENGTH)
    contig = np.searchsorted(bounds, good, side="right")
    kept = (start == good) & (good + READ_LENGTH <= bounds[np.minimum(contig, len(bounds) - 1)])
    unknown = np.concatenate([[0], np.cumsum(codes == 4)])
    kept &= unknown[good + READ_LENGTH] == unknown[good]

    copied = np.flatnonzero(kept & (fate >= 0.02) & (fate < 0.07))
    copies = np.repeat(copied, rng.integers(1, 4, len(copied)))
    every = np.concatenate([np.flatnonzero(kept), copies])
    flag = np.concatenate([flag[kept], flag[copies] | 0x400])
    order = np.argsort(start[every], kind="stable")
    return Reads(start[every][order], flag[order], mapq[every][order], unmapped=len(order) // 100)


def _signal(
    gaps: npt.NDArray[np.bool_],
    center: Ints,
    strength: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Binding per 10 bp: a bump of sd 60 bp per bound site on a low, uneven ground."""
    size = len(gaps) // 10
    signal = rng.gamma(2.0, 0.25, size)
    bound = strength > 0
    bins = center[bound, None] // 10 + np.arange(-24, 25)
    shape = np.exp(-0.5 * ((bins * 10 + 5 - center[bound, None]) / 60.0) ** 2)
    fits = (bins >= 0) & (bins < size)
    noise = rng.gamma(30.0, 1 / 30.0, bins.shape)
    np.add.at(signal, bins[fits], (10 * strength[bound, None] * shape * noise)[fits])
    signal[gaps[::10]] = np.nan
    return np.round(signal, 2).astype(np.float32)
