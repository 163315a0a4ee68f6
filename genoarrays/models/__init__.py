"""Keras layers, losses, builders and training.

Importing this package imports Keras, and registers layers and losses with it: saved models load
without `custom_objects`.
"""

from genoarrays.models.bpnet import bpnet
from genoarrays.models.builders import classifier, profile
from genoarrays.models.cage import cage_chromatin, cage_dna, cage_joint
from genoarrays.models.deepsea import danq, deepsea
from genoarrays.models.jund import jund_dna, jund_dnase, jund_joint
from genoarrays.models.layers import BothStrandConv1D, OneHot
from genoarrays.models.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanAbsoluteError,
    MeanSquaredError,
    MultinomialNLL,
    Poisson,
)
from genoarrays.models.network import network
from genoarrays.models.turns import Complement, Reverse, SlidingMean

__all__ = [
    "BinaryCrossentropy",
    "BothStrandConv1D",
    "CategoricalCrossentropy",
    "Complement",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MultinomialNLL",
    "OneHot",
    "Poisson",
    "Reverse",
    "SlidingMean",
    "bpnet",
    "cage_chromatin",
    "cage_dna",
    "cage_joint",
    "classifier",
    "danq",
    "deepsea",
    "jund_dna",
    "jund_dnase",
    "jund_joint",
    "network",
    "profile",
]
