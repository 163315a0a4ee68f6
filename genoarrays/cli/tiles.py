"""Which windows of a store does a command look at?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from genoarrays.cli.options import split_names

__all__ = ["CONTIGS", "MODEL", "REGIONS", "STEP", "STORE", "on_contigs", "signature_of", "tiles_of"]

STORE = click.argument("store")
MODEL = click.argument("model", type=click.Path(path_type=Path))
REGIONS = click.option("--regions", help="BED or peak file to tile; by default the whole genome.")
STEP = click.option("--step", type=int, help="bp between windows; by default the width.")
CONTIGS = click.option("--contigs", multiple=True, callback=split_names,
                       help="Only these contigs.")  # fmt: skip


def signature_of(model: Path) -> Any:
    """What a model was trained on, and the width of its windows; nothing is loaded.

    Raises
    ------
    StoreError
        When nothing says.
    """
    from genoarrays.errors import StoreError
    from genoarrays.models.signature import read_signature

    signature = read_signature(model)
    if signature is None or signature.width is None:
        raise StoreError(
            f"{model} has no signature.json with the width of windows; give the folder that "
            "`genoarrays train --out` or ga.fit(out=) wrote"
        )
    return signature


def tiles_of(tree: Any, regions: str | None, width: int, step: int | None) -> Any:
    """Windows of a file, or of the whole genome of a store."""
    import genoarrays as ga
    from genoarrays.genome.pyramid import without_levels

    like = next(iter(without_levels(tree).values()))
    roi = like if regions is None else ga.read_regions(regions, like=like)
    return ga.tile_regions(roi, width=width, step=step, partial="drop")


def on_contigs(tiles: Any, contigs: list[str]) -> Any:
    """Those of windows that lie on some contigs; all where none is named."""
    import numpy as np

    from genoarrays.errors import ContigError, RegionError
    from genoarrays.genome.regions import assembly_of

    if not contigs:
        return tiles
    assembly = assembly_of(tiles)
    if unknown := [contig for contig in contigs if contig not in assembly]:
        raise ContigError(f"--contigs {unknown[0]}: the store has {assembly.listing()}")
    kept = np.flatnonzero(np.isin(tiles.contig.values.astype(object), contigs))
    if not kept.size:
        raise RegionError(f"no window is left on {', '.join(contigs)}")
    return tiles.isel(region=kept)
