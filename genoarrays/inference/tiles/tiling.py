"""Which tiles tell about a bin of the genome, and what do they make of it?

Tiles are windows of one width that start at every `step` bp of a contig, up to the first one that
reaches its end. They are laid by contig: how the work is cut has no say in where they lie. The
unit of work is a stride, `step` bp of a contig; strides have an axis of their own, and each output
of a model has one with its own bins, in the same order.

A bin takes the value of the tile whose center is nearest (of two, the first), or the mean over all
tiles that cover it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genoarrays.errors import RegionError
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.columns import Columns
from genoarrays.models.signature import VariableSignature

__all__ = ["Output", "Stretch", "Tiling", "output_of", "strides_of"]

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]
OVERLAPS = ("center", "mean")


@dataclass(frozen=True)
class Output:
    """How one output of a model lies in a tile.

    Attributes
    ----------
    signature
        Its dimensions and labels, those of offsets among them.
    bin_size
        bp of a bin on the genome.
    along
        Number of the dimension of offsets, counted after that of the windows; None: one value per
        window.
    skip
        Bins of the output before the start of the tile.
    """

    signature: VariableSignature
    bin_size: int
    along: int | None
    skip: int = 0

    @property
    def dims(self) -> tuple[str, ...]:
        """Dimensions of a bin."""
        dims = self.signature.dims
        return dims if self.along is None else dims[: self.along] + dims[self.along + 1 :]

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of these."""
        shape = self.signature.shape
        return shape if self.along is None else shape[: self.along] + shape[self.along + 1 :]

    @property
    def coords(self) -> dict[Any, Any]:
        """Labels of these."""
        return {d: labels for d, labels in self.signature.coords().items() if d in self.dims}


