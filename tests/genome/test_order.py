from hypothesis import given

import genoarrays as ga
from tests.genome.test_resize import labels, rows_of, table, tables


@given(tables())
def test_sort_regions__equals_sorting_rows(regions):
    done = ga.sort_regions(regions)
    want = sorted(zip(rows_of(regions), regions.number.values.tolist(), strict=True),
                  key=lambda pair: (*pair[0][:3], pair[1]))  # fmt: skip
    assert rows_of(done) == [row for row, _ in want]
    assert done.number.values.tolist() == [number for _, number in want]


def test_sort_regions__takes_contigs_as_they_appear_without_an_assembly():
    bare = table([("b", 5, 9, "+"), ("a", 0, 5, "-"), ("b", 1, 2, ".")], assembly=None)
    assert labels(ga.sort_regions(bare)) == ["b:1-2:.", "b:5-9:+", "a:0-5:-"]
    assert ga.sort_regions(bare).attrs == bare.attrs
