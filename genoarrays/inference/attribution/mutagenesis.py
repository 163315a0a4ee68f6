"""What would each other base change?

Every base is replaced by every other one, one at a time, and the model is asked again: no gradient
is taken, so any layer may read the codes, and kinks do not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError, RegionError
from genoarrays.inference.asked import Asked, asked
from genoarrays.inference.attribution.attributed import labelled
from genoarrays.inference.attribution.choosing import choose
from genoarrays.inference.attribution.cut import answers
from genoarrays.inference.examples import Examples
from genoarrays.options import check_bytes
from genoarrays.options import track as show
from genoarrays.stream.batches import batches

__all__ = ["saturation_mutagenesis"]

Array = npt.NDArray[Any]


def saturation_mutagenesis(
    model: Any,
    x: Any,
    *,
    target: str | None = None,
    track: Any = None,
    at: Mapping[str, Any] | None = None,
    logit: bool = False,
    offsets: slice | None = None,
    of: str | None = None,
    examples: Examples | None = None,
    like: Any = None,
    inputs: str | Sequence[str] | None = None,
    batch_size: int = 256,
    check: bool = True,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> xr.DataArray:
    """In-silico saturation mutagenesis: the effect of each other base at each position.

    Parameters
    ----------
    model, x, target, track, at, examples, like, inputs
        As for `ga.integrated_gradients`; the model may read codes in any way.
    logit
        Differences of what goes into the sigmoid of the output: log odds ratios.
    offsets
        Half-open slice of offsets, in bp from the window's 5' end, where bases are replaced; None
        for all that the model sees. The others keep 0.
    of
        Name of the sequence, where the model has several.
    batch_size
        Mutated windows that go through the model at once.
    check, memory, progress
        As for `ga.integrated_gradients`.

    Returns
    -------
    xr.DataArray
        `attribution` (window or sequence, offset, channel) float32: prediction with that letter,
        less the prediction as it is; 0 for the letter that is there. At an unknown letter all are
        effects of putting one there. Index and coordinates are those of the windows, with
        `prediction` more along them.

    Raises
    ------
    RegionError, AssemblyError, StoreError
        As `ga.predict`.
    GenomeError
        For an output, track or input that is not there, a model without sequence, or with several.

    Examples
    --------
    >>> import genoarrays as ga, keras
    >>> x = xr.Dataset({"dna": ga.testing.dna("GAT").expand_dims(sequence=1)})
    >>> entry = keras.Input((3,), dtype="int8", name="dna")
    >>> model = keras.Model(entry, keras.ops.sum(ga.models.OneHot()(entry)[..., 3], 1))
    >>> ga.saturation_mutagenesis(model, x).values[0]                     # counts T
    array([[ 0.,  0.,  0.,  1.],
           [ 0.,  0.,  0.,  1.],
           [-1., -1., -1.,  0.]], dtype=float32)
    """
    if batch_size < 1:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 1")
    ask = asked(model, x, examples, like, inputs=inputs, check=check).without_margin()
    chosen = choose(ask.targets, target, track, at)
    name = _sequence(ask, of)
    letters = str(ask.x[name].attrs["alphabet"])
    places = _places(ask, name, offsets)
    answer = answers(ask.model, chosen, logit, ask.inputs, ask.x)
    rows, length = (ask.x.sizes[d] for d in (ask.dim, _offset(ask, name)))
    check_bytes(
        4 * rows * length * len(letters), "these effects",
        f"take some of the windows at a time, as in x.isel({ask.dim}=slice(10_000))",
    )  # fmt: skip
    effects = np.zeros((rows, length, len(letters)), np.float32)
    before = np.zeros(rows, np.float32)
    stream: Any = ()
    if rows:
        stream = batches(ask.x, inputs=ask.inputs, batch_size=1, shuffle=False, memory=memory)
    for row, batch in enumerate(show(stream, rows, "mutating", progress)):
        codes = batch[name][0]
        where, other = _changes(codes, places, len(letters))
        found = np.empty(len(where) + 1, np.float32)  # the last one is the window as it is
        for low in range(0, len(found), batch_size):
            part = slice(low, min(low + batch_size, len(found)))
            mutated = np.repeat(codes[None], part.stop - low, axis=0)
            at_, to = where[part], other[part]
            mutated[np.arange(len(at_)), at_] = to
            given = [
                mutated if n == name else np.repeat(batch[n], len(mutated), axis=0)
                for n in ask.inputs
            ]
            found[part] = answer(given)
        effects[row, where, other] = found[:-1] - found[-1]
        before[row] = found[-1]
    attrs = {
        "method": "saturation mutagenesis", **chosen.told, "scale": "logit" if logit else "output",
    }  # fmt: skip
    if ask.path is not None:
        attrs["model"] = ask.path
    done: Any = labelled(ask, {name: effects}, {name: list(letters)}, attrs, {"prediction": before})
    return done  # type: ignore[no-any-return]


def _sequence(ask: Asked, of: str | None) -> str:
    known = [name for name in ask.inputs if "alphabet" in ask.x[name].attrs]
    if of is None and len(known) == 1:
        return known[0]
    if of not in known:
        raise GenomeError(
            f"of={of!r} is no sequence of the model; say of=, one of {', '.join(known)}"
            if known
            else f"the model has no sequence among its inputs {', '.join(ask.inputs)}: a variable "
            "of codes with the attribute `alphabet`, as ga.open_fasta and ga.windows give it"
        )
    return of


def _offset(ask: Asked, name: str) -> str:
    return next(str(d) for d in ask.x[name].dims if d != ask.dim)


def _places(ask: Asked, name: str, offsets: slice | None) -> Array:
    """Positions where letters are replaced."""
    dim = _offset(ask, name)
    size = ask.x.sizes[dim]
    if offsets is None:
        return np.arange(size)
    if not isinstance(offsets, slice) or offsets.step is not None:
        raise GenomeError(f"offsets={offsets!r} is no slice of bp; say slice(0, 100)")
    labels = ask.x[dim].values if dim in ask.x.coords else np.arange(size)
    low = -np.inf if offsets.start is None else offsets.start
    high = np.inf if offsets.stop is None else offsets.stop
    kept = np.flatnonzero((labels >= low) & (labels < high))
    if not len(kept):
        raise RegionError(f"{offsets} holds no offset of {name!r}: {labels[0]} to {labels[-1]}")
    return kept


def _changes(codes: Array, places: Array, letters: int) -> tuple[Array, Array]:
    """Positions and new letters: all but those that are there."""
    where, other = np.repeat(places, letters), np.tile(np.arange(letters), len(places))
    kept = codes[where] != other
    return where[kept], other[kept]
