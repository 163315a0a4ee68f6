import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genoarrays as ga
from genoarrays.genome.regions import regions_dataset
from tests.genome.test_resize import TOY, labels, rows_of, table, tables

FLAGS = st.booleans()


def covered(regions, stranded):
    """How often each base is covered, by contig and strand, counted base by base."""
    depth = {}
    for contig, start, end, strand in rows_of(regions):
        key = contig, strand if stranded else "."
        depth.setdefault(key, np.zeros(TOY.length(contig), dtype=int))[start:end] += 1
    return {key: counts for key, counts in depth.items() if counts.any()}


def runs(mask):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return edges.reshape(-1, 2).tolist()


@given(tables(), st.integers(0, 12), FLAGS)
def test_merge_regions__equals_runs_of_covered_bases(regions, gap, stranded):
    want = []
    for (contig, strand), depth in covered(regions, stranded).items():
        joined = []
        for start, end in runs(depth > 0):
            if joined and start - joined[-1][1] <= gap:
                joined[-1][1] = end
            else:
                joined.append([start, end])
        want += [(contig, start, end, strand) for start, end in joined]
    merged = ga.merge_regions(regions, gap, stranded=stranded)
    assert sorted(rows_of(merged)) == sorted(want)
    places = [(r[0], r[1]) for r in rows_of(merged)]
    assert places == sorted(places)  # chr1, chr2 is the order of the assembly
    full = int((regions.end > regions.start).sum())
    assert merged["count"].sum() == full
    assert merged.attrs["regions_dropped"] == regions.sizes["region"] - full
    for (contig, start, end, strand), number in zip(
        rows_of(merged), merged["count"].values, strict=True
    ):
        inside = [r for r in rows_of(regions) if r[0] == contig and start <= r[1] < r[2] <= end]
        assert number == sum(r[3] == strand or not stranded for r in inside)


@given(tables(), st.integers(0, 5), FLAGS)
def test_merge_regions__twice_is_once(regions, gap, stranded):
    once = ga.merge_regions(regions, gap, stranded=stranded)
    twice = ga.merge_regions(once, gap, stranded=stranded)
    assert rows_of(twice) == rows_of(once)


def test_merge_regions__joins_what_touches_and_orders_contigs():
    rows = [("b", 10, 20, "-"), ("b", 0, 10, "+"), ("a", 21, 30, "."), ("a", 5, 20, ".")]
    regions = table(rows, assembly=None, score=[1.0, 2, 3, 4])
    merged = ga.merge_regions(regions)
    assert labels(merged) == ["b:0-20:.", "a:5-20:.", "a:21-30:."]
    assert merged["count"].values.tolist() == [2, 1, 1]
    assert "score" not in merged
    assert labels(ga.merge_regions(regions, gap=1))[1:] == ["a:5-30:."]
    known = ga.merge_regions(ga.read_regions(regions, ga.Assembly("ab", {"a": 99, "b": 99})))
    assert labels(known) == ["a:5-20:.", "a:21-30:.", "b:0-20:."]
    apart = ga.merge_regions(regions.isel(region=[0, 1]), stranded=True)
    assert labels(apart) == ["b:0-10:+", "b:10-20:-"]
    with pytest.raises(ga.RegionError, match="gap=-1"):
        ga.merge_regions(regions, gap=-1)


@given(tables(), tables(), FLAGS)
def test_subtract_regions__equals_marking_bases(a, b, stranded):
    marks = covered(b, stranded)
    want = []
    for number, (contig, start, end, strand) in enumerate(rows_of(a)):
        mask = np.zeros(TOY.length(contig), dtype=bool)
        mask[start:end] = True
        out = marks.get((contig, strand if stranded else "."), 0)
        want += [(number, (contig, s, e, strand)) for s, e in runs(mask & (out == 0))]
    left = ga.subtract_regions(a, b, stranded=stranded)
    assert list(zip(left.number.values.tolist(), rows_of(left), strict=True)) == want
    assert left.attrs["regions_dropped"] == a.sizes["region"] - len({n for n, _ in want})


