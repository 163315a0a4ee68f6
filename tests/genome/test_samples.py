"""Do samples that were opened apart come together by label, each with what is known of it?"""

import warnings
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.attrs import join_attrs


def reads(seed, **attrs):
    ds = ga.testing.random_genome({"chr1": 60, "chr2": 40}, seed=seed)[["reads"]]
    ds = ds.drop_vars("track", errors="ignore")
    ds.reads.attrs |= {"source": f"{seed}.bam", "count": "five_prime", "min_mapq": 0} | attrs
    return ds


@pytest.mark.parametrize("chunks", [None, 13])
def test_concat_samples__joins_by_label(chunks):
    parts = {f"s{n}": reads(n, reads={"kept": n}) for n in range(3)}
    given_ = {k: v.chunk(position=chunks) if chunks else v for k, v in parts.items()}
    with ga.testing.count_computes() as computed:
        both = ga.concat_samples(given_)
    assert not computed
    assert both.reads.dims == ("position", "strand", "sample")
    assert both.sample.values.tolist() == ["s0", "s1", "s2"]
    assert isinstance(both.sample.dtype, np.dtypes.StringDType)
    assert ga.axis_of(both) == ga.axis_of(parts["s0"])
    assert (both.reads.chunks is None) == (chunks is None)
    for label, part in parts.items():
        np.testing.assert_array_equal(both.reads.sel(sample=label), part.reads)
    assert both.reads.attrs == {
        "source": ["0.bam", "1.bam", "2.bam"], "count": "five_prime", "min_mapq": 0,
        "reads": {"s0": {"kept": 0}, "s1": {"kept": 1}, "s2": {"kept": 2}},
    }  # fmt: skip
    np.testing.assert_array_equal(
        both.sel(position="chr2:5-9").reads.sel(sample="s1"),
        parts["s1"].sel(position="chr2:5-9").reads,
    )
    assert (both.reads - parts["s1"].reads).dims == both.reads.dims
    arrays = ga.concat_samples({k: v.reads for k, v in given_.items()})
    xr.testing.assert_identical(arrays.compute(), both.reads.compute())


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.permutations(["position", "strand", "track"]),
)
def test_concat_samples__of_what_was_cut_apart_is_the_whole(counts, dims):
    ds = ga.testing.random_genome({"chr1": 20, "chr2": 10})
    total = sum(counts)
    names = np.array([f"t{n}" for n in range(total)], dtype=np.dtypes.StringDType())
    depth = xr.DataArray(np.arange(total), {"track": names}, ["track"])
    whole = (ds.reads * depth).transpose(*dims).assign_coords(depth=depth)
    edges = np.cumsum([0, *counts])
    parts = [whole.isel(track=slice(*pair)) for pair in pairwise(edges)]
    xr.testing.assert_identical(ga.concat_samples(parts, "track"), whole)
    if total > 1:
        again = ga.concat_samples([whole.isel(track=n) for n in range(total)], "track")
        assert again.dims[-1] == "track"
        xr.testing.assert_identical(again.transpose(*dims), whole)


def test_concat_samples__of_stores_reads_nothing_and_keeps_provenance(tmp_path):
    parts = {}
    for n, label in enumerate(["a", "b"]):
        ga.to_zarr(reads(n), tmp_path / f"{label}.zarr", progress=False)
        parts[label] = ga.open_zarr(tmp_path / f"{label}.zarr", chunks=None if n else "auto")
    with ga.testing.count_computes() as computed:
        both = ga.concat_samples(parts)
    assert not computed
    assert both.reads.chunks is not None
    ga.to_zarr(both, tmp_path / "both.zarr", progress=False)
    found = ga.open_zarr(tmp_path / "both.zarr")
    for n, label in enumerate(["a", "b"]):
        np.testing.assert_array_equal(found.reads.sel(sample=label), reads(n).reads)
    assert found.reads.attrs["source"] == ["0.bam", "1.bam"]


def test_concat_samples__gives_what_opening_together_gives(tmp_path):
    pysam = pytest.importorskip("pysam")
    paths = {}
    for n, label in enumerate("ab"):
        paths[label] = str(tmp_path / f"{label}.bam")
        with pysam.AlignmentFile(
            paths[label], "wb", header={"SQ": [{"SN": "chr1", "LN": 50}]}
        ) as file:
            for start in range(1, 5 + n):
                line = f"r{start}\t{16 * n}\tchr1\t{start}\t60\t5M\t*\t0\t0\tACGTA\t*"
                file.write(pysam.AlignedSegment.fromstring(line, file.header))
    together = ga.open_bam(paths, totals=True)
    apart = {label: ga.open_bam(path, totals=True) for label, path in paths.items()}
    xr.testing.assert_identical(ga.concat_samples(apart).compute(), together.compute())
    listed = [ga.open_bam({label: path}, totals=True) for label, path in paths.items()]
    xr.testing.assert_identical(ga.concat_samples(listed).compute(), together.compute())
    np.testing.assert_array_equal(ga.concat_samples(apart).sample, ["a", "b"])


def test_concat_samples__other_coordinates_go_along():
    a, b = (
        reads(0).assign_coords(donor="x", lab="here"),
        reads(1).assign_coords(donor="y", lab="here"),
    )
    both = ga.concat_samples({"a": a, "b": b})
    assert both.donor.dims == ("sample",)
    assert both.donor.values.tolist() == ["x", "y"]
    assert both.lab.values == "here"
    more = ga.concat_samples(
        [both, ga.concat_samples({"c": reads(2).assign_coords(donor="z", lab="here")})]
    )
    assert more.donor.values.tolist() == ["x", "y", "z"]
    with pytest.raises(ga.GenomeError, match="not all objects have the coordinate 'donor'"):
        ga.concat_samples({"a": a, "b": reads(1).assign_coords(lab="here")})


