"""Keras layers, builders and training.

Importing this package imports Keras, and registers the layers with it: saved models load without
`custom_objects`.
"""

from genoarrays.models.builders import classifier, profile
from genoarrays.models.layers import BothStrandConv1D, OneHot

__all__ = ["BothStrandConv1D", "OneHot", "classifier", "profile"]
