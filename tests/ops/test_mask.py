"""Does a mask hold where it should, base by base, and do regions come back from it?"""

import pickle

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import region_columns, regions_dataset
from genoarrays.ops.mask import covered
from genoarrays.ops.stretches import runs_on

LENGTHS = {"chr1": 30, "chr2": 7, "chr3": 12}


@st.composite
def places(draw):
    """Regions within their contigs, as (contig, start, end)."""
    rows = []
    for _ in range(draw(st.integers(0, 6))):
        contig = draw(st.sampled_from(list(LENGTHS)))
        start = draw(st.integers(0, LENGTHS[contig] - 1))
        rows.append((contig, start, draw(st.integers(start + 1, LENGTHS[contig]))))
    return rows


def table(rows, assembly):
    names, starts, ends = (list(c) for c in zip(*rows, strict=True)) if rows else ([], [], [])
    return regions_dataset(names, starts, ends, assembly=assembly)


def bases_of(rows, axis):
    """Whether each bin of an axis overlaps a region."""
    contigs, low = axis.labels()
    return np.array([
        any(str(c) == n and p < b and p + axis.bin_size > a for n, a, b in rows)
        for c, p in zip(contigs, low, strict=True)
    ], dtype=bool)  # fmt: skip


@settings(max_examples=80)
@given(rows=places(), bin_size=st.sampled_from([1, 2, 5]), part=st.booleans(), data=st.data())
def test_covered__holds_where_regions_are(rows, bin_size, part, data):
    axis = ga.GenomeAxis(ga.Assembly("toy", LENGTHS), bin_size)
    if part:
        some = data.draw(st.slices(axis.size).filter(lambda s: (s.step or 1) == 1))
        axis = axis[some]
        axis = ga.GenomeAxis.concat([axis[axis.size // 2 :], axis[: axis.size // 2]])
    if axis.size == 0:
        return
    lengths = [1] * axis.size if axis.size < 4 else [3, axis.size - 3]
    found = covered(axis, runs_on(region_columns(table(rows, axis.assembly)), axis), tuple(lengths))
    expected = bases_of(rows, axis)
    np.testing.assert_array_equal(found.values, expected)
    assert ga.axis_of(found) == axis
    back = ga.regions_where(found)
    again = covered(axis, runs_on(region_columns(back), axis))
    np.testing.assert_array_equal(again.values, expected)
    if not part:
        ends = list(zip(back.contig.values, back.end.values, strict=True))
        begins = list(zip(back.contig.values, back.start.values, strict=True))
        assert not set(ends) & set(begins)
        assert all(end <= LENGTHS[str(c)] for c, end in ends)


@pytest.mark.parametrize("bin_size", [1, 4])
def test_valid_mask__joins_blacklist_unknown_bases_and_missing_data(bin_size):
    ds = ga.testing.random_genome(LENGTHS, seed=3).chunk(position=11)
    like = ds if bin_size == 1 else ga.coarsen(ds.signal, bin_size, "mean")
    axis = ga.axis_of(like)
    signal = ds.signal if bin_size == 1 else like
    blacklist = [("chr1", 3, 6), ("chr3", 11, 12)]
    inside = [("chr1", 0, 25), ("chr3", 0, 12)]
    with ga.testing.count_computes() as computed:
        found = ga.valid_mask(
            like, exclude=table(blacklist, axis.assembly), include=table(inside, axis.assembly),
            dna=ds.dna, data=signal,
        )  # fmt: skip
        assert not computed
    assert found.name == "valid"
    assert found.chunks == ((like.chunksizes["position"]),)
    unknown = (ds.dna.values > 3).nonzero()[0]
    contigs, starts = ds.contig.values, ds.position.values
    rows = [(str(contigs[i]), int(starts[i]), int(starts[i]) + 1) for i in unknown]
    expected = ~bases_of(blacklist, axis) & bases_of(inside, axis) & ~bases_of(rows, axis)
    expected &= ~np.isnan(signal.values).any(1)
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).values, expected)


def test_valid_mask__is_for_a_dataset_of_any_chunks():
    ds = ga.testing.random_genome(LENGTHS, seed=3)
    mixed = ds.assign(signal=ds.signal.chunk(position=11), label=ds.label.chunk(position=20))
    found = ga.valid_mask(mixed, dna=ds.dna)
    assert found.chunks == mixed.signal.chunks[:1]
    np.testing.assert_array_equal(found.values, ds.dna.values < 4)


def test_valid_mask__of_nothing_is_true_everywhere():
    ds = ga.testing.random_genome(LENGTHS)
    assert ga.valid_mask(ds).values.all()
    assert ga.regions_where(ga.valid_mask(ds)).region.values.tolist() == [
        "chr1:0-30:.", "chr2:0-7:.", "chr3:0-12:.",
    ]  # fmt: skip
    assert ga.regions_where(~ga.valid_mask(ds)).sizes["region"] == 0


def test_valid_mask__refuses_another_genome_or_axis():
    ds = ga.testing.random_genome(LENGTHS)
    other = table([("chr1", 0, 5)], ga.Assembly("other", {"chr1": 99}))
    with pytest.raises(ga.AssemblyError, match="cannot mask regions of"):
        ga.valid_mask(ds, exclude=other)
    with pytest.raises(ga.GenomeError, match="bring it there"):
        ga.valid_mask(ds, data=ga.coarsen(ds.signal, 2))
    with pytest.raises(ga.GenomeError, match="is no DNA"):
        ga.valid_mask(ds, dna=ds.signal)
    with pytest.raises(ga.GenomeError, match="give a mask"):
        ga.regions_where(ds.label)
    with pytest.raises(ga.GenomeError, match="reversed"):
        ga.regions_where(ga.valid_mask(ds).isel(position=slice(None, None, -1)))


def test_valid_mask__is_an_ordinary_variable():
    ds = ga.testing.random_genome(LENGTHS)
    ds = ds.assign(valid=ga.valid_mask(ds, data=ds.signal))
    x = ga.windows(ds[["signal", "valid"]], ["chr1:25-30", "chr3:0-5"], 5, flank=2, valid=True)
    assert not x.valid[0, -2:].any()
    inside = ~np.isnan(ds.signal.sel(position="chr3:0-7").values).any(1)
    np.testing.assert_array_equal(x.valid[1, 2:].values, inside)
    assert isinstance(x.valid, xr.DataArray)
