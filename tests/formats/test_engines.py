import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.errors import GenomeError
from genoarrays.formats.engines import BamEngine, BedEngine, BigwigEngine, FastaEngine, TwobitEngine
from tests.formats.files import (
    LENGTHS,
    TOY,
    bgzip,
    random_bases,
    write_bam,
    write_bigwig,
    write_fasta,
    write_text,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    genome = {contig: random_bases(7, length) for contig, length in LENGTHS.items()}
    fasta = write_fasta(folder / "g.fa", genome)
    return {
        "fasta": fasta,
        "zipped": bgzip(fasta),
        "bigwig": write_bigwig(folder / "x.bw", [("chr1", 3, 9, 2)]),
        "bam": write_bam(folder / "x.bam", [{"contig": "chr1", "start": 7}]),
        "bed": write_text(folder / "x.bed", ("chr1", 2, 5, "a", 3)),
    }


@pytest.mark.parametrize("chunks", [None, {}, {"position": -1}])
def test_open_dataset__gives_what_the_functions_give(files, chunks):
    for engine, name, options in [
        ("fasta", "fasta", {"mask": True}),
        ("fasta", "zipped", {}),
        ("bigwig", "bigwig", {"bin_size": 5, "how": "max", "name": "x"}),
        ("bam", "bam", {"count": "coverage", "stranded": False}),
        ("bed", "bed", {"like": TOY, "mode": "score", "bin_size": 2}),
    ]:
        ds = xr.open_dataset(files[name], engine=engine, chunks=chunks, **options)
        opener = {"fasta": ga.open_fasta, "bigwig": ga.open_bigwig, "bam": ga.open_bam}
        want = opener.get(engine, ga.open_intervals)(files[name], **options)
        xr.testing.assert_identical(ds.load(), want.load())
        for variable in ds.data_vars:
            part = ds[variable].sel(position="chr1:0-20")
            np.testing.assert_array_equal(part.values, want[variable].sel(position="chr1:0-20"))


def test_open_dataset__is_lazy_with_and_without_dask(files):
    ds = xr.open_dataset(files["bigwig"], engine="bigwig")
    assert ds.signal.chunks is None
    assert not ds.signal.variable._in_memory
    assert xr.open_dataset(files["bigwig"], engine="bigwig", chunks={}).signal.chunks == ((1628,),)
    assert ds.signal.sel(position="chr1:2-4").values[1] == 2


def test_open_dataset__guesses_by_suffix_and_drops_variables(files):
    for name in ("fasta", "zipped", "bigwig", "bam"):
        assert len(xr.open_dataset(files[name]).data_vars) == 1
    ds = xr.open_dataset(files["fasta"], mask=True, drop_variables="dna")
    assert list(ds.data_vars) == ["mask"]


def test_guess_can_open__goes_by_suffix_alone():
    engines = [FastaEngine(), TwobitEngine(), BigwigEngine(), BamEngine(), BedEngine()]
    names = [
        "a.2bit",
        "a.fa",
        "a.FASTA",
        "b.fna.gz",
        "x.bw",
        "x.bigWig",
        "x.bam",
        "x.bed",
        "x.gz",
        "x.nc",
    ]
    found = [[engine.guess_can_open(name) for name in names] for engine in engines]
    assert np.array(found).sum(axis=0).tolist() == [1] * 7 + [0] * 3
    assert not any(engine.guess_can_open(b"x.bam") for engine in engines)


def test_bed_engine__needs_a_genome(files):
    with pytest.raises(GenomeError, match="give like="):
        xr.open_dataset(files["bed"], engine="bed")
    ds = xr.open_dataset(files["bed"], engine="bed", assembly=TOY)
    assert int(ds.label.sum()) == 3


def test_engines__import_no_reader():
    code = (
        "import sys, genoarrays.formats.engines\n"
        "bad = {'pysam', 'pyBigWig', 'pandas.core.dummy', 'genoarrays.formats.base'}\n"
        "assert not bad & set(sys.modules), bad & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
