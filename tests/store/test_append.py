import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import genoarrays as ga
from genoarrays.store.part import KeptPart, Part
from tests.formats.files import TOY, write_bam, write_bigwig


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.md5(file.read_bytes()).hexdigest()
        for file in sorted(Path(path).rglob("*"))
        if file.is_file()
    }


@pytest.fixture
def bams(tmp_path):
    rng = np.random.default_rng(0)
    found = {}
    for label in "abc":
        reads = [
            {"contig": "chr1", "start": int(start), "flag": int(flag)}
            for start, flag in zip(
                rng.integers(0, 900, 40), rng.choice([0, 16, 1024], 40), strict=True
            )
        ]
        found[label] = str(write_bam(tmp_path / f"{label}.bam", reads))
    return found


def reads(bams, labels, **options):
    return ga.open_bam({label: bams[label] for label in labels}, like=TOY, **options)


SIZES = {"chunk": 100, "shard": 300}


def test_append__equals_writing_at_once(tmp_path, bams):
    ga.to_zarr(reads(bams, "abc"), tmp_path / "once.zarr", **SIZES)
    path = tmp_path / "grown.zarr"
    ga.to_zarr(reads(bams, "a"), path, **SIZES)
    before = {
        f: os.stat(f).st_ino for f in sorted((path / "1bp/reads/c").rglob("*")) if f.is_file()
    }
    ga.to_zarr(reads(bams, "b"), path, append=True)
    ga.to_zarr(reads(bams, "c"), path, append=True)
    assert {f: os.stat(f).st_ino for f in before} == before  # not touched
    xr.testing.assert_identical(
        ga.open_zarr(path).compute(), ga.open_zarr(tmp_path / "once.zarr").compute()
    )
    assert ga.open_zarr(path).reads.attrs["reads"].keys() == {"a", "b", "c"}
    one, grown = digests(tmp_path / "once.zarr"), digests(path)
    assert {k for k in one if one[k] != grown.get(k)} == set()
    assert one.keys() == grown.keys()
    ga.to_zarr(reads(bams, "abc"), path, **SIZES)  # unchanged: nothing to do
    assert ga.verify(path) == []
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_append__attributes_are_those_of_writing_at_once(tmp_path, bams):
    cuts = {"count": "cut_site", "shift": (4, -4)}
    ga.to_zarr(reads(bams, "ab", **cuts), tmp_path / "once.zarr", **SIZES)
    ga.to_zarr(reads(bams, "a", **cuts), tmp_path / "grown.zarr", **SIZES)
    ga.to_zarr(reads(bams, "b", **cuts), tmp_path / "grown.zarr", append=True)
    assert digests(tmp_path / "once.zarr") == digests(tmp_path / "grown.zarr")
    assert ga.open_zarr(tmp_path / "grown.zarr").reads.attrs["shift"] == [4, -4]
    with pytest.raises(ga.StoreError, match=r"was made with shift=.4, -4., and what is appended"):
        ga.to_zarr(
            reads(bams, "c", count="cut_site", shift=(0, 0)), tmp_path / "grown.zarr", append=True
        )
    plus = str(write_bigwig(tmp_path / "plus.bw", [("chr1", 0, 10, 1.0)]))
    minus = str(write_bigwig(tmp_path / "minus.bw", [("chr1", 0, 10, -1.0)]))
    pairs = {"a": {"+": plus, "-": minus}, "b": {"+": plus, "-": plus}}
    ga.to_zarr(ga.open_bigwig(pairs, like=TOY), tmp_path / "pairs.zarr", **SIZES)
    for append, label in enumerate("ab"):
        one = ga.open_bigwig({label: pairs[label]}, like=TOY)
        ga.to_zarr(one, tmp_path / "grown_pairs.zarr", append=bool(append), **SIZES)
    assert digests(tmp_path / "pairs.zarr") == digests(tmp_path / "grown_pairs.zarr")


def test_append__goes_on_after_a_failure(tmp_path, bams, monkeypatch):
    path = tmp_path / "a.zarr"
    ga.to_zarr(reads(bams, "a"), path, **SIZES)
    write, left = Part._write, [2]

    def stop(part, *arguments):
        if not isinstance(part, KeptPart):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
        write(part, *arguments)

    monkeypatch.setattr(Part, "_write", stop)
    with pytest.raises(KeyboardInterrupt):
        ga.to_zarr(reads(bams, "b"), path, append=True, workers=1)
    monkeypatch.undo()
    assert ga.open_zarr(path).sample.values.tolist() == ["a"]
    assert ga.verify(path) == []
    ga.to_zarr(reads(bams, "b"), path, append=True)
    ga.to_zarr(reads(bams, "ab"), tmp_path / "once.zarr", **SIZES)
    assert digests(path) == digests(tmp_path / "once.zarr")


