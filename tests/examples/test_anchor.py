"""Does a window sit where its anchor says, and on the grid of binned variables?"""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import genoarrays as ga
from tests.examples import brute
from tests.examples.brute import COMPLEMENT

ANCHORS = ("center", "start", "five_prime", "summit")
HOW = st.sampled_from(["mean", "sum", "max", "min"])


def first_base(row, summit, width, anchor):
    """Genomic start of the window on a region."""
    _, start, end, strand = row
    return {
        "center": (start + end) // 2 - width // 2,
        "start": start,
        "five_prime": end - width if strand == "-" else start,
        "summit": summit - width // 2,
    }[anchor]


def snapped(start, grid, snap):
    """Nearest multiples of the grid; those in the middle move up."""
    over = start % grid
    return start - over + (grid if snap == "nearest" and 2 * over >= grid else 0)


@st.composite
def peaks(draw, lengths):
    """Regions and a summit in each."""
    rows = draw(brute.rows(lengths))
    return rows, [draw(st.integers(start, end - 1)) for _, start, end, _ in rows]


def with_summits(rows, summits, like=None):
    return brute.table(rows, like).assign(summit=("region", np.array(summits)))


@st.composite
def anchored(draw, grid=1, snap=None):
    """A genome, regions, width, anchor, the rows that windows lie at, how many were snapped."""
    number = draw(st.integers(0, 1))
    lengths = brute.GENOMES[number]
    rows, summits = draw(peaks(lengths))
    like = ga.genome_coords(ga.Assembly("random", lengths)).to_dataset()
    width = draw(st.integers(1, 9 if grid == 1 else 4)) * grid
    anchor = draw(st.sampled_from(ANCHORS))
    firsts = [first_base(*pair, width, anchor) for pair in zip(rows, summits, strict=True)]
    starts = firsts if snap is None else [snapped(first, grid, snap) for first in firsts]
    moved = sum(a != b for a, b in zip(firsts, starts, strict=True))
    places = [(c, a, a + width, strand) for (c, _, _, strand), a in zip(rows, starts, strict=True)]
    return number, with_summits(rows, summits, like), width, anchor, places, moved


@st.composite
def asked(draw, names, grid):
    """Flanks and reductions by variable."""
    side = st.integers(0, 3).map(lambda n: n * grid)
    reduce = {name: draw(HOW) for name in names if name != "dna" and draw(st.booleans())}
    return {"flank": {n: draw(st.tuples(side, side)) for n in names}, "reduce": reduce}


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(brute.KINDS))
def test_anchor__windows_sit_where_the_formula_says(genomes, data, kind):
    number, regions, width, anchor, places, _ = data.draw(anchored())
    _, nodes, sources, _ = genomes[number]
    ds = nodes["1bp"]
    options = data.draw(asked(list(ds.data_vars), 1))
    x = ga.windows(sources["1bp"][kind], regions, width, anchor=anchor, **options)
    assert x.start.values.tolist() == [start for _, start, _, _ in places]
    assert x.end.values.tolist() == [end for _, _, end, _ in places]
    expected, _ = brute.brute(ds, places, width, **options)
    brute.check(x.compute(scheduler="synchronous"), expected, places)


@pytest.mark.parametrize("snap", ["down", "nearest"])
@settings(max_examples=40)
@given(data=st.data(), kind=st.sampled_from(brute.KINDS))
def test_snap__moves_whole_windows_of_all_variables(genomes, snap, data, kind):
    found = data.draw(anchored(brute.BIN, snap))
    number, regions, width, anchor, places, moved = found
    _, nodes, _, trees = genomes[number]
    names = [name for ds in nodes.values() for name in ds.data_vars]
    options = data.draw(asked(names, brute.BIN))
    x = ga.windows(trees[kind], regions, width, anchor=anchor, snap=snap, **options)
    check_recorded(x, moved, snap, brute.BIN)
    assert x.start.values.tolist() == [start for _, start, _, _ in places]
    x = x.compute(scheduler="synchronous")
    for ds in nodes.values():
        expected, _ = brute.brute(ds, places, width, **options)
        brute.check(x, expected, places)


def check_recorded(x, moved, snap, grid):
    text = f"{moved} of {x.sizes['window']} windows moved {snap} to multiples of {grid} bp"
    assert x.attrs == ({"snapped": text} if moved else {})


