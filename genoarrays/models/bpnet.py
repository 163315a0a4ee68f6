"""What is a baseline today for signal at single bases: where reads fall, and how many?

A dilated residual network over DNA with two kinds of outputs. Where reads fall is a distribution
along the window, how many there are is one number; each is learned by the loss that suits it.

References
----------
Avsec et al., "Base-resolution models of transcription-factor binding reveal soft motif syntax",
Nature Genetics 53, 2021.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import xarray as xr
from keras import layers

from genoarrays.models.network import head
from genoarrays.models.parts import fewer
from genoarrays.models.signature import Signature
from genoarrays.models.towers import dilated, entries, finished, grid_of, in_shape, join, on_bins

__all__ = ["bpnet"]


def bpnet(
    x: xr.Dataset,
    inputs: str | Sequence[str],
    targets: str | Sequence[str],
    *,
    order: int = 1,
    strands: str = "both",
    filters: int = 64,
    kernel_size: int = 21,
    dilations: int = 9,
    profile_size: int = 75,
    scale: float = 1.0,
    activation: str = "linear",
    seed: int = 0,
) -> Any:
    """Dilated residual network with heads for profiles and for counts.

    Parameters
    ----------
    x
        Windows Dataset; only sizes, labels and attributes are read.
    inputs
        Names of sequence, and of other signal such as a control. The offsets must cover those of
        the targets; with a flank the ends see as much as the middle.
    targets
        Names of variables: one with offsets (window, offset[, strand][, track]) gets a profile, one
        without, such as `np.log1p(x.reads.sum("offset"))`, a counts head.
    order
        Length of the k-mers that sequence is read in.
    strands
        "both" or "forward", of the first convolution.
    filters
        Channels of each layer.
    kernel_size
        Positions under a kernel of the first convolution.
    dilations
        Residual convolutions of width 3 with gaps of 2, 4, 8, ...
    profile_size
        Positions under a kernel of the profile head.
    scale
        Of the number of filters.
    activation
        Of the counts: "linear" for their logarithm (mean squared error), "softplus" for counts
        themselves (Poisson).
    seed
        Of the first weights; the global seeds of Python, NumPy and the backend are set.

    Returns
    -------
    keras.Model
        Inputs named as the variables. A profile is probabilities that sum to 1 along the offsets,
        for each strand and track; times the number of reads it is their expected profile. `ga.fit`
        takes the multinomial likelihood for profiles; as this grows with the number of reads,
        `loss_weights` can give the counts more weight.

    Raises
    ------
    RegionError
        When a variable is missing, an input does not cover the offsets of a target, or the bins of
        the two do not fit into each other.
    GenomeError
        When `strands` or `scale` is not possible.

    Examples
    --------
    >>> import numpy as np
    >>> dna = ("window", "offset_dna"), np.zeros((5, 300), "int8"), {"alphabet": "ACGT"}
    >>> reads = ("window", "offset_reads", "strand"), np.zeros((5, 100, 2), "float32")
    >>> x = xr.Dataset(
    ...     {"dna": dna, "reads": reads, "total": ("window", np.zeros(5, "float32"))},
    ...     {"offset_dna": np.arange(-100, 200), "offset_reads": np.arange(100)},
    ... )
    >>> model = bpnet(x, "dna", ["reads", "total"], scale=0.1, dilations=3)
    >>> model.output["reads"].shape, model.output["total"].shape
    ((None, 100, 2), (None, 1))
    """
    signature = Signature.of(x, inputs, targets)
    keras.utils.set_random_seed(seed)
    given = entries(signature)
    width = max(fewer(filters, scale), 2)  # one for each strand
    towers = dilated(signature, given, order, width, kernel_size, dilations, strands)
    pooled = join(
        [
            tower if grid is None else layers.GlobalAveragePooling1D()(tower)
            for tower, grid in towers.values()
        ]
    )
    outputs = {}
    for name, target in signature.targets.items():
        if target.offset is None:
            outputs[name] = head(pooled, target, activation, name)
            continue
        grid = grid_of(name, target)
        joined = join([on_bins(*tower, grid, which, name) for which, tower in towers.items()])
        tracks = math.prod(target.shape) // grid.size
        signal = layers.Conv1D(tracks, min(profile_size, grid.size), padding="same")(joined)
        along = target.dims.index(target.offset) + 1
        outputs[name] = layers.Softmax(along, name=name)(in_shape(signal, target))
    return finished(given, outputs, signature, "bpnet", targets)