def test_append__an_open_reader_is_told(tmp_path, bams):
    path = tmp_path / "a.zarr"
    ga.to_zarr(reads(bams, "a"), path, **SIZES)
    old = ga.open_zarr(path)
    ga.to_zarr(reads(bams, "b"), path, append=True)
    with pytest.raises(ga.StoreError, match="was replaced since it was opened"):
        old.reads.load()


def test_append__new_variables_and_nodes(tmp_path, bams):
    path = tmp_path / "a.zarr"
    bigwig = write_bigwig(tmp_path / "x.bw", [("chr1", 3, 700, 2.5), ("chr3", 80, 91, -1)])
    ga.to_zarr(reads(bams, "ab"), path, **SIZES)
    signal = ga.open_bigwig(bigwig, like=TOY)
    ga.to_zarr({"1bp": signal, "10bp": ga.open_bigwig(bigwig, bin_size=10)}, path, append=True)
    tree = ga.open_datatree(path)
    assert sorted(tree.children) == ["10bp", "1bp"]
    both = ga.merge(reads(bams, "ab"), signal)
    np.testing.assert_array_equal(tree["1bp"].signal.values, both.signal.values)
    np.testing.assert_array_equal(tree["1bp"].reads.values, both.reads.values)
    ga.to_zarr(reads(bams, "c"), path, append=True)
    assert ga.open_zarr(path, group="1bp").sizes["sample"] == 3
    assert ga.verify(path) == []


@pytest.mark.parametrize("track_chunk", [1, 2])
def test_append__tracks_and_categories(tmp_path, track_chunk):
    ds = ga.testing.random_genome({"chr1": 500, "chr2": 90})[["signal"]]
    more = [ds.assign_coords(track=[f"{n}{t}" for t in ds.track.values]) for n in range(3)]
    sizes = {**SIZES, "track_chunk": track_chunk}
    ga.to_zarr(more[0], tmp_path / "a.zarr", **sizes)
    ga.to_zarr(more[1], tmp_path / "a.zarr", append=True)
    ga.to_zarr(more[2], tmp_path / "a.zarr", append=True)
    whole = xr.concat(more, "track")
    xr.testing.assert_identical(ga.open_zarr(tmp_path / "a.zarr").compute(), whole.compute())


def test_append__refuses_what_does_not_fit(tmp_path, bams):
    path = tmp_path / "a.zarr"
    with pytest.raises(ga.StoreError, match="there is no store to append to"):
        ga.to_zarr(reads(bams, "a"), path, append=True)
    ga.to_zarr(reads(bams, "ab"), path, **SIZES)
    before = digests(path)
    with pytest.raises(ga.StoreError, match="sample 'b' is there already"):
        ga.to_zarr(reads(bams, "bc"), path, append=True)
    with pytest.raises(ga.StoreError, match="made with min_mapq=0, and what is appended with 30"):
        ga.to_zarr(reads(bams, "c", min_mapq=30), path, append=True)
    with pytest.raises(ga.StoreError, match="same options"):
        ga.to_zarr(reads(bams, "c", stranded=False), path, append=True)
    with pytest.raises(ga.StoreError, match="lies on"):
        ga.to_zarr({"1bp": reads(bams, "c", bin_size=10)}, path, append=True)
    with pytest.raises(ga.StoreError, match=r"has the dimension 'sample', .* as a list, \[path\]"):
        ga.to_zarr(ga.open_bam(bams["c"], like=TOY), path, append=True)
    ga.to_zarr(reads(bams, "b"), path, append=True)  # joined before
    with pytest.raises(ga.GenomeError, match="say one of them"):
        ga.to_zarr(reads(bams, "c"), path, append=True, overwrite=True)
    twice = ga.merge(reads(bams, "a"), reads(bams, "a", name="more", count="coverage"))
    ga.to_zarr(twice, tmp_path / "b.zarr")
    with pytest.raises(ga.StoreError, match="'more' has samples too"):
        ga.to_zarr(reads(bams, "b"), tmp_path / "b.zarr", append=True)
    ds = ga.testing.random_genome({"chr1": 500})[["signal"]].isel(track=[0])
    ga.to_zarr(ds, tmp_path / "c.zarr", track_chunk=1)
    assert digests(path) == before