@pytest.mark.parametrize("snap", ["down", "nearest"])
@pytest.mark.parametrize("size", [2, 3, 4, 6])
def test_snap__of_odd_and_even_bins(size, snap):
    ds = ga.testing.random_genome({"chr1": 60}, bin_size=size)
    rows = [("chr1", start, start + 2 * size, "+-"[start % 2]) for start in range(20)]
    places = [(c, snapped(a, size, snap), snapped(a, size, snap) + e - a, s) for c, a, e, s in rows]
    x = ga.windows(ds, brute.table(rows), snap=snap)
    expected, _ = brute.brute(ds, places)
    brute.check(x.compute(), expected, places)
    check_recorded(x, sum(a != b for a, b in zip(rows, places, strict=True)), snap, size)


def test_snap__suits_all_nodes_of_a_tree():
    bins = {size: ga.testing.random_genome({"chr1": 60}, bin_size=size) for size in (4, 6)}
    tree = xr.DataTree.from_dict({"4": bins[4][["label"]], "6": bins[6][["signal"]]})
    x = ga.windows(tree, ["chr1:11-23:+", "chr1:18-30:-", "chr1:24-36:+"], snap="nearest")
    assert x.start.values.tolist() == [12, 24, 24]
    assert x.attrs["snapped"] == "2 of 3 windows moved nearest to multiples of 12 bp"
    np.testing.assert_array_equal(x.label[1], bins[4].label[6:9][::-1])
    np.testing.assert_array_equal(x.signal[1], bins[6].signal[4:6][::-1])


@pytest.mark.parametrize("snap", ["down", "nearest"])
def test_snap__leaves_alone_what_lies_on_the_grid(snap):
    fine, bins = (ga.testing.random_genome({"chr1": 60}, bin_size=size) for size in (1, 5))
    x = ga.windows(fine, ["chr1:3-8", "chr1:4-9:-"], snap=snap)
    assert (x.start.values.tolist(), x.attrs) == ([3, 4], {})
    x = ga.windows(bins, ["chr1:5-15", "chr1:20-30:-"], snap=snap)
    assert (x.start.values.tolist(), x.attrs) == ([5, 20], {})


def test_snap__moves_short_tiles_with_their_end():
    bins = ga.testing.random_genome({"chr1": 60}, bin_size=5)
    tiles = ga.tile_regions(ga.read_regions(["chr1:12-30:-"], like=bins), width=10)
    x = ga.windows(bins, tiles, 10, snap="down", valid=True).compute()
    assert x.window.values.tolist() == ["chr1:10-20:-", "chr1:20-28:-"]
    assert x.valid.values.tolist() == [[True, True], [True, True]]
    np.testing.assert_array_equal(x.label, bins.label.values[[[3, 2], [5, 4]]])


def test_snap__keeps_bins_of_the_result_at_the_start_of_the_window():
    bins = ga.testing.random_genome({"chr1": 60}, bin_size=5)
    x = ga.windows(bins, ["chr1:17-37:-"], reduce="sum", bin_size=10, snap="nearest")
    label = bins.label.values.astype(int)
    assert x.label.values.tolist() == [[label[5:7].sum(), label[3:5].sum()]]


def test_snap__is_offered_where_windows_are_off_the_grid():
    ds = ga.testing.random_genome({"chr1": 60}, bin_size=5)
    for anchor in ("center", "five_prime"):
        with pytest.raises(ga.RegionError, match=r'say snap="down" or "nearest" to move windows'):
            ga.windows(ds, ["chr1:13-22:-"], 10, anchor=anchor)
        for snap in ("down", "nearest"):
            ga.windows(ds, ["chr1:13-22:-"], 10, anchor=anchor, snap=snap)
    with pytest.raises(ga.RegionError, match="snap='up' is not known; use one of down, nearest"):
        ga.windows(ds, ["chr1:13-22"], 10, anchor="center", snap="up")
    with pytest.raises(ga.RegionError, match=r"width=9 is no multiple"):
        ga.windows(ds, ["chr1:13-22"], snap="down")


@pytest.mark.parametrize("width", [4, 5])
@pytest.mark.parametrize("anchor", ["center", "start", "summit"])
def test_anchor__minus_windows_are_the_plus_ones_turned(anchor, width):
    ds = brute.fine({"chr1": 40})
    pair = [("chr1", 7, 14, strand) for strand in "+-"]
    plus, minus = (
        ga.windows(ds, with_summits([row], [9]), width, anchor=anchor, flank=2).compute()
        for row in pair
    )
    assert plus.start.values.tolist() == minus.start.values.tolist()
    np.testing.assert_array_equal(minus.dna[0], COMPLEMENT[plus.dna[0, ::-1]])
    np.testing.assert_array_equal(minus.depth[0], plus.depth[0, ::-1])
    np.testing.assert_array_equal(minus.cells[0], plus.cells[0, ::-1, ::-1])


def places_of(size):
    """Values that tell their place."""
    coords = ga.genome_coords(ga.Assembly("toy", {"chr1": size}))
    return xr.Dataset({"x": ("position", np.arange(size))}, coords)


