"""Which bases, and which signal, made a model say what it says?

Attributions are signed, of one number of the model's answer, and labelled as the windows are: in
the direction of each window, at the place of each base. They are selected, summed, drawn and
exported like any other signal: `ga.to_bigwig(a.sum("channel"), path)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.inference.asked import Asked, asked
from genoarrays.inference.attribution.attributed import Attributed, windows_at_once
from genoarrays.inference.attribution.baselines import Baselines
from genoarrays.inference.attribution.choosing import choose
from genoarrays.inference.attribution.cut import Cut
from genoarrays.inference.attribution.paths import gradients_at, integrate
from genoarrays.inference.examples import Examples
from genoarrays.models.signature import names_of
from genoarrays.options import track as show
from genoarrays.stream.batches import batches

__all__ = ["input_x_gradient", "integrated_gradients"]

Array = npt.NDArray[Any]
Names = str | Sequence[str] | None


def integrated_gradients(
    model: Any,
    x: Any,
    *,
    target: str | None = None,
    track: Any = None,
    at: Mapping[str, Any] | None = None,
    logit: bool = False,
    baseline: Any = "zero",
    shuffles: int = 10,
    seed: int = 0,
    steps: int = 50,
    tolerance: float = 1e-3,
    fold: bool = True,
    hypothetical: bool = False,
    of: Names = None,
    examples: Examples | None = None,
    like: Any = None,
    inputs: Names = None,
    batch_size: int = 256,
    check: bool = True,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> xr.DataArray | xr.Dataset:
    """Integrated gradients: what each base or value adds to a prediction, counted from a baseline.

    Parameters
    ----------
    model
        Keras model, functional or sequential, or the path of one.
    x
        Dataset of windows or sequences with the model's inputs; or regions, such as
        "IV:1,000-1,200", a list of them, a table or a BED file.
    target
        Name of the output; None when there is one.
    track
        Label of the track, or category, that is explained.
    at
        What is explained along other dimensions, by name: a label, a list or a half-open slice of
        offsets in bp (summed), "sum" or "mean". Offsets and strands not named are summed.
    logit
        Explain what goes into the sigmoid of the output, not the probability. Attributions then sum
        to a difference of log-odds, which does not fade where probabilities are near 0 or 1.
    baseline
        "zero": no base at all, or no signal. "shuffled": the mean over `shuffles` sequences with
        the same dinucleotides (signal begins at zero). Or values: codes, or one-hot values such as
        frequencies of bases, for all windows or for each; by input where there are several.
    shuffles, seed
        Number of shuffled sequences per window, and what decides them: not the batches.
    steps
        Steps between baseline and input, at first.
    tolerance
        Windows whose attributions sum to something else than the difference of predictions, by more
        than this share of it (or of their largest attribution, if that is more), take 3, 9, then
        27 times as many steps. 0.01 is quicker, and hardly to be seen in a logo.
    fold
        Share the value of each k-mer equally over its bases; the sum stays. Else `channel` is
        k-mers, and a k-mer stands at its first base.
    hypothetical
        Give for sequence what each base would add if it stood there, as TF-MoDISco takes it; needs
        a model on single bases.
    of
        Inputs to explain; the others keep their values all the way. None for all.
    examples, like
        For regions: the function that made the training windows, or the genome that the model's
        signature cuts them from.
    inputs
        Names of the input variables, in the order of the model's inputs; None: the names of these.
    batch_size
        Rows, windows times steps, that go through the model at once.
    check
        Compare windows with what the model was made for.
    memory
        Budget of the stream of windows, see `ga.batches`.
    progress
        Show a progress bar; None: only on a terminal.

    Returns
    -------
    xr.DataArray or xr.Dataset
        `attribution` (window or sequence, offset, channel) float32; of an input of numbers, its own
        dims. A Dataset by input where there are several. Index and coordinates are those of the
        windows, with two more along them: `difference` = f(input) - f(baseline), and
        `completeness`, by how much the sum of all attributions is off. Minus-strand windows are in
        their own direction, as their inputs are.

    Raises
    ------
    RegionError, AssemblyError, StoreError
        As `ga.predict`.
    GenomeError
        For an output, track or input that is not there (the message lists those that are), codes
        that go elsewhere than into `OneHot`, a baseline that does not fit, NaN in inputs.

    Warns
    -----
    UserWarning
        When windows are off by more than the tolerance times the absolute sum of attributions.

    Notes
    -----
    Sundararajan et al., Axiomatic attribution for deep networks, ICML 2017. For other tools, arrays
    are (window, channel, offset): `a.transpose("window", "channel", "offset").values`, and the
    sequences `ga.one_hot(x.dna).transpose("window", "channel", "offset").values`; tangermeme takes
    these, TF-MoDISco hypothetical ones.

    Examples
    --------
    >>> import genoarrays as ga, keras
    >>> x = xr.Dataset({"dna": ga.testing.dna("GATTACA").expand_dims(sequence=1)})
    >>> entry = keras.Input((7,), dtype="int8", name="dna")
    >>> bases = ga.models.OneHot()(entry)
    >>> model = keras.Model(entry, keras.ops.sum(bases[..., 3] - bases[..., 0], 1))  # T less A
    >>> a = ga.integrated_gradients(model, x)
    >>> a.dims, a.sum("channel").values
    (('sequence', 'offset', 'channel'), array([[ 0., -1.,  1.,  1., -1.,  0., -1.]], dtype=float32))
    """
    if steps < 1 or batch_size < 1:
        raise GenomeError(f"steps={steps}, batch_size={batch_size}: both must be at least 1")
    ask = asked(model, x, examples, like, inputs=inputs, check=check).without_margin()
    chosen = choose(ask.targets, target, track, at)
    cut = Cut(ask.model, ask.inputs, ask.x, chosen, logit)
    some = _some(of, ask)
    deep = [e for e in cut.entries if e.one_hot is not None and e.one_hot.order > 1]
    if hypothetical and deep:
        raise GenomeError(
            f"hypothetical=True is for single bases, and {deep[0].input!r} is read in k-mers of "
            f"{deep[0].one_hot.order}; leave it out"  # type: ignore[union-attr]
        )
    start = Baselines(baseline, cut, ask.x, ask.dim, shuffles, seed)
    result = Attributed(ask, cut, some, fold)
    difference, error = (np.zeros(ask.x.sizes[ask.dim], np.float32) for _ in range(2))
    missed = np.zeros(ask.x.sizes[ask.dim], bool)
    size = windows_at_once(ask, cut, start.number)
    for rows, batch in _stream(ask, size, memory, progress):
        ends = cut.encode(batch)
        starts = start.of(batch, np.arange(rows.start, rows.stop))
        for bases in starts:
            for place, entry in enumerate(cut.entries):
                if entry.input not in some:
                    bases[place] = ends[place]
        path = integrate(cut, starts, ends, steps, tolerance, batch_size, hypothetical)
        result.fill(rows, path.attributions)
        difference[rows], error[rows] = path.difference, path.error
        missed[rows.start + path.incomplete] = True
    _warn(ask, missed, difference, error, steps)
    attrs = {
        "method": "integrated gradients", **_told(ask, chosen.told, logit), "baseline": start.kind,
        "steps": steps,
    }  # fmt: skip
    if start.kind == "shuffled":
        attrs |= {"shuffles": shuffles, "seed": seed}
    if hypothetical:
        attrs["hypothetical"] = True
    return result.result(attrs, {"difference": difference, "completeness": error})


def input_x_gradient(
    model: Any,
    x: Any,
    *,
    target: str | None = None,
    track: Any = None,
    at: Mapping[str, Any] | None = None,
    logit: bool = False,
    fold: bool = True,
    of: Names = None,
    examples: Examples | None = None,
    like: Any = None,
    inputs: Names = None,
    batch_size: int = 256,
    check: bool = True,
    memory: int | str = "1 GiB",
    progress: bool | None = None,
) -> xr.DataArray | xr.Dataset:
    """Input times gradient: the slope of a prediction at each base or value that is there.

    One pass through the model, where integrated gradients take `steps`; attributions do not sum to
    a difference of predictions, unless the model is linear.

    Parameters
    ----------
    model, x, target, track, at, logit, fold, of, examples, like, inputs
        As for `ga.integrated_gradients`.
    batch_size
        Windows that go through the model at once.
    check, memory, progress
        As for `ga.integrated_gradients`.

    Returns
    -------
    xr.DataArray or xr.Dataset
        As `ga.integrated_gradients`, without its two coordinates.

    Raises
    ------
    RegionError, AssemblyError, StoreError, GenomeError
        As `ga.integrated_gradients`.

    Examples
    --------
    >>> import genoarrays as ga, keras
    >>> x = xr.Dataset({"dna": ga.testing.dna("GATTACA").expand_dims(sequence=1)})
    >>> entry = keras.Input((7,), dtype="int8", name="dna")
    >>> model = keras.Model(entry, keras.ops.sum(ga.models.OneHot()(entry)[..., 3], 1))
    >>> ga.input_x_gradient(model, x).sum("channel").values
    array([[0., 0., 1., 1., 0., 0., 0.]], dtype=float32)
    """
    if batch_size < 1:
        raise GenomeError(f"batch_size={batch_size} is not possible; give at least 1")
    ask = asked(model, x, examples, like, inputs=inputs, check=check).without_margin()
    chosen = choose(ask.targets, target, track, at)
    cut = Cut(ask.model, ask.inputs, ask.x, chosen, logit)
    result = Attributed(ask, cut, _some(of, ask), fold)
    size = min(batch_size, windows_at_once(ask, cut, 1))
    for rows, batch in _stream(ask, size, memory, progress):
        tensors = cut.encode(batch)
        slopes = gradients_at(cut, tensors, batch_size)
        result.fill(rows, [tensor * slope for tensor, slope in zip(tensors, slopes, strict=True)])
    return result.result({"method": "input x gradient", **_told(ask, chosen.told, logit)}, {})


def _some(of: Names, ask: Asked) -> list[str]:
    some = ask.inputs if of is None else names_of(of)
    if unknown := [name for name in some if name not in ask.inputs]:
        raise GenomeError(f"of= names {unknown[0]!r}; the inputs are {', '.join(ask.inputs)}")
    if not some:
        raise GenomeError("of= names no input; leave it out for all")
    return some


def _stream(
    ask: Asked, size: int, memory: int | str, progress: bool | None
) -> Iterator[tuple[slice, dict[str, Array]]]:
    """Rows and inputs, batch by batch."""
    if not ask.x.sizes[ask.dim]:
        return
    stream = batches(ask.x, inputs=ask.inputs, batch_size=size, shuffle=False, memory=memory)
    start = 0
    for batch in show(stream, len(stream), "attributing", progress):
        stop = start + len(next(iter(batch.values())))
        yield slice(start, stop), batch
        start = stop


def _told(ask: Asked, chosen: Mapping[str, Any], logit: bool) -> dict[str, Any]:
    told = {**chosen, "scale": "logit" if logit else "output"}
    return told if ask.path is None else {**told, "model": ask.path}


def _warn(ask: Asked, missed: Array, difference: Array, error: Array, steps: int) -> None:
    if missed.any():
        worst = int(np.argmax(np.abs(error)))
        warnings.warn(
            f"the attributions of {int(missed.sum()):,} of {len(missed):,} {ask.dim}s do not sum "
            f"to the difference of predictions (at most {error[worst]:.2g} off "
            f"{difference[worst]:.2g}); give more steps than {steps}",
            stacklevel=3,
        )
