import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.axis import GenomeAxis


def dense(axis):
    """Labels of every position, the slow and obvious way."""
    found = []
    for code, first, count, step in zip(
        axis.code.tolist(),
        axis.first.tolist(),
        axis.count.tolist(),
        axis.step.tolist(),
        strict=True,
    ):
        found += [(axis.assembly.names[code], (first + i * step)) for i in range(count)]
    return found


def whole(assembly, bin_size):
    return [
        (name, b)
        for name, length in zip(assembly.names, assembly.lengths.tolist(), strict=True)
        for b in range(-(-length // bin_size))
    ]


@given(ga.testing.assemblies(), st.integers(1, 40))
def test_axis__is_every_bin_of_every_contig(assembly, bin_size):
    axis = GenomeAxis(assembly, bin_size)
    assert dense(axis) == whole(assembly, bin_size)
    assert axis.is_whole
    assert axis.size == len(whole(assembly, bin_size))


@given(ga.testing.axes(), st.data())
def test_slice__equals_slicing_the_labels(axis, data):
    window = data.draw(ga.testing.slices(axis.size))
    assert dense(axis[window]) == dense(axis)[window]


@given(ga.testing.axes(), st.data())
def test_take__equals_taking_the_labels(axis, data):
    if not axis.size:
        return
    index = data.draw(st.lists(st.integers(-axis.size, axis.size - 1), max_size=20))
    assert dense(axis[np.array(index, dtype=int)]) == [dense(axis)[i] for i in index]


@given(ga.testing.axes(), st.data())
def test_mask__equals_masking_the_labels(axis, data):
    mask = data.draw(st.lists(st.booleans(), min_size=axis.size, max_size=axis.size))
    kept = [label for label, keep in zip(dense(axis), mask, strict=True) if keep]
    assert dense(axis[np.array(mask, dtype=bool)]) == kept


@given(ga.testing.axes())
def test_at__gives_the_label_of_each_position(axis):
    code, bins = axis.at(np.arange(axis.size))
    names = [axis.assembly.names[c] for c in code.tolist()]
    assert list(zip(names, bins.tolist(), strict=True)) == dense(axis)


@given(ga.testing.axes())
def test_locate__finds_every_bin_and_nothing_else(axis):
    labels = dense(axis)
    everywhere = whole(axis.assembly, axis.bin_size)
    code = np.array([axis.assembly.code(name) for name, _ in everywhere])
    found = axis.locate(code, np.array([b for _, b in everywhere])).tolist()
    assert found == [labels.index(label) if label in labels else -1 for label in everywhere]


@given(ga.testing.axes(), st.data())
def test_find__gives_every_overlapping_bin(axis, data):
    name = data.draw(st.sampled_from(axis.assembly.names))
    length = axis.assembly.length(name)
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, length))
    size = axis.bin_size
    overlapping = [
        i
        for i, (n, b) in enumerate(dense(axis))
        if n == name and b * size < end and (b + 1) * size > start
    ]
    found = axis.find(name, start, end)
    assert [i for run in found for i in range(run.start, run.stop)] == overlapping


@given(ga.testing.axes(), st.data())
def test_pieces__cover_the_positions_in_order(axis, data):
    start = data.draw(st.integers(0, axis.size))
    stop = data.draw(st.integers(start, axis.size))
    found = []
    for piece in axis.pieces(start, stop):
        assert piece.offset == start + len(found)
        found += [(piece.contig, piece.first + i * piece.step) for i in range(piece.count)]
    assert found == dense(axis)[start:stop]


@given(ga.testing.axes(), st.data())
def test_intersect__keeps_common_labels_in_the_first_ones_order(axis, data):
    other = GenomeAxis(axis.assembly, axis.bin_size)
    other = other[data.draw(ga.testing.slices(other.size))]
    both = axis.intersect(other)
    assert dense(both) == [label for label in dense(axis) if label in set(dense(other))]