@pytest.mark.parametrize(
    ("anchor", "width", "plus", "minus"),
    [
        ("center", 4, [10, 11, 12, 13], [13, 12, 11, 10]),
        ("center", 5, [10, 11, 12, 13, 14], [14, 13, 12, 11, 10]),
        ("start", 3, [8, 9, 10], [10, 9, 8]),
        ("five_prime", 3, [8, 9, 10], [16, 15, 14]),
        ("summit", 4, [13, 14, 15, 16], [16, 15, 14, 13]),
        ("summit", 5, [13, 14, 15, 16, 17], [17, 16, 15, 14, 13]),
    ],
)
def test_anchor__bases_that_can_be_listed(anchor, width, plus, minus):
    rows = [("chr1", 8, 17, "+"), ("chr1", 8, 17, "."), ("chr1", 8, 17, "-")]
    x = ga.windows(places_of(30), with_summits(rows, [15, 15, 15]), width, anchor=anchor)
    assert x.x.values.tolist() == [plus, plus, minus]


def test_anchor__of_regions_of_the_width():
    rows, summits = [("chr1", 8, 13, "+"), ("chr1", 8, 13, "-")], [8, 12]
    for anchor, starts in (*((some, [8, 8]) for some in ANCHORS[:3]), ("summit", [6, 10])):
        x = ga.windows(places_of(30), with_summits(rows, summits), anchor=anchor)
        assert x.start.values.tolist() == starts
        assert x.sizes["offset"] == 5


def test_anchor__of_odd_and_even_widths_and_regions():
    ds = places_of(40)
    rows = [("chr1", a, a + n, strand) for a in (10, 11) for n in range(1, 6) for strand in "+-."]
    summits = [end - 1 for _, _, end, _ in rows]
    table = with_summits(rows, summits, ds)
    for anchor in ANCHORS:
        for width in range(1, 7):
            x = ga.windows(ds, table, width, anchor=anchor)
            first = [first_base(*pair, width, anchor) for pair in zip(rows, summits, strict=True)]
            assert x.start.values.tolist() == first
            assert (x.end - x.start == width).all()
            assert x.start.values.tolist() == ga.resize(table, width, anchor).start.values.tolist()


def test_anchor__windows_on_short_tiles_are_whole():
    ds = places_of(30)
    tiles = ga.tile_regions(ga.read_regions(["chr1:10-17"], like=ds), width=5)
    x = ga.windows(ds, tiles, 5, anchor="start", valid=True)
    assert x.x.values.tolist() == [[10, 11, 12, 13, 14], [15, 16, 17, 18, 19]]
    assert x.end.values.tolist() == [15, 20]
    assert x.valid.values.all()


def test_anchor__windows_over_both_ends_of_a_contig_are_filled():
    rows = [("chr1", 0, 1, "+"), ("chr1", 29, 30, "-")]
    x = ga.windows(places_of(30), with_summits(rows, [0, 29]), 5, anchor="summit", fill=-1)
    assert x.x.values.tolist() == [[-1, -1, 0, 1, 2], [-1, -1, 29, 28, 27]]


@pytest.mark.parametrize(
    ("width", "anchor", "message"),
    [
        (10, None, 'say anchor="center", "start", "five_prime" or "summit"'),
        (9, "middle", "anchor='middle' is not known; use one of center, start, five_prime, summit"),
        (31, "center", r"window chr1:-3-28:\+ has 31 bp, and chr1 only 30"),
        (9, "summit", 'anchor="summit" needs the column `summit`, which narrowPeak files give'),
    ],
)
def test_anchor__refuses(width, anchor, message):
    with pytest.raises(ga.RegionError, match=message):
        ga.windows(places_of(30), ["chr1:8-17:+"], width, anchor=anchor)


def test_anchor__of_a_region_without_summit_is_refused():
    table = with_summits([("chr1", 8, 17, "+"), ("chr1", 9, 17, "-")], [10, -1])
    with pytest.raises(ga.RegionError, match=r"chr1:9-17:- \(row 1, one of 1\) has no summit"):
        ga.windows(places_of(30), table, 5, anchor="summit")


def test_anchor__summits_of_a_file(tmp_path):
    path = tmp_path / "a.narrowPeak"
    path.write_text("chr1\t8\t17\t.\t0\t+\t1\t1\t1\t7\nchr1\t3\t20\t.\t0\t-\t1\t1\t1\t0\n")
    ds = places_of(30)
    x = ga.windows(ds, ga.read_regions(path, like=ds), 4, anchor="summit")
    assert x.x.values.tolist() == [[13, 14, 15, 16], [4, 3, 2, 1]]
