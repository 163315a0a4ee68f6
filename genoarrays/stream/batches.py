"""How do windows become shuffled batches, at bounded memory?

`batches` checks what was asked and makes a plan (`plan.py`): blocks, memory, order. Iterating reads
blocks and cuts slabs of some batches from them in a few threads (`pipeline.py`); a batch is a view
of a slab. What crosses to TensorFlow, Keras and PyTorch are the same slabs or batches.

Memory: blocks that are read and those that are mixed, slabs made ahead, and what reading needs.
"""

from __future__ import annotations

from typing import Any

import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_dim
from genoarrays.options import parse_bytes
from genoarrays.stream.asked import check_names, check_numbers
from genoarrays.stream.augment import Augment
from genoarrays.stream.making import Names, listed
from genoarrays.stream.sample import Sample, Sampler
from genoarrays.stream.source import Batches

__all__ = ["batches"]

_THREADS = 2  # decoding and cutting hold no interpreter lock; more than two fill the memory bus


def batches(
    x: xr.Dataset,
    *,
    inputs: Names,
    targets: Names | None = None,
    weights: str | None = None,
    batch_size: int,
    shuffle: bool = True,
    seed: int = 0,
    epoch: int = 0,
    memory: int | str = "1 GiB",
    augment: Augment | None = None,
    drop_last: bool = False,
    passes: int = 1,
    index: bool = False,
    missing_targets: bool = False,
    sample: Sample | None = None,
    tracks: int | None = None,
    pad: int | None = None,
    bucket: int = 1,
    threads: int = _THREADS,
    client: Any = None,
) -> Batches:
    """Iterate over windows in batches of NumPy arrays.

    Parameters
    ----------
    x
        Windows, as `ga.windows` gives them, or sequences, as `ga.open_sequences` does, whatever was
        computed from them since.
    inputs, targets
        Names of variables: a string gives an array, a list a dict of arrays by name.
    weights
        Name of a variable with one weight per window.
    batch_size
        Windows per batch.
    shuffle
        A new order for each epoch, the first one too; False for validation and prediction.
    seed, epoch
        Together they decide order and augmentation. Each iteration is one epoch; `epoch` is the
        first one's number, and `set_epoch` sets the next.
    memory
        Budget for what is held in memory, in bytes or as text. When all that the windows need fits,
        it is loaded once and shuffled as a whole; else a part of it is mixed at a time, see
        `Batches.report`.
    augment
        What to draw for each example.
    drop_last
        Leave out the last batch when it is smaller.
    passes
        How often each block is read in an epoch, to give a part of its windows each time: more
        reading, better mixing. Each window is still given once.
    index
        Give the numbers of the rows as the last element, so that `x.isel(window=rows)` labels a
        batch.
    missing_targets
        Let NaN in targets pass, for a loss that leaves them out.
    sample
        Draw the windows of each epoch: by weights, balanced by a label, or at a ratio.
    tracks
        Draw so many positions of the dimension `track` for each batch, the same for all variables;
        they are given as one more element, (batch, tracks) with equal rows, after the row numbers.
    pad
        Bins that ragged windows (`ga.windows(ragged=True)`) are padded to at their end, with the
        unknown letter or 0; None: to the longest of the batch.
    bucket
        Ragged windows: sort so many batches together by length, so that little is padded.
    threads
        Blocks and slabs made at once. Has no say in the order.
    client
        `distributed.Client` that reads and computes the blocks.

    Returns
    -------
    Batches
        Iterable any number of times; each item is inputs, (inputs, targets) or (inputs, targets,
        weights), with `index` the rows after them. Arrays are `(batch, ...)` in the variables' own
        order of dimensions: sequence codes as they are, everything else float32.

    Raises
    ------
    RegionError
        When `x` has neither windows nor sequences, or none of them.
    GenomeError
        For a name that is not in `x`, a variable without windows, a budget too small for a block,
        several variables with margins that differ, an augmentation that a variable has no rule for,
        windows whose blocks each need the whole genome; while iterating, for NaN in inputs (or in
        targets without weights or `missing_targets`), naming variable and window.

    Examples
    --------
    >>> import numpy as np, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 8}))
    >>> ds = xr.Dataset({"x": ("position", np.arange(8.0))}, coords)
    >>> x = ga.windows(ds, ["chr1:0-2", "chr1:2-4", "chr1:6-8"])
    >>> [b.tolist() for b in ga.batches(x, inputs="x", batch_size=2, shuffle=False)]
    [[[0.0, 1.0], [2.0, 3.0]], [[6.0, 7.0]]]
    """
    check_names(x, listed(inputs), listed(targets), weights)
    check_numbers(x, batch_size, tracks, passes=passes, threads=threads, bucket=bucket)
    if sample is not None and not shuffle:
        raise GenomeError("sample= draws windows for training; it needs shuffle=True")
    names = [*listed(inputs), *listed(targets), *listed(weights)]
    chosen = x.drop_vars([n for n in x.data_vars if n not in names])
    chosen = chosen.transpose(example_dim(x), ...)
    plan = Batches(
        chosen, inputs, targets, weights, batch_size, shuffle, seed, augment or Augment(),
        drop_last, index, missing_targets, client, tracks, pad,
    )  # fmt: skip
    plan.set_epoch(epoch)
    sampler = None if sample is None else Sampler(x, sample, seed)
    plan._prepare(parse_bytes(memory), passes, threads, sampler, bucket)
    return plan