@given(tables(), tables(), FLAGS)
def test_intersect_regions__equals_all_pairs(a, b, stranded):
    want = []
    for i, (contig, start, end, strand) in enumerate(rows_of(a)):
        for j, (other, low, high, way) in enumerate(rows_of(b)):
            both = max(start, low), min(end, high)
            if contig == other and both[0] < both[1] and (way == strand or not stranded):
                want.append((i, j, (contig, *both, strand)))
    parts = ga.intersect_regions(a, b, stranded=stranded, b_row="row")
    found = zip(parts.number.values.tolist(), parts.row.values.tolist(), rows_of(parts),
                strict=True)  # fmt: skip
    assert list(found) == want
    assert parts.attrs["regions_dropped"] == a.sizes["region"] - len({i for i, _, _ in want})


@given(tables(), tables(), FLAGS)
def test_subtract_and_intersect__part_the_bases_of_a(a, b, stranded):
    left = covered(ga.subtract_regions(a, b, stranded=stranded), stranded)
    union = ga.merge_regions(b, stranded=stranded)
    inside = covered(ga.intersect_regions(a, union, stranded=stranded), stranded)
    for key, depth in covered(a, stranded).items():
        assert (left.get(key, 0) + inside.get(key, 0) == depth).all()
        assert not (np.minimum(left.get(key, 0), inside.get(key, 0))).any()


@given(tables(), tables(), FLAGS, st.sampled_from([None, 0.1, 0.3, 0.5, 1]))
def test_exclude_regions__equals_counting_bases(a, b, stranded, share):
    marks = covered(b, stranded)
    want = []
    for number, (contig, start, end, strand) in enumerate(rows_of(a)):
        depth = marks.get((contig, strand if stranded else "."), np.zeros(end, dtype=int))
        on = int(np.count_nonzero(depth[start:end]))
        if start == end or (on == 0 if share is None else on / (end - start) < share):
            want.append(number)
    left = ga.exclude_regions(a, b, min_overlap=share, stranded=stranded)
    assert left.number.values.tolist() == want
    assert left.attrs["regions_dropped"] == a.sizes["region"] - len(want)
    assert rows_of(left) == rows_of(a.isel(region=want))


def test_exclude_regions__refuses_other_genomes_and_shares():
    a = table([("chr1", 0, 10, ".")])
    with pytest.raises(ga.ContigError, match=r"rename_contigs\(b, {'1': 'chr1'}"):
        ga.exclude_regions(a, table([("1", 0, 5, ".")], assembly=None))
    with pytest.raises(ga.RegionError, match="min_overlap=0 is no share"):
        ga.exclude_regions(a, a, min_overlap=0)
    odd = table([("chr1", 0, 5, "."), ("chrUn", 0, 5, ".")], assembly=None)
    assert ga.exclude_regions(a, odd).attrs["contigs_dropped"] == ["chrUn"]


@pytest.mark.filterwarnings("ignore:The .mode.chained_assignment")
def test_against_pyranges__on_thousands_of_regions():
    pyranges = pytest.importorskip("pyranges")
    rng = np.random.default_rng(4)

    def draw(size):
        start = rng.integers(0, 100_000, size)
        contig = rng.choice(["chr1", "chr2", "chr3"], size)
        return regions_dataset(contig, start, start + rng.integers(1, 400, size))

    def ranges(regions):
        columns = {"Chromosome": "contig", "Start": "start", "End": "end"}
        frame = {new: np.asarray(regions[old].values, object) for new, old in columns.items()}
        return pyranges.PyRanges(pd.DataFrame(frame).astype({"Start": int, "End": int}))

    def rows(frame):
        return sorted(map(tuple, frame[["Chromosome", "Start", "End"]].values.tolist()))

    a, b = draw(3_000), draw(1_000)
    ours = {
        "merge": ga.merge_regions(a),
        "subtract": ga.subtract_regions(a, b),
        "intersect": ga.intersect_regions(a, b),
    }
    theirs = {
        "merge": ranges(a).merge(),
        "subtract": ranges(a).subtract(ranges(b)),
        "intersect": ranges(a).intersect(ranges(b)),
    }
    for name, regions in ours.items():
        assert sorted(r[:3] for r in rows_of(regions)) == rows(theirs[name].df), name


