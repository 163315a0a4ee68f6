from itertools import groupby, pairwise

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis
from genoarrays.genome.index import genome_coords
from genoarrays.ops.coarse import rebinned_axis
from genoarrays.ops.groups import Fields, Groups

DTYPES = ["f4", "f8", "u1", "i8", "u4"]


@st.composite
def cases(draw):
    """An axis, whole or of runs that share no coarse bin, and a factor."""
    axis = GenomeAxis(draw(ga.testing.assemblies()), draw(st.integers(1, 4)))
    factor = draw(st.integers(1, 7))
    if draw(st.booleans()):
        code, bins = axis.at(np.arange(axis.size))
        held = code * 1000 + bins // factor
        kept = np.isin(held, draw(st.lists(st.sampled_from(held.tolist()), min_size=1)))
        axis = axis[np.flatnonzero(kept)]
    return axis, factor


def listed(axis, factor):
    """Positions of each coarse bin, by listing them all."""
    code, bins = axis.at(np.arange(axis.size))
    keys = list(zip(code.tolist(), (bins // factor).tolist(), strict=True))
    return [[i for i, _ in run] for _, run in groupby(enumerate(keys), key=lambda pair: pair[1])]


@given(cases(), st.data())
def test_groups__equal_listing_all_bins(case, data):
    axis, factor = case
    wanted, groups = listed(axis, factor), Groups.of(axis, factor)
    size = len(wanted)
    assert size == rebinned_axis(axis, axis.bin_size * factor).size
    assert groups.starts(0, size).tolist() == [group[0] for group in wanted]
    low = data.draw(st.integers(0, size - 1))
    high = data.draw(st.integers(low + 1, size))
    for some in (groups, groups.within(low, high)):
        assert some.starts(low, high).tolist() == [group[0] for group in wanted[low:high]]
        assert some.span(low, high) == (wanted[low][0], wanted[high - 1][-1] + 1)
        begin, end = some.span(low, high)
        begin = data.draw(st.integers(begin, end - 1))
        end = data.draw(st.integers(begin + 1, end))
        holding = [n for n, group in enumerate(wanted) if group[-1] >= begin and group[0] < end]
        assert some.covering(begin, end) == (holding[0], holding[-1] + 1)
        starts = [max(wanted[n][0], begin) - begin for n in holding]
        assert some.cut(begin, end)[2].tolist() == starts


def pieces(size, cuts):
    edges = sorted({0, size, *(cut % (size + 1) for cut in cuts)})
    return list(pairwise(edges))


@given(cases(), st.sampled_from(DTYPES), st.lists(st.integers(0, 200), max_size=5), st.data())
def test_fields__in_pieces_equal_coarsen(case, dtype, cuts, data):
    axis, factor = case
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = rng.integers(0, 200, (2, axis.size)).astype(dtype)
    if values.dtype.kind == "f":
        values[rng.random(values.shape) < 0.3] = np.nan
    groups = Groups.of(axis, factor)
    found = Fields.none(2, int(groups.heads[-1]), values.dtype)
    for start, stop in pieces(axis.size, cuts):
        where, piece = Fields.of(np.ascontiguousarray(values[:, start:stop]), start, groups)
        found.add(piece, where)
    array = xr.DataArray(values, genome_coords(axis), ("row", "position"))
    for how, own in (("mean", found.mean), ("max", found.high), ("min", found.low)):
        wanted = ga.coarsen(array, axis.bin_size * factor, how).values
        np.testing.assert_allclose(own.astype(wanted.dtype), wanted, rtol=1e-6)
        if how != "mean":
            np.testing.assert_array_equal(own, wanted)


@given(cases(), st.integers(2, 4), st.lists(st.integers(0, 200), max_size=4))
def test_fields__of_coarser_bins_are_made_of_finer_ones(case, more, cuts):
    axis, factor = case
    try:
        coarse = rebinned_axis(axis, axis.bin_size * factor)
        rebinned_axis(axis, axis.bin_size * factor * more)
    except ga.RegionError:  # regions that are apart share a bin so large
        return
    values = np.arange(axis.size, dtype=np.float32)[None] ** 2 % 17
    values[:, ::5] = np.nan
    fine, upper, whole = (Groups.of(axis, factor), Groups.of(coarse, more),
                          Groups.of(axis, factor * more))  # fmt: skip
    once = Fields.of(values, 0, whole)[1]
    found = Fields.none(1, int(upper.heads[-1]), values.dtype)
    for low, high in pieces(coarse.size, cuts):
        begin, end = fine.span(low, high)
        own = Fields.of(np.ascontiguousarray(values[:, begin:end]), begin, fine)[1]
        first, last, starts = upper.cut(low, high)
        found.add(own.reduce(starts), slice(first, last))
    np.testing.assert_allclose(found.total, once.total)
    np.testing.assert_allclose(found.known, once.known)
    np.testing.assert_array_equal(found.high, once.high)
    np.testing.assert_array_equal(found.low, once.low)


@pytest.mark.parametrize("odd", [np.inf, -np.inf, np.nan])
def test_fields__infinite_and_missing_values(odd):
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 7}), 2)  # the last bin is half a one
    values = np.array([[1, odd, 3, 5], [odd, odd, odd, odd]], np.float32)
    where, found = Fields.of(values, 0, Groups.of(axis, 2))
    array = xr.DataArray(values, genome_coords(axis), ("row", "position"))
    assert where == slice(0, 2)
    for how, own in (("mean", found.mean), ("max", found.high), ("min", found.low)):
        np.testing.assert_allclose(own, ga.coarsen(array, 4, how).values, rtol=1e-6)


def test_fields__count_a_bin_that_is_cut_short_as_its_share():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 25, "chr2": 10}), 10)
    values = np.array([[1.0, 2, 4, 8]], np.float32)
    found = Fields.of(values, 0, Groups.of(axis, 3))[1]
    assert found.known.tolist() == [[2.5, 1]]
    assert found.mean.tolist() == [[5 / 2.5, 8]]