def test_concat_samples__what_has_no_samples_must_be_the_same():
    dna = ga.testing.random_genome({"chr1": 60, "chr2": 40})[["dna"]]
    parts = [
        ga.merge(ga.concat_samples({label: reads(n)}), dna.chunk()) for n, label in enumerate("ab")
    ]
    both = ga.concat_samples([part.assign(number=3) for part in parts])
    assert both.dna.dims == ("position",)
    assert int(both.number) == 3
    other = parts[1].assign(dna=("position", parts[1].dna.data[::-1], parts[1].dna.attrs))
    with pytest.raises(ga.GenomeError, match=r"cannot concatenate 'dna'.*ga.merge"):
        ga.concat_samples([parts[0], other])
    with pytest.raises(ga.GenomeError, match="other variables"):
        ga.concat_samples([parts[0], parts[1].drop_vars("dna")])


def test_concat_samples__never_lists_the_labels_of_a_genome():
    dask_array = pytest.importorskip("dask.array")
    hg = ga.Assembly("large", {f"chr{n}": 10**8 for n in range(30)})
    coords = ga.genome_coords(hg)
    zeros = dask_array.zeros(3 * 10**9, chunks=10**8, dtype="u1")
    parts = {label: xr.DataArray(zeros, coords, ["position"]) for label in "ab"}
    both = ga.concat_samples(parts)
    assert both.shape == (3 * 10**9, 2)
    assert both.sel(position="chr7:5-9", sample="b").values.tolist() == [0] * 4


def test_concat_samples__refuses():
    a, b = reads(0), reads(1)
    both, coarse = ga.concat_samples({"x": a, "y": b}), ga.coarsen(b, 5, "sum")
    refused = [
        ({}, "nothing to concatenate"),
        ([], "nothing to concatenate"),
        ([a, b], r"an object has no sample; name it in a dict, as in ga.concat_samples\(\{'a'"),
        ({"a": a, "b": b.reads}, "Datasets and DataArrays"),
        ({"a": a, "b": b.isel(position=slice(50))}, "other regions"),
        ({"a": a, "b": coarse}, r"bins of 1 bp and of 5 bp.*ga.regrid\(a, like=b\)"),
        ({"a": a, "b": b.isel(strand=slice(None, None, -1))}, "other labels along 'strand'"),
        ({"a": a, "b": b.isel(strand=0, drop=True)}, "not all objects have the dimension 'strand'"),
        ({"a": both, "b": b}, "'a' stands for an object with 2 samples"),
        ([both, ga.concat_samples({"x": b})], "sample 'x' is there twice"),
        ([both.drop_vars("sample")], "the samples of an object have no labels"),
        ({"a": a, "b": reads(1, count="coverage")}, "='five_prime' for 'a' and 'coverage' for 'b'"),
    ]
    for objs, message in refused:
        with pytest.raises(ga.GenomeError, match=message):
            ga.concat_samples(objs)
    with pytest.raises(ga.AssemblyError, match="cannot concatenate 'random'"):
        ga.concat_samples({"a": a, "b": ga.testing.random_genome({"chr1": 100})[["reads"]]})
    with pytest.warns(UserWarning, match="shifted differently"):
        both = ga.concat_samples({"a": reads(0, shift=[4, -4]), "b": reads(1, shift=[0, 0])})
    assert both.reads.attrs["shift"] == {"a": [4, -4], "b": [0, 0]}
    with pytest.warns(UserWarning, match="shifted differently"):
        ga.merge(both, ga.concat_samples({"a": a, "b": b}).rename(reads="more"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = ga.concat_samples({"a": reads(0, shift=[4, -4]), "b": reads(1, shift=[4, -4])})
    assert same.reads.attrs["shift"] == [4, -4]


def test_join_attrs__tells_of_each():
    one = {
        "source": "a", "reads": {"kept": 1}, "rows_dropped": 2, "contigs_dropped": ["x", "y"],
        "contigs_renamed": {"1": "chr1"}, "minus_negated": True, "cell": "K562", "unit": "bp",
        "array": np.arange(2), "shift": [0, 0],
    }  # fmt: skip
    other = {
        "source": ["b", "c"], "reads": {"b": {"kept": 2}, "c": {"kept": 3}}, "rows_dropped": 5,
        "contigs_dropped": ["y", "z"], "contigs_renamed": {"2": "chr2"},
        "minus_negated": [False, True], "unit": "bp", "array": np.arange(2), "shift": [4, -4],
    }  # fmt: skip
    joined = join_attrs([one, other], [["a"], ["b", "c"]], "'x'")
    assert joined.pop("array").tolist() == [0, 1]
    assert joined == {
        "source": ["a", "b", "c"],
        "reads": {"a": {"kept": 1}, "b": {"kept": 2}, "c": {"kept": 3}},
        "rows_dropped": 7,
        "contigs_dropped": ["x", "y", "z"],
        "contigs_renamed": {"1": "chr1", "2": "chr2"},
        "minus_negated": [True, False, True],
        "shift": {"a": [0, 0], "b": [4, -4], "c": [4, -4]},
        "cell": {"a": "K562"},
        "unit": "bp",
    }
    assert join_attrs([{"reads": {"kept": 1}}] * 2, [["a"], ["b"]], "'x'") == {
        "reads": {"a": {"kept": 1}, "b": {"kept": 1}}
    }
