import warnings

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis

FUNCTIONS = {"mean": np.nanmean, "sum": np.nansum, "max": np.nanmax, "min": np.nanmin}


def brute(ds, name, bin_size, how):
    """Contig by contig, bin by bin."""
    found = []
    for contig in dict.fromkeys(ds.contig.values.tolist()):
        part = ds[name].sel(contig=contig)
        for start in range(0, int(part.position[-1]) + 1, bin_size):
            inside = part.values[(part.position >= start) & (part.position < start + bin_size)]
            if not len(inside):
                continue
            if how == "any":
                found.append((np.nan_to_num(inside) != 0).any(axis=0))
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # all NaN
                value = FUNCTIONS[how](inside.astype(float), axis=0)
            empty = np.isnan(inside.astype(float)).all(axis=0)
            found.append(np.where(empty, np.nan, value))
    return np.array(found)


@given(
    st.lists(st.integers(1, 25), min_size=1, max_size=4), st.integers(1, 12),
    st.sampled_from(["mean", "sum", "max", "min", "any"]), st.integers(0, 9),
)  # fmt: skip
def test_coarsen__equals_brute_force(lengths, bin_size, how, chunk):
    ds = ga.testing.random_genome({f"chr{i}": n for i, n in enumerate(lengths)})
    ds = ds.drop_vars("dna")
    coarse = ga.coarsen(ds.chunk(position=chunk) if chunk else ds, bin_size, how)
    assert ga.axis_of(coarse) == GenomeAxis(ga.axis_of(ds).assembly, bin_size)
    for name in ("signal", "reads", "label"):
        np.testing.assert_allclose(coarse[name], brute(ds, name, bin_size, how), rtol=1e-6)
        one = ga.coarsen(ds[name], bin_size, how)
        np.testing.assert_array_equal(one, coarse[name])
        assert one.dtype == coarse[name].dtype


def test_coarsen__twice_is_coarsen_once():
    ds = ga.testing.random_genome({"chr1": 1003, "chr2": 77})[["reads"]].astype(float)
    for how in ("sum", "mean", "max"):
        twice = ga.coarsen(ga.coarsen(ds, 5, how), 20, how)
        np.testing.assert_allclose(twice.reads, ga.coarsen(ds, 20, how).reads)


def test_coarsen__is_lazy_and_keeps_labels():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50}).drop_vars("dna").chunk(position=30)
    ds.reads.attrs["source"] = "a.bam"
    with ga.testing.count_computes() as computed:
        coarse = ga.coarsen(ds, 10, "sum")
    assert not computed
    assert coarse.reads.attrs == {"source": "a.bam"}
    assert coarse.strand.values.tolist() == ["+", "-"]
    assert coarse.reads.dims == ("position", "strand")
    assert coarse.reads.dtype == np.int64
    assert coarse.sel(position="chr2:0-10").reads.values.tolist() == [
        ds.reads.sel(position="chr2:0-10").sum("position").values.tolist()
    ]


def test_coarsen__of_regions_uses_what_they_hold():
    ds = ga.testing.random_genome({"chr1": 100, "chr2": 50})[["label"]]
    part = ds.sel(position=["chr1:5-30", "chr2:40-50"])
    coarse = ga.coarsen(part, 10, "sum")
    assert coarse.position.values.tolist() == [0, 10, 20, 40]
    assert int(coarse.label[0]) == int(ds.label[5:10].sum())
    with pytest.raises(ga.RegionError, match="share a bin of 10 bp"):
        ga.coarsen(ds.sel(position=["chr1:5-12", "chr1:15-30"]), 10)
    with pytest.raises(ga.RegionError, match="reversed or thinned"):
        ga.coarsen(ds.isel(position=slice(None, None, -1)), 10)


def test_coarsen__refuses():
    ds = ga.testing.random_genome({"chr1": 100})
    with pytest.raises(ga.GenomeError, match="'dna' holds codes"):
        ga.coarsen(ds, 10)
    with pytest.raises(ga.GenomeError, match="how='median'"):
        ga.coarsen(ds.reads, 10, "median")
    with pytest.raises(ga.GenomeError, match="no multiple of the 4 bp"):
        ga.coarsen(ga.testing.random_genome({"chr1": 100}, bin_size=4).reads, 10)
    with pytest.raises(ga.AssemblyError):
        ga.coarsen(xr.DataArray([1, 2], dims="position"), 2)


def test_map_contigs__never_crosses_an_end():
    ds = ga.testing.random_genome({"chr1": 30, "chr2": 20}).chunk(position=7)
    smooth = ga.map_contigs(ds.signal, lambda part: part.rolling(position=5, min_periods=1).mean())
    for contig in ("chr1", "chr2"):
        alone = ds.signal.sel(contig=contig).compute().rolling(position=5, min_periods=1).mean()
        np.testing.assert_allclose(smooth.sel(contig=contig), alone, rtol=1e-5)
    assert ga.axis_of(smooth) == ga.axis_of(ds)
    shifted = ga.map_contigs(ds[["label"]], lambda part: part.shift(position=1, fill_value=9))
    assert shifted.label.values[[0, 30]].tolist() == [9, 9]
    parts = ga.map_contigs(ds.sel(position=["chr1:0-5", "chr1:10-15"]).label,
                           lambda part: part.isel(position=slice(1, None)))  # fmt: skip
    assert parts.position.values.tolist() == [1, 2, 3, 4, 11, 12, 13, 14]
    with pytest.raises(ga.RegionError, match="lost the dimension `position`"):
        ga.map_contigs(ds.label, lambda part: part.sum("position"))
    with pytest.raises(ga.RegionError, match="no positions"):
        ga.map_contigs(ds.isel(position=slice(0)), lambda part: part)
