"""Which motif do seqlets share?

The strongest seqlet is the first pattern of contributions. All are laid on it at the shift and on
the strand where they agree best (cosine), and those that agree well make the next pattern, weighed
by what they contribute, until nothing changes. What is left over makes the next motif. This is a
look at what a model learnt; TF-MoDISco clusters seqlets more carefully.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.ops.sequence import complements, reverse_complement_codes

__all__ = ["align_seqlets"]

Array = npt.NDArray[Any]
_ROUNDS = 10


def align_seqlets(
    seqlets: xr.Dataset,
    *,
    width: int | None = None,
    motifs: int = 1,
    similarity: float = 0.5,
    least: int = 10,
    both_strands: bool = True,
) -> xr.Dataset:
    """Align seqlets to motifs.

    Parameters
    ----------
    seqlets
        What `ga.find_seqlets` gives, with flanks.
    width
        bp of a motif; None for that of the seqlets without their flanks.
    motifs
        Most motifs to give.
    similarity
        Smallest cosine between the contributions of a seqlet and of its motif.
    least
        Fewest seqlets of a motif.
    both_strands
        Turn seqlets around where that fits better.

    Returns
    -------
    xr.Dataset
        As `ga.read_motifs` gives it: `probability` (motif, offset, channel), weighed by
        contribution, `length`, `sites`; with `contribution` (motif, offset, channel), the mean of
        the aligned seqlets, and `consensus`. None where no `least` seqlets agree. Along the
        seqlets: `number` of the motif (-1: none), `begin`, of its first base
        against the seqlet's,
        and `turned`.

    Raises
    ------
    GenomeError
        When these are no seqlets, or for a width, number or share that is not possible.

    Examples
    --------
    >>> import genoarrays as ga
    >>> texts = ["CCGATTACAC", "CGATTACACC", "CCTGTAATCC"] * 4
    >>> dna = ga.from_sequences(texts).dna
    >>> weight = xr.DataArray([[2] * 7 + [1] * 3], dims=("one", "offset"))
    >>> a = xr.DataArray(
    ...     [[float(t.find("GATTACA") <= i < t.find("GATTACA") + 7) if "GATTACA" in t
    ...       else float(2 <= i < 9) for i in range(10)] for t in texts],
    ...     dims=("sequence", "offset"), coords={"id": dna.id},
    ... )
    >>> seqlets = ga.find_seqlets(a, dna, width=7, flank=2)
    >>> ga.align_seqlets(seqlets).consensus.values.tolist()
    ['GATTACA']
    """
    if "dna" not in seqlets or "contribution" not in seqlets or "offset" not in seqlets.coords:
        raise GenomeError("these are no seqlets; find them with ga.find_seqlets(a, x.dna)")
    letters = str(seqlets.dna.attrs["alphabet"])
    dim = next(str(d) for d in seqlets.dna.dims if d != "offset")
    offsets = seqlets.offset.values
    flank, length = -int(offsets[0]), len(offsets)
    width = length - 2 * flank if width is None else width
    if not 1 <= width <= length or motifs < 1 or not 0 < similarity <= 1 or least < 1:
        raise GenomeError(
            f"width={width}, motifs={motifs}, similarity={similarity}, least={least} is not "
            f"possible with seqlets of {length - 2 * flank} bp and flanks of {flank}"
        )
    layers = _layers(seqlets, letters, both_strands)
    rows = seqlets.sizes[dim]
    number, shift = np.full(rows, -1), np.zeros(rows, np.int64)
    turned = np.zeros(rows, bool)
    left = np.arange(rows)
    found: list[_Motif] = []
    while len(found) < motifs and len(left) >= least:
        motif = _motif(layers, left, width, (length - width) // 2, similarity)
        if len(motif.rows) < least:
            left = left[1:]  # the seed is alone
            continue
        number[motif.rows] = len(found)
        shift[motif.rows], turned[motif.rows] = motif.start - flank, motif.turned
        left = np.setdiff1d(left, motif.rows)
        found.append(motif)
    return _labelled(found, layers, width, letters).assign(
        number=(dim, number), begin=(dim, shift), turned=(dim, turned)
    )


class _Layers(NamedTuple):
    """One-hot bases and contributions of seqlets as they read, and turned around: (2, ...)."""

    bases: Array
    values: Array


class _Motif(NamedTuple):
    """Rows, and where and how the motif lies in each."""

    rows: Array
    start: Array
    turned: Array


def _layers(seqlets: xr.Dataset, letters: str, both_strands: bool) -> _Layers:
    codes = seqlets.dna.transpose(..., "offset").values
    values = seqlets.contribution.transpose(..., "offset").values.astype(np.float64)
    size = len(letters)
    bases = (codes[..., None] == np.arange(size)).astype(np.float64)
    if not both_strands or any(one not in complements(letters) for one in letters):
        return _Layers(bases[None], (bases * values[..., None])[None])
    partner = reverse_complement_codes(1, letters)
    other = bases[:, ::-1][..., partner]
    both = np.stack([bases, other])
    return _Layers(both, both * np.stack([values, values[:, ::-1]])[..., None])


def _motif(layers: _Layers, rows: Array, width: int, start: int, similarity: float) -> _Motif:
    """What agrees with the first of some rows, which are the strongest first."""
    pattern = layers.values[0, rows[0], start : start + width]
    before: Array | None = None
    best, kept = np.zeros(len(rows), np.int64), np.zeros(0, np.int64)
    shifts = layers.values.shape[2] - width + 1
    for _ in range(_ROUNDS):
        scores = np.stack(
            [_cosine(layers.values[:, rows, at : at + width], pattern) for at in range(shifts)]
        )  # (shift, strand, row)
        flat = scores.reshape(-1, len(rows))
        best = flat.argmax(axis=0)
        kept = np.flatnonzero(flat[best, np.arange(len(rows))] >= similarity)
        now = np.where(flat.max(axis=0) >= similarity, best, -1)
        if not len(kept) or (before is not None and np.array_equal(now, before)):
            break
        before = now
        at, strand = np.divmod(best[kept], len(layers.values))
        pattern = _stacked(layers.values, rows[kept], at, strand, width).mean(axis=0)
    at, strand = np.divmod(best[kept], len(layers.values))
    return _Motif(rows[kept], at, strand == 1)


def _cosine(values: Array, pattern: Array) -> Array:
    size = np.sqrt((values**2).sum(axis=(-2, -1)) * (pattern**2).sum())
    dot = (values * pattern).sum(axis=(-2, -1))
    return np.asarray(np.divide(dot, size, out=np.zeros_like(dot), where=size > 0))


def _stacked(layers: Array, rows: Array, at: Array, strand: Array, width: int) -> Array:
    """Some rows, cut at their own places: (rows, width, letters)."""
    columns = at[:, None] + np.arange(width)
    return np.asarray(layers[strand[:, None], rows[:, None], columns])


def _labelled(found: list[_Motif], layers: _Layers, width: int, letters: str) -> xr.Dataset:
    strings = np.dtypes.StringDType()
    shape = (len(found), width, len(letters))
    shares, values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    names = []
    for number, motif in enumerate(found):
        strand = motif.turned.astype(np.int64)
        bases = _stacked(layers.bases, motif.rows, motif.start, strand, width)
        given = _stacked(layers.values, motif.rows, motif.start, strand, width)
        weight = np.abs(given.sum(axis=(1, 2)))[:, None, None]
        total = (bases * weight).sum(axis=0)
        rest = np.maximum(total.sum(axis=-1, keepdims=True), 1e-12)
        shares[number] = np.where(total.sum(-1, keepdims=True) > 0, total / rest, 1 / len(letters))
        values[number] = given.mean(axis=0)
        most = shares[number].argmax(axis=-1)
        names.append("".join(letters[i] if shares[number, n, i] > 0.5 else "n"
                             for n, i in enumerate(most.tolist())))  # fmt: skip
    return xr.Dataset(
        {
            "probability": (("motif", "offset", "channel"), shares),
            "contribution": (("motif", "offset", "channel"), values),
            "length": ("motif", np.full(len(found), width)),
            "sites": ("motif", np.array([len(motif.rows) for motif in found], np.float64)),
            "consensus": ("motif", np.array(names, dtype=strings)),
        },
        {
            "motif": np.array([f"motif{n}" for n in range(len(found))], dtype=strings),
            "offset": np.arange(width),
            "channel": np.array(list(letters), dtype=strings),
        },
    )
