"""What sequences have the same k-mers, and nothing else in common?

Such shuffles are negatives for classifiers, and baselines for attribution: they keep composition
and take away the motifs. See `euler.py` for how.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import GenomeError

__all__ = ["shuffle_sequences"]

_NODES = 2**20  # (k-1)-mers that each thread may keep 33 bytes for


def shuffle_sequences(x: xr.DataArray, k: int = 2, seed: int = 0) -> xr.DataArray:
    """Shuffle each sequence, keeping the number of each k-mer exactly, lazily.

    All sequences with the same k-mers and the same ends are equally likely, the sequence itself
    among them. Unknown letters stay where they are, and each run of known ones between them is
    shuffled by itself; so k-mers with unknown letters are kept too.

    Parameters
    ----------
    x
        (window, offset), (sequence, offset) or any (..., offset) integer codes, such as
        `ga.windows(...).dna`; codes outside the alphabet (the attribute `alphabet`, else "ACGT")
        are unknown.
    k
        Length of the k-mers that are kept, and with them all shorter ones: 1 keeps letters, 2
        dinucleotides. The first and the last k - 1 letters of each run stay where they are.
    seed
        Decides, with the number of its row, how a sequence is shuffled: not with chunks, nor with
        the other sequences.

    Returns
    -------
    xr.DataArray
        Dims, dtype, labels and attributes of `x`; chunks too, but sequences are in one piece.

    Raises
    ------
    GenomeError
        When `x` has no dimension offset or holds no codes, or for a k below 1 or with too many
        (k-1)-mers (2**20).

    Examples
    --------
    >>> import genoarrays as ga
    >>> dna = ga.testing.dna("ACGTNACAGATACCA").expand_dims(window=3)
    >>> for row in ga.shuffle_sequences(dna).values:
    ...     print("".join("ACGTN"[code] for code in row))
    ACGTNACCACATAGA
    ACGTNATACCAGACA
    ACGTNACACCATAGA
    """
    dim = next((str(d) for d in x.dims if str(d).startswith("offset")), None)
    if dim is None or x.dtype.kind not in "iu":
        raise GenomeError(
            f"{x.name!r} with dims {x.dims} and dtype {x.dtype} holds no sequences; give integer "
            "codes with a dimension offset, as ga.windows and ga.from_sequences do"
        )
    letters = len(str(x.attrs.get("alphabet", "ACGT")))
    if k < 1 or letters ** (k - 1) > _NODES:
        raise GenomeError(
            f"k={k} is not possible with {letters} letters; give at least 1, and not more than "
            f"{_NODES:,} different (k-1)-mers"
        )
    shuffled: xr.DataArray = xr.apply_ufunc(
        _shuffle,
        x if x.chunks is None else x.chunk({dim: -1}),
        _numbers(x, dim),
        kwargs={"k": k, "letters": letters, "seed": seed},
        input_core_dims=[[dim], []],
        output_core_dims=[[dim]],
        dask="parallelized",
        output_dtypes=[x.dtype],
        keep_attrs=True,
    )
    return shuffled.transpose(*x.dims)


def _numbers(x: xr.DataArray, dim: str) -> xr.DataArray:
    """Number of each sequence, in chunks as `x`."""
    import dask.array as da

    number, step = xr.DataArray(0), 1
    for other in [d for d in reversed(x.dims) if d != dim]:
        size = x.sizes[other]
        one: Any = np.arange(size)
        if x.chunks is not None:
            one = da.arange(size, chunks=(x.chunksizes[other],))
        number = xr.DataArray(one * step, dims=[other]) + number
        step *= size
    return number


def _shuffle(
    codes: npt.NDArray[Any], numbers: npt.NDArray[np.int64], k: int, letters: int, seed: int
) -> npt.NDArray[Any]:
    from genoarrays.ops.euler import shuffle_rows

    length = codes.shape[-1]
    rows = np.ascontiguousarray(codes).reshape(codes.size // max(length, 1), length)
    out = np.empty_like(rows)
    each = np.broadcast_to(numbers, codes.shape[:-1]).reshape(-1).astype(np.int64)
    shuffle_rows(rows, each, k, letters, np.uint64(seed % 2**64), out)
    return out.reshape(codes.shape)
