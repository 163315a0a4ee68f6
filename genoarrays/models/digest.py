"""Is this the same model, wherever it lies and whatever its layers are called?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["digest_of_model"]


def digest_of_model(model: Any) -> str:
    """Digest of weights and layers, whatever these are called: 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    for layer in model.layers:
        settings = json.dumps(_nameless(layer.get_config()), sort_keys=True, default=_kind)
        digest.update(f"{type(layer).__name__} {settings}".encode())
    for weights in model.get_weights():
        digest.update(f"{weights.dtype}{weights.shape}".encode())
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()


def _nameless(config: Any) -> Any:
    """A configuration without names: keras numbers layers as they are made."""
    if isinstance(config, Mapping):
        unsaid = ("name", "inbound_nodes", "input_layers", "output_layers", "keras_history")
        return {str(k): _nameless(v) for k, v in config.items() if k not in unsaid}
    return [_nameless(one) for one in config] if isinstance(config, list | tuple) else config


def _kind(value: object) -> str:
    return type(value).__name__