@given(ga.testing.assemblies(), st.data())
def test_intersect__of_region_lists_equals_brute_force(assembly, data):
    axis = GenomeAxis(assembly)

    def regions():
        parts = []
        cuts = data.draw(st.lists(st.integers(0, axis.size), max_size=8, unique=True).map(sorted))
        for a, b in zip(cuts[::2], cuts[1::2], strict=False):
            parts.append(axis[a:b])
        return GenomeAxis.concat([axis[:0], *data.draw(st.permutations(parts))])

    one, two = regions(), regions()
    assert dense(one.intersect(two)) == [x for x in dense(one) if x in set(dense(two))]


@given(ga.testing.axes(), st.data())
def test_concat__of_two_halves_is_the_axis(axis, data):
    cut = data.draw(st.integers(0, axis.size))
    joined = GenomeAxis.concat([axis[:cut], axis[cut:]])
    assert dense(joined) == dense(axis)
    assert joined == axis


@given(ga.testing.axes())
def test_equality__is_of_labels_not_of_segments(axis):
    again = axis[np.arange(axis.size)]
    assert again == axis
    assert pickle.loads(pickle.dumps(axis)) == axis
    if axis.size > 1:
        assert axis[::-1] != axis


def test_find__refuses_what_is_not_on_the_contig():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 1000, "chr2": 500}))
    with pytest.raises(ga.RegionError, match=r"chr2:400-600 is not within chr2, which has 500 bp"):
        axis.find("chr2", 400, 600)
    with pytest.raises(
        ga.ContigError, match=r"contig 'chrX' is not in assembly 'toy' \(chr1, chr2\)"
    ):
        axis.find("chrX")
    with pytest.raises(ga.RegionError):
        axis.find("chr1", 5, 5)


def test_take__of_long_runs_keeps_segments():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 3_000_000, "chr2": 2_000_000, "chr3": 10}))
    key = np.r_[2_999_990:5_000_005, 7:1_500_000]  # over contig ends and over blocks of positions
    part = axis[key]
    assert part.code.tolist() == [0, 1, 2, 0]
    assert part.first.tolist() == [2_999_990, 0, 0, 7]
    assert part.count.tolist() == [10, 2_000_000, 5, 1_499_993]
    assert axis[key - axis.size] == part
    assert axis[key.astype(np.uint32)] == part


def test_take__wraps_no_run_at_the_end_of_the_axis():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 300}))
    assert axis[np.array([-1, 0, 1])].first.tolist() == [299, 0]
    assert axis[np.array([255, 0], dtype=np.uint8)].first.tolist() == [255, 0]


@pytest.mark.parametrize("position", [10, -11, 2**40])
def test_take__refuses_positions_past_the_end(position):
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 10}))
    with pytest.raises(IndexError, match=f"position {position:,} is not on this axis.*give 0 to 9"):
        axis[np.array([3, position])]


def test_axes__of_other_bin_sizes_or_assemblies_do_not_combine():
    toy = ga.Assembly("toy", {"chr1": 1000})
    with pytest.raises(ga.GenomeError, match="bins of 1 bp and of 10 bp"):
        GenomeAxis(toy).intersect(GenomeAxis(toy, 10))
    with pytest.raises(ga.AssemblyError, match="chr1 has 1,000 bp here and 999 there"):
        GenomeAxis(toy).intersect(GenomeAxis(ga.Assembly("toy", {"chr1": 999})))
    with pytest.raises(ga.GenomeError, match="bin_size is 0"):
        GenomeAxis(toy, 0)


def test_repeated_bins__cannot_be_aligned():
    axis = GenomeAxis(ga.Assembly("toy", {"chr1": 10}))
    twice = axis[np.array([1, 1, 2])]
    with pytest.raises(ga.RegionError, match="repeats positions"):
        twice.intersect(axis[:5])
    assert twice.locate([0, 0], [1, 2]).tolist() == [0, 2]


def test_labels__are_refused_above_the_byte_limit():
    axis = GenomeAxis(ga.Assembly("big", {"chr1": 10**9}))
    with pytest.raises(ga.GenomeError, match=r"22\.4 GiB, above the limit of 1\.0 GiB; select"):
        axis.labels()
    with ga.set_options(byte_limit="100 B"), pytest.raises(ga.GenomeError, match="byte_limit"):
        axis[:100].labels()