def test_columns__follow_and_summits_outside_vanish():
    a = table([("chr1", 0, 30, "-")], summit=np.array([12]), score=[2.5])
    b = table([("chr1", 10, 20, "+")])
    left = ga.subtract_regions(a, b)
    assert labels(left) == ["chr1:0-10:-", "chr1:20-30:-"]
    assert left.summit.values.tolist() == [-1, -1]
    assert left.score.values.tolist() == [2.5, 2.5]
    inside = ga.intersect_regions(a, b)
    assert (labels(inside), inside.summit.values.tolist()) == (["chr1:10-20:-"], [12])
    assert "score" in inside
    assert ga.subtract_regions(a, b, stranded=True).summit.values.tolist() == [12]
    with pytest.raises(ga.RegionError, match="b_row='score' is a column of a already"):
        ga.intersect_regions(a, b, b_row="score")


def test_regions_past_their_contig__are_clipped():
    a = ga.read_regions([("chr2", 20, 60), ("chr2", 30, 40)], TOY, out_of_bounds="pad")
    none = table([])
    for act in (ga.merge_regions, lambda r: ga.subtract_regions(r, none)):
        done = act(a)
        assert labels(done) == ["chr2:20-25:."]
        assert (done.attrs["regions_clipped"], done.attrs["regions_dropped"]) == (1, 1)
    far = table([("chr1", 0, 2**41, ".")], assembly=None)
    with pytest.raises(ga.RegionError, match="where no contig has bases"):
        ga.merge_regions(far)


def test_no_regions__are_fine():
    none, some = table([]), table([("chr1", 0, 5, ".")])
    assert ga.merge_regions(none).sizes["region"] == 0
    assert labels(ga.subtract_regions(some, none)) == ["chr1:0-5:."]
    assert ga.subtract_regions(none, some).sizes["region"] == 0
    assert ga.intersect_regions(some, none, b_row="row").sizes["region"] == 0
    assert ga.intersect_regions(none, some).sizes["region"] == 0


def test_other_genomes__are_refused():
    a = table([("chr1", 0, 5, ".")])
    other = ga.Assembly("other", {"chr1": 41, "chr2": 25})
    with pytest.raises(ga.AssemblyError, match="cannot subtract regions of 'toy' and 'other'"):
        ga.subtract_regions(a, table([("chr1", 0, 5, ".")], other))
    bare = table([("1", 0, 5, "."), ("2", 0, 5, ".")], assembly=None)
    for act in (ga.subtract_regions, ga.intersect_regions):
        with pytest.raises(ga.ContigError, match=r"rename_contigs\(b, {'1': 'chr1', '2': 'chr2'}"):
            act(a, bare)
    renamed = ga.rename_contigs(bare, {"1": "chr1", "2": "chr2"})
    assert ga.subtract_regions(a, renamed).sizes["region"] == 0
    odd = table([("scaffold_9", 0, 5, ".")], assembly=None)
    with pytest.raises(ga.ContigError, match="its name"):
        ga.subtract_regions(a, odd)


def test_contigs_that_a_lacks__are_named():
    a = table([("chr1", 0, 5, "."), ("chr2", 0, 5, ".")])
    b = table([("chrUn", 0, 5, "."), ("chr1", 2, 5, ".")], assembly=None)
    left = ga.subtract_regions(a, b)
    assert labels(left) == ["chr1:0-2:.", "chr2:0-5:."]
    assert left.attrs["contigs_dropped"] == ["chrUn"]
    parts = ga.intersect_regions(a, b, b_row="row")
    assert (labels(parts), parts.row.values.tolist()) == (["chr1:2-5:."], [1])
    whole = table([("chr1", 2, 5, ".")])
    assert "contigs_dropped" not in ga.subtract_regions(a, whole).attrs


def test_intersect_regions__refuses_what_does_not_fit_memory():
    many = table([("chr1", 0, 30, ".")] * 100)
    with ga.set_options(byte_limit=2**16), pytest.raises(ga.GenomeError, match="10,000 overlaps"):
        ga.intersect_regions(many, many)