def output_of(name: str, signature: VariableSignature, width: int, step: int) -> Output:
    """How an output lies in tiles of `width` bp at every `step` bp.

    Raises
    ------
    RegionError
        When its bins would not lie on one grid, or do not reach over the tile.
    """
    along = next((n for n, d in enumerate(signature.dims) if d.startswith("offset")), None)
    if along is None:
        return Output(signature, step, None)
    size = signature.shape[along]
    labels = signature.labels.get(signature.dims[along])
    if not isinstance(labels, dict):
        labels = {"first": 0, "step": width // size, "size": size}
        if width % size:
            raise RegionError(
                f"output {name!r} has {size:,} bins, which do not divide a width of {width:,} bp, "
                "and nothing says where they lie; train the model with ga.fit, which keeps that"
            )
    first, bins = int(labels["first"]), int(labels["step"])
    for what, length in (("width", width), ("step", step), ("first offset", first)):
        if length % bins:
            raise RegionError(
                f"output {name!r} has bins of {bins:,} bp, and {what}={length:,} is no multiple of "
                "that: the bins of all tiles must lie on one grid along the genome"
            )
    if first > 0 or first + size * bins < width:
        raise RegionError(
            f"output {name!r} covers {first:,}-{first + size * bins:,} of tiles of {width:,} bp, "
            "and must cover them whole; give the width of the output as width=, and the inputs a "
            "flank, in ga.windows"
        )
    return Output(signature, bins, along, -first // bins)


def strides_of(like: GenomeAxis, step: int, contigs: list[str] | None) -> GenomeAxis:
    """The strides that touch an axis, on some contigs; in the order of the assembly.

    Raises
    ------
    ContigError
        When the assembly lacks a contig.
    RegionError
        When nothing is left.
    """
    wanted = None if contigs is None else [like.assembly.code(name) for name in contigs]
    last = like.first + (like.count - 1) * like.step
    low = np.minimum(like.first, last) * like.bin_size // step
    end = np.minimum(
        (np.maximum(like.first, last) + 1) * like.bin_size, like.assembly.lengths[like.code]
    )
    high = -(-end // step)
    found: list[tuple[int, int, int]] = []
    for number in np.lexsort([low, like.code]).tolist():
        code, start, stop = int(like.code[number]), int(low[number]), int(high[number])
        if wanted is not None and code not in wanted:
            continue
        if found and found[-1][0] == code and start <= found[-1][2]:
            found[-1] = (code, found[-1][1], max(found[-1][2], stop))
        else:
            found.append((code, start, stop))
    if not found:
        on = "this axis" if contigs is None else ", ".join(contigs)
        raise RegionError(f"there is nothing to predict on {on}: `like` has no position there")
    code, start, stop = np.array(found, dtype=np.int64).T
    return GenomeAxis(
        like.assembly, step, code=code, first=start, count=stop - start, step=np.ones_like(code)
    )


class Stretch(NamedTuple):
    """Tiles of some strides; by output, rows of the first and last tile of each bin, and `at`.

    Bin n of an output is number `at[n]` - row * (bins in a step) of the tile in a row.
    """

    tiles: Columns
    low: dict[str, Ints]
    high: dict[str, Ints]
    at: dict[str, Ints]


@dataclass(frozen=True)
class Tiling:
    """Tiles of a genome, and the outputs that are laid on it.

    Attributes
    ----------
    strides
        Axis of strides, see the head of this module.
    width
        bp of a tile.
    overlap
        "center" or "mean".
    outputs
        By name.
    """

    strides: GenomeAxis
    width: int
    overlap: str
    outputs: dict[str, Output]

    @property
    def step(self) -> int:
        """Distance of tiles in bp."""
        return self.strides.bin_size

    @cached_property
    def axes(self) -> dict[str, GenomeAxis]:
        """Axis of each output."""
        strides, lengths = self.strides, self.strides.assembly.lengths[self.strides.code]
        found: dict[int, GenomeAxis] = {}
        for size in {output.bin_size for output in self.outputs.values()}:
            ratio = self.step // size
            first = strides.first * ratio
            stop = np.minimum((strides.first + strides.count) * ratio, -(-lengths // size))
            found[size] = GenomeAxis(
                strides.assembly, size, code=strides.code, first=first, count=stop - first,
                step=strides.step,
            )  # fmt: skip
        return {name: found[output.bin_size] for name, output in self.outputs.items()}

    def place(self, name: str, stride: npt.ArrayLike) -> Ints:
        """Where the first bin of a stride lies on the axis of an output; its size past the end."""
        strides, axis = self.strides, self.axes[name]
        stride = np.asarray(stride, dtype=np.int64)
        segment = np.searchsorted(strides.edges, stride, side="right") - 1
        segment = np.minimum(segment, len(strides.code) - 1)
        ratio = self.step // axis.bin_size
        place = axis.edges[segment] + (stride - strides.edges[segment]) * ratio
        return np.asarray(np.minimum(place, axis.edges[segment + 1]))

    def stretch(self, start: int, stop: int) -> Stretch:
        """Tiles of the strides [start, stop)."""
        codes, numbers = list[Ints](), list[Ints]()
        names = list(self.outputs)
        low, high, at = ({name: list[Ints]() for name in names} for _ in range(3))
        rows = 0
        for piece in self.strides.pieces(start, stop):
            length = self.strides.assembly.length(piece.contig)
            last = int(self._last(length))
            own = {}
            for name, output in self.outputs.items():
                ratio, size = self.step // output.bin_size, output.bin_size
                stop_bin = min((piece.first + piece.count) * ratio, -(-length // size))
                bins = np.arange(piece.first * ratio, stop_bin)
                own[name] = (bins, *self._tiles_of(bins, size, last))
            first = min(int(tiles[0]) for _, tiles, _ in own.values())
            end = max(int(tiles[-1]) for _, _, tiles in own.values()) + 1
            for name, (bins, from_, to) in own.items():
                low[name].append(from_ - first + rows)
                high[name].append(to - first + rows)
                ratio = self.step // self.outputs[name].bin_size
                at[name].append(bins - (first - rows) * ratio)
            numbers.append(np.arange(first, end))
            codes.append(np.full(end - first, self.strides.assembly.code(piece.contig)))
            rows += end - first
        tiles = self.tiles(np.concatenate(codes), np.concatenate(numbers))
        joined = ({n: np.concatenate(some[n]) for n in names} for some in (low, high, at))
        return Stretch(tiles, *joined)

    def tiles(self, code: Ints, number: Ints) -> Columns:
        """Some tiles: codes of contigs, and numbers on these."""
        assembly, start = self.strides.assembly, number * self.step
        # past the end of a contig a window is filled, whatever the anchor of windows that differ
        # in length; but none may be longer than its contig
        length = assembly.lengths[code]
        end = np.where(length < self.width, length, start + self.width)
        plus = np.ones(len(start), np.int8)
        return Columns(assembly.names, code.astype(np.int32), start, end, plus, assembly)

    def sample(self, count: int) -> Columns:
        """The tiles at both ends of each run of strides, and some between, in order."""
        strides = self.strides
        place = np.linspace(0, strides.size - 1, count).astype(np.int64)
        place = np.unique(np.concatenate([strides.edges[:-1], strides.edges[1:] - 1, place]))
        code, number = strides.at(place)
        last = self._last(strides.assembly.lengths[code])
        both = np.unique(np.stack([code, np.minimum(number, last)]), axis=1)
        return self.tiles(both[0], both[1])

    def _last(self, length: Any) -> Any:
        """Number of the last tile of a contig: the first that reaches its end."""
        return np.maximum(-(-(length - self.width) // self.step), 0)

    def _tiles_of(self, bins: Ints, size: int, last: int) -> tuple[Ints, Ints]:
        """First and last tile of each bin, by number on the contig."""
        if self.overlap == "center":
            # twice the distance from the center of tile 0 to that of the bin, in bp
            away = (2 * bins + 1) * size - self.width
            nearest = np.clip(-((self.step - away) // (2 * self.step)), 0, last)
            return nearest, nearest
        low = np.maximum(-(-((bins + 1) * size - self.width) // self.step), 0)
        high = np.minimum(bins * size // self.step, last)
        # a bin that is cut by the end of the contig is covered by the tile that reaches that
        return np.minimum(low, last), high

    def assemble(self, name: str, stretch: Stretch, values: Array) -> Array:
        """Values of the bins of a stretch: (bins, ...), of those of its tiles."""
        output = self.outputs[name]
        low, high, at = stretch.low[name], stretch.high[name], stretch.at[name]
        if output.along is not None:
            values = np.moveaxis(values, output.along + 1, 1)
        ratio = self.step // output.bin_size

        def given(rows: Ints, some: Any) -> Array:
            if output.along is None:
                return np.asarray(values[rows])
            return np.asarray(values[rows, at[some] - rows * ratio + output.skip])

        if self.overlap == "center":
            return given(low, slice(None))
        total = np.zeros((len(low), *output.shape), np.float64)
        number = high - low + 1
        for more in range(int(number.max())):
            some = np.flatnonzero(number > more)
            total[some] += given(low[some] + more, some)
        total /= number.reshape(-1, *(1 for _ in output.shape))
        return total.astype(np.float32)
