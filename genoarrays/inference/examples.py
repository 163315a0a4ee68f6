"""Which windows does a model see at some regions?

Those that the function made which made the training examples, or those that the model's signature
can make again. Whoever takes `examples=` asks here, so all refuse the same mismatches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.models.signature import Signature

__all__ = ["Examples", "examples_of"]

Examples = Callable[[xr.Dataset], xr.Dataset]


def examples_of(
    model: Any, examples: Examples | None, like: Any, *, check: bool = True, targets: bool = False
) -> Examples:
    """The function that makes a model's windows at a table of regions.

    Parameters
    ----------
    model
        Keras model, with a signature where `ga.fit` trained it.
    examples
        Function of a table of regions that gives windows; None: what the model's signature tells.
    like
        Dataset or DataTree to cut windows from, where `examples` is None.
    check
        Compare what is made with the signature, and, where `examples` is None, windows of the
        training with those that `like` gives there.
    targets
        With the targets too, where `examples` is None.

    Returns
    -------
    callable
        Of a table of regions. It raises RegionError, AssemblyError or GenomeError by name where
        the windows are not such as the model was trained on.

    Raises
    ------
    GenomeError
        When there is neither `examples` nor a signature that can make them, or nothing to cut them
        from.
    AssemblyError
        When `like` lies on another assembly than the training windows.
    """
    signature: Signature | None = getattr(model, "signature", None)
    if examples is None:
        if signature is None:
            raise GenomeError(
                "this model has no signature to make windows from; give examples=, the function "
                "that made its training windows, or train it with ga.fit, which keeps one"
            )
        if like is None:
            raise GenomeError("there is nothing to cut windows from; give like=, or examples=")
        return signature.examples(like, check=check, targets=targets)
    if not callable(examples):
        raise GenomeError(
            f"examples= is a {type(examples).__name__}; give a function of regions, such as "
            "lambda regions: ga.windows(ds, regions, width=200)"
        )
    return _Checked(examples, signature) if check and signature is not None else examples


class _Checked:
    """A user's function whose windows are compared with what the model was made for."""

    def __init__(self, examples: Examples, signature: Signature) -> None:
        self.examples, self.signature = examples, signature

    def __call__(self, regions: xr.Dataset) -> xr.Dataset:
        """Windows at regions."""
        x = self.examples(regions)
        if not isinstance(x, xr.Dataset):
            raise GenomeError(
                f"examples() gave a {type(x).__name__}; it must give a Dataset of windows, as "
                "ga.windows does"
            )
        self.signature.check(x)
        return x
