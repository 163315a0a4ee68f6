from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset
from tests.genome.test_resize import rows_of

SIZES = {"chr1": 12, "chr2": 9, "chr3": 9, "chr4": 5, "chr5": 4, "chr6": 3}


def some(sizes=SIZES, every=30, width=20, seed=0):
    contig = np.repeat(list(sizes), list(sizes.values()))
    start = np.concatenate([np.arange(n) * every for n in sizes.values()])
    order = np.random.default_rng(seed).permutation(len(start))
    contig, start = contig[order], start[order]
    genome = ga.Assembly("toy", dict.fromkeys(sizes, 10**4))
    rows = {"row": np.arange(len(start))}
    return regions_dataset(contig, start, start + width, assembly=genome, extra=rows)


def numbers(parts):
    return [set(part.row.values.tolist()) for part in parts]


@pytest.mark.parametrize("by", ["contig", "block"])
@pytest.mark.parametrize("valid", [False, True])
def test_fold_regions__tests_each_region_once(by, valid):
    regions = some()
    folds = ga.fold_regions(regions, 4, by=by, valid=valid, guard=5)
    tests = [numbers(parts)[-1] for parts in folds]
    assert sorted(n for test in tests for n in test) == list(range(42))
    for number, parts in enumerate(folds):
        ga.check_leaks(*parts, guard=5)
        assert not set.intersection(*numbers(parts))
        assert sum(map(len, numbers(parts))) == 42  # 10 bp between neighbors: none is dropped
        assert parts[0].row.values.tolist() == sorted(parts[0].row.values.tolist())
        assert {part.attrs["fold"] for part in parts} == {number}
        if valid:
            assert numbers(parts)[1] == tests[(number + 1) % 4]


def test_fold_regions__balances_whole_contigs():
    folds = ga.fold_regions(some(), 3)
    sizes = sorted(test.sizes["region"] for _, test in folds)
    assert sizes == [13, 14, 15]
    for train, test in folds:
        assert not set(train.contig.values) & set(test.contig.values)


def test_fold_regions__seed_breaks_ties():
    equal = some({f"chr{n}": 4 for n in range(8)})
    contigs = [
        [sorted(set(test.contig.values)) for _, test in ga.fold_regions(equal, 4, seed=seed)]
        for seed in (0, 0, 1)
    ]
    assert contigs[0] == contigs[1] != contigs[2]
    assert all(len(one) == 2 for one in contigs[2])


def test_fold_regions__blocks_are_stretches_of_equal_numbers():
    folds = ga.fold_regions(some(), 5, by="block", seed=3)
    assert sorted(test.sizes["region"] for _, test in folds) == [8, 8, 8, 9, 9]
    keys = [sorted((c, s) for c, s, _, _ in rows_of(test)) for _, test in folds]
    ordered = sorted(keys)
    assert all(a[-1] < b[0] for a, b in pairwise(ordered))
    assert keys != ordered  # the seed has turned them around


def test_fold_regions__guard_drops_neighbors_from_training_only():
    one = some({"chr1": 20})
    for train, test in ga.fold_regions(one, 2, by="block", guard=40):
        assert test.sizes["region"] == 10
        assert train.sizes["region"] == 9  # 10 bp to the nearest, 40 to the next
        assert train.attrs["regions_dropped"] == 1
    overlapping = some({"chr1": 20}, width=65)
    for parts in ga.fold_regions(overlapping, 4, by="block", valid=True):
        ga.check_leaks(*parts)
        assert parts[0].attrs["regions_dropped"] >= 2
        assert parts[2].attrs["regions_dropped"] == 0


@given(st.integers(2, 5), st.integers(0, 60), st.integers(0, 5))
def test_fold_regions__drops_no_more_than_it_must(k, guard, seed):
    regions = some(seed=seed)
    rows = rows_of(regions)
    for train, test in ga.fold_regions(regions, k, by="block", guard=guard, seed=seed):
        tested = numbers([test])[0]
        near = {
            n
            for n, (contig, start, end, _) in enumerate(rows)
            for m in tested
            if contig == rows[m][0] and max(start, rows[m][1]) - min(end, rows[m][2]) < guard
        }
        assert numbers([train])[0] == set(range(42)) - tested - near
        assert train.attrs["regions_dropped"] == len(near - tested)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 7}, 'k=7 folds of whole contigs .* lie on 6; take fewer folds, or by="block"'),
        ({"k": 43, "by": "block"}, "k=43 folds need as many regions, and there are 42"),
        ({"k": 1}, "k=1"),
        ({"k": 2, "valid": True}, "k=2"),
        ({"k": 2, "by": "chromosome"}, "by='chromosome' is not known"),
        ({"k": 2, "by": "block", "guard": 10**6}, "no region is left for train"),
    ],
)
def test_fold_regions__refuses(options, message):
    regions = some({"chr1": 42}) if options.get("guard") else some()
    with pytest.raises(ga.RegionError, match=message):
        ga.fold_regions(regions, **options)
