"""How do labelled numbers become bigWig files?

Values stand at their true place: bins on the genome axis, or windows, where those of the minus
strand are turned back and the last bin ends with the contig. NaN is left out, infinity is refused,
equal neighbors become one entry, and the header lists every contig of the assembly with its length.

A bigWig is written from one end of the genome to the other. Where the array runs that way it is
computed chunk by chunk, each chunk once; else its values go through a temporary float32 file beside
the target. So memory stays bounded. Files appear under their name once all of them are complete.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise, product
from string import Formatter
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.formats.signal.runs import Ints, Runs, runs_of
from genoarrays.genome.assembly import Assembly

__all__ = ["to_bigwig"]

Floats = npt.NDArray[np.float32]
_BLOCK = 2**20  # values turned into entries at once
_STRANDS = {"+": "plus", "-": "minus"}


def to_bigwig(
    array: xr.DataArray, path: str | os.PathLike[str], *, overwrite: bool = False
) -> list[str]:
    """Write an array as bigWig, one file per track.

    Parameters
    ----------
    array
        Numbers, (position, ...) on a genome axis or (window[, offset], ...). `offset`, where it has
        a coordinate, is bp from the window's 5' end; else its bins divide the window. A dimension
        `strand` is summed (NaN only where both are) unless `path` has the placeholder {strand}.
        Each further dimension, such as track or sample, needs its placeholder.
    path
        File to write. Placeholders, as in "{track}.bw", are filled with the
        labels of that dimension, {strand} with "plus" and "minus".
    overwrite
        Replace files that exist.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    GenomeError
        For a file that exists already, values that are infinite or exceed float32, codes of
        letters, a missing or unknown placeholder, or labels that give one file name twice.
    RegionError
        For windows that overlap, or do not divide into bins.
    AssemblyError
        When the array does not know its genome.

    Examples
    --------
    >>> import tempfile, numpy as np, xarray as xr, genoarrays as ga
    >>> coords = ga.genome_coords(ga.Assembly("toy", {"chr1": 25, "chr2": 10}), bin_size=10)
    >>> x = xr.DataArray([1.0, np.nan, 3, 4], coords, ["position"])
    >>> written = ga.to_bigwig(x, tempfile.mkdtemp() + "/toy.bw")
    >>> ga.open_bigwig(written[0]).sel(position="chr1:18-25").signal.values
    array([nan, nan,  3.,  3.,  3.,  3.,  3.], dtype=float32)
    """
    path = os.fspath(path)
    if not isinstance(array, xr.DataArray):
        raise GenomeError(
            f"a {type(array).__name__} is not one track; give one of its variables, as in "
            "ga.to_bigwig(ds.signal, path)"
        )
    if "alphabet" in array.attrs:
        raise GenomeError(f"{array.name!r} holds codes of letters, which are no signal")
    runs, main = runs_of(array)
    summed = ["strand"] if "strand" in array.dims and "strand" not in _fields(path) else []
    others = [str(dim) for dim in array.dims if dim not in (*main, *summed)]
    values = array.transpose(*main, *others, *summed).variable
    paths = _file_names(path, array, others)
    there = [name for name in paths if os.path.exists(name)]
    if there and not overwrite:
        raise GenomeError(f"{there[0]} exists already; give another path, or overwrite=True")
    with ExitStack() as stack:
        files = [stack.enter_context(_BigwigFile(name, runs.assembly)) for name in paths]
        for key, numbers in _groups(values, others):
            blocks = _blocks(values.isel(key), runs, main, bool(summed))
            group = [files[number] for number in numbers]
            if runs.in_array_order:
                _write_streaming(blocks, runs, group)
            else:
                _write_sorted(blocks, runs, group)
        for file in files:
            file.close()
        for file in files:
            file.publish()
    return paths


def _fields(path: str) -> list[str]:
    return [field for _, field, _, _ in Formatter().parse(path) if field is not None]


def _file_names(path: str, array: xr.DataArray, others: Sequence[str]) -> list[str]:
    fields = _fields(path)
    for dim in others:
        if dim not in fields:
            raise GenomeError(
                f"the array has a dimension {dim!r}, and a bigWig holds one track; write a file "
                f"for each label, as in to_bigwig(array, 'prefix.{{{dim}}}.bw'), or select one"
            )
    for field in fields:
        if field not in others:
            raise GenomeError(
                f"{path!r} has the placeholder {{{field}}}, and the array no such dimension; it "
                f"has {', '.join(map(str, array.dims))}"
            )
    labels = {}
    for dim in others:
        own = array[dim].values.tolist() if dim in array.coords else range(array.sizes[dim])
        labels[dim] = [_STRANDS.get(str(label), str(label)) for label in own]
        if dim != "strand":
            labels[dim] = [str(label).replace(os.sep, "_") for label in own]
    names = [
        path.format(**dict(zip(others, combination, strict=True)))
        for combination in product(*labels.values())
    ]
    if len(set(names)) < len(names):
        raise GenomeError(f"two labels give one file name in {names}; rename them first")
    return names


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


def _blocks(
    values: xr.Variable, runs: Runs, main: Sequence[str], summed: bool
) -> Iterator[tuple[int, Floats]]:
    """First row and values, (place, file) float32, of each chunk along the first dimension."""
    for start, stop in _cuts(values, main[0]):
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
            table = block.reshape(size, -1).astype(np.float32)
        yield start, table


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


def _write_streaming(
    blocks: Iterator[tuple[int, Floats]], runs: Runs, files: Sequence[_BigwigFile]
) -> None:
    for start, values in blocks:
        low = start * runs.per_row
        high = low + len(values)
        for at in range(low, high, runs.block(_BLOCK)):
            some = runs.cut(at, min(at + runs.block(_BLOCK), high))
            _write_entries(some, values, low, files)


def _write_sorted(
    blocks: Iterator[tuple[int, Floats]], runs: Runs, files: Sequence[_BigwigFile]
) -> None:
    folder = os.path.dirname(os.path.abspath(files[0].path))
    with tempfile.TemporaryFile(dir=folder) as spill:
        for _, values in blocks:
            spill.write(values.data)
        spill.flush()
        runs = runs.sorted()
        stored = np.memmap(spill, dtype=np.float32, mode="r", shape=(runs.size, len(files)))
        for at in range(0, runs.size, _BLOCK):
            _write_entries(runs.cut(at, min(at + _BLOCK, runs.size)), stored, 0, files)
        del stored


def _write_entries(
    runs: Runs, values: npt.NDArray[Any], low: int, files: Sequence[_BigwigFile]
) -> None:
    place, code, start, end = runs.bins()
    for column, file in enumerate(files):
        file.add(code, start, end, values[place - low, column])


class _BigwigFile:
    """A bigWig that is written under a temporary name, and removed unless it is published."""

    def __init__(self, path: str, assembly: Assembly) -> None:
        self.path = path
        self.assembly = assembly
        self._temporary = f"{path}.{os.getpid()}.part"
        self._handle: Any = None

    def __enter__(self) -> _BigwigFile:
        folder = os.path.dirname(os.path.abspath(self.path))
        if not os.path.isdir(folder):
            raise GenomeError(
                f"cannot write {self.path}: there is no folder {folder}; make it first"
            )
        bigwig = optional("pyBigWig", purpose="writing bigWig files", extra="all")
        try:
            self._handle = bigwig.open(self._temporary, "w")
        except RuntimeError as error:
            raise GenomeError(f"cannot write {self.path} ({error}); check the folder") from error
        lengths = self.assembly.lengths.tolist()
        self._handle.addHeader(list(zip(self.assembly.names, lengths, strict=True)))
        return self

    def add(self, code: Ints, start: Ints, end: Ints, values: Floats) -> None:
        """Write bins that follow those written before; NaN and empty ones are left out."""
        kept = ~np.isnan(values) & (end > start)
        code, start, end, values = code[kept], start[kept], end[kept], values[kept]
        if not len(values):
            return
        infinite = np.isinf(values)
        if infinite.any():
            at = int(np.argmax(infinite))
            raise GenomeError(
                f"cannot write {self.path}: the value at {self.assembly.names[code[at]]}:"
                f"{start[at]} is infinite, or too large for float32; replace it first, for example "
                "array.where(np.isfinite(array))"
            )
        follows = (code[1:] == code[:-1]) & (start[1:] == end[:-1]) & (values[1:] == values[:-1])
        heads = np.flatnonzero(np.concatenate([[True], ~follows]))
        tails = np.append(heads[1:], len(values)) - 1
        names = np.array(self.assembly.names, dtype=object)[code[heads]].tolist()
        self._handle.addEntries(
            names, start[heads], ends=end[tails], values=values[heads], validate=False
        )

    def close(self) -> None:
        """Write indexes and zoom levels."""
        handle, self._handle = self._handle, None
        handle.close()

    def publish(self) -> None:
        """Give the complete file its name."""
        os.replace(self._temporary, self.path)

    def __exit__(self, *error: object) -> None:
        if self._handle is not None:
            self.close()
        if os.path.exists(self._temporary):
            os.remove(self._temporary)
