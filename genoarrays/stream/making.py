"""How is a slab of some batches made of blocks in memory?

Examples are cut from the blocks that hold them, block by block, into one array for each variable;
then comes what was drawn for them. Runs in the threads of the stream.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.genome.example import example_label
from genoarrays.stream.augment import Augment, Draws, masked
from genoarrays.stream.feeds import Feed
from genoarrays.stream.pipeline import Slab
from genoarrays.stream.plan import Round
from genoarrays.stream.room import Room

__all__ = ["INDEX", "TRACKS", "Maker", "Names", "listed"]

Array = npt.NDArray[Any]
Names = str | Sequence[str]
INDEX, TRACKS = " rows", " tracks"  # no variable is named so


def listed(names: Names | None) -> list[str]:
    """Names as a list, whether one, several or none were given."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


@dataclass(frozen=True, eq=False)
class Maker:
    """Makes slabs: all that is the same for each."""

    x: xr.Dataset
    dim: str
    feeds: Sequence[Feed]
    inputs: list[str]
    weights: str | None
    may_miss: bool  # NaN in targets pass
    augment: Augment
    tracks: int | None
    index: bool
    seed: int
    batch_size: int
    room: Room

    @property
    def specs(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape of one example, and type, of each array of a slab."""
        found = {feed.name: (feed.shape, feed.dtype) for feed in self.feeds}
        for name in self._tracked:
            shape, dtype = found[name]
            at = self.x[name].dims.index("track") - 1
            found[name] = (*shape[:at], self.tracks or 0, *shape[at + 1 :]), dtype
        if self.index:
            found[INDEX] = (), np.dtype(np.int64)
        if self.tracks is not None:
            found[TRACKS] = (self.tracks,), np.dtype(np.int64)
        return found

    @property
    def _tracked(self) -> list[str]:
        """Variables of which some tracks are drawn for each batch."""
        return (
            [] if self.tracks is None else [str(n) for n, v in self.x.items() if "track" in v.dims]
        )

    def __call__(self, slab: Slab, parts: Mapping[int, Any], epoch: int) -> dict[str, Array]:
        """Cut a slab from blocks."""
        rows, draws = slab
        order = np.argsort(rows.entry, kind="stable")
        entries, first = np.unique(rows.entry[order], return_index=True)
        edges = [*first.tolist(), len(order)]
        out = {feed.name: feed.room(rows.row, self.room) for feed in self.feeds}
        for entry, a, b in zip(entries.tolist(), edges[:-1], edges[1:], strict=True):
            held = parts[entry].result()
            at = order[a:b]
            some = draws.take(at)
            for feed, part in zip(self.feeds, held, strict=True):
                feed.write(part, rows.place[at], out[feed.name], at, some.turn, some.move)
                if part.missing:
                    self._check_nan(feed.name, out[feed.name], at, rows.row)
        self._change(out, draws)
        if self.weights is not None and (out[self.weights] < 0).any():
            raise GenomeError(f"weights {self.weights!r} are below 0 for some {self.dim}s")
        if self.tracks is not None:
            self._draw_tracks(out, rows, epoch)
        if self.index:
            out[INDEX] = rows.row
        return out

    def _draw_tracks(self, out: dict[str, Array], rows: Round, epoch: int) -> None:
        """Keep some tracks of each batch."""
        number, size = self.x.sizes["track"], self.batch_size
        drawn = np.empty((len(rows.row), self.tracks or 0), dtype=np.int64)
        for start in range(0, len(drawn), size):
            first = (int(rows.entry[start]), int(rows.place[start]), int(rows.row[start]))
            rng = np.random.default_rng([self.seed, epoch, 6, *first])
            drawn[start : start + size] = np.sort(rng.permutation(number)[: self.tracks])
        for name in self._tracked:
            at = self.x[name].dims.index("track")
            shape = [1] * out[name].ndim
            shape[0], shape[at] = drawn.shape
            out[name] = np.take_along_axis(out[name], drawn.reshape(shape), at)
        out[TRACKS] = drawn

    def _change(self, out: dict[str, Array], draws: Draws) -> None:
        """Scale signal and mask letters of the inputs."""
        if draws.scale is None and draws.noise is None:
            return
        for name in self.inputs:
            letters = self.x[name].attrs.get("alphabet")
            if letters is None and draws.scale is not None:
                shape = (-1,) + (1,) * (out[name].ndim - 1)
                out[name] *= draws.scale.astype(np.float32).reshape(shape)
            elif letters is not None and draws.noise is not None:
                masked(out[name], draws.noise, self.augment.mask, len(letters))

    def _check_nan(self, name: str, out: Array, at: Array, rows: Array) -> None:
        if out.dtype.kind != "f":
            return
        is_input, is_weight = name in self.inputs, name == self.weights
        if not is_input and not is_weight and self.may_miss:
            return
        bad = np.isnan(out[at].reshape(len(at), -1)).any(axis=1)
        if bad.any():
            row = int(rows[at[bad]].min())
            label = example_label(self.x, row)
            kind = "weight" if is_weight else "input" if is_input else "target"
            cure = (
                ""
                if kind != "target"
                else ", give weights, or say missing_targets=True for a loss that"
            )
            raise GenomeError(
                f"{kind} {name!r} is NaN in {self.dim} {label} (row {row:,}); fill it, as in "
                f"x.assign({name}=x.{name}.fillna(0)), or leave such windows out{cure}"
                + (" leaves them out" if cure else "")
            )
