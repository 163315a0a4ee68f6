"""How does `xr.open_dataset("x.bw", engine="bigwig")` reach the readers?

xarray imports every registered engine when it guesses one, so this module imports xarray alone and
each reader only when it is used. Guessing looks at the suffix and nothing else; BED is never
guessed, since it does not tell its genome: `engine="bed"` needs `like=`.

The functions `ga.open_*` are the same readers and take several files; options are theirs.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

__all__ = ["BamEngine", "BedEngine", "BigwigEngine", "FastaEngine", "TwobitEngine"]

_LIKE = ("like", "name", "rename_contigs")


class _Engine(BackendEntrypoint, ABC):
    """A reader as an xarray engine: lazy arrays, which xarray chunks as asked."""

    suffixes: ClassVar[tuple[str, ...]] = ()

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the suffix is one of this format."""
        if not isinstance(filename_or_obj, (str, os.PathLike)):
            return False
        return os.fspath(filename_or_obj).lower().endswith(self.suffixes)

    @abstractmethod
    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask."""

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        **options: Any,
    ) -> xr.Dataset:
        """Open a file; see the reader for its options."""
        found = self.read(filename_or_obj, chunks=None, **options)
        dropped = [drop_variables] if isinstance(drop_variables, str) else drop_variables or []
        return found.drop_vars(dropped, errors="ignore")


class FastaEngine(_Engine):
    """FASTA files as sequence: `genoarrays.open_fasta`."""

    description = "FASTA files as sequence on a genome axis"
    suffixes = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")
    open_dataset_parameters = ("drop_variables", *_LIKE, "mask", "digests")

    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask."""
        from genoarrays.formats.sequence.fasta import open_fasta

        return open_fasta(path, **options)


class TwobitEngine(_Engine):
    """2bit files as sequence: `genoarrays.open_twobit`."""

    description = "2bit files as sequence on a genome axis"
    suffixes = (".2bit",)
    open_dataset_parameters = ("drop_variables", *_LIKE, "mask")

    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask."""
        from genoarrays.formats.sequence.twobit import open_twobit

        return open_twobit(path, **options)


class BigwigEngine(_Engine):
    """bigWig files as signal: `genoarrays.open_bigwig`."""

    description = "bigWig files as signal on a genome axis"
    suffixes = (".bw", ".bigwig")
    open_dataset_parameters = ("drop_variables", *_LIKE, "bin_size", "how", "fill", "negate_minus")

    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask."""
        from genoarrays.formats.signal.bigwig import open_bigwig

        return open_bigwig(path, **options)


class BamEngine(_Engine):
    """BAM and CRAM files as reads: `genoarrays.open_bam`."""

    description = "BAM and CRAM files as reads on a genome axis"
    suffixes = (".bam", ".cram")
    open_dataset_parameters = (
        "drop_variables",
        *_LIKE,
        "count",
        "bin_size",
        "stranded",
        "strand",
        "min_mapq",
        "require_flags",
        "exclude_flags",
        "proper_pairs",
        "unpaired",
        "extend",
        "overlap_mates",
        "shift",
        "max_fragment",
        "reference",
        "totals",
    )

    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask."""
        from genoarrays.formats.reads.bam import open_bam

        return open_bam(path, **options)


class BedEngine(_Engine):
    """BED, peak, bedGraph, GFF3 and GTF files as labels: `genoarrays.open_intervals`."""

    description = "BED, peak, bedGraph, GFF3 and GTF files as labels on a genome axis"
    suffixes = ()
    open_dataset_parameters = (
        "drop_variables",
        *_LIKE,
        "assembly",
        "mode",
        "bin_size",
        "min_overlap",
        "fill",
        "by",
        "categories",
        "feature",
        "where",
        "blocks",
        "out_of_bounds",
        "format",
    )

    def read(self, path: Any, **options: Any) -> xr.Dataset:
        """The dataset, without dask; `assembly` is another word for `like`."""
        from genoarrays.formats.intervals.intervals import open_intervals

        like = options.pop("assembly", None)
        return open_intervals(path, **{"like": like, **options})
