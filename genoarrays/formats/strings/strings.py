"""How do sequences in a table become arrays with labels?

Strings are encoded by the same letters as files; whatever else is known of each sequence (activity,
set, counts) goes along as labelled columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from genoarrays.errors import GenomeError
from genoarrays.formats.strings.letters import SKIP, letters_of, pad, remedy
from genoarrays.formats.strings.sequences import sequence_length, sequence_set

__all__ = ["from_sequences"]


def from_sequences(
    strings: Any,
    ids: Any = None,
    *,
    alphabet: str = "dna",
    length: int | None = None,
    name: str | None = None,
    **labels: Any,
) -> xr.Dataset:
    """Make a Dataset of sequences in memory.

    Parameters
    ----------
    strings
        List, array or pandas column of text.
    ids
        One per sequence. None: the index of a pandas column, else numbers from 0.
    alphabet
        "dna" (ACGT; U reads as T), "rna" (ACGU; T reads as U) or "protein" (ACDEFGHIKLMNPQRSTVWY),
        in either case.
    length
        Letters of each row: longer sequences are cut and shorter ones filled with unknown, both at
        the right end. None: all sequences have one length.
    name
        Of the variable; None is the alphabet's.
    **labels
        What is known of each sequence, in the same order: lists, arrays or pandas columns.

    Returns
    -------
    xr.Dataset
        As `ga.open_sequences` gives it, in memory. Labels that are numbers or bool become variables
        (sequence,), text becomes coordinates; tables of numbers become variables (sequence, track),
        the track labelled by column.

    Raises
    ------
    GenomeError
        For what is no text, an empty sequence, a letter outside the alphabet (names id and
        position, from 0), two sequences of one id, sequences that differ in length when `length` is
        not given, labels of another length or index, of a name that is taken, or that are
        neither numbers nor text.

    Examples
    --------
    >>> import genoarrays as ga
    >>> x = ga.from_sequences(["ACG", "ttn"], ids=["a", "b"], activity=[0.5, 2.0], set=["x", "y"])
    >>> x.dna.values
    array([[0, 1, 2],
           [3, 3, 4]], dtype=int8)
    >>> x.sel(id="b").activity.item(), x.set.values.tolist()
    (2.0, ['x', 'y'])
    """
    letters = letters_of(alphabet)
    if isinstance(strings, str):
        raise GenomeError("strings= is a single text; give a list of sequences")
    texts = np.asarray(strings, dtype=object).tolist()
    if ids is None:
        ids = strings.index if isinstance(strings, pd.Series) else range(len(texts))
    names = [str(one) for one in np.asarray(ids, dtype=object).tolist()]
    if len(names) != len(texts):
        raise GenomeError(f"{len(names):,} ids for {len(texts):,} sequences; give one for each")
    if not texts:
        raise GenomeError("there are no sequences; give at least one")
    index = pd.Index(names, dtype=object)
    if not index.is_unique:
        twice = names[int(np.argmax(index.duplicated()))]
        rows = [row for row, one in enumerate(names) if one == twice][:2]
        raise GenomeError(f"id {twice!r} is in rows {rows[0]} and {rows[1]}; ids must differ")
    for one, text in zip(names, texts, strict=True):
        if not isinstance(text, str) or not text:
            raise GenomeError(
                f"sequence {one!r} is {text!r}; give text of at least one letter, or leave it out"
            )
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    joined = "".join(texts)
    codes = letters.table[np.frombuffer(joined.encode("latin-1", "replace"), dtype=np.uint8)]
    if codes.max() >= SKIP:
        place = int(np.argmax(codes >= SKIP))
        row = int(np.searchsorted(np.cumsum(lengths), place, side="right"))
        position = place - int(lengths[:row].sum())
        problem, fix = remedy(letters, joined[place])
        raise GenomeError(f"sequence {names[row]!r}, position {position}: {problem}; {fix}")
    out = np.empty((len(texts), sequence_length(names, lengths, length)), dtype=np.int8)
    pad(codes, lengths, out, len(letters.known))
    attrs = {"alphabet": letters.known, "letters": letters.tally(codes)}
    variable = xr.Variable(("sequence", "offset"), out, attrs)
    made = sequence_set(alphabet if name is None else name, variable, names, lengths)
    for label, values in labels.items():
        if label in made.variables or label in made.dims:
            raise GenomeError(f"the label {label!r} is taken; choose another name")
        assign = made.assign_coords if _is_text(values) else made.assign
        made = assign(_label(label, values, names, strings))
    return made


def _is_text(values: Any) -> bool:
    return np.asarray(values).dtype.kind not in "biuf"


def _label(label: str, values: Any, ids: Sequence[str], strings: Any) -> dict[str, Any]:
    """Variable of a label, checked to belong to the sequences."""
    both = [isinstance(one, pd.Series | pd.DataFrame) for one in (values, strings)]
    if all(both) and not values.index.equals(strings.index):
        raise GenomeError(
            f"{label!r} has another index than the sequences; take both from one table, or give "
            f"{label}.to_numpy() if the rows belong together as they stand"
        )
    array = np.asarray(values)
    if array.ndim not in (1, 2) or len(array) != len(ids):
        raise GenomeError(f"{label!r} has the shape {array.shape} for {len(ids):,} sequences")
    if not _is_text(values):
        found = xr.DataArray(array, dims=("sequence", "track")[: array.ndim])
        if isinstance(values, pd.DataFrame):
            columns = np.array([str(one) for one in values.columns], np.dtypes.StringDType())
            found = found.assign_coords(track=columns)
        return {label: found}
    for one, value in zip(ids, array.tolist(), strict=True):
        if not isinstance(value, str):
            raise GenomeError(
                f"{label!r} of sequence {one!r} is {value!r}; labels are all numbers or all text"
            )
    return {label: ("sequence", array.astype(np.dtypes.StringDType()))}
