"""Which base is at `position` of a 2bit file?

Four bases are a byte: one look-up in a table of 256 entries of four codes, then N where the ranges
of N say so. Any part of a contig is one small read. Lower case is a second variable, as in FASTA;
other IUPAC letters became N when the file was made.

Own reader: the format is a page long, and py2bit gives letters, not codes: 0.14 s of CPU for 100
million bases, to be translated yet, where this takes 0.06 s.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from genoarrays.errors import InputError
from genoarrays.formats.files import Stamp
from genoarrays.formats.lazy import Chunks
from genoarrays.formats.match import Header, Renaming, match_files
from genoarrays.formats.sequence.fasta import UNKNOWN, sequence_dataset
from genoarrays.formats.sequence.twobit_index import twobit_contigs, twobit_index, twobit_ranges
from genoarrays.formats.tally import tally
from genoarrays.genome.axis import GenomeAxis

__all__ = ["TwobitSource", "open_twobit"]

# by two bits: T C A G; the first base of a byte is in the highest two
_FOUR = np.array([3, 1, 0, 2], np.uint8)[np.arange(256)[:, None] >> np.array([6, 4, 2, 0]) & 3]
_CODES = np.ascontiguousarray(_FOUR).view(np.uint32).reshape(-1)


@dataclass(frozen=True)
class TwobitSource:
    """Codes (`what="dna"`) or soft mask (`what="mask"`) of a 2bit file."""

    stamp: Stamp
    what: str = "dna"

    kind = "twobit"
    shape = ()

    @property
    def token(self) -> str:
        """What else decides the values."""
        return self.what

    @property
    def dtype(self) -> np.dtype[Any]:
        """int8 codes, or bool."""
        return np.dtype(np.int8 if self.what == "dna" else bool)

    @property
    def fill(self) -> int:
        """Unknown base, or not masked."""
        return UNKNOWN if self.what == "dna" else 0

    def due(self, contig: str) -> int | None:
        """Letters of a contig, all of which `tally` must hear of; None where none are counted."""
        if self.what != "dna":
            return None
        contigs = twobit_contigs(self.stamp).contigs
        return contigs[contig].length if contig in contigs else 0

    def read(self, contig: str, start: int, end: int) -> npt.NDArray[Any]:
        """Values of [start, end); codes are told to `tally`, known or N.

        Raises
        ------
        InputError
            When the file was changed or is damaged.
        """
        self.stamp.check()
        index = twobit_contigs(self.stamp)
        if contig not in index.contigs or start >= end:
            return np.full(max(end - start, 0), self.fill, dtype=self.dtype)
        record = index.contigs[contig]
        edges = twobit_ranges(self.stamp, index.order, contig, self.what, record)
        within = _within(edges, start, end)
        if self.what == "mask":
            return within
        first, last = start // 4, -(-end // 4)
        with open(self.stamp.path, "rb", buffering=0) as file:
            file.seek(record.bases + first)
            raw = np.frombuffer(file.read(last - first), dtype=np.uint8)
        if len(raw) != last - first:
            raise InputError(
                self.stamp.path, f"{contig}:{start}-{end}", "the file ends here", "copy it again"
            )
        codes = _CODES[raw].view(np.int8)[start - 4 * first : end - 4 * first]
        unknown = int(np.count_nonzero(within))
        if unknown:
            np.putmask(codes, within, UNKNOWN)
        counts = {"known": end - start - unknown} | ({"N": unknown} if unknown else {})
        tally("letters", self.stamp.path, counts)
        return codes


def _within(edges: npt.NDArray[np.int64], start: int, end: int) -> npt.NDArray[np.bool_]:
    """Whether each position of [start, end) lies in a range; the ranges ascend."""
    inside = int(np.searchsorted(edges, start, side="right")) % 2 == 1
    between = edges[(edges > start) & (edges < end)]
    steps = np.diff(np.concatenate([[start], between, [end]]))
    return np.repeat(np.arange(len(steps)) % 2 == (0 if inside else 1), steps)


def open_twobit(
    path: str | os.PathLike[str],
    *,
    like: Any = None,
    name: str = "dna",
    mask: bool = False,
    chunks: Chunks = "auto",
    rename_contigs: Renaming = None,
) -> xr.Dataset:
    r"""Open the genome sequence of a 2bit file, lazily.

    Parameters
    ----------
    path
        2bit file, of either byte order, version 0 or 1.
    like
        Genome to lie on: Assembly, object on a genome axis, or path of a FASTA, 2bit, .fai or
        .sizes; None is the genome in the file, in its order.
    name
        Name of the codes.
    mask
        Also give `mask`: True where the letter is lower case (soft-masked).
    chunks
        "auto": dask chunks of `ga.set_options(chunk_bytes=...)`; a number of positions; lengths by
        dimension; None: lazy without dask.
    rename_contigs
        New contig names by old, a style ("ucsc", "ensembl", "roman", "ucsc_roman"), or "match".

    Returns
    -------
    xr.Dataset
        `name` (position,) int8: A C G T = 0..3, N 4; attrs hold `alphabet` "ACGT", and in a store
        `letters`, how many were known and N. Contigs of `like` that the file lacks are 4.

    Raises
    ------
    InputError
        For a file that is missing, empty, no 2bit, cut off or damaged.
    GenomeError
        When codes and mask would have one name.
    AssemblyError, ContigError
        When the contigs do not fit `like`.

    References
    ----------
    https://genome.ucsc.edu/FAQ/FAQformat.html#format7

    Examples
    --------
    >>> import pathlib, struct, tempfile, genoarrays as ga
    >>> path = tempfile.mkdtemp() + "/toy.2bit"
    >>> head = struct.pack("<4I", 0x1A412743, 0, 1, 0) + b"\4chr1" + struct.pack("<I", 25)
    >>> bases = struct.pack("<IIIIII", 5, 1, 4, 1, 0, 0) + b"\x9c\0"  # ACGTN
    >>> _ = pathlib.Path(path).write_bytes(head + bases)
    >>> ga.open_twobit(path).dna.values
    array([0, 1, 2, 3, 4], dtype=int8)
    """
    index = twobit_index(path)
    lengths: dict[str, int | None] = {c: record.length for c, record in index.contigs.items()}
    match = match_files([Header(index.stamp.path, lengths)], like, rename_contigs)[0]
    masked = TwobitSource(index.stamp, "mask") if mask else None
    dna = TwobitSource(index.stamp)
    return sequence_dataset(name, dna, masked, match, GenomeAxis(match.assembly), chunks)
