"""How is a genome browsed within a notebook?

By igv.js, which igv-notebook brings along: the page needs no network. Files are read where they
are, a few kilobytes at a time; nothing is converted here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genoarrays._optional import optional
from genoarrays.errors import GenomeError
from genoarrays.genome.region import Region
from genoarrays.genome.region import region as read_region
from genoarrays.plot.draw import COLORS

__all__ = ["browse"]

_KINDS = {
    ".bw": ("wig", "bigwig"), ".bigwig": ("wig", "bigwig"), ".bedgraph": ("wig", "bedgraph"),
    ".bed": ("annotation", "bed"), ".narrowpeak": ("annotation", "narrowPeak"),
    ".broadpeak": ("annotation", "broadPeak"), ".gff": ("annotation", "gff3"),
    ".gff3": ("annotation", "gff3"), ".gtf": ("annotation", "gtf"),
    ".bam": ("alignment", "bam"), ".cram": ("alignment", "cram"), ".vcf": ("variant", "vcf"),
}  # fmt: skip
_INDEXES = (".bai", ".crai", ".tbi", ".csi")
Path_ = str | os.PathLike[str]


def browse(
    genome: Path_,
    files: Sequence[Path_] | Mapping[str, Path_] = (),
    region: str | Region | None = None,
    *,
    colors: Mapping[str, str] | None = None,
    height: int = 60,
    served: Path_ | None = None,
    show: bool = True,
) -> Any:
    """Show files in an interactive genome browser within a notebook.

    It needs igv-notebook (`pip install 'genoarrays[browser]'`), which brings igv.js along, so no
    network. As that library has it, files anywhere on the disk can be read in Jupyter Notebook and
    Colab; JupyterLab reads those only that its server can reach: say `served=`.

    Parameters
    ----------
    genome
        FASTA file with its .fai beside it (`samtools faidx genome.fa`), plain or bgzip.
    files
        Tracks from top to bottom, or by name: bigWig (as of `ga.to_bigwig`), bedGraph, BED, peaks,
        GFF3, GTF, VCF, BAM; indexes lie beside them.
    region
        "chr2:1,000-2,000", 0-based and half-open as everywhere here; the browser itself counts
        from 1. None: the first contig.
    colors
        By name of the track.
    height
        Of a track, in pixels.
    served
        Folder in which Jupyter was started: files below it are read by URL. None: by their paths.
    show
        False: make the configuration only.

    Returns
    -------
    igv_notebook.Browser or dict
        The browser, to which more tracks can be loaded; with `show=False` its configuration.

    Raises
    ------
    GenomeError
        For a file that is missing, lacks its index, is of a kind that the browser does not know, or
        not below `served`.
    ImportError
        Without igv-notebook.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("toy.fa", "toy.fa.fai", "toy.bw"):
    ...     _ = (folder / name).write_text("")
    >>> shown = browse(folder / "toy.fa", [folder / "toy.bw"], "chr1:0-100", show=False)
    >>> shown["locus"], shown["tracks"][0]["name"]
    ('chr1:1-100', 'toy')
    """
    named = dict(files) if isinstance(files, Mapping) else {_stem(file): file for file in files}
    if len(named) < len(files):
        raise GenomeError("two files have one name; give a dict of names")
    fasta = _found(genome)
    reference = {
        "id": _stem(genome), "name": _stem(genome), **_at("fasta", fasta, served),
        **_at("index", _found(f"{fasta}.fai", f"make it with: samtools faidx {fasta}"), served),
    }  # fmt: skip
    if fasta.endswith(".gz"):
        gzi = _found(f"{fasta}.gzi", f"make it with: bgzip -r {fasta}")
        reference |= _at("compressedIndex", gzi, served)
    config: dict[str, Any] = {
        "reference": reference,
        "loadDefaultGenomes": False,  # the list of known genomes would be fetched
        "tracks": [
            _track(name, _found(file), (colors or {}).get(name, COLORS[n % len(COLORS)]), height,
                   served)
            for n, (name, file) in enumerate(named.items())
        ],
    }  # fmt: skip
    if region is not None:
        place = read_region(region) if isinstance(region, str) else region
        end = "" if place.end is None else f":{place.start + 1}-{place.end}"
        config["locus"] = f"{place.contig}{end}"
    if not show:
        return config
    igv = optional("igv_notebook", purpose="browsing in a notebook", extra="browser")
    igv.init()
    return igv.Browser(config)


def _stem(file: Path_) -> str:
    return Path(file).name.split(".")[0]


def _found(file: Path_, cure: str = "check the path") -> str:
    path = os.path.abspath(os.fspath(file))
    if not os.path.exists(path):
        raise GenomeError(f"there is no file {path}; {cure}")
    return path


def _at(what: str, path: str, served: Path_ | None) -> dict[str, str]:
    """Where a file is, as igv-notebook takes it."""
    if served is not None:
        below = os.path.relpath(path, served)
        if below.startswith(os.pardir):
            raise GenomeError(f"{path} is not below {os.fspath(served)}, which Jupyter serves")
        return {"url" if not what else f"{what}URL": "/" + below.replace(os.sep, "/")}
    return {"path" if not what else f"{what}Path": path}


def _track(name: str, path: str, color: str, height: int, served: Path_ | None) -> dict[str, Any]:
    suffixes = [s.lower() for s in Path(path).suffixes if s.lower() not in (".gz", ".bgz")]
    if not suffixes or suffixes[-1] not in _KINDS:
        raise GenomeError(
            f"{path} is of no kind that the browser knows: {', '.join(_KINDS)}; write arrays with "
            "ga.to_bigwig first"
        )
    kind, form = _KINDS[suffixes[-1]]
    track = {"name": name, "type": kind, "format": form, "color": color, "height": height,
             **_at("", path, served)}  # fmt: skip
    index = next((path + end for end in _INDEXES if os.path.exists(path + end)), None)
    if index is not None:
        track |= _at("index", index, served)
    elif kind == "alignment":
        raise GenomeError(f"{path} has no index beside it; make it with: samtools index {path}")
    else:
        track["indexed"] = False
    return track
