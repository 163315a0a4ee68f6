import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from tests.genome.test_resize import TOY, labels, rows_of, table, tables


@given(st.lists(tables(), min_size=2, max_size=3), st.integers(0, 9))
def test_check_leaks__finds_the_first_pair_and_counts_all(parts, guard):
    found = []
    for one, a in enumerate(parts):
        for other in range(one + 1, len(parts)):
            for i, (contig, start, end, _) in enumerate(rows_of(a)):
                for j, (c, low, high, _) in enumerate(rows_of(parts[other])):
                    if contig == c and max(start, low) - min(end, high) < guard:
                        found.append((one, other, i, j))
    if not found:
        assert ga.check_leaks(*parts, guard=guard) is None
        return
    with pytest.raises(ga.RegionError) as error:
        ga.check_leaks(*parts, guard=guard)
    one, other, i, j = found[0]
    a, b = labels(parts[one])[i], labels(parts[other])[j]
    message = str(error.value)
    assert f"part {one} and part {other} leak: {a} (row {i} of part {one}) and {b}" in message
    many = "there is 1 such pair" if len(found) == 1 else f"there are {len(found)} such pairs"
    assert many in message


def test_check_leaks__takes_windows():
    ds = ga.testing.random_genome({"chr1": 200})
    whole = ga.read_regions(["chr1:0-200"], like=ds)
    train, test = ga.split_regions(ga.tile_regions(whole, 20), test="chr1:100-200")
    x, y = (ga.windows(ds[["dna"]], part, 20, flank=5) for part in (train, test))
    ga.check_leaks(train=x, test=y)
    message = r"train and test leak: chr1:80-100:\. \(row 4 of train\) .* lie 0 bp apart"
    with pytest.raises(ga.RegionError, match=message):
        ga.check_leaks(train=x, test=y, guard=10)
    ga.check_leaks(x.isel(window=slice(4)), y, guard=10)
    edge = ga.windows(ds[["dna"]], ["chr1:0-4", "chr1:190-200"], 20, anchor="center")
    assert edge.start[0] < 0
    with pytest.raises(ga.RegionError, match="share 12 bp"):
        ga.check_leaks(x, edge)


def test_check_leaks__refuses_what_it_cannot_compare():
    a, b = table([("chr1", 0, 5, ".")], None), table([("1", 0, 5, ".")], None)
    with pytest.raises(ga.ContigError, match=r"'chr1' and '1' may be the same.*\{'1': 'chr1'\}"):
        ga.check_leaks(a, b)
    ga.check_leaks(a, table([("chr2", 0, 5, ".")], None))
    with pytest.raises(ga.AssemblyError):
        ga.check_leaks(table([("chr1", 0, 5, ".")]),
                       table([("x", 0, 5, ".")], ga.Assembly("b", {"x": 9})))  # fmt: skip
    with pytest.raises(ga.RegionError, match="nothing to compare"):
        ga.check_leaks(train=a)
    with pytest.raises(ga.RegionError, match="lacks contig"):
        ga.check_leaks(a, ga.from_sequences(["ACGT"]))
    with pytest.raises(ga.RegionError, match="guard=-1"):
        ga.check_leaks(a, a, guard=-1)


def test_check_leaks__knows_that_chrx_is_not_chromosome_ten():
    genome = ga.Assembly("toy", {"chrX": 50, "chr10": 50})
    for known in (genome, None):
        ga.check_leaks(table([("chrX", 0, 9, ".")], known), table([("chr10", 0, 9, ".")], known))


def test_check_leaks__counts_many_without_listing_them():
    start = np.arange(40_000) % 7
    many = table([("chr1", 0, 7, ".")], TOY).isel(region=np.zeros(40_000, dtype=int))
    other = ga.read_regions([("chr1", int(s), int(s) + 2) for s in start], TOY)
    with pytest.raises(ga.RegionError, match="there are 1,600,000,000 such pairs"):
        ga.check_leaks(many, other)
