"""In what order, and into which file, go the values of an array?

A file of a track is written from one end of the genome to the other. Where the array runs that way
it is computed chunk by chunk, each chunk once; else its values go through a temporary float32 file
beside the target. So memory stays bounded. Files appear once all of them are complete.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import pairwise, product
from string import Formatter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.signal.overlaid import OVERLAPS, overlaid
from genoarrays.formats.signal.runs import Runs, runs_of
from genoarrays.formats.targets import Targets
from genoarrays.options import track

__all__ = ["TrackFile", "fields_of", "file_names", "write_tracks"]

Floats = npt.NDArray[np.float32]
_BLOCK = 2**20  # values turned into entries at once
_STRANDS = {"+": "plus", "-": "minus"}


class TrackFile(Protocol):
    """A file of one track that is being written."""

    def add(self, runs: Runs, values: Floats, base: int, column: int) -> None:
        """Write bins that follow those written before, from a column of (place, track)."""


def write_tracks(
    array: xr.DataArray,
    path: str | os.PathLike[str],
    open_file: Callable[[str, Runs, str, int], AbstractContextManager[TrackFile]],
    *,
    kind: str,
    overwrite: bool,
    overlap: str | None,
    progress: bool | None,
) -> list[str]:
    """Write an array, one file per track.

    Parameters
    ----------
    array, path, overwrite, overlap, progress
        As of `ga.to_bigwig`.
    open_file
        Opens a file of a path, the runs of the array, the name that errors call it, and the number
        of files that are open at once; complete when left.
    kind
        What the file is, such as "bigWig".

    Raises
    ------
    GenomeError, RegionError, AssemblyError
        As `ga.to_bigwig`.
    """
    path = os.fspath(path)
    if not isinstance(array, xr.DataArray):
        call = f"ga.to_{kind.lower()}"
        raise GenomeError(
            f"a {type(array).__name__} is not one track; give one of its variables, as in "
            f"{call}(ds.signal, path)"
        )
    if "alphabet" in array.attrs:
        raise GenomeError(f"{array.name!r} holds codes of letters, which are no signal")
    if array.dtype.kind not in "buif":
        raise GenomeError(f"{array.name!r} holds {array.dtype}, and a {kind} numbers")
    if overlap not in (None, *OVERLAPS):
        raise GenomeError(
            f"overlap={overlap!r} is not known; say {', '.join(map(repr, OVERLAPS))} or None"
        )
    runs, main = runs_of(array, check=overlap is None)
    if overlap is not None and runs.overlapping() is None:
        overlap = None
    summed = ["strand"] if "strand" in array.dims and "strand" not in fields_of(path) else []
    others = [str(dim) for dim in array.dims if dim not in (*main, *summed)]
    values = array.transpose(*main, *others, *summed).variable
    paths = file_names(path, array, others, kind)
    with Targets(paths, overwrite=overwrite) as targets:
        groups = list(_groups(values, others))
        cuts = list(_cuts(values, main[0]))

        def work() -> Iterator[None]:
            for key, numbers in groups:
                blocks = _blocks(values.isel(key), runs, main, bool(summed), cuts)
                with ExitStack() as stack:
                    files = [
                        stack.enter_context(
                            open_file(targets.parts[n], runs, paths[n], len(numbers))
                        )
                        for n in numbers
                    ]
                    if runs.in_array_order and overlap is None:
                        yield from _write_streaming(blocks, runs, files)
                    else:
                        folder = os.path.dirname(os.path.abspath(path))
                        yield from _write_sorted(blocks, runs, files, folder, overlap)

        for _ in track(work(), len(groups) * len(cuts), f"writing {kind}", progress):
            pass
    return paths


def fields_of(path: str) -> list[str]:
    """Placeholders of a path.

    Raises
    ------
    GenomeError
        For braces that are none.
    """
    try:
        return [field for _, field, _, _ in Formatter().parse(path) if field is not None]
    except ValueError as error:
        raise GenomeError(f"{path!r} is no path with placeholders ({error})") from None


def file_names(
    path: str, array: xr.DataArray | xr.Dataset, others: Sequence[str], kind: str
) -> list[str]:
    """Names of the files of all labels of some dimensions, the last one fastest.

    Raises
    ------
    GenomeError
        For a placeholder that is missing or unknown, or labels that give one name twice.
    """
    fields = fields_of(path)
    for dim in others:
        if dim not in fields:
            raise GenomeError(
                f"the array has a dimension {dim!r}, and a {kind} holds one track; write a file "
                f"for each label, as in 'prefix.{{{dim}}}{_suffix(path)}', or select one: "
                f"array.isel({dim}=0)"
            )
    known: Mapping[str, Any] = {
        field: array.coords[field].item()
        for field in fields
        if field not in others and field in array.coords and not array.coords[field].ndim
    }
    for field in fields:
        if field not in others and field not in known:
            raise GenomeError(
                f"{path!r} has the placeholder {{{field}}}, and the array no such dimension; it "
                f"has {', '.join(map(str, array.dims))}"
            )
    labels = {}
    for dim in others:
        own = array[dim].values.tolist() if dim in array.coords else range(array.sizes[dim])
        labels[dim] = [_in_name(dim, label) for label in own]
    fixed = {dim: _in_name(dim, label) for dim, label in known.items()}
    names = [
        path.format(**fixed, **dict(zip(others, combination, strict=True)))
        for combination in product(*labels.values())
    ]
    if len(set(names)) < len(names):
        raise GenomeError(f"two labels give one file name in {names}; rename them first")
    return names


def _suffix(path: str) -> str:
    return "".join(os.path.splitext(path)[1:])


def _in_name(dim: str, label: Any) -> str:
    text = str(label)
    return _STRANDS.get(text, text) if dim == "strand" else text.replace(os.sep, "_")


def _groups(
    values: xr.Variable, others: Sequence[str]
) -> Iterator[tuple[dict[str, slice], list[int]]]:
    """Parts of the array that are computed together, and the numbers of their files."""
    sizes = [values.sizes[dim] for dim in others]
    numbers = np.arange(int(np.prod(sizes))).reshape(sizes)
    lengths = [
        # both strands together: in windows of the minus strand they change places
        (size,) if dim == "strand" else values.chunksizes.get(dim, (1,) * size)
        for dim, size in zip(others, sizes, strict=True)
    ]
    bounds = [list(pairwise(np.cumsum([0, *some]).tolist())) for some in lengths]
    for combination in product(*bounds):
        place = tuple(slice(*bound) for bound in combination)
        yield dict(zip(others, place, strict=True)), numbers[place].reshape(-1).tolist()


def _cuts(values: xr.Variable, dim: str) -> Iterator[tuple[int, int]]:
    """Bounds along a dimension: its chunks, or blocks of what is in memory or in files."""
    size = values.sizes[dim]
    chunks = values.chunksizes.get(dim)
    if chunks is not None:
        yield from pairwise(np.cumsum([0, *chunks]).tolist())
        return
    block = max(4 * _BLOCK // max(int(np.prod(values.shape[1:])), 1), 1)
    for start in range(0, size, block):
        yield start, min(start + block, size)


def _blocks(
    values: xr.Variable,
    runs: Runs,
    main: Sequence[str],
    summed: bool,
    cuts: Sequence[tuple[int, int]],
) -> Iterator[tuple[int, Floats]]:
    """First row and values, (place, file) float32, of each chunk along the first dimension."""
    for start, stop in cuts:
        block = values[start:stop].values
        if summed:
            missing = np.isnan(block).all(axis=-1)
            block = np.where(missing, np.nan, np.nansum(block, axis=-1, dtype=np.float64))
        elif "strand" in values.dims and main[0] == "window":
            back = runs.way[start:stop] < 0
            block = block.copy()
            block[back] = np.flip(block[back], axis=values.dims.index("strand"))
        size = int(np.prod(block.shape[: len(main)]))
        with np.errstate(over="ignore"):
            table = np.ascontiguousarray(block.reshape(size, -1), np.float32)
        yield start, table


def _write_streaming(
    blocks: Iterator[tuple[int, Floats]], runs: Runs, files: Sequence[TrackFile]
) -> Iterator[None]:
    for start, values in blocks:
        low = start * runs.per_row
        high = low + len(values)
        for at in range(low, high, runs.block(_BLOCK)):
            some = runs.cut(at, min(at + runs.block(_BLOCK), high))
            for column, file in enumerate(files):
                file.add(some, values, low, column)
        yield


def _write_sorted(
    blocks: Iterator[tuple[int, Floats]],
    runs: Runs,
    files: Sequence[TrackFile],
    folder: str,
    overlap: str | None,
) -> Iterator[None]:
    with tempfile.TemporaryFile(dir=folder) as spill:
        for _, values in blocks:
            spill.write(values.data)
            yield
        spill.flush()
        shape = (runs.size, len(files))

        def stored() -> Floats:
            if not runs.size or not files:
                return np.empty(shape, np.float32)
            return np.memmap(spill, dtype=np.float32, mode="r", shape=shape)

        if overlap is None:
            pieces = _in_order(runs.sorted(), stored)
        else:
            pieces = overlaid(runs, stored, overlap)
        for some, values in pieces:
            for column, file in enumerate(files):
                file.add(some, values, 0, column)


def _in_order(runs: Runs, stored: Callable[[], Floats]) -> Iterator[tuple[Runs, Floats]]:
    for at in range(0, runs.size, _BLOCK):  # mapped anew, or all that was read stays in memory
        yield runs.cut(at, min(at + _BLOCK, runs.size)), stored()
