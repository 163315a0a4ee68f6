"""Which windows was a model trained on, so that the shell can make the same ones again?

`train` writes the recipe beside the model as `examples.json`; `predict` and `score` read it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

from genoarrays.errors import StoreError

__all__ = ["Recipe"]

_FILE = "examples.json"


@dataclass(frozen=True)
class Recipe:
    """Arguments of `ga.windows`, and the variables of which the logarithm log1p is taken."""

    inputs: list[str]
    targets: list[str]
    width: int
    flank: dict[str, int] = field(default_factory=dict)
    reduce: dict[str, str] = field(default_factory=dict)
    bin_size: dict[str, int] = field(default_factory=dict)
    log1p: list[str] = field(default_factory=list)

    def examples(self, tree: xr.DataTree, regions: xr.Dataset, *, targets: bool) -> xr.Dataset:
        """Windows at regions, with or without the targets."""
        import numpy as np

        import genoarrays as ga

        names = [*self.inputs, *(self.targets if targets else [])]
        x = ga.windows(
            _only(tree, names),
            regions,
            width=self.width,
            flank=_among(self.flank, names),
            reduce=_among(self.reduce, names),
            bin_size=_among(self.bin_size, names),
        )
        return x.assign({name: np.log1p(x[name]) for name in self.log1p if name in x})

    def save(self, model: Path) -> None:
        """Write beside a model."""
        (model / _FILE).write_text(json.dumps(asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, model: Path) -> Recipe:
        """Read from beside a model.

        Raises
        ------
        StoreError
            When there is none.
        """
        try:
            return cls(**json.loads((model / _FILE).read_text()))
        except FileNotFoundError:
            raise StoreError(
                f"{model} has no {_FILE}; give the folder that `genoarrays train --out` wrote"
            ) from None


def _among(options: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def _only(tree: xr.DataTree, names: list[str]) -> xr.DataTree:
    """The variables that are needed; the others are not cut into windows."""
    from genoarrays.errors import GenomeError
    from genoarrays.genome.pyramid import without_levels

    nodes = without_levels(tree)
    there = {str(name) for ds in nodes.values() for name in ds.data_vars}
    if missing := [name for name in names if name not in there]:
        raise GenomeError(
            f"the store has no variable {missing[0]!r}; it has {', '.join(sorted(there))}"
        )
    wanted = {path: ds[[n for n in names if n in ds.data_vars]] for path, ds in nodes.items()}
    return xr.DataTree.from_dict({path: ds for path, ds in wanted.items() if ds.data_vars})
