"""What are the sequences in these files, when there is no genome to place them on?

DNA, RNA or proteins of one length, or brought to one: `(sequence, offset)` codes by id. Opening
reads every file once, for ids, lengths and letters; the codes are read when they are needed, block
by block, from plain FASTA and bgzip. Other gzip cannot be read in parts: its letters, one byte
each, are kept in memory, up to the byte limit.

Opening 20,000 proteins (9 million letters, gzip) takes 0.13 s of CPU; 1 million reads of 100 bases,
plain, take 1.3 s to open, as long to read, and 180 MB for their ids and places.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError, InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.lazy import Chunks, as_variable
from genoarrays.formats.match import name_files
from genoarrays.formats.strings.letters import letters_of
from genoarrays.formats.strings.rows import SequenceFile, SequenceRows
from genoarrays.formats.strings.text import Found, Ints, scan_sequences
from genoarrays.genome.sequences import sequence_coords

__all__ = ["open_sequences", "sequence_length", "sequence_set"]

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any]
_IDS = ("name", "header", "number")


def open_sequences(
    paths: Paths,
    *,
    alphabet: str = "dna",
    length: int | None = None,
    ids: str | Sequence[str] = "name",
    name: str | None = None,
    chunks: Chunks = "auto",
) -> xr.Dataset:
    r"""Open FASTA files of sequences that lie on no genome.

    Parameters
    ----------
    paths
        A file, a list of files, or files by label; plain, bgzip, or other gzip, which is held in
        memory.
    alphabet
        "dna" (ACGT; U reads as T), "rna" (ACGU; T reads as U) or "protein" (ACDEFGHIKLMNPQRSTVWY),
        in either case.
    length
        Letters of each row: longer sequences are cut and shorter ones filled with unknown, both at
        the right end (in reverse complement what was filled comes first). None: all sequences have
        one length.
    ids
        "name": the first word after '>'; "header": everything after it; "number": the number in
        the file, from 0, behind the file's label where there are several; or a list of ids.
    name
        Of the variable; None is the alphabet's.
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`; a number of sequences; lengths by
        dimension; None: lazy without dask.

    Returns
    -------
    xr.Dataset
        `name` (sequence, offset) int8: letters by their place in the alphabet, and its size for
        all others: those that stand for several (N, X, B, ...), U and O in proteins, gaps, stops
        and what was filled. attrs: `alphabet`, its letters; `letters`, how many were `known` and
        how often each other one occurs, before cutting; `source`. Coordinates along `sequence`:
        `id`, by which sequences are selected; `length` before cutting and filling; `source`, the
        file's label, where there are several. `offset` counts letters.

    Raises
    ------
    InputError
        For a missing, empty or damaged file, text before the first '>', a header without name or
        sequence or that is no UTF-8, a letter outside the alphabet (names id and position, from
        0); two sequences of one id; when read, for a file that was changed.
    GenomeError
        When sequences differ in length and `length` is not given; for an unknown alphabet or
        `ids`; for gzip that is no bgzip and exceeds the byte limit.

    Examples
    --------
    >>> import pathlib, tempfile, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy.fa"
    >>> _ = pathlib.Path(path).write_text(">a one\nACGT\n>b\nGG\nN\n")
    >>> x = ga.open_sequences(path, length=5)
    >>> x.dna.sel(id="b").values
    array([2, 2, 4, 4, 4], dtype=int8)
    >>> x.id.values.tolist(), x.length.values.tolist()
    (['a', 'b'], [4, 3])
    """
    letters = letters_of(alphabet)
    labels, files = name_files(paths, "source")
    kind = ids if isinstance(ids, str) else "number"
    if kind not in _IDS:
        raise GenomeError(f"ids={ids!r} is not known; choose from {list(_IDS)}, or give a list")
    stamps = [Stamp.of(file) for file in files]
    found = [scan_sequences(stamp, letters, kind) for stamp in stamps]
    if not isinstance(ids, str):
        names = [str(one) for one in ids]
    elif kind == "number" and labels is not None:
        each = zip(labels, found, strict=True)
        names = [f"{label}:{number}" for label, one in each for number in one.ids]
    else:
        names = [one for part in found for one in part.ids]
    lengths = np.concatenate([one.lengths for one in found])
    if len(names) != len(lengths):
        raise GenomeError(f"{len(names):,} ids for {len(lengths):,} sequences; give one for each")
    _check_ids(names, stamps, found)
    length = sequence_length(names, lengths, length)
    parts = [
        SequenceFile(stamp, alphabet, one.offsets, one.lengths, one.codes)
        for stamp, one in zip(stamps, found, strict=True)
    ]
    counts: Counter[str] = Counter()
    for one in found:
        counts.update(one.letters)
    attrs = {
        "alphabet": letters.known,
        "letters": dict(counts),
        "source": [s.path for s in stamps] if len(stamps) > 1 else stamps[0].path,
    }
    from dask.base import tokenize

    array = SequenceRows(tuple(parts), length, len(letters.known))
    variable = as_variable(
        array,
        ("sequence", "offset"),
        chunks,
        name=f"sequences-{tokenize(stamps, alphabet, length)}",
        attrs=attrs,
    )
    source = None
    if labels is not None:
        source = np.repeat(np.array(labels, np.dtypes.StringDType()), [len(f.ids) for f in found])
    return sequence_set(alphabet if name is None else name, variable, names, lengths, source)


def sequence_set(
    name: str, codes: xr.Variable, ids: Sequence[str], lengths: Ints, source: Any = None
) -> xr.Dataset:
    """Dataset of codes (sequence, offset) and the coordinates that go with them.

    Raises
    ------
    GenomeError
        When the variable is named like a coordinate.
    """
    offset = {"long_name": "from the first letter", "units": "letters"}
    coords: dict[str, Any] = {
        "length": ("sequence", lengths),
        "offset": ("offset", np.arange(codes.sizes["offset"]), offset),
    }
    if source is not None:
        coords["source"] = ("sequence", source)
    if name in ("id", "sequence", *coords):
        raise GenomeError(f"name={name!r} is taken by a coordinate; choose another one")
    return xr.Dataset({name: codes}, sequence_coords(ids)).assign_coords(coords)


def sequence_length(ids: Sequence[str], lengths: Ints, length: int | None) -> int:
    """Letters of each row: as asked, else what all sequences have.

    Raises
    ------
    GenomeError
        When they differ, or less than one letter is asked.
    """
    if length is not None:
        if length < 1:
            raise GenomeError(f"length={length} is not possible; give at least 1")
        return int(length)
    other = int(np.argmax(lengths != lengths[0]))
    if lengths[other] != lengths[0]:
        raise GenomeError(
            f"sequences differ in length: {ids[0]!r} has {lengths[0]:,} letters, {ids[other]!r} "
            f"{lengths[other]:,}; cut or fill them at the right end with length=, where "
            f"length={lengths.max()} keeps every letter"
        )
    return int(lengths[0])


def _check_ids(ids: list[str], stamps: list[Stamp], found: list[Found]) -> None:
    index = pd.Index(ids, dtype=object)
    if index.is_unique:
        return
    second = int(np.argmax(index.duplicated()))
    first = ids.index(ids[second])
    begins = np.cumsum([0, *(len(one.ids) for one in found)])
    where = []
    for row in (first, second):
        file = int(np.searchsorted(begins, row, side="right")) - 1
        where.append((stamps[file].path, f"line {found[file].lines[row - begins[file]]}"))
    raise InputError(
        *where[1],
        f"id {ids[second]!r} is already that of {', '.join(where[0])}",
        "rename one of them, or say ids='header' or ids='number'",
    )
